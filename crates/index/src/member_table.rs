//! The members of one organization, in a hash table by user.
//!
//! A check does one lookup here for each organization on the way up, and its time is dominated by memory access: so a
//! member is in the slot that its user's number hashes to, or in one of the next, and nothing else is read. A table
//! that doubles would often be half empty, and one with control bytes needs a second memory access.

use roster_model::{EntityId as _, MembershipId};

/// A membership, in 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub membership: MembershipId,
    /// The number of the user.
    pub person: u32,
    /// The number of a set of roles.
    pub roles: u32,
}

/// Marks an empty slot. No user has this number: see [`crate::parts::number`].
const NO_PERSON: u32 = u32::MAX;

/// Open addressing with linear probing.
#[derive(Debug, Default)]
pub(crate) struct MemberTable {
    /// At most four fifths are occupied, so a search always ends.
    slots: Box<[Member]>,
    len: usize,
}

impl MemberTable {
    /// With room for more than `len` members.
    fn with_room(len: usize) -> Self {
        let empty = Member { membership: MembershipId::from_raw(0), person: NO_PERSON, roles: 0 };
        Self { slots: vec![empty; len + len / 5 * 2 + 3].into(), len: 0 }
    }

    /// From members of different users.
    pub(crate) fn of(all: &[Member]) -> Self {
        let mut table = if all.is_empty() { Self::default() } else { Self::with_room(all.len()) };
        for member in all {
            table.place(*member);
        }
        table
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The slot that this user's number hashes to. The table must have slots.
    fn home(&self, person: u32) -> usize {
        // The finalizer of MurmurHash3 spreads numbers, which are often consecutive within an organization. Users can't
        // choose their numbers, so nobody can provoke collisions.
        let mut mixed = person;
        mixed = (mixed ^ (mixed >> 16)).wrapping_mul(0x85eb_ca6b);
        mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
        mixed ^= mixed >> 16;
        ((u64::from(mixed) * self.slots.len() as u64) >> 32) as usize
    }

    const fn next(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }

    fn find(&self, person: u32) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.home(person);
        loop {
            let found = self.slots[at].person;
            if found == person {
                return Some(at);
            }
            if found == NO_PERSON {
                return None;
            }
            at = self.next(at);
        }
    }

    pub(crate) fn get(&self, person: u32) -> Option<Member> {
        self.find(person).map(|at| self.slots[at])
    }

    /// Inserts a member, or replaces the one of the same user.
    pub(crate) fn put(&mut self, member: Member) {
        if let Some(at) = self.find(member.person) {
            self.slots[at] = member;
            return;
        }
        if (self.len + 1) * 5 > self.slots.len() * 4 {
            let mut larger = Self::with_room(self.len + 1);
            self.all().for_each(|member| larger.place(member));
            *self = larger;
        }
        self.place(member);
    }

    /// Inserts a user who isn't in the table, which must have room.
    fn place(&mut self, member: Member) {
        let mut at = self.home(member.person);
        while self.slots[at].person != NO_PERSON {
            at = self.next(at);
        }
        self.slots[at] = member;
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, person: u32) {
        let Some(mut gap) = self.find(person) else { return };
        self.len -= 1;
        // A member behind the gap moves into it if its home slot is before or at the gap.
        let mut at = gap;
        loop {
            at = self.next(at);
            let member = self.slots[at];
            if member.person == NO_PERSON {
                break;
            }
            let home = self.home(member.person);
            let stays = if gap < at { gap < home && home <= at } else { gap < home || home <= at };
            if !stays {
                self.slots[gap] = member;
                gap = at;
            }
        }
        self.slots[gap].person = NO_PERSON;
    }

    /// In no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = Member> + '_ {
        self.slots.iter().filter(|member| member.person != NO_PERSON).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use roster_testing::TestRng;

    use super::*;

    /// Against a map, in a small table that is always nearly full, and in one that grows.
    #[test]
    fn everybody_is_found_whoever_came_and_went() {
        for persons in [1, 7, 40, 3000] {
            let mut table = MemberTable::default();
            let mut model: BTreeMap<u32, i64> = BTreeMap::new();
            let mut rng = TestRng(1);
            let mut below = |limit| u32::try_from(rng.below(limit)).unwrap_or_default();
            for step in 0..30_000_i64 {
                let person = below(persons);
                if below(2) == 0 {
                    table.remove(person);
                    model.remove(&person);
                } else {
                    table.put(Member { membership: MembershipId::from_raw(step), person, roles: person });
                    model.insert(person, step);
                }
                assert_eq!(table.get(person).map(|member| member.membership.raw()), model.get(&person).copied());
                if step % 500 == 0 {
                    let mut all: Vec<_> = table.all().map(|member| (member.person, member.membership.raw())).collect();
                    all.sort_unstable();
                    assert_eq!(all, model.iter().map(|(person, step)| (*person, *step)).collect::<Vec<_>>());
                    let anew = MemberTable::of(&table.all().collect::<Vec<_>>());
                    assert!([&table, &anew].iter().all(|table| table.len() == model.len()));
                    for person in 0..u32::try_from(persons).unwrap_or_default() {
                        let wanted = model.get(&person).copied();
                        assert_eq!(table.get(person).map(|member| member.membership.raw()), wanted);
                        assert_eq!(anew.get(person).map(|member| member.membership.raw()), wanted);
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
                (0..10_000).map(|n| Member { membership: MembershipId::from_raw(1), person: n * distance, roles: 0 });
            let table = MemberTable::of(&all.collect::<Vec<_>>());
            let steps = |person| {
                let (home, at) = (table.home(person), table.find(person).unwrap_or_default());
                (at + table.slots.len() - home) % table.slots.len()
            };
            let walked: usize = (0..10_000).map(|n| steps(n * distance)).sum();
            assert!(walked < 3 * 10_000, "{walked} at {distance}");
        }
    }
}
