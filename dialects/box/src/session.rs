//! Authentication: the caller is a user or the enterprise's service account; admins may act as another user (`As-User`).

use axum::extract::FromRequestParts;
use http::request::Parts;
use roster_engine::{BuiltIn as P, Caller, EntityId as _, Error, OrganizationId, Subject, UserId, UserRef};
use roster_http::{App, Authenticated, Failure};

use crate::map;

const AS_USER: &str = "As-User";

/// The caller, with `As-User` applied.
#[derive(Debug)]
pub(crate) struct Session(pub(crate) Caller);

impl FromRequestParts<App> for Session {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        // The vendor knows admins and members only: what other roles grant has no effect here.
        let caller = caller.counting_only(map::permissions::holders());
        let Some(id) = parts.headers.get(AS_USER) else { return Ok(Self(caller)) };
        // A value that isn't text can't be anyone's id. The right is checked first, so that others don't learn which ids exist.
        let id = id.to_str().unwrap_or_default().trim();
        caller.realm_for(P::UsersActAs).await?;
        if map::is_service_account(&caller, id) {
            // The service account may do everything, so no admin can become it by a header.
            return if caller.is_realm() { Ok(Self(caller)) } else { Err(refusal(P::UsersActAs).into()) };
        }
        Ok(Self(caller.act_as(map::user_ref(id)?).await?))
    }
}

pub(crate) fn refusal(permission: P) -> Error {
    Error::Forbidden(permission.key().into())
}

/// The user that an id in a path refers to.
#[derive(Clone, Debug)]
pub(crate) enum TargetUser {
    ServiceAccount,
    User(UserRef),
}

impl TargetUser {
    fn of(caller: &Caller, id: &str) -> Result<Self, Error> {
        match id {
            "me" if caller.is_realm() => Ok(Self::ServiceAccount),
            "me" => Ok(Self::User(UserRef::Me)),
            id if map::is_service_account(caller, id) => Ok(Self::ServiceAccount),
            id => map::user_ref(id).map(Self::User),
        }
    }

    /// For reading: admins may name anyone, others only themselves.
    pub(crate) async fn to_read(caller: &Caller, id: &str) -> Result<Self, Error> {
        let own = id == "me" || caller.me().await?.is_some_and(|me| map::is_id_of(&me, id));
        if !own {
            admin(caller).await?;
        }
        Self::of(caller, id)
    }

    /// For changing or deleting: admins only, and never the service account.
    pub(crate) async fn to_write(caller: &Caller, id: &str) -> Result<UserRef, Error> {
        admin(caller).await?;
        match Self::of(caller, id)? {
            Self::ServiceAccount => Err(refusal(P::UsersWrite)),
            Self::User(user) => Ok(user),
        }
    }
}

/// Only the enterprise's admins may work on users. The engine also lets some other roles read them; Box doesn't.
pub(crate) async fn admin(caller: &Caller) -> Result<(), Error> {
    caller.realm_for(P::UsersWrite).await.map(drop)
}

/// Replaces the id in an `AlreadyExists` error by the one shown to clients. If that is too large a number, Roster's own id stays,
/// which is accepted, too.
pub(crate) async fn with_shown_id<T>(caller: &Caller, done: Result<T, Error>) -> Result<T, Error> {
    let Err(Error::AlreadyExists { subject, field, id: Some(raw) }) = done else { return done };
    let (group, user) = (OrganizationId::from_raw(raw), UserId::from_raw(raw));
    let shown = match subject {
        Subject::Organization => caller.shown_organization_ids(vec![group]).await?.remove(&group),
        Subject::User => caller.shown_user_ids(vec![user]).await?.remove(&user),
        _ => None,
    };
    let shown = shown.and_then(|id| id.parse::<i64>().ok());
    Err(Error::AlreadyExists { subject, field, id: shown.or(Some(raw)) })
}
