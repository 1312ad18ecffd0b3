use serde::{Deserialize, Serialize};

use crate::{OrganizationId, Timestamp, UserId};

/// A record of provisioning: this organization knows this user, whether member or not. Independent of memberships.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountUser {
    pub organization: OrganizationId,
    pub user: UserId,
    pub external_id: Option<String>,
    /// Text of the provisioner's own, kept byte for byte.
    pub user_schema: Option<String>,
    pub active: bool,
    pub created: Timestamp,
}
