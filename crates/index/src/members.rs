//! Who is in one organization.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use roster_model::{EntityId as _, MembershipId, RoleSet};

use crate::order::{Order, Start};
use crate::parts::number;

/// Sets of roles, each once: memberships have few different ones.
#[derive(Debug, Default)]
pub(crate) struct RoleSets {
    sets: Vec<RoleSet>,
    numbers: HashMap<RoleSet, u32>,
}

impl RoleSets {
    pub(crate) fn number(&mut self, set: RoleSet) -> u32 {
        *self.numbers.entry(set).or_insert_with(|| {
            self.sets.push(set);
            u32::try_from(self.sets.len() - 1).unwrap_or(u32::MAX)
        })
    }

    pub(crate) fn all(&self) -> &[RoleSet] {
        &self.sets
    }

    pub(crate) fn get(&self, number: u32) -> RoleSet {
        self.sets.get(number as usize).copied().unwrap_or(RoleSet::EMPTY)
    }
}

/// A membership: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub membership: MembershipId,
    /// The number of the user.
    pub person: u32,
    /// The number of a set of roles.
    pub roles: u32,
}

/// The memberships of one organization, by user and in their order. A table of hashes is up to half empty, so it has numbers of seats: with
/// the seats themselves it would take half as much again.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// In no order; most come in that of their ids.
    seats: Vec<Seat>,
    /// Where somebody's seat is.
    by_person: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Where the seats are, in the order of their ids.
    order: Order<MembershipId, u32>,
}

impl Members {
    /// Of seats by membership, each of another user.
    pub(crate) fn of_sorted(seats: Vec<Seat>) -> Self {
        let hasher = DefaultHashBuilder::default();
        let hash = |at: u32| hasher.hash_one(seats[at as usize].person);
        let mut by_person = HashTable::with_capacity(seats.len());
        for at in 0..number(seats.len()) {
            by_person.insert_unique(hash(at), at, |other| hash(*other));
        }
        let order = Order::of_sorted((0..).zip(&seats).map(|(at, seat)| (seat.membership, at)));
        Self { seats, by_person, hasher, order }
    }

    pub(crate) const fn len(&self) -> usize {
        self.seats.len()
    }

    fn index_of(&self, person: u32) -> Option<u32> {
        let hash = self.hasher.hash_one(person);
        self.by_person.find(hash, |at| self.seats[*at as usize].person == person).copied()
    }

    pub(crate) fn get(&self, person: u32) -> Option<Seat> {
        self.index_of(person).map(|at| self.seats[at as usize])
    }

    /// Whether that is a new member.
    pub(crate) fn put(&mut self, seat: Seat) -> bool {
        let known = self.index_of(seat.person);
        if let Some(known) = known.map(|at| &mut self.seats[at as usize])
            && known.membership == seat.membership
        {
            *known = seat;
            return false;
        }
        self.remove(seat.person);
        let at = number(self.seats.len());
        if self.seats.len() == self.seats.capacity() {
            // Twice as much would be too much for those who stay.
            self.seats.reserve_exact(4 + self.seats.len() / 4);
        }
        self.seats.push(seat);
        let (seats, hasher) = (&self.seats, &self.hasher);
        let hash = |at: &u32| hasher.hash_one(seats[*at as usize].person);
        self.by_person.insert_unique(hash(&at), at, hash);
        self.order.insert(seat.membership, at, membership_in(seats));
        known.is_none()
    }

    pub(crate) fn remove(&mut self, person: u32) {
        let Some(at) = self.index_of(person) else { return };
        self.order.remove(self.seats[at as usize].membership, membership_in(&self.seats));
        if let Ok(known) = self.by_person.find_entry(self.hasher.hash_one(person), |other| *other == at) {
            known.remove();
        }
        // The last one moves there.
        let last = number(self.seats.len() - 1);
        if at != last {
            let moved = self.seats[last as usize];
            self.order.replace(moved.membership, at, membership_in(&self.seats));
            if let Some(known) = self.by_person.find_mut(self.hasher.hash_one(moved.person), |other| *other == last) {
                *known = at;
            }
        }
        self.seats.swap_remove(at as usize);
    }

    pub(crate) fn seats(&self) -> impl Iterator<Item = Seat> + '_ {
        self.seats.iter().copied()
    }

    /// In the order of their ids.
    pub(crate) fn part(&self, start: Start<MembershipId>, limit: usize) -> impl Iterator<Item = Seat> + '_ {
        let seats = self.order.part(start, limit, membership_in(&self.seats));
        seats.into_iter().map(|at| self.seats[at as usize])
    }
}

/// Whose seat isn't there comes last; there is none.
pub(crate) fn nobody() -> MembershipId {
    MembershipId::from_raw(i64::MAX)
}

fn membership_in(seats: &[Seat]) -> impl Fn(u32) -> MembershipId + '_ {
    |at| seats[at as usize].membership
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Whoever comes, goes and comes back: everybody's seat is his own, and all are in order.
    #[test]
    fn seats_are_found_and_listed_after_any_change() {
        let mut members = Members::default();
        let mut model: BTreeMap<u32, Seat> = BTreeMap::new();
        let mut random = 1_u64;
        let mut below = |limit: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from((random >> 33) % limit).unwrap_or_default()
        };
        for step in 0..20_000_i64 {
            let person = below(300);
            if below(5) < 2 {
                members.remove(person);
                model.remove(&person);
            } else {
                // Mostly new ids; sometimes the same one with other roles, and sometimes an older one than all others.
                let kept = model.get(&person).filter(|_| below(2) == 0).map(|seat| seat.membership);
                let new = if below(10) == 0 { -step } else { step };
                let membership = kept.unwrap_or(MembershipId::from_raw(new));
                let seat = Seat { membership, person, roles: below(7) };
                assert_eq!(members.put(seat), model.insert(person, seat).is_none());
            }
            assert_eq!(members.len(), model.len());
            let held = model.get(&person).map(|seat| (seat.membership, seat.roles));
            assert_eq!(members.get(person).map(|seat| (seat.membership, seat.roles)), held);
            if step % 100 == 0 {
                let mut listed: Vec<_> =
                    model.values().map(|seat| (seat.membership, seat.person, seat.roles)).collect();
                listed.sort_unstable();
                let all = members.part(Start::default(), usize::MAX);
                assert_eq!(all.map(|seat| (seat.membership, seat.person, seat.roles)).collect::<Vec<_>>(), listed);
                let sorted = Members::of_sorted(members.part(Start::default(), usize::MAX).collect());
                assert!(model.keys().all(|person| sorted.get(*person).is_some_and(|seat| seat.person == *person)));
            }
        }
    }
}
