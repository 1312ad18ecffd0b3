//! Who is in one organization.

use std::hash::BuildHasher as _;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use roster_model::{EntityId as _, MembershipId, RoleSet};

use crate::order::{Order, Start};

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

/// The memberships of one organization, by user and in their order.
#[derive(Debug, Default)]
pub(crate) struct Members {
    seats: HashTable<Seat>,
    hasher: DefaultHashBuilder,
    order: Order<MembershipId, u32>,
}

impl Members {
    /// Of seats by membership, each of another user.
    pub(crate) fn of_sorted(all: &[Seat]) -> Self {
        let hasher = DefaultHashBuilder::default();
        let mut seats = HashTable::with_capacity(all.len());
        for seat in all {
            seats.insert_unique(hasher.hash_one(seat.person), *seat, |other| hasher.hash_one(other.person));
        }
        let order = Order::of_sorted(all.iter().map(|seat| (seat.membership, seat.person)));
        Self { seats, hasher, order }
    }

    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    fn hash(&self, person: u32) -> u64 {
        self.hasher.hash_one(person)
    }

    pub(crate) fn get(&self, person: u32) -> Option<Seat> {
        self.seats.find(self.hash(person), |seat| seat.person == person).copied()
    }

    /// Whether that is a new member.
    pub(crate) fn put(&mut self, seat: Seat) -> bool {
        let before = self.get(seat.person);
        if before.is_some_and(|before| before.membership != seat.membership) {
            self.remove(seat.person);
        }
        let hasher = &self.hasher;
        let hash = hasher.hash_one(seat.person);
        match self.seats.entry(hash, |other| other.person == seat.person, |other| hasher.hash_one(other.person)) {
            Entry::Occupied(mut known) => *known.get_mut() = seat,
            Entry::Vacant(place) => {
                place.insert(seat);
                let id_of = membership_of(&self.seats, &self.hasher);
                self.order.insert(seat.membership, seat.person, id_of);
            }
        }
        before.is_none()
    }

    pub(crate) fn remove(&mut self, person: u32) {
        let Some(seat) = self.get(person) else { return };
        self.order.remove(seat.membership, membership_of(&self.seats, &self.hasher));
        if let Ok(known) = self.seats.find_entry(self.hasher.hash_one(person), |other| other.person == person) {
            known.remove();
        }
    }

    pub(crate) fn seats(&self) -> impl Iterator<Item = Seat> + '_ {
        self.seats.iter().copied()
    }

    /// In the order of their ids.
    pub(crate) fn part(&self, start: Start<MembershipId>, limit: usize) -> impl Iterator<Item = Seat> + '_ {
        let persons = self.order.part(start, limit, membership_of(&self.seats, &self.hasher));
        persons.into_iter().filter_map(|person| self.get(person))
    }
}

/// Whose seat isn't there comes last; there is none.
pub(crate) fn nobody() -> MembershipId {
    MembershipId::from_raw(i64::MAX)
}

fn membership_of<'s>(seats: &'s HashTable<Seat>, hasher: &'s DefaultHashBuilder) -> impl Fn(u32) -> MembershipId + 's {
    move |person| {
        let seat = seats.find(hasher.hash_one(person), |seat| seat.person == person);
        seat.map_or_else(nobody, |seat| seat.membership)
    }
}
