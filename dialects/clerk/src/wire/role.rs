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
    /// Whether members with this role can manage an organization.
    pub is_creator_eligible: bool,
    pub permissions: Vec<Permission>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A permission that roles can grant.
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
    /// The ids of permissions.
    pub permissions: Option<Vec<String>>,
    /// Ignored.
    #[expect(dead_code, reason = "known, so that it isn't refused")]
    pub include_in_initial_role_set: Option<bool>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UpdateRole {
    pub name: Option<String>,
    /// A new key. Members and invited people keep the role.
    pub key: Option<String>,
    pub description: Option<String>,
    /// The ids of permissions. Replaces all of the role's permissions.
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
