//! Users.

use axum::Json;
use roster_engine::{OrganizationRef, Page, User, UserPatch, UserQuery, UserRef, UserSort};
use roster_http::{App, Body, Failure, Path, RequestError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::{merged, replaced};
use crate::docs::Failures;
use crate::map;
use crate::map::users::{new_user, user, user_patch};
use crate::query::{PARTS, Query};
use crate::session::Session;
use crate::wire::{self, CreateUser, DeletedObject, MergeUserMetadata, ReplaceUserMetadata, TotalCount, UpdateUser};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(count))
        .routes(routes!(get, update, delete))
        .routes(routes!(merge_metadata, replace_metadata))
}

/// Create a user.
///
/// A password is never required, and never stored.
#[utoipa::path(
    post, path = "/users", operation_id = "CreateUser", tag = "Users", request_body = CreateUser,
    responses((status = 200, description = "Success.", body = wire::User), Failures),
)]
async fn create(session: Session, body: Body<CreateUser>) -> Result<Json<wire::User>, Failure> {
    let made = session.caller.create_user(new_user(body.read()?)?).await?;
    Ok(Json(user(&session, &made)))
}

/// The filters that the list and its count share.
fn filters(query: &Query) -> Result<UserQuery, Failure> {
    let mut more = query.users()?;
    more.organizations = query.signed("organization_id", OrganizationRef::Text)?;
    more.external_ids = query.signed("external_id", |id| id)?;
    Ok(UserQuery { status: query.banned()?, more, ..UserQuery::default() })
}

/// List users.
///
/// Returns an array of the users that match all filters, newest first by default.
#[utoipa::path(
    get, path = "/users", operation_id = "GetUserList", tag = "Users",
    params(
        ("order_by" = Option<String>, Query,
            description = "`created_at`, `updated_at`, `last_active_at`, `first_name`, `last_name`, `email_address`, \
                `phone_number`, `username`, `web3wallet` or `last_sign_in_at`, with a leading `+` (ascending, the \
                default) or `-` (descending). Default: `-created_at`."),
        ("limit" = Option<f64>, Query),
        ("offset" = Option<f64>, Query),
        ("starting_after" = Option<String>, Query,
            description = "The id of the last user on the previous page. Only when sorted by `created_at`, and without \
                `offset`."),
        ("user_id" = Option<Vec<String>>, Query, description = "A leading `-` excludes the value."),
        ("organization_id" = Option<Vec<String>>, Query,
            description = "Only members of this organization. A leading `-` excludes them."),
        ("external_id" = Option<Vec<String>>, Query, description = "A leading `-` excludes the value."),
        ("email_address" = Option<Vec<String>>, Query),
        ("phone_number" = Option<Vec<String>>, Query),
        ("username" = Option<Vec<String>>, Query),
        ("query" = Option<String>, Query, description = "Part of a name, address or user name, or an id."),
        ("email_address_query" = Option<String>, Query),
        ("phone_number_query" = Option<String>, Query),
        ("username_query" = Option<String>, Query),
        ("name_query" = Option<String>, Query),
        ("banned" = Option<bool>, Query),
        ("created_at_before" = Option<i64>, Query),
        ("created_at_after" = Option<i64>, Query),
    ),
    responses((status = 200, description = "Success.", body = Vec<wire::User>), Failures),
)]
async fn list(session: Session, query: Query) -> Result<Json<Vec<wire::User>>, Failure> {
    let parts = PARTS.map(|(name, part)| (name, UserSort::Part(part)));
    // Nobody here has a wallet or signs in: by these keys all are alike, and their age decides.
    let alike = ["web3wallet", "last_sign_in_at"].map(|name| (name, UserSort::Created));
    let own =
        [("created_at", UserSort::Created), ("updated_at", UserSort::Updated), ("last_active_at", UserSort::Active)];
    let sorts: Vec<_> = own.into_iter().chain(parts).chain(alike).collect();
    let (sort, page) = query.page(&sorts, UserSort::Created)?;
    let after = query.text("starting_after")?.filter(|id| !id.is_empty());
    if after.is_some() && (page.offset > 0 || sort != UserSort::Created) {
        return Err(RequestError::invalid(
            "starting_after",
            "goes only with the order created_at and without an offset",
        )
        .into());
    }
    let page = Page { total: false, ..page };
    let query = UserQuery { sort, page, after: after.map(UserRef::from), ..filters(&query)? };
    let listed = session.caller.list_users(query).await?;
    Ok(Json(listed.items.iter().map(|found| user(&session, found)).collect()))
}

/// Count users.
///
/// Takes the same filters as the list.
#[utoipa::path(
    get, path = "/users/count", operation_id = "GetUsersCount", tag = "Users",
    responses((status = 200, description = "Success.", body = TotalCount), Failures),
)]
async fn count(session: Session, query: Query) -> Result<Json<TotalCount>, Failure> {
    let total_count = session.caller.count_users(filters(&query)?).await?;
    Ok(Json(TotalCount { object: "total_count", total_count }))
}

/// Get a user.
#[utoipa::path(
    get, path = "/users/{user_id}", operation_id = "GetUser", tag = "Users", params(("user_id" = String, Path)),
    responses((status = 200, description = "Success.", body = wire::User), Failures),
)]
async fn get(session: Session, Path(user_id): Path<String>) -> Result<Json<wire::User>, Failure> {
    let found = session.caller.user(&*user_id).await?;
    Ok(Json(user(&session, &found)))
}

async fn changed(session: &Session, before: &User, patch: UserPatch) -> Result<Json<wire::User>, Failure> {
    let changed = session.caller.update_user(before.id, patch).await?;
    Ok(Json(user(session, &changed)))
}

/// Update a user.
///
/// Omitted fields stay unchanged, and `null` clears a field.
#[utoipa::path(
    patch, path = "/users/{user_id}", operation_id = "UpdateUser", tag = "Users", params(("user_id" = String, Path)),
    request_body = UpdateUser,
    responses((status = 200, description = "Success.", body = wire::User), Failures),
)]
async fn update(
    session: Session,
    Path(user_id): Path<String>,
    body: Body<UpdateUser>,
) -> Result<Json<wire::User>, Failure> {
    let before = session.caller.user(&*user_id).await?;
    let body = body.read()?;
    session.metadata_in_patch(&[
        ("public_metadata", body.public_metadata.is_some()),
        ("private_metadata", body.private_metadata.is_some()),
        ("unsafe_metadata", body.unsafe_metadata.is_some()),
    ])?;
    changed(&session, &before, user_patch(&before, body)?).await
}

/// Merge a user's metadata.
#[utoipa::path(
    patch, path = "/users/{user_id}/metadata", operation_id = "UpdateUserMetadata", tag = "Users",
    params(("user_id" = String, Path)), request_body = MergeUserMetadata,
    responses((status = 200, description = "Success.", body = wire::User), Failures),
)]
async fn merge_metadata(
    session: Session,
    Path(user_id): Path<String>,
    body: Body<MergeUserMetadata>,
) -> Result<Json<wire::User>, Failure> {
    let before = session.caller.user(&*user_id).await?;
    let body = body.read()?;
    let patch = UserPatch {
        public: merged(body.public_metadata),
        private: merged(body.private_metadata),
        open: merged(body.unsafe_metadata),
        ..UserPatch::default()
    };
    changed(&session, &before, patch).await
}

/// Replace a user's metadata.
#[utoipa::path(
    put, path = "/users/{user_id}/metadata", operation_id = "ReplaceUserMetadata", tag = "Users",
    params(("user_id" = String, Path)), request_body = ReplaceUserMetadata,
    responses((status = 200, description = "Success.", body = wire::User), Failures),
)]
async fn replace_metadata(
    session: Session,
    Path(user_id): Path<String>,
    body: Body<ReplaceUserMetadata>,
) -> Result<Json<wire::User>, Failure> {
    let before = session.caller.user(&*user_id).await?;
    let body = body.read()?;
    let patch = UserPatch {
        public: replaced(body.public_metadata),
        private: replaced(body.private_metadata),
        open: replaced(body.unsafe_metadata),
        ..UserPatch::default()
    };
    changed(&session, &before, patch).await
}

/// Delete a user.
///
/// Also deletes the user's memberships. Organizations and invitations that the user sent are kept.
#[utoipa::path(
    delete, path = "/users/{user_id}", operation_id = "DeleteUser", tag = "Users", params(("user_id" = String, Path)),
    responses((status = 200, description = "Success.", body = DeletedObject), Failures),
)]
async fn delete(session: Session, Path(user_id): Path<String>) -> Result<Json<DeletedObject>, Failure> {
    let gone = session.caller.delete_user(&*user_id, None).await?;
    let receipt = DeletedObject::new("user", map::user_id(&gone));
    Ok(Json(DeletedObject { external_id: gone.external_id, ..receipt }))
}
