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
    /// How far the last import into this realm came.
    pub async fn import_progress(&self) -> Result<Option<ImportProgress>> {
        self.read(|reader| {
            reader.realm()?.allow(reader, P::UsersWrite)?;
            Ok(reader.view.import_progress()?)
        })
        .await
    }

    /// Does all of a chunk, or nothing: [`Error::Items`] says which lines can't be done and why. [`Error::PreconditionFailed`] if another import
    /// came in between. For the realm itself only.
    pub async fn import(&self, chunk: Arc<[Incoming]>, step: ImportStep) -> Result<()> {
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
            tx.change_all(&proof, &changes)?;
            tx.put_import_progress(&step.after)
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
