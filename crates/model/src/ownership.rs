//! Ownership: an organization has at most one owner, and ownership changes only by an explicit transfer or clear.

use crate::{RoleNumber, RoleSet};

/// Why an ordinary change of roles is refused: it would change the ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnershipProblem {
    /// It would remove the owner's role.
    Taken,
    /// It would add the owner's role.
    Given,
}

/// Checks that an ordinary change of roles neither adds nor removes the owner's role.
pub fn check_role_change(before: RoleSet, after: RoleSet) -> Result<(), OwnershipProblem> {
    match (before.contains(RoleNumber::OWNER), after.contains(RoleNumber::OWNER)) {
        (true, false) => Err(OwnershipProblem::Taken),
        (false, true) => Err(OwnershipProblem::Given),
        _ => Ok(()),
    }
}

/// The roles of a former owner: admin, and the owner's custom roles. The other built-in roles grant nothing that an
/// admin lacks.
pub fn former_owner_roles(roles: RoleSet) -> RoleSet {
    roles.iter().filter(|role| role.get() >= RoleNumber::FIRST_CUSTOM).collect::<RoleSet>().with(RoleNumber::ADMIN)
}

/// The roles of a new owner.
pub const fn owner_roles() -> RoleSet {
    RoleSet::OWNER
}
