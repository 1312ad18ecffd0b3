//! The parts of the OpenAPI description that don't belong to a route.

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi};

use crate::error::ErrorBody;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster as a SCIM 2.0 service",
        version = "0.1",
        description = "Lets identity providers provision users and groups (RFC 7643, 7644, 9865). A group is an \
            organization, and its members are memberships. At `/scim/roles/v2`, a group is one role of an \
            organization.",
    ),
    security(("bearer" = [])),
    components(schemas(ErrorBody)),
    modifiers(&Key),
    tags(
        (name = "Users", description = "Users of the key's domain"),
        (name = "Groups", description = "Organizations of the key's domain"),
        (name = "Both", description = "Users and groups together"),
        (name = "Me", description = "The caller's own user"),
        (name = "Discovery", description = "The capabilities of the service"),
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

/// Which resources a list returns, and in which order. [`Query`](crate::query::Query) reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) struct ListParameters {
    /// Only resources that match this filter (RFC 7644, 3.4.2.2).
    filter: Option<String>,
    /// The path of the attribute to sort by. Default: order of creation.
    #[param(rename = "sortBy")]
    sort_by: Option<String>,
    /// `ascending` (default) or `descending`.
    #[param(rename = "sortOrder")]
    sort_order: Option<String>,
    /// The position of the first resource on the page, starting at 1.
    #[param(rename = "startIndex")]
    start_index: Option<i64>,
    /// Number of resources per page, at most 1000. Default: 100.
    count: Option<i64>,
    /// The `nextCursor` of the previous page, or an empty value for the first page (RFC 9865).
    cursor: Option<String>,
}

/// Which attributes of a resource are returned. If both are given, `attributes` counts.
/// [`Selection`](crate::selection::Selection) reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) struct ShowParameters {
    /// Only these attributes, separated by commas, and those that are always returned.
    attributes: Option<String>,
    /// All default attributes except these, separated by commas.
    #[param(rename = "excludedAttributes")]
    excluded_attributes: Option<String>,
}

/// The errors that every operation can return.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the macro only")]
pub(crate) enum Failures {
    #[response(status = 400, description = "The request is invalid.", content_type = "application/scim+json")]
    BadRequest(ErrorBody),
    #[response(
        status = 401,
        description = "No key was sent, or it is not accepted.",
        content_type = "application/scim+json"
    )]
    Unauthorized(ErrorBody),
    #[response(status = 403, description = "Permission denied.", content_type = "application/scim+json")]
    Forbidden(ErrorBody),
    #[response(
        status = 404,
        description = "There is no such resource in the key's domain.",
        content_type = "application/scim+json"
    )]
    NotFound(ErrorBody),
    #[response(
        status = 409,
        description = "The resource already exists, or is in use.",
        content_type = "application/scim+json"
    )]
    Conflict(ErrorBody),
    #[response(
        status = 412,
        description = "The resource is not in the version given by `If-Match`.",
        content_type = "application/scim+json"
    )]
    PreconditionFailed(ErrorBody),
    #[response(status = 413, description = "The request is too large.", content_type = "application/scim+json")]
    TooLarge(ErrorBody),
    #[response(status = 415, description = "The body is not JSON.", content_type = "application/scim+json")]
    UnsupportedMediaType(ErrorBody),
    #[response(
        status = 428,
        description = "Too many members would be removed. Send `If-Match` to confirm.",
        content_type = "application/scim+json"
    )]
    Held(ErrorBody),
}
