//! Extractors: the body, the conditions, and the mount point of a request.

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use roster_http::{App, Body, Failure, RequestMeta};
use serde_json::{Map, Value};

use crate::error::Refusal;
use crate::map::Links;
use crate::value::check_texts;

/// A JSON object, or the error about it, which is returned only when the body is read, after the caller's rights were checked.
#[derive(Debug)]
pub(crate) struct Sent(Result<Map<String, Value>, Refusal>);

impl Sent {
    pub(crate) fn read(self) -> Result<Map<String, Value>, Refusal> {
        let body = self.0?;
        body.iter().try_for_each(|(name, value)| check_texts(value, name))?;
        Ok(body)
    }

    /// The same without checking the strings in it, for callers that check them one by one.
    pub(crate) fn read_unchecked(self) -> Result<Map<String, Value>, Refusal> {
        self.0
    }
}

fn is_scim(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "" | "application/json" | "application/scim+json")
}

impl FromRequest<App> for Sent {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let known = is_scim(request.headers());
        let body: Body<Map<String, Value>> = Body::from_request(request, app).await?;
        let body = body.read().map_err(Refusal::from).and_then(|body| {
            if !known {
                let detail = "the body must be application/scim+json or application/json";
                return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, None, detail));
            }
            Ok(body)
        });
        Ok(Self(body))
    }
}

impl FromRequestParts<App> for Links {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let meta = RequestMeta::from_request_parts(parts, app).await?;
        let mount = if meta.uri.path().starts_with("/scim/roles/") { "/scim/roles/v2" } else { "/scim/v2" };
        Ok(Self::new(format!("{}{mount}", app.base_url())))
    }
}

/// The conditions on a resource's version: `If-Match` and `If-None-Match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    matches: Option<String>,
    none_matches: Option<String>,
}

fn all_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// The opaque part of an entity tag, weak or strong.
fn opaque(tag: &str) -> Option<&str> {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").or_else(|| tag.strip_prefix("w/")).unwrap_or(tag);
    tag.strip_prefix('"')?.strip_suffix('"')
}

fn names(list: &str, version: &str) -> bool {
    let wanted = opaque(version);
    list.split(',').any(|tag| tag.trim() == "*" || (wanted.is_some() && opaque(tag) == wanted))
}

impl Conditions {
    /// From the `version` of a Bulk operation.
    pub(crate) fn version(version: Option<&str>) -> Self {
        Self { matches: version.map(str::to_owned), none_matches: None }
    }

    /// Whether the client sent `If-Match`.
    pub(crate) fn has_if_match(&self) -> bool {
        self.matches.is_some()
    }

    pub(crate) fn check(&self, version: &str) -> Result<(), Refusal> {
        if self.matches.as_deref().is_none_or(|list| names(list, version)) {
            return Ok(());
        }
        let detail = "the resource isn't in the state that If-Match names";
        Err(Refusal::new(StatusCode::PRECONDITION_FAILED, None, detail))
    }

    /// Whether `If-None-Match` names this version.
    pub(crate) fn is_not_modified(&self, version: &str) -> bool {
        self.none_matches.as_deref().is_some_and(|list| names(list, version))
    }
}

impl<S: Sync> FromRequestParts<S> for Conditions {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let of = |name| all_of(&parts.headers, name);
        Ok(Self { matches: of(&IF_MATCH), none_matches: of(&IF_NONE_MATCH) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        for list in ["W/\"5\"", "\"5\"", "*", "\"4\", W/\"5\"", " \"5\" "] {
            assert!(names(list, "W/\"5\""), "{list}");
        }
        for list in ["", "5", "\"6\"", "W/5", "\"5", "W/\"\""] {
            assert!(!names(list, "W/\"5\""), "{list}");
        }
    }
}
