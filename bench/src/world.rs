//! The data: a realm with one organization that everybody is in, and many of a thousand members each.

mod fill;
mod ids;
mod lines;
mod sample;

use std::rc::Rc;
use std::time::Instant;

use anyhow::Result;
use roster_engine::UserId;
use roster_testing::{Database, SERVER};

use crate::settings::Settings;
pub use sample::{Fresh, Pair, Sample};

/// Which database a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum On {
    Sqlite,
    Postgres,
}

impl On {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A database, gone when it is dropped.
pub struct Store {
    database: Database,
    server: Option<String>,
}

impl Store {
    pub fn new(on: On) -> Result<Self> {
        match on {
            On::Sqlite => Ok(Self { database: Database::file_in(&Settings::folder().canonicalize()?), server: None }),
            On::Postgres => {
                let server = std::env::var(SERVER)?;
                Ok(Self { database: Database::on(&server), server: Some(server) })
            }
        }
    }

    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// The URL of the server that it is on, if it is no file.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }
}

/// How much there is of what.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub memberships: usize,
}

impl Shape {
    /// Members of the large organization: a tenth of all memberships.
    pub const fn users(self) -> usize {
        let tenth = self.memberships / 10;
        if tenth < Self::MEMBERS { Self::MEMBERS } else { tenth }
    }

    /// Organizations of `MEMBERS` each, which have the rest.
    pub const fn groups(self) -> usize {
        let rest = self.memberships.saturating_sub(self.users()) / Self::MEMBERS;
        if rest == 0 { 1 } else { rest }
    }

    /// Who is in a group: blocks of neighbours, so that each user is in as many groups as any other.
    pub fn member(self, group: usize, number: usize) -> UserId {
        ids::user((group * Self::MEMBERS + number) % self.users())
    }

    pub fn loner(self, number: usize) -> UserId {
        ids::user(self.users() + number)
    }

    /// Of each group.
    pub const MEMBERS: usize = 1000;
    /// Users who are in one organization alone.
    pub const LONERS: usize = 200;
    /// Organizations without a member, to which additions go.
    pub const EMPTY: usize = 64;
}

pub struct World {
    pub store: Store,
    pub shape: Shape,
    pub sample: Sample,
}

impl World {
    pub fn make(settings: &Settings, on: On, memberships: usize) -> Result<Rc<Self>> {
        let shape = Shape { memberships };
        eprintln!("making {memberships} memberships on {} …", on.name());
        let store = Store::new(on)?;
        let begin = Instant::now();
        fill::fill(&settings.cores, &store, shape)?;
        eprintln!("… in {:.1} s", begin.elapsed().as_secs_f64());
        Ok(Rc::new(Self { store, shape, sample: Sample::of(shape) }))
    }
}
