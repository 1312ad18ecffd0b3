//! Responses, which are always `application/scim+json`.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, ETAG, HeaderValue, LOCATION};
use http::{HeaderName, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) const SCIM_JSON: &str = "application/scim+json";

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_default();
    (status, [(CONTENT_TYPE, HeaderValue::from_static(SCIM_JSON))], body).into_response()
}

fn with(response: &mut Response, name: HeaderName, value: Option<&str>) {
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
        response.headers_mut().insert(name, value);
    }
}

/// A resource with its entity tag, and its location if it was just created.
pub(crate) fn resource(status: StatusCode, shown: &Map<String, Value>, version: &str, location: &str) -> Response {
    let mut response = json(status, shown);
    with(&mut response, ETAG, Some(version));
    with(&mut response, LOCATION, (status == StatusCode::CREATED).then_some(location));
    response
}

/// No body, but the entity tag if there is one.
pub(crate) fn empty(status: StatusCode, version: Option<&str>) -> Response {
    let mut response = status.into_response();
    with(&mut response, ETAG, version);
    response
}
