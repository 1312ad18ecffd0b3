//! A single writer with group commit.
//!
//! A thread owns the only connection of this process that writes (with PostgreSQL there are several threads, each with
//! realms of its own). It takes all queued jobs, runs each in a savepoint within one transaction (a single job needs
//! none), commits once (one sync), and only then answers them. A job that refuses, fails or panics is rolled back
//! alone. Success is never reported before the commit is durable, and a caller that goes away changes nothing.
//!
//! On PostgreSQL other processes write too. A transaction there is for one realm and first updates the realm's row, so
//! a realm has one writer at a time, and its next events are visible before anybody can assign the numbers that follow.
//! If memory can answer everything that the jobs ask, that update is sent last instead, as an optimistic commit: it has
//! no effect unless the realm's log still ends where memory says.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::checkpoint::Checkpointer;
use super::priority::lower_priority;
use super::{Connection, Kind, Savepoint, Source};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::prefetch::Prefetch;

/// Most jobs in one commit.
const BATCH_MAX: usize = 256;
/// Most jobs in the queue; further ones are refused after [`QUEUE_WAIT`].
const QUEUE_MAX: usize = 4096;
const QUEUE_WAIT: Duration = Duration::from_secs(5);
/// Attempts at something that fails with a retryable error.
const TRIES: u32 = 4;
/// Batches that begin by locking the realm after an optimistic one has failed.
const PESSIMISTIC_BATCHES: u32 = 32;

/// Whether a job's changes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    Drop,
}

/// An operation for the writer.
pub trait Job: Send {
    /// The raw id of the realm that it changes; `None` if it belongs to the server.
    fn realm(&self) -> Option<i64>;
    /// Entities that it will look up.
    fn names(&self) -> &Prefetch;
    /// Runs the job, in a way that can be rolled back alone. May be called again after a rollback. `batch`: what was
    /// done before it in the same transaction.
    fn run(&mut self, connection: &Connection, batch: &Batch) -> Verdict;
    /// Called once the transaction is durable, or with the reason why it isn't. `Ok` also for a job whose changes were
    /// dropped.
    fn finish(self: Box<Self>, durable: Result<()>);
}

/// Upper bounds of the groups in which [`WriterStatistics`] counts batches; no batch is larger than the last one.
pub const BATCH_BOUNDS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// Counters of the writer.
#[derive(Debug, Default)]
pub struct WriterStatistics {
    pub queued: AtomicU64,
    pub operations: AtomicU64,
    pub largest: AtomicU64,
    /// Number of batches by size; the bounds are at the same place in [`BATCH_BOUNDS`].
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

/// Is notified of the writer's commits.
pub trait CommitObserver: Send {
    /// Where this realm's log ends as far as memory knows: its head, and the version of its roles. Other processes may
    /// have advanced it.
    fn cached_head(&self, realm: i64) -> Option<(i64, i64)>;
    /// Called with the jobs of the next transaction before they run.
    fn prefetch(&self, connection: &Connection, batch: &[Box<dyn Job>]) -> Result<()>;
    /// A batch was committed, and hasn't been acknowledged yet. The connection is in no transaction.
    fn committed(&self, connection: &Connection, batch: Batch);
    /// A batch was rolled back; its jobs haven't been answered yet.
    fn rolled_back(&self);
    /// It is unknown whether a batch was committed, or the connection was replaced by a new one.
    fn invalidated(&self);
}

/// A handle to a writer thread.
#[derive(Debug)]
pub struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    statistics: Arc<WriterStatistics>,
}

impl Writer {
    /// Starts the thread. It ends when every [`Writer`] is dropped and the queue is empty. If called within a Tokio
    /// runtime, callers may be answered from that runtime.
    pub fn start(
        mut connection: Connection,
        source: Source,
        observer: Box<dyn CommitObserver>,
    ) -> Result<(Self, std::thread::JoinHandle<()>)> {
        let checkpointer = Checkpointer::start(&mut connection, &source)?;
        let (jobs, waiting) = mpsc::channel(QUEUE_MAX);
        let statistics = Arc::new(WriterStatistics::default());
        let counts = Arc::clone(&statistics);
        let runtime = Handle::try_current().ok();
        let thread = std::thread::Builder::new()
            .name(String::from("roster-writer"))
            .spawn(move || {
                let writer = WriterConnection { connection, source, pessimistic_batches: 0 };
                work(writer, checkpointer, waiting, &counts, &*observer, runtime.as_ref());
            })
            .map_err(|e| Error::File(String::from("starting the writer thread"), e))?;
        Ok((Self { jobs, statistics }, thread))
    }

    /// Queues a job; waits a bounded time for room.
    pub async fn submit(&self, job: Box<dyn Job>) -> Result<()> {
        self.statistics.queued.fetch_add(1, Ordering::Relaxed);
        let sent = self.jobs.send_timeout(job, QUEUE_WAIT).await;
        sent.map_err(|error| {
            self.statistics.queued.fetch_sub(1, Ordering::Relaxed);
            match error {
                mpsc::error::SendTimeoutError::Timeout(_) => Error::Busy("too many writes are queued"),
                mpsc::error::SendTimeoutError::Closed(_) => Error::Closed,
            }
        })
    }

    pub fn statistics(&self) -> &WriterStatistics {
        &self.statistics
    }
}

/// The writer's connection, which is replaced when it is lost.
struct WriterConnection {
    connection: Connection,
    source: Source,
    /// Number of batches for which the realm is locked first, since memory was wrong: other processes write the same
    /// realms.
    pessimistic_batches: u32,
}

impl WriterConnection {
    /// Whether to run the next batch optimistically. On a file, beginning a transaction costs nothing.
    fn try_optimistic(&mut self) -> bool {
        let pessimistic = self.pessimistic_batches > 0;
        self.pessimistic_batches = self.pessimistic_batches.saturating_sub(1);
        !pessimistic && self.connection.kind() == Kind::Postgres
    }

    const fn back_off(&mut self) {
        self.pessimistic_batches = PESSIMISTIC_BATCHES;
    }

    /// A connection that is open as far as is known.
    fn get(&mut self, observer: &dyn CommitObserver) -> Result<&Connection> {
        // If the server had closed the connection before, it would be unknown whether a message reached it.
        self.connection.process_messages();
        if self.connection.is_lost() {
            self.connection = self.source.open()?;
            // It may be a different server.
            observer.invalidated();
            tracing::info!("reconnected to the database");
        }
        Ok(&self.connection)
    }
}

fn work(
    mut writer: WriterConnection,
    mut checkpointer: Option<Checkpointer>,
    mut waiting: mpsc::Receiver<Box<dyn Job>>,
    statistics: &WriterStatistics,
    observer: &dyn CommitObserver,
    runtime: Option<&Handle>,
) {
    if writer.connection.kind() == Kind::Sqlite {
        lower_priority();
    }
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX
            && let Ok(job) = waiting.try_recv()
        {
            batch.push(job);
        }
        statistics.queued.fetch_sub(batch.len() as u64, Ordering::Relaxed);
        for mut batch in by_transaction(writer.connection.kind(), batch) {
            statistics.count(batch.len());
            let durable = match commit(&mut writer, &mut batch, observer) {
                Ok(done) => {
                    observer.committed(&writer.connection, done);
                    Ok(())
                }
                Err(error) => {
                    // With these errors it is certain that nothing was committed.
                    let undone =
                        matches!(error, Error::Busy(_) | Error::Full | Error::Unserializable | Error::Taken(_));
                    if undone && !writer.connection.is_lost() {
                        observer.rolled_back();
                    } else {
                        observer.invalidated();
                    }
                    tracing::error!(%error, jobs = batch.len(), "a batch of writes was not committed");
                    Err(error)
                }
            };
            answer(runtime, batch, durable);
        }
        if let Some(checkpointer) = &mut checkpointer {
            checkpointer.after_batch(&writer.connection);
        }
    }
    if let Some(checkpointer) = checkpointer {
        checkpointer.end();
    }
    // The last process to close the database checkpoints the log into the file, so that a single file remains. Any
    // other (such as the command line beside a server) must not wait for readers while it blocks writers.
    if writer.connection.kind() == Kind::Sqlite
        && let Err(error) = writer.connection.batch("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)")
    {
        tracing::warn!(%error, "the write-ahead log was not checkpointed at shutdown");
    }
}

/// Reports the outcome to the jobs. Each report wakes a task while the next batch waits; so where there are many, that
/// is done on the runtime.
fn answer(runtime: Option<&Handle>, jobs: Vec<Box<dyn Job>>, durable: Result<()>) {
    let alone = jobs.len() == 1;
    let durable = durable.map_err(Arc::new);
    let tell = move || {
        for job in jobs {
            job.finish(durable.as_ref().copied().map_err(|error| match &**error {
                Error::Full => Error::Full,
                Error::Busy(why) => Error::Busy(why),
                Error::Unserializable => Error::Unserializable,
                Error::Unreachable(why) => Error::Unreachable(why.clone()),
                _ => Error::NotCommitted(Arc::clone(error)),
            }));
        }
    };
    match runtime {
        Some(runtime) if !alone => drop(runtime.spawn(async { tell() })),
        _ => tell(),
    }
}

/// Splits jobs into transactions. The order of a realm's jobs is kept; the order between realms doesn't matter.
fn by_transaction(kind: Kind, batch: Vec<Box<dyn Job>>) -> Vec<Vec<Box<dyn Job>>> {
    if kind == Kind::Sqlite {
        return vec![batch];
    }
    let mut groups: Vec<Vec<Box<dyn Job>>> = Vec::new();
    for job in batch {
        let realm = job.realm();
        let group =
            groups.iter_mut().find(|group| realm.is_some() && group.first().is_some_and(|j| j.realm() == realm));
        match group {
            Some(group) => group.push(job),
            None => groups.push(vec![job]),
        }
    }
    groups
}

/// How a batch is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    /// Assuming that memory is up to date. A server is contacted only at the end: one message and its answer.
    Optimistic,
    /// After locking the realm. New rows are deferred.
    Locked,
    /// Like [`Self::Locked`], but without deferral, so that a refused row is attributed to its own operation.
    OneByOne,
}

/// Runs and commits a batch; on an error nothing of it was committed, or that is unknown.
fn commit(writer: &mut WriterConnection, batch: &mut [Box<dyn Job>], observer: &dyn CommitObserver) -> Result<Batch> {
    let realm = batch.first().and_then(|job| job.realm());
    let mut tries = 1;
    let mut strategy = if writer.try_optimistic() { Strategy::Optimistic } else { Strategy::Locked };
    loop {
        let connection = writer.get(observer)?;
        let done = Batch::default();
        connection.defer_rows(strategy != Strategy::OneByOne);
        // Entities are prefetched without a lock.
        let prefetched = observer.prefetch(connection, batch);
        let expected = realm.filter(|_| strategy == Strategy::Optimistic);
        let expected = expected.and_then(|realm| Some((realm, observer.cached_head(realm)?)));
        let begun = prefetched.and_then(|()| match expected {
            Some((realm, end)) => {
                connection.begin_optimistic(realm, end);
                Ok(())
            }
            None => connection.begin_writing(realm),
        });
        let ran = begun.and_then(|()| run(connection, batch, &done));
        let outcome: Result<()> = match ran {
            Ok(false) => return Ok(done),
            Ok(true) => match connection.commit_with(&done.moved_heads()) {
                Ok(()) => return Ok(done),
                // It is unknown whether an unanswered commit took place, so it must not be repeated. With these errors
                // it is certain that it didn't.
                Err(error) if matches!(error, Error::Unserializable) || connection.deferred_rows_failed() => Err(error),
                Err(error) => return Err(roll_back(connection, error)),
            },
            Err(error) => Err(error),
        };
        let Err(error) = outcome else { return Ok(done) };
        let error = roll_back(connection, connection.take_begin_error().unwrap_or(error));
        if connection.deferred_rows_failed() && !connection.is_lost() {
            strategy = Strategy::OneByOne;
            continue;
        }
        if expected.is_some() && matches!(error, Error::Unserializable) {
            writer.back_off();
            strategy = Strategy::Locked;
            continue;
        }
        // Nothing was committed: retry with a new connection, or after the transaction that this one conflicted with.
        let again = matches!(error, Error::Unserializable) || (connection.is_lost() && tries == 1);
        if !again || tries >= TRIES {
            return Err(error);
        }
        tries += 1;
    }
}

/// Rolls a failed transaction back; returns the error to report.
fn roll_back(connection: &Connection, error: Error) -> Error {
    match connection.rollback() {
        Ok(()) => error,
        Err(worse) if connection.is_lost() => {
            tracing::debug!(%worse, "the connection went before the transaction could be rolled back");
            error
        }
        Err(worse) => worse,
    }
}

/// Runs the jobs of a batch. `true` if there is something to commit.
fn run(connection: &Connection, batch: &mut [Box<dyn Job>], done: &Batch) -> Result<bool> {
    let something = if let [job] = batch {
        run_alone(connection, &mut **job, done)?
    } else {
        batch.iter_mut().try_for_each(|job| run_in_savepoint(connection, &mut **job, done))?;
        true
    };
    Ok(something)
}

/// Runs a job that has the transaction to itself and needs no savepoint.
fn run_alone(connection: &Connection, job: &mut dyn Job, done: &Batch) -> Result<bool> {
    let mut tries = 1;
    while attempt(connection, job, done)? == Verdict::Drop {
        // An optimistic run may have refused by mistake, so the assumption is checked.
        connection.ensure_begun()?;
        connection.rollback()?;
        done.reset();
        if !connection.take_retryable_failure() || tries >= TRIES {
            return Ok(false);
        }
        tries += 1;
        connection.begin_writing(job.realm())?;
    }
    Ok(true)
}

fn run_in_savepoint(connection: &Connection, job: &mut dyn Job, done: &Batch) -> Result<()> {
    connection.savepoint(Savepoint::Operation)?;
    let mut tries = 1;
    loop {
        let mark = done.mark();
        if attempt(connection, job, done)? == Verdict::Keep {
            break;
        }
        connection.rollback_to(Savepoint::Operation)?;
        done.rollback_to(mark);
        if !connection.take_retryable_failure() || tries >= TRIES {
            break;
        }
        tries += 1;
    }
    connection.release(Savepoint::Operation)
}

fn attempt(connection: &Connection, job: &mut dyn Job, done: &Batch) -> Result<Verdict> {
    connection.take_retryable_failure();
    let verdict = catch_unwind(AssertUnwindSafe(|| job.run(connection, done))).unwrap_or(Verdict::Drop);
    if connection.deferred_rows_failed() {
        return Err(Error::Busy("deferred rows were refused"));
    }
    if connection.begin_failed() {
        return Err(Error::Busy("the transaction could not begin"));
    }
    // A full disk, an I/O error or a lost server may roll back the whole transaction, not just the statement.
    if connection.is_idle() {
        return Err(if connection.is_lost() {
            Error::Unreachable(String::from("it closed the connection during a transaction"))
        } else {
            Error::Busy("it rolled the transaction back")
        });
    }
    Ok(verdict)
}
