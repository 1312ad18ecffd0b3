//! What goes over the wire, with the vendor's names.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An error, for any status.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HttpError {
    pub code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The created resource.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewResourceUuid {
    #[schema(format = "uuid")]
    pub id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self")]
pub(crate) enum Role {
    Owner,
    SuperAdmin,
    Business,
    SiteAccess,
    Support,
    Sysadmin,
}

roster_http::words!(Role, AuthMethod, Status);

// Members

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewMember {
    #[schema(format = "uuid")]
    pub login_id: String,
    pub roles: Vec<Role>,
}

/// Replaces all fields: omitted ones become empty, except for `roles`, which is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateMember {
    pub roles: Option<Vec<Role>>,
    pub site_accesses: Option<Vec<String>>,
    pub notifications: Option<Vec<String>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Member {
    #[schema(format = "uuid")]
    pub id: String,
    #[schema(format = "uuid")]
    pub login_id: String,
    /// Whether the member is active; `false` if the invite has not been accepted yet.
    pub is_active: bool,
    pub email: String,
    pub name: String,
    pub roles: Vec<Role>,
    pub site_accesses: Vec<String>,
    pub notifications: Vec<String>,
    #[schema(format = Date)]
    pub joined_at: String,
    pub color_code: String,
}

macro_rules! listings {
    ($($name:ident of $item:ident;)*) => {$(
        /// A list or a part of it, with the length of the whole list.
        #[derive(Debug, Serialize, ToSchema)]
        pub(crate) struct $name {
            pub items: Vec<$item>,
            pub total: u64,
        }
    )*};
}

listings! {
    MembersListing of Member;
    LoginsListing of Login;
    CustomersListing of Org;
    ActivitiesListing of Activity;
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrgOwnerUpdate {
    #[schema(format = "uuid")]
    pub member_id: String,
}

// Access tokens

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewAccessToken {
    pub roles: Vec<Role>,
    /// When the token expires. In UTC unless it has an offset.
    #[schema(format = DateTime)]
    pub token_expires: Option<String>,
    pub friendly_name: Option<String>,
    /// Stored and returned, but not enforced.
    pub allowed_ips: Option<Vec<String>>,
    /// Stored and returned, but not enforced.
    pub ip_restricted: Option<bool>,
}

/// Omitted fields stay unchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateAccessToken {
    pub roles: Option<Vec<Role>>,
    #[schema(format = DateTime)]
    pub token_expires: Option<String>,
    pub friendly_name: Option<String>,
    pub allowed_ips: Option<Vec<String>>,
    pub ip_restricted: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewAccessTokenResponse {
    pub id: String,
    pub first_five: String,
    /// The secret. Returned only once.
    pub unencrypted_token: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrgAccessToken {
    #[schema(format = "uuid")]
    pub id: String,
    pub first_five: String,
    pub roles: Vec<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub friendly_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_ips: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_restricted: Option<bool>,
}

// Logins

#[derive(Deserialize, ToSchema)]
pub(crate) struct LoginInfo {
    pub email: String,
    pub password: String,
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Login {
    #[schema(format = "uuid")]
    pub id: String,
    pub email: String,
    pub name: String,
    pub color_code: String,
    pub registered_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_last_changed_at: Option<String>,
    pub auth_method: AuthMethod,
    pub locale: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
pub(crate) enum AuthMethod {
    Basic,
    Email,
    Otp,
}

/// Omitted fields stay unchanged.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateLogin {
    pub name: Option<String>,
    pub email: Option<String>,
    pub password: Option<String>,
    pub locale: Option<String>,
    pub auth_method: Option<AuthMethod>,
    /// Required to change the e-mail address or the password.
    pub current_password: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UpdateLoginResult {}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoginMembership {
    #[schema(format = "uuid")]
    pub member_id: String,
    #[schema(format = "uuid")]
    pub org_id: String,
    pub org_name: String,
    pub is_master_org: bool,
    pub roles: Vec<Role>,
    pub site_access_count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoginMemberships {
    pub memberships: Vec<LoginMembership>,
}

// Sessions

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "what the vendor's clients may send; nothing here remembers devices")]
pub(crate) struct LoginCreds {
    pub email: String,
    pub password: String,
    pub device_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    #[schema(format = "uuid")]
    pub id: String,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionsFullListing {
    pub items: Vec<Session>,
}

// Organizations

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
pub(crate) enum Status {
    Active,
    Deleted,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Org {
    #[schema(format = "uuid")]
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub parent_id: Option<String>,
    pub name: String,
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub suspended_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub owner_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub owner_login_id: Option<String>,
    pub subscriptions_count: u64,
    pub websites_count: u64,
    pub created_at: String,
    pub locale: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack_notification_webhook_url: Option<String>,
}

/// A string, or `{"unset": true}`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(try_from = "Value")]
pub(crate) enum TextOrUnset {
    Text(String),
    Unset,
}

impl TryFrom<Value> for TextOrUnset {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Object(object) if object.get("unset") == Some(&Value::Bool(true)) => Ok(Self::Unset),
            _ => Err("must be a text, or {\"unset\": true}"),
        }
    }
}

/// Omitted fields stay unchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrgUpdate {
    pub name: Option<String>,
    pub status: Option<Status>,
    pub is_suspended: Option<bool>,
    pub locale: Option<String>,
    /// A string, or `{"unset": true}`.
    #[schema(value_type = Option<Value>)]
    pub slack_notification_webhook_url: Option<TextOrUnset>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewCustomer {
    pub name: String,
}

// Invites

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "nothing is mailed, whatever `send_email` says")]
pub(crate) struct NewInvite {
    pub email: String,
    pub name: String,
    pub roles: Vec<Role>,
    pub site_accesses: Option<Vec<String>>,
    pub notifications: Option<Vec<String>>,
    /// Has no effect: nothing is mailed, and the response has the link.
    pub send_email: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct AcceptInviteBody {
    pub email: String,
    pub password: Option<String>,
    pub locale: Option<String>,
}

#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InviteValidation {
    pub is_valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub org_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

// The log

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ActivityKind {
    Added,
    Removed,
    Cloned,
    Imported,
    BackedUp,
    ErrorRaised,
    BackupError,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the vendor's words")]
pub(crate) struct Activity {
    #[schema(format = "uuid")]
    pub id: String,
    #[schema(format = "uuid")]
    pub org_id: String,
    pub kind: ActivityKind,
    #[schema(format = DateTime)]
    pub created_at: String,
    pub message: String,
    pub context: ActivityContext,
    pub activity_object: ActivityLoginEntity,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityContext {
    pub org: ActivityOrgEntity,
    pub actor: ActivityActor,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ActivityActor {
    Login(ActivityLoginEntity),
    AccessToken(ActivityAccessTokenEntity),
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityAccessTokenEntity {
    pub r#type: AccessTokenWord,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) enum AccessTokenWord {
    #[serde(rename = "accessToken")]
    AccessToken,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityOrgEntity {
    pub r#type: OrgWord,
    pub content: ActivityOrgContent,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OrgWord {
    Org,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityOrgContent {
    #[schema(format = "uuid")]
    pub id: String,
    pub detail: ActivityOrgDetail,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityOrgDetail {
    pub ok: ActivityOrgEntityDetail,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityOrgEntityDetail {
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityLoginEntity {
    pub r#type: LoginWord,
    pub content: ActivityLoginContent,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LoginWord {
    Login,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityLoginContent {
    #[schema(format = "uuid")]
    pub id: String,
    pub detail: ActivityLoginDetail,
}

/// The login, or an error if it no longer exists.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityLoginDetail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<ActivityLoginEntityDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<HttpError>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityLoginEntityDetail {
    pub name: String,
    pub email: String,
    #[schema(format = "uuid")]
    pub realm_id: String,
}

/// Free JSON, as the engine takes extras.
pub(crate) type Object = Map<String, Value>;
