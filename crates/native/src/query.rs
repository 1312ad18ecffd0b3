//! Typed query parameters: unknown, repeated and malformed ones are refused by name.

use axum::extract::FromRequestParts;
use http::request::Parts;
use roster_engine::{Error, Page};
use roster_http::{App, Failure, Limits, RequestError};
use serde::de::DeserializeOwned;

/// A query that is parsed only when the handler calls [`Query::read`], after authentication.
#[derive(Debug)]
pub(crate) struct Query(String);

impl Query {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        for (name, value) in form_urlencoded::parse(self.0.as_bytes()) {
            // Invalid UTF-8 is decoded to this character, which nobody searches for on purpose.
            if value.contains('\u{fffd}') || value.contains('\0') {
                return Err(RequestError::invalid(name, "must be UTF-8 without NUL").into());
            }
        }
        let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(self.0.as_bytes()));
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let (name, problem) = (error.path().to_string(), error.inner().to_string());
            RequestError::invalid(if name == "." { String::from("query") } else { name }, problem).into()
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(parts.uri.query().unwrap_or_default().to_owned()))
    }
}

/// The page and the sort key from the four parameters that every list has.
pub(crate) fn page<S: Copy>(
    app: &App,
    limit: Option<u64>,
    cursor: Option<String>,
    total: Option<bool>,
    sort: Option<&str>,
    sorts: &[(&str, S)],
) -> Result<(Page, S), Failure> {
    let Limits { page_size_default, page_size_max, .. } = app.limits;
    let limit = limit.unwrap_or(page_size_default as u64);
    if limit == 0 || limit > page_size_max as u64 {
        return Err(Error::invalid("limit", format!("must be from 1 to {page_size_max}")).into());
    }
    let (name, descending) = match sort {
        Some(sort) => sort.strip_prefix('-').map_or((Some(sort), false), |name| (Some(name), true)),
        None => (None, false),
    };
    let by = match name {
        None => sorts[0].1,
        Some(name) => sorts.iter().find(|(known, _)| *known == name).map(|(_, by)| *by).ok_or_else(|| {
            let known: Vec<&str> = sorts.iter().map(|(known, _)| *known).collect();
            Error::invalid("sort", format!("must be one of {}, optionally with a leading -", known.join(", ")))
        })?,
    };
    let page = Page { cursor, offset: 0, limit: Some(limit), descending, total: total.unwrap_or_default() };
    Ok((page, by))
}
