//! Path parameters.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{Failure, RequestError};

/// As axum's `Path`, decoded once. A parameter that can't be parsed (invalid UTF-8, letters for a number) can't name anything
/// that exists: [`RequestError::RouteNotFound`].
#[derive(Clone, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(RequestError::RouteNotFound.into()),
        }
    }
}
