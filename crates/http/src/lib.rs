//! What all HTTP surfaces of Roster share: the way of a request from the socket to a handler and back.
//!
//! A *surface* is one API that clients see: the native one, or a dialect that speaks as a vendor does. It brings its routes,
//! its own form of an error and a few peculiarities ([`SurfaceSpec`]); [`Api::mount`] puts around them what must hold
//! everywhere. So a surface can't forget a limit, a request id or a metric, and can't answer in a foreign form:
//!
//! ```text
//! request ── Pipeline ─────────────────────────────────────────────────────────── router ── handler
//!             id, span, metrics · limits · body read · time limit · panics        routes    Authenticated, Path,
//!             Roster-Sequence · errors in the surface's form                                Pairs, Body<T>
//! ```
//!
//! A handler and every extractor here fail with [`Failure`]. It says what went wrong, not how that looks: the surface's one
//! `render` function does, also for what no handler saw (an unknown route, a time-out, a panic).
//!
//! Contracts want errors in the order 401, 404, 403, 400. So what may be wrong in a query or a body is found when the handler
//! reads it ([`Pairs`], [`Body`]), after it has asked the engine whether the caller may do this at all.

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
mod switchboard;
mod words;

pub use app::{App, Shared, Urls};
pub use auth::{Authenticated, Authenticator, SecretFound, bearer};
pub use body::{Body, BodyPolicy, ContentType, EmptyBody};
pub use failure::{Failure, Fault, Frame};
pub use form::Form;
pub use hot::{HotAnswer, HotRoute};
pub use limits::Limits;
pub use meta::{AT_LEAST, REQUEST_ID, RequestMeta, SEQUENCE};
pub use metrics::Metrics;
pub use path::Path;
pub use pipeline::Answering;
pub use query::Pairs;
pub use rows::{Row, RowForm, Rows};
pub use stream::{json_list, json_stream};
pub use surface::{Api, Mounted, Render, SurfaceSpec};
pub use switchboard::{Switchboard, switchboard};
