//! The parts of the OpenAPI description that don't belong to a route.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::wire::ErrorBody;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster as Box",
        version = "0.1",
        description = "Group memberships, groups, users and tokens, in the form that Box's clients expect. With the \
            header `As-User: ID`, an admin performs any `/2.0` operation as that user.",
    ),
    security(("bearer" = [])),
    components(schemas(ErrorBody)),
    modifiers(&Key),
    tags(
        (name = "Memberships", description = "Memberships of users in groups"),
        (name = "Groups", description = "Organizations, at any depth of the tree"),
        (name = "Users", description = "Users of the realm"),
        (name = "Tokens", description = "Access tokens, valid for at most an hour"),
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

/// The errors that every operation can return.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) enum Failures {
    #[response(status = 400, description = "The request is invalid.")]
    BadRequest(ErrorBody),
    #[response(status = 401, description = "No token was sent, or it is not accepted.")]
    Unauthorized(ErrorBody),
    #[response(status = 403, description = "Permission denied, or a rule forbids it.")]
    Forbidden(ErrorBody),
    #[response(status = 404, description = "Something that the request refers to does not exist.")]
    NotFound(ErrorBody),
    #[response(status = 409, description = "Already exists.")]
    Conflict(ErrorBody),
}
