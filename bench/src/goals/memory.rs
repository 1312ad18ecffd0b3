//! A server's memory use.

use std::time::Duration;

use anyhow::Result;

use super::{Goal, less_of};
use crate::bench::Bench;
use crate::cores::Place;
use crate::process::Resident;
use crate::roster::Roster;
use crate::world::{On, Store, World};

pub const GROWTH: Goal = less_of("P15", 64.0, 32.0, " B");
pub const IDLE: Goal = less_of("P18", 24.0, 8.0, " MiB");

const MIB: f64 = 1_048_576.0;
/// Less growth than this is noise: servers differ by as much anyway.
const VISIBLE: f64 = 20.0 * MIB;

#[expect(clippy::cast_precision_loss, reason = "a size")]
pub fn growth(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let sizes = bench.settings.sizes(on);
    let (less, more) = (bench.world(on, sizes.base)?, bench.world(on, sizes.large)?);
    let resident = |world: &World| Ok::<_, anyhow::Error>(bench.free(world)?.process().resident()?.all);
    let (few, many) = (resident(&less)?, resident(&more)?);
    let what = format!("resident memory of a membership and its share of the rest, {} to {}", sizes.base, sizes.large);
    let scale = format!("{:.0} MiB : {:.0} MiB", many / MIB, few / MIB);
    if many - few < VISIBLE {
        bench.not(&GROWTH, on, &what, &format!("too little data to see it: {scale}"));
    } else {
        bench.row(&GROWTH, on, what, vec![(many - few) / (sizes.large - sizes.base) as f64], scale);
    }
    Ok(())
}

pub fn idle(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let store = Store::new(on)?;
    let server = Roster::start(&bench.settings.cores, Place::Anywhere, &store)?;
    std::thread::sleep(Duration::from_secs(1));
    let Resident { all, own } = server.process().resident()?;
    let scale = format!("{:.1} MiB of it not the program's file", own / MIB);
    bench.row(&IDLE, on, "resident memory, nothing in the database", vec![all / MIB], scale);
    Ok(())
}
