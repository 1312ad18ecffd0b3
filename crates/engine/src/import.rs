//! Many things at once, from a file: what somebody else kept, or what another Roster had.
//!
//! An import is run in chunks, each a transaction of its own in which it is also written down how far the import came. So whoever was stopped
//! goes on behind the last chunk, and nothing is done twice. Everything that comes in passes the rules that single operations pass, by the same
//! functions ([`crate::users::build`] and its like); what differs is that a chunk asks the database about all its lines together, and keeps the
//! answers in [`Known`].

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

pub use known::Known;
pub use record::{
    Carried, Incoming, IncomingAccountUser, IncomingAddress, IncomingDirectoryLink, IncomingInvitation,
    IncomingMembership, IncomingOrganization, IncomingRoot, IncomingSubject, IncomingUser, OrganizationName, UserName,
};

use crate::actor::Caller;
use crate::error::{Error, Result};
use crate::transaction::Drawing;
use apply::Chunk;

/// How far an import was before a chunk, and is after it.
#[derive(Clone, Debug)]
pub struct ImportStep {
    pub before: Option<ImportProgress>,
    pub after: ImportProgress,
}

impl Caller {
    /// How far the last import into this realm came. Makes the database ready for another one.
    pub async fn begin_import(&self) -> Result<Option<ImportProgress>> {
        self.must_be_the_realm()?;
        self.engine.store().expect_much(self.realm_id()).await?;
        self.read(|reader| {
            reader.realm()?.allow(reader, P::UsersWrite)?;
            Ok(reader.view.import_progress()?)
        })
        .await
    }

    /// Whether whoever writes keeps all others in all realms from it, and they get their turn by luck: as in a file.
    pub fn writes_to_a_file(&self) -> bool {
        self.engine.store().is_file()
    }

    /// Has the database look at how much there is by now, so that it finds things as fast as it can. Not being able to is no failure.
    pub async fn settle_import(&self) {
        if let Err(error) = self.engine.store().look_at_tables().await {
            tracing::warn!(%error, "the database was not told how much there is by now");
        }
    }

    /// Does all of a chunk, or nothing: [`Error::Items`] says which lines can't be done and why. [`Error::PreconditionFailed`] if another import
    /// came in between. Answers where the realm's log ended before and ends now. For the realm itself only.
    pub async fn import(&self, chunk: Arc<[Incoming]>, step: ImportStep) -> Result<(i64, i64)> {
        self.must_be_the_realm()?;
        self.write(move |tx| {
            let proof = tx.read().realm()?.allow(tx.read(), P::UsersWrite)?;
            if tx.read().view.import_progress()? != step.before {
                return Err(Error::PreconditionFailed);
            }
            let mut known = Known::default();
            let (changes, refused) = Chunk::run(tx.read(), tx.drawing(), &mut known, &chunk)?;
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

    /// What [`Self::import`] would refuse, and changes nothing. `known` is what the chunks before amount to.
    pub async fn check_import(
        &self,
        chunk: Arc<[Incoming]>,
        mut known: Box<Known>,
    ) -> Result<(Box<Known>, Vec<(usize, Error)>)> {
        self.must_be_the_realm()?;
        let ids = Arc::clone(self.engine.ids());
        self.read(move |reader| {
            reader.realm()?.allow(reader, P::UsersWrite)?;
            let drawing = Drawing { ids: &ids, now: reader.now() };
            let (_, refused) = Chunk::run(reader, drawing, &mut known, &chunk)?;
            Ok((known, refused))
        })
        .await
    }

    fn must_be_the_realm(&self) -> Result<()> {
        if self.is_realm_key() { Ok(()) } else { Err(Error::Forbidden("a realm key".into())) }
    }
}
