"""The client-credentials grant, and how tokens end."""

import pytest

from .world import assert_error


def test_a_token_of_the_service_account(world, sdk):
    response = world.token(box_subject_type="enterprise", box_subject_id="0")
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json()
    assert (body["expires_in"], body["restricted_to"], body["token_type"]) == (3600, [], "bearer")
    assert set(body) == {"access_token", "expires_in", "restricted_to", "token_type"}
    assert len(body["access_token"]) >= 20 and body["access_token"] != world.key
    me = world.with_token(body["access_token"]).users.get_user_me(fields=["enterprise"])
    assert me.id == sdk.users.get_user_me().id
    client = world.granted(enterprise_id=me.raw_data["enterprise"]["id"])
    assert client.users.get_user_me().id == me.id


def test_a_token_is_revoked_at_once(world, user):
    client = world.as_user(user)
    assert client.users.get_user_me().id == user
    token = client.auth.retrieve_token(network_session=world.network).access_token
    client.auth.revoke_token(network_session=world.network)
    response = world.send("GET", "/2.0/users/me", key=token)
    assert_error(response, 401, "unauthorized")
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert client.users.get_user_me().id == user, "the client asks for a new one"


def revoke(world, **fields):
    return world.send("POST", "/oauth2/revoke", key=None, data={"client_id": "t", "client_secret": world.key, **fields})


def test_revoking(world, user):
    token = world.token(box_subject_type="user", box_subject_id=user).json()["access_token"]
    assert revoke(world, token=token, client_secret="wrong").json()["error"] == "invalid_client"
    assert world.send("GET", "/2.0/users/me", key=token).status_code == 200
    for _ in range(2):
        response = revoke(world, token=token)
        assert (response.status_code, response.json()) == (200, {})
    assert revoke(world, token="unknown").json() == {}
    response = revoke(world, token=world.key)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert world.send("GET", "/2.0/users/me").status_code == 200


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": None}, "invalid_client"),
        ({"client_id": None}, "invalid_request"),
        ({"box_subject_type": None}, "invalid_request"),
        ({"box_subject_id": None}, "invalid_request"),
        ({"box_subject_type": "robot"}, "invalid_request"),
        ({"box_subject_id": "123456"}, "invalid_grant"),
        ({"box_subject_type": "user", "box_subject_id": "100000"}, "invalid_grant"),
        ({"box_subject_type": "user", "box_subject_id": "abc"}, "invalid_grant"),
    ],
)
def test_refusals(world, fields, error):
    response = world.token(**{"box_subject_type": "enterprise", "box_subject_id": "0", **fields})
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response.json()["error_description"]


@pytest.mark.parametrize("subject", ["user", "enterprise"])
def test_a_token_is_no_secret(world, user, subject):
    id = user if subject == "user" else "0"
    token = world.token(box_subject_type=subject, box_subject_id=id).json()["access_token"]
    response = world.token(box_subject_type="enterprise", box_subject_id="0", client_secret=token)
    assert response.json()["error"] == "invalid_client"
