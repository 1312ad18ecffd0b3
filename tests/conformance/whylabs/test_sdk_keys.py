"""API keys, by both clients."""

import re
import time
from datetime import datetime, timedelta, timezone

import pytest

from .speakeasy import Speakeasy
from .world import EXTERNAL_SCOPES, INTERNAL_SCOPES, Sdk, refused


def in_seconds(seconds):
    return int((time.time() + seconds) * 1000)


def test_a_key_from_its_beginning_to_its_end(world, organization):
    user_id, email = world.member(organization, "ADMIN")
    keys = world.root_sdk.keys
    expires = in_seconds(3600)
    made = keys.create_api_key(
        organization, user_id, expiration_time=expires, scopes=[":user", ":administrator"], alias="Jo's"
    )
    assert re.fullmatch(rf"{made.key_id}\.[^:]+:{organization}", made.key)
    assert len(made.key.split(":")[0]) == 64
    assert made.key_id.isalnum()
    assert (made.org_id, made.user_id, made.alias, made.revoked) == (organization, user_id, "Jo's", False)
    assert sorted(made.scopes) == [":administrator", ":user"]
    age = datetime.now(timezone.utc) - datetime.fromisoformat(made.creation_time)
    assert timedelta(seconds=-5) < age < timedelta(minutes=5)
    shown = datetime.fromisoformat(made.expiration_time).timestamp() * 1000
    assert abs(shown - expires) < 1

    assert Sdk(world.url, made.key).members(organization) == {email: ("ADMIN", False)}

    (listed,) = world.root.list_api_keys(organization, user_id)
    assert listed["keyId"] == made.key_id
    assert listed["key"] is None
    assert world.root.get_api_key(organization, made.key_id)["alias"] == "Jo's"

    revoked = keys.revoke_api_key(organization, user_id, made.key_id)
    assert (revoked.key_id, revoked.revoked, revoked.key) == (made.key_id, True, None)
    assert keys.revoke_api_key(organization, user_id, made.key_id).revoked is True
    with refused(403, "Forbidden"):
        Sdk(world.url, made.key).members(organization)
    assert world.root.list_api_keys(organization) == []
    assert [key["revoked"] for key in world.root.list_api_keys(organization, user_id)] == [True]
    assert world.root.get_api_key(organization, made.key_id)["revoked"] is True


def test_a_key_is_used_with_its_organization_and_without(world, organization):
    key = world.key(organization, [":administrator"])
    bare = key.split(":")[0]
    # The last is how the same key is written on Roster's other surfaces.
    for form in (key, bare, f"{bare}:org-other", f"{bare}:", bare.split(".")[1]):
        assert Sdk(world.url, form).members(organization) == {}
        response = world.send("GET", f"/v0/organizations/{organization}/membership", key=None, headers={"X-API-Key": form})
        assert response.status_code == 200
        cookie = {"Cookie": f"a=b; X-API-Key={form}; c=d"}
        assert world.send("GET", f"/v0/organizations/{organization}/membership", key=None, headers=cookie).status_code == 200
    for wrong in (bare[:-1], bare + "x", bare.split(".")[0], bare.swapcase(), f":{organization}", f"{bare} {bare}"):
        with refused(403, "Forbidden"):
            Sdk(world.url, wrong).members(organization)


def test_the_secret_is_shown_once(world, organization):
    user_id, _ = world.user()
    made = world.root.create_api_key(organization, user_id)
    secret = made["key"].split(".")[1].split(":")[0]
    seen = [
        world.send("GET", f"/v0/organizations/{organization}/api-key").text,
        world.send("GET", f"/v0/organizations/{organization}/api-key/{made['keyId']}").text,
        world.native.call("GET", "/tokens", params={"organization_id": organization}).text,
        world.native.call("GET", "/events", params={"after": 0, "limit": 500, "organization_id": organization}).text,
    ]
    assert all(secret not in text for text in seen)


def test_a_key_without_anything_said(world, organization):
    user_id, _ = world.user()
    for made in (
        world.root.create_api_key(organization, user_id),
        world.root_sdk.keys.create_api_key(organization, user_id).to_dict(),
    ):
        assert (made.get("expirationTime"), made.get("alias")) == (None, None)
        assert Sdk(world.url, made["key"]).keys.validate_api_key().request_id


def test_lists_leave_out_revoked_keys_unless_asked_by_user(world, organization):
    ann, bob = world.user()[0], world.user()[0]
    first, second = (world.root.create_api_key(organization, ann)["keyId"] for _ in range(2))
    third = world.root.create_api_key(organization, bob)["keyId"]
    world.root.revoke_api_key(organization, ann, first)
    assert [key["keyId"] for key in world.root.list_api_keys(organization)] == [second, third]
    assert [key["keyId"] for key in world.root.list_api_keys(organization, ann)] == [first, second]
    assert [key["keyId"] for key in world.root.list_api_keys(organization, bob)] == [third]
    assert world.root.list_api_keys(world.organization()) == []


def test_what_is_refused(world, organization):
    user_id, _ = world.user()
    keys = world.root_sdk.keys
    for expires in (in_seconds(-3600), in_seconds(30), 0):
        with refused(400, "IllegalArgument"):
            keys.create_api_key(organization, user_id, expiration_time=expires)
    for scopes in ([":nonsense"], [":user", ":USER"], ["user"], [":user,:administrator"]):
        with refused(400, "IllegalArgument"):
            keys.create_api_key(organization, user_id, scopes=scopes)
    with refused(404, "ResourceNotFound"):
        keys.create_api_key("org-nosuchthing", user_id)
    with refused(404, "UserNotFound"):
        keys.create_api_key(organization, "user-nosuchthing")
    with refused(404, "ResourceNotFound"):
        keys.revoke_api_key(organization, user_id, "nosuchthing")
    with refused(404, "ResourceNotFound"):
        keys.revoke_api_key("org-nosuchthing", user_id, "nosuchthing")
    assert world.root.list_api_keys(organization) == []
    assert world.root.get_api_key(organization, "nosuchthing") is None


def test_a_key_is_found_in_its_organization_only(world, organization):
    user_id, _ = world.user()
    key_id = world.root.create_api_key(organization, user_id)["keyId"]
    other = world.organization()
    with refused(404, "ResourceNotFound"):
        world.root.revoke_api_key(other, user_id, key_id)
    assert world.root.get_api_key(other, key_id) is None
    with refused(404, "ResourceNotFound"):
        world.sdk(other).keys.delete_api_key(key_id)
    with refused(404, "ResourceNotFound"):
        world.root.revoke_api_key(organization, world.user()[0], key_id)
    assert world.root.get_api_key(organization, key_id)["revoked"] is False


def test_an_expired_key_is_refused(world, organization):
    ends = datetime.now(timezone.utc) + timedelta(seconds=1.5)
    token = world.native.post(
        "/tokens",
        {
            "kind": "organization",
            "organization_id": organization,
            "roles": ["admin"],
            "expires_at": ends.isoformat().replace("+00:00", "Z"),
        },
    )
    sdk = Sdk(world.url, token["secret"])
    assert sdk.members(organization) == {}
    time.sleep(max(0, (ends - datetime.now(timezone.utc)).total_seconds()) + 0.1)
    with refused(403, "Forbidden"):
        sdk.members(organization)
    with refused(403, "Forbidden"):
        sdk.keys.validate_api_key()


def test_validate(world, organization):
    for scope in EXTERNAL_SCOPES:
        assert world.sdk(organization, [scope]).keys.validate_api_key().request_id
    assert world.root_sdk.keys.validate_api_key().request_id
    with refused(403, "Forbidden"):
        Sdk(world.url, "nonsense").keys.validate_api_key()
    assert world.send("GET", "/v1/api-key/validate", key=None).status_code == 401


def test_customers_manage_the_keys_of_their_organization(world, organization):
    user_id, _ = world.user()
    sdk = Sdk(world.url, world.key(organization, [":administrator"], user_id))
    made = sdk.keys.generate_api_key(
        expiration_time=in_seconds(3600), scopes=[":user"], resource_id="model-1", alias="robot"
    )
    assert (made.org_id, made.user_id, made.alias, made.resource_id) == (organization, user_id, "robot", "model-1")
    assert made.scopes == [":user"]
    assert made.key.startswith(f"{made.key_id}.")
    listed = {key.key_id: key for key in sdk.keys.list_api_key_metadata().items}
    assert len(listed) == 2
    assert listed[made.key_id].key is None
    assert listed[made.key_id].creation_time == made.creation_time
    assert listed[made.key_id].user_id == user_id

    assert Sdk(world.url, made.key).organizations.get_managed_organizations() == []
    deleted = sdk.keys.delete_api_key(made.key_id)
    assert (deleted.key_id, deleted.revoked) == (made.key_id, True)
    with refused(403, "Forbidden"):
        Sdk(world.url, made.key).organizations.get_managed_organizations()
    assert len(sdk.keys.list_api_key_metadata().items) == 1
    with refused(404, "ResourceNotFound"):
        sdk.keys.delete_api_key("nosuchthing")


def test_any_key_of_the_organization_can_be_deleted(world, organization):
    other = world.root.create_api_key(organization, world.user()[0])["keyId"]
    assert world.sdk(organization).keys.delete_api_key(other).revoked is True


def test_a_key_can_delete_itself(world, organization):
    sdk = world.sdk(organization)
    (own,) = sdk.keys.list_api_key_metadata().items
    assert sdk.keys.delete_api_key(own.key_id).revoked is True
    with refused(403, "Forbidden"):
        sdk.keys.list_api_key_metadata()


def test_what_customers_are_refused(sdk):
    for scopes in ([":nonsense"], *([scope] for scope in INTERNAL_SCOPES), [":user", ":whylabs_system"]):
        with refused(400, "IllegalArgument"):
            sdk.keys.generate_api_key(scopes=scopes)
    with refused(400, "IllegalArgument"):
        sdk.keys.generate_api_key(expiration_time=in_seconds(30))
    assert len(sdk.keys.list_api_key_metadata().items) == 1


def test_no_key_gives_more_than_it_has(sdk):
    with refused(403, "Forbidden"):
        sdk.keys.generate_api_key(scopes=[":account_administrator"])


def test_keys_of_managed_organizations(world, account):
    managed = account.managed()
    below = account.sdk.selecting(managed)
    made = below.keys.generate_api_key(scopes=[":administrator"])
    assert made.org_id == managed
    assert Sdk(world.url, made.key).members(managed) == {}
    assert [key.key_id for key in below.keys.list_api_key_metadata().items] == [made.key_id]
    assert account.sdk.selecting(account.id).keys.list_api_key_metadata().items
    assert below.keys.delete_api_key(made.key_id).revoked is True


def test_the_selected_organization_must_be_managed(world, account):
    grandchild = world.organization(parent_org_id=account.managed())
    for other in (grandchild, world.organization(), "org-nosuchthing", "x"):
        with refused(403, "Forbidden"):
            account.sdk.selecting(other).keys.list_api_key_metadata()
        with refused(403, "Forbidden"):
            account.sdk.selecting(other).organizations.get_managed_organizations()


def test_the_realm_key_must_select(world, organization):
    with refused(400, "ArgumentValue", "X-WHYLABS-ORGANIZATION"):
        world.root_sdk.keys.list_api_key_metadata()
    with refused(404, "ResourceNotFound"):
        world.root_sdk.selecting("org-nosuchthing").keys.list_api_key_metadata()
    made = world.root_sdk.selecting(organization).keys.generate_api_key(scopes=[":user"])
    assert made.org_id == organization
    assert made.user_id
    (listed,) = world.root_sdk.selecting(organization).keys.list_api_key_metadata().items
    assert listed.user_id == made.user_id


# What a key with only this scope may do.
MEMBERSHIPS = [
    ("POST", "/v0/organizations/{org}/membership?email=nobody@acme.example&role=ADMIN"),
    ("GET", "/v0/organizations/{org}/membership"),
    ("PUT", "/v0/organizations/{org}/membership?email=nobody@acme.example&role=ADMIN"),
    ("DELETE", "/v0/organizations/{org}/membership?email=nobody@acme.example"),
]
ACCOUNTS = [
    ("POST", "/v0/accounts/org/{org}/user"),
    ("GET", "/v0/accounts/org/{org}/users"),
    ("GET", "/v0/accounts/org/{org}/user/email?email=nobody@acme.example"),
    ("GET", "/v0/accounts/org/{org}/user/id?user_id=x"),
    ("PUT", "/v0/accounts/org/{org}/user?user_id=x"),
    ("DELETE", "/v0/accounts/org/{org}/user/x"),
    ("GET", "/v0/accounts/org/{org}/organizations"),
    ("GET", "/v0/accounts/org/{org}/memberships"),
    ("PUT", "/v0/accounts/org/{org}/memberships"),
    ("PATCH", "/v0/accounts/org/{org}/memberships"),
]
INTERNAL = [
    ("POST", "/v0/organizations/{org}/api-key?user_id=x"),
    ("DELETE", "/v0/organizations/{org}/api-key?user_id=x&key_id=x"),
    ("GET", "/v0/organizations/{org}/api-key"),
    ("GET", "/v0/organizations/{org}/api-key/x"),
    ("POST", "/v0/organizations?name=x"),
    ("GET", "/v0/organizations"),
    ("PUT", "/v0/organizations/partial/{org}"),
    ("GET", "/v0/organizations/{org}"),
    ("DELETE", "/v0/organizations/{org}"),
    ("POST", "/v0/user"),
    ("PUT", "/v0/user"),
    ("GET", "/v0/user?email=nobody@acme.example"),
    ("GET", "/v0/user/x"),
    ("POST", "/v0/membership"),
    ("PUT", "/v0/membership"),
    ("DELETE", "/v0/membership"),
    ("GET", "/v0/membership/user/x"),
    ("GET", "/v0/membership/user?email=nobody@acme.example"),
    ("GET", "/v0/membership/org/{org}"),
    ("GET", "/v0/membership/default?email=nobody@acme.example"),
    ("POST", "/v0/membership/default"),
]
KEYS = [("POST", "/v1/api-key?expiration_time=1"), ("GET", "/v1/api-key"), ("DELETE", "/v1/api-key?key_id=x")]
NEEDS = {
    **dict.fromkeys(MEMBERSHIPS, {":administrator"}),
    **dict.fromkeys(ACCOUNTS, {":account_administrator"}),
    **dict.fromkeys(KEYS, {":administrator", ":account_administrator"}),
    **dict.fromkeys(INTERNAL, set()),
    ("POST", "/v1/organizations/managed-organization"): {":administrator"},
    ("GET", "/v1/organizations/managed-organizations"): {":administrator", ":user"},
    ("GET", "/v1/api-key/validate"): set(EXTERNAL_SCOPES),
}


@pytest.fixture(scope="module")
def scoped(world):
    """An organization, and a key of it by each scope."""
    organization = world.organization()
    return organization, {scope: world.key(organization, [scope]) for scope in EXTERNAL_SCOPES}


@pytest.mark.parametrize(("method", "path"), NEEDS, ids=map(" ".join, NEEDS))
def test_scopes(world, scoped, method, path):
    organization, keys = scoped
    target = path.format(org=organization)
    for scope, key in keys.items():
        response = world.send(method, target, key=key)
        allowed = scope in NEEDS[method, path]
        assert response.status_code != 401
        assert (response.status_code != 403) is allowed, f"{scope}: {response.status_code} {response.text}"
    # All answers to who may not are the same, and come before anything in the request is looked at.
    assert world.send(method, target, key=None).status_code == 401
    assert world.send(method, target, key="nonsense").status_code == 403
    if "{org}" in path:
        for key in keys.values():
            assert world.send(method, path.format(org="org-nosuchthing"), key=key).status_code == 403


def test_scopes_add_up(world, organization):
    both = Speakeasy(world.url, world.key(organization, [":user", ":administrator", ":account_administrator"]))
    assert both.list_organization_memberships(organization) == []
    assert both.list_account_users(organization) == []


def test_last_use_is_shown(world, organization):
    user_id, _ = world.user()
    made = world.root.create_api_key(organization, user_id, scopes=[":administrator"])
    assert made["lastUsedTime"] is None
    Sdk(world.url, made["key"]).members(organization)
    end = time.monotonic() + 15
    while time.monotonic() < end:
        seen = world.root.get_api_key(organization, made["keyId"])["lastUsedTime"]
        if seen:
            assert abs(datetime.fromisoformat(seen).timestamp() - time.time()) < 120
            return
        time.sleep(0.25)
    pytest.fail("the use was never shown")
