//! Checkpoints of SQLite's write-ahead log.
//!
//! Commits are appended to the log. A checkpoint copies each page in it to the file, once for all its changes, and
//! after a complete one the log restarts from its beginning: so checkpoints are rare, and done beside the writer by a
//! thread of their own. While others keep writing that thread never completes; the little that remains is done by the
//! writer between two batches.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::priority::lower_priority;
use super::sqlite::BUSY_TIMEOUT;
use super::{Connection, Kind, Source};
use crate::error::{Error, Result};

/// Thresholds, in pages of the log.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// The thread starts a checkpoint.
    checkpoint_at: u64,
    /// The writer does the whole rest itself, however much it is.
    force_at: u64,
    /// Growth after which an attempt is repeated that was blocked by readers of an older snapshot.
    retry_after: u64,
    /// The remainder that is small enough for the writer.
    remainder: u64,
}

/// From 128 MiB on, and hardly beyond 512 MiB.
const DEFAULT_LIMITS: Limits = Limits { checkpoint_at: 32_768, force_at: 131_072, retry_after: 8192, remainder: 1024 };
/// Multiplies the limits when bulk writes are expected: keys in random order touch ever different pages.
const BULK_FACTOR: u64 = 4;
/// Most passive checkpoints in a row.
const PASSES: u32 = 4;

/// The writer's handle to the checkpoint thread.
#[derive(Debug)]
pub(super) struct Checkpointer {
    limits: Limits,
    shared: Arc<Shared>,
    thread: std::thread::JoinHandle<()>,
    /// Pages in the log at which the next step is due.
    next: u64,
}

#[derive(Debug, Default)]
struct Shared {
    /// Pages in the log after the writer's last commit.
    pages: AtomicU64,
    step: Mutex<Step>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Idle,
    /// The thread is to run a checkpoint, or is running one.
    Checkpointing,
    /// The writer is to complete the checkpoint.
    Remainder,
    Ended,
}

impl Shared {
    fn step(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has no effect after the end.
    fn set(&self, step: Step) {
        let mut now = self.step();
        if *now != Step::Ended {
            *now = step;
            self.changed.notify_all();
        }
    }

    fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }
}

impl Checkpointer {
    /// Starts the thread for the writer's connection; `None` for PostgreSQL, which does its own checkpoints.
    pub(super) fn start(connection: &mut Connection, source: &Source) -> Result<Option<Self>> {
        if connection.kind() != Kind::Sqlite {
            return Ok(None);
        }
        Self::start_within(DEFAULT_LIMITS, connection, source).map(Some)
    }

    fn start_within(limits: Limits, connection: &mut Connection, source: &Source) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let counter = Arc::clone(&shared);
        connection.set_wal_hook(move |pages| counter.pages.store(pages, Ordering::Relaxed))?;
        let (source, thread_shared) = (source.clone(), Arc::clone(&shared));
        let thread = std::thread::Builder::new().name(String::from("roster-checkpoint"));
        let thread = thread
            .spawn(move || work(limits, &source, &thread_shared))
            .map_err(|e| Error::File(String::from("starting the checkpoint thread"), e))?;
        Ok(Self { limits, shared, thread, next: limits.checkpoint_at })
    }

    /// Called by the writer between two batches.
    pub(super) fn after_batch(&mut self, connection: &Connection) {
        let pages = self.shared.pages();
        let Limits { checkpoint_at, force_at, retry_after, .. } = self.limits;
        let factor = if connection.expects_bulk_writes() { BULK_FACTOR } else { 1 };
        if pages < checkpoint_at * factor {
            self.next = checkpoint_at * factor;
            return;
        }
        let remainder_due = *self.shared.step() == Step::Remainder;
        if !remainder_due && pages < self.next {
            return;
        }
        self.next = pages + retry_after;
        if remainder_due || pages >= force_at * factor {
            if remainder_due {
                self.shared.set(Step::Idle);
            }
            if let Err(error) = connection.restart_wal() {
                tracing::warn!(%error, "the write-ahead log could not be checkpointed completely");
            }
        } else {
            self.shared.set(Step::Checkpointing);
        }
    }

    /// Waits for the thread's end.
    pub(super) fn end(self) {
        self.shared.set(Step::Ended);
        let _ = self.thread.join();
    }
}

impl Connection {
    /// For SQLite: completes a checkpoint, so that the log restarts with the next commit. Waits only briefly for
    /// readers of an older snapshot.
    fn restart_wal(&self) -> Result<()> {
        let done = self.batch("PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(RESTART)");
        self.batch(&format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis()))?;
        done
    }
}

fn work(limits: Limits, source: &Source, shared: &Shared) {
    lower_priority();
    let mut connection = None;
    loop {
        let mut step = shared.step();
        while *step != Step::Checkpointing {
            if *step == Step::Ended {
                return;
            }
            step = shared.changed.wait(step).unwrap_or_else(PoisonError::into_inner);
        }
        drop(step);
        match checkpoint(limits, source, &mut connection, shared) {
            Ok(left) => shared.set(if left <= limits.remainder { Step::Remainder } else { Step::Idle }),
            Err(error) => {
                tracing::warn!(%error, "the write-ahead log could not be checkpointed");
                connection = None;
                shared.set(Step::Idle);
            }
        }
    }
}

/// Runs passive checkpoints, a few at most, until little of the log is left. Returns the number of pages left.
fn checkpoint(limits: Limits, source: &Source, connection: &mut Option<Connection>, shared: &Shared) -> Result<u64> {
    let connection = if let Some(connection) = connection {
        connection
    } else {
        let made = source.open()?;
        made.tune()?;
        connection.insert(made)
    };
    let mut left = u64::MAX;
    for _ in 0..PASSES {
        let done = connection.one("PRAGMA wal_checkpoint(PASSIVE)", &[], |row| row.int(2))?;
        let before = std::mem::replace(&mut left, shared.pages().saturating_sub(u64::try_from(done).unwrap_or(0)));
        if left <= limits.remainder || left >= before || *shared.step() == Step::Ended {
            break;
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SMALL: Limits = Limits { checkpoint_at: 64, force_at: 512, retry_after: 64, remainder: 32 };
    /// A page with its header in the log.
    const PAGE: u64 = 4096 + 24;

    fn open(folder: &Path) -> (Source, Connection) {
        let file = folder.join("a.db");
        std::fs::write(&file, "").expect("a file");
        let source = Source::File(file);
        let connection = source.open().expect("a connection");
        connection.tune().expect("a log");
        connection.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)").expect("a table");
        (source, connection)
    }

    fn pages(folder: &Path) -> u64 {
        std::fs::metadata(folder.join("a.db-wal")).map_or(0, |log| log.len() / PAGE)
    }

    /// Commits without a pause; returns the length of the log file in pages afterwards.
    fn write(folder: &Path, checkpointer: &mut Checkpointer, connection: &Connection, commits: i64) -> u64 {
        for number in 0..commits {
            let sql = "INSERT INTO t (text) VALUES ($1)";
            connection.execute(sql, &[format!("{number:0>3000}").into()]).expect("a row");
            checkpointer.after_batch(connection);
        }
        pages(folder)
    }

    #[test]
    fn a_log_stays_bounded_under_writes_without_a_pause() {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, mut connection) = open(folder.path());
        let mut checkpointer = Checkpointer::start_within(SMALL, &mut connection, &source).expect("a thread");
        // Each commit has two pages or more.
        let long = write(folder.path(), &mut checkpointer, &connection, 2000);
        assert!(long < SMALL.force_at + 4 * SMALL.retry_after, "{long} pages");
        checkpointer.end();
        connection.batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a whole checkpoint");
        assert_eq!(pages(folder.path()), 0);
        let rows = connection.one("SELECT COUNT(*) FROM t", &[], |row| row.int(0)).expect("a count");
        assert_eq!(rows, 2000);
    }

    #[test]
    fn a_reader_of_an_older_state_only_delays_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, mut connection) = open(folder.path());
        let mut checkpointer = Checkpointer::start_within(SMALL, &mut connection, &source).expect("a thread");
        let reader = source.open_reader().expect("a reader");
        let count =
            |connection: &Connection| connection.one("SELECT COUNT(*) FROM t", &[], |row| row.int(0)).expect("a count");
        reader.begin_reading().expect("a transaction");
        assert_eq!(count(&reader), 0);
        let long = write(folder.path(), &mut checkpointer, &connection, 300);
        assert!(long > SMALL.force_at, "it needs the log: {long} pages");
        assert_eq!(count(&reader), 0, "and sees what it saw");
        reader.commit().expect("its end");
        assert_eq!(count(&reader), 300);
        let later = write(folder.path(), &mut checkpointer, &connection, 600);
        assert!(later < long + 4 * SMALL.retry_after, "it begins anew: {later} pages after {long}");
        checkpointer.end();
    }

    #[test]
    fn without_it_the_log_would_grow() {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, mut connection) = open(folder.path());
        let never = Limits { checkpoint_at: u64::MAX / BULK_FACTOR, ..SMALL };
        let mut checkpointer = Checkpointer::start_within(never, &mut connection, &source).expect("a thread");
        let long = write(folder.path(), &mut checkpointer, &connection, 800);
        assert!(long > 2 * SMALL.force_at, "{long} pages");
        checkpointer.end();
    }
}
