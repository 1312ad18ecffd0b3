//! PATCH: applies operations to a resource in the form of its schema.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::error::{Refusal, ScimType};
use crate::filter::{self, Path, Target, ValueFilter, parse_path};
use crate::schema::{Attribute, Mutability, Place, Resource};
use crate::value::{self, compared, is_primary, key, object_of, without_duplicates};

pub(crate) const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const OPERATIONS_MAX: usize = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Replace,
    Remove,
}

/// One operation on one path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) op: Op,
    pub(crate) path: Path,
    pub(crate) value: Option<Value>,
    /// Whether it comes from a key of a value without path; then attributes that can't be written are ignored.
    pub(crate) by_key: bool,
}

/// Parses the message into steps of one path each.
pub(crate) fn read(body: &Map<String, Value>, of: &'static Resource) -> Result<Vec<Step>, Refusal> {
    value::check_schemas(body, SCHEMA)?;
    let operations = value::member(body, "Operations");
    let Some(Value::Array(operations)) = operations else {
        return Err(Refusal::syntax("Operations must be a list"));
    };
    if operations.len() > OPERATIONS_MAX {
        return Err(Refusal::value(format!("Operations has more than {OPERATIONS_MAX} entries")));
    }
    let mut steps = Vec::with_capacity(operations.len());
    for operation in operations {
        read_operation(operation, of, &mut steps)?;
    }
    Ok(steps)
}

fn read_operation(operation: &Value, of: &'static Resource, steps: &mut Vec<Step>) -> Result<(), Refusal> {
    let Value::Object(operation) = operation else { return Err(Refusal::syntax("an operation must be an object")) };
    let op = match value::member(operation, "op").and_then(Value::as_str) {
        Some(op) if op.eq_ignore_ascii_case("add") => Op::Add,
        Some(op) if op.eq_ignore_ascii_case("replace") => Op::Replace,
        Some(op) if op.eq_ignore_ascii_case("remove") => Op::Remove,
        _ => return Err(Refusal::syntax("op must be add, replace or remove")),
    };
    let sent = value::member(operation, "value");
    let path = match value::member(operation, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) if path.trim().is_empty() => None,
        Some(Value::String(path)) => Some(path.as_str()),
        Some(_) => return Err(Refusal::path("path must be a text")),
    };
    if op != Op::Remove && sent.is_none() {
        return Err(Refusal::value("value is missing"));
    }
    match path {
        Some(path) if is_password(path, of) => Ok(()),
        Some(path) => {
            let path = parse_path(path, of).map_err(|problem| Refusal::path(format!("{path:.120}: {}", problem.0)))?;
            let value = sent.cloned();
            steps.push(Step { op, path, value, by_key: false });
            Ok(())
        }
        None if op == Op::Remove => Err(Refusal::bad(ScimType::NoTarget, "remove needs a path")),
        None => match sent {
            Some(Value::Object(parts)) => read_keys(op, parts, "", of, steps),
            _ => Err(Refusal::value("value must be an object where there is no path")),
        },
    }
}

/// Accepted and ignored: Roster stores no passwords from directories.
fn is_password(path: &str, of: &Resource) -> bool {
    let name = path.trim();
    let core = name.get(..of.core.len()).filter(|urn| urn.eq_ignore_ascii_case(of.core));
    let name = core.and_then(|urn| name[urn.len()..].strip_prefix(':')).unwrap_or(name);
    of.name == "User" && name.eq_ignore_ascii_case("password")
}

/// Reads an object of which each key is a path. `prefix`: an extension's URN.
fn read_keys(
    op: Op,
    parts: &Map<String, Value>,
    prefix: &str,
    of: &'static Resource,
    steps: &mut Vec<Step>,
) -> Result<(), Refusal> {
    for (key, sent) in parts {
        if prefix.is_empty()
            && of.is_extension(key).is_some()
            && let Value::Object(inner) = sent
        {
            read_keys(op, inner, &format!("{key}:"), of, steps)?;
            continue;
        }
        let name = format!("{prefix}{key}");
        let path = match parse_path(&name, of) {
            Ok(path) => path,
            // A filter on a known attribute can't be meant to be ignored.
            Err(problem) if name.split_once('[').is_some_and(|(name, _)| of.place(name.trim()).is_some()) => {
                return Err(Refusal::path(format!("{key:.120}: {}", problem.0)));
            }
            Err(_) => continue,
        };
        steps.push(Step { op, path, value: Some(sent.clone()), by_key: true });
    }
    Ok(())
}

impl Step {
    /// The attribute that it targets, unless that is a whole extension.
    pub(crate) fn target(&self) -> Option<&Target> {
        match &self.path {
            Path::Attribute(target) => Some(target),
            Path::Extension(_) => None,
        }
    }

    /// Fails for what must not be written; `false` for what is to be ignored.
    pub(crate) fn may_be_written(&self) -> Result<bool, Refusal> {
        let Some(Target { place, filter, sub }) = self.target() else { return Ok(true) };
        let read_only = place.attribute.is_read_only() || sub.is_some_and(Attribute::is_read_only);
        // A list's value is identified by its immutable parts.
        let fixed = sub.is_some_and(|sub| sub.mutability == Mutability::Immutable)
            || (filter.is_some() && self.op == Op::Replace && place.attribute.name == "members");
        if !read_only && !fixed {
            return Ok(true);
        }
        if self.by_key {
            return Ok(false);
        }
        let sub = sub.map_or_else(String::new, |sub| format!(".{}", sub.name));
        Err(Refusal::mutability(format!("{}{sub} can't be written", place.attribute.name)))
    }
}

/// Applies a step to a resource.
pub(crate) fn apply(resource: &mut Map<String, Value>, step: &Step, of: &'static Resource) -> Result<(), Refusal> {
    if !step.may_be_written()? {
        return Ok(());
    }
    match (&step.path, step.op, &step.value) {
        (Path::Extension(urn), Op::Remove, _) | (Path::Extension(urn), Op::Replace, Some(Value::Null)) => {
            resource.remove(*urn);
            Ok(())
        }
        (Path::Extension(urn), op, Some(Value::Object(parts))) => {
            let mut steps = Vec::new();
            read_keys(op, parts, &format!("{urn}:"), of, &mut steps)?;
            steps.iter().try_for_each(|step| apply(resource, step, of))
        }
        // A key without a value has no effect.
        (Path::Extension(_), Op::Add, Some(Value::Null)) if step.by_key => Ok(()),
        (Path::Extension(urn), ..) => Err(Refusal::value(format!("{urn} must be an object"))),
        (Path::Attribute(target), Op::Remove, value) => remove(resource, target, value.as_ref()),
        (Path::Attribute(target), Op::Replace, Some(Value::Null)) => remove(resource, target, None),
        (Path::Attribute(target), op, Some(value)) => {
            if op == Op::Add && value.is_null() {
                return if step.by_key { Ok(()) } else { Err(Refusal::value("value must not be null")) };
            }
            write(resource, target, op, value)
        }
        (Path::Attribute(_), _, None) => Err(Refusal::value("value is missing")),
    }
}

fn remove_if_empty(resource: &mut Map<String, Value>, place: &Place) {
    let object = object_of(resource, place);
    let empty = match object.get(place.attribute.name) {
        Some(Value::Array(values)) => values.is_empty(),
        Some(Value::Object(parts)) => parts.is_empty(),
        Some(Value::Null) => true,
        _ => false,
    };
    if empty {
        object.remove(place.attribute.name);
    }
    if let Some(urn) = place.extension
        && resource.get(urn).and_then(Value::as_object).is_some_and(Map::is_empty)
    {
        resource.remove(urn);
    }
}

fn remove(resource: &mut Map<String, Value>, target: &Target, value: Option<&Value>) -> Result<(), Refusal> {
    let Target { place, filter, sub } = target;
    let name = place.attribute.name;
    if place.attribute.required && sub.is_none() {
        return Err(Refusal::mutability(format!("{name} is required and can't be removed")));
    }
    let object = object_of(resource, place);
    match object.get_mut(name) {
        None => {}
        Some(Value::Array(values)) => match (filter, sub, value) {
            (Some(filter), None, _) => values.retain(|value| !filter.fits(value)),
            (filter, Some(sub), _) => {
                for value in values.iter_mut().filter(|value| filter.as_ref().is_none_or(|filter| filter.fits(value))) {
                    if let Value::Object(parts) = value {
                        parts.remove(sub.name);
                    }
                }
                values.retain(|value| value.as_object().is_none_or(|parts| !parts.is_empty()));
                *values = without_duplicates(place.attribute, std::mem::take(values));
            }
            (None, None, None | Some(Value::Null)) => values.clear(),
            (None, None, Some(gone)) => {
                let gone = gone.as_array().map_or_else(|| std::slice::from_ref(gone), Vec::as_slice);
                values.retain(|value| !gone.iter().any(|gone| names(place.attribute, gone, value)));
            }
        },
        Some(Value::Object(parts)) if sub.is_some() => {
            if let Some(sub) = sub {
                parts.remove(sub.name);
            }
        }
        Some(_) => {
            object.remove(name);
        }
    }
    remove_if_empty(resource, place);
    Ok(())
}

/// Whether what is to be removed refers to this value: by its `value` if there is one.
fn names(attribute: &Attribute, gone: &Value, value: &Value) -> bool {
    let wanted = match gone {
        Value::String(text) => Some(text.as_str()),
        Value::Object(parts) => value::member(parts, "value").and_then(Value::as_str),
        _ => None,
    };
    match (wanted, value.get("value").and_then(Value::as_str)) {
        (Some(wanted), Some(found)) => compared(attribute, "value", wanted) == compared(attribute, "value", found),
        _ => gone == value,
    }
}

fn write(resource: &mut Map<String, Value>, target: &Target, op: Op, sent: &Value) -> Result<(), Refusal> {
    let Target { place, filter, sub } = target;
    let attribute = place.attribute;
    let done = if attribute.multi {
        let object = object_of(resource, place);
        let mut values = match object.remove(attribute.name) {
            Some(Value::Array(values)) => values,
            _ => Vec::new(),
        };
        let done = write_list(&mut values, target, op, sent);
        object.insert(attribute.name.to_owned(), Value::Array(values));
        done
    } else if let Some(sub) = sub {
        let part = value::single(sub, sent)?;
        let object = object_of(resource, place);
        let slot = object.entry(attribute.name).or_insert_with(|| Value::Object(Map::new()));
        if let (Value::Object(parts), Some(part)) = (slot, part) {
            parts.insert(sub.name.to_owned(), part);
        }
        Ok(())
    } else {
        debug_assert!(filter.is_none(), "paths with a filter are of lists");
        let new = value::single(attribute, sent)?;
        let object = object_of(resource, place);
        match (object.get_mut(attribute.name), new) {
            (Some(Value::Object(parts)), Some(Value::Object(new))) => {
                remove_nulls(parts, op, sent);
                parts.extend(new);
            }
            (Some(Value::Object(parts)), None) if sent.is_object() => remove_nulls(parts, op, sent),
            (_, Some(new)) => {
                object.insert(attribute.name.to_owned(), new);
            }
            // Means that there is none, as in POST.
            (_, None) if op == Op::Replace && !sent.is_object() => {
                object.remove(attribute.name);
            }
            (_, None) => {}
        }
        Ok(())
    };
    remove_if_empty(resource, place);
    done
}

/// In a replacement, a null removes the sub-attribute. An addition removes nothing.
fn remove_nulls(parts: &mut Map<String, Value>, op: Op, sent: &Value) {
    if op == Op::Replace
        && let Value::Object(sent) = sent
    {
        parts.retain(|name, _| value::member(sent, name) != Some(&Value::Null));
    }
}

fn write_list(values: &mut Vec<Value>, target: &Target, op: Op, sent: &Value) -> Result<(), Refusal> {
    let Target { place, filter, sub } = target;
    let attribute = place.attribute;
    let Some(sub) = sub else {
        return match (filter, op) {
            (None, Op::Replace) => {
                let new = value::value_or_one(attribute, sent)?;
                *values = new.and_then(|new| new.as_array().cloned()).unwrap_or_default();
                Ok(())
            }
            (None, _) => {
                let new = value::value_or_one(attribute, sent)?;
                add(values, attribute, new.and_then(|new| new.as_array().cloned()).unwrap_or_default());
                Ok(())
            }
            (Some(filter), op) => write_matching(values, attribute, filter, op, sent),
        };
    };
    let part = value::single(sub, sent)?;
    let Some(part) = part else { return Ok(()) };
    let mut touched: Vec<usize> = Vec::new();
    for (at, value) in values.iter_mut().enumerate() {
        if filter.as_ref().is_some_and(|filter| !filter.fits(value)) {
            continue;
        }
        if let Value::Object(parts) = value {
            parts.insert(sub.name.to_owned(), part.clone());
            touched.push(at);
        }
    }
    if touched.is_empty() {
        let mut made = filter.as_ref().map(value_matching).unwrap_or_default();
        made.insert(sub.name.to_owned(), part);
        values.push(Value::Object(made));
        touched.push(values.len() - 1);
    }
    normalize(values, attribute, &touched)
}

/// A new value that satisfies the equalities of a filter.
fn value_matching(filter: &ValueFilter) -> Map<String, Value> {
    let parts = filter.equalities().into_iter();
    parts.map(|(sub, literal)| (sub.name.to_owned(), literal.to_json())).collect()
}

fn write_matching(
    values: &mut Vec<Value>,
    attribute: &'static Attribute,
    filter: &ValueFilter,
    op: Op,
    sent: &Value,
) -> Result<(), Refusal> {
    let sent = match sent {
        Value::Array(one) if one.len() == 1 => &one[0],
        other => other,
    };
    let new = match value::single(attribute, sent)? {
        Some(Value::Object(new)) => new,
        _ => Map::new(),
    };
    let mut touched: Vec<usize> = Vec::new();
    for (at, value) in values.iter_mut().enumerate().filter(|(_, value)| filter.fits(value)) {
        match value {
            Value::Object(parts) if op == Op::Add => parts.extend(new.clone()),
            value => *value = Value::Object(new.clone()),
        }
        touched.push(at);
    }
    if touched.is_empty() {
        if op == Op::Replace {
            let detail = format!("no value of {} is as the path asks for", attribute.name);
            return Err(Refusal::bad(ScimType::NoTarget, detail));
        }
        let mut made = value_matching(filter);
        made.extend(new);
        values.push(Value::Object(made));
        touched.push(values.len() - 1);
    }
    normalize(values, attribute, &touched)
}

/// Makes a newly primary value the only primary one, and merges values that became equal.
fn normalize(values: &mut Vec<Value>, attribute: &Attribute, touched: &[usize]) -> Result<(), Refusal> {
    let chosen: Vec<usize> = touched.iter().copied().filter(|at| is_primary(&values[*at])).collect();
    if chosen.len() > 1 {
        return Err(Refusal::value(format!("{} would have more than one primary value", attribute.name)));
    }
    if let Some(chosen) = chosen.first() {
        for (at, value) in values.iter_mut().enumerate() {
            if at != *chosen {
                unset_primary(value);
            }
        }
    }
    *values = without_duplicates(attribute, std::mem::take(values));
    Ok(())
}

fn unset_primary(value: &mut Value) {
    if is_primary(value)
        && let Value::Object(parts) = value
    {
        parts.insert(String::from("primary"), Value::Bool(false));
    }
}

/// The union: a value that exists already isn't duplicated but gets the new parts.
fn add(values: &mut Vec<Value>, attribute: &Attribute, new: Vec<Value>) {
    if new.iter().any(is_primary) {
        values.iter_mut().for_each(unset_primary);
    }
    // From the end, so that among duplicates the first one is found.
    let mut known: HashMap<String, usize> =
        values.iter().enumerate().rev().map(|(at, value)| (key(attribute, value), at)).collect();
    for new in new {
        let key = key(attribute, &new);
        match (known.get(&key).map(|at| &mut values[*at]), new) {
            // The parts that identify it stay as they were.
            (Some(Value::Object(parts)), Value::Object(new)) => {
                parts.extend(new.into_iter().filter(|(name, _)| !matches!(name.as_str(), "value" | "type")));
            }
            (Some(_), _) => {}
            (None, new) => {
                known.insert(key, values.len());
                values.push(new);
            }
        }
    }
}

/// The ids that a filter on members asks for, if it asks for nothing else.
pub(crate) fn named_members(filter: &ValueFilter) -> Option<Vec<String>> {
    use filter::{Literal, Operator, Test};
    match filter {
        ValueFilter::Term(sub, Test::Compare(Operator::Eq, Literal::Text { text, .. })) if sub.name == "value" => {
            Some(vec![text.clone()])
        }
        ValueFilter::Or(any) => {
            let named: Option<Vec<Vec<String>>> = any.iter().map(named_members).collect();
            Some(named?.concat())
        }
        _ => None,
    }
}

/// A superset of the ids that a filter on members can match, if it is bounded.
pub(crate) fn members_among(filter: &ValueFilter) -> Option<Vec<String>> {
    match filter {
        ValueFilter::And(all) => all.iter().find_map(members_among),
        ValueFilter::Or(any) => {
            let named: Option<Vec<Vec<String>>> = any.iter().map(members_among).collect();
            Some(named?.concat())
        }
        ValueFilter::Not(_) | ValueFilter::Term(..) => named_members(filter),
    }
}

#[cfg(test)]
mod tests;
