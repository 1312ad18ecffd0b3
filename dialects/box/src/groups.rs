//! Groups.

use axum::Json;
use http::StatusCode;
use roster_engine::{BuiltIn as P, Caller, Error, Organization, OrganizationQuery, OrganizationSort, Right};
use roster_http::{App, Body, Failure, Pairs, Path};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::fields::Fields;
use crate::map::{self, groups};
use crate::query::Offsets;
use crate::session::{Session, with_shown_id};
use crate::wire::{self, Group, GroupBody};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// Groups with the given fields. One field depends on the caller's rights, which are looked up only for it.
async fn shown(caller: &Caller, found: &[Organization], fields: &Fields) -> Result<Vec<Value>, Error> {
    let may_invite = fields.ask_for("permissions")
        && match caller.realm_for(P::OrganizationsWrite).await {
            Ok(_) => true,
            Err(Error::Forbidden(_)) => false,
            Err(error) => return Err(error),
        };
    Ok(found.iter().map(|group| fields.select(&groups::group(group, may_invite), &Group::STANDARD)).collect())
}

async fn one(caller: &Caller, group: Organization, fields: &Fields) -> Result<Json<Value>, Failure> {
    Ok(Json(shown(caller, &[group], fields).await?.pop().unwrap_or_default()))
}

/// List groups.
///
/// In order of creation. Requires an admin.
#[utoipa::path(
    get, path = "/2.0/groups", operation_id = "get_groups", tag = "Groups",
    params(
        ("filter_term" = Option<String>, Query, description = "The beginning of the name, in any letter case."),
        ("fields" = Option<String>, Query), ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query),
    ),
    responses((status = 200, description = "A page of the list.", body = wire::Page<Group>), Failures),
)]
async fn list(Session(caller): Session, query: Pairs) -> Result<Json<wire::Page<Value>>, Failure> {
    // The engine asks for `organizations:read` at the root, which also a token with a plain role there holds.
    caller.realm_for(P::OrganizationsWrite).await?;
    let (at, fields) = (Offsets::of(&query)?, Fields::of(&query)?);
    let prefix = query.optional("filter_term")?.filter(|term| !term.is_empty()).map(str::to_owned);
    let wanted =
        OrganizationQuery { prefix, sort: OrganizationSort::Id, page: at.page(), ..OrganizationQuery::default() };
    let listed = caller.list_organizations(wanted).await?;
    Ok(Json(wire::Page {
        total_count: listed.total.unwrap_or_default(),
        limit: at.limit,
        offset: at.offset,
        entries: shown(&caller, &listed.items, &fields).await?,
    }))
}

/// Create a group.
///
/// The organization is created directly below the realm's root, without an owner. Requires an admin.
#[utoipa::path(
    post, path = "/2.0/groups", operation_id = "post_groups", tag = "Groups",
    params(("fields" = Option<String>, Query)),
    request_body = GroupBody,
    responses((status = 201, description = "Created.", body = Group), Failures),
)]
async fn create(
    Session(caller): Session,
    query: Pairs,
    body: Body<GroupBody>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    caller.realm_for(P::OrganizationsCreate).await?;
    let new = groups::new_group(body.read()?)?;
    let fields = Fields::of(&query)?;
    let group = with_shown_id(&caller, caller.create_organization(new).await).await?;
    Ok((StatusCode::CREATED, one(&caller, group, &fields).await?))
}

/// Get a group.
///
/// Requires an admin, or a member of the group.
#[utoipa::path(
    get, path = "/2.0/groups/{group_id}", operation_id = "get_groups_id", tag = "Groups",
    params(("group_id" = String, Path), ("fields" = Option<String>, Query)),
    responses((status = 200, description = "Success.", body = Group), Failures),
)]
async fn get(Session(caller): Session, Path(id): Path<String>, query: Pairs) -> Result<Json<Value>, Failure> {
    let group = caller.organization_for_member(map::group_ref(&id)?).await?;
    one(&caller, group, &Fields::of(&query)?).await
}

/// Update a group.
///
/// Requires an admin, or an admin of the group.
#[utoipa::path(
    put, path = "/2.0/groups/{group_id}", operation_id = "put_groups_id", tag = "Groups",
    params(("group_id" = String, Path), ("fields" = Option<String>, Query)),
    request_body = GroupBody,
    responses((status = 200, description = "Updated.", body = Group), Failures),
)]
async fn update(
    Session(caller): Session,
    Path(id): Path<String>,
    query: Pairs,
    body: Body<GroupBody>,
) -> Result<Json<Value>, Failure> {
    let group = map::group_ref(&id)?;
    // Checked here only for the order of errors: the update checks again.
    caller.organization_for(group.clone(), Right::tree(P::OrganizationsWrite)).await?;
    let patch = groups::group_patch(body.read_or_default()?)?;
    let fields = Fields::of(&query)?;
    let group = with_shown_id(&caller, caller.update_organization(group, patch).await).await?;
    one(&caller, group, &fields).await
}

/// Delete a group.
///
/// Also deletes its memberships. A group whose organization has others below it is refused. Requires an admin.
#[utoipa::path(
    delete, path = "/2.0/groups/{group_id}", operation_id = "delete_groups_id", tag = "Groups",
    params(("group_id" = String, Path)),
    responses((status = 204, description = "Deleted."), Failures),
)]
async fn delete(Session(caller): Session, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    // The engine would let a group's own admins do this; the vendor doesn't.
    caller.realm_for(P::OrganizationsWrite).await?;
    caller.delete_organization(map::group_ref(&id)?, false, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
