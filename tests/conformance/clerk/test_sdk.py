"""clerk-backend-sdk 1.1.1 as it is on PyPI: every operation that it has for what Roster serves, and the errors it raises."""

import asyncio
import json

import pydantic
import pytest

from . import cases

sdk = pytest.importorskip("clerk_backend_sdk")

# It is generated for an older pydantic, and says so.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def clerk(url, server):
    """`clerk(api, method, …)`: one call, on a client of its own, as most people use it."""

    def call(api, method, *args, **kwargs):
        async def run():
            configuration = sdk.Configuration(host=f"{url}/clerk/v1", access_token=server.key)
            async with sdk.ApiClient(configuration) as client:
                return await getattr(getattr(sdk, api)(client), method)(*args, **kwargs)

        return asyncio.run(run())

    return call


@pytest.fixture
def user(clerk, fresh):
    def make(**fields):
        email = f"{fresh('jo')}@example.com"
        return clerk("UsersApi", "create_user", sdk.CreateUserRequest(email_address=[email], **fields))

    return make


@pytest.fixture
def organization(clerk, user, fresh):
    def make(**fields):
        body = sdk.CreateOrganizationRequest(name=fresh("Acme"), created_by=user().id, **fields)
        return clerk("OrganizationsApi", "create_organization", body)

    return make


def add(clerk, org, user, role="org:member"):
    body = sdk.CreateOrganizationMembershipRequest(user_id=user.id, role=role)
    return clerk("OrganizationMembershipsApi", "create_organization_membership", org.id, body)


def code(error):
    return error.value.data.errors[0].code


def test_the_life_of_a_membership(clerk, organization, user):
    org, ann = organization(), user(first_name="Ann", last_name="Lee")
    made = add(clerk, org, ann)
    assert (made.object, made.role, made.organization.id) == ("organization_membership", "org:member", org.id)
    assert made.public_user_data.user_id == ann.id and made.public_user_data.first_name == "Ann"
    assert made.permissions == ["org:sys_memberships:read", "org:sys_billing:read"]
    assert made.public_metadata == {} and made.private_metadata == {}

    body = sdk.UpdateOrganizationMembershipRequest(role="org:admin")
    changed = clerk("OrganizationMembershipsApi", "update_organization_membership", org.id, ann.id, body)
    assert (changed.id, changed.role) == (made.id, "org:admin") and changed.updated_at > made.updated_at

    patch = sdk.UpdateOrganizationMembershipMetadataRequest
    merge = lambda **fields: clerk(
        "OrganizationMembershipsApi", "update_organization_membership_metadata", org.id, ann.id, patch(**fields)
    )
    assert merge(public_metadata={"a": {"b": 1, "c": [1, 2]}, "d": 2}).public_metadata == {"a": {"b": 1, "c": [1, 2]}, "d": 2}
    merged = merge(public_metadata={"a": {"b": None, "c": [3]}, "gone": None}, private_metadata={"n": 9007199254740993})
    assert merged.public_metadata == {"a": {"c": [3]}, "d": 2}
    assert merged.private_metadata == {"n": 9007199254740993}

    gone = clerk("OrganizationMembershipsApi", "delete_organization_membership", org.id, ann.id)
    assert gone.id == made.id and gone.public_metadata == {"a": {"c": [3]}, "d": 2}
    with pytest.raises(sdk.exceptions.NotFoundException) as error:
        clerk("OrganizationMembershipsApi", "delete_organization_membership", org.id, ann.id)
    assert "resource_not_found" in error.value.body
    again = add(clerk, org, ann)
    assert again.id != made.id and again.public_metadata == {}


def test_lists_are_sorted_and_paged(clerk, organization, user):
    org = organization()
    people = [user(first_name=name) for name in ("Cid", "Ann", "Bob")]
    for person in people:
        add(clerk, org, person)
    page = lambda **options: clerk("OrganizationMembershipsApi", "list_organization_memberships", org.id, **options)
    names = lambda answer: [m.public_user_data.first_name for m in answer.data]
    # The creator has no name: last in both directions.
    assert names(page(order_by="first_name")) == ["Ann", "Bob", "Cid", None]
    assert names(page(order_by="+first_name")) == ["Ann", "Bob", "Cid", None]
    assert names(page(order_by="-first_name")) == ["Cid", "Bob", "Ann", None]
    assert names(page()) == ["Bob", "Ann", "Cid", None]
    first, second = page(limit=3.0, offset=0.0), page(limit=3, offset=3)
    assert [first.total_count, second.total_count] == [4, 4]
    assert len({m.id for m in first.data} | {m.id for m in second.data}) == 4
    past = page(limit=1, offset=100)
    assert past.data == [] and past.total_count == 4
    of_user = clerk("UsersApi", "users_get_organization_memberships", people[0].id)
    assert [m.organization.id for m in of_user.data] == [org.id] and of_user.total_count == 1


def test_errors_of_memberships(clerk, organization, user, native):
    org, ann = organization(), user()
    add(clerk, org, ann)
    with pytest.raises(sdk.exceptions.BadRequestException) as error:
        add(clerk, org, ann)
    assert code(error) == "already_a_member_in_organization"
    nobody = ann.model_copy(update={"id": "user_" + "0" * 27})
    with pytest.raises(sdk.exceptions.NotFoundException) as error:
        add(clerk, org, nobody)
    assert nobody.id in error.value.data.errors[0].long_message
    with pytest.raises(sdk.exceptions.NotFoundException) as error:
        add(clerk, org, user(), role="admin")
    assert error.value.data.errors[0].meta["param_name"] == "role"
    with pytest.raises(sdk.exceptions.ApiException) as error:
        add(clerk, org, user(), role=" ")
    assert error.value.status == 422 and code(error) == "form_param_nil"
    creator = clerk("OrganizationsApi", "get_organization", org.id).created_by
    with pytest.raises(sdk.exceptions.ApiException) as error:
        clerk("OrganizationMembershipsApi", "delete_organization_membership", org.id, creator)
    assert error.value.status == 400 and "organization_minimum_permissions_needed" in error.value.body
    demote = sdk.UpdateOrganizationMembershipRequest(role="org:member")
    with pytest.raises(sdk.exceptions.ApiException) as error:
        clerk("OrganizationMembershipsApi", "update_organization_membership", org.id, creator, demote)
    assert "organization_minimum_permissions_needed" in error.value.body
    with pytest.raises(sdk.exceptions.ApiException) as error:
        clerk("OrganizationMembershipsApi", "list_organization_memberships", org.id, order_by="--created_at")
    assert error.value.status == 422


def test_a_limit_counts_invitations_too(clerk, organization, user, fresh):
    org = organization(max_allowed_memberships=2)
    creator = org.created_by
    invite = sdk.CreateOrganizationInvitationRequest(
        email_address=f"{fresh('in')}@example.com", inviter_user_id=creator, role="org:member"
    )
    made = clerk("OrganizationInvitationsApi", "create_organization_invitation", org.id, invite)
    assert made.status == "pending"
    with pytest.raises(sdk.exceptions.ForbiddenException) as error:
        add(clerk, org, user())
    assert code(error) == "organization_membership_quota_exceeded"
    revoke = sdk.RevokeOrganizationInvitationRequest(requesting_user_id=creator)
    revoked = clerk("OrganizationInvitationsApi", "revoke_organization_invitation", org.id, made.id, revoke)
    assert revoked.status == "revoked"
    add(clerk, org, user())


def test_organizations(clerk, organization, user, fresh):
    org = organization(public_metadata={"a": 1})
    assert org.slug and org.private_metadata == {} and org.max_allowed_memberships == 0
    assert clerk("OrganizationsApi", "get_organization", org.slug).id == org.id
    body = sdk.UpdateOrganizationRequest(name="New name", public_metadata={"b": 2})
    changed = clerk("OrganizationsApi", "update_organization", org.id, body)
    assert (changed.name, changed.slug, changed.public_metadata) == ("New name", org.slug, {"b": 2})
    merge = sdk.MergeOrganizationMetadataRequest(public_metadata={"c": 3})
    merged = clerk("OrganizationsApi", "merge_organization_metadata", org.id, merge)
    assert merged.public_metadata == {"b": 2, "c": 3}
    found = clerk("OrganizationsApi", "list_organizations", query=org.slug, include_members_count=True)
    assert [o.id for o in found.data] == [org.id] and found.data[0].members_count == 1
    receipt = clerk("OrganizationsApi", "delete_organization", org.id)
    assert receipt.deleted and receipt.id == org.id
    with pytest.raises(sdk.exceptions.NotFoundException):
        clerk("OrganizationsApi", "get_organization", org.id)


def test_users(clerk, user):
    ann = user(first_name="Ann", public_metadata={"a": 1})
    assert ann.email_addresses[0].verification is not None and not ann.banned
    assert clerk("UsersApi", "get_user", ann.id).id == ann.id
    changed = clerk("UsersApi", "update_user", ann.id, sdk.UpdateUserRequest(last_name="Lee", public_metadata={"b": 1}))
    assert (changed.first_name, changed.last_name, changed.public_metadata) == ("Ann", "Lee", {"b": 1})
    merged = clerk("UsersApi", "update_user_metadata", ann.id, sdk.UpdateUserMetadataRequest(unsafe_metadata={"x": 1}))
    assert merged.unsafe_metadata == {"x": 1}
    email = ann.email_addresses[0].email_address
    assert [u.id for u in clerk("UsersApi", "get_user_list", email_address=[email])] == [ann.id]
    assert clerk("UsersApi", "get_users_count", email_address=[email]).total_count == 1
    assert clerk("UsersApi", "delete_user", ann.id).deleted


def test_a_wrong_key(url):
    async def run():
        async with sdk.ApiClient(sdk.Configuration(host=f"{url}/clerk/v1", access_token="no-key-of-this-server")) as client:
            await sdk.OrganizationsApi(client).list_organizations()

    with pytest.raises(sdk.exceptions.ApiException) as error:
        asyncio.run(run())
    assert error.value.status == 401 and "clerk_key_invalid" in error.value.body


def test_seen_and_changed_elsewhere(clerk, organization, user, native):
    org, ann = organization(), user()
    add(clerk, org, ann)
    merge = sdk.UpdateOrganizationMembershipMetadataRequest(public_metadata={"kept": True})
    clerk("OrganizationMembershipsApi", "update_organization_membership_metadata", org.id, ann.id, merge)
    # Any form of an id is taken natively.
    seen = native.get(f"/organizations/{org.id}/memberships/{ann.id}")
    assert seen["roles"] == ["member"] and seen["ids"]["clerk"].startswith("orgmem_")
    native.patch(f"/organizations/{org.id}/memberships/{ann.id}", {"roles": ["support"]})
    shown = clerk("OrganizationMembershipsApi", "list_organization_memberships", org.id).data[0]
    assert shown.role == "org:support" and shown.public_metadata == {"kept": True}
    native.delete(f"/organizations/{org.id}/memberships/{ann.id}")
    assert clerk("OrganizationMembershipsApi", "list_organization_memberships", org.id).total_count == 1


class Sdk:
    """This client, as the cases know one. It has no roles, no permissions and no filters of members."""

    shows_meta = True

    def __init__(self, url, key, version=None):
        self.url, self.key = url, key
        self.headers = {"_headers": {"Clerk-API-Version": version}} if version else {}

    def with_key(self, key):
        return Sdk(self.url, key)

    def with_version(self, version):
        return Sdk(self.url, self.key, version)

    async def _run(self, api, method, *args, **query):
        configuration = sdk.Configuration(host=f"{self.url}/clerk/v1", access_token=self.key)
        async with sdk.ApiClient(configuration) as client:
            return await getattr(getattr(sdk, api)(client), method)(*args, **query, **self.headers)

    def _call(self, api, method, *args, **query):
        try:
            return plain(asyncio.run(self._run(api, method, *args, **query)))
        except sdk.exceptions.ApiException as error:
            raise refused(error) from error
        except (pydantic.ValidationError, TypeError) as error:
            raise cases.Lacks(str(error)) from error

    @staticmethod
    def _body(kind, fields):
        unknown = fields.keys() - getattr(sdk, kind).model_fields.keys()
        if unknown:
            # It would leave them out in silence.
            raise cases.Lacks(f"{kind} has no {unknown}")
        try:
            return getattr(sdk, kind)(**fields)
        except pydantic.ValidationError as error:
            raise cases.Lacks(str(error)) from error

    def __getattr__(self, name):
        """Operations that came later."""

        def lacks(*_, **__):
            raise cases.Lacks(name)

        return lacks

    def create_organization(self, **fields):
        return self._call("OrganizationsApi", "create_organization", self._body("CreateOrganizationRequest", fields))

    def get_organization(self, org):
        return self._call("OrganizationsApi", "get_organization", org)

    def update_organization(self, org, **fields):
        body = self._body("UpdateOrganizationRequest", fields)
        return self._call("OrganizationsApi", "update_organization", org, body)

    def merge_organization_metadata(self, org, **fields):
        body = self._body("MergeOrganizationMetadataRequest", fields)
        return self._call("OrganizationsApi", "merge_organization_metadata", org, body)

    def delete_organization(self, org):
        return self._call("OrganizationsApi", "delete_organization", org)

    def list_organizations(self, **query):
        return self._call("OrganizationsApi", "list_organizations", **query)

    def create_membership(self, org, **fields):
        body = self._body("CreateOrganizationMembershipRequest", fields)
        return self._call("OrganizationMembershipsApi", "create_organization_membership", org, body)

    def update_membership(self, org, user, **fields):
        body = self._body("UpdateOrganizationMembershipRequest", fields)
        return self._call("OrganizationMembershipsApi", "update_organization_membership", org, user, body)

    def merge_membership_metadata(self, org, user, **fields):
        body = self._body("UpdateOrganizationMembershipMetadataRequest", fields)
        return self._call("OrganizationMembershipsApi", "update_organization_membership_metadata", org, user, body)

    def delete_membership(self, org, user):
        return self._call("OrganizationMembershipsApi", "delete_organization_membership", org, user)

    def list_memberships(self, org, **query):
        return self._call("OrganizationMembershipsApi", "list_organization_memberships", org, **query)

    def list_memberships_of(self, user):
        return self._call("UsersApi", "users_get_organization_memberships", user)

    def invite(self, org, **fields):
        body = self._body("CreateOrganizationInvitationRequest", fields)
        return self._call("OrganizationInvitationsApi", "create_organization_invitation", org, body)

    def invite_bulk(self, org, items):
        bodies = [self._body("CreateOrganizationInvitationBulkRequestInner", item) for item in items]
        return self._call("OrganizationInvitationsApi", "create_organization_invitation_bulk", org, bodies)

    def get_invitation(self, org, invitation):
        return self._call("OrganizationInvitationsApi", "get_organization_invitation", org, invitation)

    def revoke_invitation(self, org, invitation, **fields):
        body = self._body("RevokeOrganizationInvitationRequest", fields)
        return self._call("OrganizationInvitationsApi", "revoke_organization_invitation", org, invitation, body)

    def list_invitations(self, org, status=(), **query):
        return self._call("OrganizationInvitationsApi", "list_organization_invitations", org, status=status[0], **query)

    def list_pending_invitations(self, org):
        return self._call("OrganizationInvitationsApi", "list_pending_organization_invitations", org)

    def create_user(self, **fields):
        return self._call("UsersApi", "create_user", self._body("CreateUserRequest", fields))

    def get_user(self, user):
        return self._call("UsersApi", "get_user", user)

    def update_user(self, user, **fields):
        return self._call("UsersApi", "update_user", user, self._body("UpdateUserRequest", fields))

    def merge_user_metadata(self, user, **fields):
        return self._call("UsersApi", "update_user_metadata", user, self._body("UpdateUserMetadataRequest", fields))

    def delete_user(self, user):
        return self._call("UsersApi", "delete_user", user)

    def list_users(self, **query):
        return self._call("UsersApi", "get_user_list", **query)

    def count_users(self, **query):
        return self._call("UsersApi", "get_users_count", **query)["total_count"]


def plain(answer):
    return [item.to_dict() for item in answer] if isinstance(answer, list) else answer.to_dict()


def refused(error):
    body = json.loads(error.body)
    return cases.Refused(error.status, body["errors"], body["clerk_trace_id"])


@pytest.fixture(scope="module")
def client(url, server):
    return Sdk(url, server.key)


# Of roles and permissions it knows nothing, of an invitation's end neither, and limits it checks itself.
LACKS = cases.TYPED | {
    "form_param_value_invalid: a limit above 500",
    "form_param_value_invalid: a negative offset",
    "form_param_value_invalid: an invitation for too long",
    *cases.ABOUT_ROLES,
}


@pytest.mark.parametrize("entry", cases.CASES, ids=[entry[0] for entry in cases.CASES])
def test_a_refusal(client, native, entry):
    cases.attempt(client, native, entry, LACKS)


def test_everything_goes_well(client, native):
    cases.everything_goes_well(client, native)
    w = cases.World(client, native)
    org = w.organization()
    client.invite(org, email_address=cases.email(), role="org:member", inviter_user_id=w.creator(org))
    assert client.list_pending_invitations(org)["total_count"] == 1


def test_nothing_is_lost_when_many_write_at_once(client, native):
    cases.nothing_is_lost_when_many_write_at_once(client, native)
