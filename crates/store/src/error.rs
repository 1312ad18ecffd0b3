use std::sync::Arc;

/// Why a database operation failed. None of these is a decision of the domain's rules.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database's address or an argument is invalid.
    #[error("{0}")]
    Url(String),
    /// The database doesn't exist and may not be created now.
    #[error("there is no database {0}: `roster serve` and `roster realm create` make one")]
    Missing(String),
    /// The file was written by a newer Roster. Nothing was changed.
    #[error("the database has schema version {found}, but this Roster knows only up to {known}: use a newer Roster")]
    Newer { found: i64, known: i64 },
    /// The schema is behind and may not be changed now.
    #[error(
        "the database has schema version {found}, this Roster needs {known}: `roster serve` brings it up to date, \
         unless it is told --no-migrate"
    )]
    Older { found: i64, known: i64 },
    /// The file is a SQLite database that no Roster made. Nothing was changed.
    #[error("the file is another program's database")]
    Foreign,
    /// The target of a copy must be empty.
    #[error("the target database already has something in it")]
    NotEmpty,
    /// The disk is full. Reads still work.
    #[error("the disk is full")]
    Full,
    /// Overload, or a lock that is held too long.
    #[error("the database is busy: {0}")]
    Busy(&'static str),
    /// The realm did not reach this position within the time that a reader waits for it.
    #[error("the realm has not reached sequence {0} yet")]
    Behind(i64),
    /// A view of memory was asked for something that only the database has; the caller retries there.
    #[error("this is not in memory")]
    NotInMemory,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A job panicked; its changes were rolled back.
    #[error("a panic in a database job: {0}")]
    Panic(String),
    /// A row has content that Roster doesn't write.
    #[error("unreadable row: {0}")]
    Corrupt(String),
    /// A uniqueness violation: two processes generated the same id, or created the same realm.
    #[error("{0} is taken")]
    Taken(String),
    /// The database aborted the transaction because of a conflict with another one.
    #[error("the database could not serialize the transaction")]
    Unserializable,
    /// The server is unreachable, not ready, or closed the connection.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    /// The transaction that several jobs shared was rolled back, for a reason that each of them is told.
    #[error("the transaction was not committed: {0}")]
    NotCommitted(Arc<Self>),
    #[error(transparent)]
    Sqlite(rusqlite::Error),
    #[error("{}", describe(.0))]
    Postgres(tokio_postgres::Error),
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// Names the database concerned where a command uses several.
    #[error("{0}: {1}")]
    About(String, Box<Error>),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{ErrorCode, ffi};
        match error.sqlite_error() {
            Some(failure) => match failure.code {
                ErrorCode::DiskFull => Self::Full,
                ErrorCode::ReadOnly => Self::Unreachable(String::from("it is read-only")),
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy("locked by another process"),
                ErrorCode::ConstraintViolation
                    if matches!(
                        failure.extended_code,
                        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE
                    ) =>
                {
                    Self::Taken(error.to_string())
                }
                _ => Self::Sqlite(error),
            },
            None => Self::Sqlite(error),
        }
    }
}

/// The driver's own text is just "db error".
fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}

/// Whether the server was unreachable or closed the connection. The remaining errors are values of a wrong type: a bug
/// of ours.
fn went_away(error: &tokio_postgres::Error) -> bool {
    let cause = std::error::Error::source(error);
    // The driver distinguishes these only by their message.
    let said = error.to_string();
    error.is_closed()
        || cause.is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
        || ["error connecting", "error communicating", "timeout waiting", "error performing TLS", "unexpected message"]
            .iter()
            .any(|beginning| said.starts_with(beginning))
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        use tokio_postgres::error::SqlState as S;
        let Some(state) = error.code() else {
            return if went_away(&error) { Self::Unreachable(describe(&error)) } else { Self::Postgres(error) };
        };
        match *state {
            S::UNIQUE_VIOLATION => Self::Taken(describe(&error)),
            S::T_R_SERIALIZATION_FAILURE | S::T_R_DEADLOCK_DETECTED => Self::Unserializable,
            S::DISK_FULL => Self::Full,
            S::LOCK_NOT_AVAILABLE => Self::Busy("another process holds the realm"),
            S::QUERY_CANCELED => Self::Busy("a statement timed out"),
            S::TOO_MANY_CONNECTIONS | S::OUT_OF_MEMORY | S::INSUFFICIENT_RESOURCES => {
                Self::Busy("the server is out of resources")
            }
            S::ADMIN_SHUTDOWN
            | S::CRASH_SHUTDOWN
            | S::CANNOT_CONNECT_NOW
            | S::READ_ONLY_SQL_TRANSACTION
            | S::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
            | S::CONNECTION_EXCEPTION
            | S::CONNECTION_FAILURE
            | S::CONNECTION_DOES_NOT_EXIST => Self::Unreachable(describe(&error)),
            _ => Self::Postgres(error),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl Error {
    /// Whether the same request may succeed a little later.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Full | Self::Busy(_) | Self::Behind(_) | Self::Closed | Self::Unreachable(_) | Self::Unserializable
        )
    }

    /// Whether the same operation, run again at once, may succeed: it draws other ids, or sees the state that the
    /// conflicting one left.
    pub(crate) const fn is_retryable(&self) -> bool {
        matches!(self, Self::Taken(_) | Self::Unserializable)
    }
}
