use roster_model::{OrganizationId, UserId};

use crate::error::Result;
use crate::index::Index;
use crate::view::View;

/// What an operation will want to know something about. Operations that share a transaction have it read together, before the first
/// of them begins; what was not named is read when it's asked for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub organizations: Vec<OrganizationId>,
    pub users: Vec<UserId>,
}

impl Names {
    pub(crate) const fn is_empty(&self) -> bool {
        self.organizations.is_empty() && self.users.is_empty()
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.organizations.extend(&other.organizations);
        self.users.extend(&other.users);
    }
}

impl View<'_> {
    /// Reads what isn't in memory, so that it is there. Where this view stands doesn't matter.
    pub(crate) fn remember(&self, index: &Index, mut names: Names) -> Result<()> {
        let Names { organizations, users } = &mut names;
        organizations.retain(|id| index.entities.organization(self.realm, *id).is_none());
        organizations.sort_unstable();
        organizations.dedup();
        users.retain(|id| index.entities.user(self.realm, *id).is_none());
        users.sort_unstable();
        users.dedup();
        if !organizations.is_empty() {
            self.remember_organizations(organizations)?;
        }
        if !users.is_empty() {
            self.remember_users(users)?;
        }
        Ok(())
    }
}
