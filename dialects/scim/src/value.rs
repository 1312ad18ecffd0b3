//! Normalizes bodies to their schema: names in the schema's letter case, values of its types, and nothing else.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use crate::error::Refusal;
use crate::filter::folded;
use crate::schema::{Attribute, Kind, Place, Resource};

/// Maximum bytes of a string.
const TEXT_MAX: usize = 64 << 10;
/// Maximum members in one list.
const MEMBERS_MAX: usize = 100_000;

/// Refuses strings that no value may hold, anywhere in a body: with NUL, or too long.
pub(crate) fn check_texts(value: &Value, name: &str) -> Result<(), Refusal> {
    match value {
        Value::String(text) if text.contains('\0') => {
            Err(Refusal::value(format!("{name} must not contain a NUL character")))
        }
        Value::String(text) if text.len() > TEXT_MAX => {
            Err(Refusal::value(format!("{name} is longer than {TEXT_MAX} bytes")))
        }
        Value::Array(values) => values.iter().try_for_each(|value| check_texts(value, name)),
        Value::Object(parts) => parts.iter().try_for_each(|(key, value)| {
            if key.contains('\0') {
                return Err(Refusal::value("a name must not contain a NUL character"));
            }
            check_texts(value, key)
        }),
        _ => Ok(()),
    }
}

/// The member of an object with this name, in any letter case.
pub(crate) fn member<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Checks that a message's `schemas` name this URN; absent, null and empty are accepted, too.
pub(crate) fn check_schemas(body: &Map<String, Value>, urn: &str) -> Result<(), Refusal> {
    let wrong = || Refusal::syntax(format!("schemas must be a list of URNs, {urn} among them"));
    match member(body, "schemas") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(schemas)) if schemas.is_empty() => Ok(()),
        Some(Value::Array(schemas)) => {
            let named: Option<Vec<&str>> = schemas.iter().map(Value::as_str).collect();
            let named = named.ok_or_else(wrong)?;
            if named.iter().any(|named| named.eq_ignore_ascii_case(urn)) { Ok(()) } else { Err(wrong()) }
        }
        Some(_) => Err(wrong()),
    }
}

/// A whole resource, as POST and PUT send it.
pub(crate) fn resource(body: &Map<String, Value>, of: &'static Resource) -> Result<Map<String, Value>, Refusal> {
    check_schemas(body, of.core)?;
    let mut clean = Map::new();
    for (name, value) in body {
        if let Some(urn) = of.is_extension(name) {
            match value {
                Value::Null => {}
                Value::Object(parts) => {
                    let parts = extension(parts, of, urn)?;
                    if !parts.is_empty() {
                        clean.insert(urn.to_owned(), Value::Object(parts));
                    }
                }
                _ => return Err(Refusal::value(format!("{urn} must be an object"))),
            }
        } else if let Some(place) = of.place(name).filter(|place| place.extension.is_none() && !name.contains(':')) {
            put(&mut clean, place.attribute, value)?;
        }
    }
    Ok(clean)
}

fn put(into: &mut Map<String, Value>, attribute: &'static Attribute, value: &Value) -> Result<(), Refusal> {
    if attribute.is_read_only() {
        return Ok(());
    }
    if let Some(value) = self::value(attribute, value)? {
        into.insert(attribute.name.to_owned(), value);
    }
    Ok(())
}

/// An extension's part of a body.
pub(crate) fn extension(
    parts: &Map<String, Value>,
    of: &'static Resource,
    urn: &'static str,
) -> Result<Map<String, Value>, Refusal> {
    let mut clean = Map::new();
    for (name, value) in parts {
        if let Some(attribute) = crate::schema::find(of.extension(urn).unwrap_or_default(), name) {
            put(&mut clean, attribute, value)?;
        }
    }
    Ok(clean)
}

/// The value of an attribute; `None` for null and for nothing.
pub(crate) fn value(attribute: &'static Attribute, value: &Value) -> Result<Option<Value>, Refusal> {
    if !attribute.multi {
        return single(attribute, value);
    }
    match value {
        Value::Null => Ok(None),
        Value::Array(values) => list(attribute, values),
        _ => Err(Refusal::value(format!("{} must be a list", attribute.name))),
    }
}

/// The same, but a single value is accepted for a list of one.
pub(crate) fn value_or_one(attribute: &'static Attribute, sent: &Value) -> Result<Option<Value>, Refusal> {
    match sent {
        Value::Object(_) | Value::String(_) if attribute.multi => list(attribute, std::slice::from_ref(sent)),
        sent => value(attribute, sent),
    }
}

fn list(attribute: &'static Attribute, values: &[Value]) -> Result<Option<Value>, Refusal> {
    let mut clean = Vec::with_capacity(values.len());
    for value in values {
        clean.extend(single(attribute, value)?);
    }
    check_primary(attribute, &clean)?;
    let clean = without_duplicates(attribute, clean);
    Ok(if clean.is_empty() { None } else { Some(Value::Array(clean)) })
}

pub(crate) fn is_primary(value: &Value) -> bool {
    value.get("primary") == Some(&Value::Bool(true))
}

fn check_primary(attribute: &Attribute, values: &[Value]) -> Result<(), Refusal> {
    if values.iter().filter(|value| is_primary(value)).count() > 1 {
        return Err(Refusal::value(format!("{} has more than one primary value", attribute.name)));
    }
    Ok(())
}

/// A sub-attribute in the form used for comparison: case-folded as in filters, unless the schema says that case matters.
pub(crate) fn compared<'t>(attribute: &Attribute, part: &str, text: &'t str) -> Cow<'t, str> {
    let exact = attribute.sub(part).is_some_and(|part| part.case_exact);
    if exact { Cow::Borrowed(text) } else { Cow::Owned(folded(text)) }
}

/// What identifies a value: type and value, if it has a value.
fn identity<'v>(attribute: &Attribute, value: &'v Value) -> Option<(Cow<'v, str>, Option<Cow<'v, str>>)> {
    let part = |part: &str| Some(compared(attribute, part, value.get(part)?.as_str()?));
    Some((part("value")?, part("type")))
}

/// A key that is equal for values that count as the same, regardless of the order of their parts.
pub(crate) fn key(attribute: &Attribute, value: &Value) -> String {
    if let Some(identity) = identity(attribute, value) {
        return format!("{identity:?}");
    }
    match value {
        Value::Object(parts) => format!("{:?}", parts.iter().collect::<BTreeMap<_, _>>()),
        simple => simple.to_string(),
    }
}

pub(crate) fn without_duplicates(attribute: &Attribute, mut values: Vec<Value>) -> Vec<Value> {
    let mut met = HashSet::new();
    values.retain(|value| met.insert(key(attribute, value)));
    values
}

/// One value.
pub(crate) fn single(attribute: &'static Attribute, value: &Value) -> Result<Option<Value>, Refusal> {
    let name = attribute.name;
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(None),
        (Kind::Boolean, value) => boolean(value).map(Value::Bool).map(Some).ok_or_else(|| {
            let problem = "must be true or false";
            Refusal::value(format!("{name} {problem}"))
        }),
        (Kind::Complex(subs), Value::Object(parts)) => {
            let mut clean = Map::new();
            for sub in subs {
                let Some(part) = member(parts, sub.name) else { continue };
                if sub.is_read_only() {
                    continue;
                }
                if let Some(part) = single(sub, part)? {
                    clean.insert(sub.name.to_owned(), part);
                }
            }
            Ok(if clean.is_empty() { None } else { Some(Value::Object(clean)) })
        }
        // Entra sends a manager in this form.
        (Kind::Complex(_), Value::String(text)) if name == "manager" => {
            if text.is_empty() {
                return Ok(None);
            }
            Ok(Some(Value::Object(Map::from_iter([(String::from("value"), Value::from(text.as_str()))]))))
        }
        (Kind::Complex(_), _) => Err(Refusal::value(format!("{name} must be an object"))),
        (_, Value::String(text)) => Ok(Some(Value::from(text.as_str()))),
        _ => Err(Refusal::value(format!("{name} must be a text"))),
    }
}

/// A JSON boolean, or the strings `true` and `false` in any letter case.
pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The object that holds an attribute; created if it doesn't exist.
pub(crate) fn object_of<'r>(resource: &'r mut Map<String, Value>, place: &Place) -> &'r mut Map<String, Value> {
    let Some(urn) = place.extension else { return resource };
    let slot = resource.entry(urn).or_insert_with(|| Value::Object(Map::new()));
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(parts) => parts,
        _ => unreachable!("it was just made one"),
    }
}

/// Members, as a group's body or a PATCH names them: ids.
pub(crate) fn members(value: &Value) -> Result<Vec<String>, Refusal> {
    let bad = || Refusal::value("members must be a list of objects with a value, which is a user's id");
    let one = |element: &Value| match element {
        Value::String(id) if !id.is_empty() => Ok(id.clone()),
        Value::Object(parts) => {
            let kind = member(parts, "type").and_then(Value::as_str);
            if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("Group")) {
                return Err(Refusal::value("members must be users: a group's place is its parent"));
            }
            match member(parts, "value") {
                Some(Value::String(id)) if !id.is_empty() => Ok(id.clone()),
                _ => Err(bad()),
            }
        }
        _ => Err(bad()),
    };
    match value {
        Value::Array(elements) if elements.len() > MEMBERS_MAX => {
            Err(Refusal::value(format!("members has more than {MEMBERS_MAX} entries")))
        }
        Value::Array(elements) => elements.iter().map(one).collect(),
        element @ (Value::Object(_) | Value::String(_)) => Ok(vec![one(element)?]),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::{ENTERPRISE, USERS};

    fn clean(body: Value) -> Result<Value, Refusal> {
        resource(body.as_object().expect("an object"), &USERS).map(Value::Object)
    }

    #[test]
    fn names_types_and_what_is_ignored() {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:foreign"],
            "USERNAME": "ada", "active": "False", "id": "mine", "groups": [], "password": "secret", "shoeSize": 38,
            "emails": [{"VALUE": "a@b.co", "Type": "work"}, {"value": "A@B.co", "type": "WORK", "display": "again"}],
            "name": {"givenName": "Ada", "familyName": null}, "nickName": null, "photos": [], "urn:foreign": {"a": 1},
            ENTERPRISE: {"manager": "26118915", "department": "Mathematics"},
        });
        let wanted = json!({
            "userName": "ada", "active": false, "emails": [{"value": "a@b.co", "type": "work"}],
            "name": {"givenName": "Ada"},
            ENTERPRISE: {"manager": {"value": "26118915"}, "department": "Mathematics"},
        });
        assert_eq!(clean(body), Ok(wanted));
    }

    #[test]
    fn wrong_types_are_refused() {
        for body in [
            json!({"userName": 5}),
            json!({"userName": ["a"]}),
            json!({"active": 1}),
            json!({"active": "yes"}),
            json!({"emails": {"value": "a"}}),
            json!({"emails": ["a@b.co"]}),
            json!({"name": "Ada"}),
            json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
            json!({ENTERPRISE: "x"}),
        ] {
            assert!(clean(body.clone()).is_err(), "{body}");
        }
    }

    #[test]
    fn members_are_named_by_ids() {
        assert_eq!(members(&json!([{"value": "a", "$ref": null}, "b"])), Ok(vec!["a".into(), "b".into()]));
        assert_eq!(members(&json!({"value": "a"})), Ok(vec!["a".into()]));
        assert_eq!(members(&json!([])), Ok(vec![]));
        for bad in [json!(null), json!([{}]), json!([""]), json!([{"value": null}]), json!([{"value": 5}]), json!(5)] {
            assert!(members(&bad).is_err(), "{bad}");
        }
        assert!(members(&json!([{"value": "g", "type": "Group"}])).is_err());
    }
}
