//! Tokens and sessions that were used, remembered until an event may have ended them. One that isn't known here is asked of the database before
//! it is refused.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use hashbrown::HashMap;
use roster_model::{Change, RealmId, Session, SessionId, TokenId};

use crate::sessions::FoundSession;
use crate::tokens::FoundToken;

/// Keys that are remembered of each kind. When they are too many it begins anew.
const KEYS_MAX: usize = 100_000;

/// A key that was found in the database.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'k> {
    Token(&'k FoundToken),
    /// One that is limited to a membership isn't remembered: it ends with that.
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

/// Each under its secret's hash and its id.
#[derive(Debug, Default)]
struct Known {
    tokens: HashMap<String, Arc<FoundToken>>,
    token_ids: HashMap<(RealmId, TokenId), Arc<FoundToken>>,
    sessions: HashMap<String, Arc<FoundSession>>,
    session_ids: HashMap<(RealmId, SessionId), Arc<FoundSession>>,
}

/// Which of them a change may have ended.
enum Ended<'c> {
    Token(TokenId),
    Session(&'c Session),
    /// A user's: whether tokens, too.
    Of(roster_model::UserId, bool),
    All,
}

fn ended(change: Option<&Change>) -> Option<Ended<'_>> {
    let Some(change) = change else { return Some(Ended::All) };
    match change {
        Change::TokenRevoked { after, .. } | Change::TokenUpdated { after, .. } => Some(Ended::Token(after.id)),
        Change::SessionEnded { before } => Some(Ended::Session(before)),
        Change::UserUpdated { after, .. } => (!after.is_active()).then_some(Ended::Of(after.id, false)),
        Change::UserDeleted { before } => Some(Ended::Of(before.id, true)),
        Change::UserPasswordChanged { user, .. } => Some(Ended::Of(*user, false)),
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

/// Whether a change may have ended a key. `None`: nobody knows what it was.
pub(crate) fn concerned(change: Option<&Change>) -> bool {
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

    /// Remembers one, if it `stands` while nobody can end it here.
    pub(crate) fn put(&self, key: Key<'_>, stands: impl Fn() -> bool) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !stands() {
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

    /// Forgets what a change may have ended. `None`: nobody knows what it was.
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
            Ended::Of(user, with_tokens) => {
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
