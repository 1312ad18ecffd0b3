//! `Idempotency-Key`: a request that is sent twice is executed once.

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use roster_engine::IdempotencyKey;
use sha2::{Digest, Sha256};

use crate::RequestError;
use crate::meta::visible_ascii;

const HEADER: &str = "idempotency-key";
const LENGTH_MAX: usize = 255;

/// The key of a `POST` and a hash of the request, so that a key can't be reused for another request.
pub(crate) fn key(request: &Parts, body: &[u8]) -> Result<Option<IdempotencyKey>, RequestError> {
    let Some(value) = request.headers.get(HEADER).filter(|_| request.method == Method::POST) else { return Ok(None) };
    let problem =
        || RequestError::invalid("Idempotency-Key", format!("must be 1 to {LENGTH_MAX} visible ASCII characters"));
    let key = visible_ascii(value, LENGTH_MAX).ok_or_else(problem)?.to_owned();
    Ok(Some(IdempotencyKey { key, request_hash: hash(request, body) }))
}

fn hash(request: &Parts, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    // Neither a path nor a query can contain a line break, so the parts are unambiguous.
    for part in [request.method.as_str(), request.uri.path(), request.uri.query().unwrap_or_default()] {
        hash.update(part);
        hash.update("\n");
    }
    hash.update(body);
    format!("{:x}", Bytes::copy_from_slice(&hash.finalize()))
}
