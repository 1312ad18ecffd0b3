//! What the pipeline hands to the extractors, in the request's extensions.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use bytes::Bytes;
use http::Extensions;
use roster_engine::IdempotencyKey;

use crate::{Failure, Frame, RequestMeta, SurfaceSpec};

pub(crate) struct Context {
    pub(crate) spec: Arc<SurfaceSpec>,
    pub(crate) meta: RequestMeta,
    /// Becomes the `Roster-Sequence` header, see `RequestScope`.
    pub(crate) position: Arc<AtomicI64>,
    pub(crate) idempotency: Result<Option<IdempotencyKey>, Frame>,
    /// The body, or why there is none to read. Told when it is read, not before.
    pub(crate) body: Result<Bytes, Frame>,
}

impl Context {
    /// The context of this request. It is there for every route that [`Api::mount`](crate::Api::mount) mounted.
    pub(crate) fn of(extensions: &Extensions) -> Result<&Arc<Self>, Failure> {
        extensions.get::<Arc<Self>>().ok_or_else(|| {
            tracing::error!("an extractor of roster-http was used in a router that was not mounted");
            Frame::Panic.into()
        })
    }
}
