//! Whole databases: copied row by row between the two kinds, or file by file where both are SQLite.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::new_file::NewFile;
use crate::open;
use crate::sql::{self, Connection, Kind, Location, Row, Source, Value};

/// Every table with its key. A test holds the list to the schema.
const TABLES: [(&str, &str); 23] = [
    ("realm", "id"),
    ("organization", "realm, id"),
    ("usr", "realm, id"),
    ("address", "realm, id"),
    ("membership", "realm, id"),
    ("membership_detail", "realm, membership"),
    ("account_user", "realm, organization, usr"),
    ("role", "realm, id"),
    ("retired_role", "realm, seq"),
    ("permission", "realm, id"),
    ("role_permission", "realm, role, permission"),
    ("token", "realm, id"),
    ("alias", "realm, dialect, value"),
    ("event", "realm, seq"),
    ("idempotency", "realm, actor, key"),
    ("invitation", "realm, id"),
    ("password", "realm, usr"),
    ("session", "realm, id"),
    ("link", "realm, id"),
    ("directory_link", "realm, domain, subject"),
    ("directory_address", "realm, value, domain, subject"),
    ("realm_secret", "realm"),
    ("import_progress", "realm"),
];

/// Rows in one statement. Both databases take many more values than that.
const ROWS: usize = 64;

/// Progress of a command, reported now and then.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The table, or another step.
    pub step: &'a str,
    pub done: u64,
    pub total: u64,
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Each table and its rows.
    pub tables: Vec<(&'static str, u64)>,
    /// SHA-256, in hex, over all rows of all tables in the order of their keys: the same for equal contents in either
    /// database.
    pub hash: String,
}

impl Copied {
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

/// Copies everything into an empty database, in one transaction. The copy is read back and compared before it is
/// committed. The source may be in use; the copy is a consistent snapshot of it.
pub fn copy(from: &Location, to: &Location, report: &mut dyn FnMut(Progress<'_>)) -> Result<Copied> {
    if from == to {
        return Err(Error::Url(String::from("a database can't be copied onto itself")));
    }
    let source = open_existing(from, false)?;
    let target = open_empty(to)?;
    source.begin_reading()?;
    source.disable_timeouts()?;
    target.begin_writing(None)?;
    // It waits for the source, and nobody else uses the target yet.
    target.disable_timeouts()?;
    let copied = copy_rows(&source, &target, report).and_then(|copied| {
        target.commit()?;
        Ok(copied)
    });
    if copied.is_err() {
        // The original error is more useful than one of the rollback.
        let _ = target.rollback();
    }
    let _ = source.commit();
    if target.kind() == Kind::Sqlite && copied.is_ok() {
        target.batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    }
    copied
}

fn copy_rows(source: &Connection, target: &Connection, report: &mut dyn FnMut(Progress<'_>)) -> Result<Copied> {
    refuse_non_empty(target)?;
    let mut whole = Sha256::new();
    let mut tables = Vec::new();
    for (table, key) in TABLES {
        let total = count(source, table)?;
        report(Progress { step: table, done: 0, total });
        let mut rows = Rows::new(target, table);
        source.scan(&format!("SELECT * FROM {table} ORDER BY {key}"), &[], &mut |row| {
            rows.add(row)?;
            if rows.written.is_multiple_of(1024) {
                report(Progress { step: table, done: rows.written, total });
            }
            Ok(())
        })?;
        let written = rows.finish()?;
        report(Progress { step: table, done: written, total });
        let (sent, arrived) = (digest(source, table, key)?, digest(target, table, key)?);
        if sent != arrived || written != total || count(target, table)? != total {
            return Err(Error::Corrupt(format!("what arrived in table {table} is not what was sent")));
        }
        whole.update(sent);
        tables.push((table, total));
    }
    Ok(Copied { tables, hash: hex::encode(whole.finalize()) })
}

/// Buffers rows for a table.
struct Rows<'c> {
    target: &'c Connection,
    table: &'static str,
    width: usize,
    values: Vec<Value>,
    written: u64,
}

impl<'c> Rows<'c> {
    fn new(target: &'c Connection, table: &'static str) -> Self {
        Self { target, table, width: 0, values: Vec::new(), written: 0 }
    }

    fn add(&mut self, row: &Row<'_>) -> Result<()> {
        self.width = row.width();
        for column in 0..self.width {
            self.values.push(row.value(column)?);
        }
        self.written += 1;
        if self.values.len() >= self.width * ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.values.is_empty() {
            return Ok(());
        }
        let mut sql = format!("INSERT INTO {} VALUES ", self.table);
        for n in 0..self.values.len() {
            let before = if n % self.width > 0 {
                ", "
            } else if n > 0 {
                "), ("
            } else {
                "("
            };
            let _ = write!(sql, "{before}${}", n + 1);
        }
        sql.push(')');
        self.target.execute(&sql, &self.values)?;
        self.values.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<u64> {
        self.flush()?;
        Ok(self.written)
    }
}

fn count(connection: &Connection, table: &str) -> Result<u64> {
    let rows = connection.one(&format!("SELECT COUNT(*) FROM {table}"), &[], |row| row.int(0))?;
    u64::try_from(rows).map_err(|_| Error::Corrupt(String::from("a negative count")))
}

fn digest(connection: &Connection, table: &str, key: &str) -> Result<[u8; 32]> {
    let mut hash = Sha256::new();
    connection.scan(&format!("SELECT * FROM {table} ORDER BY {key}"), &[], &mut |row| {
        for column in 0..row.width() {
            match row.value(column)? {
                Value::Null => hash.update(b"n"),
                Value::Int(number) => hash.update(number.to_le_bytes()),
                Value::Flag(flag) => hash.update(i64::from(flag).to_le_bytes()),
                Value::Text(text) => {
                    hash.update((text.len() as u64).to_le_bytes());
                    hash.update(text);
                }
            }
        }
        Ok(())
    })?;
    Ok(hash.finalize().into())
}

fn refuse_non_empty(connection: &Connection) -> Result<()> {
    for (table, _) in TABLES {
        if connection.optional(&format!("SELECT 1 FROM {table} LIMIT 1"), &[], |_| Ok(()))?.is_some() {
            return Err(Error::NotEmpty);
        }
    }
    Ok(())
}

/// Adds the database's name to errors, for commands that use several.
fn about(location: &Location) -> impl Fn(Error) -> Error {
    let name = match location {
        Location::File(file) => file.display().to_string(),
        other => other.to_string(),
    };
    move |error| match error {
        // These name it already.
        Error::File(..) | Error::Missing(_) | Error::Url(_) => error,
        error => Error::About(name.clone(), Box::new(error)),
    }
}

/// `may_be_behind` allows an outdated schema: for copies page by page, which don't depend on it.
fn open_existing(location: &Location, may_be_behind: bool) -> Result<Connection> {
    let open = || {
        let connection = match location {
            Location::File(file) => Source::File(file.clone()).open().map_err(|error| open::open_error(file, error))?,
            Location::Temporary => return Err(Error::Missing(location.to_string())),
            Location::Server(address) => Source::Server(address.clone()).open()?,
        };
        match sql::check(&connection, may_be_behind)? {
            0 => Err(Error::Url(format!("{location} has nothing in it"))),
            _ => Ok(connection),
        }
    };
    open().map_err(about(location))
}

fn open_empty(location: &Location) -> Result<Connection> {
    let open = || {
        let source = match location {
            Location::File(file) => Source::File(file.clone()),
            Location::Temporary => return Err(Error::Url(String::from("name a file as the target of the copy"))),
            Location::Server(address) => Source::Server(address.clone()),
        };
        open::connect(&source, true)
    };
    open().map_err(about(location))
}

/// Writes a consistent snapshot of a SQLite database into a new file. Others may keep writing.
pub fn backup(from: &Location, file: &Path, report: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
    let Location::File(_) = from else {
        return Err(Error::Url(format!(
            "only SQLite is backed up by this command; for {from} use: pg_dump --format=custom --file={} URL",
            file.display()
        )));
    };
    let source = open_existing(from, true)?;
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Error::Url(format!("{} exists already", file.display())),
        _ => open::create_error(file, error),
    };
    let backup = NewFile::create(file).map_err(failed)?;
    copy_file(&source, backup.part(), report)?;
    backup.finish().map_err(failed)
}

/// Restores a backup as a database that doesn't exist or is empty.
pub fn restore(file: &Path, to: &Location, report: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
    let Location::File(target) = to else {
        return Err(Error::Url(format!(
            "only SQLite is restored by this command; for PostgreSQL use pg_restore, or: roster copy --from sqlite://{} --to URL",
            file.display()
        )));
    };
    let source = open_existing(&Location::File(file.to_owned()), true)?;
    let is_free = || {
        let connection = Source::File(target.clone()).open()?;
        match sql::check(&connection, true)? {
            0 => Ok(()),
            _ => refuse_non_empty(&connection),
        }
    };
    if target.exists() {
        is_free().map_err(about(to))?;
    }
    open::create_file(target)?;
    copy_file(&source, target, report).map_err(about(to))
}

/// Copies in one transaction of the source. Otherwise each step has its own, and SQLite starts over whenever somebody
/// has committed since the previous step: beside a server that is writing it would never end.
fn copy_file(source: &Connection, file: &Path, report: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
    source.begin_reading()?;
    // A transaction has no snapshot before its first read.
    let copied = sql::check(source, true).and_then(|_| {
        let mut report =
            |left: u64, total: u64| report(Progress { step: "pages", done: total.saturating_sub(left), total });
        source.copy_to(file, &mut report)
    });
    let _ = source.commit();
    copied
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_table_is_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = open_empty(&Location::File(folder.path().join("a.db"))).expect("a database");
        let names = connection
            .all("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'", &[], |row| {
                row.text(0)
            })
            .expect("names");
        let mut known: BTreeSet<_> = TABLES.iter().map(|(table, _)| (*table).to_owned()).collect();
        // The schema's own, which the target has already.
        known.insert(String::from("schema_version"));
        assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), known);
    }

    #[test]
    fn a_backup_is_of_one_moment_and_ends_while_others_write() {
        const ROWS: u64 = 2100;
        let folder = tempfile::tempdir().expect("a folder");
        let location = Location::File(folder.path().join("a.db"));
        let writer = open_empty(&location).expect("a database");
        // Each fills a page, so that there are several steps.
        let filled = writer.batch(&format!(
            "CREATE TABLE filler (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
             WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT {ROWS})
             INSERT INTO filler (n, bytes) SELECT n, zeroblob(4000) FROM number"
        ));
        filled.expect("rows");
        let kept = folder.path().join("kept.db");
        let mut steps = 0;
        let done = backup(&location, &kept, &mut |progress: Progress<'_>| {
            steps += 1;
            assert!(steps < 20, "it begins again after each commit: {progress:?}");
            writer.batch("INSERT INTO filler (bytes) VALUES (zeroblob(4000))").expect("another commit");
        });
        done.expect("a backup");
        assert!(steps > 2, "there was nothing between two steps");
        let kept = open_existing(&Location::File(kept), false).expect("the backup");
        let counts = [&kept, &writer].map(|connection| count(connection, "filler").expect("a count"));
        assert_eq!(counts, [ROWS, ROWS + steps], "it is of its first moment");
    }

    /// Concerns a server; with a file there are no timeouts.
    #[test]
    fn who_takes_his_time_is_not_thrown_out() {
        let database = roster_testing::Database::new();
        let location = Location::parse(database.url()).expect("an address");
        let connection = open_empty(&location).expect("a database");
        connection.begin_reading().expect("a transaction");
        connection.disable_timeouts().expect("time");
        let limits = || {
            let limit = |name: &str| {
                connection.one(&format!("SELECT current_setting('{name}')"), &[], |row| row.text(0)).expect("a setting")
            };
            ["statement_timeout", "idle_in_transaction_session_timeout"].map(limit)
        };
        if connection.kind() == Kind::Postgres {
            assert_eq!(limits(), ["0", "0"]);
        }
        connection.commit().expect("the end");
        if connection.kind() == Kind::Postgres {
            assert_eq!(limits(), ["1min", "15s"], "for this transaction only");
        }
    }
}
