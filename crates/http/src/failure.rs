//! The one error of handlers and extractors, of any surface.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// Why a request has no answer of success.
///
/// It becomes a response by being put *into* one: the pipeline around the surface takes it out again and gives it to the
/// surface's `render`. So no handler needs to know its surface's form, and the form is in one place.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The engine refused, or failed.
    #[error(transparent)]
    Domain(#[from] roster_engine::Error),
    /// The request did not come as far as the engine.
    #[error(transparent)]
    Frame(#[from] Frame),
}

/// What can be wrong with a request before its meaning is looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Frame {
    #[error("there is nothing at this path")]
    RouteNotFound,
    /// The answer carries `Allow` whatever the surface renders.
    #[error("this path does not take this method")]
    MethodNotAllowed,
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("a body is needed, and there is none")]
    BodyMissing,
    /// `problem` says where, by line and column, or why there is no whole body.
    #[error("the body is not valid JSON: {problem}")]
    BodyNotJson { problem: String },
    /// The client was too slow, not the server.
    #[error("the body did not arrive within {patience:?}")]
    BodyLate { patience: Duration },
    #[error("the body is not valid UTF-8")]
    BodyNotUtf8,
    #[error("the body is nested deeper than {limit} levels")]
    BodyTooDeep { limit: usize },
    #[error("the body is not a JSON object")]
    BodyNotObject,
    #[error("the body is not a JSON array")]
    BodyNotArray,
    /// A field of the body, a query parameter or a header. `name` is dotted where it lies deeper (`items[2].role`).
    #[error("{name}: {problem}")]
    Field { name: String, fault: Fault, problem: String },
    #[error("the body's content type is not JSON")]
    UnsupportedMediaType,
    #[error("the URL is longer than {limit} bytes")]
    UriTooLong { limit: usize },
    #[error("the headers are longer than {limit} bytes together")]
    HeadersTooLarge { limit: usize },
    /// It is not known whether a write happened: it goes on without its client.
    #[error("the answer took too long")]
    Timeout,
    #[error("the server is shutting down")]
    ShuttingDown,
    /// A bug of ours. The log says which.
    #[error("the server failed to handle this request")]
    Panic,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It must be there and is not.
    Missing,
    /// It is `null` and must not be.
    Null,
    /// Nobody asked for it.
    Unknown,
    /// Another type, or a value that can't be read.
    Invalid,
}

/// How serde begins what it says of a value of another type: it has no error values, only messages.
const WRONG_TYPE: &str = "invalid type: ";

impl Frame {
    /// `name` is required and absent.
    pub fn missing(name: impl Into<String>) -> Self {
        Self::Field { name: name.into(), fault: Fault::Missing, problem: "is required".into() }
    }

    /// `name` has a value that can't be read; `problem` completes a sentence that begins with the name.
    pub fn invalid(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field { name: name.into(), fault: Fault::Invalid, problem: problem.into() }
    }

    /// `name` is not known here.
    pub fn unknown(name: impl Into<String>) -> Self {
        Self::Field { name: name.into(), fault: Fault::Unknown, problem: "is not known here".into() }
    }

    /// Whether a field has a value of another JSON type than it must have, for surfaces that have a code for that.
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
            Self::BodyLate { .. } => StatusCode::REQUEST_TIMEOUT,
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

/// A failure on its way out, in a response's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Carried(pub(crate) Arc<Failure>);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // The status is seen only if no pipeline is around the handler, which is a mistake worth a 500.
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Carried(Arc::new(self)));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::Frame;

    #[test]
    fn top_level_names() {
        assert_eq!(Frame::top_level("role"), "role");
        assert_eq!(Frame::top_level("items[2].role"), "items");
        assert_eq!(Frame::top_level("meta.a.b"), "meta");
        assert_eq!(Frame::top_level(""), "");
    }
}
