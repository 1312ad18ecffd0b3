//! Single checks, batches of checks, and how the amount of data affects them.

use anyhow::Result;
use roster_engine::EntityId as _;

use super::{Goal, less, more};
use crate::bench::Bench;
use crate::comparison::Comparison;
use crate::load::{Key, Source, get, in_turn, post};
use crate::roster::KEY;
use crate::world::{On, Pair, World};
use crate::yardstick::hello;

pub const CPU: Goal = less("P1", 1.6, 1.25);
pub const RATE_1: Goal = more("P2", 0.80, 0.93);
pub const RATE_16: Goal = more("P2", 0.65, 0.85);
pub const RATE_64: Goal = more("P2", 0.60, 0.80);
pub const SIZE: Goal = less("P3", 1.15, 1.07);
pub const BATCH: Goal = less("P5", 25.0, 8.0);

pub fn question(Pair { organization, user }: Pair) -> String {
    let (organization, user) = (organization.native(), user.native());
    format!(r#"{{"user_id":"{user}","organization_id":"{organization}","role":"member"}}"#)
}

/// Checks of random pairs.
pub fn checks(world: &World) -> Source<'static> {
    in_turn(world.sample.pairs.iter().map(|pair| post("/v1/check", KEY, &question(*pair))).collect())
}

/// The requests to the bare hyper server.
pub fn hello_source() -> Source<'static> {
    in_turn(vec![get("/", Key::None)])
}

/// Approximate length of a check's answer, in bytes.
const ANSWER: usize = 200;

pub fn one(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let world = bench.usual(on)?;
    let roster = bench.pinned(&world)?;
    let hello = hello::start(&bench.settings.cores, ANSWER)?;
    for (connections, goal) in [(1, &RATE_1), (16, &RATE_16), (64, &RATE_64)] {
        let (target, yardstick) = ((&roster as _, checks(&world)), (&hello as _, hello_source()));
        let comparison = Comparison::run(bench.settings, connections, target, yardstick)?;
        let what = format!("one check, {connections} connections, {} rows", world.shape.memberships);
        if connections == 64 {
            bench.row(&CPU, on, format!("{what}: CPU vs hello"), comparison.cpu(), comparison.scale());
        }
        bench.row(goal, on, format!("{what}: requests/s vs hello"), comparison.rate(), comparison.scale());
    }
    Ok(())
}

pub fn batch(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let world = bench.usual(on)?;
    let roster = bench.pinned(&world)?;
    let hello = hello::start(&bench.settings.cores, ANSWER)?;
    let requests = world.sample.pairs.chunks_exact(100).map(|pairs| {
        let questions: Vec<_> = pairs.iter().map(|pair| question(*pair)).collect();
        post("/v1/check:batch", KEY, &format!(r#"{{"checks":[{}]}}"#, questions.join(",")))
    });
    let (target, yardstick) = ((&roster as _, in_turn(requests.collect())), (&hello as _, hello_source()));
    let comparison = Comparison::run(bench.settings, 16, target, yardstick)?;
    bench.row(&BATCH, on, "100 checks in one request: CPU vs hello", comparison.cpu(), comparison.scale());
    Ok(())
}

pub fn sizes(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let sizes = bench.settings.sizes(on);
    let (small, large) = (bench.world(on, sizes.small)?, bench.world(on, sizes.large)?);
    let servers = (bench.pinned(&small)?, bench.pinned(&large)?);
    let (target, yardstick) = ((&servers.1 as _, checks(&large)), (&servers.0 as _, checks(&small)));
    let comparison = Comparison::run(bench.settings, 64, target, yardstick)?;
    let what = format!("one check at {} rows vs at {}: CPU", sizes.large, sizes.small);
    bench.row(&SIZE, on, what, comparison.cpu(), comparison.scale());
    Ok(())
}
