use std::path::Path;
use std::time::Duration;

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;

use super::{Row, Value, insert};
use crate::error::Result;

/// How long a statement waits for locks of other connections.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to an SQLite file.
#[derive(Debug)]
pub(super) struct Sqlite(rusqlite::Connection);

/// SQLite treats `$2` as a *name*; its position is that of its first occurrence.
fn bind(sql: &str, statement: &mut rusqlite::CachedStatement<'_>, values: &[Value]) -> Result<()> {
    // SQLite looks a name up by a linear search, which is too slow for long lists.
    if values.len() > 16 && is_in_order(sql, values.len()) {
        for (n, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(n + 1, value)?;
        }
        return Ok(());
    }
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

/// Whether `$1` to `$count` first occur in ascending order, so that each number is the parameter's position.
fn is_in_order(sql: &str, count: usize) -> bool {
    let mut met = 0;
    for text in sql.split('$').skip(1) {
        let digits = text.bytes().take_while(u8::is_ascii_digit);
        let number = digits.fold(0_usize, |number, digit| number.saturating_mul(10) + usize::from(digit - b'0'));
        match number {
            0 => return false,
            number if number == met + 1 => met = number,
            number if number > met => return false,
            _ => {}
        }
    }
    met == count
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

/// Whether the file has a write-ahead log with content.
fn has_wal(file: &Path) -> bool {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    std::fs::metadata(name).is_ok_and(|log| log.len() > 0)
}

impl Sqlite {
    /// Opens an existing file without changing it.
    pub(super) fn open(file: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let inner = rusqlite::Connection::open_with_flags(file, flags)?;
        inner.busy_timeout(BUSY_TIMEOUT)?;
        // If the previous process was killed, closing would checkpoint its log into the file, even when this database
        // is refused.
        inner.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_wal(file))?;
        // The query planner must not depend on bound values: otherwise statements are prepared again for each value.
        inner.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        inner.set_prepared_statement_cache_capacity(256);
        Ok(Self(inner))
    }

    /// Sets this connection's pragmas. `journal_mode` is stored in the file, so this comes after the schema version was
    /// checked.
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

    /// Calls `report` after each commit of this connection with the number of pages in the write-ahead log. This turns
    /// automatic checkpoints off.
    pub(super) fn set_wal_hook(&mut self, mut report: impl FnMut(u64) + Send + 'static) -> Result<()> {
        self.0.wal_hook(Some(move |_: &mut Wal, pages: i32| {
            report(u64::try_from(pages).unwrap_or(0));
            Ok(())
        }))?;
        Ok(())
    }

    pub(super) fn is_read_only(&self) -> Result<bool> {
        Ok(self.0.is_readonly("main")?)
    }

    pub(super) fn batch(&self, sql: &str) -> Result<()> {
        Ok(self.0.execute_batch(sql)?)
    }

    /// Whether no transaction is open. An error may have rolled it back.
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
        bind(sql, &mut statement, values)?;
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
        bind(sql, &mut statement, values)?;
        let mut rows = statement.raw_query();
        match rows.next()? {
            Some(row) => read(&Row::Sqlite(row)).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value]) -> Result<usize> {
        let mut statement = self.0.prepare_cached(sql)?;
        bind(sql, &mut statement, values)?;
        Ok(statement.raw_execute()?)
    }

    /// Inserts one row for every `width` values. The parameters are in order, so a number is a position.
    pub(super) fn insert_rows(&self, into: &str, width: usize, values: &[Value]) -> Result<()> {
        let mut statement = self.0.prepare_cached(&insert(into, width))?;
        for row in values.chunks_exact(width) {
            for (n, value) in row.iter().enumerate() {
                statement.raw_bind_parameter(n + 1, value)?;
            }
            statement.raw_execute()?;
        }
        Ok(())
    }

    /// Copies the database, as seen by this transaction, into an empty file. `report` gets the number of pages left and
    /// in total.
    pub(super) fn copy_to(&self, file: &Path, report: &mut dyn FnMut(u64, u64)) -> Result<()> {
        use rusqlite::backup::{Backup, StepResult};
        let mut target = rusqlite::Connection::open(file)?;
        let backup = Backup::new(&self.0, &mut target)?;
        loop {
            let step = backup.step(1024)?;
            let progress = backup.progress();
            report(u64::try_from(progress.remaining).unwrap_or(0), u64::try_from(progress.pagecount).unwrap_or(0));
            match step {
                StepResult::Done => return Ok(()),
                StepResult::Busy | StepResult::Locked => std::thread::sleep(Duration::from_millis(10)),
                _ => {}
            }
        }
    }

    /// How often the statement was re-prepared.
    #[cfg(test)]
    pub(super) fn planned_anew(&self, sql: &str) -> Result<i32> {
        let statement = self.0.prepare_cached(sql)?;
        Ok(statement.get_status(rusqlite::StatementStatus::RePrepare))
    }

    /// SQLite's query plan.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bound_by_name_where_they_are_out_of_order() {
        assert!(is_in_order("SELECT $1 WHERE a IN ($2, $3) AND b = $1", 3));
        for other in ["SELECT $2, $1", "SELECT $1, $3, $2", "SELECT $1, $2", "SELECT '$', $1, $2, $3"] {
            assert!(!is_in_order(other, 3), "{other}");
        }
    }
}
