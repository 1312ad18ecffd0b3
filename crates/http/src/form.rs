//! Bodies as browsers send forms: `application/x-www-form-urlencoded`, whatever their `Content-Type` says.

use axum::extract::{FromRequest, Request};

use crate::context::Context;
use crate::{App, Failure, Frame, Pairs};

/// The fields of a form; none of an absent body. As with a query, what is wrong with a field is told by who asks for it.
#[derive(Clone, Debug, Default)]
pub struct Form(pub Pairs);

impl FromRequest<App> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self, Failure> {
        let context = Context::of(request.extensions())?;
        let bytes = context.body.as_ref().map_err(Clone::clone)?;
        let text = std::str::from_utf8(bytes).map_err(|_| Frame::BodyNotUtf8)?;
        Ok(Self(Pairs::parse(text.trim_end())))
    }
}
