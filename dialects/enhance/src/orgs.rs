//! Organizations.

use axum::Json;
use http::StatusCode;
use roster_engine::{
    BuiltIn as P, Caller, EntityId as _, Error, Organization, OrganizationId, OrganizationPatch, OrganizationStatus,
    Right, Subject,
};
use roster_http::{App, Authenticated, Body, Failure, Pairs, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::logins::known_locale;
use crate::map::{self, DIALECT, settings};
use crate::wire::{Object, Org, OrgUpdate, Status, TextOrUnset};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, update, delete))
}

/// Organizations with their owners.
pub(crate) async fn shown(caller: &Caller, organizations: &[Organization]) -> Result<Vec<Org>, Error> {
    let owners = caller.owners(organizations.iter().map(|organization| organization.id).collect()).await?;
    // The master organization is Roster's own and so has no imported id.
    let master = map::id(caller.root());
    let parents = organizations.iter().filter_map(|organization| organization.parent);
    let ids = caller.shown_organization_ids(parents.filter(|parent| *parent != caller.root()).collect()).await?;
    let shown = |id: OrganizationId| ids.get(&id).cloned().unwrap_or_else(|| map::id(id));
    let org = |o: &Organization| map::org(o, owners.get(&o.id), o.parent.map(shown), &master);
    Ok(organizations.iter().map(org).collect())
}

/// Get an organization.
///
/// Requires an owner or super admin, here or above.
#[utoipa::path(
    get, path = "/orgs/{org_id}", operation_id = "getOrg", tag = "orgs", params(("org_id" = String, Path)),
    responses((status = 200, description = "The organization.", body = Org), Failures),
)]
async fn get(Authenticated(caller): Authenticated, Path(org): Path<String>) -> Result<Json<Org>, Failure> {
    let organization = caller.organization_for(&*org, Right::tree(P::OrganizationsWrite)).await?;
    let shown = shown(&caller, &[organization]).await?.pop();
    Ok(Json(shown.ok_or_else(|| Error::Internal("an organization is not shown".into()))?))
}

/// Update an organization.
///
/// `"status": "active"` restores an organization marked as deleted. Requires an owner or super admin, here or above.
#[utoipa::path(
    patch, path = "/orgs/{org_id}", operation_id = "updateOrg", tag = "orgs", params(("org_id" = String, Path)),
    request_body = OrgUpdate,
    responses((status = 204, description = "Done."), Failures),
)]
async fn update(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
    body: Body<OrgUpdate>,
) -> Result<StatusCode, Failure> {
    let organization = caller.organization_for(&*org, Right::tree(P::OrganizationsWrite)).await?;
    let body = body.read()?;
    if body.status == Some(Status::Deleted) {
        may_delete(&caller, &organization).await?;
    }
    let slack = body.slack_notification_webhook_url.map(|url| match url {
        TextOrUnset::Text(url) => url.into(),
        TextOrUnset::Unset => serde_json::Value::Null,
    });
    let patch = OrganizationPatch {
        name: body.name,
        status: body.status.map(|status| match status {
            Status::Active => OrganizationStatus::Active,
            Status::Deleted => OrganizationStatus::Deleted,
        }),
        suspended: body.is_suspended,
        locale: known_locale(body.locale)?.map(Some),
        extras: slack.map(|url| (DIALECT, Object::from_iter([(settings::SLACK.to_owned(), url)]))),
        ..OrganizationPatch::default()
    };
    caller.update_organization(organization.id, patch).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks the right to delete an organization, which its own members don't have, and that it isn't the master organization.
async fn may_delete(caller: &Caller, organization: &Organization) -> Result<(), Error> {
    if organization.is_root() {
        return Err(Error::System(Subject::Organization));
    }
    caller.organization_for(organization.id, Right::above(P::OrganizationsDelete)).await.map(drop)
}

/// Delete an organization.
///
/// Marks the organization and everything below it as deleted; with `force`, deletes them permanently. Requires an
/// owner, super admin or support above; with `force`, one of the master organization.
#[utoipa::path(
    delete, path = "/orgs/{org_id}", operation_id = "deleteOrg", tag = "orgs",
    params(("org_id" = String, Path), ("force" = Option<bool>, Query)),
    responses((status = 204, description = "Done."), Failures),
)]
async fn delete(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
    query: Pairs,
) -> Result<StatusCode, Failure> {
    let organization = caller.organization_for(&*org, Right::tree(P::OrganizationsDelete)).await?;
    may_delete(&caller, &organization).await?;
    if query.flag("force")?.unwrap_or_default() {
        caller.organization_for(organization.id, Right::root(P::OrganizationsDelete)).await?;
        caller.delete_organization(&*organization.id.native(), true, None).await?;
    } else {
        caller.mark_organization_deleted(organization.id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
