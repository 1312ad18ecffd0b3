//! Opens databases, and creates them where allowed.

use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, Result};
use crate::sql::{self, Connection, Location, Source};

/// Connects to a database and migrates it. The file is created, and the schema changed, only if `migrate` allows it.
pub(crate) fn connect(source: &Source, migrate: bool) -> Result<Connection> {
    let connection = match source {
        Source::File(file) => {
            if migrate {
                create_file(file)?;
            }
            source.open().map_err(|error| open_error(file, error))?
        }
        Source::Server(_) => source.open()?,
    };
    sql::check(&connection, migrate)?;
    // SQLite opens a read-only file without an error, and fails on each write later.
    if let (Source::File(file), true) = (source, connection.is_read_only()?) {
        let problem = std::io::Error::new(ErrorKind::PermissionDenied, "this process has read-only access to it");
        return Err(Error::File(file.display().to_string(), problem));
    }
    connection.tune()?;
    sql::migrate(&connection)?;
    Ok(connection)
}

/// Creates an empty database file if there is none. It is readable by its owner only, even if somebody created an empty
/// one beforehand, since it will contain personal data. SQLite gives the files that it creates beside it the same mode.
pub(crate) fn create_file(file: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            #[cfg(unix)]
            if std::fs::metadata(file).is_ok_and(|there| there.is_file() && there.len() == 0) {
                let owners = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                std::fs::set_permissions(file, owners).map_err(|error| create_error(file, error))?;
            }
            Ok(())
        }
        Err(error) => Err(create_error(file, error)),
    }
}

/// A missing folder is more likely a typo than intended, so it isn't created.
pub(crate) fn create_error(file: &Path, error: std::io::Error) -> Error {
    if error.kind() == ErrorKind::NotFound {
        let folder = file.parent().unwrap_or(file);
        return Error::Url(format!("there is no folder {} for the database: make it first", folder.display()));
    }
    Error::File(file.display().to_string(), error)
}

/// SQLite only says that it can't open the file; the two usual reasons are distinguished here.
pub(crate) fn open_error(file: &Path, error: Error) -> Error {
    match std::fs::OpenOptions::new().read(true).write(true).open(file) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            Error::Missing(Location::File(file.to_owned()).to_string())
        }
        Err(cause) => Error::File(file.display().to_string(), cause),
        Ok(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_program_keeps_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("theirs.db");
        let foreign = rusqlite::Connection::open(&file).expect("a file");
        foreign.execute_batch("CREATE TABLE customers (name TEXT)").expect("a table");
        drop(foreign);
        let before = std::fs::read(&file).expect("the file");
        for migrate in [true, false] {
            let refused = connect(&Source::File(file.clone()), migrate);
            assert!(matches!(refused, Err(Error::Foreign)), "{refused:?}");
        }
        assert_eq!(std::fs::read(&file).expect("the file"), before);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_somebody_made_for_it_is_its_owners_too() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("roster.db");
        std::fs::write(&file, "").expect("a file");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("a mode");
        connect(&Source::File(file.clone()), true).expect("a database");
        let mode = || std::fs::metadata(&file).expect("the file").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        // If a file with content is readable by others, that was on purpose.
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).expect("a mode");
        connect(&Source::File(file.clone()), true).expect("a database");
        assert_eq!(mode(), 0o640);
    }
}
