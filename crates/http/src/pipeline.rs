//! The processing around every request of a surface, in one place and a fixed order.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::sync::OnceCell;
use tower::Service;
use tracing::Instrument;

use crate::context::Context;
use crate::failure::PendingFailure;
use crate::hot::Hot;
use crate::{
    App, Failure, OptionsPolicy, REQUEST_ID, RequestError, RequestMeta, SEQUENCE, SurfaceSpec, body, idempotency, panic,
};

/// A surface's routes and everything around them.
pub(crate) struct Pipeline {
    /// The surface's name in metrics and logs.
    pub(crate) label: &'static str,
    pub(crate) spec: Arc<SurfaceSpec>,
    pub(crate) app: App,
    hot: Vec<Hot>,
    /// Built for the first request that needs it: most servers use only a few of the dialects.
    router: OnceCell<Router>,
    routes: Arc<dyn Fn() -> Router + Send + Sync>,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("label", &self.label).finish_non_exhaustive()
    }
}

/// The future of a response; it never fails.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl Pipeline {
    pub(crate) fn new(
        label: &'static str,
        spec: SurfaceSpec,
        app: &App,
        routes: impl Fn() -> Router + Send + Sync + 'static,
    ) -> Arc<Self> {
        let hot = spec.hot.iter().map(|route| Hot::new(*route)).collect();
        let (spec, app) = (Arc::new(spec), app.clone());
        Arc::new(Self { label, spec, app, hot, router: OnceCell::new(), routes: Arc::new(routes) })
    }

    async fn router(&self) -> Result<Router, RequestError> {
        let made = self.router.get_or_try_init(async || {
            let routes = Arc::clone(&self.routes);
            // Takes some milliseconds, too long to block an I/O thread.
            tokio::task::spawn_blocking(move || routes()).await.map_err(|_| RequestError::Panic)
        });
        made.await.cloned()
    }

    pub(crate) fn answer(self: &Arc<Self>, request: Request) -> ResponseFuture {
        let Some(number) = self.hot.iter().position(|hot| hot.takes(&request)) else {
            return self.answer_via_router(request);
        };
        let pipeline = Arc::clone(self);
        Box::pin(async move {
            match pipeline.hot[number].answer(&pipeline, request).await {
                Ok(response) => Ok(response),
                Err(request) => pipeline.answer_via_router(request).await,
            }
        })
    }

    fn answer_via_router(self: &Arc<Self>, request: Request) -> ResponseFuture {
        let pipeline = Arc::clone(self);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let meta = RequestMeta::new(self.spec.surface, method, uri, request.headers());
        let span = tracing::debug_span!(
            "request",
            request_id = &*meta.request_id,
            surface = self.label,
            method = %meta.method,
        );
        Box::pin(async move { Ok(pipeline.answer_observed(request, meta).await) }.instrument(span))
    }

    async fn answer_observed(&self, request: Request, meta: RequestMeta) -> Response {
        let observation = self.app.metrics.begin(self.label, meta.clone());
        let position = Arc::default();
        let working = self.handle(request, meta.clone(), Arc::clone(&position));
        let answer = match panic::catch(working).await {
            Ok(Ok(response)) => response,
            Ok(Err(failure)) => failure.into_response(),
            Err(panic::Panicked) => Failure::from(RequestError::Panic).into_response(),
        };
        let mut response = self.render_failure(answer, &meta);
        let headers = response.headers_mut();
        if let Some(id) = meta.id_header() {
            headers.insert(REQUEST_ID, id);
        }
        let position = position.load(Ordering::Acquire);
        if position != 0 {
            headers.insert(SEQUENCE, position.into());
        }
        if self.app.is_stopping() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let elapsed = observation.finish(response.status());
        let microseconds = in_microseconds(elapsed);
        let (status, route) = (response.status().as_u16(), meta.route());
        // Most requests succeed, and an info line for each would cost as much as the answer.
        if response.status().is_success() {
            tracing::debug!(status, route, microseconds, "answered");
        } else {
            let RequestMeta { request_id, method, uri, .. } = &meta;
            // Some paths hold secrets, and queries e-mail addresses. So only a path that was looked up and has no route is logged,
            // where it helps; one that was refused before routing might be a real one.
            let leads_nowhere = route.is_none() && response.status() == StatusCode::NOT_FOUND;
            let (surface, path) = (self.label, leads_nowhere.then(|| uri.path()));
            tracing::info!(request_id = &**request_id, surface, %method, route, path, status, microseconds, "answered");
        }
        response
    }

    /// From the limits to the handler. Receiving the body has a timeout of its own, so that a slow client isn't reported as a timeout
    /// of the server.
    async fn handle(
        &self,
        request: Request,
        meta: RequestMeta,
        position: Arc<std::sync::atomic::AtomicI64>,
    ) -> Result<Response, Failure> {
        self.admit(request.uri(), request.headers())?;
        let (mut parts, sent) = request.into_parts();
        if self.spec.ignore_trailing_slash {
            parts.uri = without_trailing_slash(parts.uri);
        }
        let timeout = self.app.limits.request_timeout;
        let body = if sent.is_end_stream() {
            Ok(bytes::Bytes::new())
        } else {
            let limit = self.spec.body_bytes.unwrap_or(self.app.limits.body_bytes);
            let arriving = body::receive(&parts.headers, sent, limit);
            tokio::time::timeout(timeout, arriving).await.unwrap_or(Err(RequestError::BodyTimeout { timeout }))
        };
        let idempotency = match &body {
            Ok(body) if self.spec.idempotency => idempotency::key(&parts, body),
            _ => Ok(None),
        };
        // For handlers that take the raw body; empty if receiving it failed.
        let copy = body.as_ref().map_or_else(|_| Body::empty(), |bytes| Body::from(bytes.clone()));
        let spec = Arc::clone(&self.spec);
        parts.extensions.insert(Arc::new(Context { spec, meta, position, idempotency, body }));
        let answering = async {
            match self.router().await?.call(Request::from_parts(parts, copy)).await {
                Ok(response) => Ok::<_, Failure>(response),
                Err(never) => match never {},
            }
        };
        tokio::time::timeout(timeout, answering).await.unwrap_or_else(|_| Err(RequestError::Timeout.into()))
    }

    /// Refuses requests that exceed a limit, or that come during shutdown.
    pub(crate) fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), RequestError> {
        if self.app.is_stopping() && !self.spec.prefix.is_empty() {
            return Err(RequestError::ShuttingDown);
        }
        let limits = &self.app.limits;
        let url_bytes = self.spec.url_bytes.unwrap_or(limits.url_bytes);
        if uri.path_and_query().map_or(0, |target| target.as_str().len()) > url_bytes {
            return Err(RequestError::UriTooLong { limit: url_bytes });
        }
        let length: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if length > limits.header_bytes {
            return Err(RequestError::HeadersTooLarge { limit: limits.header_bytes });
        }
        Ok(())
    }

    /// Renders a failure in the surface's format; leaves other answers as they are.
    fn render_failure(&self, mut answer: Response, meta: &RequestMeta) -> Response {
        let Some(PendingFailure(failure)) = answer.extensions_mut().remove::<PendingFailure>() else { return answer };
        let allow = answer.headers_mut().remove(ALLOW);
        let answers_options = meta.method == Method::OPTIONS && self.spec.options == OptionsPolicy::Answer;
        if answers_options && matches!(*failure, Failure::Request(RequestError::MethodNotAllowed)) {
            // The router has set `Allow`, which is all that OPTIONS asks for.
            return with_allow(StatusCode::NO_CONTENT.into_response(), allow);
        }
        let response = with_allow((self.spec.render)(&failure, meta), allow);
        if response.status().is_server_error() {
            let (request_id, status) = (&*meta.request_id, response.status().as_u16());
            tracing::error!(request_id, status, error = %ErrorChain(&*failure), "a request failed");
        } else {
            tracing::debug!(status = response.status().as_u16(), error = %failure, "a request was refused");
        }
        if meta.method == Method::HEAD { without_body(response) } else { response }
    }
}

/// A duration for log lines, saturating.
pub(crate) fn in_microseconds(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}

/// Records the template of the route that the router matched.
pub(crate) fn record_route(request: Request) -> Request {
    let extensions = request.extensions();
    if let (Some(context), Some(route)) = (extensions.get::<Arc<Context>>(), extensions.get::<MatchedPath>()) {
        context.meta.set_route(route.clone());
    }
    request
}

/// `/a/` becomes `/a`; `/` stays, and only one slash is removed from `/a//`.
fn without_trailing_slash(uri: Uri) -> Uri {
    let Some(path) = uri.path().strip_suffix('/').filter(|path| !path.is_empty()) else { return uri };
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let Ok(target) = PathAndQuery::try_from(target) else { return uri };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).unwrap_or(uri)
}

fn with_allow(mut response: Response, allow: Option<HeaderValue>) -> Response {
    if let Some(allow) = allow {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// The answer to HEAD: the same headers, the length included, and no body.
fn without_body(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts.headers.insert(CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, Body::empty())
}

/// An error and its sources, on one line.
struct ErrorChain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
