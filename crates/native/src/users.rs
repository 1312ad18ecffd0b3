//! `/users`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use roster_engine::{Error, Form, MemberQuery, NewUser, Subject, UserId, UserPatch, UserQuery, UserRef, UserSort};
use roster_http::{App, Authenticated, Body, Failure, Path, Row};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::etag::{IfMatch, entity};
use crate::memberships::{MemberListQuery, member_list};
use crate::problem::Problem;
use crate::query::{Query, page};
use crate::wire::{List, Membership, Object, StatusWord, Time, User, metadata_patch, or_default, present};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(list_memberships))
}

/// A path's user: an id in any dialect's form, or `me`.
pub(crate) fn user_ref(text: &str) -> UserRef {
    if text == "me" { UserRef::Me } else { UserRef::from(text) }
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateUser {
    /// The primary e-mail address, unique in the realm.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// Further e-mail addresses. `email`, `other_emails` and `phone_numbers` together hold at most 100 addresses.
    #[serde(default)]
    other_emails: Vec<String>,
    /// Phone numbers in E.164 format. The first one is the primary number.
    #[serde(default)]
    phone_numbers: Vec<String>,
    /// The full name, at most 256 characters. First and last name are derived from it unless either is given.
    #[schema(example = "Ada Lovelace")]
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    /// At most 128 characters, without whitespace. Unique in the realm, in any letter case.
    username: Option<String>,
    /// The user's id in another system: 1 to 512 bytes, unique in the realm.
    external_id: Option<String>,
    /// Default: `active`.
    status: Option<StatusWord>,
    /// At most 64 characters.
    locale: Option<String>,
    /// At most 8192 bytes of JSON.
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Object>,
    /// At most 8192 bytes of JSON.
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Object>,
    /// Metadata that the user may change through the application, so it can't be trusted. At most 8192 bytes of JSON.
    #[schema(value_type = Option<Object>)]
    unsafe_metadata: Option<Object>,
    /// The original time of creation, for a user migrated from another system. Default: now.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Time>,
    /// The organization for which the user is created. Lets a caller create users with `users:create` at that
    /// organization or above it, rather than at the realm's root.
    organization_id: Option<String>,
    /// Whether to make the user an admin of the realm, that is, a member of its root. Also requires
    /// `memberships:write` at the root. Default: `false`.
    #[serde(default)]
    realm_admin: bool,
}

/// A JSON merge patch (RFC 7396): omitted fields stay unchanged, and `null` clears a field.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct UpdateUser {
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    #[serde(deserialize_with = "or_default")]
    name: Option<String>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    first_name: Option<Option<String>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    last_name: Option<Option<String>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    username: Option<Option<String>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    external_id: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    status: Option<StatusWord>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    locale: Option<Option<String>>,
    /// Merged into the stored metadata (RFC 7396); `null` clears it. At most 8192 bytes of JSON afterwards.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Option<Object>>,
    /// Merged into the stored metadata (RFC 7396); `null` clears it. At most 8192 bytes of JSON afterwards.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Option<Object>>,
    /// Merged into the stored metadata (RFC 7396); `null` clears it. At most 8192 bytes of JSON afterwards.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    unsafe_metadata: Option<Option<Object>>,
    /// Whether the user is an admin of the realm. Also requires `memberships:write` at the realm's root.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    realm_admin: Option<bool>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct UserListQuery {
    /// Number of items per page: 1 to 500 unless the server is configured otherwise. Default: 50.
    limit: Option<u64>,
    /// The `next_cursor` of the previous page. Omit it to get the first page.
    cursor: Option<String>,
    /// Sort key: `created_at` (default), `updated_at`, `name` or `email`. A leading `-` sorts in descending order.
    sort: Option<String>,
    /// Whether to also return `total`, the number of items in the whole list. Default: `false`.
    total: Option<bool>,
    status: Option<StatusWord>,
    /// Only users with exactly this e-mail address, in any letter case.
    email: Option<String>,
    /// Only the user with exactly this user name, in any letter case.
    username: Option<String>,
    /// Only the user with exactly this external id.
    external_id: Option<String>,
    /// Only users whose name, user name or an address contains this text, in any letter case and any script.
    q: Option<String>,
    /// Only users whose name or primary e-mail address begins with this text, in any letter case and any script.
    prefix: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct DeleteUserQuery {
    /// Whether to also erase the user's data from the event log, either now or after an earlier deletion. The events
    /// keep their numbers. Default: `false`.
    erase: Option<bool>,
    /// Whether to refuse the deletion (`owner_protected`) while the user owns an organization. Can't be combined with
    /// `erase`. Default: `false`.
    unless_owner: Option<bool>,
}

/// List users.
///
/// Requires `users:read` at the realm's root.
#[utoipa::path(get, path = "/users", tag = "users", operation_id = "listUsers", params(UserListQuery),
    responses((status = 200, body = List<User>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<axum::Json<List<User>>, Failure> {
    let q: UserListQuery = query.read()?;
    let sorts = [
        ("created_at", UserSort::Created),
        ("updated_at", UserSort::Updated),
        ("name", UserSort::Name),
        ("email", UserSort::Email),
    ];
    let (page, sort) = page(&app, q.limit, q.cursor, q.total, q.sort.as_deref(), &sorts)?;
    let query = UserQuery {
        status: q.status.map(Into::into),
        email: q.email,
        username: q.username,
        external_id: q.external_id,
        text: q.q,
        prefix: q.prefix,
        sort,
        page,
        ..UserQuery::default()
    };
    Ok(axum::Json(List::of(caller.list_users(query).await?, |user| User::from(user))))
}

/// Create a user.
///
/// Requires `users:create` at the realm's root, or at the organization in `organization_id` or above it.
#[utoipa::path(post, path = "/users", tag = "users", operation_id = "createUser", request_body = CreateUser,
    responses((status = 201, body = User), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn create(Authenticated(caller): Authenticated, body: Body<CreateUser>) -> Result<Response, Failure> {
    let b = body.read()?;
    let new = NewUser {
        email: b.email,
        other_emails: b.other_emails,
        phones: b.phone_numbers,
        open: b.unsafe_metadata.unwrap_or_default(),
        created: b.created_at.map(|time| time.0),
        name: b.name,
        first_name: b.first_name,
        last_name: b.last_name,
        username: b.username,
        external_id: b.external_id,
        status: b.status.map(Into::into).unwrap_or_default(),
        locale: b.locale,
        public: b.public_metadata.unwrap_or_default(),
        private: b.private_metadata.unwrap_or_default(),
        organization: b.organization_id.as_deref().map(Into::into),
        realm_admin: b.realm_admin,
        ..NewUser::default()
    };
    let user = caller.create_user(new).await?;
    Ok(entity(StatusCode::CREATED, User::from(&user), user.updated))
}

/// Get a user.
///
/// `me` is the caller's own user. For other users, requires `users:read` at the realm's root.
#[utoipa::path(get, path = "/users/{user_id}", tag = "users", operation_id = "getUser",
    params(("user_id" = String, Path)),
    responses((status = 200, body = User), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Response, Failure> {
    let user = caller.user(user_ref(&id)).await?;
    Ok(entity(StatusCode::OK, User::from(&user), user.updated))
}

/// Update a user.
///
/// Takes a JSON merge patch (RFC 7396). Users may change their own names and locale; anything else requires
/// `users:write` at the realm's root.
#[utoipa::path(patch, path = "/users/{user_id}", tag = "users", operation_id = "updateUser",
    params(("user_id" = String, Path), ("If-Match" = Option<String>, Header)), request_body = UpdateUser,
    responses((status = 200, body = User), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn update(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    if_match: IfMatch,
    body: Body<UpdateUser>,
) -> Result<Response, Failure> {
    let b = body.read()?;
    let patch = UserPatch {
        email: b.email,
        name: b.name,
        first_name: b.first_name,
        last_name: b.last_name,
        username: b.username,
        external_id: b.external_id,
        status: b.status.map(Into::into),
        locale: b.locale,
        public: metadata_patch(b.public_metadata),
        private: metadata_patch(b.private_metadata),
        open: metadata_patch(b.unsafe_metadata),
        primary: Vec::new(),
        extras: None,
        realm_admin: b.realm_admin,
        expected: if_match.expected()?,
    };
    let user = caller.update_user(user_ref(&id), patch).await?;
    Ok(entity(StatusCode::OK, User::from(&user), user.updated))
}

/// Delete a user.
///
/// Also deletes the user's memberships, account records and tokens. Organizations that the user owned are left
/// without an owner. Requires `users:write` at the realm's root.
#[utoipa::path(delete, path = "/users/{user_id}", tag = "users", operation_id = "deleteUser",
    params(("user_id" = String, Path), ("If-Match" = Option<String>, Header), DeleteUserQuery),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn delete(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    if_match: IfMatch,
    query: Query,
) -> Result<StatusCode, Failure> {
    let query: DeleteUserQuery = query.read()?;
    let unless_owner = query.unless_owner == Some(true);
    if query.erase == Some(true) {
        if unless_owner {
            return Err(Error::invalid("unless_owner", "can't be combined with erase").into());
        }
        // Aliases are deleted with the user, so one who was deleted before can be named only by id.
        let id = match caller.user(user_ref(&id)).await {
            Ok(user) => Some(user.id),
            Err(Error::NotFound(_)) => Form::read_any::<UserId>(&id),
            Err(error) => return Err(error.into()),
        };
        caller.erase_user(id.ok_or(Error::NotFound(Subject::User))?, if_match.expected()?).await?;
    } else if unless_owner {
        caller.delete_user_unless_owner(user_ref(&id), if_match.expected()?).await?;
    } else {
        caller.delete_user(user_ref(&id), if_match.expected()?).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// List a user's memberships.
///
/// For users other than the caller, requires `users:read` at the realm's root.
#[utoipa::path(get, path = "/users/{user_id}/memberships", tag = "memberships", operation_id = "listUserMemberships",
    params(("user_id" = String, Path), MemberListQuery),
    responses((status = 200, body = List<Membership>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list_memberships(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: Query,
) -> Result<axum::Json<List<Row>>, Failure> {
    let query: MemberQuery = query.read::<MemberListQuery>()?.into_engine(&app, &caller)?;
    let listed = caller.list_memberships_of(user_ref(&id), query).await?;
    Ok(axum::Json(member_list(&app, &caller, listed)?))
}
