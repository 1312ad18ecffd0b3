//! What goes over the wire, with the vendor's names.
//!
//! Fields without a value are written as `null`, never left out: one of the two official clients can't read an answer that
//! lacks them. `subscriptionTier` is never null, for the same reason.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A role. Accepted in any letter case, returned in upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Role {
    Admin,
    Member,
    Viewer,
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum SubscriptionTier {
    Free,
    #[default]
    Paid,
    AwsMarketplace,
    Subscription,
}

/// An error, for any status.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody {
    pub message: String,
    pub request_id: String,
    /// IllegalArgument, ArgumentValue, ResourceNotFound, UserNotFound, MembershipNotFound, ResourceAlreadyExists, BadRequest,
    /// Unauthorized, Forbidden, NotFound, MethodNotAllowed, Unavailable, Internal
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The name of the invalid parameter. Only with the type ArgumentValue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
}

/// The response of a successful operation that returns no data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Response {
    pub request_id: String,
}

/// An empty response. Some clients expect an object nevertheless.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Empty {}

// Memberships

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MembershipMetadata {
    pub org_id: String,
    pub role: Role,
    pub user_id: String,
    /// Whether this is the organization that the user starts in.
    pub default: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Membership {
    pub org_id: String,
    pub default: bool,
    pub role: Role,
    pub user_id: String,
    pub email: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListOrganizationMembershipsResponse {
    pub memberships: Vec<Membership>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GetMembershipsResponse {
    pub memberships: Vec<Membership>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GetDefaultMembershipResponse {
    pub membership: Option<Membership>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddMembershipRequest {
    pub org_id: String,
    pub email: String,
    pub role: Role,
    #[expect(dead_code, reason = "the log names who really called")]
    pub created_by: Option<String>,
    pub default: Option<bool>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateMembershipRequest {
    pub org_id: String,
    pub email: String,
    pub role: Role,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RemoveMembershipRequest {
    pub org_id: String,
    pub email: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetDefaultMembershipRequest {
    pub org_id: String,
    pub user_id: String,
}

// Accounts

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountUser {
    pub user_id: String,
    pub org_id: String,
    pub email: String,
    pub external_id: Option<String>,
    /// Free text of the provisioner.
    pub user_schema: Option<String>,
    pub active: bool,
}

/// An account user to create. `userId` and `orgId` are also accepted and ignored, since provisioners send whole users.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateAccountUserRequest {
    pub email: String,
    pub external_id: Option<String>,
    pub user_schema: Option<String>,
    /// Default: `true`.
    pub active: Option<bool>,
}

/// Replaces all three fields: omitted ones are cleared, and `active` becomes `true`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateAccountUserRequest {
    pub external_id: Option<String>,
    pub user_schema: Option<String>,
    pub active: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountOrganization {
    pub org_id: String,
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GetAccountMembershipsResponse {
    pub memberships: Vec<OrganizationRoleMembers>,
}

/// All members who have this role in this organization. Never empty.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrganizationRoleMembers {
    pub org_id: String,
    pub role: Role,
    pub members: Vec<Member>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Member {
    // First, so that members sort by it.
    pub email: String,
    pub user_id: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PutAccountMembershipsRequest {
    pub user_ids: Vec<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatchAccountMembershipsRequest {
    pub user_ids_to_add: Vec<String>,
    pub user_ids_to_delete: Vec<String>,
}

/// The items that could not be processed. All others were.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusResponse {
    pub request_id: String,
    pub errors: Vec<ErrorStatus>,
}

#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorStatus {
    pub error_code: i64,
    pub item_id: String,
    pub description: String,
}

// API keys

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserApiKey {
    /// The key. Only in the response that creates it.
    pub key: Option<String>,
    pub key_id: String,
    pub org_id: String,
    pub user_id: String,
    pub creation_time: String,
    pub expiration_time: Option<String>,
    pub last_used_time: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub resource_id: Option<String>,
    pub alias: Option<String>,
    pub revoked: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListUserApiKeys {
    pub items: Vec<UserApiKey>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserApiKeyResponse {
    pub key: Option<UserApiKey>,
}

// Organizations

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateManagedOrganizationRequest {
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrganizationIdentifier {
    pub id: String,
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrganizationSummary {
    pub id: String,
    pub name: String,
    pub subscription_tier: SubscriptionTier,
    /// Domains, separated by commas.
    pub email_domains: Option<String>,
    pub observatory_url: Option<String>,
    pub parent_org_id: Option<String>,
    pub allow_managed_membership_updates_only: Option<bool>,
    #[schema(value_type = Option<Object>)]
    pub notification_settings: Nothing,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListOrganizationsResponse {
    pub items: Vec<OrganizationSummary>,
    pub internal: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrganizationMetadata {
    pub id: String,
    pub name: String,
    /// In milliseconds since 1970.
    pub creation_time: i64,
    pub deleted: bool,
    pub subscription_tier: SubscriptionTier,
    pub email_domains: Option<String>,
    pub observatory_url: Option<String>,
    #[schema(value_type = Option<bool>)]
    pub use_cloud_front: Nothing,
    pub parent_org_id: Option<String>,
    #[schema(value_type = Option<String>)]
    pub subscription_id: Nothing,
    pub storage_bucket_override: Option<String>,
    #[schema(value_type = Option<String>)]
    pub storage_uri_override: Nothing,
    pub allow_managed_membership_updates_only: Option<bool>,
    #[schema(value_type = Option<Object>)]
    pub notification_settings: Nothing,
}

/// A field that Roster doesn't support: always present, always `null`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Nothing;

// Users

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the vendor's names")]
pub(crate) struct User {
    pub user_id: String,
    pub email: String,
    /// Free text of the application.
    pub preferences: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateUserRequest {
    pub email: String,
}
