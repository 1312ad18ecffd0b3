//! The error format: `{"message", "requestId", "type"}`, plus `parameter` if the type is `ArgumentValue`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use roster_engine::{Error, Subject};
use roster_http::{Failure, RequestError, RequestMeta};

use crate::wire::ErrorBody;

/// A failure in the vendor's format.
#[derive(Debug, PartialEq, Eq)]
struct ErrorForm {
    status: StatusCode,
    kind: &'static str,
    message: String,
    parameter: Option<String>,
    /// In seconds.
    retry_after: Option<u32>,
}

pub(crate) fn render(failure: &Failure, meta: &RequestMeta) -> Response {
    let ErrorForm { status, kind, message, parameter, retry_after } = ErrorForm::of(failure);
    let request_id = meta.request_id.to_string();
    let mut response = (status, Json(ErrorBody { message, request_id, kind, parameter })).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

impl ErrorForm {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), parameter: None, retry_after: None }
    }

    fn argument(parameter: &str, message: String) -> Self {
        let parameter = Some(parameter.to_owned());
        Self { parameter, ..Self::new(StatusCode::BAD_REQUEST, "ArgumentValue", message) }
    }

    fn retry_after(seconds: u32) -> Self {
        let form = Self::new(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", "not possible at the moment: try again");
        Self { retry_after: Some(seconds), ..form }
    }

    /// Details are in the log only.
    fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal", "the server failed to handle this request")
    }

    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Domain(error) => Self::of_domain(error),
            Failure::Request(error) => Self::of_request_error(error),
        }
    }

    fn of_domain(error: &Error) -> Self {
        let said = |status, kind| Self::new(status, kind, error.to_string());
        match error {
            Error::NotFound(subject) | Error::Unknown { subject, .. } => said(StatusCode::NOT_FOUND, unknown(*subject)),
            Error::Reference { field, subject } => {
                let message = format!("{} names no {subject}", parameter(field));
                Self::new(StatusCode::NOT_FOUND, unknown(*subject), message)
            }
            Error::AlreadyExists { subject: Subject::AccountUser, .. } => {
                said(StatusCode::CONFLICT, "ResourceAlreadyExists")
            }
            Error::AlreadyExists { subject, field, id } => {
                let sent = Error::AlreadyExists { subject: *subject, field: parameter(field), id: *id };
                Self::new(StatusCode::BAD_REQUEST, "IllegalArgument", sent.to_string())
            }
            Error::Invalid { field, problem } => {
                let parameter = parameter(field);
                let message = format!("{parameter} {problem}");
                if is_illegal(field) {
                    Self::new(StatusCode::BAD_REQUEST, "IllegalArgument", message)
                } else {
                    Self::argument(parameter, message)
                }
            }
            Error::NoCredential => said(StatusCode::UNAUTHORIZED, "Unauthorized"),
            // This surface has no logins; the engine returns these only to others.
            Error::BadLogin | Error::WrongPassword | Error::TooManyAttempts { .. } => {
                said(StatusCode::FORBIDDEN, "Forbidden")
            }
            Error::BadCredential | Error::Forbidden(_) => said(StatusCode::FORBIDDEN, "Forbidden"),
            Error::OwnerProtected
            | Error::OwnerExists
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
            | Error::NotPending
            | Error::NotAMember
            | Error::MemberLacks(_)
            | Error::TooManyRoles
            | Error::System(_)
            | Error::PreconditionFailed
            | Error::IdempotencyMismatch
            | Error::Items(_) => said(StatusCode::BAD_REQUEST, "IllegalArgument"),
            Error::Unavailable { reason: _, retry_after } => Self::retry_after(*retry_after),
            Error::Internal(_) => Self::internal(),
        }
    }

    fn of_request_error(error: &RequestError) -> Self {
        let said = |kind| Self::new(error.status(), kind, error.to_string());
        match error {
            RequestError::RouteNotFound => said("NotFound"),
            RequestError::MethodNotAllowed => said("MethodNotAllowed"),
            RequestError::Field { name, problem, .. } if name.is_empty() => {
                Self::new(error.status(), "BadRequest", format!("the body {problem}"))
            }
            RequestError::Field { name, problem, .. } => Self::argument(name, format!("{name} {problem}")),
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
            | RequestError::HeadersTooLarge { .. } => said("BadRequest"),
            RequestError::Timeout | RequestError::ShuttingDown => said("Unavailable"),
            RequestError::Panic => Self::internal(),
        }
    }
}

fn unknown(subject: Subject) -> &'static str {
    match subject {
        Subject::User => "UserNotFound",
        Subject::Membership => "MembershipNotFound",
        Subject::Realm
        | Subject::Organization
        | Subject::Owner
        | Subject::AccountUser
        | Subject::Role
        | Subject::Permission
        | Subject::Grant
        | Subject::Invitation
        | Subject::Token
        | Subject::Session => "ResourceNotFound",
    }
}

/// The name under which [`is_illegal`] knows organizations that an operation isn't allowed for.
pub(crate) const ORGANIZATION: &str = "organization";

/// Whether a value is well-formed but not allowed: the vendor has a separate type for that.
fn is_illegal(field: &str) -> bool {
    matches!(field, "alias" | "expires_at" | "scopes" | ORGANIZATION)
}

/// The vendor's names for parameters that the engine names differently.
fn parameter(field: &str) -> &str {
    match field {
        "alias" => "override_id",
        "expires_at" => "expiration_time",
        "parent_id" => "parent_org_id",
        "token_name" => "alias",
        "user_ids" => "userIds",
        "user_ids_to_add" => "userIdsToAdd",
        "user_ids_to_delete" => "userIdsToDelete",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(failure: impl Into<Failure>) -> (u16, &'static str, Option<String>) {
        let form = ErrorForm::of(&failure.into());
        (form.status.as_u16(), form.kind, form.parameter)
    }

    #[test]
    fn what_the_contract_lists() {
        let exists = |subject| Error::AlreadyExists { subject, field: "user", id: None };
        for (error, status, kind) in [
            (Error::NotFound(Subject::Organization), 404, "ResourceNotFound"),
            (Error::NotFound(Subject::User), 404, "UserNotFound"),
            (Error::NotFound(Subject::Membership), 404, "MembershipNotFound"),
            (Error::NotFound(Subject::AccountUser), 404, "ResourceNotFound"),
            (Error::NotFound(Subject::Token), 404, "ResourceNotFound"),
            (exists(Subject::Membership), 400, "IllegalArgument"),
            (exists(Subject::AccountUser), 409, "ResourceAlreadyExists"),
            (exists(Subject::User), 400, "IllegalArgument"),
            (Error::NotAnAccount, 400, "IllegalArgument"),
            (Error::NotManaged, 400, "IllegalArgument"),
            (Error::DomainNotAllowed, 400, "IllegalArgument"),
            (Error::OwnerProtected, 400, "IllegalArgument"),
            (Error::invalid("scopes", "can't hold that"), 400, "IllegalArgument"),
            (Error::invalid("expires_at", "is past"), 400, "IllegalArgument"),
            (Error::NoCredential, 401, "Unauthorized"),
            (Error::BadCredential, 403, "Forbidden"),
            (Error::Forbidden("a".into()), 403, "Forbidden"),
            (Error::Unavailable { reason: "busy".into(), retry_after: 1 }, 503, "Unavailable"),
        ] {
            assert_eq!(form(error), (status, kind, None));
        }
        let argument = |parameter: &str| (400, "ArgumentValue", Some(parameter.to_owned()));
        assert_eq!(form(Error::invalid("email", "is none")), argument("email"));
        assert_eq!(form(Error::invalid("parent_id", "is below it")), argument("parent_org_id"));
        assert_eq!(form(Error::reference("parent_id", Subject::Organization)), (404, "ResourceNotFound", None));
        assert_eq!(form(RequestError::missing("role")), argument("role"));
        assert_eq!(form(RequestError::BodyMissing), (400, "BadRequest", None));
        assert_eq!(form(RequestError::RouteNotFound), (404, "NotFound", None));
        assert_eq!(form(RequestError::MethodNotAllowed), (405, "MethodNotAllowed", None));
    }

    #[test]
    fn parameters_are_called_as_they_were_sent() {
        let taken = Error::AlreadyExists { subject: Subject::Organization, field: "alias", id: None };
        for (error, said) in [
            (Error::reference("parent_id", Subject::Organization), "parent_org_id names no organization"),
            (Error::invalid("expires_at", "is past"), "expiration_time is past"),
            (taken, "another organization has this override_id already"),
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
