use roster_model::{ActorRef, Change, EntityId as _, EventId, RealmId, Timestamp};

use crate::batch::{Batch, Head};
use crate::error::{Error, Result};
use crate::roles::CatalogCache;
use crate::sql::{Connection, Savepoint};
use crate::tables;
use crate::view::{Memory, View};

/// What becomes of an operation that wasn't refused.
#[derive(Clone, Debug)]
pub enum Decision<T> {
    /// Its changes are committed.
    Keep(T),
    /// It was a rehearsal: the answer counts, the changes don't.
    Drop(T),
}

/// A view that sees its own changes. Nobody else changes the realm meanwhile.
#[derive(Debug)]
pub struct Transaction<'c> {
    view: View<'c>,
    batch: &'c Batch,
    takes_away: bool,
}

impl<'c> std::ops::Deref for Transaction<'c> {
    type Target = View<'c>;

    fn deref(&self) -> &Self::Target {
        &self.view
    }
}

impl<'c> Transaction<'c> {
    /// `memory`: where what is known is looked up, if it is of the moment before this transaction.
    pub(crate) fn open(
        connection: &'c Connection,
        catalogs: &'c CatalogCache,
        realm: RealmId,
        batch: &'c Batch,
        memory: Option<Memory<'c>>,
    ) -> Result<Self> {
        let known = batch.head(realm);
        let end = known.map(|known| (known.now, known.roles_version)).or_else(|| connection.locked(realm.raw()));
        let mut view = match end {
            Some(end) => View::at(connection, catalogs, realm, end),
            None => View::open(connection, catalogs, realm)?,
        };
        let (before, settled_roles) =
            known.map_or((view.head, view.roles_version), |known| (known.before, known.settled_roles));
        view.settled = memory.filter(|memory| memory.graph.position() == before).map(|memory| (memory, batch));
        view.settled_roles = settled_roles;
        batch.put_head(realm, Head { before, now: view.head, roles_version: view.roles_version, settled_roles });
        Ok(Self { view, batch, takes_away: false })
    }

    /// Writes a change to its tables and to the log, as the next event.
    pub fn apply(&mut self, event: EventId, time: Timestamp, actor: ActorRef, change: &Change) -> Result<i64> {
        let sequence = self.view.head + 1;
        self.look_at(change);
        tables::apply(&self.view, sequence, change)?;
        self.view.append(sequence, time, actor, std::iter::once((event, change)))?;
        self.batch.note(self.view.realm, (sequence, event), change);
        self.view.head = sequence;
        Ok(sequence)
    }

    /// The same for many changes, in their order. Rows of one kind are written together, so unlike after [`Self::apply`] nothing is to be
    /// looked up in between.
    pub fn apply_all(
        &mut self,
        mut draw: impl FnMut() -> EventId,
        time: Timestamp,
        actor: ActorRef,
        changes: &[Change],
    ) -> Result<()> {
        let first = self.view.head + 1;
        for change in changes {
            self.look_at(change);
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

    fn look_at(&mut self, change: &Change) {
        self.takes_away |= roster_index::takes_away(change);
        if tables::touches_roles(change) {
            self.view.roles_version += 1;
        }
    }

    /// Tries something that may be refused by itself: then its changes are undone and the rest stands.
    pub fn attempt<T, E: From<Error>>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let connection = self.view.connection;
        let (head, roles_version) = (self.view.head, self.view.roles_version);
        let changes = self.batch.changes();
        connection.savepoint(Savepoint::Attempt).map_err(E::from)?;
        let outcome = run(self);
        if outcome.is_err() {
            connection.back_to(Savepoint::Attempt).map_err(E::from)?;
            (self.view.head, self.view.roles_version) = (head, roles_version);
            self.batch.undo_to(changes);
        }
        connection.release(Savepoint::Attempt).map_err(E::from)?;
        outcome
    }

    /// Whether somebody may do less afterwards.
    pub(crate) const fn takes_away(&self) -> bool {
        self.takes_away
    }

    /// Tells the batch how far the realm's log goes now.
    pub(crate) fn finish(&self) {
        if let Some(known) = self.batch.head(self.view.realm) {
            let (now, roles_version) = (self.view.head, self.view.roles_version);
            self.batch.put_head(self.view.realm, Head { now, roles_version, ..known });
        }
    }
}
