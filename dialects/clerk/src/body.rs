//! Shared parts of request bodies.

use std::fmt;
use std::marker::PhantomData;

use roster_engine::{Error, Metadata, MetadataWrite, Timestamp, metadata, text};
use roster_http::{Failure, RequestError};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::error::NO_TIME;

/// Longest name of an organization, in characters.
const NAME_MAX: usize = 256;

/// An object in a list: serde by itself would also accept an array for a struct, field by field.
#[derive(Debug)]
pub(crate) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
    }
}

/// A string that must not be empty.
pub(crate) fn filled(name: &str, text: String) -> Result<String, Failure> {
    if text.trim().is_empty() { Err(RequestError::invalid(name, text::BLANK).into()) } else { Ok(text) }
}

/// Metadata within the size limit. The engine checks that, too, but only after it has looked up what the request names.
pub(crate) fn fitting(name: &'static str, sent: Option<Metadata>) -> Result<Metadata, Failure> {
    let sent = sent.unwrap_or_default();
    metadata::check(&sent).map_err(|problem| Error::invalid(name, problem))?;
    Ok(sent)
}

/// The vendor refuses names that could be a link or HTML.
pub(crate) fn organization_name(name: String) -> Result<String, Failure> {
    let name = filled("name", name)?;
    let tag = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
    let lower = name.to_lowercase();
    if lower.contains("http://") || lower.contains("https://") || name.split('<').skip(1).any(tag) {
        return Err(RequestError::invalid("name", "must not contain a URL or HTML").into());
    }
    if name.chars().count() > NAME_MAX {
        return Err(RequestError::invalid("name", text::TOO_LONG).into());
    }
    Ok(name)
}

pub(crate) fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = text else { return Ok(None) };
    Timestamp::parse(text).map(Some).ok_or_else(|| RequestError::invalid(name, NO_TIME).into())
}

pub(crate) fn merged(patch: Option<Metadata>) -> Option<MetadataWrite> {
    patch.map(MetadataWrite::Merge)
}

/// `null` counts as empty.
pub(crate) fn replaced(new: Option<Option<Metadata>>) -> Option<MetadataWrite> {
    new.map(|new| MetadataWrite::Replace(new.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["Acme", "a < b", "Müller & Söhne", "1<2"] {
            assert!(organization_name(good.into()).is_ok(), "{good}");
        }
        let long = "x".repeat(257);
        for bad in ["", " ", "see HTTPS://x.y", "<b>bold</b>", "a</a>", &long] {
            assert!(organization_name(bad.into()).is_err(), "{bad}");
        }
    }
}
