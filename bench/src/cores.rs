//! CPU affinity.
//!
//! A process inherits the affinity of the thread that starts it, so pinning a thread also pins what it starts.

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The cores that this run may use, as of its start.
#[derive(Clone, Debug)]
pub struct Cores(Vec<usize>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The core for the server.
    Server,
    /// The core for the load generator.
    Load,
    /// Any core.
    Anywhere,
}

impl Cores {
    pub fn of_this_run() -> Result<Self> {
        let may = sched_getaffinity(Pid::from_raw(0)).context("which cores there are")?;
        Ok(Self((0..CpuSet::count()).filter(|core| may.is_set(*core).unwrap_or(false)).collect()))
    }

    pub const fn count(&self) -> usize {
        self.0.len()
    }

    fn set(&self, place: Place) -> Result<CpuSet> {
        let (first, last) = (self.0.first().context("no core")?, self.0.last().context("no core")?);
        let cores = match place {
            Place::Server => std::slice::from_ref(first),
            Place::Load => std::slice::from_ref(last),
            Place::Anywhere => &self.0,
        };
        let mut set = CpuSet::new();
        for core in cores {
            set.set(*core)?;
        }
        Ok(set)
    }

    /// Pins the calling thread, and with it what it starts from now on.
    pub fn pin_current_thread(&self, place: Place) -> Result<()> {
        self.place(Pid::from_raw(0), place)
    }

    /// Pins one thread, by its id.
    pub fn place(&self, thread: Pid, place: Place) -> Result<()> {
        sched_setaffinity(thread, &self.set(place)?).with_context(|| format!("placing {thread}"))
    }

    /// Runs `work` on a thread of its own, pinned to `place`.
    pub fn run_at<T: Send>(&self, place: Place, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        std::thread::scope(|scope| {
            let done = scope.spawn(|| {
                self.pin_current_thread(place)?;
                work()
            });
            done.join().map_err(|_| anyhow::anyhow!("a thread of the bench panicked"))?
        })
    }
}
