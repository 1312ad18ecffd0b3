//! Snapshots of graphs in files, for a fast start: written after a graph was read from the tables, and at shutdown.
//! They are caches and can be deleted at any time. A snapshot of another database, or one that is too old, is not used.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;

use roster_index::Graph;
use roster_model::{EntityId as _, RealmId};

use crate::error::{Error, Result};
use crate::sql::{self, Connection, Location};

/// Replaying one event takes about as long as reading so many memberships from the tables.
const MEMBERSHIPS_PER_EVENT: u64 = 16;
/// Up to so many events are replayed however small the realm is.
const REPLAY_ALWAYS: u64 = 10_000;

/// Which realms get a snapshot, and where.
#[derive(Clone, Debug)]
pub struct SnapshotOptions {
    /// Defaults to the folder of the SQLite file; with PostgreSQL there are no snapshots unless it is set.
    pub folder: Option<PathBuf>,
    /// The least number of memberships that is worth a snapshot; smaller realms are read from the tables quickly.
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
    /// Prefix of the file names.
    stem: String,
    from: u64,
}

impl Snapshots {
    /// The snapshots of a database; `None` if it has no place for them.
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

    /// Writes a snapshot of the graph, unless it is a small one. Failures are only logged. `true` if it was written.
    pub(crate) fn write(&self, connection: &Connection, realm: RealmId, graph: &Graph) -> bool {
        if graph.sizes().memberships < self.from {
            return false;
        }
        match self.try_write(connection, realm, graph) {
            Ok(written) => written,
            Err(error) => {
                tracing::warn!(%error, "the snapshot of the index could not be written");
                false
            }
        }
    }

    fn try_write(&self, connection: &Connection, realm: RealmId, graph: &Graph) -> Result<bool> {
        let Some(of) = fingerprint(connection, realm, graph.position())? else { return Ok(false) };
        let (file, unfinished) = (self.file(realm, ""), self.file(realm, ".new"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&unfinished).and_then(|out| graph.save(of, out));
        // Not synced: damage by a power failure is detected by the checksum.
        written.and_then(|()| std::fs::rename(&unfinished, &file)).map_err(|error| {
            let _ = std::fs::remove_file(&unfinished);
            Error::File(file.display().to_string(), error)
        })?;
        Ok(true)
    }

    /// The realm's graph from its snapshot, if that is of this database and recent enough that replaying the log is
    /// faster than reading the tables.
    pub(crate) fn read(&self, connection: &Connection, realm: RealmId, head: i64) -> Option<Graph> {
        let file = self.file(realm, "");
        let opened = File::open(&file).and_then(|opened| Ok((opened.metadata()?.len(), opened)));
        let read = opened.and_then(|(length, opened)| Graph::restore(opened, length));
        let (graph, of) = match read {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::info!(file = %file.display(), %error, "the snapshot of the index can't be used");
                return None;
            }
        };
        let since = head.saturating_sub(graph.position());
        let replay_max = graph.sizes().memberships / MEMBERSHIPS_PER_EVENT;
        let near = u64::try_from(since).is_ok_and(|since| since <= replay_max.max(REPLAY_ALWAYS));
        let ours = near && matches!(fingerprint(connection, realm, graph.position()), Ok(Some(known)) if known == of);
        if !ours {
            tracing::info!(file = %file.display(), "the snapshot of the index is outdated or of another database");
        }
        ours.then_some(graph)
    }

    /// Removes a snapshot that turned out to be wrong.
    pub(crate) fn discard(&self, realm: RealmId) {
        let _ = std::fs::remove_file(self.file(realm, ""));
    }
}

/// Identifies the realm's history up to this position by the event there. In a database that was restored to an earlier
/// state and continued from it, that is another event.
fn fingerprint(connection: &Connection, realm: RealmId, position: i64) -> Result<Option<String>> {
    let event = "SELECT id, time_ms FROM event WHERE realm = $1 AND seq = $2";
    let event = connection.optional(event, &[realm.into(), position.into()], |row| Ok((row.int(0)?, row.int(1)?)))?;
    Ok(event.map(|(id, time)| format!("schema {}, realm {}, event {id} at {time}", sql::LATEST, realm.raw())))
}
