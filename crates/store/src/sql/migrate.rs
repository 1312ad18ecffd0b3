//! Numbered migrations, each in a transaction of its own.

use super::{Connection, Kind, Value};
use crate::error::{Error, Result};

/// Not a migration: planner statistics for SQLite, written again after each migration.
const STATISTICS: &str = include_str!("../../migrations/sqlite_statistics.sql");

const MIGRATIONS: [(i64, &str); 14] = [
    (1, include_str!("../../migrations/0001_initial.sql")),
    (2, include_str!("../../migrations/0002_invitations.sql")),
    (3, include_str!("../../migrations/0003_organization_name.sql")),
    (10, include_str!("../../migrations/0010_sessions.sql")),
    (20, include_str!("../../migrations/0020_directory_links.sql")),
    (21, include_str!("../../migrations/0021_directory_addresses.sql")),
    (30, include_str!("../../migrations/0030_user_activity.sql")),
    (31, include_str!("../../migrations/0031_token_expiry.sql")),
    (32, include_str!("../../migrations/0032_realm_secret.sql")),
    (40, include_str!("../../migrations/0040_import_progress.sql")),
    (50, include_str!("../../migrations/0050_fewer_indexes.sql")),
    (60, include_str!("../../migrations/0060_events_by_user.sql")),
    (70, include_str!("../../migrations/0070_events_by_organization.sql")),
    (80, include_str!("../../migrations/0080_retired_roles.sql")),
];

/// The schema version that this Roster writes.
pub const LATEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// Fills in what differs between the databases' DDL. By default PostgreSQL would collate text by its locale.
fn for_backend(kind: Kind, sql: &str) -> String {
    let (clustered, text) = match kind {
        Kind::Sqlite => ("WITHOUT ROWID", "TEXT"),
        Kind::Postgres => ("", "TEXT COLLATE \"C\""),
    };
    sql.replace("{clustered}", clustered).replace("{text}", text)
}

/// The schema version; `None` if the database has no schema of Roster.
fn version(connection: &Connection) -> Result<Option<i64>> {
    let known = match connection.kind() {
        Kind::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'",
        Kind::Postgres => {
            "SELECT COUNT(*) FROM pg_catalog.pg_tables
             WHERE schemaname = CURRENT_SCHEMA() AND tablename = 'schema_version'"
        }
    };
    if connection.one(known, &[], |row| row.int(0))? == 0 {
        return Ok(None);
    }
    connection.one("SELECT COALESCE(MAX(version), 0) FROM schema_version", &[], |row| row.int(0)).map(Some)
}

/// Whether a file without Roster's schema has any content. A PostgreSQL database may be shared with others as long as
/// the table names are free.
fn is_foreign(connection: &Connection) -> Result<bool> {
    let anything = "SELECT 1 FROM sqlite_master LIMIT 1";
    Ok(connection.kind() == Kind::Sqlite && connection.optional(anything, &[], |_| Ok(()))?.is_some())
}

/// Refuses a database of a newer version or of another program, and an outdated one unless `may_be_behind`. Returns its
/// version; changes nothing.
pub fn check(connection: &Connection, may_be_behind: bool) -> Result<i64> {
    let found = match version(connection)? {
        Some(found) => found,
        None if is_foreign(connection)? => return Err(Error::Foreign),
        None => 0,
    };
    if found > LATEST {
        Err(Error::Newer { found, known: LATEST })
    } else if found < LATEST && !may_be_behind {
        Err(Error::Older { found, known: LATEST })
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
        connection.begin_writing(None)?;
        let done = apply(connection, number, sql);
        match done {
            Ok(()) => connection.commit()?,
            Err(error) => {
                connection.rollback()?;
                return Err(error);
            }
        }
    }
    if connection.kind() == Kind::Sqlite {
        // The first creates the statistics table, the second makes this connection load it.
        connection.batch("ANALYZE")?;
        connection.batch(&format!("BEGIN IMMEDIATE; {STATISTICS} COMMIT; ANALYZE sqlite_schema"))?;
    }
    Ok(())
}

fn apply(connection: &Connection, number: i64, sql: &str) -> Result<()> {
    connection.disable_timeouts()?;
    if connection.kind() == Kind::Postgres {
        // If several processes start together, one migrates and the others wait, however long it takes, and find it
        // done. With SQLite the transaction itself is that lock.
        connection.batch("SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(7165083447)")?;
    }
    connection.batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)")?;
    // Checked again under the lock: another process may have been first.
    if check(connection, true)? >= number {
        return Ok(());
    }
    connection.batch(&for_backend(connection.kind(), sql))?;
    connection.execute("INSERT INTO schema_version (version) VALUES ($1)", &[Value::Int(number)])?;
    Ok(())
}
