use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use roster_model::id::base62;
use roster_model::{Clock, EntityId as _, RealmId, SystemClock, Timestamp, TokenId};
use roster_store::{FoundSession, FoundToken, IndexMode, Location, SnapshotOptions, Statistics, Store, View};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::actor::{Acting, Actor, Asks, Caller, RequestScope, acting_user};
use crate::checks::{self, Brief, Verdict};
use crate::directory::DirectoryOptions;
use crate::error::{Error, Result};
use crate::ids::IdSource;
use crate::passwords::Passwords;
use crate::secret;
use crate::surface::Surface;
use crate::transaction::Reader;

/// Lists in pieces at once; further ones wait, and are refused after [`STREAM_WAIT`]. Half of the readers that there are at least.
const STREAMS_MAX: usize = 8;
const STREAM_WAIT: Duration = Duration::from_secs(5);
/// How long the last things to write down are waited for at the end.
const FLUSHING: Duration = Duration::from_secs(5);

/// How long an expired token is still shown, for who wonders why it is refused: a week.
const EXPIRED_KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// How to open an engine.
#[derive(Clone, Debug)]
pub struct Config {
    /// `sqlite://FILE`, `sqlite::memory:`, a path, or `postgres://USER@HOST/DATABASE`.
    pub database: String,
    /// A replica of a PostgreSQL server, which answers what it is far enough for.
    pub read_database: Option<String>,
    /// Whether the membership graph is kept in memory, where checks are answered.
    pub index: IndexMode,
    /// Where large graphs are kept between starts.
    pub snapshots: SnapshotOptions,
    /// Whether the schema may be brought up to date, and the database made if there is none.
    pub migrate: bool,
    /// Set as realm key of the realm `default`, in the place of one that is made up and shown once.
    pub bootstrap_key: Option<String>,
    pub limits: EngineLimits,
    pub directory: DirectoryOptions,
    pub clock: Arc<dyn Clock>,
}

/// What an operation does at most.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    /// Items in one bulk.
    pub bulk_items: usize,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self { bulk_items: 1000 }
    }
}

impl Config {
    pub fn new(database: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            read_database: None,
            index: IndexMode::default(),
            snapshots: SnapshotOptions::default(),
            migrate: true,
            bootstrap_key: None,
            limits: EngineLimits::default(),
            directory: DirectoryOptions::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// What there is to say at the start.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Where the database is, in words.
    pub database: String,
    /// The realm key made at the first start. Shown once, never again.
    pub first_key: Option<String>,
}

/// The one engine behind all surfaces.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: Arc<IdSource>,
    limits: EngineLimits,
    directory: DirectoryOptions,
    /// Lists that are given in pieces hold a reader as long as their client takes: never all of them.
    streams: Arc<Semaphore>,
    passwords: Passwords,
    /// When tokens were last seen, until it is written down in bulk.
    seen: Mutex<HashMap<(RealmId, TokenId), Timestamp>>,
    /// What realms sign with, once it was asked for.
    secrets: Mutex<HashMap<RealmId, Arc<str>>>,
}

impl Engine {
    /// Opens the database and makes the realm `default` with its first key if it isn't there.
    pub async fn open(config: Config) -> Result<(Arc<Self>, Opened)> {
        let engine = Self::open_database(&config).await?;
        let first_key = engine.bootstrap(config.bootstrap_key.as_deref()).await?;
        let database = engine.store.location().to_string();
        Ok((engine, Opened { database, first_key }))
    }

    /// Opens the database and makes nothing in it; for the command line.
    pub async fn open_database(config: &Config) -> Result<Arc<Self>> {
        let location = Location::parse(&config.database)?;
        let replica = config.read_database.as_deref().map(Location::parse).transpose()?;
        let (index, migrate) = ((config.index, config.snapshots.clone()), config.migrate);
        let store = tokio::task::spawn_blocking(move || Store::open(&location, replica.as_ref(), index, migrate))
            .await
            .map_err(|e| Error::Internal(e.to_string()))??;
        Ok(Arc::new(Self {
            store,
            clock: Arc::clone(&config.clock),
            ids: Arc::default(),
            limits: config.limits,
            directory: config.directory,
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            passwords: Passwords::default(),
            seen: Mutex::default(),
            secrets: Mutex::default(),
        }))
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) const fn ids(&self) -> &Arc<IdSource> {
        &self.ids
    }

    pub(crate) const fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// A place for a list in pieces, kept until it is told or given up.
    pub(crate) async fn stream_place(&self) -> Result<OwnedSemaphorePermit> {
        let busy = || Error::Unavailable { reason: String::from("too many long lists at once"), retry_after: 1 };
        let place = tokio::time::timeout(STREAM_WAIT, Arc::clone(&self.streams).acquire_owned()).await;
        place.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// What a realm signs with.
    async fn realm_secret(&self, realm: RealmId) -> Result<Arc<str>> {
        if let Some(secret) = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(&realm) {
            return Ok(Arc::clone(secret));
        }
        let secret: Arc<str> = self.store.realm_secret(realm, secret::generate()).await?.into();
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).insert(realm, Arc::clone(&secret));
        Ok(secret)
    }

    /// A signature of this realm's. It says that the realm gave this text out, and is the same on every node.
    pub(crate) async fn signature(&self, realm: RealmId, text: &[u8]) -> Result<[u8; 32]> {
        Ok(secret::signature(&self.realm_secret(realm).await?, text))
    }

    pub const fn directory(&self) -> &DirectoryOptions {
        &self.directory
    }

    pub const fn limits(&self) -> &EngineLimits {
        &self.limits
    }

    /// Finds out who calls. `secret` is what the surface found where its clients put the key.
    pub async fn authenticate(
        self: &Arc<Self>,
        surface: Surface,
        secret: Option<&str>,
        scope: RequestScope,
    ) -> Result<Caller> {
        let secret = secret.ok_or(Error::NoCredential)?;
        let (id, secret) = secret::read(secret).ok_or(Error::BadCredential)?;
        let (id, hash) = (id.map(str::to_owned), secret::hash(secret));
        let (engine, now) = (Arc::clone(self), self.clock.now());
        let (wanted, at_least) = (hash.clone(), scope.at_least);
        if secret::is_session(secret) {
            return self.resume(surface, hash, scope).await;
        }
        let key = hash.clone();
        let enter = move |found: &FoundToken, view: &View<'_>| {
            admit(found, id.as_deref(), &wanted)?;
            let actor = Actor::Token(Arc::clone(&found.token));
            acting_user(view, &actor, now)?;
            let caller = Caller::new(engine, surface, (found.realm, found.root), actor, scope, view.roles()?);
            caller.saw(view.position(), caller.roles());
            Ok::<_, Error>(caller)
        };
        let look = || self.store.look_by_token(&key, at_least, enter.clone());
        let caller = if let Some(known) = self.store.in_memory(look).await {
            known?
        } else {
            let read = |found: Option<(FoundToken, &View<'_>)>| {
                let (found, view) = found.ok_or(Error::BadCredential)?;
                enter(&found, view)
            };
            self.store.read_by_token(hash, at_least, read).await?
        };
        if let Some(token) = caller.token() {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert((caller.realm, token.id), now);
        }
        Ok(caller)
    }

    /// Answers questions as [`Self::authenticate`] and [`Caller::check_many`] would, in their order, and says the answers' position: on the
    /// spot, if all of it is in memory and nothing is wrong. `None`: nothing was done, what was told doesn't count, and it is to be asked the
    /// general way.
    pub fn check_at_once(
        &self,
        surface: Surface,
        secret: &str,
        briefs: &[Brief<'_>],
        tell: impl FnMut(Verdict),
    ) -> Option<i64> {
        let (id, secret) = secret::read(secret)?;
        if secret::is_session(secret) {
            return None;
        }
        let (hash, now) = (secret::hash(secret), self.clock.now());
        let looked = self.store.look_by_token(&hash, 0, |found, view| {
            admit(found, id, &hash)?;
            let actor = Actor::Token(Arc::clone(&found.token));
            let user = acting_user(view, &actor, now)?;
            let acting = Acting { actor, surface, root: found.root, now, asks: Asks::default(), user, only: None };
            let told = checks::decide_at_once(Reader { view, acting: &acting }, briefs, tell);
            Ok::<_, Error>(told.map(|()| (view.position(), (found.realm, found.token.id))))
        });
        let (position, token) = looked?.ok()??;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(token, now);
        Some(position)
    }

    /// The caller behind a session.
    async fn resume(self: &Arc<Self>, surface: Surface, hash: String, scope: RequestScope) -> Result<Caller> {
        let engine = Arc::clone(self);
        let (key, wanted, at_least) = (hash.clone(), hash.clone(), scope.at_least);
        let enter = move |found: &FoundSession, view: &View<'_>| {
            if !secret::same(&found.hash, &wanted) {
                return Err(Error::BadCredential);
            }
            let actor = Actor::Session(Arc::new(found.session.clone()));
            let caller = Caller::new(engine, surface, (found.realm, found.root), actor, scope, view.roles()?);
            caller.acting(view)?;
            caller.saw(view.position(), caller.roles());
            Ok::<_, Error>(caller)
        };
        let look = || self.store.look_by_session(&key, at_least, enter.clone());
        if let Some(known) = self.store.in_memory(look).await {
            return known;
        }
        let read = |found: Option<(FoundSession, &View<'_>)>| {
            let (found, view) = found.ok_or(Error::BadCredential)?;
            enter(&found, view)
        };
        self.store.read_by_session(hash, at_least, read).await
    }

    /// Somebody at the command line: may do everything in this realm.
    pub async fn operator(self: &Arc<Self>, realm: &str) -> Result<Option<Caller>> {
        let Some(realm) = self.store.find_realm(realm).await? else { return Ok(None) };
        let roles = self.store.read(realm.id, |view: &View<'_>| Ok::<_, Error>(view.roles()?)).await?;
        let place = (realm.id, realm.root);
        let scope = RequestScope::default();
        Ok(Some(Caller::new(Arc::clone(self), Surface::Native, place, Actor::Operator, scope, roles)))
    }

    /// When a token was last seen: what is written down, or what is still to be.
    pub(crate) fn last_seen(&self, realm: RealmId, token: TokenId, stored: Option<Timestamp>) -> Option<Timestamp> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&(realm, token)).copied().max(stored)
    }

    /// Whether the database answers and has the schema that this Roster needs.
    pub async fn ready(&self) -> Result<()> {
        Ok(self.store.ready().await?)
    }

    pub fn statistics(&self) -> Statistics {
        self.store.statistics()
    }

    /// One round of what needs doing now and then: clears deleted organizations away, writes down when tokens were last seen,
    /// forgets answers that nobody can ask for again and tokens that expired a week ago. What can't be done now waits for the next round.
    pub async fn maintain(&self) {
        let put_off = |error: &Error, realm: &str| tracing::warn!(%error, realm, "background work was put off");
        if let Err(error) = self.flush_seen().await {
            put_off(&error, "");
        }
        let now = self.clock.now();
        self.passwords.forget(now);
        let realms = match self.store.realms().await {
            Ok(realms) => realms,
            Err(error) => return put_off(&error.into(), ""),
        };
        for realm in realms {
            if let Err(error) = self.maintain_realm(realm.id, now).await {
                put_off(&error, &realm.name);
            }
        }
    }

    async fn maintain_realm(&self, realm: RealmId, now: Timestamp) -> Result<()> {
        self.store.forget_expired(realm, now).await?;
        while self.store.purge(realm).await? {}
        while self.store.purge_tokens(realm, now.plus_ms(-EXPIRED_KEPT_MS)).await? {}
        Ok(())
    }

    async fn flush_seen(&self) -> Result<()> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        if seen.is_empty() {
            return Ok(());
        }
        let noted =
            self.store.note_use(seen.iter().map(|((realm, token), time)| (*realm, *token, *time)).collect()).await;
        if noted.is_err() {
            // What was seen since then is newer.
            let mut newer = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            for (token, time) in seen {
                newer.entry(token).or_insert(time);
            }
        }
        Ok(noted?)
    }

    /// Takes no more writes, finishes those under way, and closes the database.
    pub async fn close(&self) {
        let flushed = tokio::time::timeout(FLUSHING, self.flush_seen()).await;
        let flushed = flushed.unwrap_or_else(|_| Err(roster_store::Error::Busy("it doesn't answer").into()));
        if let Err(error) = flushed {
            tracing::warn!(%error, "when tokens were last seen was not written down");
        }
        self.store.close().await;
    }

    /// Everything in which a realm's log, tables and rules disagree; empty if nothing. Reads the whole realm.
    pub async fn verify(&self, realm: RealmId) -> Result<Vec<String>> {
        let now = self.clock.now();
        self.store.read(realm, move |view: &View<'_>| Ok(view.verify(now)?)).await
    }

    /// The server itself, acting in a realm.
    pub(crate) fn acting_operator(&self, root: roster_model::OrganizationId) -> Acting {
        Acting {
            actor: Actor::Operator,
            surface: Surface::Native,
            root,
            now: self.clock.now(),
            asks: Asks::default(),
            user: None,
            only: None,
        }
    }
}

/// Whether what was found is what was shown: the secret, and the id, if one stood before it.
fn admit(found: &FoundToken, id: Option<&str>, hash: &str) -> Result<()> {
    let its_id = id.is_none_or(|id| id == base62(found.token.id.raw(), 11));
    if secret::same(&found.hash, hash) && its_id { Ok(()) } else { Err(Error::BadCredential) }
}
