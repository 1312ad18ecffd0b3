//! The application state, available to every handler and extractor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use roster_engine::Engine;

use crate::{Limits, Metrics, RowCache};

/// The state of all surfaces of one server. It is cloned for every request, so a clone is only a reference count.
#[derive(Clone, Debug)]
pub struct App(Arc<Shared>);

/// What an [`App`] shares.
#[derive(Debug)]
pub struct Shared {
    pub engine: Arc<Engine>,
    pub limits: Limits,
    /// Per server, not global: tests run many servers in one process.
    pub metrics: Arc<Metrics>,
    pub rows: Arc<RowCache>,
    pub urls: Urls,
    stopping: AtomicBool,
}

/// How clients reach a server. No URL ends with a slash.
#[derive(Clone, Debug, Default)]
pub struct Urls {
    /// Used for links in answers. `None` unless configured.
    pub public: Option<String>,
    /// `http://HOST:PORT` of the listening socket, if there is one.
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
    /// The base of links in answers, without a trailing slash: the public URL, else the address bound. Never taken from a
    /// request's `Host`.
    pub fn base_url(&self) -> &str {
        self.urls.public.as_deref().or(self.urls.address.as_deref()).unwrap_or("http://localhost")
    }

    /// Refuses new requests from now on, with [`RequestError::ShuttingDown`](crate::RequestError::ShuttingDown); requests in
    /// flight continue.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether [`Shared::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
