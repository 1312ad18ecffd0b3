//! Errors as problem details (RFC 9457) with a stable `code`.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use roster_engine::Error;
use roster_http::{Failure, Fault, RequestError, RequestMeta};
use serde::Serialize;
use utoipa::ToSchema;

/// An error. `code` is stable and meant for programs; `detail` is meant for people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `urn:roster:problem:` followed by the code.
    r#type: String,
    /// A short summary of the kind of error.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The kind of error. Stable.
    #[schema(example = "not_found")]
    code: &'static str,
    /// What went wrong in this case. The wording may change.
    detail: String,
    /// The field or parameter at fault, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The missing permission, if that is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission: Option<String>,
    /// For a bulk request (`items_refused`): the items that were refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<ItemProblem>,
    /// The id of the request, as in the `X-Request-Id` header.
    request_id: String,
}

/// Why one item of a bulk request was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemProblem {
    /// The position of the item in the request, starting at 0.
    index: usize,
    /// The kind of error, as for a single request.
    #[schema(example = "already_exists")]
    code: &'static str,
    /// What went wrong in this case. The wording may change.
    detail: String,
    /// The field at fault, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// Status, code and title of a domain error. There is no wildcard, so a new error doesn't compile without its row.
fn of_domain(error: &Error) -> (StatusCode, &'static str, &'static str) {
    match error {
        Error::NotFound(_) | Error::Unknown { .. } => (StatusCode::NOT_FOUND, "not_found", "Not found"),
        Error::AlreadyExists { .. } => (StatusCode::CONFLICT, "already_exists", "Already exists"),
        Error::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid value"),
        Error::Reference { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "reference_not_found", "Reference not found"),
        Error::NoCredential => (StatusCode::UNAUTHORIZED, "unauthenticated", "Authentication required"),
        Error::BadCredential => (StatusCode::UNAUTHORIZED, "bad_key", "Invalid key"),
        Error::BadLogin => (StatusCode::UNAUTHORIZED, "bad_login", "Login failed"),
        Error::WrongPassword => (StatusCode::FORBIDDEN, "wrong_password", "Wrong password"),
        Error::TooManyAttempts { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts"),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Permission denied"),
        Error::OwnerProtected => (StatusCode::CONFLICT, "owner_protected", "Owner is protected"),
        Error::OwnerExists => (StatusCode::CONFLICT, "owner_exists", "Owner already exists"),
        Error::LimitReached { .. } => (StatusCode::CONFLICT, "limit_reached", "Member limit reached"),
        Error::DomainNotAllowed => (StatusCode::CONFLICT, "domain_not_allowed", "E-mail domain not allowed"),
        Error::OwnsOrganization { .. } => (StatusCode::CONFLICT, "owns_organization", "User owns an organization"),
        Error::RemovalHeld { .. } => (StatusCode::PRECONDITION_REQUIRED, "removal_held", "Mass removal held"),
        Error::HasChildren => (StatusCode::CONFLICT, "has_children", "Organization has children"),
        Error::NotAnAccount => (StatusCode::CONFLICT, "not_an_account", "Not an account"),
        Error::NotManaged => (StatusCode::CONFLICT, "not_managed", "Not managed by this account"),
        Error::RoleInUse => (StatusCode::CONFLICT, "role_in_use", "Role is in use"),
        Error::RolePromised => (StatusCode::CONFLICT, "role_promised", "Role is promised"),
        Error::LastAdmin => (StatusCode::CONFLICT, "last_admin", "Last admin is protected"),
        Error::NotPending => (StatusCode::CONFLICT, "not_pending", "Invitation is not pending"),
        Error::NotAMember => (StatusCode::CONFLICT, "not_a_member", "Not a member"),
        Error::MemberLacks(_) => (StatusCode::CONFLICT, "member_lacks_permission", "Member lacks permission"),
        Error::TooManyRoles => (StatusCode::CONFLICT, "too_many_roles", "Role limit reached"),
        Error::System(_) | Error::CreatorRole | Error::DefaultRole => (StatusCode::CONFLICT, "built_in", "Built-in"),
        Error::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "changed_meanwhile", "Precondition failed"),
        Error::IdempotencyMismatch => {
            (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", "Idempotency key reused")
        }
        Error::Items(_) => (StatusCode::UNPROCESSABLE_ENTITY, "items_refused", "Items refused"),
        Error::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable"),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal server error"),
    }
}

/// Code and title of a request error; the status is [`RequestError::status`].
fn of_request_error(error: &RequestError) -> (&'static str, &'static str) {
    match error {
        RequestError::RouteNotFound => ("no_such_path", "Path not found"),
        RequestError::MethodNotAllowed => ("method_not_allowed", "Method not allowed"),
        RequestError::BodyTooLarge { .. } => ("body_too_large", "Body too large"),
        RequestError::BodyMissing => ("body_missing", "Body is missing"),
        RequestError::BodyTimeout { .. } => ("body_late", "Body timed out"),
        RequestError::BodyNotJson { .. } | RequestError::BodyNotUtf8 => ("body_not_json", "Body is not valid JSON"),
        RequestError::BodyTooDeep { .. } => ("body_too_deep", "Body is nested too deeply"),
        RequestError::BodyNotObject => ("body_not_object", "Body is not an object"),
        RequestError::BodyNotArray => ("body_not_array", "Body is not an array"),
        RequestError::Field { fault: Fault::Missing | Fault::Null, .. } => ("missing", "Missing value"),
        RequestError::Field { fault: Fault::Unknown, .. } => ("unknown_field", "Unknown field"),
        RequestError::Field { fault: Fault::Invalid, .. } => ("invalid", "Invalid value"),
        RequestError::UnsupportedMediaType => ("unsupported_media_type", "Unsupported media type"),
        RequestError::UriTooLong { .. } => ("url_too_long", "URL too long"),
        RequestError::HeadersTooLarge { .. } => ("headers_too_large", "Headers too large"),
        RequestError::Timeout => ("timeout", "Request timed out"),
        RequestError::ShuttingDown => ("shutting_down", "Server is shutting down"),
        RequestError::Panic => ("internal", "Internal server error"),
    }
}

fn field_of(error: &Error) -> Option<String> {
    match error {
        Error::Invalid { field, .. } | Error::Reference { field, .. } => Some(field.to_string()),
        Error::AlreadyExists { field, .. } => Some((*field).to_owned()),
        _ => None,
    }
}

fn detail_of(error: &Error) -> String {
    match error {
        // The log has the rest.
        Error::Internal(_) => String::from("the server failed to handle this request"),
        other => other.to_string(),
    }
}

/// Gives a failure the form of this surface.
pub fn render(failure: &Failure, meta: &RequestMeta) -> Response {
    let (status, code, title, detail, field) = match failure {
        Failure::Domain(error) => {
            let (status, code, title) = of_domain(error);
            (status, code, title, detail_of(error), field_of(error))
        }
        Failure::Request(error) => {
            let (code, title) = of_request_error(error);
            let field = if let RequestError::Field { name, .. } = error { Some(name.clone()) } else { None };
            (error.status(), code, title, error.to_string(), field)
        }
    };
    let (permission, items) = match failure {
        Failure::Domain(Error::Forbidden(permission)) => (Some(permission.to_string()), Vec::new()),
        Failure::Domain(Error::Items(items)) => (None, items.iter().map(item).collect()),
        _ => (None, Vec::new()),
    };
    let problem = Problem {
        r#type: format!("urn:roster:problem:{code}"),
        title,
        status: status.as_u16(),
        code,
        detail,
        field,
        permission,
        items,
        request_id: meta.request_id.to_string(),
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let json = HeaderValue::from_static("application/problem+json");
    let mut response = (status, [(CONTENT_TYPE, json)], body).into_response();
    match failure {
        Failure::Domain(Error::NoCredential) => {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"roster\""));
        }
        Failure::Domain(Error::BadCredential) => {
            let challenge = HeaderValue::from_static("Bearer realm=\"roster\", error=\"invalid_token\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        Failure::Domain(Error::Unavailable { retry_after, .. } | Error::TooManyAttempts { retry_after }) => {
            response.headers_mut().insert(RETRY_AFTER, (*retry_after).into());
        }
        _ => {}
    }
    response
}

fn item((index, error): &(usize, Error)) -> ItemProblem {
    ItemProblem { index: *index, code: of_domain(error).1, detail: detail_of(error), field: field_of(error) }
}
