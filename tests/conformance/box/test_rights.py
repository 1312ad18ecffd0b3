"""Who may do what: users with tokens of their own, by the client-credentials grant."""

import pytest
from box_sdk_gen.managers.groups import CreateGroupMemberViewabilityLevel
from box_sdk_gen.managers.memberships import CreateGroupMembershipRole, UpdateGroupMembershipByIdRole

from .world import DENIED, refused


class People:
    def __init__(self, world, level=None):
        self.group = world.group(**({"member_viewability_level": level} if level else {}))
        self.ids = {name: world.user() for name in ("coadmin", "admin", "member", "other")}
        world.sdk.users.update_user_by_id(self.ids["coadmin"], role="coadmin")
        self.admin = world.member(self.group, self.ids["admin"], role=CreateGroupMembershipRole.ADMIN).id
        self.member = world.member(self.group, self.ids["member"]).id
        self.clients = {name: world.as_user(id) for name, id in self.ids.items()}


@pytest.fixture(scope="module")
def people(world):
    return People(world)


def answers(people, operation):
    """By person: whether the operation was done. Refusals are all of one form."""
    done = {}
    for name, client in people.clients.items():
        try:
            operation(client)
            done[name] = True
        except Exception as error:  # noqa: BLE001
            info = error.response_info
            assert (info.status_code, info.code) == (403, DENIED), error
            done[name] = False
    return [name for name, yes in done.items() if yes]


ADMINS, GROUP, ALL = ["coadmin"], ["coadmin", "admin"], ["coadmin", "admin", "member"]
ROLE = UpdateGroupMembershipByIdRole.MEMBER


@pytest.mark.parametrize(
    ("operation", "who"),
    [
        (lambda w, p, c: w.member(p.group, w.user(), client=c), ADMINS),
        (lambda w, p, c: c.memberships.get_group_membership_by_id(p.member), GROUP),
        (lambda w, p, c: c.memberships.update_group_membership_by_id(p.member, role=ROLE), GROUP),
        (lambda w, p, c: c.memberships.delete_group_membership_by_id(w.member(p.group, w.user()).id), GROUP),
        (lambda w, p, c: c.memberships.get_group_memberships(p.group), ALL),
        (lambda w, p, c: c.memberships.get_user_memberships(p.ids["member"]), ["coadmin", "member"]),
        (lambda w, p, c: c.memberships.get_user_memberships("me"), [*ALL, "other"]),
        (lambda w, p, c: c.groups.get_groups(), ADMINS),
        (lambda w, p, c: c.groups.create_group(w.fresh("Group ")), ADMINS),
        (lambda w, p, c: c.groups.get_group_by_id(p.group), ALL),
        (lambda w, p, c: c.groups.update_group_by_id(p.group, description="new"), GROUP),
        (lambda w, p, c: c.groups.delete_group_by_id(w.group()), ADMINS),
        (lambda w, p, c: c.users.get_users(), ADMINS),
        (lambda w, p, c: c.users.create_user("New", login=w.address()), ADMINS),
        (lambda w, p, c: c.users.get_user_by_id(p.ids["member"]), ["coadmin", "member"]),
        (lambda w, p, c: c.users.get_user_by_id("100000") if c is not p.clients["coadmin"] else 1, ADMINS),
        (lambda w, p, c: c.users.update_user_by_id(p.ids["other"], job_title="x"), ADMINS),
        (lambda w, p, c: c.users.delete_user_by_id(w.user()), ADMINS),
        (lambda w, p, c: c.with_as_user_header(p.ids["member"]).users.get_user_me(), ADMINS),
    ],
)
def test_the_table(world, people, operation, who):
    assert answers(people, lambda client: operation(world, people, client)) == who


@pytest.mark.parametrize(
    ("level", "who"),
    [
        (CreateGroupMemberViewabilityLevel.ADMINS_ONLY, GROUP),
        (CreateGroupMemberViewabilityLevel.ADMINS_AND_MEMBERS, ALL),
        (CreateGroupMemberViewabilityLevel.ALL_MANAGED_USERS, [*ALL, "other"]),
    ],
)
def test_who_may_list_the_members(world, level, who):
    people = People(world, level)
    assert answers(people, lambda client: client.memberships.get_group_memberships(people.group)) == who


def test_a_demoted_admin_is_refused_with_the_same_token(world):
    people = People(world)
    client = people.clients["admin"]
    assert client.memberships.get_group_membership_by_id(people.member).id == people.member
    world.sdk.memberships.update_group_membership_by_id(people.admin, role=ROLE)
    with refused(403, DENIED):
        client.memberships.get_group_membership_by_id(people.member)


def test_as_user(world, sdk, legacy, people):
    member = people.ids["member"]
    assert sdk.with_as_user_header(member).users.get_user_me().id == member
    assert legacy.as_user(legacy.user(member)).user().get().id == member
    with refused(403, DENIED):
        sdk.with_as_user_header(member).memberships.get_group_membership_by_id(people.member)
    assert sdk.with_as_user_header(people.ids["admin"]).memberships.get_group_membership_by_id(people.member)
    for nobody in ("100000", "abc", people.group):
        with refused(404, "not_found", "user"):
            sdk.with_as_user_header(nobody).users.get_user_me()
    with refused(403, DENIED):
        people.clients["member"].with_as_user_header("abc").users.get_user_me()
    itself = sdk.users.get_user_me().id
    with refused(403, DENIED):
        people.clients["coadmin"].with_as_user_header(itself).users.get_user_me()


def test_the_log_names_who_really_called(world, sdk, people):
    before = world.native.events()[-1]["sequence"]
    sdk.with_as_user_header(people.ids["admin"]).groups.update_group_by_id(people.group, description=world.fresh())
    (event,) = world.native.events(before)
    assert event["actor"]["kind"] == "token"
