//! JSON bodies, parsed when the handler asks for them.

mod depth;
mod field;
mod receive;

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::{App, Failure, RequestError};

pub(crate) use receive::receive;

/// How a surface takes bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyPolicy {
    pub content_type: ContentType,
    pub empty: EmptyBody,
}

/// Which `Content-Type` a body may have. Ignored for requests without a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentType {
    /// Any, or none: some vendors' clients send JSON without a content type, or with a wrong one.
    #[default]
    Ignore,
    /// JSON (`application/json`, `application/…+json`) or none; else [`RequestError::UnsupportedMediaType`].
    JsonIfPresent,
    /// `application/json` only, and it is required; else [`RequestError::UnsupportedMediaType`].
    JsonOnly,
}

/// How [`Body::read`] treats an absent body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyBody {
    /// [`RequestError::BodyMissing`].
    #[default]
    Refuse,
    /// As `{}`, so that the error names the first required field.
    Object,
}

/// A body that was received but not yet parsed. A body of zero bytes counts as absent, whatever its headers say.
pub struct Body<T> {
    context: Arc<Context>,
    kind: BodyKind,
    depth: usize,
    wanted: PhantomData<fn() -> T>,
}

impl<T> std::fmt::Debug for Body<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Bodies carry secrets and personal data.
        f.debug_struct("Body")
            .field("bytes", &self.context.body.as_ref().map(bytes::Bytes::len))
            .finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> Body<T> {
    /// Parses the body as a JSON object. Errors name the field.
    pub fn read(self) -> Result<T, Failure> {
        match self.bytes()? {
            Some(bytes) => self.parse(bytes, b'{'),
            None if self.context.spec.body.empty == EmptyBody::Object => self.parse(b"{}", b'{'),
            None => Err(RequestError::BodyMissing.into()),
        }
    }

    /// As [`Body::read`], but an absent body gives the default.
    pub fn read_or_default(self) -> Result<T, Failure>
    where
        T: Default,
    {
        self.bytes()?.map_or_else(|| Ok(T::default()), |bytes| self.parse(bytes, b'{'))
    }

    /// Parses the body as a JSON array, for the few operations that take one.
    pub fn read_array(self) -> Result<T, Failure> {
        let bytes = self.bytes()?.ok_or(RequestError::BodyMissing)?;
        self.parse(bytes, b'[')
    }

    fn bytes(&self) -> Result<Option<&[u8]>, Failure> {
        let bytes = self.context.body.as_ref().map_err(Clone::clone)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let fits = match self.context.spec.body.content_type {
            ContentType::Ignore => true,
            ContentType::JsonIfPresent => self.kind != BodyKind::Other,
            ContentType::JsonOnly => self.kind == BodyKind::Json,
        };
        if !fits {
            return Err(RequestError::UnsupportedMediaType.into());
        }
        Ok(Some(bytes))
    }

    /// `opening` is the bracket that the text must begin with: serde would also accept an array for a struct, field by field.
    fn parse(&self, bytes: &[u8], opening: u8) -> Result<T, Failure> {
        let text = std::str::from_utf8(bytes).map_err(|_| RequestError::BodyNotUtf8)?;
        if depth::deeper_than(bytes, self.depth) {
            return Err(RequestError::BodyTooDeep { limit: self.depth }.into());
        }
        if text.trim_start().as_bytes().first() != Some(&opening) {
            must_be_json(text)?;
            let other = if opening == b'[' { RequestError::BodyNotArray } else { RequestError::BodyNotObject };
            return Err(other.into());
        }
        // Tracking the path costs more than parsing, so it is done only after parsing has failed.
        serde_json::from_str(text).or_else(|_| parse_again(text))
    }
}

/// Parses once more, to find the field that is at fault.
fn parse_again<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    // A syntax error is no field's fault, even if a bad field comes before it.
    must_be_json(text)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| field::request_error(error, text).into())
}

fn must_be_json(text: &str) -> Result<(), RequestError> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(RequestError::BodyNotJson { problem: error.to_string() }),
    }
}

impl<T> FromRequest<App> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let context = Context::of(request.extensions())?.clone();
        let depth = app.limits.json_depth;
        Ok(Self { context, kind: kind(request.headers()), depth, wanted: PhantomData })
    }
}

/// What the `Content-Type` declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyKind {
    /// Plain `application/json`.
    Json,
    /// No content type, or one based on JSON (`application/…+json`).
    JsonOrUnnamed,
    Other,
}

fn kind(headers: &HeaderMap) -> BodyKind {
    let Some(value) = headers.get(CONTENT_TYPE) else { return BodyKind::JsonOrUnnamed };
    let Ok(value) = value.to_str() else { return BodyKind::Other };
    let essence = value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase();
    if essence == "application/json" {
        BodyKind::Json
    } else if essence.is_empty() || (essence.starts_with("application/") && essence.ends_with("+json")) {
        BodyKind::JsonOrUnnamed
    } else {
        BodyKind::Other
    }
}

#[cfg(test)]
mod tests;
