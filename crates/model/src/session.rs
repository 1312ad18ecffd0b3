use serde::{Deserialize, Serialize};

use crate::{LinkId, MembershipId, OrganizationId, SessionId, Timestamp, UserId};

/// A login session. Its secret is returned once; only its hash is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    /// If set, the session has only the rights of this membership, and ends with it.
    pub only: Option<MembershipScope>,
    pub created: Timestamp,
    pub expires: Timestamp,
    /// The user agent that the client reported.
    pub agent: Option<String>,
}

/// The one membership that a session or link is limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipScope {
    pub membership: MembershipId,
    pub organization: OrganizationId,
}

/// A short-lived, one-time login link that opens a session for a member. Its secret is returned once; only its hash is stored. It ends with the
/// membership.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub id: LinkId,
    pub user: UserId,
    pub only: MembershipScope,
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
