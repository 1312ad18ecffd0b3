//! What the pipeline passes to the extractors, in the request's extensions.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use bytes::Bytes;
use http::Extensions;
use roster_engine::IdempotencyKey;

use crate::{Failure, RequestError, RequestMeta, SurfaceSpec};

pub(crate) struct Context {
    pub(crate) spec: Arc<SurfaceSpec>,
    pub(crate) meta: RequestMeta,
    /// Sent as the `Roster-Sequence` header, see `RequestScope`.
    pub(crate) position: Arc<AtomicI64>,
    pub(crate) idempotency: Result<Option<IdempotencyKey>, RequestError>,
    /// The body, or why it couldn't be received; the error is returned only when a handler reads the body.
    pub(crate) body: Result<Bytes, RequestError>,
}

impl Context {
    /// The context of this request. Every route mounted by [`Api::mount`](crate::Api::mount) has one.
    pub(crate) fn of(extensions: &Extensions) -> Result<&Arc<Self>, Failure> {
        extensions.get::<Arc<Self>>().ok_or_else(|| {
            tracing::error!("an extractor of roster-http was used in a router that was not mounted");
            RequestError::Panic.into()
        })
    }
}
