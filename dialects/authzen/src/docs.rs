//! What the description of the surface says beside its routes. Bodies are read by hand, since their unknown members are fine: these
//! types only describe them.
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
        description = "The OpenID Authorization API 1.0: may this subject do this on this resource?",
    ),
    security(("bearerAuth" = [])),
    modifiers(&Key),
    tags((name = "Evaluation", description = "Decisions"), (name = "Search", description = "All decisions that are yes")),
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

/// A user, by whatever name: id in any form, external id, e-mail address.
#[derive(Serialize, ToSchema)]
struct Subject {
    #[schema(example = "user")]
    r#type: String,
    #[schema(example = "ann@example.com")]
    id: String,
    /// Changes no decision.
    #[schema(value_type = Option<Object>)]
    properties: Option<Value>,
}

/// An organization, by whatever name: id in any form, external id, slug.
#[derive(Serialize, ToSchema)]
struct Resource {
    #[schema(example = "organization")]
    r#type: String,
    #[schema(example = "acme")]
    id: String,
    /// Changes no decision.
    #[schema(value_type = Option<Object>)]
    properties: Option<Value>,
}

/// A permission's key, or `role:` and a role's key.
#[derive(Serialize, ToSchema)]
struct Action {
    #[schema(example = "memberships:write")]
    name: String,
    /// May select the permission, if the server is configured so.
    #[schema(value_type = Option<Object>)]
    properties: Option<Value>,
}

/// `roster` may hold `explain`, `id_format` and `roles`; all else changes nothing.
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
    /// Only if it was asked for.
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
    /// `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`.
    evaluations_semantic: Option<String>,
}

/// Members beside the list stand for those that an item lacks.
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
    /// At most 1000 are answered.
    limit: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct PageResponse {
    /// Empty on the last page.
    next_token: String,
    count: u64,
    total: u64,
}

/// What is searched for: its id is not looked at.
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

/// What every operation can answer instead. A denial is no failure.
#[derive(IntoResponses)]
pub(crate) enum Failures {
    #[response(
        status = 400,
        description = "the request can't be read: a line of text says what is wrong",
        content_type = "text/plain"
    )]
    BadRequest(String),
    #[response(status = 401, description = "the key is missing or not accepted", content_type = "text/plain")]
    Unauthorized(String),
    #[response(status = 403, description = "the key's scopes leave questions out", content_type = "text/plain")]
    Forbidden(String),
    #[response(status = 413, description = "the body is too large", content_type = "text/plain")]
    TooLarge(String),
}
