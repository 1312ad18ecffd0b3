//! The members of an organization. All parameters are in the query; some clients announce a body, which is empty.

use axum::Json;
use axum::response::Response;
use roster_engine::{Error, MemberSort, NewMembership, RoleMap as _, RoleSet, Subject};
use roster_http::{App, Authenticated, Failure, Path, json_list};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::map;
use crate::query::Query;
use crate::scope::MEMBERSHIPS;
use crate::wire::{Empty, ListOrganizationMembershipsResponse, MembershipMetadata, Role};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list, update, remove))
}

/// Reports an unknown organization as a missing membership.
pub(crate) fn no_member(error: Error) -> Error {
    match error {
        Error::NotFound(Subject::Organization) => Error::NotFound(Subject::Membership),
        other => other,
    }
}

/// Add a member.
///
/// The user must already exist.
#[utoipa::path(
    post, path = "/v0/organizations/{org_id}/membership", operation_id = "CreateOrganizationMembership", tag = "Membership",
    params(
        ("org_id" = String, Path),
        ("email" = String, Query),
        ("role" = Role, Query),
        ("set_default" = Option<bool>, Query, description = "Whether to make this the user's only default membership."),
    ),
    responses((status = 200, description = "Success.", body = MembershipMetadata), Failures),
)]
async fn create(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
) -> Result<Json<MembershipMetadata>, Failure> {
    let organization = MEMBERSHIPS.at(&caller, &org_id).await?;
    let user = map::user_by_email(query.required("email")?);
    let new = NewMembership {
        roles: RoleSet::of(Role::role(query.role()?)),
        is_default: query.lenient_flag("set_default"),
        ..NewMembership::default()
    };
    let member = caller.add_member(organization.id, user, new).await?;
    Ok(Json(map::membership_metadata(&caller.roles(), &member)))
}

/// List an organization's members.
///
/// In order of creation.
#[utoipa::path(
    get, path = "/v0/organizations/{org_id}/membership", operation_id = "ListOrganizationMemberships", tag = "Membership",
    params(("org_id" = String, Path)),
    responses((status = 200, description = "Success.", body = ListOrganizationMembershipsResponse), Failures),
)]
async fn list(Authenticated(caller): Authenticated, Path(org_id): Path<String>) -> Result<Response, Failure> {
    let organization = MEMBERSHIPS.at(&caller, &org_id).await?;
    let members = caller.stream_members(organization.id, MemberSort::Created).await?;
    let roles = caller.roles();
    json_list(b"{\"memberships\":[", members, move |member| map::membership(&roles, &member), b"]}").await
}

/// Update a member's role.
#[utoipa::path(
    put, path = "/v0/organizations/{org_id}/membership", operation_id = "UpdateOrganizationMembership", tag = "Membership",
    params(("org_id" = String, Path), ("email" = String, Query), ("role" = Role, Query)),
    responses((status = 200, description = "Success.", body = MembershipMetadata), Failures),
)]
async fn update(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
) -> Result<Json<MembershipMetadata>, Failure> {
    let organization = MEMBERSHIPS.at(&caller, &org_id).await.map_err(no_member)?;
    let user = map::user_by_email(query.required("email")?);
    let member = caller.set_shown_role::<Role>(organization.id, user, query.role()?).await?;
    Ok(Json(map::membership_metadata(&caller.roles(), &member)))
}

/// Remove a member.
#[utoipa::path(
    delete, path = "/v0/organizations/{org_id}/membership", operation_id = "RemoveOrganizationMembership",
    tag = "Membership",
    params(("org_id" = String, Path), ("email" = String, Query)),
    responses((status = 200, description = "Success.", body = Empty), Failures),
)]
async fn remove(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
) -> Result<Json<Empty>, Failure> {
    let organization = MEMBERSHIPS.at(&caller, &org_id).await.map_err(no_member)?;
    let user = map::user_by_email(query.required("email")?);
    caller.remove_member(organization.id, user, None).await?;
    Ok(Json(Empty {}))
}
