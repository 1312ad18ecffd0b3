use roster_model::{OrganizationId, UserId};

use crate::error::Result;
use crate::index::Index;
use crate::view::View;

/// Entities that an operation will look up. Operations that share a transaction have them read together before the
/// first one runs; anything else is read on demand.
#[derive(Clone, Debug, Default)]
pub struct Prefetch {
    pub organizations: Vec<OrganizationId>,
    pub users: Vec<UserId>,
}

impl Prefetch {
    pub(crate) const fn is_empty(&self) -> bool {
        self.organizations.is_empty() && self.users.is_empty()
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.organizations.extend(&other.organizations);
        self.users.extend(&other.users);
    }
}

impl View<'_> {
    /// Reads those that aren't cached yet. This view's position doesn't matter.
    pub(crate) fn prefetch(&self, index: &Index, mut names: Prefetch) -> Result<()> {
        let Prefetch { organizations, users } = &mut names;
        organizations.retain(|id| index.entities.organization(self.realm, *id).is_none());
        organizations.sort_unstable();
        organizations.dedup();
        users.retain(|id| index.entities.user(self.realm, *id).is_none());
        users.sort_unstable();
        users.dedup();
        if !organizations.is_empty() {
            self.prefetch_organizations(organizations)?;
        }
        if !users.is_empty() {
            self.prefetch_users(users)?;
        }
        Ok(())
    }
}
