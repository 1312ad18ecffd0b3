//! Lets others write, too.
//!
//! A file has one writer at a time, and no queue of those who wait: each looks again after a while, after 100 ms at most. Who comes back
//! at once would keep them out until they give up. So between two chunks there is a pause that is long enough for everybody to look: now
//! and then if nobody else seems to write, and each time as long as somebody does. A server has a queue.

use std::time::{Duration, Instant};

use roster_engine::Caller;

/// Longer than whoever waits sleeps.
const PAUSE: Duration = Duration::from_millis(110);
/// How often nobody in particular is waited for.
const EVERY: Duration = Duration::from_secs(2);
/// How long somebody who wrote may want to write again.
const MINDFUL: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Turns {
    needed: bool,
    paused: Instant,
    /// When somebody else was seen to write.
    met: Option<Instant>,
    /// Where the realm's log ended.
    end: Option<i64>,
}

impl Turns {
    pub(crate) fn new(caller: &Caller) -> Self {
        Self { needed: caller.writes_to_a_file(), paused: Instant::now(), met: None, end: None }
    }

    /// Before a chunk.
    pub(crate) async fn wait(&mut self) {
        let met = self.met.is_some_and(|met| met.elapsed() < MINDFUL);
        if self.needed && (met || self.paused.elapsed() >= EVERY) {
            tokio::time::sleep(PAUSE).await;
            self.paused = Instant::now();
        }
    }

    /// After a chunk: where the log ended before it and after it.
    pub(crate) fn took_one(&mut self, (before, after): (i64, i64)) {
        if self.end.is_some_and(|end| end != before) {
            self.met = Some(Instant::now());
        }
        self.end = Some(after);
    }
}
