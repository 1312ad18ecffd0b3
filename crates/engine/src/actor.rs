use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use roster_model::change::ActorKind;
use roster_model::permission::BuiltIn as P;
use roster_model::{
    ActorRef, EntityId as _, Only, OrganizationId, RealmId, RoleCatalog, Session, Timestamp, Token, TokenKind, UserId,
};
use roster_store::{Decision, Names, Remembered, View};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::reference::UserRef;
use crate::surface::Surface;
use crate::transaction::{Reader, Tx};

/// How long an answer is kept for an `Idempotency-Key`.
const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1000;

/// Who acts.
#[derive(Clone, Debug)]
pub(crate) enum Actor {
    /// Somebody at the command line, or the server itself: may do everything in the realm.
    Operator,
    Token(Arc<Token>),
    /// A user who has logged in.
    Session(Arc<Session>),
    /// A user who has just proved who he is, on his way to a session.
    Entering(UserId),
    /// Somebody who acts as this user, with that user's rights. The log names who he is, not whom he acts as.
    As(Arc<Self>, UserId),
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
            Self::Entering(user) => ActorRef { kind: ActorKind::User, id: Some(user.raw()) },
            Self::As(behind, _) => behind.reference(),
        }
    }

    /// Unique among all who may call, for what is remembered per caller: many may act as the same user.
    fn raw(&self) -> i64 {
        match self {
            Self::Operator => 0,
            Self::Token(token) => token.id.raw(),
            Self::Session(session) => session.id.raw(),
            Self::Entering(user) => user.raw(),
            Self::As(behind, _) => behind.raw(),
        }
    }

    /// A client's key as it is remembered: what is done as one user is not what is done as another, or as oneself.
    fn remembered_key(&self, key: &str) -> String {
        match self {
            // No client's key has a line break in it.
            Self::As(behind, user) => behind.remembered_key(&format!("{}\n{key}", user.raw())),
            Self::Operator | Self::Token(_) | Self::Session(_) | Self::Entering(_) => key.to_owned(),
        }
    }

    /// The key that was shown.
    pub(crate) fn token(&self) -> Option<&Token> {
        match self {
            Self::Operator | Self::Session(_) | Self::Entering(_) => None,
            Self::Token(token) => Some(token),
            Self::As(behind, _) => behind.token(),
        }
    }
}

/// A key that the client gave to a request, so that repeating it does nothing twice.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    pub key: String,
    /// A hash of the whole request: the same key with another request is refused.
    pub request_hash: String,
}

/// What belongs to one request.
#[derive(Clone, Debug, Default)]
pub struct RequestScope {
    /// The number of the last event that the request's answer knows of; 0 as long as nothing was read or written.
    pub position: Arc<AtomicI64>,
    /// The answer must know of this event. The request waits a bounded time for it ([`Error::Unavailable`] then).
    pub at_least: i64,
    pub idempotency: Option<IdempotencyKey>,
}

/// Somebody who has shown who he is, on his way to the operations: these are the methods.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) engine: Arc<Engine>,
    pub(crate) surface: Surface,
    pub(crate) realm: RealmId,
    pub(crate) root: OrganizationId,
    pub(crate) actor: Actor,
    asks: Asks,
    scope: RequestScope,
    /// The realm's roles, as the last operation saw them.
    roles: Arc<Mutex<Arc<RoleCatalog>>>,
}

/// Rules that a caller asks for beyond those that hold for everyone. They are decided inside the operation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asks {
    /// Nobody is removed or demoted who is the last to manage an organization's members.
    pub(crate) keep_an_admin: bool,
}

/// The caller as an operation sees him: looked up again in its own view, so that what was taken away a moment ago is gone.
#[derive(Clone, Debug)]
pub(crate) struct Acting {
    pub(crate) actor: Actor,
    pub(crate) surface: Surface,
    pub(crate) root: OrganizationId,
    pub(crate) now: Timestamp,
    pub(crate) asks: Asks,
    /// The acting user, for a session, a user's token, and for who acts as a user.
    pub(crate) user: Option<UserId>,
    /// The one membership that the user acts by; `None`: all of them.
    pub(crate) only: Option<Only>,
}

impl Acting {
    /// The one of this user's memberships that counts here; `None`: all of them, as for everybody but an acting user who is limited.
    pub(crate) fn only_of(&self, user: UserId) -> Option<Only> {
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
        Self { engine, surface, realm, root, actor, asks: Asks::default(), scope, roles: Arc::new(Mutex::new(roles)) }
    }

    /// From now on refuses ([`Error::LastAdmin`]) to remove or demote the last member who can manage an organization's members.
    /// An organization that has none is free, and a user can always be deleted.
    #[must_use]
    pub fn keeping_an_admin(mut self) -> Self {
        self.asks.keep_an_admin = true;
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

    /// The key that was shown; `None` at the command line.
    pub fn token(&self) -> Option<&Token> {
        self.actor.token()
    }

    /// Whether the caller is the realm itself: a realm key, narrowed by scopes or not.
    pub fn is_realm(&self) -> bool {
        match &self.actor {
            Actor::Operator => true,
            Actor::Token(token) => token.kind == TokenKind::Realm,
            Actor::Session(_) | Actor::Entering(_) | Actor::As(..) => false,
        }
    }

    /// Whether the caller may do everything in the realm.
    pub fn is_realm_key(&self) -> bool {
        self.is_realm() && self.token().is_none_or(|token| token.scopes.is_none())
    }

    /// The moment of the request, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// The realm's roles, as the last operation of this caller saw them.
    pub fn roles(&self) -> Arc<RoleCatalog> {
        Arc::clone(&self.roles.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The number of the last event that this caller's last operation knew of.
    pub fn position(&self) -> i64 {
        self.scope.position.load(Ordering::Relaxed)
    }

    pub(crate) fn saw(&self, position: i64, roles: Arc<RoleCatalog>) {
        self.scope.position.fetch_max(position, Ordering::Relaxed);
        *self.roles.lock().unwrap_or_else(PoisonError::into_inner) = roles;
    }

    /// Reads at one position.
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
        self.saw(position, roles);
        Ok(value)
    }

    /// Reads at one position, what is in memory if that is enough for it.
    pub(crate) async fn read_graph<T: Send + 'static>(
        &self,
        operation: impl FnOnce(Reader<'_>) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let store = self.engine.store();
        let look = || {
            store.look(self.realm, self.position(), |view| {
                let acting = self.acting(view)?;
                let value = operation.clone()(Reader { view, acting: &acting })?;
                Ok::<_, Error>((value, view.position(), view.roles()?))
            })
        };
        match store.in_memory(look).await {
            Some(answer) => {
                let (value, position, roles) = answer?;
                self.saw(position, roles);
                Ok(value)
            }
            None => self.read(operation).await,
        }
    }

    /// Runs an operation alone in its realm: committed with its events, or nothing of it.
    pub(crate) async fn write<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Tx<'_, '_>) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        self.write_unless(false, Names::default(), operation).await
    }

    /// The same for one that names what is looked up together with what others name.
    pub(crate) async fn write_naming<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        names: Names,
        operation: impl FnOnce(&mut Tx<'_, '_>) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        self.write_unless(false, names, operation).await
    }

    /// The same; a `rehearsal` answers as if and changes nothing.
    pub(crate) async fn write_unless<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        rehearsal: bool,
        names: Names,
        operation: impl FnOnce(&mut Tx<'_, '_>) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let caller = self.clone();
        let (value, position, roles) = self
            .engine
            .store()
            .write_naming(self.realm, names, move |transaction| {
                let acting = caller.acting(transaction)?;
                if let Some(answer) = caller.answered_before(transaction, acting.now)? {
                    return Ok(Decision::Keep((answer, transaction.position(), transaction.roles()?)));
                }
                let before = transaction.position();
                let value = operation(&mut Tx::new(caller.engine.ids(), transaction, &acting))?;
                if rehearsal {
                    return Ok(Decision::Drop((value, before, transaction.roles()?)));
                }
                if let Some(idempotency) = &caller.scope.idempotency {
                    let answer = serde_json::to_string(&value).map_err(|e| Error::Internal(e.to_string()))?;
                    let answer = Remembered { request: idempotency.request_hash.clone(), answer };
                    let expires = acting.now.plus_ms(REMEMBERED_MS);
                    let key = caller.actor.remembered_key(&idempotency.key);
                    transaction.remember(caller.actor.raw(), &key, &answer, expires)?;
                }
                Ok::<_, Error>(Decision::Keep((value, transaction.position(), transaction.roles()?)))
            })
            .await?;
        self.saw(position, roles);
        Ok(value)
    }

    /// As [`Self::write`], for an operation that asks its caller back and can be refused by him in his own words. What he is told
    /// is not remembered for repeated requests.
    pub(crate) async fn write_asking<T: Send + 'static, E: From<Error> + Send + 'static>(
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
        self.saw(position, roles);
        outcome
    }

    fn answered_before<T: DeserializeOwned>(&self, view: &View<'_>, now: Timestamp) -> Result<Option<T>> {
        let Some(idempotency) = &self.scope.idempotency else { return Ok(None) };
        let key = self.actor.remembered_key(&idempotency.key);
        let Some(before) = view.remembered(self.actor.raw(), &key, now)? else { return Ok(None) };
        if before.request != idempotency.request_hash {
            return Err(Error::IdempotencyMismatch);
        }
        serde_json::from_str(&before.answer).map(Some).map_err(|e| Error::Internal(e.to_string()))
    }

    /// Looks the caller up again.
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
            Actor::Entering(user) => {
                let active = view.is_active(*user)? == Some(true);
                (Actor::Entering(*user), active.then_some(*user))
            }
            Actor::As(behind, user) => {
                let behind = self.acting_by(view, behind)?;
                let user = may_act_as(Reader { view, acting: &behind }, &UserRef::Id(*user))?;
                (Actor::As(Arc::new(behind.actor), user), Some(user))
            }
        };
        Ok(Acting { actor, surface: self.surface, root: self.root, now, asks: self.asks, user, only })
    }

    /// The same caller with the rights of this user and no others; scopes of the caller's key still narrow them. Needs
    /// `users:act_as` at the root, now and at each operation that follows. The log goes on naming who really called.
    pub async fn act_as(&self, user: impl Into<UserRef>) -> Result<Self> {
        let user = user.into();
        let user = self.read(move |reader| may_act_as(reader, &user)).await?;
        Ok(Self { actor: Actor::As(Arc::new(self.actor.clone()), user), ..self.clone() })
    }
}

fn may_act_as(reader: Reader<'_>, user: &UserRef) -> Result<UserId> {
    // Who may not is told so before anybody is looked up.
    reader.realm()?.allow(reader, P::UsersActAs)?;
    let user = reader.user(user)?.allow(reader, P::UsersActAs)?;
    if user.is_active() { Ok(user.id) } else { Err(Error::Forbidden("an active user".into())) }
}

/// Refuses a token that doesn't count any more. Gives the acting user of a user's token.
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
        // What was made for a member dies with his standing there.
        let suspended = view.suspended_in(user)?;
        if !suspended.is_empty() && view.chain(place)?.iter().any(|above| suspended.contains(above)) {
            return Err(Error::BadCredential);
        }
    }
    Ok((token.kind == TokenKind::User).then_some(user))
}
