"""Logins, sessions, organizations, customers, invites, the log: what stands around the core."""

import datetime
import re

import requests

from .conftest import UNKNOWN


def session_of(world, email, password="secret", **query):
    """The cookie of a new session, and what was answered."""
    answer = requests.post(
        f"{world.url}/enhance/login/sessions", json={"email": email, "password": password}, params=query, timeout=30
    )
    assert answer.status_code == 200, answer.text
    assert re.fullmatch(r"id0=[!-~]{20,}; Path=/; HttpOnly; SameSite=Lax", answer.headers["Set-Cookie"])
    return answer.cookies["id0"], answer.json()


def test_logins(world, org):
    email = world.address("Ada")
    login = world.login(org, email, name="Ada")
    logins = world.realm.get_logins(world.master)
    shown = next(one for one in logins.items if one.id == login)
    assert (shown.email, shown.name, shown.auth_method, shown.locale) == (email.lower(), "Ada", "basic", "en")
    assert datetime.datetime.fromisoformat(shown.registered_at.replace("Z", "+00:00")).tzinfo
    assert logins.total == len(logins.items)
    assert [one.id for one in world.realm.get_logins(org).items] == [login], "made for it, though no member"
    assert world.realm.get_org_logins(org).total == 0
    world.member(org, login, "Support")
    assert [one.id for one in world.realm.get_org_logins(org, sort_by="email", sort_order="desc").items] == [login]
    assert world.realm.get_logins(sort_by="registrationDate", limit=1).items
    info = {"email": email.upper(), "password": "x", "name": "x"}
    world.refused(409, world.realm.create_login, org, info)
    world.refused(404, world.realm.create_login, UNKNOWN, info)
    for broken in ({"email": "no address"}, {"password": ""}, {"name": ""}):
        world.refused(400, world.realm.create_login, org, {**info, "email": world.address(), **broken})
    weak = world.acting(org, "Business")
    world.refused(403, weak.create_login, org, info)
    world.refused(403, weak.get_logins)
    world.refused(403, world.acting(org, "SuperAdmin").get_logins)
    world.refused(403, weak.get_org_logins, org)
    world.refused(404, world.realm.get_org_logins, UNKNOWN)
    for call in (world.client().get_logins, lambda: world.client().create_login(org, info)):
        world.refused(401, call)
    answer = requests.post(f"{world.url}/enhance/logins", json=info, headers={"Authorization": f"Bearer {world.server.key}"}, timeout=30)
    assert answer.status_code == 400, "orgId is needed"


def test_sessions(world, org):
    email = world.address("ada")
    login = world.login(org, email)
    member = world.member(org, login, "SuperAdmin", "SiteAccess")
    made = world.client().create_session({"email": email.upper(), "password": "secret"}, realm_id=org)
    assert [(m.member_id, m.org_id, m.is_master_org, m.site_access_count) for m in made.memberships] == [(member, org, False, 0)]
    cookie, body = session_of(world, email)
    assert body["memberships"][0]["orgName"]
    other, _ = session_of(world, email, realmId=org)
    for client in (world.client(cookie=cookie), world.client(header=f"id0={cookie}")):
        assert client.get_login().id == login
        assert client.get_members(org).total == 1
    # The vendor's description says of this one that it needs no session, so its client sends none by itself.
    mine = world.client(header=f"id0={cookie}")
    assert len(mine.get_sessions().items) == 3
    sessions = mine.get_sessions().items
    assert cookie not in str(sessions) and {s.id for s in sessions}.isdisjoint({cookie})
    stranger = world.address("eve")
    world.login(org, stranger)
    foreign = world.client(cookie=session_of(world, stranger)[0])
    world.refused(404, foreign.delete_session, sessions[2].id)
    world.refused(404, mine.delete_session, UNKNOWN)
    assert mine.delete_session(sessions[2].id) is None
    world.refused(401, world.client(cookie=other).get_login)
    answer = requests.delete(f"{world.url}/enhance/login/sessions/current", cookies={"id0": cookie}, timeout=30)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Set-Cookie"].startswith("id0=; Max-Age=0; Path=/")
    world.refused(401, mine.get_sessions)
    again, _ = session_of(world, email)
    assert world.client(cookie=again).delete_sessions() is None
    world.refused(401, world.client(cookie=again).get_login_memberships)
    last = world.client(cookie=session_of(world, email)[0])
    assert last.delete_current_session() is None
    world.refused(401, last.get_login)
    bodies = []
    for wrong in ({"email": email, "password": "x"}, {"email": world.address(), "password": "secret"}):
        bodies.append(world.refused(401, world.client().create_session, wrong))
    assert bodies[0] == bodies[1]
    for call in ("get_sessions", "delete_sessions", "delete_current_session", "get_login", "get_login_memberships"):
        world.refused(401, getattr(world.realm, call))
        world.refused(401, getattr(world.client(), call))


def test_changing_oneself(world, org):
    email, taken = world.address("ada"), world.address("bob")
    login = world.login(org, email)
    world.login(org, taken)
    member = world.member(org, login, "Support")
    session = world.client(cookie=session_of(world, email)[0])
    session.update_login_info({"name": "Ada Ж", "locale": "de-AT"})
    assert (session.get_login().name, session.get_login().locale) == ("Ada Ж", "de-AT")
    assert world.realm.get_member(org, member).name == "Ada Ж"
    for change in ({"email": world.address()}, {"password": "new"}, {"password": "new", "currentPassword": "wrong"}):
        world.refused(403, session.update_login_info, change)
    for change in ({"email": taken}, {"email": "none"}):
        world.refused(400, session.update_login_info, {**change, "currentPassword": "secret"})
    moved = world.address("new")
    session.update_login_info({"email": moved, "password": "new", "currentPassword": "secret"})
    assert world.realm.get_member(org, member).email == moved and session.get_login().password_last_changed_at
    session_of(world, moved, "new")
    world.refused(401, world.client().create_session, {"email": moved, "password": "secret"})
    world.refused(401, world.realm.update_login_info, {"name": "x"})


def test_organizations(world, org):
    shown = world.realm.get_org(org)
    assert (shown.id, shown.parent_id, shown.subscriptions_count, shown.websites_count) == (org, world.master, 0, 0)
    assert shown.status == world.package.code.Status("active") and shown.owner_id is None and shown.suspended_by is None
    assert world.realm.get_org(world.master).parent_id is None
    native = world.native.post("/organizations", {"name": "elsewhere made"})["ids"]["enhance"]
    assert world.realm.get_org(native).parent_id == world.master
    below = world.org(org)
    change = {"name": "Changed Ж", "isSuspended": True, "locale": "fr", "slackNotificationWebhookUrl": "https://x.example"}
    url = f"{world.url}/enhance/orgs/{org}"
    headers = {"Authorization": f"Bearer {world.server.key}"}
    patch = lambda body: requests.patch(url, json=body, headers=headers, timeout=30).status_code
    assert patch(change) == 204
    shown = world.realm.get_org(org)
    assert (shown.name, shown.suspended_by, shown.locale) == ("Changed Ж", world.master, "fr")
    assert shown.slack_notification_webhook_url == "https://x.example"
    assert patch({"slackNotificationWebhookUrl": {"unset": True}, "isSuspended": False}) == 204
    shown = world.realm.get_org(org)
    assert shown.slack_notification_webhook_url is None and shown.suspended_by is None and shown.name == "Changed Ж"
    for bad in ({"name": ""}, {"status": "gone"}, {"locale": "xx-XX"}, {"isSuspended": 1}):
        assert patch(bad) == 400, bad
    assert world.realm.update_org(org, {"name": "By the client"}) is None
    admin = world.acting(org, "SuperAdmin")
    world.refused(403, admin.delete_org, org)
    support = world.acting(world.master, "Support")
    assert support.delete_org(org) is None
    assert [world.realm.get_org(one).status.value for one in (org, below)] == ["deleted", "deleted"]
    assert world.realm.update_org(org, {"status": world.package.code.Status("active")}) is None
    assert [world.realm.get_org(one).status.value for one in (org, below)] == ["active", "active"]
    world.refused(403, world.acting(org, "SuperAdmin").delete_org, below, force=True)
    world.refused(400, world.realm.delete_org, world.master)
    token = world.token(below, "SuperAdmin")
    assert world.realm.delete_org(org, force=True) is None
    for gone in (org, below):
        world.refused(404, world.realm.get_org, gone)
    world.refused(401, world.client(token).get_org, below)
    weak = world.acting(world.org(), "Business")
    for call in (weak.get_org, lambda o: weak.update_org(o, {"name": "x"}), weak.delete_org):
        world.refused(403, call, native)
        world.refused(404, call, UNKNOWN)
    for call in (world.client().get_org, lambda o: world.client().update_org(o, {"name": "x"}), world.client().delete_org):
        world.refused(401, call, native)


def test_customers(world, org):
    names = ["b", "Ä", "a"]
    made = [world.org(org, name) for name in names]
    deep = [world.org(made[0], "deep")]
    deep.append(world.org(deep[0], "deeper"))
    ids = lambda **query: [one.id for one in world.realm.get_org_customers(org, **query).items]
    assert ids() == made and ids(sort_by="name") == [made[2], made[0], made[1]]
    assert ids(recursive=True) == made + deep and ids(recursive=True, max_depth=1) == made
    assert ids(recursive=True, max_depth=2) == made + deep[:1]
    assert ids(limit=1, offset=1, sort_by="id", sort_order="desc") == [made[1]]
    assert world.realm.get_org_customers(org, limit=1).total == 3
    world.realm.update_org(made[0], {"isSuspended": True})
    world.realm.delete_org(made[1])
    assert (ids(status="active"), ids(status="suspended"), ids(status="deleted")) == ([made[2]], [made[0]], [made[1]])
    assert ids() == [made[0], made[2]]
    support, weak = world.acting(org, "Support"), world.acting(org, "Business")
    assert support.get_org_customers(org).total == 2
    world.refused(403, support.create_customer, org, {"name": "x"})
    world.refused(400, world.realm.create_customer, org, {"name": ""})
    for call in (lambda c, o: c.get_org_customers(o), lambda c, o: c.create_customer(o, {"name": "x"})):
        world.refused(401, call, world.client(), org)
        world.refused(403, call, weak, org)
        world.refused(404, call, world.realm, UNKNOWN)
    answer = requests.get(f"{world.url}/enhance/orgs/{org}/customers?status=x", headers={"Authorization": f"Bearer {world.server.key}"}, timeout=30)
    assert answer.status_code == 400


def invite_of(link):
    found = re.fullmatch(r'"?https?://[^/]+/invites/([0-9a-f-]{36})\?email=([^"]+)"?', link)
    return found[1], found[2]


def test_invites(world, org):
    email = world.address("zoe+x")
    new = {"email": email, "name": "Zoë", "roles": world.roles("Support", "SiteAccess"), "siteAccesses": [UNKNOWN], "notifications": ["n"]}
    first, _ = invite_of(world.realm.create_invite(org, new))
    invite, encoded = invite_of(world.realm.create_invite(org, new))
    assert "%2B" in encoded and first != invite
    anyone = world.client()
    assert anyone.validate_invite(first).is_valid is False and anyone.validate_invite(UNKNOWN).is_valid is False
    valid = anyone.validate_invite(invite)
    assert (valid.is_valid, valid.org_id) == (True, org) and valid.role in world.roles("Support", "SiteAccess")
    listed = world.realm.get_members(org)
    assert [(m.is_active, m.email, m.name, m.login_id) for m in listed.items] == [(False, email, "Zoë", valid.login_id)]
    pending = listed.items[0].id
    world.refused(400, world.realm.get_org_member_login, org, pending)
    world.refused(400, world.realm.update_owner, org, {"memberId": pending})
    body = {"email": email.upper(), "password": "mine"}
    world.refused(404, anyone.accept_invite, first, accept_invite_body=body)
    world.refused(403, anyone.accept_invite, invite, accept_invite_body={**body, "email": world.address()})
    stranger = world.address("eve")
    world.login(org, stranger)
    foreign = world.client(cookie=session_of(world, stranger)[0])
    world.refused(403, foreign.accept_invite, invite, accept_invite_body=body)
    answer = requests.post(f"{world.url}/enhance/invites/{invite}", json=body, timeout=30)
    assert (answer.status_code, answer.content) == (200, b""), answer.text
    assert world.client(cookie=answer.cookies["id0"]).get_login().id == valid.login_id
    member = world.realm.get_member(org, pending)
    assert (member.is_active, member.site_accesses, member.notifications) == (True, [UNKNOWN], ["n"])
    world.refused(404, anyone.accept_invite, invite, accept_invite_body=body)
    assert anyone.validate_invite(invite).is_valid is False
    world.refused(400, world.realm.create_invite, org, new)
    world.refused(400, world.realm.create_invite, org, {**new, "email": world.address(), "roles": world.roles("Owner")})

    other = world.org()
    invite, _ = invite_of(world.realm.create_invite(other, new))
    world.refused(403, anyone.accept_invite, invite, accept_invite_body={"email": email, "password": "wrong"})
    known = world.client(cookie=session_of(world, email, "mine")[0])
    assert known.accept_invite(invite, accept_invite_body={"email": email}) is None, "no password by one's own session"
    third = world.org()
    invite, _ = invite_of(world.realm.create_invite(third, new))
    world.realm.delete_member(third, world.realm.get_members(third).items[0].id)
    assert anyone.validate_invite(invite).is_valid is False, "the pending member is gone, and the invite with him"
    for call in (lambda c, o: c.create_invite(o, new),):
        world.refused(401, call, anyone, org)
        world.refused(403, call, world.acting(org, "Support"), org)
        world.refused(404, call, world.realm, UNKNOWN)


def test_the_log(world, org):
    email = world.address("ada")
    login = world.login(org, email, name="Ada Ж")
    world.member(org, login, "SuperAdmin")
    session = world.client(cookie=session_of(world, email)[0])
    other = world.login(org, name="Bob")
    member = session.create_member(org, {"loginId": other, "roles": world.roles("Support")}).id
    session.delete_member(org, member)
    kinds = lambda **query: [(a.kind.value, a.message) for a in world.realm.get_org_activities(org, **query).items]
    everything = [("removed", "Bob was removed"), ("added", "Bob was added"), ("added", "Ada Ж was added")]
    assert kinds() == everything
    Kind = world.package.code.ActivityKind
    assert kinds(activity_kinds=[Kind("added")]) == everything[1:] and kinds(activity_kinds=[Kind("cloned")]) == []
    assert kinds(any_entity_id=[other]) == everything[:2] and kinds(any_entity_id=[login]) == everything
    assert kinds(search="ADA ж") == everything[2:] and kinds(limit=1, offset=1) == everything[1:2]
    assert kinds(entity_kind="website") == [] and kinds(entity_kind="login") == everything
    today = datetime.datetime.now(datetime.timezone.utc).date()
    day = datetime.timedelta(days=1)
    as_sent = (lambda date: date) if world.package.name == "vendor" else str
    assert kinds(created_after=as_sent(today)) == [] and kinds(created_before=as_sent(today)) == []
    assert kinds(created_after=as_sent(today - day), created_before=as_sent(today + day)) == everything
    raw = requests.get(f"{world.url}/enhance/v2/orgs/{org}/activities", headers={"Authorization": f"Bearer {world.server.key}"}, timeout=30).json()
    assert raw["total"] == 3
    assert raw["items"][0]["context"]["actor"]["content"]["detail"]["ok"]["email"] == email
    assert raw["items"][2]["context"]["actor"] == {"type": "accessToken"}
    assert raw["items"][0]["activityObject"]["content"]["id"] == other
    world.refused(401, world.client().get_org_activities, org)
    world.refused(403, world.acting(org, "Support").get_org_activities, org)
    world.refused(404, world.realm.get_org_activities, UNKNOWN)
    for bad in ("createdAfter=x", "activityKinds=made", "entityKind=x", "limit=-1"):
        answer = requests.get(f"{world.url}/enhance/v2/orgs/{org}/activities?{bad}", headers={"Authorization": f"Bearer {world.server.key}"}, timeout=30)
        assert answer.status_code == 400, bad


def test_the_version(world):
    assert world.client().orchd_version().strip('"') == "10.8.0"
