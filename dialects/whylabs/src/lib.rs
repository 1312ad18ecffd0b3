//! The WhyLabs API, as its official Python clients speak it, at `/whylabs`.
//!
//! ```text
//! X-API-Key: KEYID.SECRET:org-…          wire.rs    what is sent, with the vendor's names
//!   └ scope.rs   caller and organization  map.rs     conversion to Roster's types and back
//!       └ a handler                       error.rs   the error format
//! ```
//!
//! - A customer's key belongs to one organization and learns nothing of others: 403 whether or not they exist. Errors are checked in
//!   the order 401, 403, 404, 400, so handlers look at queries and bodies last.
//! - Every success is 200. Absent values are `null`.
//! - The realm's root is not shown as an organization; one directly below it is an *account*, and those directly below that are the ones
//!   that it *manages*.
//! - API keys are organization tokens that act as admins, narrowed by their scopes ([`map::scopes`]). As everywhere in Roster, a
//!   key can't grant more than it has: one with `:administrator` can't make one with `:account_administrator`. Realm keys can.
//! - The vendor's marketplace, SAML role mapping, claims and resource tags are not implemented: 404.

mod account_memberships;
mod accounts;
mod api_keys;
mod docs;
mod error;
mod internal_memberships;
mod map;
mod memberships;
mod organizations;
mod query;
mod scope;
mod users;
mod wire;

use roster_engine::Surface;
use roster_http::{Api, SurfaceSpec};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

/// The surface, to be mounted.
pub fn api() -> Api {
    let routes = || {
        OpenApiRouter::with_openapi(docs::Description::openapi())
            .merge(memberships::routes())
            .merge(accounts::routes())
            .merge(account_memberships::routes())
            .merge(api_keys::routes())
            .merge(organizations::routes())
            .merge(users::routes())
            .merge(internal_memberships::routes())
    };
    let spec = SurfaceSpec { secret: scope::secret, ..SurfaceSpec::new(Surface::Whylabs, "/whylabs", error::render) };
    Api::new(spec, routes)
}
