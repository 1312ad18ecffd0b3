use std::sync::{Mutex, PoisonError};

use rand::RngExt as _;
use roster_model::id::{COUNTER_MAX, MS_MIN, compose};
use roster_model::{EntityId, Timestamp};

/// Generates ids in increasing order. In each millisecond the counter starts at a random value; when it is full, the next millisecond is used.
#[derive(Debug, Default)]
pub(crate) struct IdGenerator(Mutex<(i64, u32)>);

impl IdGenerator {
    /// A new id; `now` is also the entity's time of creation.
    pub(crate) fn generate<I: EntityId>(&self, now: Timestamp) -> I {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (ms, counter) = *last;
        let now = now.as_ms().max(MS_MIN);
        *last = if now > ms {
            // Only from the lower half, so that a busy millisecond has room to count up.
            (now, rand::rng().random_range(0..COUNTER_MAX / 2))
        } else if counter < COUNTER_MAX {
            (ms, counter + 1)
        } else {
            (ms + 1, 0)
        };
        I::from_raw(compose(last.0, I::KIND, last.1))
    }
}

#[cfg(test)]
mod tests {
    use roster_model::UserId;

    use super::*;

    #[test]
    fn ids_only_grow() {
        let ids = IdGenerator::default();
        let mut last = 0;
        for n in 0..300_000 {
            let id: UserId = ids.generate(Timestamp::from_ms(1_795_327_200_000 - n % 3));
            assert!(id.raw() > last);
            last = id.raw();
        }
    }
}
