//! What the description of the surface says beside its routes.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::wire::ErrorBody;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster as Clerk",
        version = "0.1",
        description = "Organizations, memberships, invitations, users, roles and permissions, as the Clerk SDKs know them.",
    ),
    security(("bearerAuth" = [])),
    modifiers(&Key),
    tags(
        (name = "Organization Memberships", description = "Who belongs to an organization"),
        (name = "Organizations", description = "Organizations"),
        (name = "Users", description = "Users of the realm"),
        (name = "Organization Invitations", description = "Who is to become a member"),
        (name = "Organization Roles", description = "What members may do"),
        (name = "Organization Permissions", description = "What roles grant"),
        (name = "Pictures", description = "What organizations and users look like"),
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

/// What every operation can answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) enum Failures {
    #[response(status = 400, description = "the body can't be read, or the state of things forbids it")]
    BadRequest(ErrorBody),
    #[response(status = 401, description = "the key is missing or not accepted")]
    Unauthorized(ErrorBody),
    #[response(status = 403, description = "the key is not for this, or a limit is reached")]
    Forbidden(ErrorBody),
    #[response(status = 404, description = "something that the request names is not there")]
    NotFound(ErrorBody),
    #[response(status = 422, description = "a parameter is missing or wrong, or its value is taken")]
    Unprocessable(ErrorBody),
}
