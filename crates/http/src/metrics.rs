//! Prometheus metrics.

mod engine;

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::MatchedPath;
use http::{Method, StatusCode};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use roster_engine::Statistics;

use crate::RequestMeta;

/// Bounds in seconds. Most answers take well under a millisecond, but slow ones need resolution, too.
const BUCKETS: [f64; 15] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// The status recorded for a client that disconnected before its answer.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The metrics of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Also the number of requests, as `…_count`.
    durations: Family<Labels, Histogram, fn() -> Histogram>,
    in_flight: Family<Surface, Gauge>,
    hot: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    surface: &'static str,
    route: Route,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Surface {
    surface: &'static str,
}

impl Metrics {
    /// What [`Metrics::render`] writes.
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    #[expect(clippy::new_without_default, reason = "a second instance beside the server's would be a mistake")]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("roster_http");
        let durations = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let in_flight = Family::default();
        let help = "Time from a request's headers to its answer's";
        registry.register_with_unit("request_duration", help, Unit::Seconds, durations.clone());
        registry.register("requests_in_flight", "Requests under way", in_flight.clone());
        let hot = Counter::default();
        registry.register("requests_answered_at_once", "Requests of hot routes that took the short way", hot.clone());
        Self { registry, durations, in_flight, hot }
    }

    /// All metrics, the engine's included, in the format named by [`Metrics::CONTENT_TYPE`].
    pub fn render(&self, statistics: Statistics) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &engine::registry(statistics))?;
        encode_eof(&mut text)?;
        Ok(text)
    }

    /// The histogram for a route's answers with status 200.
    pub(crate) fn durations_of(&self, surface: &'static str, method: &'static str, route: &'static str) -> Histogram {
        self.durations.get_or_create_owned(&Labels { surface, route: Route::Named(route), method, status: 200 })
    }

    /// Counts a request that was answered by the fast path.
    pub(crate) fn count_hot(&self) {
        self.hot.inc();
    }

    /// Starts to observe a request.
    pub(crate) fn begin(self: &Arc<Self>, surface: &'static str, meta: RequestMeta) -> Observation {
        let in_flight = self.in_flight.get_or_create_owned(&Surface { surface });
        in_flight.inc();
        Observation {
            metrics: Arc::clone(self),
            surface,
            meta,
            in_flight,
            started: Instant::now(),
            status: CLIENT_CLOSED_REQUEST,
        }
    }
}

/// A request in flight. It is recorded on drop, so also if the client has disconnected and the request is cancelled.
pub(crate) struct Observation {
    metrics: Arc<Metrics>,
    surface: &'static str,
    meta: RequestMeta,
    in_flight: Gauge,
    started: Instant,
    status: u16,
}

impl Observation {
    pub(crate) fn finish(mut self, status: StatusCode) -> Duration {
        self.status = status.as_u16();
        self.started.elapsed()
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.in_flight.dec();
        let labels = Labels {
            surface: self.surface,
            route: self.meta.matched().cloned().map_or(Route::Unmatched, Route::Matched),
            method: method(&self.meta.method),
            status: self.status,
        };
        self.metrics.durations.get_or_create(&labels).observe(self.started.elapsed().as_secs_f64());
    }
}

/// The template of a route; `unmatched` if there is none. The path itself would be a label of unbounded cardinality.
#[derive(Clone, Debug)]
enum Route {
    Unmatched,
    Matched(MatchedPath),
    Named(&'static str),
}

impl Route {
    fn as_str(&self) -> &str {
        match self {
            Self::Unmatched => "unmatched",
            Self::Matched(path) => path.as_str(),
            Self::Named(path) => path,
        }
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> std::fmt::Result {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

/// The method as a label of bounded cardinality: clients can send any method.
fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}
