//! What every handler and extractor can reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRef;
use roster_engine::Engine;

use crate::{Limits, Metrics, Rows};

/// The state of all surfaces of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    pub engine: Arc<Engine>,
    pub limits: Arc<Limits>,
    /// This server's own: tests run many servers in one process.
    pub metrics: Arc<Metrics>,
    pub rows: Arc<Rows>,
    /// How clients reach this server, without a slash at the end, for the links in answers. Unknown unless configured.
    pub public_url: Option<Arc<str>>,
    /// `http://HOST:PORT` of the socket, where there is one.
    pub address: Option<Arc<str>>,
    stopping: Arc<AtomicBool>,
}

impl App {
    pub fn new(engine: Arc<Engine>, limits: Limits) -> Self {
        Self {
            engine,
            limits: Arc::new(limits),
            metrics: Arc::new(Metrics::new()),
            rows: Arc::default(),
            public_url: None,
            address: None,
            stopping: Arc::default(),
        }
    }

    /// What links in answers begin with, without a slash at the end: the public URL, else the address bound. Never what a
    /// request calls the server.
    pub fn base_url(&self) -> &str {
        self.public_url.as_deref().or(self.address.as_deref()).unwrap_or("http://localhost")
    }

    /// From now on new requests are refused with [`Frame::ShuttingDown`](crate::Frame::ShuttingDown); those under way go on.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether [`App::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

impl FromRef<App> for Arc<Limits> {
    fn from_ref(app: &App) -> Self {
        app.limits.clone()
    }
}
