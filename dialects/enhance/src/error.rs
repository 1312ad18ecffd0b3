//! The error format.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use roster_engine::{Error, Subject};
use roster_http::{Failure, RequestError, RequestMeta};

use crate::wire::HttpError;

/// A failure in the vendor's format.
#[derive(Debug, PartialEq, Eq)]
struct ErrorForm {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// In seconds.
    retry_after: Option<u32>,
}

pub(crate) fn render(failure: &Failure, _: &RequestMeta) -> Response {
    let ErrorForm { status, code, message, retry_after } = ErrorForm::of(failure);
    let mut response =
        (status, Json(HttpError { code: code.into(), message: Some(message), detail: None })).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"roster\""));
    }
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    response
}

impl ErrorForm {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_input", message)
    }

    fn retry_after(seconds: u32) -> Self {
        let form = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "not possible at the moment: try again");
        Self { retry_after: Some(seconds), ..form }
    }

    /// Details are in the log only.
    fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server failed to handle this request")
    }

    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Domain(error) => Self::of_domain(error),
            Failure::Request(error) => Self::of_request_error(error),
        }
    }

    fn of_domain(error: &Error) -> Self {
        let said = |status, code| Self::new(status, code, error.to_string());
        match error {
            Error::NotFound(subject) | Error::Unknown { subject, .. } => {
                Self::new(StatusCode::NOT_FOUND, "not_found", format!("no such {}", word(*subject)))
            }
            Error::AlreadyExists { .. } | Error::OwnerExists | Error::IdempotencyMismatch => {
                said(StatusCode::CONFLICT, "already_exists")
            }
            Error::Invalid { field, problem } => Self::invalid(format!("{} {problem}", parameter(field))),
            Error::Reference { field, subject } => {
                Self::invalid(format!("{} names no {}", parameter(field), word(*subject)))
            }
            Error::NoCredential | Error::BadCredential | Error::BadLogin => {
                said(StatusCode::UNAUTHORIZED, "unauthorized")
            }
            Error::TooManyAttempts { retry_after } => {
                Self { retry_after: Some(*retry_after), ..said(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts") }
            }
            Error::Forbidden(_) | Error::WrongPassword => said(StatusCode::FORBIDDEN, "forbidden"),
            // The invitation was accepted or revoked, so it no longer exists.
            Error::NotPending => said(StatusCode::NOT_FOUND, "not_found"),
            Error::OwnerProtected
            | Error::LimitReached { .. }
            | Error::DomainNotAllowed
            | Error::HasChildren
            | Error::OwnsOrganization { .. }
            | Error::RemovalHeld { .. }
            | Error::NotAnAccount
            | Error::NotManaged
            | Error::RoleInUse
            | Error::RolePromised
            | Error::CreatorRole
            | Error::DefaultRole
            | Error::LastAdmin
            | Error::NotAMember
            | Error::MemberLacks(_)
            | Error::TooManyRoles
            | Error::System(_)
            | Error::Items(_) => said(StatusCode::BAD_REQUEST, "invalid_input"),
            Error::PreconditionFailed => said(StatusCode::PRECONDITION_FAILED, "precondition_failed"),
            Error::Unavailable { reason: _, retry_after } => Self::retry_after(*retry_after),
            Error::Internal(_) => Self::internal(),
        }
    }

    fn of_request_error(error: &RequestError) -> Self {
        let said = |code| Self::new(error.status(), code, error.to_string());
        match error {
            RequestError::RouteNotFound => said("not_found"),
            RequestError::MethodNotAllowed => said("method_not_allowed"),
            RequestError::Field { name, problem, .. } if name.is_empty() => {
                Self::invalid(format!("the body {problem}"))
            }
            RequestError::Field { name, problem, .. } => Self::invalid(format!("{name} {problem}")),
            RequestError::BodyTooLarge { .. }
            | RequestError::BodyMissing
            | RequestError::BodyNotJson { .. }
            | RequestError::BodyTimeout { .. }
            | RequestError::BodyNotUtf8
            | RequestError::BodyTooDeep { .. }
            | RequestError::BodyNotObject
            | RequestError::BodyNotArray
            | RequestError::UnsupportedMediaType
            | RequestError::UriTooLong { .. }
            | RequestError::HeadersTooLarge { .. } => said("invalid_input"),
            RequestError::Timeout | RequestError::ShuttingDown => Self::retry_after(1),
            RequestError::Panic => Self::internal(),
        }
    }
}

/// The vendor's word for it.
fn word(subject: Subject) -> &'static str {
    match subject {
        Subject::User => "login",
        Subject::Membership => "member",
        Subject::Invitation => "invite",
        Subject::Token => "access token",
        Subject::Realm
        | Subject::Organization
        | Subject::Owner
        | Subject::AccountUser
        | Subject::Role
        | Subject::Permission
        | Subject::Grant
        | Subject::Session => subject.word(),
    }
}

/// The vendor's names for parameters that the engine names differently.
fn parameter(field: &str) -> &str {
    match field {
        "expires_at" => "tokenExpires",
        // Even for an error about the user, since the request names a member.
        "member_id" | "user_id" => "memberId",
        // The one in the path.
        "parent_id" => "org_id",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_contract_lists() {
        for (error, status, code) in [
            (Error::NotFound(Subject::Organization), 404, "not_found"),
            (Error::NotFound(Subject::Membership), 404, "not_found"),
            (Error::NotPending, 404, "not_found"),
            (Error::reference("loginId", Subject::User), 400, "invalid_input"),
            (Error::invalid("roles", "must name at least one role"), 400, "invalid_input"),
            (Error::AlreadyExists { subject: Subject::User, field: "email", id: None }, 409, "already_exists"),
            (Error::OwnerExists, 409, "already_exists"),
            (Error::OwnerProtected, 400, "invalid_input"),
            (Error::System(Subject::Organization), 400, "invalid_input"),
            (Error::NoCredential, 401, "unauthorized"),
            (Error::BadCredential, 401, "unauthorized"),
            (Error::BadLogin, 401, "unauthorized"),
            (Error::WrongPassword, 403, "forbidden"),
            (Error::Forbidden("a".into()), 403, "forbidden"),
            (Error::TooManyAttempts { retry_after: 9 }, 429, "too_many_attempts"),
            (Error::Unavailable { reason: "busy".into(), retry_after: 1 }, 503, "unavailable"),
        ] {
            let form = ErrorForm::of(&error.into());
            assert_eq!((form.status.as_u16(), form.code), (status, code));
        }
        let form = ErrorForm::of(&RequestError::missing("loginId").into());
        assert_eq!((form.status.as_u16(), form.code), (400, "invalid_input"));
    }

    #[test]
    fn parameters_are_called_as_they_were_sent() {
        for (error, said) in [
            (Error::invalid("expires_at", "is past"), "tokenExpires is past"),
            (Error::invalid("user_id", "is inactive"), "memberId is inactive"),
            (Error::invalid("parent_id", "is too deep"), "org_id is too deep"),
            (Error::reference("loginId", Subject::User), "loginId names no login"),
        ] {
            assert_eq!(ErrorForm::of(&error.into()).message, said);
        }
    }

    #[test]
    fn internals_stay_inside() {
        for error in [Error::Internal("disk".into()), Error::Unavailable { reason: "disk".into(), retry_after: 1 }] {
            assert!(!ErrorForm::of(&error.into()).message.contains("disk"));
        }
    }
}
