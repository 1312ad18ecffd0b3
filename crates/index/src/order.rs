//! Sorted lists with positions: the item at an offset is found without walking over all items before it.

/// Most items in a block. A position is found by walking over blocks: about 250 for a million items.
const BLOCK: usize = 4096;

/// Where a page of a list begins.
#[derive(Clone, Copy, Debug)]
pub struct Start<K> {
    /// After this key, which need not be in the list.
    pub after: Option<K>,
    /// Items to skip from there.
    pub offset: u64,
    /// In descending order.
    pub descending: bool,
}

impl<K> Default for Start<K> {
    fn default() -> Self {
        Self { after: None, offset: 0, descending: false }
    }
}

/// Items sorted by their keys, which are all different. The key of an item is supplied by the caller: stored here too,
/// it would take much more memory.
#[derive(Debug)]
pub(crate) struct Order<K, S> {
    blocks: Vec<Block<K, S>>,
    len: usize,
    /// No item ever inserted has a greater key.
    greatest: Option<K>,
}

#[derive(Debug)]
pub(crate) struct Block<K, S> {
    /// The key of its first item, or of one that was removed.
    pub(crate) first: K,
    pub(crate) items: Vec<S>,
}

impl<K, S> Default for Order<K, S> {
    fn default() -> Self {
        Self { blocks: Vec::new(), len: 0, greatest: None }
    }
}

impl<K: Copy + Ord, S: Copy> Order<K, S> {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// From items that are sorted already.
    pub(crate) fn of_sorted(items: impl IntoIterator<Item = (K, S)>) -> Self {
        let (mut blocks, mut len, mut greatest): (Vec<Block<K, S>>, _, _) = (Vec::new(), 0, None);
        let items = items.into_iter();
        let mut expected = items.size_hint().0;
        for (key, item) in items {
            match blocks.last_mut() {
                Some(block) if block.items.len() < BLOCK => block.items.push(item),
                _ => {
                    let mut items = Vec::with_capacity(expected.clamp(1, BLOCK));
                    items.push(item);
                    blocks.push(Block { first: key, items });
                }
            }
            (len, greatest, expected) = (len + 1, Some(key), expected.saturating_sub(1));
        }
        Self { blocks, len, greatest }
    }

    /// From what [`Self::blocks`] returned.
    pub(crate) fn of_blocks(mut blocks: Vec<Block<K, S>>, greatest: Option<K>) -> Self {
        blocks.retain(|block| !block.items.is_empty());
        let len = blocks.iter().map(|block| block.items.len()).sum();
        Self { blocks, len, greatest }
    }

    pub(crate) fn blocks(&self) -> &[Block<K, S>] {
        &self.blocks
    }

    pub(crate) const fn greatest(&self) -> Option<K> {
        self.greatest
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> Vec<S> {
        self.from(0).collect()
    }

    fn block_of(&self, key: K) -> usize {
        self.blocks.partition_point(|block| block.first <= key).saturating_sub(1)
    }

    /// Inserts an item. `key_of` must give the key of every item in the list.
    pub(crate) fn insert(&mut self, key: K, item: S, key_of: impl Fn(S) -> K) {
        self.len += 1;
        if self.greatest.is_none_or(|greatest| greatest < key) {
            // The usual case; full blocks stay full.
            self.greatest = Some(key);
            match self.blocks.last_mut() {
                Some(block) if block.items.len() < BLOCK => block.items.push(item),
                Some(block) => {
                    block.items.shrink_to_fit();
                    self.blocks.push(Block { first: key, items: vec![item] });
                }
                None => self.blocks.push(Block { first: key, items: vec![item] }),
            }
            return;
        }
        let number = self.block_of(key);
        let Some(block) = self.blocks.get_mut(number) else {
            self.blocks.push(Block { first: key, items: vec![item] });
            return;
        };
        let at = block.items.partition_point(|item| key_of(*item) < key);
        block.items.insert(at, item);
        block.first = block.first.min(key);
        if block.items.len() > BLOCK {
            let items = block.items.split_off(BLOCK / 2);
            if let Some(first) = items.first() {
                let first = key_of(*first);
                self.blocks.insert(number + 1, Block { first, items });
            }
        }
    }

    /// Removes an item whose key `key_of` still knows.
    pub(crate) fn remove(&mut self, key: K, key_of: impl Fn(S) -> K) {
        let number = self.block_of(key);
        let Some(block) = self.blocks.get_mut(number) else { return };
        let at = block.items.partition_point(|item| key_of(*item) < key);
        if block.items.get(at).is_some_and(|item| key_of(*item) == key) {
            block.items.remove(at);
            self.len -= 1;
        }
        if block.items.is_empty() {
            self.blocks.remove(number);
        }
    }

    /// The number of items before a key, which need not be in the list; including the key's own item if `itself`.
    fn rank(&self, key: K, itself: bool, key_of: impl Fn(S) -> K) -> usize {
        let number = self.block_of(key);
        let before: usize = self.blocks.iter().take(number).map(|block| block.items.len()).sum();
        let within = self.blocks.get(number).map_or(0, |block| {
            block.items.partition_point(|item| {
                let other = key_of(*item);
                other < key || (itself && other == key)
            })
        });
        before + within
    }

    /// A page of the list.
    pub(crate) fn part(&self, start: Start<K>, limit: usize, key_of: impl Fn(S) -> K) -> Vec<S> {
        part_of(&[self], start, None, limit, key_of)
    }

    /// Whether there is an item with that key.
    pub(crate) fn has(&self, key: K, key_of: impl Fn(S) -> K) -> bool {
        let block = self.blocks.get(self.block_of(key));
        block.is_some_and(|block| block.items.binary_search_by_key(&key, |item| key_of(*item)).is_ok())
    }

    /// How many of its items are among the first `position` items of several merged lists, where `rank` gives a key's
    /// place in the merged list.
    fn among_first(&self, position: usize, rank: impl Fn(K) -> usize, key_of: impl Fn(S) -> K) -> usize {
        let (mut least, mut most) = (0, self.len.min(position));
        while least < most {
            let middle = usize::midpoint(least, most);
            if self.from(middle).next().is_some_and(|item| rank(key_of(item)) < position) {
                least = middle + 1;
            } else {
                most = middle;
            }
        }
        least
    }

    /// The items from a position on.
    fn from(&self, position: usize) -> impl Iterator<Item = S> + '_ {
        let (mut number, mut left) = (0, position);
        while let Some(block) = self.blocks.get(number).filter(|block| block.items.len() <= left) {
            left -= block.items.len();
            number += 1;
        }
        self.blocks.get(number..).unwrap_or_default().iter().flat_map(|block| block.items.iter().copied()).skip(left)
    }

    /// The items before a position, the nearest first.
    fn before(&self, position: usize) -> impl Iterator<Item = S> + '_ {
        let (mut number, mut left) = (0, position);
        while let Some(block) = self.blocks.get(number).filter(|block| block.items.len() < left) {
            left -= block.items.len();
            number += 1;
        }
        let here = self.blocks.get(number).and_then(|block| block.items.get(..left)).unwrap_or_default();
        let earlier = self.blocks.get(..number).unwrap_or_default().iter().rev();
        here.iter().rev().copied().chain(earlier.flat_map(|block| block.items.iter().rev().copied()))
    }
}

/// A page of several lists merged, which have no key in common; optionally without the item of one key.
pub(crate) fn part_of<K: Copy + Ord, S: Copy>(
    orders: &[&Order<K, S>],
    start: Start<K>,
    without: Option<K>,
    limit: usize,
    key_of: impl Fn(S) -> K,
) -> Vec<S> {
    let orders: Vec<_> = orders.iter().filter(|order| order.len > 0).collect();
    let rank = |key, itself| orders.iter().map(|order| order.rank(key, itself, &key_of)).sum::<usize>();
    let offset = usize::try_from(start.offset).unwrap_or(usize::MAX);
    let left_out = without.map(|key| rank(key, false));
    let wanted = |item: &S| without.is_none_or(|key| key_of(*item) != key);
    // Where to start in each list, so that together they are at a position.
    let at = |order: &Order<K, S>, position: usize| match *orders {
        [_] => position,
        _ => order.among_first(position, |key| rank(key, false), &key_of),
    };
    if start.descending {
        let all = orders.iter().map(|order| order.len).sum();
        let edge = start.after.map_or(all, |after| rank(after, false));
        let end = edge.saturating_sub(offset);
        // The excluded item doesn't count if it is among those that are skipped, or the next one.
        let among = left_out.is_some_and(|place| place < edge && end <= place + 1);
        let end = end.saturating_sub(usize::from(among));
        let parts = orders.iter().map(|order| order.before(at(order, end)).filter(wanted));
        merged(parts, limit, |a, b| key_of(a) > key_of(b))
    } else {
        let edge = start.after.map_or(0, |after| rank(after, true));
        let begin = edge.saturating_add(offset);
        let among = left_out.is_some_and(|place| edge <= place && place <= begin);
        let begin = begin.saturating_add(usize::from(among));
        let parts = orders.iter().map(|order| order.from(at(order, begin)).filter(wanted));
        merged(parts, limit, |a, b| key_of(a) < key_of(b))
    }
}

/// The first `limit` items of several sorted lists.
fn merged<S: Copy, I: Iterator<Item = S>>(
    parts: impl Iterator<Item = I>,
    limit: usize,
    comes_first: impl Fn(S, S) -> bool,
) -> Vec<S> {
    let mut parts: Vec<_> = parts.map(Iterator::peekable).collect();
    let mut found = Vec::new();
    while found.len() < limit {
        let mut next: Option<(usize, S)> = None;
        for (number, part) in parts.iter_mut().enumerate() {
            if let Some(item) = part.peek().copied()
                && next.is_none_or(|(_, other)| comes_first(item, other))
            {
                next = Some((number, item));
            }
        }
        let Some((number, item)) = next else { break };
        found.push(item);
        parts[number].next();
    }
    found
}

#[cfg(test)]
mod tests {
    use roster_model::{EntityId as _, MembershipId};

    use super::*;

    fn id(item: u32) -> MembershipId {
        MembershipId::from_raw(i64::from(item) * 10)
    }

    /// Any order of insertion gives the same list, and every position and rank agrees with a plain list.
    #[test]
    fn positions_are_those_of_a_sorted_list() {
        for stride in [1_u32, 7, 4093] {
            let count = 10_007_u32;
            let mut order = Order::default();
            for n in 0..count {
                let item = n.wrapping_mul(stride) % count;
                order.insert(id(item), item, id);
            }
            let mut plain: Vec<u32> = (0..count).collect();
            assert_eq!(order.from(0).collect::<Vec<_>>(), plain, "{stride}");
            let sorted: Vec<_> = plain.iter().map(|item| (id(*item), *item)).collect();
            let mut at_once = Order::of_sorted(sorted);
            at_once.remove(id(17), id);
            at_once.insert(id(17), 17, id);
            assert_eq!((at_once.from(0).collect(), at_once.len()), (plain.clone(), plain.len()));
            let is_gone = |item: u32| item.is_multiple_of(3) || (4096..7000).contains(&item);
            (0..count).filter(|item| is_gone(*item)).for_each(|gone| order.remove(id(gone), id));
            plain.retain(|item| !is_gone(*item));
            assert_eq!(order.len(), plain.len());
            for position in [0, 1, 99, 4095, 4096, plain.len() - 1, plain.len(), plain.len() + 5] {
                let rest = plain.get(position..).unwrap_or_default();
                assert_eq!(order.from(position).collect::<Vec<_>>(), rest, "{stride} from {position}");
                let mut before = plain[..position.min(plain.len())].to_vec();
                before.reverse();
                assert_eq!(order.before(position).collect::<Vec<_>>(), before, "{stride} before {position}");
            }
            for item in [0, 1, 2, 5000, 7001, count - 1] {
                let rank = plain.iter().filter(|other| **other < item).count();
                assert_eq!(order.rank(id(item), false, id), rank, "{stride} {item}");
                assert_eq!(order.rank(id(item), true, id), rank + usize::from(plain.contains(&item)));
            }
            // Any page, with or without an excluded item; and of several lists merged.
            let class = |item: u32| usize::from(item.is_multiple_of(5)) + usize::from(item > 6000);
            let apart = [0, 1, 2].map(|part| {
                let some = plain.iter().copied().filter(|item| class(*item) == part);
                Order::of_sorted(some.map(|item| (id(item), item)).collect::<Vec<_>>())
            });
            let [first, second, third] = &apart;
            let nothing = Order::default();
            let apart = [first, second, third, &nothing];
            assert!(first.has(id(7001), id) != second.has(id(7001), id) && !nothing.has(id(1), id));
            for out in [0, 1, 5000, 8192, count - 1] {
                let listed: Vec<u32> = plain.iter().copied().filter(|item| *item != out).collect();
                let without = plain.contains(&out).then(|| id(out));
                for (after, offset, descending) in
                    [None, Some(0), Some(4999), Some(5000), Some(8192), Some(count)].into_iter().flat_map(|after| {
                        [0_u64, 1, 2, 4090, 20_000]
                            .into_iter()
                            .flat_map(move |offset| [(after, offset, false), (after, offset, true)])
                    })
                {
                    let behind =
                        |item: &u32| after.is_none_or(|after| if descending { *item < after } else { *item > after });
                    let mut wanted: Vec<u32> = listed.iter().copied().filter(behind).collect();
                    if descending {
                        wanted.reverse();
                    }
                    let wanted: Vec<u32> =
                        wanted.into_iter().skip(usize::try_from(offset).unwrap_or(0)).take(7).collect();
                    let start = Start { after: after.map(id), offset, descending };
                    assert_eq!(part_of(&[&order], start, without, 7, id), wanted, "{stride} {out} {start:?}");
                    assert_eq!(part_of(&apart, start, without, 7, id), wanted, "{stride} {out} {start:?}, in parts");
                }
            }
            for item in plain {
                order.remove(id(item), id);
            }
            assert!(order.blocks.is_empty() && order.len() == 0);
        }
    }
}
