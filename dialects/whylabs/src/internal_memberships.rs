//! Memberships across organizations, for the vendor's own services. The semantics are those of [`crate::memberships`].

use axum::Json;
use axum::response::Response as HttpResponse;
use roster_engine::{
    Caller, Error, MemberQuery, MemberSort, NewMembership, Organization, RoleMap as _, RoleSet, Subject, UserRef,
};
use roster_http::{App, Authenticated, Body, Failure, Path, RequestMeta, json_list};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::error::ORGANIZATION;
use crate::map::organizations::managed_updates_only;
use crate::memberships::no_member;
use crate::query::Query;
use crate::wire::{
    AddMembershipRequest, GetDefaultMembershipResponse, GetMembershipsResponse, Membership, MembershipMetadata,
    RemoveMembershipRequest, Response, Role, SetDefaultMembershipRequest, UpdateMembershipRequest,
};
use crate::{map, scope};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, update, remove))
        .routes(routes!(get_default, set_default))
        .routes(routes!(by_organization))
        .routes(routes!(by_email))
        .routes(routes!(by_user))
}

/// The organization, if these operations may change its memberships, which it can reserve for its account.
async fn open(caller: &Caller, organization: &str) -> Result<Organization, Error> {
    let organization = caller.organization(organization).await?;
    if managed_updates_only(&organization) {
        return Err(Error::invalid(ORGANIZATION, "takes membership updates from its account only"));
    }
    Ok(organization)
}

/// All memberships of a user, by creation.
async fn memberships_of(caller: &Caller, user: UserRef) -> Result<Vec<Membership>, Error> {
    let members = caller.list_memberships_of(user, MemberQuery::default()).await?.items;
    let roles = caller.roles();
    Ok(members.iter().map(|member| map::membership(&roles, member)).collect())
}

/// Add a member.
#[utoipa::path(
    post, path = "/v0/membership", operation_id = "CreateMembership", tag = "Membership",
    request_body = AddMembershipRequest,
    responses((status = 200, description = "Success.", body = MembershipMetadata), Failures),
)]
async fn create(
    Authenticated(caller): Authenticated,
    body: Body<AddMembershipRequest>,
) -> Result<Json<MembershipMetadata>, Failure> {
    scope::internal(&caller)?;
    let wanted = body.read()?;
    let organization = open(&caller, &wanted.org_id).await?;
    let new = NewMembership {
        roles: RoleSet::of(Role::role(wanted.role)),
        is_default: wanted.default.unwrap_or_default(),
        ..NewMembership::default()
    };
    let member = caller.add_member(organization.id, map::user_by_email(&wanted.email), new).await?;
    Ok(Json(map::membership_metadata(&caller.roles(), &member)))
}

/// Update a member's role.
#[utoipa::path(
    put, path = "/v0/membership", operation_id = "UpdateMembershipByEmail", tag = "Membership",
    request_body = UpdateMembershipRequest,
    responses((status = 200, description = "Success.", body = MembershipMetadata), Failures),
)]
async fn update(
    Authenticated(caller): Authenticated,
    body: Body<UpdateMembershipRequest>,
) -> Result<Json<MembershipMetadata>, Failure> {
    scope::internal(&caller)?;
    let wanted = body.read()?;
    let organization = open(&caller, &wanted.org_id).await.map_err(no_member)?;
    let user = map::user_by_email(&wanted.email);
    let member = caller.set_shown_role::<Role>(organization.id, user, wanted.role).await?;
    Ok(Json(map::membership_metadata(&caller.roles(), &member)))
}

/// Remove a member.
#[utoipa::path(
    delete, path = "/v0/membership", operation_id = "RemoveMembershipByEmail", tag = "Membership",
    request_body = RemoveMembershipRequest,
    responses((status = 200, description = "Success.", body = Response), Failures),
)]
async fn remove(
    Authenticated(caller): Authenticated,
    meta: RequestMeta,
    body: Body<RemoveMembershipRequest>,
) -> Result<Json<Response>, Failure> {
    scope::internal(&caller)?;
    let wanted = body.read()?;
    let organization = open(&caller, &wanted.org_id).await.map_err(no_member)?;
    caller.remove_member(organization.id, map::user_by_email(&wanted.email), None).await?;
    Ok(Json(Response::of(&meta)))
}

/// Get a user's default membership.
///
/// The membership in which the user starts: the one marked as the default, or else the one with the smallest
/// organization id.
#[utoipa::path(
    get, path = "/v0/membership/default", operation_id = "GetDefaultMembershipForEmail", tag = "Membership",
    params(("email" = String, Query)),
    responses((status = 200, description = "Success.", body = GetDefaultMembershipResponse), Failures),
)]
async fn get_default(
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Json<GetDefaultMembershipResponse>, Failure> {
    scope::internal(&caller)?;
    let memberships = memberships_of(&caller, map::user_by_email(query.required("email")?)).await?;
    let membership = memberships.into_iter().min_by(|a, b| (!a.default, &a.org_id).cmp(&(!b.default, &b.org_id)));
    Ok(Json(GetDefaultMembershipResponse { membership }))
}

/// Set a user's default membership.
///
/// Makes the organization the one in which the user starts.
#[utoipa::path(
    post, path = "/v0/membership/default", operation_id = "SetDefaultMembership", tag = "Membership",
    request_body = SetDefaultMembershipRequest,
    responses((status = 200, description = "Success.", body = Response), Failures),
)]
async fn set_default(
    Authenticated(caller): Authenticated,
    meta: RequestMeta,
    body: Body<SetDefaultMembershipRequest>,
) -> Result<Json<Response>, Failure> {
    scope::internal(&caller)?;
    let wanted = body.read()?;
    let organization = open(&caller, &wanted.org_id).await.map_err(no_member)?;
    caller.set_default_membership(organization.id, &*wanted.user_id).await?;
    Ok(Json(Response::of(&meta)))
}

/// List an organization's members.
#[utoipa::path(
    get, path = "/v0/membership/org/{org_id}", operation_id = "GetMembershipsByOrg", tag = "Membership",
    params(("org_id" = String, Path)),
    responses((status = 200, description = "Success.", body = GetMembershipsResponse), Failures),
)]
async fn by_organization(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
) -> Result<HttpResponse, Failure> {
    scope::internal(&caller)?;
    let members = caller.stream_members(&*org_id, MemberSort::Created).await?;
    let roles = caller.roles();
    json_list(b"{\"memberships\":[", members, move |member| map::membership(&roles, &member), b"]}").await
}

/// List a user's memberships by e-mail address.
#[utoipa::path(
    get, path = "/v0/membership/user", operation_id = "GetMembershipsByEmail", tag = "Membership",
    params(("email" = String, Query)),
    responses((status = 200, description = "Success.", body = GetMembershipsResponse), Failures),
)]
async fn by_email(Authenticated(caller): Authenticated, query: Query) -> Result<Json<GetMembershipsResponse>, Failure> {
    scope::internal(&caller)?;
    let memberships = memberships_of(&caller, map::user_by_email(query.required("email")?)).await?;
    Ok(Json(GetMembershipsResponse { memberships }))
}

/// List a user's memberships.
///
/// The list of an unknown user is empty.
#[utoipa::path(
    get, path = "/v0/membership/user/{user_id}", operation_id = "GetMemberships", tag = "Membership",
    params(("user_id" = String, Path), ("include_claims" = Option<bool>, Query, description = "Ignored.")),
    responses((status = 200, description = "Success.", body = GetMembershipsResponse), Failures),
)]
async fn by_user(
    Authenticated(caller): Authenticated,
    Path(user_id): Path<String>,
) -> Result<Json<GetMembershipsResponse>, Failure> {
    scope::internal(&caller)?;
    let memberships = match memberships_of(&caller, UserRef::from(&*user_id)).await {
        Err(Error::NotFound(Subject::User)) => Vec::new(),
        memberships => memberships?,
    };
    Ok(Json(GetMembershipsResponse { memberships }))
}
