use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use roster_http::{Failure, Pairs, RequestError};

use crate::wire::Role;

/// The value that one of the two clients sends for every parameter that its caller left out.
const UNSET: &str = "__SPEAKEASY_UNSET__";

/// The query, without parameters of that value.
#[derive(Debug)]
pub(crate) struct Query(Pairs);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        Ok(Self(Pairs::from_request_parts(parts, state).await?.without_value(UNSET)))
    }
}

impl Deref for Query {
    type Target = Pairs;

    fn deref(&self) -> &Pairs {
        &self.0
    }
}

impl Query {
    pub(crate) fn role(&self) -> Result<Role, Failure> {
        self.optional_role()?.ok_or_else(|| RequestError::missing("role").into())
    }

    pub(crate) fn optional_role(&self) -> Result<Option<Role>, Failure> {
        let role = self.optional("role")?.map(str::parse::<Role>).transpose();
        role.map_err(|problem| RequestError::invalid("role", problem).into())
    }
}
