//! The way in and out that all five endpoints share.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, HeaderValue};
use roster_http::{Body, Failure, Frame};
use serde_json::Value;

use crate::tree::Node;

/// Deepest nesting of a body.
const DEPTH_MAX: usize = 32;

pub(crate) fn read(body: Body<Node>) -> Result<Node, Failure> {
    let node = body.read()?;
    if node.depth() > DEPTH_MAX { Err(Frame::BodyTooDeep { limit: DEPTH_MAX }.into()) } else { Ok(node) }
}

/// A decision is of its moment.
pub(crate) fn answer(body: &Value) -> Response {
    ([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
