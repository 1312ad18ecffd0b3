//! Filling and changing a graph.

use roster_model::{
    EntityId as _, Invitation, InvitationStatus, LinkSubject, OrganizationId, Realm, Timestamp, UserId,
};

use crate::graph::Graph;
use crate::members::Member;
use crate::parts::{Holding, Person, Place, Placed, Sizes, number};

/// Stores an item under a free number, or at the end; returns its number.
fn allocate<T>(all: &mut Vec<T>, free: &mut Vec<u32>, one: T) -> u32 {
    if let Some(number) = free.pop() {
        all[number as usize] = one;
        return number;
    }
    all.push(one);
    number(all.len() - 1)
}

impl Graph {
    /// Reserves memory before the graph is filled.
    pub fn reserve(&mut self, sizes: Sizes) {
        let users = usize::try_from(sizes.users).unwrap_or_default();
        self.users.reserve(users);
        self.people.reserve(users);
    }

    fn place_number(&mut self, id: OrganizationId) -> u32 {
        let (places, free) = (&mut self.places, &mut self.free_places);
        *self.organizations.entry(id).or_insert_with(|| allocate(places, free, Place::new(id)))
    }

    fn person_number(&mut self, id: UserId) -> u32 {
        let (people, free) = (&mut self.people, &mut self.free);
        *self.users.entry(id).or_insert_with(|| allocate(people, free, Person::new(id)))
    }

    pub fn put_realm(&mut self, realm: Realm) {
        self.realm = Some(realm);
    }

    pub fn put_organization(&mut self, placed: Placed) {
        let number = self.place_number(placed.id);
        let parent = placed.parent.map(|parent| self.place_number(parent));
        let place = &self.places[number as usize];
        let stays = place.exists && (place.parent, place.active) == (parent, placed.active);
        if stays && (place.suspended, place.created) == (placed.suspended, placed.created) {
            return;
        }
        let before = place.parent;
        let listed = if stays { vec![number] } else { self.downward(number) };
        let showing = self.unlist(&listed);
        let moves = before.is_some() && before != parent;
        if moves {
            self.drop_domain_lists_above(number);
        }
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
        let place = &mut self.places[number as usize];
        (place.exists, place.parent) = (true, parent);
        (place.active, place.suspended, place.created) = (placed.active, placed.suspended, placed.created);
        if moves {
            self.drop_domain_lists_above(number);
        }
        for number in listed {
            self.list_organization(number);
        }
        self.relist_changed_members(&showing);
    }

    /// Removes organizations from the lists; returns for each whether its members were listed.
    fn unlist(&mut self, organizations: &[u32]) -> Vec<(u32, bool)> {
        let showing = organizations.iter().map(|number| (*number, self.places[*number as usize].lists_members()));
        let showing = showing.collect();
        for number in organizations {
            self.unlist_organization(*number);
        }
        showing
    }

    /// Updates the list of memberships after those of organizations.
    fn relist_changed_members(&mut self, showing: &[(u32, bool)]) {
        let changes = |(number, was): &&(u32, bool)| {
            let place = &self.places[*number as usize];
            place.members.len() > 0 && place.lists_members() != *was
        };
        let changed: Vec<u32> = showing.iter().filter(changes).map(|(number, _)| *number).collect();
        if !changed.is_empty() {
            self.relist_members(&changed);
        }
    }

    pub fn put_user(&mut self, id: UserId, active: bool, created: Timestamp) {
        let number = self.person_number(id);
        let person = &mut self.people[number as usize];
        person.active = active;
        if person.exists && person.created == created {
            return;
        }
        if person.exists {
            self.unlist_user(number);
        }
        let affected_places = self.affected_places(number);
        self.leave_cached_lists(number, &affected_places);
        let person = &mut self.people[number as usize];
        (person.exists, person.created) = (true, created);
        self.list_user(number);
        self.join_cached_lists(number, &affected_places);
    }

    /// The organization must have been put before; otherwise this does nothing.
    pub fn put_member(&mut self, organization: OrganizationId, user: UserId, holding: Holding) {
        let Some(place) = self.organizations.get(&organization).copied() else { return };
        if !self.places[place as usize].exists {
            return;
        }
        let person = self.person_number(user);
        let roles = self.role_sets.number(holding.roles);
        let member = Member { membership: holding.membership, person, roles };
        self.leave_cached_lists(person, &[place]);
        let before = self.places[place as usize].members.get(person);
        let other = before.filter(|before| before.membership != member.membership);
        if let Some(other) = other {
            self.unlist_member(place, other);
        }
        let new = self.places[place as usize].members.put(member);
        if new || other.is_some() {
            self.list_member(place, member);
        }
        if new {
            self.people[person as usize].places.push(place);
        }
        self.join_cached_lists(person, &[place]);
    }

    /// The domain must have been put before, as with members. A domain that is being purged loses its suspensions
    /// without an event, and its id can come back by an import.
    pub fn put_suspension(&mut self, user: UserId, domain: OrganizationId) {
        if self.has_organization(domain) {
            self.suspended.entry(user).or_default().push(domain);
        }
    }

    pub fn put_pending(&mut self, organization: OrganizationId, invitations: u64) {
        self.pending.insert(organization, invitations);
    }

    /// The domain must have been put before, for the same reason.
    pub fn put_linked(&mut self, domain: OrganizationId, subject: i64) {
        if self.has_organization(domain) {
            self.links.put(domain, subject);
        }
    }

    /// Records that a directory has a link of a subject, or no longer has one.
    pub(crate) fn link(&mut self, domain: OrganizationId, subject: i64, there: bool) {
        let user = LinkSubject::from_raw(subject).and_then(LinkSubject::user);
        let person = user.and_then(|user| self.users.get(&user).copied());
        let concerned = person.zip(self.organizations.get(&domain).copied());
        if let Some((person, place)) = concerned {
            self.leave_cached_lists(person, &[place]);
        }
        if there {
            self.links.put(domain, subject);
        } else {
            self.links.remove(domain, subject);
        }
        if let Some((person, place)) = concerned {
            self.join_cached_lists(person, &[place]);
        }
    }

    pub(crate) fn apply_invitation(&mut self, before: Option<&Invitation>, after: &Invitation) {
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

    pub(crate) fn remove_user(&mut self, id: UserId) {
        self.suspended.remove(&id);
        let number = self.users.get(&id).copied();
        let affected_places = number.map(|number| self.affected_places(number)).unwrap_or_default();
        if let Some(number) = number {
            self.leave_cached_lists(number, &affected_places);
        }
        self.links.remove_subject(id.raw());
        if let Some(number) = number {
            if self.people[number as usize].exists {
                self.unlist_user(number);
            }
            self.people[number as usize].exists = false;
            self.join_cached_lists(number, &affected_places);
            self.release_if_unused(number);
        }
    }

    pub(crate) fn remove_member(&mut self, organization: OrganizationId, user: UserId) {
        let numbers = self.organizations.get(&organization).copied().zip(self.users.get(&user).copied());
        let Some((place, person)) = numbers else { return };
        let Some(member) = self.places[place as usize].members.get(person) else { return };
        self.leave_cached_lists(person, &[place]);
        self.unlist_member(place, member);
        self.places[place as usize].members.remove(person);
        self.people[person as usize].places.retain(|other| *other != place);
        self.join_cached_lists(person, &[place]);
        self.release_if_unused(person);
    }

    /// Frees a user's number if nothing is known about the user any more.
    fn release_if_unused(&mut self, number: u32) {
        let person = &self.people[number as usize];
        if !person.exists && person.places.is_empty() {
            self.users.remove(&person.id);
            self.free.push(number);
        }
    }

    /// Removes an organization with its descendants. Their numbers become free: nothing refers to them any more.
    pub(crate) fn remove_with_subtree(&mut self, top: OrganizationId) {
        let Some(top) = self.organizations.get(&top).copied() else { return };
        if let Some(parent) = self.places[top as usize].parent {
            self.places[parent as usize].children.retain(|child| *child != top);
        }
        let gone = self.downward(top);
        self.drop_domain_lists_above(top);
        self.drop_lists_of(&gone);
        let showing = self.unlist(&gone);
        self.relist_changed_members(&showing);
        let mut left = vec![top];
        while let Some(number) = left.pop() {
            let place = &mut self.places[number as usize];
            (place.exists, place.parent) = (false, None);
            left.append(&mut place.children);
            let members = std::mem::take(&mut place.members);
            let id = place.id;
            self.organizations.remove(&id);
            self.pending.remove(&id);
            self.links.remove_subject(id.raw());
            self.remove_domain(id);
            for member in members.all() {
                self.people[member.person as usize].places.retain(|place| *place != number);
                self.release_if_unused(member.person);
            }
            self.free_places.push(number);
        }
    }

    /// Removes a directory's links and suspensions: a user suspended there is also linked there.
    fn remove_domain(&mut self, domain: OrganizationId) {
        for subject in self.links.remove_domain(domain) {
            let Some(user) = LinkSubject::from_raw(subject).and_then(LinkSubject::user) else { continue };
            let Some(domains) = self.suspended.get_mut(&user) else { continue };
            domains.retain(|known| *known != domain);
            if domains.is_empty() {
                self.suspended.remove(&user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use roster_model::id::compose;
    use roster_model::{Kind, MembershipId, RoleNumber, RoleSet};

    use super::*;
    use crate::list_cache::People;

    /// Numbers of deleted organizations are reused; and a member of one isn't a member of the next.
    #[test]
    fn numbers_of_organizations_are_given_again() {
        let [root, other] = [1, 2].map(OrganizationId::from_raw);
        let [ada, bob] = [1, 2].map(UserId::from_raw);
        let start = Timestamp::from_ms(0);
        let placed = |id, parent| Placed { id, parent, active: true, suspended: false, created: start };
        let mut graph = Graph::new(0, 0, Vec::new(), Vec::new());
        graph.put_organization(placed(root, None));
        graph.put_organization(placed(other, Some(root)));
        graph.put_user(ada, true, start);
        let holding = |id| Holding { membership: MembershipId::from_raw(id), roles: RoleSet::of(RoleNumber::MEMBER) };
        graph.put_member(other, ada, holding(1));
        for n in 0..100 {
            let [top, below] = [10, 11].map(|id| OrganizationId::from_raw(id + 2 * n));
            graph.put_organization(placed(top, Some(other)));
            graph.put_organization(placed(below, Some(top)));
            // Bob is still a member, but no longer exists as a user.
            for (id, place, user) in [(2, top, ada), (3, below, ada), (4, below, bob)] {
                assert_eq!(graph.holding(place, user), None, "{place:?}");
                graph.put_member(place, user, holding(id + 3 * n));
            }
            let all = graph.memberships_of(ada);
            assert_eq!((all.len(), graph.memberships_count(ada), graph.members_count(below)), (3, 3, 2));
            graph.remove_with_subtree(top);
            assert!(!graph.has_organization(top) && !graph.has_organization(below));
            assert_eq!((graph.memberships_count(ada), graph.members_count(other)), (1, 1));
            assert!(graph.memberships_of(bob).is_empty() && !graph.users.contains_key(&bob));
        }
        assert_eq!((graph.places.len(), graph.people.len()), (4, 2));
    }

    /// The tables are purged without an event, and an import keeps ids.
    #[test]
    fn a_domain_that_comes_back_knows_nobody() {
        let [root, domain, below, other] = [1, 2, 3, 4].map(OrganizationId::from_raw);
        let start = Timestamp::from_ms(0);
        let at = |id, parent| Placed { id, parent, active: true, suspended: false, created: start };
        let user = UserId::from_raw(compose(1000, Kind::User, 1));
        let mut graph = Graph::new(0, 0, Vec::new(), Vec::new());
        graph.put_user(user, true, start);
        graph.put_organization(at(root, None));
        graph.put_organization(at(other, Some(root)));
        let come = |graph: &mut Graph| {
            graph.put_organization(at(domain, Some(root)));
            graph.put_organization(at(below, Some(domain)));
        };
        come(&mut graph);
        for domain in [domain, below, other] {
            graph.put_linked(domain, user.raw());
            graph.put_suspension(user, domain);
        }
        assert_eq!(graph.suspended_in(user), [domain, below, other]);
        graph.remove_with_subtree(domain);
        come(&mut graph);
        assert_eq!(graph.suspended_in(user), [other]);
        let seen = |id| graph.people_count(id, &People::Domain, &[], usize::MAX);
        assert_eq!([domain, below, other].map(seen), [Some(0), Some(0), Some(1)]);
        graph.remove_with_subtree(other);
        assert!(!graph.may_be_linked(user.raw()) && !graph.suspended.contains_key(&user));
    }

    /// As when a graph is read while the tables haven't been purged yet.
    #[test]
    fn what_a_deleted_domain_left_is_not_taken_in() {
        let (gone, user) = (OrganizationId::from_raw(1), UserId::from_raw(compose(1000, Kind::User, 1)));
        let mut graph = Graph::new(0, 0, Vec::new(), Vec::new());
        graph.put_linked(gone, user.raw());
        graph.put_suspension(user, gone);
        assert!(!graph.may_be_linked(user.raw()) && graph.suspended_in(user).is_empty());
    }
}
