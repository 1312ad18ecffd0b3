//! What the graph holds, and what it can be asked.

use std::sync::{Arc, Mutex};

use hashbrown::HashMap;
use roster_model::{EntityId as _, MembershipId, OrganizationId, Realm, Role, RoleCatalog, UserId};

use crate::kept::Kept;
use crate::links::Links;
use crate::lists::Lists;
use crate::members::{RoleSets, Seat};
use crate::order::Start;
use crate::parts::{Holding, Person, Place, Sizes};

/// A realm as it was at one position of its log.
#[derive(Debug)]
pub struct Graph {
    /// Never another one.
    pub(crate) realm: Option<Realm>,
    pub(crate) position: i64,
    pub(crate) roles_version: i64,
    pub(crate) organizations: HashMap<OrganizationId, u32>,
    pub(crate) places: Vec<Place>,
    /// The number of the organization that has none above it.
    pub(crate) root: Option<u32>,
    pub(crate) users: HashMap<UserId, u32>,
    pub(crate) people: Vec<Person>,
    pub(crate) lists: Lists,
    /// Numbers of people who are gone.
    pub(crate) free: Vec<u32>,
    /// And of organizations.
    pub(crate) free_places: Vec<u32>,
    pub(crate) role_sets: RoleSets,
    /// How many invitations are marked as pending, or more.
    pub(crate) pending: HashMap<OrganizationId, u64>,
    /// Where somebody's memberships grant nothing: at these organizations and below.
    pub(crate) suspended: HashMap<UserId, Vec<OrganizationId>>,
    pub(crate) links: Links,
    /// Whoever asks may have one made.
    pub(crate) kept: Mutex<Kept>,
    pub(crate) roles: Vec<Role>,
    pub(crate) catalog: Arc<RoleCatalog>,
}

impl Graph {
    /// An empty one, to be filled by the functions named `put_…`.
    pub fn new(position: i64, roles_version: i64, roles: Vec<Role>) -> Self {
        let catalog = Arc::new(RoleCatalog::new(roles.iter().cloned()));
        Self {
            realm: None,
            position,
            roles_version,
            organizations: HashMap::new(),
            places: Vec::new(),
            root: None,
            users: HashMap::new(),
            people: Vec::new(),
            lists: Lists::default(),
            free: Vec::new(),
            free_places: Vec::new(),
            role_sets: RoleSets::default(),
            pending: HashMap::new(),
            suspended: HashMap::new(),
            links: Links::default(),
            kept: Mutex::default(),
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

    pub fn sizes(&self) -> Sizes {
        let there = || self.places.iter().filter(|place| place.there);
        Sizes {
            memberships: there().map(|place| place.members.len() as u64).sum(),
            users: self.users.len() as u64,
            organizations: there().count() as u64,
        }
    }

    /// The realm itself, if it was put.
    pub const fn realm(&self) -> Option<&Realm> {
        self.realm.as_ref()
    }

    /// Whether a directory may know this subject. If not, there is no link of it, unless of a domain that is being cleared away.
    pub fn may_be_linked(&self, subject: i64) -> bool {
        self.links.domains_of(subject).next().is_some()
    }

    /// Whether this directory knows this subject.
    pub fn is_linked(&self, domain: OrganizationId, subject: i64) -> bool {
        self.links.has(domain, subject)
    }

    /// Whether an organization may have an invitation that is marked as pending. If not, there is none.
    pub fn may_have_pending(&self, organization: OrganizationId) -> bool {
        self.pending.get(&organization).is_some_and(|count| *count > 0)
    }

    fn place(&self, id: OrganizationId) -> Option<&Place> {
        self.organizations.get(&id).map(|number| &self.places[*number as usize]).filter(|place| place.there)
    }

    fn person(&self, id: UserId) -> Option<(u32, &Person)> {
        self.users.get(&id).map(|number| (*number, &self.people[*number as usize]))
    }

    fn holding_of(&self, seat: Seat) -> Holding {
        Holding { membership: seat.membership, roles: self.role_sets.get(seat.roles) }
    }

    /// The organizations at and below which this user's memberships grant nothing.
    pub fn suspended_in(&self, user: UserId) -> &[OrganizationId] {
        self.suspended.get(&user).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a user is active; `None` if there is none.
    pub fn is_active(&self, user: UserId) -> Option<bool> {
        self.person(user).filter(|(_, person)| person.there).map(|(_, person)| person.active)
    }

    /// Whether an organization is there, marked as deleted or not.
    pub fn has_organization(&self, id: OrganizationId) -> bool {
        self.place(id).is_some()
    }

    /// An organization that is there, with all above it: itself first, the root last. `None` if it, or one above, is deleted.
    pub fn line(&self, organization: OrganizationId) -> Option<Vec<OrganizationId>> {
        let mut line = Vec::with_capacity(4);
        let mut next = self.organizations.get(&organization).copied();
        next?;
        while let Some(number) = next {
            let place = Some(&self.places[number as usize]).filter(|place| place.there && place.active)?;
            line.push(place.id);
            next = place.parent;
        }
        Some(line)
    }

    /// An organization with all above it, deleted ones too: the root first, itself last. Empty if it isn't there.
    pub fn chain(&self, organization: OrganizationId) -> Vec<OrganizationId> {
        let mut chain = Vec::with_capacity(4);
        let mut next = self.organizations.get(&organization).copied();
        while let Some(place) = next.map(|number| &self.places[number as usize]).filter(|place| place.there) {
            chain.push(place.id);
            next = place.parent;
        }
        chain.reverse();
        chain
    }

    /// Goes from an organization up to the root, with what a user holds at each, and says whether he is active. `None` if one of them
    /// isn't there, or the organization or one above is deleted.
    pub fn walk_up(
        &self,
        user: UserId,
        organization: OrganizationId,
        mut at: impl FnMut(OrganizationId, Option<Holding>),
    ) -> Option<bool> {
        let (number, person) = self.person(user).filter(|(_, person)| person.there)?;
        let mut next = Some(*self.organizations.get(&organization)?);
        while let Some(place) = next.map(|number| &self.places[number as usize]) {
            if !(place.there && place.active) {
                return None;
            }
            at(place.id, place.members.get(number).map(|seat| self.holding_of(seat)));
            next = place.parent;
        }
        Some(person.active)
    }

    pub fn holding(&self, organization: OrganizationId, user: UserId) -> Option<Holding> {
        let (person, _) = self.person(user)?;
        self.place(organization)?.members.get(person).map(|seat| self.holding_of(seat))
    }

    /// How many members an organization has: 0 of one that isn't there.
    pub fn members_count(&self, organization: OrganizationId) -> usize {
        self.place(organization).map_or(0, |place| place.members.len())
    }

    /// A part of an organization's members, in the order of their memberships.
    pub fn members(
        &self,
        organization: OrganizationId,
        start: Start<MembershipId>,
        limit: usize,
    ) -> Vec<(UserId, Holding)> {
        let Some(place) = self.place(organization) else { return Vec::new() };
        let shown = |seat: Seat| (self.people[seat.person as usize].id, self.holding_of(seat));
        place.members.part(start, limit).map(shown).collect()
    }

    /// All memberships of a user at organizations that are there, in their order.
    pub fn memberships_of(&self, user: UserId) -> Vec<(OrganizationId, Holding)> {
        let Some((number, person)) = self.person(user) else { return Vec::new() };
        let places = person.places.iter().map(|place| &self.places[*place as usize]);
        let mut all: Vec<_> =
            places.filter_map(|place| Some((place.id, self.holding_of(place.members.get(number)?)))).collect();
        all.sort_unstable_by_key(|(_, holding)| holding.membership.raw());
        all
    }

    /// In how many organizations a user is.
    pub fn memberships_count(&self, user: UserId) -> usize {
        self.person(user).map_or(0, |(_, person)| person.places.len())
    }
}
