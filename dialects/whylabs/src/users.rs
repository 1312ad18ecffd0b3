//! Users of the realm, for the vendor's own services.

use axum::Json;
use roster_engine::NewUser;
use roster_http::{App, Authenticated, Body, Failure, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::query::Query;
use crate::wire::{CreateUserRequest, User};
use crate::{map, scope};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, get_by_email, update)).routes(routes!(get))
}

/// Create a user.
#[utoipa::path(
    post, path = "/v0/user", operation_id = "CreateUser", tag = "User",
    request_body = CreateUserRequest,
    responses((status = 200, description = "Success.", body = User), Failures),
)]
async fn create(Authenticated(caller): Authenticated, body: Body<CreateUserRequest>) -> Result<Json<User>, Failure> {
    scope::internal(&caller)?;
    let email = Some(map::new_email(body.read()?.email)?);
    let user = caller.create_user(NewUser { email, ..NewUser::default() }).await?;
    Ok(Json(map::user(&user)))
}

/// Get a user by e-mail address.
///
/// The address matches in any letter case.
#[utoipa::path(
    get, path = "/v0/user", operation_id = "GetUserByEmail", tag = "User",
    params(("email" = String, Query)),
    responses((status = 200, description = "Success.", body = User), Failures),
)]
async fn get_by_email(Authenticated(caller): Authenticated, query: Query) -> Result<Json<User>, Failure> {
    scope::internal(&caller)?;
    let user = caller.user(map::user_by_email(query.required("email")?)).await?;
    Ok(Json(map::user(&user)))
}

/// Get a user.
#[utoipa::path(
    get, path = "/v0/user/{user_id}", operation_id = "GetUser", tag = "User",
    params(("user_id" = String, Path)),
    responses((status = 200, description = "Success.", body = User), Failures),
)]
async fn get(Authenticated(caller): Authenticated, Path(user_id): Path<String>) -> Result<Json<User>, Failure> {
    scope::internal(&caller)?;
    Ok(Json(map::user(&caller.user(&*user_id).await?)))
}

/// Update a user.
///
/// Replaces the e-mail address and the preferences.
#[utoipa::path(
    put, path = "/v0/user", operation_id = "UpdateUser", tag = "User",
    request_body = User,
    responses((status = 200, description = "Success.", body = User), Failures),
)]
async fn update(Authenticated(caller): Authenticated, body: Body<User>) -> Result<Json<User>, Failure> {
    scope::internal(&caller)?;
    let written = body.read()?;
    let user_id = written.user_id.clone();
    let user = caller.update_user(&*user_id, map::user_patch(written)?).await?;
    Ok(Json(map::user(&user)))
}
