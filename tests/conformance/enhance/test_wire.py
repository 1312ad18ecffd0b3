"""Requests as clients put them on the wire, byte for byte, and as none should."""

import json

import pytest
from raw import send

from .conftest import UNKNOWN



@pytest.fixture
def ask(world):
    def ask(method, path, *headers, body=b"", key=True):
        lines = [("Authorization", f"Bearer {world.server.key}")] if key else []
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return send(world.url, method, f"/enhance{path}", [*lines, *headers], body)

    return ask


def refused(answer, status, code="invalid_input"):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["code"] == code and isinstance(body["message"], str) and set(body) <= {"code", "message", "detail"}


def test_a_cookie_with_and_without_its_name(world, org, ask):
    email = world.address()
    world.login(org, email)
    entered = ask("POST", "/login/sessions", body={"email": email, "password": "secret"}, key=False)
    cookie = entered.headers["Set-Cookie"].split(";")[0].removeprefix("id0=")
    for line in (f"id0={cookie}", cookie, f"theme=dark; id0={cookie}", f'id0="{cookie}"'):
        assert ask("GET", "/login", ("Cookie", line), key=False).status_code == 200, line
    for line in ("id0=", "theme=dark", f"id1={cookie}", f"{cookie}x"):
        refused(ask("GET", "/login", ("Cookie", line), key=False), 401, "unauthorized")
    # The header wins over the cookie, also where it is no key at all.
    refused(ask("GET", "/login", ("Authorization", "Basic eDp5"), ("Cookie", f"id0={cookie}"), key=False), 401, "unauthorized")
    refused(ask("GET", "/login", ("Cookie", f"id0={cookie}")), 401, "unauthorized")


def test_behind_a_proxy_that_speaks_tls(world, org, ask):
    email = world.address()
    member = world.member(org, world.login(org, email), "Support")
    secure = ("X-Forwarded-Proto", "https")
    link = ask("GET", f"/orgs/{org}/members/{member}/sso", secure)
    assert (link.status_code, link.headers["content-type"]) == (201, "application/json")
    assert link.text.startswith('"https://') and link.text.endswith('"')
    entered = ask("POST", "/login/sessions", secure, body={"email": email, "password": "secret"}, key=False)
    assert entered.headers["Set-Cookie"].endswith("; HttpOnly; SameSite=Lax; Secure")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2099-01-02T03:04:05", "2099-01-02T03:04:05Z"),
        ("2099-01-02T03:04:05.678901", "2099-01-02T03:04:05.678901Z"),
        ("2099-01-02T03:04:05+00:00", "2099-01-02T03:04:05+00:00"),
        ("2099-01-02T03:04:05.5+02:00", "2099-01-02T03:04:05.5+02:00"),
    ],
)
def test_times_as_python_writes_them(org, ask, given, shown):
    made = ask("POST", f"/orgs/{org}/access_tokens", body={"roles": ["Support"], "tokenExpires": given})
    assert made.status_code == 201, made.text
    assert [token["tokenExpires"] for token in ask("GET", f"/orgs/{org}/access_tokens").json()] == [shown]


def test_bodies_that_are_none(world, org, ask):
    login = world.login(org)
    member = world.member(org, login, "Support")
    routes = [
        ("POST", f"/orgs/{org}/members"),
        ("PUT", f"/orgs/{org}/members/{member}"),
        ("PUT", f"/orgs/{org}/owner"),
        ("POST", f"/orgs/{org}/access_tokens"),
        ("POST", f"/logins?orgId={org}"),
        ("POST", f"/orgs/{org}/customers"),
        ("POST", f"/orgs/{org}/invites"),
        ("POST", "/login/sessions"),
    ]
    broken = [b"", b"[]", b'"text"', b"{", b"null", b"17", b"{}", b'{"roles": "Owner", "memberId": 1}', b"\xff"]
    for method, path in routes:
        for body in broken:
            refused(ask(method, path, ("Content-Type", "application/json"), body=body), 400)
    for roles in (["owner"], ["Admin"], [1], [None], {}):
        refused(ask("POST", f"/orgs/{org}/members", body={"loginId": login, "roles": roles}), 400)
    assert world.realm.get_members(org).total == 1, "nothing was changed"
    assert world.realm.get_access_tokens(org) == []


def test_content_types_do_not_matter(org, ask):
    for kind in ("text/plain", "application/json; charset=utf-8", "application/vnd.x+json"):
        assert ask("POST", f"/orgs/{org}/customers", ("Content-Type", kind), body={"name": "x"}).status_code == 201
    assert ask("POST", f"/orgs/{org}/customers", body={"name": "x", "unknown": None}).status_code == 201


def test_flags_and_lists_in_queries(world, org, ask):
    below = world.org(org)
    path = f"/orgs/{org}/customers"
    for flag, count in (("true", 1), ("false", 1), ("True", 1)):
        assert ask("GET", f"{path}?recursive={flag}").json()["total"] == count
    refused(ask("GET", f"{path}?recursive=maybe"), 400)
    refused(ask("GET", f"{path}?maxDepth=0"), 400)
    refused(ask("DELETE", f"/orgs/{below}?force=maybe"), 400)
    world.member(org, world.login(org), "Support")
    log = f"/v2/orgs/{org}/activities?activityKinds=added&activityKinds=removed&anyEntityId={UNKNOWN}&anyEntityId={org}"
    assert ask("GET", log).json()["total"] == 1
    assert ask("GET", f"/v2/orgs/{org}/activities?anyEntityId={UNKNOWN}").json() == {"items": [], "total": 0}


def test_answers_without_a_body_have_none(world, org, ask):
    member = world.member(org, world.login(org), "Support")
    done = ask("PUT", f"/orgs/{org}/members/{member}", body={"roles": ["Business"]})
    assert (done.status_code, done.content) == (200, b"")
    done = ask("PATCH", f"/orgs/{org}", body={"name": "x"})
    assert (done.status_code, done.content) == (204, b"")
    done = ask("DELETE", f"/orgs/{org}/members/{member}")
    assert (done.status_code, done.content) == (204, b"")


def test_what_is_not_there(ask):
    refused(ask("GET", "/nothing"), 404, "not_found")
    refused(ask("DELETE", "/login"), 405, "method_not_allowed")
    refused(ask("GET", "/login", ("Authorization", "Bearer"), key=False), 401, "unauthorized")
    assert ask("GET", "/version", key=False).text == '"10.8.0"'
