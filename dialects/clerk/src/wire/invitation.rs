use roster_engine::Metadata;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A place in an organization, kept for whoever has an e-mail address.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrganizationInvitation {
    pub object: &'static str,
    pub id: String,
    pub email_address: String,
    pub role: String,
    pub role_name: String,
    pub organization_id: String,
    pub inviter_id: Option<String>,
    pub public_inviter_data: Option<PublicInviterData>,
    /// `pending`, `accepted`, `revoked` or `expired`.
    pub status: &'static str,
    #[schema(value_type = Object)]
    pub public_metadata: Metadata,
    #[schema(value_type = Object)]
    pub private_metadata: Metadata,
    /// Holds the secret: only in the answer that makes the invitation.
    pub url: Option<String>,
    pub expires_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    /// In lists that are not of one organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_organization_data: Option<PublicOrganizationData>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublicInviterData {
    pub user_id: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub image_url: String,
    pub has_image: bool,
    /// Empty if the inviter has none.
    pub identifier: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublicOrganizationData {
    pub id: String,
    pub name: String,
    pub slug: String,
    pub has_image: bool,
    pub image_url: String,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateInvitation {
    pub email_address: String,
    pub role: String,
    /// A member who may invite.
    pub inviter_user_id: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Metadata>,
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Metadata>,
    /// Where the application takes invited people in; the ticket is put behind it.
    pub redirect_url: Option<String>,
    /// 1 to 365; 30 if it isn't said.
    pub expires_in_days: Option<i64>,
    /// Not looked at: sending mail is the application's.
    #[expect(dead_code, reason = "its type is looked at")]
    pub notify: Option<bool>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct RevokeInvitation {
    /// A member who may invite.
    pub requesting_user_id: Option<String>,
}
