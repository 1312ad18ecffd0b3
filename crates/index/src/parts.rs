//! What a graph is made of.

use roster_model::{MembershipId, OrganizationId, RoleSet, Timestamp, UserId};

use crate::members::Members;
use crate::subtree::{State, Subtree};

/// What somebody holds at an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    pub membership: MembershipId,
    pub roles: RoleSet,
}

/// An organization, as far as the graph knows it.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    pub id: OrganizationId,
    pub parent: Option<OrganizationId>,
    /// Not marked as deleted itself.
    pub active: bool,
    pub suspended: bool,
    pub created: Timestamp,
}

/// An organization, and who is in it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) id: OrganizationId,
    pub(crate) created: Timestamp,
    /// It is there; else it is only known as somebody's parent, or was deleted and its number is free.
    pub(crate) there: bool,
    pub(crate) parent: Option<u32>,
    pub(crate) children: Vec<u32>,
    /// Not marked as deleted itself; whether one above is, only the tree tells.
    pub(crate) active: bool,
    pub(crate) suspended: bool,
    /// As what lists have it; `None` while they don't.
    pub(crate) state: Option<State>,
    /// How many of those below it are in lists.
    pub(crate) below: u32,
    /// Their lists, where there are many.
    pub(crate) subtree: Option<Box<Subtree>>,
    pub(crate) members: Members,
}

impl Place {
    /// One that isn't there yet.
    pub(crate) fn new(id: OrganizationId) -> Self {
        Self {
            id,
            created: Timestamp::from_ms(0),
            there: false,
            parent: None,
            children: Vec::new(),
            active: false,
            suspended: false,
            state: None,
            below: 0,
            subtree: None,
            members: Members::default(),
        }
    }

    /// Neither it nor one above is marked as deleted.
    pub(crate) fn is_shown(&self) -> bool {
        matches!(self.state, Some(State::Active | State::Suspended))
    }

    /// The list of all memberships has those of all organizations that are shown but the root.
    pub(crate) fn lists_members(&self) -> bool {
        self.is_shown() && self.parent.is_some()
    }
}

/// A user, and where he is.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) created: Timestamp,
    /// Else only his memberships are known.
    pub(crate) there: bool,
    pub(crate) active: bool,
    /// Numbers of organizations.
    pub(crate) places: Vec<u32>,
}

impl Person {
    /// One who isn't there yet.
    pub(crate) fn new(id: UserId) -> Self {
        Self { id, created: Timestamp::from_ms(0), there: false, active: false, places: Vec::new() }
    }
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub memberships: u64,
    pub users: u64,
    pub organizations: u64,
}

impl Sizes {
    /// Memory that a graph of that size takes, about, in bytes: measured. Tables double as they grow, so it can be a third less or more.
    pub const fn bytes(self) -> u64 {
        self.memberships * 40 + self.users * 96 + self.organizations * 290
    }
}

pub(crate) fn number(place: usize) -> u32 {
    // Four thousand million of them don't fit in memory.
    u32::try_from(place).unwrap_or(u32::MAX)
}
