//! A separate database for each test: a SQLite file, or a database on the PostgreSQL server that `ROSTER_TEST_POSTGRES` names.
//!
//! The same tests run on both: `cargo test` uses SQLite, and `tests/postgres.sh cargo test` starts a PostgreSQL server for the run. Also here:
//! [`TestRng`] for random histories, and a [`LossyProxy`] that drops a server's responses.

#[cfg(unix)]
mod lossy_proxy;
mod rng;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use postgres::{Client, NoTls};
use tempfile::TempDir;

#[cfg(unix)]
pub use lossy_proxy::LossyProxy;
pub use rng::TestRng;

/// The environment variable with the server's URL, for a user who may create databases.
pub const SERVER: &str = "ROSTER_TEST_POSTGRES";

/// A database that is deleted when this value is dropped.
#[derive(Debug)]
pub struct Database {
    url: String,
    backing: Backing,
}

#[derive(Debug)]
enum Backing {
    File { _folder: TempDir },
    Server { server: String, name: String },
}

impl Default for Database {
    fn default() -> Self {
        Self::new()
    }
}

impl Database {
    /// An empty one, on PostgreSQL if [`SERVER`] is set, else in a SQLite file.
    pub fn new() -> Self {
        std::env::var(SERVER).map_or_else(|_| Self::file(), |server| Self::on(&server))
    }

    /// In a SQLite file, even if [`SERVER`] is set.
    pub fn file() -> Self {
        Self::file_in(&std::env::temp_dir())
    }

    /// The same, in a new folder inside `parent`.
    pub fn file_in(parent: &Path) -> Self {
        let folder = tempfile::tempdir_in(parent).expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("roster.db").display());
        Self { url, backing: Backing::File { _folder: folder } }
    }

    /// A new database on this PostgreSQL server.
    pub fn on(server: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("roster_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        run(server.to_owned(), format!("CREATE DATABASE {name}"));
        Self { url: url_of_database(server, &name), backing: Backing::Server { server: server.to_owned(), name } }
    }

    /// The value for `--database`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is on a PostgreSQL server.
    pub const fn is_server(&self) -> bool {
        matches!(self.backing, Backing::Server { .. })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Backing::Server { server, name } = &self.backing {
            run(server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// The URL of another database on the same server.
fn url_of_database(server: &str, name: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, None), |(base, query)| (base, Some(query)));
    let host = base.rsplit_once('/').map_or(base, |(host, _)| host);
    query.map_or_else(|| format!("{host}/{name}"), |query| format!("{host}/{name}?{query}"))
}

/// Runs SQL on a separate thread: the driver blocks, and tests may be asynchronous.
fn run(server: String, sql: String) {
    let done = std::thread::spawn(move || Client::connect(&server, NoTls)?.batch_execute(&sql)).join();
    // During a panic the test fails already; a second panic would abort the process.
    if !std::thread::panicking() {
        done.expect("the driver doesn't panic").unwrap_or_else(|error| panic!("{SERVER}: {error:?}"));
    }
}
