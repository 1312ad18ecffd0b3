//! The membership graph of one realm in memory: who is where, with which roles, and where "where" is in the tree.
//!
//! It is made from the tables once and then follows the log: [`Graph::apply`] is one of the readers of [`Change`]. It holds what a check needs
//! and nothing else; names, metadata and whatever lists show stay in the database. It knows no SQL.

use std::sync::Arc;

use hashbrown::HashMap;
use roster_model::{
    Change, LinkSubject, Membership, MembershipId, Organization, OrganizationId, OrganizationStatus, Role, RoleCatalog,
    RoleSet, User, UserId,
};

/// What somebody holds at an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    pub membership: MembershipId,
    pub roles: RoleSet,
}

/// An organization, and who is in it.
#[derive(Debug)]
struct Place {
    parent: Option<OrganizationId>,
    /// Not marked as deleted itself; whether one above is, only the tree tells.
    active: bool,
    members: HashMap<UserId, Holding>,
}

/// A realm as it was at one position of its log.
#[derive(Debug)]
pub struct Graph {
    position: i64,
    roles_version: i64,
    places: HashMap<OrganizationId, Place>,
    /// Who is there, and whether he is active.
    users: HashMap<UserId, bool>,
    /// Where somebody's memberships grant nothing: at these organizations and below.
    suspended: HashMap<UserId, Vec<OrganizationId>>,
    roles: Vec<Role>,
    catalog: Arc<RoleCatalog>,
}

/// Bytes that a membership takes, about: a slot of 24 and a byte, in a table that is two thirds full.
pub const BYTES_PER_MEMBERSHIP: u64 = 38;
/// The same for a user, and for an organization with its own table.
pub const BYTES_PER_USER: u64 = 26;
pub const BYTES_PER_ORGANIZATION: u64 = 120;

impl Graph {
    /// An empty one, to be filled by the functions named `put_…`.
    pub fn new(position: i64, roles_version: i64, roles: Vec<Role>) -> Self {
        let catalog = Arc::new(RoleCatalog::new(roles.iter().cloned()));
        Self {
            position,
            roles_version,
            places: HashMap::new(),
            users: HashMap::new(),
            suspended: HashMap::new(),
            roles,
            catalog,
        }
    }

    /// The number of the last event that it knows of.
    pub const fn position(&self) -> i64 {
        self.position
    }

    /// How often the realm's roles changed.
    pub const fn roles_version(&self) -> i64 {
        self.roles_version
    }

    pub const fn catalog(&self) -> &Arc<RoleCatalog> {
        &self.catalog
    }

    /// Members, users and organizations.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.places.values().map(|place| place.members.len()).sum(), self.users.len(), self.places.len())
    }

    pub fn put_organization(&mut self, id: OrganizationId, parent: Option<OrganizationId>, active: bool) {
        let place = self.places.entry(id).or_insert_with(|| Place { parent, active, members: HashMap::new() });
        (place.parent, place.active) = (parent, active);
    }

    pub fn put_user(&mut self, id: UserId, active: bool) {
        self.users.insert(id, active);
    }

    /// Of an organization that was put before; of another one it is nobody's business.
    pub fn put_member(&mut self, organization: OrganizationId, user: UserId, holding: Holding) {
        if let Some(place) = self.places.get_mut(&organization) {
            place.members.insert(user, holding);
        }
    }

    pub fn put_suspension(&mut self, user: UserId, domain: OrganizationId) {
        self.suspended.entry(user).or_default().push(domain);
    }

    /// The organizations at and below which this user's memberships grant nothing.
    pub fn suspended_in(&self, user: UserId) -> &[OrganizationId] {
        self.suspended.get(&user).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a user is active; `None` if there is none.
    pub fn is_active(&self, user: UserId) -> Option<bool> {
        self.users.get(&user).copied()
    }

    /// An organization that is there, with all above it: itself first, the root last. `None` if it, or one above, is deleted.
    pub fn line(&self, organization: OrganizationId) -> Option<Vec<OrganizationId>> {
        let mut line = Vec::with_capacity(4);
        let mut next = Some(organization);
        while let Some(id) = next {
            let place = self.places.get(&id).filter(|place| place.active)?;
            line.push(id);
            next = place.parent;
        }
        Some(line)
    }

    /// An organization with all above it, deleted ones too: the root first, itself last. Empty if it isn't there.
    pub fn chain(&self, organization: OrganizationId) -> Vec<OrganizationId> {
        let mut chain = Vec::with_capacity(4);
        let mut next = Some(organization);
        while let Some((id, place)) = next.and_then(|id| self.places.get(&id).map(|place| (id, place))) {
            chain.push(id);
            next = place.parent;
        }
        chain.reverse();
        chain
    }

    pub fn holding(&self, organization: OrganizationId, user: UserId) -> Option<Holding> {
        self.places.get(&organization)?.members.get(&user).copied()
    }

    /// Does a change again. Changes come in the order of the log, each once: what isn't the next one is refused, and the graph has to be made
    /// anew.
    pub fn apply(&mut self, sequence: i64, change: &Change) -> Result<(), OutOfStep> {
        if sequence != self.position + 1 {
            return Err(OutOfStep);
        }
        self.position = sequence;
        match change {
            // A realm begins with it; a graph is made after that.
            Change::RealmCreated { .. } => return Err(OutOfStep),
            Change::OrganizationCreated { after }
            | Change::OrganizationUpdated { after, .. }
            | Change::OrganizationMoved { after, .. } => self.see_organization(after),
            Change::OrganizationDeleted { before } => self.remove_with_subtree(before.id),
            Change::UserCreated { after } | Change::UserUpdated { after, .. } => self.see_user(after),
            Change::UserDeleted { before } => {
                self.users.remove(&before.id);
                self.suspended.remove(&before.id);
            }
            Change::MembershipAdded { after }
            | Change::MembershipUpdated { after, .. }
            | Change::OwnershipCleared { after, .. }
            | Change::OwnershipTransferred { after, .. } => self.see_member(after),
            Change::MembershipRemoved { before } => {
                if let Some(place) = self.places.get_mut(&before.organization) {
                    place.members.remove(&before.user);
                }
            }
            Change::DirectoryLinkCreated { after: link }
            | Change::DirectoryLinkUpdated { after: link, .. }
            | Change::DirectoryLinkDeleted { before: link } => {
                if let LinkSubject::User(user) = link.subject {
                    let there = !matches!(change, Change::DirectoryLinkDeleted { .. });
                    self.see_suspension(user, link.domain, there && link.suspended);
                }
            }
            Change::RoleCreated { after } | Change::RoleUpdated { after, .. } => {
                self.roles.retain(|role| role.id != after.id);
                self.roles.push((**after).clone());
                self.roles_changed();
            }
            Change::RoleDeleted { before } => {
                self.roles.retain(|role| role.id != before.id);
                self.roles_changed();
            }
            // What a role grants is told by the changes of roles; the rest is no part of the graph.
            Change::PermissionCreated { .. }
            | Change::PermissionUpdated { .. }
            | Change::PermissionDeleted { .. }
            | Change::UserPasswordChanged { .. }
            | Change::UserErased { .. }
            | Change::InvitationCreated { .. }
            | Change::InvitationUpdated { .. }
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
            | Change::RemovalHeld { .. } => {}
        }
        Ok(())
    }

    /// An event whose body was blanked, since its user was erased: all that it can have said of him is over.
    pub fn apply_blanked(
        &mut self,
        sequence: i64,
        organization: Option<OrganizationId>,
        user: Option<UserId>,
    ) -> Result<(), OutOfStep> {
        let Some(user) = user.filter(|_| sequence == self.position + 1) else { return Err(OutOfStep) };
        self.position = sequence;
        self.users.remove(&user);
        self.suspended.remove(&user);
        if let Some(place) = organization.and_then(|id| self.places.get_mut(&id)) {
            place.members.remove(&user);
        }
        Ok(())
    }

    fn roles_changed(&mut self) {
        self.roles_version += 1;
        self.catalog = Arc::new(RoleCatalog::new(self.roles.iter().cloned()));
    }

    fn see_suspension(&mut self, user: UserId, domain: OrganizationId, suspended: bool) {
        let domains = self.suspended.entry(user).or_default();
        domains.retain(|known| *known != domain);
        if suspended {
            domains.push(domain);
        }
        if domains.is_empty() {
            self.suspended.remove(&user);
        }
    }

    fn see_organization(&mut self, organization: &Organization) {
        let active = organization.status == OrganizationStatus::Active;
        self.put_organization(organization.id, organization.parent, active);
    }

    fn see_user(&mut self, user: &User) {
        self.put_user(user.id, user.is_active());
    }

    fn see_member(&mut self, membership: &Membership) {
        let holding = Holding { membership: membership.id, roles: membership.roles };
        self.put_member(membership.organization, membership.user, holding);
    }

    /// As rare as it is to delete an organization, all are looked through for those below.
    fn remove_with_subtree(&mut self, top: OrganizationId) {
        let mut children: HashMap<OrganizationId, Vec<OrganizationId>> = HashMap::new();
        for (id, place) in &self.places {
            if let Some(parent) = place.parent {
                children.entry(parent).or_default().push(*id);
            }
        }
        let mut left = vec![top];
        while let Some(id) = left.pop() {
            self.places.remove(&id);
            left.extend(children.remove(&id).unwrap_or_default());
        }
    }
}

/// A change that doesn't follow what the graph knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfStep;

/// Whether somebody may do less after a change than before, as far as a graph tells. Who commits such a change waits until no other process
/// answers from before it.
pub fn takes_away(change: &Change) -> bool {
    let active = |organization: &Organization| organization.status == OrganizationStatus::Active;
    match change {
        Change::OrganizationUpdated { before, after } => active(before) && !active(after),
        Change::UserUpdated { before, after } => before.is_active() && !after.is_active(),
        Change::DirectoryLinkCreated { after } | Change::DirectoryLinkUpdated { after, .. } => after.suspended,
        Change::MembershipUpdated { before, after }
        | Change::OwnershipCleared { before, after }
        | Change::OwnershipTransferred { before, after, .. } => before.roles.bits() & !after.roles.bits() != 0,
        Change::OrganizationMoved { .. }
        | Change::OrganizationDeleted { .. }
        | Change::UserDeleted { .. }
        | Change::MembershipRemoved { .. }
        | Change::RoleUpdated { .. }
        | Change::RoleDeleted { .. }
        | Change::TokenUpdated { .. }
        | Change::TokenRevoked { .. } => true,
        // Sessions and links are looked up in the database each time.
        Change::RealmCreated { .. }
        | Change::OrganizationCreated { .. }
        | Change::UserCreated { .. }
        | Change::UserPasswordChanged { .. }
        | Change::UserErased { .. }
        | Change::MembershipAdded { .. }
        | Change::InvitationCreated { .. }
        | Change::InvitationUpdated { .. }
        | Change::RoleCreated { .. }
        | Change::PermissionCreated { .. }
        | Change::PermissionUpdated { .. }
        | Change::PermissionDeleted { .. }
        | Change::TokenIssued { .. }
        | Change::SessionOpened { .. }
        | Change::SessionEnded { .. }
        | Change::LinkIssued { .. }
        | Change::LinkUsed { .. }
        | Change::AccountUserCreated { .. }
        | Change::AccountUserUpdated { .. }
        | Change::AccountUserDeleted { .. }
        | Change::DirectoryLinkDeleted { .. }
        | Change::RemovalHeld { .. } => false,
    }
}
