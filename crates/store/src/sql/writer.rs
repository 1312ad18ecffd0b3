//! One writer with group commit.
//!
//! A thread owns the only connection that writes (of this process, to PostgreSQL: some threads, each with realms of its own). It
//! takes all the jobs that wait, runs each in a savepoint inside one transaction (one that is alone needs none), commits once (that is one sync), and only then
//! answers them. A job that refuses, fails or panics is rolled back alone. Nobody is told of success before the commit is on disk,
//! and a caller that went away changes nothing.
//!
//! On PostgreSQL other processes write too. A transaction there is of one realm and its first statement changes the realm's row, so a realm has
//! one writer at a time, and its next events are visible before anybody can number the ones behind them. That statement is also its last
//! where memory answers all that the jobs ask: then it does nothing unless the realm's log ends where memory believes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::log::Log;
use super::priority::stand_back;
use super::{Connection, Kind, Savepoint, Source};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::names::Names;

/// Most jobs in one commit.
const BATCH_MAX: usize = 256;
/// Most jobs that wait; more are refused after [`QUEUE_WAIT`].
const QUEUE_MAX: usize = 4096;
const QUEUE_WAIT: Duration = Duration::from_secs(5);
/// How often something is done that failed for what another try may not meet.
const TRIES: u32 = 4;
/// How many batches begin with the realm's lock after memory was wrong.
const DOUBTS: u32 = 32;

/// What becomes of a job's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    Drop,
}

/// Something to be done by the writer.
pub trait Job: Send {
    /// The raw id of the realm that it changes; `None` if it belongs to the server.
    fn realm(&self) -> Option<i64>;
    /// What it will want to know something about.
    fn names(&self) -> &Names;
    /// Does it, so that it can be rolled back alone. May be called again after its changes were. `batch`: what was done before it in the same
    /// transaction.
    fn run(&mut self, connection: &Connection, batch: &Batch) -> Verdict;
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

/// What is told of the writer's commits.
pub trait Witness: Send {
    /// Where this realm's log ends, as far as is known here: its head, and the version of its roles. Others may have moved it on.
    fn believed(&self, realm: i64) -> Option<(i64, i64)>;
    /// These will run in the next transaction.
    fn foresee(&self, connection: &Connection, batch: &[Box<dyn Job>]) -> Result<()>;
    /// That was committed, and nobody has heard of it yet. The connection is in no transaction.
    fn committed(&self, connection: &Connection, batch: Batch);
    /// A batch was rolled back, and its jobs haven't heard of it yet.
    fn undone(&self);
    /// The same, and nobody knows whether it was; or the connection is another one from now on.
    fn lost(&self);
}

/// The way to the writer's thread.
#[derive(Debug)]
pub struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    statistics: Arc<WriterStatistics>,
}

impl Writer {
    /// Starts the thread. The handle ends when every [`Writer`] is gone and the queue is done. Whoever waits for a job does so in the runtime
    /// in which this is called, if it's called in one.
    pub fn start(
        mut connection: Connection,
        source: Source,
        witness: Box<dyn Witness>,
    ) -> Result<(Self, std::thread::JoinHandle<()>)> {
        let log = Log::watch(&mut connection, &source)?;
        let (jobs, waiting) = mpsc::channel(QUEUE_MAX);
        let statistics = Arc::new(WriterStatistics::default());
        let counts = Arc::clone(&statistics);
        let runtime = Handle::try_current().ok();
        let thread = std::thread::Builder::new()
            .name(String::from("roster-writer"))
            .spawn(move || {
                let link = Link { connection, source, doubts: 0 };
                work(link, log, waiting, &counts, &*witness, runtime.as_ref());
            })
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

/// The writer's connection, and how to get another one.
struct Link {
    connection: Connection,
    source: Source,
    /// For how many batches memory isn't believed, since it was wrong: others write the same realms.
    doubts: u32,
}

impl Link {
    /// Whether the next batch may be done on what memory believes. To begin a transaction of a file costs nothing.
    fn believes(&mut self) -> bool {
        let doubted = self.doubts > 0;
        self.doubts = self.doubts.saturating_sub(1);
        !doubted && self.connection.kind() == Kind::Postgres
    }

    const fn doubt(&mut self) {
        self.doubts = DOUBTS;
    }

    /// One that stands, as far as one can know.
    fn get(&mut self, witness: &dyn Witness) -> Result<&Connection> {
        // Of a message to a server that had gone away before, nobody would know whether it was heard.
        self.connection.listen();
        if self.connection.is_lost() {
            self.connection = self.source.open()?;
            // It may be another server.
            witness.lost();
            tracing::info!("connected to the database again");
        }
        Ok(&self.connection)
    }
}

fn work(
    mut link: Link,
    mut log: Option<Log>,
    mut waiting: mpsc::Receiver<Box<dyn Job>>,
    statistics: &WriterStatistics,
    witness: &dyn Witness,
    runtime: Option<&Handle>,
) {
    if link.connection.kind() == Kind::Sqlite {
        stand_back();
    }
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX
            && let Ok(job) = waiting.try_recv()
        {
            batch.push(job);
        }
        statistics.queued.fetch_sub(batch.len() as u64, Ordering::Relaxed);
        for mut batch in by_transaction(link.connection.kind(), batch) {
            statistics.count(batch.len());
            let durable = match commit(&mut link, &mut batch, witness) {
                Ok(done) => {
                    witness.committed(&link.connection, done);
                    Ok(())
                }
                Err(error) => {
                    // Of these it is known that nothing was committed.
                    let undone =
                        matches!(error, Error::Busy(_) | Error::Full | Error::Unserializable | Error::Taken(_));
                    if undone && !link.connection.is_lost() {
                        witness.undone();
                    } else {
                        witness.lost();
                    }
                    tracing::error!(%error, jobs = batch.len(), "a batch of writes was not committed");
                    Err(error)
                }
            };
            answer(runtime, batch, durable);
        }
        if let Some(log) = &mut log {
            log.mind(&link.connection);
        }
    }
    if let Some(log) = log {
        log.end();
    }
    // The last one out folds the log into the file, so that what is left behind is one file. Who isn't the last (the command
    // line, beside a server) must not wait for the others' readers while he keeps their writers out.
    if link.connection.kind() == Kind::Sqlite
        && let Err(error) = link.connection.batch("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)")
    {
        tracing::warn!(%error, "the write-ahead log was not folded in at the end");
    }
}

/// Tells the jobs what became of them. Each one that is told wakes somebody up, and the next batch waits meanwhile; so the runtime in which
/// they are waited for does that, where there are many.
fn answer(runtime: Option<&Handle>, jobs: Vec<Box<dyn Job>>, durable: Result<()>) {
    let alone = jobs.len() == 1;
    let tell = move || {
        for job in jobs {
            job.finish(match &durable {
                Ok(()) => Ok(()),
                Err(Error::Full) => Err(Error::Full),
                Err(Error::Busy(why)) => Err(Error::Busy(why)),
                Err(Error::Unserializable) => Err(Error::Unserializable),
                Err(Error::Unreachable(why)) => Err(Error::Unreachable(why.clone())),
                Err(error) => Err(Error::Corrupt(error.to_string())),
            });
        }
    };
    match runtime {
        Some(runtime) if !alone => drop(runtime.spawn(async { tell() })),
        _ => tell(),
    }
}

/// What is committed together. The order of a realm's jobs is kept; that of different realms means nothing.
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

/// How a batch is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// On what memory believes. A server is told only at the end, all at once: one message and its answer.
    Believing,
    /// After the realm was locked. New rows wait for each other.
    Locked,
    /// The same, and each operation's rows are sent in its turn: then what is refused is its own.
    InTurn,
}

/// Commits a batch, or says why nothing of it was.
fn commit(link: &mut Link, batch: &mut [Box<dyn Job>], witness: &dyn Witness) -> Result<Batch> {
    let realm = batch.first().and_then(|job| job.realm());
    let mut tries = 1;
    let mut manner = if link.believes() { Manner::Believing } else { Manner::Locked };
    loop {
        let connection = link.get(witness)?;
        let done = Batch::default();
        connection.begin_late(manner != Manner::InTurn);
        // What has to be read is read first, without a lock.
        let foreseen = witness.foresee(connection, batch);
        let believed = realm.filter(|_| manner == Manner::Believing);
        let believed = believed.and_then(|realm| Some((realm, witness.believed(realm)?)));
        let begun = foreseen.and_then(|()| match believed {
            Some((realm, end)) => {
                connection.begin_believing(realm, end);
                Ok(())
            }
            None => connection.begin_writing(realm),
        });
        let ran = begun.and_then(|()| run(connection, batch, &done));
        let outcome: Result<()> = match ran {
            Ok(false) => return Ok(done),
            Ok(true) => match connection.commit_with(&done.moved()) {
                Ok(()) => return Ok(done),
                // Whether a commit that wasn't answered took place, nobody knows: it must not be done again. Of these it is known.
                Err(error) if matches!(error, Error::Unserializable) || connection.late_rows_failed() => Err(error),
                Err(error) => return Err(given_up(connection, error)),
            },
            Err(error) => Err(error),
        };
        let Err(error) = outcome else { return Ok(done) };
        let error = given_up(connection, connection.why_unbegun().unwrap_or(error));
        if connection.late_rows_failed() && !connection.is_lost() {
            manner = Manner::InTurn;
            continue;
        }
        if believed.is_some() && matches!(error, Error::Unserializable) {
            link.doubt();
            manner = Manner::Locked;
            continue;
        }
        // Nothing of it was committed: a lost connection is made anew, a loser of a race comes after the winner.
        let again = matches!(error, Error::Unserializable) || (connection.is_lost() && tries == 1);
        if !again || tries >= TRIES {
            return Err(error);
        }
        tries += 1;
    }
}

/// Ends a transaction that failed.
fn given_up(connection: &Connection, error: Error) -> Error {
    match connection.rollback() {
        Ok(()) => error,
        Err(worse) if connection.is_lost() => {
            tracing::debug!(%worse, "the connection went before the transaction could be rolled back");
            error
        }
        Err(worse) => worse,
    }
}

/// Whether there is something to commit.
fn run(connection: &Connection, batch: &mut [Box<dyn Job>], done: &Batch) -> Result<bool> {
    let something = if let [job] = batch {
        alone(connection, &mut **job, done)?
    } else {
        batch.iter_mut().try_for_each(|job| savepoint(connection, &mut **job, done))?;
        true
    };
    Ok(something)
}

/// A job that has the transaction for itself, and needs no savepoint in it.
fn alone(connection: &Connection, job: &mut dyn Job, done: &Batch) -> Result<bool> {
    let mut tries = 1;
    while attempt(connection, job, done)? == Verdict::Drop {
        // What it refused on a belief, it may have refused wrongly.
        connection.begin_now()?;
        connection.rollback()?;
        done.reset();
        if !connection.stumbled() || tries >= TRIES {
            return Ok(false);
        }
        tries += 1;
        connection.begin_writing(job.realm())?;
    }
    Ok(true)
}

fn savepoint(connection: &Connection, job: &mut dyn Job, done: &Batch) -> Result<()> {
    connection.savepoint(Savepoint::Operation)?;
    let mut tries = 1;
    loop {
        let mark = done.mark();
        if attempt(connection, job, done)? == Verdict::Keep {
            break;
        }
        connection.back_to(Savepoint::Operation)?;
        done.back_to(mark);
        if !connection.stumbled() || tries >= TRIES {
            break;
        }
        tries += 1;
    }
    connection.release(Savepoint::Operation)
}

fn attempt(connection: &Connection, job: &mut dyn Job, done: &Batch) -> Result<Verdict> {
    connection.stumbled();
    let verdict = catch_unwind(AssertUnwindSafe(|| job.run(connection, done))).unwrap_or(Verdict::Drop);
    if connection.late_rows_failed() {
        return Err(Error::Busy("rows that waited were refused"));
    }
    if connection.is_unbegun() {
        return Err(Error::Busy("the transaction could not begin"));
    }
    // A full disk, an I/O error or a server that went away may cost the whole transaction, not just the statement.
    if connection.is_idle() {
        return Err(if connection.is_lost() {
            Error::Unreachable(String::from("it went away in the middle"))
        } else {
            Error::Busy("it gave the transaction up")
        });
    }
    Ok(verdict)
}
