//! A fast path for routes that are requested so often that routing and extraction cost more than the answer.
//!
//! A hot route is tried before the router, if its body has already arrived and no header asks for anything special. It either gives
//! the answer that the router's handler would give, or none; then the request goes through the router, unchanged. So it needs no
//! errors and no limits of its own. A test sends every request both ways.

use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use http_body::Frame;

use crate::pipeline::{Pipeline, in_microseconds};
use crate::{AT_LEAST, App, REQUEST_ID, SEQUENCE, meta};

/// A hot route: always `POST`, with a body.
#[derive(Clone, Copy, Debug)]
pub struct HotRoute {
    /// The whole path. The router serves it, too.
    pub path: &'static str,
    /// Answers a request with this body; `None` if it can't be done without waiting, or if there is any error.
    pub answer: fn(&App, &HeaderMap, &[u8]) -> Option<HotAnswer>,
}

/// An answer with status 200 and a JSON body.
#[derive(Debug)]
pub struct HotAnswer {
    pub body: Vec<u8>,
    /// The position in the realm's log that it reflects.
    pub position: i64,
}

/// A hot route with its metrics.
#[derive(Debug)]
pub(crate) struct Hot {
    route: HotRoute,
    durations: OnceLock<prometheus_client::metrics::histogram::Histogram>,
}

/// How often the fast path yields to wait for the rest of a body.
const MAX_YIELDS: u32 = 4;

/// Headers that ask for something that the fast path doesn't support.
const UNSUPPORTED_HEADERS: [HeaderName; 3] = [EXPECT, AT_LEAST, HeaderName::from_static("idempotency-key")];

impl Hot {
    pub(crate) fn new(route: HotRoute) -> Self {
        Self { route, durations: OnceLock::new() }
    }

    /// Whether the fast path is to be tried for this request.
    pub(crate) fn takes(&self, request: &Request) -> bool {
        let target = request.uri().path_and_query().map(http::uri::PathAndQuery::as_str);
        target == Some(self.route.path) && request.method() == Method::POST
    }

    /// The answer, or the request as it was received.
    pub(crate) async fn answer(&self, pipeline: &Pipeline, request: Request) -> Result<Response, Request> {
        let started = Instant::now();
        let headers = request.headers();
        let act_as = pipeline.spec.act_as.is_some_and(|name| headers.contains_key(name));
        let length = request.body().size_hint().exact().unwrap_or_default();
        let fits = (1..=pipeline.app.limits.body_bytes as u64).contains(&length);
        let unsupported = act_as || UNSUPPORTED_HEADERS.iter().any(|name| headers.contains_key(name));
        if !fits || unsupported || pipeline.admit(request.uri(), headers).is_err() {
            return Err(request);
        }
        let (parts, mut body) = request.into_parts();
        let read = read_available(&mut body, length).await;
        let whole = read.len() as u64 == length;
        let answer = whole.then(|| (self.route.answer)(&pipeline.app, &parts.headers, &read)).flatten();
        let Some(HotAnswer { body: json, position }) = answer else {
            return Err(Request::from_parts(parts, Body::new(Rewind { first: Some(read), rest: body })));
        };
        let length = json.len();
        let mut response = Response::new(Body::from(json));
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request_id = meta::request_id_header(&parts.headers);
        if let Some(id) = &request_id {
            headers.insert(REQUEST_ID, id.clone());
        }
        if position != 0 {
            headers.insert(SEQUENCE, position.into());
        }
        let elapsed = started.elapsed();
        let durations =
            self.durations.get_or_init(|| pipeline.app.metrics.durations_of(pipeline.label, "POST", self.route.path));
        durations.observe(elapsed.as_secs_f64());
        pipeline.app.metrics.count_hot();
        // The same fields as those of other requests' lines, put together only if the line is logged.
        tracing::debug!(
            request_id = request_id.as_ref().and_then(|id| id.to_str().ok()),
            surface = pipeline.label,
            method = %parts.method,
            route = self.route.path,
            status = response.status().as_u16(),
            microseconds = in_microseconds(elapsed),
            "answered at once"
        );
        Ok(response)
    }
}

/// As much of a body as has arrived. Each piece becomes available only after the one before was taken.
async fn read_available(body: &mut Body, length: u64) -> Bytes {
    let mut read = Bytes::new();
    let mut yields = 0;
    while (read.len() as u64) < length {
        let next = std::future::poll_fn(|task| match Pin::new(&mut *body).poll_frame(task) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(frame.into_data().ok()),
            // Lets the connection's task run to deliver the next piece, but only a few times: slow clients are for the pipeline, which
            // has a timeout.
            Poll::Pending if yields < MAX_YIELDS && !read.is_empty() => {
                yields += 1;
                task.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(None),
        });
        match next.await {
            Some(data) if read.is_empty() => read = data,
            Some(data) => read = [read, data].concat().into(),
            None => break,
        }
    }
    read
}

/// A body whose beginning was read already and is replayed.
struct Rewind {
    first: Option<Bytes>,
    rest: Body,
}

impl http_body::Body for Rewind {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.first.take().filter(|first| !first.is_empty()) {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Pin::new(&mut self.rest).poll_frame(task),
        }
    }
}
