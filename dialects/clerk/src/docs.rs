//! The parts of the OpenAPI description that don't belong to a route.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::wire::ErrorBody;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster as Clerk",
        version = "0.1",
        description = "Organizations, memberships, invitations, users, roles and permissions, in the form that Clerk's \
            SDKs expect.",
    ),
    security(("bearerAuth" = [])),
    components(schemas(ErrorBody)),
    modifiers(&Key),
    tags(
        (name = "Organization Memberships", description = "Memberships of users in organizations"),
        (name = "Organizations", description = "Organizations"),
        (name = "Users", description = "Users of the realm"),
        (name = "Organization Invitations", description = "Invitations to become a member"),
        (name = "Organization Roles", description = "Roles that members can have"),
        (name = "Organization Permissions", description = "Permissions that roles can grant"),
        (name = "Pictures", description = "Generated pictures of organizations and users"),
    ),
)]
pub(crate) struct Description;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearerAuth", SecurityScheme::Http(bearer));
    }
}

/// The errors that every operation can return.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) enum Failures {
    #[response(status = 400, description = "The body can't be read, or the current state forbids the operation.")]
    BadRequest(ErrorBody),
    #[response(status = 401, description = "The key is missing or not accepted.")]
    Unauthorized(ErrorBody),
    #[response(status = 403, description = "The key lacks the permission, or a limit is reached.")]
    Forbidden(ErrorBody),
    #[response(status = 404, description = "Something that the request refers to does not exist.")]
    NotFound(ErrorBody),
    #[response(status = 422, description = "A parameter is missing or invalid, or its value is already taken.")]
    Unprocessable(ErrorBody),
}
