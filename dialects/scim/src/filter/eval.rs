//! Whether a resource fits.

use roster_engine::{Timestamp, text};
use serde_json::{Map, Value};

use super::parse::compared_by;
use super::{Filter, Literal, Operator, Term, Test, ValueFilter};
use crate::schema::{Attribute, Kind, Place};

/// Folds a string for case-insensitive comparison.
pub fn folded(value: &str) -> String {
    text::fold(value)
}

/// What a resource has at a place.
fn at<'r>(resource: &'r Map<String, Value>, place: &Place) -> Option<&'r Value> {
    let object = match place.extension {
        Some(urn) => resource.get(urn)?.as_object()?,
        None => resource,
    };
    object.get(place.attribute.name)
}

/// The values of an attribute: those of a list, or the one.
fn values(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(values)) => values,
        Some(value) => std::slice::from_ref(value),
    }
}

impl Filter {
    /// Whether a resource, in the form shown to clients, matches.
    pub fn fits(&self, resource: &Map<String, Value>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.fits(resource)),
            Self::Or(any) => any.iter().any(|filter| filter.fits(resource)),
            Self::Not(filter) => !filter.fits(resource),
            Self::Term(term) => term.fits(resource),
            Self::Within(place, filter) => values(at(resource, place)).iter().any(|value| filter.fits(value)),
            Self::Absent(fits) => *fits,
        }
    }
}

impl Term {
    fn fits(&self, resource: &Map<String, Value>) -> bool {
        let found = values(at(resource, &self.place));
        match self.sub {
            Some(sub) => {
                let parts: Vec<&Value> = found.iter().filter_map(|value| value.get(sub.name)).collect();
                self.test.fits_any(sub, &parts)
            }
            None => self.test.fits_any(self.place.attribute, &found.iter().collect::<Vec<_>>()),
        }
    }
}

impl ValueFilter {
    /// Whether one value of a list matches.
    pub fn fits(&self, value: &Value) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.fits(value)),
            Self::Or(any) => any.iter().any(|filter| filter.fits(value)),
            Self::Not(filter) => !filter.fits(value),
            Self::Term(sub, test) => test.fits_any(sub, &value.get(sub.name).into_iter().collect::<Vec<_>>()),
        }
    }

    /// The `eq` conditions that must all hold: they give the parts of a value that is created for the filter.
    pub fn equalities(&self) -> Vec<(&'static Attribute, &Literal)> {
        match self {
            Self::And(all) => all.iter().flat_map(Self::equalities).collect(),
            Self::Term(sub, Test::Compare(Operator::Eq, literal)) => vec![(sub, literal)],
            Self::Or(_) | Self::Not(_) | Self::Term(..) => Vec::new(),
        }
    }

    /// Every comparison in it.
    pub fn each_term(&self, seen: &mut dyn FnMut(&'static Attribute, &Test)) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().for_each(|filter| filter.each_term(seen)),
            Self::Not(filter) => filter.each_term(seen),
            Self::Term(sub, test) => seen(sub, test),
        }
    }
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(values) => values.iter().any(is_present),
        Value::Object(parts) => parts.values().any(is_present),
        _ => true,
    }
}

impl Test {
    /// One matching value is enough; without values, only tests for absence and `ne` hold.
    fn fits_any(&self, attribute: &'static Attribute, found: &[&Value]) -> bool {
        match self {
            Self::Present => found.iter().any(|value| is_present(value)),
            Self::NotPresent => !found.iter().any(|value| is_present(value)),
            Self::Compare(operator, literal) => {
                let Some(by) = compared_by(attribute) else { return false };
                let part = |value: &&Value| {
                    let value = if attribute.is_complex() { value.get(by.name) } else { Some(*value) };
                    value.filter(|value| !value.is_null()).cloned()
                };
                let parts: Vec<Value> = found.iter().filter_map(part).collect();
                if parts.is_empty() {
                    return *operator == Operator::Ne;
                }
                parts.iter().any(|value| literal.compares(*operator, value))
            }
        }
    }
}

impl Literal {
    fn compares(&self, operator: Operator, value: &Value) -> bool {
        use Operator::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
        let order = |ordering: std::cmp::Ordering| match operator {
            Eq => ordering.is_eq(),
            Ne => ordering.is_ne(),
            Gt => ordering.is_gt(),
            Ge => ordering.is_ge(),
            Lt => ordering.is_lt(),
            Le => ordering.is_le(),
            Co | Sw | Ew => false,
        };
        match (self, value) {
            (Self::Text { text, folded: without_case }, Value::String(found)) => {
                let (text, found) = match without_case {
                    Some(wanted) => (wanted.as_str(), folded(found)),
                    None => (text.as_str(), found.clone()),
                };
                match operator {
                    Co => found.contains(text),
                    Sw => found.starts_with(text),
                    Ew => found.ends_with(text),
                    _ => order(found.as_str().cmp(text)),
                }
            }
            (Self::Boolean(truth), Value::Bool(found)) => order(found.cmp(truth)),
            (Self::Time(time), Value::String(found)) => {
                Timestamp::parse(found).is_some_and(|found| order(found.as_ms().cmp(time)))
            }
            _ => operator == Ne,
        }
    }

    /// As JSON, for a value that is created.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text { text, .. } => Value::from(text.as_str()),
            Self::Boolean(truth) => Value::from(*truth),
            Self::Time(ms) => Value::from(Timestamp::from_ms(*ms).rfc3339()),
        }
    }
}

/// The sort key of a resource: for a list the primary value, else the first; strings case-folded.
pub fn sort_key(place: &Place, sub: Option<&'static Attribute>, resource: &Map<String, Value>) -> Option<String> {
    let found = values(at(resource, place));
    let is_primary = |value: &&Value| value.get("primary") == Some(&Value::Bool(true));
    let chosen = found.iter().find(is_primary).or_else(|| found.first())?;
    let (by, value) = match sub {
        Some(sub) => (sub, chosen.get(sub.name)?),
        None if place.attribute.is_complex() => {
            let by = compared_by(place.attribute)?;
            (by, chosen.get(by.name)?)
        }
        None => (place.attribute, chosen),
    };
    match (by.kind, value) {
        (_, Value::Null) => None,
        (Kind::DateTime, Value::String(text)) => {
            Timestamp::parse(text).map(|time| format!("{:020}", time.as_ms().max(0)))
        }
        (_, Value::String(text)) if by.case_exact => Some(text.clone()),
        (_, Value::String(text)) => Some(folded(text)),
        (_, other) => Some(other.to_string()),
    }
}
