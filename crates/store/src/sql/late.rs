//! Rows that a transaction adds and hasn't sent yet.
//!
//! Nobody can tell: whatever else the connection is asked, it sends them first. But an operation that finds what it needs in memory
//! asks nothing. So the rows of many operations go to the database together, at the end, and the savepoints around each are never
//! made: that spares a server its messages, and a file the copies of pages that savepoints cost.

use super::postgres::ROWS;
use super::{Connection, Value};
use crate::error::Result;

/// What can be undone alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Savepoint {
    /// A job of the writer.
    Operation,
    /// A part of an operation.
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

    const fn undo(self) -> &'static str {
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
    /// One row after the other.
    pub values: Vec<Value>,
}

/// What waits behind a savepoint that isn't made yet either; the first part, behind nothing.
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

/// All that waits, in its order.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// Whether anything may wait: else it is sent at once.
    may_wait: bool,
    parts: Vec<Part>,
    /// Some rows were refused. Whose they were, nobody knows.
    failed: bool,
}

impl Late {
    fn place(&self, savepoint: Savepoint) -> Option<usize> {
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
    /// For a new transaction: whether its rows may wait for each other.
    pub(crate) fn begin_late(&self, may_wait: bool) {
        *self.late.borrow_mut() = Late { may_wait, ..Late::default() };
    }

    pub(super) fn forget_late(&self) {
        self.late.borrow_mut().parts.clear();
    }

    /// Whether rows were refused that had waited. Then the transaction is good for nothing, and may succeed where none wait.
    pub(crate) fn late_rows_failed(&self) -> bool {
        self.late.borrow().failed
    }

    /// Inserts rows of `width` values each, one after the other in `values`. `into` is the statement up to its column names. Many rows go to a
    /// server together; a file takes them one by one, which costs it nothing. In the writer's transactions they wait until something else
    /// is asked: what the database says against them, it says then.
    pub(crate) fn insert_rows(&self, into: &'static str, width: usize, values: &[Value]) -> Result<()> {
        if width == 0 || values.is_empty() || self.put_late(into, width, values) {
            return Ok(());
        }
        self.insert_rows_now(into, width, values)
    }

    /// `false`: they can't wait.
    fn put_late(&self, into: &'static str, width: usize, values: &[Value]) -> bool {
        let mut late = self.late.borrow_mut();
        if late.may_wait {
            late.add(into, width, values.iter().cloned());
        }
        late.may_wait
    }

    /// Sends what waits.
    pub(crate) fn settle(&self) -> Result<()> {
        self.begin_now()?;
        if self.late.borrow().parts.is_empty() {
            return Ok(());
        }
        let parts = std::mem::take(&mut self.late.borrow_mut().parts);
        let sent = parts.iter().try_for_each(|Part { savepoint, tables }| {
            savepoint.map_or(Ok(()), |savepoint| self.control_now(savepoint.begin()))?;
            tables.iter().try_for_each(|rows| self.insert_rows_now(rows.into, rows.width, &rows.values))
        });
        self.late.borrow_mut().failed |= sent.is_err();
        sent
    }

    /// What waits, if it can go in one message: behind no savepoint, and not too many rows.
    pub(super) fn take_late(&self) -> Option<Vec<Rows>> {
        let mut late = self.late.borrow_mut();
        let short = |rows: &Rows| rows.values.len() <= rows.width * ROWS;
        let together = match &late.parts[..] {
            [] => true,
            [part] => part.savepoint.is_none() && part.tables.iter().all(short),
            _ => false,
        };
        together.then(|| std::mem::take(&mut late.parts).into_iter().flat_map(|part| part.tables).collect())
    }

    /// What waited was refused when it was sent.
    pub(super) fn refuse_late(&self) {
        self.late.borrow_mut().failed = true;
    }

    pub(crate) fn savepoint(&self, savepoint: Savepoint) -> Result<()> {
        let mut late = self.late.borrow_mut();
        if late.may_wait {
            late.parts.push(Part { savepoint: Some(savepoint), tables: Vec::new() });
            return Ok(());
        }
        drop(late);
        self.control_now(savepoint.begin())
    }

    /// What was done behind the savepoint stays.
    pub(crate) fn release(&self, savepoint: Savepoint) -> Result<()> {
        let mut late = self.late.borrow_mut();
        if let Some(place) = late.place(savepoint) {
            for part in late.parts.split_off(place) {
                for Rows { into, width, values } in part.tables {
                    late.add(into, width, values.into_iter());
                }
            }
            return Ok(());
        }
        drop(late);
        // What waits may do so outside of it.
        self.control_now(savepoint.release())
    }

    /// What was done behind the savepoint is undone, and the savepoint stays.
    pub(crate) fn back_to(&self, savepoint: Savepoint) -> Result<()> {
        let mut late = self.late.borrow_mut();
        if let Some(place) = late.place(savepoint) {
            late.parts.truncate(place + 1);
            if let Some(part) = late.parts.last_mut() {
                part.tables.clear();
            }
            return Ok(());
        }
        // It was made, so all that waits is behind it.
        late.parts.clear();
        drop(late);
        self.control_now(savepoint.undo())
    }
}
