//! The graph's content and its basic queries.

use std::sync::{Arc, Mutex};

use hashbrown::HashMap;
use roster_model::{EntityId as _, MembershipId, OrganizationId, Realm, RetiredRole, Role, RoleCatalog, UserId};

use crate::links::Links;
use crate::list_cache::ListCache;
use crate::lists::Lists;
use crate::members::{Member, RoleSets};
use crate::order::Start;
use crate::parts::{Holding, Person, Place, Sizes};

/// A realm as it was at one position of its log.
#[derive(Debug)]
pub struct Graph {
    /// Never changes once set.
    pub(crate) realm: Option<Realm>,
    pub(crate) position: i64,
    pub(crate) roles_version: i64,
    pub(crate) organizations: HashMap<OrganizationId, u32>,
    pub(crate) places: Vec<Place>,
    /// The number of the root organization.
    pub(crate) root: Option<u32>,
    pub(crate) users: HashMap<UserId, u32>,
    pub(crate) people: Vec<Person>,
    pub(crate) lists: Lists,
    /// Unused numbers of people.
    pub(crate) free: Vec<u32>,
    /// Unused numbers of organizations.
    pub(crate) free_places: Vec<u32>,
    pub(crate) role_sets: RoleSets,
    /// Upper bound of the number of invitations marked as pending.
    pub(crate) pending: HashMap<OrganizationId, u64>,
    /// The organizations at and below which a user's memberships grant nothing.
    pub(crate) suspended: HashMap<UserId, Vec<OrganizationId>>,
    pub(crate) links: Links,
    /// Behind a mutex, since queries add to it.
    pub(crate) list_cache: Mutex<ListCache>,
    pub(crate) roles: Vec<Role>,
    /// In the order of their deletion.
    pub(crate) retired_roles: Arc<Vec<RetiredRole>>,
    pub(crate) catalog: Arc<RoleCatalog>,
}

pub(crate) fn catalog(roles: &[Role], retired: &Arc<Vec<RetiredRole>>) -> Arc<RoleCatalog> {
    Arc::new(RoleCatalog::new(roles.iter().cloned()).with_retired(Arc::clone(retired)))
}

impl Graph {
    /// An empty graph, to be filled by the `put_…` methods.
    pub fn new(position: i64, roles_version: i64, roles: Vec<Role>, retired_roles: Vec<RetiredRole>) -> Self {
        let retired_roles = Arc::new(retired_roles);
        let catalog = catalog(&roles, &retired_roles);
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
            list_cache: Mutex::default(),
            roles,
            retired_roles,
            catalog,
        }
    }

    /// The number of the last event that it includes.
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
        let there = || self.places.iter().filter(|place| place.exists);
        Sizes {
            memberships: there().map(|place| place.members.len() as u64).sum(),
            users: self.users.len() as u64,
            organizations: there().count() as u64,
        }
    }

    /// The realm itself, if known.
    pub const fn realm(&self) -> Option<&Realm> {
        self.realm.as_ref()
    }

    /// Whether a directory may have a link of this subject. If not, there is none, except from a domain that is being
    /// purged.
    pub fn may_be_linked(&self, subject: i64) -> bool {
        self.links.domains_of(subject).next().is_some()
    }

    /// Whether this domain's directory has a link of this subject.
    pub fn is_linked(&self, domain: OrganizationId, subject: i64) -> bool {
        self.links.has(domain, subject)
    }

    /// `false` if the organization has no invitation marked as pending.
    pub fn may_have_pending(&self, organization: OrganizationId) -> bool {
        self.pending.get(&organization).is_some_and(|count| *count > 0)
    }

    fn place(&self, id: OrganizationId) -> Option<&Place> {
        self.organizations.get(&id).map(|number| &self.places[*number as usize]).filter(|place| place.exists)
    }

    fn person(&self, id: UserId) -> Option<(u32, &Person)> {
        self.users.get(&id).map(|number| (*number, &self.people[*number as usize]))
    }

    fn holding_of(&self, member: Member) -> Holding {
        Holding { membership: member.membership, roles: self.role_sets.get(member.roles) }
    }

    /// The organizations at and below which this user's memberships grant nothing.
    pub fn suspended_in(&self, user: UserId) -> &[OrganizationId] {
        self.suspended.get(&user).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a user is active; `None` if there is none.
    pub fn is_active(&self, user: UserId) -> Option<bool> {
        self.person(user).filter(|(_, person)| person.exists).map(|(_, person)| person.active)
    }

    /// Whether an organization exists, marked as deleted or not.
    pub fn has_organization(&self, id: OrganizationId) -> bool {
        self.place(id).is_some()
    }

    /// An existing organization and its ancestors: itself first, the root last. `None` if it or an ancestor is deleted.
    pub fn line(&self, organization: OrganizationId) -> Option<Vec<OrganizationId>> {
        let mut line = Vec::with_capacity(4);
        let mut next = self.organizations.get(&organization).copied();
        next?;
        while let Some(number) = next {
            let place = Some(&self.places[number as usize]).filter(|place| place.exists && place.active)?;
            line.push(place.id);
            next = place.parent;
        }
        Some(line)
    }

    /// An organization and its ancestors, including those marked as deleted: the root first, itself last. Empty if it
    /// doesn't exist.
    pub fn chain(&self, organization: OrganizationId) -> Vec<OrganizationId> {
        let mut chain = Vec::with_capacity(4);
        let mut next = self.organizations.get(&organization).copied();
        while let Some(place) = next.map(|number| &self.places[number as usize]).filter(|place| place.exists) {
            chain.push(place.id);
            next = place.parent;
        }
        chain.reverse();
        chain
    }

    /// Visits an organization and its ancestors, with what the user holds at each; returns whether the user is active.
    /// `None` if one of them doesn't exist, or the organization or an ancestor is deleted.
    pub fn walk_up(
        &self,
        user: UserId,
        organization: OrganizationId,
        mut at: impl FnMut(OrganizationId, Option<Holding>),
    ) -> Option<bool> {
        let (number, person) = self.person(user).filter(|(_, person)| person.exists)?;
        let mut next = Some(*self.organizations.get(&organization)?);
        while let Some(place) = next.map(|number| &self.places[number as usize]) {
            if !(place.exists && place.active) {
                return None;
            }
            at(place.id, place.members.get(number).map(|member| self.holding_of(member)));
            next = place.parent;
        }
        Some(person.active)
    }

    pub fn holding(&self, organization: OrganizationId, user: UserId) -> Option<Holding> {
        let (person, _) = self.person(user)?;
        self.place(organization)?.members.get(person).map(|member| self.holding_of(member))
    }

    /// How many members an organization has; 0 if it doesn't exist.
    pub fn members_count(&self, organization: OrganizationId) -> usize {
        self.place(organization).map_or(0, |place| place.members.len())
    }

    /// A page of an organization's members, in the order of their memberships.
    pub fn members(
        &self,
        organization: OrganizationId,
        start: Start<MembershipId>,
        limit: usize,
    ) -> Vec<(UserId, Holding)> {
        let Some(place) = self.place(organization) else { return Vec::new() };
        let shown = |member: Member| (self.people[member.person as usize].id, self.holding_of(member));
        place.members.part(start, limit).map(shown).collect()
    }

    /// All memberships of a user in organizations that exist, by id.
    pub fn memberships_of(&self, user: UserId) -> Vec<(OrganizationId, Holding)> {
        let Some((number, person)) = self.person(user) else { return Vec::new() };
        let places = person.places.iter().map(|place| &self.places[*place as usize]);
        let mut all: Vec<_> =
            places.filter_map(|place| Some((place.id, self.holding_of(place.members.get(number)?)))).collect();
        all.sort_unstable_by_key(|(_, holding)| holding.membership.raw());
        all
    }

    /// The number of a user's memberships.
    pub fn memberships_count(&self, user: UserId) -> usize {
        self.person(user).map_or(0, |(_, person)| person.places.len())
    }
}
