//! Who calls, in which version of the API, and under which address of ours.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::HOST;
use http::request::Parts;
use roster_engine::Caller;
use roster_http::{App, Authenticated, Failure, Frame, Pairs, SecretFound, bearer};

use crate::PREFIX;
use crate::error::VERSION;

/// Versions that the vendor has published. They order as texts.
const VERSIONS: [&str; 6] = ["2021-02-05", "2024-10-01", "2025-03-12", "2025-04-10", "2025-11-10", "2026-05-12"];
/// From here on metadata has only its own operations.
const METADATA_APART: &str = "2026-05-12";

/// Who sends no key, and who sends something that can't be one, are told the same.
pub(crate) fn secret(headers: &HeaderMap) -> SecretFound {
    match bearer(headers) {
        SecretFound::Secret(secret) if !secret.is_empty() => SecretFound::Secret(secret),
        _ => SecretFound::Missing,
    }
}

/// A caller of this surface.
#[derive(Debug)]
pub(crate) struct Session {
    pub caller: Caller,
    version: &'static str,
    /// Scheme and host as the client named them.
    origin: String,
}

impl Session {
    /// Refuses metadata where this version has other operations for it. `sent`: the fields of the body, by name.
    pub(crate) fn metadata_in_patch(&self, sent: &[(&'static str, bool)]) -> Result<(), Failure> {
        match sent.iter().find(|(_, sent)| *sent) {
            Some((name, _)) if self.version >= METADATA_APART => Err(Frame::unknown(*name).into()),
            _ => Ok(()),
        }
    }

    /// A URL of ours.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Where a picture of this would be; the clients want one of everything.
    pub(crate) fn image(&self, id: &str) -> String {
        self.url(&format!("{PREFIX}/avatars/{id}.svg"))
    }
}

fn version(parts: &Parts) -> Result<&'static str, Failure> {
    let bad = |problem: &str| Failure::from(Frame::invalid(VERSION, problem));
    let query = parts.uri.query().map(Pairs::parse).unwrap_or_default();
    let asked = query.optional("__clerk_api_version")?;
    let header = parts.headers.get("clerk-api-version").map(|value| value.to_str().unwrap_or_default());
    match (header, asked) {
        (None, None) => Ok(VERSIONS[0]),
        (Some(_), Some(_)) => Err(bad("is named in the header and in the query")),
        (Some(wanted), None) | (None, Some(wanted)) => {
            VERSIONS.into_iter().find(|known| *known == wanted).ok_or_else(|| bad("is not a version of this API"))
        }
    }
}

fn origin(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    let host = text(HOST.as_str()).unwrap_or("localhost");
    format!("{scheme}://{host}")
}

impl FromRequestParts<App> for Session {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        let (version, origin) = (version(parts)?, origin(&parts.headers));
        Ok(Self { caller: caller.keeping_an_admin(), version, origin })
    }
}
