"""Every error of the contract, and what goes well, in words that each of Clerk's clients is taught by an adapter.

An adapter has the operations below with the vendor's own parameter names and answers plain JSON. It raises `Refused` for what the
client raises when the server says no, and `Lacks` for what the client has no way to send: each suite says what that may be.
"""

import secrets
from concurrent.futures import ThreadPoolExecutor


class Refused(Exception):
    """What the client told of a refusal."""

    def __init__(self, status, errors, trace):
        super().__init__(f"{status} {errors}")
        self.status, self.errors, self.trace = status, errors, trace


class Lacks(Exception):
    """The client has no such operation or parameter, or refuses the value itself."""


NOBODY = "user_" + "0" * 27
NOWHERE = "org_" + "0" * 27
NOTHING = "orginv_" + "0" * 27
CASES = []
ABOUT_ROLES = set()


def word(start="x"):
    return start + secrets.token_hex(5)


def email():
    return f"{word('jo')}@example.com"


def phone():
    return f"+1415{secrets.randbelow(10**7):07d}"


class World:
    """Makes what a case needs, through the client that is tried."""

    def __init__(self, sdk, native):
        self.sdk, self.native = sdk, native

    def user(self, **fields):
        return self.sdk.create_user(**{"email_address": [email()], **fields})["id"]

    def organization(self, **fields):
        """Its creator is its one admin."""
        creator = fields.pop("created_by", None) or self.user()
        return self.sdk.create_organization(**{"name": word("Acme"), "created_by": creator, **fields})["id"]

    def pair(self, role="org:member"):
        """An organization and a member of it who isn't its creator."""
        org, user = self.organization(), self.user()
        self.sdk.create_membership(org, user_id=user, role=role)
        return org, user

    def creator(self, org):
        return self.sdk.get_organization(org)["created_by"]

    def key_of(self, user):
        return self.native.post("/tokens", {"kind": "user", "user_id": user})["secret"]

    def role(self, **fields):
        return self.sdk.create_role(**{"name": "Own", "key": f"org:{word('r')}", **fields})

    def permission(self):
        return self.sdk.create_permission(name="Own", key=f"org:{word('p')}:do")["id"]

    def system_permission(self):
        return self.sdk.list_permissions(query="org:sys_memberships:read")["data"][0]["id"]

    def built_in(self, key):
        return self.sdk.list_roles(query=key)["data"][0]["id"]


def case(status, code, name, param=None, said=None, meta=None, roles=False):
    """`param`: what `meta.param_name` is. `said`: what `long_message` holds. `roles`: it needs the operations on roles or permissions."""

    def add(run):
        if roles:
            ABOUT_ROLES.add(f"{code}: {name}")
        CASES.append((f"{code}: {name}", status, code, run, param, said, meta))
        return run

    return add


def check(sdk, native, entry):
    """Runs one case; the state that it finds is made anew."""
    _, status, code, run, param, said, meta = entry
    try:
        run(World(sdk, native))
    except Refused as refused:
        error = refused.errors[0]
        assert refused.status == status, refused
        assert error["code"] == code, refused
        assert error["message"] and error["long_message"] and isinstance(error["meta"], dict), refused
        assert refused.trace, "no trace id"
        if param is not None:
            assert error["meta"].get("param_name") == param, refused
        if said is not None:
            assert said in error["long_message"], refused
        if meta is not None and sdk.shows_meta:
            assert error["meta"] == meta, refused
        return
    raise AssertionError(f"it was not refused with {status} {code}")


def attempt(sdk, native, entry, lacks):
    """The same for a client that can't send what is in `lacks`: it must not learn to unnoticed."""
    if entry[0] not in lacks:
        return check(sdk, native, entry)
    try:
        check(sdk, native, entry)
    except Lacks:
        return
    raise AssertionError("the client can send it after all")


def together(calls):
    """Runs them at the same moment; what each returned or raised."""
    with ThreadPoolExecutor(len(calls)) as threads:
        futures = [threads.submit(call) for call in calls]
        return [future.exception() or future.result() for future in futures]


@case(401, "clerk_key_invalid", "an unknown key")
def _(w):
    w.sdk.with_key("no-key-of-this-server").list_organizations()


@case(401, "authorization_header_format_invalid", "no key")
def _(w):
    w.sdk.with_key(None).list_organizations()


@case(401, "clerk_key_invalid", "a revoked key")
def _(w):
    made = w.native.post("/tokens", {"kind": "user", "user_id": w.user()})
    w.native.delete(f"/tokens/{made['id']}")
    w.sdk.with_key(made["secret"]).list_organizations()


@case(403, "authorization_invalid", "a viewer's key adds no member")
def _(w):
    org, viewer = w.pair("org:viewer")
    w.sdk.with_key(w.key_of(viewer)).create_membership(org, user_id=w.user(), role="org:viewer")


@case(403, "authorization_invalid", "a member's key makes no user")
def _(w):
    _, member = w.pair()
    w.sdk.with_key(w.key_of(member)).create_user(email_address=[email()])


@case(400, "api_version_invalid", "an unknown version")
def _(w):
    w.sdk.with_version("2020-01-01").list_organizations()


# What the clients with types and required arguments refuse by themselves.
TYPED = {
    "form_param_missing: a membership without a role",
    "form_param_missing: a membership without a user",
    "form_param_missing: an organization without a name",
    "form_param_missing: an invitation without an address",
    "form_param_type_invalid: a number for a name",
    "form_param_type_invalid: a list for a role",
    "form_param_value_invalid: metadata that is no object",
    "form_param_unknown: of a user",
    "form_param_unknown: of an organization",
    "form_param_unknown: of a role",
}


# What isn't there.


@case(404, "resource_not_found", "get an organization")
def _(w):
    w.sdk.get_organization(NOWHERE)


@case(404, "resource_not_found", "change an organization")
def _(w):
    w.sdk.update_organization(NOWHERE, name="New")


@case(404, "resource_not_found", "merge an organization's metadata")
def _(w):
    w.sdk.merge_organization_metadata(NOWHERE, public_metadata={})


@case(404, "resource_not_found", "delete an organization twice")
def _(w):
    org = w.organization()
    w.sdk.delete_organization(org)
    w.sdk.delete_organization(org)


@case(404, "resource_not_found", "a member of no organization")
def _(w):
    w.sdk.create_membership(NOWHERE, user_id=w.user(), role="org:member")


@case(404, "resource_not_found", "members of no organization")
def _(w):
    w.sdk.list_memberships(NOWHERE)


@case(404, "resource_not_found", "nobody as a member", said=NOBODY)
def _(w):
    w.sdk.create_membership(w.organization(), user_id=NOBODY, role="org:member")


@case(404, "resource_not_found", "a member with no role", param="role")
def _(w):
    w.sdk.create_membership(w.organization(), user_id=w.user(), role="org:nothing")


@case(404, "resource_not_found", "a bare key is no role", param="role")
def _(w):
    org, user = w.pair()
    w.sdk.update_membership(org, user, role="admin")


@case(404, "resource_not_found", "change no member")
def _(w):
    w.sdk.update_membership(w.organization(), w.user(), role="org:member")


@case(404, "resource_not_found", "change nobody", said=NOBODY)
def _(w):
    w.sdk.update_membership(w.organization(), NOBODY, role="org:member")


@case(404, "resource_not_found", "remove a member twice")
def _(w):
    org, user = w.pair()
    w.sdk.delete_membership(org, user)
    w.sdk.delete_membership(org, user)


@case(404, "resource_not_found", "merge the metadata of no member")
def _(w):
    w.sdk.merge_membership_metadata(w.organization(), w.user(), public_metadata={"a": 1})


@case(404, "resource_not_found", "memberships of nobody", said=NOBODY)
def _(w):
    w.sdk.list_memberships_of(NOBODY)


@case(404, "resource_not_found", "get nobody", said=NOBODY)
def _(w):
    w.sdk.get_user(NOBODY)


@case(404, "resource_not_found", "change nobody's name", said=NOBODY)
def _(w):
    w.sdk.update_user(NOBODY, first_name="A")


@case(404, "resource_not_found", "merge nobody's metadata", said=NOBODY)
def _(w):
    w.sdk.merge_user_metadata(NOBODY, public_metadata={"a": 1})


@case(404, "resource_not_found", "delete a user twice")
def _(w):
    user = w.user()
    w.sdk.delete_user(user)
    w.sdk.delete_user(user)


@case(404, "resource_not_found", "invite to no organization")
def _(w):
    w.sdk.invite(NOWHERE, email_address=email(), role="org:member", inviter_user_id=w.user())


@case(404, "resource_not_found", "in nobody's name", said=NOBODY)
def _(w):
    w.sdk.invite(w.organization(), email_address=email(), role="org:member", inviter_user_id=NOBODY)


@case(404, "resource_not_found", "get no invitation")
def _(w):
    w.sdk.get_invitation(w.organization(), NOTHING)


@case(404, "resource_not_found", "another organization's invitation")
def _(w):
    org = w.organization()
    made = w.sdk.invite(org, email_address=email(), role="org:member", inviter_user_id=w.creator(org))
    w.sdk.get_invitation(w.organization(), made["id"])


@case(404, "resource_not_found", "revoke no invitation")
def _(w):
    org = w.organization()
    w.sdk.revoke_invitation(org, NOTHING, requesting_user_id=w.creator(org))


@case(404, "resource_not_found", "get no role", roles=True)
def _(w):
    w.sdk.get_role("role_" + "0" * 27)


@case(404, "resource_not_found", "change no role", roles=True)
def _(w):
    w.sdk.update_role("role_" + "0" * 27, name="New")


@case(404, "resource_not_found", "delete a role twice", roles=True)
def _(w):
    role = w.role()["id"]
    w.sdk.delete_role(role)
    w.sdk.delete_role(role)


@case(404, "resource_not_found", "get no permission", roles=True)
def _(w):
    w.sdk.get_permission("perm_" + "0" * 27)


@case(404, "resource_not_found", "delete a permission twice", roles=True)
def _(w):
    permission = w.permission()
    w.sdk.delete_permission(permission)
    w.sdk.delete_permission(permission)


# The form of a request.


@case(422, "form_param_missing", "a membership without a role", param="role")
def _(w):
    w.sdk.create_membership(w.organization(), user_id=w.user())


@case(422, "form_param_missing", "a membership without a user", param="user_id")
def _(w):
    w.sdk.create_membership(w.organization(), role="org:member")


@case(422, "form_param_missing", "an organization without a name", param="name")
def _(w):
    w.sdk.create_organization(created_by=w.user())


@case(422, "form_param_missing", "an invitation without an address", param="email_address")
def _(w):
    org = w.organization()
    w.sdk.invite(org, role="org:member", inviter_user_id=w.creator(org))


@case(422, "form_param_nil", "an organization's name of blanks", param="name")
def _(w):
    w.organization(name="  ")


@case(422, "form_param_nil", "a blank role", param="role")
def _(w):
    org, user = w.pair()
    w.sdk.update_membership(org, user, role=" ")


@case(422, "form_param_nil", "a blank user", param="user_id")
def _(w):
    w.sdk.create_membership(w.organization(), user_id="", role="org:member")


@case(422, "form_param_type_invalid", "a number for a name", param="name")
def _(w):
    w.organization(name=5)


@case(422, "form_param_type_invalid", "a list for a role", param="role")
def _(w):
    org, user = w.pair()
    w.sdk.update_membership(org, user, role=["org:admin"])


@case(422, "form_param_value_invalid", "a name with a URL", param="name")
def _(w):
    w.organization(name="see https://example.com")


@case(422, "form_param_value_invalid", "a name with HTML", param="name")
def _(w):
    w.sdk.update_organization(w.organization(), name="<b>bold</b>")


@case(422, "form_param_value_invalid", "metadata that is no object", param="public_metadata")
def _(w):
    org, user = w.pair()
    w.sdk.merge_membership_metadata(org, user, public_metadata=[1])


@case(422, "form_param_value_invalid", "a negative limit of members", param="max_allowed_memberships")
def _(w):
    w.organization(max_allowed_memberships=-1)


@case(422, "form_param_value_invalid", "an unknown order of members", param="order_by")
def _(w):
    w.sdk.list_memberships(w.organization(), order_by="shoe_size")


@case(422, "form_param_value_invalid", "two signs", param="order_by")
def _(w):
    w.sdk.list_memberships(w.organization(), order_by="--created_at")


@case(422, "form_param_value_invalid", "an unknown order of organizations", param="order_by")
def _(w):
    w.sdk.list_organizations(order_by="slug")


@case(422, "form_param_value_invalid", "an unknown order of users", param="order_by")
def _(w):
    w.sdk.list_users(order_by="shoe_size")


@case(422, "form_param_value_invalid", "a limit above 500", param="limit")
def _(w):
    w.sdk.list_memberships(w.organization(), limit=501)


@case(422, "form_param_value_invalid", "a negative offset", param="offset")
def _(w):
    w.sdk.list_memberships(w.organization(), offset=-1)


@case(422, "form_param_value_invalid", "an unknown status", param="status")
def _(w):
    w.sdk.list_invitations(w.organization(), status=["lost"])


@case(422, "form_param_value_invalid", "an invitation for too long", param="expires_in_days")
def _(w):
    org = w.organization()
    w.sdk.invite(org, email_address=email(), role="org:member", inviter_user_id=w.creator(org), expires_in_days=366)


@case(422, "form_param_format_invalid", "a user's address", param="email_address")
def _(w):
    w.user(email_address=["no address"])


@case(422, "form_param_format_invalid", "a user's phone", param="phone_number")
def _(w):
    w.user(phone_number=["0815"])


@case(422, "form_param_format_invalid", "an invited address", param="email_address")
def _(w):
    org = w.organization()
    w.sdk.invite(org, email_address="no address", role="org:member", inviter_user_id=w.creator(org))


@case(422, "form_param_format_invalid", "a slug", param="slug")
def _(w):
    w.organization(slug="No Slug")


@case(422, "form_param_format_invalid", "a new slug", param="slug")
def _(w):
    w.sdk.update_organization(w.organization(), slug="No Slug")


@case(422, "form_param_format_invalid", "a role's key", param="key", roles=True)
def _(w):
    w.role(key="org:No Key")


@case(422, "form_param_format_invalid", "a permission's key", param="key", roles=True)
def _(w):
    w.sdk.create_permission(name="Own", key="org:sys_memberships:own")


@case(422, "form_param_unknown", "of a user", param="shoe_size")
def _(w):
    w.user(shoe_size=43)


@case(422, "form_param_unknown", "of an organization", param="shoe_size")
def _(w):
    w.sdk.update_organization(w.organization(), shoe_size=43)


@case(422, "form_param_unknown", "of a role", param="shoe_size", roles=True)
def _(w):
    w.role(shoe_size=43)


@case(422, "form_param_max_length_exceeded", "a long name", param="name")
def _(w):
    w.organization(name="x" * 257)


@case(422, "form_param_invalid_time", "of an organization", param="created_at")
def _(w):
    w.organization(created_at="yesterday")


@case(422, "form_param_invalid_time", "of a user", param="created_at")
def _(w):
    w.user(created_at="yesterday")


@case(422, "form_param_exceeds_allowed_size", "after a merge", param="public_metadata")
def _(w):
    org, user = w.pair()
    w.sdk.merge_membership_metadata(org, user, public_metadata={"a": "x" * 5000})
    w.sdk.merge_membership_metadata(org, user, public_metadata={"b": "x" * 5000})


@case(422, "form_param_exceeds_allowed_size", "of an organization", param="private_metadata")
def _(w):
    w.organization(private_metadata={"a": "x" * 8192})


@case(422, "form_param_exceeds_allowed_size", "of a user", param="unsafe_metadata")
def _(w):
    w.sdk.merge_user_metadata(w.user(), unsafe_metadata={"a": "x" * 8192})


@case(422, "form_param_array_size_exceeded", "of users", param="user_id")
def _(w):
    w.sdk.list_users(user_id=[NOBODY] * 101)


# What is taken already.


@case(422, "form_identifier_exists", "an address", param="email_address")
def _(w):
    address = email()
    w.user(email_address=[address])
    w.user(email_address=[address.upper()])


@case(422, "form_identifier_exists", "a phone", param="phone_number")
def _(w):
    number = phone()
    w.user(phone_number=[number])
    w.user(phone_number=[number])


@case(422, "form_identifier_exists", "a user name", param="username")
def _(w):
    name = word("jo")
    w.user(username=name)
    w.sdk.update_user(w.user(), username=name.upper())


@case(422, "form_identifier_exists", "an external id", param="external_id")
def _(w):
    name = word()
    w.user(external_id=name)
    w.user(external_id=name)


@case(422, "form_identifier_exists", "a slug", param="slug")
def _(w):
    name = word("acme-")
    w.organization(slug=name)
    w.organization(slug=name)


@case(422, "form_identifier_exists", "a role's key", param="key", roles=True)
def _(w):
    w.role(key=w.role()["key"])


@case(422, "form_identifier_exists", "a permission's key", param="key", roles=True)
def _(w):
    key = f"org:{word('p')}:do"
    w.sdk.create_permission(name="Own", key=key)
    w.sdk.create_permission(name="Own", key=key)


@case(422, "form_data_missing", "a user without an identifier", meta={"param_names": ["email_address"]})
def _(w):
    w.sdk.create_user(first_name="Ann")


# The state of things.


@case(400, "already_a_member_in_organization", "a member again")
def _(w):
    org, user = w.pair()
    w.sdk.create_membership(org, user_id=user, role="org:admin")


@case(400, "already_a_member_in_organization", "a member invited")
def _(w):
    org, address = w.organization(), email()
    w.sdk.create_membership(org, user_id=w.user(email_address=[address]), role="org:member")
    w.sdk.invite(org, email_address=address.upper(), role="org:member", inviter_user_id=w.creator(org))


@case(400, "organization_minimum_permissions_needed", "demote the last admin")
def _(w):
    org = w.organization()
    w.sdk.update_membership(org, w.creator(org), role="org:member")


@case(400, "organization_minimum_permissions_needed", "remove the last admin")
def _(w):
    org = w.organization()
    w.sdk.delete_membership(org, w.creator(org))


@case(400, "organization_minimum_permissions_needed", "remove the owner")
def _(w):
    org, user = w.pair("org:admin")
    w.native.put(f"/organizations/{org}/owner", {"user_id": user})
    w.sdk.delete_membership(org, user)


@case(403, "organization_membership_quota_exceeded", "one member too many")
def _(w):
    w.sdk.create_membership(w.organization(max_allowed_memberships=1), user_id=w.user(), role="org:member")


@case(403, "organization_membership_quota_exceeded", "one invitation too many")
def _(w):
    org = w.organization(max_allowed_memberships=1)
    w.sdk.invite(org, email_address=email(), role="org:member", inviter_user_id=w.creator(org))


@case(400, "organization_creator_not_found", "nobody")
def _(w):
    w.organization(created_by=NOBODY)


@case(400, "organization_invitation_not_unique", "twice")
def _(w):
    org = w.organization()
    fields = {"email_address": email(), "role": "org:member", "inviter_user_id": w.creator(org)}
    w.sdk.invite(org, **fields)
    w.sdk.invite(org, **fields)


@case(400, "organization_invitation_not_unique", "twice in one list")
def _(w):
    org = w.organization()
    item = {"email_address": email(), "role": "org:member", "inviter_user_id": w.creator(org)}
    w.sdk.invite_bulk(org, [item, item])


@case(400, "bulk_size_exceeded", "eleven invitations")
def _(w):
    org = w.organization()
    by = w.creator(org)
    w.sdk.invite_bulk(org, [{"email_address": email(), "role": "org:member", "inviter_user_id": by} for _ in range(11)])


@case(422, "form_param_missing", "no invitation at all")
def _(w):
    w.sdk.invite_bulk(w.organization(), [])


@case(404, "organization_invitation_not_pending", "revoked already")
def _(w):
    org = w.organization()
    by = w.creator(org)
    made = w.sdk.invite(org, email_address=email(), role="org:member", inviter_user_id=by)
    w.sdk.revoke_invitation(org, made["id"], requesting_user_id=by)
    w.sdk.revoke_invitation(org, made["id"], requesting_user_id=by)


@case(403, "not_a_member_in_organization", "a stranger invites")
def _(w):
    w.sdk.invite(w.organization(), email_address=email(), role="org:member", inviter_user_id=w.user())


@case(403, "not_a_member_in_organization", "a stranger revokes")
def _(w):
    org = w.organization()
    made = w.sdk.invite(org, email_address=email(), role="org:member", inviter_user_id=w.creator(org))
    w.sdk.revoke_invitation(org, made["id"], requesting_user_id=w.user())


MANAGE = {"permissions": ["org:sys_memberships:manage"]}


@case(403, "missing_organization_permission", "a member invites", meta=MANAGE)
def _(w):
    org, user = w.pair()
    w.sdk.invite(org, email_address=email(), role="org:member", inviter_user_id=user)


@case(403, "missing_organization_permission", "a member revokes", meta=MANAGE)
def _(w):
    org, user = w.pair()
    made = w.sdk.invite(org, email_address=email(), role="org:member", inviter_user_id=w.creator(org))
    w.sdk.revoke_invitation(org, made["id"], requesting_user_id=user)


@case(403, "organization_system_permission_not_modifiable", "delete", roles=True)
def _(w):
    w.sdk.delete_permission(w.system_permission())


@case(403, "organization_system_permission_not_modifiable", "change", roles=True)
def _(w):
    w.sdk.update_permission(w.system_permission(), name="New")


@case(409, "organization_role_permission_association_exists", "assign twice", roles=True)
def _(w):
    role, permission = w.role()["id"], w.permission()
    w.sdk.assign_permission(role, permission)
    w.sdk.assign_permission(role, permission)


@case(404, "organization_role_permission_association_not_found", "remove what is not assigned", roles=True)
def _(w):
    w.sdk.remove_permission(w.role()["id"], w.permission())


@case(422, "organization_role_default_creator_role", "delete org:admin", roles=True)
def _(w):
    w.sdk.delete_role(w.built_in("org:admin"))


@case(422, "organization_role_domain_default_role", "delete org:member", roles=True)
def _(w):
    w.sdk.delete_role(w.built_in("org:member"))


@case(422, "organization_role_assigned_members", "delete what a member has", roles=True)
def _(w):
    role = w.role()
    w.pair(role["key"])
    w.sdk.delete_role(role["id"])


@case(422, "organization_role_exists_in_invitations", "delete what is promised", roles=True)
def _(w):
    role, org = w.role(), w.organization()
    w.sdk.invite(org, email_address=email(), role=role["key"], inviter_user_id=w.creator(org))
    w.sdk.delete_role(role["id"])


def everything_goes_well(sdk, native):
    """Each operation once, with what it must answer. `Lacks` where the client has no such operation is the caller's to know."""
    w = World(sdk, native)
    org = sdk.create_organization(name="Acme", created_by=w.user(), slug=word("acme-"), public_metadata={"a": 1})
    assert org["public_metadata"] == {"a": 1} and org["private_metadata"] == {}
    place = org["id"]
    assert sdk.get_organization(org["slug"])["id"] == place
    assert sdk.update_organization(place, name="New", max_allowed_memberships=9)["max_allowed_memberships"] == 9
    assert sdk.merge_organization_metadata(place, public_metadata={"b": 2})["public_metadata"] == {"a": 1, "b": 2}
    listed = sdk.list_organizations(query=org["slug"], include_members_count=True)
    assert [(o["id"], o["members_count"]) for o in listed["data"]] == [(place, 1)] and listed["total_count"] == 1

    address = email()
    ann = sdk.create_user(email_address=[address], first_name="Ann", public_metadata={"a": 1}, phone_number=[phone()])
    who = ann["id"]
    assert sdk.get_user(who)["email_addresses"][0]["email_address"] == address
    assert sdk.update_user(who, last_name="Lee")["last_name"] == "Lee"
    assert sdk.merge_user_metadata(who, unsafe_metadata={"x": {"y": 1}})["unsafe_metadata"] == {"x": {"y": 1}}
    assert [u["id"] for u in sdk.list_users(email_address=[address.upper()])] == [who]
    assert sdk.count_users(email_address=[address]) == 1
    # By a part of the id, too.
    assert who in [u["id"] for u in sdk.list_users(query=who[-9:-1].upper(), limit=500)]

    made = sdk.create_membership(place, user_id=who, role="org:member")
    assert made["role"] == "org:member"
    assert made["organization"]["id"] == place and made["public_user_data"]["user_id"] == who
    changed = sdk.update_membership(place, who, role="org:admin")
    assert (changed["id"], changed["role"]) == (made["id"], "org:admin")
    nested = {"a": {"b": [1, {"c": None}], "d": None}, "gone": None}
    merged = sdk.merge_membership_metadata(place, who, public_metadata=nested)
    assert merged["public_metadata"] == {"a": {"b": [1, {"c": None}]}}, merged
    page = sdk.list_memberships(place, order_by="-created_at", limit=1)
    assert page["total_count"] == 2 and len(page["data"]) == 1
    assert [m["organization"]["id"] for m in sdk.list_memberships_of(who)["data"]] == [place]

    by = org["created_by"]
    invited = sdk.invite(place, email_address=email(), role="org:viewer", inviter_user_id=by)
    assert invited["status"] == "pending" and invited["email_address"] and invited["organization_id"] == place
    assert sdk.get_invitation(place, invited["id"])["id"] == invited["id"]
    items = [{"email_address": email(), "role": "org:viewer", "inviter_user_id": by} for _ in range(2)]
    bulk = sdk.invite_bulk(place, items)
    assert [i["email_address"] for i in bulk["data"]] == [item["email_address"] for item in items]
    assert sdk.list_invitations(place, status=["pending"])["total_count"] == 3
    assert sdk.revoke_invitation(place, invited["id"], requesting_user_id=by)["status"] == "revoked"

    removed = sdk.delete_membership(place, who)
    assert removed["id"] == made["id"] and removed["public_metadata"] == merged["public_metadata"]
    assert sdk.delete_user(who)["deleted"] is True
    receipt = sdk.delete_organization(place)
    assert receipt["deleted"] is True and receipt["id"] == place


def the_rest_goes_well(sdk, native):
    """What the oldest client has not."""
    w = World(sdk, native)
    org, who = w.pair()
    put = sdk.replace_organization_metadata(org, public_metadata={"a": {"b": None}})
    assert put["public_metadata"] == {"a": {"b": None}}
    assert sdk.replace_user_metadata(who, private_metadata={"x": 1})["private_metadata"] == {"x": 1}
    assert sdk.list_all_memberships(limit=1)["total_count"] >= 2
    address = email()
    guest = w.user(email_address=[address])
    made = sdk.invite(org, email_address=address, role="org:viewer")
    assert made.get("inviter_id") is None and made.get("public_inviter_data") is None
    assert sdk.list_invitations_of(guest)["data"][0]["public_organization_data"]["id"] == org
    permission = sdk.create_permission(name="Approve", key=f"org:{word('p')}:approve")
    role = w.role(permissions=[permission["id"]])
    assert [p["id"] for p in role["permissions"]] == [permission["id"]]
    assert sdk.get_role(role["id"])["key"] == role["key"]
    assert sdk.get_permission(permission["id"])["key"] == permission["key"]
    key = f"org:{word('r')}"
    sdk.update_membership(org, who, role=role["key"])
    assert sdk.update_role(role["id"], key=key)["key"] == key
    assert sdk.list_memberships(org, user_id=[who])["data"][0]["role"] == key
    assert sdk.remove_permission(role["id"], permission["id"])["permissions"] == []
    assert len(sdk.assign_permission(role["id"], permission["id"])["permissions"]) == 1
    assert sdk.update_permission(permission["id"], name="New")["name"] == "New"
    assert [p["id"] for p in sdk.list_permissions(query=permission["key"])["data"]] == [permission["id"]]
    assert sdk.list_roles(query=key)["total_count"] == 1
    assert sdk.delete_permission(permission["id"])["object"] == "permission"
    assert sdk.get_role(role["id"])["permissions"] == []
    sdk.update_membership(org, who, role="org:member")
    assert sdk.delete_role(role["id"])["object"] == "role"


def nothing_is_lost_when_many_write_at_once(sdk, native):
    w = World(sdk, native)
    org, who = w.pair()
    merge = lambda n: lambda: sdk.merge_membership_metadata(org, who, public_metadata={"all": {f"k{n}": n}})
    assert not [r for r in together([merge(n) for n in range(12)]) if isinstance(r, Exception)]
    found = sdk.list_memberships_of(who)["data"][0]["public_metadata"]
    assert found == {"all": {f"k{n}": n for n in range(12)}}

    newcomer = w.user()
    results = together([lambda: sdk.create_membership(org, user_id=newcomer, role="org:viewer")] * 8)
    refused = [r for r in results if isinstance(r, Exception)]
    assert len(refused) == 7, results
    assert {(r.status, r.errors[0]["code"]) for r in refused} == {(400, "already_a_member_in_organization")}

    slug, creator = word("acme-"), w.user()
    results = together([lambda: sdk.create_organization(name="Acme", slug=slug, created_by=creator)] * 6)
    refused = [r for r in results if isinstance(r, Exception)]
    assert {(r.status, r.errors[0]["code"]) for r in refused} == {(422, "form_identifier_exists")} and len(refused) == 5

    admins = [w.creator(org), w.user()]
    sdk.create_membership(org, user_id=admins[1], role="org:admin")
    results = together([lambda who=who: sdk.update_membership(org, who, role="org:member") for who in admins])
    refused = [r for r in results if isinstance(r, Exception)]
    assert [r.errors[0]["code"] for r in refused] == ["organization_minimum_permissions_needed"], results

    small = w.organization(max_allowed_memberships=3)
    people = [w.user() for _ in range(5)]
    add = lambda who: lambda: sdk.create_membership(small, user_id=who, role="org:member")
    refused = [r for r in together([add(who) for who in people]) if isinstance(r, Exception)]
    assert [r.errors[0]["code"] for r in refused] == ["organization_membership_quota_exceeded"] * 3
