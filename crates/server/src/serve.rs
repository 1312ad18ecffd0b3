//! `roster serve`.

mod accept;
mod announce;
mod stall;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use roster_engine::{Config, Engine, IndexMode};
use roster_http::{App, Urls};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

use crate::Settings;
use crate::config::Index;
use crate::stop::StopSignals;

/// How often the engine runs its background maintenance.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(5);

/// How long a running maintenance round may take to finish when the server is stopped.
const FINAL_MAINTENANCE_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves until the process is told to stop.
pub(crate) async fn serve(settings: Settings) -> anyhow::Result<()> {
    // Binds first, so that a failed start doesn't create a first key that nobody has seen.
    let listener =
        TcpListener::bind(&settings.listen).await.with_context(|| format!("can't listen on {}", settings.listen))?;
    let address = listener.local_addr()?;
    // Before the address is announced: whoever reads that may send a signal at once.
    let stop_signals = StopSignals::new().context("can't listen for signals")?;
    let mut config = Config::new(settings.database.clone());
    config.read_database.clone_from(&settings.read_database);
    config.index = match settings.index {
        Index::Full => IndexMode::Full,
        Index::None => IndexMode::None,
    };
    config.snapshots.folder.clone_from(&settings.index_folder);
    config.migrate = settings.migrate;
    config.bootstrap_key.clone_from(&settings.bootstrap_key);
    config.limits.bulk_items = settings.limits.bulk_items;
    config.directory = settings.directory;
    let (engine, opened) = Engine::open(config).await.context("can't open the database")?;

    let urls = Urls { public: settings.public_url.clone(), address: Some(reachable_url(address)) };
    let app = App::new(engine, settings.limits.clone(), urls);
    if settings.public_url.as_deref().is_some_and(|url| url.starts_with("http://")) {
        tracing::warn!("the public URL is plain http: AuthZEN's clients are told of it, and may refuse it");
    }
    let router = crate::router(&app, Arc::new(settings.authzen.clone()));
    // A key that was configured is already known, and should not end up in a terminal's history.
    let first_key = opened.first_key.filter(|_| settings.bootstrap_key.is_none());
    announce::announce(address, &opened.database, first_key.as_deref()).with_context(|| match first_key {
        // The key is in the database by now, and the next start doesn't make another one.
        Some(_) => "the first key could not be shown; `roster token create` makes another one",
        None => "standard output can't be written",
    })?;

    let (stop, stopped) = oneshot::channel();
    let maintenance = tokio::spawn(maintain(Arc::clone(&app.engine), stopped));
    accept::accept(listener, router, &app, settings.grace, stop_signals).await;
    drop(stop);
    // A running round may hold unwritten data, so it gets some time to finish; but it can also take long.
    if tokio::time::timeout(FINAL_MAINTENANCE_TIMEOUT, maintenance).await.is_err() {
        tracing::debug!("background work was cut off");
    }
    app.engine.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// The URL by which a client on this machine reaches a bound address: one can't connect to an unspecified address such as `0.0.0.0`.
fn reachable_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    format!("http://{address}")
}

/// Runs maintenance periodically until the sender of `stopped` is dropped.
async fn maintain(engine: Arc<Engine>, mut stopped: oneshot::Receiver<()>) {
    let mut rounds = tokio::time::interval(MAINTENANCE_INTERVAL);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            _ = rounds.tick() => engine.maintain().await,
        }
    }
}
