//! What became of an operation, for an answer of its own or as one of many in Bulk.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::answer;
use crate::request::Conditions;
use crate::selection::Selection;

#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) status: StatusCode,
    /// What is shown; `None` where nothing is.
    pub(crate) shown: Option<Map<String, Value>>,
    pub(crate) version: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) id: Option<String>,
}

impl Done {
    /// A whole resource; the answer shows what is selected.
    pub(crate) fn resource(status: StatusCode, whole: &Map<String, Value>, selection: &Selection) -> Self {
        let meta = |name: &str| whole.get("meta")?.get(name)?.as_str().map(str::to_owned);
        Self {
            status,
            shown: Some(selection.show(whole)),
            version: meta("version"),
            location: meta("location"),
            id: whole.get("id").and_then(Value::as_str).map(str::to_owned),
        }
    }

    /// The same, without showing it.
    pub(crate) fn unseen(self) -> Self {
        Self { status: StatusCode::NO_CONTENT, shown: None, ..self }
    }

    pub(crate) const fn gone() -> Self {
        Self { status: StatusCode::NO_CONTENT, shown: None, version: None, location: None, id: None }
    }

    pub(crate) fn response(self) -> Response {
        match self.shown {
            Some(shown) => {
                let (version, location) = (self.version.unwrap_or_default(), self.location.unwrap_or_default());
                answer::resource(self.status, &shown, &version, &location)
            }
            None => answer::empty(self.status, self.version.as_deref()),
        }
    }
}

/// 304 to who has it already.
pub(crate) fn not_modified(conditions: &Conditions, done: Done) -> Response {
    match &done.version {
        Some(version) if conditions.has(version) => answer::empty(StatusCode::NOT_MODIFIED, Some(version)),
        _ => done.response(),
    }
}
