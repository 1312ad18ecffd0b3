//! What the description of the surface says beside its routes.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::wire::ErrorBody;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster as Box",
        version = "0.1",
        description = "Group memberships, groups, users and tokens, as the Box clients know them. Every `/2.0` operation takes \
            `As-User: ID` from admins, and does what is asked as that user.",
    ),
    security(("bearer" = [])),
    modifiers(&Key),
    tags(
        (name = "Memberships", description = "Who belongs to a group"),
        (name = "Groups", description = "Organizations, wherever they lie in the tree"),
        (name = "Users", description = "Users of the realm"),
        (name = "Tokens", description = "Access tokens that last an hour"),
    ),
)]
pub(crate) struct Description;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut Document) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

/// What every operation can answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) enum Failures {
    #[response(status = 400, description = "the request is wrong")]
    BadRequest(ErrorBody),
    #[response(status = 401, description = "no token was sent, or one that is not accepted")]
    Unauthorized(ErrorBody),
    #[response(status = 403, description = "the caller may not, or a rule forbids it")]
    Forbidden(ErrorBody),
    #[response(status = 404, description = "something that the request names is not there")]
    NotFound(ErrorBody),
    #[response(status = 409, description = "it is there already")]
    Conflict(ErrorBody),
}
