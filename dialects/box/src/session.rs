//! Who calls: a user, or the enterprise's service account, on his own behalf or, for admins, as another.

use axum::extract::FromRequestParts;
use http::request::Parts;
use roster_engine::{BuiltIn as P, Caller, EntityId as _, Error, OrganizationId, Subject, UserId, UserRef};
use roster_http::{App, Authenticated, Failure};

use crate::map;

const AS_USER: &str = "As-User";

/// The caller, as whom he says.
#[derive(Debug)]
pub(crate) struct Session(pub(crate) Caller);

impl FromRequestParts<App> for Session {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        let Some(id) = parts.headers.get(AS_USER) else { return Ok(Self(caller)) };
        // What isn't text is nobody's id. Who may not isn't told whether it is anybody's.
        let id = id.to_str().unwrap_or_default().trim();
        caller.realm_for(P::UsersActAs).await?;
        if map::is_service_account(&caller, id) {
            // It may do everything: no admin becomes it by a header.
            return if caller.is_realm() { Ok(Self(caller)) } else { Err(refusal(P::UsersActAs).into()) };
        }
        Ok(Self(caller.act_as(map::user_ref(id)?).await?))
    }
}

pub(crate) fn refusal(permission: P) -> Error {
    Error::Forbidden(permission.key().into())
}

/// Whom a path means by the id of a user.
#[derive(Clone, Debug)]
pub(crate) enum Whom {
    ServiceAccount,
    User(UserRef),
}

impl Whom {
    fn of(caller: &Caller, id: &str) -> Result<Self, Error> {
        match id {
            "me" if caller.is_realm() => Ok(Self::ServiceAccount),
            "me" => Ok(Self::User(UserRef::Me)),
            id if map::is_service_account(caller, id) => Ok(Self::ServiceAccount),
            id => map::user_ref(id).map(Self::User),
        }
    }

    /// To look at: anyone for admins, else oneself.
    pub(crate) async fn to_read(caller: &Caller, id: &str) -> Result<Self, Error> {
        let own = id == "me" || caller.me().await?.is_some_and(|me| map::user_id(&me) == id);
        if !own {
            admin(caller).await?;
        }
        Self::of(caller, id)
    }

    /// To change or delete: for admins, and not the service account.
    pub(crate) async fn to_write(caller: &Caller, id: &str) -> Result<UserRef, Error> {
        admin(caller).await?;
        match Self::of(caller, id)? {
            Self::ServiceAccount => Err(refusal(P::UsersWrite)),
            Self::User(user) => Ok(user),
        }
    }
}

/// Users are the business of the enterprise's admins. The engine lets some roles read them that are no admins; Box doesn't.
pub(crate) async fn admin(caller: &Caller) -> Result<(), Error> {
    caller.realm_for(P::UsersWrite).await.map(drop)
}

/// A refusal that names what is there already by the id that clients know it by. Ids are numbers here: for what brought along one that
/// isn't, our own stays, which is taken too.
pub(crate) async fn naming<T>(caller: &Caller, done: Result<T, Error>) -> Result<T, Error> {
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
