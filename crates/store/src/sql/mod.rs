//! The thin layer between one SQL text and a database. Only this folder knows the drivers.
//!
//! Statements number their values `$1`, `$2` … in any order and as often as they like. Text that means the same on SQLite and
//! PostgreSQL is the rule everywhere above this folder; `docs/adr/0003-sql-once.md` lists what to avoid.

mod connection;
mod late;
mod log;
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
pub use late::Savepoint;
pub use readers::Readers;
pub use select::{Select, base62_digits, like, like_prefix};
pub use source::Source;
pub use url::Location;
pub use value::{Row, Value};
pub use writer::{BATCH_BOUNDS, Job, Verdict, Witness, Writer};

pub use migrate::{LATEST, check, migrate};

/// A statement that inserts a row of so many values.
fn insert(into: &str, width: usize) -> String {
    let values: Vec<String> = (1..=width).map(|n| format!("${n}")).collect();
    format!("INSERT INTO {into} VALUES ({})", values.join(", "))
}
