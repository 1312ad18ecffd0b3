//! Users.

use axum::response::Response;
use http::StatusCode;
use roster_engine::{BuiltIn as P, Caller, ProvisionedUser, RoleCatalog, UserProfilePatch};
use roster_http::{App, Authenticated, Pairs, Path};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::{Failures, ListParameters, ShowParameters};
use crate::error::Refusal;
use crate::list::{Kind, list};
use crate::map::{Links, text, users as map};
use crate::operation_result::{OperationResult, not_modified};
use crate::patch;
use crate::query::Query;
use crate::request::{Conditions, Sent};
use crate::schema::USERS;
use crate::selection::Selection;
use crate::value;
use crate::wire::{self, ListResponse};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(find, create))
        .routes(routes!(search))
        .routes(routes!(get, replace, change, remove))
}

type SentBody = Result<Map<String, Value>, Refusal>;

fn with_a_name(document: &Map<String, Value>) -> Result<(), Refusal> {
    if text(document, "userName").is_none_or(|name| name.trim().is_empty()) {
        return Err(Refusal::value("userName is required"));
    }
    Ok(())
}

pub(crate) async fn make(
    caller: &Caller,
    links: &Links,
    sent: SentBody,
    show: &Selection,
) -> Result<OperationResult, Refusal> {
    caller.directory_for(P::UsersWrite).await?;
    let mut document = value::resource(&sent?, &USERS)?;
    with_a_name(&document)?;
    document.entry("active").or_insert(Value::Bool(true));
    let user = caller.provision_user(map::profile(&document)).await?;
    Ok(OperationResult::resource(StatusCode::CREATED, &map::user(&user, &caller.roles(), links), show))
}

/// Changes a user by editing the user's document with `edit`.
async fn edit(
    caller: &Caller,
    links: &Links,
    id: &str,
    conditions: Conditions,
    show: &Selection,
    edit: impl FnOnce(&Map<String, Value>) -> Result<Map<String, Value>, Refusal> + Clone + Send + 'static,
) -> Result<OperationResult, Refusal> {
    let (catalog, known) = (caller.roles(), links.clone());
    let change = move |before: &ProvisionedUser| -> Result<Option<UserProfilePatch>, Refusal> {
        let document = map::document(before);
        let after = edit(&document)?;
        with_a_name(&after)?;
        conditions.check(&version(before, &catalog, &known))?;
        Ok(map::difference(before, &document, after))
    };
    let user = caller.change_provisioned_user(id, change).await?;
    Ok(OperationResult::resource(StatusCode::OK, &map::user(&user, &caller.roles(), links), show))
}

fn version(user: &ProvisionedUser, catalog: &RoleCatalog, links: &Links) -> String {
    let shown = map::user(user, catalog, links);
    shown["meta"]["version"].as_str().unwrap_or_default().to_owned()
}

pub(crate) async fn put(
    caller: &Caller,
    links: &Links,
    id: &str,
    conditions: Conditions,
    sent: SentBody,
    show: &Selection,
) -> Result<OperationResult, Refusal> {
    edit(caller, links, id, conditions, show, move |before| {
        let mut after = value::resource(&sent?, &USERS)?;
        // Without `active`, the user's status stays.
        if !after.contains_key("active")
            && let Some(active) = before.get("active")
        {
            after.insert("active".into(), active.clone());
        }
        Ok(after)
    })
    .await
}

pub(crate) async fn patch(
    caller: &Caller,
    links: &Links,
    id: &str,
    conditions: Conditions,
    sent: SentBody,
    show: &Selection,
) -> Result<OperationResult, Refusal> {
    edit(caller, links, id, conditions, show, move |before| {
        let mut after = before.clone();
        for step in patch::read(&sent?, &USERS)? {
            patch::apply(&mut after, &step, &USERS)?;
        }
        Ok(after)
    })
    .await
}

pub(crate) async fn delete(
    caller: &Caller,
    links: &Links,
    id: &str,
    conditions: Conditions,
) -> Result<OperationResult, Refusal> {
    let (catalog, links) = (caller.roles(), links.clone());
    caller.deprovision_user(id, move |user| conditions.check(&version(user, &catalog, &links))).await?;
    Ok(OperationResult::no_content())
}

/// List users.
///
/// Lists the users of the key's domain.
#[utoipa::path(
    get, path = "/Users", operation_id = "scim_list_users", tag = "Users",
    params(ListParameters, ShowParameters),
    responses(
        (status = 200, description = "A page of the list.", body = ListResponse,
            content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn find(Authenticated(caller): Authenticated, links: Links, pairs: Pairs) -> Result<Response, Refusal> {
    caller.directory().await?;
    list(&caller, &links, &Query::of_pairs(&pairs)?, Kind::Users).await
}

/// Search users.
///
/// The same as the list, with the query in the body.
#[utoipa::path(
    post, path = "/Users/.search", operation_id = "scim_search_users", tag = "Users",
    request_body(content = wire::SearchRequest, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "A page of the list.", body = ListResponse,
            content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn search(Authenticated(caller): Authenticated, links: Links, sent: Sent) -> Result<Response, Refusal> {
    caller.directory().await?;
    list(&caller, &links, &Query::of_body(&sent.read()?)?, Kind::Users).await
}

/// Create a user.
///
/// Links the user instead, if already known elsewhere in the realm.
#[utoipa::path(
    post, path = "/Users", operation_id = "scim_create_user", tag = "Users",
    params(ShowParameters),
    request_body(content = wire::User, content_type = "application/scim+json"),
    responses(
        (status = 201, description = "Created.", body = wire::User, content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn create(
    Authenticated(caller): Authenticated,
    links: Links,
    pairs: Pairs,
    sent: Sent,
) -> Result<Response, Refusal> {
    let show = Query::selection_of_pairs(&pairs, &USERS)?;
    Ok(make(&caller, &links, sent.read(), &show).await?.response())
}

/// Get a user.
#[utoipa::path(
    get, path = "/Users/{id}", operation_id = "scim_get_user", tag = "Users",
    params(("id" = String, Path), ShowParameters),
    responses(
        (status = 200, description = "Success.", body = wire::User, content_type = "application/scim+json"),
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
    let user = caller.provisioned_user(id.as_str()).await?;
    let show = Query::selection_of_pairs(&pairs, &USERS)?;
    let done = OperationResult::resource(StatusCode::OK, &map::user(&user, &caller.roles(), &links), &show);
    Ok(not_modified(&conditions, done))
}

/// Replace a user.
///
/// Omitted attributes are cleared, except for `active` and memberships.
#[utoipa::path(
    put, path = "/Users/{id}", operation_id = "scim_replace_user", tag = "Users",
    params(("id" = String, Path), ShowParameters),
    request_body(content = wire::User, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "Updated.", body = wire::User, content_type = "application/scim+json"),
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
    let show = Query::selection_of_pairs(&pairs, &USERS)?;
    Ok(put(&caller, &links, &id, conditions, sent.read(), &show).await?.response())
}

/// Update a user.
#[utoipa::path(
    patch, path = "/Users/{id}", operation_id = "scim_change_user", tag = "Users",
    params(("id" = String, Path), ShowParameters),
    request_body(content = wire::PatchOp, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "Updated.", body = wire::User, content_type = "application/scim+json"),
        Failures,
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
    let show = Query::selection_of_pairs(&pairs, &USERS)?;
    Ok(patch(&caller, &links, &id, conditions, sent.read(), &show).await?.response())
}

/// Delete a user.
///
/// Removes the user from the domain, with the memberships in it. The user is deleted if the domain is the whole realm,
/// or if it created the user and no other memberships or links are left. Owners are refused.
#[utoipa::path(
    delete, path = "/Users/{id}", operation_id = "scim_delete_user", tag = "Users",
    params(("id" = String, Path)),
    responses((status = 204, description = "Deleted."), Failures),
)]
async fn remove(
    Authenticated(caller): Authenticated,
    links: Links,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Result<Response, Refusal> {
    Ok(delete(&caller, &links, &id, conditions).await?.response())
}
