//! Limits on sizes, timeouts and connections.

use std::time::Duration;

/// Limits on everything a client sends. A request over a limit is refused with an error that names it, with these exceptions: an
/// answer that takes too long is given up, idle or stalled connections are closed, and connections over the maximum wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request body. Default 1 MiB.
    pub body_bytes: usize,
    /// Bytes of all request headers together, names and values. Default 32 KiB.
    pub header_bytes: usize,
    /// Bytes of the request target: path and query as sent. Default 8 KiB.
    pub url_bytes: usize,
    /// Levels of arrays and objects in a JSON body. Default 64, at most 127 (serde_json's own limit).
    pub json_depth: usize,
    /// Items in one bulk request. Default 1000.
    pub bulk_items: usize,
    /// Items on a page when the client doesn't say. Default 50.
    pub page_size_default: usize,
    /// Items on a page at most. Default 500.
    pub page_size_max: usize,
    /// Time for a request's body to arrive, and again from there to the first byte of its answer. Default 30 s.
    pub request_timeout: Duration,
    /// How long a connection may take to send a request's headers, including the idle time before them. Default 75 s:
    /// longer than most clients and proxies keep an idle connection, so that they close it, not the server.
    pub idle_timeout: Duration,
    /// How long a client may go without reading a byte of its answer. Default 30 s. A long list holds a database connection until it
    /// is sent.
    pub stall_timeout: Duration,
    /// Connections at once; further ones wait to be accepted. Default 10 000.
    pub connections: usize,
}

impl Limits {
    /// The largest value allowed for [`Limits::json_depth`].
    pub const JSON_DEPTH_MAX: usize = 127;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            header_bytes: 32 << 10,
            url_bytes: 8 << 10,
            json_depth: 64,
            bulk_items: 1000,
            page_size_default: 50,
            page_size_max: 500,
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(30),
            connections: 10_000,
        }
    }
}
