use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use roster_model::id::base62;
use roster_model::{Clock, EntityId as _, RealmId, SystemClock, Timestamp, TokenId};
use roster_store::{FoundSession, FoundToken, IndexMode, Location, SnapshotOptions, Statistics, Store, View};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::actor::{Acting, Actor, Caller, CallerOptions, RequestScope, acting_user};
use crate::checks::{self, FastCheck, Verdict};
use crate::directory::DirectoryOptions;
use crate::error::{Error, Result};
use crate::ids::IdGenerator;
use crate::passwords::Passwords;
use crate::secret::{self, SIGNATURE_BYTES};
use crate::surface::Surface;
use crate::transaction::Reader;

/// Streamed lists that run at the same time; others wait, and are refused after [`STREAM_PERMIT_TIMEOUT`]. Half of the minimum number of
/// reader connections.
const STREAMS_MAX: usize = 8;
const STREAM_PERMIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long shutdown waits for the last-seen times of tokens to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an expired token is still listed, so that one can find out why it is refused: a week.
const EXPIRED_TOKEN_RETENTION_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// How to open an engine.
#[derive(Clone, Debug)]
pub struct Config {
    /// `sqlite://FILE`, `sqlite::memory:`, a path, or `postgres://USER@HOST/DATABASE`.
    pub database: String,
    /// A PostgreSQL read replica, which answers reads for which it is recent enough.
    pub read_database: Option<String>,
    /// Whether the membership graph is kept in memory, to answer checks from there.
    pub index: IndexMode,
    /// Where snapshots of large graphs are stored between starts.
    pub snapshots: SnapshotOptions,
    /// Whether to migrate the schema, and to create the database if there is none.
    pub migrate: bool,
    /// The realm key of the realm `default`, instead of one that is generated and shown once.
    pub bootstrap_key: Option<String>,
    pub limits: EngineLimits,
    pub directory: DirectoryOptions,
    pub clock: Arc<dyn Clock>,
}

/// Limits of operations.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    /// Maximum number of items in one bulk operation.
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

/// What to report after opening the engine.
#[derive(Clone, Debug)]
pub struct Opened {
    /// A description of the database's location.
    pub database: String,
    /// The realm key generated at the first start. It can't be shown again later.
    pub first_key: Option<String>,
}

/// The engine that all surfaces share.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: Arc<IdGenerator>,
    limits: EngineLimits,
    directory: DirectoryOptions,
    /// Limits streamed lists, each of which holds a reader connection for as long as its client reads, so that they never hold all of them.
    streams: Arc<Semaphore>,
    passwords: Passwords,
    /// When tokens were last used, until this is written to the database in bulk.
    seen: Mutex<HashMap<(RealmId, TokenId), Timestamp>>,
    /// Cache of the realms' signing secrets.
    secrets: Mutex<HashMap<RealmId, Arc<str>>>,
}

impl Engine {
    /// Opens the database, and creates the realm `default` with its first key if it doesn't exist.
    pub async fn open(config: Config) -> Result<(Arc<Self>, Opened)> {
        let engine = Self::open_database(&config).await?;
        let first_key = engine.bootstrap(config.bootstrap_key.as_deref()).await?;
        let database = engine.store.location().to_string();
        Ok((engine, Opened { database, first_key }))
    }

    /// Opens the database without creating a realm; for the command line.
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

    pub(crate) const fn ids(&self) -> &Arc<IdGenerator> {
        &self.ids
    }

    pub(crate) const fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// A permit to stream a list, to be held until the stream ends. [`Error::Unavailable`] if none becomes free in time.
    pub(crate) async fn stream_permit(&self) -> Result<OwnedSemaphorePermit> {
        let busy =
            || Error::Unavailable { reason: String::from("too many long lists are being streamed"), retry_after: 1 };
        let permit = tokio::time::timeout(STREAM_PERMIT_TIMEOUT, Arc::clone(&self.streams).acquire_owned()).await;
        permit.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// The realm's signing secret.
    async fn realm_secret(&self, realm: RealmId) -> Result<Arc<str>> {
        if let Some(secret) = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(&realm) {
            return Ok(Arc::clone(secret));
        }
        let secret: Arc<str> = self.store.realm_secret(realm, secret::generate()).await?.into();
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).insert(realm, Arc::clone(&secret));
        Ok(secret)
    }

    /// See [`Caller::signature`].
    pub(crate) async fn signature(&self, realm: RealmId, text: &[u8]) -> Result<[u8; SIGNATURE_BYTES]> {
        let whole = secret::signature(&self.realm_secret(realm).await?, text);
        Ok(std::array::from_fn(|at| whole[at]))
    }

    pub const fn directory(&self) -> &DirectoryOptions {
        &self.directory
    }

    pub const fn limits(&self) -> &EngineLimits {
        &self.limits
    }

    /// Authenticates a request. `secret` is the key as the surface found it in the request.
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
            check_token(found, id.as_deref(), &wanted)?;
            let actor = Actor::Token(Arc::clone(&found.token));
            acting_user(view, &actor, now)?;
            let caller = Caller::new(engine, surface, (found.realm, found.root), actor, scope, view.roles()?);
            caller.observe(view.position(), caller.roles());
            Ok::<_, Error>(caller)
        };
        let look = || self.store.read_memory_by_token(&key, at_least, enter.clone());
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

    /// Answers checks as [`Self::authenticate`] and [`Caller::check_many`] would, in their order, if everything they need is in memory and no
    /// error occurs. Calls `tell` with each verdict, and returns the log position of the answers. `None`: the verdicts so far must be
    /// discarded, and the general way must be used.
    pub fn check_in_memory(
        &self,
        surface: Surface,
        secret: &str,
        checks: &[FastCheck<'_>],
        tell: impl FnMut(Verdict),
    ) -> Option<i64> {
        let (id, secret) = secret::read(secret)?;
        if secret::is_session(secret) {
            return None;
        }
        let (hash, now) = (secret::hash(secret), self.clock.now());
        let looked = self.store.read_memory_by_token(&hash, 0, |found, view| {
            check_token(found, id, &hash)?;
            let actor = Actor::Token(Arc::clone(&found.token));
            let user = acting_user(view, &actor, now)?;
            let acting =
                Acting { actor, surface, root: found.root, now, options: CallerOptions::default(), user, only: None };
            let told = checks::decide_in_memory(Reader { view, acting: &acting }, checks, tell);
            Ok::<_, Error>(told.map(|()| (view.position(), (found.realm, found.token.id))))
        });
        let (position, token) = looked?.ok()??;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(token, now);
        Some(position)
    }

    /// Authenticates a request by the secret of a session.
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
            caller.observe(view.position(), caller.roles());
            Ok::<_, Error>(caller)
        };
        let look = || self.store.read_memory_by_session(&key, at_least, enter.clone());
        if let Some(known) = self.store.in_memory(look).await {
            return known;
        }
        let read = |found: Option<(FoundSession, &View<'_>)>| {
            let (found, view) = found.ok_or(Error::BadCredential)?;
            enter(&found, view)
        };
        self.store.read_by_session(hash, at_least, read).await
    }

    /// The operator at the command line, who may do everything in this realm. `None` if there is no such realm.
    pub async fn operator(self: &Arc<Self>, realm: &str) -> Result<Option<Caller>> {
        let Some(realm) = self.store.find_realm(realm).await? else { return Ok(None) };
        let roles = self.store.read(realm.id, |view: &View<'_>| Ok::<_, Error>(view.roles()?)).await?;
        let place = (realm.id, realm.root);
        let scope = RequestScope::default();
        Ok(Some(Caller::new(Arc::clone(self), Surface::Native, place, Actor::Operator, scope, roles)))
    }

    /// When a token was last used: the later of the stored time and the one that isn't stored yet.
    pub(crate) fn last_seen(&self, realm: RealmId, token: TokenId, stored: Option<Timestamp>) -> Option<Timestamp> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&(realm, token)).copied().max(stored)
    }

    /// Checks that the database answers and has the schema that this version needs.
    pub async fn ready(&self) -> Result<()> {
        Ok(self.store.ready().await?)
    }

    pub fn statistics(&self) -> Statistics {
        self.store.statistics()
    }

    /// One round of periodic maintenance: purges deleted organizations, writes when tokens were last used, and deletes expired sessions, login
    /// links and idempotency answers, and tokens that expired a week ago. Failures are logged; the next round tries again.
    pub async fn maintain(&self) {
        let warn_deferred = |error: &Error, realm: &str| tracing::warn!(%error, realm, "background work failed and will be tried again");
        if let Err(error) = self.flush_seen().await {
            warn_deferred(&error, "");
        }
        let now = self.clock.now();
        self.passwords.forget(now);
        let realms = match self.store.realms().await {
            Ok(realms) => realms,
            Err(error) => return warn_deferred(&error.into(), ""),
        };
        for realm in realms {
            if let Err(error) = self.maintain_realm(realm.id, now).await {
                warn_deferred(&error, &realm.name);
            }
        }
    }

    async fn maintain_realm(&self, realm: RealmId, now: Timestamp) -> Result<()> {
        self.store.purge_expired(realm, now).await?;
        while self.store.purge(realm).await? {}
        while self.store.purge_tokens(realm, now.plus_ms(-EXPIRED_TOKEN_RETENTION_MS)).await? {}
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
            // Times recorded meanwhile are newer and take precedence.
            let mut newer = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            for (token, time) in seen {
                newer.entry(token).or_insert(time);
            }
        }
        Ok(noted?)
    }

    /// Stops accepting writes, finishes those under way, and closes the database.
    pub async fn close(&self) {
        let flushed = tokio::time::timeout(FLUSH_TIMEOUT, self.flush_seen()).await;
        let flushed = flushed.unwrap_or_else(|_| Err(roster_store::Error::Busy("it doesn't answer").into()));
        if let Err(error) = flushed {
            tracing::warn!(%error, "the times at which tokens were last used were not saved");
        }
        self.store.close().await;
    }

    /// All inconsistencies between a realm's log, tables and rules; empty if there are none. Reads the whole realm.
    pub async fn verify(&self, realm: RealmId) -> Result<Vec<String>> {
        let now = self.clock.now();
        self.store.read(realm, move |view: &View<'_>| Ok(view.verify(now)?)).await
    }

    /// The server itself as the actor in a realm.
    pub(crate) fn acting_operator(&self, root: roster_model::OrganizationId) -> Acting {
        Acting {
            actor: Actor::Operator,
            surface: Surface::Native,
            root,
            now: self.clock.now(),
            options: CallerOptions::default(),
            user: None,
            only: None,
        }
    }
}

/// Checks the token that was found against the presented secret, and against the id if one preceded the secret.
fn check_token(found: &FoundToken, id: Option<&str>, hash: &str) -> Result<()> {
    let its_id = id.is_none_or(|id| id == base62(found.token.id.raw(), 11));
    if secret::same(&found.hash, hash) && its_id { Ok(()) } else { Err(Error::BadCredential) }
}
