//! The Box API, as its official Python and JavaScript clients speak it, at `/box`: groups, their memberships, users, tokens.
//!
//! ```text
//! Bearer TOKEN, As-User: ID              wire.rs    what is sent, with the vendor's names
//!   └ session.rs   authentication         map.rs     conversion to Roster's types and back
//!       └ a handler                       fields.rs  which fields of an object are shown
//!                                         error.rs   the error format (tokens.rs: OAuth's)
//! ```
//!
//! - A group is an organization, anywhere in the tree, except for the realm's root, whose admins are the enterprise's.
//! - A realm key is the enterprise's *service account*: a user with an id, but without a row in the database.
//! - A caller without the right gets 403, even for things that he couldn't read; for users even before they are looked up.
//! - Bodies of `/2.0` are JSON whatever their `Content-Type` says; an empty body of a PUT changes nothing.
//! - Every successful answer but 204 is JSON, `/oauth2/revoke` included: one of the clients requires it.

mod docs;
mod error;
mod fields;
mod group_memberships;
mod groups;
mod map;
mod query;
mod session;
mod tokens;
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
            .merge(group_memberships::routes())
            .merge(groups::routes())
            .merge(users::routes())
            .merge(tokens::routes())
    };
    Api::new(SurfaceSpec::new(Surface::Box, "/box", error::render), routes)
}
