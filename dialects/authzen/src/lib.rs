//! Roster as a policy decision point: the OpenID Authorization API 1.0 (`AuthZEN`), at `/access/v1`.
//!
//! ```text
//! {"subject": …, "action": …, "resource": …, "context": …}     tree.rs      JSON as it was sent
//!   └ question.rs, names.rs   what is asked, by which names    evaluation.rs, search.rs   the five endpoints
//!       └ the engine's checks                                  page.rs      parts of a search
//! ```
//!
//! - A denial is a success: 200 with `"decision": false`. So is a question about something that doesn't exist.
//! - A subject is a user and a resource an organization, by any of their names; an action is a permission, or `role:` and a role.
//! - Unknown members of a request are ignored at every depth; a known member that occurs twice is refused.
//! - Answers contain nothing that wasn't asked for: some clients compare them as a whole. `context.roster` asks for reasons.

mod answer;
mod discovery;
mod docs;
mod error;
mod evaluation;
mod names;
mod page;
mod question;
mod search;
mod tree;

use std::sync::Arc;

use axum::Extension;
use roster_engine::Surface;
use roster_http::{Api, BodyPolicy, ContentType, EmptyBody, OptionsPolicy, SurfaceSpec};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

pub use discovery::discovery;
pub use names::{ActionName, IdFormat, Names, TypeName};

/// Where it is mounted.
pub(crate) const PREFIX: &str = "/access/v1";

/// The surface, to be mounted.
pub fn api(names: Arc<Names>) -> Api {
    let routes = move || {
        OpenApiRouter::with_openapi(docs::Description::openapi())
            .merge(evaluation::routes())
            .merge(search::routes())
            .layer(Extension(Arc::clone(&names)))
    };
    let spec = SurfaceSpec {
        body: BodyPolicy { content_type: ContentType::JsonOnly, empty: EmptyBody::Refuse },
        options: OptionsPolicy::Refuse,
        ..SurfaceSpec::new(Surface::Authzen, PREFIX, error::render)
    };
    Api::new(spec, routes)
}
