//! Whether writes slow down concurrent reads.

use anyhow::Result;

use super::checks::checks;
use super::writes::additions;
use super::{Goal, less};
use crate::bench::Bench;
use crate::comparison::Service as _;
use crate::load::{Load, Pace};
use crate::world::On;

pub const INTERFERENCE: Goal = less("P6", 3.0, 1.3);

pub fn reads_during_writes(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let world = bench.usual(on)?;
    let roster = bench.free(&world)?;
    let round = bench.settings.round * 2;
    let mut readers = Load::open(roster.address(), 64)?;
    let mut writers = Load::open(roster.address(), 16)?;
    let (mut check, mut add) = (checks(&world), additions(&world.sample.fresh));
    readers.run(round / 4, &mut check)?;
    let pace = Pace::PerSecond(readers.run(round, &mut check)?.rate() / 2.0);
    let (mut values, mut scale) = (Vec::new(), String::new());
    for _ in 0..bench.settings.rounds {
        roster.wait_until_idle()?;
        let alone = readers.run_at(pace, round, &mut check)?.quantile(0.99);
        let (beside, written) = readers.run_beside((pace, &mut check), (&mut writers, &mut add), round)?;
        let disturbed = beside.quantile(0.99);
        values.push(disturbed / alone);
        scale = format!(
            "{disturbed:.0} µs beside {:.0}/s : {alone:.0} µs, at {:.0} checks/s",
            written.rate(),
            beside.rate()
        );
    }
    let what = "p99 of checks at half the full rate, beside 16 connections that add vs alone";
    bench.row(&INTERFERENCE, on, what, values, scale);
    Ok(())
}
