//! What the description of the surface says beside its routes.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::wire::{self, ErrorBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster as WhyLabs",
        version = "0.1",
        description = "Memberships, accounts, API keys, organizations and users, as the WhyLabs clients know them.",
    ),
    security(("ApiKeyAuth" = [])),
    modifiers(&Key),
    // Parts of answers that are written piece by piece.
    components(schemas(wire::Membership, wire::AccountUser, wire::OrganizationSummary, wire::OrganizationIdentifier)),
    tags(
        (name = "Membership", description = "Who belongs to an organization"),
        (name = "Account", description = "Users that an account provisions, and their roles in what it manages"),
        (name = "ApiKey", description = "Keys to this API"),
        (name = "Organizations", description = "Organizations, and those they manage"),
        (name = "User", description = "Users of the realm"),
    ),
)]
pub(crate) struct Description;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut Document) {
        let key = ApiKeyValue::with_description("X-API-Key", "also taken from a cookie of this name");
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(key));
        document.components.get_or_insert_default().add_security_scheme("ApiKeyAuth", scheme);
    }
}

/// What every operation can answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) enum Failures {
    #[response(status = 400, description = "the request is wrong, or a rule forbids it")]
    BadRequest(ErrorBody),
    #[response(status = 401, description = "no key was sent")]
    Unauthorized(ErrorBody),
    #[response(status = 403, description = "the key is not accepted, or not for this")]
    Forbidden(ErrorBody),
    #[response(status = 404, description = "something that the request names is not there")]
    NotFound(ErrorBody),
}
