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
use crate::names::Names;
use crate::open;
use crate::replica::{Outcome, Replica};
use crate::roles::CatalogCache;
use crate::sessions::{FoundSession, find_session};
use crate::snapshots::{SnapshotOptions, Snapshots};
use crate::sql::{self, Connection, Job, Kind, Location, Readers, Source, Verdict, Witness, Writer};
use crate::tokens::{FoundToken, find_token};
use crate::transaction::{Decision, Transaction};
use crate::view::{Memory, View};

/// Writers to a PostgreSQL server, each with realms of its own. They wait for the server most of the time.
const WRITERS: usize = 4;
/// How long a reader waits for a position that he was promised.
pub const AT_LEAST_WAIT: Duration = Duration::from_secs(1);
/// How long a look at the log is waited for.
const RENEWAL_WAIT: Duration = Duration::from_millis(100);
const AT_LEAST_LOOK: Duration = Duration::from_millis(10);
/// How long the last writes are waited for at the end.
const ENDING: Duration = Duration::from_secs(30);

/// The database: one writer for each realm, many readers.
#[derive(Debug)]
pub struct Store {
    writers: Mutex<Vec<Arc<Writer>>>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    readers: Readers,
    replica: Option<Replica>,
    index: Option<Arc<Index>>,
    renewing: Arc<tokio::sync::Mutex<()>>,
    /// How long a commit that takes a right away waits before it is acknowledged.
    settling: Duration,
    /// Until when the last ones of these wait.
    settled: Mutex<HashMap<RealmId, tokio::time::Instant>>,
    /// Ends the one who follows the log, by its end.
    following: Mutex<Option<std::sync::mpsc::Sender<()>>>,
    catalogs: CatalogCache,
    location: Location,
    /// Removed at the end, also where nobody closed the store.
    temporary: Mutex<Option<TempDir>>,
}

/// Numbers for whoever watches the server.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    pub readers: u64,
    pub readers_busy: u64,
    /// Writes that wait for the writer.
    pub queue: u64,
    /// Commits, and the operations in them.
    pub batches: u64,
    pub batched_operations: u64,
    pub largest_batch: u64,
    /// `(upper bound, how many batches of at most this size and more than the bound before)`.
    pub batch_sizes: Vec<(u64, u64)>,
    /// Reads that memory was enough for.
    pub answered_from_memory: u64,
    /// Realms that came into memory from a snapshot.
    pub restored: u64,
}

impl Store {
    /// Opens the database, brings its schema up to date if `migrate` allows it, and starts the writer.
    ///
    /// A database of a newer version is refused without a change. Without `migrate` one that isn't there is not made.
    /// `replica` is a copy of the server, kept by PostgreSQL itself, that answers reads; it need not be there.
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
        connection.write_often()?;
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
                let witness = Watching { catalogs: catalogs.clone(), index: memory.clone() };
                Writer::start(connection, source.clone(), Box::new(witness))
            })
            .collect::<Result<_>>()?;
        let (writers, mut threads): (Vec<_>, Vec<_>) = started.into_iter().unzip();
        let mut following = None;
        if let Some(index) = &memory {
            let (end, ended) = std::sync::mpsc::channel();
            threads.push(index::start(Arc::clone(index), source.clone(), ended)?);
            following = Some(end);
        }
        // Beside a file there is nobody else but the command line.
        let shared = index == IndexMode::Beside || (index == IndexMode::Full && kind == Kind::Postgres);
        let settling = if shared { Leases::of(kind).lease } else { Duration::ZERO };
        Ok(Self {
            writers: Mutex::new(writers.into_iter().map(Arc::new).collect()),
            threads: Mutex::new(threads),
            readers,
            replica,
            index: memory,
            renewing: Arc::default(),
            settling,
            settled: Mutex::default(),
            following: Mutex::new(following),
            catalogs,
            location: location.clone(),
            temporary: Mutex::new(temporary),
        })
    }

    /// Whether the database answers and has the schema that this Roster needs.
    pub async fn ready(&self) -> Result<()> {
        self.read_server(|connection| sql::check(connection, false).map(drop)).await
    }

    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// Reads one realm at one position.
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
            .run(move |connection| read(&View::open(connection, &catalogs, realm)?.keeping(index.as_deref())))
            .await
    }

    /// The same, at a position that the caller has seen of the primary, or a later one: a replica that is so far may answer. 0 is
    /// asking the primary.
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

    /// Looks for the token whose secret has this hash, and reads its realm at one position, which is `at_least` or later.
    ///
    /// Waits [`AT_LEAST_WAIT`] for a position that isn't there yet.
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
        let remembering = move |found: Option<(FoundToken, &View<'_>)>| {
            if let (Some((found, view)), Some(index)) = (&found, &index) {
                index.remember(Key::Token(found), view.head);
            }
            read(found)
        };
        self.read_by(find, at_least, remembering).await
    }

    /// The same for the session whose secret has this hash.
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
        let remembering = move |found: Option<(FoundSession, &View<'_>)>| {
            if let (Some((found, view)), Some(index)) = (&found, &index) {
                index.remember(Key::Session(found), view.head);
            }
            read(found)
        };
        self.read_by(find, at_least, remembering).await
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
        let until = tokio::time::Instant::now() + AT_LEAST_WAIT;
        loop {
            let (catalogs, index) = (self.catalogs.clone(), self.index.clone());
            let (find, read) = (find.clone(), read.clone());
            let answer = self
                .readers
                .run(move |connection| match find(connection)? {
                    Some((realm, found)) => {
                        let view = View::open(connection, &catalogs, realm)?.keeping(index.as_deref());
                        if view.head < at_least { Ok(None) } else { read(Some((found, &view))).map(Some) }
                    }
                    None => read(None).map(Some),
                })
                .await?;
            match answer {
                Some(answer) => return Ok(answer),
                None if tokio::time::Instant::now() >= until => return Err(Error::Behind(at_least).into()),
                None => tokio::time::sleep(AT_LEAST_LOOK).await,
            }
        }
    }

    /// What `look` finds in memory. If it finds nothing only since memory wasn't compared with the log for too long, that is done, and it looks
    /// again: on a busy machine the one who does it may come late, and one look costs less than many answers from the tables.
    pub async fn in_memory<T>(&self, look: impl Fn() -> Option<T>) -> Option<T> {
        match look() {
            None if self.renew().await => look(),
            found => found,
        }
    }

    /// Compares memory with the log now, if that was not done for too long. Whether it is worth while to ask memory again.
    async fn renew(&self) -> bool {
        let Some(index) = self.index.clone().filter(|index| index.is_late()) else { return false };
        let look = async {
            // One looks; who waited for him finds it done.
            let one = Arc::clone(&self.renewing).lock_owned().await;
            if !index.is_late() {
                return true;
            }
            let begun = index.begin();
            let look = move |connection: &Connection| {
                // Until it is done, also where nobody waits for it any more: else the next one takes another connection.
                let _one = one;
                index.look_again(&begun, connection)
            };
            self.readers.run(look).await.is_ok()
        };
        // A database that is so slow is not waited for twice.
        tokio::time::timeout(RENEWAL_WAIT, look).await.unwrap_or(false)
    }

    /// Reads what is in memory, at once and without waiting for anything, at the graph's position, which is `at_least` or later. `None` if
    /// it isn't there, or `read` wanted more: then nothing that it did counts, and the database is to be asked.
    pub fn look<T, E>(
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
        let nowhere = Connection::nowhere();
        let memory = Memory { graph: &graph, index };
        let answer = read(&View::of_memory(&nowhere, &self.catalogs, realm, memory));
        if nowhere.was_asked() {
            return None;
        }
        index.count();
        Some(answer)
    }

    /// The same for the token whose secret has this hash. One that is not in memory may be in the database all the same.
    pub fn look_by_token<T, E: From<Error>>(
        &self,
        hash: &str,
        at_least: i64,
        read: impl FnOnce(&FoundToken, &View<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let found = self.index.as_deref()?.keys.token(hash)?;
        self.look(found.realm, at_least, |view| {
            // It may have been forgotten a moment ago.
            view.token(found.token.id)?.map_or(Err(Error::NotInMemory.into()), |_| read(&found, view))
        })
    }

    /// And for the session.
    pub fn look_by_session<T, E: From<Error>>(
        &self,
        hash: &str,
        at_least: i64,
        read: impl FnOnce(&FoundSession, &View<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let found = self.index.as_deref()?.keys.session(hash)?;
        self.look(found.realm, at_least, |view| {
            view.session(found.session.id)?.map_or(Err(Error::NotInMemory.into()), |_| read(&found, view))
        })
    }

    /// Reads what belongs to the server, not to one realm.
    pub(crate) async fn read_server<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.run(read).await
    }

    /// Runs an operation alone in its realm. What it answers is heard only when its changes are on disk; what it refuses has
    /// changed nothing. It may be run several times, if it meets the work of another process; only the last one counts.
    pub async fn write<T, E>(
        &self,
        realm: RealmId,
        operation: impl FnOnce(&mut Transaction<'_>) -> Result<Decision<T>, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_naming(realm, Names::default(), operation).await
    }

    /// The same for one that will want to know something about these: it is read together with what others name.
    pub async fn write_naming<T, E>(
        &self,
        realm: RealmId,
        names: Names,
        operation: impl FnOnce(&mut Transaction<'_>) -> Result<Decision<T>, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (catalogs, index) = (self.catalogs.clone(), self.index.clone());
        let settling = !self.settling.is_zero();
        let written = self
            .submit(Some(realm), names, move |connection, batch| {
                let held = index.as_deref().and_then(|index| Some((index, index.realm(realm)?)));
                let graph = held.as_ref().map(|(index, realm)| (*index, realm.read_long()));
                let memory = graph.as_ref().map(|(index, graph)| Memory { graph, index });
                let mut transaction = Transaction::open(connection, &catalogs, realm, batch, memory)?;
                let before = transaction.position();
                let decision = operation(&mut transaction)?;
                transaction.finish();
                let changed = transaction.position() != before;
                let effect = if transaction.takes_away() { Effect::TakesAway } else { Effect::Other { changed } };
                Ok::<_, E>(match decision {
                    Decision::Keep(value) => Decision::Keep((value, effect)),
                    Decision::Drop(value) => Decision::Drop((value, Effect::Other { changed: false })),
                })
            })
            .await;
        let effect = written.as_ref().map_or(Effect::Other { changed: false }, |(_, effect)| *effect);
        if settling && let Some(until) = self.settles(realm, effect) {
            tokio::time::sleep_until(until).await;
        }
        written.map(|(value, _)| value)
    }

    /// Until when a write isn't acknowledged, so that nobody else answers from before it. One that changed nothing may say so of what was taken
    /// away a moment ago.
    fn settles(&self, realm: RealmId, effect: Effect) -> Option<tokio::time::Instant> {
        let now = tokio::time::Instant::now();
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        match effect {
            Effect::TakesAway => {
                settled.retain(|_, until| *until > now);
                let until = now + self.settling;
                settled.insert(realm, until);
                Some(until)
            }
            Effect::Other { changed: false } => settled.get(&realm).copied(),
            Effect::Other { changed: true } => None,
        }
    }

    /// A write that the log doesn't tell of: in a realm, or of the server itself.
    pub(crate) async fn write_aside<T: Send + 'static>(
        &self,
        realm: Option<RealmId>,
        operation: impl FnOnce(&Connection) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let run = move |connection: &Connection, batch: &Batch| {
            batch.note_aside();
            operation(connection).map(Decision::Keep)
        };
        self.submit(realm, Names::default(), run).await
    }

    async fn submit<T, E>(
        &self,
        realm: Option<RealmId>,
        names: Names,
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

    /// Always the same one for a realm, so that its writes need not wait for each other at the server.
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

    /// Takes no more writes, finishes those that wait, and closes the files. Doing it again does nothing.
    pub async fn close(&self) {
        self.readers.close();
        if let Some(replica) = &self.replica {
            replica.close();
        }
        if let Some(index) = &self.index {
            index.stop();
        }
        drop(self.following.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.writers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let (ended, all) = oneshot::channel();
        // Not one of the runtime's threads, on which it waits at its own end.
        let joining = std::thread::Builder::new().spawn(move || {
            for thread in threads {
                let _ = thread.join();
            }
            let _ = ended.send(());
        });
        if joining.is_err() || tokio::time::timeout(ENDING, all).await.is_err() {
            // What was acknowledged is on disk.
            tracing::warn!("the database doesn't answer; it isn't waited for any longer");
        }
        // There is nobody to tell if it stays behind.
        drop(self.temporary.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[cfg(test)]
impl Store {
    pub(crate) fn index(&self) -> &Index {
        self.index.as_deref().expect("a store with realms in memory")
    }
}

/// Keeps what is in memory in step with the writer.
struct Watching {
    catalogs: CatalogCache,
    index: Option<Arc<Index>>,
}

impl Witness for Watching {
    fn believed(&self, realm: i64) -> Option<(i64, i64)> {
        self.index.as_ref()?.believed(RealmId::from_raw(realm))
    }

    /// Reads in one go what each of them would read alone.
    fn foresee(&self, connection: &Connection, batch: &[Box<dyn Job>]) -> Result<()> {
        let Some(index) = &self.index else { return Ok(()) };
        let mut named: BTreeMap<i64, Names> = BTreeMap::new();
        for job in batch {
            if let Some(realm) = job.realm().filter(|_| !job.names().is_empty()) {
                named.entry(realm).or_default().extend(job.names());
            }
        }
        for (realm, names) in named {
            let view = View::at(connection, &self.catalogs, RealmId::from_raw(realm), (0, 0));
            view.keeping(Some(index)).remember(index, names)?;
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

    fn undone(&self) {
        // What was read within the transaction, of roles that never were.
        self.catalogs.clear();
    }

    fn lost(&self) {
        self.catalogs.clear();
        if let Some(index) = &self.index {
            index.clear();
        }
    }
}

/// What a write did.
#[derive(Clone, Copy, Debug)]
enum Effect {
    TakesAway,
    Other { changed: bool },
}

/// A closure on its way to the writer, its outcome, and who waits for it.
struct Operation<F, T, E> {
    realm: Option<i64>,
    names: Names,
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

    fn names(&self) -> &Names {
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
            // What it refused, it refused on a state that holds no longer; the reason for the failure says more.
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => Err(Error::Panic(String::from("an operation had no outcome")).into()),
        };
        // Nobody may be listening any more: the write stands all the same.
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

    /// Beside a server, which may answer from before it for that long.
    #[tokio::test]
    async fn who_says_again_what_is_gone_waits_as_the_first_one_did() {
        let index = (IndexMode::Beside, SnapshotOptions::default());
        let store = Store::open(&Location::Temporary, None, index, true).expect("a store");
        let [here, elsewhere] = [1, 2].map(RealmId::from_raw);
        let [nothing, something] = [false, true].map(|changed| Effect::Other { changed });
        assert_eq!(store.settles(here, nothing), None);
        let until = store.settles(here, Effect::TakesAway);
        assert!(until.is_some());
        assert_eq!(store.settles(here, nothing), until);
        assert_eq!((store.settles(here, something), store.settles(elsewhere, nothing)), (None, None));
        store.close().await;
    }
}
