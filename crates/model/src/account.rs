use serde::{Deserialize, Serialize};

use crate::{OrganizationId, Timestamp, UserId};

/// A provisioning record: this organization (an account) knows this user. Independent of memberships.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountUser {
    pub organization: OrganizationId,
    pub user: UserId,
    pub external_id: Option<String>,
    /// Free text of the provisioner, kept byte for byte.
    pub user_schema: Option<String>,
    pub active: bool,
    pub created: Timestamp,
}
