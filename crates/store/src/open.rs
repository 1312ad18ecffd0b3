//! Databases are opened, and made where there is none.

use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, Result};
use crate::sql::{self, Connection, Location, Source};

/// A connection to a database of this Roster's schema, which is made if `migrate` allows it.
pub(crate) fn connect(source: &Source, migrate: bool) -> Result<Connection> {
    let connection = match source {
        Source::File(file) => {
            if migrate {
                make_file(file)?;
            }
            source.open().map_err(|error| unopened(file, error))?
        }
        Source::Server(_) => source.open()?,
    };
    sql::check(&connection, migrate)?;
    // SQLite opens what it may only read, and refuses each write later on.
    if let (Source::File(file), true) = (source, connection.may_only_read()?) {
        let problem = std::io::Error::new(ErrorKind::PermissionDenied, "this process may only read it");
        return Err(Error::File(file.display().to_string(), problem));
    }
    connection.tune()?;
    sql::migrate(&connection)?;
    Ok(connection)
}

/// Makes an empty file for the database if there is none. Only its owner can read it, also where somebody made an empty one: what will
/// be in it is personal. SQLite gives the files that it puts beside it the same mode.
pub(crate) fn make_file(file: &Path) -> Result<()> {
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
                std::fs::set_permissions(file, owners).map_err(|error| unmade(file, error))?;
            }
            Ok(())
        }
        Err(error) => Err(unmade(file, error)),
    }
}

/// A folder that isn't there is a slip of the pen more often than a wish, so it isn't made.
pub(crate) fn unmade(file: &Path, error: std::io::Error) -> Error {
    if error.kind() == ErrorKind::NotFound {
        let folder = file.parent().unwrap_or(file);
        return Error::Url(format!("there is no folder {} for the database: make it first", folder.display()));
    }
    Error::File(file.display().to_string(), error)
}

/// SQLite only says that it can't; the two usual reasons are these.
pub(crate) fn unopened(file: &Path, error: Error) -> Error {
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
        // Who opens a full one to others has his reasons.
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).expect("a mode");
        connect(&Source::File(file.clone()), true).expect("a database");
        assert_eq!(mode(), 0o640);
    }
}
