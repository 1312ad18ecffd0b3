//! The building blocks of a graph.

use roster_model::{MembershipId, OrganizationId, RoleSet, Timestamp, UserId};

use crate::members::Members;
use crate::subtree::{State, Subtree};

/// A user's membership in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    pub membership: MembershipId,
    pub roles: RoleSet,
}

/// An organization, as far as the graph needs it.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    pub id: OrganizationId,
    pub parent: Option<OrganizationId>,
    /// Not marked as deleted itself.
    pub active: bool,
    pub suspended: bool,
    pub created: Timestamp,
}

/// An organization and its members.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) id: OrganizationId,
    pub(crate) created: Timestamp,
    /// It exists; otherwise it is only known as a parent, or was deleted and its number is free.
    pub(crate) exists: bool,
    pub(crate) parent: Option<u32>,
    pub(crate) children: Vec<u32>,
    /// Not marked as deleted itself; its ancestors may be.
    pub(crate) active: bool,
    pub(crate) suspended: bool,
    /// The state under which lists have it; `None` while they don't.
    pub(crate) state: Option<State>,
    /// The number of its listed descendants.
    pub(crate) below: u32,
    /// The lists of its descendants, if there are many.
    pub(crate) subtree: Option<Box<Subtree>>,
    pub(crate) members: Members,
}

impl Place {
    /// One that doesn't exist yet.
    pub(crate) fn new(id: OrganizationId) -> Self {
        Self {
            id,
            created: Timestamp::from_ms(0),
            exists: false,
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

    /// Neither it nor an ancestor is marked as deleted.
    pub(crate) fn is_shown(&self) -> bool {
        matches!(self.state, Some(State::Active | State::Suspended))
    }

    /// Whether the realm-wide list includes its memberships: it does for all organizations that are shown, except the
    /// root.
    pub(crate) fn lists_members(&self) -> bool {
        self.is_shown() && self.parent.is_some()
    }
}

/// A user, and the organizations that the user is a member of.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) created: Timestamp,
    /// If `false`, only the user's memberships are known.
    pub(crate) exists: bool,
    pub(crate) active: bool,
    /// Numbers of the organizations that the user is a member of.
    pub(crate) places: Vec<u32>,
}

impl Person {
    /// One who doesn't exist yet.
    pub(crate) fn new(id: UserId) -> Self {
        Self { id, created: Timestamp::from_ms(0), exists: false, active: false, places: Vec::new() }
    }
}

/// Numbers of entities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub memberships: u64,
    pub users: u64,
    pub organizations: u64,
}

impl Sizes {
    /// Approximate memory of a graph of that size in bytes, as measured. Tables double as they grow, so it can be a
    /// third more or less.
    pub const fn bytes(self) -> u64 {
        self.memberships * 40 + self.users * 96 + self.organizations * 290
    }
}

pub(crate) fn number(place: usize) -> u32 {
    // More than four billion don't fit in memory.
    u32::try_from(place).unwrap_or(u32::MAX)
}
