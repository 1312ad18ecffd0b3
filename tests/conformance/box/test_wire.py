"""What goes over the wire, apart from any client."""

import json

import pytest

from .world import assert_error


def test_json_without_content_type(world, group, user):
    body = json.dumps({"user": {"id": user}, "group": {"id": group}}).encode()
    for content_type in (None, "text/plain", "application/x-www-form-urlencoded"):
        headers = {"Content-Type": content_type} if content_type else {}
        response = world.send("POST", "/2.0/group_memberships", data=body, headers=headers)
        assert response.status_code == 201, response.text
        id = response.json()["id"]
        response = world.send("DELETE", f"/2.0/group_memberships/{id}", headers={"Content-Type": "application/json"})
        assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"{} {}"])
def test_bodies_that_are_none(world, body):
    assert_error(world.send("POST", "/2.0/group_memberships", data=body), 400, "bad_request")


@pytest.mark.parametrize(
    ("body", "reason", "parameter"),
    [
        ({"group": {"id": "1"}}, "missing_parameter", "user"),
        ({"user": {"id": "1"}}, "missing_parameter", "group"),
        ({"user": {}, "group": {"id": "1"}}, "invalid_parameter", "user"),
        ({"user": None, "group": {"id": "1"}}, "invalid_parameter", "user"),
        ({"user": ["1"], "group": {"id": "1"}}, "invalid_parameter", "user"),
        ({"user": {"id": 1}, "group": {"id": "1"}}, "invalid_parameter", "user"),
        ({"user": {"id": "1"}, "group": "1"}, "invalid_parameter", "group"),
        *(
            ({"user": {"id": "1"}, "group": {"id": "1"}, "role": role}, "invalid_parameter", "role")
            for role in ("", "Admin", "owner", None, 1, {}, [])
        ),
        *(
            (
                {"user": {"id": "1"}, "group": {"id": "1"}, "configurable_permissions": sent},
                "invalid_parameter",
                "configurable_permissions",
            )
            for sent in ([], "x", 1, True, {"can_fly": True}, {"can_run_reports": None}, {"can_run_reports": "true"})
        ),
    ],
)
def test_fields_that_are_wrong(world, group, user, body, reason, parameter):
    body = json.loads(json.dumps(body))
    for name, id in (("user", user), ("group", group)):
        if body.get(name) == {"id": "1"}:
            body[name] = {"id": id}
    response = world.send("POST", "/2.0/group_memberships", json=body)
    body = assert_error(response, 400, "bad_request", parameter)
    assert body["context_info"]["errors"][0]["reason"] == reason


def test_a_put_of_nothing_and_of_nonsense(world, group, user):
    made = world.member(group, user)
    path = f"/2.0/group_memberships/{made.id}"
    assert world.send("PUT", path).json()["role"] == "member"
    assert world.send("PUT", path, json={"user": {"id": "1"}, "group": 7, "other": []}).status_code == 200
    assert_error(world.send("PUT", path, json={"role": "king"}), 400, "bad_request", "role")
    assert_error(world.send("PUT", path, json={"role": None}), 400, "bad_request", "role")
    assert_error(world.send("PUT", path, data=b"[]"), 400, "bad_request")


def test_nothing_at_a_path(world):
    assert_error(world.send("GET", "/2.0/files/1"), 404, "not_found")
    assert_error(world.send("PATCH", "/2.0/groups"), 405, "method_not_allowed")
    assert_error(world.send("DELETE", "/2.0/users"), 405, "method_not_allowed")


def test_no_token(world):
    response = world.send("GET", "/2.0/users/me", key=None)
    assert_error(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="Service"'
    assert world.send("GET", "/2.0/users/me", key=None, headers={"Authorization": f"bEaReR {world.key}"}).ok


def test_order_of_refusals(world, group, user):
    token = world.token(box_subject_type="user", box_subject_id=user).json()["access_token"]
    for method, path, status in [
        ("POST", "/2.0/group_memberships", 403),
        ("GET", "/2.0/groups?limit=x", 403),
        ("DELETE", "/2.0/groups/100000", 403),
        ("GET", f"/2.0/groups/{group}?fields=%ff", 403),
        ("GET", f"/2.0/groups/{group}/memberships?limit=x", 403),
        ("GET", "/2.0/groups/100000/memberships?limit=x", 404),
        ("PUT", "/2.0/group_memberships/100000", 404),
        ("PUT", f"/2.0/groups/{group}", 403),
        ("GET", "/2.0/users/me/memberships?limit=x", 400),
    ]:
        response = world.send(method, path, key=token, data=b"[" if method in ("POST", "PUT") else None)
        assert response.status_code == status, (method, path, response.text)
        code = {400: "bad_request", 403: "access_denied_insufficient_permissions", 404: "not_found"}[status]
        assert_error(response, status, code)


def test_flags_in_any_case(world):
    for word in ("True", "true", "TRUE"):
        assert "next_marker" in world.send("GET", f"/2.0/users?usemarker={word}&limit=1").json()
    assert "offset" in world.send("GET", "/2.0/users?usemarker=False&limit=1").json()
