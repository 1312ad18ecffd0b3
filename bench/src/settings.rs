//! What is to be measured, and for how long.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::cores::Cores;
use crate::world::On;

/// Memberships in the data.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub small: usize,
    pub usual: usize,
    /// The size from which growth is measured.
    pub base: usize,
    pub large: usize,
}

pub struct Settings {
    pub quick: bool,
    /// Empty: all.
    goals: Vec<String>,
    /// How often target and yardstick take turns.
    pub rounds: usize,
    pub round: Duration,
    pub cores: Cores,
}

impl Settings {
    /// `QUICK` makes it short; `GOALS=P1,P7` chooses.
    pub fn of_environment() -> Result<Self> {
        let quick = std::env::var_os("QUICK").is_some_and(|quick| !quick.is_empty() && quick != "0");
        let goals = std::env::var("GOALS").unwrap_or_default();
        let goals = goals.split([',', ' ']).filter(|goal| !goal.is_empty()).map(str::to_uppercase).collect();
        Ok(Self {
            quick,
            goals,
            rounds: if quick { 3 } else { 7 },
            round: Duration::from_millis(if quick { 400 } else { 1000 }),
            cores: Cores::of_this_run()?,
        })
    }

    pub const fn sizes(&self, on: On) -> Sizes {
        match (self.quick, on) {
            (false, _) => Sizes { small: 10_000, usual: 1_000_000, base: 1_000_000, large: 10_000_000 },
            (true, On::Sqlite) => Sizes { small: 10_000, usual: 1_000_000, base: 100_000, large: 1_000_000 },
            (true, On::Postgres) => Sizes { small: 10_000, usual: 100_000, base: 10_000, large: 100_000 },
        }
    }

    pub fn wants(&self, goal: &str) -> bool {
        self.goals.is_empty() || self.goals.iter().any(|wanted| wanted == goal)
    }

    /// Where files are created: beside the code, since temporary folders are often in memory, where a sync costs nothing.
    pub fn folder() -> &'static Path {
        Path::new(".")
    }
}
