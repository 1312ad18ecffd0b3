//! Errors as problem details (RFC 9457) with a stable `code`.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use roster_engine::Error;
use roster_http::{Failure, Fault, RequestError, RequestMeta};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong. `code` is stable; `detail` is for people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `urn:roster:problem:` and the code.
    r#type: String,
    title: &'static str,
    status: u16,
    /// Stable, for programs.
    #[schema(example = "not_found")]
    code: &'static str,
    detail: String,
    /// The field at fault, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The permission that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission: Option<String>,
    /// In a bulk: what is wrong with which item.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<ItemProblem>,
    /// The same as in the header `X-Request-Id`.
    request_id: String,
}

/// Why one item of a bulk can't be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemProblem {
    /// The place of the item, from 0.
    index: usize,
    #[schema(example = "already_exists")]
    code: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// Status, code and title of a domain error. One row for each: a new error doesn't compile without its row.
fn of_domain(error: &Error) -> (StatusCode, &'static str, &'static str) {
    match error {
        Error::NotFound(_) | Error::Unknown { .. } => (StatusCode::NOT_FOUND, "not_found", "Not found"),
        Error::AlreadyExists { .. } => (StatusCode::CONFLICT, "already_exists", "Already exists"),
        Error::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid value"),
        Error::Reference { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "reference_not_found", "Names nothing there is"),
        Error::NoCredential => (StatusCode::UNAUTHORIZED, "unauthenticated", "A key is needed"),
        Error::BadCredential => (StatusCode::UNAUTHORIZED, "bad_key", "The key is not accepted"),
        Error::BadLogin => (StatusCode::UNAUTHORIZED, "bad_login", "Not logged in"),
        Error::WrongPassword => (StatusCode::FORBIDDEN, "wrong_password", "Wrong password"),
        Error::TooManyAttempts { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts"),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
        Error::OwnerProtected => (StatusCode::CONFLICT, "owner_protected", "The owner is protected"),
        Error::OwnerExists => (StatusCode::CONFLICT, "owner_exists", "There is an owner"),
        Error::LimitReached { .. } => (StatusCode::CONFLICT, "limit_reached", "No room for more members"),
        Error::DomainNotAllowed => (StatusCode::CONFLICT, "domain_not_allowed", "E-mail domain not allowed"),
        Error::OwnsOrganization { .. } => (StatusCode::CONFLICT, "owns_organization", "The user owns an organization"),
        Error::RemovalHeld { .. } => (StatusCode::PRECONDITION_REQUIRED, "removal_held", "Too many would go at once"),
        Error::HasChildren => (StatusCode::CONFLICT, "has_children", "There are organizations below"),
        Error::NotAnAccount => (StatusCode::CONFLICT, "not_an_account", "Not an account"),
        Error::NotManaged => (StatusCode::CONFLICT, "not_managed", "Not managed by this account"),
        Error::RoleInUse => (StatusCode::CONFLICT, "role_in_use", "The role is in use"),
        Error::RolePromised => (StatusCode::CONFLICT, "role_promised", "The role is promised"),
        Error::LastAdmin => (StatusCode::CONFLICT, "last_admin", "The last admin is protected"),
        Error::NotPending => (StatusCode::CONFLICT, "not_pending", "The invitation is not pending"),
        Error::NotAMember => (StatusCode::CONFLICT, "not_a_member", "Not a member"),
        Error::MemberLacks(_) => (StatusCode::CONFLICT, "member_lacks_permission", "The member may not do that"),
        Error::TooManyRoles => (StatusCode::CONFLICT, "too_many_roles", "No room for more roles"),
        Error::System(_) | Error::CreatorRole | Error::DefaultRole => (StatusCode::CONFLICT, "built_in", "Built in"),
        Error::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "changed_meanwhile", "Changed meanwhile"),
        Error::IdempotencyMismatch => {
            (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", "The key was used for another request")
        }
        Error::Items(_) => (StatusCode::UNPROCESSABLE_ENTITY, "items_refused", "Some items can't be done"),
        Error::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Try again later"),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Our fault"),
    }
}

/// Code and title of a request error; the status is [`RequestError::status`].
fn of_request_error(error: &RequestError) -> (&'static str, &'static str) {
    match error {
        RequestError::RouteNotFound => ("no_such_path", "No such path"),
        RequestError::MethodNotAllowed => ("method_not_allowed", "Method not allowed"),
        RequestError::BodyTooLarge { .. } => ("body_too_large", "Body too large"),
        RequestError::BodyMissing => ("body_missing", "A body is needed"),
        RequestError::BodyTimeout { .. } => ("body_late", "The body did not arrive"),
        RequestError::BodyNotJson { .. } | RequestError::BodyNotUtf8 => ("body_not_json", "The body is not JSON"),
        RequestError::BodyTooDeep { .. } => ("body_too_deep", "The body is nested too deep"),
        RequestError::BodyNotObject => ("body_not_object", "The body is not an object"),
        RequestError::BodyNotArray => ("body_not_array", "The body is not an array"),
        RequestError::Field { fault: Fault::Missing | Fault::Null, .. } => ("missing", "A value is missing"),
        RequestError::Field { fault: Fault::Unknown, .. } => ("unknown_field", "Unknown field"),
        RequestError::Field { fault: Fault::Invalid, .. } => ("invalid", "Invalid value"),
        RequestError::UnsupportedMediaType => ("unsupported_media_type", "Not JSON"),
        RequestError::UriTooLong { .. } => ("url_too_long", "URL too long"),
        RequestError::HeadersTooLarge { .. } => ("headers_too_large", "Headers too large"),
        RequestError::Timeout => ("timeout", "Took too long"),
        RequestError::ShuttingDown => ("shutting_down", "Shutting down"),
        RequestError::Panic => ("internal", "Our fault"),
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
