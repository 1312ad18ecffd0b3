//! Scenarios: what the system promises, in words of the domain. Each is run through the engine and every surface.

/// One promise.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// Done past all surfaces, by somebody who may do everything.
    pub given: &'static [Step],
    /// Done through the surface under test; where that has no such operation, through the native API.
    pub when: &'static [(Step, Expect)],
}

/// Something that is done, or looked at. Users and organizations go by the names that the scenario gives them.
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
    /// Looks at all members: user and role, in any order. The role is Roster's; the surface shows it in its own words.
    Members(&'static str, &'static [(&'static str, &'static str)]),
}

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Done,
    Refused(Why),
}

/// Why something is refused, in words of the domain. Each surface has its own form of each.
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
