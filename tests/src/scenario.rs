//! Scenarios: what the system guarantees, in terms of the domain. Each is run through the engine and every surface.

/// One promise.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// Done by the engine, by a caller who may do everything.
    pub given: &'static [Step],
    /// Done through the surface under test; through the native API if it has no such operation.
    pub when: &'static [(Step, Expect)],
}

/// An operation or an observation. Users and organizations are referred to by the names that the scenario gives them.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// The user `ada` has the address `ada@example.com`.
    User(&'static str),
    /// Right under the realm's root.
    Organization(&'static str),
    Child {
        name: &'static str,
        under: &'static str,
    },
    Add {
        organization: &'static str,
        user: &'static str,
        role: &'static str,
    },
    SetRole {
        organization: &'static str,
        user: &'static str,
        role: &'static str,
    },
    Remove {
        organization: &'static str,
        user: &'static str,
    },
    SetOwner {
        organization: &'static str,
        user: &'static str,
    },
    DeleteOrganization(&'static str),
    DeleteUser(&'static str),
    /// Only these addresses' domains.
    Domains {
        organization: &'static str,
        domains: &'static [&'static str],
    },
    /// Checks all members: user and role, in any order. The role is Roster's; the driver translates it to the surface's.
    Members(&'static str, &'static [(&'static str, &'static str)]),
}

/// The expected result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Done,
    Refused(Why),
}

/// Why something is refused, in terms of the domain. Each surface has its own form of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    NoOrganization,
    NoUser,
    NoMembership,
    AlreadyMember,
    OwnerProtected,
    DomainNotAllowed,
    HasChildren,
}
