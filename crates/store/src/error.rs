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
        "the database has schema version {found}, this Roster needs {known}: \
         start the server without --no-migrate to bring it up to date"
    )]
    Behind { found: i64, known: i64 },
    /// No room on the disk. Reading goes on.
    #[error("the disk is full")]
    Full,
    /// Too much to do at the moment, or a lock is held too long.
    #[error("the database is busy: {0}")]
    Busy(&'static str),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A job panicked; its changes were rolled back.
    #[error("a panic in a database job: {0}")]
    Panic(String),
    /// A row doesn't say what Roster writes.
    #[error("unreadable row: {0}")]
    Corrupt(String),
    #[error(transparent)]
    Database(rusqlite::Error),
    #[error("{0}: {1}")]
    File(String, std::io::Error),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy("locked by another process"),
            _ => Self::Database(error),
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
        matches!(self, Self::Full | Self::Busy(_) | Self::Closed)
    }
}
