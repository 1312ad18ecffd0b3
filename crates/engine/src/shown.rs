//! The ids by which a surface's clients know users and organizations: their aliases, else Roster's own ids.

use std::collections::HashMap;

use roster_model::{OrganizationId, UserId};
use roster_store::View;

use crate::actor::Caller;
use crate::error::Result;
use crate::reference::UserRef;
use crate::transaction::Reader;

/// The user that an id refers to, in any form. The caller must have checked the right to know of this user.
pub(crate) fn resolve_user(reader: Reader<'_>, id: &str) -> Result<Option<UserId>> {
    let found = UserRef::from(id).find_named(reader.view, reader.acting.surface, None)?;
    Ok(found.map(|user| user.id))
}

/// The id by which this surface's clients know a user.
pub(crate) fn shown_id(reader: Reader<'_>, user: UserId) -> Result<String> {
    let aliases = reader.view.user(user)?.map(|user| user.aliases).unwrap_or_default();
    Ok(reader.acting.surface.show(user, &aliases))
}

/// Users and organizations that an answer mentions. Whoever may read the answer may know their ids, so no right is needed.
impl Caller {
    /// The ids by which this surface's clients know these organizations. Those that don't exist are left out.
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

    /// Looks up each id once. The caller isn't looked up again: the caller's last operation may have ended its own
    /// session.
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
        let look = || store.read_memory(self.realm, seen, |view| show.clone()(view, &ids));
        match store.in_memory(look).await {
            Some(shown) => shown,
            None => store.read_from(self.realm, seen, move |view| show(view, &ids)).await,
        }
    }

    /// The users that these ids refer to, for use as conditions on what the caller may read. Those that don't exist are
    /// left out.
    pub async fn resolve_users(&self, ids: Vec<String>) -> Result<Vec<UserId>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.read(move |reader| ids.iter().filter_map(|id| resolve_user(reader, id).transpose()).collect()).await
    }
}
