//! Receiving request bodies.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt;

use crate::RequestError;

/// How much of an oversized body is read and discarded, in multiples of the limit. A client that is still sending when the
/// connection is closed doesn't see the answer; one that sends only a little too much should see it.
const DRAIN_FACTOR: usize = 16;

/// Reads the whole body, before anything else looks at the request.
///
/// It is read even for a request that will be refused (401, 404): many clients send headers and body in two writes and read
/// only after that. Answering in between would close the connection while they are still writing.
pub(crate) async fn receive(headers: &HeaderMap, mut body: Body, limit: usize) -> Result<Bytes, RequestError> {
    let too_large = RequestError::BodyTooLarge { limit };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let announced = announced.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    // A client that sends `Expect: 100-continue` (curl does from 1 MiB on) has sent no body yet and can be refused at once.
    let waits = headers.contains_key(EXPECT);
    if announced > limit && (waits || announced / DRAIN_FACTOR > limit) {
        return Err(too_large);
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| RequestError::BodyNotJson { problem: "it broke off".into() })?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > limit {
            if waits || length / DRAIN_FACTOR > limit {
                return Err(too_large);
            }
            rest.clear();
        } else if first.is_empty() {
            // Nearly every body arrives in one piece and needs no copy.
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    match (length > limit, rest.is_empty()) {
        (true, _) => Err(too_large),
        (false, true) => Ok(first),
        (false, false) => Ok(rest.freeze()),
    }
}
