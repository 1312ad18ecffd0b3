use roster_model::{ActorRef, Change, EntityId as _, EventId, RealmId, Timestamp};

use crate::error::{Error, Result};
use crate::roles::CatalogCache;
use crate::sql::Connection;
use crate::tables;
use crate::view::View;

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
    head_before: i64,
    takes_away: bool,
}

impl<'c> std::ops::Deref for Transaction<'c> {
    type Target = View<'c>;

    fn deref(&self) -> &Self::Target {
        &self.view
    }
}

impl<'c> Transaction<'c> {
    pub(crate) fn open(connection: &'c Connection, catalogs: &'c CatalogCache, realm: RealmId) -> Result<Self> {
        let view = View::open(connection, catalogs, realm)?;
        let head_before = view.head;
        Ok(Self { view, head_before, takes_away: false })
    }

    /// Writes a change to its tables and to the log, as the next event.
    pub fn apply(&mut self, event: EventId, time: Timestamp, actor: ActorRef, change: &Change) -> Result<i64> {
        let sequence = self.view.head + 1;
        self.note(change);
        tables::apply(&self.view, sequence, change)?;
        self.view.append(sequence, time, actor, std::iter::once((event, change)))?;
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
            self.note(change);
        }
        tables::apply_all(&self.view, first, changes)?;
        self.view.append(first, time, actor, changes.iter().map(|change| (draw(), change)))?;
        self.view.head += i64::try_from(changes.len()).map_err(|_| Error::Corrupt(String::from("too many changes")))?;
        Ok(())
    }

    fn note(&mut self, change: &Change) {
        self.takes_away |= roster_index::takes_away(change);
        if tables::touches_roles(change) {
            self.view.roles_version += 1;
        }
    }

    /// Tries something that may be refused by itself: then its changes are undone and the rest stands.
    pub fn attempt<T, E: From<Error>>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let connection = self.view.connection;
        let (head, roles_version) = (self.view.head, self.view.roles_version);
        connection.control("SAVEPOINT attempt").map_err(E::from)?;
        let outcome = run(self);
        if outcome.is_err() {
            connection.control("ROLLBACK TO attempt").map_err(E::from)?;
            (self.view.head, self.view.roles_version) = (head, roles_version);
        }
        connection.control("RELEASE attempt").map_err(E::from)?;
        outcome
    }

    /// Whether somebody may do less afterwards.
    pub(crate) const fn takes_away(&self) -> bool {
        self.takes_away
    }

    pub(crate) fn finish(&mut self) -> Result<()> {
        if self.view.head == self.head_before {
            return Ok(());
        }
        let changed = self.view.connection.execute(
            "UPDATE realm SET head = $2, roles_version = $3 WHERE id = $1",
            &[self.view.realm.into(), self.view.head.into(), self.view.roles_version.into()],
        )?;
        if changed == 1 { Ok(()) } else { Err(Error::Corrupt(format!("no realm {}", self.view.realm.raw()))) }
    }
}
