//! Ownership: at most one owner of an organization, and it changes hands only on purpose.

use crate::{RoleNumber, RoleSet};

/// Why a change of roles touches ownership in a way that only transfer and clear may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnershipProblem {
    /// It would take the owner's role away.
    Taken,
    /// It would give it.
    Given,
}

/// Ordinary changes of roles neither give nor take the owner's role.
pub fn may_change(before: RoleSet, after: RoleSet) -> Result<(), OwnershipProblem> {
    match (before.contains(RoleNumber::OWNER), after.contains(RoleNumber::OWNER)) {
        (true, false) => Err(OwnershipProblem::Taken),
        (false, true) => Err(OwnershipProblem::Given),
        _ => Ok(()),
    }
}

/// What a former owner becomes: an admin, whatever else he held.
pub fn after_owning(roles: RoleSet) -> RoleSet {
    roles.without(RoleNumber::OWNER).with(RoleNumber::ADMIN)
}

/// What a new owner holds.
pub const fn owning() -> RoleSet {
    RoleSet::OWNER
}
