//! Errors, which are a line of text.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use roster_engine::Error;
use roster_http::{Failure, RequestError, RequestMeta};

/// Describes what is wrong with a request, on one line.
pub(crate) fn describe(error: &RequestError) -> String {
    let text = match error {
        RequestError::Field { name, problem, .. } if name.is_empty() => format!("the body {problem}"),
        RequestError::Field { name, problem, .. } => format!("{name} {problem}"),
        other => other.to_string(),
    };
    text.replace(char::is_control, " ")
}

fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::NoCredential | Error::BadCredential => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Error::Invalid { .. }
        | Error::Reference { .. }
        // Here, unknown entities give a denial; the engine returns these only to other surfaces.
        | Error::NotFound(_)
        | Error::Unknown { .. }
        | Error::AlreadyExists { .. }
        | Error::OwnerProtected
        | Error::OwnerExists
        | Error::LimitReached { .. }
        | Error::DomainNotAllowed
        | Error::HasChildren
        | Error::NotAnAccount
        | Error::NotManaged
        | Error::RoleInUse
        | Error::RolePromised
        | Error::CreatorRole
        | Error::DefaultRole
        | Error::LastAdmin
        | Error::NotPending
        | Error::NotAMember
        | Error::MemberLacks(_)
        | Error::TooManyRoles
        | Error::System(_)
        | Error::PreconditionFailed
        | Error::IdempotencyMismatch
        | Error::Items(_)
        | Error::OwnsOrganization { .. }
        | Error::RemovalHeld { .. }
        | Error::BadLogin
        | Error::WrongPassword => StatusCode::BAD_REQUEST,
        Error::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
    }
}

pub(crate) fn render(failure: &Failure, _: &RequestMeta) -> Response {
    let (status, text) = match failure {
        // Details are in the log.
        Failure::Domain(Error::Internal(_)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, String::from("the server failed to handle this request"))
        }
        Failure::Domain(Error::Unavailable { .. }) => {
            (StatusCode::SERVICE_UNAVAILABLE, String::from("not possible at the moment: try again"))
        }
        Failure::Domain(error) => (status_of(error), error.to_string().replace(char::is_control, " ")),
        Failure::Request(RequestError::UnsupportedMediaType) => {
            (StatusCode::BAD_REQUEST, String::from("the Content-Type must be application/json"))
        }
        Failure::Request(error) => (error.status(), describe(error)),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (status, headers, text).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"roster\""));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let seconds =
            if let Failure::Domain(Error::Unavailable { retry_after, .. }) = failure { *retry_after } else { 1 };
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
