//! JSON bodies, read when the handler wants them.

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
use crate::{App, Failure, Frame};

pub(crate) use receive::receive;

/// How a surface takes bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyPolicy {
    pub content_type: ContentType,
    pub empty: EmptyBody,
}

/// What `Content-Type` a body may have. Without a body it never matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentType {
    /// Any, or none: some vendors' clients send JSON under no name, or a wrong one.
    #[default]
    Ignore,
    /// JSON (`application/json`, `application/…+json`) or none; else [`Frame::UnsupportedMediaType`].
    JsonIfPresent,
    /// `application/json` and nothing else, not even nothing; else [`Frame::UnsupportedMediaType`].
    JsonOnly,
}

/// What [`Body::read`] takes an absent body for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyBody {
    /// [`Frame::BodyMissing`].
    #[default]
    Refuse,
    /// `{}`, so that the answer names the first field that is missing.
    Object,
}

/// A body that has arrived and was not looked at yet. A body of zero bytes is an absent one, whatever its headers say.
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
    /// The body as an object. What is wrong names the field.
    pub fn read(self) -> Result<T, Failure> {
        match self.bytes()? {
            Some(bytes) => self.parse(bytes, b'{'),
            None if self.context.spec.body.empty == EmptyBody::Object => self.parse(b"{}", b'{'),
            None => Err(Frame::BodyMissing.into()),
        }
    }

    /// As [`Body::read`]; an absent body is the default.
    pub fn read_or_default(self) -> Result<T, Failure>
    where
        T: Default,
    {
        self.bytes()?.map_or_else(|| Ok(T::default()), |bytes| self.parse(bytes, b'{'))
    }

    /// The body as an array, for the few operations that take one.
    pub fn read_array(self) -> Result<T, Failure> {
        let bytes = self.bytes()?.ok_or(Frame::BodyMissing)?;
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
            return Err(Frame::UnsupportedMediaType.into());
        }
        Ok(Some(bytes))
    }

    /// `opening` is asked for here since serde takes an array for a struct, field by field.
    fn parse(&self, bytes: &[u8], opening: u8) -> Result<T, Failure> {
        let text = std::str::from_utf8(bytes).map_err(|_| Frame::BodyNotUtf8)?;
        if depth::deeper_than(bytes, self.depth) {
            return Err(Frame::BodyTooDeep { limit: self.depth }.into());
        }
        if text.trim_start().as_bytes().first() != Some(&opening) {
            must_be_json(text)?;
            let other = if opening == b'[' { Frame::BodyNotArray } else { Frame::BodyNotObject };
            return Err(other.into());
        }
        // Keeping account of the path costs more than parsing does, so it is done for who gets to read it.
        serde_json::from_str(text).or_else(|_| parse_again(text))
    }
}

/// What can't be read, with the place where it can't.
fn parse_again<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    // Of what is no JSON no field is at fault, even if one was met before the end of it.
    must_be_json(text)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| field::frame(error, text).into())
}

fn must_be_json(text: &str) -> Result<(), Frame> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(Frame::BodyNotJson { problem: error.to_string() }),
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

/// What a body says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyKind {
    /// Plain `application/json`.
    Json,
    /// Nothing, or something that is written in JSON.
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
