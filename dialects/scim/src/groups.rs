//! Groups: organizations and their members.

use axum::response::Response;
use http::StatusCode;
use roster_engine::{BuiltIn as P, Caller, GroupPatch, ProvisionedGroup};
use roster_http::{App, Authenticated, Pairs, Path};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::{Failures, ListParameters, ShowParameters};
use crate::error::Refusal;
use crate::list::{Kind, list, shown_members};
use crate::map::{Links, groups as map};
use crate::operation_result::{OperationResult, not_modified};
use crate::patch;
use crate::query::Query;
use crate::request::{Conditions, Sent};
use crate::schema::GROUPS;
use crate::selection::Selection;
use crate::wire::{self, ListResponse};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(find, create))
        .routes(routes!(search))
        .routes(routes!(get, replace, change, remove))
}

type SentBody = Result<Map<String, Value>, Refusal>;

fn done(
    status: StatusCode,
    group: &ProvisionedGroup,
    caller: &Caller,
    links: &Links,
    show: &Selection,
) -> OperationResult {
    OperationResult::resource(status, &map::group(group, &caller.roles(), links), show)
}

pub(crate) async fn make(
    caller: &Caller,
    links: &Links,
    sent: SentBody,
    show: &Selection,
) -> Result<OperationResult, Refusal> {
    caller.directory_for(P::OrganizationsWrite).await?;
    let new = map::new_group(&sent?, caller)?;
    let group = caller.provision_group(new, shown_members(show)).await?;
    Ok(done(StatusCode::CREATED, &group, caller, links, show))
}

/// Changes a group as `edit` says.
async fn edit(
    caller: &Caller,
    links: &Links,
    id: &str,
    conditions: Conditions,
    show: &Selection,
    edit: impl FnOnce(&ProvisionedGroup) -> Result<GroupPatch, Refusal> + Clone + Send + 'static,
) -> Result<OperationResult, Refusal> {
    let change = move |before: &ProvisionedGroup| -> Result<GroupPatch, Refusal> {
        let mut patch = edit(before)?;
        conditions.check(&map::version(before))?;
        patch.is_confirmed = conditions.has_if_match();
        Ok(patch)
    };
    let group = caller.change_provisioned_group(id, change, shown_members(show)).await?;
    Ok(done(StatusCode::OK, &group, caller, links, show))
}

pub(crate) async fn put(
    caller: &Caller,
    links: &Links,
    id: &str,
    conditions: Conditions,
    sent: SentBody,
    show: &Selection,
) -> Result<OperationResult, Refusal> {
    let (catalog, known) = (caller.roles(), links.clone());
    let replace = move |before: &ProvisionedGroup| map::put(before, &sent?, &catalog, &known);
    edit(caller, links, id, conditions, show, replace).await
}

/// With `show` being `None`, nothing is returned, however many members there are.
pub(crate) async fn patch(
    caller: &Caller,
    links: &Links,
    id: &str,
    conditions: Conditions,
    sent: SentBody,
    show: Option<&Selection>,
) -> Result<OperationResult, Refusal> {
    let (catalog, known) = (caller.roles(), links.clone());
    let change = move |before: &ProvisionedGroup| {
        let steps = patch::read(&sent?, &GROUPS)?;
        map::patched(before, &steps, &catalog, &known)
    };
    let nothing = Selection::new(&GROUPS, &[String::from("id")], &[]);
    let done = edit(caller, links, id, conditions, show.unwrap_or(&nothing), change).await?;
    Ok(if show.is_some() { done } else { done.without_body() })
}

pub(crate) async fn delete(caller: &Caller, id: &str, conditions: Conditions) -> Result<OperationResult, Refusal> {
    caller.deprovision_group(id, move |group| conditions.check(&map::version(group))).await?;
    Ok(OperationResult::no_content())
}

/// List groups.
///
/// Lists the groups of the key's domain.
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

/// Search groups.
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

/// Create a group.
///
/// Creates the group and its members in one transaction.
#[utoipa::path(
    post, path = "/Groups", operation_id = "scim_create_group", tag = "Groups",
    params(ShowParameters),
    request_body(content = wire::Group, content_type = "application/scim+json"),
    responses(
        (status = 201, description = "Created.", body = wire::Group, content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn create(
    Authenticated(caller): Authenticated,
    links: Links,
    pairs: Pairs,
    sent: Sent,
) -> Result<Response, Refusal> {
    let show = Query::selection_of_pairs(&pairs, &GROUPS)?;
    Ok(make(&caller, &links, sent.read(), &show).await?.response())
}

/// Get a group.
///
/// With `excludedAttributes=members`, the members aren't read at all.
#[utoipa::path(
    get, path = "/Groups/{id}", operation_id = "scim_get_group", tag = "Groups",
    params(("id" = String, Path), ShowParameters),
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
    let show = Query::selection_of_pairs(&pairs, &GROUPS)?;
    let group = caller.provisioned_group(id.as_str(), shown_members(&show)).await?;
    Ok(not_modified(&conditions, done(StatusCode::OK, &group, &caller, &links, &show)))
}

/// Replace a group.
///
/// Omitted attributes are cleared, except for members, role and parent. `members`, if given, is the complete set.
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
    let show = Query::selection_of_pairs(&pairs, &GROUPS)?;
    Ok(put(&caller, &links, &id, conditions, sent.read(), &show).await?.response())
}

/// Update a group.
///
/// Members are added and removed as sets. Returns nothing unless attributes are requested.
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
    let show = Query::selection_of_pairs(&pairs, &GROUPS)?;
    let show = (!show.is_default()).then_some(&show);
    Ok(patch(&caller, &links, &id, conditions, sent.read(), show).await?.response())
}

/// Delete a group.
///
/// Its users are kept.
#[utoipa::path(
    delete, path = "/Groups/{id}", operation_id = "scim_delete_group", tag = "Groups",
    params(("id" = String, Path)),
    responses((status = 204, description = "Deleted."), Failures),
)]
async fn remove(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Result<Response, Refusal> {
    Ok(delete(&caller, &id, conditions).await?.response())
}
