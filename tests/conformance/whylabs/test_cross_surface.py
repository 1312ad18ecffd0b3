"""What is made through one surface is seen on the other, and what one can't show survives there."""

import pytest

from .world import Sdk, refused


@pytest.fixture
def place(world, native):
    """An organization and a user, each with its native form, made natively."""
    organization = native.post("/organizations", {"name": world.fresh("Acme ")})
    user = native.post("/users", {"email": world.address("Ada"), "first_name": "Ada"})
    return organization, user


def member(native, organization, user):
    return native.get(f"/organizations/{organization['id']}/memberships/{user['id']}")


def test_native_is_seen_by_the_sdk(world, native, place):
    organization, user = place
    org_id, user_id = organization["ids"]["whylabs"], user["ids"]["whylabs"]
    native.post(
        f"/organizations/{organization['id']}/memberships",
        {"user_id": user["id"], "roles": ["admin"], "default": True},
    )
    sdk = world.sdk(org_id)
    (seen,) = sdk.memberships.list_organization_memberships(org_id).memberships
    assert seen.to_dict() == {
        "org_id": org_id,
        "default": True,
        "role": "ADMIN",
        "user_id": user_id,
        "email": user["email"],
    }
    assert world.root.get_organization(org_id)["name"] == organization["name"]
    assert world.root.get_user(user_id)["email"] == user["email"]

    native.patch(f"/organizations/{organization['id']}/memberships/{user['id']}", {"roles": ["viewer"], "default": False})
    assert sdk.members(org_id) == {user["email"]: ("VIEWER", False)}
    native.delete(f"/organizations/{organization['id']}/memberships/{user['id']}")
    assert sdk.members(org_id) == {}


def test_the_sdk_is_seen_natively(world, native, place):
    organization, user = place
    org_id = organization["ids"]["whylabs"]
    sdk = world.sdk(org_id)
    after = native.events()[-1]["sequence"]
    sdk.memberships.create_organization_membership(org_id, user["email"].upper(), "MEMBER", set_default=True)
    seen = member(native, organization, user)
    assert (seen["roles"], seen["default"], seen["organization_id"]) == (["member"], True, organization["id"])
    sdk.memberships.update_organization_membership(org_id, user["email"], "ADMIN")
    assert member(native, organization, user)["roles"] == ["admin"]
    sdk.memberships.remove_organization_membership(org_id, user["email"])
    gone = native.call("GET", f"/organizations/{organization['id']}/memberships/{user['id']}")
    assert gone.status_code == 404
    events = native.events(after)
    assert [event["sequence"] for event in events] == list(range(after + 1, after + 1 + len(events)))
    about = [event["type"] for event in events if event["type"].startswith("membership.")]
    assert about == ["membership.added", "membership.updated", "membership.removed"]


def test_the_other_way_round_for_all_that_whylabs_makes(world, native):
    account = world.account(name=world.fresh("Account "))
    managed = world.root.create_organization("Managed", parent_org_id=account.id, email_domains="acme.example")
    email = world.address()
    made = account.b.create_account_user(account.id, email=email, externalId="e", userSchema="s")

    organization = native.get(f"/organizations/{managed['id']}")
    assert (organization["name"], organization["email_domains"]) == ("Managed", ["acme.example"])
    parent = native.get(f"/organizations/{organization['parent_id']}")
    assert parent["ids"]["whylabs"] == account.id
    user = native.get(f"/users/{made['userId']}")
    assert (user["email"], user["ids"]["whylabs"]) == (email, made["userId"])
    record = native.get(f"/organizations/{account.id}/account-users/{made['userId']}")
    assert (record["external_id"], record["user_schema"], record["active"]) == ("e", "s", True)

    native.delete(f"/organizations/{account.id}/account-users/{made['userId']}")
    with refused(404, "ResourceNotFound"):
        account.b.get_account_user_by_id(account.id, made["userId"])
    native.delete(f"/users/{user['id']}")
    with refused(404, "UserNotFound"):
        world.root.get_user(made["userId"])
    native.delete(f"/organizations/{managed['id']}")
    with refused(404, "ResourceNotFound"):
        world.root.get_organization(managed["id"])


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("owner", "ADMIN"),
        ("admin", "ADMIN"),
        ("member", "MEMBER"),
        ("viewer", "VIEWER"),
        ("sysadmin", "MEMBER"),
        ("support", "MEMBER"),
        ("business", "MEMBER"),
        ("site_access", "MEMBER"),
    ],
)
def test_writing_back_what_is_shown_changes_nothing(world, native, place, role, shown):
    organization, user = place
    native.post(
        f"/organizations/{organization['id']}/memberships",
        {"user_id": user["id"], "roles": ["member" if role == "owner" else role], "private_metadata": {"a": 1 << 60}},
    )
    if role == "owner":
        native.put(f"/organizations/{organization['id']}/owner", {"user_id": user["id"]})
    org_id, email = organization["ids"]["whylabs"], user["email"]
    sdk = world.sdk(org_id)
    before = member(native, organization, user)
    assert before["roles"] == [role]
    assert sdk.members(org_id) == {email: (shown, False)}
    events = len(native.events())

    assert sdk.memberships.update_organization_membership(org_id, email, shown).role.value == shown
    world.root.update_membership_by_email(orgId=org_id, email=email, role=shown)
    assert member(native, organization, user) == before
    assert len(native.events()) == events


@pytest.mark.parametrize(("base", "shown"), [("admin", "ADMIN"), ("member", "MEMBER"), ("viewer", "VIEWER"), (None, "VIEWER")])
def test_roles_of_ones_own_survive(world, native, place, base, shown):
    organization, user = place
    key = world.fresh("clerk_")
    native.post("/roles", {"key": key, **({"base": base} if base else {})})
    native.post(f"/organizations/{organization['id']}/memberships", {"user_id": user["id"], "roles": [key]})
    org_id, email = organization["ids"]["whylabs"], user["email"]
    sdk = world.sdk(org_id)
    before = member(native, organization, user)
    assert sdk.members(org_id) == {email: (shown, False)}
    sdk.memberships.update_organization_membership(org_id, email, shown)
    assert member(native, organization, user) == before
    # Another role than the one shown does replace it.
    other = "MEMBER" if shown != "MEMBER" else "VIEWER"
    sdk.memberships.update_organization_membership(org_id, email, other)
    assert member(native, organization, user)["roles"] == [other.lower()]


def test_of_several_roles_the_highest_is_shown_and_all_survive(world, native, place):
    organization, user = place
    native.post(
        f"/organizations/{organization['id']}/memberships", {"user_id": user["id"], "roles": ["viewer", "support"]}
    )
    org_id = organization["ids"]["whylabs"]
    sdk = world.sdk(org_id)
    assert sdk.members(org_id) == {user["email"]: ("MEMBER", False)}
    before = member(native, organization, user)
    sdk.memberships.update_organization_membership(org_id, user["email"], "MEMBER")
    assert member(native, organization, user) == before
    assert sorted(before["roles"]) == ["support", "viewer"]


def test_the_account_operations_leave_roles_as_they_are(world, native):
    account = world.account()
    managed = account.managed()
    (user_id,) = account.users(1)
    native.post(f"/organizations/{managed}/memberships", {"user_id": user_id, "roles": ["support"]})
    before = native.get(f"/organizations/{managed}/memberships/{user_id}")
    assert account.members(managed) == {"MEMBER": {user_id}}
    assert account.b.put_organization_memberships(account.id, managed, "MEMBER", [user_id]) == []
    assert account.b.patch_organization_memberships(account.id, managed, "MEMBER", [user_id]) == []
    assert native.get(f"/organizations/{managed}/memberships/{user_id}") == before


def test_the_owner_is_protected(world, native, place):
    organization, user = place
    native.post(f"/organizations/{organization['id']}/memberships", {"user_id": user["id"], "roles": ["member"]})
    native.put(f"/organizations/{organization['id']}/owner", {"user_id": user["id"]})
    org_id, email = organization["ids"]["whylabs"], user["email"]
    sdk = world.sdk(org_id)
    before = member(native, organization, user)
    for role in ("MEMBER", "VIEWER"):
        with refused(400, "IllegalArgument"):
            sdk.memberships.update_organization_membership(org_id, email, role)
    with refused(400, "IllegalArgument"):
        sdk.memberships.remove_organization_membership(org_id, email)
    with refused(400, "IllegalArgument"):
        world.root.remove_membership_by_email(orgId=org_id, email=email)
    assert member(native, organization, user) == before


def test_the_owner_is_an_items_matter_in_an_account(world, native):
    account = world.account()
    managed = account.managed()
    owner, other = account.users(2)
    native.post(f"/organizations/{managed}/memberships", {"user_id": owner, "roles": ["member"]})
    native.put(f"/organizations/{managed}/owner", {"user_id": owner})
    for call in (
        lambda: account.b.put_organization_memberships(account.id, managed, "ADMIN", [other]),
        lambda: account.b.put_organization_memberships(account.id, managed, "VIEWER", [owner]),
        lambda: account.b.patch_organization_memberships(account.id, managed, "ADMIN", delete=[owner]),
        lambda: account.b.patch_organization_memberships(account.id, managed, "MEMBER", [owner]),
    ):
        (error,) = call()
        assert (error["itemId"], error["errorCode"]) == (owner, 409), error
        assert native.get(f"/organizations/{managed}/memberships/{owner}")["roles"] == ["owner"]
    # To be set to the role that is shown is no change, and no error.
    assert account.b.put_organization_memberships(account.id, managed, "ADMIN", [owner, other]) == []
    assert native.get(f"/organizations/{managed}/memberships/{owner}")["roles"] == ["owner"]
    assert account.members(managed) == {"ADMIN": {owner, other}}


def test_users_without_an_address_are_shown_with_one(world, native, place):
    organization, _ = place
    org_id = organization["ids"]["whylabs"]
    user = native.post("/users", {"username": world.fresh("robot")})
    assert user["email"] is None
    native.post(f"/organizations/{organization['id']}/memberships", {"user_id": user["id"], "roles": ["member"]})
    sdk = world.sdk(org_id)
    (email,) = sdk.members(org_id)
    assert sdk.memberships.update_organization_membership(org_id, email, "ADMIN").user_id == user["ids"]["whylabs"]
    shown = world.root.get_user(user["ids"]["whylabs"])
    assert shown["email"] == email
    assert world.root.update_user(**shown) == shown
    assert native.get(f"/users/{user['id']}")["email"] is None
    sdk.memberships.remove_organization_membership(org_id, email)
    assert sdk.members(org_id) == {}


def test_keys_of_one_surface_open_the_other(world, native, place):
    organization, _ = place
    org_id = organization["ids"]["whylabs"]
    made = native.post("/tokens", {"kind": "organization", "organization_id": organization["id"], "roles": ["admin"]})
    assert Sdk(world.url, made["secret"]).members(org_id) == {}
    native.delete(f"/tokens/{made['id']}")
    with refused(403, "Forbidden"):
        Sdk(world.url, made["secret"]).members(org_id)

    key = world.key(org_id, [":administrator"])
    header = {"Authorization": f"Bearer {key.split(':')[0]}"}
    path = f"/organizations/{organization['id']}/memberships"
    assert native.call("GET", path, headers=header).status_code == 200
    assert native.call("GET", "/users", headers=header).status_code in (403, 404)
    other = native.post("/organizations", {"name": world.fresh("Other ")})
    assert native.call("GET", f"/organizations/{other['id']}/memberships", headers=header).status_code in (403, 404)


def test_a_key_dies_with_its_user(world, native, organization):
    user_id, _ = world.user()
    sdk = Sdk(world.url, world.key(organization, [":administrator"], user_id))
    assert sdk.members(organization) == {}
    native.delete(f"/users/{user_id}")
    with refused(403, "Forbidden"):
        sdk.members(organization)


def test_writes_tell_their_position(world, native, organization):
    _, email = world.user()
    path = f"/v0/organizations/{organization}/membership"
    last = native.events()[-1]["sequence"]
    for method, query in [
        ("POST", {"email": email, "role": "VIEWER"}),
        ("PUT", {"email": email, "role": "ADMIN"}),
        ("DELETE", {"email": email}),
    ]:
        position = int(world.send(method, path, query=query).headers["Roster-Sequence"])
        assert position > last
        assert native.events(position - 1)[0]["sequence"] == position
        last = position


def test_both_surfaces_agree_on_who_is_there(world, native):
    account = world.account()
    managed = account.managed()
    users = account.users(9)
    for number, role in enumerate(("ADMIN", "MEMBER", "VIEWER")):
        account.b.put_organization_memberships(account.id, managed, role, users[number * 3 : number * 3 + 3])
    listed = native.get(f"/organizations/{managed}/memberships", limit=100, total="true")
    assert listed["total"] == 9
    natively = {item["user"]["email"]: item["roles"] for item in listed["items"]}
    sdk = world.sdk(managed)
    assert natively == {email: [role.lower()] for email, (role, _) in sdk.members(managed).items()}


def test_native_ids_are_understood(world, native, place):
    """As in the README: what the native API answered is pasted into a script with the vendor's client."""
    organization, user = place
    native.post(f"/organizations/{organization['id']}/memberships", {"user_id": user["id"], "roles": ["admin"]})
    (seen,) = world.root_sdk.memberships.list_organization_memberships(organization["id"]).memberships
    assert (seen.org_id, seen.user_id) == (organization["ids"]["whylabs"], user["ids"]["whylabs"])
    assert world.root.get_user(user["id"])["email"] == user["email"]
