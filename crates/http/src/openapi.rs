//! Serves a surface's OpenAPI document.

use std::sync::{Arc, OnceLock};

use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use utoipa::openapi::OpenApi;

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

fn write(document: &OpenApi) -> Bytes {
    let json = document.to_json().unwrap_or_else(|error| {
        // It consists of strings and maps, so this can fail only by a bug; then only this page is lost.
        tracing::error!(%error, "an OpenAPI document can't be written");
        "{}".into()
    });
    json.into()
}
