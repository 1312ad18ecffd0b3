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
use crate::wire::{EffectiveMember, List, Membership, Object, StatusWord, metadata_patch};

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
    /// This or `email`.
    user_id: Option<String>,
    /// Names a user of the realm by address.
    email: Option<String>,
    /// Keys of roles. Default: `["member"]`.
    #[schema(example = json!(["admin"]))]
    roles: Option<Vec<String>>,
    /// Makes it the organization that the user starts in.
    default: Option<bool>,
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Object>,
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Object>,
}

/// What isn't sent stays; null clears.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct UpdateMember {
    /// Replaces all roles.
    roles: Option<Vec<String>>,
    default: Option<bool>,
    /// Merged (RFC 7396); null clears it.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Option<Object>>,
    /// Merged (RFC 7396); null clears it.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Option<Object>>,
}

/// Many changes in one transaction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchRequest {
    operations: Vec<BatchOperation>,
    /// Whoever isn't named by an `add` or `update` is removed. The owner stays.
    #[serde(default)]
    replace: bool,
    /// Answer as if, and change nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What to do with one user.
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
    /// This or `email`.
    user_id: Option<String>,
    email: Option<String>,
    roles: Option<Vec<String>>,
    default: Option<bool>,
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Option<Object>>,
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Option<Object>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct BatchResult {
    /// In the order of the operations: each membership as it is now; for a `remove`, as it was.
    items: Vec<Membership>,
    /// With `replace`: who was removed for not being named.
    removed: Vec<Membership>,
    /// True if nothing was changed, as was asked for.
    dry_run: bool,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct MemberListQuery {
    /// Rows on the page.
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// `created_at` (default), `updated_at`, `name` or `email` of the user; with `-` in front, downwards.
    sort: Option<String>,
    /// Whether to count the whole list.
    total: Option<bool>,
    /// Holding this role; several with commas between: at least one of them.
    role: Option<String>,
    /// Of the user.
    status: Option<StatusWord>,
    /// Exactly this address, in any case.
    email: Option<String>,
    /// Part of a name, user name or address, in any case and any script.
    q: Option<String>,
    /// All active users who reach the organization, also by memberships above it, and how; by creation. With `role`, `permission`,
    /// `limit`, `cursor` and `total` only.
    effective: Option<bool>,
    /// With `effective`: only who has this permission here.
    permission: Option<String>,
}

impl MemberListQuery {
    /// Whether it is about who reaches the organization, rather than who is a member of it.
    fn is_effective(&self) -> bool {
        self.effective == Some(true)
    }

    fn effective(self, app: &App) -> Result<(Ask, Page), Failure> {
        let others = [
            ("sort", self.sort.is_some()),
            ("status", self.status.is_some()),
            ("email", self.email.is_some()),
            ("q", self.q.is_some()),
        ];
        if let Some((name, _)) = others.into_iter().find(|(_, given)| *given) {
            return Err(Error::invalid(name, "doesn't go with effective").into());
        }
        let (page, ()) = page(app, self.limit, self.cursor, self.total, None, &[("created_at", ())])?;
        Ok((ask(self.permission, self.role)?.unwrap_or(Ask::Anything), page))
    }

    pub(crate) fn into_engine(self, app: &App, caller: &Caller) -> Result<MemberQuery, Failure> {
        if self.is_effective() {
            let problem = "is asked of an organization; for a user, ask /users/{user_id}/organizations";
            return Err(Error::invalid("effective", problem).into());
        }
        if self.permission.is_some() {
            return Err(Error::invalid("permission", "goes only with effective").into());
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
        _ => Err(Error::invalid("user_id", "must be given, or email, and not both")),
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

/// Members, or who reaches the organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Members {
    #[schema(value_type = List<Membership>)]
    Plain(List<Row>),
    Effective(List<EffectiveMember>),
}

/// List the members of an organization; with `effective`, everyone who reaches it.
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
        let (ask, page) = query.effective(&app)?;
        let listed = caller.effective_members(&*id, ask, page).await?;
        let catalog = caller.roles();
        return Ok(Json(Members::Effective(List::of(listed, |member| EffectiveMember::of(member, &catalog)))));
    }
    let listed = caller.list_members(&*id, query.into_engine(&app, &caller)?).await?;
    Ok(Json(Members::Plain(member_list(&app, &caller, listed)?)))
}

/// Add a member.
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

/// Add, update and remove many members: all of it, or nothing.
#[utoipa::path(post, path = "/organizations/{organization_id}/memberships:batch", tag = "memberships",
    operation_id = "batchMemberships", params(("organization_id" = String, Path)), request_body = BatchRequest,
    responses((status = 200, body = BatchResult), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn bulk(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: Body<BatchRequest>,
) -> Result<Json<BatchResult>, Failure> {
    let b = body.read()?;
    let mut items = Vec::with_capacity(b.operations.len());
    let mut refused = Vec::new();
    for (number, operation) in b.operations.into_iter().enumerate() {
        match bulk_item(&caller, operation) {
            Ok(item) => items.push(item),
            Err(error) => refused.push((number, error.within(&format!("operations[{number}]")))),
        }
    }
    if !refused.is_empty() {
        return Err(Error::Items(refused).into());
    }
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

/// Get a membership by organization and user.
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

/// Update a membership (JSON merge patch).
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

/// Remove a member. The owner can't be removed.
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

/// Get a membership by its own id.
#[utoipa::path(get, path = "/memberships/{membership_id}", tag = "memberships", operation_id = "getMembershipById",
    params(("membership_id" = String, Path)),
    responses((status = 200, body = Membership), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get_by_id(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Response, Failure> {
    let id: MembershipId = Form::read_any(&id).ok_or(Error::NotFound(Subject::Membership))?;
    let member = caller.membership(id).await?;
    Ok(one(StatusCode::OK, &caller, &member))
}
