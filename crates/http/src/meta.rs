//! Metadata of one request, repeated in its answer and its log lines.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, MatchedPath};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use roster_engine::Surface;
use uuid::Uuid;

use crate::Failure;
use crate::context::Context;

/// Identifies a request in its answer and in the log.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The position in the realm's event log that an answer reflects, or that its write created.
pub const SEQUENCE: HeaderName = HeaderName::from_static("roster-sequence");
/// A request header: the position that the answer must reflect at least, from an earlier `Roster-Sequence`.
pub const AT_LEAST: HeaderName = HeaderName::from_static("roster-at-least");

/// In bytes. A caller's longer id is replaced by a generated one, since it is repeated in every log line.
const REQUEST_ID_MAX: usize = 1024;

/// Metadata of a request, for handlers and for rendering errors. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RequestMeta {
    /// The caller's `X-Request-Id`, byte for byte, if that is 1 to 1024 visible ASCII characters with spaces at most between
    /// them; else a new UUID.
    pub request_id: Arc<str>,
    pub surface: Surface,
    pub method: Method,
    /// As sent, prefix included.
    pub uri: Uri,
    /// Set once the router has matched the request.
    route: Arc<OnceLock<MatchedPath>>,
}

impl RequestMeta {
    pub(crate) fn new(surface: Surface, method: Method, uri: Uri, headers: &HeaderMap) -> Self {
        Self { request_id: request_id(headers), surface, method, uri, route: Arc::default() }
    }

    /// The template of the route, prefix included, such as `/v1/users/{id}`.
    pub fn route(&self) -> Option<&str> {
        self.matched().map(MatchedPath::as_str)
    }

    pub(crate) fn matched(&self) -> Option<&MatchedPath> {
        self.route.get()
    }

    pub(crate) fn set_route(&self, route: MatchedPath) {
        // A request is routed once; should it be routed again, the first route is kept.
        let _ = self.route.set(route);
    }

    /// The request id as a header; `None` can't happen, since ids are ASCII without control characters.
    pub(crate) fn id_header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.request_id).ok()
    }
}

impl<S: Sync> FromRequestParts<S> for RequestMeta {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Context::of(&parts.extensions)?.meta.clone())
    }
}

/// The caller's own request id, if it can safely be repeated in a header and in one line of a log.
fn caller_request_id(headers: &HeaderMap) -> Option<(&HeaderValue, &str)> {
    let value = headers.get(REQUEST_ID)?;
    // `to_str` accepts one control character, the tab.
    let text = value.to_str().ok()?;
    let fits = (1..=REQUEST_ID_MAX).contains(&text.len()) && !text.contains('\t') && text.trim() == text;
    fits.then_some((value, text))
}

/// Passes on a new UUID, formatted without allocating.
fn with_new_id<T>(take: impl FnOnce(&str) -> T) -> T {
    take(Uuid::new_v4().hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

fn request_id(headers: &HeaderMap) -> Arc<str> {
    caller_request_id(headers).map_or_else(|| with_new_id(|id| id.into()), |(_, id)| id.into())
}

/// The request id as a header; `None` can't happen, since ids are ASCII without control characters.
pub(crate) fn request_id_header(headers: &HeaderMap) -> Option<HeaderValue> {
    caller_request_id(headers)
        .map_or_else(|| with_new_id(|id| HeaderValue::from_str(id).ok()), |(value, _)| Some(value.clone()))
}

/// The text of a header, if it is 1 to `max` visible ASCII characters: no spaces, no control characters.
pub(crate) fn visible_ascii(value: &HeaderValue, max: usize) -> Option<&str> {
    let bytes = value.as_bytes();
    let fits = (1..=max).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    if fits { value.to_str().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(sent: &[u8]) -> Arc<str> {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(sent).expect("a header value"));
        request_id(&headers)
    }

    #[test]
    fn a_callers_id_is_kept_if_it_can_be_repeated() {
        let long = "a".repeat(1024);
        for kept in ["abc-1", "a b", "two  words, \"quoted\"=1", &long] {
            assert_eq!(&*id_for(kept.as_bytes()), kept);
        }
        for replaced in [&b""[..], b" ", b" a", b"a ", b"a\tb", "ä".as_bytes(), &[b'a'; 1025]] {
            assert_eq!(id_for(replaced).len(), 36, "{replaced:?}");
        }
    }
}
