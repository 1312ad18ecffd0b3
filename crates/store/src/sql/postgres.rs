use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use ::postgres::error::SqlState;
use ::postgres::fallible_iterator::FallibleIterator as _;
use ::postgres::{Client, SimpleQueryMessage, SimpleQueryRow, Statement};

use super::url::Address;
use super::{Row, Value, insert, tls};
use crate::error::{Error, Result};

/// Prepared statements that a connection keeps. Lists are padded to powers of two, so there are a few hundred at most.
const STATEMENTS_MAX: usize = 1024;

/// Rows in one statement.
const ROWS: usize = 4096;

/// What every connection asks of the server: nobody keeps a realm's lock while he sleeps, and nobody waits without end for it. A server
/// that answers before the disk has it is told not to.
const SESSION: &str = "SET lock_timeout = '5s';
    SET statement_timeout = '60s';
    SET idle_in_transaction_session_timeout = '15s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';";

/// A connection to a server. Its calls block; so it lives on threads that may.
pub(super) struct Postgres {
    /// Taken out at the end only.
    client: RefCell<Option<Client>>,
    statements: RefCell<HashMap<String, Statement>>,
    /// For each table with its columns, the statement that inserts any number of rows.
    inserts: RefCell<HashMap<String, Statement>>,
    in_transaction: Cell<bool>,
    /// It can't be used any more, though the socket may stand: a server that became read-only, say.
    broken: Cell<bool>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("lost", &self.is_lost()).finish_non_exhaustive()
    }
}

impl Drop for Postgres {
    /// The driver says goodbye in a way that may block, which a thread of the async runtime must not.
    fn drop(&mut self) {
        if let Some(client) = self.client.get_mut().take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            std::thread::spawn(move || drop(client));
        }
    }
}

impl Postgres {
    pub(super) fn open(address: &Address) -> Result<Self> {
        let client = address.config().connect(tls::connector(address.root_certificate())?)?;
        let connection = Self {
            client: RefCell::new(Some(client)),
            statements: RefCell::default(),
            inserts: RefCell::default(),
            in_transaction: Cell::new(false),
            broken: Cell::new(false),
        };
        connection.batch(SESSION)?;
        Ok(connection)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.broken.get() || self.client.try_borrow().is_ok_and(|client| client.as_ref().is_none_or(Client::is_closed))
    }

    pub(super) fn is_idle(&self) -> bool {
        !self.in_transaction.get() || self.is_lost()
    }

    pub(super) fn set_in_transaction(&self, inside: bool) {
        self.in_transaction.set(inside);
    }

    fn with<T>(&self, run: impl FnOnce(&mut Client) -> Result<T, ::postgres::Error>) -> Result<T> {
        let mut client = self.client.borrow_mut();
        let Some(client) = client.as_mut() else { return Err(Error::Closed) };
        run(client).map_err(|error| {
            if error.code().is_some_and(|code| *code == SqlState::READ_ONLY_SQL_TRANSACTION) {
                self.broken.set(true);
            }
            Error::from(error)
        })
    }

    pub(super) fn batch(&self, sql: &str) -> Result<()> {
        self.with(|client| client.batch_execute(sql))
    }

    /// Begins a transaction as the only writer of this realm, and tells where its log ends: head and version of the roles. `None`: there is no
    /// such realm.
    pub(super) fn begin_alone(&self, realm: i64) -> Result<Option<(i64, i64)>> {
        // Also where the second statement fails: the first has begun it.
        self.in_transaction.set(true);
        let sql = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED;
             UPDATE realm SET head = head WHERE id = {realm} RETURNING head, roles_version"
        );
        let messages = self.with(|client| client.simple_query(&sql))?;
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
        let statement = self.with(|client| client.prepare(sql))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<::postgres::Row>> {
        let statement = self.statement(sql)?;
        let values: Vec<Cow<'_, Value>> = values.iter().map(askable).collect();
        let values = references(values.iter().map(AsRef::as_ref), &statement);
        self.with(|client| client.query(&statement, &values))
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

    /// Row by row as they come.
    pub(super) fn scan(&self, sql: &str, each: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        let mut client = self.client.borrow_mut();
        let Some(client) = client.as_mut() else { return Err(Error::Closed) };
        let mut rows = client.query_raw(sql, std::iter::empty::<Value>())?;
        while let Some(row) = rows.next()? {
            each(&Row::Postgres(&row))?;
        }
        Ok(())
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
        let changed = self.with(|client| client.execute(&statement, &values))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Inserts a row for every `width` values, all in one statement: a list for each column.
    pub(super) fn insert_rows(&self, into: &str, width: usize, values: &[Value]) -> Result<()> {
        if values.len() == width {
            return self.execute(&insert(into, width), values).map(drop);
        }
        let statement = self.insert_of(into, width)?;
        for rows in values.chunks(width * ROWS) {
            let columns: Vec<Vec<&Value>> =
                (0..width).map(|column| rows.iter().skip(column).step_by(width).collect()).collect();
            let columns: Vec<_> =
                columns.iter().map(|column| column as &(dyn ::postgres::types::ToSql + Sync)).collect();
            self.with(|client| client.execute(&statement, &columns))?;
        }
        Ok(())
    }

    fn insert_of(&self, into: &str, width: usize) -> Result<Statement> {
        if let Some(statement) = self.inserts.borrow().get(into) {
            return Ok(statement.clone());
        }
        // The server knows the columns' types.
        let row = self.statement(&insert(into, width))?;
        let lists = row.params().iter().enumerate().map(|(n, kind)| format!("CAST(${} AS {}[])", n + 1, kind.name()));
        let lists = lists.collect::<Vec<_>>().join(", ");
        let statement =
            self.with(|client| client.prepare(&format!("INSERT INTO {into} SELECT * FROM unnest({lists})")))?;
        self.inserts.borrow_mut().insert(into.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// A statement may leave the last values unused.
fn references<'v>(
    values: impl Iterator<Item = &'v Value>,
    statement: &Statement,
) -> Vec<&'v (dyn ::postgres::types::ToSql + Sync)> {
    values.take(statement.params().len()).map(|value| value as &(dyn ::postgres::types::ToSql + Sync)).collect()
}

/// PostgreSQL has no text with a NUL in it and refuses to look for one. What is looked for instead isn't there either:
/// [`roster_model::text`] takes neither.
fn askable(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Text(text) if text.contains('\0') => Cow::Owned(Value::Text(text.replace('\0', "\u{ffff}"))),
        value => Cow::Borrowed(value),
    }
}
