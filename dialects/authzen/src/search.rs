//! Searches for subjects, resources and actions: everything for which an evaluation would be a permit at that moment.

use std::sync::Arc;

use axum::Extension;
use axum::response::Response;
use roster_engine::{EntityId as _, OrganizationId, RoleCatalog, RoleSet, SearchPage, UserId};
use roster_http::{App, Authenticated, Body, Failure, RequestError};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{answer, read};
use crate::docs::{
    ActionSearchRequest, ActionSearchResponse, EntitySearchResponse, Failures, ResourceSearchRequest,
    SubjectSearchRequest,
};
use crate::names::Names;
use crate::page::Page;
use crate::question::{Id, Members, Options, action, entity, options, organization, user};
use crate::tree::Node;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(subjects)).routes(routes!(resources)).routes(routes!(actions))
}

/// What a page token is bound to: the endpoint and the question, without what the search ignores (the id of the subject or resource
/// that is searched for, or the whole action).
fn question(endpoint: &str, members: Members<'_>) -> String {
    let mut text = endpoint.to_owned();
    let parts = [
        (members.subject, (endpoint == "subject").then_some("id")),
        (members.action.filter(|_| endpoint != "action"), None),
        (members.resource, (endpoint == "resource").then_some("id")),
        (members.context, None),
    ];
    for (node, without) in parts {
        text.push('\0');
        if let Some(node) = node {
            node.canonical(without, &mut text);
        }
    }
    text
}

/// Where the page begins, from its token: the number of the last id of the page before.
fn after(page: &Page) -> Option<i64> {
    page.after.as_deref().and_then(|after| after.parse().ok())
}

/// Refuses a caller who may not ask at all, even if the answer is known without a lookup.
async fn may_ask(caller: &roster_engine::Caller) -> Result<(), Failure> {
    Ok(caller.check_many(Vec::new()).await.map(drop)?)
}

/// Search for subjects.
///
/// Finds the subjects that may perform an action on a resource.
#[utoipa::path(
    post, path = "/search/subject", operation_id = "SearchSubject", tag = "Search", request_body = SubjectSearchRequest,
    responses((status = 200, description = "Success.", body = EntitySearchResponse), Failures),
)]
async fn subjects(
    Authenticated(caller): Authenticated,
    Extension(names): Extension<Arc<Names>>,
    body: Body<Node>,
) -> Result<Response, Failure> {
    let body = read(body)?;
    let members = Members::of(&body, "")?;
    let wanted = entity(members.subject, "", "subject", Id::Ignored)?;
    let (action, properties) = action(members.action, "")?;
    let place = entity(members.resource, "", "resource", Id::Needed)?;
    let Options { id_format, .. } = options(members.context, "")?;
    may_ask(&caller).await?;
    let page = Page::read(&body, &caller, question("subject", members)).await?;
    let found = match (names.subject(&wanted.kind), names.resource(&place.kind)) {
        (Some(_), Some(_)) => {
            let place = organization(place.id.as_deref().unwrap_or_default());
            let ask = names.ask(action, properties);
            caller.search_users(place, ask, after(&page).map(UserId::from_raw), page.limit()).await?
        }
        _ => SearchPage::default(),
    };
    let format = id_format.or(names.subject(&wanted.kind)).unwrap_or_default();
    let last = found.items.last().filter(|_| found.more).map(|user| user.id.raw().to_string());
    let results = found.items.iter().map(|user| json!({ "type": wanted.kind, "id": format.user(user) })).collect();
    finish(&page, &caller, results, found.total, last).await
}

/// Search for resources.
///
/// Finds the resources on which a subject may perform an action.
#[utoipa::path(
    post, path = "/search/resource", operation_id = "SearchResource", tag = "Search", request_body = ResourceSearchRequest,
    responses((status = 200, description = "Success.", body = EntitySearchResponse), Failures),
)]
async fn resources(
    Authenticated(caller): Authenticated,
    Extension(names): Extension<Arc<Names>>,
    body: Body<Node>,
) -> Result<Response, Failure> {
    let body = read(body)?;
    let members = Members::of(&body, "")?;
    let who = entity(members.subject, "", "subject", Id::Needed)?;
    let (action, properties) = action(members.action, "")?;
    let wanted = entity(members.resource, "", "resource", Id::Ignored)?;
    let Options { id_format, .. } = options(members.context, "")?;
    may_ask(&caller).await?;
    let page = Page::read(&body, &caller, question("resource", members)).await?;
    let found = match (names.subject(&who.kind), names.resource(&wanted.kind)) {
        (Some(_), Some(_)) => {
            let who = user(who.id.as_deref().unwrap_or_default());
            let ask = names.ask(action, properties);
            let after = after(&page).map(OrganizationId::from_raw);
            caller.search_organizations(who, ask, after, page.limit()).await?
        }
        _ => SearchPage::default(),
    };
    let format = id_format.or(names.resource(&wanted.kind)).unwrap_or_default();
    let last = found.items.last().filter(|_| found.more).map(|o| o.id.raw().to_string());
    let results = found.items.iter().map(|o| json!({ "type": wanted.kind, "id": format.organization(o) })).collect();
    finish(&page, &caller, results, found.total, last).await
}

/// Names of actions in the order they are answered in: permissions, then roles, each by name.
fn names_of(catalog: &RoleCatalog, roles: RoleSet, with_roles: bool) -> Vec<String> {
    let mut all: Vec<String> = catalog.permissions_of(roles).map(str::to_owned).collect();
    all.sort_unstable();
    if with_roles {
        let mut keys: Vec<String> = catalog.keys(roles).into_iter().map(|key| format!("role:{key}")).collect();
        keys.sort_unstable();
        all.extend(keys);
    }
    all
}

/// Search for actions.
///
/// Finds the actions that a subject may perform on a resource.
#[utoipa::path(
    post, path = "/search/action", operation_id = "SearchAction", tag = "Search", request_body = ActionSearchRequest,
    responses((status = 200, description = "Success.", body = ActionSearchResponse), Failures),
)]
async fn actions(
    Authenticated(caller): Authenticated,
    Extension(names): Extension<Arc<Names>>,
    body: Body<Node>,
) -> Result<Response, Failure> {
    let body = read(body)?;
    // The member that is searched for is ignored.
    let members = Members { action: None, ..members_but_action(&body)? };
    let who = entity(members.subject, "", "subject", Id::Needed)?;
    let place = entity(members.resource, "", "resource", Id::Needed)?;
    let Options { roles: with_roles, .. } = options(members.context, "")?;
    may_ask(&caller).await?;
    let page = Page::read(&body, &caller, question("action", members)).await?;
    let held = match (names.subject(&who.kind), names.resource(&place.kind)) {
        (Some(_), Some(_)) => {
            let who = user(who.id.as_deref().unwrap_or_default());
            caller.effective_roles(who, organization(place.id.as_deref().unwrap_or_default())).await?
        }
        _ => RoleSet::EMPTY,
    };
    let all = names_of(&caller.roles(), held, with_roles);
    let total = all.len() as u64;
    // Roles come after permissions, whatever their names.
    let key = |name: &str| (name.starts_with("role:"), name.to_owned());
    let after = page.after.as_deref().map(key);
    let rest: Vec<&String> = all.iter().filter(|name| after.as_ref().is_none_or(|after| key(name) > *after)).collect();
    let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let last = (rest.len() > limit && limit > 0).then(|| rest[limit - 1].clone());
    let results = rest.into_iter().take(limit).map(|name| json!({ "name": name })).collect();
    finish(&page, &caller, results, total, last).await
}

fn members_but_action(body: &Node) -> Result<Members<'_>, RequestError> {
    Ok(Members {
        subject: body.object("", "subject")?,
        action: None,
        resource: body.object("", "resource")?,
        context: body.object("", "context")?,
    })
}

async fn finish(
    page: &Page,
    caller: &roster_engine::Caller,
    results: Vec<Value>,
    total: u64,
    last: Option<String>,
) -> Result<Response, Failure> {
    let page = page.finish(caller, results.len(), total, last).await?;
    Ok(answer(&json!({ "page": page, "results": results })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_one_question() {
        let asked = |endpoint: &str, text: &str| {
            let body: Node = serde_json::from_str(text).expect("JSON");
            question(endpoint, Members::of(&body, "").expect("members"))
        };
        let one = r#"{"subject": {"type": "user", "id": "a"}, "resource": {"type": "x", "id": "r"}}"#;
        let other = r#"{"resource": {"id": "r", "type": "x"}, "subject": {"id": "b", "type": "user"}, "page": {}}"#;
        assert_eq!(asked("subject", one), asked("subject", other), "the id that is searched for isn't looked at");
        assert_ne!(asked("resource", one), asked("resource", other));
        assert_ne!(asked("action", one), asked("resource", one));
    }

    #[test]
    fn asking_for_nothing_is_no_ask() {
        let catalog = RoleCatalog::default();
        assert!(names_of(&catalog, RoleSet::EMPTY, true).is_empty());
        assert_eq!(Names::default().ask("read", None), roster_engine::Ask::Permission("read".into()));
    }
}
