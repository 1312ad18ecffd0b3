"""The four membership operations, by the released client."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from whylabs_client.models import MembershipMetadata

from .world import Sdk, refused


def test_a_membership_from_its_beginning_to_its_end(world, organization, sdk):
    user_id, email = world.user()
    made = sdk.memberships.create_organization_membership(organization, email, "ADMIN")
    assert isinstance(made, MembershipMetadata)
    assert made.to_dict() == {"org_id": organization, "role": "ADMIN", "user_id": user_id, "default": False}

    listed = sdk.memberships.list_organization_memberships(organization)
    (member,) = listed.memberships
    assert member.to_dict() == {
        "org_id": organization,
        "default": False,
        "role": "ADMIN",
        "user_id": user_id,
        "email": email,
    }

    changed = sdk.memberships.update_organization_membership(organization, email, "VIEWER")
    assert changed.to_dict() == {"org_id": organization, "role": "VIEWER", "user_id": user_id, "default": False}
    assert sdk.members(organization) == {email: ("VIEWER", False)}

    sdk.memberships.remove_organization_membership(organization, email)
    assert sdk.members(organization) == {}

    again = sdk.memberships.create_organization_membership(organization, email, "MEMBER")
    assert (again.user_id, again.role.value) == (user_id, "MEMBER")


@pytest.mark.parametrize("role", ["ADMIN", "MEMBER", "VIEWER"])
def test_every_role(world, organization, sdk, role):
    _, email = world.user()
    assert sdk.memberships.create_organization_membership(organization, email, role).role.value == role
    assert sdk.memberships.update_organization_membership(organization, email, role).role.value == role
    assert sdk.members(organization)[email] == (role, False)


@pytest.mark.parametrize(("given", "default"), [(True, True), (False, False), (None, False)])
def test_set_default_as_python_writes_it(world, organization, sdk, given, default):
    _, email = world.user()
    made = sdk.memberships.create_organization_membership(organization, email, "MEMBER", set_default=given)
    assert made.default is default
    assert sdk.members(organization) == {email: ("MEMBER", default)}


def test_without_set_default_not_even_the_first_membership_is_the_default(world, organization, sdk):
    _, email = world.user()
    assert sdk.memberships.create_organization_membership(organization, email, "MEMBER").default is False


def test_a_user_has_one_default(world):
    user_id, email = world.user()
    organizations = [world.organization() for _ in range(3)]
    sdk = world.root_sdk
    for organization in organizations:
        made = sdk.memberships.create_organization_membership(organization, email, "MEMBER", set_default=True)
        assert made.default is True
    assert [m["default"] for m in world.root.get_memberships(user_id)] == [False, False, True]
    # A change of role leaves it where it is.
    changed = sdk.memberships.update_organization_membership(organizations[2], email, "ADMIN")
    assert changed.default is True
    assert sdk.memberships.update_organization_membership(organizations[0], email, "ADMIN").default is False


def test_the_default_moves_to_the_oldest(world):
    user_id, email = world.user()
    oldest, other, default = [world.organization() for _ in range(3)]
    sdk = world.root_sdk
    for organization in (oldest, other):
        sdk.memberships.create_organization_membership(organization, email, "MEMBER")
    sdk.memberships.create_organization_membership(default, email, "MEMBER", set_default=True)

    sdk.memberships.remove_organization_membership(default, email)
    left = {m["orgId"]: m["default"] for m in world.root.get_memberships(user_id)}
    assert left == {oldest: True, other: False}

    # Who isn't the default leaves it alone.
    sdk.memberships.remove_organization_membership(other, email)
    assert [m["default"] for m in world.root.get_memberships(user_id)] == [True]
    sdk.memberships.remove_organization_membership(oldest, email)
    assert world.root.get_memberships(user_id) == []


def test_addresses_with_plus_and_capitals(world, organization, sdk):
    word = world.fresh("jo")
    user_id, email = world.user(f"{word}+Tag@ACME.example")
    assert email == f"{word}+tag@acme.example"
    mixed = f"{word.upper()}+TAG@Acme.Example"
    assert sdk.memberships.create_organization_membership(organization, mixed, "MEMBER").user_id == user_id
    assert sdk.members(organization) == {email: ("MEMBER", False)}
    assert sdk.memberships.update_organization_membership(organization, mixed, "ADMIN").user_id == user_id
    sdk.memberships.remove_organization_membership(organization, mixed)
    assert sdk.members(organization) == {}


def test_members_are_listed_in_the_order_they_came(world, organization, sdk):
    emails = [world.user(f"{world.fresh(letter)}@acme.example")[1] for letter in "dbcaef"]
    for email in emails:
        sdk.memberships.create_organization_membership(organization, email, "MEMBER")
    for _ in range(3):
        assert list(sdk.members(organization)) == emails


def test_many_members_come_in_one_list(world, account):
    users = account.users(130)
    assert account.b.put_organization_memberships(account.id, account.id, "VIEWER", users) == []
    members = account.sdk.memberships.list_organization_memberships(account.id).memberships
    assert len(members) == 130
    assert {member.user_id for member in members} == set(users)


def test_a_second_membership_is_refused_and_the_first_stays(world, organization, sdk):
    _, email = world.user()
    sdk.memberships.create_organization_membership(organization, email, "VIEWER")
    with refused(400, "IllegalArgument"):
        sdk.memberships.create_organization_membership(organization, email, "ADMIN", set_default=True)
    assert sdk.members(organization) == {email: ("VIEWER", False)}


def test_of_concurrent_creates_one_wins(world, organization):
    _, email = world.user()
    key = world.key(organization, [":administrator"])

    def create(role):
        try:
            Sdk(world.url, key).memberships.create_organization_membership(organization, email, role)
            return role
        except Exception as error:  # noqa: BLE001 - looked at below
            return error

    roles = ["ADMIN", "MEMBER", "VIEWER"] * 4
    with ThreadPoolExecutor(len(roles)) as threads:
        outcomes = list(threads.map(create, roles))
    won = [outcome for outcome in outcomes if isinstance(outcome, str)]
    lost = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    assert len(won) == 1, outcomes
    assert {error.status for error in lost} == {400}, lost
    assert Sdk(world.url, key).members(organization) == {email: (won[0], False)}


def test_concurrent_defaults_leave_one(world):
    user_id, email = world.user()
    organizations = [world.organization() for _ in range(6)]

    def create(organization):
        sdk = Sdk(world.url, world.server.key)
        return sdk.memberships.create_organization_membership(organization, email, "MEMBER", set_default=True)

    with ThreadPoolExecutor(len(organizations)) as threads:
        assert all(made.default for made in threads.map(create, organizations))
    assert sum(m["default"] for m in world.root.get_memberships(user_id)) == 1


def test_removing_twice(world, organization, sdk):
    user_id, email = world.user()
    elsewhere = world.organization()
    world.root_sdk.memberships.create_organization_membership(elsewhere, email, "MEMBER")
    sdk.memberships.create_organization_membership(organization, email, "MEMBER")
    sdk.memberships.remove_organization_membership(organization, email)
    with refused(404, "MembershipNotFound"):
        sdk.memberships.remove_organization_membership(organization, email)
    assert [m["orgId"] for m in world.root.get_memberships(user_id)] == [elsewhere]


def test_no_user_is_made_by_a_membership(world, organization, sdk):
    email = world.address()
    with refused(404, "UserNotFound"):
        sdk.memberships.create_organization_membership(organization, email, "MEMBER")
    with refused(404, "UserNotFound"):
        sdk.memberships.create_organization_membership(organization, "no address", "MEMBER")
    with refused(404, "UserNotFound"):
        world.root.get_user_by_email(email)
    assert sdk.members(organization) == {}


@pytest.mark.parametrize("email", ["nobody@acme.example", "no address", "", "ä ö@ü"])
def test_who_is_unknown_can_be_neither_changed_nor_removed(organization, sdk, email):
    with refused(404, "UserNotFound"):
        sdk.memberships.update_organization_membership(organization, email, "ADMIN")
    with refused(404, "UserNotFound"):
        sdk.memberships.remove_organization_membership(organization, email)


def test_who_is_no_member_can_be_neither_changed_nor_removed(world, organization, sdk):
    _, email = world.user()
    with refused(404, "MembershipNotFound"):
        sdk.memberships.update_organization_membership(organization, email, "ADMIN")
    with refused(404, "MembershipNotFound"):
        sdk.memberships.remove_organization_membership(organization, email)


@pytest.mark.parametrize("organization_id", ["org-nosuchthing", "x", "a/b", "a b", "ä", "0", "org-", "%00"])
def test_unknown_organizations(world, organization_id):
    _, email = world.user()
    memberships = world.root_sdk.memberships
    with refused(404, "ResourceNotFound"):
        memberships.create_organization_membership(organization_id, email, "MEMBER")
    with refused(404, "ResourceNotFound"):
        memberships.list_organization_memberships(organization_id)
    with refused(404, "MembershipNotFound"):
        memberships.update_organization_membership(organization_id, email, "MEMBER")
    with refused(404, "MembershipNotFound"):
        memberships.remove_organization_membership(organization_id, email)


def test_keys_of_others_are_refused_whether_there_is_something_or_not(world, organization):
    _, email = world.user()
    memberships = world.sdk(world.organization()).memberships
    for target in (organization, "org-nosuchthing"):
        with refused(403, "Forbidden"):
            memberships.create_organization_membership(target, email, "MEMBER")
        with refused(403, "Forbidden"):
            memberships.list_organization_memberships(target)
        with refused(403, "Forbidden"):
            memberships.update_organization_membership(target, email, "MEMBER")
        with refused(403, "Forbidden"):
            memberships.remove_organization_membership(target, email)


def test_a_parents_key_does_not_reach_what_it_manages_by_path(account):
    with refused(403, "Forbidden"):
        account.sdk.memberships.list_organization_memberships(account.managed())


@pytest.mark.parametrize("key", ["nonsense", "a.b:org-c", "a.b"])
def test_unknown_keys(world, organization, key):
    with refused(403, "Forbidden"):
        Sdk(world.url, key).memberships.list_organization_memberships(organization)


def test_no_key(world, organization):
    sdk = Sdk(world.url, "")
    sdk.client.configuration.api_key = {}
    with refused(401, "Unauthorized"):
        sdk.memberships.list_organization_memberships(organization)


def test_e_mail_domains(world):
    organization = world.organization(email_domains="acme.example, acme.test")
    sdk = world.sdk(organization)
    for domain, allowed in [
        ("acme.example", True),
        ("acme.test", True),
        ("sub.acme.example", False),
        ("notacme.example", False),
        ("elsewhere.example", False),
    ]:
        _, email = world.user(f"{world.fresh('jo')}@{domain}")
        if allowed:
            sdk.memberships.create_organization_membership(organization, email, "MEMBER")
        else:
            with refused(400, "IllegalArgument"):
                sdk.memberships.create_organization_membership(organization, email, "MEMBER")
    assert len(sdk.members(organization)) == 2


def test_the_free_tier_has_no_limits(world):
    organization = world.organization(subscription_tier="FREE", email_domains="acme.example")
    sdk = world.sdk(organization)
    for _ in range(27):
        sdk.memberships.create_organization_membership(organization, world.user()[1], "VIEWER")
    assert len(sdk.members(organization)) == 27


def test_threads_of_the_client(world, organization, sdk):
    _, email = world.user()
    made = sdk.memberships.create_organization_membership(organization, email, "MEMBER", async_req=True).get(30)
    assert made.role.value == "MEMBER"
