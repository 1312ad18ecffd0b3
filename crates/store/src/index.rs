//! Realms in memory, and how they are kept consistent with the database.
//!
//! A realm's [`Graph`] is read from the tables once and then follows the log. This process applies its own commits
//! before it acknowledges them, and polls for commits of other processes every few milliseconds. A graph that hasn't
//! been compared with the log within a [lease](Leases) isn't used, and the database is asked instead. So where several
//! processes share a database, a commit that reduces somebody's access is acknowledged only one lease later: by then
//! every other process has seen it, or doesn't use its memory.
//!
//! Beside the graph there are [`Entities`], which lists show, and [`Keys`], which authenticate callers: cached as they
//! are read, and invalidated by events.

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
use realm::{ObservedHead, Wait, head};

pub(crate) use realm::Realm;

/// Events read by one query.
const EVENTS_PER_READ: u64 = 500;
/// Memberships from which on loading a realm is logged.
const LARGE: u64 = 10_000;

/// Whether this process keeps the graph in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IndexMode {
    /// Checks are answered from memory.
    #[default]
    Full,
    /// Everything is answered by the database: slower, with the same results; for realms that don't fit in memory.
    None,
    /// Nothing is kept here, but another process keeps it: commits that reduce access are delayed until it can't answer
    /// from an earlier state. For the command line, and anything else that runs beside a server.
    External,
}

/// How often the log is polled for other processes' commits, and how long the result of a poll may be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leases {
    pub poll: Duration,
    pub lease: Duration,
}

impl Leases {
    /// On a file only the command line may write too; on a server, other processes.
    pub(crate) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self { poll: Duration::from_millis(20), lease: Duration::from_millis(200) },
            Kind::Postgres => Self { poll: Duration::from_millis(15), lease: Duration::from_millis(75) },
        }
    }
}

/// Starts a thread that follows the log until the sender of `ended` is dropped.
pub(crate) fn start(index: Arc<Index>, source: Source, ended: Receiver<()>) -> Result<std::thread::JoinHandle<()>> {
    let work = move || {
        let mut connection = None;
        loop {
            if let Err(error) = poll(&index, &source, &mut connection) {
                tracing::warn!(%error, "the log can't be followed; answering from the database instead");
                connection = None;
                // The next connection may be to a different server.
                index.clear();
            }
            match ended.recv_timeout(index.leases.poll) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    if let Some(connection) = &connection {
                        index.write_snapshots(connection);
                    }
                    return;
                }
            }
        }
    };
    let thread = std::thread::Builder::new().name(String::from("roster-follower")).spawn(work);
    thread.map_err(|e| Error::File(String::from("starting the follower thread"), e))
}

fn poll(index: &Index, source: &Source, connection: &mut Option<Connection>) -> Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(source.open_reader()?),
    };
    index.poll(connection)
}

#[derive(Debug)]
pub(crate) struct Index {
    leases: Leases,
    created: Instant,
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
            created: Instant::now(),
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
    pub(crate) fn count_answer(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// How many realms were loaded from a snapshot.
    pub(crate) fn restored(&self) -> u64 {
        self.restored.load(Ordering::Relaxed)
    }

    fn at(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.created).as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn realm(&self, realm: RealmId) -> Option<Arc<Realm>> {
        self.realms.read().unwrap_or_else(PoisonError::into_inner).get(&realm).cloned()
    }

    /// The realm's graph, if its lease hasn't expired.
    pub(crate) fn fresh(&self, realm: RealmId) -> Option<Arc<Realm>> {
        self.realm(realm).filter(|realm| self.at(Instant::now()) < realm.valid_until.load(Ordering::Acquire))
    }

    /// Where the realm's log ends as far as memory knows: its head, and the version of its roles. `None` also while the
    /// realm is being loaded and may be far behind. Other processes may have advanced it.
    pub(crate) fn cached_head(&self, realm: RealmId) -> Option<(i64, i64)> {
        let realm = self.realm(realm).filter(|realm| realm.valid_until.load(Ordering::Acquire) > 0)?;
        let graph = realm.read();
        Some((graph.position(), graph.roles_version()))
    }

    /// Loads the realms that aren't in memory yet, and applies what is new in the others. The connection must be in no
    /// transaction.
    pub(crate) fn poll(&self, connection: &Connection) -> Result<()> {
        self.poll_since(&self.begin_poll(), connection, true)
    }

    /// Whether the lease of some realm has expired while nobody is bringing it up to date.
    pub(crate) fn is_stale(&self) -> bool {
        let now = self.at(Instant::now());
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms
            .values()
            .any(|realm| realm.valid_until.load(Ordering::Acquire) <= now && realm.lock_following(Wait::No).is_some())
    }

    /// To be called before the database is asked for the heads.
    pub(crate) fn begin_poll(&self) -> PollStart {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        let realms = realms.iter().map(|(id, realm)| (*id, (Arc::clone(realm), realm.position())));
        PollStart { at: Instant::now(), realms: realms.collect() }
    }

    /// Like [`Self::poll`], but only for realms that are in memory, on a connection whose transaction began after
    /// `begun`. The connection may be to a different server than the follower's.
    pub(crate) fn renew(&self, begun: &PollStart, connection: &Connection) -> Result<()> {
        self.poll_since(begun, connection, false)
    }

    fn poll_since(&self, begun: &PollStart, connection: &Connection, load: bool) -> Result<()> {
        // The follower has a single connection, and clears memory when it is replaced.
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
            let seen = ObservedHead { head, event, before: *before };
            let wait = if load { Wait::BetweenOperations } else { Wait::No };
            // If a realm could not be brought up to date, its lease runs out; the next poll tries again.
            if self.follow(connection, id, realm, seen, wait)? {
                realm.valid_until.fetch_max(self.at(begun.at + self.leases.lease), Ordering::AcqRel);
            }
        }
        Ok(())
    }

    /// Applies this process's own commit. Called by the writer.
    pub(crate) fn committed(&self, connection: &Connection, id: RealmId, changes: &[Noted]) {
        let Some(realm) = self.realm(id) else { return };
        {
            let _one = realm.lock_following(Wait::Queue);
            // The follower may have been quicker.
            if changes.last().is_none_or(|last| last.sequence <= realm.position()) {
                return;
            }
            if changes.first().is_some_and(|first| first.sequence == realm.position() + 1) {
                let events: Vec<Logged<'_>> = changes.iter().map(Logged::from).collect();
                self.apply_events(id, &realm, realm.write(), &events);
                return;
            }
        }
        // Commits of other processes come first.
        let seen = realm.observe_head(connection, id);
        if let Err(error) = seen.and_then(|seen| self.follow(connection, id, &realm, seen, Wait::Queue)) {
            // An unverified realm must not be used; the next poll loads it again.
            tracing::error!(%error, "a commit could not be applied to memory");
            self.forget(id);
        }
    }

    /// Brings a realm up to date. `false`: not now, since operations kept the graph locked, or somebody else is already
    /// doing it.
    fn follow(
        &self,
        connection: &Connection,
        id: RealmId,
        realm: &Realm,
        seen: ObservedHead,
        wait: Wait,
    ) -> Result<bool> {
        let head = seen.head;
        if seen.before > head {
            return Ok(self.discard_diverged(id));
        }
        if realm.position() == head && seen.event.is_none() {
            return Ok(true);
        }
        let Some(_one) = realm.lock_following(wait) else { return Ok(false) };
        let catalogs = CatalogCache::default();
        loop {
            let (after, last) = (realm.position(), realm.last_event.load(Ordering::Acquire));
            let is_last = |event: i64| last == 0 || event == last;
            if after == head && seen.event.is_some_and(|event| !is_last(event)) {
                return Ok(self.discard_diverged(id));
            }
            if after >= head {
                return Ok(true);
            }
            // The event at memory's own position is read too, for comparison.
            let from = (after - 1).max(0);
            let mut events = View::open(connection, &catalogs, id)?.list_events(from, EVENTS_PER_READ, None, None)?;
            let known = events.extract_if(.., |event| event.sequence == after).next();
            if known.map_or(last != 0, |known| !is_last(known.id.raw())) {
                return Ok(self.discard_diverged(id));
            }
            if events.is_empty() {
                return Err(Error::Corrupt(format!("the log ends at {after}, not at {head}")));
            }
            let events: Vec<Logged<'_>> = events.iter().map(Logged::from).collect();
            let Some(graph) = realm.lock_for_change(wait) else { return Ok(false) };
            if !self.apply_events(id, realm, graph, &events) {
                return Ok(true);
            }
        }
    }

    /// The log isn't the one that memory followed: the realm is discarded, to be loaded again.
    fn discard_diverged(&self, id: RealmId) -> bool {
        tracing::warn!(
            realm = id.raw(),
            "the log diverged from the one that memory followed; the realm is loaded again"
        );
        self.forget(id);
        self.catalogs.clear();
        true
    }

    /// Applies events to the graph and the caches. If one doesn't follow, the realm is discarded, to be loaded again,
    /// and the result is `false`.
    fn apply_events(
        &self,
        id: RealmId,
        realm: &Realm,
        mut graph: RwLockWriteGuard<'_, Graph>,
        events: &[Logged<'_>],
    ) -> bool {
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
            if keys::may_end_key(event.change) {
                // In this order, nobody can cache a key any more that was read before. And it precedes the update of
                // the position, which tells others that everything up to it has been done.
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
            realm.last_event.store(last.event.raw(), Ordering::Release);
        }
        realm.position.store(graph.position(), Ordering::Release);
        drop(last_changes);
        drop(recent);
        drop(graph);
        true
    }

    /// Caches a key that was read at this position, unless a later event may have ended it.
    pub(crate) fn cache_key(&self, key: Key<'_>, position: i64) {
        let id = key.realm();
        let Some(realm) = self.realm(id) else { return };
        let stands = || {
            let known = realm.position() >= position && realm.keys_changed.load(Ordering::Acquire) <= position;
            known && self.is_current(id, &realm)
        };
        self.keys.put(key, stands);
    }

    /// Caches entities that were read from the tables at this position, except those that have changed since.
    pub(crate) fn cache_entities(&self, id: RealmId, position: i64, entities: impl IntoIterator<Item = Entity>) {
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
        // If the realm was discarded meanwhile, the entities would no longer be invalidated.
        if !self.is_current(id, &realm) {
            self.entities.clear();
        }
    }

    /// Whether this is still the instance that follows the realm's log.
    fn is_current(&self, id: RealmId, realm: &Arc<Realm>) -> bool {
        self.realm(id).is_some_and(|known| Arc::ptr_eq(&known, realm))
    }

    /// The number of the last event, up to this position, by which this organization changed visibly, if that is known;
    /// 0 if there is none.
    pub(crate) fn last_change(&self, id: RealmId, organization: OrganizationId, position: i64) -> Option<i64> {
        let realm = self.realm(id).filter(|realm| realm.position() >= position)?;
        let last = realm.last_changes().get(&organization).copied()?;
        Some(last).filter(|last| *last <= position)
    }

    /// Caches the result of a search of the log up to this position. Later events take precedence.
    pub(crate) fn cache_last_change(&self, id: RealmId, organization: OrganizationId, position: i64, last: i64) {
        let Some(realm) = self.realm(id).filter(|realm| realm.position() >= position) else { return };
        // If the graph was loaded at a later position, it never saw the events in between.
        let complete = realm.recent.lock().unwrap_or_else(PoisonError::into_inner).after(position).is_some();
        if complete {
            realm.last_changes().entry(organization).or_insert(last);
        }
    }

    fn forget(&self, realm: RealmId) {
        self.realms.write().unwrap_or_else(PoisonError::into_inner).remove(&realm);
        // This is rare, and the entities of other realms are cached again on demand.
        self.entities.clear();
        self.keys.follow(realm, None);
    }

    /// Discards everything, for example after a server was replaced.
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
        // Meanwhile requests are answered from the tables. That is expensive, so they must not slow the loading down.
        let throttle = self.readers.throttle();
        if let Some(snapshots) = &self.snapshots
            && let Some(graph) = snapshots.read(connection, id, head(connection, id)?)
        {
            let at = graph.position();
            // Catching up with the log may take long.
            drop(throttle);
            if self.install(connection, id, graph, at)? {
                self.restored.fetch_add(1, Ordering::Relaxed);
                self.log_loaded(id, started, "its snapshot");
                return Ok(());
            }
            tracing::warn!("a snapshot didn't agree with the log; the tables are read instead");
            snapshots.discard(id);
        }
        connection.begin_reading()?;
        let graph = connection.disable_timeouts().and_then(|()| tables::read(connection, id, &self.stopping));
        connection.commit()?;
        let graph = graph?;
        // Nobody waits for the graph yet.
        let written = self.snapshots.as_ref().is_some_and(|snapshots| snapshots.write(connection, id, &graph));
        let at = if written { graph.position() } else { 0 };
        self.install(connection, id, graph, at)?;
        self.log_loaded(id, started, "the tables");
        Ok(())
    }

    /// Puts a graph into use once it has caught up with the log. `false`: it turned out not to belong to this log, and
    /// was discarded.
    fn install(&self, connection: &Connection, id: RealmId, graph: Graph, snapshot_position: i64) -> Result<bool> {
        let realm = Arc::new(Realm::new(connection, id, graph, snapshot_position)?);
        self.realms.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&realm));
        // From here on this process's commits are applied to it; commits made while it was read are caught up with
        // before it is used.
        let begun = Instant::now();
        self.follow(connection, id, &realm, realm.observe_head(connection, id)?, Wait::Queue)?;
        realm.valid_until.store(self.at(begun + self.leases.lease), Ordering::Release);
        Ok(self.realm(id).is_some())
    }

    fn log_loaded(&self, id: RealmId, started: Instant, from: &'static str) {
        let Some(realm) = self.realm(id) else { return };
        let Sizes { memberships, users, organizations } = realm.read().sizes();
        if memberships > LARGE {
            let seconds = started.elapsed().as_secs_f64();
            tracing::info!(memberships, users, organizations, seconds, from, "a realm is in memory");
        }
    }

    /// Writes snapshots of the realms that have changed since their last one.
    fn write_snapshots(&self, connection: &Connection) {
        let Some(snapshots) = &self.snapshots else { return };
        let realms: Vec<(RealmId, Arc<Realm>)> = {
            let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
            realms.iter().map(|(id, realm)| (*id, Arc::clone(realm))).collect()
        };
        for (id, realm) in realms {
            let graph = realm.read();
            if graph.position() != realm.snapshot_position.load(Ordering::Relaxed)
                && snapshots.write(connection, id, &graph)
            {
                realm.snapshot_position.store(graph.position(), Ordering::Relaxed);
            }
        }
    }
}

/// An event as far as memory needs it; without a change if its body was blanked.
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

/// The start of a poll. A log that ends before these positions isn't the one that memory follows.
#[derive(Debug)]
pub(crate) struct PollStart {
    at: Instant,
    realms: HashMap<RealmId, (Arc<Realm>, i64)>,
}

#[cfg(test)]
mod tests {
    use roster_testing::Database;

    use super::*;
    use crate::IndexMode;
    use crate::tests::{opened, source, until};

    /// Catching up may take long; a caller that only renews the lease gives up at once instead of occupying a
    /// connection.
    #[tokio::test(flavor = "multi_thread")]
    async fn who_brings_a_realm_up_to_date_is_not_waited_for() {
        let (database, id) = (Database::new(), RealmId::from_raw(7));
        let store = opened(database.url(), IndexMode::Full).await;
        let made = store.write_unlogged(None, |connection| {
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
            let _busy = realm.lock_following(Wait::Queue);
            realm.valid_until.store(0, Ordering::Release);
            let late = index.is_stale();
            let connection = source.open_reader()?;
            index.renew(&index.begin_poll(), &connection).map(|()| late)
        });
        let looked = tokio::time::timeout(Duration::from_secs(30), looked).await.expect("nobody waits");
        assert!(!looked.expect("no panic").expect("a look"), "somebody is about it");
        store.close().await;
    }
}
