"""Account users, as the second client sees them."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from .speakeasy import SDKError, Speakeasy
from .world import refused


def test_an_account_user_from_beginning_to_end(account, world):
    email = world.address()
    made = account.b.create_account_user(account.id, email=email, externalId="ext-1", userSchema='{"a": 1}', active=True)
    assert made == {
        "userId": made["userId"],
        "orgId": account.id,
        "email": email,
        "externalId": "ext-1",
        "userSchema": '{"a": 1}',
        "active": True,
    }
    user_id = made["userId"]
    assert user_id.startswith("user-")
    assert account.b.get_account_user_by_id(account.id, user_id) == made
    assert account.b.get_account_user_by_email(account.id, email) == made
    assert account.b.list_account_users(account.id) == [made]
    # An account user is no member.
    assert account.b.get_account_memberships(account.id) == []
    assert world.root.get_user(user_id) == {"userId": user_id, "email": email, "preferences": None}

    changed = account.b.update_account_user(account.id, user_id, externalId="ext-2", userSchema="x", active=False)
    assert changed == {**made, "externalId": "ext-2", "userSchema": "x", "active": False}
    assert account.b.list_account_users(account.id) == [changed]

    account.b.delete_account_user(account.id, user_id)
    assert account.b.list_account_users(account.id) == []
    for look in (
        lambda: account.b.get_account_user_by_id(account.id, user_id),
        lambda: account.b.get_account_user_by_email(account.id, email),
        lambda: account.b.update_account_user(account.id, user_id),
        lambda: account.b.delete_account_user(account.id, user_id),
    ):
        with refused(404, "ResourceNotFound"):
            look()
    assert world.root.get_user(user_id)["email"] == email


@pytest.mark.parametrize("left_out", [{}, {"externalId": None, "userSchema": None, "active": None}])
def test_null_is_as_if_not_given(account, world, left_out):
    made = account.b.create_account_user(account.id, email=world.address(), **left_out)
    assert (made["externalId"], made["userSchema"], made["active"]) == (None, None, True)
    full = account.b.update_account_user(account.id, made["userId"], externalId="e", userSchema="s", active=False)
    assert (full["externalId"], full["userSchema"], full["active"]) == ("e", "s", False)
    # An update replaces all: what is left out is cleared, and active is true again.
    cleared = account.b.update_account_user(account.id, made["userId"], **left_out)
    assert cleared == made
    assert account.b.get_account_user_by_id(account.id, made["userId"]) == made


def test_whole_objects_are_sent_and_what_is_not_asked_for_is_ignored(account, world):
    email = world.address()
    body = {"email": email, "userId": "user-other", "orgId": "org-other", "created": "1", "x": {"y": []}}
    made = account.b.create_account_user(account.id, **body)
    assert (made["orgId"], made["email"]) == (account.id, email)
    assert made["userId"] != "user-other"
    changed = account.b.update_account_user(account.id, made["userId"], **{**body, "email": "other@acme.example"})
    assert changed == made


@pytest.mark.parametrize(
    "schema",
    ["", " ", '{"userName":"JO","b":1.0,  "a":[null]}', "no JSON {", "ä€𝄞\u202e", "line\nbreak\ttab", pytest.param("x" * 20_000, id="very long"), "null"],
)
def test_user_schema_is_kept_byte_for_byte(account, world, schema):
    made = account.b.create_account_user(account.id, email=world.address(), userSchema=schema)
    assert made["userSchema"] == schema
    assert account.b.get_account_user_by_id(account.id, made["userId"])["userSchema"] == schema
    assert account.b.update_account_user(account.id, made["userId"], userSchema=schema)["userSchema"] == schema


def test_addresses_are_lower_case(account, world):
    word = world.fresh("jo")
    made = account.b.create_account_user(account.id, email=f"{word.upper()}+Tag@Sub.ACME.Example")
    assert made["email"] == f"{word}+tag@sub.acme.example"
    for form in (made["email"], made["email"].upper()):
        assert account.b.get_account_user_by_email(account.id, form) == made
    with refused(409, "ResourceAlreadyExists"):
        account.b.create_account_user(account.id, email=made["email"].upper())


@pytest.mark.parametrize(
    "email",
    [
        "",
        "jo",
        "jo@",
        "@acme.example",
        "jo@acme.example.",
        "a@acme.example, b@acme.example",
        "a@acme.example,b@acme.example",
        "a@acme.example;b@acme.example",
        "jo@acme.example\n",
        "jo\n@acme.example",
        "jo@acme.example\r\nBcc: x@acme.example",
        "jo bloggs@acme.example",
        "Jo <jo@acme.example>",
        "a@b@acme.example",
        "jo@acme..example",
        "jo@.example",
        "jo\0@acme.example",
        pytest.param("x" * 300 + "@acme.example", id="very long"),
    ],
)
def test_bad_addresses(account, email):
    with refused(400, "ArgumentValue", "email"):
        account.b.create_account_user(account.id, email=email)
    assert account.b.list_account_users(account.id) == []
    with refused(404, "ResourceNotFound"):
        account.b.get_account_user_by_email(account.id, email)


@pytest.mark.parametrize("local", ["a", "a.b", "a+b+c", "a-b_c", "o'neil", "1"])
@pytest.mark.parametrize("domain", ["acme.example", "a.b.c.acme.example", "x--y.example"])
def test_good_addresses(account, local, domain):
    assert account.b.create_account_user(account.id, email=f"{local}@{domain}")["email"] == f"{local}@{domain}"
    with refused(409, "ResourceAlreadyExists"):
        account.b.create_account_user(account.id, email=f"{local}@{domain}")


def test_an_existing_user_is_adopted(account, world):
    user_id, email = world.member(account.id, "VIEWER")
    made = account.b.create_account_user(account.id, email=email.upper())
    assert (made["userId"], made["email"]) == (user_id, email)
    assert account.members(account.id) == {"VIEWER": {user_id}}


def test_one_user_in_two_accounts(world):
    one, other = world.account(), world.account()
    email = world.address()
    first = one.b.create_account_user(one.id, email=email, externalId="in one")
    for look in (
        lambda: other.b.get_account_user_by_id(other.id, first["userId"]),
        lambda: other.b.get_account_user_by_email(other.id, email),
        lambda: other.b.update_account_user(other.id, first["userId"]),
        lambda: other.b.delete_account_user(other.id, first["userId"]),
    ):
        with refused(404, "ResourceNotFound"):
            look()
    second = other.b.create_account_user(other.id, email=email, externalId="in the other", active=False)
    assert second["userId"] == first["userId"]
    assert one.b.get_account_user_by_email(one.id, email) == first
    assert other.b.get_account_user_by_email(other.id, email) == second
    one.b.delete_account_user(one.id, first["userId"])
    assert other.b.list_account_users(other.id) == [second]


def test_concurrent_creates_make_one(account, world):
    email = world.address()

    def create(number):
        try:
            client = Speakeasy(world.url, account.key)
            # In one half of them it is a matter of the letter case.
            return client.create_account_user(account.id, email=email.upper() if number % 2 else email)
        except SDKError as error:
            return error.status_code

    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(create, range(12)))
    made = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    assert len(made) == 1, outcomes
    assert [outcome for outcome in outcomes if outcome not in made] == [409] * 11
    assert account.b.list_account_users(account.id) == made


def test_concurrent_creates_in_two_accounts_make_one_user(world):
    accounts = [world.account() for _ in range(6)]
    email = world.address()

    def create(account):
        return account.b.create_account_user(account.id, email=email)["userId"]

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(create, accounts))) == 1


def test_users_are_listed_in_the_order_they_came(account, world):
    emails = [f"{world.fresh(letter)}@acme.example" for letter in "dbcaef"]
    for email in emails:
        account.user(email=email)
    for _ in range(3):
        assert [user["email"] for user in account.b.list_account_users(account.id)] == emails


def test_a_long_list_is_complete(account):
    made = account.users(120)
    assert [user["userId"] for user in account.b.list_account_users(account.id)] == made


def test_no_account_users_in_a_managed_organization(account, world):
    managed = account.managed()
    client = Speakeasy(world.url, world.key(managed, [":account_administrator"]))
    with refused(400, "IllegalArgument"):
        client.create_account_user(managed, email=world.address())
    with refused(400, "IllegalArgument"):
        world.root.create_account_user(managed, email=world.address())
    assert client.list_account_users(managed) == []


@pytest.mark.parametrize("way", ["deactivate", "delete"])
def test_who_leaves_loses_the_memberships_of_the_account(account, world, way):
    """In the account and what it manages, and nowhere else."""
    managed, elsewhere = account.managed(), world.organization()
    below = world.organization(parent_org_id=managed)
    user_id, other = account.users(2)
    email = account.b.get_account_user_by_id(account.id, user_id)["email"]
    for organization in (account.id, managed, elsewhere, below):
        world.root.create_membership(orgId=organization, email=email, role="MEMBER", default=organization == managed)
    account.b.put_organization_memberships(account.id, managed, "ADMIN", [other])

    if way == "delete":
        account.b.delete_account_user(account.id, user_id)
    else:
        assert account.b.update_account_user(account.id, user_id, active=False)["active"] is False
    left = {m["orgId"]: m["default"] for m in world.root.get_memberships(user_id)}
    # The default moved on, to the oldest that is left.
    assert left == {elsewhere: True, below: False}
    assert account.members(managed) == {"ADMIN": {other}}
    assert world.root.get_user_by_email(email)["userId"] == user_id


def test_coming_back_brings_no_membership_back(account):
    (user_id,) = account.users(1)
    account.b.put_organization_memberships(account.id, account.id, "ADMIN", [user_id])
    account.b.update_account_user(account.id, user_id, active=False)
    assert account.b.update_account_user(account.id, user_id, active=True)["active"] is True
    assert account.members(account.id) == {}


def test_deactivating_again_ends_what_was_given_meanwhile(account, world):
    (user_id,) = account.users(1)
    email = account.b.get_account_user_by_id(account.id, user_id)["email"]
    account.b.update_account_user(account.id, user_id, active=False)
    world.root.create_membership(orgId=account.id, email=email, role="VIEWER")
    account.b.update_account_user(account.id, user_id, active=False)
    assert account.members(account.id) == {}


def test_a_deleted_user_is_revived_by_a_create(account, world):
    made = account.b.create_account_user(
        account.id, email=world.address(), externalId="old", userSchema="old", active=False
    )
    account.b.put_organization_memberships(account.id, account.id, "ADMIN", [made["userId"]])
    account.b.delete_account_user(account.id, made["userId"])
    again = account.b.create_account_user(account.id, email=made["email"].upper(), userSchema="new")
    assert again == {**made, "externalId": None, "userSchema": "new", "active": True}
    assert account.b.list_account_users(account.id) == [again]
    assert account.members(account.id) == {}
    account.b.delete_account_user(account.id, made["userId"])
    assert account.b.list_account_users(account.id) == []


def test_a_members_account_record_is_unknown_until_it_is_made(account, world):
    user_id, email = world.member(account.id, "ADMIN")
    with refused(404, "ResourceNotFound"):
        account.b.get_account_user_by_email(account.id, email)
    with refused(404, "ResourceNotFound"):
        account.b.get_account_user_by_id(account.id, user_id)
    with refused(404, "ResourceNotFound"):
        account.b.delete_account_user(account.id, user_id)
    assert account.members(account.id) == {"ADMIN": {user_id}}


@pytest.mark.parametrize("organization", ["org-nosuchthing", "x", "a b", "ä", "%00", "%ff"])
def test_unknown_accounts(world, organization):
    root, (user_id, email) = world.root, world.user()
    for call in (
        lambda: root.create_account_user(organization, email=world.address()),
        lambda: root.list_account_users(organization),
        lambda: root.get_account_user_by_email(organization, email),
        lambda: root.get_account_user_by_id(organization, user_id),
        lambda: root.update_account_user(organization, user_id, active=True),
        lambda: root.delete_account_user(organization, user_id),
        lambda: root.list_managed_organizations(organization),
        lambda: root.get_account_memberships(organization),
        lambda: root.put_organization_memberships(organization, organization, "ADMIN", []),
        lambda: root.patch_organization_memberships(organization, organization, "ADMIN"),
    ):
        kind = "NotFound" if organization == "%ff" else "ResourceNotFound"
        with refused(404, kind):
            call()


@pytest.mark.parametrize("user_id", ["user-nosuchthing", "x", "a b", "ä", "0", "9" * 30, "-1"])
def test_unknown_users(account, user_id):
    for call in (
        lambda: account.b.get_account_user_by_id(account.id, user_id),
        lambda: account.b.update_account_user(account.id, user_id, active=True),
        lambda: account.b.delete_account_user(account.id, user_id),
    ):
        with refused(404, "ResourceNotFound"):
            call()


def test_path_parameters_are_not_escaped_by_this_client(account):
    response = account.b.send("DELETE", f"/v0/accounts/org/{account.id}/user/a/b")
    assert response.status_code == 404
    assert json.loads(response.text)["type"] == "NotFound"


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({}, "email"),
        ({"email": None}, "email"),
        ({"email": 1}, "email"),
        ({"email": ["jo@acme.example"]}, "email"),
        ({"email": "EMAIL", "externalId": 1}, "externalId"),
        ({"email": "EMAIL", "userSchema": {"a": 1}}, "userSchema"),
        ({"email": "EMAIL", "active": "true"}, "active"),
        ({"email": "EMAIL", "active": 1}, "active"),
    ],
    ids=json.dumps,
)
def test_bad_bodies_of_create(account, world, body, parameter):
    body = {name: world.address() if value == "EMAIL" else value for name, value in body.items()}
    with refused(400, "ArgumentValue", parameter):
        account.b.create_account_user(account.id, **body)
    assert account.b.list_account_users(account.id) == []


def test_a_bad_update_changes_nothing(account, world):
    made = account.b.create_account_user(account.id, email=world.address(), externalId="e", userSchema="s")
    for body in ({"active": "no"}, {"externalId": 5}, {"userSchema": ["x"]}, {"externalId": "a\0b"}):
        with refused(400, "ArgumentValue", next(iter(body))):
            account.b.update_account_user(account.id, made["userId"], **body)
    assert account.b.get_account_user_by_id(account.id, made["userId"]) == made
