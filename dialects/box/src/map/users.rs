//! Users. Fields that only this vendor has are kept in their extras, under the vendor's names.

use roster_engine::{
    EntityId as _, Error, Extras, Metadata, NewUser, Realm, RoleNumber, RoleSet, User, UserId, UserPatch, UserStatus,
    metadata, text, user_of_placeholder,
};
use roster_http::{Failure, RequestError};
use serde_json::{Value, json};

use super::{DIALECT, is_computed, login, time, user_id};
use crate::wire::{self, Enterprise, EnterpriseRole, Flags, GivenRole, Status, UserBody, UserMini};

const NAME_MAX: usize = 50;
const STATUS: &str = "status";

pub(crate) fn mini(user: &User) -> UserMini {
    UserMini { kind: "user", id: user_id(user), name: user.name.clone(), login: login(user) }
}

/// The enterprise's service account, shown as a user although it has no row.
pub(crate) fn service_account(realm: &Realm) -> User {
    User::new(realm.id.service_account(), format!("Service account of {}", realm.name), realm.created)
}

pub(crate) fn enterprise(realm: &Realm) -> Enterprise {
    Enterprise { kind: "enterprise", id: realm.id.raw().to_string(), name: realm.name.clone() }
}

/// The enterprise role, from the roles held at the realm's root.
pub(crate) fn role(held: RoleSet) -> EnterpriseRole {
    if held.contains(RoleNumber::OWNER) {
        EnterpriseRole::Admin
    } else if held.contains(RoleNumber::ADMIN) {
        EnterpriseRole::Coadmin
    } else {
        EnterpriseRole::User
    }
}

fn kept<T: serde::de::DeserializeOwned>(user: &User, name: &str) -> Option<T> {
    serde_json::from_value(user.extras.of(DIALECT)?.get(name)?.clone()).ok()
}

fn status(user: &User) -> Status {
    match user.status {
        UserStatus::Inactive => Status::Inactive,
        UserStatus::Active => kept(user, STATUS).unwrap_or(Status::Active),
    }
}

pub(crate) fn user(user: &User, role: EnterpriseRole, enterprise: Option<Enterprise>) -> wire::User {
    let text = |name| user.extras.text(DIALECT, name).unwrap_or_default().to_owned();
    let extras = user.extras.of(DIALECT).cloned().unwrap_or_default();
    wire::User {
        mini: mini(user),
        created_at: time(user.created),
        modified_at: time(user.updated),
        language: user.locale.clone().unwrap_or_else(|| "en".into()),
        timezone: kept(user, "timezone").unwrap_or_else(|| "UTC".into()),
        space_amount: kept(user, "space_amount").unwrap_or(-1),
        space_used: 0,
        max_upload_size: 0,
        status: status(user),
        job_title: text("job_title"),
        phone: text("phone"),
        address: text("address"),
        avatar_url: "",
        notification_email: None,
        role,
        tracking_codes: kept(user, "tracking_codes").unwrap_or_default(),
        external_app_user_id: user.external_id.clone(),
        my_tags: Vec::new(),
        hostname: "",
        enterprise,
        flags: serde_json::from_value::<Flags>(Value::Object(extras)).unwrap_or_default(),
    }
}

fn extras(body: &UserBody) -> Result<Metadata, Failure> {
    let mut extras = Metadata::new();
    for (name, sent, max) in [
        ("job_title", &body.job_title, 100),
        ("phone", &body.phone, 100),
        ("address", &body.address, 255),
        ("timezone", &body.timezone, 100),
    ] {
        let Some(sent) = sent else { continue };
        text::free(sent, max).map_err(|problem| RequestError::invalid(name, problem))?;
        let value = if sent.is_empty() { Value::Null } else { sent.as_str().into() };
        extras.insert(name.into(), value);
    }
    for (name, sent) in [
        ("can_see_managed_users", body.can_see_managed_users),
        ("is_sync_enabled", body.is_sync_enabled),
        ("is_external_collab_restricted", body.is_external_collab_restricted),
        ("is_exempt_from_device_limits", body.is_exempt_from_device_limits),
        ("is_exempt_from_login_verification", body.is_exempt_from_login_verification),
        ("is_platform_access_only", body.is_platform_access_only),
    ] {
        if let Some(sent) = sent {
            extras.insert(name.into(), sent.into());
        }
    }
    if let Some(amount) = body.space_amount {
        extras.insert("space_amount".into(), amount.into());
    }
    if let Some(codes) = &body.tracking_codes {
        extras.insert("tracking_codes".into(), json!(codes));
    }
    if let Some(status) = body.status {
        // The other two are Roster's own.
        let only_ours = matches!(status, Status::Active | Status::Inactive);
        extras.insert(STATUS.into(), if only_ours { Value::Null } else { json!(status) });
    }
    metadata::check(&extras).map_err(|problem| RequestError::invalid("tracking_codes", problem))?;
    Ok(extras)
}

fn check_name(name: &str) -> Result<(), RequestError> {
    let problem = match text::free(name, NAME_MAX) {
        Ok(name) if name.trim().is_empty() => "must not be blank",
        Ok(_) => return Ok(()),
        Err(problem) => problem,
    };
    Err(RequestError::invalid("name", problem))
}

const fn engine_status(status: Status) -> UserStatus {
    match status {
        Status::Inactive => UserStatus::Inactive,
        Status::Active | Status::CannotDeleteEdit | Status::CannotDeleteEditUpload => UserStatus::Active,
    }
}

/// A new address for a user. Refuses those that look like a computed one.
fn new_login(login: String) -> Result<String, RequestError> {
    if is_computed(&login) {
        return Err(RequestError::invalid("login", "stands for a user who has no e-mail address"));
    }
    Ok(login)
}

pub(crate) fn new_user(body: UserBody) -> Result<NewUser, Failure> {
    let mut kept = Extras::default();
    kept.merge(DIALECT, &extras(&body)?);
    let name = body.name.ok_or_else(|| RequestError::missing("name"))?;
    check_name(&name)?;
    let email = body.login.map(new_login).transpose()?;
    if email.is_none() && body.is_platform_access_only != Some(true) {
        return Err(RequestError::missing("login").into());
    }
    Ok(NewUser {
        name: Some(name),
        email,
        external_id: body.external_app_user_id.flatten(),
        status: body.status.map(engine_status).unwrap_or_default(),
        locale: body.language,
        realm_admin: body.role == Some(GivenRole::Coadmin),
        extras: kept,
        ..NewUser::default()
    })
}

/// The requested changes. The computed address of `user`, written back, is not a change.
pub(crate) fn user_patch(user: UserId, body: UserBody) -> Result<UserPatch, Failure> {
    if body.enterprise == Some(None) {
        return Err(Error::Forbidden("users who are in no enterprise".into()).into());
    }
    let extras = extras(&body)?;
    body.name.as_deref().map(check_name).transpose()?;
    let login = body.login.filter(|login| user_of_placeholder(login) != Some(user));
    Ok(UserPatch {
        name: body.name,
        email: login.map(new_login).transpose()?.map(Some),
        external_id: body.external_app_user_id,
        status: body.status.map(engine_status),
        locale: body.language.map(Some),
        realm_admin: body.role.map(|role| role == GivenRole::Coadmin),
        extras: Some((DIALECT, extras)),
        ..UserPatch::default()
    })
}
