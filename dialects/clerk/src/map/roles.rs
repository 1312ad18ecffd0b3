//! Roles and permissions. A key here is Roster's with `org:` in front; nine system permissions have the vendor's names.
//! What would be called as one of Roster's own permissions without the `org:` keeps it there, too: it is another one.

use roster_engine::{
    BuiltIn as P, Error, Form, Permission, PermissionId, Role, RoleCatalog, RoleMap, RoleNumber, RoleSet, Subject,
};

use super::id;
use crate::wire;

const PREFIX: &str = "org:";

/// The vendor's system permissions, in its order. Roster's others are not shown.
const SYSTEM: [(&str, P); 9] = [
    ("org:sys_profile:manage", P::OrganizationsWrite),
    ("org:sys_profile:delete", P::OrganizationsDelete),
    ("org:sys_memberships:read", P::MembershipsRead),
    ("org:sys_memberships:manage", P::MembershipsWrite),
    ("org:sys_domains:read", P::DomainsRead),
    ("org:sys_domains:manage", P::DomainsWrite),
    ("org:sys_billing:read", P::BillingRead),
    ("org:sys_billing:manage", P::BillingWrite),
    ("org:sys_entconns:manage", P::ConnectionsWrite),
];
/// Who has all of these can manage an organization.
const ELEVATED: [P; 3] = [P::MembershipsWrite, P::MembershipsRead, P::OrganizationsDelete];

/// A role as it is written: the strongest stands for all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strongest;

impl RoleMap for Strongest {
    type Shown = RoleNumber;

    fn show(catalog: &RoleCatalog, roles: RoleSet) -> RoleNumber {
        // Memberships are never without a role.
        catalog.strongest(roles).map_or(RoleNumber::VIEWER, |role| role.number)
    }

    fn role(shown: RoleNumber) -> RoleNumber {
        shown
    }
}

pub(crate) fn key_to_wire(key: &str) -> String {
    format!("{PREFIX}{key}")
}

/// The role that a key names.
pub(crate) fn role(catalog: &RoleCatalog, key: &str) -> Result<RoleNumber, Error> {
    let found = key.strip_prefix(PREFIX).and_then(|key| catalog.by_key(key));
    found.map(|role| role.number).ok_or(Error::reference("role", Subject::Role))
}

/// A key for a role or a permission that is to be made.
pub(crate) fn new_key(key: &str) -> Result<String, Error> {
    let own = key.strip_prefix(PREFIX).filter(|own| !own.starts_with("sys_") || !own.contains(':'));
    own.map(str::to_owned).ok_or(Error::invalid("key", "must begin with org: and not with org:sys_"))
}

/// A key for a permission that is to be made: the vendor's are all of one form.
pub(crate) fn new_permission_key(key: &str) -> Result<String, Error> {
    let own = new_key(key)?;
    let part = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    match own.split_once(':') {
        Some(_) if is_whole(key) => Ok(key.to_owned()),
        Some((feature, action)) if part(feature) && part(action) => Ok(own),
        _ => Err(Error::invalid("key", "must be of the form org:feature:action, of a-z, 0-9 and _")),
    }
}

/// Whether a permission's key is the same on both sides.
fn is_whole(key: &str) -> bool {
    key.strip_prefix(PREFIX).is_some_and(|own| P::from_key(own).is_some())
}

/// `None` for those of Roster's own that the vendor doesn't know.
fn permission_key(key: &str) -> Option<String> {
    match P::from_key(key) {
        Some(built_in) => SYSTEM.iter().find(|(_, known)| *known == built_in).map(|(name, _)| (*name).to_owned()),
        None if is_whole(key) => Some(key.to_owned()),
        None => Some(key_to_wire(key)),
    }
}

pub(crate) fn permission_to_wire(key: &str) -> String {
    permission_key(key).unwrap_or_else(|| key_to_wire(key))
}

/// Roster's own permissions that aren't shown here.
pub(crate) fn hidden_permissions() -> Vec<P> {
    P::ALL.iter().copied().filter(|built_in| permission_key(built_in.key()).is_none()).collect()
}

/// The vendor's first, in its order; then the realm's own by key.
fn rank(key: &str) -> usize {
    SYSTEM.iter().position(|(name, _)| *name == key).unwrap_or(SYSTEM.len())
}

/// Key, name and permissions of what is shown of a set of roles.
pub(crate) fn shown(catalog: &RoleCatalog, roles: RoleSet) -> (String, String, Vec<String>) {
    let Some(role) = catalog.strongest(roles) else { return (String::new(), String::new(), Vec::new()) };
    let mut permissions: Vec<String> = role.permissions.iter().filter_map(|key| permission_key(key)).collect();
    permissions.sort_by_cached_key(|key| (rank(key), key.clone()));
    (key_to_wire(&role.key), role.name.clone(), permissions)
}

pub(crate) fn is_known(permission: &Permission) -> bool {
    permission_key(&permission.key).is_some()
}

pub(crate) fn permission(p: &Permission) -> wire::Permission {
    wire::Permission {
        object: "permission",
        id: id(p.id),
        name: p.name.clone(),
        key: permission_to_wire(&p.key),
        description: p.description.clone(),
        r#type: if p.system { "system" } else { "user" },
        created_at: p.created.as_ms(),
        updated_at: p.updated.as_ms(),
    }
}

/// `all`: the realm's permissions.
pub(crate) fn role_to_wire(role: &Role, all: &[Permission]) -> wire::Role {
    let granted = all.iter().filter(|p| role.permissions.contains(&p.key) && is_known(p));
    let mut permissions: Vec<_> = granted.map(permission).collect();
    permissions.sort_by_cached_key(|p| (rank(&p.key), p.key.clone()));
    wire::Role {
        object: "role",
        id: id(role.id),
        name: role.name.clone(),
        key: key_to_wire(&role.key),
        description: Some(role.description.clone()).filter(|text| !text.is_empty()),
        is_creator_eligible: ELEVATED.iter().all(|needed| role.permissions.iter().any(|key| key == needed.key())),
        permissions,
        created_at: role.created.as_ms(),
        updated_at: role.updated.as_ms(),
    }
}

/// The keys of permissions that are named by id.
pub(crate) fn permission_keys(ids: &[String], all: &[Permission]) -> Result<Vec<String>, Error> {
    let key = |wanted: &String| {
        let wanted = Form::read_any::<PermissionId>(wanted)?;
        all.iter().find(|p| is_known(p) && p.id == wanted).map(|p| p.key.clone())
    };
    ids.iter().map(|id| key(id).ok_or(Error::reference("permissions", Subject::Permission))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_keys_both_ways() {
        let rows = [
            ("org:invoices:approve", "invoices:approve"),
            ("org:billing:read", "org:billing:read"),
            ("org:users:act_as", "org:users:act_as"),
        ];
        for (shown, kept) in rows {
            assert_eq!(new_permission_key(shown).expect("a key"), kept);
            assert_eq!((permission_key(kept).as_deref(), permission_to_wire(kept).as_str()), (Some(shown), shown));
        }
        assert_eq!(permission_key("billing:read").as_deref(), Some("org:sys_billing:read"), "Roster's own");
        assert_eq!(permission_key("users:act_as"), None);
        assert_eq!(hidden_permissions().len(), P::ALL.len() - SYSTEM.len());
    }
}
