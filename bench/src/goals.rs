//! The goals, and what measures each. docs/performance.md says what they mean.

mod checks;
mod dialects;
mod interference;
mod keys;
mod memory;
mod nodes;
mod offsets;
mod pages;
mod peer;
mod start;
mod writes;

use crate::bench::Bench;
use crate::world::On;
use anyhow::Result;

#[derive(Debug)]
pub struct Goal {
    pub name: &'static str,
    /// The first bar, and what would be possible.
    pub now: f64,
    pub aim: f64,
    pub better: Better,
    pub unit: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub enum Better {
    Less,
    More,
}

const fn less(name: &'static str, now: f64, aim: f64) -> Goal {
    Goal { name, now, aim, better: Better::Less, unit: "" }
}

const fn less_of(name: &'static str, now: f64, aim: f64, unit: &'static str) -> Goal {
    Goal { name, now, aim, better: Better::Less, unit }
}

const fn more(name: &'static str, now: f64, aim: f64) -> Goal {
    Goal { name, now, aim, better: Better::More, unit: "" }
}

/// Goals that are measured together.
pub struct Family {
    pub goals: &'static [&'static Goal],
    pub measure: fn(&mut Bench<'_>, On) -> Result<()>,
}

pub const FAMILIES: &[Family] = &[
    Family { goals: &[&checks::CPU, &checks::RATE_1, &checks::RATE_16, &checks::RATE_64], measure: checks::one },
    Family { goals: &[&checks::SIZE], measure: checks::sizes },
    Family { goals: &[&dialects::LOOKUP], measure: dialects::lookups },
    Family { goals: &[&checks::BATCH], measure: checks::batch },
    Family { goals: &[&pages::NATIVE, &pages::CLERK], measure: pages::pages },
    Family { goals: &[&offsets::DEEP], measure: offsets::deep },
    Family { goals: &[&keys::SHARE], measure: keys::share },
    Family { goals: &[&memory::GROWTH], measure: memory::growth },
    Family { goals: &[&memory::IDLE], measure: memory::idle },
    Family { goals: &[&start::FIRST, &start::SPEED], measure: start::cold },
    Family { goals: &[&nodes::WARM], measure: nodes::two },
    // What changes the data comes last.
    Family { goals: &[&writes::BATCHED, &writes::NOTHING, &writes::TAIL], measure: writes::many },
    Family { goals: &[&writes::SYNC], measure: writes::single },
    Family { goals: &[&writes::INSERTS], measure: writes::inserts },
    Family { goals: &[&interference::INTERFERENCE], measure: interference::reads_during_writes },
    Family { goals: &[&nodes::REMOVAL], measure: nodes::removals },
    Family { goals: &[&peer::CHECK, &peer::PAGE, &peer::ADD], measure: peer::peer },
];
