use roster_engine::Metadata;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An organization.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Organization {
    pub object: &'static str,
    #[schema(example = "org_000000000000000000Qk3vR8aZ1b")]
    pub id: String,
    pub name: String,
    pub slug: String,
    pub image_url: String,
    pub has_image: bool,
    /// The maximum number of members; 0 means no limit.
    pub max_allowed_memberships: u32,
    pub admin_delete_enabled: bool,
    #[schema(value_type = Object)]
    pub public_metadata: Metadata,
    #[schema(value_type = Object)]
    pub private_metadata: Metadata,
    /// The user who created the organization. Absent if no user did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_invitations_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_member_with_elevated_permissions: Option<bool>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateOrganization {
    pub name: String,
    /// The user who becomes the organization's first admin.
    pub created_by: Option<String>,
    pub slug: Option<String>,
    pub max_allowed_memberships: Option<u32>,
    pub created_at: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Metadata>,
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Metadata>,
}

/// Fields that are omitted or `null` stay unchanged.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UpdateOrganization {
    pub name: Option<String>,
    pub slug: Option<String>,
    pub max_allowed_memberships: Option<u32>,
    pub admin_delete_enabled: Option<bool>,
    pub created_at: Option<String>,
    /// Ignored.
    pub role_set_key: Option<String>,
    /// Replaces the metadata. Only in versions before 2026-05-12.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Option<Metadata>>,
    /// Replaces the metadata. Only in versions before 2026-05-12.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Option<Metadata>>,
}
