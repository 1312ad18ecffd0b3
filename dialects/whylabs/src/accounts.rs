//! The users that an account provisions. These are records of their own, independent of memberships.

use axum::Json;
use axum::response::Response as HttpResponse;
use roster_engine::NewAccountUser;
use roster_http::{App, Authenticated, Body, Failure, Path, RequestMeta, json_list};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::map;
use crate::query::Query;
use crate::scope::ACCOUNTS;
use crate::wire::{AccountUser, CreateAccountUserRequest, ErrorBody, Response, UpdateAccountUserRequest};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, update))
        .routes(routes!(list))
        .routes(routes!(get_by_email))
        .routes(routes!(get_by_id))
        .routes(routes!(delete))
}

/// Create an account user.
///
/// Creates the record, and the user if the realm has none with this address, but no membership.
#[utoipa::path(
    post, path = "/v0/accounts/org/{org_id}/user", operation_id = "CreateAccountUser", tag = "Account",
    params(("org_id" = String, Path)),
    request_body = CreateAccountUserRequest,
    responses(
        (status = 200, description = "Success.", body = AccountUser),
        (status = 409, description = "The account already has this user.", body = ErrorBody),
        Failures,
    ),
)]
async fn create(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    body: Body<CreateAccountUserRequest>,
) -> Result<Json<AccountUser>, Failure> {
    let account = ACCOUNTS.at(&caller, &org_id).await?;
    let CreateAccountUserRequest { email, external_id, user_schema, active } = body.read()?;
    let fields = map::account_user_fields(external_id, user_schema, active);
    let new = NewAccountUser { email: map::new_email(email)?, fields };
    Ok(Json(map::account_user(caller.create_account_user(account.id, new).await?)))
}

/// List an account's users.
///
/// In order of creation. Includes inactive users.
#[utoipa::path(
    get, path = "/v0/accounts/org/{org_id}/users", operation_id = "ListAccountUsers", tag = "Account",
    params(("org_id" = String, Path)),
    responses((status = 200, description = "Success.", body = Vec<AccountUser>), Failures),
)]
async fn list(Authenticated(caller): Authenticated, Path(org_id): Path<String>) -> Result<HttpResponse, Failure> {
    let account = ACCOUNTS.at(&caller, &org_id).await?;
    let users = caller.stream_account_users(account.id).await?;
    json_list(b"[", users, map::account_user, b"]").await
}

/// Get an account user by e-mail address.
///
/// The address matches in any letter case.
#[utoipa::path(
    get, path = "/v0/accounts/org/{org_id}/user/email", operation_id = "GetAccountUserByEmail", tag = "Account",
    params(("org_id" = String, Path), ("email" = String, Query)),
    responses((status = 200, description = "Success.", body = AccountUser), Failures),
)]
async fn get_by_email(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
) -> Result<Json<AccountUser>, Failure> {
    let account = ACCOUNTS.at(&caller, &org_id).await?;
    let user = map::user_by_email(query.required("email")?);
    Ok(Json(map::account_user(caller.account_user(account.id, user).await?)))
}

/// Get an account user.
#[utoipa::path(
    get, path = "/v0/accounts/org/{org_id}/user/id", operation_id = "GetAccountUserById", tag = "Account",
    params(("org_id" = String, Path), ("user_id" = String, Query)),
    responses((status = 200, description = "Success.", body = AccountUser), Failures),
)]
async fn get_by_id(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
) -> Result<Json<AccountUser>, Failure> {
    let account = ACCOUNTS.at(&caller, &org_id).await?;
    let entry = caller.account_user(account.id, query.required("user_id")?).await?;
    Ok(Json(map::account_user(entry)))
}

/// Update an account user.
///
/// Replaces all fields except the e-mail address. A user who becomes inactive loses the memberships in the account and
/// in the organizations that it manages.
#[utoipa::path(
    put, path = "/v0/accounts/org/{org_id}/user", operation_id = "UpdateAccountUser", tag = "Account",
    params(("org_id" = String, Path), ("user_id" = String, Query)),
    request_body = UpdateAccountUserRequest,
    responses((status = 200, description = "Success.", body = AccountUser), Failures),
)]
async fn update(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
    body: Body<UpdateAccountUserRequest>,
) -> Result<Json<AccountUser>, Failure> {
    let account = ACCOUNTS.at(&caller, &org_id).await?;
    let user_id = query.required("user_id")?;
    let UpdateAccountUserRequest { external_id, user_schema, active } = body.read()?;
    let fields = map::account_user_fields(external_id, user_schema, active);
    let entry = caller.update_account_user(account.id, user_id, fields).await?;
    Ok(Json(map::account_user(entry)))
}

/// Delete an account user.
///
/// Deletes the record, and the memberships in the account and in the organizations that it manages. The user is kept.
#[utoipa::path(
    delete, path = "/v0/accounts/org/{org_id}/user/{user_id}", operation_id = "DeleteAccountUser", tag = "Account",
    params(("org_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, description = "Success.", body = Response), Failures),
)]
async fn delete(
    Authenticated(caller): Authenticated,
    Path((org_id, user_id)): Path<(String, String)>,
    meta: RequestMeta,
) -> Result<Json<Response>, Failure> {
    let account = ACCOUNTS.at(&caller, &org_id).await?;
    caller.delete_account_user(account.id, &*user_id).await?;
    Ok(Json(Response::of(&meta)))
}
