//! Tokens and sessions in use, cached until an event may have ended them. One that isn't cached is looked up in the
//! database before it is refused.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use hashbrown::HashMap;
use roster_model::{Change, RealmId, Session, SessionId, TokenId};

use crate::sessions::FoundSession;
use crate::tokens::FoundToken;

/// Most cached keys of each kind. When there are more, the cache is cleared.
const KEYS_MAX: usize = 100_000;

/// A key that was found in the database.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'k> {
    Token(&'k FoundToken),
    /// A session that is limited to a membership isn't cached: it ends with the membership.
    Session(&'k FoundSession),
}

impl Key<'_> {
    pub(crate) const fn realm(&self) -> RealmId {
        match self {
            Self::Token(found) => found.realm,
            Self::Session(found) => found.realm,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Keys(RwLock<Known>);

/// Each under the hash of its secret, and under its id.
#[derive(Debug, Default)]
struct Known {
    tokens: HashMap<String, Arc<FoundToken>>,
    token_ids: HashMap<(RealmId, TokenId), Arc<FoundToken>>,
    sessions: HashMap<String, Arc<FoundSession>>,
    session_ids: HashMap<(RealmId, SessionId), Arc<FoundSession>>,
}

/// Which keys a change may have ended.
enum Ended<'c> {
    Token(TokenId),
    Session(&'c Session),
    /// A user's sessions, and if `true`, also the user's tokens.
    OfUser(roster_model::UserId, bool),
    All,
}

fn ended(change: Option<&Change>) -> Option<Ended<'_>> {
    let Some(change) = change else { return Some(Ended::All) };
    match change {
        Change::TokenRevoked { after, .. } | Change::TokenUpdated { after, .. } => Some(Ended::Token(after.id)),
        Change::SessionEnded { before } => Some(Ended::Session(before)),
        Change::UserUpdated { after, .. } => (!after.is_active()).then_some(Ended::OfUser(after.id, false)),
        Change::UserDeleted { before } => Some(Ended::OfUser(before.id, true)),
        Change::UserPasswordChanged { user, .. } => Some(Ended::OfUser(*user, false)),
        Change::OrganizationDeleted { .. } => Some(Ended::All),
        Change::RealmCreated { .. }
        | Change::OrganizationCreated { .. }
        | Change::OrganizationUpdated { .. }
        | Change::OrganizationMoved { .. }
        | Change::UserCreated { .. }
        | Change::UserErased { .. }
        | Change::MembershipAdded { .. }
        | Change::MembershipUpdated { .. }
        | Change::MembershipRemoved { .. }
        | Change::OwnershipCleared { .. }
        | Change::OwnershipTransferred { .. }
        | Change::InvitationCreated { .. }
        | Change::InvitationUpdated { .. }
        | Change::RoleCreated { .. }
        | Change::RoleUpdated { .. }
        | Change::RoleDeleted { .. }
        | Change::PermissionCreated { .. }
        | Change::PermissionUpdated { .. }
        | Change::PermissionDeleted { .. }
        | Change::TokenIssued { .. }
        | Change::SessionOpened { .. }
        | Change::LinkIssued { .. }
        | Change::LinkUsed { .. }
        | Change::AccountUserCreated { .. }
        | Change::AccountUserUpdated { .. }
        | Change::AccountUserDeleted { .. }
        | Change::DirectoryLinkCreated { .. }
        | Change::DirectoryLinkUpdated { .. }
        | Change::DirectoryLinkDeleted { .. }
        | Change::RemovalHeld { .. } => None,
    }
}

/// Whether a change may have ended a key; always if it is unknown (`None`).
pub(crate) fn may_end_key(change: Option<&Change>) -> bool {
    ended(change).is_some()
}

impl Keys {
    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// By the hash of its secret.
    pub(crate) fn token(&self, hash: &str) -> Option<Arc<FoundToken>> {
        self.known().tokens.get(hash).cloned()
    }

    pub(crate) fn token_by_id(&self, realm: RealmId, id: TokenId) -> Option<Arc<FoundToken>> {
        self.known().token_ids.get(&(realm, id)).cloned()
    }

    /// By the hash of its secret.
    pub(crate) fn session(&self, hash: &str) -> Option<Arc<FoundSession>> {
        self.known().sessions.get(hash).cloned()
    }

    pub(crate) fn session_by_id(&self, realm: RealmId, id: SessionId) -> Option<Arc<FoundSession>> {
        self.known().session_ids.get(&(realm, id)).cloned()
    }

    /// Caches a key, if `is_current` holds while no key can be invalidated.
    pub(crate) fn put(&self, key: Key<'_>, is_current: impl Fn() -> bool) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !is_current() {
            return;
        }
        if known.tokens.len().max(known.sessions.len()) >= KEYS_MAX {
            *known = Known::default();
        }
        match key {
            Key::Token(found) => {
                let found = Arc::new(found.clone());
                known.token_ids.insert((found.realm, found.token.id), Arc::clone(&found));
                known.tokens.insert(found.hash.clone(), found);
            }
            Key::Session(found) if found.session.only.is_none() => {
                let found = Arc::new(found.clone());
                known.session_ids.insert((found.realm, found.session.id), Arc::clone(&found));
                known.sessions.insert(found.hash.clone(), found);
            }
            Key::Session(_) => {}
        }
    }

    /// Evicts keys that a change may have ended; all of the realm if it is unknown (`None`).
    pub(crate) fn follow(&self, realm: RealmId, change: Option<&Change>) {
        let Some(ended) = ended(change) else { return };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Known { tokens, token_ids, sessions, session_ids } = &mut *known;
        match ended {
            Ended::Token(id) => {
                if let Some(found) = token_ids.remove(&(realm, id)) {
                    tokens.remove(&found.hash);
                }
            }
            Ended::Session(session) => {
                if let Some(found) = session_ids.remove(&(realm, session.id)) {
                    sessions.remove(&found.hash);
                }
            }
            Ended::OfUser(user, with_tokens) => {
                let another = |found: &Arc<FoundSession>| found.realm != realm || found.session.user != user;
                sessions.retain(|_, found| another(found));
                session_ids.retain(|_, found| another(found));
                if with_tokens {
                    let another = |found: &Arc<FoundToken>| found.realm != realm || found.token.user != Some(user);
                    tokens.retain(|_, found| another(found));
                    token_ids.retain(|_, found| another(found));
                }
            }
            Ended::All => {
                tokens.retain(|_, found| found.realm != realm);
                token_ids.retain(|_, found| found.realm != realm);
                sessions.retain(|_, found| found.realm != realm);
                session_ids.retain(|_, found| found.realm != realm);
            }
        }
    }

    pub(crate) fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Known::default();
    }
}
