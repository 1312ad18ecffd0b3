//! What the description of the surface says beside its routes.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::wire::HttpError;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster as Enhance",
        version = "10.8.0",
        description = "Members, owners, access tokens and login links of organizations, as Enhance's clients know them, with the logins, \
            sessions, customers, invites and the activity log around them.",
    ),
    security(("sessionCookie" = []), ("bearerAuth" = [])),
    modifiers(&Keys),
    tags(
        (name = "members", description = "Who belongs to an organization, and its access tokens"),
        (name = "owner", description = "Who owns an organization"),
        (name = "orgs", description = "Organizations, the master organization among them"),
        (name = "customers", description = "Organizations right below another"),
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

/// What every operation can answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) enum Failures {
    #[response(status = 400, description = "the request is wrong")]
    BadRequest(HttpError),
    #[response(status = 401, description = "no key or session was sent, or one that is not accepted")]
    Unauthorized(HttpError),
    #[response(status = 403, description = "the caller may not")]
    Forbidden(HttpError),
    #[response(status = 404, description = "something that the request names is not there")]
    NotFound(HttpError),
    #[response(status = 409, description = "it is there already")]
    Conflict(HttpError),
}
