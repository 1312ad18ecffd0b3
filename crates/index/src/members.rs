//! Who is in one organization.

use hashbrown::HashMap;
use roster_model::{EntityId as _, MembershipId, RoleSet};

use crate::order::{Order, Start};
pub(crate) use crate::seats::Seat;
use crate::seats::Seats;

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

/// The memberships of one organization, by user and in their order.
#[derive(Debug, Default)]
pub(crate) struct Members {
    seats: Seats,
    order: Order<MembershipId, u32>,
}

impl Members {
    /// Of seats by membership, each of another user.
    pub(crate) fn of_sorted(all: &[Seat]) -> Self {
        let order = Order::of_sorted(all.iter().map(|seat| (seat.membership, seat.person)));
        Self { seats: Seats::of(all), order }
    }

    pub(crate) const fn len(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn get(&self, person: u32) -> Option<Seat> {
        self.seats.get(person)
    }

    /// Whether that is a new member.
    pub(crate) fn put(&mut self, seat: Seat) -> bool {
        let before = self.get(seat.person);
        let stays = before.is_some_and(|before| before.membership == seat.membership);
        if before.is_some() && !stays {
            self.remove(seat.person);
        }
        self.seats.put(seat);
        if !stays {
            self.order.insert(seat.membership, seat.person, membership_in(&self.seats));
        }
        before.is_none()
    }

    pub(crate) fn remove(&mut self, person: u32) {
        let Some(seat) = self.get(person) else { return };
        self.order.remove(seat.membership, membership_in(&self.seats));
        self.seats.remove(person);
    }

    pub(crate) fn seats(&self) -> impl Iterator<Item = Seat> + '_ {
        self.seats.all()
    }

    /// In the order of their ids.
    pub(crate) fn part(&self, start: Start<MembershipId>, limit: usize) -> impl Iterator<Item = Seat> + '_ {
        let persons = self.order.part(start, limit, membership_in(&self.seats));
        persons.into_iter().filter_map(|person| self.get(person))
    }
}

/// Whose seat isn't there comes last; there is none.
pub(crate) fn nobody() -> MembershipId {
    MembershipId::from_raw(i64::MAX)
}

fn membership_in(seats: &Seats) -> impl Fn(u32) -> MembershipId + '_ {
    |person| seats.get(person).map_or_else(nobody, |seat| seat.membership)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use roster_testing::Dice;

    use super::*;

    /// Whoever comes, goes and comes back: everybody's seat is his own, and all are in order.
    #[test]
    fn seats_are_found_and_listed_after_any_change() {
        let mut members = Members::default();
        let mut model: BTreeMap<u32, Seat> = BTreeMap::new();
        let mut dice = Dice(1);
        let mut below = |limit| u32::try_from(dice.throw(limit)).unwrap_or_default();
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
                let sorted = Members::of_sorted(&members.part(Start::default(), usize::MAX).collect::<Vec<_>>());
                assert!(model.keys().all(|person| sorted.get(*person).is_some_and(|seat| seat.person == *person)));
            }
        }
    }
}
