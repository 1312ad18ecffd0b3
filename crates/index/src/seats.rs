//! The seats of one organization, by user.
//!
//! A check is one look here for each organization on the way up, and its time is that of the memory: so a seat stands where its user's number
//! leads, or in one of the next places, and nothing else is looked at. A table that doubles would be half empty too often, and one of
//! control bytes is a second place to look at.

use roster_model::{EntityId as _, MembershipId};

/// A membership: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub membership: MembershipId,
    /// The number of the user.
    pub person: u32,
    /// The number of a set of roles.
    pub roles: u32,
}

/// No user has this number: see [`crate::parts::number`].
const NOBODY: u32 = u32::MAX;

/// Open addressing with linear probing.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    /// Four of five are taken at most, so a search always ends.
    places: Box<[Seat]>,
    len: usize,
}

impl Seats {
    /// With room for some more than so many.
    fn with_room(len: usize) -> Self {
        let empty = Seat { membership: MembershipId::from_raw(0), person: NOBODY, roles: 0 };
        Self { places: vec![empty; len + len / 5 * 2 + 3].into(), len: 0 }
    }

    /// Of seats of different users.
    pub(crate) fn of(all: &[Seat]) -> Self {
        let mut seats = if all.is_empty() { Self::default() } else { Self::with_room(all.len()) };
        for seat in all {
            seats.place(*seat);
        }
        seats
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Where this user's seat would best be. There are places.
    fn home(&self, person: u32) -> usize {
        // Neighbours come apart: the numbers in an organization often follow each other. (MurmurHash3's finalizer.) Nobody chooses his number,
        // so nobody can make them meet.
        let mut mixed = person;
        mixed = (mixed ^ (mixed >> 16)).wrapping_mul(0x85eb_ca6b);
        mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
        mixed ^= mixed >> 16;
        ((u64::from(mixed) * self.places.len() as u64) >> 32) as usize
    }

    const fn next(&self, at: usize) -> usize {
        if at + 1 == self.places.len() { 0 } else { at + 1 }
    }

    fn find(&self, person: u32) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        let mut at = self.home(person);
        loop {
            let found = self.places[at].person;
            if found == person {
                return Some(at);
            }
            if found == NOBODY {
                return None;
            }
            at = self.next(at);
        }
    }

    pub(crate) fn get(&self, person: u32) -> Option<Seat> {
        self.find(person).map(|at| self.places[at])
    }

    /// Puts a seat in its user's place, where there may be another one.
    pub(crate) fn put(&mut self, seat: Seat) {
        if let Some(at) = self.find(seat.person) {
            self.places[at] = seat;
            return;
        }
        if (self.len + 1) * 5 > self.places.len() * 4 {
            let mut larger = Self::with_room(self.len + 1);
            self.all().for_each(|seat| larger.place(seat));
            *self = larger;
        }
        self.place(seat);
    }

    /// Of somebody who isn't there; and there is room.
    fn place(&mut self, seat: Seat) {
        let mut at = self.home(seat.person);
        while self.places[at].person != NOBODY {
            at = self.next(at);
        }
        self.places[at] = seat;
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, person: u32) {
        let Some(mut gap) = self.find(person) else { return };
        self.len -= 1;
        // Whoever stands behind the gap, and would be looked for before it or in it, moves there.
        let mut at = gap;
        loop {
            at = self.next(at);
            let seat = self.places[at];
            if seat.person == NOBODY {
                break;
            }
            let home = self.home(seat.person);
            let stays = if gap < at { gap < home && home <= at } else { gap < home || home <= at };
            if !stays {
                self.places[gap] = seat;
                gap = at;
            }
        }
        self.places[gap].person = NOBODY;
    }

    /// In no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = Seat> + '_ {
        self.places.iter().filter(|seat| seat.person != NOBODY).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use roster_testing::Dice;

    use super::*;

    /// Against a map, in a small table that is always nearly full, and in one that grows.
    #[test]
    fn everybody_is_found_whoever_came_and_went() {
        for persons in [1, 7, 40, 3000] {
            let mut seats = Seats::default();
            let mut model: BTreeMap<u32, i64> = BTreeMap::new();
            let mut dice = Dice(1);
            let mut below = |limit| u32::try_from(dice.throw(limit)).unwrap_or_default();
            for step in 0..30_000_i64 {
                let person = below(persons);
                if below(2) == 0 {
                    seats.remove(person);
                    model.remove(&person);
                } else {
                    seats.put(Seat { membership: MembershipId::from_raw(step), person, roles: person });
                    model.insert(person, step);
                }
                assert_eq!(seats.get(person).map(|seat| seat.membership.raw()), model.get(&person).copied());
                if step % 500 == 0 {
                    let mut all: Vec<_> = seats.all().map(|seat| (seat.person, seat.membership.raw())).collect();
                    all.sort_unstable();
                    assert_eq!(all, model.iter().map(|(person, step)| (*person, *step)).collect::<Vec<_>>());
                    let anew = Seats::of(&seats.all().collect::<Vec<_>>());
                    assert!([&seats, &anew].iter().all(|seats| seats.len() == model.len()));
                    for person in 0..u32::try_from(persons).unwrap_or_default() {
                        let wanted = model.get(&person).copied();
                        assert_eq!(seats.get(person).map(|seat| seat.membership.raw()), wanted);
                        assert_eq!(anew.get(person).map(|seat| seat.membership.raw()), wanted);
                    }
                }
            }
        }
    }

    /// Users of one organization often have numbers one after the other, or at a distance: nobody is looked for far.
    #[test]
    fn nobody_is_far_from_where_he_is_looked_for() {
        for distance in [1, 2, 3, 10, 64, 1000, 4096, 65_537] {
            let all =
                (0..10_000).map(|n| Seat { membership: MembershipId::from_raw(1), person: n * distance, roles: 0 });
            let seats = Seats::of(&all.collect::<Vec<_>>());
            let steps = |person| {
                let (home, at) = (seats.home(person), seats.find(person).unwrap_or_default());
                (at + seats.places.len() - home) % seats.places.len()
            };
            let walked: usize = (0..10_000).map(|n| steps(n * distance)).sum();
            assert!(walked < 3 * 10_000, "{walked} at {distance}");
        }
    }
}
