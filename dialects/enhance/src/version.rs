//! Which version of the vendor's API this is.

use axum::Json;
use roster_http::App;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;

const VERSION: &str = "10.8.0";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(version))
}

/// Get the version of the API.
///
/// Requires no key.
#[utoipa::path(
    get, path = "/version", operation_id = "orchdVersion", tag = "install", security(()),
    responses((status = 200, description = "The version.", body = String, content_type = "application/json"), Failures),
)]
async fn version() -> Json<&'static str> {
    Json(VERSION)
}
