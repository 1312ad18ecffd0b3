//! The realms in memory, and how they are kept honest.
//!
//! A realm's [`Graph`] is read from the tables once and then follows the log. This process applies its own commits before it acknowledges them. What
//! other processes commit is looked for every few milliseconds; a graph that was not compared with the log for a [lease](Leases) is not
//! used, and the database is asked. So whoever takes a right away in a process that others share waits for one lease after the commit:
//! then every other process has seen it, or doesn't use what it knows.
//!
//! Tokens are remembered as they are used; one that isn't known is asked of the database before it is refused.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use roster_index::{Graph, Holding};
use roster_model::{Change, LinkSubject, MembershipId, OrganizationId, RealmId, RoleSet, TokenId, UserId, UserStatus};

use crate::error::{Error, Result};
use crate::roles::CatalogCache;
use crate::sql::{Connection, Kind, Source};
use crate::tokens::FoundToken;
use crate::view::View;

/// Events read at once.
const EVENTS: u64 = 500;
/// Tokens that are remembered of one realm. When it is full it begins anew.
const TOKENS_MAX: usize = 100_000;

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
            Kind::Sqlite => Self { look: Duration::from_millis(5), lease: Duration::from_millis(100) },
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
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
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
    tokens: RwLock<Tokens>,
    stopping: AtomicBool,
    answered: AtomicU64,
}

/// Tokens that were used, each under its secret's hash and its id.
#[derive(Debug, Default)]
struct Tokens {
    by_hash: HashMap<String, Arc<FoundToken>>,
    by_id: HashMap<(RealmId, TokenId), Arc<FoundToken>>,
}

/// One realm's graph and until when it may be used.
#[derive(Debug)]
pub(crate) struct Realm {
    graph: RwLock<Graph>,
    /// The graph's, for whoever must not wait for it.
    position: AtomicI64,
    /// One at a time brings it up to date.
    following: Mutex<()>,
    /// Microseconds since the index was born.
    good_until: AtomicU64,
}

impl Index {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            leases: Leases::of(kind),
            born: Instant::now(),
            realms: RwLock::default(),
            tokens: RwLock::default(),
            stopping: AtomicBool::new(false),
            answered: AtomicU64::new(0),
        }
    }

    /// Counts a read that was answered from memory.
    pub(crate) fn count(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    fn at(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.born).as_micros()).unwrap_or(u64::MAX)
    }

    fn realm(&self, realm: RealmId) -> Option<Arc<Realm>> {
        self.realms.read().unwrap_or_else(PoisonError::into_inner).get(&realm).cloned()
    }

    /// The realm's graph, if it may be used now.
    pub(crate) fn fresh(&self, realm: RealmId) -> Option<Arc<Realm>> {
        self.realm(realm).filter(|realm| self.at(Instant::now()) < realm.good_until.load(Ordering::Acquire))
    }

    /// Reads all realms that aren't there yet, and what is new in the others. The connection is in no transaction.
    pub(crate) fn look(&self, connection: &Connection) -> Result<()> {
        let begun = Instant::now();
        let heads =
            connection.all("SELECT id, head FROM realm", &[], |row| Ok((row.id::<RealmId>(0)?, row.int(1)?)))?;
        for (id, head) in heads {
            if self.stopping.load(Ordering::Relaxed) {
                return Ok(());
            }
            match self.realm(id) {
                Some(realm) => {
                    self.follow(connection, id, &realm, head)?;
                    realm.good_until.fetch_max(self.at(begun + self.leases.lease), Ordering::AcqRel);
                }
                None => self.load(connection, id)?,
            }
        }
        Ok(())
    }

    /// Brings a realm to its last commit. For the writer, after its own.
    pub(crate) fn committed(&self, connection: &Connection, id: RealmId) {
        let Some(realm) = self.realm(id) else { return };
        if let Err(error) = head(connection, id).and_then(|head| self.follow(connection, id, &realm, head)) {
            // What isn't known to be right isn't used; the next look makes it anew.
            tracing::error!(%error, "a commit could not be followed in memory");
            self.forget(id);
        }
    }

    fn follow(&self, connection: &Connection, id: RealmId, realm: &Realm, head: i64) -> Result<()> {
        if realm.position() == head {
            return Ok(());
        }
        let _one = realm.following.lock().unwrap_or_else(PoisonError::into_inner);
        let catalogs = CatalogCache::default();
        loop {
            let after = realm.position();
            if after > head && after > self::head(connection, id)? {
                // Not the database that it was: what the graph knows beyond it never was.
                self.forget(id);
                return Ok(());
            }
            if after >= head {
                return Ok(());
            }
            let events = View::open(connection, &catalogs, id)?.list_events(after, EVENTS, None, None)?;
            if events.is_empty() {
                return Err(Error::Corrupt(format!("the log ends at {after}, not at {head}")));
            }
            let mut graph = realm.graph.write().unwrap_or_else(PoisonError::into_inner);
            for event in &events {
                let applied = match &event.change {
                    Some(change) => graph.apply(event.sequence, change),
                    None => graph.apply_blanked(event.sequence, event.organization, event.user),
                };
                if applied.is_err() {
                    // It is made anew.
                    drop(graph);
                    self.forget(id);
                    return Ok(());
                }
            }
            realm.position.store(graph.position(), Ordering::Release);
            drop(graph);
            // After the position has moved on: nobody remembers one that was read before it any more.
            for event in &events {
                self.forget_tokens(id, event.change.as_ref());
            }
        }
    }

    /// Which tokens a change may have ended.
    fn forget_tokens(&self, realm: RealmId, change: Option<&Change>) {
        let concerns: &dyn Fn(&FoundToken) -> bool = match change {
            Some(Change::TokenRevoked { after, .. } | Change::TokenUpdated { after, .. }) => {
                let id = after.id;
                &move |found: &FoundToken| found.token.id == id
            }
            Some(Change::UserDeleted { before }) => {
                let id = before.id;
                &move |found: &FoundToken| found.token.user == Some(id)
            }
            Some(Change::OrganizationDeleted { .. }) | None => &|_: &FoundToken| true,
            Some(_) => return,
        };
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.by_hash.retain(|_, found| found.realm != realm || !concerns(found));
        tokens.by_id.retain(|_, found| found.realm != realm || !concerns(found));
    }

    fn forget(&self, realm: RealmId) {
        self.realms.write().unwrap_or_else(PoisonError::into_inner).remove(&realm);
        self.forget_tokens(realm, None);
    }

    /// Forgets everything, as when a server was replaced by another one.
    pub(crate) fn clear(&self) {
        self.realms.write().unwrap_or_else(PoisonError::into_inner).clear();
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Tokens::default();
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn load(&self, connection: &Connection, id: RealmId) -> Result<()> {
        let started = Instant::now();
        connection.begin_reading()?;
        let graph = read(connection, id);
        connection.commit()?;
        let graph = graph?;
        let (members, users, organizations) = graph.sizes();
        if members > 100_000 {
            let seconds = started.elapsed().as_secs_f64();
            tracing::info!(members, users, organizations, seconds, "a realm is in memory");
        }
        let realm = Arc::new(Realm {
            position: AtomicI64::new(graph.position()),
            graph: RwLock::new(graph),
            following: Mutex::default(),
            good_until: AtomicU64::new(0),
        });
        self.realms.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&realm));
        // From here on own commits are told to it; what was committed while it was read is caught up with before it is used.
        let begun = Instant::now();
        let head = head(connection, id)?;
        self.follow(connection, id, &realm, head)?;
        realm.good_until.store(self.at(begun + self.leases.lease), Ordering::Release);
        Ok(())
    }

    /// A token that was used before, by the hash of its secret.
    pub(crate) fn token(&self, hash: &str) -> Option<Arc<FoundToken>> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).by_hash.get(hash).cloned()
    }

    /// The same, by its id.
    pub(crate) fn token_by_id(&self, realm: RealmId, id: TokenId) -> Option<Arc<FoundToken>> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).by_id.get(&(realm, id)).cloned()
    }

    /// Remembers a token that was read at this position, unless something has happened since.
    pub(crate) fn remember(&self, found: &FoundToken, position: i64) {
        let Some(realm) = self.realm(found.realm) else { return };
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        if realm.position() != position {
            return;
        }
        if tokens.by_hash.len() >= TOKENS_MAX {
            *tokens = Tokens::default();
        }
        let found = Arc::new(found.clone());
        tokens.by_id.insert((found.realm, found.token.id), Arc::clone(&found));
        tokens.by_hash.insert(found.hash.clone(), found);
    }
}

fn head(connection: &Connection, realm: RealmId) -> Result<i64> {
    let head = connection.optional("SELECT head FROM realm WHERE id = $1", &[realm.into()], |row| row.int(0))?;
    Ok(head.unwrap_or_default())
}

impl Realm {
    fn position(&self) -> i64 {
        self.position.load(Ordering::Acquire)
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Graph> {
        self.graph.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A realm's graph, from the tables as this connection's transaction sees them.
fn read(connection: &Connection, realm: RealmId) -> Result<Graph> {
    let catalogs = CatalogCache::default();
    let view = View::open(connection, &catalogs, realm)?;
    let mut graph = Graph::new(view.head, view.roles_version, view.list_roles()?);
    let values = [realm.into()];
    let scan = |sql: &str, each: &mut dyn FnMut(&crate::sql::Row<'_>) -> Result<()>| {
        connection.each(sql, &values, |row| each(row))
    };
    scan("SELECT id, parent, status FROM organization WHERE realm = $1 AND status <> 'gone'", &mut |row| {
        graph.put_organization(row.id(0)?, row.opt_id(1)?, row.text(2)? == "active");
        Ok(())
    })?;
    scan("SELECT id, status FROM usr WHERE realm = $1", &mut |row| {
        graph.put_user(row.id(0)?, row.word(1, UserStatus::from_word)? == UserStatus::Active);
        Ok(())
    })?;
    scan("SELECT organization, usr, id, roles FROM membership WHERE realm = $1", &mut |row| {
        let holding = Holding { membership: row.id::<MembershipId>(2)?, roles: RoleSet::from_bits(row.int(3)?) };
        graph.put_member(row.id::<OrganizationId>(0)?, row.id::<UserId>(1)?, holding);
        Ok(())
    })?;
    scan("SELECT subject, domain FROM directory_link WHERE realm = $1 AND suspended", &mut |row| {
        // A link may be of an organization, too; that has nothing suspended.
        if let Some(LinkSubject::User(user)) = LinkSubject::from_raw(row.int(0)?) {
            graph.put_suspension(user, row.id(1)?);
        }
        Ok(())
    })?;
    Ok(graph)
}
