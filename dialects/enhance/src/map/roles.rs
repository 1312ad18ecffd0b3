//! The vendor's six roles. A role that it has no name for shows as `SiteAccess`, the least powerful, and stays where that is
//! written back.

use roster_engine::{RoleCatalog, RoleNumber, RoleSet};

use crate::wire::Role;

/// In display order.
const NAMED: [(Role, RoleNumber); 6] = [
    (Role::Owner, RoleNumber::OWNER),
    (Role::SuperAdmin, RoleNumber::ADMIN),
    (Role::Sysadmin, RoleNumber::SYSADMIN),
    (Role::Support, RoleNumber::SUPPORT),
    (Role::Business, RoleNumber::BUSINESS),
    (Role::SiteAccess, RoleNumber::SITE_ACCESS),
];

fn number(role: Role) -> RoleNumber {
    NAMED.iter().find(|(named, _)| *named == role).map_or(RoleNumber::SITE_ACCESS, |(_, number)| *number)
}

/// The role to which sites are bound. The others that show as `SiteAccess` have no sites.
pub(crate) const WITH_SITES: RoleSet = RoleSet::of(RoleNumber::SITE_ACCESS);

/// Everything that shows as `SiteAccess`: what has another name is not among it.
pub(crate) fn as_site_access() -> RoleSet {
    let others: RoleSet =
        NAMED.iter().filter(|(role, _)| *role != Role::SiteAccess).map(|(_, number)| *number).collect();
    RoleSet::from_bits(!others.bits())
}

/// Whether these roles give access to single sites only. Owners and super admins reach all.
pub(crate) fn is_collaborator(roles: RoleSet) -> bool {
    roles.intersects(as_site_access()) && !roles.intersects(RoleSet::OWNER.with(RoleNumber::ADMIN))
}

pub(crate) fn show(_: &RoleCatalog, roles: RoleSet) -> Vec<Role> {
    let held = |(role, number): &(Role, RoleNumber)| match role {
        Role::SiteAccess => roles.intersects(as_site_access()),
        _ => roles.contains(*number),
    };
    NAMED.iter().filter(|named| held(named)).map(|(role, _)| *role).collect()
}

/// The roles that these names stand for in a new membership.
pub(crate) fn read(roles: &[Role]) -> RoleSet {
    roles.iter().map(|role| number(*role)).collect()
}

/// The roles of `before` that show as `SiteAccess` stay as long as `SiteAccess` is written.
pub(crate) fn write(before: RoleSet, written: RoleSet) -> RoleSet {
    let kept = before.intersection(as_site_access());
    if written.contains(RoleNumber::SITE_ACCESS) && !kept.is_empty() {
        written.without(RoleNumber::SITE_ACCESS).union(kept)
    } else {
        written
    }
}

/// The same, for a member who is given sites along with `SiteAccess`.
fn write_with_sites(before: RoleSet, written: RoleSet) -> RoleSet {
    let roles = write(before, written);
    if written.contains(RoleNumber::SITE_ACCESS) { roles.union(WITH_SITES) } else { roles }
}

/// How to write roles together with these sites.
pub(crate) fn writer(sites: Option<&[String]>) -> fn(RoleSet, RoleSet) -> RoleSet {
    if sites.is_some_and(|sites| !sites.is_empty()) { write_with_sites } else { write }
}

/// The roles that show as this one, for filtering members.
pub(crate) fn shown_as(role: Role) -> RoleSet {
    match role {
        Role::SiteAccess => as_site_access(),
        _ => RoleSet::of(number(role)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_both_ways() {
        let catalog = RoleCatalog::default();
        let own = RoleNumber::new(9).expect("a number");
        let set = |numbers: &[RoleNumber]| numbers.iter().copied().collect::<RoleSet>();
        let (admin, member, viewer) = (RoleNumber::ADMIN, RoleNumber::MEMBER, RoleNumber::VIEWER);
        for (roles, shown) in [
            (set(&[RoleNumber::OWNER]), vec![Role::Owner]),
            (set(&[admin, RoleNumber::SUPPORT]), vec![Role::SuperAdmin, Role::Support]),
            (set(&[member]), vec![Role::SiteAccess]),
            (set(&[viewer, own]), vec![Role::SiteAccess]),
            (set(&[RoleNumber::SITE_ACCESS]), vec![Role::SiteAccess]),
            (set(&[admin, own]), vec![Role::SuperAdmin, Role::SiteAccess]),
        ] {
            assert_eq!(show(&catalog, roles), shown);
            assert_eq!(write(roles, read(&shown)), roles, "written back, nothing changes");
        }
        let promoted = write(set(&[member]), read(&[Role::SuperAdmin]));
        assert_eq!(promoted, set(&[admin]));
        let both = write(set(&[own]), read(&[Role::SiteAccess, Role::Support, Role::Support]));
        assert_eq!(both, set(&[own, RoleNumber::SUPPORT]));
        assert_eq!(write(set(&[admin]), read(&[Role::SiteAccess])), set(&[RoleNumber::SITE_ACCESS]));
        let with_sites = write_with_sites(set(&[member]), read(&[Role::SiteAccess]));
        assert_eq!(with_sites, set(&[member, RoleNumber::SITE_ACCESS]), "what sites are bound to is added");
        assert_eq!(write(with_sites, read(&[Role::SiteAccess])), with_sites);
        assert_eq!(write_with_sites(set(&[member]), read(&[Role::Support])), set(&[RoleNumber::SUPPORT]));
    }
}
