//! Numbered migrations, each in a transaction of its own.

use super::{Connection, Value};
use crate::error::{Error, Result};

/// Not a migration: SQLite's own, and made anew after every one.
const STATISTICS: &str = include_str!("../../migrations/sqlite_statistics.sql");

const MIGRATIONS: [(i64, &str); 4] = [
    (1, include_str!("../../migrations/0001_initial.sql")),
    (2, include_str!("../../migrations/0002_invitations.sql")),
    (3, include_str!("../../migrations/0003_organization_name.sql")),
    (20, include_str!("../../migrations/0020_directory_links.sql")),
];

/// The schema version that this Roster writes.
pub const LATEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// The words in which the databases' data definition differs.
fn in_sqlite(sql: &str) -> String {
    sql.replace("{clustered}", "WITHOUT ROWID").replace("{text}", "TEXT")
}

fn version(connection: &Connection) -> Result<i64> {
    let known = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'";
    if connection.one(known, &[], |row| row.int(0))? == 0 {
        return Ok(0);
    }
    connection.one("SELECT COALESCE(MAX(version), 0) FROM schema_version", &[], |row| row.int(0))
}

/// Refuses a database that a newer Roster wrote, and one that is behind if it may not be brought up to date. Changes nothing.
pub fn check(connection: &Connection, may_migrate: bool) -> Result<i64> {
    let found = version(connection)?;
    if found > LATEST {
        Err(Error::Newer { found, known: LATEST })
    } else if found < LATEST && !may_migrate {
        Err(Error::Behind { found, known: LATEST })
    } else {
        Ok(found)
    }
}

/// Brings the schema up to date.
pub fn migrate(connection: &Connection) -> Result<()> {
    if check(connection, true)? == LATEST {
        return Ok(());
    }
    for (number, sql) in MIGRATIONS {
        connection.batch("BEGIN IMMEDIATE")?;
        let done = apply(connection, number, sql);
        connection.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        done?;
    }
    // The first makes the table that the statistics go to, the second has this connection read them.
    connection.batch("ANALYZE")?;
    connection.batch(&format!("BEGIN IMMEDIATE; {STATISTICS} COMMIT; ANALYZE sqlite_schema"))?;
    Ok(())
}

fn apply(connection: &Connection, number: i64, sql: &str) -> Result<()> {
    connection.batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)")?;
    // Read again under the lock: another process may have come first.
    if check(connection, true)? >= number {
        return Ok(());
    }
    connection.batch(&in_sqlite(sql))?;
    connection.execute("INSERT INTO schema_version (version) VALUES ($1)", &[Value::Int(number)])?;
    Ok(())
}
