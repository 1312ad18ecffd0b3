//! How the write-ahead log of a file is folded into the file.
//!
//! What is committed stands in the log. A checkpoint copies each page that is there to the file, once for all the changes that it
//! gathered, and after a whole one the log begins anew: so it is done rarely, and beside the writer, by a thread of its own. That
//! thread never comes to an end while others write without a pause; the rest is little, and the writer does it between two batches.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::priority::stand_back;
use super::sqlite::PATIENCE;
use super::{Connection, Kind, Source};
use crate::error::{Error, Result};

/// When what is done, in pages of the log.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// It's folded.
    fold: u64,
    /// The writer does all that is left, however much.
    hard: u64,
    /// How far it grows before something is tried again that readers of an older state were in the way of.
    again: u64,
    /// What is little enough for the writer.
    rest: u64,
}

/// From 128 MiB on, and hardly beyond 512.
const USUAL: Limits = Limits { fold: 32_768, hard: 131_072, again: 8192, rest: 1024 };
/// So much more where much is expected: keys in no order change ever other pages.
const MUCH: u64 = 4;
/// How often the thread goes through the log in turn.
const PASSES: u32 = 4;

/// What the writer knows of the log, and the thread that folds it.
#[derive(Debug)]
pub(super) struct Log {
    limits: Limits,
    shared: Arc<Shared>,
    thread: std::thread::JoinHandle<()>,
    /// Pages at which the thread is asked next.
    next: u64,
}

#[derive(Debug, Default)]
struct Shared {
    /// In the log, after the writer's last commit.
    pages: AtomicU64,
    step: Mutex<Step>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Nothing,
    /// The thread is to fold, or does.
    Folding,
    /// The writer is to do the rest.
    Rest,
    Ended,
}

impl Shared {
    fn step(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unless it's over.
    fn put(&self, step: Step) {
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

impl Log {
    /// For the writer's connection; a server has a log of its own.
    pub(super) fn watch(connection: &mut Connection, source: &Source) -> Result<Option<Self>> {
        if connection.kind() != Kind::Sqlite {
            return Ok(None);
        }
        Self::watch_within(USUAL, connection, source).map(Some)
    }

    fn watch_within(limits: Limits, connection: &mut Connection, source: &Source) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let counts = Arc::clone(&shared);
        connection.watch_log(move |pages| counts.pages.store(pages, Ordering::Relaxed))?;
        let (source, told) = (source.clone(), Arc::clone(&shared));
        let thread = std::thread::Builder::new().name(String::from("roster-checkpoint"));
        let thread = thread
            .spawn(move || work(limits, &source, &told))
            .map_err(|e| Error::File(String::from("starting the checkpoints' thread"), e))?;
        Ok(Self { limits, shared, thread, next: limits.fold })
    }

    /// For the writer, between two batches.
    pub(super) fn mind(&mut self, connection: &Connection) {
        let pages = self.shared.pages();
        let Limits { fold, hard, again, .. } = self.limits;
        let many = if connection.expects_much() { MUCH } else { 1 };
        if pages < fold * many {
            self.next = fold * many;
            return;
        }
        let rest = *self.shared.step() == Step::Rest;
        if !rest && pages < self.next {
            return;
        }
        self.next = pages + again;
        if rest || pages >= hard * many {
            if rest {
                self.shared.put(Step::Nothing);
            }
            if let Err(error) = connection.begin_log_anew() {
                tracing::warn!(%error, "the write-ahead log could not be folded in to its end");
            }
        } else {
            self.shared.put(Step::Folding);
        }
    }

    /// Waits for the thread's end.
    pub(super) fn end(self) {
        self.shared.put(Step::Ended);
        let _ = self.thread.join();
    }
}

impl Connection {
    /// For SQLite: folds all of the write-ahead log in, so that it begins anew with the next commit. Readers of an older state are waited
    /// for, but not long.
    fn begin_log_anew(&self) -> Result<()> {
        let done = self.batch("PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(RESTART)");
        self.batch(&format!("PRAGMA busy_timeout = {}", PATIENCE.as_millis()))?;
        done
    }
}

fn work(limits: Limits, source: &Source, shared: &Shared) {
    stand_back();
    let mut connection = None;
    loop {
        let mut step = shared.step();
        while *step != Step::Folding {
            if *step == Step::Ended {
                return;
            }
            step = shared.changed.wait(step).unwrap_or_else(PoisonError::into_inner);
        }
        drop(step);
        match fold(limits, source, &mut connection, shared) {
            Ok(left) => shared.put(if left <= limits.rest { Step::Rest } else { Step::Nothing }),
            Err(error) => {
                tracing::warn!(%error, "the write-ahead log could not be folded in");
                connection = None;
                shared.put(Step::Nothing);
            }
        }
    }
}

/// Goes through the log until little is left of it, a few times at most. How much is left.
fn fold(limits: Limits, source: &Source, connection: &mut Option<Connection>, shared: &Shared) -> Result<u64> {
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
        if left <= limits.rest || left >= before || *shared.step() == Step::Ended {
            break;
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SMALL: Limits = Limits { fold: 64, hard: 512, again: 64, rest: 32 };
    /// A page, and what stands before it in the log.
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

    /// Commits without a pause, and how long the log's file is then.
    fn write(folder: &Path, log: &mut Log, connection: &Connection, commits: i64) -> u64 {
        for number in 0..commits {
            let sql = "INSERT INTO t (text) VALUES ($1)";
            connection.execute(sql, &[format!("{number:0>3000}").into()]).expect("a row");
            log.mind(connection);
        }
        pages(folder)
    }

    #[test]
    fn a_log_stays_bounded_under_writes_without_a_pause() {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, mut connection) = open(folder.path());
        let mut log = Log::watch_within(SMALL, &mut connection, &source).expect("a thread");
        // Each commit has two pages or more.
        let long = write(folder.path(), &mut log, &connection, 2000);
        assert!(long < SMALL.hard + 4 * SMALL.again, "{long} pages");
        log.end();
        connection.batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a whole checkpoint");
        assert_eq!(pages(folder.path()), 0);
        let rows = connection.one("SELECT COUNT(*) FROM t", &[], |row| row.int(0)).expect("a count");
        assert_eq!(rows, 2000);
    }

    #[test]
    fn a_reader_of_an_older_state_only_delays_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, mut connection) = open(folder.path());
        let mut log = Log::watch_within(SMALL, &mut connection, &source).expect("a thread");
        let reader = source.open_reader().expect("a reader");
        let count =
            |connection: &Connection| connection.one("SELECT COUNT(*) FROM t", &[], |row| row.int(0)).expect("a count");
        reader.begin_reading().expect("a transaction");
        assert_eq!(count(&reader), 0);
        let long = write(folder.path(), &mut log, &connection, 300);
        assert!(long > SMALL.hard, "it needs the log: {long} pages");
        assert_eq!(count(&reader), 0, "and sees what it saw");
        reader.commit().expect("its end");
        assert_eq!(count(&reader), 300);
        let later = write(folder.path(), &mut log, &connection, 600);
        assert!(later < long + 4 * SMALL.again, "it begins anew: {later} pages after {long}");
        log.end();
    }

    #[test]
    fn without_it_the_log_would_grow() {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, mut connection) = open(folder.path());
        let never = Limits { fold: u64::MAX / MUCH, ..SMALL };
        let mut log = Log::watch_within(never, &mut connection, &source).expect("a thread");
        let long = write(folder.path(), &mut log, &connection, 800);
        assert!(long > 2 * SMALL.hard, "{long} pages");
        log.end();
    }
}
