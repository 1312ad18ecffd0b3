"""Managed organizations, by the released client."""

import pytest
from whylabs_client.models import CreateManagedOrganizationRequest

from .world import refused


def create(sdk, name):
    return sdk.organizations.create_managed_organization(CreateManagedOrganizationRequest(name))


def test_managed_organizations(account, world):
    assert account.sdk.organizations.get_managed_organizations() == []
    names = ["Zweite", "Ärzte & Söhne", "a"]
    made = [create(account.sdk, name) for name in names]
    assert [one.name for one in made] == names
    assert all(one.id.startswith("org-") for one in made)
    listed = account.sdk.organizations.get_managed_organizations()
    assert [(one.id, one.name) for one in listed] == [(one.id, one.name) for one in made]
    assert account.b.list_managed_organizations(account.id) == [{"orgId": o.id, "name": o.name} for o in made]
    assert world.root.get_organization(made[0].id)["parentOrgId"] == account.id


def test_grandchildren_are_not_managed(account, world):
    child = create(account.sdk, "child").id
    world.organization(parent_org_id=child)
    assert [one.id for one in account.sdk.organizations.get_managed_organizations()] == [child]


def test_a_managed_organization_manages_none(account, world):
    managed = account.managed()
    with refused(400, "IllegalArgument"):
        create(account.sdk.selecting(managed), "below")
    with refused(400, "IllegalArgument"):
        create(world.sdk(managed), "below")
    assert world.sdk(managed).organizations.get_managed_organizations() == []


def test_deleted_ones_are_left_out(account, world):
    one, other = create(account.sdk, "one").id, create(account.sdk, "other").id
    world.root.delete_organization(one)
    assert [left.id for left in account.sdk.organizations.get_managed_organizations()] == [other]


@pytest.mark.parametrize("name", ["", "  ", pytest.param("x" * 10_000, id="very long"), "a\0b"])
def test_bad_names(account, name):
    with refused(400, "ArgumentValue", "name"):
        create(account.sdk, name)
    assert account.sdk.organizations.get_managed_organizations() == []


def test_the_realm_key_selects(account, world):
    made = create(world.root_sdk.selecting(account.id), "made")
    assert [one.id for one in account.sdk.organizations.get_managed_organizations()] == [made.id]
    assert world.root_sdk.selecting(account.id).organizations.get_managed_organizations()[0].id == made.id


def test_scopes(account, world):
    viewer = world.sdk(account.id, [":user"])
    assert viewer.organizations.get_managed_organizations() == []
    with refused(403, "Forbidden"):
        create(viewer, "x")
    with refused(403, "Forbidden"):
        world.sdk(account.id, [":account_administrator"]).organizations.get_managed_organizations()
