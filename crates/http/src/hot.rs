//! Routes that are asked so often that the general way to them costs more than their answers.
//!
//! Such a route is tried before the router, on the spot: with a body that has arrived already and nothing in the headers that asks for more. It
//! gives the answer that the general way would give, or none, and then the general way is taken as if nothing had been. So it needs no
//! errors and no limits of its own. A test asks every question both ways.

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

/// One of them: `POST`, with a body.
#[derive(Clone, Copy, Debug)]
pub struct HotRoute {
    /// The whole path. The router has it too.
    pub path: &'static str,
    /// Answers a request with this body, if it can do so at once and nothing is wrong with it.
    pub answer: fn(&App, &HeaderMap, &[u8]) -> Option<HotAnswer>,
}

/// 200, in JSON.
#[derive(Debug)]
pub struct HotAnswer {
    pub body: Vec<u8>,
    /// The position in the realm's log that it is of.
    pub position: i64,
}

/// A hot route with what is counted of it.
#[derive(Debug)]
pub(crate) struct Hot {
    route: HotRoute,
    durations: OnceLock<prometheus_client::metrics::histogram::Histogram>,
}

/// Turns that are given for the next pieces of a body.
const PAUSES: u32 = 4;

/// Headers that ask for something that the short way doesn't do.
const DECLINED: [HeaderName; 3] = [EXPECT, AT_LEAST, HeaderName::from_static("idempotency-key")];

impl Hot {
    pub(crate) fn new(route: HotRoute) -> Self {
        Self { route, durations: OnceLock::new() }
    }

    /// Whether to try.
    pub(crate) fn takes(&self, request: &Request) -> bool {
        let target = request.uri().path_and_query().map(http::uri::PathAndQuery::as_str);
        target == Some(self.route.path) && request.method() == Method::POST
    }

    /// The answer, or the request as it came.
    pub(crate) async fn answer(&self, pipeline: &Pipeline, request: Request) -> Result<Response, Request> {
        let started = Instant::now();
        let headers = request.headers();
        let act_as = pipeline.spec.act_as.is_some_and(|name| headers.contains_key(name));
        let length = request.body().size_hint().exact().unwrap_or_default();
        let fits = (1..=pipeline.app.limits.body_bytes as u64).contains(&length);
        let declined = act_as || DECLINED.iter().any(|name| headers.contains_key(name));
        if !fits || declined || pipeline.admit(request.uri(), headers).is_err() {
            return Err(request);
        }
        let (parts, mut body) = request.into_parts();
        let read = arrived(&mut body, length).await;
        let whole = read.len() as u64 == length;
        let answer = whole.then(|| (self.route.answer)(&pipeline.app, &parts.headers, &read)).flatten();
        let Some(HotAnswer { body: json, position }) = answer else {
            return Err(Request::from_parts(parts, Body::new(PutBack { first: Some(read), rest: body })));
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
        // The fields of the other lines, put together only where somebody reads them.
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

/// As much of a body as has arrived. It comes piece by piece, each after the one before was taken.
async fn arrived(body: &mut Body, length: u64) -> Bytes {
    let mut read = Bytes::new();
    let mut pauses = 0;
    while (read.len() as u64) < length {
        let next = std::future::poll_fn(|task| match Pin::new(&mut *body).poll_frame(task) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(frame.into_data().ok()),
            // Whoever hands over the pieces gets a turn, and no more: who is slow is for the general way, which has a limit for that.
            Poll::Pending if pauses < PAUSES && !read.is_empty() => {
                pauses += 1;
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

/// A body of which the beginning was read already.
struct PutBack {
    first: Option<Bytes>,
    rest: Body,
}

impl http_body::Body for PutBack {
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
