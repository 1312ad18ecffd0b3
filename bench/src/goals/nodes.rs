//! Two processes on one PostgreSQL.

use std::time::Instant;

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use roster_engine::EntityId as _;

use super::checks::{checks, question};
use super::{Goal, less, less_of};
use crate::ask;
use crate::bench::Bench;
use crate::comparison::{Comparison, Service as _};
use crate::load::{post, request};
use crate::roster::KEY;
use crate::world::On;

pub const WARM: Goal = less("P23", 1.2, 1.02);
pub const REMOVAL: Goal = less_of("P24", 100.0, 0.0, " ms");

pub fn two(bench: &mut Bench<'_>, on: On) -> Result<()> {
    if on == On::Sqlite {
        return Ok(()); // two processes need a server
    }
    let shared = bench.usual(On::Postgres)?;
    let alone = bench.world(On::Sqlite, shared.shape.memberships)?;
    let nodes = [bench.pinned(&shared)?, bench.pinned(&shared)?];
    let single = bench.pinned(&alone)?;
    let (target, yardstick) = ((&nodes[1] as _, checks(&shared)), (&single as _, checks(&alone)));
    let comparison = Comparison::run(bench.settings, 64, target, yardstick)?;
    let what = "a check on one of two processes vs a single one on SQLite: CPU";
    bench.row(&WARM, on, what, comparison.cpu(), comparison.scale());
    Ok(())
}

/// How long something deleted at one node is still visible at the other, after the deletion was acknowledged.
pub fn removals(bench: &mut Bench<'_>, on: On) -> Result<()> {
    if on == On::Sqlite {
        return Ok(());
    }
    let world = bench.usual(on)?;
    let nodes = [bench.free(&world)?, bench.free(&world)?];
    let removals = if bench.settings.quick { 30 } else { 300 };
    let (mut stale, mut late, mut took) = (Histogram::<u64>::new(3)?, 0, Histogram::<u64>::new(3)?);
    for _ in 0..removals {
        let pair = world.sample.fresh.next();
        let path = format!("/v1/organizations/{}/memberships", pair.organization.native());
        let add = post(&path, KEY, &format!(r#"{{"user_id":"{}"}}"#, pair.user.native()));
        let remove = request("DELETE", &format!("{path}/{}", pair.user.native()), KEY, None);
        let check = post("/v1/check", KEY, &question(pair));
        let allowed = || -> Result<bool> { Ok(ask::exchange(nodes[1].address(), &check)?.good()?["allowed"] == true) };
        ask::exchange(nodes[0].address(), &add)?.good()?;
        let added = Instant::now();
        while !allowed()? {
            ensure!(added.elapsed().as_secs() < 5, "an addition that the other node doesn't hear of");
        }
        let begin = Instant::now();
        ask::exchange(nodes[0].address(), &remove)?.good()?;
        let acknowledged = Instant::now();
        took.record(u64::try_from((acknowledged - begin).as_micros())?)?;
        let mut until = acknowledged;
        while allowed()? {
            until = Instant::now();
            ensure!((until - acknowledged).as_secs() < 5, "a removal that the other node doesn't hear of");
        }
        late += u32::from(until > acknowledged);
        stale.record(u64::try_from((until - acknowledged).as_micros())?)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a time")]
    let worst = stale.value_at_quantile(0.99) as f64 / 1000.0;
    let scale =
        format!("{late} of {removals} late; acknowledged after {} ms (p50)", took.value_at_quantile(0.5) / 1000);
    bench.row(
        &REMOVAL,
        on,
        "a removal on one process, still there on the other after its answer: p99",
        vec![worst],
        scale,
    );
    Ok(())
}
