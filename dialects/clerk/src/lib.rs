//! The Clerk Backend API's organizations and users, as its official SDKs speak it, at `/clerk/v1`.
//!
//! ```text
//! Authorization: Bearer KEY             wire/     what is sent, with the vendor's names
//!   └ session.rs  caller and version     map/      conversion to Roster's types and back
//!       └ a handler                      error.rs  the error format
//!           └ query.rs, body.rs  parameters and bodies
//! ```
//!
//! - Every success is 200 with a body. Errors are checked in this order: key, version, what the path names, the form of the request,
//!   what the body names, the current state. So handlers look up the path first and then read the body.
//! - A role is shown by its key with `org:` in front; a membership shows the strongest it has. Clerk knows nine system
//!   permissions ([`map::roles`]); Roster's others are not shown.
//! - Nobody may remove or demote the last member who can manage an organization's members: every [`session::Session`] asks the
//!   engine for that rule.
//! - The realm's root is not shown as an organization.

mod avatars;
mod body;
mod docs;
mod error;
mod invitations;
mod map;
mod memberships;
mod organizations;
mod permissions;
mod query;
mod roles;
mod session;
mod users;
mod wire;

use roster_engine::Surface;
use roster_http::{Api, BodyPolicy, ContentType, EmptyBody, SurfaceSpec};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

/// Where it is mounted.
pub(crate) const PREFIX: &str = "/clerk/v1";
/// Maximum bytes of a URL: enough for filters of a hundred values each, which may be e-mail addresses.
const URL_MAX: usize = 64 << 10;

/// The surface, to be mounted.
pub fn api() -> Api {
    let routes = || {
        OpenApiRouter::with_openapi(docs::Description::openapi())
            .merge(memberships::routes())
            .merge(organizations::routes())
            .merge(users::routes())
            .merge(invitations::routes())
            .merge(roles::routes())
            .merge(permissions::routes())
            .merge(avatars::routes())
    };
    let spec = SurfaceSpec {
        secret: session::secret,
        body: BodyPolicy { content_type: ContentType::JsonIfPresent, empty: EmptyBody::Object },
        url_bytes: Some(URL_MAX),
        ..SurfaceSpec::new(Surface::Clerk, PREFIX, error::render)
    };
    Api::new(spec, routes)
}
