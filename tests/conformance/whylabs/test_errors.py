"""Refusals: one form, the status and type of each cause, and what can't be read at all."""

import json
import uuid

import pytest

import raw

from .test_sdk_keys import NEEDS
from .world import assert_error

PREFIX = "/whylabs"


@pytest.fixture(scope="module")
def place(world):
    """What the causes below are about, by the names in the paths."""
    account = world.account()
    managed = account.managed()
    member_id, member = world.member(account.id)
    stranger_id, stranger = world.user()
    gone_account = account.user(email=(gone := world.address()))
    account.b.delete_account_user(account.id, gone_account)
    user = account.b.get_account_user_by_id(account.id, account.user())
    deleted = world.organization()
    world.root.delete_organization(deleted)
    domains = world.organization(email_domains="only.example")
    return {
        "account": account.id,
        "managed": managed,
        "member": member,
        "member_id": member_id,
        "stranger": stranger,
        "stranger_id": stranger_id,
        "gone": gone,
        "user": user["email"],
        "user_id": user["userId"],
        "deleted": deleted,
        "domains": domains,
        "other": world.organization(),
    }


MEMBERSHIP = "/v0/organizations/{account}/membership"
ACCOUNT = "/v0/accounts/org/{account}"
BOTH = "&role=ADMIN"
CAUSES = [
    # organization unknown or deleted
    ("GET", "/v0/organizations/org-nosuchthing", None, 404, "ResourceNotFound", None),
    ("GET", "/v0/organizations/{deleted}", None, 404, "ResourceNotFound", None),
    ("GET", "/v0/organizations/{deleted}/membership", None, 404, "ResourceNotFound", None),
    ("POST", "/v0/organizations/{deleted}/membership?email={member}" + BOTH, None, 404, "ResourceNotFound", None),
    ("GET", "/v0/accounts/org/{deleted}/users", None, 404, "ResourceNotFound", None),
    ("GET", "/v0/membership/org/{deleted}", None, 404, "ResourceNotFound", None),
    # no user with that address or id
    ("POST", MEMBERSHIP + "?email=nobody@acme.example" + BOTH, None, 404, "UserNotFound", None),
    ("GET", "/v0/user?email=nobody@acme.example", None, 404, "UserNotFound", None),
    ("GET", "/v0/user/user-nosuchthing", None, 404, "UserNotFound", None),
    ("GET", "/v0/membership/user?email=nobody@acme.example", None, 404, "UserNotFound", None),
    # no member
    ("PUT", MEMBERSHIP + "?email={stranger}" + BOTH, None, 404, "MembershipNotFound", None),
    ("DELETE", MEMBERSHIP + "?email={stranger}", None, 404, "MembershipNotFound", None),
    ("PUT", "/v0/organizations/{deleted}/membership?email={member}" + BOTH, None, 404, "MembershipNotFound", None),
    ("DELETE", "/v0/organizations/{deleted}/membership?email={member}", None, 404, "MembershipNotFound", None),
    # account user unknown
    ("GET", ACCOUNT + "/user/email?email={stranger}", None, 404, "ResourceNotFound", None),
    ("GET", ACCOUNT + "/user/email?email={gone}", None, 404, "ResourceNotFound", None),
    ("GET", ACCOUNT + "/user/email?email=nobody@acme.example", None, 404, "ResourceNotFound", None),
    ("GET", ACCOUNT + "/user/id?user_id={member_id}", None, 404, "ResourceNotFound", None),
    ("PUT", ACCOUNT + "/user?user_id={stranger_id}", {}, 404, "ResourceNotFound", None),
    ("DELETE", ACCOUNT + "/user/{stranger_id}", None, 404, "ResourceNotFound", None),
    ("GET", "/v0/accounts/org/{other}/user/id?user_id={user_id}", None, 404, "ResourceNotFound", None),
    # key unknown
    (
        "DELETE",
        "/v0/organizations/{account}/api-key?user_id={user_id}&key_id=nosuchthing",
        None,
        404,
        "ResourceNotFound",
        None,
    ),
    # there already
    ("POST", MEMBERSHIP + "?email={member}" + BOTH, None, 400, "IllegalArgument", None),
    ("POST", "/v0/membership", {"orgId": "{account}", "email": "{member}", "role": "ADMIN"}, 400, "IllegalArgument", None),
    ("POST", ACCOUNT + "/user", {"email": "{user}"}, 409, "ResourceAlreadyExists", None),
    ("POST", "/v0/user", {"email": "{member}"}, 400, "IllegalArgument", None),
    # not allowed
    ("POST", "/v0/accounts/org/{managed}/user", {"email": "new@acme.example"}, 400, "IllegalArgument", None),
    ("PUT", ACCOUNT + "/memberships?managed_org_id={other}" + BOTH, {"userIds": []}, 400, "IllegalArgument", None),
    ("POST", "/v0/organizations/{domains}/membership?email={member}" + BOTH, None, 400, "IllegalArgument", None),
    ("POST", "/v0/organizations/{account}/api-key?user_id={user_id}&scopes=x", None, 400, "IllegalArgument", None),
    ("POST", "/v0/organizations/{account}/api-key?user_id={user_id}&expiration_time=1", None, 400, "IllegalArgument", None),
    # bad address where a user would be made
    ("POST", ACCOUNT + "/user", {"email": "a@b.example, c@d.example"}, 400, "ArgumentValue", "email"),
    ("POST", "/v0/user", {"email": "x"}, 400, "ArgumentValue", "email"),
    # parameters
    ("POST", MEMBERSHIP + "?role=ADMIN", None, 400, "ArgumentValue", "email"),
    ("POST", MEMBERSHIP + "?email={member}", None, 400, "ArgumentValue", "role"),
    ("POST", MEMBERSHIP + "?email={stranger}&role=OWNER", None, 400, "ArgumentValue", "role"),
    ("PUT", MEMBERSHIP + "?role=ADMIN", None, 400, "ArgumentValue", "email"),
    ("PUT", MEMBERSHIP + "?email={member}&role=", None, 400, "ArgumentValue", "role"),
    ("DELETE", MEMBERSHIP, None, 400, "ArgumentValue", "email"),
    ("GET", ACCOUNT + "/user/id", None, 400, "ArgumentValue", "user_id"),
    ("GET", ACCOUNT + "/user/email", None, 400, "ArgumentValue", "email"),
    ("PUT", ACCOUNT + "/user", {}, 400, "ArgumentValue", "user_id"),
    ("GET", ACCOUNT + "/memberships?role=x", None, 400, "ArgumentValue", "role"),
    ("POST", "/v0/organizations/{account}/api-key", None, 400, "ArgumentValue", "user_id"),
    (
        "POST",
        "/v0/organizations/{account}/api-key?user_id={user_id}&expiration_time=soon",
        None,
        400,
        "ArgumentValue",
        "expiration_time",
    ),
    ("DELETE", "/v0/organizations/{account}/api-key?user_id={user_id}", None, 400, "ArgumentValue", "key_id"),
    ("POST", "/v0/organizations", None, 400, "ArgumentValue", "name"),
    ("GET", "/v0/membership/default", None, 400, "ArgumentValue", "email"),
    # no such route or method
    ("GET", "", None, 404, "NotFound", None),
    ("GET", "/", None, 404, "NotFound", None),
    ("GET", "/v0", None, 404, "NotFound", None),
    ("GET", "/v2/organizations", None, 404, "NotFound", None),
    ("GET", "/v0/accounts/org/{account}", None, 404, "NotFound", None),
    ("GET", "/v1/membership/saml/role-mapping", None, 404, "NotFound", None),
    ("POST", "/v1/membership/saml/role-mapping", None, 404, "NotFound", None),
    ("GET", "/v1/organizations/resource-tag", None, 404, "NotFound", None),
    ("GET", "/v0/organizations/{account}/membership/x", None, 404, "NotFound", None),
    ("PATCH", MEMBERSHIP, None, 405, "MethodNotAllowed", None),
    ("POST", ACCOUNT + "/users", None, 405, "MethodNotAllowed", None),
    ("DELETE", "/v0/organizations", None, 405, "MethodNotAllowed", None),
    ("PROPFIND", "/v0/organizations", None, 405, "MethodNotAllowed", None),
]


def filled(value, place):
    if isinstance(value, dict):
        return {name: filled(one, place) for name, one in value.items()}
    return value.format(**place) if isinstance(value, str) else value


@pytest.mark.parametrize(("method", "path", "body", "status", "kind", "parameter"), CAUSES)
def test_causes(world, place, method, path, body, status, kind, parameter):
    options = {} if body is None else {"body": filled(body, place)}
    response = world.send(method, filled(path, place), **options)
    assert_error(response, status, kind, parameter)
    if status == 405:
        assert response.headers["Allow"]


@pytest.mark.parametrize(("method", "path"), NEEDS, ids=map(" ".join, NEEDS))
def test_without_a_key(world, place, method, path):
    target = path.format(org=place["account"])
    for key in (None, ""):
        assert_error(world.send(method, target, key=key), 401, "Unauthorized")
    for headers in ({"Authorization": f"Bearer {world.server.key}"}, {"Cookie": "a=b"}):
        assert_error(world.send(method, target, key=None, headers=headers), 401, "Unauthorized")
    for key in ("nonsense", "a.b:c", ":", "x" * 5000):
        assert_error(world.send(method, target, key=key), 403, "Forbidden")


@pytest.mark.parametrize("request_id", ["abc", "0d4da14a-2542-4a0a-9f3e-6e963e32edef", "x" * 100, "a/b;c=d"])
def test_the_request_id_is_echoed(world, place, request_id):
    headers = {"X-Request-Id": request_id}
    for method, target in [
        ("GET", f"/v0/organizations/{place['account']}/membership"),
        ("GET", "/v1/api-key/validate"),
        ("GET", "/v0/organizations/x"),
        ("GET", "/nowhere"),
        ("PATCH", "/v0/organizations"),
    ]:
        response = world.send(method, target, headers=headers)
        assert response.headers["X-Request-Id"] == request_id
        body = response.json()
        assert body.get("requestId", request_id) == request_id
    response = world.send("GET", "/v0/organizations", key=None, headers=headers)
    assert assert_error(response, 401, "Unauthorized")["requestId"] == request_id


def test_a_request_id_is_made(world):
    seen = [world.send("GET", "/v1/api-key/validate") for _ in range(3)]
    for response in seen:
        assert uuid.UUID(response.headers["X-Request-Id"])
        assert response.json()["requestId"] == response.headers["X-Request-Id"]
    assert len({response.headers["X-Request-Id"] for response in seen}) == 3


def test_a_request_id_that_is_none(server):
    """What would make a mess in headers and logs is replaced, or kept as it is, and never a failure."""
    for value in (b"", b" ", b"\xff\xfe", b"x" * 10_000, b'"}{', b"\t"):
        answer = raw.send(
            server.url,
            "GET",
            f"{PREFIX}/v1/api-key/validate",
            [("X-API-Key", server.key), ("X-Request-Id", value)],
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["requestId"] == answer.headers["X-Request-Id"] != ""


@pytest.mark.parametrize(("method", "path"), NEEDS, ids=map(" ".join, NEEDS))
def test_a_slash_at_the_end_makes_no_difference(world, method, path):
    path = path.format(org="org-nosuchthing")
    plain, query = [*path.split("?"), ""][:2]
    for key in (None, True):
        answers = []
        for target in (plain, f"{plain}/"):
            answers.append(world.send(method, f"{target}?{query}" if query else target, key=key))
        one, other = answers
        assert one.status_code == other.status_code
        known = {"type", "parameter"}
        if not one.ok:
            assert {n: one.json().get(n) for n in known} == {n: other.json().get(n) for n in known}


# What can't be read. Sent past the proxy: the bytes must arrive as they are.

BODIES = {
    "nothing": b"",
    "blank": b" \n ",
    "an open brace": b"{",
    "an array": b"[]",
    "null": b"null",
    "a string": b'"x"',
    "a number": b"5",
    "bad UTF-8": b'{"email": "\xff\xfe@acme.example"}',
    "UTF-16": '{"email": "a@b.example"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"email": "a@b.example"}',
    "two documents": b'{"email": "two@b.example"} {}',
    "a lone surrogate": b'{"email": "\\ud800@acme.example"}',
    "an escaped NUL": b'{"email": "a\\u0000@acme.example"}',
    "a bare control character": b'{"email": "a\x01@acme.example"}',
    "single quotes": b"{'email': 'a@b.example'}",
    "a trailing comma": b'{"email": "a@b.example",}',
    "not a number": b'{"email": NaN}',
    "a huge number": b'{"email": 1' + b"0" * 400 + b"}",
    "deep arrays": b'{"email": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "deep objects": b'{"email": "deep@b.example", "x": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    "unclosed depth": b"[" * 100_000,
    "a long string": b'{"email": "' + b"x" * 200_000 + b'@acme.example"}',
    "a form": b"email=a%40b.example",
    "XML": b"<email>a@b.example</email>",
    "a doubled field": b'{"email": "one@b.example", "email": "two@b.example"}',
}
WITH_BODIES = [
    ("POST", "/v0/accounts/org/{account}/user"),
    ("PUT", "/v0/accounts/org/{account}/memberships?managed_org_id={account}&role=ADMIN"),
    ("PATCH", "/v0/accounts/org/{account}/memberships?managed_org_id={account}&role=ADMIN"),
    ("POST", "/v0/user"),
    ("PUT", "/v0/user"),
    ("POST", "/v0/membership"),
    ("PUT", "/v0/membership"),
    ("DELETE", "/v0/membership"),
    ("POST", "/v0/membership/default"),
    ("POST", "/v1/organizations/managed-organization"),
]


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(("method", "path"), WITH_BODIES, ids=map(" ".join, WITH_BODIES))
def test_bodies(world, server, place, method, path, name):
    headers = [
        ("X-API-Key", server.key),
        ("Content-Type", "application/json"),
        ("X-WHYLABS-ORGANIZATION", place["account"]),
    ]
    answer = raw.send(server.url, method, PREFIX + path.format(**place), headers, BODIES[name])
    assert answer.status_code == 400, f"{answer.status_code} {answer.text}"
    assert answer.json()["type"] in ("BadRequest", "ArgumentValue"), answer.text
    assert_error(answer, 400, answer.json()["type"])


@pytest.mark.parametrize("name", [name for name in BODIES if name != "nothing"])
def test_bad_bodies_of_an_update_change_nothing(world, server, place, name):
    target = f"{PREFIX}/v0/accounts/org/{place['account']}/user?user_id={place['user_id']}"
    before = world.root.get_account_user_by_id(place["account"], place["user_id"])
    body = BODIES[name].replace(b'"email"', b'"externalId"')
    answer = raw.send(server.url, "PUT", target, [("X-API-Key", server.key)], body)
    if answer.status_code != 200:
        assert_error(answer, 400, answer.json()["type"])
        assert world.root.get_account_user_by_id(place["account"], place["user_id"]) == before
    else:
        # Some are fine for a field that takes any text.
        assert name in ("a doubled field", "a bare control character"), answer.text


def test_a_body_that_is_too_long(server):
    body = json.dumps({"email": "x" * (2 << 20)}).encode()
    answer = raw.send(server.url, "POST", f"{PREFIX}/v0/user", [("X-API-Key", server.key)], body)
    assert_error(answer, 413, "BadRequest")


def test_a_body_whose_length_is_only_said(server):
    headers = [("X-API-Key", server.key), ("Content-Length", str(1 << 40))]
    answer = raw.send(server.url, "POST", f"{PREFIX}/v0/user", headers)
    assert_error(answer, 413, "BadRequest")


def test_a_body_in_chunks(world, server):
    email = world.address()
    text = json.dumps({"email": email}).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in text) + b"0\r\n\r\n"
    headers = [("X-API-Key", server.key), ("Transfer-Encoding", "chunked")]
    answer = raw.send(server.url, "POST", f"{PREFIX}/v0/user", headers, chunks)
    assert (answer.status_code, answer.json()["email"]) == (200, email)


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "text/plain", "application/octet-stream", "", "nonsense", "application/xml"],
)
def test_content_types(world, server, content_type):
    """JSON under any name is JSON here; what isn't JSON is refused under any name."""
    email = world.address()
    headers = [("X-API-Key", server.key), ("Content-Type", content_type)]
    answer = raw.send(server.url, "POST", f"{PREFIX}/v0/user", headers, json.dumps({"email": email}).encode())
    assert answer.status_code == 200, answer.text
    for body in (b"email=a%40b.example", b"<a/>", b"\x00\x01"):
        assert_error(raw.send(server.url, "POST", f"{PREFIX}/v0/user", headers, body), 400, "BadRequest")


def test_no_body_where_a_content_type_promises_one(server, place, world):
    """As the released client sends creates and updates."""
    _, email = world.user()
    target = f"{PREFIX}/v0/organizations/{place['account']}/membership?email={email}&role=ADMIN"
    headers = [("X-API-Key", server.key), ("Content-Type", "application/json"), ("Content-Length", "0")]
    assert raw.send(server.url, "POST", target, headers).status_code == 200
    assert raw.send(server.url, "PUT", target, headers).status_code == 200
    # Nor does it matter what else is there.
    assert raw.send(server.url, "PUT", target, headers[:2], b"no JSON").status_code == 200


QUERIES = {
    "bad UTF-8": b"%ff%fe",
    "raw bytes": "é".encode(),
    "NUL": b"%00",
    "NUL within": b"a%00b@acme.example",
    "a bare percent": b"100%",
    "a half percent": b"%e",
    "overlong UTF-8": b"%c0%80",
    "a surrogate": b"%ed%a0%80",
    "very long": b"x" * 6000,
    "line breaks": b"a%0d%0aSet-Cookie:%20x",
    "nothing": b"",
    "a quote": b"'%20OR%201=1%20--",
    "a wildcard": b"%25",
    "a number": b"99999999999999999999999999",
}
VALUED = [
    ("GET", "/v0/user?email=", 404),
    ("GET", "/v0/membership/user?email=", 404),
    ("GET", "/v0/membership/default?email=", 404),
    ("POST", "/v0/organizations/{account}/membership?role=ADMIN&email=", 404),
    ("PUT", "/v0/organizations/{account}/membership?role=ADMIN&email=", 404),
    ("DELETE", "/v0/organizations/{account}/membership?email=", 404),
    ("PUT", "/v0/organizations/{account}/membership?email={member}&role=", 400),
    ("GET", "/v0/accounts/org/{account}/user/email?email=", 404),
    ("GET", "/v0/accounts/org/{account}/user/id?user_id=", 404),
    ("GET", "/v0/accounts/org/{account}/memberships?role=", 400),
    ("POST", "/v0/organizations/{account}/api-key?user_id=", 404),
    ("POST", "/v0/organizations/{account}/api-key?user_id={user_id}&scopes=", 400),
    ("POST", "/v0/organizations/{account}/api-key?user_id={user_id}&expiration_time=", 400),
    ("DELETE", "/v0/organizations/{account}/api-key?user_id={user_id}&key_id=", 404),
    ("DELETE", "/v1/api-key?key_id=", 404),
    ("POST", "/v0/organizations?name=x&parent_org_id=", 404),
    ("POST", "/v0/organizations?name=x&subscription_tier=", 400),
    ("POST", "/v0/organizations?name=x&override_id=", 400),
]


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize(("method", "path", "status"), VALUED)
def test_query_values(server, place, method, path, status, name):
    headers = [("X-API-Key", server.key), ("X-WHYLABS-ORGANIZATION", place["account"])]
    target = (PREFIX + path.format(**place)).encode() + QUERIES[name]
    answer = raw.send(server.url, method, target, headers)
    unreadable = {"bad UTF-8", "overlong UTF-8", "a surrogate"}
    expected = {400} if name in unreadable else {status, 400}
    assert answer.status_code in expected, f"{answer.status_code} {answer.text}"
    assert_error(answer, answer.status_code, answer.json()["type"])


IN_PATHS = [pair for pair in NEEDS if "{org}" in pair[1]]


@pytest.mark.parametrize("name", [name for name in QUERIES if name not in ("raw bytes", "nothing")])
@pytest.mark.parametrize(("method", "path"), IN_PATHS, ids=map(" ".join, IN_PATHS))
def test_path_values(server, method, path, name):
    before, after = path.split("{org}")
    target = PREFIX.encode() + before.encode() + QUERIES[name] + after.encode()
    answer = raw.send(server.url, method, target, [("X-API-Key", server.key)])
    assert answer.status_code in (400, 404), f"{answer.status_code} {answer.text}"
    assert_error(answer, answer.status_code, answer.json()["type"])


def test_an_url_that_is_too_long(server):
    answer = raw.send(server.url, "GET", f"{PREFIX}/v0/user?email=" + "x" * 20_000, [("X-API-Key", server.key)])
    assert_error(answer, 414, "BadRequest")


def test_headers_that_are_too_long(server):
    headers = [("X-API-Key", server.key), *((f"X-Filler-{number}", "x" * 4000) for number in range(12))]
    answer = raw.send(server.url, "GET", f"{PREFIX}/v0/organizations", headers)
    assert_error(answer, 431, "BadRequest")


@pytest.mark.parametrize("key", [b"\xff\xfe", b"\xc3\xa4", b"'; --", b"%00", b"rst_", b"rst_" + b"x" * 48, b"." * 100])
def test_keys_that_are_none(server, key):
    answer = raw.send(server.url, "GET", f"{PREFIX}/v0/organizations", [("X-API-Key", key)])
    assert_error(answer, 403, "Forbidden")


def test_repeated_parameters(server, place, world):
    """The first counts, except where several are meant."""
    _, email = world.user()
    target = f"{PREFIX}/v0/organizations/{place['account']}/membership?email={email}&email=x&role=VIEWER&role=ADMIN"
    answer = raw.send(server.url, "POST", target, [("X-API-Key", server.key)])
    assert (answer.status_code, answer.json()["role"]) == (200, "VIEWER")
    target = f"{PREFIX}/v0/organizations/{place['account']}/api-key?user_id={place['user_id']}"
    scopes = "&scopes=%3Auser&scopes=%3Aadministrator"
    answer = raw.send(server.url, "POST", target + scopes, [("X-API-Key", server.key)])
    assert sorted(answer.json()["scopes"]) == [":administrator", ":user"]


def test_the_server_is_still_well(server, world, native):
    assert raw.send(server.url, "GET", "/readyz").status_code == 200
    assert native.get("/users", limit=1)["items"]
    assert not server.errors()
