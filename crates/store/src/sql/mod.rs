//! A thin layer that runs one SQL text on either database. Only this folder knows the drivers.
//!
//! Statements number their values `$1`, `$2` …, in any order and repeatedly. All code outside of this folder must use
//! SQL that means the same on SQLite and PostgreSQL; `docs/adr/0003-sql-once.md` lists what to avoid.

mod checkpoint;
mod connection;
mod deferred;
mod migrate;
mod postgres;
mod priority;
mod readers;
mod select;
mod session;
mod source;
mod sqlite;
mod tls;
mod url;
mod value;
mod writer;

pub use connection::{Connection, Kind};
pub use deferred::Savepoint;
pub use readers::Readers;
pub use select::{Select, base62_digits, like, like_prefix};
pub use source::Source;
pub use url::Location;
pub use value::{Row, Value};
pub use writer::{BATCH_BOUNDS, CommitObserver, Job, Verdict, Writer};

pub use migrate::{LATEST, check, migrate};

/// A statement that inserts one row of `width` values.
fn insert(into: &str, width: usize) -> String {
    let values: Vec<String> = (1..=width).map(|n| format!("${n}")).collect();
    format!("INSERT INTO {into} VALUES ({})", values.join(", "))
}
