use std::sync::{Mutex, PoisonError};

use rand::RngExt as _;
use roster_model::id::{COUNTER_MAX, compose};
use roster_model::{EntityId, Timestamp};

/// Draws ids in increasing order: the counter starts at random in each millisecond, and a full one moves on to the next.
#[derive(Debug, Default)]
pub(crate) struct IdSource(Mutex<(i64, u32)>);

impl IdSource {
    /// An id from the same clock reading as the entity's time of creation.
    pub(crate) fn draw<I: EntityId>(&self, now: Timestamp) -> I {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (ms, counter) = *last;
        *last = if now.as_ms() > ms {
            // The lower half only, so that a busy millisecond has room to count up.
            (now.as_ms(), rand::rng().random_range(0..COUNTER_MAX / 2))
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
        let ids = IdSource::default();
        let mut last = 0;
        for n in 0..300_000 {
            let id: UserId = ids.draw(Timestamp::from_ms(1_795_327_200_000 - n % 3));
            assert!(id.raw() > last);
            last = id.raw();
        }
    }
}
