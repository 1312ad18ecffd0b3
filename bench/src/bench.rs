//! One run: its settings, the data it has made, and the rows of its table.

use std::collections::HashMap;
use std::rc::Rc;

use anyhow::Result;

use crate::comparison::Comparison;
use crate::cores::Place;
use crate::goals::{FAMILIES, Goal};
use crate::roster::Roster;
use crate::settings::Settings;
use crate::table::{Measured, Row};
use crate::world::{On, World};

pub struct Bench<'s> {
    pub settings: &'s Settings,
    worlds: HashMap<(On, usize), Rc<World>>,
    rows: Vec<Row>,
}

impl<'s> Bench<'s> {
    pub fn new(settings: &'s Settings) -> Self {
        Self { settings, worlds: HashMap::new(), rows: Vec::new() }
    }

    /// Measures all selected goals on one database. A failure becomes a row that says so.
    pub fn measure(&mut self, on: On) {
        for family in FAMILIES {
            let wanted: Vec<_> = family.goals.iter().filter(|goal| self.settings.wants(goal.name)).collect();
            if wanted.is_empty() {
                continue;
            }
            if let Err(error) = (family.measure)(self, on) {
                for goal in wanted {
                    self.not(goal, on, "", &format!("{error:#}"));
                }
            }
        }
        self.worlds.clear();
    }

    pub fn into_rows(mut self) -> Vec<Row> {
        // By goal, then in the order of measurement.
        self.rows.sort_by_key(|row| row.goal.name[1..].parse::<u32>().unwrap_or_default());
        self.rows
    }

    /// A row of values, one for each round.
    pub fn row(&mut self, goal: &'static Goal, on: On, what: impl Into<String>, values: Vec<f64>, scale: String) {
        self.push(goal, on, what.into(), Ok(Measured::new(values, scale)));
    }

    /// A row of CPU ratios, or why there are none.
    pub fn cpu_row(&mut self, goal: &'static Goal, on: On, what: String, comparison: Result<Comparison>) {
        match comparison {
            Ok(comparison) => self.row(goal, on, what, comparison.cpu(), comparison.scale()),
            Err(error) => self.not(goal, on, &what, &format!("{error:#}")),
        }
    }

    /// A row that couldn't be measured.
    pub fn not(&mut self, goal: &'static Goal, on: On, what: &str, why: &str) {
        let line: String = why.lines().collect::<Vec<_>>().join(" ").chars().take(160).collect();
        self.push(goal, on, what.to_owned(), Err(line));
    }

    fn push(&mut self, goal: &'static Goal, on: On, what: String, measured: Result<Measured, String>) {
        if !self.settings.wants(goal.name) {
            return;
        }
        match &measured {
            Ok(measured) => eprintln!("{} {what}: {:.3}", goal.name, measured.median()),
            Err(why) => eprintln!("{} {what}: {why}", goal.name),
        }
        self.rows.push(Row { goal, what, on: on.name(), measured });
    }

    /// Data with this many memberships, created once.
    pub fn world(&mut self, on: On, memberships: usize) -> Result<Rc<World>> {
        if let Some(world) = self.worlds.get(&(on, memberships)) {
            return Ok(Rc::clone(world));
        }
        let world = World::make(self.settings, on, memberships)?;
        self.worlds.insert((on, memberships), Rc::clone(&world));
        Ok(world)
    }

    /// The data that most goals are measured on.
    pub fn usual(&mut self, on: On) -> Result<Rc<World>> {
        self.world(on, self.settings.sizes(on).usual)
    }

    /// A server for reads: alone on the server core.
    pub fn pinned(&self, world: &World) -> Result<Roster> {
        Roster::start(&self.settings.cores, Place::Server, &world.store)?.once_in_memory()
    }

    /// A server for writes: on all cores, as is its database.
    pub fn free(&self, world: &World) -> Result<Roster> {
        Roster::start(&self.settings.cores, Place::Anywhere, &world.store)?.once_in_memory()
    }
}
