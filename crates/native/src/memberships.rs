//! `/organizations/{id}/memberships` and `/memberships/{id}`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use roster_engine::{
    Ask, Bulk, BulkItem, Caller, Error, Form, Listed, Member, MemberQuery, MemberSort, MembershipId, MembershipPatch,
    NewMembership, Page, RoleNumber, RoleSet, Subject, UserRef,
};
use roster_http::{App, Authenticated, Body, Failure, Path, Row, RowForm};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::checks::ask;
use crate::etag::{IfMatch, entity};
use crate::problem::Problem;
use crate::query::{Query, page};
use crate::users::user_ref;
use crate::wire::{EffectiveMember, List, Membership, Object, StatusWord, metadata_patch, present};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(bulk))
        .routes(routes!(get, update, remove))
        .routes(routes!(get_by_id))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddMember {
    /// The user to add. Give either this or `email`.
    user_id: Option<String>,
    /// The e-mail address of an existing user of the realm.
    email: Option<String>,
    /// Keys of the member's roles, at least one. Default: `["member"]`.
    #[schema(example = json!(["admin"]))]
    roles: Option<Vec<String>>,
    /// Whether to make this the organization that the user starts in. Default: `false`.
    default: Option<bool>,
    /// At most 8192 bytes of JSON.
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Object>,
    /// At most 8192 bytes of JSON.
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Object>,
}

/// A JSON merge patch (RFC 7396): omitted fields stay unchanged, and `null` clears a field.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct UpdateMember {
    /// Keys of roles, at least one. Replaces all of the member's roles.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    roles: Option<Vec<String>>,
    /// Whether this is the organization that the user starts in.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    default: Option<bool>,
    /// Merged into the stored metadata (RFC 7396); `null` clears it. At most 8192 bytes of JSON afterwards.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Option<Object>>,
    /// Merged into the stored metadata (RFC 7396); `null` clears it. At most 8192 bytes of JSON afterwards.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Option<Object>>,
}

/// Many changes in one transaction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchRequest {
    /// At most 1000 unless the server is configured otherwise. Each user may be named once.
    operations: Vec<BatchOperation>,
    /// Whether to also remove every member who isn't named by an `add` or `update`, except the owner. Default: `false`.
    #[serde(default)]
    replace: bool,
    /// Whether to return the result without changing anything. Default: `false`.
    #[serde(default)]
    dry_run: bool,
}

/// What to do with the user.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BatchVerb {
    Add,
    Update,
    Remove,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchOperation {
    op: BatchVerb,
    /// The user. Give either this or `email`.
    user_id: Option<String>,
    /// The e-mail address of an existing user of the realm.
    email: Option<String>,
    /// Keys of roles, at least one. Default for `add`: `["member"]`; for `update`: unchanged.
    roles: Option<Vec<String>>,
    /// Whether this is the organization that the user starts in.
    default: Option<bool>,
    /// For `update`, merged into the stored metadata (RFC 7396); `null` clears it.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Option<Object>>,
    /// For `update`, merged into the stored metadata (RFC 7396); `null` clears it.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Option<Object>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct BatchResult {
    /// One membership per operation, in the same order: as it is now, or for a `remove`, as it was.
    items: Vec<Membership>,
    /// With `replace`: the memberships that were removed because no operation named them. Otherwise empty.
    removed: Vec<Membership>,
    /// Whether this was a dry run, which changes nothing.
    dry_run: bool,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct MemberListQuery {
    /// Number of items per page: 1 to 500 unless the server is configured otherwise. Default: 50.
    limit: Option<u64>,
    /// The `next_cursor` of the previous page. Omit it to get the first page.
    cursor: Option<String>,
    /// Sort key: `created_at` (default), `updated_at`, or the user's `name` or `email`. A leading `-` sorts in
    /// descending order.
    sort: Option<String>,
    /// Whether to also return `total`, the number of items in the whole list. Default: `false`.
    total: Option<bool>,
    /// Only members who hold this role, or at least one of several, separated by commas.
    role: Option<String>,
    /// Only members whose user has this status.
    status: Option<StatusWord>,
    /// Only members with exactly this e-mail address, in any letter case.
    email: Option<String>,
    /// Only members whose name, user name or an address contains this text, in any letter case and any script.
    q: Option<String>,
    /// Whether to list all active users who reach the organization, including through memberships above it, and how, in
    /// order of creation. Can be combined only with `permission`, `role`, `limit`, `cursor` and `total`. Not for the
    /// memberships of a user.
    effective: Option<bool>,
    /// Only users who have this permission at the organization. Requires `effective`; can't be combined with `role`.
    permission: Option<String>,
}

impl MemberListQuery {
    /// Whether it is about who reaches the organization, rather than who is a member of it.
    fn is_effective(&self) -> bool {
        self.effective == Some(true)
    }

    fn effective(self, app: &App, caller: &Caller) -> Result<(Ask, Page), Failure> {
        let others = [
            ("sort", self.sort.is_some()),
            ("status", self.status.is_some()),
            ("email", self.email.is_some()),
            ("q", self.q.is_some()),
        ];
        if let Some((name, _)) = others.into_iter().find(|(_, given)| *given) {
            return Err(Error::invalid(name, "can't be combined with effective").into());
        }
        let (page, ()) = page(app, self.limit, self.cursor, self.total, None, &[("created_at", ())])?;
        let ask = match ask(self.permission, self.role)? {
            // One or several, as in the list of the members.
            Some(Ask::Role(keys)) => Ask::AnyRole(caller.role_set(keys.split(','), "role")?),
            Some(ask) => ask,
            None => Ask::Anything,
        };
        Ok((ask, page))
    }

    pub(crate) fn into_engine(self, app: &App, caller: &Caller) -> Result<MemberQuery, Failure> {
        if self.is_effective() {
            let problem = "applies only to an organization; for a user, use /users/{user_id}/organizations";
            return Err(Error::invalid("effective", problem).into());
        }
        if self.permission.is_some() {
            return Err(Error::invalid("permission", "requires effective").into());
        }
        let sorts = [
            ("created_at", MemberSort::Created),
            ("updated_at", MemberSort::Updated),
            ("name", MemberSort::Name),
            ("email", MemberSort::Email),
        ];
        let (page, sort) = page(app, self.limit, self.cursor, self.total, self.sort.as_deref(), &sorts)?;
        let roles = self.role.map(|keys| caller.role_set(keys.split(','), "role")).transpose()?;
        let Self { email, q: text, .. } = self;
        let status = self.status.map(Into::into);
        Ok(MemberQuery { roles, status, email, text, sort, page, ..MemberQuery::default() })
    }
}

pub(crate) fn member_list(app: &App, caller: &Caller, listed: Listed<Member>) -> Result<List<Row>, Failure> {
    let (form, catalog) = (RowForm::of("native membership"), caller.roles());
    let Listed { items, total, next } = listed;
    let items =
        items.iter().map(|member| app.rows.member(form, member, &catalog, Membership::of)).collect::<Result<_, _>>()?;
    Ok(List { items, total, next_cursor: next })
}

fn one(status: StatusCode, caller: &Caller, member: &Member) -> Response {
    entity(status, Membership::of(member, &caller.roles()), member.membership.updated)
}

/// A body's user: by id or by address, and by one of them only.
fn named(user_id: Option<&str>, email: Option<String>) -> Result<UserRef, Error> {
    match (user_id, email) {
        (Some(id), None) => Ok(user_ref(id)),
        (None, Some(email)) => Ok(UserRef::Email(email)),
        _ => Err(Error::invalid("user_id", "or email must be given, but not both")),
    }
}

/// The user named in a body isn't the one in a path: that there is none is the body's fault.
fn in_body(error: Error) -> Error {
    match error {
        Error::NotFound(Subject::User) => Error::reference("user_id", Subject::User),
        other => other,
    }
}

fn roles(caller: &Caller, keys: Option<&Vec<String>>) -> Result<Option<RoleSet>, Error> {
    keys.map(|keys| caller.role_set(keys.iter().map(String::as_str), "roles")).transpose()
}

fn roles_or_member(caller: &Caller, keys: Option<&Vec<String>>) -> Result<RoleSet, Error> {
    Ok(roles(caller, keys)?.unwrap_or(RoleSet::of(RoleNumber::MEMBER)))
}

/// The members of an organization; with `effective`, all users who reach it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Members {
    #[schema(value_type = List<Membership>)]
    Plain(List<Row>),
    Effective(List<EffectiveMember>),
}

/// List an organization's members.
///
/// With `effective=true`, lists everyone who reaches the organization. The organization's `visibility` determines who
/// may list its members; `memberships:write` at the organization or above it is always sufficient.
#[utoipa::path(get, path = "/organizations/{organization_id}/memberships", tag = "memberships",
    operation_id = "listMemberships", params(("organization_id" = String, Path), MemberListQuery),
    responses((status = 200, body = Members), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Members>, Failure> {
    let query: MemberListQuery = query.read()?;
    if query.is_effective() {
        let (ask, page) = query.effective(&app, &caller)?;
        let listed = caller.effective_members(&*id, ask, page).await?;
        let catalog = caller.roles();
        return Ok(Json(Members::Effective(List::of(listed, |member| EffectiveMember::of(member, &catalog)))));
    }
    let listed = caller.list_members(&*id, query.into_engine(&app, &caller)?).await?;
    Ok(Json(Members::Plain(member_list(&app, &caller, listed)?)))
}

/// Add a member.
///
/// The caller must have `memberships:write` at the organization or above it, and every permission of the roles given.
#[utoipa::path(post, path = "/organizations/{organization_id}/memberships", tag = "memberships",
    operation_id = "addMembership", params(("organization_id" = String, Path)), request_body = AddMember,
    responses((status = 201, body = Membership), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn add(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: Body<AddMember>,
) -> Result<Response, Failure> {
    let b = body.read()?;
    let user = named(b.user_id.as_deref(), b.email)?;
    let new = NewMembership {
        roles: roles_or_member(&caller, b.roles.as_ref())?,
        is_default: b.default.unwrap_or_default(),
        public: b.public_metadata.unwrap_or_default(),
        private: b.private_metadata.unwrap_or_default(),
        ..NewMembership::default()
    };
    let member = caller.add_member(&*id, user, new).await.map_err(in_body)?;
    Ok(one(StatusCode::CREATED, &caller, &member))
}

/// Add, update and remove members in bulk.
///
/// All changes are made in one transaction, or none if any of them fails. The caller must have `memberships:write` at
/// the organization or above it, and every permission of the roles given.
#[utoipa::path(post, path = "/organizations/{organization_id}/memberships:batch", tag = "memberships",
    operation_id = "batchMemberships", params(("organization_id" = String, Path)), request_body = BatchRequest,
    responses((status = 200, body = BatchResult), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn bulk(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: Body<BatchRequest>,
) -> Result<Json<BatchResult>, Failure> {
    let b = body.read()?;
    let items = b.operations.into_iter().map(|operation| bulk_item(&caller, operation)).collect();
    let bulk = Bulk { items, replace: b.replace, dry_run: b.dry_run };
    let done = caller.bulk_members(&*id, bulk).await?;
    let catalog = caller.roles();
    let wire = |members: &[Member]| members.iter().map(|member| Membership::of(member, &catalog)).collect();
    Ok(Json(BatchResult { items: wire(&done.items), removed: wire(&done.removed), dry_run: b.dry_run }))
}

fn bulk_item(caller: &Caller, b: BatchOperation) -> Result<BulkItem, Error> {
    let user = named(b.user_id.as_deref(), b.email)?;
    Ok(match b.op {
        BatchVerb::Add => BulkItem::Add(
            user,
            NewMembership {
                roles: roles_or_member(caller, b.roles.as_ref())?,
                is_default: b.default.unwrap_or_default(),
                public: b.public_metadata.flatten().unwrap_or_default(),
                private: b.private_metadata.flatten().unwrap_or_default(),
                ..NewMembership::default()
            },
        ),
        BatchVerb::Update => BulkItem::Update(
            user,
            MembershipPatch {
                roles: roles(caller, b.roles.as_ref())?,
                is_default: b.default,
                public: metadata_patch(b.public_metadata),
                private: metadata_patch(b.private_metadata),
                ..MembershipPatch::default()
            },
        ),
        BatchVerb::Remove => BulkItem::Remove(user),
    })
}

/// Get a membership.
///
/// Members may get their own membership with `organizations:read` at the organization or above it. For others, the same
/// rights apply as for listing the members.
#[utoipa::path(get, path = "/organizations/{organization_id}/memberships/{user_id}", tag = "memberships",
    operation_id = "getMembership", params(("organization_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = Membership), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(
    Authenticated(caller): Authenticated,
    Path((id, user)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let member = caller.member(&*id, user_ref(&user)).await?;
    Ok(one(StatusCode::OK, &caller, &member))
}

/// Update a membership.
///
/// Takes a JSON merge patch (RFC 7396). The caller must have `memberships:write` at the organization or above it, and
/// every permission of the roles newly given.
#[utoipa::path(patch, path = "/organizations/{organization_id}/memberships/{user_id}", tag = "memberships",
    operation_id = "updateMembership",
    params(("organization_id" = String, Path), ("user_id" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body = UpdateMember,
    responses((status = 200, body = Membership), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn update(
    Authenticated(caller): Authenticated,
    Path((id, user)): Path<(String, String)>,
    if_match: IfMatch,
    body: Body<UpdateMember>,
) -> Result<Response, Failure> {
    let b = body.read()?;
    let patch = MembershipPatch {
        roles: roles(&caller, b.roles.as_ref())?,
        is_default: b.default,
        public: metadata_patch(b.public_metadata),
        private: metadata_patch(b.private_metadata),
        extras: None,
        expected: if_match.expected()?,
    };
    let member = caller.update_member(&*id, user_ref(&user), patch).await?;
    Ok(one(StatusCode::OK, &caller, &member))
}

/// Remove a member.
///
/// The owner can't be removed. Requires `memberships:write` at the organization or above it.
#[utoipa::path(delete, path = "/organizations/{organization_id}/memberships/{user_id}", tag = "memberships",
    operation_id = "removeMembership",
    params(("organization_id" = String, Path), ("user_id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn remove(
    Authenticated(caller): Authenticated,
    Path((id, user)): Path<(String, String)>,
    if_match: IfMatch,
) -> Result<StatusCode, Failure> {
    caller.remove_member(&*id, user_ref(&user), if_match.expected()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get a membership by its id.
///
/// Members may get their own membership with `organizations:read` at the organization or above it. For others, the same
/// rights apply as for listing the members.
#[utoipa::path(get, path = "/memberships/{membership_id}", tag = "memberships", operation_id = "getMembershipById",
    params(("membership_id" = String, Path)),
    responses((status = 200, body = Membership), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get_by_id(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Response, Failure> {
    let id: MembershipId = Form::read_any(&id).ok_or(Error::NotFound(Subject::Membership))?;
    let member = caller.membership(id).await?;
    Ok(one(StatusCode::OK, &caller, &member))
}
