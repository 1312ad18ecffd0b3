//! What members may do.

use axum::Json;
use roster_engine::{Error, Form, NewRole, Permission, Role, RoleId, RolePatch, Subject};
use roster_http::{App, Body, Failure, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::filled;
use crate::docs::Failures;
use crate::map::roles::{hidden_permissions, key_to_wire, new_key, permission_keys, role_to_wire};
use crate::map::{self};
use crate::query::{Entry, Query};
use crate::session::{RolesSession, Session};
use crate::wire::{self, CreateRole, DeletedObject, Paged, UpdateRole};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(assign, withdraw))
}

/// The role in a path, which is named by id, not by key.
async fn find(session: &Session, id: &str) -> Result<Role, Failure> {
    let unknown = || Error::NotFound(Subject::Role);
    Form::read_any::<RoleId>(id).ok_or_else(unknown)?;
    Ok(session.caller.role(id).await?)
}

async fn shown(session: &Session, role: &Role) -> Result<Json<wire::Role>, Failure> {
    Ok(Json(role_to_wire(role, &session.caller.list_permissions().await?)))
}

/// List organization roles.
///
/// There are at most 63.
#[utoipa::path(
    get, path = "/organization_roles", operation_id = "ListOrganizationRoles", tag = "Organization Roles",
    params(
        ("query" = Option<String>, Query, description = "Part of the name or key, or an id."),
        ("order_by" = Option<String>, Query,
            description = "`created_at`, `name` or `key`, with a leading `+` (ascending, the default) or `-` \
                (descending)."),
        ("limit" = Option<f64>, Query),
        ("offset" = Option<f64>, Query),
    ),
    responses((status = 200, description = "Success.", body = Paged<wire::Role>), Failures),
)]
async fn list(RolesSession(session): RolesSession, query: Query) -> Result<Json<Paged<wire::Role>>, Failure> {
    let roles = session.caller.list_roles().await?;
    let permissions: Vec<Permission> = session.caller.list_permissions().await?;
    let entry = |role: &Role| Entry {
        id: map::id(role.id),
        name: role.name.clone(),
        key: key_to_wire(&role.key),
        created: role.created,
    };
    let (page, total_count) = query.among(&roles, entry)?;
    Ok(Json(Paged { data: page.into_iter().map(|role| role_to_wire(role, &permissions)).collect(), total_count }))
}

/// Create an organization role.
#[utoipa::path(
    post, path = "/organization_roles", operation_id = "CreateOrganizationRole", tag = "Organization Roles",
    request_body = CreateRole,
    responses((status = 200, description = "Success.", body = wire::Role), Failures),
)]
async fn create(RolesSession(session): RolesSession, body: Body<CreateRole>) -> Result<Json<wire::Role>, Failure> {
    let body = body.read()?;
    let (name, key) = (filled("name", body.name)?, new_key(&filled("key", body.key)?)?);
    let all = session.caller.list_permissions().await?;
    let new = NewRole {
        key,
        name: Some(name),
        description: body.description.unwrap_or_default(),
        permissions: permission_keys(&body.permissions.unwrap_or_default(), &all)?,
        ..NewRole::default()
    };
    let role = session.caller.create_role(new).await?;
    shown(&session, &role).await
}

/// Get an organization role.
#[utoipa::path(
    get, path = "/organization_roles/{organization_role_id}", operation_id = "GetOrganizationRole",
    tag = "Organization Roles", params(("organization_role_id" = String, Path)),
    responses((status = 200, description = "Success.", body = wire::Role), Failures),
)]
async fn get(RolesSession(session): RolesSession, Path(id): Path<String>) -> Result<Json<wire::Role>, Failure> {
    let role = find(&session, &id).await?;
    shown(&session, &role).await
}

/// Update a custom organization role.
#[utoipa::path(
    patch, path = "/organization_roles/{organization_role_id}", operation_id = "UpdateOrganizationRole",
    tag = "Organization Roles", params(("organization_role_id" = String, Path)), request_body = UpdateRole,
    responses((status = 200, description = "Success.", body = wire::Role), Failures),
)]
async fn update(
    RolesSession(session): RolesSession,
    Path(id): Path<String>,
    body: Body<UpdateRole>,
) -> Result<Json<wire::Role>, Failure> {
    find(&session, &id).await?;
    let body = body.read()?;
    let all = session.caller.list_permissions().await?;
    let patch = RolePatch {
        key: body.key.as_deref().map(new_key).transpose()?,
        name: body.name.map(|name| filled("name", name)).transpose()?,
        description: body.description,
        permissions: body.permissions.map(|ids| permission_keys(&ids, &all)).transpose()?,
        kept_permissions: hidden_permissions(),
        ..RolePatch::default()
    };
    let role = session.caller.update_role(&id, patch).await?;
    shown(&session, &role).await
}

/// Delete an organization role.
///
/// A role that is held, or promised by a pending invitation, is refused.
#[utoipa::path(
    delete, path = "/organization_roles/{organization_role_id}", operation_id = "DeleteOrganizationRole",
    tag = "Organization Roles", params(("organization_role_id" = String, Path)),
    responses((status = 200, description = "Success.", body = DeletedObject), Failures),
)]
async fn delete(RolesSession(session): RolesSession, Path(id): Path<String>) -> Result<Json<DeletedObject>, Failure> {
    find(&session, &id).await?;
    let gone = session.caller.delete_role(&id, None).await?;
    Ok(Json(DeletedObject::new("role", map::id(gone.id))))
}

/// Add a permission to an organization role.
#[utoipa::path(
    post, path = "/organization_roles/{organization_role_id}/permissions/{permission_id}",
    operation_id = "AssignPermissionToOrganizationRole", tag = "Organization Roles",
    params(("organization_role_id" = String, Path), ("permission_id" = String, Path)),
    responses((status = 200, description = "Success.", body = wire::Role), Failures),
)]
async fn assign(
    RolesSession(session): RolesSession,
    Path((id, permission)): Path<(String, String)>,
) -> Result<Json<wire::Role>, Failure> {
    find(&session, &id).await?;
    let permission = crate::permissions::find(&session, &permission).await?;
    let role = session.caller.grant(&id, &permission.key).await?;
    shown(&session, &role).await
}

/// Remove a permission from an organization role.
#[utoipa::path(
    delete, path = "/organization_roles/{organization_role_id}/permissions/{permission_id}",
    operation_id = "RemovePermissionFromOrganizationRole", tag = "Organization Roles",
    params(("organization_role_id" = String, Path), ("permission_id" = String, Path)),
    responses((status = 200, description = "Success.", body = wire::Role), Failures),
)]
async fn withdraw(
    RolesSession(session): RolesSession,
    Path((id, permission)): Path<(String, String)>,
) -> Result<Json<wire::Role>, Failure> {
    find(&session, &id).await?;
    let permission = crate::permissions::find(&session, &permission).await?;
    let role = session.caller.withdraw_grant(&id, &permission.key).await?;
    shown(&session, &role).await
}
