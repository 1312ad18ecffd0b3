//! The Enhance API ("orchd"), as clients generated from its description and billing plug-ins speak it, at `/enhance`: members,
//! owners, access tokens, logins and their sessions, organizations, customers, invites, the activity log.
//!
//! ```text
//! Bearer TOKEN, or Cookie: id0=SESSION     wire.rs    what is sent, with the vendor's names
//!   └ cookie.rs   authentication          map.rs     conversion to Roster's types and back
//!       └ a handler                       error.rs   the error format
//! ```
//!
//! - The master organization is the realm's root; a customer is a child; an invited person is already shown as a pending member.
//! - Errors are checked in the order 401, 404 for the organization, 403, 404 for what is in it, 400, 409. Lack of rights is always 403.
//! - Bodies are JSON whatever their `Content-Type` says. Lists are whole unless a limit is asked for.

mod access_tokens;
mod activities;
mod cookie;
mod customers;
mod docs;
mod error;
mod invites;
mod logins;
mod map;
mod members;
mod orgs;
mod owner;
mod query;
mod sessions;
mod version;
mod wire;

use roster_engine::Surface;
use roster_http::{Api, SurfaceSpec};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

/// Where it is mounted.
pub(crate) const PREFIX: &str = "/enhance";

/// The surface, to be mounted.
pub fn api() -> Api {
    let routes = || {
        OpenApiRouter::with_openapi(docs::Description::openapi())
            .merge(members::routes())
            .merge(owner::routes())
            .merge(access_tokens::routes())
            .merge(logins::routes())
            .merge(sessions::routes())
            .merge(orgs::routes())
            .merge(customers::routes())
            .merge(invites::routes())
            .merge(activities::routes())
            .merge(version::routes())
    };
    let spec = SurfaceSpec { secret: cookie::secret, ..SurfaceSpec::new(Surface::Enhance, PREFIX, error::render) };
    Api::new(spec, routes)
}
