//! What roles grant.

use axum::Json;
use roster_engine::{Error, Form, NewPermission, Permission, PermissionId, PermissionPatch, Subject};
use roster_http::{App, Body, Failure, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::filled;
use crate::docs::Failures;
use crate::map;
use crate::map::roles::{is_known, new_permission_key, permission, permission_to_wire};
use crate::query::{Entry, Query};
use crate::session::{RolesSession, Session};
use crate::wire::{self, CreatePermission, DeletedObject, Paged, UpdatePermission};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// The permission in a path, which is named by id, not by key.
pub(crate) async fn find(session: &Session, id: &str) -> Result<Permission, Failure> {
    let unknown = || Error::NotFound(Subject::Permission);
    Form::read_any::<PermissionId>(id).ok_or_else(unknown)?;
    let found = session.caller.permission(id).await?;
    if is_known(&found) { Ok(found) } else { Err(unknown().into()) }
}

/// List organization permissions.
///
/// Returns all permissions that Clerk has, and the realm's custom ones.
#[utoipa::path(
    get, path = "/organization_permissions", operation_id = "ListOrganizationPermissions",
    tag = "Organization Permissions",
    params(
        ("query" = Option<String>, Query, description = "Part of the name or key, or an id."),
        ("order_by" = Option<String>, Query,
            description = "`created_at`, `name` or `key`, with a leading `+` (ascending, the default) or `-` \
                (descending)."),
        ("limit" = Option<f64>, Query),
        ("offset" = Option<f64>, Query),
    ),
    responses((status = 200, description = "Success.", body = Paged<wire::Permission>), Failures),
)]
async fn list(RolesSession(session): RolesSession, query: Query) -> Result<Json<Paged<wire::Permission>>, Failure> {
    let mut all = session.caller.list_permissions().await?;
    all.retain(is_known);
    let entry = |p: &Permission| Entry {
        id: map::id(p.id),
        name: p.name.clone(),
        key: permission_to_wire(&p.key),
        created: p.created,
    };
    let (page, total_count) = query.among(&all, entry)?;
    Ok(Json(Paged { data: page.into_iter().map(permission).collect(), total_count }))
}

/// Create an organization permission.
///
/// Custom permissions are for applications to check.
#[utoipa::path(
    post, path = "/organization_permissions", operation_id = "CreateOrganizationPermission",
    tag = "Organization Permissions", request_body = CreatePermission,
    responses((status = 200, description = "Success.", body = wire::Permission), Failures),
)]
async fn create(
    RolesSession(session): RolesSession,
    body: Body<CreatePermission>,
) -> Result<Json<wire::Permission>, Failure> {
    let body = body.read()?;
    let (name, key) = (filled("name", body.name)?, new_permission_key(&filled("key", body.key)?)?);
    let new = NewPermission { key, name: Some(name), description: body.description.unwrap_or_default() };
    Ok(Json(permission(&session.caller.create_permission(new).await?)))
}

/// Get an organization permission.
#[utoipa::path(
    get, path = "/organization_permissions/{permission_id}", operation_id = "GetOrganizationPermission",
    tag = "Organization Permissions", params(("permission_id" = String, Path)),
    responses((status = 200, description = "Success.", body = wire::Permission), Failures),
)]
async fn get(RolesSession(session): RolesSession, Path(id): Path<String>) -> Result<Json<wire::Permission>, Failure> {
    Ok(Json(permission(&find(&session, &id).await?)))
}

/// Update a custom organization permission.
///
/// Roles that grant it still do.
#[utoipa::path(
    patch, path = "/organization_permissions/{permission_id}", operation_id = "UpdateOrganizationPermission",
    tag = "Organization Permissions", params(("permission_id" = String, Path)), request_body = UpdatePermission,
    responses((status = 200, description = "Success.", body = wire::Permission), Failures),
)]
async fn update(
    RolesSession(session): RolesSession,
    Path(id): Path<String>,
    body: Body<UpdatePermission>,
) -> Result<Json<wire::Permission>, Failure> {
    let found = find(&session, &id).await?;
    let body = body.read()?;
    let patch = PermissionPatch {
        // What a built-in one is called isn't for the engine to read.
        key: body.key.filter(|_| !found.system).as_deref().map(new_permission_key).transpose()?,
        name: body.name.map(|name| filled("name", name)).transpose()?,
        description: body.description,
    };
    Ok(Json(permission(&session.caller.update_permission(&id, patch).await?)))
}

/// Delete an organization permission.
///
/// Roles stop granting it.
#[utoipa::path(
    delete, path = "/organization_permissions/{permission_id}", operation_id = "DeleteOrganizationPermission",
    tag = "Organization Permissions", params(("permission_id" = String, Path)),
    responses((status = 200, description = "Success.", body = DeletedObject), Failures),
)]
async fn delete(RolesSession(session): RolesSession, Path(id): Path<String>) -> Result<Json<DeletedObject>, Failure> {
    find(&session, &id).await?;
    let gone = session.caller.delete_permission(&id).await?;
    Ok(Json(DeletedObject::new("permission", map::id(gone.id))))
}
