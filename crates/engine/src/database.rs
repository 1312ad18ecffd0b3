//! Operations on whole databases for the command line: copy, backup and restore. These functions block until they are done.

use std::path::Path;

use roster_store::Location;
pub use roster_store::{Copied, NewFile, Progress};

use crate::error::Result;

/// Copies everything from one database into an empty one of either kind, in one transaction; see [`roster_store::copy`].
pub fn copy(from: &str, to: &str, told: &mut dyn FnMut(Progress<'_>)) -> Result<Copied> {
    Ok(roster_store::copy(&Location::parse(from)?, &Location::parse(to)?, told)?)
}

/// Writes a SQLite database into a new file while it may be in use.
pub fn backup(database: &str, file: &Path, told: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
    Ok(roster_store::backup(&Location::parse(database)?, file, told)?)
}

/// Restores a backup to where there is no database yet, or an empty one.
pub fn restore(file: &Path, database: &str, told: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
    Ok(roster_store::restore(file, &Location::parse(database)?, told)?)
}
