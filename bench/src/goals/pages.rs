//! Pages of members.

use std::time::Duration;

use anyhow::{Context as _, Result};
use roster_engine::{EntityId as _, Form, OrganizationId};

use super::checks::hello_source;
use super::{Goal, less};
use crate::bench::Bench;
use crate::comparison::{Comparison, Service as _};
use crate::load::{Load, Source, get, in_turn};
use crate::roster::KEY;
use crate::world::{On, World};
use crate::yardstick::hello;

pub const NATIVE: Goal = less("P12", 6.0, 2.0);
pub const CLERK: Goal = less("P13", 7.0, 3.0);

fn native(big: OrganizationId) -> String {
    format!("/v1/organizations/{}/memberships?limit=100", big.native())
}

/// The first page of the large organization.
pub fn native_page(world: &World) -> Source<'static> {
    in_turn(vec![get(&native(world.sample.big), KEY)])
}

pub fn pages(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let world = bench.usual(on)?;
    let roster = bench.pinned(&world)?;
    let big = world.sample.big;
    let clerk = Form::Clerk.show(big).context("a Clerk id")?;
    let pages = [
        (&NATIVE, "native", native(big)),
        (&CLERK, "Clerk", format!("/clerk/v1/organizations/{clerk}/memberships?limit=100")),
    ];
    for (goal, dialect, path) in pages {
        if !bench.settings.wants(goal.name) {
            continue;
        }
        let mut source = in_turn(vec![get(&path, KEY)]);
        let once = Load::open(roster.address(), 1)?.run(Duration::from_millis(1), &mut source)?;
        let hello = hello::start(&bench.settings.cores, once.bytes)?;
        let comparison = Comparison::run(bench.settings, 16, (&roster, source), (&hello, hello_source()))?;
        let what = format!("{dialect} page of 100 members: CPU vs hello of the same {} bytes", once.bytes);
        bench.row(goal, on, what, comparison.cpu(), comparison.scale());
    }
    Ok(())
}
