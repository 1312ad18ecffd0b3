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
use crate::wire::{List, Object, Organization, OrganizationStatusWord, Time, VisibilityWord, metadata_patch};

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
    #[schema(example = "Acme")]
    name: String,
    /// `[a-z0-9-]`, unique in the realm. Made from the name if it isn't given.
    slug: Option<String>,
    /// The realm's root if it isn't given.
    parent_id: Option<String>,
    external_id: Option<String>,
    max_members: Option<u32>,
    email_domains: Option<Vec<String>>,
    visibility: Option<VisibilityWord>,
    locale: Option<String>,
    /// A user who becomes its first admin, and is shown as who made it.
    creator_id: Option<String>,
    /// When it was made elsewhere, if it is brought along.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Time>,
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Object>,
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Object>,
}

/// What isn't sent stays; null clears.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct UpdateOrganization {
    name: Option<String>,
    slug: Option<String>,
    /// A new place in the tree, with everything below.
    parent_id: Option<String>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    external_id: Option<Option<String>>,
    max_members: Option<u32>,
    email_domains: Option<Vec<String>>,
    visibility: Option<VisibilityWord>,
    /// `deleted` marks it, and with it all below; `active` takes the mark away. Nothing is lost.
    status: Option<OrganizationStatusWord>,
    suspended: Option<bool>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    locale: Option<Option<String>>,
    /// Merged (RFC 7396); null clears it.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Option<Object>>,
    /// Merged (RFC 7396); null clears it.
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Option<Object>>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct OrganizationListQuery {
    /// Rows on the page.
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// `created_at` (default), `updated_at` or `name`; with `-` in front, downwards.
    sort: Option<String>,
    /// Whether to count the whole list.
    total: Option<bool>,
    slug: Option<String>,
    external_id: Option<String>,
    /// Part of the name or slug, in any case and any script.
    q: Option<String>,
    /// Beginning of the name, in any case and any script.
    prefix: Option<String>,
    /// `deleted`: marked as that, or below such a one.
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
    /// Delete what is below, too. Without it, an organization with others below is refused.
    subtree: Option<bool>,
}

/// List all organizations of the realm.
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
#[utoipa::path(get, path = "/organizations/{organization_id}", tag = "organizations", operation_id = "getOrganization",
    params(("organization_id" = String, Path)),
    responses((status = 200, body = Organization), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Response, Failure> {
    let organization = caller.organization(&*id).await?;
    Ok(entity(StatusCode::OK, Organization::from(&organization), organization.updated))
}

/// Rename, change or move an organization (JSON merge patch).
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
        visibility: b.visibility.map(Into::into),
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

/// Delete an organization with its memberships and tokens. Users stay.
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

/// List the organizations right below.
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

/// List all organizations below, however deep.
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
