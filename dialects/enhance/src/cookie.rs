//! Authentication by `Authorization: Bearer`, else by a session cookie.

use axum::extract::FromRequestParts;
use http::header::{AUTHORIZATION, COOKIE, HOST, SET_COOKIE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use roster_engine::{Caller, Error};
use roster_http::{App, Authenticated, Failure, PresentedSecret, bearer};

const NAME: &str = "id0";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Reads `Cookie: id0=SECRET`; or `Cookie: SECRET`, since the generated client omits the name.
pub(crate) fn secret(headers: &HeaderMap) -> PresentedSecret {
    if headers.contains_key(AUTHORIZATION) {
        return bearer(headers);
    }
    let mut nameless = PresentedSecret::Missing;
    for value in headers.get_all(COOKIE) {
        let Ok(value) = value.to_str() else { continue };
        for cookie in value.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()) {
            match cookie.split_once('=') {
                Some((name, secret)) if name.trim() == NAME => {
                    let secret = secret.trim().trim_matches('"');
                    return if secret.is_empty() {
                        PresentedSecret::Missing
                    } else {
                        PresentedSecret::Secret(secret.to_owned())
                    };
                }
                Some(_) => {}
                None => nameless = PresentedSecret::Secret(cookie.to_owned()),
            }
        }
    }
    nameless
}

/// The URL under which the client reaches this server, and its `User-Agent`.
#[derive(Debug)]
pub(crate) struct ClientContext {
    /// Without a trailing slash.
    pub(crate) url: String,
    pub(crate) agent: Option<String>,
}

fn text(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

impl FromRequestParts<App> for ClientContext {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let headers = &parts.headers;
        let url = if let Some(url) = &app.urls.public {
            url.clone()
        } else {
            let by_tls = text(headers, FORWARDED_PROTO).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
            let host = text(headers, HOST).or(parts.uri.host()).unwrap_or("localhost");
            format!("{}://{host}", if by_tls { "https" } else { "http" })
        };
        Ok(Self { url, agent: text(headers, USER_AGENT).map(str::to_owned) })
    }
}

impl ClientContext {
    /// The header that stores the session's cookie in a browser.
    pub(crate) fn set_cookie(&self, secret: &str) -> [(http::HeaderName, HeaderValue); 1] {
        self.cookie(&format!("{NAME}={secret}; Path=/; HttpOnly; SameSite=Lax"))
    }

    /// The header that removes the cookie again.
    pub(crate) fn clear_cookie(&self) -> [(http::HeaderName, HeaderValue); 1] {
        self.cookie(&format!("{NAME}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"))
    }

    fn cookie(&self, text: &str) -> [(http::HeaderName, HeaderValue); 1] {
        let secure = if self.url.starts_with("https://") { "; Secure" } else { "" };
        let value = HeaderValue::from_str(&format!("{text}{secure}"));
        [(SET_COOKIE, value.unwrap_or_else(|_| HeaderValue::from_static("")))]
    }
}

/// A caller who is a user.
#[derive(Debug)]
pub(crate) struct UserCaller(pub(crate) Caller);

impl FromRequestParts<App> for UserCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        // A token acts with roles of its own and isn't a user.
        if caller.me().await?.is_none() {
            return Err(Error::bad_credential().into());
        }
        Ok(Self(caller))
    }
}

/// The user, if one is logged in; an ended session counts as none.
#[derive(Debug)]
pub(crate) struct MaybeUserCaller(pub(crate) Option<Caller>);

impl FromRequestParts<App> for MaybeUserCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        match UserCaller::from_request_parts(parts, app).await {
            Ok(UserCaller(caller)) => Ok(Self(Some(caller))),
            Err(Failure::Domain(Error::NoCredential | Error::BadCredential)) => Ok(Self(None)),
            Err(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[(&'static str, &'static str)]) -> PresentedSecret {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().expect("a header value"));
        }
        secret(&headers)
    }

    #[test]
    fn cookies_with_and_without_their_name() {
        let key = || PresentedSecret::Secret("key".into());
        assert_eq!(found(&[("cookie", "id0=key")]), key());
        assert_eq!(found(&[("cookie", "key")]), key());
        assert_eq!(found(&[("cookie", "a=b; id0=\"key\"; c=d")]), key());
        assert_eq!(found(&[("cookie", "a=b"), ("cookie", "id0=key")]), key());
        assert_eq!(found(&[("cookie", "other; id0=key")]), key());
        assert_eq!(found(&[("authorization", "Bearer key"), ("cookie", "id0=other")]), key());
        assert_eq!(found(&[("authorization", "Basic key"), ("cookie", "id0=other")]), PresentedSecret::Malformed);
        assert_eq!(found(&[("cookie", "id0=; a=b")]), PresentedSecret::Missing);
        assert_eq!(found(&[("cookie", "a=b")]), PresentedSecret::Missing);
        assert_eq!(found(&[]), PresentedSecret::Missing);
    }
}
