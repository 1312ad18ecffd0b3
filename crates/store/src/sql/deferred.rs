//! Inserted rows that a transaction hasn't sent yet.
//!
//! This is invisible to callers: any other statement on the connection flushes them first. But an operation that finds
//! what it needs in memory runs no query. So the rows of many operations go to the database together at the end, and
//! the savepoints around each are never created: that saves round trips to a server, and on a file the page copies that
//! savepoints cost.

use super::postgres::ROWS_PER_STATEMENT;
use super::{Connection, Value};
use crate::error::Result;

/// The scopes that can be rolled back on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Savepoint {
    /// A job of the writer.
    Operation,
    /// A part of an operation: see `Transaction::attempt`.
    Attempt,
}

impl Savepoint {
    const fn begin(self) -> &'static str {
        match self {
            Self::Operation => "SAVEPOINT operation",
            Self::Attempt => "SAVEPOINT attempt",
        }
    }

    const fn release(self) -> &'static str {
        match self {
            Self::Operation => "RELEASE operation",
            Self::Attempt => "RELEASE attempt",
        }
    }

    const fn rollback(self) -> &'static str {
        match self {
            Self::Operation => "ROLLBACK TO operation",
            Self::Attempt => "ROLLBACK TO attempt",
        }
    }
}

/// New rows of one table.
#[derive(Debug)]
pub(super) struct Rows {
    /// The table and its columns.
    pub into: &'static str,
    pub width: usize,
    /// Row by row.
    pub values: Vec<Value>,
}

/// Rows that are deferred behind a savepoint that isn't created yet either; the first part has no savepoint.
#[derive(Debug, Default)]
struct Part {
    savepoint: Option<Savepoint>,
    tables: Vec<Rows>,
}

impl Part {
    fn add(&mut self, into: &'static str, width: usize, values: impl Iterator<Item = Value>) {
        match self.tables.iter_mut().find(|rows| rows.into == into) {
            Some(rows) => rows.values.extend(values),
            None => self.tables.push(Rows { into, width, values: values.collect() }),
        }
    }
}

/// Everything deferred, in order.
#[derive(Debug, Default)]
pub(super) struct DeferredRows {
    /// If not, rows are sent at once.
    enabled: bool,
    parts: Vec<Part>,
    /// The database has refused some rows; it is unknown which operation they belong to.
    failed: bool,
}

impl DeferredRows {
    fn position(&self, savepoint: Savepoint) -> Option<usize> {
        self.parts.iter().rposition(|part| part.savepoint == Some(savepoint))
    }

    fn add(&mut self, into: &'static str, width: usize, values: impl Iterator<Item = Value>) {
        if self.parts.is_empty() {
            self.parts.push(Part::default());
        }
        if let Some(part) = self.parts.last_mut() {
            part.add(into, width, values);
        }
    }
}

impl Connection {
    /// Starts a new transaction, with or without deferral of its rows.
    pub(crate) fn defer_rows(&self, enabled: bool) {
        *self.deferred.borrow_mut() = DeferredRows { enabled, ..DeferredRows::default() };
    }

    pub(super) fn discard_deferred_rows(&self) {
        self.deferred.borrow_mut().parts.clear();
    }

    /// Whether the database has refused deferred rows. Then the transaction must be rolled back; it may succeed without
    /// deferral.
    pub(crate) fn deferred_rows_failed(&self) -> bool {
        self.deferred.borrow().failed
    }

    /// Inserts rows of `width` values each, row by row in `values`. `into` is the table with its column names. Many
    /// rows go to a server in one statement; on a file they are inserted one by one, which is cheap there. In the
    /// writer's transactions they are deferred until another statement runs, and constraint violations surface only
    /// then.
    pub(crate) fn insert_rows(&self, into: &'static str, width: usize, values: &[Value]) -> Result<()> {
        if width == 0 || values.is_empty() || self.defer(into, width, values) {
            return Ok(());
        }
        self.insert_rows_now(into, width, values)
    }

    /// `false` if deferral is off.
    fn defer(&self, into: &'static str, width: usize, values: &[Value]) -> bool {
        let mut deferred = self.deferred.borrow_mut();
        if deferred.enabled {
            deferred.add(into, width, values.iter().cloned());
        }
        deferred.enabled
    }

    /// Sends all deferred rows and savepoints.
    pub(crate) fn flush_deferred_rows(&self) -> Result<()> {
        self.ensure_begun()?;
        if self.deferred.borrow().parts.is_empty() {
            return Ok(());
        }
        let parts = std::mem::take(&mut self.deferred.borrow_mut().parts);
        let sent = parts.iter().try_for_each(|Part { savepoint, tables }| {
            savepoint.map_or(Ok(()), |savepoint| self.control_now(savepoint.begin()))?;
            tables.iter().try_for_each(|rows| self.insert_rows_now(rows.into, rows.width, &rows.values))
        });
        self.deferred.borrow_mut().failed |= sent.is_err();
        sent
    }

    /// Takes the deferred rows if they can be sent in one message: behind no savepoint, and not too many.
    pub(super) fn take_deferred_rows(&self) -> Option<Vec<Rows>> {
        let mut deferred = self.deferred.borrow_mut();
        let short = |rows: &Rows| rows.values.len() <= rows.width * ROWS_PER_STATEMENT;
        let together = match &deferred.parts[..] {
            [] => true,
            [part] => part.savepoint.is_none() && part.tables.iter().all(short),
            _ => false,
        };
        together.then(|| std::mem::take(&mut deferred.parts).into_iter().flat_map(|part| part.tables).collect())
    }

    /// Records that the database refused deferred rows.
    pub(super) fn fail_deferred_rows(&self) {
        self.deferred.borrow_mut().failed = true;
    }

    pub(crate) fn savepoint(&self, savepoint: Savepoint) -> Result<()> {
        let mut deferred = self.deferred.borrow_mut();
        if deferred.enabled {
            deferred.parts.push(Part { savepoint: Some(savepoint), tables: Vec::new() });
            return Ok(());
        }
        drop(deferred);
        self.control_now(savepoint.begin())
    }

    /// Keeps what was done since the savepoint.
    pub(crate) fn release(&self, savepoint: Savepoint) -> Result<()> {
        let mut deferred = self.deferred.borrow_mut();
        if let Some(position) = deferred.position(savepoint) {
            for part in deferred.parts.split_off(position) {
                for Rows { into, width, values } in part.tables {
                    deferred.add(into, width, values.into_iter());
                }
            }
            return Ok(());
        }
        drop(deferred);
        // Rows that are still deferred may stay so outside of the savepoint.
        self.control_now(savepoint.release())
    }

    /// Undoes what was done since the savepoint, which remains.
    pub(crate) fn rollback_to(&self, savepoint: Savepoint) -> Result<()> {
        let mut deferred = self.deferred.borrow_mut();
        if let Some(position) = deferred.position(savepoint) {
            deferred.parts.truncate(position + 1);
            if let Some(part) = deferred.parts.last_mut() {
                part.tables.clear();
            }
            return Ok(());
        }
        // The savepoint exists in the database, so everything deferred came after it.
        deferred.parts.clear();
        drop(deferred);
        self.control_now(savepoint.rollback())
    }
}
