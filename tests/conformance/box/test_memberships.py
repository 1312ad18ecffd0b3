"""The six membership operations, by the newer client."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from box_sdk_gen.internal.null_value import null
from box_sdk_gen.managers.memberships import CreateGroupMembershipRole, UpdateGroupMembershipByIdRole

from .world import ALL, NONE, refused

ADMIN, MEMBER = CreateGroupMembershipRole.ADMIN, CreateGroupMembershipRole.MEMBER


def permissions(membership):
    shown = membership.configurable_permissions
    return shown if isinstance(shown, dict) else shown.raw_data


def test_a_membership_from_its_beginning_to_its_end(world, sdk, group, user):
    made = world.member(group, user)
    assert (made.type.value, made.role.value) == ("group_membership", "member")
    assert (made.user.id, made.user.type.value, made.group.id, made.group.group_type.value) == (
        user,
        "user",
        group,
        "managed_group",
    )
    assert made.user.login.endswith("@acme.example") and made.group.name.startswith("Group ")
    assert made.created_at and made.modified_at
    assert made.raw_data["created_at"].endswith("+00:00") and len(made.raw_data["created_at"]) == 25

    found = sdk.memberships.get_group_membership_by_id(made.id)
    assert found.to_dict() == made.to_dict()

    changed = sdk.memberships.update_group_membership_by_id(made.id, role=UpdateGroupMembershipByIdRole.ADMIN)
    assert (changed.id, changed.role.value) == (made.id, "admin")

    for page in (sdk.memberships.get_group_memberships(group), sdk.memberships.get_user_memberships(user)):
        assert (page.total_count, page.limit, page.offset, len(page.entries)) == (1, 100, 0, 1)
        entry = page.entries[0]
        assert (entry.id, entry.role.value, entry.user.id, entry.group.id) == (made.id, "admin", user, group)
        assert "configurable_permissions" not in entry.raw_data

    assert sdk.memberships.delete_group_membership_by_id(made.id) is None
    with refused(404, "not_found", "group_membership"):
        sdk.memberships.delete_group_membership_by_id(made.id)
    assert sdk.memberships.get_group_memberships(group).entries == []
    assert world.member(group, user).id != made.id


def test_an_empty_put_changes_nothing(world, sdk, group, user):
    made = world.member(group, user, role=ADMIN, configurable_permissions=null)
    again = sdk.memberships.update_group_membership_by_id(made.id)
    assert again.to_dict() == made.to_dict()


def test_fields_and_null_permissions(world, sdk, group, user):
    made = world.member(group, user, role=ADMIN, configurable_permissions=null, fields=["role"])
    assert made.raw_data == {"type": "group_membership", "id": made.id, "role": "admin"}
    found = sdk.memberships.get_group_membership_by_id(made.id, fields=["configurable_permissions", "nothing"])
    assert found.raw_data == {"type": "group_membership", "id": made.id, "configurable_permissions": NONE}


@pytest.mark.parametrize(
    ("sent", "as_admin", "after_none"),
    [
        ("absent", ALL, NONE),
        (null, NONE, NONE),
        ({}, ALL, ALL),
        ({"can_run_reports": False}, {**ALL, "can_run_reports": False}, {**ALL, "can_run_reports": False}),
    ],
)
def test_configurable_permissions(world, sdk, group, sent, as_admin, after_none):
    given = {} if sent == "absent" else {"configurable_permissions": sent}
    update = sdk.memberships.update_group_membership_by_id

    made = world.member(group, world.user(), role=ADMIN, **given)
    assert made.raw_data["configurable_permissions"] == as_admin

    member = world.member(group, world.user(), role=MEMBER, **given)
    assert member.raw_data["configurable_permissions"] == NONE
    promoted = update(member.id, role=UpdateGroupMembershipByIdRole.ADMIN)
    assert promoted.raw_data["configurable_permissions"] == ALL, "what was sent for a member is forgotten"
    update(member.id, configurable_permissions=null)
    kept = update(member.id, **given)
    assert kept.raw_data["configurable_permissions"] == after_none
    demoted = update(member.id, role=UpdateGroupMembershipByIdRole.MEMBER)
    assert demoted.raw_data["configurable_permissions"] == NONE
    again = update(member.id, role=UpdateGroupMembershipByIdRole.ADMIN, **given)
    assert again.raw_data["configurable_permissions"] == as_admin


def test_permissions_go_with_the_role_whoever_takes_it(world, sdk, group, user):
    made = world.member(group, user, role=ADMIN, configurable_permissions=null)
    path = f"/organizations/{group}/memberships/{user}"
    world.native.patch(path, {"roles": ["viewer"]})
    shown = sdk.memberships.get_group_membership_by_id(made.id)
    assert (shown.role.value, shown.raw_data["configurable_permissions"]) == ("member", NONE)
    world.native.patch(path, {"roles": ["admin"]})
    assert sdk.memberships.get_group_membership_by_id(made.id).raw_data["configurable_permissions"] == ALL


@pytest.mark.parametrize("held", ["viewer", "support", "member"])
def test_writing_back_what_is_shown_keeps_the_role(world, sdk, group, user, held):
    world.native.post(f"/organizations/{group}/memberships", {"user_id": user, "roles": [held]})
    (entry,) = sdk.memberships.get_group_memberships(group).entries
    assert entry.role.value == "member"
    sdk.memberships.update_group_membership_by_id(entry.id, role=UpdateGroupMembershipByIdRole.MEMBER)
    assert world.native.get(f"/organizations/{group}/memberships/{user}")["roles"] == [held]


def test_the_owner_shows_as_admin_and_stays(world, sdk, group, user):
    made = world.member(group, user)
    world.native.put(f"/organizations/{group}/owner", {"user_id": user})
    update = sdk.memberships.update_group_membership_by_id
    assert update(made.id, role=UpdateGroupMembershipByIdRole.ADMIN).role.value == "admin"
    assert world.native.get(f"/organizations/{group}/memberships/{user}")["roles"] == ["owner"]
    with refused(403, "access_denied_insufficient_permissions"):
        update(made.id, role=UpdateGroupMembershipByIdRole.MEMBER)
    with refused(403, "access_denied_insufficient_permissions"):
        sdk.memberships.delete_group_membership_by_id(made.id)


def test_twice_is_a_conflict_that_names_the_first(world, group, user):
    made = world.member(group, user)
    with refused(409, "conflict", "user") as caught:
        world.member(group, user, role=ADMIN)
    conflicts = caught.value.response_info.context_info["conflicts"]
    assert conflicts == [{"type": "group_membership", "id": made.id}]


def test_of_equal_requests_one_is_done(world, group, user):
    body = {"user": {"id": user}, "group": {"id": group}}
    send = lambda _: world.send("POST", "/2.0/group_memberships", json=body).status_code  # noqa: E731
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(send, range(16)))
    assert statuses == [201] + [409] * 15


def test_what_is_not_there(world, sdk, group, user):
    for nobody in ("100000", group, "0", "abc", "9" * 19, "9" * 40, "-100000"):
        with refused(404, "not_found", "user"):
            world.member(group, nobody)
    for nothing in ("100000", user, "abc"):
        with refused(404, "not_found", "group"):
            world.member(nothing, user)
        with refused(404, "not_found", "group"):
            sdk.memberships.get_group_memberships(nothing)
    with refused(404, "not_found", "user"):
        sdk.memberships.get_user_memberships(group)
    with refused(404, "not_found", "group_membership"):
        sdk.memberships.get_group_membership_by_id(group)


def test_pages(world, sdk, group):
    made = [world.member(group, world.user()).id for _ in range(5)]
    page = sdk.memberships.get_group_memberships(group, limit=2, offset=4)
    assert (page.total_count, page.limit, page.offset, [e.id for e in page.entries]) == (5, 2, 4, made[4:])
    assert sdk.memberships.get_group_memberships(group, offset=10000).entries == []
    assert sdk.memberships.get_group_memberships(group, limit=5000).limit == 1000
    for parameter, values in {"limit": (0, -1, "x", ""), "offset": (-1, 10001, 10**30, "x")}.items():
        for value in values:
            with refused(400, "bad_request", parameter):
                sdk.memberships.get_group_memberships(group, **{parameter: value})
