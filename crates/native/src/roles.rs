//! `/roles` and `/permissions`.

use axum::Json;
use axum::response::Response;
use http::StatusCode;
use roster_engine::{NewPermission, NewRole, PermissionPatch, RolePatch};
use roster_http::{App, Authenticated, Body, Failure, Path};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::etag::{IfMatch, entity};
use crate::problem::Problem;
use crate::wire::{BaseWord, List, Permission, Role};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(list_permissions, create_permission))
        .routes(routes!(get_permission, update_permission, delete_permission))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateRole {
    /// `[a-z0-9_]{1,64}`, unique in the realm.
    #[schema(example = "billing_clerk")]
    key: String,
    name: Option<String>,
    description: Option<String>,
    #[serde(default)]
    base: BaseWord,
    #[serde(default)]
    reaches_down: bool,
    /// Keys of permissions that the realm has.
    #[serde(default)]
    permissions: Vec<String>,
}

/// What isn't sent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct UpdateRole {
    /// Who holds the role goes on holding it.
    key: Option<String>,
    name: Option<String>,
    description: Option<String>,
    base: Option<BaseWord>,
    reaches_down: Option<bool>,
    /// Replaces all.
    permissions: Option<Vec<String>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreatePermission {
    /// 1 to 128 of `A-Z a-z 0-9 . _ : / -`, not beginning with `role:`; `feature:action` is customary. Unique in the realm.
    #[schema(example = "invoices:approve")]
    key: String,
    name: Option<String>,
    description: Option<String>,
}

/// What isn't sent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct UpdatePermission {
    /// Roles that grant it go on granting it.
    key: Option<String>,
    name: Option<String>,
    description: Option<String>,
}

/// List all roles, the built-in ones first. There are at most 63.
#[utoipa::path(get, path = "/roles", tag = "roles", operation_id = "listRoles",
    responses((status = 200, body = List<Role>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(Authenticated(caller): Authenticated) -> Result<Json<List<Role>>, Failure> {
    let items: Vec<Role> = caller.list_roles().await?.iter().map(Role::from).collect();
    Ok(Json(List { total: Some(items.len() as u64), items, next_cursor: None }))
}

/// Define a role.
#[utoipa::path(post, path = "/roles", tag = "roles", operation_id = "createRole", request_body = CreateRole,
    responses((status = 201, body = Role), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn create(Authenticated(caller): Authenticated, body: Body<CreateRole>) -> Result<Response, Failure> {
    let b = body.read()?;
    let new = NewRole {
        key: b.key,
        name: b.name,
        description: b.description.unwrap_or_default(),
        base: b.base.into(),
        reaches_down: b.reaches_down,
        permissions: b.permissions,
    };
    let role = caller.create_role(new).await?;
    Ok(entity(StatusCode::CREATED, Role::from(&role), role.updated))
}

/// Get a role by id or key.
#[utoipa::path(get, path = "/roles/{role}", tag = "roles", operation_id = "getRole", params(("role" = String, Path)),
    responses((status = 200, body = Role), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated, Path(role): Path<String>) -> Result<Response, Failure> {
    let role = caller.role(&role).await?;
    Ok(entity(StatusCode::OK, Role::from(&role), role.updated))
}

/// Change a role of the realm's own (JSON merge patch). Effective at once for all who hold it.
#[utoipa::path(patch, path = "/roles/{role}", tag = "roles", operation_id = "updateRole",
    params(("role" = String, Path), ("If-Match" = Option<String>, Header)), request_body = UpdateRole,
    responses((status = 200, body = Role), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn update(
    Authenticated(caller): Authenticated,
    Path(role): Path<String>,
    if_match: IfMatch,
    body: Body<UpdateRole>,
) -> Result<Response, Failure> {
    let b = body.read()?;
    let patch = RolePatch {
        key: b.key,
        name: b.name,
        description: b.description,
        base: b.base.map(Into::into),
        reaches_down: b.reaches_down,
        permissions: b.permissions,
        expected: if_match.expected()?,
    };
    let role = caller.update_role(&role, patch).await?;
    Ok(entity(StatusCode::OK, Role::from(&role), role.updated))
}

/// Delete a role that nobody holds.
#[utoipa::path(delete, path = "/roles/{role}", tag = "roles", operation_id = "deleteRole",
    params(("role" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn delete(
    Authenticated(caller): Authenticated,
    Path(role): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, Failure> {
    caller.delete_role(&role, if_match.expected()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List all permissions, by key.
#[utoipa::path(get, path = "/permissions", tag = "roles", operation_id = "listPermissions",
    responses((status = 200, body = List<Permission>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list_permissions(Authenticated(caller): Authenticated) -> Result<Json<List<Permission>>, Failure> {
    let items: Vec<Permission> = caller.list_permissions().await?.iter().map(Permission::from).collect();
    Ok(Json(List { total: Some(items.len() as u64), items, next_cursor: None }))
}

/// Define a permission, for an application to ask about.
#[utoipa::path(post, path = "/permissions", tag = "roles", operation_id = "createPermission",
    request_body = CreatePermission,
    responses((status = 201, body = Permission), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn create_permission(
    Authenticated(caller): Authenticated,
    body: Body<CreatePermission>,
) -> Result<Response, Failure> {
    let b = body.read()?;
    let new = NewPermission { key: b.key, name: b.name, description: b.description.unwrap_or_default() };
    let permission = caller.create_permission(new).await?;
    Ok(entity(StatusCode::CREATED, Permission::from(&permission), permission.updated))
}

/// Get a permission by id or key.
#[utoipa::path(get, path = "/permissions/{permission}", tag = "roles", operation_id = "getPermission",
    params(("permission" = String, Path)),
    responses((status = 200, body = Permission), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get_permission(
    Authenticated(caller): Authenticated,
    Path(permission): Path<String>,
) -> Result<Response, Failure> {
    let permission = caller.permission(&permission).await?;
    Ok(entity(StatusCode::OK, Permission::from(&permission), permission.updated))
}

/// Change a permission of the realm's own (JSON merge patch).
#[utoipa::path(patch, path = "/permissions/{permission}", tag = "roles", operation_id = "updatePermission",
    params(("permission" = String, Path)), request_body = UpdatePermission,
    responses((status = 200, body = Permission), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn update_permission(
    Authenticated(caller): Authenticated,
    Path(permission): Path<String>,
    body: Body<UpdatePermission>,
) -> Result<Response, Failure> {
    let b = body.read()?;
    let patch = PermissionPatch { key: b.key, name: b.name, description: b.description };
    let permission = caller.update_permission(&permission, patch).await?;
    Ok(entity(StatusCode::OK, Permission::from(&permission), permission.updated))
}

/// Delete a permission by id or key. Roles stop granting it.
#[utoipa::path(delete, path = "/permissions/{permission}", tag = "roles", operation_id = "deletePermission",
    params(("permission" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn delete_permission(
    Authenticated(caller): Authenticated,
    Path(permission): Path<String>,
) -> Result<StatusCode, Failure> {
    caller.delete_permission(&permission).await?;
    Ok(StatusCode::NO_CONTENT)
}
