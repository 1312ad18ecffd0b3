//! One realm in memory, and the locks that guard it.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use roster_index::Graph;
use roster_model::{OrganizationId, RealmId};

use crate::cache::RecentChanges;
use crate::error::Result;
use crate::sql::Connection;

/// How long, and how often, a follower tries to lock a graph that operations are reading.
const WRITE_LOCK_TIMEOUT: Duration = Duration::from_millis(20);
const WRITE_LOCK_POLL: Duration = Duration::from_micros(100);

/// One realm's graph, and until when it may be used.
#[derive(Debug)]
pub(crate) struct Realm {
    graph: RwLock<Graph>,
    /// Number of write operations that hold the graph's read lock for their whole duration, which may be long.
    operations: AtomicUsize,
    /// Written while the graph is locked for writing.
    pub(super) recent: Mutex<RecentChanges>,
    /// The last event by which an organization changed for readers of groups: known if it was asked for, or has changed
    /// since the realm was loaded; 0 if there is none. Written while the graph is locked for writing.
    pub(super) last_changes: Mutex<HashMap<OrganizationId, i64>>,
    /// The graph's position, readable without its lock.
    pub(super) position: AtomicI64,
    /// The raw id of the event at this position; 0 for none. A log with another event there isn't the one that was
    /// followed: for example, of a server that took over without the last events.
    pub(super) last_event: AtomicI64,
    /// The last event that may have invalidated a key.
    pub(super) keys_changed: AtomicI64,
    /// Held by the one that brings the realm up to date.
    following: Mutex<()>,
    /// End of the lease, in microseconds since the index was created; 0 until the realm has caught up with the log for
    /// the first time.
    pub(super) valid_until: AtomicU64,
    /// The position of its snapshot; 0 for none.
    pub(super) snapshot_position: AtomicI64,
}

/// Where the log ends as a connection sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ObservedHead {
    pub(super) head: i64,
    /// The raw id of the event there, if it was queried.
    pub(super) event: Option<i64>,
    /// Memory's position before the query: a log that ends earlier isn't the one that memory followed.
    pub(super) before: i64,
}

/// How to wait for the locks. A writer that waits in the queue of the graph's lock blocks all readers that come after
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Queue,
    /// Gives up after a while if operations hold the graph's lock, which may be long.
    BetweenOperations,
    /// Like [`Self::BetweenOperations`], and gives up at once if somebody is already bringing the realm up to date.
    No,
}

impl Realm {
    /// At the position of this graph; `snapshot_position` is that of its snapshot, or 0. Not to be used before it has
    /// caught up.
    pub(super) fn new(connection: &Connection, id: RealmId, graph: Graph, snapshot_position: i64) -> Result<Self> {
        let position = graph.position();
        Ok(Self {
            position: AtomicI64::new(position),
            last_event: AtomicI64::new(event_at(connection, id, position)?),
            recent: Mutex::new(RecentChanges::new(position)),
            last_changes: Mutex::default(),
            keys_changed: AtomicI64::new(position),
            graph: RwLock::new(graph),
            operations: AtomicUsize::new(0),
            following: Mutex::default(),
            valid_until: AtomicU64::new(0),
            snapshot_position: AtomicI64::new(snapshot_position),
        })
    }

    /// Where the log ends now.
    pub(super) fn observe_head(&self, connection: &Connection, id: RealmId) -> Result<ObservedHead> {
        let before = self.position();
        Ok(ObservedHead { head: head(connection, id)?, event: None, before })
    }

    /// Locks the realm for bringing it up to date. `None`: somebody else is doing so, and `wait` is [`Wait::No`].
    pub(super) fn lock_following(&self, wait: Wait) -> Option<MutexGuard<'_, ()>> {
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

    /// Locks the graph for a whole write operation.
    pub(crate) fn read_for_operation(&self) -> OperationGuard<'_> {
        self.operations.fetch_add(1, Ordering::AcqRel);
        OperationGuard { graph: self.read(), operations: &self.operations }
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Graph> {
        self.graph.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_for_change(&self, wait: Wait) -> Option<RwLockWriteGuard<'_, Graph>> {
        if wait == Wait::Queue {
            return Some(self.write());
        }
        let begun = Instant::now();
        loop {
            let busy = self.operations.load(Ordering::Acquire) > 0;
            match self.graph.try_write() {
                Ok(graph) => return Some(graph),
                Err(TryLockError::Poisoned(error)) => return Some(error.into_inner()),
                Err(TryLockError::WouldBlock) if begun.elapsed() < WRITE_LOCK_TIMEOUT => {
                    std::thread::sleep(WRITE_LOCK_POLL);
                }
                Err(TryLockError::WouldBlock) if busy => return None,
                Err(TryLockError::WouldBlock) => return Some(self.write()),
            }
        }
    }
}

/// A read lock of an operation: the follower sees it counted, and doesn't wait for its end.
pub(crate) struct OperationGuard<'r> {
    graph: RwLockReadGuard<'r, Graph>,
    operations: &'r AtomicUsize,
}

impl std::ops::Deref for OperationGuard<'_> {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        &self.graph
    }
}

impl Drop for OperationGuard<'_> {
    fn drop(&mut self) {
        self.operations.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(super) fn head(connection: &Connection, realm: RealmId) -> Result<i64> {
    let head = connection.optional("SELECT head FROM realm WHERE id = $1", &[realm.into()], |row| row.int(0))?;
    Ok(head.unwrap_or_default())
}

/// The raw id of the event at this position; 0 for none.
fn event_at(connection: &Connection, realm: RealmId, position: i64) -> Result<i64> {
    let event = "SELECT id FROM event WHERE realm = $1 AND seq = $2";
    let event = connection.optional(event, &[realm.into(), position.into()], |row| row.int(0))?;
    Ok(event.unwrap_or_default())
}
