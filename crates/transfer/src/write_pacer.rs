//! Lets other processes write during an import.
//!
//! SQLite allows one writer at a time and has no queue: waiting writers poll, every 100 ms at most. An import that takes the lock again
//! at once would starve them until they time out. So it pauses between chunks for longer than this interval: now and then while nobody
//! else seems to write, and after each chunk while somebody does. PostgreSQL queues writers and needs no pauses.

use std::time::{Duration, Instant};

use roster_engine::Caller;

/// Longer than the polling interval of waiting writers.
const PAUSE: Duration = Duration::from_millis(110);
/// How often to pause while no other writer was seen.
const PAUSE_INTERVAL: Duration = Duration::from_secs(2);
/// How long to pause after each chunk once another writer was seen.
const CONTENTION_MEMORY: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct WritePacer {
    enabled: bool,
    last_pause: Instant,
    /// When another process's write was last noticed.
    contended_at: Option<Instant>,
    /// Where the realm's log ended after the last chunk.
    log_end: Option<i64>,
}

impl WritePacer {
    pub(crate) fn new(caller: &Caller) -> Self {
        Self { enabled: caller.has_exclusive_writer(), last_pause: Instant::now(), contended_at: None, log_end: None }
    }

    /// To be called before each chunk.
    pub(crate) async fn pause_if_needed(&mut self) {
        let contended = self.contended_at.is_some_and(|at| at.elapsed() < CONTENTION_MEMORY);
        if self.enabled && (contended || self.last_pause.elapsed() >= PAUSE_INTERVAL) {
            tokio::time::sleep(PAUSE).await;
            self.last_pause = Instant::now();
        }
    }

    /// To be called after each chunk, with the end of the log before and after it.
    pub(crate) fn chunk_written(&mut self, (before, after): (i64, i64)) {
        if self.log_end.is_some_and(|log_end| log_end != before) {
            self.contended_at = Some(Instant::now());
        }
        self.log_end = Some(after);
    }
}
