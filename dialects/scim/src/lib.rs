//! SCIM 2.0 at `/scim/v2`: identity providers provision users and groups; and at `/scim/roles/v2`, where a group is one role.
//!
//! ```text
//! schema/    the attributes                    map/        conversion between SCIM's resources and Roster's types
//! filter/    parser for filters and paths      patch.rs    applies PATCH to a resource
//! value.rs   normalizes bodies to the schema   selection.rs  which attributes are shown
//! users.rs, groups.rs, everything.rs           bulk.rs, roles.rs, discovery.rs
//! ```
//!
//! - A group is an organization, its members are memberships. Which of them a key sees is its *domain*, enforced by the engine.
//! - Members are never read, modified and written back: a change says who is added and removed, and the engine applies it in one
//!   transaction.
//! - A handler first checks the caller's right and that the resource exists, and then reads the body.

mod answer;
mod bulk;
mod discovery;
mod docs;
mod error;
mod everything;
pub mod filter;
mod groups;
mod list;
mod map;
mod operation_result;
mod patch;
mod query;
mod request;
mod roles;
pub mod schema;
mod selection;
mod users;
mod value;
mod wire;

use roster_engine::Surface;
use roster_http::{Api, App, BodyPolicy, ContentType, SurfaceSpec};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

/// Longest body, in bytes.
const BODY_MAX: usize = 8 << 20;
/// Longest URL, in bytes.
const URL_MAX: usize = 16 << 10;

fn beside_groups() -> OpenApiRouter<App> {
    users::routes().merge(everything::routes()).merge(bulk::routes()).merge(discovery::routes())
}

/// The same operations are mounted twice, and the second mount needs operation ids of its own.
fn renamed(mut routes: OpenApiRouter<App>) -> OpenApiRouter<App> {
    for path in routes.get_openapi_mut().paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch];
        for operation in operations.into_iter().flatten() {
            operation.operation_id = operation.operation_id.take().map(|id| id.replacen("scim_", "scim_roles_", 1));
        }
    }
    routes
}

/// The surface, to be mounted.
pub fn api() -> Api {
    let routes = || {
        let core = beside_groups().merge(groups::routes());
        let of_roles = renamed(beside_groups().merge(roles::routes()));
        OpenApiRouter::with_openapi(docs::Description::openapi()).nest("/v2", core).nest("/roles/v2", of_roles)
    };
    let body = BodyPolicy { content_type: ContentType::JsonIfPresent, ..BodyPolicy::default() };
    let spec = SurfaceSpec {
        body,
        body_bytes: Some(BODY_MAX),
        url_bytes: Some(URL_MAX),
        authenticate_unknown_paths: true,
        openapi_path: Some("/v2/openapi.json"),
        ..SurfaceSpec::new(Surface::Scim, "/scim", error::render)
    };
    Api::new(spec, routes)
}
