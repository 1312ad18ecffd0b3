//! The error type of all handlers and extractors, on every surface.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// Why a request failed.
///
/// [`IntoResponse`] stores it in the response's extensions; the pipeline around the surface takes it out again and passes it to
/// the surface's `render`. So no handler needs to know its surface's error format, and the format is defined in one place.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The engine refused, or failed.
    #[error(transparent)]
    Domain(#[from] roster_engine::Error),
    /// The request failed before it reached the engine, or around it.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Failures of HTTP and request parsing, as opposed to those of the domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("there is nothing at this path")]
    RouteNotFound,
    /// The pipeline adds the `Allow` header to whatever the surface renders.
    #[error("this path does not take this method")]
    MethodNotAllowed,
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("a body is needed, and there is none")]
    BodyMissing,
    /// `problem` gives line and column, or why the body is incomplete.
    #[error("the body is not valid JSON: {problem}")]
    BodyNotJson { problem: String },
    /// The client was too slow to send it.
    #[error("the body did not arrive within {timeout:?}")]
    BodyTimeout { timeout: Duration },
    #[error("the body is not valid UTF-8")]
    BodyNotUtf8,
    #[error("the body is nested deeper than {limit} levels")]
    BodyTooDeep { limit: usize },
    #[error("the body is not a JSON object")]
    BodyNotObject,
    #[error("the body is not a JSON array")]
    BodyNotArray,
    /// A field of the body, a query parameter or a header. `name` is a dotted path for nested fields (`items[2].role`).
    #[error("{name}: {problem}")]
    Field { name: String, fault: Fault, problem: String },
    #[error("the body's content type is not JSON")]
    UnsupportedMediaType,
    #[error("the URL is longer than {limit} bytes")]
    UriTooLong { limit: usize },
    #[error("the headers are longer than {limit} bytes together")]
    HeadersTooLarge { limit: usize },
    /// Whether a write happened is unknown: it may still complete after the client was answered.
    #[error("the answer took too long")]
    Timeout,
    #[error("the server is shutting down")]
    ShuttingDown,
    /// A bug in the server. Details are in the log.
    #[error("the server failed to handle this request")]
    Panic,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is required and absent.
    Missing,
    /// It is `null` and must not be.
    Null,
    /// No such field is known.
    Unknown,
    /// It has a wrong type or an unacceptable value.
    Invalid,
}

/// The prefix of serde's message for a value of a wrong type; serde's errors have no kinds, only messages.
const WRONG_TYPE: &str = "invalid type: ";

impl RequestError {
    /// `name` is required and absent.
    pub fn missing(name: impl Into<String>) -> Self {
        Self::Field { name: name.into(), fault: Fault::Missing, problem: "is required".into() }
    }

    /// `name` has an unacceptable value; `problem` completes a sentence that begins with the name.
    pub fn invalid(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field { name: name.into(), fault: Fault::Invalid, problem: problem.into() }
    }

    /// `name` is not known here.
    pub fn unknown(name: impl Into<String>) -> Self {
        Self::Field { name: name.into(), fault: Fault::Unknown, problem: "is not known here".into() }
    }

    /// Whether a field has a value of the wrong JSON type, for surfaces that have an error code for that.
    pub fn is_wrong_type(&self) -> bool {
        matches!(self, Self::Field { fault: Fault::Invalid, problem, .. } if problem.starts_with(WRONG_TYPE))
    }

    /// The name of the outermost field of a dotted name: `items` of `items[2].role`.
    pub fn top_level(name: &str) -> &str {
        name.split(['.', '[']).next().unwrap_or(name)
    }

    /// The usual status, for surfaces whose contract says nothing else.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::RouteNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UriTooLong { .. } => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyMissing
            | Self::BodyNotJson { .. }
            | Self::BodyNotUtf8
            | Self::BodyTooDeep { .. }
            | Self::BodyNotObject
            | Self::BodyNotArray
            | Self::Field { .. } => StatusCode::BAD_REQUEST,
            Self::Timeout | Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A failure that isn't rendered yet, carried in a response's extensions.
#[derive(Clone, Debug)]
pub(crate) struct PendingFailure(pub(crate) Arc<Failure>);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // This status is sent only if no pipeline is around the handler, which is a bug and so worth a 500.
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(PendingFailure(Arc::new(self)));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::RequestError;

    #[test]
    fn top_level_names() {
        assert_eq!(RequestError::top_level("role"), "role");
        assert_eq!(RequestError::top_level("items[2].role"), "items");
        assert_eq!(RequestError::top_level("meta.a.b"), "meta");
        assert_eq!(RequestError::top_level(""), "");
    }
}
