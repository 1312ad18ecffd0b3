//! Who belongs to an organization.

use axum::Json;
use roster_engine::{
    BuiltIn as P, Error, MemberQuery, MemberSort, MembershipPatch, NewMembership, OrganizationId, Right, RoleSet,
    UserRef,
};
use roster_http::{App, Body, Failure, Path, Row};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::{filled, fitting, merged};
use crate::docs::Failures;
use crate::map::{self, roles};
use crate::query::{PARTS, Query};
use crate::session::Session;
use crate::wire::{CreateMembership, MergeMetadata, OrganizationMembership, Paged, UpdateMembership};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(update, remove))
        .routes(routes!(merge_metadata))
        .routes(routes!(list_all))
        .routes(routes!(list_of_user))
}

fn sorts() -> Vec<(&'static str, MemberSort)> {
    let parts = PARTS.map(|(name, part)| (name, MemberSort::Part(part)));
    [("created_at", MemberSort::Created)].into_iter().chain(parts).collect()
}

/// Create an organization membership.
#[utoipa::path(
    post, path = "/organizations/{organization_id}/memberships", operation_id = "CreateOrganizationMembership",
    tag = "Organization Memberships", params(("organization_id" = String, Path)), request_body = CreateMembership,
    responses((status = 200, description = "Success.", body = OrganizationMembership), Failures),
)]
async fn create(
    session: Session,
    Path(organization_id): Path<String>,
    body: Body<CreateMembership>,
) -> Result<Json<OrganizationMembership>, Failure> {
    let caller = &session.caller;
    let organization = caller.organization_for(&*organization_id, Right::tree(P::MembershipsWrite)).await?;
    let body = body.read()?;
    let (user, key) = (filled("user_id", body.user_id)?, filled("role", body.role)?);
    // The form of everything is looked at before what it names.
    let public = fitting("public_metadata", body.public_metadata)?;
    let private = fitting("private_metadata", body.private_metadata)?;
    let roles = RoleSet::of(roles::role(&caller.roles(), &key)?);
    let new = NewMembership { roles, public, private, ..NewMembership::default() };
    let member = caller.add_member(organization.id, &*user, new).await.map_err(map::with_user_named(&user))?;
    Ok(Json(session.membership(&member).await?))
}

/// List an organization's memberships.
///
/// Returns those that match all filters, newest first by default.
#[utoipa::path(
    get, path = "/organizations/{organization_id}/memberships", operation_id = "ListOrganizationMemberships",
    tag = "Organization Memberships",
    params(
        ("organization_id" = String, Path),
        ("order_by" = Option<String>, Query,
            description = "`created_at`, `first_name`, `last_name`, `email_address`, `phone_number` or `username`, \
                with a leading `+` (ascending, the default) or `-` (descending). Default: `-created_at`."),
        ("limit" = Option<f64>, Query, description = "Number of items per page, 1 to 500. Default: 10."),
        ("offset" = Option<f64>, Query),
        ("user_id" = Option<Vec<String>>, Query, description = "A leading `-` excludes the value."),
        ("email_address" = Option<Vec<String>>, Query),
        ("phone_number" = Option<Vec<String>>, Query),
        ("username" = Option<Vec<String>>, Query),
        ("role" = Option<Vec<String>>, Query),
        ("query" = Option<String>, Query, description = "Part of a name, address or user name, or an id."),
        ("email_address_query" = Option<String>, Query),
        ("phone_number_query" = Option<String>, Query),
        ("username_query" = Option<String>, Query),
        ("name_query" = Option<String>, Query),
        ("created_at_before" = Option<i64>, Query, description = "Compared with the creation time of the user."),
        ("created_at_after" = Option<i64>, Query, description = "Compared with the creation time of the user."),
    ),
    responses((status = 200, description = "Success.", body = Paged<OrganizationMembership>), Failures),
)]
async fn list(
    session: Session,
    Path(organization_id): Path<String>,
    query: Query,
) -> Result<Json<Paged<Row>>, Failure> {
    let caller = &session.caller;
    let organization = caller.organization(&*organization_id).await?;
    let (sort, page) = query.page(&sorts(), MemberSort::Created)?;
    let catalog = caller.roles();
    // A role that isn't there is nobody's.
    let shown = query.all("role")?.map(|keys| keys.iter().filter_map(|key| roles::role(&catalog, key).ok()).collect());
    let query = MemberQuery { strongest: shown, users: query.users()?, sort, page, ..MemberQuery::default() };
    let listed = caller.list_members(organization.id, query).await?;
    Ok(Json(session.memberships(&listed).await?))
}

/// The organization and user in a path, as references for the engine.
async fn place(session: &Session, organization: &str, user: &str) -> Result<(OrganizationId, UserRef), Error> {
    let right = Right::tree(P::MembershipsWrite);
    let organization = session.caller.organization_for(organization, right).await?.id;
    let member = session.caller.member(organization, user).await.map_err(map::with_user_named(user))?;
    Ok((organization, member.user.id.into()))
}

/// Update an organization membership.
///
/// Changes the member's role.
#[utoipa::path(
    patch, path = "/organizations/{organization_id}/memberships/{user_id}",
    operation_id = "UpdateOrganizationMembership", tag = "Organization Memberships",
    params(("organization_id" = String, Path), ("user_id" = String, Path)), request_body = UpdateMembership,
    responses((status = 200, description = "Success.", body = OrganizationMembership), Failures),
)]
async fn update(
    session: Session,
    Path((organization_id, user_id)): Path<(String, String)>,
    body: Body<UpdateMembership>,
) -> Result<Json<OrganizationMembership>, Failure> {
    let caller = &session.caller;
    let (organization, user) = place(&session, &organization_id, &user_id).await?;
    let role = roles::role(&caller.roles(), &filled("role", body.read()?.role)?)?;
    let member = caller.set_shown_role::<roles::Strongest>(organization, user, role).await?;
    Ok(Json(session.membership(&member).await?))
}

/// Delete an organization membership.
///
/// Returns the membership as it was.
#[utoipa::path(
    delete, path = "/organizations/{organization_id}/memberships/{user_id}",
    operation_id = "DeleteOrganizationMembership", tag = "Organization Memberships",
    params(("organization_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, description = "Success.", body = OrganizationMembership), Failures),
)]
async fn remove(
    session: Session,
    Path((organization_id, user_id)): Path<(String, String)>,
) -> Result<Json<OrganizationMembership>, Failure> {
    let removed = session.caller.remove_member(&*organization_id, &*user_id, None).await;
    let member = removed.map_err(map::with_user_named(&user_id))?;
    Ok(Json(session.membership(&member).await?))
}

/// Merge an organization membership's metadata.
#[utoipa::path(
    patch, path = "/organizations/{organization_id}/memberships/{user_id}/metadata",
    operation_id = "UpdateOrganizationMembershipMetadata", tag = "Organization Memberships",
    params(("organization_id" = String, Path), ("user_id" = String, Path)), request_body = MergeMetadata,
    responses((status = 200, description = "Success.", body = OrganizationMembership), Failures),
)]
async fn merge_metadata(
    session: Session,
    Path((organization_id, user_id)): Path<(String, String)>,
    body: Body<MergeMetadata>,
) -> Result<Json<OrganizationMembership>, Failure> {
    let (organization, user) = place(&session, &organization_id, &user_id).await?;
    let body = body.read()?;
    let patch = MembershipPatch {
        public: merged(body.public_metadata),
        private: merged(body.private_metadata),
        ..MembershipPatch::default()
    };
    let member = session.caller.update_member(organization, user, patch).await?;
    Ok(Json(session.membership(&member).await?))
}

/// List the memberships of all organizations.
#[utoipa::path(
    get, path = "/organization_memberships", operation_id = "InstanceGetOrganizationMemberships",
    tag = "Organization Memberships",
    params(
        ("order_by" = Option<String>, Query),
        ("limit" = Option<f64>, Query),
        ("offset" = Option<f64>, Query),
    ),
    responses((status = 200, description = "Success.", body = Paged<OrganizationMembership>), Failures),
)]
async fn list_all(session: Session, query: Query) -> Result<Json<Paged<Row>>, Failure> {
    let (sort, page) = query.page(&sorts(), MemberSort::Created)?;
    let listed = session.caller.list_all_members(MemberQuery { sort, page, ..MemberQuery::default() }).await?;
    Ok(Json(session.memberships(&listed).await?))
}

/// List a user's organization memberships.
///
/// Newest first.
#[utoipa::path(
    get, path = "/users/{user_id}/organization_memberships", operation_id = "UsersGetOrganizationMemberships",
    tag = "Organization Memberships",
    params(("user_id" = String, Path), ("limit" = Option<f64>, Query), ("offset" = Option<f64>, Query)),
    responses((status = 200, description = "Success.", body = Paged<OrganizationMembership>), Failures),
)]
async fn list_of_user(
    session: Session,
    Path(user_id): Path<String>,
    query: Query,
) -> Result<Json<Paged<Row>>, Failure> {
    let user = session.caller.user_id(&*user_id).await?;
    let (sort, page) = query.page(&sorts(), MemberSort::Created)?;
    let query = MemberQuery { sort, page, ..MemberQuery::default() };
    let listed = session.caller.list_memberships_of(user, query).await?;
    Ok(Json(session.memberships(&listed).await?))
}
