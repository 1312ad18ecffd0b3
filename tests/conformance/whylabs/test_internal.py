"""Organizations, users and memberships as WhyLabs' own services manage them, by the second client with the realm key."""

import re
import time

import pytest

from .speakeasy import UNSET
from .world import Sdk, refused

# Organizations


def test_an_organization_without_anything_said(root, world):
    name = world.fresh("Größe & Söhne ")
    before = time.time() * 1000
    made = root.create_organization(name)
    assert made == {
        "id": made["id"],
        "name": name,
        "subscriptionTier": "PAID",
        "emailDomains": None,
        "observatoryUrl": None,
        "parentOrgId": None,
        "allowManagedMembershipUpdatesOnly": made["allowManagedMembershipUpdatesOnly"],
        "notificationSettings": None,
    }
    assert made["allowManagedMembershipUpdatesOnly"] in (None, False)
    assert re.fullmatch("org-[0-9a-zA-Z]+", made["id"])
    whole = root.get_organization(made["id"])
    assert made.items() <= whole.items()
    assert whole["deleted"] is False
    assert before - 5000 < whole["creationTime"] < time.time() * 1000 + 5000
    assert [whole[name] for name in ("subscriptionId", "storageBucketOverride", "storageUriOverride")] == [None] * 3


def test_an_organization_with_all_said(root, world):
    parent, own = world.organization(), world.fresh("org-Own")
    made = root.create_organization(
        "all",
        subscription_tier="AWS_MARKETPLACE",
        email_domains="acme.example,acme.test",
        override_id=own,
        observatory_url="https://observatory.example/?a=b&c",
        parent_org_id=parent,
        storage_bucket_override="bucket",
        allow_managed_membership_updates_only=True,
    )
    assert made == {
        "id": own,
        "name": "all",
        "subscriptionTier": "AWS_MARKETPLACE",
        "emailDomains": "acme.example,acme.test",
        "observatoryUrl": "https://observatory.example/?a=b&c",
        "parentOrgId": parent,
        "allowManagedMembershipUpdatesOnly": True,
        "notificationSettings": None,
    }
    whole = root.get_organization(own)
    assert made.items() <= whole.items()
    assert whole["storageBucketOverride"] == "bucket"
    assert {"orgId": own, "name": "all"} in root.list_managed_organizations(parent)


@pytest.mark.parametrize("tier", ["FREE", "PAID", "AWS_MARKETPLACE", "SUBSCRIPTION"])
def test_tiers(root, tier):
    made = root.create_organization("tier", subscription_tier=tier)
    assert made["subscriptionTier"] == tier
    assert root.partially_update_organization(made["id"], name="other")["subscriptionTier"] == tier


def test_only_what_is_given_changes(root, world):
    given = {
        "subscription_tier": "FREE",
        "email_domains": "acme.example",
        "observatory_url": "https://one.example",
        "storage_bucket_override": "bucket",
        "allow_managed_membership_updates_only": True,
    }
    made = root.create_organization("before", **given)
    org_id = made["id"]
    assert root.partially_update_organization(org_id) == made
    expected = dict(made)
    for name, value, shown in [
        ("name", "after", "name"),
        ("subscription_tier", "PAID", "subscriptionTier"),
        ("email_domains", "acme.test,acme.example", "emailDomains"),
        ("observatory_url", "https://two.example", "observatoryUrl"),
        ("allow_managed_membership_updates_only", False, "allowManagedMembershipUpdatesOnly"),
    ]:
        expected[shown] = value
        assert root.partially_update_organization(org_id, **{name: value}) == expected
    whole = root.get_organization(org_id)
    assert expected.items() <= whole.items()
    assert whole["storageBucketOverride"] == "bucket"
    parent = world.organization()
    assert root.partially_update_organization(org_id, parent_org_id=parent)["parentOrgId"] == parent
    assert root.get_organization(org_id)["parentOrgId"] == parent


def test_the_word_for_unset_is_never_taken_for_a_value(root):
    made = root.create_organization("x")
    assert UNSET not in str(made)
    assert UNSET not in str(root.get_organization(made["id"]))
    with refused(400, "ArgumentValue", "name"):
        root.create_organization(UNSET)


def test_the_tree_has_no_loops(root, world):
    top = world.organization()
    middle = world.organization(parent_org_id=top)
    bottom = world.organization(parent_org_id=middle)
    for org_id, parent in [(top, top), (top, middle), (top, bottom), (middle, bottom)]:
        with refused(400, "ArgumentValue", "parent_org_id"):
            root.partially_update_organization(org_id, parent_org_id=parent)
    assert [root.get_organization(one)["parentOrgId"] for one in (top, middle, bottom)] == [None, top, middle]


@pytest.mark.parametrize(
    "override_id", ["x", "org-", "org", "org-a b", "org-a-b", "org-ä", "ORG-a", "org-a/b", pytest.param("org-" + "a" * 2000, id="very long"), ""]
)
def test_bad_ids_of_ones_own(root, override_id):
    with refused(400, "IllegalArgument"):
        root.create_organization("x", override_id=override_id)


def test_an_id_of_ones_own_is_taken_once(root, world):
    own = world.fresh("org-Own")
    assert world.organization(override_id=own) == own
    with refused(400, "IllegalArgument"):
        root.create_organization("x", override_id=own)
    assert root.get_organization(own)["name"] != "x"


def test_an_id_of_ones_own_is_shown_everywhere(world):
    own = world.fresh("org-Own")
    account = world.account(override_id=own)
    assert account.id == own
    managed = account.managed()
    user_id = account.user()
    assert account.b.list_account_users(own)[0]["orgId"] == own
    assert account.b.put_organization_memberships(own, own, "ADMIN", [user_id]) == []
    assert account.b.get_account_memberships(own)[0]["orgId"] == own
    assert account.sdk.memberships.list_organization_memberships(own).memberships[0].org_id == own
    assert [m["orgId"] for m in world.root.get_memberships(user_id)] == [own]
    assert account.key.endswith(f":{own}")
    assert account.sdk.keys.list_api_key_metadata().items[0].org_id == own
    assert world.root.get_organization(managed)["parentOrgId"] == own
    assert own in {one["id"] for one in world.root.list_organizations()}
    assert own in {one["parentOrgId"] for one in world.root.list_organizations()}


def test_all_organizations_are_listed_and_the_root_is_none(root, world, native):
    account = world.account()
    managed = account.managed()
    listed = root.list_organizations()
    found = {one["id"]: one for one in listed}
    assert len(found) == len(listed)
    assert found[account.id]["parentOrgId"] is None
    assert found[managed]["parentOrgId"] == account.id
    order = [one["id"] for one in listed]
    assert order.index(account.id) < order.index(managed)
    assert [one["id"] for one in root.list_organizations()] == order
    organization = native.get(f"/organizations/{account.id}")
    realm_root = native.get(f"/organizations/{organization['parent_id']}")
    assert realm_root["parent_id"] is None
    for form in {realm_root["id"], *realm_root["ids"].values()}:
        assert form not in found
        with refused(404, "ResourceNotFound"):
            root.get_organization(form)
        with refused(404, "ResourceNotFound"):
            root.list_organization_memberships(form)
        with refused(404, "ResourceNotFound"):
            root.list_managed_organizations(form)
        with refused(404, "ResourceNotFound"):
            root.delete_organization(form)


def test_a_deleted_organization_is_gone_everywhere(root, world):
    account = world.account()
    managed = account.managed()
    user_id, email = world.member(managed, "ADMIN", default=True)
    root.create_membership(orgId=account.id, email=email, role="VIEWER")
    assert root.delete_organization(managed)["requestId"]
    assert [left["orgId"] for left in root.get_memberships(user_id)] == [account.id]
    for call in (
        lambda: root.get_organization(managed),
        lambda: root.delete_organization(managed),
        lambda: root.partially_update_organization(managed, name="x"),
        lambda: root.list_organization_memberships(managed),
        lambda: root.create_organization_membership(managed, email, "ADMIN"),
        lambda: root.get_memberships_by_org(managed),
        lambda: root.list_account_users(managed),
        lambda: root.list_api_keys(managed),
        lambda: root.create_organization("x", parent_org_id=managed),
    ):
        with refused(404, "ResourceNotFound"):
            call()
    assert account.b.list_managed_organizations(account.id) == []
    assert managed not in {one["id"] for one in root.list_organizations()}
    with refused(400, "IllegalArgument"):
        account.b.put_organization_memberships(account.id, managed, "ADMIN", [])


def test_the_keys_of_a_deleted_organization_are_refused(root, world):
    organization = world.organization()
    key = world.key(organization, [":administrator"])
    root.delete_organization(organization)
    with refused(403, "Forbidden"):
        Sdk(world.url, key).members(organization)
    with refused(403, "Forbidden"):
        Sdk(world.url, key).keys.list_api_key_metadata()


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 1000}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "x", "subscription_tier": "GOLD"}, "subscription_tier"),
        ({"name": "x", "email_domains": "not a domain"}, None),
        ({"name": "x", "email_domains": "acme.example,@"}, None),
    ],
)
def test_bad_organizations(root, query, parameter):
    before = len(root.list_organizations())
    with refused(400, "ArgumentValue", parameter):
        root.call(None, "POST", "/v0/organizations", query)
    assert len(root.list_organizations()) == before


def test_unknown_parents(root):
    with refused(404, "ResourceNotFound"):
        root.create_organization("x", parent_org_id="org-nosuchthing")


# Users


def test_a_user_from_the_beginning(root, world):
    email = world.address()
    made = root.create_user(email.upper())
    assert made == {"userId": made["userId"], "email": email, "preferences": None}
    assert made["userId"].startswith("user-")
    assert root.get_user(made["userId"]) == made
    assert root.get_user_by_email(email) == root.get_user_by_email(email.upper()) == made
    other = world.address()
    changed = root.update_user(userId=made["userId"], email=other.upper(), preferences='{"dark":true}')
    assert changed == {"userId": made["userId"], "email": other, "preferences": '{"dark":true}'}
    assert root.get_user_by_email(other) == changed
    with refused(404, "UserNotFound"):
        root.get_user_by_email(email)
    assert root.update_user(**{**changed, "preferences": None})["preferences"] is None


def test_addresses_stay_unique(root, world):
    (ann, ann_email), (bob, bob_email) = world.user(), world.user()
    for email in (ann_email, ann_email.upper()):
        with refused(400, "IllegalArgument"):
            root.create_user(email)
        with refused(400, "IllegalArgument"):
            root.update_user(userId=bob, email=email, preferences=None)
    assert root.get_user(bob)["email"] == bob_email
    assert root.update_user(userId=ann, email=ann_email.upper(), preferences=None)["email"] == ann_email


def test_a_new_address_is_seen_at_once(root, world, account):
    user_id, email = world.member(account.id)
    account.b.create_account_user(account.id, email=email)
    other = world.address()
    root.update_user(userId=user_id, email=other, preferences=None)
    assert list(account.sdk.members(account.id)) == [other]
    assert account.b.get_account_user_by_email(account.id, other)["userId"] == user_id
    with refused(404, "UserNotFound"):
        account.sdk.memberships.update_organization_membership(account.id, email, "ADMIN")


def test_refusals_of_users(root, world):
    user_id, email = world.user()
    for bad in ("", "jo", "a@b.example, c@d.example", "a\0b@c.example"):
        with refused(400, "ArgumentValue", "email"):
            root.create_user(bad)
        with refused(400, "ArgumentValue", "email"):
            root.update_user(userId=user_id, email=bad, preferences=None)
    for body, parameter in [({}, "email"), ({"email": None}, "email"), ({"email": 5}, "email")]:
        with refused(400, "ArgumentValue", parameter):
            root.call(None, "POST", "/v0/user", body=body)
    with refused(404, "UserNotFound"):
        root.update_user(userId="user-nosuchthing", email=world.address(), preferences=None)
    for unknown in ("user-nosuchthing", "x", "ä", "%00"):
        with refused(404, "UserNotFound"):
            root.get_user(unknown)
    with refused(404, "UserNotFound"):
        root.get_user_by_email("nobody@acme.example")
    with refused(400, "ArgumentValue", "email"):
        root.call(None, "GET", "/v0/user")
    assert root.get_user(user_id)["email"] == email


# Memberships


def test_a_membership_from_beginning_to_end(root, world, organization):
    user_id, email = world.user()
    made = root.create_membership(orgId=organization, email=email.upper(), role="ADMIN", createdBy="x", default=True)
    assert made == {"orgId": organization, "role": "ADMIN", "userId": user_id, "default": True}
    membership = {**made, "email": email}
    assert root.get_memberships(user_id) == root.get_memberships(user_id, include_claims=True) == [membership]
    assert root.get_memberships_by_email(email.upper()) == [membership]
    assert root.get_memberships_by_org(organization) == [membership]
    changed = root.update_membership_by_email(orgId=organization, email=email, role="VIEWER")
    assert changed == {**made, "role": "VIEWER"}
    assert root.remove_membership_by_email(orgId=organization, email=email)["requestId"]
    assert root.get_memberships_by_org(organization) == []
    assert root.get_memberships_by_email(email) == []


@pytest.mark.parametrize(("given", "default"), [({}, False), ({"default": None}, False), ({"default": False}, False)])
def test_default_is_false_unless_said(root, world, organization, given, default):
    _, email = world.user()
    assert root.create_membership(orgId=organization, email=email, role="member", **given)["default"] is default


def test_the_default_membership(root, world):
    user_id, email = world.user()
    assert root.get_default_membership_for_email(email) is None
    organizations = sorted(world.organization() for _ in range(3))
    for organization in reversed(organizations):
        root.create_membership(orgId=organization, email=email, role="MEMBER")
    # None is flagged: the one with the smallest id.
    assert root.get_default_membership_for_email(email)["orgId"] == organizations[0]
    for organization in organizations:
        assert root.set_default_membership(orgId=organization, userId=user_id)["requestId"]
        flagged = root.get_default_membership_for_email(email.upper())
        assert (flagged["orgId"], flagged["default"]) == (organization, True)
        assert [m["orgId"] for m in root.get_memberships(user_id) if m["default"]] == [organization]


def test_refusals_of_memberships(root, world, organization):
    user_id, email = world.user()
    _, member = world.member(organization)
    nobody = "nobody@acme.example"
    both = {"orgId": organization, "email": email}
    with refused(400, "IllegalArgument"):
        root.create_membership(orgId=organization, email=member, role="ADMIN")
    with refused(404, "UserNotFound"):
        root.create_membership(orgId=organization, email=nobody, role="ADMIN")
    with refused(404, "ResourceNotFound"):
        root.create_membership(orgId="org-nosuchthing", email=email, role="ADMIN")
    with refused(404, "MembershipNotFound"):
        root.update_membership_by_email(**both, role="ADMIN")
    with refused(404, "MembershipNotFound"):
        root.remove_membership_by_email(**both)
    with refused(404, "UserNotFound"):
        root.remove_membership_by_email(orgId=organization, email=nobody)
    for bad in ({"orgId": organization, "userId": user_id}, {"orgId": "org-nosuchthing", "userId": user_id}):
        with pytest.raises(Exception, match="404"):
            root.set_default_membership(**bad)
    with refused(404, "UserNotFound"):
        root.get_memberships_by_email(nobody)
    with refused(404, "UserNotFound"):
        root.get_default_membership_for_email(nobody)
    with refused(404, "ResourceNotFound"):
        root.get_memberships_by_org("org-nosuchthing")
    assert root.get_memberships("user-nosuchthing") == []
    for method, body in [
        ("POST", {**both, "role": "ADMIN"}),
        ("PUT", {**both, "role": "ADMIN"}),
        ("DELETE", both),
    ]:
        for field in body:
            left_out = {name: value for name, value in body.items() if name != field}
            for wrong in (left_out, {**body, field: None}, {**body, field: 5}):
                with refused(400, "ArgumentValue", field):
                    root.call(None, method, "/v0/membership", body=wrong)
        with refused(400, "BadRequest"):
            root.call(None, method, "/v0/membership")
    with refused(400, "ArgumentValue", "role"):
        root.create_membership(**both, role="OWNER")
    assert root.get_memberships(user_id) == []


def test_managed_updates_only(root, world):
    """Closes the internal routes, and not the four public ones."""
    organization = world.organization(allow_managed_membership_updates_only=True)
    sdk = world.sdk(organization)
    _, email = world.user()
    both = {"orgId": organization, "email": email}
    with refused(400, "IllegalArgument"):
        root.create_membership(**both, role="MEMBER")
    sdk.memberships.create_organization_membership(organization, email, "MEMBER")
    with refused(400, "IllegalArgument"):
        root.update_membership_by_email(**both, role="ADMIN")
    with refused(400, "IllegalArgument"):
        root.remove_membership_by_email(**both)
    assert sdk.memberships.update_organization_membership(organization, email, "ADMIN").role.value == "ADMIN"
    assert [m["email"] for m in root.get_memberships_by_org(organization)] == [email]
    sdk.memberships.remove_organization_membership(organization, email)


# The four public operations, as this client sends them


def test_public_memberships(root, world, organization):
    user_id, email = world.user()
    made = root.create_organization_membership(organization, email, "ADMIN", set_default=True)
    assert made == {"orgId": organization, "role": "ADMIN", "userId": user_id, "default": True}
    assert root.list_organization_memberships(organization) == [{**made, "email": email}]
    assert root.update_organization_membership(organization, email, "viewer") == {**made, "role": "VIEWER"}
    assert root.remove_organization_membership(organization, email) == {}
    assert root.list_organization_memberships(organization) == []


@pytest.mark.parametrize("value", ["true", "True", "TRUE", "yes", "Y", "on", "1"])
def test_what_is_true(root, world, organization, value):
    _, email = world.user()
    assert root.create_organization_membership(organization, email, "admin", value)["default"] is True


@pytest.mark.parametrize("value", ["false", "False", "None", "", "0", "no", "nonsense", "2"])
def test_everything_else_is_false(root, world, organization, value):
    _, email = world.user()
    assert root.create_organization_membership(organization, email, "Admin", value)["default"] is False
