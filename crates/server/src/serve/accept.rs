//! Accepts connections, serves each in a task of its own, and shuts them down gracefully.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use roster_http::{App, Limits, SurfaceRouter};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::stall::WriteTimeout;
use crate::stop::StopSignals;

/// Buffer space for headers beyond the limit, in bytes, so that requests over it still get an error in their surface's format.
const HEADER_SLACK: usize = 64 << 10;

/// How long to wait after accepting fails, mostly for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until a stop signal arrives, then lets requests in flight finish within `grace`.
pub(super) async fn accept(
    listener: TcpListener,
    router: SurfaceRouter,
    app: &App,
    grace: Duration,
    mut stop: StopSignals,
) {
    let service = TowerToHyperService::new(router);
    let http = builder(&app.limits);
    let permits = Arc::new(Semaphore::new(app.limits.connections.min(Semaphore::MAX_PERMITS)));
    let connections = GracefulShutdown::new();
    loop {
        let (stream, permit) = tokio::select! {
            biased;
            () = stop.wait() => break,
            next = next_connection(&listener, &permits) => next,
        };
        let stream = TokioIo::new(WriteTimeout::new(stream, app.limits.stall_timeout));
        let connection = connections.watch(http.serve_connection(stream, service.clone()));
        tokio::spawn(async move {
            // Errors here are the client's: it disconnected, or doesn't speak HTTP.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    // First refuses new requests on open connections, then new connections. In this order, so that a client that can no longer connect
    // isn't still served on another connection.
    app.stop();
    drop(listener);
    tracing::info!(connections = connections.count(), ?grace, "stopping");
    tokio::select! {
        () = connections.shutdown() => {}
        () = tokio::time::sleep(grace) => tracing::warn!("the grace period is over: aborting the requests still in flight"),
        () = stop.wait() => tracing::warn!("received a second stop signal: aborting the requests still in flight"),
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout)
        .max_buf_size(limits.header_bytes + limits.url_bytes + HEADER_SLACK)
        // Some clients look for `Retry-After` in exactly this letter case.
        .title_case_headers(true);
    http
}

/// Accepts the next connection once a permit is free. Errors of `accept` are transient or concern only one client, so it tries again.
async fn next_connection(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> (TcpStream, Option<tokio::sync::OwnedSemaphorePermit>) {
    // `None` can't happen: the semaphore is never closed.
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are written as a whole; waiting to fill a packet would only delay them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY can't be set");
                }
                return (stream, permit);
            }
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
