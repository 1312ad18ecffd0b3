use std::path::Path;
use std::time::Duration;

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;

use super::{Row, Value};
use crate::error::Result;

/// A connection to a file.
#[derive(Debug)]
pub(super) struct Sqlite(rusqlite::Connection);

/// SQLite takes `$2` for a *name*; bound by position it would be the second one met.
fn bind(statement: &mut rusqlite::CachedStatement<'_>, values: &[Value]) -> Result<()> {
    let mut name = String::with_capacity(4);
    for (n, value) in values.iter().enumerate() {
        name.clear();
        name.push('$');
        name.push_str(itoa(n + 1, &mut [0; 4]));
        if let Some(index) = statement.parameter_index(&name)? {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    Ok(())
}

fn itoa(mut number: usize, buffer: &mut [u8; 4]) -> &str {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 || at == 0 {
            break;
        }
    }
    std::str::from_utf8(&buffer[at..]).unwrap_or_default()
}

/// Whether there is something in the write-ahead log beside this file.
fn has_log(file: &Path) -> bool {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    std::fs::metadata(name).is_ok_and(|log| log.len() > 0)
}

impl Sqlite {
    /// Opens the file, which must be there. Changes nothing in it.
    pub(super) fn open(file: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let inner = rusqlite::Connection::open_with_flags(file, flags)?;
        inner.busy_timeout(Duration::from_secs(5))?;
        // If the process before was killed, closing would fold its log into the file, also when the database is refused.
        inner.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log(file))?;
        // A plan is made once, not anew for each value: else every join is parsed again whenever it is run.
        inner.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        inner.set_prepared_statement_cache_capacity(256);
        Ok(Self(inner))
    }

    /// What Roster wants of SQLite. `journal_mode` is kept in the file, so this comes after the check of its version.
    pub(super) fn tune(&self) -> Result<()> {
        self.0.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        self.batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -8192;
             PRAGMA trusted_schema = OFF;",
        )
    }

    pub(super) fn batch(&self, sql: &str) -> Result<()> {
        Ok(self.0.execute_batch(sql)?)
    }

    /// After an error that cost the transaction, SQLite says so here.
    pub(super) fn is_idle(&self) -> bool {
        self.0.is_autocommit()
    }

    pub(super) fn each<E: From<crate::Error>>(
        &self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<Result<(), E>> {
        let mut statement = self.0.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            if let Err(error) = each(&Row::Sqlite(row)) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// The first row, if there is one.
    pub(super) fn optional<T>(
        &self,
        sql: &str,
        values: &[Value],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.0.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let mut rows = statement.raw_query();
        match rows.next()? {
            Some(row) => read(&Row::Sqlite(row)).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value]) -> Result<usize> {
        let mut statement = self.0.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        Ok(statement.raw_execute()?)
    }

    /// Copies the database, as it is at one moment, into a file that has nothing in it yet. `told` hears how many pages are left
    /// and how many there are.
    pub(super) fn copy_to(&self, file: &Path, told: &mut dyn FnMut(u64, u64)) -> Result<()> {
        use rusqlite::backup::{Backup, StepResult};
        let mut target = rusqlite::Connection::open(file)?;
        let backup = Backup::new(&self.0, &mut target)?;
        loop {
            let step = backup.step(1024)?;
            let progress = backup.progress();
            told(u64::try_from(progress.remaining).unwrap_or(0), u64::try_from(progress.pagecount).unwrap_or(0));
            match step {
                StepResult::Done => return Ok(()),
                StepResult::Busy | StepResult::Locked => std::thread::sleep(Duration::from_millis(10)),
                _ => {}
            }
        }
    }

    /// How often it was planned again after it was prepared.
    #[cfg(test)]
    pub(super) fn planned_anew(&self, sql: &str) -> Result<i32> {
        let statement = self.0.prepare_cached(sql)?;
        Ok(statement.get_status(rusqlite::StatementStatus::RePrepare))
    }

    /// How SQLite would find the rows.
    #[cfg(test)]
    pub(super) fn plan(&self, sql: &str) -> Result<Vec<String>> {
        let mut statement = self.0.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let mut rows = statement.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next()? {
            steps.push(row.get(3)?);
        }
        Ok(steps)
    }
}
