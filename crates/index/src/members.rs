//! The members of one organization.

use hashbrown::HashMap;
use roster_model::{EntityId as _, MembershipId, RoleSet};

pub(crate) use crate::member_table::Member;
use crate::member_table::MemberTable;
use crate::order::{Order, Start};

/// Interned sets of roles: memberships have few different ones.
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
    table: MemberTable,
    order: Order<MembershipId, u32>,
}

impl Members {
    /// From members sorted by membership, each a different user.
    pub(crate) fn of_sorted(all: &[Member]) -> Self {
        let order = Order::of_sorted(all.iter().map(|member| (member.membership, member.person)));
        Self { table: MemberTable::of(all), order }
    }

    pub(crate) const fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn get(&self, person: u32) -> Option<Member> {
        self.table.get(person)
    }

    /// `true` if the user wasn't a member before.
    pub(crate) fn put(&mut self, member: Member) -> bool {
        let before = self.get(member.person);
        let stays = before.is_some_and(|before| before.membership == member.membership);
        if before.is_some() && !stays {
            self.remove(member.person);
        }
        self.table.put(member);
        if !stays {
            self.order.insert(member.membership, member.person, membership_in(&self.table));
        }
        before.is_none()
    }

    pub(crate) fn remove(&mut self, person: u32) {
        let Some(member) = self.get(person) else { return };
        self.order.remove(member.membership, membership_in(&self.table));
        self.table.remove(person);
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = Member> + '_ {
        self.table.all()
    }

    /// A page, in the order of membership ids.
    pub(crate) fn part(&self, start: Start<MembershipId>, limit: usize) -> impl Iterator<Item = Member> + '_ {
        let persons = self.order.part(start, limit, membership_in(&self.table));
        persons.into_iter().filter_map(|person| self.get(person))
    }
}

/// The key of a person who isn't a member: greater than any membership's id.
pub(crate) fn last_key() -> MembershipId {
    MembershipId::from_raw(i64::MAX)
}

fn membership_in(table: &MemberTable) -> impl Fn(u32) -> MembershipId + '_ {
    |person| table.get(person).map_or_else(last_key, |member| member.membership)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use roster_testing::TestRng;

    use super::*;

    /// After any sequence of additions and removals, every member is found and the order is right.
    #[test]
    fn seats_are_found_and_listed_after_any_change() {
        let mut members = Members::default();
        let mut model: BTreeMap<u32, Member> = BTreeMap::new();
        let mut rng = TestRng(1);
        let mut below = |limit| u32::try_from(rng.below(limit)).unwrap_or_default();
        for step in 0..20_000_i64 {
            let person = below(300);
            if below(5) < 2 {
                members.remove(person);
                model.remove(&person);
            } else {
                // Mostly new ids; sometimes the same one with other roles, and sometimes an older one than all others.
                let kept = model.get(&person).filter(|_| below(2) == 0).map(|member| member.membership);
                let new = if below(10) == 0 { -step } else { step };
                let membership = kept.unwrap_or(MembershipId::from_raw(new));
                let member = Member { membership, person, roles: below(7) };
                assert_eq!(members.put(member), model.insert(person, member).is_none());
            }
            assert_eq!(members.len(), model.len());
            let held = model.get(&person).map(|member| (member.membership, member.roles));
            assert_eq!(members.get(person).map(|member| (member.membership, member.roles)), held);
            if step % 100 == 0 {
                let mut listed: Vec<_> =
                    model.values().map(|member| (member.membership, member.person, member.roles)).collect();
                listed.sort_unstable();
                let all = members.part(Start::default(), usize::MAX);
                assert_eq!(
                    all.map(|member| (member.membership, member.person, member.roles)).collect::<Vec<_>>(),
                    listed
                );
                let sorted = Members::of_sorted(&members.part(Start::default(), usize::MAX).collect::<Vec<_>>());
                assert!(model.keys().all(|person| sorted.get(*person).is_some_and(|member| member.person == *person)));
            }
        }
    }
}
