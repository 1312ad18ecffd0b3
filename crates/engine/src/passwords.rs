//! Passwords, hashed with argon2id. Hashing deliberately takes memory and tens of milliseconds, so it runs outside the writer's thread, and
//! only a few hashes are computed at the same time.

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

use crate::access::{Allowed, Proof};
use crate::actor::{Actor, Caller};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::reference::UserRef;
use crate::secret;
use crate::transaction::Tx;
use crate::users::{self, UserPatch};

/// Failed attempts within a minute, after which further attempts for that address are refused until the minute is over.
const FAILURES_PER_MINUTE_MAX: u32 = 20;
const MINUTE_MS: i64 = 60_000;
/// How long a request waits for a hashing slot.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);

/// Verified if there is no user or no password, so that the response time doesn't reveal it.
static DUMMY_HASH: LazyLock<Option<String>> = LazyLock::new(|| hash("nobody's").ok().map(|hashed| hashed.0));

/// The hash of a password, ready to be stored.
#[derive(Clone)]
pub struct HashedPassword(pub(crate) String);

impl std::fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashedPassword(…)")
    }
}

/// In-memory state: hashing slots and failed attempts.
#[derive(Debug)]
pub(crate) struct Passwords {
    slots: Arc<Semaphore>,
    failures: FailureLimiter,
}

/// By realm and address: the time of the first failure in the current minute, and the number of failures since.
type FailureCounts = HashMap<(RealmId, String), (Timestamp, u32)>;

/// Whether `since` is less than a minute ago. A time in the future, after the clock was set back, isn't recent.
fn is_recent(since: Timestamp, now: Timestamp) -> bool {
    since <= now && now < since.plus_ms(MINUTE_MS)
}

#[derive(Clone, Debug, Default)]
struct FailureLimiter(Arc<Mutex<FailureCounts>>);

impl Default for Passwords {
    fn default() -> Self {
        let slots = std::thread::available_parallelism().map_or(2, usize::from);
        Self { slots: Arc::new(Semaphore::new(slots)), failures: FailureLimiter::default() }
    }
}

impl Passwords {
    /// Drops counts of failures that are no longer recent.
    pub(crate) fn forget(&self, now: Timestamp) {
        self.failures.get().retain(|_, (since, _)| is_recent(*since, now));
    }
}

impl FailureLimiter {
    fn get(&self) -> MutexGuard<'_, FailureCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses further attempts after too many failures.
    fn admit(&self, realm: RealmId, name: &str, now: Timestamp) -> Result<()> {
        match self.get().get(&(realm, name.to_owned())) {
            Some((since, count)) if *count >= FAILURES_PER_MINUTE_MAX && is_recent(*since, now) => {
                let left = since.plus_ms(MINUTE_MS).as_ms().saturating_sub(now.as_ms());
                Err(Error::TooManyAttempts { retry_after: u32::try_from(left / 1000 + 1).unwrap_or(60) })
            }
            _ => Ok(()),
        }
    }

    fn record(&self, realm: RealmId, name: &str, now: Timestamp, right: bool) {
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

/// Checks that a text can be a password: not empty, and at most [`text::PASSWORD_MAX`] bytes.
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
    /// Runs `work` on a blocking thread once a slot is free. `admit` is called after the slot was acquired.
    async fn run_limited<T: Send + 'static>(
        &self,
        admit: impl FnOnce() -> Result<()>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let busy =
            || Error::Unavailable { reason: String::from("too many passwords are being checked"), retry_after: 1 };
        let slot = Arc::clone(&self.passwords().slots).acquire_owned();
        let slot = tokio::time::timeout(QUEUE_TIMEOUT, slot).await.map_err(|_| busy())?.map_err(|_| busy())?;
        admit()?;
        let done = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        done.await.map_err(|error| Error::Internal(error.to_string()))
    }

    pub(crate) async fn hash_password(&self, password: &str) -> Result<HashedPassword> {
        check(password)?;
        let password = password.to_owned();
        self.run_limited(|| Ok(()), move || hash(&password)).await?
    }

    /// Whether this is the password with the hash `known`. Takes the same time if there is none. Failed attempts are counted for `name`.
    pub(crate) async fn check_password(
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
            return Ok(false); // No password is that long, so this isn't counted as an attempt.
        }
        let (given, there) = (password.to_owned(), known.is_some());
        let known = known.map(str::to_owned);
        let (name, now, counter) = (name.to_owned(), self.clock().now(), failures.clone());
        let verify = move || {
            let matches = known.as_deref().or(DUMMY_HASH.as_deref()).is_some_and(|hash| verify(&given, hash));
            let right = there && matches;
            // Recorded before the slot is released, even if the client no longer waits for the answer.
            counter.record(realm, &name, now, right);
            right
        };
        // Checked again, since other attempts may have failed in the meantime.
        self.run_limited(admit, verify).await
    }
}

/// Changes that users make to themselves.
#[derive(Clone, Debug, Default)]
pub struct SelfUpdate {
    pub name: Option<String>,
    pub locale: Option<Option<String>>,
    /// Needs the current password, unless it is the present address.
    pub email: Option<String>,
    /// Needs the current password.
    pub password: Option<String>,
    pub current_password: Option<String>,
}

/// Sets the hash of the user's password; `None` removes the password.
pub(crate) fn set_hash(tx: &mut Tx<'_, '_>, proof: &impl Proof, user: UserId, hash: Option<&str>) -> Result<()> {
    let changed = hash.is_some().then(|| tx.now());
    tx.change(proof, &Change::UserPasswordChanged { user, changed, hash: hash.map(str::to_owned) })
}

/// Ends the user's sessions, except the one that is used for this.
fn end_other_sessions(tx: &mut Tx<'_, '_>, user: &Allowed<User>) -> Result<()> {
    let this = match &tx.read().acting.actor {
        Actor::Session(session) => Some(session.id),
        _ => None,
    };
    let all = SessionFilter { user: Some(user.id), ..SessionFilter::default() };
    for session in tx.read().view.list_sessions(&all, &Slice::default())? {
        if Some(session.id) != this {
            tx.change(user, &Change::SessionEnded { before: Box::new(session) })?;
        }
    }
    Ok(())
}

/// Whether this is the user's present address, or the placeholder that is shown instead.
fn is_email_of(user: &User, email: &str) -> bool {
    text::email(email).is_ok_and(|email| email == user.email_or_placeholder())
}

/// Checks that the password's hash is still the one that was verified before the transaction.
fn check_unchanged(tx: &Tx<'_, '_>, user: UserId, proved: Option<&str>) -> Result<()> {
    let now = tx.read().view.password(user)?;
    let same = match (&now, proved) {
        (Some(now), Some(proved)) => secret::same(&now.hash, proved),
        (None, None) => true,
        _ => false,
    };
    if same { Ok(()) } else { Err(Error::WrongPassword) }
}

impl Caller {
    /// Hashes a password for [`crate::NewUser`]. Deliberately slow: check first that the caller may create users.
    pub async fn hash_password(&self, password: &str) -> Result<HashedPassword> {
        self.engine.hash_password(password).await
    }

    /// Verifies the user's current password, if there is one. Returns the hash against which it was verified.
    async fn verify_own_password(&self, user: &User, current: Option<&str>) -> Result<Option<String>> {
        let id = user.id;
        let known = self.read(move |reader| Ok(reader.view.password(id)?)).await?.map(|password| password.hash);
        if known.is_none() {
            return Ok(None);
        }
        let current = current.ok_or(Error::WrongPassword)?;
        let name = user.email().map_or_else(|| format!("{id:?}"), str::to_owned);
        let right = self.engine.check_password(self.realm_id(), &name, current, known.as_deref()).await?;
        if right { Ok(known) } else { Err(Error::WrongPassword) }
    }

    /// Sets or removes a user's password. Users may change their own, with the current password if they have one;
    /// others need `users:write` at the root. Ends the user's sessions, except the one that is used for this.
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
        let proved = if own { self.verify_own_password(&user, current).await? } else { None };
        let hashed = match password {
            Some(password) => Some(self.engine.hash_password(password).await?.0),
            None => None,
        };
        let id = user.id;
        self.write(move |tx| {
            let user = tx.read().user(&UserRef::Id(id))?.allow_self_or(tx.read(), P::UsersWrite)?;
            if own {
                check_unchanged(tx, id, proved.as_deref())?;
            }
            if hashed.is_some() || tx.read().view.password(id)?.is_some() {
                set_hash(tx, &user, id, hashed.as_deref())?;
            }
            end_other_sessions(tx, &user)
        })
        .await
    }

    /// Changes the acting user. `Forbidden` if the user is limited to one membership. A new password ends the user's sessions, except the one
    /// that is used for this.
    pub async fn update_self(&self, change: SelfUpdate) -> Result<User> {
        let user = self
            .read(|reader| Ok(reader.user(&UserRef::Me)?.allow_self_or(reader, P::UsersWrite)?.into_inner()))
            .await
            .map_err(|error| match error {
                Error::NotFound(_) | Error::Forbidden(_) => Error::Forbidden("a session of the whole user".into()),
                other => other,
            })?;
        let email = change.email.filter(|email| !is_email_of(&user, email));
        let sensitive = email.is_some() || change.password.is_some();
        let proved =
            if sensitive { self.verify_own_password(&user, change.current_password.as_deref()).await? } else { None };
        let hashed = match &change.password {
            Some(password) => Some(self.engine.hash_password(password).await?.0),
            None => None,
        };
        let id = user.id;
        let patch =
            UserPatch { name: change.name, locale: change.locale, email: email.map(Some), ..UserPatch::default() };
        self.write(move |tx| {
            let before = tx.read().user(&UserRef::Id(id))?.allow_self_or(tx.read(), P::UsersWrite)?;
            if sensitive {
                check_unchanged(tx, id, proved.as_deref())?;
            }
            if let Some(hash) = &hashed {
                set_hash(tx, &before, id, Some(hash))?;
                end_other_sessions(tx, &before)?;
            }
            users::update(tx, &before, &patch)
        })
        .await
    }

    /// When these users' passwords were last changed; users without a password are left out. For the caller's own user,
    /// or with `users:read` at the root; other callers get an empty answer.
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
