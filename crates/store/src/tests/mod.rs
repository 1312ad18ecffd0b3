//! What the store promises as a whole. What one of its files promises is tested there.

mod again;
mod believing;
mod histories;
mod numbering;
mod plans;
mod portable;
mod stretches;
mod waiting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sql::{Location, Source};
use crate::{IndexMode, SnapshotOptions, Store};

/// A server's database is opened by a thread that may block.
pub(crate) async fn opened(url: &str, index: IndexMode) -> Arc<Store> {
    let location = Location::parse(url).expect("an address");
    let opened =
        tokio::task::spawn_blocking(move || Store::open(&location, None, (index, SnapshotOptions::default()), true));
    Arc::new(opened.await.expect("no panic").expect("a store"))
}

/// Where further connections come from.
pub(crate) fn source(url: &str) -> Source {
    match Location::parse(url).expect("an address") {
        Location::File(file) => Source::File(file),
        Location::Server(address) => Source::Server(address),
        Location::Temporary => panic!("nowhere"),
    }
}

fn temporary() -> Store {
    Store::open(&Location::Temporary, None, (IndexMode::None, SnapshotOptions::default()), true).expect("a store")
}

/// Waits for it.
pub(crate) async fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came");
        tokio::task::yield_now().await;
    }
}
