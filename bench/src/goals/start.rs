//! The time from the start of the process to its first answer, and to its full speed. The page cache is kept warm.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::checks::{checks, question};
use super::{Goal, less, less_of};
use crate::bench::Bench;
use crate::comparison::Service as _;
use crate::cores::Place;
use crate::load::Load;
use crate::roster::Roster;
use crate::settings::Settings;
use crate::world::{On, World};
use crate::yardstick::scan;

pub const FIRST: Goal = less_of("P16", 1.0, 0.1, " s");
pub const SPEED: Goal = less("P17", 1.5, 0.25);

/// The interval over which a rate is measured.
const WINDOW: Duration = Duration::from_millis(20);
/// How long to go on measuring at full speed.
const AFTER: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_mins(5);

pub fn cold(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let world = bench.world(on, bench.settings.sizes(on).large)?;
    let rows = world.shape.memberships;
    let folder = match on {
        On::Sqlite => None, // It keeps the graph beside its file.
        On::Postgres => {
            starts(bench, on, &world, None, &format!("start at {rows} rows, no graph kept"))?;
            Some(tempfile::tempdir_in(Settings::folder())?)
        }
    };
    let folder = folder.as_ref().map(TempDir::path);
    // Saves the graph for the following starts.
    Roster::start_keeping(&bench.settings.cores, Place::Anywhere, &world.store, folder)?.once_in_memory()?.stop()?;
    starts(bench, on, &world, folder, &format!("start at {rows} rows"))
}

fn starts(bench: &mut Bench<'_>, on: On, world: &World, folder: Option<&Path>, what: &str) -> Result<()> {
    let member = *world.sample.pairs.get(1).context("a member")?;
    let (mut firsts, mut ratios, mut scale) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..bench.settings.rounds {
        let scanned = scan::seconds(&world.store)?;
        let begin = Instant::now();
        let roster = Roster::start_keeping(&bench.settings.cores, Place::Anywhere, &world.store, folder)?;
        let verdict = roster.ask("POST", "/v1/check", Some(&question(member)))?;
        ensure!(verdict["allowed"] == true, "a wrong answer: {verdict}");
        firsts.push(begin.elapsed().as_secs_f64());
        // Until some time after it has logged that everything is in memory.
        let (mut load, mut check, mut windows) = (Load::open(roster.address(), 64)?, checks(world), Vec::new());
        let mut settled = None;
        while settled.is_none_or(|at: Instant| at.elapsed() < AFTER) {
            if settled.is_none() && roster.is_in_memory() {
                settled = Some(Instant::now());
            }
            ensure!(begin.elapsed() < TIMEOUT, "no full speed after {TIMEOUT:?}");
            let rate = load.run(WINDOW, &mut check)?.rate();
            windows.push((begin.elapsed().as_secs_f64(), rate));
        }
        let mut last: Vec<_> = windows[windows.len().saturating_sub(15)..].iter().map(|(_, rate)| *rate).collect();
        last.sort_by(f64::total_cmp);
        let full = last[last.len() / 2];
        let (at, _) = windows.iter().find(|(_, rate)| *rate >= 0.8 * full).context("a window at full speed")?;
        ratios.push(at / scanned);
        scale = format!("{at:.2} s : {scanned:.2} s, {full:.0} checks/s");
    }
    bench.row(&FIRST, on, format!("{what}: first right answer"), firsts, scale.clone());
    bench.row(&SPEED, on, format!("{what}: full speed vs one scan of the table"), ratios, scale);
    Ok(())
}
