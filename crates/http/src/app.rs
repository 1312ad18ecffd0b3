//! What every handler and extractor can reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use roster_engine::Engine;

use crate::{Limits, Metrics, Rows};

/// The state of all surfaces of one server. A clone is one count more: handlers get one for each request, on all cores at once.
#[derive(Clone, Debug)]
pub struct App(Arc<Shared>);

/// What an [`App`] shares.
#[derive(Debug)]
pub struct Shared {
    pub engine: Arc<Engine>,
    pub limits: Limits,
    /// This server's own: tests run many servers in one process.
    pub metrics: Arc<Metrics>,
    pub rows: Arc<Rows>,
    pub urls: Urls,
    stopping: AtomicBool,
}

/// How clients reach a server, each without a slash at the end.
#[derive(Clone, Debug, Default)]
pub struct Urls {
    /// For the links in answers. Unknown unless configured.
    pub public: Option<String>,
    /// `http://HOST:PORT` of the socket, where there is one.
    pub address: Option<String>,
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub fn new(engine: Arc<Engine>, limits: Limits, urls: Urls) -> Self {
        Self(Arc::new(Shared {
            engine,
            limits,
            metrics: Arc::new(Metrics::new()),
            rows: Arc::default(),
            urls,
            stopping: AtomicBool::new(false),
        }))
    }
}

impl Shared {
    /// What links in answers begin with, without a slash at the end: the public URL, else the address bound. Never what a
    /// request calls the server.
    pub fn base_url(&self) -> &str {
        self.urls.public.as_deref().or(self.urls.address.as_deref()).unwrap_or("http://localhost")
    }

    /// From now on new requests are refused with [`Frame::ShuttingDown`](crate::Frame::ShuttingDown); those under way go on.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether [`Shared::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
