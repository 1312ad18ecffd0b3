//! What is about no one kind of resource: lists of both kinds, and the caller himself.

use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderValue, LOCATION};
use roster_http::{App, Authenticated, Pairs};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::{Failures, ListParameters, ShowParameters};
use crate::error::Refusal;
use crate::list::{Kind, list};
use crate::map::{Links, users};
use crate::operation_result::OperationResult;
use crate::query::Query;
use crate::request::Sent;
use crate::schema::USERS;
use crate::wire::{self, ListResponse};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(find))
        .routes(routes!(search))
        .routes(routes!(me, create_me, replace_me, change_me, delete_me))
}

/// List users and groups.
///
/// Lists the users and groups of the key's domain.
#[utoipa::path(
    get, path = "/", operation_id = "scim_list_both", tag = "Both",
    params(ListParameters, ShowParameters),
    responses(
        (status = 200, description = "A page of the list.", body = ListResponse,
            content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn find(Authenticated(caller): Authenticated, links: Links, pairs: Pairs) -> Result<Response, Refusal> {
    caller.directory().await?;
    list(&caller, &links, &Query::of_pairs(&pairs)?, Kind::Both).await
}

/// Search users and groups.
///
/// The same as the list, with the query in the body.
#[utoipa::path(
    post, path = "/.search", operation_id = "scim_search_both", tag = "Both",
    request_body(content = wire::SearchRequest, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "A page of the list.", body = ListResponse,
            content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn search(Authenticated(caller): Authenticated, links: Links, sent: Sent) -> Result<Response, Refusal> {
    caller.directory().await?;
    list(&caller, &links, &Query::of_body(&sent.read()?)?, Kind::Both).await
}

/// Get the caller's user.
#[utoipa::path(
    get, path = "/Me", operation_id = "scim_me", tag = "Me",
    params(ShowParameters),
    responses(
        (status = 200, description = "Success.", body = wire::User, content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn me(Authenticated(caller): Authenticated, links: Links, pairs: Pairs) -> Result<Response, Refusal> {
    let user = caller.provisioned_self().await?;
    let show = Query::selection_of_pairs(&pairs, &USERS)?;
    let shown = users::user(&user, &caller.roles(), &links);
    let mut response = OperationResult::resource(StatusCode::OK, &shown, &show).response();
    if let Ok(location) = HeaderValue::from_str(&links.user(user.user.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

async fn refuse(Authenticated(caller): Authenticated) -> Result<Response, Refusal> {
    caller.provisioned_self().await?;
    Err(Refusal::forbidden("/Me can only be read"))
}

/// Create the caller's user.
///
/// Always refused: `/Me` can only be read.
#[utoipa::path(
    post, path = "/Me", operation_id = "scim_create_me", tag = "Me",
    responses((status = 403, description = "Always, with a user's token."), Failures),
)]
async fn create_me(caller: Authenticated) -> Result<Response, Refusal> {
    refuse(caller).await
}

/// Replace the caller's user.
///
/// Always refused: `/Me` can only be read.
#[utoipa::path(
    put, path = "/Me", operation_id = "scim_replace_me", tag = "Me",
    responses((status = 403, description = "Always, with a user's token."), Failures),
)]
async fn replace_me(caller: Authenticated) -> Result<Response, Refusal> {
    refuse(caller).await
}

/// Update the caller's user.
///
/// Always refused: `/Me` can only be read.
#[utoipa::path(
    patch, path = "/Me", operation_id = "scim_change_me", tag = "Me",
    responses((status = 403, description = "Always, with a user's token."), Failures),
)]
async fn change_me(caller: Authenticated) -> Result<Response, Refusal> {
    refuse(caller).await
}

/// Delete the caller's user.
///
/// Always refused: `/Me` can only be read.
#[utoipa::path(
    delete, path = "/Me", operation_id = "scim_delete_me", tag = "Me",
    responses((status = 403, description = "Always, with a user's token."), Failures),
)]
async fn delete_me(caller: Authenticated) -> Result<Response, Refusal> {
    refuse(caller).await
}
