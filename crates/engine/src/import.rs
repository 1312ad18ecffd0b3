//! Import of many entities from a file: from another system, or from an export of another Roster.
//!
//! An import runs in chunks. Each is a transaction that also stores how far the import has come, so an interrupted import continues after the
//! last chunk, and nothing is done twice. Everything imported passes the same rules as single operations, by the same functions
//! ([`crate::users::build`] and the like); the difference is that a chunk looks up what all its lines refer to in a few queries, and keeps the
//! results in [`ImportState`].

mod apply;
mod known;
mod memberships;
mod organizations;
mod others;
mod prefetch;
mod record;
mod roles;
mod users;

use std::sync::Arc;

use roster_model::permission::BuiltIn as P;
pub use roster_store::ImportProgress;

pub use known::ImportState;
pub use record::{
    Carried, Incoming, IncomingAccountUser, IncomingAddress, IncomingDirectoryLink, IncomingInvitation,
    IncomingMembership, IncomingOrganization, IncomingRoot, IncomingSubject, IncomingUser, OrganizationName, UserName,
};

use crate::actor::Caller;
use crate::error::{Error, Result};
use crate::transaction::Creation;
use apply::Chunk;

/// The progress of an import before and after a chunk.
#[derive(Clone, Debug)]
pub struct ImportStep {
    pub before: Option<ImportProgress>,
    pub after: ImportProgress,
}

impl Caller {
    /// The progress of the last import into this realm. Prepares the database for another import.
    pub async fn begin_import(&self) -> Result<Option<ImportProgress>> {
        self.require_realm_key()?;
        self.engine.store().expect_bulk_writes(self.realm_id()).await?;
        self.read(|reader| {
            reader.realm()?.allow(reader, P::UsersWrite)?;
            Ok(reader.view.import_progress()?)
        })
        .await
    }

    /// Whether the database allows only one writer at a time over all realms, as a SQLite file does, without a fair queue for the others.
    pub fn has_exclusive_writer(&self) -> bool {
        self.engine.store().is_file()
    }

    /// Updates the database's statistics, so that its query plans fit the amount of data. A failure is only logged.
    pub async fn analyze_after_import(&self) {
        if let Err(error) = self.engine.store().analyze().await {
            tracing::warn!(%error, "the database's statistics were not updated");
        }
    }

    /// Imports a chunk, all or nothing: [`Error::Items`] tells which lines failed and why. [`Error::PreconditionFailed`] if another import came in
    /// between. Returns the position of the realm's log before and after. Needs a realm key without scopes.
    pub async fn import(&self, chunk: Arc<[Incoming]>, step: ImportStep) -> Result<(i64, i64)> {
        self.require_realm_key()?;
        self.write(move |tx| {
            let proof = tx.read().realm()?.allow(tx.read(), P::UsersWrite)?;
            if tx.read().view.import_progress()? != step.before {
                return Err(Error::PreconditionFailed);
            }
            let mut known = ImportState::default();
            let (changes, refused) = Chunk::run(tx.read(), tx.creation(), &mut known, &chunk)?;
            if !refused.is_empty() {
                return Err(Error::Items(refused));
            }
            let before = tx.read().view.position();
            tx.change_all(&proof, &changes)?;
            tx.put_import_progress(&step.after)?;
            Ok((before, tx.read().view.position()))
        })
        .await
    }

    /// The lines that [`Self::import`] would refuse; changes nothing. `known` is the state after the chunks before.
    pub async fn check_import(
        &self,
        chunk: Arc<[Incoming]>,
        mut known: Box<ImportState>,
    ) -> Result<(Box<ImportState>, Vec<(usize, Error)>)> {
        self.require_realm_key()?;
        let ids = Arc::clone(self.engine.ids());
        self.read(move |reader| {
            reader.realm()?.allow(reader, P::UsersWrite)?;
            let creation = Creation { ids: &ids, now: reader.now() };
            let (_, refused) = Chunk::run(reader, creation, &mut known, &chunk)?;
            Ok((known, refused))
        })
        .await
    }

    fn require_realm_key(&self) -> Result<()> {
        if self.is_realm_key() { Ok(()) } else { Err(Error::Forbidden("a realm key".into())) }
    }
}
