//! Passwords: argon2id, off the writer's thread and a few at a time, since each takes memory and tens of milliseconds on purpose.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use roster_model::permission::BuiltIn as P;
use roster_model::{Change, RealmId, Timestamp, User, UserId, text};
use roster_store::SessionFilter;
use roster_store::list::Slice;
use tokio::sync::Semaphore;

use crate::access::Proof;
use crate::actor::{Actor, Caller};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::reference::UserRef;
use crate::secret;
use crate::transaction::Tx;
use crate::users::{self, UserPatch};

/// Failures in a minute after which a user can't try again until it is over.
const FAILURES: u32 = 20;
const MINUTE_MS: i64 = 60_000;
/// How long a request waits for others' passwords.
const PATIENCE: Duration = Duration::from_secs(10);

/// Verified where there is no password, so that it takes as long.
static NOBODYS: LazyLock<Option<String>> = LazyLock::new(|| hash("nobody's").ok().map(|hashed| hashed.0));

/// A password that is ready to be kept.
#[derive(Clone)]
pub struct HashedPassword(pub(crate) String);

impl std::fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashedPassword(…)")
    }
}

/// What of passwords is kept in memory.
#[derive(Debug)]
pub(crate) struct Passwords {
    places: Arc<Semaphore>,
    failures: Failures,
}

/// Since when, and how often, the password of an address was wrong.
type Wrong = HashMap<(RealmId, String), (Timestamp, u32)>;

/// Whether that was less than a minute ago. A clock that was set back keeps nobody out.
fn is_recent(since: Timestamp, now: Timestamp) -> bool {
    since <= now && now < since.plus_ms(MINUTE_MS)
}

#[derive(Clone, Debug, Default)]
struct Failures(Arc<Mutex<Wrong>>);

impl Default for Passwords {
    fn default() -> Self {
        let places = std::thread::available_parallelism().map_or(2, usize::from);
        Self { places: Arc::new(Semaphore::new(places)), failures: Failures::default() }
    }
}

impl Passwords {
    /// Forgets what no longer counts.
    pub(crate) fn forget(&self, now: Timestamp) {
        self.failures.get().retain(|_, (since, _)| is_recent(*since, now));
    }
}

impl Failures {
    fn get(&self) -> MutexGuard<'_, Wrong> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses who has been wrong too often.
    fn admit(&self, realm: RealmId, name: &str, now: Timestamp) -> Result<()> {
        match self.get().get(&(realm, name.to_owned())) {
            Some((since, count)) if *count >= FAILURES && is_recent(*since, now) => {
                let left = since.plus_ms(MINUTE_MS).as_ms().saturating_sub(now.as_ms());
                Err(Error::TooManyAttempts { retry_after: u32::try_from(left / 1000 + 1).unwrap_or(60) })
            }
            _ => Ok(()),
        }
    }

    fn note(&self, realm: RealmId, name: &str, now: Timestamp, right: bool) {
        let mut failures = self.get();
        if right {
            failures.remove(&(realm, name.to_owned()));
            return;
        }
        let (since, count) = failures.entry((realm, name.to_owned())).or_insert((now, 0));
        if !is_recent(*since, now) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }
}

fn hash(password: &str) -> Result<HashedPassword> {
    let hashed = Argon2::default().hash_password(password.as_bytes());
    hashed.map(|hashed| HashedPassword(hashed.to_string())).map_err(|error| Error::Internal(error.to_string()))
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// What may be a password at all.
fn check(password: &str) -> Result<()> {
    if password.is_empty() {
        Err(Error::invalid("password", text::EMPTY))
    } else if password.len() > text::PASSWORD_MAX {
        Err(Error::invalid("password", text::PASSWORD_TOO_LONG))
    } else {
        Ok(())
    }
}

impl Engine {
    /// `admit` is asked once there is a place.
    async fn slowly<T: Send + 'static>(
        &self,
        admit: impl FnOnce() -> Result<()>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let busy = || Error::Unavailable { reason: String::from("too many passwords at once"), retry_after: 1 };
        let place = Arc::clone(&self.passwords().places).acquire_owned();
        let place = tokio::time::timeout(PATIENCE, place).await.map_err(|_| busy())?.map_err(|_| busy())?;
        admit()?;
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        done.await.map_err(|error| Error::Internal(error.to_string()))
    }

    pub(crate) async fn hash_password(&self, password: &str) -> Result<HashedPassword> {
        check(password)?;
        let password = password.to_owned();
        self.slowly(|| Ok(()), move || hash(&password)).await?
    }

    /// Whether this is the password behind `known`. Takes as long where there is none. `name` is who is guessed at.
    pub(crate) async fn is_password(
        &self,
        realm: RealmId,
        name: &str,
        password: &str,
        known: Option<&str>,
    ) -> Result<bool> {
        let failures = self.passwords().failures.clone();
        let admit = || failures.admit(realm, name, self.clock().now());
        admit()?;
        if password.len() > text::PASSWORD_MAX {
            return Ok(false); // whoever it is: nobody has such a password, so nothing is guessed by it
        }
        let (given, there) = (password.to_owned(), known.is_some());
        let known = known.map(str::to_owned);
        let (name, now, noting) = (name.to_owned(), self.clock().now(), failures.clone());
        let verify = move || {
            let matches = known.as_deref().or(NOBODYS.as_deref()).is_some_and(|hash| verify(&given, hash));
            let right = there && matches;
            // Before the place is another's, and whether or not somebody still waits for the answer.
            noting.note(realm, &name, now, right);
            right
        };
        // Others may have guessed meanwhile.
        self.slowly(admit, verify).await
    }
}

/// What users change about themselves who prove it by their password.
#[derive(Clone, Debug, Default)]
pub struct OwnChange {
    pub name: Option<String>,
    pub locale: Option<Option<String>>,
    /// Needs the current password.
    pub email: Option<String>,
    /// Needs the current password.
    pub password: Option<String>,
    pub current_password: Option<String>,
}

/// The user's password is `hash` from now on.
pub(crate) fn put(tx: &mut Tx<'_, '_>, proof: &impl Proof, user: UserId, hash: Option<&str>) -> Result<()> {
    let changed = hash.is_some().then(|| tx.now());
    tx.change(proof, &Change::UserPasswordChanged { user, changed, hash: hash.map(str::to_owned) })
}

/// Whether the password is still what was proved a moment ago.
fn still(tx: &Tx<'_, '_>, user: UserId, proved: Option<&str>) -> Result<()> {
    let now = tx.read().view.password(user)?;
    let same = match (&now, proved) {
        (Some(now), Some(proved)) => secret::same(&now.hash, proved),
        (None, None) => true,
        _ => false,
    };
    if same { Ok(()) } else { Err(Error::WrongPassword) }
}

impl Caller {
    /// Made ready for [`crate::NewUser`]. Slow on purpose: ask first whether the caller may make one.
    pub async fn hash_password(&self, password: &str) -> Result<HashedPassword> {
        self.engine.hash_password(password).await
    }

    /// Proves oneself by the current password; whoever has none needs none. The hash that it was proved by.
    async fn prove(&self, user: &User, current: Option<&str>) -> Result<Option<String>> {
        let id = user.id;
        let known = self.read(move |reader| Ok(reader.view.password(id)?)).await?.map(|password| password.hash);
        if known.is_none() {
            return Ok(None);
        }
        let current = current.ok_or(Error::WrongPassword)?;
        let name = user.email().map_or_else(|| format!("{id:?}"), str::to_owned);
        let right = self.engine.is_password(self.realm_id(), &name, current, known.as_deref()).await?;
        if right { Ok(known) } else { Err(Error::WrongPassword) }
    }

    /// Sets a user's password, or takes it away. Oneself, by the current one if there is one; others with `users:write` at the
    /// root. The user's sessions end, but for the one that this is done in.
    pub async fn set_password(
        &self,
        user: impl Into<UserRef>,
        password: Option<&str>,
        current: Option<&str>,
    ) -> Result<()> {
        let reference = user.into();
        let (user, own) = self
            .read(move |reader| {
                let user = reader.user(&reference)?.allow_self_or(reader, P::UsersWrite)?.into_inner();
                let own = reader.acting.user == Some(user.id);
                Ok((user, own))
            })
            .await?;
        let proved = if own { self.prove(&user, current).await? } else { None };
        let hashed = match password {
            Some(password) => Some(self.engine.hash_password(password).await?.0),
            None => None,
        };
        let id = user.id;
        self.write(move |tx| {
            let user = tx.read().user(&UserRef::Id(id))?.allow_self_or(tx.read(), P::UsersWrite)?;
            if own {
                still(tx, id, proved.as_deref())?;
            }
            if hashed.is_some() || tx.read().view.password(id)?.is_some() {
                put(tx, &user, id, hashed.as_deref())?;
            }
            let this = match &tx.read().acting.actor {
                Actor::Session(session) => Some(session.id),
                _ => None,
            };
            let all = SessionFilter { user: Some(id), ..SessionFilter::default() };
            for session in tx.read().view.list_sessions(&all, &Slice::default())? {
                if Some(session.id) != this {
                    tx.change(&user, &Change::SessionEnded { before: Box::new(session) })?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Changes the calling user. `Forbidden` for whoever is limited to one membership. Sessions stay.
    pub async fn change_own(&self, change: OwnChange) -> Result<User> {
        let user = self
            .read(|reader| Ok(reader.user(&UserRef::Me)?.allow_self_or(reader, P::UsersWrite)?.into_inner()))
            .await
            .map_err(|error| error.if_missing(Error::Forbidden("a session of the whole user".into())))?;
        let sensitive = change.email.is_some() || change.password.is_some();
        let proved = if sensitive { self.prove(&user, change.current_password.as_deref()).await? } else { None };
        let hashed = match &change.password {
            Some(password) => Some(self.engine.hash_password(password).await?.0),
            None => None,
        };
        let id = user.id;
        let patch = UserPatch {
            name: change.name,
            locale: change.locale,
            email: change.email.map(Some),
            ..UserPatch::default()
        };
        self.write(move |tx| {
            let before = tx.read().user(&UserRef::Id(id))?.allow_self_or(tx.read(), P::UsersWrite)?;
            if sensitive {
                still(tx, id, proved.as_deref())?;
            }
            if let Some(hash) = &hashed {
                put(tx, &before, id, Some(hash))?;
            }
            users::update(tx, &before, &patch)
        })
        .await
    }

    /// When these users last changed their passwords; who has none isn't in the answer. Oneself, or `users:read` at the root; nobody
    /// else is told.
    pub async fn passwords_changed(&self, users: Vec<UserId>) -> Result<HashMap<UserId, Timestamp>> {
        self.read(move |reader| {
            if users.iter().any(|user| reader.acting.user != Some(*user)) {
                let allowed = crate::access::is_allowed(reader.realm()?.allow(reader, P::UsersRead))?;
                if !allowed {
                    return Ok(HashMap::new());
                }
            }
            Ok(reader.view.passwords_changed(&users)?.into_iter().collect())
        })
        .await
    }
}
