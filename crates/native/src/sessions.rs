//! `/sessions`, `/links` and passwords: how users log in.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::header::USER_AGENT;
use http::{HeaderMap, StatusCode};
use roster_engine::{Credentials, Error, Subject};
use roster_http::{App, Authenticated, Authenticator, Body, Failure, Path};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::etag::entity;
use crate::problem::Problem;
use crate::query::{Query, page};
use crate::users::user_ref;
use crate::wire::{List, LoginLink, Session};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(log_in))
        .routes(routes!(use_link))
        .routes(routes!(get, end))
        .routes(routes!(list, end_all))
        .routes(routes!(issue_link))
        .routes(routes!(set_password))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogIn {
    #[schema(example = "ada@example.com")]
    email: String,
    password: String,
    /// Any organization of the realm to log in to. Default: the realm `default`.
    organization_id: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UseLink {
    secret: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetPassword {
    /// The new password, at most 1024 bytes; `null` removes it.
    #[serde(deserialize_with = "Option::deserialize")]
    password: Option<String>,
    /// The current password. Required of users who have one and change it themselves.
    current_password: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct SessionListQuery {
    /// Number of items per page: 1 to 500 unless the server is configured otherwise. Default: 50.
    limit: Option<u64>,
    /// The `next_cursor` of the previous page. Omit it to get the first page.
    cursor: Option<String>,
    /// Sort key: `created_at` (default). A leading `-` sorts in descending order.
    sort: Option<String>,
    /// Whether to also return `total`, the number of items in the whole list. Default: `false`.
    total: Option<bool>,
}

fn agent(headers: &HeaderMap) -> Option<String> {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn opened(session: &roster_engine::Session, secret: String) -> Response {
    let mut wire = Session::from(session);
    wire.secret = Some(secret);
    entity(StatusCode::CREATED, wire, session.created)
}

/// Log in with an e-mail address and a password.
///
/// The returned secret is a key of the user until the session ends, at the latest after 30 days. Requires no key.
#[utoipa::path(post, path = "/sessions", tag = "sessions", operation_id = "createSession", request_body = LogIn, security(()),
    responses((status = 201, body = Session), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn log_in(authenticator: Authenticator, headers: HeaderMap, body: Body<LogIn>) -> Result<Response, Failure> {
    let b = body.read()?;
    let organization = b.organization_id.as_deref().map(Into::into);
    let agent = agent(&headers);
    let credentials = Credentials { organization, email: b.email, password: b.password, agent };
    let entered = authenticator.log_in(credentials).await?;
    Ok(opened(&entered.session, entered.secret))
}

/// Use a login link.
///
/// Opens the one session for which the link is valid. The session ends after 12 hours at the latest. Requires no key.
#[utoipa::path(post, path = "/links:use", tag = "sessions", operation_id = "useLoginLink", request_body = UseLink, security(()),
    responses((status = 201, body = Session), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn use_link(authenticator: Authenticator, headers: HeaderMap, body: Body<UseLink>) -> Result<Response, Failure> {
    let secret = body.read()?.secret;
    let entered = authenticator.use_link(&secret, agent(&headers)).await?;
    Ok(opened(&entered.session, entered.secret))
}

/// Get a session.
///
/// `current` is the caller's own session. For users other than the caller, requires `users:write` at the realm's root.
#[utoipa::path(get, path = "/sessions/{session_id}", tag = "sessions", operation_id = "getSession",
    params(("session_id" = String, Path)),
    responses((status = 200, body = Session), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Json<Session>, Failure> {
    let session = caller.find_session(&named(&caller, id)?).await?;
    Ok(Json(Session::from(&session)))
}

/// End a session.
///
/// Takes effect immediately, on every surface. `current` is the caller's own session. For users other than the caller,
/// requires `users:write` at the realm's root.
#[utoipa::path(delete, path = "/sessions/{session_id}", tag = "sessions", operation_id = "endSession",
    params(("session_id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn end(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    caller.end_session(&named(&caller, id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn named(caller: &roster_engine::Caller, id: String) -> Result<String, Error> {
    use roster_engine::EntityId as _;
    if id != "current" {
        return Ok(id);
    }
    caller.session().map(|session| session.id.native()).ok_or(Error::NotFound(Subject::Session))
}

/// List a user's sessions.
///
/// Oldest first, unless sorted otherwise. For users other than the caller, requires `users:write` at the realm's root.
#[utoipa::path(get, path = "/users/{user_id}/sessions", tag = "sessions", operation_id = "listSessions",
    params(("user_id" = String, Path), SessionListQuery),
    responses((status = 200, body = List<Session>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<List<Session>>, Failure> {
    let q: SessionListQuery = query.read()?;
    let (page, ()) = page(&app, q.limit, q.cursor, q.total, q.sort.as_deref(), &[("created_at", ())])?;
    let listed = caller.list_sessions(user_ref(&id), page).await?;
    Ok(Json(List::of(listed, |session| Session::from(session))))
}

/// End all of a user's sessions.
///
/// Takes effect immediately, on every surface. For users other than the caller, requires `users:write` at the realm's
/// root.
#[utoipa::path(delete, path = "/users/{user_id}/sessions", tag = "sessions", operation_id = "endSessions",
    params(("user_id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn end_all(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    caller.end_sessions(user_ref(&id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Create a login link for a member.
///
/// The link opens one session, once, within a minute. Its secret is only in this response. The application provides the
/// page that passes it to `POST /v1/links:use`. Requires `login_links:write` at the organization or at the realm's
/// root.
#[utoipa::path(post, path = "/organizations/{organization_id}/memberships/{user_id}/login-link", tag = "sessions",
    operation_id = "createLoginLink", params(("organization_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 201, body = LoginLink), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn issue_link(
    Authenticated(caller): Authenticated,
    Path((organization, user)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let issued = caller.issue_link(&*organization, user_ref(&user)).await?;
    let mut wire = LoginLink::from(&issued.link);
    wire.secret = issued.secret;
    Ok(entity(StatusCode::CREATED, wire, issued.link.created))
}

/// Set or remove a user's password.
///
/// Ends the user's other sessions. Users who have a password need it to change it. For users other than the caller,
/// requires `users:write` at the realm's root.
#[utoipa::path(put, path = "/users/{user_id}/password", tag = "sessions", operation_id = "setPassword",
    params(("user_id" = String, Path)), request_body = SetPassword,
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn set_password(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: Body<SetPassword>,
) -> Result<StatusCode, Failure> {
    let b = body.read()?;
    caller.set_password(user_ref(&id), b.password.as_deref(), b.current_password.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
