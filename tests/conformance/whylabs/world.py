"""Organizations, people and keys for the tests of this folder."""

import contextlib
import json

import pytest
import whylabs_client
from whylabs_client.api.api_key_api import ApiKeyApi
from whylabs_client.api.membership_api import MembershipApi
from whylabs_client.api.organizations_api import OrganizationsApi

from .speakeasy import SDKError, Speakeasy

EXTERNAL_SCOPES = [
    ":account_administrator",
    ":administrator",
    ":authenticated",
    ":secure_container",
    ":user",
    ":write_data",
    ":write_notification",
    ":read_notification",
    ":write_resource",
    ":read_resource",
]
INTERNAL_SCOPES = [":whylabs_administrator", ":whylabs_system"]


class Sdk:
    """The released client, 0.6.16, with one key."""

    def __init__(self, url, key):
        self.url, self.key = url, key
        configuration = whylabs_client.Configuration(host=f"{url}/whylabs", api_key={"ApiKeyAuth": key})
        self.client = whylabs_client.ApiClient(configuration)
        self.memberships = MembershipApi(self.client)
        self.keys = ApiKeyApi(self.client)
        self.organizations = OrganizationsApi(self.client)

    def members(self, org_id):
        """By address: role and default."""
        answer = self.memberships.list_organization_memberships(org_id)
        return {m.email: (m.role.value, m.default) for m in answer.memberships}

    def selecting(self, org_id):
        """The same key on another organization, as customers say it to this client."""
        other = Sdk(self.url, self.key)
        other.client.set_default_header("X-WHYLABS-ORGANIZATION", org_id)
        return other


class Account:
    """An organization without a parent, and a key that may do all there."""

    def __init__(self, world, **given):
        self.world = world
        self.id = world.organization(**given)
        self.key = world.key(self.id, [":administrator", ":account_administrator"])
        self.sdk = Sdk(world.url, self.key)
        self.b = Speakeasy(world.url, self.key)

    def managed(self):
        """A new organization below."""
        return self.world.organization(parent_org_id=self.id)

    def user(self, **given):
        """A new account user's id."""
        return self.b.create_account_user(self.id, **{"email": self.world.address(), **given})["userId"]

    def users(self, number):
        return [self.user() for _ in range(number)]

    def members(self, organization, role=None):
        """The ids of its members, by role or of one role; seen through the account."""
        groups = self.b.get_account_memberships(self.id, managed_org_id=organization)
        found = {group["role"]: {member["userId"] for member in group["members"]} for group in groups}
        return found if role is None else found.get(role, set())


class World:
    def __init__(self, url, server, native, fresh):
        self.url, self.server, self.native, self.fresh = url, server, native, fresh
        self.root = Speakeasy(url, server.key)
        self.root_sdk = Sdk(url, server.key)

    def organization(self, **given):
        return self.root.create_organization(given.pop("name", None) or self.fresh("Organization "), **given)["id"]

    def address(self, word="jo"):
        return f"{self.fresh(word)}@acme.example"

    def user(self, email=None):
        """A new user of the platform: id and address."""
        user = self.root.create_user(email or self.address())
        return user["userId"], user["email"]

    def member(self, organization, role="MEMBER", **given):
        """A new user who is a member: id and address."""
        user_id, email = self.user()
        self.root.create_membership(orgId=organization, email=email, role=role, **given)
        return user_id, email

    def key(self, organization, scopes, user_id=None):
        return self.root.create_api_key(organization, user_id or self.user()[0], scopes=scopes)["key"]

    def sdk(self, organization, scopes=(":administrator",)):
        return Sdk(self.url, self.key(organization, list(scopes)))

    def account(self, **given):
        return Account(self, **given)

    def send(self, method, path, key=True, **options):
        """One request in the manner of the second client; `key` is the realm key unless another or None is given."""
        sender = self.root if key is True else Speakeasy(self.url, key)
        return sender.send(method, path, **options)


def assert_error(response, status, kind, parameter=None):
    """A refusal has one form, whatever was refused."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    content_type = response.headers["Content-Type"]
    assert content_type.split(";")[0].strip() == "application/json", content_type
    body = response.json()
    assert body["type"] == kind, body
    names = {"message", "requestId", "type"} | ({"parameter"} if kind == "ArgumentValue" else set())
    assert set(body) == names, body
    assert all(isinstance(value, str) and value for value in body.values()), body
    assert body["requestId"] == response.headers["X-Request-Id"], (body, dict(response.headers))
    if parameter is not None:
        assert body["parameter"] == parameter, body
    return body


@contextlib.contextmanager
def refused(status, kind, parameter=None):
    """Either client is refused in the block."""
    with pytest.raises((whylabs_client.ApiException, SDKError)) as caught:
        yield caught
    error = caught.value
    if isinstance(error, SDKError):
        assert_error(error.response, status, kind, parameter)
        return
    assert error.status == status, error
    expected = {
        401: whylabs_client.exceptions.UnauthorizedException,
        403: whylabs_client.exceptions.ForbiddenException,
        404: whylabs_client.exceptions.NotFoundException,
    }.get(status, whylabs_client.ApiException)
    assert type(error) is expected
    body = json.loads(error.body)
    assert body["type"] == kind, body
    assert body.get("parameter") == parameter, body
    assert body["requestId"] == error.headers["X-Request-Id"]
