//! Isolates panics: one ends its request, not the server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// A panic happened and was caught; the panic hook has reported it.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs `future` until it completes or panics.
///
/// It is right to assert unwind safety: state shared between requests is behind the engine, which stays consistent, and
/// everything else is dropped with the request.
pub(crate) async fn catch<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    std::future::poll_fn(move |task| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}
