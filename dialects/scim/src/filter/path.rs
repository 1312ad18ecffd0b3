//! The paths of PATCH.

use super::parse::parse_within;
use super::{Problem, ValueFilter};
use crate::schema::{Attribute, Place, Resource};

/// What a path refers to.
#[derive(Clone, Debug, PartialEq)]
pub enum Path {
    /// A whole extension, by its URN.
    Extension(&'static str),
    Attribute(Target),
}

/// An attribute, or some of its values, or a part of it or them.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub place: Place,
    pub filter: Option<ValueFilter>,
    pub sub: Option<&'static Attribute>,
}

/// Reads a path: `[urn:]name`, `[urn:]name.sub`, `[urn:]name[filter]`, `[urn:]name[filter].sub`, or an extension's URN.
pub fn parse_path(text: &str, resource: &'static Resource) -> Result<Path, Problem> {
    let text = text.trim();
    if let Some(urn) = resource.is_extension(text) {
        return Ok(Path::Extension(urn));
    }
    if text.len() > super::LENGTH_MAX {
        return Err(Problem::new("is too long"));
    }
    let unknown = || Problem::new(format!("there is no attribute {text:.120}"));
    let urn = resource.urn_length(text);
    let end = text[urn..].find(['.', '[']).map_or(text.len(), |at| urn + at);
    let (name, rest) = text.split_at(end);
    let place = resource.place(name).ok_or_else(unknown)?;
    let (filter, rest) = match rest.strip_prefix('[') {
        Some(inner) => {
            if !place.attribute.multi || !place.attribute.is_complex() {
                return Err(Problem::new(format!("{name:.120} is no list of values that could be chosen from")));
            }
            let (filter, rest) = parse_within(inner, place.attribute, resource)?;
            (Some(filter), rest)
        }
        None => (None, rest),
    };
    let sub = match rest.strip_prefix('.') {
        Some(sub) => Some(place.attribute.sub(sub).ok_or_else(unknown)?),
        None if rest.is_empty() => None,
        None => return Err(Problem::new(format!("{rest:.60} can't stand at its end"))),
    };
    Ok(Path::Attribute(Target { place, filter, sub }))
}
