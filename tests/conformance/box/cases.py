"""Every operation and every refusal of the contract, in words that each of Box's clients is taught by an adapter.

An adapter has the operations below with the vendor's own names and answers plain JSON. It raises `Refused` for what the client raises
when the server says no, and `Lacks` for what the client has no way to send.
"""

from .world import ALL, DENIED, NONE


class Refused(Exception):
    """What the client told of a refusal. `code` is `None` where it doesn't read what was answered."""

    def __init__(self, status, code, name=None, context=None):
        super().__init__(f"{status} {code} {name}")
        self.status, self.code, self.name, self.context = status, code, name, context


class Lacks(Exception):
    """The client has no such operation or parameter."""


CASES = []
NOTHING = "100000"


def case(status, code, name, of=None):
    """`of`: the parameter at fault."""

    def add(run):
        CASES.append((f"{code} {of or ''}: {name}", status, code, of, run))
        return run

    return add


class Place:
    """Makes what a case needs, through the client that is tried."""

    def __init__(self, world, client):
        self.world, self.client = world, client

    def user(self, **fields):
        return self.client.create_user(self.world.fresh("User "), self.world.address(), **fields)["id"]

    def group(self, **fields):
        return self.client.create_group(self.world.fresh("Group "), **fields)["id"]

    def pair(self, **fields):
        user, group = self.user(), self.group()
        return self.client.create_membership(user, group, **fields)["id"], user, group

    def member(self):
        """A client of an ordinary member, the membership, and the group."""
        membership, user, group = self.pair()
        return self.client.granted(user), membership, group


def check(world, client, entry):
    _, status, code, of, run = entry
    try:
        run(Place(world, client))
    except Refused as refused:
        assert refused.status == status, refused
        if refused.code is not None:
            assert refused.code == code, refused
            assert of is None or refused.name == of, refused
        return
    raise AssertionError(f"it was not refused with {status} {code}")


@case(401, "unauthorized", "an unknown token")
def _(p):
    p.client.with_token("not-a-token-at-all").me()


@case(401, "unauthorized", "a revoked token")
def _(p):
    token = p.world.token(box_subject_type="user", box_subject_id=p.user()).json()["access_token"]
    p.world.send(
        "POST", "/oauth2/revoke", key=None, data={"client_id": "t", "client_secret": p.world.key, "token": token}
    )
    p.client.with_token(token).me()


# Memberships.


@case(404, "not_found", "add nobody", of="user")
def _(p):
    p.client.create_membership(NOTHING, p.group())


@case(404, "not_found", "a group is no user", of="user")
def _(p):
    p.client.create_membership(p.group(), p.group())


@case(404, "not_found", "add to no group", of="group")
def _(p):
    p.client.create_membership(p.user(), NOTHING)


@case(400, "bad_request", "an unknown role", of="role")
def _(p):
    p.client.create_membership(p.user(), p.group(), role="owner")


@case(400, "bad_request", "an unknown permission", of="configurable_permissions")
def _(p):
    p.client.create_membership(p.user(), p.group(), role="admin", configurable_permissions={"can_fly": True})


@case(409, "conflict", "twice in a group", of="user")
def _(p):
    membership, user, group = p.pair()
    try:
        p.client.create_membership(user, group, role="admin")
    except Refused as refused:
        assert refused.context["conflicts"] == [{"type": "group_membership", "id": membership}]
        raise


@case(403, DENIED, "a member adds nobody")
def _(p):
    client, _, group = p.member()
    client.create_membership(p.user(), group)


@case(403, DENIED, "a group's admin adds nobody")
def _(p):
    _, user, group = p.pair(role="admin")
    p.client.granted(user).create_membership(p.user(), group)


@case(404, "not_found", "get no membership", of="group_membership")
def _(p):
    p.client.get_membership(NOTHING)


@case(403, DENIED, "a member reads not even the own")
def _(p):
    client, membership, _ = p.member()
    client.get_membership(membership)


@case(404, "not_found", "change no membership", of="group_membership")
def _(p):
    p.client.update_membership(NOTHING, role="admin")


@case(400, "bad_request", "change to an unknown role", of="role")
def _(p):
    p.client.update_membership(p.pair()[0], role="Admin")


@case(400, "bad_request", "change to permissions that are none", of="configurable_permissions")
def _(p):
    p.client.update_membership(p.pair(role="admin")[0], configurable_permissions={"can_run_reports": "yes"})


@case(403, DENIED, "a member changes nobody")
def _(p):
    client, membership, _ = p.member()
    client.update_membership(membership, role="admin")


@case(403, DENIED, "the owner is not demoted")
def _(p):
    membership, user, group = p.pair()
    p.world.native.put(f"/organizations/{group}/owner", {"user_id": user})
    p.client.update_membership(membership, role="member")


@case(403, DENIED, "the owner is not removed")
def _(p):
    membership, user, group = p.pair()
    p.world.native.put(f"/organizations/{group}/owner", {"user_id": user})
    p.client.delete_membership(membership)


@case(404, "not_found", "remove twice", of="group_membership")
def _(p):
    membership, _, _ = p.pair()
    p.client.delete_membership(membership)
    p.client.delete_membership(membership)


@case(403, DENIED, "a member removes nobody")
def _(p):
    client, membership, _ = p.member()
    client.delete_membership(membership)


@case(404, "not_found", "members of no group", of="group")
def _(p):
    p.client.group_memberships(NOTHING)


@case(400, "bad_request", "a limit of nothing", of="limit")
def _(p):
    p.client.group_memberships(p.group(), limit=-1)


@case(400, "bad_request", "an offset too far", of="offset")
def _(p):
    p.client.group_memberships(p.group(), offset=10001)


@case(403, DENIED, "members of a group that only admins see")
def _(p):
    user, group = p.user(), p.group(member_viewability_level="admins_only")
    p.client.create_membership(user, group)
    p.client.granted(user).group_memberships(group)


@case(404, "not_found", "groups of nobody", of="user")
def _(p):
    p.client.user_memberships(NOTHING)


@case(400, "bad_request", "an offset below nothing", of="offset")
def _(p):
    p.client.user_memberships(p.user(), offset=-1)


@case(403, DENIED, "groups of another")
def _(p):
    p.member()[0].user_memberships(p.user())


# Groups.


@case(409, "conflict", "a name in use", of="group_tag_name")
def _(p):
    name = p.world.fresh("Group ")
    first = p.client.create_group(name)["id"]
    try:
        p.client.create_group(name)
    except Refused as refused:
        assert refused.context["conflicts"] == [{"type": "group", "id": first}]
        raise


@case(409, "conflict", "renamed to a name in use", of="group_tag_name")
def _(p):
    name = p.world.fresh("Group ")
    p.client.create_group(name)
    p.client.update_group(p.group(), name=name)


@case(400, "bad_request", "a blank name", of="name")
def _(p):
    p.client.create_group(" ")


@case(400, "bad_request", "a long description", of="description")
def _(p):
    p.group(description="x" * 256)


@case(400, "bad_request", "an unknown level", of="member_viewability_level")
def _(p):
    p.client.update_group(p.group(), member_viewability_level="nobody")


@case(403, DENIED, "a member makes no group")
def _(p):
    p.member()[0].create_group(p.world.fresh("Group "))


@case(403, DENIED, "a member lists no groups")
def _(p):
    p.member()[0].groups()


@case(400, "bad_request", "groups too far away", of="offset")
def _(p):
    p.client.groups(offset=10001)


@case(404, "not_found", "get no group", of="group")
def _(p):
    p.client.get_group(NOTHING)


@case(403, DENIED, "a stranger reads no group")
def _(p):
    p.member()[0].get_group(p.group())


@case(404, "not_found", "change no group", of="group")
def _(p):
    p.client.update_group(NOTHING, description="d")


@case(403, DENIED, "a member changes no group")
def _(p):
    client, _, group = p.member()
    client.update_group(group, description="d")


@case(404, "not_found", "delete a group twice", of="group")
def _(p):
    group = p.group()
    p.client.delete_group(group)
    p.client.delete_group(group)


@case(403, DENIED, "a member deletes no group")
def _(p):
    client, _, group = p.member()
    client.delete_group(group)


@case(403, DENIED, "a group with others below stays")
def _(p):
    group = p.group()
    p.world.native.post("/organizations", {"name": p.world.fresh(), "parent_id": group})
    p.client.delete_group(group)


# Users.


@case(409, "user_login_already_used", "a login in use", of="login")
def _(p):
    login = p.world.address()
    p.client.create_user("A", login)
    p.client.create_user("B", login.upper())


@case(409, "user_login_already_used", "changed to a login in use", of="login")
def _(p):
    login = p.world.address()
    p.client.create_user("A", login)
    p.client.update_user(p.user(), login=login)


@case(400, "bad_request", "no login", of="login")
def _(p):
    p.client.create_user("A", "none")


@case(400, "bad_request", "a long name", of="name")
def _(p):
    p.client.create_user("x" * 51, p.world.address())


@case(400, "bad_request", "an unknown status", of="status")
def _(p):
    p.user(status="asleep")


@case(400, "bad_request", "nobody is made an admin", of="role")
def _(p):
    p.client.update_user(p.user(), role="admin")


@case(400, "bad_request", "a long job title", of="job_title")
def _(p):
    p.user(job_title="x" * 101)


@case(403, DENIED, "a member makes no user")
def _(p):
    p.member()[0].create_user("A", p.world.address())


@case(403, DENIED, "a member lists no users")
def _(p):
    p.member()[0].users()


@case(400, "bad_request", "users of an unknown type", of="user_type")
def _(p):
    p.client.users(user_type="robots")


@case(404, "not_found", "get nobody", of="user")
def _(p):
    p.client.get_user(NOTHING)


@case(403, DENIED, "another's data, there or not")
def _(p):
    p.member()[0].get_user(NOTHING)


@case(404, "not_found", "change nobody", of="user")
def _(p):
    p.client.update_user(NOTHING, job_title="x")


@case(403, DENIED, "nobody changes himself")
def _(p):
    membership, user, _ = p.pair()
    p.client.granted(user).update_user(user, job_title="x")


@case(403, DENIED, "the service account is not changed")
def _(p):
    p.client.update_user(p.client.me()["id"], job_title="x")


@case(404, "not_found", "delete a user twice", of="user")
def _(p):
    user = p.user()
    p.client.delete_user(user)
    p.client.delete_user(user)


@case(400, "bad_request", "an owner is deleted by force only", of="force")
def _(p):
    _, user, group = p.pair()
    p.world.native.put(f"/organizations/{group}/owner", {"user_id": user})
    p.client.delete_user(user)


@case(403, DENIED, "a member deletes nobody")
def _(p):
    p.member()[0].delete_user(p.user())


# As another.


@case(404, "not_found", "as nobody", of="user")
def _(p):
    p.client.as_user(NOTHING).me()


@case(403, DENIED, "a member acts as nobody")
def _(p):
    p.member()[0].as_user(p.user()).me()


def everything_goes_well(world, client):
    """Each operation once, with what it must answer."""
    name, login = world.fresh("Grüppe "), world.address()
    group = client.create_group(name, description="d", fields=["description", "name"])
    assert group == {"type": "group", "id": group["id"], "name": name, "description": "d"}
    assert client.get_group(group["id"])["group_type"] == "managed_group"
    assert client.update_group(group["id"], member_viewability_level="admins_only")["name"] == name
    found = client.groups(filter_term=name[:-1].upper())
    assert group["id"] in [entry["id"] for entry in found["entries"]] and found["total_count"] >= 1

    user = client.create_user("Ada van Lovelace", login.upper(), job_title="CTO")
    assert (user["login"], user["job_title"], user["name"]) == (login, "CTO", "Ada van Lovelace")
    assert client.get_user(user["id"], fields=["role"])["role"] == "user"
    assert client.update_user(user["id"], phone="+1")["phone"] == "+1"
    assert [entry["id"] for entry in client.users(filter_term=login)["entries"]] == [user["id"]]
    assert client.me(fields=["role"])["role"] == "admin"

    # Who has no address is found by the one that is shown instead.
    app = client.create_user(world.fresh("App "), None, is_platform_access_only=True)
    assert app["login"] == f"{app['id']}@no-address.invalid"
    for term in (app["login"], app["login"].upper(), app["id"]):
        assert [entry["id"] for entry in client.users(filter_term=term)["entries"]] == [app["id"]]
    assert client.users(filter_term=f"{app['id']}@no-address.invalids")["entries"] == []

    made = client.create_membership(user["id"], group["id"], role="admin", configurable_permissions=None)
    assert (made["type"], made["role"], made["configurable_permissions"]) == ("group_membership", "admin", NONE)
    assert (made["user"]["id"], made["group"]["id"]) == (user["id"], group["id"])
    shown = client.get_membership(made["id"], fields=["role"])
    assert shown == {"type": "group_membership", "id": made["id"], "role": "admin"}
    some = client.update_membership(made["id"], configurable_permissions={"can_run_reports": False})
    assert some["configurable_permissions"] == {**ALL, "can_run_reports": False}
    demoted = client.update_membership(made["id"], role="member")
    assert (demoted["role"], demoted["configurable_permissions"]) == ("member", NONE)
    # Nothing but the role: the permissions begin anew.
    assert client.update_membership(made["id"], role="admin")["configurable_permissions"] == ALL
    for page in (client.group_memberships(group["id"], limit=1), client.user_memberships(user["id"], limit=1)):
        assert [entry["id"] for entry in page["entries"]] == [made["id"]]
    granted = client.granted(user["id"])
    assert granted.me()["id"] == client.as_user(user["id"]).me()["id"] == user["id"]
    assert [entry["id"] for entry in granted.user_memberships("me")["entries"]] == [made["id"]]
    client.delete_membership(made["id"])
    again = client.create_membership(user["id"], group["id"])
    assert again["id"] != made["id"] and again["role"] == "member"
    client.delete_user(user["id"], notify=False, force=True)
    assert client.group_memberships(group["id"])["entries"] == []
    client.delete_user(app["id"])
    client.delete_group(group["id"])
