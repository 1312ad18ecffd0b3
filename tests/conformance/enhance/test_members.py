"""Members, owners, access tokens and login links: the eleven operations at the core."""

import datetime
import threading

import requests

from .conftest import UNKNOWN


def test_the_life_of_a_member(world, org):
    login = world.login(org, name="Élodie % Ж")
    member = world.member(org, login, "Support", "SiteAccess", "Support")
    shown = world.realm.get_member(org, member)
    assert (shown.id, shown.login_id, shown.is_active) == (member, login, True)
    assert set(shown.roles) == set(world.roles("Support", "SiteAccess")) and len(shown.roles) == 2
    assert shown.site_accesses == [] and shown.notifications == [] and shown.name == "Élodie % Ж"
    assert shown.joined_at == datetime.datetime.now(datetime.timezone.utc).date() and shown.color_code.startswith("#")

    settings = {"roles": world.roles("SiteAccess"), "siteAccesses": [UNKNOWN], "notifications": ["a", "b c"]}
    assert world.realm.update_member(org, member, settings) is None
    shown = world.realm.get_member(org, member)
    assert (shown.site_accesses, shown.notifications) == ([UNKNOWN], ["a", "b c"])
    found = world.realm.get_members(org, site_access=UNKNOWN)
    assert [m.id for m in found.items] == [member] and found.total == 1
    world.realm.update_member(org, member, {"roles": world.roles("SuperAdmin"), "siteAccesses": [UNKNOWN]})
    shown = world.realm.get_member(org, member)
    assert (shown.site_accesses, shown.notifications) == ([], []), "what is left out is empty"
    assert world.realm.get_members(org, site_access=UNKNOWN).total == 0

    assert world.realm.delete_member(org, member) is None
    world.refused(404, world.realm.delete_member, org, member)
    again = world.member(org, login, "Business")
    assert again != member


def test_lists(world, org):
    people = {}
    for name, role in [("Жанна", "Support"), ("élodie", "SuperAdmin"), ("100% a_b\\c'd", "Business"), ("Bob", "SiteAccess")]:
        people[name] = world.member(org, world.login(org, name=name), role)
    listed = world.realm.get_members(org)
    assert [m.id for m in listed.items] == list(people.values()) and listed.total == 4
    for part, name in [("ЖАНН", "Жанна"), ("ÉLODIE", "élodie"), ("0% A_B\\C'", "100% a_b\\c'd"), ("bo", "Bob")]:
        assert [m.name for m in world.realm.get_members(org, search=part).items] == [name], part
    assert world.realm.get_members(org, search="%").total == 1 and world.realm.get_members(org, search="_b").total == 1
    assert [m.name for m in world.realm.get_members(org, role=world.roles("SiteAccess")[0]).items] == ["Bob"]
    names = [m.name for m in world.realm.get_members(org, sort_by="name", sort_order="desc").items]
    assert names == ["Жанна", "élodie", "Bob", "100% a_b\\c'd"]
    page = world.realm.get_members(org, sort_by="joinedAt", offset=1, limit=2)
    assert (len(page.items), page.total) == (2, 4)
    assert world.realm.get_members(org, offset=9).items == [] and world.realm.get_members(org, limit=0).total == 4
    for bad in ["limit=-1", "offset=x", "sortBy=color", "sortOrder=up", "role=Admin"]:
        answer = requests.get(f"{world.url}/enhance/orgs/{org}/members?{bad}", headers=bearer(world), timeout=30)
        assert answer.status_code == 400 and answer.json()["code"] == "invalid_input", bad


def bearer(world):
    return {"Authorization": f"Bearer {world.server.key}"}


def test_what_members_refuse(world, org):
    login = world.login(org)
    member, boss = world.member(org, login, "Support"), world.login(org)
    weak, other = world.acting(org, "Support"), world.acting(world.org(), "SuperAdmin")
    new = {"loginId": boss, "roles": world.roles("Support")}
    calls = [
        lambda client, place, one: client.get_members(place),
        lambda client, place, one: client.create_member(place, new),
        lambda client, place, one: client.get_member(place, one),
        lambda client, place, one: client.update_member(place, one, {"roles": world.roles("Support")}),
        lambda client, place, one: client.delete_member(place, one),
        lambda client, place, one: client.get_org_member_login(place, one),
    ]
    for call in calls:
        world.refused(401, call, world.client(), org, member)
        world.refused(401, call, world.client("no-such-token-anywhere"), org, member)
        world.refused(403, call, weak, org, member)
        world.refused(403, call, other, org, member)
        world.refused(404, call, world.realm, UNKNOWN, member)
        world.refused(404, call, world.realm, "not-a-uuid", member)
    for call in calls[2:]:
        world.refused(404, call, world.realm, org, UNKNOWN)
        world.refused(404, call, world.realm, org, "not-a-uuid")
        world.refused(404, call, world.realm, world.org(), member)
    world.refused(409, world.realm.create_member, org, {"loginId": login, "roles": world.roles("Support")})
    world.refused(400, world.realm.create_member, org, {"loginId": UNKNOWN, "roles": world.roles("Support")})
    world.refused(400, world.realm.create_member, org, {"loginId": "x", "roles": world.roles("Support")})
    world.refused(400, world.realm.create_member, org, {"loginId": boss, "roles": []})
    world.refused(400, world.realm.update_member, org, member, {"roles": []})
    world.refused(400, world.realm.update_member, org, member, {"notifications": ["a"]})
    world.refused(400, world.realm.update_member, org, member, {"roles": world.roles("Owner")})
    assert world.realm.get_member(org, member).roles == world.roles("Support"), "refused, so unchanged"


def test_owners(world, org):
    first = world.member(org, world.login(org), "Owner")
    second = world.member(org, world.login(org), "Support")
    world.refused(409, world.realm.create_member, org, {"loginId": world.login(org), "roles": world.roles("Owner")})
    world.refused(400, world.realm.delete_member, org, first)
    world.refused(400, world.realm.update_member, org, first, {"roles": world.roles("SuperAdmin")})
    world.realm.update_member(org, first, {"roles": world.roles("Owner"), "notifications": ["kept"]})
    assert world.realm.update_owner(org, {"memberId": first}) is None, "again the same"
    assert world.realm.update_owner(org, {"memberId": second}) is None
    assert world.realm.get_member(org, second).roles == world.roles("Owner")
    assert world.realm.get_member(org, first).roles == world.roles("SuperAdmin")
    foreign = world.member(world.org(), world.login(org), "Support")
    for bad in (UNKNOWN, "x", foreign):
        world.refused(400, world.realm.update_owner, org, {"memberId": bad})
    admin = world.acting(org, "SuperAdmin")
    for call in (lambda c, o: c.update_owner(o, {"memberId": first}), lambda c, o: c.delete_owner(o)):
        world.refused(403, call, admin, org)
        world.refused(401, call, world.client(), org)
        world.refused(404, call, world.realm, UNKNOWN)
    assert world.realm.delete_owner(org) is None
    assert world.realm.get_member(org, second).roles == world.roles("SuperAdmin")
    world.refused(404, world.realm.delete_owner, org)


def test_one_owner_at_every_moment_through_two_surfaces(world, org):
    members = [world.member(org, world.login(org), "Owner" if n == 0 else "SuperAdmin") for n in range(8)]
    users = {m.id: m.login_id for m in world.realm.get_members(org).items}
    stop, seen, failed = threading.Event(), [], []

    def watch():
        while not stop.is_set():
            owners = [m for m in world.realm.get_members(org).items if world.package.role("Owner") in m.roles]
            seen.append(len(owners))

    def transfer(n):
        try:
            for turn in range(4):
                member = members[(n + turn) % 8]
                if n % 2:
                    world.native.put(f"/organizations/{org}/owner", {"user_id": users[member]})
                else:
                    world.realm.update_owner(org, {"memberId": member})
        except Exception as error:  # told by the main thread
            failed.append(error)

    watcher = threading.Thread(target=watch)
    watcher.start()
    workers = [threading.Thread(target=transfer, args=(n,)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    stop.set()
    watcher.join()
    assert not failed, failed
    assert seen and set(seen) == {1}


def test_access_tokens(world, org):
    assert world.realm.get_access_tokens(org) == []
    naive = datetime.datetime(2099, 1, 2, 3, 4, 5, 678901)
    offset = datetime.datetime(2099, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    made = []
    for expires in (naive, offset, None):
        given = {"tokenExpires": expires} if expires else {}
        made.append(world.realm.create_access_token(org, {"roles": world.roles("SuperAdmin"), "friendlyName": "t", **given}))
    for token in made:
        assert token.unencrypted_token.startswith(token.first_five) and len(token.first_five) == 5
        assert len(token.unencrypted_token) >= 20
    assert len({token.first_five for token in made}) == 3
    listed = world.realm.get_access_tokens(org)
    assert [t.id for t in listed] == [t.id for t in made] and {t.friendly_name for t in listed} == {"t"}
    shown = [t.token_expires and datetime.datetime.fromisoformat(t.token_expires.replace("Z", "+00:00")) for t in listed]
    assert shown == [naive.replace(tzinfo=datetime.timezone.utc), offset, None]
    assert made[0].unencrypted_token[:6] not in str([t.to_dict() for t in listed])

    acting = world.client(made[0].unencrypted_token)
    assert acting.get_members(org).total == 0, "a token is no member"
    world.refused(401, acting.get_login)
    world.refused(403, acting.create_access_token, org, {"roles": world.roles("Owner")})
    other = world.realm.create_access_token(world.org(), {"roles": world.roles("Support")})
    world.refused(404, world.realm.delete_access_token, org, other.id)
    assert acting.delete_access_token(org, made[0].id) is None, "a token may end itself"
    world.refused(401, acting.get_members, org)
    world.refused(404, world.realm.delete_access_token, org, made[0].id)
    world.refused(404, world.realm.delete_access_token, org, UNKNOWN)
    past = datetime.datetime(2001, 1, 1)
    world.refused(400, world.realm.create_access_token, org, {"roles": world.roles("Support"), "tokenExpires": past})
    world.refused(400, world.realm.create_access_token, org, {"roles": []})
    weak = world.acting(org, "Support")
    for call in (
        lambda c, o: c.get_access_tokens(o),
        lambda c, o: c.create_access_token(o, {"roles": world.roles("Support")}),
        lambda c, o: c.delete_access_token(o, made[1].id),
    ):
        world.refused(401, call, world.client(), org)
        world.refused(403, call, weak, org)
        world.refused(404, call, world.realm, UNKNOWN)


def test_renaming_a_token(world, org):
    """Newer than the version of the vendor's description here."""
    token = world.realm.create_access_token(org, {"roles": world.roles("Support"), "friendlyName": "old"})
    url = f"{world.url}/enhance/orgs/{org}/access_tokens/{token.id}"
    change = {"friendlyName": "new", "roles": ["Business"], "allowedIps": ["10.0.0.1"], "ipRestricted": True}
    assert requests.patch(url, json=change, headers=bearer(world), timeout=30).status_code == 200
    shown = requests.get(url.rsplit("/", 1)[0], headers=bearer(world), timeout=30).json()
    assert shown == [{"id": token.id, "firstFive": token.first_five, **change}]
    assert requests.patch(url, json={}, timeout=30).status_code == 401


def test_login_links(world, org):
    login = world.login(org)
    member = world.member(org, login, "SuperAdmin")
    elsewhere = world.org()
    world.member(elsewhere, login, "Owner")
    link = world.realm.get_org_member_login(org, member).strip('"')
    assert link.startswith(f"{world.server.url}/enhance/login/sessions/sso?otp=")
    otp = link.split("otp=")[1]
    # Past the proxy, which has another address, nobody would look at what is answered.
    link = link.replace(world.server.url, world.url)
    opened = []

    def use():
        answer = requests.get(link, timeout=30, headers={"User-Agent": "a browser"})
        opened.append((answer.status_code, answer.cookies.get("id0"), answer.json()))

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _, _ in opened) == [200, 401, 401, 401, 401, 401]
    _, cookie, body = next(one for one in opened if one[0] == 200)
    assert all(given is None for status, given, _ in opened if status == 401)
    assert [m["orgId"] for m in body["memberships"]] == [org], "nothing of where else he belongs"
    session = world.client(cookie=cookie)
    assert session.get_login().id == login
    assert [m.org_id for m in session.get_login_memberships().memberships] == [org]
    assert session.get_members(org).total == 1
    world.refused(403, session.get_members, elsewhere)
    world.refused(401, world.client().create_otp_session, otp)
    world.refused(401, world.client().create_otp_session, UNKNOWN)
    second = world.realm.get_org_member_login(org, member).strip('"').split("otp=")[1]
    world.realm.delete_member(org, member)
    world.refused(401, world.client().create_otp_session, second)
    world.refused(401, session.get_login)


def test_a_billing_plug_in(world):
    """Makes a customer with its owner, finds it again and logs it in, all by one token of the master organization."""
    token = world.acting(world.master, "SuperAdmin")
    org = token.create_customer(world.master, {"name": world.fresh("Customer ")}).id
    email = world.address()
    login = token.create_login(org, {"email": email, "password": "secret", "name": "Ada"}).id
    member = token.create_member(org, {"loginId": login, "roles": world.roles("Owner")}).id
    assert token.update_owner(org, {"memberId": member}) is None
    shown = token.get_org(org)
    assert (shown.owner, shown.owner_email, shown.owner_id, shown.owner_login_id) == ("Ada", email, member, login)
    customers = token.get_org_customers(world.master)
    assert [c.id for c in customers.items if c.owner_email == email] == [org]
    world.refused(409, token.create_login, org, {"email": email.upper(), "password": "secret", "name": "Ada"})
    assert email in [l.email for l in token.get_logins().items]
    owner = next(m for m in token.get_members(org).items if world.package.role("Owner") in m.roles)
    assert requests.get(token.get_org_member_login(org, owner.id).strip('"'), timeout=30).status_code == 200
