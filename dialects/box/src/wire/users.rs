//! Users.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::nullable;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserMini {
    /// Always `user`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: String,
    pub name: String,
    pub login: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub(crate) enum Status {
    Active,
    Inactive,
    CannotDeleteEdit,
    CannotDeleteEditUpload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EnterpriseRole {
    Admin,
    Coadmin,
    User,
}

/// The roles that can be assigned. `admin` can't be assigned here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub(crate) enum GivenRole {
    Coadmin,
    User,
}

roster_http::words!(Status, GivenRole);

const TRACKING_CODE: &str = "tracking_code";

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Map<String, Value>")]
pub(crate) struct TrackingCode {
    /// `tracking_code`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub name: Option<String>,
    pub value: Option<String>,
}

// By hand, since serde would take an array for the object.
impl TryFrom<Map<String, Value>> for TrackingCode {
    type Error = &'static str;

    fn try_from(mut object: Map<String, Value>) -> Result<Self, Self::Error> {
        let mut text = |name: &str| match object.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err("must hold texts"),
        };
        // One of the clients can't read a list of users with any other type in it.
        if text("type")?.is_some_and(|kind| kind != TRACKING_CODE) {
            return Err("must be of type tracking_code");
        }
        Ok(Self { kind: Some(TRACKING_CODE.to_owned()), name: text("name")?, value: text("value")? })
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Enterprise {
    /// Always `enterprise`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: String,
    pub name: String,
}

/// A user. Roster stores no files, so fields about storage have the values that were set, or defaults.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    #[serde(flatten)]
    pub mini: UserMini,
    pub created_at: String,
    pub modified_at: String,
    pub language: String,
    pub timezone: String,
    pub space_amount: i64,
    pub space_used: i64,
    pub max_upload_size: i64,
    pub status: Status,
    pub job_title: String,
    pub phone: String,
    pub address: String,
    pub avatar_url: &'static str,
    pub notification_email: Option<Value>,
    // By `fields` only.
    pub role: EnterpriseRole,
    pub tracking_codes: Vec<TrackingCode>,
    pub external_app_user_id: Option<String>,
    pub my_tags: Vec<String>,
    pub hostname: &'static str,
    pub enterprise: Option<Enterprise>,
    #[serde(flatten)]
    pub flags: Flags,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the vendor's words")]
pub(crate) struct Flags {
    #[serde(default)]
    pub can_see_managed_users: bool,
    #[serde(default)]
    pub is_sync_enabled: bool,
    #[serde(default)]
    pub is_external_collab_restricted: bool,
    #[serde(default)]
    pub is_exempt_from_device_limits: bool,
    #[serde(default)]
    pub is_exempt_from_login_verification: bool,
    #[serde(default)]
    pub is_platform_access_only: bool,
}

impl User {
    pub(crate) const STANDARD: [&str; 15] = [
        "name",
        "login",
        "created_at",
        "modified_at",
        "language",
        "timezone",
        "space_amount",
        "space_used",
        "max_upload_size",
        "status",
        "job_title",
        "phone",
        "address",
        "avatar_url",
        "notification_email",
    ];
}

/// A user to create, or the fields of a user to change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct UserBody {
    /// 1 to 50 characters. Required to create a user.
    pub name: Option<String>,
    /// An e-mail address. Required to create a user, unless `is_platform_access_only` is set.
    pub login: Option<String>,
    pub role: Option<GivenRole>,
    pub language: Option<String>,
    pub job_title: Option<String>,
    pub phone: Option<String>,
    pub address: Option<String>,
    pub space_amount: Option<i64>,
    pub timezone: Option<String>,
    pub status: Option<Status>,
    #[serde(deserialize_with = "nullable")]
    pub external_app_user_id: Option<Option<String>>,
    pub tracking_codes: Option<Vec<TrackingCode>>,
    pub can_see_managed_users: Option<bool>,
    pub is_sync_enabled: Option<bool>,
    pub is_external_collab_restricted: Option<bool>,
    pub is_exempt_from_device_limits: Option<bool>,
    pub is_exempt_from_login_verification: Option<bool>,
    pub is_platform_access_only: Option<bool>,
    /// `null`, which would remove the user from the enterprise, is refused.
    #[serde(deserialize_with = "nullable")]
    pub enterprise: Option<Option<Value>>,
}
