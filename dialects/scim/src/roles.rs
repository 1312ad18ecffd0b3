//! Groups of `/scim/roles/v2`: each is one role of one organization. They are there as long as both are.

use axum::response::Response;
use http::StatusCode;
use roster_engine::{BuiltIn as P, Caller, DirectoryQuery, GroupNarrow, GroupPatch, MembersWanted, ProvisionedGroup};
use roster_http::{App, Authenticated, Pairs, Path};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::{Failures, ListParameters, ShowParameters};
use crate::error::Refusal;
use crate::filter::sort_key;
use crate::list::{Kind, Page, Shown, deciding_members, filter_of, list, shown_members};
use crate::map::{Links, groups, roles as map};
use crate::operation_result::{OperationResult, not_modified};
use crate::patch;
use crate::query::{Query, Start};
use crate::request::{Conditions, Sent};
use crate::schema::{ROLE_GROUPS, Resource};
use crate::selection::Selection;
use crate::wire::{self, ListResponse};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(find, create))
        .routes(routes!(search))
        .routes(routes!(get, replace, change, remove))
}

type SentBody = Result<Map<String, Value>, Refusal>;

pub(crate) async fn refuse(caller: &Caller) -> Refusal {
    match caller.directory_for(P::OrganizationsWrite).await {
        Ok(_) => Refusal::mutability("a group here is a role of an organization: it can't be made or deleted"),
        Err(error) => error.into(),
    }
}

/// Changes who holds a role.
async fn edit(
    caller: &Caller,
    links: &Links,
    id: &str,
    conditions: Conditions,
    show: &Selection,
    edit: impl FnOnce(&map::RoleGroupIds) -> Result<GroupPatch, Refusal> + Clone + Send + 'static,
) -> Result<OperationResult, Refusal> {
    let named = map::RoleGroupRef::read(id, &caller.roles())?;
    let role = named.role;
    let change = move |before: &ProvisionedGroup, external_id: Option<String>| -> Result<GroupPatch, Refusal> {
        let known = map::RoleGroupIds { id: map::id_of(before, &named.key), external_id };
        let mut patch = edit(&known)?;
        conditions.check(&groups::version(before))?;
        if named.is_owner() {
            return Err(Refusal::mutability("who owns an organization is no matter of a directory"));
        }
        patch.is_confirmed = conditions.has_if_match();
        Ok(patch)
    };
    let organization = map::RoleGroupRef::read(id, &caller.roles())?.organization;
    let (group, _) = caller.change_role_group(organization, role, change, shown_members(show)).await?;
    one(caller, links, &group, id, show)
}

fn one(
    caller: &Caller,
    links: &Links,
    group: &ProvisionedGroup,
    id: &str,
    show: &Selection,
) -> Result<OperationResult, Refusal> {
    let named = map::RoleGroupRef::read(id, &caller.roles())?;
    Ok(OperationResult::resource(StatusCode::OK, &map::group(group, named.role, &named.key, links), show))
}

pub(crate) async fn put(
    caller: &Caller,
    links: &Links,
    id: &str,
    conditions: Conditions,
    sent: SentBody,
    show: &Selection,
) -> Result<OperationResult, Refusal> {
    edit(caller, links, id, conditions, show, move |known| map::put(known, &sent?)).await
}

pub(crate) async fn patch(
    caller: &Caller,
    links: &Links,
    id: &str,
    conditions: Conditions,
    sent: SentBody,
    show: Option<&Selection>,
) -> Result<OperationResult, Refusal> {
    let known_links = links.clone();
    let change =
        move |known: &map::RoleGroupIds| map::patched(known, &patch::read(&sent?, &ROLE_GROUPS)?, &known_links);
    let nothing = Selection::new(&ROLE_GROUPS, &[String::from("id")], &[]);
    let done = edit(caller, links, id, conditions, show.unwrap_or(&nothing), change).await?;
    Ok(if show.is_some() { done } else { done.without_body() })
}

/// A page of all roles of all organizations.
pub(crate) async fn page(
    caller: &Caller,
    links: &Links,
    query: &Query,
    start: Start,
    elsewhere: &[&'static Resource],
) -> Result<Page, Refusal> {
    let filter = filter_of(caller, links, query, &ROLE_GROUPS, elsewhere).await?;
    let target = query.sort(&ROLE_GROUPS, elsewhere)?;
    let selection = query.selection(&ROLE_GROUPS);
    let roles = caller.roles();
    let roles: Vec<_> = roles.iter().map(|role| (role.number, role.key.clone())).collect();
    let each = roles.len().max(1) as u64;
    let plain = filter.is_none() && query.sort_by.is_none();
    let first = start.offset / each;
    let shown = shown_members(&selection);
    let members = match (&filter, &target) {
        (_, Some(target)) if target.place.attribute.name == "members" => MembersWanted::Shown,
        (Some(filter), _) => deciding_members(filter),
        _ => MembersWanted::None,
    };
    let asked = DirectoryQuery::<ProvisionedGroup, GroupNarrow> {
        offset: if plain { first } else { 0 },
        limit: if plain { query.count / each + 2 } else { u64::MAX },
        ..DirectoryQuery::default()
    };
    let found = caller.list_provisioned_groups(asked, if plain { shown.clone() } else { members }).await?;
    let mut all: Vec<(String, Map<String, Value>)> = Vec::new();
    for group in &found.items {
        for (number, key) in &roles {
            let whole = map::group(group, *number, key, links);
            if filter.as_ref().is_none_or(|filter| filter.fits(&whole)) {
                all.push((map::id_of(group, key), whole));
            }
        }
    }
    let total = if plain { found.total * roles.len() as u64 } else { all.len() as u64 };
    if let Some(target) = &target {
        let key = |whole: &Map<String, Value>| sort_key(&target.place, target.sub, whole);
        all.sort_by_cached_key(|(_, whole)| (key(whole).is_none(), key(whole)));
        if query.descending {
            all.reverse();
        }
    }
    let skipped = if plain { start.offset - first * each } else { start.offset };
    let rest = all.into_iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX));
    let count = usize::try_from(query.count).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    for (at, (id, whole)) in rest.take(count).enumerate() {
        // The members needed for the filter aren't necessarily those that are shown.
        let whole = if plain || shown == MembersWanted::None {
            whole
        } else {
            let named = map::RoleGroupRef::read(&id, &caller.roles())?;
            let (group, _) = caller.role_group(named.organization, named.role, shown.clone()).await?;
            map::group(&group, named.role, &named.key, links)
        };
        let id = i64::try_from(start.offset + at as u64 + 1).unwrap_or(i64::MAX);
        items.push(Shown { id, key: None, resource: selection.show(&whole) });
    }
    let more = start.offset.saturating_add(items.len() as u64) < total;
    let last = items.last().filter(|_| more).map(|item| item.id);
    Ok(Page { items, total, last })
}

/// List role groups.
///
/// Lists the roles of the domain's organizations.
#[utoipa::path(
    get, path = "/Groups", operation_id = "scim_list_groups", tag = "Groups",
    params(ListParameters, ShowParameters),
    responses(
        (status = 200, description = "A page of the list.", body = ListResponse,
            content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn find(Authenticated(caller): Authenticated, links: Links, pairs: Pairs) -> Result<Response, Refusal> {
    caller.directory().await?;
    list(&caller, &links, &Query::of_pairs(&pairs)?, Kind::Groups).await
}

/// Search role groups.
///
/// The same as the list, with the query in the body.
#[utoipa::path(
    post, path = "/Groups/.search", operation_id = "scim_search_groups", tag = "Groups",
    request_body(content = wire::SearchRequest, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "A page of the list.", body = ListResponse,
            content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn search(Authenticated(caller): Authenticated, links: Links, sent: Sent) -> Result<Response, Refusal> {
    caller.directory().await?;
    list(&caller, &links, &Query::of_body(&sent.read()?)?, Kind::Groups).await
}

/// Create a role group.
///
/// Always refused: roles and organizations are created elsewhere.
#[utoipa::path(
    post, path = "/Groups", operation_id = "scim_create_group", tag = "Groups",
    request_body(content = wire::Group, content_type = "application/scim+json"),
    responses((status = 201, description = "Never returned."), Failures),
)]
async fn create(Authenticated(caller): Authenticated) -> Result<Response, Refusal> {
    Err(refuse(&caller).await)
}

/// Get a role group.
///
/// Returns a role of an organization and the members who have it.
#[utoipa::path(
    get, path = "/Groups/{id}", operation_id = "scim_get_group", tag = "Groups",
    params(("id" = String, Path, description = "`whylabs-ORGANIZATION:role`"), ShowParameters),
    responses(
        (status = 200, description = "Success.", body = wire::Group, content_type = "application/scim+json"),
        (status = 304, description = "Not modified since the version in `If-None-Match`."), Failures,
    ),
)]
async fn get(
    Authenticated(caller): Authenticated,
    links: Links,
    Path(id): Path<String>,
    conditions: Conditions,
    pairs: Pairs,
) -> Result<Response, Refusal> {
    caller.directory().await?;
    let named = map::RoleGroupRef::read(&id, &caller.roles())?;
    let show = Query::selection_of_pairs(&pairs, &ROLE_GROUPS)?;
    let (group, _) = caller.role_group(named.organization, named.role, shown_members(&show)).await?;
    Ok(not_modified(&conditions, one(&caller, &links, &group, &id, &show)?))
}

/// Replace a role group.
///
/// Sets the members who have the role, if `members` is given.
#[utoipa::path(
    put, path = "/Groups/{id}", operation_id = "scim_replace_group", tag = "Groups",
    params(("id" = String, Path), ShowParameters),
    request_body(content = wire::Group, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "Updated.", body = wire::Group, content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn replace(
    Authenticated(caller): Authenticated,
    links: Links,
    Path(id): Path<String>,
    conditions: Conditions,
    pairs: Pairs,
    sent: Sent,
) -> Result<Response, Refusal> {
    caller.directory_for(P::MembershipsWrite).await?;
    let show = Query::selection_of_pairs(&pairs, &ROLE_GROUPS)?;
    Ok(put(&caller, &links, &id, conditions, sent.read(), &show).await?.response())
}

/// Update a role group.
///
/// Gives or removes the role. A user who gets it becomes a member if necessary; a member whose last role is removed is
/// no longer a member.
#[utoipa::path(
    patch, path = "/Groups/{id}", operation_id = "scim_change_group", tag = "Groups",
    params(("id" = String, Path), ShowParameters),
    request_body(content = wire::PatchOp, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "Updated.", body = wire::Group, content_type = "application/scim+json"),
        (status = 204, description = "Done."), Failures,
    ),
)]
async fn change(
    Authenticated(caller): Authenticated,
    links: Links,
    Path(id): Path<String>,
    conditions: Conditions,
    pairs: Pairs,
    sent: Sent,
) -> Result<Response, Refusal> {
    caller.directory_for(P::MembershipsWrite).await?;
    let show = Query::selection_of_pairs(&pairs, &ROLE_GROUPS)?;
    let show = (!show.is_default()).then_some(&show);
    Ok(patch(&caller, &links, &id, conditions, sent.read(), show).await?.response())
}

/// Delete a role group.
///
/// Always refused: roles and organizations are deleted elsewhere.
#[utoipa::path(
    delete, path = "/Groups/{id}", operation_id = "scim_delete_group", tag = "Groups",
    params(("id" = String, Path)),
    responses((status = 204, description = "Never returned."), Failures),
)]
async fn remove(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Response, Refusal> {
    caller.directory().await?;
    let named = map::RoleGroupRef::read(&id, &caller.roles())?;
    caller.provisioned_group(named.organization, MembersWanted::None).await?;
    Err(refuse(&caller).await)
}
