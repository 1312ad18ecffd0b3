use roster_engine::Metadata;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An invitation to join an organization, for the user who has an e-mail address.
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
    /// The link, which contains the secret. Only in the response that creates the invitation.
    pub url: Option<String>,
    pub expires_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    /// Only in lists that aren't limited to one organization.
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
    /// Empty if the inviter has no identifier.
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
    /// The user in whose name the invitation is sent: a member who may invite.
    pub inviter_user_id: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Metadata>,
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Metadata>,
    /// The page of the application to which invited people are sent. The ticket is appended as a parameter.
    pub redirect_url: Option<String>,
    /// Lifetime in days, 1 to 365. Default: 30.
    pub expires_in_days: Option<i64>,
    /// Ignored: the application sends mail itself.
    #[expect(dead_code, reason = "its type is looked at")]
    pub notify: Option<bool>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct RevokeInvitation {
    /// The user in whose name the invitation is revoked: a member who may invite.
    pub requesting_user_id: Option<String>,
}
