//! Prints how fast Roster is, as ratios against yardsticks that are taken in the same run, target and yardstick in turn.
//!
//! Absolute numbers say how big things are on this machine at this moment, and no more. `QUICK=1` takes shorter rounds.

mod load;
mod raw;
mod target;
mod yardstick;

use std::time::Duration;

use anyhow::Result;

use crate::load::{Load, Rate};
use crate::target::Target;

/// How often target and yardstick take turns. The table shows the median.
const ROUNDS: usize = 5;

struct Row {
    goal: &'static str,
    what: &'static str,
    now: f64,
    aim: f64,
    ratios: Vec<f64>,
    rate: f64,
    yardstick: f64,
}

fn main() -> Result<()> {
    let quick = std::env::var_os("QUICK").is_some();
    let round = Duration::from_millis(if quick { 300 } else { 1000 });
    let members = if quick { 2_000 } else { 20_000 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    println!("making an organization of {members} members …");
    let target = runtime.block_on(Target::start(members))?;
    let (check, membership, page) = (target.check(), target.membership(), target.page());
    let vs_hello = |goal, what, connections, now, aim, request: &[u8]| {
        reads(Goal { name: goal, what, now, aim }, connections, &runtime, (target.address, request), round)
    };
    let rows = [
        vs_hello("P2", "one check, 1 connection: requests/s vs bare hyper", 1, 0.80, 0.93, &check)?,
        vs_hello("P2", "one check, 16 connections", 16, 0.65, 0.85, &check)?,
        vs_hello("P2", "one check, 64 connections", 64, 0.60, 0.80, &check)?,
        vs_hello("", "one membership with its metadata, 16 connections", 16, 0.65, 0.85, &membership)?,
        vs_hello("P12", "page of 100, 16 connections, vs as many bytes", 16, 0.17, 0.5, &page)?,
        creates("P7", "durable additions, 64 connections vs raw SQLite, 64 a batch", 64, 1.0, 4.0, &target, round)?,
        creates("P10", "durable additions, 1 connection vs raw SQLite, 1 a batch", 1, 0.3, 0.6, &target, round)?,
    ];
    println!();
    println!(
        "{:<4} {:<72} {:>6} {:>6} {:>8} {:>15} {:>10} {:>10}",
        "goal", "what", "now", "aim", "median", "min … max", "per s", "yardstick"
    );
    for row in rows {
        let mut ratios = row.ratios;
        ratios.sort_by(f64::total_cmp);
        let (min, median, max) = (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
        println!(
            "{:<4} {:<72} {:>6} {:>6} {median:>8.2} {:>15} {:>10.0} {:>10.0}",
            row.goal,
            row.what,
            row.now,
            row.aim,
            format!("{min:.2} … {max:.2}"),
            row.rate,
            row.yardstick
        );
    }
    println!(
        "\nRatios: higher is better. One machine runs server and load, so the rates are not what a server can do alone."
    );
    runtime.block_on(target.stop());
    Ok(())
}

struct Goal {
    name: &'static str,
    what: &'static str,
    now: f64,
    aim: f64,
}

fn reads(
    Goal { name: goal, what, now, aim }: Goal,
    connections: usize,
    runtime: &tokio::runtime::Runtime,
    (address, request): (std::net::SocketAddr, &[u8]),
    round: Duration,
) -> Result<Row> {
    let bytes = load::bytes_of_answer(address, request)?;
    let hello = runtime.block_on(yardstick::start(bytes))?;
    let plain = load::get("/", None);
    let mut row = Row { goal, what, now, aim, ratios: Vec::new(), rate: 0.0, yardstick: 0.0 };
    for _ in 0..ROUNDS {
        let Rate(yardstick) = Load { address: hello, connections, round }.run(|_, _| plain.clone())?;
        let Rate(rate) = Load { address, connections, round }.run(|_, _| request.to_vec())?;
        row.ratios.push(rate / yardstick);
        (row.rate, row.yardstick) = (rate, yardstick);
    }
    Ok(row)
}

fn creates(
    goal: &'static str,
    what: &'static str,
    connections: usize,
    now: f64,
    aim: f64,
    target: &Target,
    round: Duration,
) -> Result<Row> {
    let mut row = Row { goal, what, now, aim, ratios: Vec::new(), rate: 0.0, yardstick: 0.0 };
    let mut raw = raw::Raw::new(connections)?;
    for _ in 0..ROUNDS {
        let yardstick = raw.rows_per_second(round)?;
        let Rate(rate) = Load { address: target.address, connections, round }.run(|_, _| target.addition())?;
        row.ratios.push(rate / yardstick);
        (row.rate, row.yardstick) = (rate, yardstick);
    }
    Ok(row)
}
