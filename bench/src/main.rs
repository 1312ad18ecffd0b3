//! Prints how fast Roster is, as ratios against yardsticks that are taken in the same run, target and yardstick in turn.
//!
//! Absolute numbers say how big things are on this machine at this moment, and no more. `QUICK=1` takes less data and shorter
//! rounds; `GOALS=P1,P7` measures these alone. docs/performance.md says what is measured, and how.

mod ask;
mod backends;
mod bench;
mod comparison;
mod cores;
mod goals;
mod load;
mod process;
mod roster;
mod settings;
mod table;
mod world;
mod yardstick;

use anyhow::{Result, bail};

use crate::bench::Bench;
use crate::cores::Place;
use crate::settings::Settings;
use crate::world::On;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => run(),
        [yardstick::hello::COMMAND, bytes] => yardstick::hello::serve(bytes),
        [yardstick::inserts::COMMAND, database] => yardstick::inserts::serve(database),
        _ => bail!("roster-bench takes QUICK and GOALS from the environment, and no arguments"),
    }
}

fn run() -> Result<()> {
    let settings = Settings::of_environment()?;
    if settings.cores.count() < 2 {
        eprintln!("one core for server and load: only ratios of CPU mean something here");
    }
    settings.cores.pin_current_thread(Place::Load)?;
    let mut bench = Bench::new(&settings);
    bench.measure(On::Sqlite);
    if std::env::var_os(roster_testing::SERVER).is_some() {
        bench.measure(On::Postgres);
    }
    println!();
    table::print(&bench.into_rows());
    println!(
        "\nRatios are of one run on one machine that server and load share. The rates show how big things are, no more."
    );
    Ok(())
}
