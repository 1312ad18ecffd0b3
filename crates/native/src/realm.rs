//! `/realm`: the realm that the key belongs to.

use axum::Json;
use roster_engine::EntityId as _;
use roster_http::{App, Authenticated, Failure};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::wire::Time;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// An isolated world of users and organizations.
#[derive(Debug, Serialize, ToSchema)]
struct Realm {
    #[schema(example = "rlm_0Qk3vR8aZ1b")]
    id: String,
    name: String,
    /// The root of the organization tree. Its members hold their roles for the realm: an admin of the root is an admin
    /// of the realm.
    root_organization_id: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
}

/// Get the realm that the key belongs to.
#[utoipa::path(get, path = "/realm", tag = "realm", operation_id = "getRealm",
    responses((status = 200, body = Realm), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated) -> Result<Json<Realm>, Failure> {
    let realm = caller.realm().await?;
    Ok(Json(Realm {
        id: realm.id.native(),
        name: realm.name,
        root_organization_id: realm.root.native(),
        created_at: Time(realm.created),
    }))
}
