//! Who has which role in an account and in what it manages.

use std::collections::BTreeMap;

use axum::Json;
use roster_engine::{Caller, ItemProblem, Organization, OrganizationRef, RoleMap as _, UserRef};
use roster_http::{App, Authenticated, Body, Failure, Path, RequestMeta};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::map;
use crate::query::Query;
use crate::scope::ACCOUNTS;
use crate::wire::{
    AccountOrganization, GetAccountMembershipsResponse, Member, OrganizationRoleMembers,
    PatchAccountMembershipsRequest, PutAccountMembershipsRequest, Role, StatusResponse,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_organizations)).routes(routes!(get, put, patch))
}

/// List an account's organizations.
///
/// Lists the organizations directly below the account, in order of creation.
#[utoipa::path(
    get, path = "/v0/accounts/org/{org_id}/organizations", operation_id = "ListManagedOrganizations", tag = "Account",
    params(("org_id" = String, Path)),
    responses((status = 200, description = "Success.", body = Vec<AccountOrganization>), Failures),
)]
async fn list_organizations(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
) -> Result<Json<Vec<AccountOrganization>>, Failure> {
    let account = ACCOUNTS.at(&caller, &org_id).await?;
    let managed = caller.managed_organizations(account.id).await?;
    Ok(Json(managed.iter().map(map::organizations::account_organization).collect()))
}

/// List an account's memberships.
///
/// Lists the members of the account and of the organizations that it manages, grouped by organization and role. A
/// filter that names something unknown matches no members.
#[utoipa::path(
    get, path = "/v0/accounts/org/{org_id}/memberships", operation_id = "GetAccountMemberships", tag = "Account",
    params(
        ("org_id" = String, Path),
        ("user_id" = Option<String>, Query),
        ("managed_org_id" = Option<String>, Query),
        ("role" = Option<Role>, Query),
    ),
    responses((status = 200, description = "Success.", body = GetAccountMembershipsResponse), Failures),
)]
async fn get(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
) -> Result<Json<GetAccountMembershipsResponse>, Failure> {
    let account = ACCOUNTS.at(&caller, &org_id).await?;
    let user = query.optional("user_id")?.map(UserRef::from);
    let managed = query.optional("managed_org_id")?.map(OrganizationRef::from);
    let role = query.optional_role()?;
    let memberships = groups(&caller, &account, managed, user, role).await?;
    Ok(Json(GetAccountMembershipsResponse { memberships }))
}

/// Sorted by organization id as shown, then by role; the members of each group by e-mail address.
async fn groups(
    caller: &Caller,
    account: &Organization,
    managed: Option<OrganizationRef>,
    user: Option<UserRef>,
    only: Option<Role>,
) -> Result<Vec<OrganizationRoleMembers>, Failure> {
    let mut groups: BTreeMap<(String, Role), Vec<Member>> = BTreeMap::new();
    let mut pieces = caller.stream_account_members(account.id, managed, user).await?;
    let roles = caller.roles();
    while let Some(piece) = pieces.next().await {
        for member in piece? {
            let role = Role::show(&roles, member.membership.roles);
            if only.is_none_or(|only| only == role) {
                let group = groups.entry((map::organization_id(&member.organization), role)).or_default();
                group.push(Member { email: map::email(&member.user), user_id: map::user_id(&member.user) });
            }
        }
    }
    let group = |((org_id, role), mut members): ((String, Role), Vec<Member>)| {
        members.sort_unstable();
        OrganizationRoleMembers { org_id, role, members }
    };
    Ok(groups.into_iter().map(group).collect())
}

/// Replace the members with a role.
///
/// Afterwards exactly the given account users have the role in the organization. Members with other roles who aren't
/// given stay unchanged.
#[utoipa::path(
    put, path = "/v0/accounts/org/{org_id}/memberships", operation_id = "PutOrganizationMemberships", tag = "Account",
    params(("org_id" = String, Path), ("managed_org_id" = String, Query), ("role" = Role, Query)),
    request_body = PutAccountMembershipsRequest,
    responses(
        (status = 200, description = "Success. `errors` lists the items that could not be processed.",
            body = StatusResponse),
        Failures,
    ),
)]
async fn put(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
    meta: RequestMeta,
    body: Body<PutAccountMembershipsRequest>,
) -> Result<Json<StatusResponse>, Failure> {
    let account = ACCOUNTS.at(&caller, &org_id).await?;
    let (managed, role) = (query.required("managed_org_id")?, query.role()?);
    let users = body.read()?.user_ids;
    let problems = caller.replace_shown_role::<Role>(account.id, managed, role, users).await?;
    Ok(Json(status(&meta, problems)))
}

/// Add and remove members with a role.
///
/// Gives the role to some account users, and ends the memberships of others who have it. First adds, then deletes.
#[utoipa::path(
    patch, path = "/v0/accounts/org/{org_id}/memberships", operation_id = "PatchOrganizationMemberships", tag = "Account",
    params(("org_id" = String, Path), ("managed_org_id" = String, Query), ("role" = Role, Query)),
    request_body = PatchAccountMembershipsRequest,
    responses(
        (status = 200, description = "Success. `errors` lists the items that could not be processed.",
            body = StatusResponse),
        Failures,
    ),
)]
async fn patch(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
    meta: RequestMeta,
    body: Body<PatchAccountMembershipsRequest>,
) -> Result<Json<StatusResponse>, Failure> {
    let account = ACCOUNTS.at(&caller, &org_id).await?;
    let (managed, role) = (query.required("managed_org_id")?, query.role()?);
    let PatchAccountMembershipsRequest { user_ids_to_add, user_ids_to_delete } = body.read()?;
    let problems =
        caller.patch_shown_role::<Role>(account.id, managed, role, user_ids_to_add, user_ids_to_delete).await?;
    Ok(Json(status(&meta, problems)))
}

fn status(meta: &RequestMeta, problems: Vec<ItemProblem>) -> StatusResponse {
    let errors = problems.into_iter().map(map::item_error).collect();
    StatusResponse { request_id: meta.request_id.to_string(), errors }
}
