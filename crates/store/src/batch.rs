//! What a transaction of the writer has done so far. Several operations share it, and each sees the changes of those
//! before it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use roster_model::{Change, EntityId as _, EventId, OrganizationId, RealmId, UserId};

/// Where a realm's log ends, before and within the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Before the transaction.
    pub before: i64,
    pub now: i64,
    pub roles_version: i64,
    /// The version before the transaction; anything read at another version may still be rolled back.
    pub committed_roles_version: i64,
}

/// Lives as long as the transaction. Used by the writer's thread alone.
#[derive(Debug, Default)]
pub struct Batch(RefCell<Done>);

#[derive(Debug, Default)]
struct Done {
    heads: BTreeMap<i64, Head>,
    /// In the order in which they were made.
    changes: Vec<(RealmId, Noted)>,
    dirty: Dirty,
    /// Something was written that isn't recorded as a change.
    unlogged: bool,
}

/// An event appended in this transaction.
#[derive(Debug)]
pub(crate) struct Noted {
    pub sequence: i64,
    pub event: EventId,
    pub change: Change,
}

/// A point in a batch that can be rolled back to.
#[derive(Debug)]
pub struct Mark {
    heads: BTreeMap<i64, Head>,
    changes: usize,
}

/// What the changes of a batch concern, including those that were undone. For everything else, memory agrees with the
/// tables.
#[derive(Debug, Default)]
struct Dirty {
    users: HashSet<i64>,
    members: HashSet<(i64, i64)>,
    /// The users of `members`.
    member_users: HashSet<i64>,
    areas: HashSet<DirtyArea>,
}

/// What is tracked as a whole rather than by entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum DirtyArea {
    Tree,
    Tokens,
    Suspensions,
    Invitations,
}

/// The subject of a lookup.
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
    /// Where the realm's log ends in this transaction, if an operation has used the realm already.
    pub(crate) fn head(&self, realm: RealmId) -> Option<Head> {
        self.0.borrow().heads.get(&realm.raw()).copied()
    }

    pub(crate) fn put_head(&self, realm: RealmId, head: Head) {
        self.0.borrow_mut().heads.insert(realm.raw(), head);
    }

    pub(crate) fn note(&self, realm: RealmId, (sequence, event): (i64, EventId), change: &Change) {
        let mut done = self.0.borrow_mut();
        done.dirty.note(change);
        done.changes.push((realm, Noted { sequence, event, change: change.clone() }));
    }

    pub(crate) fn note_unlogged(&self) {
        self.0.borrow_mut().unlogged = true;
    }

    /// How many changes there are so far, for [`Self::undo_to`].
    pub(crate) fn changes(&self) -> usize {
        self.0.borrow().changes.len()
    }

    pub(crate) fn undo_to(&self, changes: usize) {
        self.0.borrow_mut().changes.truncate(changes);
    }

    /// For a transaction that starts over.
    pub fn reset(&self) {
        self.0.take();
    }

    pub fn mark(&self) -> Mark {
        let done = self.0.borrow();
        Mark { heads: done.heads.clone(), changes: done.changes.len() }
    }

    pub fn rollback_to(&self, mark: Mark) {
        let mut done = self.0.borrow_mut();
        done.heads = mark.heads;
        done.changes.truncate(mark.changes);
    }

    /// Whether nothing so far concerns this subject, so that memory from before the transaction still holds.
    pub(crate) fn is_untouched(&self, about: About) -> bool {
        let done = self.0.borrow();
        let Dirty { users, members, member_users, areas } = &done.dirty;
        let untouched = match about {
            About::Tree => !areas.contains(&DirtyArea::Tree),
            About::User(user) => !users.contains(&user.raw()),
            About::Members(user) => !areas.contains(&DirtyArea::Tree) && !member_users.contains(&user.raw()),
            About::Member(place, user) => {
                !areas.contains(&DirtyArea::Tree) && !members.contains(&(place.raw(), user.raw()))
            }
            About::Tokens => !areas.contains(&DirtyArea::Tokens),
            About::Suspensions => !areas.contains(&DirtyArea::Suspensions),
            About::Invitations => !areas.contains(&DirtyArea::Invitations),
        };
        untouched && !done.unlogged
    }

    /// The realms whose logs have grown: id, head, version of the roles.
    pub fn moved_heads(&self) -> Vec<(i64, i64, i64)> {
        let done = self.0.borrow();
        let moved = done.heads.iter().filter(|(_, head)| head.now != head.before);
        moved.map(|(realm, head)| (*realm, head.now, head.roles_version)).collect()
    }

    /// The changes of each realm, in the order of its log.
    pub(crate) fn into_changes(self) -> BTreeMap<i64, Vec<Noted>> {
        let mut realms: BTreeMap<i64, Vec<Noted>> = BTreeMap::new();
        for (realm, noted) in self.0.into_inner().changes {
            realms.entry(realm.raw()).or_default().push(noted);
        }
        realms
    }
}

impl Dirty {
    fn mark_areas(&mut self, areas: impl IntoIterator<Item = DirtyArea>) {
        self.areas.extend(areas);
    }

    fn note(&mut self, change: &Change) {
        match change {
            Change::RealmCreated { .. }
            | Change::OrganizationCreated { .. }
            | Change::OrganizationUpdated { .. }
            | Change::OrganizationMoved { .. } => self.mark_areas([DirtyArea::Tree]),
            Change::OrganizationDeleted { .. } => {
                self.mark_areas([DirtyArea::Tree, DirtyArea::Tokens, DirtyArea::Invitations]);
            }
            Change::UserCreated { after: user }
            | Change::UserUpdated { after: user, .. }
            | Change::UserDeleted { before: user } => {
                self.users.insert(user.id.raw());
                if matches!(change, Change::UserDeleted { .. }) {
                    self.mark_areas([DirtyArea::Tokens, DirtyArea::Suspensions]);
                }
            }
            Change::UserErased { user } | Change::UserPasswordChanged { user, .. } => {
                self.users.insert(user.raw());
                self.mark_areas([DirtyArea::Invitations]);
            }
            Change::MembershipAdded { after: membership }
            | Change::MembershipUpdated { after: membership, .. }
            | Change::OwnershipCleared { after: membership, .. }
            | Change::OwnershipTransferred { after: membership, .. }
            | Change::MembershipRemoved { before: membership } => {
                self.members.insert((membership.organization.raw(), membership.user.raw()));
                self.member_users.insert(membership.user.raw());
            }
            Change::InvitationCreated { .. } | Change::InvitationUpdated { .. } => {
                self.mark_areas([DirtyArea::Invitations]);
            }
            Change::TokenIssued { .. } | Change::TokenUpdated { .. } | Change::TokenRevoked { .. } => {
                self.mark_areas([DirtyArea::Tokens]);
            }
            Change::DirectoryLinkCreated { .. }
            | Change::DirectoryLinkUpdated { .. }
            | Change::DirectoryLinkDeleted { .. } => self.mark_areas([DirtyArea::Suspensions]),
            // Roles have a version of their own; the rest isn't in memory.
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
