use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Role {
    pub object: &'static str,
    pub id: String,
    pub name: String,
    #[schema(example = "org:admin")]
    pub key: String,
    pub description: Option<String>,
    /// Whether who has it can manage an organization.
    pub is_creator_eligible: bool,
    pub permissions: Vec<Permission>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Something that a role grants.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Permission {
    pub object: &'static str,
    pub id: String,
    pub name: String,
    #[schema(example = "org:invoices:approve")]
    pub key: String,
    pub description: String,
    /// `system` or `user`.
    pub r#type: &'static str,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRole {
    pub name: String,
    pub key: String,
    pub description: Option<String>,
    /// Ids of permissions.
    pub permissions: Option<Vec<String>>,
    /// Not looked at.
    #[expect(dead_code, reason = "known, so that it isn't refused")]
    pub include_in_initial_role_set: Option<bool>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UpdateRole {
    pub name: Option<String>,
    /// Members and invited people keep the role.
    pub key: Option<String>,
    pub description: Option<String>,
    /// Ids of permissions; replaces all.
    pub permissions: Option<Vec<String>>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreatePermission {
    pub name: String,
    pub key: String,
    pub description: Option<String>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct UpdatePermission {
    pub name: Option<String>,
    pub key: Option<String>,
    pub description: Option<String>,
}
