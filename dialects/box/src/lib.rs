//! The Box API, as its official Python and JavaScript clients speak it, at `/box`: groups, their memberships, users, tokens.
//!
//! ```text
//! Bearer TOKEN, As-User: ID              wire.rs    what is sent, with the vendor's names
//!   └ session.rs   who calls              map.rs     from there to Roster's words and back
//!       └ a handler                       fields.rs  what of an object is shown
//!                                         error.rs   every failure's one form (tokens.rs: OAuth's)
//! ```
//!
//! - A group is an organization, wherever it lies in the tree. The realm's root is none; its admins are the enterprise's.
//! - A realm key is the enterprise's *service account*: a user with an id and without a row.
//! - Who may not is told so (403), also where he could not read what it is about; for users even before they are looked up.
//! - Bodies of `/2.0` are JSON whatever their `Content-Type` says; an empty body of a PUT changes nothing.
//! - Every answer of success but 204 is JSON, `/oauth2/revoke` included: one of the clients can't do without.

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
