//! The ids that a surface's clients know users and organizations by: those they brought along, or those of ours.

use std::collections::HashMap;

use roster_model::{OrganizationId, User, UserId};
use roster_store::View;

use crate::actor::Caller;
use crate::error::Result;
use crate::reference::UserRef;
use crate::transaction::Reader;

/// Whom an id means, in any form, for who may know of him.
pub(crate) fn meant(reader: Reader<'_>, id: &str) -> Result<Option<User>> {
    UserRef::from(id).find(reader.view, reader.acting.surface, None)
}

/// The id that this surface's clients know a user by.
pub(crate) fn shown_id(reader: Reader<'_>, user: UserId) -> Result<String> {
    let aliases = reader.view.user(user)?.map(|user| user.aliases).unwrap_or_default();
    Ok(reader.acting.surface.show(user, &aliases))
}

/// Users and organizations that an answer names beside what it is about. Who may read the answer may read whom it names,
/// so these need no right.
impl Caller {
    /// The ids that this surface's clients know these organizations by. What isn't there is left out.
    pub async fn shown_organization_ids(
        &self,
        organizations: Vec<OrganizationId>,
    ) -> Result<HashMap<OrganizationId, String>> {
        let surface = self.surface();
        self.shown_ids(organizations, move |view, ids| {
            let found = view.shared_organizations(ids)?;
            Ok(found.iter().map(|found| (found.id, surface.show(found.id, &found.aliases))).collect())
        })
        .await
    }

    /// The same for users.
    pub async fn shown_user_ids(&self, users: Vec<UserId>) -> Result<HashMap<UserId, String>> {
        let surface = self.surface();
        self.shown_ids(users, move |view, ids| {
            let found = view.shared_users(ids)?;
            Ok(found.iter().map(|found| (found.id, surface.show(found.id, &found.aliases))).collect())
        })
        .await
    }

    /// Each is looked up once, and the caller not again: what he has just done may have ended the session that he did it by.
    async fn shown_ids<I: Ord + Send + 'static>(
        &self,
        mut ids: Vec<I>,
        show: impl FnOnce(&View<'_>, &[I]) -> Result<HashMap<I, String>> + Clone + Send + 'static,
    ) -> Result<HashMap<I, String>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        ids.sort_unstable();
        ids.dedup();
        let (store, seen) = (self.engine.store(), self.position());
        let look = || store.look(self.realm, seen, |view| show.clone()(view, &ids));
        match store.in_memory(look).await {
            Some(shown) => shown,
            None => store.read_from(self.realm, seen, move |view| show(view, &ids)).await,
        }
    }

    /// Whom ids mean by which this surface's clients look for what they may read. Who isn't there is left out.
    pub async fn users_meant(&self, ids: Vec<String>) -> Result<Vec<UserId>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.read(move |reader| {
            let found = ids.iter().filter_map(|id| meant(reader, id).transpose());
            found.map(|user| user.map(|user| user.id)).collect()
        })
        .await
    }
}
