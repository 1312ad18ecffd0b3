//! What the graph holds, and what it can be asked.

mod question;

use std::sync::Arc;

use hashbrown::HashMap;
use roster_model::{
    EntityId as _, Invitation, InvitationStatus, MembershipId, OrganizationId, Realm, Role, RoleCatalog, RoleSet,
    Timestamp, UserId,
};

use crate::lists::Lists;
use crate::members::{Members, RoleSets, Seat};
use crate::order::Start;

/// What somebody holds at an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    pub membership: MembershipId,
    pub roles: RoleSet,
}

/// An organization, and who is in it. Its number is never given to another one.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) id: OrganizationId,
    pub(crate) created: Timestamp,
    /// It is there; else it is only known as somebody's parent, or was deleted.
    pub(crate) there: bool,
    pub(crate) parent: Option<u32>,
    pub(crate) children: Vec<u32>,
    /// Not marked as deleted itself; whether one above is, only the tree tells.
    pub(crate) active: bool,
    /// Neither it nor one above is marked or gone: lists have it.
    pub(crate) shown: bool,
    pub(crate) members: Members,
}

impl Place {
    /// One that isn't there yet.
    pub(crate) fn new(id: OrganizationId) -> Self {
        Self {
            id,
            created: Timestamp::from_ms(0),
            there: false,
            parent: None,
            children: Vec::new(),
            active: false,
            shown: false,
            members: Members::default(),
        }
    }

    /// The list of all memberships has those of all organizations but the root.
    pub(crate) const fn lists_members(&self) -> bool {
        self.shown && self.parent.is_some()
    }
}

/// A user, and where he is.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) created: Timestamp,
    /// Else only his memberships are known.
    pub(crate) there: bool,
    pub(crate) active: bool,
    /// Numbers of organizations, some of which may be gone.
    pub(crate) places: Vec<u32>,
}

impl Person {
    /// One who isn't there yet.
    pub(crate) fn new(id: UserId) -> Self {
        Self { id, created: Timestamp::from_ms(0), there: false, active: false, places: Vec::new() }
    }
}

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
    free: Vec<u32>,
    pub(crate) role_sets: RoleSets,
    /// How many invitations are marked as pending, or more.
    pub(crate) pending: HashMap<OrganizationId, u64>,
    /// Where somebody's memberships grant nothing: at these organizations and below.
    pub(crate) suspended: HashMap<UserId, Vec<OrganizationId>>,
    /// How many links directories have of a subject, by its raw id; or more, where a directory is gone.
    pub(crate) linked: HashMap<i64, u32>,
    pub(crate) roles: Vec<Role>,
    pub(crate) catalog: Arc<RoleCatalog>,
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub memberships: u64,
    pub users: u64,
    pub organizations: u64,
}

impl Sizes {
    /// Memory that a graph of that size takes, about, in bytes: measured. Tables double as they grow, so it can be a third less or more.
    pub const fn bytes(self) -> u64 {
        self.memberships * 44 + self.users * 96 + self.organizations * 240
    }
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
            role_sets: RoleSets::default(),
            pending: HashMap::new(),
            suspended: HashMap::new(),
            linked: HashMap::new(),
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

    /// Makes room before it is filled.
    pub fn reserve(&mut self, sizes: Sizes) {
        let users = usize::try_from(sizes.users).unwrap_or_default();
        self.users.reserve(users);
        self.people.reserve(users);
    }

    fn place_number(&mut self, id: OrganizationId) -> u32 {
        let places = &mut self.places;
        *self.organizations.entry(id).or_insert_with(|| {
            places.push(Place::new(id));
            number(places.len() - 1)
        })
    }

    fn person_number(&mut self, id: UserId) -> u32 {
        let (people, free) = (&mut self.people, &mut self.free);
        *self.users.entry(id).or_insert_with(|| {
            let person = Person::new(id);
            if let Some(number) = free.pop() {
                people[number as usize] = person;
                number
            } else {
                people.push(person);
                number(people.len() - 1)
            }
        })
    }

    pub fn put_realm(&mut self, realm: Realm) {
        self.realm = Some(realm);
    }

    /// The realm itself, if it was put.
    pub const fn realm(&self) -> Option<&Realm> {
        self.realm.as_ref()
    }

    pub fn put_organization(
        &mut self,
        id: OrganizationId,
        parent: Option<OrganizationId>,
        active: bool,
        created: Timestamp,
    ) {
        let number = self.place_number(id);
        let parent = parent.map(|parent| self.place_number(parent));
        let before = self.places[number as usize].parent;
        if before != parent {
            if let Some(before) = before {
                self.places[before as usize].children.retain(|child| *child != number);
            }
            if let Some(parent) = parent {
                self.places[parent as usize].children.push(number);
            }
        }
        if parent.is_none() {
            self.root = Some(number);
        }
        let place = &self.places[number as usize];
        let moves_in_lists = place.shown && place.created != created;
        if moves_in_lists {
            self.unlist_organization(number);
        }
        let place = &mut self.places[number as usize];
        (place.there, place.parent, place.active, place.created) = (true, parent, active, created);
        if moves_in_lists {
            self.list_organization(number);
        }
        self.show_or_hide(number);
    }

    /// Brings an organization, and those below it, into the lists or out of them, as they are now.
    fn show_or_hide(&mut self, top: u32) {
        let (mut left, mut changed) = (vec![top], Vec::new());
        while let Some(number) = left.pop() {
            let place = &self.places[number as usize];
            let above = place.parent.is_none_or(|parent| self.places[parent as usize].shown);
            let shown = place.there && place.active && above;
            if shown == place.shown {
                continue;
            }
            left.extend(&place.children);
            self.places[number as usize].shown = shown;
            if shown {
                self.list_organization(number);
            } else {
                self.unlist_organization(number);
            }
            if self.places[number as usize].parent.is_some() && self.places[number as usize].members.len() > 0 {
                changed.push(number);
            }
        }
        if !changed.is_empty() {
            self.relist_members(&changed);
        }
    }

    pub fn put_user(&mut self, id: UserId, active: bool, created: Timestamp) {
        let number = self.person_number(id);
        let person = &mut self.people[number as usize];
        person.active = active;
        if person.there && person.created == created {
            return;
        }
        if person.there {
            self.unlist_user(number);
        }
        let person = &mut self.people[number as usize];
        (person.there, person.created) = (true, created);
        self.list_user(number);
    }

    /// Of an organization that was put before; of another one it is nobody's business.
    pub fn put_member(&mut self, organization: OrganizationId, user: UserId, holding: Holding) {
        let Some(place) = self.organizations.get(&organization).copied() else { return };
        if !self.places[place as usize].there {
            return;
        }
        let person = self.person_number(user);
        let roles = self.role_sets.number(holding.roles);
        let seat = Seat { membership: holding.membership, person, roles };
        let before = self.places[place as usize].members.get(person);
        let other = before.filter(|before| before.membership != seat.membership);
        if let Some(other) = other {
            self.unlist_member(place, other);
        }
        let new = self.places[place as usize].members.put(seat);
        if new || other.is_some() {
            self.list_member(place, seat);
        }
        if new {
            let (places, person) = (&self.places, &mut self.people[person as usize]);
            if person.places.len() == person.places.capacity() {
                // Before it grows: what is gone goes.
                person.places.retain(|place| places[*place as usize].there);
            }
            person.places.push(place);
        }
    }

    pub fn put_suspension(&mut self, user: UserId, domain: OrganizationId) {
        self.suspended.entry(user).or_default().push(domain);
    }

    pub fn put_pending(&mut self, organization: OrganizationId, invitations: u64) {
        self.pending.insert(organization, invitations);
    }

    pub fn put_linked(&mut self, subject: i64, links: u32) {
        self.linked.insert(subject, links);
    }

    pub(crate) fn see_linked(&mut self, subject: i64, more: bool) {
        let links = self.linked.entry(subject).or_default();
        *links = if more { links.saturating_add(1) } else { links.saturating_sub(1) };
        if *links == 0 {
            self.linked.remove(&subject);
        }
    }

    /// Whether a directory may know this subject. If not, there is no link of it.
    pub fn may_be_linked(&self, subject: i64) -> bool {
        self.linked.contains_key(&subject)
    }

    pub(crate) fn see_invitation(&mut self, before: Option<&Invitation>, after: &Invitation) {
        let pending = |invitation: &Invitation| invitation.status == InvitationStatus::Pending;
        let was = before.is_some_and(pending);
        if was && !pending(after) {
            if let Some(count) = self.pending.get_mut(&after.organization) {
                *count = count.saturating_sub(1);
            }
        } else if !was && pending(after) {
            *self.pending.entry(after.organization).or_default() += 1;
        }
    }

    /// Whether an organization may have an invitation that is marked as pending. If not, there is none.
    pub fn may_have_pending(&self, organization: OrganizationId) -> bool {
        self.pending.get(&organization).is_some_and(|count| *count > 0)
    }

    pub(crate) fn remove_user(&mut self, id: UserId) {
        self.suspended.remove(&id);
        self.linked.remove(&id.raw());
        if let Some(number) = self.users.get(&id).copied() {
            if self.people[number as usize].there {
                self.unlist_user(number);
            }
            self.people[number as usize].there = false;
            self.tidy(number);
        }
    }

    pub(crate) fn remove_member(&mut self, organization: OrganizationId, user: UserId) {
        let numbers = self.organizations.get(&organization).copied().zip(self.users.get(&user).copied());
        let Some((place, person)) = numbers else { return };
        if let Some(seat) = self.places[place as usize].members.get(person) {
            self.unlist_member(place, seat);
        }
        if self.places[place as usize].members.remove(person) {
            self.people[person as usize].places.retain(|other| *other != place);
            self.tidy(person);
        }
    }

    /// Gives a number back once nothing is known of its user any more.
    fn tidy(&mut self, number: u32) {
        let (person, places) = (&mut self.people[number as usize], &self.places);
        if person.there {
            return;
        }
        person.places.retain(|place| places[*place as usize].there);
        if person.places.is_empty() {
            self.users.remove(&person.id);
            self.free.push(number);
        }
    }

    /// An organization with all below it. Those who were members keep a number that leads nowhere.
    pub(crate) fn remove_with_subtree(&mut self, top: OrganizationId) {
        let Some(top) = self.organizations.get(&top).copied() else { return };
        if let Some(parent) = self.places[top as usize].parent {
            self.places[parent as usize].children.retain(|child| *child != top);
        }
        // Out of the lists first, as if it were marked.
        self.places[top as usize].active = false;
        self.show_or_hide(top);
        let mut left = vec![top];
        while let Some(number) = left.pop() {
            let place = &mut self.places[number as usize];
            (place.there, place.parent) = (false, None);
            left.append(&mut place.children);
            let members = std::mem::take(&mut place.members);
            let id = place.id;
            self.organizations.remove(&id);
            self.pending.remove(&id);
            self.linked.remove(&id.raw());
            for seat in members.seats() {
                if !self.people[seat.person as usize].there {
                    self.tidy(seat.person);
                }
            }
        }
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
        let places = person.places.iter().map(|place| &self.places[*place as usize]).filter(|place| place.there);
        let mut all: Vec<_> =
            places.filter_map(|place| Some((place.id, self.holding_of(place.members.get(number)?)))).collect();
        all.sort_unstable_by_key(|(_, holding)| holding.membership.raw());
        all
    }

    /// In how many organizations a user is, at most: some of them may be gone.
    pub fn memberships_count(&self, user: UserId) -> usize {
        self.person(user).map_or(0, |(_, person)| person.places.len())
    }

    /// These organizations if they are there, and all below them that aren't deleted: each once, by id. `None` if there are more than
    /// `most`.
    pub fn and_below(&self, tops: &[OrganizationId], most: usize) -> Option<Vec<OrganizationId>> {
        let mut found = Vec::new();
        let mut seen: hashbrown::HashSet<u32> = hashbrown::HashSet::new();
        let mut left: Vec<u32> = tops.iter().filter_map(|top| self.organizations.get(top).copied()).collect();
        left.retain(|number| self.places[*number as usize].there);
        while let Some(number) = left.pop() {
            if !seen.insert(number) {
                continue;
            }
            let place = &self.places[number as usize];
            found.push(place.id);
            if found.len() > most {
                return None;
            }
            let active = |child: &&u32| self.places[**child as usize].there && self.places[**child as usize].active;
            left.extend(place.children.iter().filter(active));
        }
        found.sort_unstable();
        Some(found)
    }
}

pub(crate) fn number(place: usize) -> u32 {
    // Four thousand million of them don't fit in memory.
    u32::try_from(place).unwrap_or(u32::MAX)
}
