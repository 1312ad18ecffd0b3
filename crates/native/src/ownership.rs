//! `/organizations/{id}/owner`.

use axum::response::Response;
use http::StatusCode;
use roster_engine::{Error, Subject};
use roster_http::{App, Authenticated, Body, Failure, Path};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::etag::entity;
use crate::problem::Problem;
use crate::users::user_ref;
use crate::wire::Membership;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, set, clear))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetOwner {
    /// The new owner, who must be an active member of the organization.
    user_id: String,
}

/// Get the owner's membership.
///
/// The same rights apply as for listing the members.
#[utoipa::path(get, path = "/organizations/{organization_id}/owner", tag = "ownership", operation_id = "getOwner",
    params(("organization_id" = String, Path)),
    responses((status = 200, body = Membership), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Response, Failure> {
    let owner = caller.owner(&*id).await?;
    Ok(entity(StatusCode::OK, Membership::of(&owner, &caller.roles()), owner.membership.updated))
}

/// Transfer ownership to a member.
///
/// The former owner, if any, becomes an admin. Requires `ownership:transfer` at the organization, which its owner has,
/// or `ownership:write` above it.
#[utoipa::path(put, path = "/organizations/{organization_id}/owner", tag = "ownership", operation_id = "setOwner",
    params(("organization_id" = String, Path)), request_body = SetOwner,
    responses((status = 200, body = Membership), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn set(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: Body<SetOwner>,
) -> Result<Response, Failure> {
    let to = body.read()?.user_id;
    let owner = caller.transfer_ownership(&*id, user_ref(&to)).await.map_err(|error| match error {
        Error::NotFound(subject @ (Subject::User | Subject::Membership)) => Error::reference("user_id", subject),
        other => other,
    })?;
    Ok(entity(StatusCode::OK, Membership::of(&owner, &caller.roles()), owner.membership.updated))
}

/// Remove the owner.
///
/// The former owner becomes an admin, and the organization is left without an owner. Requires `ownership:write` above
/// the organization.
#[utoipa::path(delete, path = "/organizations/{organization_id}/owner", tag = "ownership", operation_id = "clearOwner",
    params(("organization_id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn clear(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    caller.clear_ownership(&*id).await?;
    Ok(StatusCode::NO_CONTENT)
}
