//! Serves a surface's OpenAPI document.

use std::sync::{Arc, OnceLock};

use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use utoipa::openapi::{OpenApi, PathItem, RefOr, Schema};

/// Answers `GET` with the document, which is built and serialized on the first request.
pub(crate) fn route<S: Clone + Send + Sync + 'static>(
    document: impl Fn() -> OpenApi + Send + Sync + 'static,
) -> MethodRouter<S> {
    let (document, written) = (Arc::new(document), Arc::new(OnceLock::new()));
    get(async move || {
        let json = written.get_or_init(|| write(&document())).clone();
        ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json)
    })
}

/// Describes each response that has no description, which OpenAPI requires, by its status.
pub(crate) fn describe_responses(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
        for operation in [get, put, post, delete, options, head, patch, trace].into_iter().flatten() {
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && response.description.is_empty()
                {
                    description(status).clone_into(&mut response.description);
                }
            }
        }
    }
}

/// Removes `"default": null` of fields. It is derived from how absent fields are parsed, but what it says to clients is that
/// `null` means the same as no value, which it doesn't in a merge patch; and it is invalid where `null` isn't allowed.
pub(crate) fn remove_null_defaults(document: &mut OpenApi) {
    let schemas = document.components.iter_mut().flat_map(|components| components.schemas.values_mut());
    for schema in schemas {
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        for property in object.properties.values_mut() {
            let default = match property {
                RefOr::T(Schema::Object(schema)) => &mut schema.default,
                RefOr::T(Schema::Array(schema)) => &mut schema.default,
                RefOr::T(Schema::OneOf(schema)) => &mut schema.default,
                RefOr::Ref(reference) => &mut reference.default,
                RefOr::T(_) => continue,
            };
            default.take_if(|default| default.is_null());
        }
    }
}

/// What a status, or a range of them such as `4XX`, means.
fn description(status: &str) -> &'static str {
    let reason = StatusCode::from_bytes(status.as_bytes()).ok().and_then(|status| status.canonical_reason());
    match (reason, status.as_bytes().first()) {
        (Some(reason), _) => reason,
        (None, Some(b'4')) => "Client error",
        (None, Some(b'5')) => "Server error",
        (None, _) => "Response",
    }
}

fn write(document: &OpenApi) -> Bytes {
    let json = document.to_json().unwrap_or_else(|error| {
        // It consists of strings and maps, so this can fail only by a bug; then only this page is lost.
        tracing::error!(%error, "an OpenAPI document can't be written");
        "{}".into()
    });
    json.into()
}
