use serde::{Deserialize, Serialize};

use crate::{LinkId, MembershipId, OrganizationId, SessionId, Timestamp, UserId};

/// Somebody who has logged in. Its secret is told once and kept as a hash only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    /// It acts by this membership and by no other of the user's, and ends with it.
    pub only: Option<Only>,
    pub created: Timestamp,
    pub expires: Timestamp,
    /// What the user's program said it was.
    pub agent: Option<String>,
}

/// The one membership that a session or link is limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Only {
    pub membership: MembershipId,
    pub organization: OrganizationId,
}

/// Opens one session for a member, once and soon. Its secret is told once and kept as a hash only. It ends with the membership.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub id: LinkId,
    pub user: UserId,
    pub only: Only,
    /// The raw id of the user or token that made it.
    pub created_by: Option<i64>,
    pub created: Timestamp,
    pub expires: Timestamp,
}

impl Session {
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires
    }
}

impl Link {
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires
    }
}
