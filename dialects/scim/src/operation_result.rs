//! The result of an operation, for a response of its own or as one of many in Bulk.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::answer;
use crate::request::Conditions;
use crate::selection::Selection;

#[derive(Clone, Debug)]
pub(crate) struct OperationResult {
    pub(crate) status: StatusCode,
    /// The resource as shown; `None` if the answer has no body.
    pub(crate) shown: Option<Map<String, Value>>,
    pub(crate) version: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) id: Option<String>,
}

impl OperationResult {
    /// From a whole resource; the answer shows what `selection` selects.
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

    /// The same, without a body.
    pub(crate) fn without_body(self) -> Self {
        Self { status: StatusCode::NO_CONTENT, shown: None, ..self }
    }

    pub(crate) const fn no_content() -> Self {
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

/// 304 if the client has this version already, else the result.
pub(crate) fn not_modified(conditions: &Conditions, done: OperationResult) -> Response {
    match &done.version {
        Some(version) if conditions.is_not_modified(version) => answer::empty(StatusCode::NOT_MODIFIED, Some(version)),
        _ => done.response(),
    }
}
