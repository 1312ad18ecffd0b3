use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::pin::pin;

use futures_core::Stream as _;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow, Statement};

use super::deferred::Rows;
use super::select::NUL_REPLACEMENT;
use super::session::Session;
use super::url::Address;
use super::{Row, Value, insert, tls};
use crate::error::{Error, Result};

/// Most prepared statements that a connection caches. Lists are padded to powers of two, so there are a few hundred at
/// most.
const STATEMENTS_MAX: usize = 1024;

/// Most rows inserted by one statement.
pub(super) const ROWS_PER_STATEMENT: usize = 4096;

/// Where a realm's log ends: the number of its last event, and the version of its roles.
pub(super) type RealmHead = (i64, i64);

/// Outcome of a final message that was answered.
pub(super) enum CommitOutcome {
    Committed,
    /// The log doesn't end where it was assumed to: nothing was changed.
    HeadMoved,
    /// Nothing was changed.
    Refused(Error),
}

/// Session settings: nobody holds a realm's lock while idle, and nobody waits indefinitely for one. `synchronous_commit
/// = off`, with which the server would answer before a commit is on disk, is overridden.
const SESSION_SETTINGS: &str = "SET lock_timeout = '5s';
    SET statement_timeout = '60s';
    SET idle_in_transaction_session_timeout = '15s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';";

/// A connection to a PostgreSQL server. Its calls block, so it must be used on threads that may.
pub(super) struct Postgres {
    /// `None` only while being dropped.
    session: RefCell<Option<Session>>,
    statements: RefCell<HashMap<String, Statement>>,
    /// The statements that insert any number of rows, by table and columns; and those that advance a realm's head and
    /// insert rows into some tables, by these tables.
    inserts: RefCell<HashMap<String, Statement>>,
    in_transaction: Cell<bool>,
    /// The connection is unusable although its socket may be open: for example, the server became read-only.
    broken: Cell<bool>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("lost", &self.is_lost()).finish_non_exhaustive()
    }
}

impl Drop for Postgres {
    /// Closing may block, which a thread of the async runtime must not.
    fn drop(&mut self) {
        let Some(session) = self.session.get_mut().take() else { return };
        if tokio::runtime::Handle::try_current().is_ok() {
            std::thread::spawn(move || session.close());
        } else {
            session.close();
        }
    }
}

impl Postgres {
    pub(super) fn open(address: &Address) -> Result<Self> {
        let session = Session::open(&address.config(), tls::connector(address.root_certificate())?)?;
        let connection = Self {
            session: RefCell::new(Some(session)),
            statements: RefCell::default(),
            inserts: RefCell::default(),
            in_transaction: Cell::new(false),
            broken: Cell::new(false),
        };
        connection.batch(SESSION_SETTINGS)?;
        Ok(connection)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.broken.get() || self.session.try_borrow().is_ok_and(|open| open.as_ref().is_none_or(Session::is_closed))
    }

    pub(super) fn is_idle(&self) -> bool {
        !self.in_transaction.get() || self.is_lost()
    }

    pub(super) fn set_in_transaction(&self, inside: bool) {
        self.in_transaction.set(inside);
        if !inside {
            self.disable_response_timeout(false);
        }
    }

    /// Applies until the end of the transaction.
    pub(super) fn disable_timeouts(&self) -> Result<()> {
        self.disable_response_timeout(true);
        self.batch("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
    }

    fn disable_response_timeout(&self, disabled: bool) {
        if let Some(session) = self.session.borrow_mut().as_mut() {
            session.disable_timeout(disabled);
        }
    }

    fn ask<T>(&self, asked: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>) -> Result<T> {
        let mut session = self.session.borrow_mut();
        let Some(session) = session.as_mut() else { return Err(Error::Closed) };
        session.ask(asked).map_err(|error| self.convert_error(error))
    }

    fn convert_error(&self, error: tokio_postgres::Error) -> Error {
        if error.code().is_some_and(|code| *code == SqlState::READ_ONLY_SQL_TRANSACTION) {
            self.broken.set(true);
        }
        Error::from(error)
    }

    pub(super) fn process_messages(&self) {
        if let Some(session) = self.session.borrow_mut().as_mut() {
            session.process_messages();
        }
    }

    pub(super) fn batch(&self, sql: &str) -> Result<()> {
        self.ask(async |client| client.batch_execute(sql).await)
    }

    /// Begins a transaction as the only writer of this realm; returns its head and the version of its roles, or `None`
    /// if there is no such realm.
    pub(super) fn begin_locked(&self, realm: i64) -> Result<Option<(i64, i64)>> {
        // Set even if the second statement fails: the first one has begun the transaction.
        self.in_transaction.set(true);
        let sql = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED;
             UPDATE realm SET head = head WHERE id = {realm} RETURNING head, roles_version"
        );
        let messages = self.ask(async |client| client.simple_query(&sql).await)?;
        let number = |row: &SimpleQueryRow, column: usize| row.get(column).and_then(|text| text.parse().ok());
        Ok(messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((number(row, 0)?, number(row, 1)?)),
            _ => None,
        }))
    }

    fn statement(&self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.ask(async |client| client.prepare(sql).await)?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<tokio_postgres::Row>> {
        let statement = self.statement(sql)?;
        let values: Vec<Cow<'_, Value>> = values.iter().map(without_nul).collect();
        let values = references(values.iter().map(AsRef::as_ref), &statement);
        self.ask(async |client| client.query(&statement, &values).await)
    }

    pub(super) fn each<E: From<Error>>(
        &self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<Result<(), E>> {
        let rows = self.query(sql, values)?;
        Ok(rows.iter().try_for_each(|row| each(&Row::Postgres(row))))
    }

    /// Streams the rows.
    pub(super) fn scan(&self, sql: &str, values: &[Value], each: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        self.ask(async |client| {
            let mut rows = pin!(client.query_raw(sql, values).await?);
            while let Some(row) = poll_fn(|context| rows.as_mut().poll_next(context)).await {
                if let Err(error) = each(&Row::Postgres(&row?)) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })?
    }

    pub(super) fn optional<T>(
        &self,
        sql: &str,
        values: &[Value],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.query(sql, values)?.first().map(|row| read(&Row::Postgres(row))).transpose()
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value]) -> Result<usize> {
        let statement = self.statement(sql)?;
        let values = references(values.iter(), &statement);
        let changed = self.ask(async |client| client.execute(&statement, &values).await)?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Inserts one row for every `width` values, all in one statement with an array for each column.
    pub(super) fn insert_rows(&self, into: &str, width: usize, values: &[Value]) -> Result<()> {
        if values.len() == width {
            return self.execute(&insert(into, width), values).map(drop);
        }
        let statement = self.cached_statement(into, || {
            Ok(format!("INSERT INTO {into} SELECT * FROM unnest({})", self.array_parameters(into, width, 1)?))
        })?;
        for rows in values.chunks(width * ROWS_PER_STATEMENT) {
            let columns: Vec<_> = columns(width, rows).collect();
            let columns: Vec<_> = columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
            self.ask(async |client| client.execute(&statement, &columns).await)?;
        }
        Ok(())
    }

    /// Advances a realm's head (with the version of its roles), inserts rows into some tables and commits, without
    /// waiting in between. The realm's row is updated first, so that nobody else writes there meanwhile. If no
    /// transaction was begun, the statement is a transaction by itself.
    pub(super) fn commit_advancing(
        &self,
        realm: i64,
        from: RealmHead,
        to: RealmHead,
        tables: &[Rows],
    ) -> Result<CommitOutcome> {
        let name = tables.iter().fold(String::from("realm"), |name, rows| name + "; " + rows.into);
        let statement = self.cached_statement(&name, || self.advance_statement(tables))?;
        let ends = [realm, from.0, from.1, to.0, to.1].map(Value::from);
        let columns: Vec<_> = tables.iter().flat_map(|rows| columns(rows.width, &rows.values)).collect();
        let values = ends.iter().map(|end| end as &(dyn ToSql + Sync));
        let values: Vec<_> = values.chain(columns.iter().map(|column| column as &(dyn ToSql + Sync))).collect();
        let (moved, committed) = self.ask(async |client| {
            let stopped = Cell::new(!self.in_transaction.get());
            // In this order, each sent before the first is answered. If the statement can't be sent, no commit must
            // follow it.
            let moving = async {
                let moved = client.execute(&statement, &values).await;
                stopped.set(moved.is_err());
                moved
            };
            let committing = async { if stopped.get() { Ok(()) } else { client.batch_execute("COMMIT").await } };
            Ok(tokio::join!(biased; moving, committing))
        })?;
        committed.map_err(|error| self.convert_error(error))?;
        match moved {
            Ok(0) => Ok(CommitOutcome::HeadMoved),
            Ok(_) => Ok(CommitOutcome::Committed),
            Err(error) => {
                let unknown = error.code().is_some_and(|code| *code == SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN);
                match self.convert_error(error) {
                    // The connection may have been lost after the commit took effect.
                    error @ Error::Unreachable(_) if !self.broken.get() => Err(error),
                    error if unknown => Err(error),
                    error => Ok(CommitOutcome::Refused(error)),
                }
            }
        }
    }

    fn advance_statement(&self, tables: &[Rows]) -> Result<String> {
        let moving =
            "UPDATE realm SET head = $4, roles_version = $5 WHERE id = $1 AND head = $2 AND roles_version = $3";
        if tables.is_empty() {
            return Ok(moving.to_owned());
        }
        let mut sql = format!("WITH moved AS ({moving} RETURNING id)");
        let mut number = 6;
        for (place, Rows { into, width, .. }) in tables.iter().enumerate() {
            let lists = self.array_parameters(into, *width, number)?;
            number += width;
            let insert = format!("INSERT INTO {into} SELECT added.* FROM moved CROSS JOIN unnest({lists}) AS added");
            // The last insert determines the reported number of rows.
            let _ = if place + 1 < tables.len() {
                write!(sql, ", added_{place} AS ({insert})")
            } else {
                write!(sql, " {insert}")
            };
        }
        Ok(sql)
    }

    /// An array parameter for each column of a table, numbered from `first`. The server supplies the types.
    fn array_parameters(&self, into: &str, width: usize, first: usize) -> Result<String> {
        let row = self.statement(&insert(into, width))?;
        let lists = (first..).zip(row.params()).map(|(n, kind)| format!("CAST(${n} AS {}[])", kind.name()));
        Ok(lists.collect::<Vec<_>>().join(", "))
    }

    /// The cached statement of that name; `sql` creates it if there is none yet.
    fn cached_statement(&self, name: &str, sql: impl FnOnce() -> Result<String>) -> Result<Statement> {
        if let Some(statement) = self.inserts.borrow().get(name) {
            return Ok(statement.clone());
        }
        let sql = sql()?;
        let statement = self.ask(async |client| client.prepare(&sql).await)?;
        self.inserts.borrow_mut().insert(name.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// The values of each column.
fn columns(width: usize, rows: &[Value]) -> impl Iterator<Item = Vec<&Value>> {
    (0..width).map(move |column| rows.iter().skip(column).step_by(width).collect())
}

/// A statement may not use the last values.
fn references<'v>(values: impl Iterator<Item = &'v Value>, statement: &Statement) -> Vec<&'v (dyn ToSql + Sync)> {
    values.take(statement.params().len()).map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// PostgreSQL can't store text with a NUL and refuses to search for one.
fn without_nul(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Text(text) if text.contains('\0') => Cow::Owned(Value::Text(text.replace('\0', NUL_REPLACEMENT))),
        value => Cow::Borrowed(value),
    }
}
