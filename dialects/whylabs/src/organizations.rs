//! Organizations: on `/v1` customers manage those below their own; on `/v0` the vendor's services manage all.

use std::collections::HashMap;

use axum::Json;
use axum::response::Response as HttpResponse;
use roster_engine::{Caller, Error, NewOrganization, Organization, OrganizationId, OrganizationQuery, Within};
use roster_http::{App, Authenticated, Body, Failure, Path, RequestMeta, json_list};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::map;
use crate::map::organizations::{has_parent, identifier, metadata, new_organization, organization_patch, summary};
use crate::query::Query;
use crate::scope::{self, CREATE_ORGANIZATIONS, LIST_ORGANIZATIONS, Selected};
use crate::wire::{
    CreateManagedOrganizationRequest, ListOrganizationsResponse, OrganizationIdentifier, OrganizationMetadata,
    OrganizationSummary, Response, SubscriptionTier,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, delete))
        .routes(routes!(update))
        .routes(routes!(create_managed))
        .routes(routes!(list_managed))
}

/// The id under which the parent is shown, if it is shown.
async fn parent_id(caller: &Caller, organization: &Organization) -> Result<Option<String>, Error> {
    match organization.parent.filter(|_| has_parent(organization)) {
        Some(parent) => Ok(Some(map::organization_id(&caller.organization(parent).await?))),
        None => Ok(None),
    }
}

/// Create an organization.
///
/// Without a parent it is an account; with one, an organization that the account manages.
#[utoipa::path(
    post, path = "/v0/organizations", operation_id = "CreateOrganization", tag = "Organizations",
    params(
        ("name" = String, Query),
        ("subscription_tier" = Option<SubscriptionTier>, Query),
        ("email_domains" = Option<String>, Query,
            description = "Separated by commas. Only users with an e-mail address in one of these domains can become \
                members."),
        ("override_id" = Option<String>, Query,
            description = "A custom id: `org-` followed by 1 to 128 ASCII letters and digits."),
        ("observatory_url" = Option<String>, Query),
        ("parent_org_id" = Option<String>, Query),
        ("storage_bucket_override" = Option<String>, Query),
        ("allow_managed_membership_updates_only" = Option<bool>, Query),
    ),
    responses((status = 200, description = "Success.", body = OrganizationSummary), Failures),
)]
async fn create(Authenticated(caller): Authenticated, query: Query) -> Result<Json<OrganizationSummary>, Failure> {
    scope::internal(&caller)?;
    let made = caller.create_organization(new_organization(&query)?).await?;
    let parent = parent_id(&caller, &made).await?;
    Ok(Json(summary(&made, parent)))
}

/// List organizations.
///
/// In order of creation.
#[utoipa::path(
    get, path = "/v0/organizations", operation_id = "ListOrganizations", tag = "Organizations",
    responses((status = 200, description = "Success.", body = ListOrganizationsResponse), Failures),
)]
async fn list(Authenticated(caller): Authenticated) -> Result<HttpResponse, Failure> {
    scope::internal(&caller)?;
    let renamed = renamed(&caller).await?;
    let organizations = caller.stream_organizations(OrganizationQuery::default()).await?;
    let to_wire = move |organization: Organization| {
        let parent = organization.parent.filter(|_| has_parent(&organization));
        let parent = parent.map(|parent| renamed.get(&parent).cloned().unwrap_or_else(|| map::own_id(parent)));
        summary(&organization, parent)
    };
    json_list(b"{\"items\":[", organizations, to_wire, b"],\"internal\":true}").await
}

/// The organizations that are shown by an imported id. Collected beforehand, since in a list a parent may come after its child.
async fn renamed(caller: &Caller) -> Result<HashMap<OrganizationId, String>, Error> {
    let mut renamed = HashMap::new();
    let mut pieces = caller.stream_organizations(OrganizationQuery::default()).await?;
    while let Some(piece) = pieces.next().await {
        let aliased = piece?.into_iter().filter(|organization| !organization.aliases.is_empty());
        renamed.extend(aliased.map(|organization| (organization.id, map::organization_id(&organization))));
    }
    Ok(renamed)
}

/// Get an organization.
#[utoipa::path(
    get, path = "/v0/organizations/{org_id}", operation_id = "GetOrganization", tag = "Organizations",
    params(("org_id" = String, Path)),
    responses((status = 200, description = "Success.", body = OrganizationMetadata), Failures),
)]
async fn get(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
) -> Result<Json<OrganizationMetadata>, Failure> {
    scope::internal(&caller)?;
    let organization = caller.organization(&*org_id).await?;
    let parent = parent_id(&caller, &organization).await?;
    Ok(Json(metadata(&organization, parent)))
}

/// Update an organization.
///
/// Omitted fields stay unchanged. With a parent, the organization moves there, with everything below it.
#[utoipa::path(
    put, path = "/v0/organizations/partial/{org_id}", operation_id = "PartiallyUpdateOrganization", tag = "Organizations",
    params(
        ("org_id" = String, Path),
        ("name" = Option<String>, Query),
        ("subscription_tier" = Option<SubscriptionTier>, Query),
        ("email_domains" = Option<String>, Query,
            description = "Separated by commas. Only users with an e-mail address in one of these domains can become \
                members."),
        ("observatory_url" = Option<String>, Query),
        ("parent_org_id" = Option<String>, Query),
        ("storage_bucket_override" = Option<String>, Query),
        ("allow_managed_membership_updates_only" = Option<bool>, Query),
    ),
    responses((status = 200, description = "Success.", body = OrganizationSummary), Failures),
)]
async fn update(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
) -> Result<Json<OrganizationSummary>, Failure> {
    scope::internal(&caller)?;
    let organization = caller.organization(&*org_id).await?;
    let changed = caller.update_organization(organization.id, organization_patch(&query)?).await?;
    let parent = parent_id(&caller, &changed).await?;
    Ok(Json(summary(&changed, parent)))
}

/// Delete an organization.
///
/// Also deletes its memberships and keys. An organization that has others below it is refused.
#[utoipa::path(
    delete, path = "/v0/organizations/{org_id}", operation_id = "DeleteOrganization", tag = "Organizations",
    params(("org_id" = String, Path)),
    responses((status = 200, description = "Success.", body = Response), Failures),
)]
async fn delete(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    meta: RequestMeta,
) -> Result<Json<Response>, Failure> {
    scope::internal(&caller)?;
    caller.delete_organization(&*org_id, false, None).await?;
    Ok(Json(Response::of(&meta)))
}

/// Create a managed organization.
///
/// The organization is created directly below the key's own, which must be an account.
#[utoipa::path(
    post, path = "/v1/organizations/managed-organization", operation_id = "CreateManagedOrganization",
    tag = "Organizations",
    params(
        ("X-WHYLABS-ORGANIZATION" = Option<String>, Header,
            description = "An organization managed by the key's own organization. Default: the key's own."),
    ),
    request_body = CreateManagedOrganizationRequest,
    responses((status = 200, description = "Success.", body = OrganizationIdentifier), Failures),
)]
async fn create_managed(
    Authenticated(caller): Authenticated,
    selected: Selected,
    body: Body<CreateManagedOrganizationRequest>,
) -> Result<Json<OrganizationIdentifier>, Failure> {
    let account = CREATE_ORGANIZATIONS.selected(&caller, selected).await?;
    let name = body.read()?.name;
    if has_parent(&account) {
        return Err(Error::NotAnAccount.into());
    }
    let new = NewOrganization { name, parent: Some(account.id.into()), ..NewOrganization::default() };
    Ok(Json(identifier(&caller.create_organization(new).await?)))
}

/// List managed organizations.
///
/// Lists the organizations directly below the key's own, in order of creation.
#[utoipa::path(
    get, path = "/v1/organizations/managed-organizations", operation_id = "GetManagedOrganizations",
    tag = "Organizations",
    params(
        ("X-WHYLABS-ORGANIZATION" = Option<String>, Header,
            description = "An organization managed by the key's own organization. Default: the key's own."),
    ),
    responses((status = 200, description = "Success.", body = Vec<OrganizationIdentifier>), Failures),
)]
async fn list_managed(Authenticated(caller): Authenticated, selected: Selected) -> Result<HttpResponse, Failure> {
    let account = LIST_ORGANIZATIONS.selected(&caller, selected).await?;
    let within = Within::ChildrenOf(account.id.into());
    let managed = caller.stream_organizations(OrganizationQuery { within, ..OrganizationQuery::default() }).await?;
    json_list(b"[", managed, |organization| identifier(&organization), b"]").await
}
