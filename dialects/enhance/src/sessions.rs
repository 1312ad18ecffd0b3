//! Sessions of logins. Their secret is a cookie, `id0`.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use roster_engine::{Credentials, EntityId as _, Error, Page, Timestamp, UserRef};
use roster_http::{App, Authenticator, Body, Failure, Pairs, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::cookie::{ClientContext, UserCaller};
use crate::docs::Failures;
use crate::logins::memberships_of;
use crate::map;
use crate::query;
use crate::wire::{LoginCreds, LoginMemberships, Session, SessionsFullListing};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create, end_all))
        .routes(routes!(end_current))
        .routes(routes!(create_by_link))
        .routes(routes!(end))
}

/// Log in with an e-mail address and a password.
///
/// Requires no key.
#[utoipa::path(
    post, path = "/login/sessions", operation_id = "createSession", tag = "logins", security(()),
    params(("realmId" = Option<String>, Query, description = "Any organization of the realm to log in to.")),
    request_body = LoginCreds,
    responses(
        (status = 200, description = "Logged in.", body = LoginMemberships, headers(("Set-Cookie" = String))), Failures,
    ),
)]
async fn create(
    authenticator: Authenticator,
    client: ClientContext,
    query: Pairs,
    body: Body<LoginCreds>,
) -> Result<Response, Failure> {
    let LoginCreds { email, password, .. } = body.read()?;
    let organization = query::text(&query, "realmId")?.map(|id| (&*id).into());
    let credentials = Credentials { organization, email, password, agent: client.agent.clone() };
    let entered = authenticator.log_in(credentials).await?;
    Ok((client.set_cookie(&entered.secret), Json(memberships_of(&entered.caller).await?)).into_response())
}

/// Log in with a one-time link.
///
/// Requires no key.
#[utoipa::path(
    get, path = "/login/sessions/sso", operation_id = "createOtpSession", tag = "logins", security(()),
    params(("otp" = String, Query)),
    responses(
        (status = 200, description = "Logged in.", body = LoginMemberships, headers(("Set-Cookie" = String))), Failures,
    ),
)]
async fn create_by_link(
    authenticator: Authenticator,
    client: ClientContext,
    query: Pairs,
) -> Result<Response, Failure> {
    let entered = authenticator.use_link(query.required("otp")?, client.agent.clone()).await?;
    Ok((client.set_cookie(&entered.secret), Json(memberships_of(&entered.caller).await?)).into_response())
}

/// List the caller's sessions.
#[utoipa::path(
    get, path = "/login/sessions", operation_id = "getSessions", tag = "logins",
    responses((status = 200, description = "The sessions.", body = SessionsFullListing), Failures),
)]
async fn list(UserCaller(caller): UserCaller) -> Result<Json<SessionsFullListing>, Failure> {
    let listed = caller.list_sessions(UserRef::Me, Page::all()).await?;
    let shown = |session: &roster_engine::Session| Session {
        id: map::id(session.id),
        created_at: Timestamp::rfc3339(session.created),
        user_agent: session.agent.clone(),
    };
    Ok(Json(SessionsFullListing { items: listed.items.iter().map(shown).collect() }))
}

/// End all of the caller's sessions.
///
/// Includes the current session.
#[utoipa::path(
    delete, path = "/login/sessions", operation_id = "deleteSessions", tag = "logins",
    responses((status = 200, description = "Ended.", headers(("Set-Cookie" = String))), Failures),
)]
async fn end_all(UserCaller(caller): UserCaller, client: ClientContext) -> Result<Response, Failure> {
    caller.end_sessions(UserRef::Me).await?;
    Ok((StatusCode::OK, client.clear_cookie()).into_response())
}

/// End the current session.
#[utoipa::path(
    delete, path = "/login/sessions/current", operation_id = "deleteCurrentSession", tag = "logins",
    responses((status = 200, description = "Ended.", headers(("Set-Cookie" = String))), Failures),
)]
async fn end_current(UserCaller(caller): UserCaller, client: ClientContext) -> Result<Response, Failure> {
    let current = caller.session().map(|session| session.id.native()).ok_or_else(Error::bad_credential)?;
    caller.end_session(&current).await?;
    Ok((StatusCode::OK, client.clear_cookie()).into_response())
}

/// End one of the caller's sessions.
#[utoipa::path(
    delete, path = "/login/sessions/{session_id}", operation_id = "deleteSession", tag = "logins",
    params(("session_id" = String, Path)),
    responses((status = 200, description = "Ended."), Failures),
)]
async fn end(UserCaller(caller): UserCaller, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    let session = caller.find_session(&id).await?;
    // An admin of the realm may end others' sessions, but not by this.
    if caller.me().await?.is_none_or(|me| me.id != session.user) {
        return Err(Error::NotFound(roster_engine::Subject::Session).into());
    }
    caller.end_session(&id).await?;
    Ok(StatusCode::OK)
}
