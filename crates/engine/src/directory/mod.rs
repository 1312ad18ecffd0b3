//! Directories: identity providers that provision users and groups.
//!
//! ```text
//!   realm's root ─────────────── domain of a realm key: everybody
//!     ├ acme ─────────────────── domain of acme's key: who is a member here or below, and who is linked
//!     │   └ labs
//!     └ beta ─────────────────── domain of beta's key
//! ```
//!
//! A user has one *home*: the domain that made him, else the realm. What his home (or the realm) writes is the user himself;
//! what another domain writes stays in its link and is shown to it alone. So no customer's directory can rename, lock or take
//! over a person that others share.
//!
//! Members change as sets. Whatever is asked is worked out inside one transaction, from what is there then: who isn't named is
//! neither added nor removed, and of many changes at once none is lost.

mod groups;
mod members;
mod query;
mod users;

use roster_model::permission::BuiltIn as P;
use roster_model::{OrganizationId, TokenKind};

use crate::access::{Allowed, Domain, Found};
use crate::actor::{Actor, Caller};
use crate::error::{Error, Result, Subject};
use crate::transaction::Reader;

pub use groups::{GroupMember, GroupPatch, MembersWanted, NewGroup, ProvisionedGroup, RoleGroup};
pub use members::MemberChange;
pub use query::{DirectoryPage, DirectoryQuery, GroupNarrow, UserNarrow};
pub(crate) use users::check_link;
pub use users::{ProvisionedUser, UserProfile, UserProfilePatch};

/// How directories are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryOptions {
    /// Whether a directory that makes a user who exists elsewhere in the realm is linked to him; else it is refused.
    pub link_existing: bool,
    /// A request that would remove more than this part of a group's members, and more than `max_removal_floor` of them, is held.
    /// 100 holds none.
    pub max_removal_percent: u32,
    pub max_removal_floor: u64,
}

impl Default for DirectoryOptions {
    fn default() -> Self {
        Self { link_existing: true, max_removal_percent: 100, max_removal_floor: 10 }
    }
}

impl DirectoryOptions {
    /// Whether removing so many of so many is held.
    pub const fn holds(&self, removing: u64, members: u64) -> bool {
        let percent = self.max_removal_percent as u64;
        removing > self.max_removal_floor && removing.saturating_mul(100) > members.saturating_mul(percent)
    }
}

/// The top of the caller's domain: a key's own organization, else the realm's root.
fn top(reader: Reader<'_>) -> Result<Found<roster_model::Organization>> {
    let own = match &reader.acting.actor {
        Actor::Token(token) if token.kind == TokenKind::Organization => token.organization,
        Actor::Operator | Actor::Token(_) | Actor::Session(_) | Actor::Entering(_) | Actor::As(..) => None,
    };
    let id: OrganizationId = own.unwrap_or(reader.acting.root);
    reader.view.organization(id)?.map(Found).ok_or(Error::NotFound(Subject::Organization))
}

fn reading(reader: Reader<'_>) -> Result<Allowed<Domain>> {
    top(reader)?.allow_directory_read(reader)
}

fn writing(reader: Reader<'_>, permission: P) -> Result<Allowed<Domain>> {
    top(reader)?.allow_directory(reader, permission)
}

impl Caller {
    /// The organization at the top of the domain that this caller speaks for. For who may read it as a directory.
    pub async fn directory(&self) -> Result<Domain> {
        self.read_graph(|reader| Ok(reading(reader)?.into_inner())).await
    }

    /// The same, for who may write there with this permission.
    pub async fn directory_for(&self, permission: P) -> Result<Domain> {
        self.read_graph(move |reader| Ok(writing(reader, permission)?.into_inner())).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard() {
        let off = DirectoryOptions::default();
        assert!(!off.holds(5000, 5000));
        let on = DirectoryOptions { max_removal_percent: 25, max_removal_floor: 2, ..off };
        assert!(!on.holds(2, 2) && !on.holds(25, 100), "at the limits");
        assert!(on.holds(3, 3) && on.holds(26, 100));
    }
}
