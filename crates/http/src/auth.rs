//! Authentication of requests.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use roster_engine::{Acceptance, Caller, Credentials, Error, InvitationPreview, LoggedIn, RequestScope, Surface};

use crate::context::Context;
use crate::{AT_LEAST, App, Failure, RequestError};

/// What a request carries in the place where the surface expects the caller's secret.
#[derive(Clone, PartialEq, Eq)]
pub enum PresentedSecret {
    /// Nothing: treated as no key.
    Missing,
    /// Something that can't be a secret: treated as a wrong key. A surface that answers such callers like those without a key
    /// returns `Missing`.
    Malformed,
    Secret(String),
}

impl std::fmt::Debug for PresentedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "Missing",
            Self::Malformed => "Malformed",
            Self::Secret(_) => "Secret(…)",
        })
    }
}

/// The secret of `Authorization: Bearer SECRET`; the scheme is case-insensitive.
pub fn bearer(headers: &HeaderMap) -> PresentedSecret {
    let Some(value) = headers.get(AUTHORIZATION) else { return PresentedSecret::Missing };
    let Ok(value) = value.to_str() else { return PresentedSecret::Malformed };
    match value.trim().split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => {
            PresentedSecret::Secret(secret.trim_start().to_owned())
        }
        _ => PresentedSecret::Malformed,
    }
}

/// The caller, authenticated by the engine. This and [`Authenticator`] are a handler's only access to the engine's operations.
#[derive(Debug)]
pub struct Authenticated(pub Caller);

/// For the few operations whose callers authenticate in the body: by a secret, or by address and password.
#[derive(Debug)]
pub struct Authenticator {
    app: App,
    surface: Surface,
    scope: RequestScope,
}

impl Authenticator {
    /// Authenticates by a secret; `None` means that none was sent.
    pub async fn authenticate(self, secret: Option<&str>) -> Result<Caller, Error> {
        self.app.engine.authenticate(self.surface, secret, self.scope).await
    }

    /// Logs in by e-mail address and password.
    pub async fn log_in(self, credentials: Credentials) -> Result<LoggedIn, Error> {
        self.app.engine.log_in(self.surface, credentials, self.scope).await
    }

    /// Logs in by the secret of a login link.
    pub async fn use_link(self, secret: &str, agent: Option<String>) -> Result<LoggedIn, Error> {
        self.app.engine.use_link(self.surface, secret, agent, self.scope).await
    }

    /// Accepts an invitation by its secret and the address that it is to.
    pub async fn accept(self, acceptance: Acceptance) -> Result<LoggedIn, Error> {
        self.app.engine.accept(self.surface, acceptance, self.scope).await
    }

    /// What an invitation offers, by its secret.
    pub async fn preview_invitation(&self, secret: &str) -> Result<InvitationPreview, Error> {
        self.app.engine.preview_invitation(secret).await
    }
}

impl FromRequestParts<App> for Authenticator {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let context = Context::of(&parts.extensions)?;
        // No idempotency key: the answer may hold a secret and must not be stored for a repeated request.
        let scope = RequestScope { position: context.position.clone(), ..RequestScope::default() };
        Ok(Self { app: app.clone(), surface: context.spec.surface, scope })
    }
}

impl FromRequestParts<App> for Authenticated {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let context = Context::of(&parts.extensions)?;
        let secret = match (context.spec.secret)(&parts.headers) {
            PresentedSecret::Missing => None,
            PresentedSecret::Malformed => return Err(Error::bad_credential().into()),
            PresentedSecret::Secret(secret) => Some(secret),
        };
        // A bad header is reported only after authentication succeeded.
        let (idempotency, mut refused) = match context.idempotency.clone() {
            Ok(key) => (key, None),
            Err(error) => (None, Some(error)),
        };
        let at_least = at_least(&parts.headers).unwrap_or_else(|error| {
            refused.get_or_insert(error);
            0
        });
        let scope = RequestScope { position: context.position.clone(), at_least, idempotency };
        let caller = app.engine.authenticate(context.spec.surface, secret.as_deref(), scope).await?;
        if let Some(error) = refused {
            return Err(error.into());
        }
        let Some(user) = context.spec.act_as.and_then(|name| parts.headers.get(name)) else { return Ok(Self(caller)) };
        // A value that isn't text can't be anyone's id.
        Ok(Self(caller.act_as(user.to_str().unwrap_or_default().trim()).await?))
    }
}

/// The log position that the answer must reflect (`Roster-At-Least`); 0 if none is given.
fn at_least(headers: &HeaderMap) -> Result<i64, RequestError> {
    let Some(value) = headers.get(AT_LEAST) else { return Ok(0) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok()).filter(|number| *number >= 0);
    number.ok_or_else(|| RequestError::invalid("Roster-At-Least", "must be a sequence number, as in Roster-Sequence"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_in_any_case() {
        let found = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().expect("a header value"));
            bearer(&headers)
        };
        assert_eq!(found("Bearer k"), PresentedSecret::Secret("k".into()));
        assert_eq!(found("bEARER  k"), PresentedSecret::Secret("k".into()));
        assert_eq!(found("Bearer"), PresentedSecret::Malformed);
        assert_eq!(found("Basic k"), PresentedSecret::Malformed);
        assert_eq!(bearer(&HeaderMap::new()), PresentedSecret::Missing);
    }
}
