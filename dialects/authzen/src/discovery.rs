//! The discovery document, for clients that know only the server's address.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use roster_http::{App, RequestError};
use serde_json::json;

use crate::PREFIX;

const WELL_KNOWN: &str = "/.well-known/authzen-configuration";

/// Serves the document at its well-known path; if the public URL has a path, also with that appended.
pub fn discovery(app: &App) -> Router {
    let path = app.urls.public.as_deref().and_then(path_of).unwrap_or_default();
    let place = || get(document).fallback(not_allowed);
    let mut router = Router::new().route(WELL_KNOWN, place());
    if !path.is_empty() {
        router = router.route(&format!("{WELL_KNOWN}{path}"), place());
    }
    router.with_state(app.clone())
}

/// `/roster` of `https://example.com/roster`.
fn path_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.find('/').map(|at| &rest[at..])
}

/// The same for everyone: it doesn't depend on the request's `Host`.
async fn document(State(app): State<App>) -> Response {
    let base = app.base_url();
    let at = |path: &str| format!("{base}{PREFIX}{path}");
    let body = json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": at("/evaluation"),
        "access_evaluations_endpoint": at("/evaluations"),
        "search_subject_endpoint": at("/search/subject"),
        "search_resource_endpoint": at("/search/resource"),
        "search_action_endpoint": at("/search/action"),
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    ];
    (headers, body.to_string()).into_response()
}

/// 405, in this surface's error format.
async fn not_allowed() -> Response {
    let headers = [
        (ALLOW, HeaderValue::from_static("GET,HEAD")),
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
    ];
    (StatusCode::METHOD_NOT_ALLOWED, headers, RequestError::MethodNotAllowed.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_urls() {
        assert_eq!(path_of("https://example.com"), None);
        assert_eq!(path_of("https://example.com/roster"), Some("/roster"));
        assert_eq!(path_of("http://a:1/b/c"), Some("/b/c"));
    }
}
