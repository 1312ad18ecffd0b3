//! The error format: `{"errors": [{"message", "long_message", "code", "meta"}], "clerk_trace_id"}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use roster_engine::text::ProblemKind;
use roster_engine::{Error, Subject};
use roster_http::{Failure, Fault, RequestError, RequestMeta};
use serde_json::{Value, json};

use crate::map::roles::permission_to_wire;
use crate::query::too_many;
use crate::wire::{ErrorBody, ErrorItem};

/// The name of the version header in a [`RequestError`].
pub(crate) const VERSION: &str = "Clerk-API-Version";
/// The field name in an [`Error`] about a list of invitations that is too long.
pub(crate) const BULK: &str = "invitations";
/// The field that is reported missing for a user without any identifier.
pub(crate) const IDENTIFIER: &str = "identifier";

/// The problem of a string that isn't a time. It has an error code of its own.
pub(crate) const NO_TIME: &str = "must be a time such as 2026-11-22T06:00:00Z";

/// A failure in the vendor's format.
#[derive(Debug)]
struct ErrorForm {
    status: StatusCode,
    code: &'static str,
    message: String,
    meta: Value,
}

pub(crate) fn render(failure: &Failure, meta: &RequestMeta) -> Response {
    let forms = match failure {
        Failure::Domain(Error::Items(items)) => items.iter().map(|(_, error)| ErrorForm::of_domain(error)).collect(),
        Failure::Domain(error) => vec![ErrorForm::of_domain(error)],
        Failure::Request(error) => vec![ErrorForm::of_request_error(error)],
    };
    let status = forms.first().map_or(StatusCode::BAD_REQUEST, |form| form.status);
    // What wasn't found is named by the path.
    let named = match failure {
        Failure::Domain(Error::NotFound(_)) => format!(" ({})", meta.uri.path()),
        _ => String::new(),
    };
    let errors = forms
        .into_iter()
        .map(|form| ErrorItem {
            long_message: format!("{}{named}", form.message),
            message: form.message,
            code: form.code,
            meta: form.meta,
        })
        .collect();
    let clerk_trace_id = meta.request_id.to_string();
    let mut response = (status, Json(ErrorBody { errors, clerk_trace_id })).into_response();
    if let Failure::Domain(Error::Unavailable { retry_after, .. }) = failure {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*retry_after));
    }
    response
}

/// The vendor's names for parameters that the engine names differently.
fn parameter(field: &str) -> &str {
    match field {
        "email" | "addresses" => "email_address",
        "phone" => "phone_number",
        "roles" => "role",
        "max_members" => "max_allowed_memberships",
        "user" => "user_id",
        "after" => "starting_after",
        "primary_address" => "primary_email_address_id",
        "expires_at" => "expires_in_days",
        // For an item of a list, the item's own field.
        other => {
            let last = other.rsplit('.').next().unwrap_or(other);
            last.split('[').next().unwrap_or(last)
        }
    }
}

impl ErrorForm {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, code, message: message.into(), meta: json!({}) }
    }

    fn of_parameter(status: u16, code: &'static str, field: &str, problem: &str) -> Self {
        let parameter = parameter(field);
        Self { meta: json!({ "param_name": parameter }), ..Self::new(status, code, format!("{parameter} {problem}")) }
    }

    fn internal() -> Self {
        Self::new(500, "internal_error", "the server failed to handle this request")
    }

    /// A value that isn't acceptable.
    fn invalid(field: &str, problem: &str) -> Self {
        if field == IDENTIFIER {
            let meta = json!({ "param_names": ["email_address"] });
            return Self { meta, ..Self::new(422, "form_data_missing", problem) };
        }
        if field == BULK {
            return Self::new(400, "bulk_size_exceeded", format!("{field} {problem}"));
        }
        let code = match ProblemKind::of(problem) {
            Some(ProblemKind::Empty) => "form_param_nil",
            Some(ProblemKind::TooLong) => "form_param_max_length_exceeded",
            Some(ProblemKind::TooLarge) => "form_param_exceeds_allowed_size",
            None if problem == too_many() => "form_param_array_size_exceeded",
            None if problem == NO_TIME => "form_param_invalid_time",
            None if matches!(field, "email" | "phone" | "slug" | "key") => "form_param_format_invalid",
            None => "form_param_value_invalid",
        };
        Self::of_parameter(422, code, field, problem)
    }

    fn of_domain(error: &Error) -> Self {
        let said = |status, code| Self::new(status, code, error.to_string());
        match error {
            Error::NotFound(Subject::Grant) => said(404, "organization_role_permission_association_not_found"),
            Error::Reference { field, subject: Subject::User } if field == "created_by" => {
                said(400, "organization_creator_not_found")
            }
            Error::Reference { field, subject: Subject::Role } => {
                Self { meta: json!({ "param_name": parameter(field) }), ..said(404, "resource_not_found") }
            }
            Error::NotFound(_) | Error::Unknown { .. } | Error::Reference { .. } => said(404, "resource_not_found"),
            Error::AlreadyExists { subject: Subject::Membership, .. } => said(400, "already_a_member_in_organization"),
            Error::AlreadyExists { subject: Subject::Invitation, .. } => {
                said(400, "organization_invitation_not_unique")
            }
            Error::AlreadyExists { subject: Subject::Grant, .. } => {
                said(409, "organization_role_permission_association_exists")
            }
            Error::AlreadyExists { field, .. } => {
                Self::of_parameter(422, "form_identifier_exists", field, "is taken: try another")
            }
            Error::Invalid { field, problem } => Self::invalid(field, problem),
            Error::NoCredential => said(401, "authorization_header_format_invalid"),
            Error::BadCredential => said(401, "clerk_key_invalid"),
            Error::System(Subject::Permission) => said(403, "organization_system_permission_not_modifiable"),
            Error::Forbidden(_)
            | Error::HasChildren
            | Error::OwnsOrganization { .. }
            | Error::RemovalHeld { .. }
            | Error::DomainNotAllowed
            | Error::System(_) => said(403, "authorization_invalid"),
            Error::OwnerProtected | Error::OwnerExists | Error::LastAdmin => {
                said(400, "organization_minimum_permissions_needed")
            }
            Error::LimitReached { .. } => said(403, "organization_membership_quota_exceeded"),
            Error::NotPending => said(404, "organization_invitation_not_pending"),
            Error::NotAMember => said(403, "not_a_member_in_organization"),
            Error::MemberLacks(permission) => {
                let meta = json!({ "permissions": [permission_to_wire(permission)] });
                Self { meta, ..said(403, "missing_organization_permission") }
            }
            Error::CreatorRole => said(422, "organization_role_default_creator_role"),
            Error::DefaultRole => said(422, "organization_role_domain_default_role"),
            Error::RoleInUse => said(422, "organization_role_assigned_members"),
            Error::RolePromised => said(422, "organization_role_exists_in_invitations"),
            Error::TooManyRoles => said(403, "organization_role_limit_exceeded"),
            // The engine returns these only to other surfaces.
            Error::BadLogin
            | Error::WrongPassword
            | Error::TooManyAttempts { .. }
            | Error::NotAnAccount
            | Error::NotManaged
            | Error::PreconditionFailed
            | Error::IdempotencyMismatch
            | Error::Items(_) => said(400, "request_invalid"),
            Error::Unavailable { .. } => Self::new(503, "service_unavailable", "not possible at the moment: try again"),
            Error::Internal(_) => Self::internal(),
        }
    }

    fn of_request_error(error: &RequestError) -> Self {
        let said = |code| Self::new(error.status().as_u16(), code, error.to_string());
        match error {
            RequestError::RouteNotFound => said("resource_not_found"),
            RequestError::MethodNotAllowed => said("method_not_allowed"),
            RequestError::Field { name, problem, .. } if name == VERSION => {
                Self::new(400, "api_version_invalid", format!("{name} {problem}"))
            }
            RequestError::Field { name, problem, .. } if parameter(name).is_empty() => {
                Self::new(400, "request_body_invalid", format!("the body {problem}"))
            }
            RequestError::Field { name, fault: Fault::Missing | Fault::Null, .. } => {
                Self::of_parameter(422, "form_param_missing", name, "must be included")
            }
            RequestError::Field { name, fault: Fault::Unknown, .. } => {
                Self::of_parameter(422, "form_param_unknown", name, "is not a parameter of this request")
            }
            // Metadata isn't a scalar; the contract has another code for it.
            RequestError::Field { name, problem, .. } if error.is_wrong_type() && !name.ends_with("metadata") => {
                Self::of_parameter(422, "form_param_type_invalid", name, problem)
            }
            RequestError::Field { name, fault: Fault::Invalid, problem } => Self::invalid(name, problem),
            RequestError::UnsupportedMediaType => said("unsupported_content_type"),
            RequestError::BodyTooLarge { .. }
            | RequestError::BodyMissing
            | RequestError::BodyNotJson { .. }
            | RequestError::BodyTimeout { .. }
            | RequestError::BodyNotUtf8
            | RequestError::BodyTooDeep { .. }
            | RequestError::BodyNotObject
            | RequestError::BodyNotArray => said("request_body_invalid"),
            RequestError::UriTooLong { .. } | RequestError::HeadersTooLarge { .. } => said("request_invalid"),
            RequestError::Timeout | RequestError::ShuttingDown => said("service_unavailable"),
            RequestError::Panic => Self::internal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use roster_engine::{Metadata, metadata, text};

    use super::*;

    fn form(failure: impl Into<Failure>) -> (u16, &'static str, Value) {
        let form = match failure.into() {
            Failure::Domain(error) => ErrorForm::of_domain(&error),
            Failure::Request(error) => ErrorForm::of_request_error(&error),
        };
        (form.status.as_u16(), form.code, form.meta)
    }

    #[test]
    fn what_the_contract_lists() {
        let nothing = json!({});
        let exists = |subject, field| Error::AlreadyExists { subject, field, id: None };
        for (error, status, code) in [
            (Error::NotFound(Subject::Organization), 404, "resource_not_found"),
            (Error::NotFound(Subject::Grant), 404, "organization_role_permission_association_not_found"),
            (exists(Subject::Membership, "user"), 400, "already_a_member_in_organization"),
            (exists(Subject::Invitation, "email"), 400, "organization_invitation_not_unique"),
            (Error::reference("created_by", Subject::User), 400, "organization_creator_not_found"),
            (Error::OwnerProtected, 400, "organization_minimum_permissions_needed"),
            (Error::LastAdmin, 400, "organization_minimum_permissions_needed"),
            (Error::LimitReached { limit: 1 }, 403, "organization_membership_quota_exceeded"),
            (Error::NotPending, 404, "organization_invitation_not_pending"),
            (Error::NoCredential, 401, "authorization_header_format_invalid"),
            (Error::BadCredential, 401, "clerk_key_invalid"),
            (Error::Forbidden("a".into()), 403, "authorization_invalid"),
            (Error::System(Subject::Permission), 403, "organization_system_permission_not_modifiable"),
            (Error::invalid(BULK, "has more than 10 entries"), 400, "bulk_size_exceeded"),
        ] {
            assert_eq!(form(error), (status, code, nothing.clone()));
        }
        let of = |code, name: &str| (422, code, json!({ "param_name": name }));
        assert_eq!(form(exists(Subject::User, "email")), of("form_identifier_exists", "email_address"));
        assert_eq!(form(Error::invalid("slug", "may hold only a-z")), of("form_param_format_invalid", "slug"));
        let long = "a".repeat(600);
        for (field, problem) in [
            ("name", text::name(&long).err()),
            ("slug", text::slug(&long).err()),
            ("username", text::username(&long).err()),
            ("external_id", text::external_id(&long).err()),
            ("email", text::email(&format!("{long}@example.com")).err()),
        ] {
            let problem = problem.expect("too long");
            assert_eq!(form(Error::invalid(field, problem)), of("form_param_max_length_exceeded", parameter(field)));
        }
        let large = Metadata::from_iter([("a".to_owned(), "x".repeat(metadata::METADATA_MAX).into())]);
        let large = metadata::check(&large).expect_err("too large");
        let exceeded = of("form_param_exceeds_allowed_size", "public_metadata");
        assert_eq!(form(Error::invalid("public_metadata", large)), exceeded);
        let many = Error::invalid("addresses", "are more than 100");
        assert_eq!(form(many), of("form_param_value_invalid", "email_address"));
        assert_eq!(form(RequestError::invalid("user_id", too_many())), of("form_param_array_size_exceeded", "user_id"));
        assert_eq!(form(RequestError::invalid("created_at", NO_TIME)), of("form_param_invalid_time", "created_at"));
        let blank = text::name(" ").expect_err("nothing but a blank");
        assert_eq!(form(Error::invalid("name", blank)), of("form_param_nil", "name"));
        let empty = text::external_id("").expect_err("nothing");
        assert_eq!(form(Error::invalid("external_id", empty)), of("form_param_nil", "external_id"));
        let torn = text::username("a b").expect_err("a blank inside");
        assert_eq!(form(Error::invalid("username", torn)), of("form_param_value_invalid", "username"));
        assert_eq!(form(RequestError::missing("role")), of("form_param_missing", "role"));
        assert_eq!(form(RequestError::missing("[2].role")), of("form_param_missing", "role"));
        assert_eq!(form(RequestError::unknown("x")), of("form_param_unknown", "x"));
        assert_eq!(form(RequestError::invalid("limit", "must be")), of("form_param_value_invalid", "limit"));
        assert_eq!(form(RequestError::invalid(VERSION, "is none")), (400, "api_version_invalid", nothing.clone()));
        assert_eq!(form(RequestError::BodyNotObject), (400, "request_body_invalid", nothing));
        let role = Error::reference("role", Subject::Role);
        assert_eq!(form(role), (404, "resource_not_found", json!({ "param_name": "role" })));
    }

    #[test]
    fn internals_stay_inside() {
        for error in [Error::Internal("disk".into()), Error::Unavailable { reason: "disk".into(), retry_after: 1 }] {
            assert!(!ErrorForm::of_domain(&error).message.contains("disk"));
        }
    }
}
