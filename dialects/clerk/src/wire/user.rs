use roster_engine::Metadata;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A person or robot.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "as the vendor has it")]
pub(crate) struct User {
    pub object: &'static str,
    #[schema(example = "user_000000000000000000Qk3vR8aZ1b")]
    pub id: String,
    pub external_id: Option<String>,
    pub username: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub locale: Option<String>,
    pub primary_email_address_id: Option<String>,
    pub primary_phone_number_id: Option<String>,
    pub primary_web3_wallet_id: Option<String>,
    pub profile_image_url: String,
    pub image_url: String,
    pub has_image: bool,
    #[schema(value_type = Object)]
    pub public_metadata: Metadata,
    #[schema(value_type = Object)]
    pub private_metadata: Metadata,
    #[schema(value_type = Object)]
    pub unsafe_metadata: Metadata,
    pub email_addresses: Vec<EmailAddress>,
    pub phone_numbers: Vec<PhoneNumber>,
    #[schema(value_type = Vec<Object>)]
    pub web3_wallets: Nothing,
    #[schema(value_type = Vec<Object>)]
    pub passkeys: Nothing,
    #[schema(value_type = Vec<Object>)]
    pub external_accounts: Nothing,
    #[schema(value_type = Vec<Object>)]
    pub saml_accounts: Nothing,
    #[schema(value_type = Vec<Object>)]
    pub enterprise_accounts: Nothing,
    pub password_enabled: bool,
    pub two_factor_enabled: bool,
    pub totp_enabled: bool,
    pub backup_code_enabled: bool,
    pub mfa_enabled_at: Option<i64>,
    pub mfa_disabled_at: Option<i64>,
    pub last_sign_in_at: Option<i64>,
    pub last_active_at: Option<i64>,
    pub legal_accepted_at: Option<i64>,
    pub banned: bool,
    pub locked: bool,
    pub lockout_expires_in_seconds: Option<i64>,
    pub verification_attempts_remaining: Option<i64>,
    pub delete_self_enabled: bool,
    pub create_organization_enabled: bool,
    pub create_organizations_limit: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A list that is always empty, of things that Roster doesn't have.
pub(crate) type Nothing = Vec<Value>;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmailAddress {
    pub object: &'static str,
    pub id: String,
    pub email_address: String,
    pub reserved: bool,
    pub verification: Option<Verification>,
    #[schema(value_type = Vec<Object>)]
    pub linked_to: Nothing,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PhoneNumber {
    pub object: &'static str,
    pub id: String,
    pub phone_number: String,
    pub reserved_for_second_factor: bool,
    pub default_second_factor: bool,
    pub reserved: bool,
    pub verification: Option<Verification>,
    #[schema(value_type = Vec<Object>)]
    pub linked_to: Nothing,
    pub backup_codes: Option<Vec<String>>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// In the one form that all clients accept: they choose a class by it, and exactly one must match.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verification {
    pub object: &'static str,
    pub status: &'static str,
    pub strategy: &'static str,
    pub attempts: Option<i64>,
    pub expire_at: Option<i64>,
}

/// A user to create. Includes fields that are accepted but have no effect.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CreateUser {
    pub email_address: Option<Vec<String>>,
    pub phone_number: Option<Vec<String>>,
    pub username: Option<String>,
    pub external_id: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub locale: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Metadata>,
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Metadata>,
    #[schema(value_type = Option<Object>)]
    pub unsafe_metadata: Option<Metadata>,
    pub created_at: Option<String>,
    pub banned: Option<bool>,
    pub locked: Option<bool>,
    /// Not stored: only the fact that one was given.
    pub password: Option<String>,
    pub password_digest: Option<String>,
    pub delete_self_enabled: Option<bool>,
    pub create_organization_enabled: Option<bool>,
    pub create_organizations_limit: Option<i64>,
    pub legal_accepted_at: Option<String>,
    pub skip_user_requirement: Option<bool>,
    #[schema(value_type = Option<Object>)]
    pub password_hasher: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub skip_password_checks: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub skip_password_requirement: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub skip_legal_checks: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub totp_secret: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub backup_codes: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub web3_wallet: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub bypass_client_trust: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub email_address_identification_status: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub phone_number_identification_status: Option<Value>,
}

/// Omitted fields stay unchanged; `null` clears names, the user name, the external id and the locale.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UpdateUser {
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    pub username: Option<Option<String>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    pub external_id: Option<Option<String>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    pub first_name: Option<Option<String>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    pub last_name: Option<Option<String>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    pub locale: Option<Option<String>>,
    pub primary_email_address_id: Option<String>,
    pub primary_phone_number_id: Option<String>,
    /// Replaces the metadata. Only in versions before 2026-05-12.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Option<Metadata>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Option<Metadata>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub unsafe_metadata: Option<Option<Metadata>>,
    pub banned: Option<bool>,
    pub locked: Option<bool>,
    pub password: Option<String>,
    pub password_digest: Option<String>,
    pub delete_self_enabled: Option<bool>,
    pub create_organization_enabled: Option<bool>,
    pub create_organizations_limit: Option<i64>,
    pub legal_accepted_at: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub primary_web3_wallet_id: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub profile_image_id: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub notify_primary_email_address_changed: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub sign_out_of_other_sessions: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub password_hasher: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub skip_password_checks: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub skip_password_requirement: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub skip_legal_checks: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub skip_user_requirement: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub totp_secret: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub backup_codes: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub web3_wallet: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub bypass_client_trust: Option<Value>,
}

/// Merged into the existing metadata; `null` removes a key, at any depth.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MergeUserMetadata {
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Metadata>,
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Metadata>,
    #[schema(value_type = Option<Object>)]
    pub unsafe_metadata: Option<Metadata>,
}

/// Replaces the existing metadata.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReplaceUserMetadata {
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Option<Metadata>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Option<Metadata>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub unsafe_metadata: Option<Option<Metadata>>,
}
