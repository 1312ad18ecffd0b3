"""Who has which role in an account and what it manages, as the second client says it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from .speakeasy import Speakeasy
from .world import refused

ROLES = ["ADMIN", "MEMBER", "VIEWER"]


@pytest.fixture
def managed(account):
    return account.managed()


def ids(errors):
    return {error["itemId"] for error in errors}


def assert_404(errors, expected):
    assert ids(errors) == set(expected), errors
    assert all(error["errorCode"] == 404 and error["description"] for error in errors), errors


# Reading


def test_groups_are_sorted(account, world):
    managed = sorted(account.managed() for _ in range(2))
    users = account.users(4)
    members = {}
    for organization in (account.id, *managed):
        for role, user in zip(reversed(ROLES), users, strict=False):
            account.b.put_organization_memberships(account.id, organization, role, [user])
            members[organization, role] = [user]
    emails = {user["userId"]: user["email"] for user in account.b.list_account_users(account.id)}
    groups = account.b.get_account_memberships(account.id)
    assert [(group["orgId"], group["role"]) for group in groups] == sorted(members)
    for group in groups:
        expected = [{"userId": user, "email": emails[user]} for user in members[group["orgId"], group["role"]]]
        assert group["members"] == expected


def test_members_are_sorted_by_address(account, world, managed):
    users = [account.user(email=f"{world.fresh(letter)}@acme.example") for letter in "dbcaef"]
    account.b.put_organization_memberships(account.id, managed, "MEMBER", users)
    (group,) = account.b.get_account_memberships(account.id)
    emails = [member["email"] for member in group["members"]]
    assert emails == sorted(emails)
    assert len(emails) == 6


def test_members_who_are_no_account_users_count(account, world, managed):
    legacy, email = world.member(managed, "ADMIN")
    (group,) = account.b.get_account_memberships(account.id)
    assert group == {"orgId": managed, "role": "ADMIN", "members": [{"userId": legacy, "email": email}]}


def test_filters(account, world, managed):
    ann, bob = account.users(2)
    for organization in (account.id, managed):
        account.b.put_organization_memberships(account.id, organization, "ADMIN", [ann])
        account.b.put_organization_memberships(account.id, organization, "VIEWER", [bob])
    below = world.organization(parent_org_id=managed)
    elsewhere = world.organization()

    def found(**filters):
        groups = account.b.get_account_memberships(account.id, **filters)
        return {(g["orgId"], g["role"], m["userId"]) for g in groups for m in g["members"]}

    all_of_them = {
        (account.id, "ADMIN", ann),
        (account.id, "VIEWER", bob),
        (managed, "ADMIN", ann),
        (managed, "VIEWER", bob),
    }
    assert found() == all_of_them
    assert found(user_id=ann) == {m for m in all_of_them if m[2] == ann}
    assert found(managed_org_id=managed) == {m for m in all_of_them if m[0] == managed}
    assert found(managed_org_id=account.id) == {m for m in all_of_them if m[0] == account.id}
    assert found(role="VIEWER") == {m for m in all_of_them if m[1] == "VIEWER"}
    assert found(role="viewer", user_id=bob, managed_org_id=managed) == {(managed, "VIEWER", bob)}
    assert found(role="ADMIN", user_id=bob) == set()
    assert found(role="MEMBER") == set()
    for other in (elsewhere, below, "org-nosuchthing", "x"):
        assert found(managed_org_id=other) == set()
    for nobody in ("user-nosuchthing", "x", world.user()[0]):
        assert found(user_id=nobody) == set()
    with refused(400, "ArgumentValue", "role"):
        found(role="OWNER")


def test_managed_organizations(account, world):
    assert account.b.list_managed_organizations(account.id) == []
    first, second = account.managed(), account.managed()
    world.organization(parent_org_id=first)
    gone = account.managed()
    world.root.delete_organization(gone)
    assert [one["orgId"] for one in account.b.list_managed_organizations(account.id)] == [first, second]
    assert world.root.list_managed_organizations(second) == []


# PUT


def test_put_replaces_who_has_the_role(account, managed):
    ann, bob, cyd = account.users(3)
    assert account.b.put_organization_memberships(account.id, managed, "VIEWER", [ann, bob]) == []
    assert account.members(managed) == {"VIEWER": {ann, bob}}
    assert account.b.put_organization_memberships(account.id, managed, "VIEWER", [bob, cyd]) == []
    assert account.members(managed) == {"VIEWER": {bob, cyd}}
    for _ in range(2):
        assert account.b.put_organization_memberships(account.id, managed, "VIEWER", [bob, cyd]) == []
        assert account.members(managed) == {"VIEWER": {bob, cyd}}
    assert account.b.put_organization_memberships(account.id, managed, "VIEWER", []) == []
    assert account.members(managed) == {}


def test_put_leaves_other_roles_alone(account, managed):
    """Upstream removes every member who isn't listed, whatever the role."""
    admin, member, old, new = account.users(4)
    for role, user in [("ADMIN", admin), ("MEMBER", member), ("VIEWER", old)]:
        account.b.put_organization_memberships(account.id, managed, role, [user])
    assert account.b.put_organization_memberships(account.id, managed, "VIEWER", [new]) == []
    assert account.members(managed) == {"ADMIN": {admin}, "MEMBER": {member}, "VIEWER": {new}}


def test_put_moves_members_and_keeps_their_default(account, world, managed):
    user = account.user()
    email = account.b.get_account_user_by_id(account.id, user)["email"]
    world.root.create_membership(orgId=managed, email=email, role="VIEWER", default=True)
    assert account.b.put_organization_memberships(account.id, managed, "ADMIN", [user]) == []
    (membership,) = world.root.get_memberships(user)
    assert (membership["role"], membership["default"]) == ("ADMIN", True)


def test_put_removes_who_is_no_account_user(account, world, managed):
    legacy, _ = world.member(managed, "MEMBER")
    other_role, _ = world.member(managed, "VIEWER")
    user = account.user()
    assert account.b.put_organization_memberships(account.id, managed, "MEMBER", [user]) == []
    assert account.members(managed) == {"MEMBER": {user}, "VIEWER": {other_role}}
    assert world.root.get_memberships(legacy) == []


def test_put_counts_doubled_ids_once(account, managed):
    ann, bob = account.users(2)
    assert account.b.put_organization_memberships(account.id, managed, "ADMIN", [ann, bob, ann, ann]) == []
    assert account.members(managed) == {"ADMIN": {ann, bob}}


def test_put_names_whom_it_left_out(account, world, managed):
    ann, gone = account.users(2)
    account.b.delete_account_user(account.id, gone)
    legacy, _ = world.member(managed, "VIEWER")
    stranger, _ = world.user()
    other_account = world.account().user()
    bad = [gone, legacy, stranger, other_account, "user-nosuchthing", "x", ""]
    errors = account.b.put_organization_memberships(account.id, managed, "ADMIN", [*bad, ann])
    assert_404(errors, bad)
    assert account.members(managed) == {"ADMIN": {ann}, "VIEWER": {legacy}}


def test_put_on_the_account_itself(account):
    ann = account.user()
    assert account.b.put_organization_memberships(account.id, account.id, "ADMIN", [ann]) == []
    assert account.members(account.id) == {"ADMIN": {ann}}


# PATCH


def test_patch_adds_and_deletes(account, managed):
    ann, bob, cyd = account.users(3)
    assert account.b.patch_organization_memberships(account.id, managed, "MEMBER", [ann, bob]) == []
    assert account.members(managed) == {"MEMBER": {ann, bob}}
    assert account.b.patch_organization_memberships(account.id, managed, "MEMBER", [cyd, bob], [ann]) == []
    assert account.members(managed) == {"MEMBER": {bob, cyd}}
    # Adding again is fine, and moves who has another role.
    assert account.b.patch_organization_memberships(account.id, managed, "ADMIN", [bob, bob]) == []
    assert account.members(managed) == {"ADMIN": {bob}, "MEMBER": {cyd}}
    assert account.b.patch_organization_memberships(account.id, managed, "ADMIN") == []
    assert account.members(managed) == {"ADMIN": {bob}, "MEMBER": {cyd}}


def test_patch_as_provisioners_move_people(account, managed):
    """Add to the admins, remove from the viewers: upstream throws the person out."""
    ann, other = account.users(2)
    account.b.put_organization_memberships(account.id, managed, "VIEWER", [ann, other])
    assert account.b.patch_organization_memberships(account.id, managed, "ADMIN", [ann]) == []
    errors = account.b.patch_organization_memberships(account.id, managed, "VIEWER", delete=[ann])
    assert_404(errors, [ann])
    assert account.members(managed) == {"ADMIN": {ann}, "VIEWER": {other}}


def test_patch_of_who_is_in_both_lists_ends_without_the_membership(account, managed):
    ann, bob, cyd = account.users(3)
    account.b.put_organization_memberships(account.id, managed, "ADMIN", [bob])
    account.b.put_organization_memberships(account.id, managed, "VIEWER", [cyd])
    both = [ann, bob, cyd]
    assert account.b.patch_organization_memberships(account.id, managed, "ADMIN", both, both) == []
    assert account.members(managed) == {}


def test_patch_deletes_who_is_no_account_user(account, world, managed):
    legacy, _ = world.member(managed, "MEMBER")
    assert account.b.patch_organization_memberships(account.id, managed, "MEMBER", delete=[legacy]) == []
    assert account.members(managed) == {}


def test_patch_names_whom_it_left_out(account, world, managed):
    """Upstream answers 404 with the additions already stored."""
    ann, bob, other_role = account.users(3)
    account.b.put_organization_memberships(account.id, managed, "MEMBER", [bob])
    account.b.put_organization_memberships(account.id, managed, "VIEWER", [other_role])
    stranger, _ = world.user()
    add, delete = [ann, stranger, "user-nosuchthing"], [bob, other_role, ann + "x", ""]
    errors = account.b.patch_organization_memberships(account.id, managed, "MEMBER", add, delete)
    assert_404(errors, [stranger, "user-nosuchthing", other_role, ann + "x", ""])
    assert account.members(managed) == {"MEMBER": {ann}, "VIEWER": {other_role}}


def test_patch_moves_the_default_of_who_is_removed(account, world, managed):
    user = account.user()
    email = account.b.get_account_user_by_id(account.id, user)["email"]
    world.root.create_membership(orgId=account.id, email=email, role="VIEWER")
    world.root.create_membership(orgId=managed, email=email, role="VIEWER", default=True)
    assert account.b.patch_organization_memberships(account.id, managed, "VIEWER", delete=[user]) == []
    (left,) = world.root.get_memberships(user)
    assert (left["orgId"], left["default"]) == (account.id, True)


# Both


@pytest.mark.parametrize("way", ["put", "patch"])
def test_the_inactive_are_not_added(account, managed, way):
    ann, gone = account.users(2)
    account.b.update_account_user(account.id, gone, active=False)
    call = getattr(account.b, f"{way}_organization_memberships")
    (error,) = call(account.id, managed, "ADMIN", [gone, ann])
    assert error["itemId"] == gone
    assert 400 <= error["errorCode"] < 500
    assert account.members(managed) == {"ADMIN": {ann}}


@pytest.mark.parametrize("way", ["put", "patch"])
def test_the_organization_must_be_managed(account, world, managed, way):
    ann = account.user()
    call = getattr(account.b, f"{way}_organization_memberships")
    below = world.organization(parent_org_id=managed)
    for other in (world.organization(), below, "org-nosuchthing", "x", ""):
        with refused(400, "IllegalArgument"):
            call(account.id, other, "ADMIN", [ann])
    assert world.root.get_memberships(ann) == []


@pytest.mark.parametrize("way", ["PUT", "PATCH"])
def test_what_is_required(account, managed, way):
    path = f"/v0/accounts/org/{account.id}/memberships"
    body = {"userIds": [], "userIdsToAdd": [], "userIdsToDelete": []}
    for query, parameter in [
        ({"role": "ADMIN"}, "managed_org_id"),
        ({"managed_org_id": managed}, "role"),
        ({"managed_org_id": managed, "role": "OWNER"}, "role"),
        ({"managed_org_id": managed, "role": ""}, "role"),
    ]:
        with refused(400, "ArgumentValue", parameter):
            account.b.call(None, way, path, query, body)
    fields = ["userIds"] if way == "PUT" else ["userIdsToAdd", "userIdsToDelete"]
    query = {"managed_org_id": managed, "role": "ADMIN"}
    for field in fields:
        for bad in ("x", [1], [None], {}, None, [["x"]]):
            with refused(400, "ArgumentValue"):
                account.b.call(None, way, path, query, {**body, field: bad})
        left_out = {name: value for name, value in body.items() if name != field}
        with refused(400, "ArgumentValue", field):
            account.b.call(None, way, path, query, left_out)


@pytest.mark.parametrize("role", ["admin", "Admin", "aDMIN"])
def test_roles_are_read_in_any_letter_case(account, managed, role):
    ann = account.user()
    assert account.b.put_organization_memberships(account.id, managed, role, [ann]) == []
    assert account.members(managed) == {"ADMIN": {ann}}
    assert account.b.patch_organization_memberships(account.id, managed, role, delete=[ann]) == []


@pytest.mark.parametrize("way", ["put", "patch"])
def test_domains_are_an_items_matter(account, world, way):
    managed = world.organization(parent_org_id=account.id, email_domains="acme.example")
    inside, outside = account.user(), account.user(email=f"{world.fresh('jo')}@elsewhere.example")
    (error,) = getattr(account.b, f"{way}_organization_memberships")(account.id, managed, "ADMIN", [outside, inside])
    assert error["itemId"] == outside
    assert account.members(managed) == {"ADMIN": {inside}}


def test_many_at_once(account, managed):
    users = account.users(150)
    assert account.b.put_organization_memberships(account.id, managed, "MEMBER", users) == []
    assert account.members(managed, "MEMBER") == set(users)
    assert account.b.patch_organization_memberships(account.id, managed, "MEMBER", delete=users[:100]) == []
    assert account.members(managed, "MEMBER") == set(users[100:])


def test_one_request_becomes_visible_at_once(account, world, managed):
    users = account.users(16)
    sets = [users[:8], users[8:]]
    account.b.put_organization_memberships(account.id, managed, "VIEWER", sets[0])
    done, seen = threading.Event(), []

    def read(number):
        client = Speakeasy(world.url, account.key if number else world.server.key)
        while not done.is_set():
            if number:
                groups = client.get_account_memberships(account.id, managed_org_id=managed)
                seen.append(frozenset(m["userId"] for g in groups for m in g["members"]))
            else:
                seen.append(frozenset(m["userId"] for m in client.list_organization_memberships(managed)))

    with ThreadPoolExecutor(2) as threads:
        readers = [threads.submit(read, number) for number in range(2)]
        try:
            for turn in range(1, 31):
                if turn % 2:
                    errors = account.b.put_organization_memberships(account.id, managed, "VIEWER", sets[1])
                else:
                    errors = account.b.patch_organization_memberships(account.id, managed, "VIEWER", sets[0], sets[1])
                assert errors == []
        finally:
            done.set()
        for reader in readers:
            reader.result()
    # After a PATCH too: its additions and deletions came together.
    assert set(seen) <= {frozenset(one) for one in sets}
    assert len(set(seen)) == 2, "the reader saw nothing happen"


def test_of_two_concurrent_replacements_one_wins_whole(account, world, managed):
    users = account.users(12)
    sets = [users[:6], users[6:]]

    def put(number):
        client = Speakeasy(world.url, account.key)
        return client.put_organization_memberships(account.id, managed, "MEMBER", sets[number % 2])

    for _ in range(5):
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(put, range(4))) == [[]] * 4
        assert account.members(managed, "MEMBER") in map(set, sets)


def test_a_refused_request_changes_nothing(account, managed):
    ann, bob = account.users(2)
    account.b.put_organization_memberships(account.id, managed, "ADMIN", [ann])
    query = {"managed_org_id": managed, "role": "ADMIN"}
    with refused(400, "ArgumentValue"):
        account.b.call(None, "PUT", f"/v0/accounts/org/{account.id}/memberships", query, {"userIds": [bob, 5]})
    assert account.members(managed) == {"ADMIN": {ann}}
