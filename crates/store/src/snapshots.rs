//! Graphs as files, for a fast start: written when one was read from the tables, and at the end. They say no more than the tables do and can be
//! deleted at any time. One that isn't of this very database, or is of too long ago, is not used.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;

use roster_index::Graph;
use roster_model::{EntityId as _, RealmId};

use crate::error::{Error, Result};
use crate::sql::{self, Connection, Location};

/// An event is done again in the time in which so many memberships are read from the tables.
const EVENTS_WORTH: u64 = 16;
/// So many are always done again.
const EVENTS_LEAST: u64 = 10_000;

/// How large realms are kept, and where.
#[derive(Clone, Debug)]
pub struct SnapshotOptions {
    /// Beside an SQLite file if it isn't said, else nowhere.
    pub folder: Option<PathBuf>,
    /// So many memberships are worth it: fewer are read from the tables in no time.
    pub from: u64,
}

impl Default for SnapshotOptions {
    fn default() -> Self {
        Self { folder: None, from: 100_000 }
    }
}

#[derive(Debug)]
pub(crate) struct Snapshots {
    folder: PathBuf,
    /// What their names begin with.
    stem: String,
    from: u64,
}

impl Snapshots {
    /// Those of a database; `None` if it has no place for them.
    pub(crate) fn of(location: &Location, options: SnapshotOptions) -> Option<Self> {
        let (beside, stem) = match location {
            Location::File(file) => (
                Some(file.parent().unwrap_or(file).to_owned()),
                file.file_name().map_or_else(|| String::from("roster"), |name| name.to_string_lossy().into_owned()),
            ),
            Location::Server(_) => (None, String::from("roster")),
            Location::Temporary => return None,
        };
        Some(Self { folder: options.folder.or(beside)?, stem, from: options.from })
    }

    fn file(&self, realm: RealmId, ending: &str) -> PathBuf {
        self.folder.join(format!("{}-index-{}{ending}", self.stem, realm.raw()))
    }

    /// Writes a graph down, unless it's a small one. Whatever hinders it is not worth more than a line in the log.
    pub(crate) fn write(&self, connection: &Connection, realm: RealmId, graph: &Graph) -> bool {
        if graph.sizes().memberships < self.from {
            return false;
        }
        match self.try_write(connection, realm, graph) {
            Ok(written) => written,
            Err(error) => {
                tracing::warn!(%error, "the index was not kept for the next start");
                false
            }
        }
    }

    fn try_write(&self, connection: &Connection, realm: RealmId, graph: &Graph) -> Result<bool> {
        let Some(of) = mark(connection, realm, graph.position())? else { return Ok(false) };
        let (file, unfinished) = (self.file(realm, ""), self.file(realm, ".new"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&unfinished).and_then(|out| graph.save(of, out));
        // Not synced: what a loss of power leaves of it is found to be damaged.
        written.and_then(|()| std::fs::rename(&unfinished, &file)).map_err(|error| {
            let _ = std::fs::remove_file(&unfinished);
            Error::File(file.display().to_string(), error)
        })?;
        Ok(true)
    }

    /// The realm's graph as it was when it was written, if that is of this database and not so long ago that the tables are the shorter way.
    pub(crate) fn read(&self, connection: &Connection, realm: RealmId, head: i64) -> Option<Graph> {
        let file = self.file(realm, "");
        let opened = File::open(&file).and_then(|opened| Ok((opened.metadata()?.len(), opened)));
        let read = opened.and_then(|(length, opened)| Graph::restore(opened, length));
        let (graph, of) = match read {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::info!(file = %file.display(), %error, "a kept index can't be used");
                return None;
            }
        };
        let since = head.saturating_sub(graph.position());
        let most = graph.sizes().memberships / EVENTS_WORTH;
        let near = u64::try_from(since).is_ok_and(|since| since <= most.max(EVENTS_LEAST));
        let ours = near && matches!(mark(connection, realm, graph.position()), Ok(Some(known)) if known == of);
        if !ours {
            tracing::info!(file = %file.display(), "a kept index is of another time or database");
        }
        ours.then_some(graph)
    }

    /// It turned out to be wrong.
    pub(crate) fn discard(&self, realm: RealmId) {
        let _ = std::fs::remove_file(self.file(realm, ""));
    }
}

/// What a realm at this position is known by: the event there. In a database that was put back to an earlier state, and went on from there, it is
/// another one.
fn mark(connection: &Connection, realm: RealmId, position: i64) -> Result<Option<String>> {
    let event = "SELECT id, time_ms FROM event WHERE realm = $1 AND seq = $2";
    let event = connection.optional(event, &[realm.into(), position.into()], |row| Ok((row.int(0)?, row.int(1)?)))?;
    Ok(event.map(|(id, time)| format!("schema {}, realm {}, event {id} at {time}", sql::LATEST, realm.raw())))
}
