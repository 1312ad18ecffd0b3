use std::path::Path;
use std::time::Duration;

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;

use super::{Row, Value};
use crate::error::Result;

/// A connection to the database, with the statements it has prepared.
#[derive(Debug)]
pub struct Connection {
    inner: rusqlite::Connection,
    /// What was asked, for the test that looks at the plans.
    #[cfg(test)]
    seen: std::cell::RefCell<std::collections::BTreeSet<String>>,
}

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

impl Connection {
    /// Opens the file, which must be there. Changes nothing in it.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let inner = rusqlite::Connection::open_with_flags(file, flags)?;
        inner.busy_timeout(Duration::from_secs(5))?;
        // If the process before was killed, closing would fold its log into the file, also when the database is refused.
        inner.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log(file))?;
        // A plan is made once, not anew for each value: else every join is parsed again whenever it is run.
        inner.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        inner.set_prepared_statement_cache_capacity(256);
        Ok(Self {
            inner,
            #[cfg(test)]
            seen: std::cell::RefCell::default(),
        })
    }

    /// What Roster wants of SQLite. `journal_mode` is kept in the file, so this comes after the check of its version.
    pub(crate) fn tune(&self) -> Result<()> {
        self.inner.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        self.inner.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -16384;
             PRAGMA trusted_schema = OFF;",
        )?;
        Ok(())
    }

    /// Several statements without values, such as a migration.
    pub(crate) fn batch(&self, sql: &str) -> Result<()> {
        Ok(self.inner.execute_batch(sql)?)
    }

    /// Whether no transaction is open. After an error that cost the transaction, SQLite says so here.
    pub(crate) fn is_idle(&self) -> bool {
        self.inner.is_autocommit()
    }

    /// Calls `each` for every row, until it fails.
    pub fn each<E: From<crate::Error>>(
        &self,
        sql: &str,
        values: &[Value],
        mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let run = |each: &mut dyn FnMut(&Row<'_>) -> Result<(), E>| -> Result<Result<(), E>> {
            let mut statement = self.prepare(sql)?;
            bind(&mut statement, values)?;
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                if let Err(error) = each(&Row(row)) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        };
        run(&mut each)?
    }

    pub fn all<T>(&self, sql: &str, values: &[Value], mut read: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        self.each(sql, values, |row| {
            items.push(read(row)?);
            Ok::<_, crate::Error>(())
        })?;
        Ok(items)
    }

    /// The first row, if there is one.
    pub fn optional<T>(
        &self,
        sql: &str,
        values: &[Value],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, values)?;
        let mut rows = statement.raw_query();
        match rows.next()? {
            Some(row) => read(&Row(row)).map(Some),
            None => Ok(None),
        }
    }

    /// The one row of a statement that always has one, such as a count.
    pub fn one<T>(&self, sql: &str, values: &[Value], read: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<T> {
        self.optional(sql, values, read)?
            .ok_or_else(|| crate::Error::Corrupt(String::from("a statement that always has a row had none")))
    }

    /// How many rows it changed.
    pub fn execute(&self, sql: &str, values: &[Value]) -> Result<usize> {
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, values)?;
        Ok(statement.raw_execute()?)
    }

    fn prepare(&self, sql: &str) -> Result<rusqlite::CachedStatement<'_>> {
        #[cfg(test)]
        self.seen.borrow_mut().insert(sql.to_owned());
        Ok(self.inner.prepare_cached(sql)?)
    }

    #[cfg(test)]
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.borrow().iter().filter(|text| !text.starts_with("BEGIN")).cloned().collect()
    }

    /// How often it was planned again after it was prepared.
    #[cfg(test)]
    pub(crate) fn planned_anew(&self, sql: &str) -> Result<i32> {
        let statement = self.inner.prepare_cached(sql)?;
        Ok(statement.get_status(rusqlite::StatementStatus::RePrepare))
    }

    /// How SQLite would find the rows.
    #[cfg(test)]
    pub(crate) fn plan(&self, sql: &str) -> Result<Vec<String>> {
        let mut statement = self.inner.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let mut rows = statement.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next()? {
            steps.push(row.get(3)?);
        }
        Ok(steps)
    }
}
