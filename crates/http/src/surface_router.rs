//! Dispatches requests to surfaces by path prefix.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use roster_engine::Surface;
use tower::Service;

use crate::pipeline::{Pipeline, ResponseFuture};
use crate::surface::with_fallbacks;
use crate::{App, Mounted, Render, SurfaceSpec};

/// One service for a whole server: all surfaces, and the server's `own` routes (`/healthz` and the like).
///
/// A request whose path has no surface's prefix goes to `own`; if there is no such route either, `render` renders the error.
pub fn surface_router(app: &App, surfaces: Vec<Mounted>, own: axum::Router, render: Render) -> SurfaceRouter {
    let spec = SurfaceSpec { ignore_trailing_slash: false, ..SurfaceSpec::new(Surface::Native, "", render) };
    let own = Pipeline::new("server", spec, app, move || with_fallbacks(own.clone()));
    let mut surfaces: Vec<_> = surfaces.into_iter().map(|mounted| (mounted.prefix, mounted.pipeline)).collect();
    // Longest first, since a prefix may begin with a shorter one.
    surfaces.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
    SurfaceRouter { surfaces: surfaces.into(), own }
}

/// All surfaces of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SurfaceRouter {
    surfaces: Arc<[(&'static str, Arc<Pipeline>)]>,
    own: Arc<Pipeline>,
}

impl<B> Service<http::Request<B>> for SurfaceRouter
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> ResponseFuture {
        let request = request.map(Body::new);
        let path = request.uri().path();
        let claims =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let found = self.surfaces.iter().find(|(prefix, _)| claims(prefix));
        found.map_or(&self.own, |(_, pipeline)| pipeline).answer(request)
    }
}
