//! SCIM 2.0 at `/scim/v2`: identity providers provision users and groups; and at `/scim/roles/v2`, where a group is one role.
//!
//! ```text
//! schema/    what attributes there are         map/        between SCIM's resources and Roster's words
//! filter/    filters and paths, read           patch.rs    what PATCH does to a resource
//! value.rs   bodies in the schema's form       selection.rs  what is shown of a resource
//! users.rs, groups.rs, everything.rs           bulk.rs, roles.rs, discovery.rs
//! ```
//!
//! - A group is an organization, its members are memberships. Which of them a key sees is its *domain*: the engine's business.
//! - Members are never read to be written: a change says who comes and who goes, and the engine works it out in one transaction.
//! - A handler asks first whether the caller may and whether the resource is there, and then reads the body.

mod answer;
mod bulk;
mod discovery;
mod docs;
mod done;
mod error;
mod everything;
pub mod filter;
mod groups;
mod list;
mod map;
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

/// The operations of the second mount do the same as those of the first and need names of their own.
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
        key_before_path: true,
        openapi_path: Some("/v2/openapi.json"),
        ..SurfaceSpec::new(Surface::Scim, "/scim", error::render)
    };
    Api::new(spec, routes)
}
