use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use roster_model::change::ActorKind;
use roster_model::permission::BuiltIn as P;
use roster_model::{
    ActorRef, EntityId as _, MembershipScope, OrganizationId, RealmId, RoleCatalog, RoleSet, Session, Timestamp, Token,
    TokenKind, UserId,
};
use roster_store::{Decision, Prefetch, StoredAnswer, View};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::reference::UserRef;
use crate::secret::SIGNATURE_BYTES;
use crate::surface::Surface;
use crate::transaction::{Reader, Tx};

/// How long an answer is kept for an `Idempotency-Key`: 24 hours.
const IDEMPOTENCY_RETENTION_MS: i64 = 24 * 60 * 60 * 1000;

/// Who acts.
#[derive(Clone, Debug)]
pub(crate) enum Actor {
    /// The command line, or the server itself: may do everything in the realm.
    Operator,
    Token(Arc<Token>),
    /// A user who has logged in.
    Session(Arc<Session>),
    /// A user whose identity has just been proved and who has no session yet.
    LoggingIn(UserId),
    /// An actor who acts as this user, with that user's rights. The log names the real actor, not the user.
    ActingAs(Arc<Self>, UserId),
}

impl Actor {
    pub(crate) fn reference(&self) -> ActorRef {
        match self {
            Self::Operator => ActorRef { kind: ActorKind::Operator, id: None },
            Self::Token(token) => match (token.kind, token.user) {
                (TokenKind::User, Some(user)) => ActorRef { kind: ActorKind::User, id: Some(user.raw()) },
                _ => ActorRef { kind: ActorKind::Token, id: Some(token.id.raw()) },
            },
            Self::Session(session) => ActorRef { kind: ActorKind::User, id: Some(session.user.raw()) },
            Self::LoggingIn(user) => ActorRef { kind: ActorKind::User, id: Some(user.raw()) },
            Self::ActingAs(real, _) => real.reference(),
        }
    }

    /// Unique among all credentials, for answers that are stored per caller: many tokens and sessions may act as the same user.
    fn raw(&self) -> i64 {
        match self {
            Self::Operator => 0,
            Self::Token(token) => token.id.raw(),
            Self::Session(session) => session.id.raw(),
            Self::LoggingIn(user) => user.raw(),
            Self::ActingAs(real, _) => real.raw(),
        }
    }

    /// The `Idempotency-Key` as it is stored: requests that act as one user must not be confused with those that act as another, or as oneself.
    fn scoped_idempotency_key(&self, key: &str) -> String {
        match self {
            // A client's key contains no line break.
            Self::ActingAs(real, user) => real.scoped_idempotency_key(&format!("{}\n{key}", user.raw())),
            Self::Operator | Self::Token(_) | Self::Session(_) | Self::LoggingIn(_) => key.to_owned(),
        }
    }

    /// The token that authenticated the request, if it was one.
    pub(crate) fn token(&self) -> Option<&Token> {
        match self {
            Self::Operator | Self::Session(_) | Self::LoggingIn(_) => None,
            Self::Token(token) => Some(token),
            Self::ActingAs(real, _) => real.token(),
        }
    }
}

/// A key that the client chose for a request, so that repeating the request has no further effect.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    pub key: String,
    /// A hash of the whole request: the same key with a different request is refused.
    pub request_hash: String,
}

/// State and options of one request.
#[derive(Clone, Debug, Default)]
pub struct RequestScope {
    /// The sequence number of the last event that the answer reflects; 0 until something was read or written.
    pub position: Arc<AtomicI64>,
    /// The answer must reflect this event. The request waits for it for a bounded time, then fails with [`Error::Unavailable`].
    pub at_least: i64,
    pub idempotency: Option<IdempotencyKey>,
}

/// An authenticated caller. The operations are its methods.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) engine: Arc<Engine>,
    pub(crate) surface: Surface,
    pub(crate) realm: RealmId,
    pub(crate) root: OrganizationId,
    pub(crate) actor: Actor,
    options: CallerOptions,
    scope: RequestScope,
    /// The realm's roles as the last operation read them.
    roles: Arc<Mutex<Arc<RoleCatalog>>>,
}

/// Optional rules that a caller asks for. They are checked inside the operation's transaction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallerOptions {
    /// Refuse to remove or demote the last member who can manage an organization's members.
    pub(crate) protect_last_admin: bool,
    /// The only roles that grant anything to a user. `None`: all of them.
    pub(crate) counted_roles: Option<RoleSet>,
}

/// The caller as seen by an operation: looked up again in the operation's own view, so that a right revoked a moment
/// ago no longer counts.
#[derive(Clone, Debug)]
pub(crate) struct Acting {
    pub(crate) actor: Actor,
    pub(crate) surface: Surface,
    pub(crate) root: OrganizationId,
    pub(crate) now: Timestamp,
    pub(crate) options: CallerOptions,
    /// The user whose memberships count: of a session or a user's token, or the one that the caller acts as.
    pub(crate) user: Option<UserId>,
    /// The only membership that counts for the user. `None`: all of them.
    pub(crate) only: Option<MembershipScope>,
}

impl Acting {
    /// The only membership of this user that counts. `None`: all of them; that is so for everyone but an acting user who is limited to one.
    pub(crate) fn only_of(&self, user: UserId) -> Option<MembershipScope> {
        self.only.filter(|_| self.user == Some(user))
    }
}

impl Caller {
    pub(crate) fn new(
        engine: Arc<Engine>,
        surface: Surface,
        (realm, root): (RealmId, OrganizationId),
        actor: Actor,
        scope: RequestScope,
        roles: Arc<RoleCatalog>,
    ) -> Self {
        Self {
            engine,
            surface,
            realm,
            root,
            actor,
            options: CallerOptions::default(),
            scope,
            roles: Arc::new(Mutex::new(roles)),
        }
    }

    /// Makes the operations refuse ([`Error::LastAdmin`]) to remove or demote the last member who can manage an organization's members.
    /// Organizations without such a member aren't affected, and a user can always be deleted.
    #[must_use]
    pub fn protecting_last_admin(mut self) -> Self {
        self.options.protect_last_admin = true;
        self
    }

    /// Makes only these roles grant anything to a user, for a vendor who knows no others. With another role, a user is still a member.
    /// Realm keys and organization tokens aren't affected.
    #[must_use]
    pub fn counting_only(mut self, roles: RoleSet) -> Self {
        self.options.counted_roles = Some(roles);
        self
    }

    pub const fn surface(&self) -> Surface {
        self.surface
    }

    pub const fn realm_id(&self) -> RealmId {
        self.realm
    }

    /// The realm's root organization.
    pub const fn root(&self) -> OrganizationId {
        self.root
    }

    /// The token that authenticated the request. `None` for sessions and at the command line.
    pub fn token(&self) -> Option<&Token> {
        self.actor.token()
    }

    /// Whether the caller is the realm itself: the operator, or a realm key with or without scopes.
    pub fn is_realm(&self) -> bool {
        match &self.actor {
            Actor::Operator => true,
            Actor::Token(token) => token.kind == TokenKind::Realm,
            Actor::Session(_) | Actor::LoggingIn(_) | Actor::ActingAs(..) => false,
        }
    }

    /// Whether the caller may do everything in the realm.
    pub fn is_realm_key(&self) -> bool {
        self.is_realm() && self.token().is_none_or(|token| token.scopes.is_none())
    }

    /// The current time, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// The realm's signature of a text, to recognize later what the realm has issued. The same on every node.
    pub async fn signature(&self, text: &[u8]) -> Result<[u8; SIGNATURE_BYTES]> {
        self.engine.signature(self.realm, text).await
    }

    /// The realm's roles as this caller's last operation read them.
    pub fn roles(&self) -> Arc<RoleCatalog> {
        Arc::clone(&self.roles.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The sequence number of the last event that this caller's operations have seen.
    pub fn position(&self) -> i64 {
        self.scope.position.load(Ordering::Relaxed)
    }

    /// Records what an operation has seen.
    pub(crate) fn observe(&self, position: i64, roles: Arc<RoleCatalog>) {
        self.scope.position.fetch_max(position, Ordering::Relaxed);
        *self.roles.lock().unwrap_or_else(PoisonError::into_inner) = roles;
    }

    /// Runs a reading operation on one consistent view of the database.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: impl FnOnce(Reader<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let caller = self.clone();
        let (value, position, roles) = self
            .engine
            .store()
            .read_from(self.realm, self.position(), move |view| {
                let acting = caller.acting(view)?;
                let value = operation(Reader { view, acting: &acting })?;
                Ok::<_, Error>((value, view.position(), view.roles()?))
            })
            .await?;
        self.observe(position, roles);
        Ok(value)
    }

    /// Runs a reading operation on one consistent view: in memory if that has everything it needs, else on the database.
    pub(crate) async fn read_graph<T: Send + 'static>(
        &self,
        operation: impl FnOnce(Reader<'_>) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let store = self.engine.store();
        let look = || {
            store.read_memory(self.realm, self.position(), |view| {
                let acting = self.acting(view)?;
                let value = operation.clone()(Reader { view, acting: &acting })?;
                Ok::<_, Error>((value, view.position(), view.roles()?))
            })
        };
        match store.in_memory(look).await {
            Some(answer) => {
                let (value, position, roles) = answer?;
                self.observe(position, roles);
                Ok(value)
            }
            None => self.read(operation).await,
        }
    }

    /// Runs a writing operation alone in its realm: its changes are committed with their events, or not at all.
    pub(crate) async fn write<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Tx<'_, '_>) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        self.write_or_dry_run(false, Prefetch::default(), operation).await
    }

    /// The same with the ids that the operation will look up, so that they can be fetched together with those of other operations.
    pub(crate) async fn write_prefetching<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        names: Prefetch,
        operation: impl FnOnce(&mut Tx<'_, '_>) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        self.write_or_dry_run(false, names, operation).await
    }

    /// The same; with `dry_run` the answer is computed and the changes are rolled back.
    pub(crate) async fn write_or_dry_run<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        dry_run: bool,
        names: Prefetch,
        operation: impl FnOnce(&mut Tx<'_, '_>) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let caller = self.clone();
        let (value, position, roles) = self
            .engine
            .store()
            .write_prefetching(self.realm, names, move |transaction| {
                let acting = caller.acting(transaction)?;
                if let Some(answer) = caller.idempotent_replay(transaction, acting.now)? {
                    return Ok(Decision::Keep((answer, transaction.position(), transaction.roles()?)));
                }
                let before = transaction.position();
                let value = operation(&mut Tx::new(caller.engine.ids(), transaction, &acting))?;
                if dry_run {
                    return Ok(Decision::Drop((value, before, transaction.roles()?)));
                }
                if let Some(idempotency) = &caller.scope.idempotency {
                    let answer = serde_json::to_string(&value).map_err(|e| Error::Internal(e.to_string()))?;
                    let answer = StoredAnswer { request: idempotency.request_hash.clone(), answer };
                    let expires = acting.now.plus_ms(IDEMPOTENCY_RETENTION_MS);
                    let key = caller.actor.scoped_idempotency_key(&idempotency.key);
                    transaction.store_answer(caller.actor.raw(), &key, &answer, expires)?;
                }
                Ok::<_, Error>(Decision::Keep((value, transaction.position(), transaction.roles()?)))
            })
            .await?;
        self.observe(position, roles);
        Ok(value)
    }

    /// As [`Self::write`], for an operation that calls back into the surface, which can refuse with its own error type. The answer isn't
    /// stored for idempotent repetition.
    pub(crate) async fn write_with_callback<T: Send + 'static, E: From<Error> + Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Tx<'_, '_>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E> {
        let caller = self.clone();
        let (outcome, position, roles) = self
            .engine
            .store()
            .write(self.realm, move |transaction| {
                let acting = caller.acting(transaction)?;
                let before = transaction.position();
                let outcome = operation(&mut Tx::new(caller.engine.ids(), transaction, &acting));
                let roles = transaction.roles()?;
                Ok::<_, Error>(match outcome {
                    Ok(value) => Decision::Keep((Ok(value), transaction.position(), roles)),
                    Err(error) => Decision::Drop((Err(error), before, roles)),
                })
            })
            .await?;
        self.observe(position, roles);
        outcome
    }

    /// The stored answer, if this request was executed before with the same `Idempotency-Key`.
    fn idempotent_replay<T: DeserializeOwned>(&self, view: &View<'_>, now: Timestamp) -> Result<Option<T>> {
        let Some(idempotency) = &self.scope.idempotency else { return Ok(None) };
        let key = self.actor.scoped_idempotency_key(&idempotency.key);
        let Some(before) = view.stored_answer(self.actor.raw(), &key, now)? else { return Ok(None) };
        if before.request != idempotency.request_hash {
            return Err(Error::IdempotencyMismatch);
        }
        serde_json::from_str(&before.answer).map(Some).map_err(|e| Error::Internal(e.to_string()))
    }

    /// Looks the caller up again in this view. [`Error::BadCredential`] if the caller's key or session is no longer
    /// valid.
    pub(crate) fn acting(&self, view: &View<'_>) -> Result<Acting> {
        self.acting_by(view, &self.actor)
    }

    fn acting_by(&self, view: &View<'_>, actor: &Actor) -> Result<Acting> {
        let now = self.engine.clock().now();
        let mut only = None;
        let (actor, user) = match actor {
            Actor::Operator => (Actor::Operator, None),
            Actor::Token(token) => {
                let actor = Actor::Token(view.token(token.id)?.ok_or(Error::BadCredential)?);
                let user = acting_user(view, &actor, now)?;
                (actor, user)
            }
            Actor::Session(session) => {
                let session = view.session(session.id)?.filter(|session| session.is_live(now));
                let session = session.ok_or(Error::BadCredential)?;
                if view.is_active(session.user)? != Some(true) {
                    return Err(Error::BadCredential);
                }
                let user = session.user;
                only = session.only;
                (Actor::Session(Arc::new(session)), Some(user))
            }
            Actor::LoggingIn(user) => {
                let active = view.is_active(*user)? == Some(true);
                (Actor::LoggingIn(*user), active.then_some(*user))
            }
            Actor::ActingAs(real, user) => {
                let real = self.acting_by(view, real)?;
                let user = may_act_as(Reader { view, acting: &real }, &UserRef::Id(*user))?;
                (Actor::ActingAs(Arc::new(real.actor), user), Some(user))
            }
        };
        Ok(Acting { actor, surface: self.surface, root: self.root, now, options: self.options, user, only })
    }

    /// The same caller with the rights of this user and no others, still restricted by the scopes of the caller's key. Needs
    /// `users:act_as` at the root, now and in each operation that follows. The log still names the real caller.
    pub async fn act_as(&self, user: impl Into<UserRef>) -> Result<Self> {
        let user = user.into();
        let user = self.read(move |reader| may_act_as(reader, &user)).await?;
        Ok(Self { actor: Actor::ActingAs(Arc::new(self.actor.clone()), user), ..self.clone() })
    }
}

fn may_act_as(reader: Reader<'_>, user: &UserRef) -> Result<UserId> {
    // Checked before the user is looked up, so that nobody without the right learns who exists.
    reader.realm()?.allow(reader, P::UsersActAs)?;
    let user = reader.user(user)?.allow(reader, P::UsersActAs)?;
    if user.is_active() { Ok(user.id) } else { Err(Error::Forbidden("an active user".into())) }
}

/// Refuses a token that is no longer valid. Returns the acting user if it is a user's token.
pub(crate) fn acting_user(view: &View<'_>, actor: &Actor, now: Timestamp) -> Result<Option<UserId>> {
    let Actor::Token(token) = actor else { return Ok(None) };
    if !token.is_live(now) {
        return Err(Error::BadCredential);
    }
    let Some(user) = token.user else { return Ok(None) };
    if view.is_active(user)? != Some(true) {
        return Err(Error::BadCredential);
    }
    if let Some(place) = token.organization {
        // A token made for a member is invalid while that member is suspended there.
        let suspended = view.suspended_in(user)?;
        if !suspended.is_empty() && view.chain(place)?.iter().any(|above| suspended.contains(above)) {
            return Err(Error::BadCredential);
        }
    }
    Ok((token.kind == TokenKind::User).then_some(user))
}
