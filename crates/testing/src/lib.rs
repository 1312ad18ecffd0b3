//! A database of its own for each test: a file of SQLite, or a database on the PostgreSQL server that `ROSTER_TEST_POSTGRES` names.
//!
//! So the same tests are run on both: `cargo test`, and `tests/postgres.sh cargo test`, which starts a server for that time. And [`Dice`] for
//! random histories, and a [`DeafWay`] to a server on which answers are lost.

#[cfg(unix)]
mod deaf;
mod dice;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use postgres::{Client, NoTls};
use tempfile::TempDir;

#[cfg(unix)]
pub use deaf::DeafWay;
pub use dice::Dice;

/// Where the server is, as a URL of a user who may make databases.
pub const SERVER: &str = "ROSTER_TEST_POSTGRES";

/// Gone when it is dropped.
#[derive(Debug)]
pub struct Database {
    url: String,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    File { _folder: TempDir },
    Server { server: String, name: String },
}

impl Default for Database {
    fn default() -> Self {
        Self::new()
    }
}

impl Database {
    /// An empty one, of the kind that this run is about.
    pub fn new() -> Self {
        std::env::var(SERVER).map_or_else(|_| Self::file(), |server| Self::on(&server))
    }

    /// In a file of SQLite, whatever this run is about.
    pub fn file() -> Self {
        Self::file_in(&std::env::temp_dir())
    }

    /// The same, in a folder of its own inside of this one.
    pub fn file_in(place: &Path) -> Self {
        let folder = tempfile::tempdir_in(place).expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("roster.db").display());
        Self { url, kept: Kept::File { _folder: folder } }
    }

    /// On this server.
    pub fn on(server: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("roster_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        run(server.to_owned(), format!("CREATE DATABASE {name}"));
        Self { url: beside(server, &name), kept: Kept::Server { server: server.to_owned(), name } }
    }

    /// For `--database`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is one of PostgreSQL.
    pub const fn is_server(&self) -> bool {
        matches!(self.kept, Kept::Server { .. })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Kept::Server { server, name } = &self.kept {
            run(server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// Another database of the same server.
fn beside(server: &str, name: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, None), |(base, query)| (base, Some(query)));
    let place = base.rsplit_once('/').map_or(base, |(place, _)| place);
    query.map_or_else(|| format!("{place}/{name}"), |query| format!("{place}/{name}?{query}"))
}

/// On a thread of its own: the driver blocks, and tests may be asynchronous.
fn run(server: String, sql: String) {
    let done = std::thread::spawn(move || Client::connect(&server, NoTls)?.batch_execute(&sql)).join();
    // In the middle of a panic there is already something to tell.
    if !std::thread::panicking() {
        done.expect("the driver doesn't panic").unwrap_or_else(|error| panic!("{SERVER}: {error:?}"));
    }
}
