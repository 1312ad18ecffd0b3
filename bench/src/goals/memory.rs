//! What a server takes of the memory.

use std::time::Duration;

use anyhow::Result;

use super::{Goal, less_of};
use crate::bench::Bench;
use crate::cores::Place;
use crate::roster::Roster;
use crate::world::{On, Store};

pub const GROWTH: Goal = less_of("P15", 64.0, 32.0, " B");
pub const IDLE: Goal = less_of("P18", 24.0, 8.0, " MiB");

/// When a server that has just started has come to rest.
const REST: Duration = Duration::from_secs(1);

#[expect(clippy::cast_precision_loss, reason = "a size")]
fn at_rest(server: &Roster) -> Result<f64> {
    server.get("/v1/organizations?limit=1")?;
    std::thread::sleep(REST);
    Ok(server.process().resident()? as f64)
}

#[expect(clippy::cast_precision_loss, reason = "a size")]
pub fn growth(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let sizes = bench.settings.sizes(on);
    let (less, more) = (bench.world(on, sizes.base)?, bench.world(on, sizes.large)?);
    let (few, many) = (at_rest(&bench.free(&less)?)?, at_rest(&bench.free(&more)?)?);
    let each = (many - few) / (sizes.large - sizes.base) as f64;
    let what =
        format!("resident memory for a membership (and its share of users), from {} to {}", sizes.base, sizes.large);
    let scale = format!("{:.0} MiB : {:.0} MiB", many / f64::from(1 << 20), few / f64::from(1 << 20));
    bench.row(&GROWTH, on, what, vec![each], scale);
    Ok(())
}

pub fn idle(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let store = Store::new(on)?;
    let server = Roster::start(&bench.settings.cores, Place::Anywhere, &store)?;
    let size = at_rest(&server)? / f64::from(1 << 20);
    bench.row(&IDLE, on, "resident memory, nothing in the database", vec![size], String::new());
    Ok(())
}
