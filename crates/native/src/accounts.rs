//! `/organizations/{id}/account-users`: records of provisioned users, independent of memberships.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use roster_engine as engine;
use roster_engine::{AccountEntry, AccountUserFields, EntityId as _, NewAccountUser};
use roster_http::{App, Authenticated, Body, Failure, Path};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::query::{Query, page};
use crate::users::user_ref;
use crate::wire::{List, Time};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, replace, delete))
}

/// A record of an account, an organization right under the root, about a user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountUser {
    organization_id: String,
    user_id: String,
    /// Left out in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    external_id: Option<String>,
    user_schema: Option<String>,
    /// An inactive one has no membership in the account and right below it.
    active: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
}

impl AccountUser {
    pub(crate) fn alone(a: &engine::AccountUser) -> Self {
        Self {
            organization_id: a.organization.native(),
            user_id: a.user.native(),
            email: None,
            external_id: a.external_id.clone(),
            user_schema: a.user_schema.clone(),
            active: a.active,
            created_at: Time(a.created),
        }
    }

    fn of(entry: &AccountEntry) -> Self {
        Self { email: entry.user.email().map(str::to_owned), ..Self::alone(&entry.record) }
    }
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateAccountUser {
    /// Names the user; who isn't in the realm yet is made.
    email: String,
    external_id: Option<String>,
    user_schema: Option<String>,
    #[serde(default = "yes")]
    active: bool,
}

/// Replaces everything.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplaceAccountUser {
    external_id: Option<String>,
    user_schema: Option<String>,
    #[serde(default = "yes")]
    active: bool,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct AccountUserListQuery {
    /// Rows on the page.
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// `created_at` (default); with `-` in front, downwards.
    sort: Option<String>,
    /// Whether to count the whole list.
    total: Option<bool>,
}

/// List account users.
#[utoipa::path(get, path = "/organizations/{organization_id}/account-users", tag = "accounts",
    operation_id = "listAccountUsers", params(("organization_id" = String, Path), AccountUserListQuery),
    responses((status = 200, body = List<AccountUser>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<List<AccountUser>>, Failure> {
    let q: AccountUserListQuery = query.read()?;
    let (page, ()) = page(&app, q.limit, q.cursor, q.total, q.sort.as_deref(), &[("created_at", ())])?;
    Ok(Json(List::of(caller.list_account_users(&*id, page).await?, AccountUser::of)))
}

/// Provision a user: make the record, and the user if there is none. Makes no membership.
#[utoipa::path(post, path = "/organizations/{organization_id}/account-users", tag = "accounts",
    operation_id = "createAccountUser", params(("organization_id" = String, Path)), request_body = CreateAccountUser,
    responses((status = 201, body = AccountUser), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn create(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: Body<CreateAccountUser>,
) -> Result<(StatusCode, Json<AccountUser>), Failure> {
    let b = body.read()?;
    let fields = AccountUserFields { external_id: b.external_id, user_schema: b.user_schema, active: b.active };
    let entry = caller.create_account_user(&*id, NewAccountUser { email: b.email, fields }).await?;
    Ok((StatusCode::CREATED, Json(AccountUser::of(&entry))))
}

/// Get an account user.
#[utoipa::path(get, path = "/organizations/{organization_id}/account-users/{user_id}", tag = "accounts",
    operation_id = "getAccountUser", params(("organization_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = AccountUser), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(
    Authenticated(caller): Authenticated,
    Path((id, user)): Path<(String, String)>,
) -> Result<Json<AccountUser>, Failure> {
    Ok(Json(AccountUser::of(&caller.account_user(&*id, user_ref(&user)).await?)))
}

/// Replace what the account says of a user. Who becomes inactive loses the memberships there and right below.
#[utoipa::path(put, path = "/organizations/{organization_id}/account-users/{user_id}", tag = "accounts",
    operation_id = "replaceAccountUser", params(("organization_id" = String, Path), ("user_id" = String, Path)),
    request_body = ReplaceAccountUser,
    responses((status = 200, body = AccountUser), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn replace(
    Authenticated(caller): Authenticated,
    Path((id, user)): Path<(String, String)>,
    body: Body<ReplaceAccountUser>,
) -> Result<Json<AccountUser>, Failure> {
    let b = body.read()?;
    let fields = AccountUserFields { external_id: b.external_id, user_schema: b.user_schema, active: b.active };
    Ok(Json(AccountUser::of(&caller.update_account_user(&*id, user_ref(&user), fields).await?)))
}

/// End the record, and the memberships there and right below. The user stays.
#[utoipa::path(delete, path = "/organizations/{organization_id}/account-users/{user_id}", tag = "accounts",
    operation_id = "deleteAccountUser", params(("organization_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn delete(
    Authenticated(caller): Authenticated,
    Path((id, user)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    caller.delete_account_user(&*id, user_ref(&user)).await?;
    Ok(StatusCode::NO_CONTENT)
}
