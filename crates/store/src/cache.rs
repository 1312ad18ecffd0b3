//! A bounded cache of users, organizations, memberships and directory links: what lists show beside the
//! [graph](roster_index). What isn't here is read from the tables and then cached.
//!
//! It follows the log with the graph: what an event changes is evicted while the graph is locked, so a view of memory
//! never sees an entity at another position than the graph's.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use roster_model::{
    Change, DirectoryLink, EntityId as _, Membership, MembershipId, Metadata, Organization, OrganizationId, RealmId,
    User, UserId,
};
use serde_json::Value;

/// Approximate capacity in bytes.
pub(crate) const CACHE_BYTES: u64 = 256 << 20;
/// Number of entries expected at first; it grows.
const EXPECTED: usize = 1000;
/// Bytes per entry beside its content, its place in the table included.
const OVERHEAD: usize = 96;
/// Events kept for reads of the tables that are still under way.
const RECENT_MAX: usize = 16_384;

/// Realm and id; ids of different kinds differ. The links of a subject are stored under the complement of its id.
type Key = (i64, i64);

const fn links_key(subject: i64) -> i64 {
    !subject
}

#[derive(Clone, Debug)]
pub(crate) enum Entity {
    /// `last_active` isn't in the log, so it is as of when the user was read; whoever shows it reads the tables.
    User(Arc<User>),
    Membership(Arc<Membership>),
    /// With the generation of the tree that it belongs to, set when it is inserted.
    Organization(Arc<Organization>, u64),
    /// All links of a subject, in the order of their domains.
    Links(i64, Arc<[DirectoryLink]>),
}

impl From<&Arc<User>> for Entity {
    fn from(user: &Arc<User>) -> Self {
        Self::User(Arc::clone(user))
    }
}

impl From<&Arc<Membership>> for Entity {
    fn from(membership: &Arc<Membership>) -> Self {
        Self::Membership(Arc::clone(membership))
    }
}

impl From<&Arc<Organization>> for Entity {
    fn from(organization: &Arc<Organization>) -> Self {
        Self::Organization(Arc::clone(organization), 0)
    }
}

impl From<&(i64, Arc<[DirectoryLink]>)> for Entity {
    fn from((subject, links): &(i64, Arc<[DirectoryLink]>)) -> Self {
        Self::Links(*subject, Arc::clone(links))
    }
}

impl Entity {
    fn key(&self, realm: RealmId) -> Key {
        let id = match self {
            Self::User(user) => user.id.raw(),
            Self::Membership(membership) => membership.id.raw(),
            Self::Organization(organization, _) => organization.id.raw(),
            Self::Links(subject, _) => links_key(*subject),
        };
        (realm.raw(), id)
    }
}

#[derive(Debug)]
pub(crate) struct Entities {
    cache: Cache<Key, Entity, Weight>,
    /// The generation of the tree. An organization's place shows in everything below it: when one is moved or marked as
    /// deleted, all cached organizations become outdated.
    generation: AtomicU64,
}

impl Entities {
    pub(crate) fn new() -> Self {
        Self { cache: Cache::with_weighter(EXPECTED, CACHE_BYTES, Weight), generation: AtomicU64::new(0) }
    }

    pub(crate) fn user(&self, realm: RealmId, id: UserId) -> Option<Arc<User>> {
        match self.cache.get(&(realm.raw(), id.raw()))? {
            Entity::User(user) => Some(user),
            _ => None,
        }
    }

    pub(crate) fn membership(&self, realm: RealmId, id: MembershipId) -> Option<Arc<Membership>> {
        match self.cache.get(&(realm.raw(), id.raw()))? {
            Entity::Membership(membership) => Some(membership),
            _ => None,
        }
    }

    pub(crate) fn organization(&self, realm: RealmId, id: OrganizationId) -> Option<Arc<Organization>> {
        match self.cache.get(&(realm.raw(), id.raw()))? {
            Entity::Organization(organization, of) if of == self.generation() => Some(organization),
            _ => None,
        }
    }

    pub(crate) fn links(&self, realm: RealmId, subject: i64) -> Option<Arc<[DirectoryLink]>> {
        match self.cache.get(&(realm.raw(), links_key(subject)))? {
            Entity::Links(_, links) => Some(links),
            _ => None,
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Caches an entity, unless it is among those that have changed meanwhile: `changed` ids, or any organization if
    /// `tree`.
    pub(crate) fn put(&self, realm: RealmId, entity: Entity, (changed, tree): &(HashSet<i64>, bool)) {
        let key = entity.key(realm);
        if changed.contains(&key.1) {
            return;
        }
        let entity = match entity {
            Entity::Organization(..) if *tree => return,
            Entity::Organization(organization, _) => Entity::Organization(organization, self.generation()),
            entity => entity,
        };
        self.cache.insert(key, entity);
    }

    pub(crate) fn clear(&self) {
        self.cache.clear();
    }

    /// Evicts a user for an event whose body is unknown.
    pub(crate) fn forget_user(&self, realm: RealmId, user: Option<UserId>) -> Touched {
        let Some(user) = user else { return Touched::Nothing };
        self.cache.remove(&(realm.raw(), user.raw()));
        self.cache.remove(&(realm.raw(), links_key(user.raw())));
        Touched::One(user.raw())
    }

    /// Evicts what a change made outdated, and returns that. New entities are cached, since they are often read soon.
    pub(crate) fn follow(&self, realm: RealmId, change: &Change) -> Touched {
        match change {
            // Several addresses are ordered by the tables.
            Change::UserCreated { after } if after.addresses.len() <= 1 => {
                self.cache.insert((realm.raw(), after.id.raw()), Entity::User(Arc::new(User::clone(after))));
            }
            Change::MembershipAdded { after } => {
                let entity = Entity::Membership(Arc::new(Membership::clone(after)));
                self.cache.insert((realm.raw(), after.id.raw()), entity);
            }
            Change::UserDeleted { before } => {
                self.cache.remove(&(realm.raw(), links_key(before.id.raw())));
            }
            _ => {}
        }
        let touched = touched(change);
        match touched {
            Touched::Nothing => {}
            Touched::One(id) => drop(self.cache.remove(&(realm.raw(), id))),
            Touched::Tree => drop(self.generation.fetch_add(1, Ordering::AcqRel)),
        }
        touched
    }
}

/// Which cached entities a change makes outdated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    Nothing,
    One(i64),
    /// All organizations.
    Tree,
}

fn touched(change: &Change) -> Touched {
    match change {
        Change::OrganizationUpdated { before, after } if before.status == after.status => Touched::One(after.id.raw()),
        Change::OrganizationUpdated { .. }
        | Change::OrganizationMoved { .. }
        | Change::OrganizationDeleted { .. }
        | Change::RealmCreated { .. } => Touched::Tree,
        Change::UserUpdated { after, .. } => Touched::One(after.id.raw()),
        Change::UserDeleted { before } => Touched::One(before.id.raw()),
        Change::UserErased { user } | Change::UserPasswordChanged { user, .. } => Touched::One(user.raw()),
        Change::MembershipUpdated { after, .. }
        | Change::OwnershipCleared { after, .. }
        | Change::OwnershipTransferred { after, .. } => Touched::One(after.id.raw()),
        Change::MembershipRemoved { before } => Touched::One(before.id.raw()),
        Change::DirectoryLinkCreated { after: link }
        | Change::DirectoryLinkUpdated { after: link, .. }
        | Change::DirectoryLinkDeleted { before: link } => Touched::One(links_key(link.subject.raw())),
        // New entities aren't cached yet; the rest never is.
        Change::OrganizationCreated { .. }
        | Change::UserCreated { .. }
        | Change::MembershipAdded { .. }
        | Change::InvitationCreated { .. }
        | Change::InvitationUpdated { .. }
        | Change::RoleCreated { .. }
        | Change::RoleUpdated { .. }
        | Change::RoleDeleted { .. }
        | Change::PermissionCreated { .. }
        | Change::PermissionUpdated { .. }
        | Change::PermissionDeleted { .. }
        | Change::TokenIssued { .. }
        | Change::TokenUpdated { .. }
        | Change::TokenRevoked { .. }
        | Change::SessionOpened { .. }
        | Change::SessionEnded { .. }
        | Change::LinkIssued { .. }
        | Change::LinkUsed { .. }
        | Change::AccountUserCreated { .. }
        | Change::AccountUserUpdated { .. }
        | Change::AccountUserDeleted { .. }
        | Change::RemovalHeld { .. } => Touched::Nothing,
    }
}

/// What recent events have changed, so that a read of the tables at an earlier position knows which of its results are
/// still current.
#[derive(Debug)]
pub(crate) struct RecentChanges {
    /// Nothing is known of this event and earlier ones.
    since: i64,
    touched: VecDeque<(i64, Touched)>,
}

impl RecentChanges {
    pub(crate) fn new(position: i64) -> Self {
        Self { since: position, touched: VecDeque::new() }
    }

    pub(crate) fn note(&mut self, sequence: i64, touched: Touched) {
        if touched == Touched::Nothing {
            return;
        }
        if self.touched.len() >= RECENT_MAX
            && let Some((sequence, _)) = self.touched.pop_front()
        {
            self.since = sequence;
        }
        self.touched.push_back((sequence, touched));
    }

    /// The ids changed after this position, and whether the tree was; `None` if that isn't known any more.
    pub(crate) fn after(&self, position: i64) -> Option<(HashSet<i64>, bool)> {
        if position < self.since {
            return None;
        }
        let mut tree = false;
        let later = self.touched.iter().rev().take_while(|(sequence, _)| *sequence > position);
        let ids = later.filter_map(|(_, touched)| match touched {
            Touched::One(id) => Some(*id),
            Touched::Tree => {
                tree = true;
                None
            }
            Touched::Nothing => None,
        });
        let ids = ids.collect();
        Some((ids, tree))
    }
}

/// Approximate size of an entity in bytes.
#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Key, Entity> for Weight {
    fn weight(&self, _: &Key, entity: &Entity) -> u64 {
        let bytes = match entity {
            Entity::User(user) => {
                let texts = [&user.first_name, &user.last_name, &user.username, &user.external_id, &user.locale];
                size_of::<User>()
                    + user.name.len()
                    + texts.into_iter().flatten().map(String::len).sum::<usize>()
                    + user.addresses.iter().map(|a| size_of_val(a) + a.value.len()).sum::<usize>()
                    + [&user.public, &user.private, &user.open, &user.extras.0]
                        .into_iter()
                        .map(map_bytes)
                        .sum::<usize>()
                    + user.aliases.0.len() * 64
            }
            Entity::Membership(m) => {
                size_of::<Membership>() + [&m.public, &m.private, &m.extras.0].into_iter().map(map_bytes).sum::<usize>()
            }
            Entity::Links(_, links) => {
                let of = |link: &DirectoryLink| {
                    let texts = [&link.external_id, &link.user_name].into_iter().flatten().chain(&link.addresses);
                    size_of::<DirectoryLink>()
                        + map_bytes(&link.document)
                        + texts.map(|text| text.len() + 24).sum::<usize>()
                };
                links.iter().map(of).sum()
            }
            Entity::Organization(o, _) => {
                size_of::<Organization>()
                    + o.name.len()
                    + o.slug.len()
                    + [&o.public, &o.private, &o.extras.0].into_iter().map(map_bytes).sum::<usize>()
                    + o.email_domains.iter().map(|domain| domain.len() + 24).sum::<usize>()
                    + o.aliases.0.len() * 64
            }
        };
        (bytes + OVERHEAD) as u64
    }
}

fn map_bytes(map: &Metadata) -> usize {
    map.iter().map(|(key, value)| 64 + key.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> usize {
    let within = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(value_bytes).sum(),
        Value::Object(map) => map_bytes(map),
    };
    within + size_of::<Value>()
}
