//! The native API, `/v1`: everything that Roster can do, in one consistent form.
//!
//! - Lists return `{"items": […], "next_cursor": …}` and take `limit`, `cursor`, `sort` (`name`, or `-name` for
//!   descending order) and `total=true`.
//! - `PATCH` is a JSON merge patch (RFC 7396): omitted fields stay unchanged, and `null` clears a field.
//! - `POST` honors `Idempotency-Key`. Responses with one user, organization, membership, invitation, role or permission
//!   carry an `ETag`. `PATCH` and `DELETE` of a user, organization, membership or role honor `If-Match`.
//! - Errors are problem details (RFC 9457) with a stable `code`.
//! - `Roster-Act-As: USER` executes a request as that user, if the caller may do that.
//! - Wherever an id is accepted, any dialect's form of it is accepted too. Entities carry `ids`, their ids in each
//!   dialect.

mod accounts;
mod checks;
mod etag;
mod events;
mod invitations;
pub mod json;
mod memberships;
mod organizations;
mod ownership;
mod problem;
mod query;
mod realm;
mod roles;
mod sessions;
mod tokens;
mod users;
mod wire;

use roster_engine::Surface;
use roster_http::{Api, App, BodyPolicy, ContentType, SurfaceSpec};
use utoipa::OpenApi as _;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

pub use problem::render;

/// The path at which the surface is mounted.
pub const PREFIX: &str = "/v1";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Roster",
        description = "Manage users, a tree of organizations, memberships with roles, ownership and tokens; check \
            access; and follow the log of every change.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&BearerKey),
    security(("key" = []))
)]
struct Document;

struct BearerKey;

impl utoipa::Modify for BearerKey {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer));
    }
}

/// The surface: its settings, its error format and its routes.
pub fn api() -> Api {
    let spec = SurfaceSpec {
        body: BodyPolicy { content_type: ContentType::JsonIfPresent, ..BodyPolicy::default() },
        idempotency: true,
        act_as: Some("roster-act-as"),
        hot: checks::HOT_ROUTES,
        ..SurfaceSpec::new(Surface::Native, PREFIX, render)
    };
    let routes = || {
        OpenApiRouter::<App>::with_openapi(Document::openapi())
            .merge(users::routes())
            .merge(organizations::routes())
            .merge(memberships::routes())
            .merge(invitations::routes())
            .merge(ownership::routes())
            .merge(roles::routes())
            .merge(tokens::routes())
            .merge(sessions::routes())
            .merge(accounts::routes())
            .merge(events::routes())
            .merge(realm::routes())
            .merge(checks::routes())
    };
    Api::new(spec, routes)
}
