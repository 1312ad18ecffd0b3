use roster_engine::Metadata;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Organization;

/// One user's membership in one organization.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrganizationMembership {
    pub object: &'static str,
    #[schema(example = "orgmem_000000000000000000Qk3vR8aZ1b")]
    pub id: String,
    #[schema(example = "org:member")]
    pub role: String,
    pub role_name: String,
    /// The keys of the permissions that the role grants now.
    pub permissions: Vec<String>,
    #[schema(value_type = Object)]
    pub public_metadata: Metadata,
    #[schema(value_type = Object)]
    pub private_metadata: Metadata,
    pub organization: Organization,
    pub public_user_data: PublicUserData,
    /// In milliseconds since 1970, as all times in this API.
    pub created_at: i64,
    pub updated_at: i64,
}

/// The data of a user that other members may see.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublicUserData {
    pub user_id: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub profile_image_url: Option<String>,
    pub image_url: String,
    pub has_image: bool,
    /// The primary e-mail address, or else the primary phone number, or else the user name.
    pub identifier: Option<String>,
    pub username: Option<String>,
    pub banned: bool,
    pub deprovisioned: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateMembership {
    pub user_id: String,
    pub role: String,
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Metadata>,
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UpdateMembership {
    pub role: String,
}
