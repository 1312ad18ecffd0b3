//! What a transaction of the writer has done so far: several operations share it, and each sees what those before it did.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use roster_model::{Change, EntityId as _, EventId, OrganizationId, RealmId, UserId};

/// Where a realm's log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Before the transaction.
    pub before: i64,
    pub now: i64,
    pub roles_version: i64,
    /// The version before the transaction: what is read at another one may still be rolled back.
    pub settled_roles: i64,
}

/// Begun with the transaction, and gone with it. Used by the writer's thread alone.
#[derive(Debug, Default)]
pub struct Batch(RefCell<Done>);

#[derive(Debug, Default)]
struct Done {
    heads: BTreeMap<i64, Head>,
    /// In their order.
    changes: Vec<(RealmId, Noted)>,
    unsettled: Unsettled,
    /// Something was written that no change tells of.
    aside: bool,
}

/// An event that was written.
#[derive(Debug)]
pub(crate) struct Noted {
    pub sequence: i64,
    pub event: EventId,
    pub change: Change,
}

/// A place in a batch to come back to.
#[derive(Debug)]
pub struct Mark {
    heads: BTreeMap<i64, Head>,
    changes: usize,
}

/// What the changes of a batch have touched, also those that were undone: about the rest, memory knows what the tables say.
#[derive(Debug, Default)]
struct Unsettled {
    users: HashSet<i64>,
    members: HashSet<(i64, i64)>,
    /// The users of these.
    moved: HashSet<i64>,
    wide: HashSet<Wide>,
}

/// What isn't told apart any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Wide {
    Tree,
    Tokens,
    Suspensions,
    Invitations,
}

/// What somebody wants to know something about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    /// Organizations, and which is below which.
    Tree,
    User(UserId),
    /// A user's memberships at some organizations.
    Members(UserId),
    Member(OrganizationId, UserId),
    Tokens,
    Suspensions,
    Invitations,
}

impl Batch {
    /// Where the realm's log ends in this transaction, if some operation has looked before.
    pub(crate) fn head(&self, realm: RealmId) -> Option<Head> {
        self.0.borrow().heads.get(&realm.raw()).copied()
    }

    pub(crate) fn put_head(&self, realm: RealmId, head: Head) {
        self.0.borrow_mut().heads.insert(realm.raw(), head);
    }

    pub(crate) fn note(&self, realm: RealmId, (sequence, event): (i64, EventId), change: &Change) {
        let mut done = self.0.borrow_mut();
        done.unsettled.note(change);
        done.changes.push((realm, Noted { sequence, event, change: change.clone() }));
    }

    pub(crate) fn note_aside(&self) {
        self.0.borrow_mut().aside = true;
    }

    /// How many changes there are, to be undone to.
    pub(crate) fn changes(&self) -> usize {
        self.0.borrow().changes.len()
    }

    pub(crate) fn undo_to(&self, changes: usize) {
        self.0.borrow_mut().changes.truncate(changes);
    }

    /// For a transaction that is begun anew.
    pub fn reset(&self) {
        self.0.take();
    }

    pub fn mark(&self) -> Mark {
        let done = self.0.borrow();
        Mark { heads: done.heads.clone(), changes: done.changes.len() }
    }

    pub fn back_to(&self, mark: Mark) {
        let mut done = self.0.borrow_mut();
        done.heads = mark.heads;
        done.changes.truncate(mark.changes);
    }

    /// Whether all that was said so far of this leaves what was known before the transaction as it is.
    pub(crate) fn is_settled(&self, about: About) -> bool {
        let done = self.0.borrow();
        let Unsettled { users, members, moved, wide } = &done.unsettled;
        let settled = match about {
            About::Tree => !wide.contains(&Wide::Tree),
            About::User(user) => !users.contains(&user.raw()),
            About::Members(user) => !wide.contains(&Wide::Tree) && !moved.contains(&user.raw()),
            About::Member(place, user) => !wide.contains(&Wide::Tree) && !members.contains(&(place.raw(), user.raw())),
            About::Tokens => !wide.contains(&Wide::Tokens),
            About::Suspensions => !wide.contains(&Wide::Suspensions),
            About::Invitations => !wide.contains(&Wide::Invitations),
        };
        settled && !done.aside
    }

    /// Where the logs end now that have moved on: the realm, its head, the version of its roles.
    pub fn moved(&self) -> Vec<(i64, i64, i64)> {
        let done = self.0.borrow();
        let moved = done.heads.iter().filter(|(_, head)| head.now != head.before);
        moved.map(|(realm, head)| (*realm, head.now, head.roles_version)).collect()
    }

    /// Each realm with its changes, in the order of its log.
    pub(crate) fn into_changes(self) -> BTreeMap<i64, Vec<Noted>> {
        let mut realms: BTreeMap<i64, Vec<Noted>> = BTreeMap::new();
        for (realm, noted) in self.0.into_inner().changes {
            realms.entry(realm.raw()).or_default().push(noted);
        }
        realms
    }
}

impl Unsettled {
    fn widen(&mut self, wide: impl IntoIterator<Item = Wide>) {
        self.wide.extend(wide);
    }

    fn note(&mut self, change: &Change) {
        match change {
            Change::RealmCreated { .. }
            | Change::OrganizationCreated { .. }
            | Change::OrganizationUpdated { .. }
            | Change::OrganizationMoved { .. } => self.widen([Wide::Tree]),
            Change::OrganizationDeleted { .. } => self.widen([Wide::Tree, Wide::Tokens, Wide::Invitations]),
            Change::UserCreated { after: user }
            | Change::UserUpdated { after: user, .. }
            | Change::UserDeleted { before: user } => {
                self.users.insert(user.id.raw());
                if matches!(change, Change::UserDeleted { .. }) {
                    self.widen([Wide::Tokens, Wide::Suspensions]);
                }
            }
            Change::UserErased { user } | Change::UserPasswordChanged { user, .. } => {
                self.users.insert(user.raw());
                self.widen([Wide::Invitations]);
            }
            Change::MembershipAdded { after: membership }
            | Change::MembershipUpdated { after: membership, .. }
            | Change::OwnershipCleared { after: membership, .. }
            | Change::OwnershipTransferred { after: membership, .. }
            | Change::MembershipRemoved { before: membership } => {
                self.members.insert((membership.organization.raw(), membership.user.raw()));
                self.moved.insert(membership.user.raw());
            }
            Change::InvitationCreated { .. } | Change::InvitationUpdated { .. } => self.widen([Wide::Invitations]),
            Change::TokenIssued { .. } | Change::TokenUpdated { .. } | Change::TokenRevoked { .. } => {
                self.widen([Wide::Tokens]);
            }
            Change::DirectoryLinkCreated { .. }
            | Change::DirectoryLinkUpdated { .. }
            | Change::DirectoryLinkDeleted { .. } => self.widen([Wide::Suspensions]),
            // Roles have a version of their own; of the rest memory knows nothing.
            Change::RoleCreated { .. }
            | Change::RoleUpdated { .. }
            | Change::RoleDeleted { .. }
            | Change::PermissionCreated { .. }
            | Change::PermissionUpdated { .. }
            | Change::PermissionDeleted { .. }
            | Change::SessionOpened { .. }
            | Change::SessionEnded { .. }
            | Change::LinkIssued { .. }
            | Change::LinkUsed { .. }
            | Change::AccountUserCreated { .. }
            | Change::AccountUserUpdated { .. }
            | Change::AccountUserDeleted { .. }
            | Change::RemovalHeld { .. } => {}
        }
    }
}
