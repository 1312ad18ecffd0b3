//! From a request's path to the surface that answers it.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use roster_engine::Surface;
use tower::Service;

use crate::pipeline::{Answering, Pipeline};
use crate::surface::close;
use crate::{App, Mounted, Render, SurfaceSpec};

/// One service for a whole server: all surfaces, and beside them the server's `own` routes (`/healthz` and the like).
///
/// What no surface claims by its prefix goes to `own`; where that has no route either, `render` says so.
pub fn switchboard(app: &App, surfaces: Vec<Mounted>, own: axum::Router, render: Render) -> Switchboard {
    let spec = SurfaceSpec { ignore_trailing_slash: false, ..SurfaceSpec::new(Surface::Native, "", render) };
    let own = Pipeline::new("server", spec, app, move || close(own.clone()));
    let mut surfaces: Vec<_> = surfaces.into_iter().map(|mounted| (mounted.prefix, mounted.pipeline)).collect();
    // A longer prefix may begin with a shorter one.
    surfaces.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
    Switchboard { surfaces: surfaces.into(), own }
}

/// All surfaces of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Switchboard {
    surfaces: Arc<[(&'static str, Arc<Pipeline>)]>,
    own: Arc<Pipeline>,
}

impl<B> Service<http::Request<B>> for Switchboard
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Answering {
        let request = request.map(Body::new);
        let path = request.uri().path();
        let claims =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let found = self.surfaces.iter().find(|(prefix, _)| claims(prefix));
        found.map_or(&self.own, |(_, pipeline)| pipeline).answer(request)
    }
}
