//! What the description of the surface says beside its routes.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi};

use crate::error::ErrorBody;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster as a SCIM 2.0 service",
        version = "0.1",
        description = "Identity providers provision users and groups (RFC 7643, 7644, 9865). A group is an organization, its \
            members are memberships; at `/scim/roles/v2` a group is one role of an organization.",
    ),
    security(("bearer" = [])),
    modifiers(&Key),
    tags(
        (name = "Users", description = "Users of the key's domain"),
        (name = "Groups", description = "Organizations of the key's domain"),
        (name = "Both", description = "Users and groups at once"),
        (name = "Me", description = "The caller"),
        (name = "Discovery", description = "What the service can do"),
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

/// Which resources a list has, and in which order. [`Query`](crate::query::Query) reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) struct ListParameters {
    /// Only what it is true of (RFC 7644, 3.4.2.2).
    filter: Option<String>,
    /// The path of an attribute; without it, all come in the order in which they were made.
    #[param(rename = "sortBy")]
    sort_by: Option<String>,
    /// `ascending`, which it is without this, or `descending`.
    #[param(rename = "sortOrder")]
    sort_order: Option<String>,
    /// Where the page begins, from 1.
    #[param(rename = "startIndex")]
    start_index: Option<i64>,
    /// Resources on the page: 100 without this, and 1,000 at most.
    count: Option<i64>,
    /// `nextCursor` of the page before, or nothing for the first (RFC 9865).
    cursor: Option<String>,
}

/// What is shown of a resource: where both are given, `attributes` counts. [`Selection`](crate::selection::Selection) reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) struct ShowParameters {
    /// Nothing but these, and what is always shown; with commas between.
    attributes: Option<String>,
    /// All but these.
    #[param(rename = "excludedAttributes")]
    excluded_attributes: Option<String>,
}

/// What every operation can answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) enum Failures {
    #[response(status = 400, description = "the request is wrong", content_type = "application/scim+json")]
    BadRequest(ErrorBody),
    #[response(
        status = 401,
        description = "no key was sent, or one that is not accepted",
        content_type = "application/scim+json"
    )]
    Unauthorized(ErrorBody),
    #[response(status = 403, description = "the caller may not", content_type = "application/scim+json")]
    Forbidden(ErrorBody),
    #[response(status = 404, description = "there is none in the key's domain", content_type = "application/scim+json")]
    NotFound(ErrorBody),
    #[response(
        status = 409,
        description = "it is there already, or others hold it",
        content_type = "application/scim+json"
    )]
    Conflict(ErrorBody),
    #[response(
        status = 412,
        description = "it is not in the state that If-Match names",
        content_type = "application/scim+json"
    )]
    PreconditionFailed(ErrorBody),
    #[response(status = 413, description = "too much at once", content_type = "application/scim+json")]
    TooLarge(ErrorBody),
    #[response(status = 415, description = "the body is not JSON", content_type = "application/scim+json")]
    UnsupportedMediaType(ErrorBody),
    #[response(
        status = 428,
        description = "too many members would go: send If-Match to confirm",
        content_type = "application/scim+json"
    )]
    Held(ErrorBody),
}
