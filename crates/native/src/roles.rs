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
use crate::wire::{BaseWord, List, Permission, Role, or_default, present};

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
    /// 1 to 64 of `a-z`, `0-9` and `_`; unique in the realm.
    #[schema(example = "billing_clerk")]
    key: String,
    /// At most 256 characters. Default: the key.
    name: Option<String>,
    /// At most 1024 characters.
    description: Option<String>,
    #[serde(default)]
    base: BaseWord,
    /// Whether the role also counts at every organization below the one where it is held. Default: `false`.
    #[serde(default)]
    reaches_down: bool,
    /// Keys of existing permissions. Default: none.
    #[serde(default)]
    permissions: Vec<String>,
}

/// A JSON merge patch (RFC 7396): omitted fields stay unchanged, and `null` clears a field.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct UpdateRole {
    /// A new key. Holders of the role keep it.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    key: Option<String>,
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    description: Option<String>,
    /// `null` sets the default, `viewer`.
    #[serde(deserialize_with = "or_default")]
    base: Option<BaseWord>,
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    reaches_down: Option<bool>,
    /// Keys of permissions. Replaces all of them.
    #[serde(deserialize_with = "or_default")]
    permissions: Option<Vec<String>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreatePermission {
    /// 1 to 128 of `A-Z a-z 0-9 . _ : / -`, not beginning with `role:`; usually `feature:action`. Unique in the realm.
    #[schema(example = "invoices:approve")]
    key: String,
    /// At most 256 characters. Default: the key.
    name: Option<String>,
    /// At most 1024 characters.
    description: Option<String>,
}

/// A JSON merge patch (RFC 7396): omitted fields stay unchanged, and `null` clears a field.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct UpdatePermission {
    /// A new key. Roles that grant the permission still do.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    key: Option<String>,
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    description: Option<String>,
}

/// List roles.
///
/// Returns all roles of the realm, at most 63, built-in ones first.
#[utoipa::path(get, path = "/roles", tag = "roles", operation_id = "listRoles",
    responses((status = 200, body = List<Role>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(Authenticated(caller): Authenticated) -> Result<Json<List<Role>>, Failure> {
    let items: Vec<Role> = caller.list_roles().await?.iter().map(Role::from).collect();
    Ok(Json(List { total: Some(items.len() as u64), items, next_cursor: None }))
}

/// Create a role.
///
/// The caller must have `roles:write` at the realm's root, and every permission that the role grants, except those that
/// no role grants yet.
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

/// Get a role.
///
/// The role is named by its id or key.
#[utoipa::path(get, path = "/roles/{role}", tag = "roles", operation_id = "getRole", params(("role" = String, Path)),
    responses((status = 200, body = Role), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated, Path(role): Path<String>) -> Result<Response, Failure> {
    let role = caller.role(&role).await?;
    Ok(entity(StatusCode::OK, Role::from(&role), role.updated))
}

/// Update a custom role.
///
/// Takes a JSON merge patch (RFC 7396). Takes effect immediately for everyone who holds the role. Built-in roles can't
/// be changed. Requires `roles:write` at the realm's root; setting `permissions` or making the role reach down requires
/// the same permissions as creating it.
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
        ..RolePatch::default()
    };
    let role = caller.update_role(&role, patch).await?;
    Ok(entity(StatusCode::OK, Role::from(&role), role.updated))
}

/// Delete a custom role.
///
/// A role that is held or promised by a pending invitation can't be deleted, nor can a built-in one. Requires
/// `roles:write` at the realm's root.
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

/// List permissions.
///
/// Returns all permissions of the realm, sorted by key.
#[utoipa::path(get, path = "/permissions", tag = "roles", operation_id = "listPermissions",
    responses((status = 200, body = List<Permission>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list_permissions(Authenticated(caller): Authenticated) -> Result<Json<List<Permission>>, Failure> {
    let items: Vec<Permission> = caller.list_permissions().await?.iter().map(Permission::from).collect();
    Ok(Json(List { total: Some(items.len() as u64), items, next_cursor: None }))
}

/// Create a permission.
///
/// Custom permissions are for applications to check. Requires `roles:write` at the realm's root.
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

/// Get a permission.
///
/// The permission is named by its id or key.
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

/// Update a custom permission.
///
/// Takes a JSON merge patch (RFC 7396). Built-in permissions can't be changed. Requires `roles:write` at the realm's
/// root.
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

/// Delete a custom permission.
///
/// The permission is named by its id or key. Roles stop granting it. Built-in permissions can't be deleted. Requires
/// `roles:write` at the realm's root.
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
