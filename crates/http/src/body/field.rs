//! Maps serde's errors to the field at fault.

use serde_json::Value;
use serde_json::error::Category;
use serde_path_to_error::{Error, Path, Segment};

use crate::{Fault, RequestError};

/// The request error for serde's error about `text`.
///
/// serde's errors have no kinds, only messages, so the kind is derived from the fixed prefixes of these. Should a prefix change,
/// the fault becomes [`Fault::Invalid`] and the name that of the enclosing object; the tests in `tests.rs` would fail.
pub(super) fn request_error(error: Error<serde_json::Error>, text: &str) -> RequestError {
    if error.inner().classify() == Category::Data {
        return field(error.path(), &error.inner().to_string());
    }
    // serde_json also reports a syntax error where an enum's name is expected and another type is found.
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return RequestError::BodyNotJson { problem: error.inner().to_string() };
    };
    let fault = if at(&value, error.path()).is_some_and(Value::is_null) { Fault::Null } else { Fault::Invalid };
    RequestError::Field { name: name(error.path()), fault, problem: "must be one of the known names".into() }
}

fn field(path: &Path, message: &str) -> RequestError {
    // `… at line 1 column 17` helps with syntax errors; here the field's name is known.
    let message = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
    let name = name(path);
    if let Some(missing) = quoted_after(message, "missing field ") {
        return RequestError::missing(inside(&name, missing));
    }
    if message.starts_with("unknown field ") {
        return RequestError::unknown(name);
    }
    if let Some(twice) = quoted_after(message, "duplicate field ") {
        return RequestError::invalid(inside(&name, twice), "is there twice");
    }
    if let Some(expected) = message.strip_prefix("invalid type: null, expected ") {
        return RequestError::Field { name, fault: Fault::Null, problem: format!("must be {expected}, not null") };
    }
    RequestError::invalid(name, message)
}

/// The path as a dotted name such as `items[2].role`; empty for the whole body.
fn name(path: &Path) -> String {
    let name = path.to_string();
    if name == "." { String::new() } else { name }
}

fn inside(object: &str, name: &str) -> String {
    if object.is_empty() { name.to_owned() } else { format!("{object}.{name}") }
}

/// The value at `path`, as far as it goes.
fn at<'a>(body: &'a Value, path: &Path) -> Option<&'a Value> {
    path.iter().try_fold(body, |value, segment| match segment {
        Segment::Seq { index } => value.get(index),
        Segment::Map { key } => value.get(key),
        Segment::Enum { .. } | Segment::Unknown => Some(value),
    })
}

/// The `x` in a message "PREFIX`x`, …".
fn quoted_after<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.strip_prefix('`')?.split('`').next()
}
