//! From serde's complaint to the field that is meant.

use serde_json::Value;
use serde_json::error::Category;
use serde_path_to_error::{Error, Path, Segment};

use crate::{Fault, Frame};

/// The frame error for what serde said of `text`.
///
/// serde has no error values, only messages, so the kind is read from their fixed beginnings. Should one change, the fault
/// becomes [`Fault::Invalid`] and the name that of the object around: the tests beside would tell.
pub(super) fn frame(error: Error<serde_json::Error>, text: &str) -> Frame {
    if error.inner().classify() == Category::Data {
        return field(error.path(), &error.inner().to_string());
    }
    // serde_json calls it a matter of syntax too when an enum's name is wanted and something else is there.
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Frame::BodyNotJson { problem: error.inner().to_string() };
    };
    let fault = if at(&value, error.path()).is_some_and(Value::is_null) { Fault::Null } else { Fault::Invalid };
    Frame::Field { name: name(error.path()), fault, problem: "must be one of the known names".into() }
}

fn field(path: &Path, message: &str) -> Frame {
    // `… at line 1 column 17` helps with syntax, not with a field that has a name.
    let message = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
    let name = name(path);
    if let Some(missing) = quoted_after(message, "missing field ") {
        return Frame::missing(inside(&name, missing));
    }
    if message.starts_with("unknown field ") {
        return Frame::unknown(name);
    }
    if let Some(twice) = quoted_after(message, "duplicate field ") {
        return Frame::invalid(inside(&name, twice), "is there twice");
    }
    if let Some(expected) = message.strip_prefix("invalid type: null, expected ") {
        return Frame::Field { name, fault: Fault::Null, problem: format!("must be {expected}, not null") };
    }
    Frame::invalid(name, message)
}

/// `items[2].role`; empty for the whole body.
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

/// `x` of a message "PREFIX`x`, …".
fn quoted_after<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.strip_prefix('`')?.split('`').next()
}
