//! JSON exactly as it was sent: unknown members are kept, and so are duplicates.

use std::fmt::Write as _;

use roster_http::{Fault, RequestError};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    /// In the order that was sent.
    Object(Vec<(String, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Node::Object(object))
    }
}

/// The error for a missing member.
pub(crate) fn missing(path: &str) -> RequestError {
    RequestError::Field { name: path.to_owned(), fault: Fault::Missing, problem: "is missing".into() }
}

pub(crate) fn invalid(path: &str, problem: &str) -> RequestError {
    RequestError::invalid(path, problem)
}

/// The path of a member, such as `subject.id`; the body itself has an empty path.
pub(crate) fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl Node {
    /// Nesting depth, in levels of lists and objects.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or_default(),
            Self::Object(members) => 1 + members.iter().map(|(_, node)| node.depth()).max().unwrap_or_default(),
            _ => 0,
        }
    }

    pub(crate) const fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// A known member; null counts as absent. A duplicate is refused, since it is undefined which one counts.
    pub(crate) fn member(&self, path: &str, name: &str) -> Result<Option<&Self>, RequestError> {
        let Self::Object(members) = self else { return Ok(None) };
        let mut found = members.iter().filter(|(known, _)| known == name).map(|(_, node)| node);
        let first = found.next();
        if found.next().is_some() {
            return Err(invalid(&below(path, name), "is there twice"));
        }
        Ok(first.filter(|node| **node != Self::Null))
    }

    /// A member that is an object, if it is there.
    pub(crate) fn object(&self, path: &str, name: &str) -> Result<Option<&Self>, RequestError> {
        match self.member(path, name)? {
            Some(node) if !node.is_object() => Err(invalid(&below(path, name), "must be an object")),
            found => Ok(found),
        }
    }

    /// A member that is a text, if it is there.
    pub(crate) fn text(&self, path: &str, name: &str, bytes: usize) -> Result<Option<&str>, RequestError> {
        match self.member(path, name)? {
            None => Ok(None),
            Some(Self::Text(text)) if text.len() > bytes => {
                Err(invalid(&below(path, name), &format!("must be at most {bytes} bytes long")))
            }
            Some(Self::Text(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(&below(path, name), "must be a string")),
        }
    }

    pub(crate) fn flag(&self, path: &str, name: &str) -> Result<bool, RequestError> {
        match self.member(path, name)? {
            None => Ok(false),
            Some(Self::Bool(flag)) => Ok(*flag),
            Some(_) => Err(invalid(&below(path, name), "must be true or false")),
        }
    }

    /// As a `serde_json` value.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => items.iter().map(Self::value).collect(),
            Self::Object(members) => {
                Value::Object(members.iter().map(|(name, node)| (name.clone(), node.value())).collect())
            }
        }
    }

    /// Writes a canonical form that doesn't depend on the order of members. `without`: a top-level member to leave out.
    pub(crate) fn canonical(&self, without: Option<&str>, out: &mut String) {
        match self {
            Self::List(items) => {
                out.push('[');
                for item in items {
                    item.canonical(None, out);
                    out.push(',');
                }
                out.push(']');
            }
            Self::Object(members) => {
                let mut members: Vec<&(String, Self)> =
                    members.iter().filter(|(name, _)| Some(name.as_str()) != without).collect();
                members.sort_by(|(a, _), (b, _)| a.cmp(b));
                out.push('{');
                for (name, node) in members {
                    let _ = write!(out, "{}:", Value::from(name.as_str()));
                    node.canonical(None, out);
                    out.push(',');
                }
                out.push('}');
            }
            scalar => {
                let _ = write!(out, "{}", scalar.value());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Node {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn members() {
        let body = node(r#"{"a": {"x": 1}, "b": null, "c": "t", "a2": 1, "a2": 2, "n": 1}"#);
        assert!(body.object("", "a").expect("fine").is_some());
        assert_eq!(body.text("", "b", 9).expect("fine"), None);
        assert_eq!(body.text("", "c", 9).expect("fine"), Some("t"));
        assert_eq!(body.member("", "a2").expect_err("twice").to_string(), "a2: is there twice");
        assert!(body.text("", "n", 9).is_err() && body.text("", "c", 0).is_err() && body.object("", "c").is_err());
        assert_eq!(node("[[{}]]").depth(), 3);
    }

    #[test]
    fn the_order_of_members_is_no_difference() {
        let canonical = |text: &str| {
            let mut out = String::new();
            node(text).canonical(Some("id"), &mut out);
            out
        };
        assert_eq!(
            canonical(r#"{"a": 1, "b": {"d": [1, "x"], "c": null}}"#),
            canonical(r#"{"b": {"c": null, "d": [1, "x"]}, "a": 1, "id": 5}"#)
        );
        assert_ne!(canonical(r#"{"a": 1}"#), canonical(r#"{"a": "1"}"#));
        assert_ne!(canonical(r#"{"a": {"id": 1}}"#), canonical(r#"{"a": {"id": 2}}"#));
    }
}
