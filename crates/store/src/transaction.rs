use roster_model::{ActorRef, Change, EntityId as _, EventId, RealmId, Timestamp};

use crate::batch::{Batch, Head};
use crate::error::{Error, Result};
use crate::roles::CatalogCache;
use crate::sql::{Connection, Savepoint};
use crate::tables;
use crate::view::{Memory, View};

/// Whether the changes of a successful operation are kept.
#[derive(Clone, Debug)]
pub enum Decision<T> {
    /// Its changes are committed.
    Keep(T),
    /// A dry run: the answer is returned, the changes are rolled back.
    Drop(T),
}

/// A view that sees its own changes. No other writer changes the realm meanwhile.
#[derive(Debug)]
pub struct Transaction<'c> {
    view: View<'c>,
    batch: &'c Batch,
    reduces_access: bool,
}

impl<'c> std::ops::Deref for Transaction<'c> {
    type Target = View<'c>;

    fn deref(&self) -> &Self::Target {
        &self.view
    }
}

impl<'c> Transaction<'c> {
    /// `memory` is consulted if it is at the position before this transaction.
    pub(crate) fn open(
        connection: &'c Connection,
        catalogs: &'c CatalogCache,
        realm: RealmId,
        batch: &'c Batch,
        memory: Option<Memory<'c>>,
    ) -> Result<Self> {
        let known = batch.head(realm);
        let end = known.map(|known| (known.now, known.roles_version)).or_else(|| connection.head_at_begin(realm.raw()));
        let mut view = match end {
            Some(end) => View::at(connection, catalogs, realm, end),
            None => View::open(connection, catalogs, realm)?,
        };
        let (before, committed_roles_version) =
            known.map_or((view.head, view.roles_version), |known| (known.before, known.committed_roles_version));
        view.base = memory.filter(|memory| memory.graph.position() == before).map(|memory| (memory, batch));
        view.committed_roles_version = committed_roles_version;
        batch.put_head(
            realm,
            Head { before, now: view.head, roles_version: view.roles_version, committed_roles_version },
        );
        Ok(Self { view, batch, reduces_access: false })
    }

    /// Writes a change to its tables and appends it to the log as the next event, whose number it returns.
    pub fn apply(&mut self, event: EventId, time: Timestamp, actor: ActorRef, change: &Change) -> Result<i64> {
        let sequence = self.view.head + 1;
        self.note_effects(change);
        tables::apply(&self.view, sequence, change)?;
        self.view.append(sequence, time, actor, std::iter::once((event, change)))?;
        self.batch.note(self.view.realm, (sequence, event), change);
        self.view.head = sequence;
        Ok(sequence)
    }

    /// Like [`Self::apply`] for many changes, in order. Rows of one kind are inserted together, so a change must not
    /// depend on lookups of rows written by an earlier one.
    pub fn apply_all(
        &mut self,
        mut draw: impl FnMut() -> EventId,
        time: Timestamp,
        actor: ActorRef,
        changes: &[Change],
    ) -> Result<()> {
        let first = self.view.head + 1;
        for change in changes {
            self.note_effects(change);
        }
        tables::apply_all(&self.view, first, changes)?;
        let events: Vec<(EventId, &Change)> = changes.iter().map(|change| (draw(), change)).collect();
        self.view.append(first, time, actor, events.iter().copied())?;
        for (sequence, (event, change)) in (first..).zip(events) {
            self.batch.note(self.view.realm, (sequence, event), change);
            self.view.head = sequence;
        }
        Ok(())
    }

    fn note_effects(&mut self, change: &Change) {
        self.reduces_access |= roster_index::reduces_access(change);
        if tables::touches_roles(change) {
            self.view.roles_version += 1;
        }
    }

    /// Runs something that may fail on its own: then its changes are undone and the rest of the transaction stands.
    pub fn attempt<T, E: From<Error>>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let connection = self.view.connection;
        let (head, roles_version) = (self.view.head, self.view.roles_version);
        let changes = self.batch.changes();
        connection.savepoint(Savepoint::Attempt).map_err(E::from)?;
        let outcome = run(self);
        if outcome.is_err() {
            connection.rollback_to(Savepoint::Attempt).map_err(E::from)?;
            (self.view.head, self.view.roles_version) = (head, roles_version);
            self.batch.undo_to(changes);
        }
        connection.release(Savepoint::Attempt).map_err(E::from)?;
        outcome
    }

    /// Whether a change of this transaction reduces somebody's access.
    pub(crate) const fn reduces_access(&self) -> bool {
        self.reduces_access
    }

    /// Records in the batch where the realm's log ends now.
    pub(crate) fn finish(&self) {
        if let Some(known) = self.batch.head(self.view.realm) {
            let (now, roles_version) = (self.view.head, self.view.roles_version);
            self.batch.put_head(self.view.realm, Head { now, roles_version, ..known });
        }
    }
}
