use std::path::Path;

use super::late::Late;
use super::postgres::{Committed, End, Postgres};
use super::sqlite::Sqlite;
use super::url::Address;
use super::{Row, Value};
use crate::error::{Error, Result};

/// A connection to either database, with the statements it has prepared. Used by one thread at a time.
#[derive(Debug)]
pub struct Connection {
    inner: Backend,
    /// A statement failed for something that another try may not meet: see [`Error::is_repeatable`].
    stumbled: std::cell::Cell<bool>,
    /// The realm that this transaction is of, and where its log ended when it began.
    of: std::cell::Cell<Option<(i64, End)>>,
    /// The server hasn't heard of it yet: where the log ends is only believed.
    unsaid: std::cell::Cell<bool>,
    /// Why a transaction could not begin when it had to.
    unbegun: std::cell::RefCell<Option<Error>>,
    /// Many changes are to come.
    much: std::cell::Cell<bool>,
    /// What this transaction has still to send.
    pub(super) late: std::cell::RefCell<Late>,
    /// What was asked, for the tests that look at the statements.
    #[cfg(test)]
    seen: std::cell::RefCell<std::collections::BTreeSet<String>>,
}

#[derive(Debug)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
    /// No database: for a view of what is in memory.
    Nowhere(Nowhere),
}

/// Answers nothing, and remembers that it was asked.
#[derive(Debug, Default)]
struct Nowhere(std::cell::Cell<bool>);

impl Nowhere {
    fn asked<T>(&self) -> Result<T> {
        self.0.set(true);
        Err(Error::NotInMemory)
    }
}

/// Where the two databases need different words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

macro_rules! either {
    ($self:ident, $backend:ident => $call:expr) => {
        match &$self.inner {
            Backend::Sqlite($backend) => $call,
            Backend::Postgres($backend) => $call,
            Backend::Nowhere(nowhere) => nowhere.asked()?,
        }
    };
}

impl Connection {
    /// Opens the file, which must be there. Changes nothing in it.
    pub(crate) fn open_file(file: &Path) -> Result<Self> {
        Ok(Self::new(Backend::Sqlite(Sqlite::open(file)?)))
    }

    pub(crate) fn open_server(address: &Address) -> Result<Self> {
        Ok(Self::new(Backend::Postgres(Box::new(Postgres::open(address)?))))
    }

    pub(crate) fn nowhere() -> Self {
        Self::new(Backend::Nowhere(Nowhere::default()))
    }

    /// For a view of memory that lacks something: the database is to be asked.
    pub(crate) fn not_in_memory(&self) -> Error {
        if let Backend::Nowhere(nowhere) = &self.inner {
            nowhere.0.set(true);
        }
        Error::NotInMemory
    }

    /// Whether somebody wanted what isn't in memory.
    pub(crate) fn was_asked(&self) -> bool {
        matches!(&self.inner, Backend::Nowhere(nowhere) if nowhere.0.get())
    }

    fn new(inner: Backend) -> Self {
        Self {
            inner,
            stumbled: std::cell::Cell::new(false),
            of: std::cell::Cell::new(None),
            unsaid: std::cell::Cell::new(false),
            unbegun: std::cell::RefCell::default(),
            much: std::cell::Cell::new(false),
            late: std::cell::RefCell::default(),
            #[cfg(test)]
            seen: std::cell::RefCell::default(),
        }
    }

    pub(crate) const fn kind(&self) -> Kind {
        match &self.inner {
            Backend::Sqlite(_) | Backend::Nowhere(_) => Kind::Sqlite,
            Backend::Postgres(_) => Kind::Postgres,
        }
    }

    /// What Roster wants of SQLite. `journal_mode` is kept in the file, so this comes after the check of its version.
    pub(crate) fn tune(&self) -> Result<()> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.tune(),
            Backend::Postgres(_) | Backend::Nowhere(_) => Ok(()),
        }
    }

    /// Whether it is a file that this process has no right to write, or on a disk that is only read.
    pub(crate) fn may_only_read(&self) -> Result<bool> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.may_only_read(),
            Backend::Postgres(_) | Backend::Nowhere(_) => Ok(false),
        }
    }

    /// For SQLite's writer: pages that are written again and again need not be read again each time. So much memory, in KiB, as is needed. A
    /// log that grew very large doesn't stay so.
    pub(crate) fn write_often(&self) -> Result<()> {
        match &self.inner {
            Backend::Sqlite(sqlite) => {
                sqlite.batch("PRAGMA cache_size = -65536; PRAGMA journal_size_limit = 134217728")
            }
            Backend::Postgres(_) | Backend::Nowhere(_) => Ok(()),
        }
    }

    /// For SQLite: room for many changed pages in memory and in the log, since each goes to the file once for all the changes that it
    /// gathered there. With keys in no order that is what costs.
    pub(crate) fn expect_much(&self) -> Result<()> {
        self.much.set(true);
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.batch("PRAGMA cache_size = -524288"),
            Backend::Postgres(_) | Backend::Nowhere(_) => Ok(()),
        }
    }

    pub(super) const fn expects_much(&self) -> bool {
        self.much.get()
    }

    pub(super) fn watch_log(&mut self, told: impl FnMut(u64) + Send + 'static) -> Result<()> {
        match &mut self.inner {
            Backend::Sqlite(sqlite) => sqlite.watch_log(told),
            Backend::Postgres(_) | Backend::Nowhere(_) => Ok(()),
        }
    }

    /// For PostgreSQL, which plans statements once, and goes on as if the tables were empty until it is told to look again. What SQLite is to
    /// believe doesn't depend on the tables.
    pub(crate) fn look_at_tables(&self) -> Result<()> {
        match &self.inner {
            Backend::Postgres(postgres) => postgres.batch("ANALYZE usr, address, organization, membership, event"),
            Backend::Sqlite(_) | Backend::Nowhere(_) => Ok(()),
        }
    }

    /// For SQLite: from now on it reads only. A reader of PostgreSQL says so in each transaction.
    pub(crate) fn only_read(&self) -> Result<()> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.batch("PRAGMA query_only = ON"),
            Backend::Postgres(_) | Backend::Nowhere(_) => Ok(()),
        }
    }

    /// For PostgreSQL: in this transaction a statement may take, and nothing be asked, for as long as one likes: where all of a table is read. For
    /// who keeps no lock that others wait for.
    pub(crate) fn take_time(&self) -> Result<()> {
        match &self.inner {
            Backend::Postgres(postgres) => postgres.take_time(),
            Backend::Sqlite(_) | Backend::Nowhere(_) => Ok(()),
        }
    }

    /// Several statements without values, such as a migration.
    pub(crate) fn batch(&self, sql: &str) -> Result<()> {
        self.settle()?;
        either!(self, backend => backend.batch(sql))
    }

    /// Whether no transaction is open. An error may have cost it.
    pub(crate) fn is_idle(&self) -> bool {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.is_idle(),
            Backend::Postgres(postgres) if self.unsaid.get() => postgres.is_lost(),
            Backend::Postgres(postgres) => postgres.is_idle(),
            Backend::Nowhere(_) => true,
        }
    }

    /// Hears whether the server has gone away meanwhile.
    pub(super) fn listen(&self) {
        if let Backend::Postgres(postgres) = &self.inner {
            postgres.listen();
        }
    }

    /// Whether it has to be made anew.
    pub(crate) fn is_lost(&self) -> bool {
        match &self.inner {
            Backend::Sqlite(_) | Backend::Nowhere(_) => false,
            Backend::Postgres(postgres) => postgres.is_lost(),
        }
    }

    /// Everything that is read until the end is of one moment.
    pub(crate) fn begin_reading(&self) -> Result<()> {
        self.begin("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    /// Begins a transaction as the only writer: of the file, or of this realm if one is named, in which case nobody else changes it
    /// until the commit is there for all to see.
    pub(crate) fn begin_writing(&self, realm: Option<i64>) -> Result<()> {
        self.of.set(None);
        if let (Backend::Postgres(postgres), Some(realm)) = (&self.inner, realm) {
            // The first lock that any writer takes, so that no two can wait for each other.
            self.of.set(postgres.begin_alone(realm)?.map(|end| (realm, end)));
            return Ok(());
        }
        self.begin("BEGIN IMMEDIATE", "BEGIN ISOLATION LEVEL READ COMMITTED")
    }

    /// The same where memory believes to know where the realm's log ends. A server hears of it as late as possible: at the end, when all of it goes
    /// there in one message, or when something is asked of it. If the log ends elsewhere by then, it's [`Error::Unserializable`].
    pub(crate) fn begin_believing(&self, realm: i64, end: End) {
        self.unbegun.take();
        self.of.set(Some((realm, end)));
        self.unsaid.set(true);
    }

    /// Lets the server hear of a transaction that it hasn't heard of, and looks whether what it rests on is true.
    pub(crate) fn begin_now(&self) -> Result<()> {
        if !self.unsaid.take() {
            return Ok(());
        }
        let Some((realm, believed)) = self.of.get() else { return Ok(()) };
        let begun = self.begin_writing(Some(realm)).and_then(|()| match self.of.get() {
            Some((_, end)) if end == believed => Ok(()),
            _ => Err(Error::Unserializable),
        });
        // Whoever asked may take it for his own failure; the writer has to know better.
        begun.map_err(|error| {
            self.unbegun.replace(Some(error));
            Error::Unserializable
        })
    }

    /// Whether the transaction could not begin. Then nothing that was answered since holds.
    pub(crate) fn is_unbegun(&self) -> bool {
        self.unbegun.borrow().is_some()
    }

    pub(crate) fn why_unbegun(&self) -> Option<Error> {
        self.unbegun.take()
    }

    /// Where a realm's log ended when this transaction began, and the version of its roles: a look that need not be taken again.
    pub(crate) fn locked(&self, realm: i64) -> Option<End> {
        let (of, end) = self.of.get()?;
        (of == realm && !self.is_idle()).then_some(end)
    }

    /// Moves realms' logs on, each given with its head and the version of its roles, and commits.
    pub(crate) fn commit_with(&self, heads: &[(i64, i64, i64)]) -> Result<()> {
        if let (Backend::Postgres(postgres), [(realm, head, roles_version)]) = (&self.inner, heads)
            && let Some(from) = self.locked(*realm)
            && let Some(tables) = self.take_late()
        {
            return match postgres.commit_moving(*realm, from, (*head, *roles_version), &tables)? {
                Committed::Yes => {
                    self.ended();
                    Ok(())
                }
                Committed::Elsewhere => Err(Error::Unserializable),
                // Who waited so long for the realm doesn't do it once more.
                Committed::Refused(error @ Error::Busy(_)) => Err(error),
                Committed::Refused(error) => {
                    self.refuse_late();
                    Err(error)
                }
            };
        }
        for (realm, head, roles_version) in heads {
            self.execute(
                "UPDATE realm SET head = $2, roles_version = $3 WHERE id = $1",
                &[(*realm).into(), (*head).into(), (*roles_version).into()],
            )?;
        }
        self.commit()
    }

    fn begin(&self, in_sqlite: &str, in_postgres: &str) -> Result<()> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.execute(in_sqlite, &[]).map(drop),
            Backend::Postgres(postgres) => {
                // Also where the second statement fails: the first has begun it.
                postgres.set_in_transaction(true);
                postgres.batch(in_postgres)
            }
            Backend::Nowhere(nowhere) => nowhere.asked(),
        }
    }

    pub(crate) fn commit(&self) -> Result<()> {
        self.control("COMMIT")?;
        self.ended();
        Ok(())
    }

    /// If there is still something to roll back.
    pub(crate) fn rollback(&self) -> Result<()> {
        self.forget_late();
        if self.unsaid.take() || self.is_idle() {
            self.ended();
            return Ok(());
        }
        self.control("ROLLBACK")?;
        self.ended();
        Ok(())
    }

    fn ended(&self) {
        self.of.set(None);
        self.unsaid.set(false);
        if let Backend::Postgres(postgres) = &self.inner {
            postgres.set_in_transaction(false);
        }
    }

    /// A statement about transactions: kept prepared by SQLite, sent as it is to PostgreSQL.
    fn control(&self, sql: &str) -> Result<()> {
        self.settle()?;
        self.control_now(sql)
    }

    pub(super) fn control_now(&self, sql: &str) -> Result<()> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.execute(sql, &[]).map(drop),
            Backend::Postgres(postgres) => postgres.batch(sql),
            Backend::Nowhere(nowhere) => nowhere.asked(),
        }
    }

    /// Whether a statement failed since the last call for something that another try may not meet.
    pub(crate) fn stumbled(&self) -> bool {
        self.stumbled.replace(false)
    }

    fn watch<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result
            && error.is_repeatable()
        {
            self.stumbled.set(true);
        }
        result
    }

    #[cfg(test)]
    fn note(&self, sql: &str) {
        self.seen.borrow_mut().insert(sql.to_owned());
    }

    /// Calls `each` for every row, until it fails.
    pub fn each<E: From<Error>>(
        &self,
        sql: &str,
        values: &[Value],
        mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        #[cfg(test)]
        self.note(sql);
        self.settle()?;
        self.watch(either!(self, backend => backend.each(sql, values, &mut each)))?
    }

    /// The same for any number of rows: none is kept. Meanwhile this connection does nothing else.
    pub(crate) fn scan(&self, sql: &str, values: &[Value], each: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        self.settle()?;
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.each(sql, values, each)?,
            Backend::Postgres(postgres) => postgres.scan(sql, values, each),
            Backend::Nowhere(nowhere) => nowhere.asked(),
        }
    }

    pub fn all<T>(&self, sql: &str, values: &[Value], mut read: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        self.each(sql, values, |row| {
            items.push(read(row)?);
            Ok::<_, Error>(())
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
        #[cfg(test)]
        self.note(sql);
        self.settle()?;
        self.watch(either!(self, backend => backend.optional(sql, values, read)))
    }

    /// The one row of a statement that always has one, such as a count.
    pub fn one<T>(&self, sql: &str, values: &[Value], read: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<T> {
        self.optional(sql, values, read)?
            .ok_or_else(|| Error::Corrupt(String::from("a statement that always has a row had none")))
    }

    /// How many rows it changed.
    pub fn execute(&self, sql: &str, values: &[Value]) -> Result<usize> {
        #[cfg(test)]
        self.note(sql);
        self.settle()?;
        self.watch(either!(self, backend => backend.execute(sql, values)))
    }

    pub(super) fn insert_rows_now(&self, into: &str, width: usize, values: &[Value]) -> Result<()> {
        self.watch(match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.insert_rows(into, width, values),
            Backend::Postgres(postgres) => postgres.insert_rows(into, width, values),
            Backend::Nowhere(nowhere) => nowhere.asked(),
        })
    }

    /// SQLite only: copies the database, as it is at this transaction's moment, into a new file. Without a transaction that has read something
    /// it begins again whenever somebody commits.
    pub(crate) fn copy_to(&self, file: &Path, told: &mut dyn FnMut(u64, u64)) -> Result<()> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.copy_to(file, told),
            Backend::Postgres(_) | Backend::Nowhere(_) => {
                Err(Error::Url(String::from("a PostgreSQL database is backed up by pg_dump")))
            }
        }
    }
}

#[cfg(test)]
impl Connection {
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.borrow().iter().cloned().collect()
    }

    pub(crate) fn planned_anew(&self, sql: &str) -> Result<i32> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.planned_anew(sql),
            Backend::Postgres(_) | Backend::Nowhere(_) => Ok(0),
        }
    }

    pub(crate) fn plan(&self, sql: &str) -> Result<Vec<String>> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.plan(sql),
            Backend::Postgres(postgres) => {
                let mut steps = Vec::new();
                postgres.optional(sql, &[], |_| Ok(())).map(drop)?;
                steps.push(String::from("prepared"));
                Ok(steps)
            }
            Backend::Nowhere(nowhere) => nowhere.asked(),
        }
    }
}
