//! One realm in memory, and who may change what is known of it.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use roster_index::Graph;
use roster_model::{OrganizationId, RealmId};

use crate::cache::Recent;
use crate::error::Result;
use crate::sql::Connection;

/// How long who follows the log tries to change a graph while operations read it, and how often.
const PATIENCE: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_micros(100);

/// One realm's graph and until when it may be used.
#[derive(Debug)]
pub(crate) struct Realm {
    graph: RwLock<Graph>,
    /// Operations that read the graph from their beginning to their end, which may be long.
    operations: AtomicUsize,
    /// Written while the graph is.
    pub(super) recent: Mutex<Recent>,
    /// The last event by which an organization became different for who sees it as a group, as far as somebody asked for it or it was
    /// since the realm was read; 0 for none at all. Written while the graph is.
    pub(super) last_changes: Mutex<HashMap<OrganizationId, i64>>,
    /// The graph's, for whoever must not wait for it.
    pub(super) position: AtomicI64,
    /// The raw id of the event there; 0 for none. A log that has another one there is not the one that was followed: a server that took
    /// over from one whose last events it never had, say.
    pub(super) event: AtomicI64,
    /// The last event that may have ended a key.
    pub(super) keys_changed: AtomicI64,
    /// One at a time brings it up to date.
    following: Mutex<()>,
    /// Microseconds since the index was born; 0 until it has caught up with the log for the first time.
    pub(super) good_until: AtomicU64,
    /// The position of the snapshot that there is; 0 for none.
    pub(super) kept: AtomicI64,
}

/// Where a connection sees a log end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) head: i64,
    /// The raw id of the event there, if that was asked.
    pub(super) event: Option<i64>,
    /// Where memory was before anything was asked: a log that ends earlier is not the one that memory followed.
    pub(super) before: i64,
}

/// How a graph that is to be changed is waited for. Whoever waits in the lock's own queue stops all who come after him to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Queue,
    /// Not while operations read it, which may be long.
    BetweenOperations,
    /// The same, and not for who brings it up to date already.
    No,
}

impl Realm {
    /// At the position of this graph, of which there is a snapshot from position `kept`, if any. Not to be used before it has caught up.
    pub(super) fn new(connection: &Connection, id: RealmId, graph: Graph, kept: i64) -> Result<Self> {
        let position = graph.position();
        Ok(Self {
            position: AtomicI64::new(position),
            event: AtomicI64::new(event_at(connection, id, position)?),
            recent: Mutex::new(Recent::new(position)),
            last_changes: Mutex::default(),
            keys_changed: AtomicI64::new(position),
            graph: RwLock::new(graph),
            operations: AtomicUsize::new(0),
            following: Mutex::default(),
            good_until: AtomicU64::new(0),
            kept: AtomicI64::new(kept),
        })
    }

    /// Where the log ends now.
    pub(super) fn seen(&self, connection: &Connection, id: RealmId) -> Result<Seen> {
        let before = self.position();
        Ok(Seen { head: head(connection, id)?, event: None, before })
    }

    /// For who brings it up to date. `None`: somebody else does, and isn't waited for.
    pub(super) fn to_follow(&self, wait: Wait) -> Option<MutexGuard<'_, ()>> {
        if wait != Wait::No {
            return Some(self.following.lock().unwrap_or_else(PoisonError::into_inner));
        }
        match self.following.try_lock() {
            Ok(one) => Some(one),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn position(&self) -> i64 {
        self.position.load(Ordering::Acquire)
    }

    pub(super) fn last_changes(&self) -> MutexGuard<'_, HashMap<OrganizationId, i64>> {
        self.last_changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Graph> {
        self.graph.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same for a whole operation.
    pub(crate) fn read_long(&self) -> LongRead<'_> {
        self.operations.fetch_add(1, Ordering::AcqRel);
        LongRead { graph: self.read(), operations: &self.operations }
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Graph> {
        self.graph.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn to_change(&self, wait: Wait) -> Option<RwLockWriteGuard<'_, Graph>> {
        if wait == Wait::Queue {
            return Some(self.write());
        }
        let begun = Instant::now();
        loop {
            let busy = self.operations.load(Ordering::Acquire) > 0;
            match self.graph.try_write() {
                Ok(graph) => return Some(graph),
                Err(TryLockError::Poisoned(error)) => return Some(error.into_inner()),
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) if busy => return None,
                Err(TryLockError::WouldBlock) => return Some(self.write()),
            }
        }
    }
}

/// Who follows the log knows of it, and doesn't wait for its end.
pub(crate) struct LongRead<'r> {
    graph: RwLockReadGuard<'r, Graph>,
    operations: &'r AtomicUsize,
}

impl std::ops::Deref for LongRead<'_> {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        &self.graph
    }
}

impl Drop for LongRead<'_> {
    fn drop(&mut self) {
        self.operations.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(super) fn head(connection: &Connection, realm: RealmId) -> Result<i64> {
    let head = connection.optional("SELECT head FROM realm WHERE id = $1", &[realm.into()], |row| row.int(0))?;
    Ok(head.unwrap_or_default())
}

/// The raw id of the event there; 0 for none.
fn event_at(connection: &Connection, realm: RealmId, position: i64) -> Result<i64> {
    let event = "SELECT id FROM event WHERE realm = $1 AND seq = $2";
    let event = connection.optional(event, &[realm.into(), position.into()], |row| row.int(0))?;
    Ok(event.unwrap_or_default())
}
