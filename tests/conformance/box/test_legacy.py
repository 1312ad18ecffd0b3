"""The older client, boxsdk."""

import pytest
from boxsdk.exception import BoxAPIException, BoxOAuthException

from .world import ALL, NONE, refused


def test_memberships(world, legacy):
    group = legacy.create_group(world.fresh("Group "))
    user = legacy.create_user(world.fresh("User "), world.address())
    made = group.add_member(user, role="admin", configurable_permissions={"can_run_reports": False})
    assert (made.type, made.role, made.user.id, made.group.id) == ("group_membership", "admin", user.id, group.id)
    assert made.configurable_permissions == {**ALL, "can_run_reports": False}
    assert made.get(fields=["role"]).role == "admin"
    changed = made.update_info(data={"role": "admin", "configurable_permissions": None})
    assert changed.configurable_permissions == NONE
    assert made.update_info(data={"role": "member"}).role == "member"
    assert [m.id for m in group.get_memberships()] == [made.id]
    assert [m.id for m in legacy.user(user.id).get_group_memberships()] == [made.id]
    with refused(409, "conflict", "user"):
        group.add_member(user)
    assert made.delete()
    with refused(404, "not_found", "group_membership"):
        made.get()


def test_iterators_follow_the_pages(world, legacy):
    group = legacy.group(world.group())
    made = [world.member(group.object_id, world.user()).id for _ in range(7)]
    assert [m.id for m in group.get_memberships(limit=3)] == made
    assert [m.id for m in group.get_memberships(limit=3, offset=5)] == made[5:]


def test_groups_and_users(world, legacy):
    name = world.fresh("Group ")
    group = legacy.create_group(name, description="d", member_viewability_level="admins_only")
    assert group.get(fields=["description", "member_viewability_level"]).description == "d"
    assert [g.id for g in legacy.get_groups(name=name)] == [group.id]
    assert group.update_info(data={"name": f"{name}!"}).name == f"{name}!"
    assert group.delete()
    login = world.address()
    user = legacy.create_user("Ada", login, job_title="CTO")
    assert legacy.user(user.id).get().job_title == "CTO"
    assert [u.id for u in legacy.users(filter_term=login)] == [user.id]
    assert user.update_info(data={"phone": "+1"}).phone == "+1"
    assert user.delete(notify=False, force=True)
    app = legacy.create_user("App", None)
    assert app.login
    assert legacy.user().get().id == legacy.user("me").get().id


def test_a_refused_token(world):
    with pytest.raises((BoxOAuthException, BoxAPIException)) as caught:
        world.legacy_with_token("not-a-token-at-all").user().get()
    assert caught.value.status in (400, 401)
