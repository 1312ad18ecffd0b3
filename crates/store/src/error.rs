/// Why the database didn't do what it was asked. None of these is a verdict of the domain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `--database` can't be read.
    #[error("{0}")]
    Url(String),
    /// There is none, and none may be made now.
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
    /// A copy goes where there is nothing yet.
    #[error("the database it would go to has something in it already")]
    Filled,
    /// No room on the disk. Reading goes on.
    #[error("the disk is full")]
    Full,
    /// Too much to do at the moment, or a lock is held too long.
    #[error("the database is busy: {0}")]
    Busy(&'static str),
    /// The realm has not come to this position in the time that a reader waits for it.
    #[error("the realm has not reached sequence {0} yet")]
    Behind(i64),
    /// A view of memory was asked for what only the database has. Whoever asked goes there.
    #[error("this is not in memory")]
    NotInMemory,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A job panicked; its changes were rolled back.
    #[error("a panic in a database job: {0}")]
    Panic(String),
    /// A row doesn't say what Roster writes.
    #[error("unreadable row: {0}")]
    Corrupt(String),
    /// Something is there that must not be there twice: two processes drew the same id, or made the same realm.
    #[error("{0} is taken")]
    Taken(String),
    /// The database took the transaction back, since it could not be put in line with another one.
    #[error("the database could not serialize the transaction")]
    Unserializable,
    /// The server isn't there, or isn't ready, or went away.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    #[error(transparent)]
    Sqlite(rusqlite::Error),
    #[error("{}", whole(.0))]
    Postgres(tokio_postgres::Error),
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// Which of several databases it is about.
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
                ErrorCode::ReadOnly => Self::Unreachable(String::from("it can't be written any more")),
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy("locked by another process"),
                ErrorCode::ConstraintViolation if failure.extended_code == ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                    Self::Taken(error.to_string())
                }
                _ => Self::Sqlite(error),
            },
            None => Self::Sqlite(error),
        }
    }
}

/// The driver's own text is only "db error".
fn whole(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}

/// Whether the server wasn't there, or went away in the middle. What is left are values that don't fit: a fault of ours.
fn went_away(error: &tokio_postgres::Error) -> bool {
    let cause = std::error::Error::source(error);
    // The driver doesn't tell these apart but in its words.
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
            return if went_away(&error) { Self::Unreachable(whole(&error)) } else { Self::Postgres(error) };
        };
        match *state {
            S::UNIQUE_VIOLATION => Self::Taken(whole(&error)),
            S::T_R_SERIALIZATION_FAILURE | S::T_R_DEADLOCK_DETECTED => Self::Unserializable,
            S::DISK_FULL => Self::Full,
            S::LOCK_NOT_AVAILABLE => Self::Busy("another process holds the realm"),
            S::QUERY_CANCELED => Self::Busy("it took too long"),
            S::TOO_MANY_CONNECTIONS | S::OUT_OF_MEMORY | S::INSUFFICIENT_RESOURCES => {
                Self::Busy("the server has no room for more")
            }
            S::ADMIN_SHUTDOWN
            | S::CRASH_SHUTDOWN
            | S::CANNOT_CONNECT_NOW
            | S::READ_ONLY_SQL_TRANSACTION
            | S::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
            | S::CONNECTION_EXCEPTION
            | S::CONNECTION_FAILURE
            | S::CONNECTION_DOES_NOT_EXIST => Self::Unreachable(whole(&error)),
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
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Full | Self::Busy(_) | Self::Behind(_) | Self::Closed | Self::Unreachable(_) | Self::Unserializable
        )
    }

    /// Whether the same operation, run again at once, may succeed: it draws other ids, or comes after whoever it met.
    pub(crate) const fn is_repeatable(&self) -> bool {
        matches!(self, Self::Taken(_) | Self::Unserializable)
    }
}
