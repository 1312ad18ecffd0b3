//! All users and memberships of the realm, in the orders in which they are listed.

use roster_model::{MembershipId, OrganizationId, Timestamp, UserId};

use crate::graph::Graph;
use crate::members::{Member, last_key};
use crate::order::{Order, Start};
use crate::parts::{Person, Place, number};

/// If more than one in so many memberships change at once, their order is rebuilt.
const REBUILD_FRACTION: usize = 32;

/// Lists of what exists, by number.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    pub(crate) users: DualOrder<UserId>,
    /// By organization and user; without members of the root, and of organizations that are deleted or below a deleted
    /// one.
    pub(crate) memberships: Order<MembershipId, (u32, u32)>,
}

/// Entities of one kind by id, and by time of creation.
#[derive(Debug)]
pub(crate) struct DualOrder<I> {
    pub(crate) by_id: Order<I, u32>,
    pub(crate) by_creation: Order<(Timestamp, I), u32>,
}

impl<I> Default for DualOrder<I> {
    fn default() -> Self {
        Self { by_id: Order::default(), by_creation: Order::default() }
    }
}

impl<I: Copy + Ord> DualOrder<I> {
    pub(crate) fn of(mut numbers: Vec<u32>, key_of: impl Fn(u32) -> (Timestamp, I)) -> Self {
        numbers.sort_unstable_by_key(|number| key_of(*number).1);
        let by_id = Order::of_sorted(numbers.iter().map(|number| (key_of(*number).1, *number)));
        numbers.sort_unstable_by_key(|number| key_of(*number));
        let by_creation = Order::of_sorted(numbers.iter().map(|number| (key_of(*number), *number)));
        Self { by_id, by_creation }
    }

    pub(crate) fn insert(&mut self, number: u32, key_of: impl Fn(u32) -> (Timestamp, I)) {
        let key = key_of(number);
        self.by_id.insert(key.1, number, |other| key_of(other).1);
        self.by_creation.insert(key, number, key_of);
    }

    pub(crate) fn remove(&mut self, number: u32, key_of: impl Fn(u32) -> (Timestamp, I)) {
        let key = key_of(number);
        self.by_id.remove(key.1, |other| key_of(other).1);
        self.by_creation.remove(key, key_of);
    }
}

fn user_key(people: &[Person]) -> impl Fn(u32) -> (Timestamp, UserId) + '_ {
    |number| (people[number as usize].created, people[number as usize].id)
}

pub(crate) fn organization_key(places: &[Place]) -> impl Fn(u32) -> (Timestamp, OrganizationId) + '_ {
    |number| (places[number as usize].created, places[number as usize].id)
}

fn membership_key(places: &[Place]) -> impl Fn((u32, u32)) -> MembershipId + '_ {
    |(place, person)| places[place as usize].members.get(person).map_or_else(last_key, |member| member.membership)
}

/// Updates of the lists.
impl Graph {
    pub(crate) fn list_user(&mut self, number: u32) {
        self.lists.users.insert(number, user_key(&self.people));
    }

    pub(crate) fn unlist_user(&mut self, number: u32) {
        self.lists.users.remove(number, user_key(&self.people));
    }

    /// Lists a membership that was added already.
    pub(crate) fn list_member(&mut self, place: u32, member: Member) {
        if self.places[place as usize].lists_members() {
            self.lists.memberships.insert(member.membership, (place, member.person), membership_key(&self.places));
        }
    }

    /// Unlists a membership before it is removed.
    pub(crate) fn unlist_member(&mut self, place: u32, member: Member) {
        if self.places[place as usize].lists_members() {
            self.lists.memberships.remove(member.membership, membership_key(&self.places));
        }
    }

    /// Lists or unlists the members of these organizations, of which each has been listed or unlisted itself.
    pub(crate) fn relist_members(&mut self, changed: &[u32]) {
        let members = |number: &u32| self.places[*number as usize].members.len();
        if changed.iter().map(members).sum::<usize>() > self.lists.memberships.len() / REBUILD_FRACTION {
            let listed = self.places.iter().enumerate().filter(|(_, place)| place.lists_members());
            let mut all: Vec<(MembershipId, (u32, u32))> = listed
                .flat_map(|(number, place)| {
                    let number = self::number(number);
                    place.members.all().map(move |member| (member.membership, (number, member.person)))
                })
                .collect();
            all.sort_unstable_by_key(|(id, _)| *id);
            self.lists.memberships = Order::of_sorted(all);
            return;
        }
        for number in changed {
            let place = &self.places[*number as usize];
            for member in place.members.all() {
                let memberships = &mut self.lists.memberships;
                if place.lists_members() {
                    memberships.insert(member.membership, (*number, member.person), membership_key(&self.places));
                } else {
                    memberships.remove(member.membership, membership_key(&self.places));
                }
            }
        }
    }
}

/// Queries.
impl Graph {
    pub fn users_count(&self) -> usize {
        self.lists.users.by_id.len()
    }

    /// A page of all users, by id.
    pub fn users_by_id(&self, start: Start<UserId>, limit: usize) -> Vec<UserId> {
        let key_of = |number| user_key(&self.people)(number).1;
        self.user_ids(self.lists.users.by_id.part(start, limit, key_of))
    }

    /// A page of all users, by time of creation.
    pub fn users_by_creation(&self, start: Start<(Timestamp, UserId)>, limit: usize) -> Vec<UserId> {
        self.user_ids(self.lists.users.by_creation.part(start, limit, user_key(&self.people)))
    }

    fn user_ids(&self, numbers: Vec<u32>) -> Vec<UserId> {
        numbers.into_iter().map(|number| self.people[number as usize].id).collect()
    }

    /// The number of listed memberships: without those of the root, and of what is deleted or below that.
    pub fn memberships_listed(&self) -> usize {
        self.lists.memberships.len()
    }

    /// A page of these memberships, by id.
    pub fn memberships(&self, start: Start<MembershipId>, limit: usize) -> Vec<MembershipId> {
        let key_of = membership_key(&self.places);
        self.lists.memberships.part(start, limit, &key_of).into_iter().map(&key_of).collect()
    }
}
