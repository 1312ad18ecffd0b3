use std::path::Path;

use super::deferred::DeferredRows;
use super::postgres::{CommitOutcome, Postgres, RealmHead};
use super::sqlite::Sqlite;
use super::url::Address;
use super::{Row, Value};
use crate::error::{Error, Result};

/// A connection to either database, with its prepared statements. Used by one thread at a time.
#[derive(Debug)]
pub struct Connection {
    inner: Backend,
    /// A statement has failed with an error that may not recur on another attempt: see [`Error::is_retryable`].
    retryable_failure: std::cell::Cell<bool>,
    /// The realm that this transaction writes, and where its log ended when the transaction began.
    realm_head: std::cell::Cell<Option<(i64, RealmHead)>>,
    /// The transaction hasn't been begun on the server yet; `realm_head` is an assumption.
    begin_deferred: std::cell::Cell<bool>,
    /// Why a deferred transaction could not be begun.
    begin_error: std::cell::RefCell<Option<Error>>,
    /// Bulk writes are expected.
    bulk_writes: std::cell::Cell<bool>,
    /// Rows of this transaction that haven't been sent yet.
    pub(super) deferred: std::cell::RefCell<DeferredRows>,
    /// The statements that were run, for tests that inspect them.
    #[cfg(test)]
    seen: std::cell::RefCell<std::collections::BTreeSet<String>>,
}

#[derive(Debug)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
    /// No database, for a view of memory.
    NoDatabase(NoDatabase),
}

/// Fails every query, and remembers that there was one.
#[derive(Debug, Default)]
struct NoDatabase(std::cell::Cell<bool>);

impl NoDatabase {
    fn refuse<T>(&self) -> Result<T> {
        self.0.set(true);
        Err(Error::NotInMemory)
    }
}

/// The kind of database, for the places where their SQL differs.
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
            Backend::NoDatabase(no_database) => no_database.refuse()?,
        }
    };
}

impl Connection {
    /// Opens an existing file without changing it.
    pub(crate) fn open_file(file: &Path) -> Result<Self> {
        Ok(Self::new(Backend::Sqlite(Sqlite::open(file)?)))
    }

    pub(crate) fn open_server(address: &Address) -> Result<Self> {
        Ok(Self::new(Backend::Postgres(Box::new(Postgres::open(address)?))))
    }

    pub(crate) fn no_database() -> Self {
        Self::new(Backend::NoDatabase(NoDatabase::default()))
    }

    /// The error for something that a view of memory lacks, so that the database is asked instead.
    pub(crate) fn not_in_memory(&self) -> Error {
        if let Backend::NoDatabase(no_database) = &self.inner {
            no_database.0.set(true);
        }
        Error::NotInMemory
    }

    /// Whether something was requested that isn't in memory.
    pub(crate) fn was_queried(&self) -> bool {
        matches!(&self.inner, Backend::NoDatabase(no_database) if no_database.0.get())
    }

    fn new(inner: Backend) -> Self {
        Self {
            inner,
            retryable_failure: std::cell::Cell::new(false),
            realm_head: std::cell::Cell::new(None),
            begin_deferred: std::cell::Cell::new(false),
            begin_error: std::cell::RefCell::default(),
            bulk_writes: std::cell::Cell::new(false),
            deferred: std::cell::RefCell::default(),
            #[cfg(test)]
            seen: std::cell::RefCell::default(),
        }
    }

    pub(crate) const fn kind(&self) -> Kind {
        match &self.inner {
            Backend::Sqlite(_) | Backend::NoDatabase(_) => Kind::Sqlite,
            Backend::Postgres(_) => Kind::Postgres,
        }
    }

    /// Sets SQLite's pragmas. `journal_mode` is stored in the file, so this comes after the schema version was checked.
    pub(crate) fn tune(&self) -> Result<()> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.tune(),
            Backend::Postgres(_) | Backend::NoDatabase(_) => Ok(()),
        }
    }

    /// Whether the SQLite file can only be read, because of its permissions or its file system.
    pub(crate) fn is_read_only(&self) -> Result<bool> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.is_read_only(),
            Backend::Postgres(_) | Backend::NoDatabase(_) => Ok(false),
        }
    }

    /// For SQLite's writer: a larger page cache (up to 64 MiB), so that pages that change often aren't read again each
    /// time, and a limit (128 MiB) to which a log that has grown larger is truncated.
    pub(crate) fn tune_writer(&self) -> Result<()> {
        match &self.inner {
            Backend::Sqlite(sqlite) => {
                sqlite.batch("PRAGMA cache_size = -65536; PRAGMA journal_size_limit = 134217728")
            }
            Backend::Postgres(_) | Backend::NoDatabase(_) => Ok(()),
        }
    }

    /// For SQLite: a page cache of up to 512 MiB, and later checkpoints, so that each changed page is written to the
    /// file once for many changes. With keys in random order those writes dominate.
    pub(crate) fn expect_bulk_writes(&self) -> Result<()> {
        self.bulk_writes.set(true);
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.batch("PRAGMA cache_size = -524288"),
            Backend::Postgres(_) | Backend::NoDatabase(_) => Ok(()),
        }
    }

    pub(super) const fn expects_bulk_writes(&self) -> bool {
        self.bulk_writes.get()
    }

    pub(super) fn set_wal_hook(&mut self, progress: impl FnMut(u64) + Send + 'static) -> Result<()> {
        match &mut self.inner {
            Backend::Sqlite(sqlite) => sqlite.set_wal_hook(progress),
            Backend::Postgres(_) | Backend::NoDatabase(_) => Ok(()),
        }
    }

    /// Updates PostgreSQL's planner statistics: until then it plans statements as if the tables were empty. SQLite's
    /// statistics are fixed and don't depend on the tables.
    pub(crate) fn analyze(&self) -> Result<()> {
        match &self.inner {
            Backend::Postgres(postgres) => postgres.batch("ANALYZE usr, address, organization, membership, event"),
            Backend::Sqlite(_) | Backend::NoDatabase(_) => Ok(()),
        }
    }

    /// For SQLite: makes this connection read-only. On PostgreSQL each reading transaction is declared read-only.
    pub(crate) fn set_query_only(&self) -> Result<()> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.batch("PRAGMA query_only = ON"),
            Backend::Postgres(_) | Backend::NoDatabase(_) => Ok(()),
        }
    }

    /// For PostgreSQL: disables statement and idle timeouts until the end of this transaction, for reading whole
    /// tables. Only for transactions that hold no lock that others wait for.
    pub(crate) fn disable_timeouts(&self) -> Result<()> {
        match &self.inner {
            Backend::Postgres(postgres) => postgres.disable_timeouts(),
            Backend::Sqlite(_) | Backend::NoDatabase(_) => Ok(()),
        }
    }

    /// Runs several statements without values, such as a migration.
    pub(crate) fn batch(&self, sql: &str) -> Result<()> {
        self.flush_deferred_rows()?;
        either!(self, backend => backend.batch(sql))
    }

    /// Whether no transaction is open. An error may have ended it.
    pub(crate) fn is_idle(&self) -> bool {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.is_idle(),
            Backend::Postgres(postgres) if self.begin_deferred.get() => postgres.is_lost(),
            Backend::Postgres(postgres) => postgres.is_idle(),
            Backend::NoDatabase(_) => true,
        }
    }

    /// Processes pending messages of the server, so that a closed connection is noticed.
    pub(super) fn process_messages(&self) {
        if let Backend::Postgres(postgres) = &self.inner {
            postgres.process_messages();
        }
    }

    /// Whether the connection is unusable and must be replaced.
    pub(crate) fn is_lost(&self) -> bool {
        match &self.inner {
            Backend::Sqlite(_) | Backend::NoDatabase(_) => false,
            Backend::Postgres(postgres) => postgres.is_lost(),
        }
    }

    /// Begins a transaction whose reads all see the same snapshot.
    pub(crate) fn begin_reading(&self) -> Result<()> {
        self.begin("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    /// Begins a transaction as the only writer: of the file, or of this realm if one is given, in which case nobody
    /// else changes it until the commit is visible to all.
    pub(crate) fn begin_writing(&self, realm: Option<i64>) -> Result<()> {
        self.realm_head.set(None);
        if let (Backend::Postgres(postgres), Some(realm)) = (&self.inner, realm) {
            // Every writer takes this lock first, so writers can't deadlock.
            self.realm_head.set(postgres.begin_locked(realm)?.map(|end| (realm, end)));
            return Ok(());
        }
        self.begin("BEGIN IMMEDIATE", "BEGIN ISOLATION LEVEL READ COMMITTED")
    }

    /// Like [`Self::begin_writing`], assuming that the realm's log ends where memory says. The server is contacted as
    /// late as possible: at the end, when everything is sent in one message, or when a query needs it. If the log ends
    /// elsewhere by then, the result is [`Error::Unserializable`].
    pub(crate) fn begin_optimistic(&self, realm: i64, end: RealmHead) {
        self.begin_error.take();
        self.realm_head.set(Some((realm, end)));
        self.begin_deferred.set(true);
    }

    /// Begins a deferred transaction on the server now, and checks the assumption that it rests on.
    pub(crate) fn ensure_begun(&self) -> Result<()> {
        if !self.begin_deferred.take() {
            return Ok(());
        }
        let Some((realm, expected)) = self.realm_head.get() else { return Ok(()) };
        let begun = self.begin_writing(Some(realm)).and_then(|()| match self.realm_head.get() {
            Some((_, end)) if end == expected => Ok(()),
            _ => Err(Error::Unserializable),
        });
        // The operation may mistake this for its own failure; the writer needs the actual cause.
        begun.map_err(|error| {
            self.begin_error.replace(Some(error));
            Error::Unserializable
        })
    }

    /// Whether a deferred begin has failed. Then all results since are void.
    pub(crate) fn begin_failed(&self) -> bool {
        self.begin_error.borrow().is_some()
    }

    pub(crate) fn take_begin_error(&self) -> Option<Error> {
        self.begin_error.take()
    }

    /// Where the realm's log ended when this transaction began, and the version of its roles, if that is known without
    /// a query.
    pub(crate) fn head_at_begin(&self, realm: i64) -> Option<RealmHead> {
        let (locked, end) = self.realm_head.get()?;
        (locked == realm && !self.is_idle()).then_some(end)
    }

    /// Advances the heads of realms, each given as id, head and version of the roles, and commits.
    pub(crate) fn commit_with(&self, heads: &[(i64, i64, i64)]) -> Result<()> {
        if let (Backend::Postgres(postgres), [(realm, head, roles_version)]) = (&self.inner, heads)
            && let Some(from) = self.head_at_begin(*realm)
            && let Some(tables) = self.take_deferred_rows()
        {
            return match postgres.commit_advancing(*realm, from, (*head, *roles_version), &tables)? {
                CommitOutcome::Committed => {
                    self.transaction_ended();
                    Ok(())
                }
                CommitOutcome::HeadMoved => Err(Error::Unserializable),
                // After waiting that long for the realm, don't wait a second time.
                CommitOutcome::Refused(error @ Error::Busy(_)) => Err(error),
                CommitOutcome::Refused(error) => {
                    self.fail_deferred_rows();
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
                // Set even if the second statement fails: the first one has begun the transaction.
                postgres.set_in_transaction(true);
                postgres.batch(in_postgres)
            }
            Backend::NoDatabase(no_database) => no_database.refuse(),
        }
    }

    pub(crate) fn commit(&self) -> Result<()> {
        self.control("COMMIT")?;
        self.transaction_ended();
        Ok(())
    }

    /// Rolls back if there is still a transaction.
    pub(crate) fn rollback(&self) -> Result<()> {
        self.discard_deferred_rows();
        if self.begin_deferred.take() || self.is_idle() {
            self.transaction_ended();
            return Ok(());
        }
        self.control("ROLLBACK")?;
        self.transaction_ended();
        Ok(())
    }

    fn transaction_ended(&self) {
        self.realm_head.set(None);
        self.begin_deferred.set(false);
        if let Backend::Postgres(postgres) = &self.inner {
            postgres.set_in_transaction(false);
        }
    }

    /// Transaction control: a cached prepared statement on SQLite, sent as plain text to PostgreSQL.
    fn control(&self, sql: &str) -> Result<()> {
        self.flush_deferred_rows()?;
        self.control_now(sql)
    }

    pub(super) fn control_now(&self, sql: &str) -> Result<()> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.execute(sql, &[]).map(drop),
            Backend::Postgres(postgres) => postgres.batch(sql),
            Backend::NoDatabase(no_database) => no_database.refuse(),
        }
    }

    /// Whether a statement has failed with a retryable error since the last call.
    pub(crate) fn take_retryable_failure(&self) -> bool {
        self.retryable_failure.replace(false)
    }

    fn watch<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result
            && error.is_retryable()
        {
            self.retryable_failure.set(true);
        }
        result
    }

    #[cfg(test)]
    fn note(&self, sql: &str) {
        self.seen.borrow_mut().insert(sql.to_owned());
    }

    /// Calls `each` for every row until it fails.
    pub fn each<E: From<Error>>(
        &self,
        sql: &str,
        values: &[Value],
        mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        #[cfg(test)]
        self.note(sql);
        self.flush_deferred_rows()?;
        self.watch(either!(self, backend => backend.each(sql, values, &mut each)))?
    }

    /// Like [`Self::each`], streaming the rows. Meanwhile this connection can't be used for anything else.
    pub(crate) fn scan(&self, sql: &str, values: &[Value], each: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        self.flush_deferred_rows()?;
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.each(sql, values, each)?,
            Backend::Postgres(postgres) => postgres.scan(sql, values, each),
            Backend::NoDatabase(no_database) => no_database.refuse(),
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
        self.flush_deferred_rows()?;
        self.watch(either!(self, backend => backend.optional(sql, values, read)))
    }

    /// The row of a statement that always has exactly one, such as a count.
    pub fn one<T>(&self, sql: &str, values: &[Value], read: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<T> {
        self.optional(sql, values, read)?
            .ok_or_else(|| Error::Corrupt(String::from("a statement that always has a row had none")))
    }

    /// Runs a statement; returns the number of changed rows.
    pub fn execute(&self, sql: &str, values: &[Value]) -> Result<usize> {
        #[cfg(test)]
        self.note(sql);
        self.flush_deferred_rows()?;
        self.watch(either!(self, backend => backend.execute(sql, values)))
    }

    pub(super) fn insert_rows_now(&self, into: &str, width: usize, values: &[Value]) -> Result<()> {
        self.watch(match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.insert_rows(into, width, values),
            Backend::Postgres(postgres) => postgres.insert_rows(into, width, values),
            Backend::NoDatabase(no_database) => no_database.refuse(),
        })
    }

    /// SQLite only: copies the database, as seen by this transaction, into a new file. Without a transaction that has
    /// read something, the copy starts over whenever somebody commits.
    pub(crate) fn copy_to(&self, file: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
        match &self.inner {
            Backend::Sqlite(sqlite) => sqlite.copy_to(file, progress),
            Backend::Postgres(_) | Backend::NoDatabase(_) => {
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
            Backend::Postgres(_) | Backend::NoDatabase(_) => Ok(0),
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
            Backend::NoDatabase(no_database) => no_database.refuse(),
        }
    }
}
