//! Users of the realm.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use roster_engine::{Caller, Error, Page, RoleSet, User, UserQuery, UserSort};
use roster_http::{App, Body, Failure, Pairs, Path, RequestError};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::fields::Fields;
use crate::map::users;
use crate::query::{Offsets, limit};
use crate::session::{Session, TargetUser, admin, with_shown_id};
use crate::wire::{self, EnterpriseRole, UserBody};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// Users with the given fields. What isn't in their rows is looked up only if asked for.
async fn shown(caller: &Caller, found: &[User], fields: &Fields) -> Result<Vec<Value>, Error> {
    let roles = if fields.ask_for("role") {
        caller.roles_at_root(found.iter().map(|user| user.id).collect()).await?
    } else {
        vec![RoleSet::EMPTY; found.len()]
    };
    let realm = if fields.ask_for("enterprise") { Some(caller.realm().await?) } else { None };
    let service_account = caller.realm_id().service_account();
    let show = |(user, held): (&User, RoleSet)| {
        let role = if user.id == service_account { EnterpriseRole::Admin } else { users::role(held) };
        let user = users::user(user, role, realm.as_ref().map(users::enterprise));
        fields.select(&user, &wire::User::STANDARD)
    };
    Ok(found.iter().zip(roles).map(show).collect())
}

async fn one(caller: &Caller, user: User, fields: &Fields) -> Result<Json<Value>, Failure> {
    Ok(Json(shown(caller, &[user], fields).await?.pop().unwrap_or_default()))
}

/// The query for users. `None` if it asks for a kind of users that Roster doesn't have.
fn wanted(query: &Pairs) -> Result<Option<UserQuery>, Failure> {
    match query.optional("user_type")? {
        None | Some("all" | "managed") => {}
        Some("external") => return Ok(None),
        Some(_) => return Err(RequestError::invalid("user_type", "must be all, managed or external").into()),
    }
    let text = |name| Ok::<_, Failure>(query.optional(name)?.filter(|text| !text.is_empty()).map(str::to_owned));
    Ok(Some(UserQuery {
        prefix: text("filter_term")?,
        external_id: text("external_app_user_id")?,
        sort: UserSort::Id,
        ..UserQuery::default()
    }))
}

/// List users.
///
/// In order of creation. Requires an admin.
#[utoipa::path(
    get, path = "/2.0/users", operation_id = "get_users", tag = "Users",
    params(
        ("filter_term" = Option<String>, Query,
            description = "The beginning of the name or login, in any letter case."),
        ("user_type" = Option<String>, Query,
            description = "`all`, `managed` or `external`. There are no external users."),
        ("external_app_user_id" = Option<String>, Query),
        ("fields" = Option<String>, Query), ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query),
        ("usemarker" = Option<bool>, Query, description = "Page by `marker`, without `offset` and `total_count`."),
        ("marker" = Option<String>, Query, description = "The `next_marker` of the previous page."),
    ),
    responses((status = 200, description = "A page of the list.", body = wire::Page<wire::User>), Failures),
)]
async fn list(Session(caller): Session, query: Pairs) -> Result<Response, Failure> {
    admin(&caller).await?;
    let (fields, wanted) = (Fields::of(&query)?, wanted(&query)?);
    if query.flag("usemarker")?.unwrap_or_default() {
        let cursor = query.optional("marker")?.filter(|marker| !marker.is_empty()).map(str::to_owned);
        let limit = limit(&query)?;
        let page = Page { cursor, limit: Some(limit), ..Page::default() };
        let Some(wanted) = wanted else {
            return Ok(Json(wire::MarkerPage { limit, next_marker: None, entries: Vec::new() }).into_response());
        };
        let listed = caller.list_users(UserQuery { page, ..wanted }).await?;
        let entries = shown(&caller, &listed.items, &fields).await?;
        return Ok(Json(wire::MarkerPage { limit, next_marker: listed.next, entries }).into_response());
    }
    let at = Offsets::of(&query)?;
    let (total, users) = match wanted {
        Some(wanted) => {
            let listed = caller.list_users(UserQuery { page: at.page(), ..wanted }).await?;
            (listed.total.unwrap_or_default(), listed.items)
        }
        None => (0, Vec::new()),
    };
    let entries = shown(&caller, &users, &fields).await?;
    Ok(Json(wire::Page { total_count: total, limit: at.limit, offset: at.offset, entries }).into_response())
}

/// Create a user.
///
/// Requires an admin.
#[utoipa::path(
    post, path = "/2.0/users", operation_id = "post_users", tag = "Users",
    params(("fields" = Option<String>, Query)),
    request_body = UserBody,
    responses((status = 201, description = "Created.", body = wire::User), Failures),
)]
async fn create(
    Session(caller): Session,
    query: Pairs,
    body: Body<UserBody>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    admin(&caller).await?;
    let new = users::new_user(body.read()?)?;
    let fields = Fields::of(&query)?;
    let user = with_shown_id(&caller, caller.create_user(new).await).await?;
    Ok((StatusCode::CREATED, one(&caller, user, &fields).await?))
}

/// Get a user.
///
/// `me` is the caller's own user. Requires an admin, or the user.
#[utoipa::path(
    get, path = "/2.0/users/{user_id}", operation_id = "get_users_id", tag = "Users",
    params(
        ("user_id" = String, Path, description = "`me` is the caller's own user."),
        ("fields" = Option<String>, Query),
    ),
    responses((status = 200, description = "Success.", body = wire::User), Failures),
)]
async fn get(Session(caller): Session, Path(id): Path<String>, query: Pairs) -> Result<Json<Value>, Failure> {
    let user = match TargetUser::to_read(&caller, &id).await? {
        TargetUser::User(user) => caller.user(user).await?,
        TargetUser::ServiceAccount => users::service_account(&caller.realm().await?),
    };
    one(&caller, user, &Fields::of(&query)?).await
}

/// Update a user.
///
/// Requires an admin.
#[utoipa::path(
    put, path = "/2.0/users/{user_id}", operation_id = "put_users_id", tag = "Users",
    params(("user_id" = String, Path), ("fields" = Option<String>, Query)),
    request_body = UserBody,
    responses((status = 200, description = "Updated.", body = wire::User), Failures),
)]
async fn update(
    Session(caller): Session,
    Path(id): Path<String>,
    query: Pairs,
    body: Body<UserBody>,
) -> Result<Json<Value>, Failure> {
    let user = caller.user(TargetUser::to_write(&caller, &id).await?).await?.id;
    let patch = users::user_patch(user, body.read_or_default()?)?;
    let fields = Fields::of(&query)?;
    let user = with_shown_id(&caller, caller.update_user(user, patch).await).await?;
    one(&caller, user, &fields).await
}

/// Delete a user.
///
/// Also deletes the user's memberships and tokens. Requires an admin.
#[utoipa::path(
    delete, path = "/2.0/users/{user_id}", operation_id = "delete_users_id", tag = "Users",
    params(
        ("user_id" = String, Path),
        ("force" = Option<bool>, Query, description = "Delete the user even if they own an organization."),
        ("notify" = Option<bool>, Query, description = "Has no effect: nobody is notified."),
    ),
    responses((status = 204, description = "Deleted."), Failures),
)]
async fn delete(Session(caller): Session, Path(id): Path<String>, query: Pairs) -> Result<StatusCode, Failure> {
    let user = caller.user(TargetUser::to_write(&caller, &id).await?).await?.id;
    if query.flag("force")?.unwrap_or_default() {
        caller.delete_user(user, None).await?;
    } else {
        caller.delete_user_unless_owner(user, None).await.map_err(|error| match error {
            Error::OwnerProtected => Error::invalid("force", "must be true to delete a user who owns an organization"),
            other => other,
        })?;
    }
    Ok(StatusCode::NO_CONTENT)
}
