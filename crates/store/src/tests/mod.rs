//! Tests of the store as a whole. Each file's own guarantees are tested there.

mod deferred_rows;
mod histories;
mod numbering;
mod optimistic;
mod plans;
mod portable;
mod retries;
mod stretches;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sql::{Location, Source};
use crate::{IndexMode, SnapshotOptions, Store};

/// Opens a store on a thread that may block.
pub(crate) async fn opened(url: &str, index: IndexMode) -> Arc<Store> {
    let location = Location::parse(url).expect("an address");
    let opened =
        tokio::task::spawn_blocking(move || Store::open(&location, None, (index, SnapshotOptions::default()), true));
    Arc::new(opened.await.expect("no panic").expect("a store"))
}

/// How to open further connections.
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

/// Waits until the condition holds.
pub(crate) async fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came");
        tokio::task::yield_now().await;
    }
}
