//! The cost of authentication.
//!
//! No route works without a key, so there is no request to compare with. Instead the engine authenticates the key in this process, without
//! HTTP, and the time for that is compared with the time for a whole check.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::time::{ClockId, clock_gettime};
use roster_engine::{Config, Engine, RequestScope, Surface};
use tokio::runtime::Runtime;

use super::checks::checks;
use super::{Goal, less};
use crate::bench::Bench;
use crate::comparison::Side;
use crate::roster::SECRET;
use crate::world::{On, Store};

pub const SHARE: Goal = less("P22", 1.15, 1.03);

const TIMES: u32 = 20_000;

pub fn share(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let world = bench.usual(on)?;
    let roster = bench.pinned(&world)?;
    let mut checks = Side::new(&roster, 64, checks(&world))?;
    let keys = Keys::open(&world.store)?;
    let (mut values, mut scale) = (Vec::new(), String::new());
    for _ in 0..bench.settings.rounds {
        let whole = checks.round(bench.settings.round)?.cpu();
        let key = keys.recognize()?.as_secs_f64() * 1e6;
        values.push(whole / (whole - key));
        scale = format!("{key:.2} µs of {whole:.1} µs");
    }
    bench.row(&SHARE, on, "a check vs the same less the recognition of its key: CPU", values, scale);
    Ok(())
}

/// An engine that authenticates a key.
struct Keys {
    runtime: Runtime,
    engine: Arc<Engine>,
}

impl Keys {
    fn open(store: &Store) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (engine, _) = runtime.block_on(Engine::open(Config::new(store.url())))?;
        let keys = Self { runtime, engine };
        // Until everything is in memory, and some more.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(2) {
            keys.recognize()?;
        }
        Ok(keys)
    }

    /// The CPU time of one authentication.
    fn recognize(&self) -> Result<Duration> {
        self.runtime.block_on(async {
            let before = used()?;
            for _ in 0..TIMES {
                self.engine.authenticate(Surface::Native, Some(SECRET), RequestScope::default()).await?;
            }
            Ok(used()?.saturating_sub(before) / TIMES)
        })
    }
}

/// The CPU time used by this thread.
fn used() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}
