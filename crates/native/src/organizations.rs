//! `/organizations`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use roster_engine::{
    NewOrganization, OrganizationPatch, OrganizationQuery, OrganizationRef, OrganizationSort, OrganizationState, Within,
};
use roster_http::{App, Authenticated, Body, Failure, Path};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::etag::{IfMatch, entity};
use crate::problem::Problem;
use crate::query::{Query, page};
use crate::users::user_ref;
use crate::wire::{
    List, Object, Organization, OrganizationStatusWord, Time, VisibilityWord, metadata_patch, or_default, present,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(list_children))
        .routes(routes!(list_descendants))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateOrganization {
    /// At most 256 characters; not blank.
    #[schema(example = "Acme")]
    name: String,
    /// 1 to 128 of `a-z`, `0-9` and `-`; unique in the realm. Default: derived from the name.
    slug: Option<String>,
    /// The parent organization. Default: the realm's root.
    parent_id: Option<String>,
    /// The organization's id in another system: 1 to 512 bytes, unique in the realm.
    external_id: Option<String>,
    /// The maximum number of members, pending invitations included: at most 2147483647. 0, the default, means no limit.
    max_members: Option<u32>,
    /// If given, only users with an e-mail address in one of these domains can become members. At most 100 domains.
    email_domains: Option<Vec<String>>,
    visibility: Option<VisibilityWord>,
    /// At most 64 characters.
    locale: Option<String>,
    /// The user who becomes the organization's first admin and is shown as its creator.
    creator_id: Option<String>,
    /// The original time of creation, for an organization migrated from another system. Default: now.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Time>,
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
struct UpdateOrganization {
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    name: Option<String>,
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    slug: Option<String>,
    /// The new parent. Everything below the organization moves along.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    parent_id: Option<String>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    external_id: Option<Option<String>>,
    /// At most 2147483647. 0 and `null` mean no limit.
    #[serde(deserialize_with = "or_default")]
    max_members: Option<u32>,
    /// `null` and an empty list admit any user.
    #[serde(deserialize_with = "or_default")]
    email_domains: Option<Vec<String>>,
    /// `null` sets the default, `members`.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<VisibilityWord>)]
    visibility: Option<Option<VisibilityWord>>,
    /// `deleted` marks the organization and everything below it as deleted; `active` removes the mark. No data is lost.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    status: Option<OrganizationStatusWord>,
    /// A flag for applications to act on. It doesn't affect rights.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    suspended: Option<bool>,
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
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct OrganizationListQuery {
    /// Number of items per page: 1 to 500 unless the server is configured otherwise. Default: 50.
    limit: Option<u64>,
    /// The `next_cursor` of the previous page. Omit it to get the first page.
    cursor: Option<String>,
    /// Sort key: `created_at` (default), `updated_at` or `name`. A leading `-` sorts in descending order.
    sort: Option<String>,
    /// Whether to also return `total`, the number of items in the whole list. Default: `false`.
    total: Option<bool>,
    /// Only the organization with exactly this slug.
    slug: Option<String>,
    /// Only the organization with exactly this external id.
    external_id: Option<String>,
    /// Only organizations whose name or slug contains this text, in any letter case and any script.
    q: Option<String>,
    /// Only organizations whose name begins with this text, in any letter case and any script.
    prefix: Option<String>,
    /// Only organizations with this status. `deleted` includes those below an organization marked as deleted.
    status: Option<OrganizationStatusWord>,
}

impl OrganizationListQuery {
    fn into_engine(self, app: &App, within: Within) -> Result<OrganizationQuery, Failure> {
        let sorts = [
            ("created_at", OrganizationSort::Created),
            ("updated_at", OrganizationSort::Updated),
            ("name", OrganizationSort::Name),
        ];
        let (page, sort) = page(app, self.limit, self.cursor, self.total, self.sort.as_deref(), &sorts)?;
        let Self { slug, external_id, q: text, prefix, .. } = self;
        let state = self.status.map(|status| match status {
            OrganizationStatusWord::Active => OrganizationState::NotDeleted,
            OrganizationStatusWord::Deleted => OrganizationState::Deleted,
        });
        Ok(OrganizationQuery {
            within,
            slug,
            external_id,
            text,
            prefix,
            state,
            sort,
            page,
            ..OrganizationQuery::default()
        })
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct DeleteOrganizationQuery {
    /// Whether to also delete everything below. Otherwise an organization that has others below it is refused
    /// (`has_children`). Default: `false`.
    subtree: Option<bool>,
}

/// List all organizations of the realm.
///
/// Requires `organizations:read` at the realm's root.
#[utoipa::path(get, path = "/organizations", tag = "organizations", operation_id = "listOrganizations",
    params(OrganizationListQuery),
    responses((status = 200, body = List<Organization>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Json<List<Organization>>, Failure> {
    let query = query.read::<OrganizationListQuery>()?.into_engine(&app, Within::Realm)?;
    Ok(Json(List::of(caller.list_organizations(query).await?, |o| Organization::from(o))))
}

/// Create an organization.
///
/// Requires `organizations:create` at the parent or above it.
#[utoipa::path(post, path = "/organizations", tag = "organizations", operation_id = "createOrganization",
    request_body = CreateOrganization,
    responses((status = 201, body = Organization), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn create(Authenticated(caller): Authenticated, body: Body<CreateOrganization>) -> Result<Response, Failure> {
    let b = body.read()?;
    let new = NewOrganization {
        name: b.name,
        slug: b.slug,
        parent: b.parent_id.as_deref().map(Into::into),
        external_id: b.external_id,
        max_members: b.max_members.unwrap_or_default(),
        email_domains: b.email_domains.unwrap_or_default(),
        visibility: b.visibility.map(Into::into).unwrap_or_default(),
        locale: b.locale,
        public: b.public_metadata.unwrap_or_default(),
        private: b.private_metadata.unwrap_or_default(),
        creator: b.creator_id.as_deref().map(user_ref),
        created: b.created_at.map(|time| time.0),
        ..NewOrganization::default()
    };
    let organization = caller.create_organization(new).await?;
    Ok(entity(StatusCode::CREATED, Organization::from(&organization), organization.updated))
}

/// Get an organization.
///
/// Requires `organizations:read` at the organization or above it.
#[utoipa::path(get, path = "/organizations/{organization_id}", tag = "organizations", operation_id = "getOrganization",
    params(("organization_id" = String, Path)),
    responses((status = 200, body = Organization), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Response, Failure> {
    let organization = caller.organization(&*id).await?;
    Ok(entity(StatusCode::OK, Organization::from(&organization), organization.updated))
}

/// Update or move an organization.
///
/// Takes a JSON merge patch (RFC 7396). Requires `organizations:write` at the organization or above it. Moving it
/// requires `organizations:write` above it, and `organizations:create` at the new parent or above that. Marking it as
/// deleted requires `organizations:delete` at the organization or above it, and nothing else if the patch does nothing
/// else.
#[utoipa::path(patch, path = "/organizations/{organization_id}", tag = "organizations", operation_id = "updateOrganization",
    params(("organization_id" = String, Path), ("If-Match" = Option<String>, Header)), request_body = UpdateOrganization,
    responses((status = 200, body = Organization), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn update(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    if_match: IfMatch,
    body: Body<UpdateOrganization>,
) -> Result<Response, Failure> {
    let b = body.read()?;
    let patch = OrganizationPatch {
        name: b.name,
        slug: b.slug,
        external_id: b.external_id,
        max_members: b.max_members,
        email_domains: b.email_domains,
        visibility: b.visibility.map(|visibility| visibility.map(Into::into).unwrap_or_default()),
        status: b.status.map(Into::into),
        suspended: b.suspended,
        locale: b.locale,
        public: metadata_patch(b.public_metadata),
        private: metadata_patch(b.private_metadata),
        extras: None,
        created: None,
        parent: b.parent_id.as_deref().map(Into::into),
        name_must_be_free: false,
        expected: if_match.expected()?,
    };
    let organization = caller.update_organization(&*id, patch).await?;
    Ok(entity(StatusCode::OK, Organization::from(&organization), organization.updated))
}

/// Delete an organization.
///
/// Permanently deletes the organization with its memberships, account users and tokens. Its users are kept. Requires
/// `organizations:delete` at the organization or above it; with `subtree`, above it.
#[utoipa::path(delete, path = "/organizations/{organization_id}", tag = "organizations", operation_id = "deleteOrganization",
    params(("organization_id" = String, Path), ("If-Match" = Option<String>, Header), DeleteOrganizationQuery),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn delete(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    if_match: IfMatch,
    query: Query,
) -> Result<StatusCode, Failure> {
    let query: DeleteOrganizationQuery = query.read()?;
    caller.delete_organization(&*id, query.subtree.unwrap_or_default(), if_match.expected()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List an organization's children.
///
/// These are the organizations directly below it. Requires `organizations:list` at the organization or above it.
#[utoipa::path(get, path = "/organizations/{organization_id}/children", tag = "organizations",
    operation_id = "listChildren", params(("organization_id" = String, Path), OrganizationListQuery),
    responses((status = 200, body = List<Organization>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list_children(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<List<Organization>>, Failure> {
    let within = Within::ChildrenOf(OrganizationRef::from(&*id));
    let query = query.read::<OrganizationListQuery>()?.into_engine(&app, within)?;
    Ok(Json(List::of(caller.list_organizations(query).await?, |o| Organization::from(o))))
}

/// List an organization's descendants.
///
/// These are all organizations below it, at any depth. Requires `organizations:list` at the organization or above it.
#[utoipa::path(get, path = "/organizations/{organization_id}/descendants", tag = "organizations",
    operation_id = "listDescendants", params(("organization_id" = String, Path), OrganizationListQuery),
    responses((status = 200, body = List<Organization>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list_descendants(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<List<Organization>>, Failure> {
    let within = Within::Below(OrganizationRef::from(&*id));
    let query = query.read::<OrganizationListQuery>()?.into_engine(&app, within)?;
    Ok(Json(List::of(caller.list_organizations(query).await?, |o| Organization::from(o))))
}
