//! The parts of the OpenAPI description that don't belong to a route.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::wire::HttpError;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster as Enhance",
        version = "10.8.0",
        description = "Members, owners, access tokens and login links of organizations, with logins, sessions, \
            customers, invites and the activity log, in the form that Enhance's clients expect. \
            \"Here\" is the organization in question, \"above\" any organization above it.",
    ),
    security(("sessionCookie" = []), ("bearerAuth" = [])),
    modifiers(&Keys),
    tags(
        (name = "members", description = "Members and access tokens of organizations"),
        (name = "owner", description = "The owner of an organization"),
        (name = "orgs", description = "Organizations, including the master organization"),
        (name = "customers", description = "Organizations directly below another"),
        (name = "logins", description = "Users, and how they log in"),
        (name = "invites", description = "Pending members"),
        (name = "install", description = "The API itself"),
    ),
)]
pub(crate) struct Description;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        components.add_security_scheme("bearerAuth", bearer);
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("id0")));
        components.add_security_scheme("sessionCookie", cookie);
    }
}

/// The errors that every operation can return.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) enum Failures {
    #[response(status = 400, description = "The request is invalid.")]
    BadRequest(HttpError),
    #[response(status = 401, description = "No key or session was sent, or it is not accepted.")]
    Unauthorized(HttpError),
    #[response(status = 403, description = "Permission denied.")]
    Forbidden(HttpError),
    #[response(status = 404, description = "Something that the request refers to does not exist.")]
    NotFound(HttpError),
    #[response(status = 409, description = "Already exists.")]
    Conflict(HttpError),
}
