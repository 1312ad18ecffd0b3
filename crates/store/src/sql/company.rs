//! Who is waited for before a commit to a server.
//!
//! Those who were answered together mostly come back together, a moment after the next commit could have begun without them. Then each
//! commit is for half of them, and takes no less time. So the writer waits a little for as many as there were last, as long as that is short
//! beside a commit. Who is alone isn't kept waiting.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;

/// So much of what the last commit took may be waited for the others…
const SHARE: u32 = 4;
/// … but no longer than that.
const MOST: Duration = Duration::from_millis(1);
/// How often is looked who has come.
const LOOK: Duration = Duration::from_micros(50);

/// How many there were last, and how long they may be waited for.
#[derive(Debug, Default)]
pub(super) struct Company {
    size: usize,
    patience: Duration,
}

impl Company {
    /// Takes what waits, at most so many, for a batch that has begun.
    pub(super) fn gather<T>(&self, batch: &mut Vec<T>, waiting: &mut Receiver<T>, most: usize) {
        let until = Instant::now() + self.patience;
        loop {
            while batch.len() < most
                && let Ok(one) = waiting.try_recv()
            {
                batch.push(one);
            }
            if batch.len() >= self.size.min(most) || Instant::now() >= until {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// So many were answered, so many wait already, and so long it took.
    pub(super) fn learn(&mut self, answered: usize, waiting: usize, took: Duration) {
        self.size = answered + waiting;
        self.patience = (took / SHARE).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_is_waited_for() {
        let (jobs, mut waiting) = tokio::sync::mpsc::channel(8);
        let mut company = Company::default();
        let mut gather = |company: &Company, batch: &mut Vec<u32>| {
            let begun = Instant::now();
            company.gather(batch, &mut waiting, 4);
            begun.elapsed()
        };
        // Nobody is expected at first, nor by who was alone.
        company.learn(1, 0, Duration::from_secs(9));
        assert!(gather(&company, &mut vec![1]) < MOST);
        // Of three who were answered together, one is there and one comes later than the other.
        company.learn(2, 1, Duration::from_secs(9));
        let later = std::thread::spawn(move || {
            jobs.blocking_send(2).expect("a place");
            std::thread::sleep(MOST / 4);
            jobs.blocking_send(3).expect("a place");
            jobs
        });
        let company = Company { patience: Duration::from_secs(9), ..company };
        let mut batch = vec![1];
        gather(&company, &mut batch);
        assert_eq!(batch, [1, 2, 3]);
        let _jobs = later.join().expect("no panic");
        // Who doesn't come is waited for no longer than is worth while.
        let company = Company { size: 3, patience: MOST };
        assert!(gather(&company, &mut vec![1]) >= MOST);
    }
}
