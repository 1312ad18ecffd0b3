//! One writer with group commit.
//!
//! A thread owns the only connection that writes. It takes all the jobs that wait, runs each in a savepoint inside one
//! transaction, commits once (that is one sync), and only then answers them. A job that refuses, fails or panics is rolled
//! back alone. Nobody is told of success before the commit is on disk, and a caller that went away changes nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::Connection;
use crate::error::{Error, Result};

/// Most jobs in one commit.
const BATCH_MAX: usize = 256;
/// Most jobs that wait; more are refused after [`QUEUE_WAIT`].
const QUEUE_MAX: usize = 4096;
const QUEUE_WAIT: Duration = Duration::from_secs(5);

/// What becomes of a job's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    Drop,
}

/// Something to be done by the writer.
pub trait Job: Send {
    /// Does it, inside a savepoint.
    fn run(&mut self, connection: &Connection) -> Verdict;
    /// Told once the transaction is on disk, or why it isn't. `Ok` also for a job whose changes were dropped.
    fn finish(self: Box<Self>, durable: Result<()>);
}

/// Upper bounds of the groups in which [`WriterStatistics`] counts batches; the last group has none.
pub const BATCH_BOUNDS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// How the writer has been doing.
#[derive(Debug, Default)]
pub struct WriterStatistics {
    pub queued: AtomicU64,
    pub operations: AtomicU64,
    pub largest: AtomicU64,
    /// How many batches had a size up to the bound of the same place in [`BATCH_BOUNDS`].
    pub batches: [AtomicU64; BATCH_BOUNDS.len()],
}

impl WriterStatistics {
    fn count(&self, size: usize) {
        let size = size as u64;
        self.operations.fetch_add(size, Ordering::Relaxed);
        self.largest.fetch_max(size, Ordering::Relaxed);
        if let Some(place) = BATCH_BOUNDS.iter().position(|bound| size <= *bound) {
            self.batches[place].fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The way to the writer's thread.
#[derive(Debug)]
pub struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    statistics: Arc<WriterStatistics>,
}

impl Writer {
    /// Starts the thread. `on_lost` is called when a batch didn't become durable, before its jobs hear of it.
    /// The handle ends when every [`Writer`] is gone and the queue is done.
    pub fn start(
        connection: Connection,
        on_lost: impl Fn() + Send + 'static,
    ) -> Result<(Self, std::thread::JoinHandle<()>)> {
        let (jobs, waiting) = mpsc::channel(QUEUE_MAX);
        let statistics = Arc::new(WriterStatistics::default());
        let counts = Arc::clone(&statistics);
        let thread = std::thread::Builder::new()
            .name(String::from("roster-writer"))
            .spawn(move || work(&connection, waiting, &counts, &on_lost))
            .map_err(|e| Error::File(String::from("starting the writer's thread"), e))?;
        Ok((Self { jobs, statistics }, thread))
    }

    /// Puts a job into the queue; waits a bounded time for a place.
    pub async fn submit(&self, job: Box<dyn Job>) -> Result<()> {
        self.statistics.queued.fetch_add(1, Ordering::Relaxed);
        let sent = self.jobs.send_timeout(job, QUEUE_WAIT).await;
        sent.map_err(|error| {
            self.statistics.queued.fetch_sub(1, Ordering::Relaxed);
            match error {
                mpsc::error::SendTimeoutError::Timeout(_) => Error::Busy("too many writes wait"),
                mpsc::error::SendTimeoutError::Closed(_) => Error::Closed,
            }
        })
    }

    pub fn statistics(&self) -> &WriterStatistics {
        &self.statistics
    }
}

fn work(
    connection: &Connection,
    mut waiting: mpsc::Receiver<Box<dyn Job>>,
    statistics: &WriterStatistics,
    on_lost: &dyn Fn(),
) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX {
            match waiting.try_recv() {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        statistics.queued.fetch_sub(batch.len() as u64, Ordering::Relaxed);
        statistics.count(batch.len());
        let durable = commit(connection, &mut batch);
        if let Err(error) = &durable {
            on_lost();
            tracing::error!(%error, jobs = batch.len(), "a batch of writes was not committed");
        }
        for job in batch {
            job.finish(match &durable {
                Ok(()) => Ok(()),
                Err(Error::Full) => Err(Error::Full),
                Err(Error::Busy(why)) => Err(Error::Busy(why)),
                Err(error) => Err(Error::Corrupt(error.to_string())),
            });
        }
    }
    // The last one out folds the log into the file, so that what is left behind is one file. Who isn't the last (the command
    // line, beside a server) must not wait for the others' readers while he keeps their writers out.
    if let Err(error) = connection.batch("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "the write-ahead log was not folded in at the end");
    }
}

fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<()> {
    connection.execute("BEGIN IMMEDIATE", &[])?;
    let done = batch.iter_mut().try_for_each(|job| savepoint(connection, &mut **job));
    match done.and_then(|()| connection.execute("COMMIT", &[])) {
        Ok(_) => Ok(()),
        Err(error) => {
            if !connection.is_idle() {
                connection.batch("ROLLBACK")?;
            }
            Err(error)
        }
    }
}

fn savepoint(connection: &Connection, job: &mut dyn Job) -> Result<()> {
    connection.execute("SAVEPOINT operation", &[])?;
    let verdict = catch_unwind(AssertUnwindSafe(|| job.run(connection))).unwrap_or(Verdict::Drop);
    // A full disk or an I/O error may cost the whole transaction, not just the statement.
    if connection.is_idle() {
        return Err(Error::Busy("it gave the transaction up"));
    }
    if verdict == Verdict::Drop {
        connection.execute("ROLLBACK TO operation", &[])?;
    }
    connection.execute("RELEASE operation", &[])?;
    Ok(())
}
