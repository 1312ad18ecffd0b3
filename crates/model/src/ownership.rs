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

/// What a former owner becomes: an admin. The realm's own roles stay; the other built-in ones grant nothing that an admin lacks.
pub fn after_owning(roles: RoleSet) -> RoleSet {
    roles.iter().filter(|role| role.get() >= RoleNumber::FIRST_OWN).collect::<RoleSet>().with(RoleNumber::ADMIN)
}

/// What a new owner holds.
pub const fn owning() -> RoleSet {
    RoleSet::OWNER
}
