//! The parts of the OpenAPI description that don't belong to a route. Bodies are parsed by hand, since unknown members
//! are allowed; these types only describe them.
#![expect(dead_code, reason = "read by macros only")]

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster as AuthZEN",
        version = "1.0",
        description = "The OpenID AuthZEN Authorization API 1.0: may a subject perform an action on a resource?",
    ),
    security(("bearerAuth" = [])),
    modifiers(&Key),
    tags(
        (name = "Evaluation", description = "Access decisions"),
        (name = "Search", description = "Searches for subjects, resources and actions that are permitted"),
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

/// A user, named by an id in any form, an external id or an e-mail address.
#[derive(Serialize, ToSchema)]
struct Subject {
    #[schema(example = "user")]
    r#type: String,
    #[schema(example = "ann@example.com")]
    id: String,
    /// Has no effect on decisions.
    #[schema(value_type = Option<Object>)]
    properties: Option<Value>,
}

/// An organization, named by an id in any form, an external id or a slug.
#[derive(Serialize, ToSchema)]
struct Resource {
    #[schema(example = "organization")]
    r#type: String,
    #[schema(example = "acme")]
    id: String,
    /// Has no effect on decisions.
    #[schema(value_type = Option<Object>)]
    properties: Option<Value>,
}

/// A permission, named by its key, or a role, named by `role:` and its key.
#[derive(Serialize, ToSchema)]
struct Action {
    #[schema(example = "memberships:write")]
    name: String,
    /// Selects the permission, if the server is configured to do so.
    #[schema(value_type = Option<Object>)]
    properties: Option<Value>,
}

/// Options. `roster` may contain `explain`, `id_format` and `roles`; everything else has no effect.
#[derive(Serialize, ToSchema)]
struct Context {
    #[schema(value_type = Option<Object>)]
    roster: Option<Value>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EvaluationRequest {
    subject: Subject,
    action: Action,
    resource: Resource,
    context: Option<Context>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EvaluationResponse {
    decision: bool,
    /// Only if requested.
    #[schema(value_type = Option<Object>)]
    context: Option<Value>,
}

#[derive(Serialize, ToSchema)]
struct EvaluationItem {
    subject: Option<Subject>,
    action: Option<Action>,
    resource: Option<Resource>,
    context: Option<Context>,
}

#[derive(Serialize, ToSchema)]
struct EvaluationsOptions {
    /// `execute_all` (default), `deny_on_first_deny` or `permit_on_first_permit`.
    evaluations_semantic: Option<String>,
}

/// Several evaluations. The members beside the list are defaults for items that lack them.
#[derive(Serialize, ToSchema)]
pub(crate) struct EvaluationsRequest {
    subject: Option<Subject>,
    action: Option<Action>,
    resource: Option<Resource>,
    context: Option<Context>,
    /// At most 1000.
    evaluations: Option<Vec<EvaluationItem>>,
    options: Option<EvaluationsOptions>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EvaluationsResponse {
    evaluations: Vec<EvaluationResponse>,
}

#[derive(Serialize, ToSchema)]
struct PageRequest {
    token: Option<String>,
    /// Maximum number of results. At most 1000 are returned.
    limit: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct PageResponse {
    /// The `token` of the next page; empty on the last page.
    next_token: String,
    count: u64,
    total: u64,
}

/// The kind of entity to search for. An id is ignored.
#[derive(Serialize, ToSchema)]
struct Wanted {
    r#type: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SubjectSearchRequest {
    subject: Wanted,
    action: Action,
    resource: Resource,
    context: Option<Context>,
    page: Option<PageRequest>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ResourceSearchRequest {
    subject: Subject,
    action: Action,
    resource: Wanted,
    context: Option<Context>,
    page: Option<PageRequest>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ActionSearchRequest {
    subject: Subject,
    resource: Resource,
    context: Option<Context>,
    page: Option<PageRequest>,
}

#[derive(Serialize, ToSchema)]
struct FoundEntity {
    r#type: String,
    id: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EntitySearchResponse {
    page: PageResponse,
    results: Vec<FoundEntity>,
}

#[derive(Serialize, ToSchema)]
struct FoundAction {
    name: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ActionSearchResponse {
    page: PageResponse,
    results: Vec<FoundAction>,
}

/// The errors that every operation can return. A denial is not an error.
#[derive(IntoResponses)]
pub(crate) enum Failures {
    #[response(
        status = 400,
        description = "The request is invalid. A line of text says why.",
        content_type = "text/plain"
    )]
    BadRequest(String),
    #[response(status = 401, description = "The key is missing or not accepted.", content_type = "text/plain")]
    Unauthorized(String),
    #[response(status = 403, description = "The key's scopes don't allow access checks.", content_type = "text/plain")]
    Forbidden(String),
    #[response(status = 413, description = "The body is too large.", content_type = "text/plain")]
    TooLarge(String),
}
