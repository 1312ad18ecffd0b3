//! Streaming of long lists: they are serialized while they are read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_core::Stream;
use http::header::{CONTENT_TYPE, HeaderValue};
use roster_engine::{Chunks, Error};
use serde::Serialize;
use tokio_stream::StreamExt;

use crate::{Failure, RequestError};

/// A list of the engine as JSON: `prefix`, its items as converted by `to_wire` and separated by commas, and `suffix`.
///
/// Errors are handled as in [`json_stream`].
///
/// ```no_run
/// # use roster_http::{Failure, json_list};
/// # async fn handler(members: roster_engine::Chunks<i64>) -> Result<axum::response::Response, Failure> {
/// json_list(b"{\"memberships\":[", members, |member| member.to_string(), b"]}").await
/// # }
/// ```
pub async fn json_list<T, W>(
    prefix: &'static [u8],
    pieces: Chunks<T>,
    to_wire: impl FnMut(T) -> W + Send + Unpin + 'static,
    suffix: &'static [u8],
) -> Result<Response, Failure>
where
    T: Send + 'static,
    W: Serialize + Send + 'static,
{
    json_stream(prefix, Mapped { pieces, to_wire }, suffix).await
}

/// The engine's chunks with their items in a surface's form.
struct Mapped<T, F> {
    pieces: Chunks<T>,
    to_wire: F,
}

impl<T, W, F: FnMut(T) -> W + Unpin> Stream for Mapped<T, F> {
    type Item = Result<Vec<W>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { pieces, to_wire } = &mut *self;
        let piece = ready!(pieces.poll_next(task));
        Poll::Ready(piece.map(|piece| Ok(piece?.into_iter().map(to_wire).collect())))
    }
}

/// A JSON answer of `prefix`, the items separated by commas, and `suffix`.
///
/// The first two chunks are awaited before anything is sent: an error in them gives an error response, and a list that ends
/// within them is sent in one piece, with its length. A later error aborts the response, so that no client takes half a list for
/// a whole one.
///
/// For lists of the engine use [`json_list`].
pub async fn json_stream<S, T>(prefix: &'static [u8], items: S, suffix: &'static [u8]) -> Result<Response, Failure>
where
    S: Stream<Item = Result<Vec<T>, Error>> + Send + 'static,
    T: Serialize + Send + 'static,
{
    let mut items = Box::pin(items);
    let mut text = JsonBuffer { bytes: prefix.to_vec(), empty: true };
    for _ in 0..2 {
        let Some(chunk) = items.next().await else {
            text.bytes.extend_from_slice(suffix);
            return Ok(json(Body::from(text.bytes)));
        };
        text.add(&chunk?).map_err(|error| {
            tracing::error!(%error, "an item of a list can't be written as JSON");
            RequestError::Panic
        })?;
    }
    Ok(json(Body::from_stream(ListBody { items, text, suffix: Some(suffix) })))
}

fn json(body: Body) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// JSON that is serialized and not yet sent.
struct JsonBuffer {
    bytes: Vec<u8>,
    empty: bool,
}

impl JsonBuffer {
    fn add<T: Serialize>(&mut self, items: &[T]) -> serde_json::Result<()> {
        for item in items {
            if !std::mem::take(&mut self.empty) {
                self.bytes.push(b',');
            }
            serde_json::to_writer(&mut self.bytes, item)?;
        }
        Ok(())
    }

    fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.bytes).into()
    }
}

struct ListBody<S> {
    items: Pin<Box<S>>,
    text: JsonBuffer,
    /// `None` once the list is complete or was aborted.
    suffix: Option<&'static [u8]>,
}

impl<S, T> Stream for ListBody<S>
where
    S: Stream<Item = Result<Vec<T>, Error>>,
    T: Serialize,
{
    type Item = Result<Bytes, axum::BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if !this.text.bytes.is_empty() {
                return Poll::Ready(Some(Ok(this.text.take())));
            }
            if this.suffix.is_none() {
                return Poll::Ready(None);
            }
            let chunk = ready!(this.items.as_mut().poll_next(task));
            let added = match chunk {
                Some(Ok(items)) => this.text.add(&items).map_err(axum::BoxError::from),
                Some(Err(error)) => Err(error.into()),
                None => {
                    this.text.bytes.extend_from_slice(this.suffix.take().unwrap_or_default());
                    Ok(())
                }
            };
            if let Err(error) = added {
                tracing::error!(%error, "a list broke off");
                this.suffix = None;
                this.text.bytes.clear();
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn text(chunks: Vec<Result<Vec<u32>, Error>>) -> Option<String> {
        let response = json_stream(b"{\"n\":[", tokio_stream::iter(chunks), b"]}").await.ok()?;
        let bytes = response.into_body().collect().await.ok()?.to_bytes();
        Some(String::from_utf8(bytes.into()).expect("UTF-8"))
    }

    #[tokio::test]
    async fn commas_are_between_items() {
        let body = async |chunks: &[&[u32]]| text(chunks.iter().map(|chunk| Ok(chunk.to_vec())).collect()).await;
        assert_eq!(body(&[]).await.as_deref(), Some(r#"{"n":[]}"#));
        assert_eq!(body(&[&[1, 2]]).await.as_deref(), Some(r#"{"n":[1,2]}"#));
        assert_eq!(body(&[&[], &[1], &[], &[2, 3], &[], &[4]]).await.as_deref(), Some(r#"{"n":[1,2,3,4]}"#));
    }

    #[tokio::test]
    async fn an_error_is_never_half_a_list() {
        let broken = || Err(Error::bad_credential());
        assert!(json_stream(b"[", tokio_stream::iter(vec![Ok(vec![1]), broken()]), b"]").await.is_err(), "early");
        assert_eq!(text(vec![Ok(vec![1]), Ok(vec![2]), Ok(vec![3]), broken()]).await, None, "late");
    }
}
