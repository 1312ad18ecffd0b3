//! Serving a surface's description of itself.

use std::sync::{Arc, OnceLock};

use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use utoipa::openapi::OpenApi;

/// Answers `GET` with the document, which is made and written when it is first asked for.
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
        // It is built of strings and maps; it can't fail but in a bug, and then only this page is lost.
        tracing::error!(%error, "an OpenAPI document can't be written");
        "{}".into()
    });
    json.into()
}
