"""Groups and users, by the newer client."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from box_sdk_gen.managers.users import CreateUserRole, CreateUserStatus, UpdateUserByIdRole, UpdateUserByIdStatus

from .world import DENIED, refused

NAMES = ["Empl'oyees", '"quoted" <b>', "\u202eright to left", "e\u0301", "👩‍👩‍👧", "x" * 255, "100%_\\"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_kept(world, sdk, name):
    name = world.fresh(name)[-255:]
    made = sdk.groups.create_group(name)
    assert made.name == name
    assert sdk.groups.get_group_by_id(made.id).name == name


def test_a_group_from_its_beginning_to_its_end(world, sdk):
    name = world.fresh("Employees ")
    made = sdk.groups.create_group(name, description="all", provenance="AD", fields=["description", "provenance", "permissions"])
    assert made.raw_data == {
        "type": "group",
        "id": made.id,
        "provenance": "AD",
        "description": "all",
        "permissions": {"can_invite_as_collaborator": True},
    }
    found = sdk.groups.get_group_by_id(made.id)
    assert set(found.raw_data) == {"type", "id", "name", "group_type", "created_at", "modified_at"}
    changed = sdk.groups.update_group_by_id(made.id, name=name)
    assert changed.raw_data == found.raw_data, "its own name is free for it"
    assert sdk.groups.update_group_by_id(made.id).raw_data == found.raw_data
    with refused(409, "conflict", "group_tag_name") as caught:
        sdk.groups.create_group(name)
    assert caught.value.response_info.context_info["conflicts"] == [{"type": "group", "id": made.id}]
    other = world.group()
    with refused(409, "conflict", "group_tag_name"):
        sdk.groups.update_group_by_id(other, name=name)
    member = world.member(made.id, world.user())
    sdk.groups.delete_group_by_id(made.id)
    for gone in (
        lambda: sdk.groups.get_group_by_id(made.id),
        lambda: sdk.groups.delete_group_by_id(made.id),
        lambda: sdk.memberships.get_group_membership_by_id(member.id),
    ):
        with refused(404, "not_found"):
            gone()
    assert sdk.groups.create_group(name).id != made.id


def test_of_equal_names_one_is_made(world):
    name = world.fresh("Group ")
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: world.send("POST", "/2.0/groups", json={"name": name}).status_code, range(16)))
    assert statuses == [201] + [409] * 15


def test_groups_by_the_beginning_of_their_name(world, sdk):
    word = world.fresh("Ünit%_\\")
    made = [world.group(f"{word} {n}") for n in range(3)]
    world.group(f"not {word}")
    page = sdk.groups.get_groups(filter_term=word.upper(), limit=2)
    assert (page.total_count, page.limit, [g.id for g in page.entries]) == (3, 2, made[:2])
    assert [g.id for g in sdk.groups.get_groups(filter_term=word, offset=2).entries] == made[2:]


def test_groups_with_others_below_stay(world, sdk, group):
    world.native.post("/organizations", {"name": world.fresh(), "parent_id": group})
    with refused(403, DENIED):
        sdk.groups.delete_group_by_id(group)


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"name": "x", "description": "x" * 256}, "description"),
        ({"name": "x", "member_viewability_level": "nobody"}, "member_viewability_level"),
    ],
)
def test_groups_that_cannot_be(world, body, parameter):
    response = world.send("POST", "/2.0/groups", json=body)
    assert response.status_code == 400
    assert response.json()["context_info"]["errors"][0]["name"] == parameter


def test_a_user_from_the_beginning_to_the_end(world, sdk):
    login = world.address("Alison")
    made = sdk.users.create_user("Alison van Wonderland", login=login.upper(), job_title="CTO", role=CreateUserRole.COADMIN)
    raw = made.raw_data
    assert (raw["name"], raw["login"], raw["job_title"], raw["phone"]) == ("Alison van Wonderland", login.lower(), "CTO", "")
    assert (raw["space_amount"], raw["space_used"], raw["max_upload_size"], raw["status"]) == (-1, 0, 0, "active")
    assert (raw["language"], raw["timezone"], raw["notification_email"]) == ("en", "UTC", None)
    fields = ["role", "enterprise", "tracking_codes", "is_sync_enabled"]
    assert sdk.users.get_user_by_id(made.id, fields=fields).raw_data == {
        "type": "user",
        "id": made.id,
        "role": "coadmin",
        "tracking_codes": [],
        "is_sync_enabled": False,
        "enterprise": sdk.users.get_user_me(fields=["enterprise"]).raw_data["enterprise"],
    }
    changed = sdk.users.update_user_by_id(
        made.id, role=UpdateUserByIdRole.USER, status=UpdateUserByIdStatus.CANNOT_DELETE_EDIT, fields=["role", "status"]
    )
    assert (changed.raw_data["role"], changed.raw_data["status"]) == ("user", "cannot_delete_edit")
    with refused(409, "user_login_already_used", "login"):
        world.user(login=login)
    with refused(409, "user_login_already_used", "login"):
        sdk.users.update_user_by_id(world.user(), login=login)
    membership = world.member(world.group(), made.id)
    sdk.users.delete_user_by_id(made.id, notify=True, force=False)
    with refused(404, "not_found", "user"):
        sdk.users.get_user_by_id(made.id)
    with refused(404, "not_found", "group_membership"):
        sdk.memberships.get_group_membership_by_id(membership.id)
    assert world.user(login=login) != made.id


def test_who_owns_an_organization_is_deleted_by_force(world, sdk, group, user):
    world.member(group, user)
    world.native.put(f"/organizations/{group}/owner", {"user_id": user})
    with refused(400, "bad_request", "force"):
        sdk.users.delete_user_by_id(user)
    sdk.users.delete_user_by_id(user, force=True)


def test_app_users_need_no_login(world, sdk):
    made = sdk.users.create_user("App", is_platform_access_only=True, external_app_user_id=world.fresh())
    assert made.login.endswith("@no-address.invalid")
    assert sdk.users.update_user_by_id(made.id, login=made.login).login == made.login
    external = sdk.users.get_user_by_id(made.id, fields=["external_app_user_id"]).raw_data["external_app_user_id"]
    page = sdk.users.get_users(external_app_user_id=external)
    assert [u.id for u in page.entries] == [made.id]


def test_the_service_account(world, sdk, user):
    me = sdk.users.get_user_me(fields=["role", "name", "login", "enterprise"]).raw_data
    assert (me["role"], me["type"]) == ("admin", "user")
    assert sdk.users.get_user_by_id(me["id"]).id == me["id"]
    assert me["id"] not in [u.id for u in sdk.users.get_users(limit=1000).entries]
    assert sdk.memberships.get_user_memberships("me").total_count == 0
    for change in (sdk.users.update_user_by_id, sdk.users.delete_user_by_id):
        with refused(403, DENIED):
            change(me["id"])
        with refused(403, DENIED):
            change("me")
    assert world.as_user(user).users.get_user_me().id == user


def test_users_by_name_and_login(world, sdk):
    word = world.fresh("Zoë_")
    by_name = world.user(name=f"{word.upper()} Miller")
    login = world.address("by.login")
    by_login = world.user(login=login)
    assert [u.id for u in sdk.users.get_users(filter_term=word).entries] == [by_name]
    assert [u.id for u in sdk.users.get_users(filter_term=login[:-5].upper()).entries] == [by_login]
    assert sdk.users.get_users(filter_term=word, user_type="external").total_count == 0
    with refused(400, "bad_request", "user_type"):
        sdk.users.get_users(user_type="robots")


def test_walking_by_marker(world, sdk):
    word = world.fresh("Walker")
    made = [world.user(name=f"{word} {n}") for n in range(5)]
    seen, marker = [], None
    while True:
        page = sdk.users.get_users(filter_term=word, usemarker=True, limit=2, marker=marker)
        assert set(page.raw_data) == {"limit", "next_marker", "entries"}
        seen += [u.id for u in page.entries]
        marker = page.next_marker
        if not marker:
            break
        made.append(world.user(name=f"{word} late")) if len(made) < 7 else None
    assert seen == made[: len(seen)] and len(seen) >= 5
    with refused(400, "bad_request", "marker"):
        sdk.users.get_users(usemarker=True, marker="not-ours")


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"login": "a@b.example"}, "name"),
        ({"name": "A"}, "login"),
        ({"name": "", "login": "a@b.example"}, "name"),
        ({"name": "x" * 51, "login": "a@b.example"}, "name"),
        ({"name": "A", "login": "none"}, "login"),
        ({"name": "A", "login": "1@no-address.invalid"}, "login"),
        ({"name": "A", "login": "a@b.example", "role": "admin"}, "role"),
        ({"name": "A", "login": "a@b.example", "status": "asleep"}, "status"),
        ({"name": "A", "login": "a@b.example", "job_title": "x" * 101}, "job_title"),
        ({"name": "A", "login": "a@b.example", "space_amount": "all"}, "space_amount"),
    ],
)
def test_users_that_cannot_be(world, body, parameter):
    response = world.send("POST", "/2.0/users", json=body)
    assert response.status_code == 400, response.text
    assert response.json()["context_info"]["errors"][0]["name"] == parameter


def test_nobody_leaves_the_enterprise(world, user):
    assert world.send("PUT", f"/2.0/users/{user}", json={"enterprise": None}).status_code == 403


def test_an_inactive_user_is_nobody(world, sdk, user):
    client = world.as_user(user)
    token = client.auth.retrieve_token(network_session=world.network).access_token
    sdk.users.update_user_by_id(user, status=CreateUserStatus.INACTIVE.value)
    assert world.send("GET", "/2.0/users/me", key=token).status_code == 401
    assert world.token(box_subject_type="user", box_subject_id=user).json()["error"] == "invalid_grant"
    sdk.users.update_user_by_id(user, status=CreateUserStatus.ACTIVE.value)
    assert world.send("GET", "/2.0/users/me", key=token).status_code == 200
