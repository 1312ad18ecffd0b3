//! What goes over the wire, with the vendor's names.

mod groups;
mod users;

pub(crate) use groups::*;
pub(crate) use users::*;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// For fields that may be omitted but must not be `null`.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// For fields that distinguish absent, `null` and a value.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// An error under `/2.0`, for any status.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// Always `error`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub status: u16,
    pub code: &'static str,
    pub context_info: Option<ContextInfo>,
    pub help_url: &'static str,
    pub message: String,
    pub request_id: String,
}

#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ContextInfo {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ParameterError>,
    /// The existing objects that conflict with the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ParameterError {
    /// `missing_parameter` or `invalid_parameter`.
    pub reason: &'static str,
    pub name: String,
    pub message: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Conflict {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: String,
}

/// An error under `/oauth2`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OAuthError {
    pub error: &'static str,
    pub error_description: String,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The number of items on all pages.
    pub total_count: u64,
    /// The limit that was applied, which may be lower than the one requested.
    pub limit: u64,
    pub offset: u64,
    pub entries: Vec<T>,
}

/// One page of a list that is paged by markers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MarkerPage {
    pub limit: u64,
    /// The `marker` of the next page; `null` on the last page.
    pub next_marker: Option<String>,
    pub entries: Vec<Value>,
}

// Memberships

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub(crate) enum Role {
    Admin,
    #[default]
    Member,
}

roster_http::words!(Role);

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupMembership {
    /// Always `group_membership`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: String,
    pub user: UserMini,
    pub group: GroupMini,
    pub role: Role,
    pub configurable_permissions: ConfigurablePermissions,
    pub created_at: String,
    pub modified_at: String,
}

impl GroupMembership {
    pub(crate) const LISTED: [&str; 5] = ["user", "group", "role", "created_at", "modified_at"];
    pub(crate) const STANDARD: [&str; 6] =
        ["user", "group", "role", "configurable_permissions", "created_at", "modified_at"];
}

/// The permissions of a group admin. For a member, all are `false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the vendor's words")]
pub(crate) struct ConfigurablePermissions {
    pub can_run_reports: bool,
    pub can_instant_login: bool,
    pub can_create_accounts: bool,
    pub can_edit_accounts: bool,
}

/// Omitted permissions are `true`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "Map<String, Value>")]
#[expect(clippy::struct_field_names, reason = "the vendor's words")]
pub(crate) struct ConfigurablePermissionsBody {
    pub can_run_reports: Option<bool>,
    pub can_instant_login: Option<bool>,
    pub can_create_accounts: Option<bool>,
    pub can_edit_accounts: Option<bool>,
}

// By hand, since serde would take an array for the object and name the key inside, not the field that is at fault.
impl TryFrom<Map<String, Value>> for ConfigurablePermissionsBody {
    type Error = &'static str;

    fn try_from(object: Map<String, Value>) -> Result<Self, Self::Error> {
        let mut body = Self::default();
        for (key, value) in object {
            let place = match key.as_str() {
                "can_run_reports" => &mut body.can_run_reports,
                "can_instant_login" => &mut body.can_instant_login,
                "can_create_accounts" => &mut body.can_create_accounts,
                "can_edit_accounts" => &mut body.can_edit_accounts,
                _ => return Err("has a key that is not known"),
            };
            *place = Some(value.as_bool().ok_or("must hold true or false for each key")?);
        }
        Ok(body)
    }
}

/// A reference to a user or group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(try_from = "Map<String, Value>")]
pub(crate) struct Reference {
    pub id: String,
}

impl TryFrom<Map<String, Value>> for Reference {
    type Error = &'static str;

    fn try_from(object: Map<String, Value>) -> Result<Self, Self::Error> {
        let id = object.get("id").and_then(Value::as_str).ok_or("must have an id, which is a string")?;
        Ok(Self { id: id.to_owned() })
    }
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateGroupMembership {
    pub user: Reference,
    pub group: Reference,
    #[serde(default)]
    pub role: Role,
    /// `null` sets all permissions to `false`.
    #[serde(default, deserialize_with = "nullable")]
    pub configurable_permissions: Option<Option<ConfigurablePermissionsBody>>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct UpdateGroupMembership {
    #[serde(default, deserialize_with = "present")]
    pub role: Option<Role>,
    /// `null` sets all permissions to `false`.
    #[serde(default, deserialize_with = "nullable")]
    pub configurable_permissions: Option<Option<ConfigurablePermissionsBody>>,
}

// Tokens

#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the vendor's words")]
pub(crate) struct AccessToken {
    pub access_token: String,
    /// The remaining lifetime in seconds.
    pub expires_in: i64,
    /// Always empty: tokens are never restricted to files.
    pub restricted_to: Vec<String>,
    pub token_type: &'static str,
}

/// The empty response of a successful operation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Empty {}

#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the description's; forms are read field by field")]
pub(crate) struct TokenForm {
    /// Must be `client_credentials`.
    pub grant_type: String,
    pub client_id: String,
    /// A key with full rights in the realm.
    pub client_secret: String,
    /// `enterprise` or `user`.
    pub box_subject_type: String,
    pub box_subject_id: String,
}

#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the description's; forms are read field by field")]
pub(crate) struct RevokeForm {
    pub client_id: String,
    pub client_secret: String,
    pub token: String,
}
