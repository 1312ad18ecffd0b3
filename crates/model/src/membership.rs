use serde::{Deserialize, Serialize};

use crate::{Extras, MembershipId, Metadata, OrganizationId, RoleSet, Timestamp, UserId};

/// One user in one organization, at most once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    pub id: MembershipId,
    pub organization: OrganizationId,
    pub user: UserId,
    /// Never empty.
    pub roles: RoleSet,
    /// Whether the user starts in this organization; true for at most one of a user's memberships.
    pub is_default: bool,
    /// The raw id of the user or token that added it.
    pub created_by: Option<i64>,
    pub created: Timestamp,
    /// Grows with every change of this record.
    pub updated: Timestamp,
    pub public: Metadata,
    pub private: Metadata,
    pub extras: Extras,
}
