//! Groups.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{nullable, present};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupMini {
    /// Always `group`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: String,
    pub name: String,
    /// Always `managed_group`.
    pub group_type: &'static str,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub(crate) enum Level {
    AdminsOnly,
    #[default]
    AdminsAndMembers,
    AllManagedUsers,
}

roster_http::words!(Level);

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Group {
    #[serde(flatten)]
    pub mini: GroupMini,
    pub created_at: String,
    pub modified_at: String,
    // By `fields` only.
    pub provenance: Option<String>,
    pub external_sync_identifier: Option<String>,
    pub description: Option<String>,
    pub invitability_level: Level,
    pub member_viewability_level: Level,
    pub permissions: GroupPermissions,
}

impl Group {
    pub(crate) const STANDARD: [&str; 4] = ["name", "group_type", "created_at", "modified_at"];
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct GroupPermissions {
    pub can_invite_as_collaborator: bool,
}

/// A group to create, or the fields of a group to change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct GroupBody {
    /// Unique among groups. Required to create a group.
    #[serde(deserialize_with = "present")]
    pub name: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub provenance: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub external_sync_identifier: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub description: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    pub invitability_level: Option<Level>,
    /// Who may list the members.
    #[serde(deserialize_with = "present")]
    pub member_viewability_level: Option<Level>,
}
