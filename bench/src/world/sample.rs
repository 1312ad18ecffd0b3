//! Samples of the data, for requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use roster_engine::{OrganizationId, UserId};

use super::{Shape, ids};

#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub organization: OrganizationId,
    pub user: UserId,
}

pub struct Sample {
    pub big: OrganizationId,
    /// Random pairs; nine of ten are memberships.
    pub pairs: Vec<Pair>,
    /// Each the only membership of its user.
    pub loners: Vec<Pair>,
    /// What may be added.
    pub fresh: Arc<Fresh>,
}

/// Users, and organizations that they aren't in.
pub struct Fresh {
    users: usize,
    next: AtomicUsize,
}

impl Fresh {
    /// Each pair once, until there are none left.
    pub fn next(&self) -> Pair {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let user = ids::user(number / Shape::EMPTY % self.users);
        Pair { organization: ids::empty(number % Shape::EMPTY), user }
    }
}

const PAIRS: usize = 20_000;

impl Sample {
    pub fn of(shape: Shape) -> Self {
        let mut random = StdRng::seed_from_u64(1);
        let pairs = (0..PAIRS).map(|number| {
            let row = random.random_range(0..shape.users() + shape.groups() * Shape::MEMBERS);
            let (organization, user) = match row.checked_sub(shape.users()) {
                None => (ids::big(), ids::user(row)),
                Some(row) => {
                    let (group, number) = (row / Shape::MEMBERS, row % Shape::MEMBERS);
                    (ids::group(group), shape.member(group, number))
                }
            };
            Pair { organization: if number % 10 == 0 { ids::loners() } else { organization }, user }
        });
        Self {
            big: ids::big(),
            pairs: pairs.collect(),
            loners: (0..Shape::LONERS)
                .map(|number| Pair { organization: ids::loners(), user: shape.loner(number) })
                .collect(),
            fresh: Arc::new(Fresh { users: shape.users(), next: AtomicUsize::new(0) }),
        }
    }
}
