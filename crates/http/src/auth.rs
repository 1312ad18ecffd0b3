//! Who is calling.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use roster_engine::{Acceptance, Caller, Credentials, Entered, Error, Promise, RequestScope, Surface};

use crate::context::Context;
use crate::{AT_LEAST, App, Failure, Frame};

/// What a request has in the place where the surface keeps the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretFound {
    /// Nothing: as if no key was sent.
    Missing,
    /// Something that can't be a secret: as if a wrong key was sent. A surface that tells such callers the same as those
    /// without a key says `Missing`.
    Malformed,
    Secret(String),
}

impl std::fmt::Debug for SecretFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "Missing",
            Self::Malformed => "Malformed",
            Self::Secret(_) => "Secret(…)",
        })
    }
}

/// The secret of `Authorization: Bearer SECRET`, the scheme in any letter case.
pub fn bearer(headers: &HeaderMap) -> SecretFound {
    let Some(value) = headers.get(AUTHORIZATION) else { return SecretFound::Missing };
    let Ok(value) = value.to_str() else { return SecretFound::Malformed };
    match value.trim().split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => {
            SecretFound::Secret(secret.trim_start().to_owned())
        }
        _ => SecretFound::Malformed,
    }
}

/// The caller, known to the engine. This and [`Authenticator`] are the only ways from a handler to the engine's operations.
#[derive(Debug)]
pub struct Authenticated(pub Caller);

/// For the few operations whose callers show in the body who they are: by a secret, or by address and password.
#[derive(Debug)]
pub struct Authenticator {
    app: App,
    surface: Surface,
    scope: RequestScope,
}

impl Authenticator {
    /// The caller with this secret; `None` is no secret.
    pub async fn authenticate(self, secret: Option<&str>) -> Result<Caller, Error> {
        self.app.engine.authenticate(self.surface, secret, self.scope).await
    }

    /// Whoever has this address and this password.
    pub async fn log_in(self, credentials: Credentials) -> Result<Entered, Error> {
        self.app.engine.log_in(self.surface, credentials, self.scope).await
    }

    /// Whoever has the secret of a login link.
    pub async fn use_link(self, secret: &str, agent: Option<String>) -> Result<Entered, Error> {
        self.app.engine.use_link(self.surface, secret, agent, self.scope).await
    }

    /// Whoever has the secret and the address of an invitation.
    pub async fn accept(self, acceptance: Acceptance) -> Result<Entered, Error> {
        self.app.engine.accept(self.surface, acceptance, self.scope).await
    }

    /// What an invitation promises to whoever has its secret.
    pub async fn promise(&self, secret: &str) -> Result<Promise, Error> {
        self.app.engine.promise(secret).await
    }
}

impl FromRequestParts<App> for Authenticator {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let context = Context::of(&parts.extensions)?;
        // What is answered may hold a secret and isn't remembered for a repeated request.
        let scope = RequestScope { position: context.position.clone(), ..RequestScope::default() };
        Ok(Self { app: app.clone(), surface: context.spec.surface, scope })
    }
}

impl FromRequestParts<App> for Authenticated {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let context = Context::of(&parts.extensions)?;
        let secret = match (context.spec.secret)(&parts.headers) {
            SecretFound::Missing => None,
            SecretFound::Malformed => return Err(Error::bad_credential().into()),
            SecretFound::Secret(secret) => Some(secret),
        };
        // A bad header is told to those only who may call at all.
        let (idempotency, mut refused) = match context.idempotency.clone() {
            Ok(key) => (key, None),
            Err(frame) => (None, Some(frame)),
        };
        let at_least = at_least(&parts.headers).unwrap_or_else(|frame| {
            refused.get_or_insert(frame);
            0
        });
        let scope = RequestScope { position: context.position.clone(), at_least, idempotency };
        let caller = app.engine.authenticate(context.spec.surface, secret.as_deref(), scope).await?;
        if let Some(frame) = refused {
            return Err(frame.into());
        }
        let Some(user) = context.spec.act_as.and_then(|name| parts.headers.get(name)) else { return Ok(Self(caller)) };
        // What isn't text is nobody's id.
        Ok(Self(caller.act_as(user.to_str().unwrap_or_default().trim()).await?))
    }
}

/// The position that the answer must have come to; 0 if none is named.
fn at_least(headers: &HeaderMap) -> Result<i64, Frame> {
    let Some(value) = headers.get(AT_LEAST) else { return Ok(0) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok()).filter(|number| *number >= 0);
    number.ok_or_else(|| Frame::invalid("Roster-At-Least", "must be a sequence number, as in Roster-Sequence"))
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
        assert_eq!(found("Bearer k"), SecretFound::Secret("k".into()));
        assert_eq!(found("bEARER  k"), SecretFound::Secret("k".into()));
        assert_eq!(found("Bearer"), SecretFound::Malformed);
        assert_eq!(found("Basic k"), SecretFound::Malformed);
        assert_eq!(bearer(&HeaderMap::new()), SecretFound::Missing);
    }
}
