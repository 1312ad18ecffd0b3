//! Members of organizations, pending ones among them, and the links that log them in.

use std::sync::Arc;

use axum::Json;
use http::StatusCode;
use roster_engine::{
    BuiltIn as P, Error, IfInvited, MemberRef, NewMembership, PeopleQuery, PeopleSort, Person, PersonPatch,
    PersonPredicate, Right, RoleSet, Subject, UserRef,
};
use roster_http::{App, Authenticated, Body, Failure, Pairs, Path, RequestError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::cookie::ClientContext;
use crate::docs::Failures;
use crate::map::{self, DIALECT, roles, settings};
use crate::query;
use crate::wire::{Member, MembersListing, NewMember, NewResourceUuid, Role, UpdateMember};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, remove)).routes(routes!(login_link))
}

const MANAGE: Right = Right::tree(P::MembershipsWrite);

fn role(query: &Pairs) -> Result<Option<RoleSet>, Failure> {
    let Some(word) = query.optional("role")? else { return Ok(None) };
    let role: Role =
        serde_json::from_value(word.into()).map_err(|_| RequestError::invalid("role", "is not a known role"))?;
    Ok(Some(roles::shown_as(role)))
}

fn people(query: &Pairs) -> Result<PeopleQuery, Failure> {
    let sorts = [
        ("status", PeopleSort::Status),
        ("name", PeopleSort::Name),
        ("email", PeopleSort::Email),
        ("joinedAt", PeopleSort::Since),
    ];
    let mut people = PeopleQuery {
        roles: role(query)?,
        text: query::text(query, "search")?,
        test: None,
        sort: query::sort(query, &sorts)?,
        page: query::page(query)?,
    };
    if let Some(site) = query::text(query, "siteAccess")? {
        // Narrows the query, so that only possible matches are read.
        people.roles = people.roles.or(Some(roles::as_site_access()));
        let has_it = move |person: &Person| settings::sites(person.extras()).contains(&site);
        let is_asked_for = move |person: &Person| roles::is_collaborator(person.roles()) && has_it(person);
        people.test = Some(PersonPredicate(Arc::new(is_asked_for)));
    }
    Ok(people)
}

/// List an organization's members.
///
/// Includes pending members. Requires an owner or super admin, here or above.
#[utoipa::path(
    get, path = "/orgs/{org_id}/members", operation_id = "getMembers", tag = "members",
    params(
        ("org_id" = String, Path),
        ("offset" = Option<u64>, Query),
        ("limit" = Option<u64>, Query, description = "Maximum number of items. Default: all."),
        ("sortBy" = Option<String>, Query,
            description = "`status`, `name`, `email` or `joinedAt`. Default: by creation."),
        ("sortOrder" = Option<String>, Query, description = "`asc` (default) or `desc`."),
        ("search" = Option<String>, Query, description = "Part of the name or e-mail address, in any letter case."),
        ("role" = Option<Role>, Query),
        ("siteAccess" = Option<String>, Query, description = "Only collaborators of this website."),
    ),
    responses((status = 200, description = "The members.", body = MembersListing), Failures),
)]
async fn list(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
    query: Pairs,
) -> Result<Json<MembersListing>, Failure> {
    caller.organization_for(&*org, MANAGE).await?;
    let listed = caller.list_people(&*org, people(&query)?).await?;
    let catalog = caller.roles();
    let items: Vec<Member> = listed.items.iter().map(|person| map::person(&catalog, person)).collect();
    let total = listed.total.unwrap_or(items.len() as u64);
    Ok(Json(MembersListing { items, total }))
}

/// Create a member.
///
/// Makes a login a member. With the role `Owner`, it becomes the owner, if there is none. Requires an owner or super
/// admin, here or above.
#[utoipa::path(
    post, path = "/orgs/{org_id}/members", operation_id = "createMember", tag = "members",
    params(("org_id" = String, Path)), request_body = NewMember,
    responses((status = 201, description = "Created.", body = NewResourceUuid), Failures),
)]
async fn create(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
    body: Body<NewMember>,
) -> Result<(StatusCode, Json<NewResourceUuid>), Failure> {
    caller.organization_for(&*org, MANAGE).await?;
    let body = body.read()?;
    let new =
        NewMembership { roles: roles::read(&body.roles), if_invited: IfInvited::Refuse, ..NewMembership::default() };
    let member = caller.add_member(&*org, UserRef::from(&*body.login_id), new).await.map_err(|error| match error {
        Error::NotFound(Subject::User) => Error::reference("loginId", Subject::User),
        other => other,
    })?;
    Ok((StatusCode::CREATED, Json(NewResourceUuid { id: map::id(member.membership.id) })))
}

/// Get a member.
///
/// Requires an owner or super admin, here or above, or the member.
#[utoipa::path(
    get, path = "/orgs/{org_id}/members/{member_id}", operation_id = "getMember", tag = "members",
    params(("org_id" = String, Path), ("member_id" = String, Path)),
    responses((status = 200, description = "The member.", body = Member), Failures),
)]
async fn get(
    Authenticated(caller): Authenticated,
    Path((org, member)): Path<(String, String)>,
) -> Result<Json<Member>, Failure> {
    let person = caller.person(&*org, map::member_id(&member)).await?;
    Ok(Json(map::person(&caller.roles(), &person)))
}

/// Replace a member's roles and settings.
///
/// Never transfers the ownership.
#[utoipa::path(
    put, path = "/orgs/{org_id}/members/{member_id}", operation_id = "updateMember", tag = "members",
    params(("org_id" = String, Path), ("member_id" = String, Path)), request_body = UpdateMember,
    responses((status = 200, description = "Done."), Failures),
)]
async fn update(
    Authenticated(caller): Authenticated,
    Path((org, member)): Path<(String, String)>,
    body: Body<UpdateMember>,
) -> Result<StatusCode, Failure> {
    caller.organization_for(&*org, MANAGE).await?;
    let id = map::known_member_id(&member)?;
    caller.person(&*org, Some(id)).await?;
    let body = body.read()?;
    let written = body.roles.filter(|roles| !roles.is_empty()).ok_or_else(|| RequestError::missing("roles"))?;
    let (written, write) = (roles::read(&written), roles::writer(body.site_accesses.as_deref()));
    let extras = (DIALECT, settings::write(body.site_accesses, body.notifications)?);
    let patch = PersonPatch { roles: Arc::new(move |_, before| write(before, written)), extras };
    caller.update_person(&*org, id, patch).await?;
    Ok(StatusCode::OK)
}

/// Delete a member.
///
/// Ends the membership, or revokes the invite of a pending member. The owner can't be deleted.
#[utoipa::path(
    delete, path = "/orgs/{org_id}/members/{member_id}", operation_id = "deleteMember", tag = "members",
    params(("org_id" = String, Path), ("member_id" = String, Path)),
    responses((status = 204, description = "Deleted."), Failures),
)]
async fn remove(
    Authenticated(caller): Authenticated,
    Path((org, member)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    caller.organization_for(&*org, MANAGE).await?;
    caller.remove_person(&*org, map::known_member_id(&member)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Create a login link for a member.
///
/// The link logs the member in to this organization alone, once, within a minute. Requires an owner, super admin or
/// system administrator, here or at the master organization.
#[utoipa::path(
    get, path = "/orgs/{org_id}/members/{member_id}/sso", operation_id = "getOrgMemberLogin", tag = "members",
    params(("org_id" = String, Path), ("member_id" = String, Path)),
    responses((status = 201, description = "The link.", body = String, content_type = "application/json"), Failures),
)]
async fn login_link(
    Authenticated(caller): Authenticated,
    Path((org, member)): Path<(String, String)>,
    client: ClientContext,
) -> Result<(StatusCode, Json<String>), Failure> {
    caller.organization_for(&*org, Right::here_or_root(P::LoginLinksWrite)).await?;
    let member = MemberRef::Membership(map::known_member_id(&member)?);
    let issued = caller.issue_link(&*org, member).await?;
    let otp = issued.secret.ok_or_else(|| Error::Internal("a new link without its secret".into()))?;
    let link = format!("{}{}/login/sessions/sso?otp={otp}", client.url, crate::PREFIX);
    Ok((StatusCode::CREATED, Json(link)))
}
