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
    /// 0 is no limit.
    pub max_allowed_memberships: u32,
    pub admin_delete_enabled: bool,
    #[schema(value_type = Object)]
    pub public_metadata: Metadata,
    #[schema(value_type = Object)]
    pub private_metadata: Metadata,
    /// Left out if no user did.
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
    /// A user, who becomes its first admin.
    pub created_by: Option<String>,
    pub slug: Option<String>,
    pub max_allowed_memberships: Option<u32>,
    pub created_at: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Metadata>,
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Metadata>,
}

/// What isn't sent stays, and so does what is null.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UpdateOrganization {
    pub name: Option<String>,
    pub slug: Option<String>,
    pub max_allowed_memberships: Option<u32>,
    pub admin_delete_enabled: Option<bool>,
    pub created_at: Option<String>,
    /// Not looked at.
    pub role_set_key: Option<String>,
    /// Replaces; before version 2026-05-12 only.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Option<Metadata>>,
    /// Replaces; before version 2026-05-12 only.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Option<Metadata>>,
}
