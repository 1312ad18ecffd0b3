//! The error format of `/2.0`, and OAuth's for `/oauth2`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};
use roster_engine::{Error, Subject};
use roster_http::{Failure, Fault, RequestError, RequestMeta};

use crate::wire::{Conflict, ContextInfo, ErrorBody, OAuthError, ParameterError};

const BOX_REQUEST_ID: HeaderName = HeaderName::from_static("box-request-id");
const NO_TOKEN: &str = "Bearer realm=\"Service\"";
const BAD_TOKEN: &str =
    "Bearer realm=\"Service\", error=\"invalid_token\", error_description=\"The access token provided is invalid.\"";

/// A failure in the vendor's format.
#[derive(Debug, PartialEq, Eq)]
struct ErrorForm {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// The parameter at fault: the reason (missing or invalid), and its name.
    parameter: Option<(&'static str, String)>,
    /// What exists already: its type and id, as [`crate::session::with_shown_id`] sets it.
    conflict: Option<(&'static str, i64)>,
    authenticate: Option<&'static str>,
    /// In seconds.
    retry_after: Option<u32>,
}

pub(crate) fn render(failure: &Failure, meta: &RequestMeta) -> Response {
    let form = ErrorForm::of(failure);
    let (authenticate, retry_after) = (form.authenticate, form.retry_after);
    let mut response = if meta.uri.path().starts_with("/box/oauth2") {
        uncached(form.into_oauth())
    } else {
        form.into_body(meta.request_id.to_string()).into_response()
    };
    let headers = response.headers_mut();
    if let Some(authenticate) = authenticate {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(authenticate));
    }
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Ok(id) = HeaderValue::from_str(&meta.request_id) {
        headers.insert(BOX_REQUEST_ID, id);
    }
    response
}

/// OAuth's answers, refusals included, are never cached.
pub(crate) fn uncached(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl ErrorForm {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message, parameter: None, conflict: None, authenticate: None, retry_after: None }
    }

    fn about(self, reason: &'static str, name: impl Into<String>) -> Self {
        Self { parameter: Some((reason, name.into())), ..self }
    }

    fn invalid(name: &str, message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message).about("invalid_parameter", name)
    }

    fn retry_after(seconds: u32) -> Self {
        let form = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "not possible at the moment: try again");
        Self { retry_after: Some(seconds), ..form }
    }

    /// Details are in the log only.
    fn internal() -> Self {
        let said = "the server failed to handle this request";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_server_error", said)
    }

    fn unauthorized(error: &Error, authenticate: &'static str) -> Self {
        let form = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", error.to_string());
        Self { authenticate: Some(authenticate), ..form }
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
            Error::NotFound(subject) | Error::Unknown { subject, .. } | Error::Reference { subject, .. } => {
                let form = said(StatusCode::NOT_FOUND, "not_found");
                match parameter_of(*subject) {
                    Some(name) => form.about("invalid_parameter", name),
                    None => form,
                }
            }
            Error::AlreadyExists { subject, field, id } => {
                let (code, name) = clash(*subject, field);
                let sent = Error::AlreadyExists { subject: *subject, field: parameter(field), id: *id };
                let form = Self::new(StatusCode::CONFLICT, code, sent.to_string()).about("invalid_parameter", name);
                // By this clients find what an earlier attempt of theirs has created.
                Self { conflict: kind_of(*subject).zip(*id), ..form }
            }
            Error::Invalid { field, problem } => {
                let name = parameter(field);
                Self::invalid(name, format!("{name} {problem}"))
            }
            Error::NoCredential => Self::unauthorized(error, NO_TOKEN),
            Error::BadCredential => Self::unauthorized(error, BAD_TOKEN),
            Error::Forbidden(_)
            | Error::BadLogin
            | Error::WrongPassword
            | Error::TooManyAttempts { .. }
            | Error::OwnerProtected
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
            | Error::System(_) => said(StatusCode::FORBIDDEN, "access_denied_insufficient_permissions"),
            Error::PreconditionFailed => said(StatusCode::PRECONDITION_FAILED, "precondition_failed"),
            Error::IdempotencyMismatch => said(StatusCode::CONFLICT, "conflict"),
            Error::Items(_) => said(StatusCode::BAD_REQUEST, "bad_request"),
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
                Self::new(error.status(), "bad_request", format!("the body {problem}"))
            }
            RequestError::Field { name, fault, problem } => {
                // A parameter is missing only if it is absent itself; a missing field within it makes it invalid.
                let top = RequestError::top_level(name);
                let missing = *fault == Fault::Missing && top == name;
                let reason = if missing { "missing_parameter" } else { "invalid_parameter" };
                Self::new(error.status(), "bad_request", format!("{name} {problem}")).about(reason, top)
            }
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
            | RequestError::HeadersTooLarge { .. } => said("bad_request"),
            RequestError::Timeout | RequestError::ShuttingDown => Self::retry_after(1),
            RequestError::Panic => Self::internal(),
        }
    }

    fn into_body(self, request_id: String) -> (StatusCode, Json<ErrorBody>) {
        let errors =
            self.parameter.map(|(reason, name)| ParameterError { reason, name, message: self.message.clone() });
        let conflicts = self.conflict.map(|(kind, id)| Conflict { kind, id: id.to_string() });
        let context_info = errors
            .is_some()
            .then(|| ContextInfo { errors: errors.into_iter().collect(), conflicts: conflicts.into_iter().collect() });
        let (status, code, message) = (self.status, self.code, self.message);
        let body =
            ErrorBody { kind: "error", status: status.as_u16(), code, context_info, help_url: "", message, request_id };
        (status, Json(body))
    }

    /// OAuth has few error codes that don't concern the grant; those for the grant are set by its routes.
    fn into_oauth(self) -> (StatusCode, Json<OAuthError>) {
        let error = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request",
        };
        (self.status, Json(OAuthError { error, error_description: self.message }))
    }
}

/// The parameter that names what wasn't found.
fn parameter_of(subject: Subject) -> Option<&'static str> {
    match subject {
        Subject::User | Subject::Owner => Some("user"),
        Subject::Organization => Some("group"),
        Subject::Membership => Some("group_membership"),
        Subject::Realm
        | Subject::AccountUser
        | Subject::Role
        | Subject::Permission
        | Subject::Grant
        | Subject::Invitation
        | Subject::Token
        | Subject::Session => None,
    }
}

/// The vendor's name for this type, if it has one.
fn kind_of(subject: Subject) -> Option<&'static str> {
    match subject {
        Subject::User => Some("user"),
        Subject::Organization => Some("group"),
        Subject::Membership => Some("group_membership"),
        Subject::Realm
        | Subject::Owner
        | Subject::AccountUser
        | Subject::Role
        | Subject::Permission
        | Subject::Grant
        | Subject::Invitation
        | Subject::Token
        | Subject::Session => None,
    }
}

/// Code and parameter of a conflict.
fn clash(subject: Subject, field: &str) -> (&'static str, &str) {
    match (subject, field) {
        (Subject::User, "email") => ("user_login_already_used", "login"),
        // The vendor's own code.
        (Subject::Organization, "name") => ("conflict", "group_tag_name"),
        _ => ("conflict", parameter(field)),
    }
}

/// The vendor's names for parameters that the engine names differently.
fn parameter(field: &str) -> &str {
    match field {
        "email" => "login",
        "locale" => "language",
        "cursor" => "marker",
        "external_id" => "external_app_user_id",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(failure: impl Into<Failure>) -> (u16, &'static str, Option<(&'static str, String)>) {
        let form = ErrorForm::of(&failure.into());
        (form.status.as_u16(), form.code, form.parameter)
    }

    #[test]
    fn what_the_contract_lists() {
        let invalid = |name: &str| Some(("invalid_parameter", name.to_owned()));
        let exists = |subject, field| Error::AlreadyExists { subject, field, id: Some(7) };
        let denied = "access_denied_insufficient_permissions";
        for (error, status, code, parameter) in [
            (Error::NotFound(Subject::Organization), 404, "not_found", invalid("group")),
            (Error::NotFound(Subject::User), 404, "not_found", invalid("user")),
            (Error::NotFound(Subject::Membership), 404, "not_found", invalid("group_membership")),
            (exists(Subject::Membership, "user"), 409, "conflict", invalid("user")),
            (exists(Subject::Organization, "name"), 409, "conflict", invalid("group_tag_name")),
            (exists(Subject::User, "email"), 409, "user_login_already_used", invalid("login")),
            (Error::Forbidden("x".into()), 403, denied, None),
            (Error::OwnerProtected, 403, denied, None),
            (Error::HasChildren, 403, denied, None),
            (Error::NoCredential, 401, "unauthorized", None),
            (Error::invalid("cursor", "is not ours"), 400, "bad_request", invalid("marker")),
            (Error::Unavailable { reason: "busy".into(), retry_after: 1 }, 503, "unavailable", None),
            (Error::Internal("disk".into()), 500, "internal_server_error", None),
        ] {
            assert_eq!(form(error), (status, code, parameter));
        }
        let missing = Some(("missing_parameter", String::from("user")));
        assert_eq!(form(RequestError::missing("user")), (400, "bad_request", missing));
        assert_eq!(form(RequestError::missing("user.id")), (400, "bad_request", invalid("user")));
        assert_eq!(form(RequestError::RouteNotFound), (404, "not_found", None));
        assert_eq!(form(RequestError::MethodNotAllowed), (405, "method_not_allowed", None));
        let conflict = ErrorForm::of(&exists(Subject::Membership, "user").into()).conflict;
        assert_eq!(conflict, Some(("group_membership", 7)));
        let taken = ErrorForm::of(&exists(Subject::User, "external_id").into()).message;
        assert_eq!(taken, "another user has this external_app_user_id already");
    }

    #[test]
    fn internals_stay_inside() {
        for error in [Error::Internal("disk".into()), Error::Unavailable { reason: "disk".into(), retry_after: 1 }] {
            assert!(!ErrorForm::of(&error.into()).message.contains("disk"));
        }
    }
}
