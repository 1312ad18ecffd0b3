//! URL-encoded form bodies. They are parsed as `application/x-www-form-urlencoded` whatever their `Content-Type` says.

use axum::extract::{FromRequest, Request};

use crate::context::Context;
use crate::{App, Failure, Pairs, RequestError};

/// The fields of a form; an absent body has none. As with a query, a bad field is reported only when it is read.
#[derive(Clone, Debug, Default)]
pub struct Form(pub Pairs);

impl FromRequest<App> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self, Failure> {
        let context = Context::of(request.extensions())?;
        let bytes = context.body.as_ref().map_err(Clone::clone)?;
        let text = std::str::from_utf8(bytes).map_err(|_| RequestError::BodyNotUtf8)?;
        Ok(Self(Pairs::parse(text.trim_end())))
    }
}
