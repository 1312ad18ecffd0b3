//! API keys are organization tokens that act as an admin, as far as their scopes go.

use std::collections::HashMap;

use roster_engine::{
    EntityId as _, Error, Extras, IssuedToken, Metadata, NewToken, Organization, OrganizationRef, RoleCatalog,
    RoleNumber, RoleSet, Timestamp, Token, TokenKind, UserId, UserRef,
};

use crate::map::scopes::{self, Scope};
use crate::map::{DIALECT, SURFACE, organization_id};
use crate::wire::UserApiKey;

/// How far ahead an expiry must be, in milliseconds.
const EXPIRY_MIN_MS: i64 = 60_000;
const RESOURCE: &str = "resourceId";

/// The parameters of a new key.
#[derive(Debug)]
pub(crate) struct KeyRequest {
    pub scopes: Vec<Scope>,
    pub expires: Option<Timestamp>,
    pub resource_id: Option<String>,
    pub alias: Option<String>,
}

/// The scopes with these names; the default ones if there are no names.
pub(crate) fn read_scopes(names: &[&str], internal_too: bool) -> Result<Vec<Scope>, Error> {
    if names.is_empty() {
        return Ok(vec![scopes::DEFAULT]);
    }
    let read = |name: &&str| {
        let known = Scope::from_name(name).filter(|scope| internal_too || !scope.is_internal());
        known.ok_or_else(|| Error::invalid("scopes", format!("can't hold {name:?}")))
    };
    names.iter().map(read).collect()
}

pub(crate) fn read_expiry(ms: i64, now: Timestamp) -> Result<Timestamp, Error> {
    if ms > now.plus_ms(EXPIRY_MIN_MS).as_ms() {
        Ok(Timestamp::from_ms(ms))
    } else {
        Err(Error::invalid("expires_at", "must be more than 60 seconds ahead"))
    }
}

pub(crate) fn new_token(organization: &Organization, user: Option<UserRef>, request: KeyRequest) -> NewToken {
    let names: Vec<&str> = request.scopes.iter().map(|scope| scope.name()).collect();
    let mut own = Metadata::new();
    own.insert(scopes::SCOPES.into(), names.into());
    if let Some(resource) = request.resource_id {
        own.insert(RESOURCE.into(), resource.into());
    }
    let mut extras = Extras::default();
    extras.merge(DIALECT, &own);
    NewToken {
        organization: Some(OrganizationRef::Id(organization.id)),
        user,
        roles: RoleSet::of(RoleNumber::ADMIN),
        scopes: Some(scopes::permissions(&request.scopes)),
        name: request.alias.filter(|alias| !alias.is_empty()),
        expires: request.expires,
        extras,
        ..NewToken::new(TokenKind::Organization)
    }
}

/// Renames the fields in an error about a new token to those of this surface.
pub(crate) fn refused(error: Error) -> Error {
    match error {
        Error::Invalid { field, problem } if field == "name" => Error::invalid("token_name", problem),
        other => other,
    }
}

/// The ids that users are shown by.
pub(crate) type Shown = HashMap<UserId, String>;

/// The user of a key. One that was made for no user shows a user that doesn't exist, since the clients require one.
pub(crate) fn key_user(token: &Token, users: &Shown) -> String {
    let user = token.user.unwrap_or_else(|| UserId::from_raw(token.id.raw()));
    users.get(&user).cloned().unwrap_or_else(|| SURFACE.show(user, &roster_engine::Aliases::default()))
}

/// `users`: the users of the keys, as far as they exist.
pub(crate) fn api_key(catalog: &RoleCatalog, organization: &Organization, token: &Token, users: &Shown) -> UserApiKey {
    UserApiKey {
        key: None,
        key_id: SURFACE.show(token.id, &roster_engine::Aliases::default()),
        org_id: organization_id(organization),
        user_id: key_user(token, users),
        creation_time: token.created.rfc3339(),
        expiration_time: token.expires.map(Timestamp::rfc3339),
        last_used_time: token.last_used.map(Timestamp::rfc3339),
        scopes: Some(scopes::shown(&catalog.of_token(token), token)),
        resource_id: token.extras.text(DIALECT, RESOURCE).map(str::to_owned),
        alias: token.name.clone(),
        revoked: token.revoked.is_some(),
    }
}

/// The only answer that shows the key: `ID.SECRET:ORGANIZATION`, 64 characters before the colon.
pub(crate) fn issued_key(
    catalog: &RoleCatalog,
    organization: &Organization,
    issued: IssuedToken,
    users: &Shown,
) -> UserApiKey {
    let mut shown = api_key(catalog, organization, &issued.token, users);
    shown.key = issued.secret.map(|secret| format!("{}.{secret}:{}", shown.key_id, shown.org_id));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_and_expiry() {
        assert_eq!(read_scopes(&[], false).expect("the default"), [Scope::User]);
        assert_eq!(read_scopes(&[":write_data", ":user"], false).expect("known").len(), 2);
        assert!(read_scopes(&[":nonsense"], true).is_err());
        assert!(read_scopes(&[":whylabs_system"], true).is_ok());
        assert!(read_scopes(&[":whylabs_system"], false).is_err());
        let now = Timestamp::from_ms(1_795_327_200_000);
        assert!(read_expiry(now.as_ms() + 60_000, now).is_err());
        assert!(read_expiry(now.as_ms() + 60_001, now).is_ok());
    }
}
