//! Connections: taken one by one, each served in a task of its own, ended in order.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use roster_http::{App, Limits, Switchboard};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::stall::Impatient;
use crate::stop::Stop;

/// Room for headers beyond the limit, so that requests over it still get an answer in their surface's own form.
const HEADER_SLACK: usize = 64 << 10;

/// How long to wait when no connection can be taken, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until the process is told to stop, then lets requests under way finish within `grace`.
pub(super) async fn accept(listener: TcpListener, router: Switchboard, app: &App, grace: Duration, mut stop: Stop) {
    let service = TowerToHyperService::new(router);
    let http = builder(&app.limits);
    let places = Arc::new(Semaphore::new(app.limits.connections.min(Semaphore::MAX_PERMITS)));
    let connections = GracefulShutdown::new();
    loop {
        let (stream, place) = tokio::select! {
            biased;
            () = stop.wait() => break,
            next = next(&listener, &places) => next,
        };
        let stream = TokioIo::new(Impatient::new(stream, app.limits.stall_timeout));
        let connection = connections.watch(http.serve_connection(stream, service.clone()));
        tokio::spawn(async move {
            // Errors here are the client's: it hung up, or it doesn't speak HTTP.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    // From here on nobody begins anything on a connection he has, and nobody can connect: in this order, so that who finds that he can't
    // connect isn't served on another connection.
    app.stop();
    drop(listener);
    tracing::info!(connections = connections.count(), ?grace, "stopping");
    tokio::select! {
        () = connections.shutdown() => {}
        () = tokio::time::sleep(grace) => tracing::warn!("some requests were not done in time and are cut off"),
        () = stop.wait() => tracing::warn!("told to stop a second time: requests under way are cut off"),
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout)
        .max_buf_size(limits.header_bytes + limits.url_bytes + HEADER_SLACK)
        // Some clients look for `Retry-After` in exactly this case.
        .title_case_headers(true);
    http
}

/// The next connection, as soon as there is a place for it. Errors of accepting are of the moment, or of that one client.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<tokio::sync::OwnedSemaphorePermit>) {
    // `None` can't happen: nobody closes the semaphore.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are written whole; waiting to fill a packet would only delay them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY can't be set");
                }
                return (stream, place);
            }
            Err(error) => {
                tracing::warn!(%error, "can't take a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
