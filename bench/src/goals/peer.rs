//! Comparison with what an application would use today. Both authenticate; both are power-loss safe.

use anyhow::Result;

use super::checks::checks;
use super::pages::native_page;
use super::writes::{additions, lengthen_log};
use super::{Goal, more};
use crate::bench::Bench;
use crate::comparison::Comparison;
use crate::cores::Place;
use crate::world::On;
use crate::yardstick::better_auth::BetterAuth;

pub const CHECK: Goal = more("P19", 150.0, 280.0);
pub const PAGE: Goal = more("P20", 80.0, 500.0);
pub const ADD: Goal = more("P21", 80.0, 300.0);

/// Members in its one organization. Its additions become slower with their number, Roster's don't.
const MEMBERS: usize = 50_000;

pub fn peer(bench: &mut Bench<'_>, on: On) -> Result<()> {
    if on == On::Postgres {
        return Ok(()); // it runs on SQLite
    }
    let world = bench.usual(on)?;
    let cores = &bench.settings.cores;
    {
        let other = BetterAuth::start(cores, Place::Server, MEMBERS)?;
        let roster = bench.pinned(&world)?;
        let pairs = [
            (&CHECK, "check vs has-permission", checks(&world), other.checks()?),
            (&PAGE, "page of 100 vs list-members", native_page(&world), other.pages()?),
        ];
        for (goal, what, ours, theirs) in pairs {
            let comparison = Comparison::run(bench.settings, 16, (&roster, ours), (&other.process, theirs))?;
            bench.row(
                goal,
                on,
                format!("{what} of better-auth, {MEMBERS} members: requests/s"),
                comparison.rate(),
                comparison.scale(),
            );
            let less_cpu = comparison.cpu().into_iter().map(|ratio| 1.0 / ratio).collect();
            bench.row(
                goal,
                on,
                format!("{what} of better-auth, {MEMBERS} members: its CPU vs Roster's"),
                less_cpu,
                comparison.scale(),
            );
        }
    }
    let other = BetterAuth::start(cores, Place::Anywhere, MEMBERS)?;
    let roster = bench.free(&world)?;
    lengthen_log(&roster, &world)?;
    let (ours, theirs) = (additions(&world.sample.fresh), other.additions()?);
    let comparison = Comparison::run(bench.settings, 16, (&roster, ours), (&other.process, theirs))?;
    let what = format!("addition vs add-member of better-auth, {MEMBERS} members: requests/s");
    bench.row(&ADD, on, what, comparison.rate(), comparison.scale());
    Ok(())
}
