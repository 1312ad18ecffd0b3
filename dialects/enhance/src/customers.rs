//! Customers: organizations below another.

use axum::Json;
use http::StatusCode;
use roster_engine::{
    BuiltIn as P, NewOrganization, OrganizationQuery, OrganizationSort, OrganizationState, Right, Within,
};
use roster_http::{App, Authenticated, Body, Failure, Pairs, Path, RequestError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::map;
use crate::orgs::shown;
use crate::query;
use crate::wire::{CustomersListing, NewCustomer, NewResourceUuid};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create))
}

fn state(query: &Pairs) -> Result<OrganizationState, Failure> {
    match query.optional("status")? {
        None => Ok(OrganizationState::NotDeleted),
        Some("active") => Ok(OrganizationState::Active),
        Some("suspended") => Ok(OrganizationState::Suspended),
        Some("deleted") => Ok(OrganizationState::Deleted),
        Some(_) => Err(RequestError::invalid("status", "must be active, suspended or deleted").into()),
    }
}

/// List an organization's customers.
///
/// Only direct customers, unless `recursive` is set. Requires an owner, super admin or support, here or above.
#[utoipa::path(
    get, path = "/orgs/{org_id}/customers", operation_id = "getOrgCustomers", tag = "customers",
    params(
        ("org_id" = String, Path),
        ("offset" = Option<u64>, Query),
        ("limit" = Option<u64>, Query, description = "Maximum number of items. Default: all."),
        ("sortBy" = Option<String>, Query,
            description = "`id`, `name`, `status`, `subscriptionsCount`, `websitesCount` or `createdAt`. Default: by \
                creation."),
        ("sortOrder" = Option<String>, Query, description = "`asc` (default) or `desc`."),
        ("recursive" = Option<bool>, Query, description = "Also list customers of customers. Default: `false`."),
        ("maxDepth" = Option<u32>, Query,
            description = "With `recursive`: the number of levels; 1 means direct customers only."),
        ("status" = Option<String>, Query,
            description = "`active`, `suspended` or `deleted`. Default: all but deleted ones."),
        ("planId" = Option<i64>, Query, description = "Roster has no plans."),
    ),
    responses((status = 200, description = "The customers.", body = CustomersListing), Failures),
)]
async fn list(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
    query: Pairs,
) -> Result<Json<CustomersListing>, Failure> {
    let organization = caller.organization_for(&*org, Right::tree(P::OrganizationsList)).await?;
    let sorts = [
        ("id", OrganizationSort::Id),
        ("name", OrganizationSort::Name),
        ("status", OrganizationSort::Status),
        // No customer has one.
        ("subscriptionsCount", OrganizationSort::Id),
        ("websitesCount", OrganizationSort::Id),
        ("createdAt", OrganizationSort::Created),
    ];
    let levels = query.integer("maxDepth", 1..=i64::from(u32::MAX))?.and_then(|n| u32::try_from(n).ok());
    let wanted = OrganizationQuery {
        within: if query.flag("recursive")?.unwrap_or_default() {
            Within::Below(organization.id.into())
        } else {
            Within::ChildrenOf(organization.id.into())
        },
        levels,
        state: Some(state(&query)?),
        sort: query::sort(&query, &sorts)?,
        page: query::page(&query)?,
        ..OrganizationQuery::default()
    };
    let listed = caller.list_organizations(wanted).await?;
    let items = shown(&caller, &listed.items).await?;
    Ok(Json(CustomersListing { items, total: listed.total.unwrap_or_default() }))
}

/// Create a customer.
///
/// The customer has no owner. Requires an owner or super admin, here or above.
#[utoipa::path(
    post, path = "/orgs/{org_id}/customers", operation_id = "createCustomer", tag = "customers",
    params(("org_id" = String, Path)), request_body = NewCustomer,
    responses((status = 201, description = "Created.", body = NewResourceUuid), Failures),
)]
async fn create(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
    body: Body<NewCustomer>,
) -> Result<(StatusCode, Json<NewResourceUuid>), Failure> {
    let parent = caller.organization_for(&*org, Right::tree(P::OrganizationsCreate)).await?;
    let name = body.read()?.name;
    let new = NewOrganization { name, parent: Some(parent.id.into()), ..NewOrganization::default() };
    let made = caller.create_organization(new).await?;
    Ok((StatusCode::CREATED, Json(NewResourceUuid { id: map::organization_id(&made) })))
}
