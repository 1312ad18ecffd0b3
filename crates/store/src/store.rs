use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use roster_model::{EntityId, RealmId};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::index::{self, Index, IndexMode, Leases};
use crate::keys::Key;
use crate::open;
use crate::prefetch::Prefetch;
use crate::replica::{Outcome, Replica};
use crate::roles::CatalogCache;
use crate::sessions::{FoundSession, find_session};
use crate::snapshots::{SnapshotOptions, Snapshots};
use crate::sql::{self, CommitObserver, Connection, Job, Kind, Location, Readers, Source, Verdict, Writer};
use crate::tokens::{FoundToken, find_token};
use crate::transaction::{Decision, Transaction};
use crate::view::{Memory, View};

/// Writer threads for a PostgreSQL server, each responsible for some of the realms. They spend most of their time
/// waiting for the server.
const WRITERS: usize = 4;
/// How long a read waits for the realm to reach the position that the caller requires.
pub const POSITION_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a request waits for memory to be compared with the log.
const RENEWAL_WAIT: Duration = Duration::from_millis(100);
const POSITION_POLL: Duration = Duration::from_millis(10);
/// How long [`Store::close`] waits for pending writes.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// The database: one writer for each realm, many readers.
#[derive(Debug)]
pub struct Store {
    writers: Mutex<Vec<Arc<Writer>>>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    readers: Readers,
    replica: Option<Replica>,
    index: Option<Arc<Index>>,
    renewing: Arc<tokio::sync::Mutex<()>>,
    /// How long a commit that reduces somebody's access waits before it is acknowledged.
    revocation_delay: Duration,
    /// Until when the latest such commit of each realm is delayed.
    delays: Mutex<HashMap<RealmId, tokio::time::Instant>>,
    /// Dropping the sender stops the thread that follows the log.
    follower_stop: Mutex<Option<std::sync::mpsc::Sender<()>>>,
    catalogs: CatalogCache,
    location: Location,
    /// Removed when the store is closed or dropped.
    temporary: Mutex<Option<TempDir>>,
}

/// Counters for monitoring.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    pub readers: u64,
    pub readers_busy: u64,
    /// Writes waiting in the writers' queues.
    pub queue: u64,
    /// Commits, and the operations in them.
    pub batches: u64,
    pub batched_operations: u64,
    pub largest_batch: u64,
    /// `(upper bound, number of batches whose size is at most this bound and above the previous one)`.
    pub batch_sizes: Vec<(u64, u64)>,
    /// Reads that were answered entirely from memory.
    pub answered_from_memory: u64,
    /// Realms that were loaded into memory from a snapshot.
    pub restored: u64,
}

impl Store {
    /// Opens the database, migrates its schema if `migrate` allows it, and starts the writers.
    ///
    /// A database of a newer schema version is refused and left unchanged. Without `migrate`, a missing database is not
    /// created. `replica` is a PostgreSQL replica of the server that answers reads; it need not be reachable.
    pub fn open(
        location: &Location,
        replica: Option<&Location>,
        index: (IndexMode, SnapshotOptions),
        migrate: bool,
    ) -> Result<Self> {
        let (index, snapshots) = index;
        let replica = replica.map(|replica| Replica::new(location, replica)).transpose()?;
        let (source, temporary) = match location {
            Location::File(path) => (Source::File(path.clone()), None),
            Location::Temporary if !migrate => return Err(Error::Missing(location.to_string())),
            Location::Temporary => {
                let made = tempfile::Builder::new().prefix("roster-").tempdir();
                let folder = made.map_err(|error| Error::File(std::env::temp_dir().display().to_string(), error))?;
                (Source::File(folder.path().join("roster.db")), Some(folder))
            }
            Location::Server(address) => (Source::Server(address.clone()), None),
        };
        let connection = open::connect(&source, migrate)?;
        connection.tune_writer()?;
        let kind = connection.kind();
        let writers = match kind {
            Kind::Sqlite => 1,
            Kind::Postgres => WRITERS,
        };
        let readers = Readers::new(source.clone());
        let catalogs = CatalogCache::default();
        let memory = (index == IndexMode::Full)
            .then(|| Arc::new(Index::new(kind, Snapshots::of(location, snapshots), readers.clone(), catalogs.clone())));
        let mut first = Some(connection);
        let started: Vec<_> = (0..writers)
            .map(|_| {
                let connection = first.take().map_or_else(|| source.open(), Ok)?;
                let observer = MemoryUpdater { catalogs: catalogs.clone(), index: memory.clone() };
                Writer::start(connection, source.clone(), Box::new(observer))
            })
            .collect::<Result<_>>()?;
        let (writers, mut threads): (Vec<_>, Vec<_>) = started.into_iter().unzip();
        let mut follower_stop = None;
        if let Some(index) = &memory {
            let (end, ended) = std::sync::mpsc::channel();
            threads.push(index::start(Arc::clone(index), source.clone(), ended)?);
            follower_stop = Some(end);
        }
        // Only the command line can write to the same file as this process.
        let shared = index == IndexMode::External || (index == IndexMode::Full && kind == Kind::Postgres);
        let revocation_delay = if shared { Leases::of(kind).lease } else { Duration::ZERO };
        Ok(Self {
            writers: Mutex::new(writers.into_iter().map(Arc::new).collect()),
            threads: Mutex::new(threads),
            readers,
            replica,
            index: memory,
            renewing: Arc::default(),
            revocation_delay,
            delays: Mutex::default(),
            follower_stop: Mutex::new(follower_stop),
            catalogs,
            location: location.clone(),
            temporary: Mutex::new(temporary),
        })
    }

    /// Fails unless the database answers and has the schema that this version needs.
    pub async fn ready(&self) -> Result<()> {
        self.read_server(|connection| sql::check(connection, false).map(drop)).await
    }

    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// Reads one realm in a consistent snapshot.
    pub async fn read<T, E>(
        &self,
        realm: RealmId,
        read: impl FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (catalogs, index) = (self.catalogs.clone(), self.index.clone());
        self.readers
            .run(move |connection| read(&View::open(connection, &catalogs, realm)?.caching(index.as_deref())))
            .await
    }

    /// Like [`Self::read`], at `position` or later, which the caller has seen on the primary: a replica that has
    /// reached it may answer. With 0, the primary is asked.
    pub async fn read_from<T, E>(
        &self,
        realm: RealmId,
        position: i64,
        read: impl FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let read = match self.replica.as_ref().filter(|replica| position > 0 && replica.is_up()) {
            Some(replica) => match replica.read(&self.catalogs, realm, position, read).await {
                Outcome::Answered(answer) => return answer,
                Outcome::Refused(read) => read,
            },
            None => read,
        };
        self.read(realm, read).await
    }

    /// Finds the token whose secret has this hash, and reads its realm at position `at_least` or later.
    ///
    /// Waits up to [`POSITION_TIMEOUT`] for that position.
    pub async fn read_by_token<T, E>(
        &self,
        hash: String,
        at_least: i64,
        read: impl FnOnce(Option<(FoundToken, &View<'_>)>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let find = move |connection: &Connection| Ok(find_token(connection, &hash)?.map(|found| (found.realm, found)));
        let index = self.index.clone();
        let caching_key = move |found: Option<(FoundToken, &View<'_>)>| {
            if let (Some((found, view)), Some(index)) = (&found, &index) {
                index.cache_key(Key::Token(found), view.head);
            }
            read(found)
        };
        self.read_by(find, at_least, caching_key).await
    }

    /// Like [`Self::read_by_token`], for the session whose secret has this hash.
    pub async fn read_by_session<T, E>(
        &self,
        hash: String,
        at_least: i64,
        read: impl FnOnce(Option<(FoundSession, &View<'_>)>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let find =
            move |connection: &Connection| Ok(find_session(connection, &hash)?.map(|found| (found.realm, found)));
        let index = self.index.clone();
        let caching_key = move |found: Option<(FoundSession, &View<'_>)>| {
            if let (Some((found, view)), Some(index)) = (&found, &index) {
                index.cache_key(Key::Session(found), view.head);
            }
            read(found)
        };
        self.read_by(find, at_least, caching_key).await
    }

    async fn read_by<F, T, E>(
        &self,
        find: impl Fn(&Connection) -> Result<Option<(RealmId, F)>> + Clone + Send + 'static,
        at_least: i64,
        read: impl FnOnce(Option<(F, &View<'_>)>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let until = tokio::time::Instant::now() + POSITION_TIMEOUT;
        loop {
            let (catalogs, index) = (self.catalogs.clone(), self.index.clone());
            let (find, read) = (find.clone(), read.clone());
            let answer = self
                .readers
                .run(move |connection| match find(connection)? {
                    Some((realm, found)) => {
                        let view = View::open(connection, &catalogs, realm)?.caching(index.as_deref());
                        if view.head < at_least { Ok(None) } else { read(Some((found, &view))).map(Some) }
                    }
                    None => read(None).map(Some),
                })
                .await?;
            match answer {
                Some(answer) => return Ok(answer),
                None if tokio::time::Instant::now() >= until => return Err(Error::Behind(at_least).into()),
                None => tokio::time::sleep(POSITION_POLL).await,
            }
        }
    }

    /// What `look` finds in memory. If it finds nothing only because the lease has expired, memory is compared with the
    /// log and `look` runs once more: on a busy machine the follower thread may be late, and one comparison costs less
    /// than many answers from the tables.
    pub async fn in_memory<T>(&self, look: impl Fn() -> Option<T>) -> Option<T> {
        match look() {
            None if self.renew().await => look(),
            found => found,
        }
    }

    /// Compares memory with the log now if its lease has expired. `true` if it is worth asking memory again.
    async fn renew(&self) -> bool {
        let Some(index) = self.index.clone().filter(|index| index.is_stale()) else { return false };
        let look = async {
            // One caller does the work; those that waited for the lock find it done.
            let one = Arc::clone(&self.renewing).lock_owned().await;
            if !index.is_stale() {
                return true;
            }
            let begun = index.begin_poll();
            let look = move |connection: &Connection| {
                // Held until the work is done, even if the caller has given up: otherwise the next one would use
                // another connection.
                let _one = one;
                index.renew(&begun, connection)
            };
            self.readers.run(look).await.is_ok()
        };
        // If the database is that slow, the request doesn't wait for it here as well.
        tokio::time::timeout(RENEWAL_WAIT, look).await.unwrap_or(false)
    }

    /// Reads from memory without blocking on the database, at the graph's position, which is `at_least` or later.
    /// `None` if the realm isn't usable in memory or `read` needed more than memory has: then its result is discarded
    /// and the database must be asked.
    pub fn read_memory<T, E>(
        &self,
        realm: RealmId,
        at_least: i64,
        read: impl FnOnce(&View<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let index = self.index.as_deref()?;
        let held = index.fresh(realm)?;
        let graph = held.read();
        if graph.position() < at_least {
            return None;
        }
        let no_database = Connection::no_database();
        let memory = Memory { graph: &graph, index };
        let answer = read(&View::of_memory(&no_database, &self.catalogs, realm, memory));
        if no_database.was_queried() {
            return None;
        }
        index.count_answer();
        Some(answer)
    }

    /// Like [`Self::read_memory`], for the token whose secret has this hash. A token that isn't in memory may still be
    /// in the database.
    pub fn read_memory_by_token<T, E: From<Error>>(
        &self,
        hash: &str,
        at_least: i64,
        read: impl FnOnce(&FoundToken, &View<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let found = self.index.as_deref()?.keys.token(hash)?;
        self.read_memory(found.realm, at_least, |view| {
            // It may have been evicted a moment ago.
            view.token(found.token.id)?.map_or(Err(Error::NotInMemory.into()), |_| read(&found, view))
        })
    }

    /// Like [`Self::read_memory_by_token`], for a session.
    pub fn read_memory_by_session<T, E: From<Error>>(
        &self,
        hash: &str,
        at_least: i64,
        read: impl FnOnce(&FoundSession, &View<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let found = self.index.as_deref()?.keys.session(hash)?;
        self.read_memory(found.realm, at_least, |view| {
            view.session(found.session.id)?.map_or(Err(Error::NotInMemory.into()), |_| read(&found, view))
        })
    }

    /// Reads data that isn't bound to one realm.
    pub(crate) async fn read_server<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.run(read).await
    }

    /// Runs an operation with exclusive write access to its realm. Its result is returned only once its changes are
    /// durable; an operation that fails changes nothing. It may be run several times if it conflicts with another
    /// process; only the last run counts.
    pub async fn write<T, E>(
        &self,
        realm: RealmId,
        operation: impl FnOnce(&mut Transaction<'_>) -> Result<Decision<T>, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_prefetching(realm, Prefetch::default(), operation).await
    }

    /// Like [`Self::write`], for an operation that will look up these entities: they are read together with those of
    /// other operations in the batch.
    pub async fn write_prefetching<T, E>(
        &self,
        realm: RealmId,
        names: Prefetch,
        operation: impl FnOnce(&mut Transaction<'_>) -> Result<Decision<T>, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (catalogs, index) = (self.catalogs.clone(), self.index.clone());
        let delays_revocations = !self.revocation_delay.is_zero();
        let written = self
            .submit(Some(realm), names, move |connection, batch| {
                let held = index.as_deref().and_then(|index| Some((index, index.realm(realm)?)));
                let graph = held.as_ref().map(|(index, realm)| (*index, realm.read_for_operation()));
                let memory = graph.as_ref().map(|(index, graph)| Memory { graph, index });
                let mut transaction = Transaction::open(connection, &catalogs, realm, batch, memory)?;
                let before = transaction.position();
                let decision = operation(&mut transaction)?;
                transaction.finish();
                let changed = transaction.position() != before;
                let effect =
                    if transaction.reduces_access() { Effect::ReducesAccess } else { Effect::Other { changed } };
                Ok::<_, E>(match decision {
                    Decision::Keep(value) => Decision::Keep((value, effect)),
                    Decision::Drop(value) => Decision::Drop((value, Effect::Other { changed: false })),
                })
            })
            .await;
        let effect = written.as_ref().map_or(Effect::Other { changed: false }, |(_, effect)| *effect);
        if delays_revocations && let Some(until) = self.delay_until(realm, effect) {
            tokio::time::sleep_until(until).await;
        }
        written.map(|(value, _)| value)
    }

    /// Until when the acknowledgement of a write is delayed, so that no other process still answers from an earlier
    /// state. A write that changed nothing may be reporting what was revoked a moment ago, so it is delayed as long as
    /// that revocation.
    fn delay_until(&self, realm: RealmId, effect: Effect) -> Option<tokio::time::Instant> {
        let now = tokio::time::Instant::now();
        let mut delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
        match effect {
            Effect::ReducesAccess => {
                delays.retain(|_, until| *until > now);
                let until = now + self.revocation_delay;
                delays.insert(realm, until);
                Some(until)
            }
            Effect::Other { changed: false } => delays.get(&realm).copied(),
            Effect::Other { changed: true } => None,
        }
    }

    /// A write that isn't recorded in the event log: in a realm, or of server-wide data.
    pub(crate) async fn write_unlogged<T: Send + 'static>(
        &self,
        realm: Option<RealmId>,
        operation: impl FnOnce(&Connection) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let run = move |connection: &Connection, batch: &Batch| {
            batch.note_unlogged();
            operation(connection).map(Decision::Keep)
        };
        self.submit(realm, Prefetch::default(), run).await
    }

    async fn submit<T, E>(
        &self,
        realm: Option<RealmId>,
        names: Prefetch,
        run: impl FnOnce(&Connection, &Batch) -> Result<Decision<T>, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let realm = realm.map(EntityId::raw);
        let writer = self.writer_of(realm).ok_or(Error::Closed)?;
        let (reply, answer) = oneshot::channel();
        writer.submit(Box::new(Operation { realm, names, run, outcome: None, reply })).await?;
        drop(writer);
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Always the same writer for a realm, so that its writes don't wait for each other at the server.
    fn writer_of(&self, realm: Option<i64>) -> Option<Arc<Writer>> {
        let writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = u64::try_from(writers.len()).ok().filter(|n| *n > 0)?;
        let place = realm.unwrap_or_default().unsigned_abs() % count;
        writers.get(usize::try_from(place).ok()?).cloned()
    }

    pub fn statistics(&self) -> Statistics {
        let (readers, readers_busy) = self.readers.usage();
        let mut statistics = Statistics { readers, readers_busy, ..Statistics::default() };
        statistics.answered_from_memory = self.index.as_ref().map_or(0, |index| index.answered());
        statistics.restored = self.index.as_ref().map_or(0, |index| index.restored());
        let mut sizes = [0; sql::BATCH_BOUNDS.len()];
        for writer in self.writers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let counts = writer.statistics();
            statistics.queue += counts.queued.load(Ordering::Relaxed);
            statistics.batched_operations += counts.operations.load(Ordering::Relaxed);
            statistics.largest_batch = statistics.largest_batch.max(counts.largest.load(Ordering::Relaxed));
            for (sum, count) in sizes.iter_mut().zip(&counts.batches) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
        statistics.batches = sizes.iter().sum();
        statistics.batch_sizes = sql::BATCH_BOUNDS.into_iter().zip(sizes).collect();
        statistics
    }

    /// Rejects new writes, finishes the queued ones, and closes the database. Idempotent.
    pub async fn close(&self) {
        self.readers.close();
        if let Some(replica) = &self.replica {
            replica.close();
        }
        if let Some(index) = &self.index {
            index.stop();
        }
        drop(self.follower_stop.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.writers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let (ended, all) = oneshot::channel();
        // Not on a thread of the runtime, which waits for those when it shuts down.
        let joining = std::thread::Builder::new().spawn(move || {
            for thread in threads {
                let _ = thread.join();
            }
            let _ = ended.send(());
        });
        if joining.is_err() || tokio::time::timeout(SHUTDOWN_TIMEOUT, all).await.is_err() {
            // Everything that was acknowledged is on disk.
            tracing::warn!("the database did not finish within 30 s; closing without waiting for it");
        }
        // A failure to remove it can't be reported to anybody.
        drop(self.temporary.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[cfg(test)]
impl Store {
    pub(crate) fn index(&self) -> &Index {
        self.index.as_deref().expect("a store with realms in memory")
    }
}

/// Keeps memory up to date with the writer's commits.
struct MemoryUpdater {
    catalogs: CatalogCache,
    index: Option<Arc<Index>>,
}

impl CommitObserver for MemoryUpdater {
    fn cached_head(&self, realm: i64) -> Option<(i64, i64)> {
        self.index.as_ref()?.cached_head(RealmId::from_raw(realm))
    }

    /// Reads together what the operations of a batch would otherwise read one by one.
    fn prefetch(&self, connection: &Connection, batch: &[Box<dyn Job>]) -> Result<()> {
        let Some(index) = &self.index else { return Ok(()) };
        let mut named: BTreeMap<i64, Prefetch> = BTreeMap::new();
        for job in batch {
            if let Some(realm) = job.realm().filter(|_| !job.names().is_empty()) {
                named.entry(realm).or_default().extend(job.names());
            }
        }
        for (realm, names) in named {
            let view = View::at(connection, &self.catalogs, RealmId::from_raw(realm), (0, 0));
            view.caching(Some(index)).prefetch(index, names)?;
        }
        Ok(())
    }

    fn committed(&self, connection: &Connection, batch: Batch) {
        if let Some(index) = &self.index {
            for (realm, changes) in batch.into_changes() {
                index.committed(connection, RealmId::from_raw(realm), &changes);
            }
        }
    }

    fn rolled_back(&self) {
        // They may contain roles read within the transaction that was rolled back.
        self.catalogs.clear();
    }

    fn invalidated(&self) {
        self.catalogs.clear();
        if let Some(index) = &self.index {
            index.clear();
        }
    }
}

/// What a write did.
#[derive(Clone, Copy, Debug)]
enum Effect {
    ReducesAccess,
    Other { changed: bool },
}

/// A closure queued for the writer, with its outcome and the channel to its caller.
struct Operation<F, T, E> {
    realm: Option<i64>,
    names: Prefetch,
    run: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for Operation<F, T, E>
where
    F: FnOnce(&Connection, &Batch) -> Result<Decision<T>, E> + Clone + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn realm(&self) -> Option<i64> {
        self.realm
    }

    fn names(&self) -> &Prefetch {
        &self.names
    }

    fn run(&mut self, connection: &Connection, batch: &Batch) -> Verdict {
        let run = self.run.clone();
        let (outcome, verdict) = match catch_unwind(AssertUnwindSafe(|| run(connection, batch))) {
            Ok(Ok(Decision::Keep(value))) => (Ok(value), Verdict::Keep),
            Ok(Ok(Decision::Drop(value))) => (Ok(value), Verdict::Drop),
            Ok(Err(error)) => (Err(error), Verdict::Drop),
            Err(panic) => (Err(Error::Panic(panic_text(&*panic)).into()), Verdict::Drop),
        };
        self.outcome = Some(outcome);
        verdict
    }

    fn finish(self: Box<Self>, durable: Result<()>) {
        let outcome = match (durable, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            // A refusal was based on a state that no longer holds; the reason of the failure is more useful.
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => Err(Error::Panic(String::from("an operation had no outcome")).into()),
        };
        // The caller may have gone away; the write stands nevertheless.
        let _ = self.reply.send(outcome);
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| String::from("without a message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With another process as a server, which may answer from an earlier state for that long.
    #[tokio::test]
    async fn who_says_again_what_is_gone_waits_as_the_first_one_did() {
        let index = (IndexMode::External, SnapshotOptions::default());
        let store = Store::open(&Location::Temporary, None, index, true).expect("a store");
        let [here, elsewhere] = [1, 2].map(RealmId::from_raw);
        let [nothing, something] = [false, true].map(|changed| Effect::Other { changed });
        assert_eq!(store.delay_until(here, nothing), None);
        let until = store.delay_until(here, Effect::ReducesAccess);
        assert!(until.is_some());
        assert_eq!(store.delay_until(here, nothing), until);
        assert_eq!((store.delay_until(here, something), store.delay_until(elsewhere, nothing)), (None, None));
        store.close().await;
    }
}
