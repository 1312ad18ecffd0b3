"""The second generation of WhyLabs' Python client (Speakeasy, March 2024), which was never released.

What it puts on the wire was recorded, and is sent here by the library it was built on, `requests`:

- `user-agent: speakeasy-sdk/python …`, `Accept: application/json`, the key in `X-API-Key`; a content type only with a body;
- path parameters as they are, unescaped; query values as lists, booleans as `true` and `false`;
- in operations that take one request object, `__SPEAKEASY_UNSET__` for each query parameter that the caller left out;
- bodies in camelCase; what the caller left out is left out, None is `null`.

What it accepts was read from its code: exactly status 200, a JSON content type, and answers in which each field is there, with
the type it has. Where it would go on with a nonsensical value, this one fails too.
"""

import json

import requests

USER_AGENT = "speakeasy-sdk/python 0.0.1"
UNSET = "__SPEAKEASY_UNSET__"
LEFT_OUT = object()


class Shape:
    """What an answer must look like; `None` among the types allows null."""

    def __init__(self, **fields):
        self.fields = fields

    def check(self, value, at="answer"):
        assert isinstance(value, dict), f"{at} is no object: {value!r}"
        for name, wanted in self.fields.items():
            assert name in value, f"{at}.{name} is missing: {value!r}"
            check(value[name], wanted, f"{at}.{name}")


def check(value, wanted, at="answer"):
    if isinstance(wanted, tuple):
        if value is None:
            assert None in wanted, f"{at} is null"
            return
        (wanted,) = [one for one in wanted if one is not None]
    if isinstance(wanted, Shape):
        wanted.check(value, at)
    elif isinstance(wanted, list):
        assert isinstance(value, list), f"{at} is no array: {value!r}"
        for number, item in enumerate(value):
            check(item, wanted[0], f"{at}[{number}]")
    elif isinstance(wanted, frozenset):
        assert value in wanted, f"{at} is {value!r}"
    elif wanted is int:
        assert type(value) is int, f"{at} is {value!r}"
    else:
        assert isinstance(value, wanted), f"{at} is {value!r}"


ROLE = frozenset({"ADMIN", "MEMBER", "VIEWER"})
TIER = frozenset({"FREE", "PAID", "AWS_MARKETPLACE", "SUBSCRIPTION"})
ANYTHING = Shape()
RESPONSE = Shape(requestId=str)
MEMBERSHIP_METADATA = Shape(orgId=str, role=ROLE, userId=str, default=bool)
MEMBERSHIP = Shape(orgId=str, role=ROLE, userId=str, default=bool, email=str)
MEMBERSHIPS = Shape(memberships=[MEMBERSHIP])
ACCOUNT_USER = Shape(
    userId=str, orgId=str, email=str, externalId=(str, None), userSchema=(str, None), active=bool
)
STATUS = Shape(requestId=str, errors=[Shape(errorCode=int, itemId=str, description=str)])
ACCOUNT_MEMBERSHIPS = Shape(
    memberships=[Shape(orgId=str, role=ROLE, members=[Shape(userId=str, email=str)])]
)
USER = Shape(userId=str, email=str, preferences=(str, None))
API_KEY = Shape(
    key=(str, None),
    keyId=str,
    orgId=str,
    userId=str,
    creationTime=str,
    expirationTime=(str, None),
    lastUsedTime=(str, None),
    scopes=([str], None),
    resourceId=(str, None),
    alias=(str, None),
    revoked=bool,
)
SUMMARY = Shape(
    id=str,
    name=str,
    subscriptionTier=TIER,
    emailDomains=(str, None),
    observatoryUrl=(str, None),
    parentOrgId=(str, None),
    allowManagedMembershipUpdatesOnly=(bool, None),
    notificationSettings=(ANYTHING, None),
)
METADATA = Shape(
    **SUMMARY.fields,
    creationTime=int,
    deleted=bool,
    useCloudFront=(bool, None),
    subscriptionId=(str, None),
    storageBucketOverride=(str, None),
    storageUriOverride=(str, None),
)


class SDKError(Exception):
    """The server refused."""

    def __init__(self, response):
        super().__init__(f"{response.status_code}: {response.text}")
        self.response = response
        self.status_code = response.status_code


def _text(value):
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


class Speakeasy:
    def __init__(self, url, key):
        self.url, self.key, self.session = f"{url}/whylabs", key, requests.Session()

    def send(self, method, path, query=None, body=LEFT_OUT, headers=None):
        """One request, whatever the answer is."""
        lines = {"Accept": "application/json", "user-agent": USER_AGENT, **(headers or {})}
        if self.key is not None:
            lines["X-API-Key"] = self.key
        data = None
        if body is not LEFT_OUT:
            data = json.dumps(body, separators=(",", ":"), sort_keys=True)
            lines["content-type"] = "application/json"
        parameters = {
            name: [_text(one) for one in (value if isinstance(value, list) else [value])]
            for name, value in (query or {}).items()
            if value is not None
        }
        return self.session.request(
            method, self.url + path, params=parameters, data=data, headers=lines, timeout=30
        )

    def call(self, wanted, method, path, query=None, body=LEFT_OUT):
        response = self.send(method, path, query, body)
        if response.status_code != 200:
            assert not response.ok, f"unknown status code {response.status_code}"
            raise SDKError(response)
        content_type = response.headers["Content-Type"]
        assert content_type.split(";")[0].strip() == "application/json", content_type
        answer = response.json()
        check(answer, wanted)
        return answer

    # Account

    def create_account_user(self, org_id, **body):
        return self.call(ACCOUNT_USER, "POST", f"/v0/accounts/org/{org_id}/user", body=body)

    def list_account_users(self, org_id):
        return self.call([ACCOUNT_USER], "GET", f"/v0/accounts/org/{org_id}/users")

    def get_account_user_by_email(self, org_id, email):
        return self.call(ACCOUNT_USER, "GET", f"/v0/accounts/org/{org_id}/user/email", {"email": email})

    def get_account_user_by_id(self, org_id, user_id):
        return self.call(ACCOUNT_USER, "GET", f"/v0/accounts/org/{org_id}/user/id", {"user_id": user_id})

    def update_account_user(self, org_id, user_id, **body):
        return self.call(ACCOUNT_USER, "PUT", f"/v0/accounts/org/{org_id}/user", {"user_id": user_id}, body)

    def delete_account_user(self, org_id, user_id):
        return self.call(RESPONSE, "DELETE", f"/v0/accounts/org/{org_id}/user/{user_id}")

    def list_managed_organizations(self, org_id):
        return self.call([Shape(orgId=str, name=str)], "GET", f"/v0/accounts/org/{org_id}/organizations")

    def get_account_memberships(self, org_id, user_id=None, managed_org_id=None, role=None):
        query = {"user_id": user_id, "managed_org_id": managed_org_id, "role": role}
        return self.call(ACCOUNT_MEMBERSHIPS, "GET", f"/v0/accounts/org/{org_id}/memberships", query)["memberships"]

    def put_organization_memberships(self, org_id, managed_org_id, role, user_ids):
        query = {"managed_org_id": managed_org_id, "role": role}
        path = f"/v0/accounts/org/{org_id}/memberships"
        return self.call(STATUS, "PUT", path, query, {"userIds": user_ids})["errors"]

    def patch_organization_memberships(self, org_id, managed_org_id, role, add=(), delete=()):
        query = {"managed_org_id": managed_org_id, "role": role}
        body = {"userIdsToAdd": list(add), "userIdsToDelete": list(delete)}
        return self.call(STATUS, "PATCH", f"/v0/accounts/org/{org_id}/memberships", query, body)["errors"]

    # Membership

    def create_organization_membership(self, org_id, email, role, set_default=None):
        query = {"email": email, "role": role, "set_default": set_default}
        return self.call(MEMBERSHIP_METADATA, "POST", f"/v0/organizations/{org_id}/membership", query)

    def list_organization_memberships(self, org_id):
        return self.call(MEMBERSHIPS, "GET", f"/v0/organizations/{org_id}/membership")["memberships"]

    def update_organization_membership(self, org_id, email, role):
        query = {"email": email, "role": role}
        return self.call(MEMBERSHIP_METADATA, "PUT", f"/v0/organizations/{org_id}/membership", query)

    def remove_organization_membership(self, org_id, email):
        return self.call(ANYTHING, "DELETE", f"/v0/organizations/{org_id}/membership", {"email": email})

    # Membership, internal

    def create_membership(self, **body):
        return self.call(MEMBERSHIP_METADATA, "POST", "/v0/membership", body=body)

    def update_membership_by_email(self, **body):
        return self.call(MEMBERSHIP_METADATA, "PUT", "/v0/membership", body=body)

    def remove_membership_by_email(self, **body):
        return self.call(RESPONSE, "DELETE", "/v0/membership", body=body)

    def get_memberships(self, user_id, include_claims=None):
        query = {"include_claims": include_claims}
        return self.call(MEMBERSHIPS, "GET", f"/v0/membership/user/{user_id}", query)["memberships"]

    def get_memberships_by_email(self, email):
        return self.call(MEMBERSHIPS, "GET", "/v0/membership/user", {"email": email})["memberships"]

    def get_memberships_by_org(self, org_id):
        return self.call(MEMBERSHIPS, "GET", f"/v0/membership/org/{org_id}")["memberships"]

    def get_default_membership_for_email(self, email):
        wanted = Shape(membership=(MEMBERSHIP, None))
        return self.call(wanted, "GET", "/v0/membership/default", {"email": email})["membership"]

    def set_default_membership(self, **body):
        return self.call(RESPONSE, "POST", "/v0/membership/default", body=body)

    # User

    def create_user(self, email):
        return self.call(USER, "POST", "/v0/user", body={"email": email})

    def get_user(self, user_id):
        return self.call(USER, "GET", f"/v0/user/{user_id}")

    def get_user_by_email(self, email):
        return self.call(USER, "GET", "/v0/user", {"email": email})

    def update_user(self, **body):
        return self.call(USER, "PUT", "/v0/user", body=body)

    # ApiKey

    def create_api_key(self, org_id, user_id, expiration_time=UNSET, scopes=UNSET, alias=UNSET):
        query = {"user_id": user_id, "expiration_time": expiration_time, "scopes": scopes, "alias": alias}
        return self.call(API_KEY, "POST", f"/v0/organizations/{org_id}/api-key", query)

    def list_api_keys(self, org_id, user_id=None):
        wanted = Shape(items=[API_KEY])
        return self.call(wanted, "GET", f"/v0/organizations/{org_id}/api-key", {"user_id": user_id})["items"]

    def get_api_key(self, org_id, key_id):
        wanted = Shape(key=(API_KEY, None))
        return self.call(wanted, "GET", f"/v0/organizations/{org_id}/api-key/{key_id}")["key"]

    def revoke_api_key(self, org_id, user_id, key_id):
        query = {"user_id": user_id, "key_id": key_id}
        return self.call(API_KEY, "DELETE", f"/v0/organizations/{org_id}/api-key", query)

    # Organizations

    OPTIONAL = (
        "subscription_tier",
        "email_domains",
        "observatory_url",
        "parent_org_id",
        "storage_bucket_override",
        "allow_managed_membership_updates_only",
    )

    def create_organization(self, name, **given):
        unset = dict.fromkeys((*self.OPTIONAL, "override_id"), UNSET)
        return self.call(SUMMARY, "POST", "/v0/organizations", {"name": name, **unset, **given})

    def list_organizations(self):
        wanted = Shape(items=[SUMMARY], internal=bool)
        return self.call(wanted, "GET", "/v0/organizations")["items"]

    def get_organization(self, org_id):
        return self.call(METADATA, "GET", f"/v0/organizations/{org_id}")

    def partially_update_organization(self, org_id, **given):
        unset = dict.fromkeys((*self.OPTIONAL, "name"), UNSET)
        return self.call(SUMMARY, "PUT", f"/v0/organizations/partial/{org_id}", {**unset, **given})

    def delete_organization(self, org_id):
        return self.call(RESPONSE, "DELETE", f"/v0/organizations/{org_id}")
