//! What all HTTP surfaces of Roster share: the path of a request from the socket to a handler and back.
//!
//! A *surface* is one API that clients see: the native one, or a dialect that implements a vendor's API. It provides its routes,
//! its error format and a few settings ([`SurfaceSpec`]); [`Api::mount`] wraps them in what every surface needs. So a surface
//! can't forget a limit, a request id or a metric, and can't answer in another surface's error format:
//!
//! ```text
//! request ── Pipeline ─────────────────────────────────────────────────────────── router ── handler
//!             id, span, metrics · limits · body read · time limit · panics        routes    Authenticated, Path,
//!             Roster-Sequence · errors in the surface's form                                Pairs, Body<T>
//! ```
//!
//! Handlers and all extractors here fail with [`Failure`]. It says what went wrong, not how the error looks: that is up to the
//! surface's one `render` function, which also renders failures that no handler saw (an unknown route, a timeout, a panic).
//!
//! Contracts want errors in the order 401, 404, 403, 400. So errors in a query or a body surface only when the handler reads
//! it ([`Pairs`], [`Body`]), after it has asked the engine whether the caller may do this at all.

mod app;
mod auth;
mod body;
mod context;
mod failure;
mod form;
mod hot;
mod idempotency;
mod limits;
mod meta;
mod metrics;
mod openapi;
mod panic;
mod path;
mod pipeline;
mod query;
mod rows;
mod stream;
mod surface;
mod surface_router;
mod words;

pub use app::{App, Shared, Urls};
pub use auth::{Authenticated, Authenticator, PresentedSecret, bearer};
pub use body::{Body, BodyPolicy, ContentType, EmptyBody};
pub use failure::{Failure, Fault, RequestError};
pub use form::Form;
pub use hot::{HotAnswer, HotRoute};
pub use limits::Limits;
pub use meta::{AT_LEAST, REQUEST_ID, RequestMeta, SEQUENCE};
pub use metrics::Metrics;
pub use path::Path;
pub use pipeline::ResponseFuture;
pub use query::Pairs;
pub use rows::{Row, RowCache, RowForm};
pub use stream::{json_list, json_stream};
pub use surface::{Api, Mounted, OptionsPolicy, Render, SurfaceSpec};
pub use surface_router::{SurfaceRouter, surface_router};
