//! `ETag` and `If-Match`: the tag is the time of an entity's last change, which only increases.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_MATCH};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use roster_engine::{Error, Timestamp};
use roster_http::{Failure, RequestError};
use serde::Serialize;

/// One entity, with its `ETag`.
pub(crate) fn entity(status: StatusCode, body: impl Serialize, updated: Timestamp) -> Response {
    let mut response = (status, Json(body)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", updated.as_ms())) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The version that the client expects, if it sends `If-Match`. `*` matches any.
#[derive(Debug)]
pub(crate) struct IfMatch(Option<Result<Timestamp, RequestError>>);

impl IfMatch {
    /// The expected version. The handler calls this when the precondition is due in its order of checks.
    pub(crate) fn expected(self) -> Result<Option<Timestamp>, Failure> {
        Ok(self.0.transpose()?)
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let mut values = parts.headers.get_all(IF_MATCH).iter();
        let (Some(value), more) = (values.next(), values.next()) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if more.is_some() || text.contains(',') {
            let problem = "must be a single entity tag or *";
            return Ok(Self(Some(Err(RequestError::invalid("If-Match", problem)))));
        }
        if text == "*" {
            return Ok(Self(None));
        }
        let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match quoted.and_then(|tag| tag.parse().ok()) {
            Some(ms) => Ok(Self(Some(Ok(Timestamp::from_ms(ms))))),
            None => Err(Error::PreconditionFailed.into()),
        }
    }
}
