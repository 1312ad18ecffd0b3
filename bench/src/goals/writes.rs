//! Durable additions.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use roster_engine::EntityId as _;

use super::checks::checks;
use super::{Goal, less, more};
use crate::bench::Bench;
use crate::comparison::{Service as _, Side, in_turn};
use crate::cores::Place;
use crate::load::{Load, Source, post};
use crate::roster::{KEY, Roster};
use crate::world::{Fresh, On, World};
use crate::yardstick::inserts::{self, CONNECTIONS, Inserts};
use crate::yardstick::rows::Rows;
use crate::yardstick::sync;

pub const BATCHED: Goal = more("P7", 1.0, 4.0);
pub const NOTHING: Goal = more("P8", 0.12, 0.45);
pub const TAIL: Goal = less("P9", 5.0, 2.0);
pub const SYNC: Goal = less("P10", 3.5, 2.0);
pub const INSERTS: Goal = more("P11", 1.5, 3.0);

/// Adds until the write-ahead log has reached its full length and is overwritten from then on, as in a server that has run for a
/// while: while the file grows, each sync also has to write metadata.
pub fn lengthen_log(roster: &Roster, world: &World) -> Result<()> {
    Load::open(roster.address(), 64)?.run(Duration::from_secs(2), &mut additions(&world.sample.fresh)).map(drop)
}

/// Additions of users to organizations that they aren't in: each pair once.
pub fn additions(fresh: &Arc<Fresh>) -> Source<'static> {
    let fresh = Arc::clone(fresh);
    Box::new(move |out| {
        let pair = fresh.next();
        let path = format!("/v1/organizations/{}/memberships", pair.organization.native());
        out.extend_from_slice(&post(&path, KEY, &format!(r#"{{"user_id":"{}"}}"#, pair.user.native())));
    })
}

pub fn many(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let world = bench.usual(on)?;
    let roster = bench.free(&world)?;
    let mut load = Load::open(roster.address(), 64)?;
    let (mut add, mut check) = (additions(&world.sample.fresh), checks(&world));
    let cores = &bench.settings.cores;
    let round = bench.settings.round * 2;
    let mut raw = Rows::new(64, world.shape.memberships)?;
    let (mut batched, mut nothing, mut tail, mut scale) = (Vec::new(), Vec::new(), Vec::new(), String::new());
    lengthen_log(&roster, &world)?;
    for number in 0..bench.settings.rounds {
        let rows = || cores.run_at(Place::Anywhere, || raw.per_second(round));
        let (added, rows) = in_turn(number, || load.run(round, &mut add), rows)?;
        let checked = load.run(round / 2, &mut check)?.rate();
        batched.push(added.rate() / rows);
        nothing.push(added.rate() / checked);
        tail.push(added.quantile(0.99) / added.quantile(0.5));
        scale = format!(
            "{:.0}/s, p50 {:.1} ms, p99 {:.1} ms : {rows:.0}/s raw, {checked:.0}/s checks",
            added.rate(),
            added.quantile(0.5) / 1e3,
            added.quantile(0.99) / 1e3
        );
    }
    let what = "durable additions, 64 connections";
    bench.row(&BATCHED, on, format!("{what}, vs raw SQLite at 64 rows a commit"), batched, scale.clone());
    bench.row(&NOTHING, on, format!("{what}, vs checks (which store nothing)"), nothing, scale.clone());
    bench.row(&TAIL, on, format!("{what}: p99 vs p50"), tail, scale);
    Ok(())
}

/// On PostgreSQL, compared with plain `INSERT`s.
pub fn inserts(bench: &mut Bench<'_>, on: On) -> Result<()> {
    if on == On::Sqlite {
        return Ok(());
    }
    let world = bench.usual(on)?;
    let roster = bench.free(&world)?;
    let server = world.store.server().context("a server")?;
    let plain = Inserts::start(&bench.settings.cores, server, world.shape.memberships)?;
    let mut adding = Side::new(&roster, 64, additions(&world.sample.fresh))?;
    let mut inserting = Side::new(&plain.process, 64, inserts::additions())?;
    let round = bench.settings.round * 2;
    let (mut values, mut scale) = (Vec::new(), String::new());
    for number in 0..bench.settings.rounds {
        let (added, inserted) = in_turn(number, || adding.round(round), || inserting.round(round))?;
        let (rate, plain) = (added.outcome.rate(), inserted.outcome.rate());
        values.push(rate / plain);
        scale = format!("{rate:.0}/s, {:.0} µs CPU : {plain:.0}/s", added.cpu());
    }
    let what =
        format!("durable additions, 64 connections, vs a server of one INSERT each on {CONNECTIONS} connections");
    bench.row(&INSERTS, on, what, values, scale);
    Ok(())
}

pub fn single(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let world = bench.usual(on)?;
    let roster = bench.free(&world)?;
    let mut adding = Side::new(&roster, 1, additions(&world.sample.fresh))?;
    let length = bench.settings.round / 4;
    lengthen_log(&roster, &world)?;
    let synced = || bench.settings.cores.run_at(Place::Anywhere, || sync::median(length));
    let (mut values, mut scale) = (Vec::new(), String::new());
    for _ in 0..bench.settings.rounds {
        let before = synced()?;
        let added = adding.round(bench.settings.round)?;
        let median = added.outcome.quantile(0.5);
        let synced = before.midpoint(synced()?);
        values.push(median / synced);
        scale = format!("{median:.0} µs, {:.0} µs CPU : {synced:.0} µs", added.cpu());
    }
    bench.row(&SYNC, on, "one durable addition, 1 connection: p50 vs one fdatasync of 4 kB", values, scale);
    Ok(())
}
