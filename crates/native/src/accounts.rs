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

/// An account's record of a user. An account is an organization directly below the realm's root.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountUser {
    organization_id: String,
    user_id: String,
    /// The user's primary e-mail address. Absent in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// The id that the provisioner assigned.
    external_id: Option<String>,
    /// Free text of the provisioner.
    user_schema: Option<String>,
    /// An inactive user has no memberships in the account or in the organizations directly below it.
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
    /// Identifies the user, who is created if the realm has none with this address.
    email: String,
    /// At most 512 characters.
    external_id: Option<String>,
    /// Free text, at most 65,536 characters.
    user_schema: Option<String>,
    /// Default: `true`.
    #[serde(default = "yes")]
    active: bool,
}

/// Replaces all fields: omitted ones are cleared, and `active` becomes `true`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplaceAccountUser {
    /// At most 512 characters.
    external_id: Option<String>,
    /// Free text, at most 65,536 characters.
    user_schema: Option<String>,
    /// Default: `true`.
    #[serde(default = "yes")]
    active: bool,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct AccountUserListQuery {
    /// Number of items per page: 1 to 500 unless the server is configured otherwise. Default: 50.
    limit: Option<u64>,
    /// The `next_cursor` of the previous page. Omit it to get the first page.
    cursor: Option<String>,
    /// Sort key: `created_at` (default). A leading `-` sorts in descending order.
    sort: Option<String>,
    /// Whether to also return `total`, the number of items in the whole list. Default: `false`.
    total: Option<bool>,
}

/// List an account's users.
///
/// Requires `accounts:write` at the account.
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

/// Create an account user.
///
/// Creates the record, and the user if the realm has none with this address, but no membership. Requires
/// `accounts:write` at the account.
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
///
/// Requires `accounts:write` at the account.
#[utoipa::path(get, path = "/organizations/{organization_id}/account-users/{user_id}", tag = "accounts",
    operation_id = "getAccountUser", params(("organization_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = AccountUser), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(
    Authenticated(caller): Authenticated,
    Path((id, user)): Path<(String, String)>,
) -> Result<Json<AccountUser>, Failure> {
    Ok(Json(AccountUser::of(&caller.account_user(&*id, user_ref(&user)).await?)))
}

/// Replace an account user.
///
/// A user who becomes inactive loses the memberships in the account and in the organizations directly below it.
/// Requires `accounts:write` at the account.
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

/// Delete an account user.
///
/// Deletes the record, and the user's memberships in the account and in the organizations directly below it. The user
/// is kept. Requires `accounts:write` at the account.
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
