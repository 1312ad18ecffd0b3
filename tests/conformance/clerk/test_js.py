"""@clerk/backend 3.25.0, the official JavaScript SDK, as it is on npm: its own tests, and the cases that all clients share."""

import json
import os
import re
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from . import cases

FOLDER = Path(__file__).parent


def snake(value, inside=False):
    """The outer names as the vendor sends them; what users put into metadata stays."""
    if isinstance(value, list):
        return [snake(item, inside) for item in value]
    if not isinstance(value, dict) or inside:
        return value
    name = lambda key: re.sub("([A-Z])", lambda found: "_" + found[0].lower(), key)
    return {name(k): snake(v, k.endswith("etadata")) for k, v in value.items() if not k.startswith("_")}


def camel(fields):
    name = lambda key: re.sub("_([a-z])", lambda found: found[1].upper(), key)
    return {name(key): value for key, value in fields.items()}


class Node:
    """The SDK in a process of its own; many calls may be under way."""

    def __init__(self, url):
        environment = {**os.environ, "ROSTER_URL": url}
        self.process = subprocess.Popen(
            ["node", "adapter_js.mjs"], cwd=FOLDER, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        self.waiting, self.lock, self.last = {}, threading.Lock(), 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            self.waiting.pop(answer["id"]).set_result(answer)

    def call(self, key, path, args):
        with self.lock:
            self.last += 1
            answer = self.waiting[self.last] = Future()
            self.process.stdin.write(json.dumps({"id": self.last, "key": key, "path": path, "args": args}) + "\n")
            self.process.stdin.flush()
        answer = answer.result(timeout=30)
        if "refused" in answer:
            raise cases.Refused(**answer["refused"])
        if "lacks" in answer:
            raise cases.Lacks(answer["lacks"])
        return snake(answer["value"])

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        self.reader.join()
        self.process.stdout.close()


class Sdk:
    # Of what an error's `meta` can hold it knows `param_name` alone.
    shows_meta = False

    def __init__(self, node, key):
        self.node, self.key = node, key

    def with_key(self, key):
        return Sdk(self.node, key)

    def with_version(self, version):
        raise cases.Lacks("it sends its own version")

    def _call(self, path, *args):
        return self.node.call(self.key, path, args)

    def _named(self, path, **fields):
        return self._call(path, camel(fields))

    def create_organization(self, **fields):
        return self._named("organizations.createOrganization", **fields)

    def get_organization(self, org):
        by = "organization_id" if org.startswith("org_") else "slug"
        return self._named("organizations.getOrganization", **{by: org})

    def update_organization(self, org, **fields):
        return self._call("organizations.updateOrganization", org, camel(fields))

    def merge_organization_metadata(self, org, **fields):
        return self._call("organizations.updateOrganizationMetadata", org, camel(fields))

    def replace_organization_metadata(self, org, **fields):
        return self._call("organizations.replaceOrganizationMetadata", org, camel(fields))

    def delete_organization(self, org):
        return self._call("organizations.deleteOrganization", org)

    def list_organizations(self, **query):
        return self._named("organizations.getOrganizationList", **query)

    def create_membership(self, org, **fields):
        return self._named("organizations.createOrganizationMembership", organization_id=org, **fields)

    def update_membership(self, org, user, **fields):
        return self._named("organizations.updateOrganizationMembership", organization_id=org, user_id=user, **fields)

    def merge_membership_metadata(self, org, user, **fields):
        method = "organizations.updateOrganizationMembershipMetadata"
        return self._named(method, organization_id=org, user_id=user, **fields)

    def delete_membership(self, org, user):
        return self._named("organizations.deleteOrganizationMembership", organization_id=org, user_id=user)

    def list_memberships(self, org, **query):
        return self._named("organizations.getOrganizationMembershipList", organization_id=org, **query)

    def list_all_memberships(self, **query):
        return self._named("organizations.getInstanceOrganizationMembershipList", **query)

    def list_memberships_of(self, user):
        return self._named("users.getOrganizationMembershipList", user_id=user)

    def list_invitations_of(self, user):
        return self._named("users.getOrganizationInvitationList", user_id=user)

    def invite(self, org, **fields):
        return self._named("organizations.createOrganizationInvitation", organization_id=org, **fields)

    def invite_bulk(self, org, items):
        return self._call("organizations.createOrganizationInvitationBulk", org, [camel(item) for item in items])

    def get_invitation(self, org, invitation):
        return self._named("organizations.getOrganizationInvitation", organization_id=org, invitation_id=invitation)

    def revoke_invitation(self, org, invitation, **fields):
        method = "organizations.revokeOrganizationInvitation"
        return self._named(method, organization_id=org, invitation_id=invitation, **fields)

    def list_invitations(self, org, **query):
        return self._named("organizations.getOrganizationInvitationList", organization_id=org, **query)

    def create_user(self, **fields):
        return self._named("users.createUser", **fields)

    def get_user(self, user):
        return self._call("users.getUser", user)

    def update_user(self, user, **fields):
        return self._call("users.updateUser", user, camel(fields))

    def merge_user_metadata(self, user, **fields):
        return self._call("users.updateUserMetadata", user, camel(fields))

    def replace_user_metadata(self, user, **fields):
        return self._call("users.replaceUserMetadata", user, camel(fields))

    def delete_user(self, user):
        return self._call("users.deleteUser", user)

    def list_users(self, **query):
        return self._named("users.getUserList", **query)["data"]

    def count_users(self, **query):
        return self._named("users.getCount", **query)

    def create_role(self, **fields):
        return self._named("organizationRoles.createOrganizationRole", **fields)

    def get_role(self, role):
        return self._call("organizationRoles.getOrganizationRole", role)

    def update_role(self, role, **fields):
        return self._named("organizationRoles.updateOrganizationRole", organization_role_id=role, **fields)

    def delete_role(self, role):
        return self._call("organizationRoles.deleteOrganizationRole", role)

    def list_roles(self, **query):
        return self._named("organizationRoles.getOrganizationRoleList", **query)

    def assign_permission(self, role, permission):
        method = "organizationRoles.assignPermissionToOrganizationRole"
        return self._named(method, organization_role_id=role, permission_id=permission)

    def remove_permission(self, role, permission):
        method = "organizationRoles.removePermissionFromOrganizationRole"
        return self._named(method, organization_role_id=role, permission_id=permission)

    def create_permission(self, **fields):
        return self._named("organizationPermissions.createOrganizationPermission", **fields)

    def get_permission(self, permission):
        return self._call("organizationPermissions.getOrganizationPermission", permission)

    def update_permission(self, permission, **fields):
        return self._named("organizationPermissions.updateOrganizationPermission", permission_id=permission, **fields)

    def delete_permission(self, permission):
        return self._call("organizationPermissions.deleteOrganizationPermission", permission)

    def list_permissions(self, **query):
        return self._named("organizationPermissions.getOrganizationPermissionList", **query)


@pytest.fixture(scope="module")
def sdk(url, server):
    assert (FOLDER / "node_modules").exists(), f"npm ci --prefix {FOLDER}"
    node = Node(url)
    yield Sdk(node, server.key)
    node.stop()


# It wants a key, and sends its own version.
LACKS = {"authorization_header_format_invalid: no key", "api_version_invalid: an unknown version"}


@pytest.mark.parametrize("entry", cases.CASES, ids=[entry[0] for entry in cases.CASES])
def test_a_refusal(sdk, native, entry):
    cases.attempt(sdk, native, entry, LACKS)


def test_everything_goes_well(sdk, native):
    cases.everything_goes_well(sdk, native)
    cases.the_rest_goes_well(sdk, native)


def test_nothing_is_lost_when_many_write_at_once(sdk, native):
    cases.nothing_is_lost_when_many_write_at_once(sdk, native)


def test_its_own_suite(url, server):
    environment = {**os.environ, "ROSTER_URL": url, "ROSTER_KEY": server.key}
    done = subprocess.run(
        ["node", "--test", "backend.test.js"], cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
