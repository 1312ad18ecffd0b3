//! The realms in memory, and how they are kept honest.
//!
//! A realm's [`Graph`] is read from the tables once and then follows the log. This process applies its own commits before it acknowledges them. What
//! other processes commit is looked for every few milliseconds; a graph that was not compared with the log for a [lease](Leases) is not
//! used, and the database is asked. So whoever takes a right away in a process that others share waits for one lease after the commit:
//! then every other process has seen it, or doesn't use what it knows.
//!
//! Beside it are [`Entities`], what lists show, and [`Keys`], who calls: remembered as they are read, and forgotten by events.

mod realm;
mod tables;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use roster_index::{Graph, Sizes};
use roster_model::{Change, EntityId as _, Event, EventId, OrganizationId, RealmId, UserId};

use crate::batch::Noted;
use crate::cache::{Entities, Entity};
use crate::error::{Error, Result};
use crate::events::is_seen;
use crate::keys::{self, Key, Keys};
use crate::roles::CatalogCache;
use crate::snapshots::Snapshots;
use crate::sql::{Connection, Kind, Readers, Source};
use crate::view::View;
use realm::{Seen, Wait, head};

pub(crate) use realm::Realm;

/// Events read at once.
const EVENTS: u64 = 500;
/// Memberships of a realm that is worth a line in the log when it is read.
const LARGE: u64 = 10_000;

/// Whether the graph is kept in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IndexMode {
    /// Checks are answered from memory.
    #[default]
    Full,
    /// Everything is asked of the database: slower, for realms that don't fit, with the same answers.
    None,
    /// Nothing is kept here, but others keep it: what takes a right away is waited for until they can't answer from before it. For the
    /// command line, and for anything else that is there beside a server.
    Beside,
}

/// How often others' commits are looked for, and how long one look is good for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leases {
    pub look: Duration,
    pub lease: Duration,
}

impl Leases {
    /// Beside a file only the command line writes; beside a server, other processes.
    pub(crate) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self { look: Duration::from_millis(20), lease: Duration::from_millis(200) },
            Kind::Postgres => Self { look: Duration::from_millis(15), lease: Duration::from_millis(75) },
        }
    }
}

/// Follows the log on a thread of its own until the other end of `ended` is gone.
pub(crate) fn start(index: Arc<Index>, source: Source, ended: Receiver<()>) -> Result<std::thread::JoinHandle<()>> {
    let work = move || {
        let mut connection = None;
        loop {
            if let Err(error) = look(&index, &source, &mut connection) {
                tracing::warn!(%error, "the log can't be followed; the database is asked instead");
                connection = None;
                // It may be another server that answers next.
                index.clear();
            }
            match ended.recv_timeout(index.leases.look) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    if let Some(connection) = &connection {
                        index.keep_for_next_start(connection);
                    }
                    return;
                }
            }
        }
    };
    let thread = std::thread::Builder::new().name(String::from("roster-follower")).spawn(work);
    thread.map_err(|e| Error::File(String::from("starting the follower's thread"), e))
}

fn look(index: &Index, source: &Source, connection: &mut Option<Connection>) -> Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(source.open_reader()?),
    };
    index.look(connection)
}

#[derive(Debug)]
pub(crate) struct Index {
    leases: Leases,
    born: Instant,
    realms: RwLock<HashMap<RealmId, Arc<Realm>>>,
    pub(crate) keys: Keys,
    pub(crate) entities: Entities,
    snapshots: Option<Snapshots>,
    readers: Readers,
    catalogs: CatalogCache,
    stopping: AtomicBool,
    answered: AtomicU64,
    restored: AtomicU64,
}

impl Index {
    pub(crate) fn new(kind: Kind, snapshots: Option<Snapshots>, readers: Readers, catalogs: CatalogCache) -> Self {
        Self {
            leases: Leases::of(kind),
            born: Instant::now(),
            realms: RwLock::default(),
            keys: Keys::default(),
            entities: Entities::new(),
            snapshots,
            readers,
            catalogs,
            stopping: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            restored: AtomicU64::new(0),
        }
    }

    /// Counts a read that was answered from memory.
    pub(crate) fn count(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// How many realms came from a snapshot.
    pub(crate) fn restored(&self) -> u64 {
        self.restored.load(Ordering::Relaxed)
    }

    fn at(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.born).as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn realm(&self, realm: RealmId) -> Option<Arc<Realm>> {
        self.realms.read().unwrap_or_else(PoisonError::into_inner).get(&realm).cloned()
    }

    /// The realm's graph, if it may be used now.
    pub(crate) fn fresh(&self, realm: RealmId) -> Option<Arc<Realm>> {
        self.realm(realm).filter(|realm| self.at(Instant::now()) < realm.good_until.load(Ordering::Acquire))
    }

    /// Where the realm's log ends, as far as memory knows: its head, and the version of its roles. `None` also while it is being read and may be
    /// long past. Others may have moved on.
    pub(crate) fn believed(&self, realm: RealmId) -> Option<(i64, i64)> {
        let realm = self.realm(realm).filter(|realm| realm.good_until.load(Ordering::Acquire) > 0)?;
        let graph = realm.read();
        Some((graph.position(), graph.roles_version()))
    }

    /// Reads all realms that aren't there yet, and what is new in the others. The connection is in no transaction.
    pub(crate) fn look(&self, connection: &Connection) -> Result<()> {
        self.look_since(&self.begin(), connection, true)
    }

    /// Whether what is in memory was not compared with the log for so long that it isn't used, and nobody is about it.
    pub(crate) fn is_late(&self) -> bool {
        let now = self.at(Instant::now());
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms
            .values()
            .any(|realm| realm.good_until.load(Ordering::Acquire) <= now && realm.to_follow(Wait::No).is_some())
    }

    /// Before a look.
    pub(crate) fn begin(&self) -> Begun {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        let realms = realms.iter().map(|(id, realm)| (*id, (Arc::clone(realm), realm.position())));
        Begun { at: Instant::now(), realms: realms.collect() }
    }

    /// The same for realms that are there already, where the connection's transaction began after that. It may be one to another server
    /// than the others know.
    pub(crate) fn look_again(&self, begun: &Begun, connection: &Connection) -> Result<()> {
        self.look_since(begun, connection, false)
    }

    fn look_since(&self, begun: &Begun, connection: &Connection, load: bool) -> Result<()> {
        // Who follows has one connection, and begins anew with another one.
        let heads = if load {
            "SELECT id, head, CAST(NULL AS BIGINT) FROM realm"
        } else {
            "SELECT r.id, r.head, e.id FROM realm r LEFT JOIN event e ON e.realm = r.id AND e.seq = r.head"
        };
        let heads = connection.all(heads, &[], |row| Ok((row.id::<RealmId>(0)?, row.int(1)?, row.opt_int(2)?)))?;
        for (id, head, event) in heads {
            if self.stopping.load(Ordering::Relaxed) {
                return Ok(());
            }
            let Some((realm, before)) = begun.realms.get(&id) else {
                if load && self.realm(id).is_none() {
                    self.load(connection, id)?;
                }
                continue;
            };
            let seen = Seen { head, event, before: *before };
            let wait = if load { Wait::BetweenOperations } else { Wait::No };
            // What could not be followed isn't used once its time is up; the next look tries again.
            if self.follow(connection, id, realm, seen, wait)? {
                realm.good_until.fetch_max(self.at(begun.at + self.leases.lease), Ordering::AcqRel);
            }
        }
        Ok(())
    }

    /// Brings a realm to its last commit. For the writer, after its own.
    pub(crate) fn committed(&self, connection: &Connection, id: RealmId, changes: &[Noted]) {
        let Some(realm) = self.realm(id) else { return };
        {
            let _one = realm.to_follow(Wait::Queue);
            // Who follows the log may have been quicker.
            if changes.last().is_none_or(|last| last.sequence <= realm.position()) {
                return;
            }
            if changes.first().is_some_and(|first| first.sequence == realm.position() + 1) {
                let events: Vec<Logged<'_>> = changes.iter().map(Logged::from).collect();
                self.play(id, &realm, realm.write(), &events);
                return;
            }
        }
        // Somebody else's commits come first.
        let seen = realm.seen(connection, id);
        if let Err(error) = seen.and_then(|seen| self.follow(connection, id, &realm, seen, Wait::Queue)) {
            // What isn't known to be right isn't used; the next look makes it anew.
            tracing::error!(%error, "a commit could not be followed in memory");
            self.forget(id);
        }
    }

    /// `false`: not now, since the graph was read all the while, or somebody else is about it.
    fn follow(&self, connection: &Connection, id: RealmId, realm: &Realm, seen: Seen, wait: Wait) -> Result<bool> {
        let head = seen.head;
        if seen.before > head {
            return Ok(self.differs(id));
        }
        if realm.position() == head && seen.event.is_none() {
            return Ok(true);
        }
        let Some(_one) = realm.to_follow(wait) else { return Ok(false) };
        let catalogs = CatalogCache::default();
        loop {
            let (after, last) = (realm.position(), realm.event.load(Ordering::Acquire));
            let is_last = |event: i64| last == 0 || event == last;
            if after == head && seen.event.is_some_and(|event| !is_last(event)) {
                return Ok(self.differs(id));
            }
            if after >= head {
                return Ok(true);
            }
            // The one at which memory is comes along.
            let from = (after - 1).max(0);
            let mut events = View::open(connection, &catalogs, id)?.list_events(from, EVENTS, None, None)?;
            let known = events.extract_if(.., |event| event.sequence == after).next();
            if known.map_or(last != 0, |known| !is_last(known.id.raw())) {
                return Ok(self.differs(id));
            }
            if events.is_empty() {
                return Err(Error::Corrupt(format!("the log ends at {after}, not at {head}")));
            }
            let events: Vec<Logged<'_>> = events.iter().map(Logged::from).collect();
            let Some(graph) = realm.to_change(wait) else { return Ok(false) };
            if !self.play(id, realm, graph, &events) {
                return Ok(true);
            }
        }
    }

    /// It is another log than the one that was followed: nothing that was known from there is believed, and the realm is made anew.
    fn differs(&self, id: RealmId) -> bool {
        tracing::warn!(realm = id.raw(), "the log isn't the one that memory followed; the realm is read again");
        self.forget(id);
        self.catalogs.clear();
        true
    }

    /// Does events again. Where one doesn't follow, the realm is forgotten, to be made anew.
    fn play(&self, id: RealmId, realm: &Realm, mut graph: RwLockWriteGuard<'_, Graph>, events: &[Logged<'_>]) -> bool {
        let mut recent = realm.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last_changes = realm.last_changes();
        for event in events {
            let (applied, touched) = match event.change {
                Some(change) => (graph.apply(event.sequence, change), self.entities.follow(id, change)),
                None => (
                    graph.apply_blanked(event.sequence, event.organization, event.user),
                    self.entities.forget_user(id, event.user),
                ),
            };
            recent.note(event.sequence, touched);
            if let Some(organization) = event.organization.filter(|_| is_seen(event.kind)) {
                last_changes.insert(organization, event.sequence);
            }
            if keys::concerned(event.change) {
                // In this order: nobody remembers one any more that was read before. And before the position moves on, which tells the others
                // that all of it has been done.
                realm.keys_changed.store(event.sequence, Ordering::Release);
                self.keys.follow(id, event.change);
            }
            if applied.is_err() {
                drop(last_changes);
                drop(recent);
                drop(graph);
                self.forget(id);
                return false;
            }
        }
        if let Some(last) = events.last() {
            realm.event.store(last.event.raw(), Ordering::Release);
        }
        realm.position.store(graph.position(), Ordering::Release);
        drop(last_changes);
        drop(recent);
        drop(graph);
        true
    }

    /// Remembers a key that was read at this position, unless something has happened since that may have ended it.
    pub(crate) fn remember(&self, key: Key<'_>, position: i64) {
        let id = key.realm();
        let Some(realm) = self.realm(id) else { return };
        let stands = || {
            let known = realm.position() >= position && realm.keys_changed.load(Ordering::Acquire) <= position;
            known && self.is_there(id, &realm)
        };
        self.keys.put(key, stands);
    }

    /// Keeps what was read of the tables at this position, as far as nothing has happened to it since.
    pub(crate) fn keep(&self, id: RealmId, position: i64, entities: impl IntoIterator<Item = Entity>) {
        let Some(realm) = self.realm(id) else { return };
        let graph = realm.read();
        if graph.position() < position {
            return;
        }
        let later = realm.recent.lock().unwrap_or_else(PoisonError::into_inner).after(position);
        let Some(later) = later else { return };
        for entity in entities {
            self.entities.put(id, entity, &later);
        }
        drop(graph);
        // Forgotten meanwhile, it heard of nothing any more.
        if !self.is_there(id, &realm) {
            self.entities.clear();
        }
    }

    /// Whether this is still what follows the realm's log.
    fn is_there(&self, id: RealmId, realm: &Arc<Realm>) -> bool {
        self.realm(id).is_some_and(|known| Arc::ptr_eq(&known, realm))
    }

    /// The last event, of those up to this position, by which this organization became different, if that is known; 0: there is none.
    pub(crate) fn last_change(&self, id: RealmId, organization: OrganizationId, position: i64) -> Option<i64> {
        let realm = self.realm(id).filter(|realm| realm.position() >= position)?;
        let last = realm.last_changes().get(&organization).copied()?;
        Some(last).filter(|last| *last <= position)
    }

    /// Keeps what was found of it in the log up to this position. Later events know better.
    pub(crate) fn keep_last_change(&self, id: RealmId, organization: OrganizationId, position: i64, last: i64) {
        let Some(realm) = self.realm(id).filter(|realm| realm.position() >= position) else { return };
        // The graph may have been read later than that: then it never heard of what came in between.
        let heard = realm.recent.lock().unwrap_or_else(PoisonError::into_inner).after(position).is_some();
        if heard {
            realm.last_changes().entry(organization).or_insert(last);
        }
    }

    fn forget(&self, realm: RealmId) {
        self.realms.write().unwrap_or_else(PoisonError::into_inner).remove(&realm);
        // It is rare, and the others' come back as they are asked for.
        self.entities.clear();
        self.keys.follow(realm, None);
    }

    /// Forgets everything, as when a server was replaced by another one.
    pub(crate) fn clear(&self) {
        self.realms.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.entities.clear();
        self.keys.clear();
        self.catalogs.clear();
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn load(&self, connection: &Connection, id: RealmId) -> Result<()> {
        let started = Instant::now();
        // Whoever asks meanwhile is answered from the tables, which is so much work that he would have to ask them for long.
        let modesty = self.readers.be_modest();
        if let Some(snapshots) = &self.snapshots
            && let Some(graph) = snapshots.read(connection, id, head(connection, id)?)
        {
            let at = graph.position();
            // To follow the log from there may take long.
            drop(modesty);
            if self.take(connection, id, graph, at)? {
                self.restored.fetch_add(1, Ordering::Relaxed);
                self.tell_loaded(id, started, "its snapshot");
                return Ok(());
            }
            tracing::warn!("a snapshot didn't agree with the log; the tables are read instead");
            snapshots.discard(id);
        }
        connection.begin_reading()?;
        let graph = connection.take_time().and_then(|()| tables::read(connection, id, &self.stopping));
        connection.commit()?;
        let graph = graph?;
        // Here nobody waits for it yet.
        let kept = self.snapshots.as_ref().is_some_and(|snapshots| snapshots.write(connection, id, &graph));
        let at = if kept { graph.position() } else { 0 };
        self.take(connection, id, graph, at)?;
        self.tell_loaded(id, started, "the tables");
        Ok(())
    }

    /// Answers from a graph from now on, once it has caught up with the log. `false`: it turned out not to be of this log, and is forgotten.
    fn take(&self, connection: &Connection, id: RealmId, graph: Graph, kept: i64) -> Result<bool> {
        let realm = Arc::new(Realm::new(connection, id, graph, kept)?);
        self.realms.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&realm));
        // From here on own commits are told to it; what was committed while it was read is caught up with before it is used.
        let begun = Instant::now();
        self.follow(connection, id, &realm, realm.seen(connection, id)?, Wait::Queue)?;
        realm.good_until.store(self.at(begun + self.leases.lease), Ordering::Release);
        Ok(self.realm(id).is_some())
    }

    fn tell_loaded(&self, id: RealmId, started: Instant, from: &'static str) {
        let Some(realm) = self.realm(id) else { return };
        let Sizes { memberships, users, organizations } = realm.read().sizes();
        if memberships > LARGE {
            let seconds = started.elapsed().as_secs_f64();
            tracing::info!(memberships, users, organizations, seconds, from, "a realm is in memory");
        }
    }

    /// Writes down what has changed since it was written last.
    fn keep_for_next_start(&self, connection: &Connection) {
        let Some(snapshots) = &self.snapshots else { return };
        let realms: Vec<(RealmId, Arc<Realm>)> = {
            let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
            realms.iter().map(|(id, realm)| (*id, Arc::clone(realm))).collect()
        };
        for (id, realm) in realms {
            let graph = realm.read();
            if graph.position() != realm.kept.load(Ordering::Relaxed) && snapshots.write(connection, id, &graph) {
                realm.kept.store(graph.position(), Ordering::Relaxed);
            }
        }
    }
}

/// An event as far as memory follows it; without its change if that was blanked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logged<'e> {
    pub sequence: i64,
    pub event: EventId,
    pub kind: &'e str,
    pub change: Option<&'e Change>,
    pub organization: Option<OrganizationId>,
    pub user: Option<UserId>,
}

impl<'e> From<&'e Noted> for Logged<'e> {
    fn from(Noted { sequence, event, change }: &'e Noted) -> Self {
        let (organization, user) = (change.organization(), change.user());
        Self { sequence: *sequence, event: *event, kind: change.kind(), change: Some(change), organization, user }
    }
}

impl<'e> From<&'e Event> for Logged<'e> {
    fn from(event: &'e Event) -> Self {
        let Event { sequence, id, organization, user, .. } = event;
        let (kind, change) = (event.kind.as_str(), event.change.as_ref());
        Self { sequence: *sequence, event: *id, kind, change, organization: *organization, user: *user }
    }
}

/// A look at the log begins. No log that memory follows ends before where memory is now.
#[derive(Debug)]
pub(crate) struct Begun {
    at: Instant,
    realms: HashMap<RealmId, (Arc<Realm>, i64)>,
}

#[cfg(test)]
mod tests {
    use roster_testing::Database;

    use super::*;
    use crate::IndexMode;
    use crate::tests::{opened, source, until};

    /// To catch up may take long; who only wanted to know whether memory is right takes another way, and keeps no connection.
    #[tokio::test(flavor = "multi_thread")]
    async fn who_brings_a_realm_up_to_date_is_not_waited_for() {
        let (database, id) = (Database::new(), RealmId::from_raw(7));
        let store = opened(database.url(), IndexMode::Full).await;
        let made = store.write_aside(None, |connection| {
            connection.execute(
                "INSERT INTO realm (id, name, root, head, roles_version, created_ms) VALUES (7, 'r', 1, 0, 0, 0)",
                &[],
            )
        });
        made.await.expect("a realm");
        until(|| store.index().realm(id).is_some()).await;
        let source = source(database.url());
        let looking = Arc::clone(&store);
        let looked = tokio::task::spawn_blocking(move || {
            let index = looking.index();
            let realm = index.realm(id).expect("the realm");
            let _busy = realm.to_follow(Wait::Queue);
            realm.good_until.store(0, Ordering::Release);
            let late = index.is_late();
            let connection = source.open_reader()?;
            index.look_again(&index.begin(), &connection).map(|()| late)
        });
        let looked = tokio::time::timeout(Duration::from_secs(30), looked).await.expect("nobody waits");
        assert!(!looked.expect("no panic").expect("a look"), "somebody is about it");
        store.close().await;
    }
}
