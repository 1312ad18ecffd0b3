//! Operational endpoints: liveness, readiness, metrics and API documentation.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Json};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use roster_http::{App, Failure, Metrics, Mounted, RequestError};
use serde_json::json;
use utoipa_swagger_ui::{Config, Url};

/// `/healthz`, `/readyz`, `/metrics` and `/docs`. None needs a key, and none reveals a realm's data.
pub(crate) fn routes(app: &App, surfaces: &[Mounted]) -> Router {
    let documents: Vec<_> = surfaces.iter().filter_map(Document::of).collect();
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        // Relative links on the page need the slash.
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(async |documents| docs("", documents)))
        .route("/docs/{*file}", get(async |Path(file): Path<String>, documents| docs(&file, documents)))
        .layer(Extension(Arc::<[Document]>::from(documents)))
        .with_state(app.clone())
}

/// Liveness: the process runs and answers.
async fn healthz() -> Json<serde_json::Value> {
    Json(json!({"status": "ok"}))
}

/// Readiness: the database is reachable and migrated, and the server isn't shutting down.
async fn readyz(State(app): State<App>) -> Response {
    let reason = if app.is_stopping() {
        "the server is shutting down"
    } else {
        match app.engine.ready().await {
            Ok(()) => return Json(json!({"status": "ready"})).into_response(),
            Err(error) => {
                // The error may name files and hosts, so it goes to the log only.
                tracing::warn!(%error, "not ready");
                "the database can't be used"
            }
        }
    };
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "unavailable", "reason": reason}))).into_response()
}

async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, Failure> {
    let text = app.metrics.render(app.engine.statistics()).map_err(|_| RequestError::Panic)?;
    Ok(([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], text))
}

/// A surface's OpenAPI document.
#[derive(Debug)]
struct Document {
    name: &'static str,
    url: String,
}

impl Document {
    fn of(surface: &Mounted) -> Option<Self> {
        Some(Self { name: surface.surface.word(), url: surface.openapi_url.clone()? })
    }
}

/// The documentation page for all surfaces. All its files are embedded in the binary, so it works offline.
fn docs(file: &str, documents: Extension<Arc<[Document]>>) -> Result<Response, Failure> {
    let urls = documents.iter().map(|document| Url::new(document.name, &document.url));
    // Otherwise the page would send the documents to an online validator.
    let config = Config::new(urls).validator_url("none");
    let found = utoipa_swagger_ui::serve(file, Arc::new(config)).map_err(|_| RequestError::Panic)?;
    let found = found.ok_or(RequestError::RouteNotFound)?;
    let mut response = ([(CONTENT_TYPE, found.content_type)], found.bytes.into_owned()).into_response();
    if found.gzpipped {
        response.headers_mut().insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
    }
    Ok(response)
}
