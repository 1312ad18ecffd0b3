//! Users. What only this vendor has of them is kept in their extras.

use roster_engine::id::AddressId;
use roster_engine::{Address, AddressKind, Error, Form, Metadata, NewUser, Timestamp, User, UserPatch, UserStatus};
use roster_http::Failure;
use serde_json::Value;

use super::{DIALECT, id, user_id};
use crate::body::{replaced, time};
use crate::error::IDENTIFIER;
use crate::session::Session;
use crate::wire;

fn verification(address: &Address) -> Option<wire::Verification> {
    address.verified.then_some(wire::Verification {
        object: "verification_admin",
        status: "verified",
        strategy: "admin",
        attempts: None,
        expire_at: None,
    })
}

fn email(address: &Address) -> wire::EmailAddress {
    wire::EmailAddress {
        object: "email_address",
        id: id(address.id),
        email_address: address.value.clone(),
        reserved: false,
        verification: verification(address),
        linked_to: Vec::new(),
        created_at: address.created.as_ms(),
        updated_at: address.created.as_ms(),
    }
}

fn phone(address: &Address) -> wire::PhoneNumber {
    wire::PhoneNumber {
        object: "phone_number",
        id: id(address.id),
        phone_number: address.value.clone(),
        reserved_for_second_factor: false,
        default_second_factor: false,
        reserved: false,
        verification: verification(address),
        linked_to: Vec::new(),
        backup_codes: None,
        created_at: address.created.as_ms(),
        updated_at: address.created.as_ms(),
    }
}

pub(crate) fn user(session: &Session, u: &User) -> wire::User {
    let shown = user_id(u);
    let of = |kind| u.addresses.iter().filter(move |address| address.kind == kind);
    let primary = |kind| of(kind).find(|address| address.primary).map(|address| id(address.id));
    let own = |key: &str| u.extras.of(DIALECT).and_then(|own| own.get(key));
    let flag = |key: &str, default| own(key).and_then(Value::as_bool).unwrap_or(default);
    let number = |key: &str| own(key).and_then(Value::as_i64);
    wire::User {
        object: "user",
        external_id: u.external_id.clone(),
        username: u.username.clone(),
        first_name: u.first_name.clone(),
        last_name: u.last_name.clone(),
        locale: u.locale.clone(),
        primary_email_address_id: primary(AddressKind::Email),
        primary_phone_number_id: primary(AddressKind::Phone),
        primary_web3_wallet_id: None,
        profile_image_url: session.image(u.id),
        image_url: session.image(u.id),
        id: shown,
        has_image: false,
        public_metadata: u.public.clone(),
        private_metadata: u.private.clone(),
        unsafe_metadata: u.open.clone(),
        email_addresses: of(AddressKind::Email).map(email).collect(),
        phone_numbers: of(AddressKind::Phone).map(phone).collect(),
        web3_wallets: Vec::new(),
        passkeys: Vec::new(),
        external_accounts: Vec::new(),
        saml_accounts: Vec::new(),
        enterprise_accounts: Vec::new(),
        password_enabled: flag("password_enabled", false),
        two_factor_enabled: false,
        totp_enabled: false,
        backup_code_enabled: false,
        mfa_enabled_at: None,
        mfa_disabled_at: None,
        last_sign_in_at: None,
        last_active_at: u.last_active.map(Timestamp::as_ms),
        legal_accepted_at: number("legal_accepted_at"),
        banned: !u.is_active(),
        locked: flag("locked", false),
        lockout_expires_in_seconds: None,
        verification_attempts_remaining: None,
        delete_self_enabled: flag("delete_self_enabled", true),
        create_organization_enabled: flag("create_organization_enabled", true),
        create_organizations_limit: number("create_organizations_limit"),
        created_at: u.created.as_ms(),
        updated_at: u.updated.as_ms(),
    }
}

const fn status(banned: bool) -> UserStatus {
    if banned { UserStatus::Inactive } else { UserStatus::Active }
}

/// What is kept in extras, of what both bodies may say.
struct Own {
    password: bool,
    locked: Option<bool>,
    delete_self_enabled: Option<bool>,
    create_organization_enabled: Option<bool>,
    create_organizations_limit: Option<i64>,
    legal_accepted_at: Option<String>,
}

impl Own {
    fn extras(self) -> Result<Metadata, Failure> {
        let legal = time("legal_accepted_at", self.legal_accepted_at.as_deref())?;
        let said = [
            ("password_enabled", self.password.then_some(Value::Bool(true))),
            ("locked", self.locked.map(Value::Bool)),
            ("delete_self_enabled", self.delete_self_enabled.map(Value::Bool)),
            ("create_organization_enabled", self.create_organization_enabled.map(Value::Bool)),
            ("create_organizations_limit", self.create_organizations_limit.map(Value::from)),
            ("legal_accepted_at", legal.map(|time| Value::from(time.as_ms()))),
        ];
        Ok(said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
    }
}

pub(crate) fn new_user(body: wire::CreateUser) -> Result<NewUser, Failure> {
    let emails = body.email_address.unwrap_or_default();
    let phones = body.phone_number.unwrap_or_default();
    let username = body.username.filter(|name| !name.is_empty());
    let known = !emails.is_empty() || !phones.is_empty() || username.is_some();
    if !known && body.skip_user_requirement != Some(true) {
        return Err(Error::invalid(IDENTIFIER, "an e-mail address, a phone number or a user name is needed").into());
    }
    let own = Own {
        password: body.password.is_some() || body.password_digest.is_some(),
        locked: body.locked,
        delete_self_enabled: body.delete_self_enabled,
        create_organization_enabled: body.create_organization_enabled,
        create_organizations_limit: body.create_organizations_limit,
        legal_accepted_at: body.legal_accepted_at,
    };
    let mut emails = emails.into_iter();
    let mut new = NewUser {
        email: emails.next(),
        other_emails: emails.collect(),
        phones,
        username,
        external_id: body.external_id,
        first_name: body.first_name,
        last_name: body.last_name,
        locale: body.locale,
        status: status(body.banned == Some(true)),
        public: body.public_metadata.unwrap_or_default(),
        private: body.private_metadata.unwrap_or_default(),
        open: body.unsafe_metadata.unwrap_or_default(),
        created: time("created_at", body.created_at.as_deref())?,
        ..NewUser::default()
    };
    new.extras.merge(DIALECT, &own.extras()?);
    Ok(new)
}

/// The user's address that an id names. One of the other kind is as unknown as one that the user doesn't have.
fn address(user: &User, kind: AddressKind, text: &str) -> Result<AddressId, Error> {
    let id = Form::read_any::<AddressId>(text);
    let found = user.addresses.iter().find(|address| address.kind == kind && Some(address.id) == id);
    let field = match kind {
        AddressKind::Email => "primary_email_address_id",
        AddressKind::Phone => "primary_phone_number_id",
    };
    found.map(|address| address.id).ok_or(Error::invalid(field, "is no address of this user"))
}

/// `before`: whose addresses the body may name.
pub(crate) fn user_patch(before: &User, body: wire::UpdateUser) -> Result<UserPatch, Failure> {
    let own = Own {
        password: body.password.is_some() || body.password_digest.is_some(),
        locked: body.locked,
        delete_self_enabled: body.delete_self_enabled,
        create_organization_enabled: body.create_organization_enabled,
        create_organizations_limit: body.create_organizations_limit,
        legal_accepted_at: body.legal_accepted_at,
    };
    let extras = own.extras()?;
    let primary =
        [(AddressKind::Email, body.primary_email_address_id), (AddressKind::Phone, body.primary_phone_number_id)];
    let named = primary.iter().filter_map(|(kind, id)| Some(address(before, *kind, id.as_deref()?)));
    Ok(UserPatch {
        username: body.username.map(|name| name.filter(|name| !name.is_empty())),
        external_id: body.external_id,
        first_name: body.first_name,
        last_name: body.last_name,
        locale: body.locale,
        primary: named.collect::<Result<_, _>>()?,
        status: body.banned.map(status),
        public: replaced(body.public_metadata),
        private: replaced(body.private_metadata),
        open: replaced(body.unsafe_metadata),
        extras: Some((DIALECT, extras)).filter(|(_, extras)| !extras.is_empty()),
        ..UserPatch::default()
    })
}
