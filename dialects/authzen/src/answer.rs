//! Reading requests and writing answers, shared by all five endpoints.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, HeaderValue};
use roster_http::{Body, Failure, RequestError};
use serde_json::Value;

use crate::tree::Node;

/// Maximum nesting depth of a body.
const DEPTH_MAX: usize = 32;

pub(crate) fn read(body: Body<Node>) -> Result<Node, Failure> {
    let node = body.read()?;
    if node.depth() > DEPTH_MAX { Err(RequestError::BodyTooDeep { limit: DEPTH_MAX }.into()) } else { Ok(node) }
}

/// Answers must not be cached: a decision is valid only at its moment.
pub(crate) fn answer(body: &Value) -> Response {
    ([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
