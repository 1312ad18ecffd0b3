//! Who owns an organization.

use http::StatusCode;
use roster_engine::{BuiltIn as P, Error, MemberRef, Right, Subject};
use roster_http::{App, Authenticated, Body, Failure, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::map;
use crate::wire::OrgOwnerUpdate;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(update, delete))
}

/// Transfer ownership to a member.
///
/// The former owner becomes a super admin. Requires the owner, or an owner or super admin above.
#[utoipa::path(
    put, path = "/orgs/{org_id}/owner", operation_id = "updateOwner", tag = "owner",
    params(("org_id" = String, Path)), request_body = OrgOwnerUpdate,
    responses((status = 200, description = "Done."), Failures),
)]
async fn update(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
    body: Body<OrgOwnerUpdate>,
) -> Result<StatusCode, Failure> {
    let rights = vec![Right::here(P::OwnershipTransfer), Right::above(P::OwnershipWrite)];
    caller.organization_for_any(&*org, rights).await?;
    let unknown = || Error::reference("memberId", Subject::Membership);
    let member = map::member_id(&body.read()?.member_id).ok_or_else(unknown)?;
    caller.transfer_ownership(&*org, MemberRef::Membership(member)).await.map_err(|error| match error {
        Error::NotFound(Subject::Membership) => unknown(),
        other => other,
    })?;
    Ok(StatusCode::OK)
}

/// Remove the owner.
///
/// The former owner becomes a super admin. Requires an owner or super admin above.
#[utoipa::path(
    delete, path = "/orgs/{org_id}/owner", operation_id = "deleteOwner", tag = "owner",
    params(("org_id" = String, Path)),
    responses((status = 204, description = "Done."), Failures),
)]
async fn delete(Authenticated(caller): Authenticated, Path(org): Path<String>) -> Result<StatusCode, Failure> {
    caller.clear_ownership(&*org).await?;
    Ok(StatusCode::NO_CONTENT)
}
