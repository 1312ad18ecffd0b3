//! Serving a surface's description of itself.

use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use utoipa::openapi::OpenApi;

/// Answers `GET` with the document, which is written once.
pub(crate) fn route<S: Clone + Send + Sync + 'static>(document: &OpenApi) -> MethodRouter<S> {
    let json = document.to_json().unwrap_or_else(|error| {
        // It is built of strings and maps; it can't fail but in a bug, and then only this page is lost.
        tracing::error!(%error, "an OpenAPI document can't be written");
        "{}".into()
    });
    let json = Bytes::from(json);
    get(async move || ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json.clone()))
}
