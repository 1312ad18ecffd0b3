//! The error format.

use axum::response::{IntoResponse, Response};
use http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};
use roster_engine::{Error, Subject};
use roster_http::{Failure, RequestError, RequestMeta};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{SCIM_JSON, json};

pub(crate) const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// What SCIM calls the kinds of a bad request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ScimType {
    InvalidSyntax,
    InvalidValue,
    InvalidFilter,
    InvalidPath,
    NoTarget,
    Mutability,
    Uniqueness,
    InvalidCursor,
    InvalidCount,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody {
    schemas: [&'static str; 1],
    /// The status, as a text.
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scim_type: Option<ScimType>,
    detail: String,
}

/// A failure in SCIM's format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) scim_type: Option<ScimType>,
    pub(crate) detail: String,
    authenticate: Option<&'static str>,
    /// In seconds.
    retry_after: Option<u32>,
    /// For the log only.
    internal: Option<String>,
}

pub(crate) fn render(failure: &Failure, _: &RequestMeta) -> Response {
    Refusal::of(failure).response()
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, scim_type: Option<ScimType>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status, scim_type, detail, authenticate: None, retry_after: None, internal: None }
    }

    pub(crate) fn bad(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Some(scim_type), detail)
    }

    pub(crate) fn value(detail: impl Into<String>) -> Self {
        Self::bad(ScimType::InvalidValue, detail)
    }

    pub(crate) fn syntax(detail: impl Into<String>) -> Self {
        Self::bad(ScimType::InvalidSyntax, detail)
    }

    pub(crate) fn path(detail: impl Into<String>) -> Self {
        Self::bad(ScimType::InvalidPath, detail)
    }

    pub(crate) fn mutability(detail: impl Into<String>) -> Self {
        Self::bad(ScimType::Mutability, detail)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, None, format!("there is no such {what}"))
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, None, detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, None, detail)
    }

    fn taken(detail: String) -> Self {
        Self::new(StatusCode::CONFLICT, Some(ScimType::Uniqueness), detail)
    }

    fn unauthorized(detail: String) -> Self {
        Self { authenticate: Some("Bearer realm=\"SCIM\""), ..Self::new(StatusCode::UNAUTHORIZED, None, detail) }
    }

    fn retry_after(seconds: u32) -> Self {
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, None, "not possible at the moment: try again");
        Self { retry_after: Some(seconds), ..refusal }
    }

    fn internal_failure() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, None, "the server failed to handle this request")
    }

    pub(crate) fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Domain(error) => Self::of_domain(error),
            Failure::Request(error) => Self::of_request_error(error),
        }
    }

    pub(crate) fn of_domain(error: &Error) -> Self {
        let said = error.to_string();
        let plain = |status| Self::new(status, None, said.clone());
        match error {
            Error::NotFound(subject) | Error::Unknown { subject, .. } => Self::not_found(word(*subject)),
            Error::AlreadyExists { subject, field, .. } => {
                Self::taken(format!("another {} has this {}", word(*subject), attribute(field)))
            }
            Error::Invalid { field, problem } => Self::value(format!("{} {problem}", attribute(field))),
            Error::Reference { field, subject } => {
                Self::value(format!("{} names no {}", attribute(field), word(*subject)))
            }
            Error::NoCredential | Error::BadCredential | Error::BadLogin | Error::WrongPassword => {
                Self::unauthorized(said)
            }
            Error::TooManyAttempts { retry_after } => {
                Self { retry_after: Some(*retry_after), ..plain(StatusCode::TOO_MANY_REQUESTS) }
            }
            Error::Forbidden(_) | Error::System(_) => plain(StatusCode::FORBIDDEN),
            Error::OwnerProtected => Self::mutability(said),
            Error::DomainNotAllowed | Error::Items(_) => Self::value(said),
            Error::RemovalHeld { .. } => plain(StatusCode::PRECONDITION_REQUIRED),
            Error::PreconditionFailed => plain(StatusCode::PRECONDITION_FAILED),
            Error::OwnsOrganization { .. }
            | Error::HasChildren
            | Error::OwnerExists
            | Error::LimitReached { .. }
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
            | Error::IdempotencyMismatch => plain(StatusCode::CONFLICT),
            Error::Unavailable { reason: _, retry_after } => Self::retry_after(*retry_after),
            Error::Internal(problem) => Self { internal: Some(problem.clone()), ..Self::internal_failure() },
        }
    }

    fn of_request_error(error: &RequestError) -> Self {
        let said = error.to_string();
        match error {
            RequestError::BodyMissing
            | RequestError::BodyNotJson { .. }
            | RequestError::BodyNotUtf8
            | RequestError::BodyTooDeep { .. }
            | RequestError::BodyNotObject
            | RequestError::BodyNotArray => Self::syntax(said),
            RequestError::Field { name, problem, .. } if name.is_empty() => Self::syntax(format!("the body {problem}")),
            RequestError::Field { name, problem, .. } => Self::value(format!("{name} {problem}")),
            RequestError::UriTooLong { limit } => Self::bad(
                ScimType::InvalidFilter,
                format!("the URL is longer than {limit} bytes: send long queries to .search"),
            ),
            RequestError::Timeout | RequestError::ShuttingDown => Self::retry_after(1),
            RequestError::Panic => Self::internal_failure(),
            RequestError::RouteNotFound
            | RequestError::MethodNotAllowed
            | RequestError::BodyTooLarge { .. }
            | RequestError::UnsupportedMediaType
            | RequestError::BodyTimeout { .. }
            | RequestError::HeadersTooLarge { .. } => Self::new(error.status(), None, said),
        }
    }

    pub(crate) fn body(&self) -> ErrorBody {
        let (status, scim_type) = (self.status.as_u16().to_string(), self.scim_type);
        ErrorBody { schemas: [SCHEMA], status, scim_type, detail: self.detail.clone() }
    }

    fn response(&self) -> Response {
        let mut response = json(self.status, &self.body());
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: Option<HeaderValue>| value.map(|value| headers.insert(name, value));
        put(WWW_AUTHENTICATE, self.authenticate.map(HeaderValue::from_static));
        put(RETRY_AFTER, self.retry_after.map(HeaderValue::from));
        debug_assert_eq!(headers.get(http::header::CONTENT_TYPE), Some(&HeaderValue::from_static(SCIM_JSON)));
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self.internal {
            // As an internal error, so that the pipeline logs it.
            Some(problem) => Failure::from(Error::Internal(problem)).into_response(),
            None => self.response(),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::of_domain(&error)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::of(&failure)
    }
}

fn word(subject: Subject) -> &'static str {
    match subject {
        Subject::Organization => "group",
        Subject::Membership => "member",
        other => other.word(),
    }
}

/// SCIM's name for one of the model's fields.
fn attribute(field: &str) -> &str {
    match field {
        "user_name" | "username" => "userName",
        "email" => "primary e-mail address",
        "first_name" => "name.givenName",
        "last_name" => "name.familyName",
        "external_id" => "externalId",
        "display_name" => "displayName",
        "document" => "the resource",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_text_and_a_type_has_scims_name() {
        let refusal =
            Refusal::of_domain(&Error::AlreadyExists { subject: Subject::User, field: "user_name", id: None });
        let body = serde_json::to_value(refusal.body()).expect("JSON");
        assert_eq!((&body["status"], &body["scimType"]), (&"409".into(), &"uniqueness".into()));
        assert!(body["detail"].as_str().is_some_and(|detail| detail.contains("userName")));
        let plain = serde_json::to_value(Refusal::not_found("user").body()).expect("JSON");
        assert!(plain.get("scimType").is_none());
    }

    #[test]
    fn nothing_internal_is_told() {
        let refusal = Refusal::of_domain(&Error::Internal("the secret of it".into()));
        assert!(!refusal.body().detail.contains("secret"));
    }
}
