"""clerk-backend-api 7.0.0, the official Python SDK, as it is on PyPI."""

import pytest

clerk_backend_api = pytest.importorskip("clerk_backend_api")

from clerk_backend_api import Clerk, models  # noqa: E402

from . import cases  # noqa: E402

import json  # noqa: E402
import pydantic  # noqa: E402
from clerk_backend_api.utils import BackoffStrategy, RetryConfig  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def clerk(url, server):
    # By itself it would try again for an hour.
    never = RetryConfig("none", BackoffStrategy(1, 1, 1, 1), False)
    with Clerk(bearer_auth=server.key, server_url=f"{url}/clerk/v1", retry_config=never) as client:
        yield client


@pytest.fixture
def user(clerk, fresh):
    return lambda **fields: clerk.users.create(email_address=[f"{fresh('jo')}@example.com"], **fields)


@pytest.fixture
def organization(clerk, user, fresh):
    return lambda **fields: clerk.organizations.create(
        request={"name": fresh("Acme"), "created_by": user().id, **fields}
    )


def refused(call, status, code):
    with pytest.raises((models.ClerkErrors, models.SDKError)) as error:
        call()
    assert error.value.status_code == status, error.value.body
    assert code in error.value.body
    return error.value


def test_the_life_of_a_membership(clerk, organization, user):
    org, ann = organization(), user(first_name="Ann")
    members = clerk.organization_memberships
    made = members.create(organization_id=org.id, user_id=ann.id, role="org:member", public_metadata={"a": 1})
    assert made.role == "org:member" and made.role_name == "Member" and made.public_metadata == {"a": 1}
    changed = members.update(organization_id=org.id, user_id=ann.id, role="org:admin")
    assert changed.id == made.id and "org:sys_profile:delete" in changed.permissions and len(changed.permissions) == 9
    merged = members.update_metadata(organization_id=org.id, user_id=ann.id, public_metadata={"a": None, "b": {"c": 2}})
    assert merged.public_metadata == {"b": {"c": 2}}
    assert members.delete(organization_id=org.id, user_id=ann.id).id == made.id
    refused(lambda: members.delete(organization_id=org.id, user_id=ann.id), 404, "resource_not_found")
    refused(lambda: members.list(organization_id="org_" + "0" * 27), 404, "resource_not_found")


def test_filters_and_order(clerk, organization, user, fresh):
    org = organization()
    word = fresh("Zoe")
    people = [user(first_name=f"{word}{n}", username=f"{word.lower()}{n}") for n in range(3)]
    for person in people:
        clerk.organization_memberships.create(organization_id=org.id, user_id=person.id, role="org:viewer")
    members = lambda **q: [
        m.public_user_data.user_id for m in clerk.organization_memberships.list(organization_id=org.id, **q).data
    ]
    ids = [person.id for person in people]
    assert members(order_by="+first_name", role=["org:viewer"]) == ids
    assert members(order_by="-username", name_query=word.upper()) == ids[::-1]
    assert members(user_id=[ids[0], "+" + ids[1]], order_by="created_at") == ids[:2]
    assert set(members(user_id=["-" + ids[0]], role=["org:viewer"])) == set(ids[1:])
    assert members(query=people[2].username) == [ids[2]]
    assert members(email_address=[people[1].email_addresses[0].email_address]) == [ids[1]]
    assert members(role=["org:nothing"]) == [] and members(web3_wallet=["0x0"]) == []
    refused(lambda: members(limit=501), 422, "form_param_value_invalid")
    found = clerk.users.list(request={"organization_id": [org.id], "order_by": "first_name", "limit": 2})
    assert [u.id for u in found] == ids[:2]
    assert clerk.users.count(request={"query": word}).total_count == 3
    every = clerk.users.get_instance_organization_memberships(limit=1)
    assert every.total_count >= 4 and len(every.data) == 1
    assert clerk.users.get_organization_memberships(user_id=ids[0]).data[0].organization.id == org.id


def test_organizations(clerk, organization, user):
    org = organization(max_allowed_memberships=1)
    assert clerk.organizations.get(organization_id=org.slug, include_members_count=True).members_count == 1
    add = lambda: clerk.organization_memberships.create(organization_id=org.id, user_id=user().id, role="org:member")
    refused(add, 403, "organization_membership_quota_exceeded")
    assert clerk.organizations.update(organization_id=org.id, name="New", max_allowed_memberships=0).name == "New"
    add()
    put = clerk.organizations.replace_metadata(organization_id=org.id, public_metadata={"a": {"b": 1}})
    assert put.public_metadata == {"a": {"b": 1}}
    merged = clerk.organizations.merge_metadata(organization_id=org.id, public_metadata={"a": {"c": 2}})
    assert merged.public_metadata == {"a": {"b": 1, "c": 2}}
    listed = clerk.organizations.list(query=org.id, include_members_count=True)
    assert [o.members_count for o in listed.data] == [2]
    refused(lambda: organization(slug=org.slug), 422, "form_identifier_exists")
    refused(lambda: organization(slug="No Slug"), 422, "form_param_format_invalid")
    refused(lambda: organization(created_by="user_" + "0" * 27), 400, "organization_creator_not_found")
    assert clerk.organizations.delete(organization_id=org.id).deleted
    refused(lambda: clerk.organizations.get(organization_id=org.id), 404, "resource_not_found")


def test_invitations(clerk, organization, user, native, fresh):
    org, guest = organization(), user()
    email = guest.email_addresses[0].email_address
    invitations = clerk.organization_invitations
    made = invitations.create(
        organization_id=org.id, email_address=email.upper(), role="org:viewer", inviter_user_id=org.created_by,
        public_metadata={"a": 1}, redirect_url="https://app.example/in", expires_in_days=3,
    )
    assert made.email_address == email and made.public_inviter_data.user_id == org.created_by
    assert made.expires_at - made.created_at == 3 * 86_400_000
    again = lambda: invitations.create(organization_id=org.id, email_address=email, role="org:viewer")
    refused(again, 400, "organization_invitation_not_unique")
    stranger = lambda: invitations.create(
        organization_id=org.id, email_address=f"{fresh()}@example.com", role="org:viewer", inviter_user_id=guest.id
    )
    refused(stranger, 403, "not_a_member_in_organization")
    got = invitations.get(organization_id=org.id, invitation_id=made.id)
    assert got.url is None and got.status == "pending"
    assert clerk.users.get_organization_invitations(user_id=guest.id).data[0].id == made.id
    secret = made.url.split("__clerk_ticket=")[1]
    native.post("/invitations:accept", {"secret": secret, "user_id": guest.id})
    assert invitations.get(organization_id=org.id, invitation_id=made.id).status == "accepted"
    member = clerk.organization_memberships.list(organization_id=org.id, user_id=[guest.id]).data[0]
    assert member.role == "org:viewer" and member.public_metadata == {"a": 1}
    refused(again, 400, "already_a_member_in_organization")
    revoke = lambda: invitations.revoke(organization_id=org.id, invitation_id=made.id)
    refused(revoke, 404, "organization_invitation_not_pending")

    item = lambda address: {"email_address": address, "role": "org:member"}
    some = [f"{fresh('in')}@example.com" for _ in range(3)]
    sent = invitations.bulk_create(organization_id=org.id, request_body=[item(address) for address in some])
    assert [i.email_address for i in sent.data] == some
    twice = [item(f"{fresh('in')}@example.com")] * 2
    refused(lambda: invitations.bulk_create(organization_id=org.id, request_body=twice), 400, "not_unique")
    many = [item(f"{fresh('in')}@example.com") for _ in range(11)]
    refused(lambda: invitations.bulk_create(organization_id=org.id, request_body=many), 400, "bulk_size_exceeded")
    pending = invitations.list(organization_id=org.id, status="pending", order_by="email_address")
    assert [i.email_address for i in pending.data] == sorted(some) and pending.total_count == 3
    assert invitations.list_pending(organization_id=org.id).total_count == 3
    revoked = invitations.revoke(organization_id=org.id, invitation_id=pending.data[0].id)
    assert revoked.status == "revoked" and invitations.list_pending(organization_id=org.id).total_count == 2
    assert clerk.organization_invitations.get_all(query=some[0]).data[0].public_organization_data.id == org.id


def test_roles_and_permissions(clerk, organization, user, fresh):
    permissions, roles = clerk.organization_permissions, clerk.organization_roles
    word = fresh("p")
    permission = permissions.create(name="Approve", key=f"org:{word}:approve")
    assert permission.type == "user" and permission.description == ""
    role = roles.create(name="Clerk", key=f"org:{word}", permissions=[permission.id])
    assert [p.key for p in role.permissions] == [f"org:{word}:approve"] and not role.is_creator_eligible
    org, ann = organization(), user()
    clerk.organization_memberships.create(organization_id=org.id, user_id=ann.id, role=f"org:{word}")
    assert roles.update(organization_role_id=role.id, key=f"org:{word}_new").key == f"org:{word}_new"
    member = clerk.organization_memberships.list(organization_id=org.id, user_id=[ann.id]).data[0]
    assert member.role == f"org:{word}_new" and member.permissions == [f"org:{word}:approve"]
    refused(lambda: roles.delete(organization_role_id=role.id), 422, "organization_role_assigned_members")
    admin = roles.list(query="org:admin").data[0]
    assert admin.is_creator_eligible and len(admin.permissions) >= 9
    refused(lambda: roles.delete(organization_role_id=admin.id), 422, "organization_role_default_creator_role")
    assign = lambda: roles.assign_permission(organization_role_id=role.id, permission_id=permission.id)
    refused(assign, 409, "organization_role_permission_association_exists")
    withdraw = lambda: roles.remove_permission(organization_role_id=role.id, permission_id=permission.id)
    assert withdraw().permissions == []
    refused(withdraw, 404, "organization_role_permission_association_not_found")
    assert len(assign().permissions) == 1
    system = permissions.list(query="sys_memberships:read").data[0]
    assert system.type == "system"
    refused(lambda: permissions.delete(permission_id=system.id), 403, "system_permission_not_modifiable")
    renamed = permissions.update(permission_id=permission.id, name="Approve all", key=f"org:{word}:approve_all")
    assert permissions.get(permission_id=permission.id).key == renamed.key == f"org:{word}:approve_all"
    assert [p.key for p in roles.get(organization_role_id=role.id).permissions] == [renamed.key]
    assert permissions.delete(permission_id=permission.id).deleted
    assert roles.get(organization_role_id=role.id).permissions == []
    clerk.organization_memberships.delete(organization_id=org.id, user_id=ann.id)
    assert roles.delete(organization_role_id=role.id).object == "role"


def test_users(clerk, user, fresh):
    ann = user(phone_number=["+14155550" + str(abs(hash(fresh())))[:4]], external_id=fresh("ext"), unsafe_metadata={"a": 1})
    assert ann.phone_numbers[0].verification and ann.primary_phone_number_id == ann.phone_numbers[0].id
    got = clerk.users.update(user_id=ann.id, first_name="Ann", last_name=None)
    assert got.first_name == "Ann" and clerk.users.get(user_id=ann.id).updated_at == got.updated_at
    assert clerk.users.update_metadata(user_id=ann.id, unsafe_metadata={"a": None, "b": 1}).unsafe_metadata == {"b": 1}
    assert clerk.users.replace_metadata(user_id=ann.id, private_metadata={"x": None}).private_metadata == {"x": None}
    refused(lambda: user(external_id=ann.external_id), 422, "form_identifier_exists")
    refused(lambda: clerk.users.create(first_name="Ann"), 422, "form_data_missing")
    refused(lambda: clerk.users.create(email_address=["no address"]), 422, "form_param_format_invalid")
    assert clerk.users.delete(user_id=ann.id).deleted
    refused(lambda: clerk.users.get(user_id=ann.id), 404, ann.id)


def test_versions(clerk, url, server):
    import requests

    call = lambda **headers: requests.get(
        f"{url}/clerk/v1/organizations", headers={"Authorization": f"Bearer {server.key}", **headers}, timeout=30
    )
    assert call(**{"Clerk-API-Version": "2024-10-01"}).status_code == 200
    wrong = call(**{"Clerk-API-Version": "2020-01-01"})
    assert wrong.status_code == 400 and wrong.json()["errors"][0]["code"] == "api_version_invalid"
    assert wrong.headers["Content-Type"] == "application/json"


class Sdk:
    """This client, as the cases know one."""

    shows_meta = True

    def __init__(self, url, key):
        self.url, self.key = url, key
        never = RetryConfig("none", BackoffStrategy(1, 1, 1, 1), False)
        self.client = Clerk(bearer_auth=key, server_url=f"{url}/clerk/v1", retry_config=never)

    def with_key(self, key):
        return Sdk(self.url, key)

    def with_version(self, version):
        raise cases.Lacks("it sends its own version")

    def _call(self, api, method, **fields):
        try:
            answer = getattr(getattr(self.client, api), method)(**fields)
        except (models.ClerkErrors, models.SDKError) as error:
            body = json.loads(error.body)
            raise cases.Refused(error.status_code, body["errors"], body["clerk_trace_id"]) from error
        except (pydantic.ValidationError, TypeError, ValueError) as error:
            raise cases.Lacks(str(error)) from error
        if isinstance(answer, list):
            return [item.model_dump() for item in answer]
        return answer.model_dump()

    def create_organization(self, **fields):
        return self._call("organizations", "create", request=fields)

    def get_organization(self, org):
        return self._call("organizations", "get", organization_id=org)

    def update_organization(self, org, **fields):
        return self._call("organizations", "update", organization_id=org, **fields)

    def merge_organization_metadata(self, org, **fields):
        return self._call("organizations", "merge_metadata", organization_id=org, **fields)

    def replace_organization_metadata(self, org, **fields):
        return self._call("organizations", "replace_metadata", organization_id=org, **fields)

    def delete_organization(self, org):
        return self._call("organizations", "delete", organization_id=org)

    def list_organizations(self, **query):
        return self._call("organizations", "list", **query)

    def create_membership(self, org, **fields):
        return self._call("organization_memberships", "create", organization_id=org, **fields)

    def update_membership(self, org, user, **fields):
        return self._call("organization_memberships", "update", organization_id=org, user_id=user, **fields)

    def merge_membership_metadata(self, org, user, **fields):
        return self._call("organization_memberships", "update_metadata", organization_id=org, user_id=user, **fields)

    def delete_membership(self, org, user):
        return self._call("organization_memberships", "delete", organization_id=org, user_id=user)

    def list_memberships(self, org, **query):
        return self._call("organization_memberships", "list", organization_id=org, **query)

    def list_all_memberships(self, **query):
        return self._call("users", "get_instance_organization_memberships", **query)

    def list_memberships_of(self, user):
        return self._call("users", "get_organization_memberships", user_id=user)

    def list_invitations_of(self, user):
        return self._call("users", "get_organization_invitations", user_id=user)

    def invite(self, org, **fields):
        return self._call("organization_invitations", "create", organization_id=org, **fields)

    def invite_bulk(self, org, items):
        return self._call("organization_invitations", "bulk_create", organization_id=org, request_body=items)

    def get_invitation(self, org, invitation):
        return self._call("organization_invitations", "get", organization_id=org, invitation_id=invitation)

    def revoke_invitation(self, org, invitation, **fields):
        return self._call(
            "organization_invitations", "revoke", organization_id=org, invitation_id=invitation, **fields
        )

    def list_invitations(self, org, status=(), **query):
        # It takes one status only.
        return self._call("organization_invitations", "list", organization_id=org, status=status[0], **query)

    def create_user(self, **fields):
        return self._call("users", "create", **fields)

    def get_user(self, user):
        return self._call("users", "get", user_id=user)

    def update_user(self, user, **fields):
        return self._call("users", "update", user_id=user, **fields)

    def merge_user_metadata(self, user, **fields):
        return self._call("users", "update_metadata", user_id=user, **fields)

    def replace_user_metadata(self, user, **fields):
        return self._call("users", "replace_metadata", user_id=user, **fields)

    def delete_user(self, user):
        return self._call("users", "delete", user_id=user)

    def list_users(self, **query):
        return self._call("users", "list", request=query)

    def count_users(self, **query):
        return self._call("users", "count", request=query)["total_count"]

    def create_role(self, **fields):
        return self._call("organization_roles", "create", **fields)

    def get_role(self, role):
        return self._call("organization_roles", "get", organization_role_id=role)

    def update_role(self, role, **fields):
        return self._call("organization_roles", "update", organization_role_id=role, **fields)

    def delete_role(self, role):
        return self._call("organization_roles", "delete", organization_role_id=role)

    def list_roles(self, **query):
        return self._call("organization_roles", "list", **query)

    def assign_permission(self, role, permission):
        return self._call("organization_roles", "assign_permission", organization_role_id=role, permission_id=permission)

    def remove_permission(self, role, permission):
        return self._call("organization_roles", "remove_permission", organization_role_id=role, permission_id=permission)

    def create_permission(self, **fields):
        return self._call("organization_permissions", "create", **fields)

    def get_permission(self, permission):
        return self._call("organization_permissions", "get", permission_id=permission)

    def update_permission(self, permission, **fields):
        return self._call("organization_permissions", "update", permission_id=permission, **fields)

    def delete_permission(self, permission):
        return self._call("organization_permissions", "delete", permission_id=permission)

    def list_permissions(self, **query):
        return self._call("organization_permissions", "list", **query)


@pytest.fixture(scope="module")
def sdk(url, server):
    return Sdk(url, server.key)


# It sends its own version, and knows which statuses there are.
LACKS = cases.TYPED | {"api_version_invalid: an unknown version", "form_param_value_invalid: an unknown status"}


@pytest.mark.parametrize("entry", cases.CASES, ids=[entry[0] for entry in cases.CASES])
def test_a_refusal(sdk, native, entry):
    cases.attempt(sdk, native, entry, LACKS)


def test_everything_goes_well(sdk, native):
    cases.everything_goes_well(sdk, native)
    cases.the_rest_goes_well(sdk, native)


def test_nothing_is_lost_when_many_write_at_once(sdk, native):
    cases.nothing_is_lost_when_many_write_at_once(sdk, native)
