//! The members of one organization in the order of their memberships, with positions: the row at an offset is found without a walk over rows.

use roster_model::MembershipId;

/// Most seats in a block. A position is found by walking over blocks: a million members have some 250.
const BLOCK: usize = 4096;

/// Seats in the order of their memberships' ids. A seat's membership is asked of whoever keeps the order: kept here too, it would take twice as
/// much again.
#[derive(Debug, Default)]
pub(crate) struct Order {
    blocks: Vec<Block>,
    /// No membership that ever was in has a greater id.
    newest: Option<MembershipId>,
}

#[derive(Debug)]
struct Block {
    /// Of the first seat in it, or of one that was there before.
    first: MembershipId,
    seats: Vec<u32>,
}

impl Order {
    fn block_of(&self, id: MembershipId) -> usize {
        self.blocks.partition_point(|block| block.first <= id).saturating_sub(1)
    }

    /// `id_of` tells the membership of every seat that is in.
    pub(crate) fn insert(&mut self, id: MembershipId, seat: u32, id_of: impl Fn(u32) -> MembershipId) {
        if self.newest.is_none_or(|newest| newest < id) {
            // As it nearly always is; and full blocks stay full.
            self.newest = Some(id);
            match self.blocks.last_mut() {
                Some(block) if block.seats.len() < BLOCK => block.seats.push(seat),
                Some(block) => {
                    block.seats.shrink_to_fit();
                    self.blocks.push(Block { first: id, seats: vec![seat] });
                }
                None => self.blocks.push(Block { first: id, seats: vec![seat] }),
            }
            return;
        }
        let number = self.block_of(id);
        let Some(block) = self.blocks.get_mut(number) else {
            self.blocks.push(Block { first: id, seats: vec![seat] });
            return;
        };
        let at = block.seats.partition_point(|seat| id_of(*seat) < id);
        block.seats.insert(at, seat);
        block.first = block.first.min(id);
        if block.seats.len() > BLOCK {
            let seats = block.seats.split_off(BLOCK / 2);
            if let Some(first) = seats.first() {
                let first = id_of(*first);
                self.blocks.insert(number + 1, Block { first, seats });
            }
        }
    }

    /// Takes out a seat whose membership is still known to `id_of`.
    pub(crate) fn remove(&mut self, id: MembershipId, id_of: impl Fn(u32) -> MembershipId) {
        let number = self.block_of(id);
        let Some(block) = self.blocks.get_mut(number) else { return };
        let at = block.seats.partition_point(|seat| id_of(*seat) < id);
        if block.seats.get(at).is_some_and(|seat| id_of(*seat) == id) {
            block.seats.remove(at);
        }
        if block.seats.is_empty() {
            self.blocks.remove(number);
        }
    }

    /// How many come before a membership, which need not be in, and, if it is, itself.
    pub(crate) fn rank(&self, id: MembershipId, itself: bool, id_of: impl Fn(u32) -> MembershipId) -> usize {
        let number = self.block_of(id);
        let before: usize = self.blocks.iter().take(number).map(|block| block.seats.len()).sum();
        let within = self.blocks.get(number).map_or(0, |block| {
            block.seats.partition_point(|seat| {
                let other = id_of(*seat);
                other < id || (itself && other == id)
            })
        });
        before + within
    }

    /// The seats from a position on.
    pub(crate) fn from(&self, position: usize) -> impl Iterator<Item = u32> + '_ {
        let (mut number, mut left) = (0, position);
        while let Some(block) = self.blocks.get(number).filter(|block| block.seats.len() <= left) {
            left -= block.seats.len();
            number += 1;
        }
        self.blocks.get(number..).unwrap_or_default().iter().flat_map(|block| block.seats.iter().copied()).skip(left)
    }

    /// The seats before a position, the nearest first.
    pub(crate) fn before(&self, position: usize) -> impl Iterator<Item = u32> + '_ {
        let (mut number, mut left) = (0, position);
        while let Some(block) = self.blocks.get(number).filter(|block| block.seats.len() < left) {
            left -= block.seats.len();
            number += 1;
        }
        let here = self.blocks.get(number).and_then(|block| block.seats.get(..left)).unwrap_or_default();
        let earlier = self.blocks.get(..number).unwrap_or_default().iter().rev();
        here.iter().rev().copied().chain(earlier.flat_map(|block| block.seats.iter().rev().copied()))
    }
}

#[cfg(test)]
mod tests {
    use roster_model::EntityId as _;

    use super::*;

    fn id(seat: u32) -> MembershipId {
        MembershipId::from_raw(i64::from(seat) * 10)
    }

    /// Any order of arrival gives the order of ids, and every position and rank agrees with a plain list.
    #[test]
    fn positions_are_those_of_a_sorted_list() {
        for stride in [1_u32, 7, 4093] {
            let count = 10_007_u32;
            let mut order = Order::default();
            for n in 0..count {
                let seat = n.wrapping_mul(stride) % count;
                order.insert(id(seat), seat, id);
            }
            let mut plain: Vec<u32> = (0..count).collect();
            assert_eq!(order.from(0).collect::<Vec<_>>(), plain, "{stride}");
            let is_gone = |seat: u32| seat.is_multiple_of(3) || (4096..7000).contains(&seat);
            (0..count).filter(|seat| is_gone(*seat)).for_each(|gone| order.remove(id(gone), id));
            plain.retain(|seat| !is_gone(*seat));
            for position in [0, 1, 99, 4095, 4096, plain.len() - 1, plain.len(), plain.len() + 5] {
                let rest = plain.get(position..).unwrap_or_default();
                assert_eq!(order.from(position).collect::<Vec<_>>(), rest, "{stride} from {position}");
                let mut before = plain[..position.min(plain.len())].to_vec();
                before.reverse();
                assert_eq!(order.before(position).collect::<Vec<_>>(), before, "{stride} before {position}");
            }
            for seat in [0, 1, 2, 5000, 7001, count - 1] {
                let rank = plain.iter().filter(|other| **other < seat).count();
                assert_eq!(order.rank(id(seat), false, id), rank, "{stride} {seat}");
                assert_eq!(order.rank(id(seat), true, id), rank + usize::from(plain.contains(&seat)));
            }
            for seat in plain {
                order.remove(id(seat), id);
            }
            assert!(order.blocks.is_empty());
        }
    }
}
