//! The parts of the OpenAPI description that don't belong to a route.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::wire::{self, ErrorBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster as WhyLabs",
        version = "0.1",
        description = "Memberships, accounts, API keys, organizations and users, in the form that WhyLabs' clients \
            expect.",
    ),
    security(("ApiKeyAuth" = [])),
    modifiers(&Key),
    // Parts of answers that are written piece by piece.
    components(schemas(wire::Membership, wire::AccountUser, wire::OrganizationSummary, wire::OrganizationIdentifier)),
    tags(
        (name = "Membership", description = "Memberships of users in organizations"),
        (name = "Account",
            description = "Users that an account provisions, and their roles in the organizations that it manages"),
        (name = "ApiKey", description = "API keys"),
        (name = "Organizations", description = "Organizations, and the organizations that they manage"),
        (name = "User", description = "Users of the realm"),
    ),
)]
pub(crate) struct Description;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut Document) {
        let key = ApiKeyValue::with_description("X-API-Key", "Also accepted as a cookie of this name.");
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(key));
        document.components.get_or_insert_default().add_security_scheme("ApiKeyAuth", scheme);
    }
}

/// The errors that every operation can return.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) enum Failures {
    #[response(status = 400, description = "The request is invalid, or a rule forbids it.")]
    BadRequest(ErrorBody),
    #[response(status = 401, description = "No key was sent.")]
    Unauthorized(ErrorBody),
    #[response(status = 403, description = "The key is not accepted, or lacks the permission.")]
    Forbidden(ErrorBody),
    #[response(status = 404, description = "Something that the request refers to does not exist.")]
    NotFound(ErrorBody),
}
