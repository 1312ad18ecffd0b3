//! Directories: identity providers that provision users and groups.
//!
//! ```text
//!   realm's root ─────────────── domain of a realm key: all users
//!     ├ acme ─────────────────── domain of acme's key: members here or below, and linked users
//!     │   └ labs
//!     └ beta ─────────────────── domain of beta's key
//! ```
//!
//! A user has one *home*: the domain that created the user, else the realm. Writes by the home (or the realm) change
//! the user's own data; what another domain writes is stored in its link and shown to that domain only. So no
//! customer's directory can rename, lock or take over a user who is shared with others.
//!
//! Members change as sets. Each request is evaluated inside one transaction against the current members: users who aren't named are
//! neither added nor removed, and no concurrent change is lost.

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

/// Options for directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryOptions {
    /// Whether a directory that creates a user who exists elsewhere in the realm is linked to that user. If not, the
    /// creation is refused.
    pub link_existing: bool,
    /// A request that would remove more than this percentage of a group's members, and more than `max_removal_floor` of them, is refused.
    /// 100 turns the guard off.
    pub max_removal_percent: u32,
    pub max_removal_floor: u64,
}

impl Default for DirectoryOptions {
    fn default() -> Self {
        Self { link_existing: true, max_removal_percent: 100, max_removal_floor: 10 }
    }
}

impl DirectoryOptions {
    /// Whether removing this many of `members` exceeds the limit.
    pub const fn exceeds_removal_limit(&self, removing: u64, members: u64) -> bool {
        let percent = self.max_removal_percent as u64;
        removing > self.max_removal_floor && removing.saturating_mul(100) > members.saturating_mul(percent)
    }
}

/// The top of the caller's domain: a key's own organization, else the realm's root.
fn domain_top(reader: Reader<'_>) -> Result<Found<roster_model::Organization>> {
    let own = match &reader.acting.actor {
        Actor::Token(token) if token.kind == TokenKind::Organization => token.organization,
        Actor::Operator | Actor::Token(_) | Actor::Session(_) | Actor::LoggingIn(_) | Actor::ActingAs(..) => None,
    };
    let id: OrganizationId = own.unwrap_or(reader.acting.root);
    reader.view.organization(id)?.map(Found).ok_or(Error::NotFound(Subject::Organization))
}

fn readable_domain(reader: Reader<'_>) -> Result<Allowed<Domain>> {
    domain_top(reader)?.allow_directory_read(reader)
}

fn writable_domain(reader: Reader<'_>, permission: P) -> Result<Allowed<Domain>> {
    domain_top(reader)?.allow_directory(reader, permission)
}

impl Caller {
    /// The provisioning domain of this caller. Needs the rights to read it as a directory.
    pub async fn directory(&self) -> Result<Domain> {
        self.read_graph(|reader| Ok(readable_domain(reader)?.into_inner())).await
    }

    /// The same, with the right to write there with this permission.
    pub async fn directory_for(&self, permission: P) -> Result<Domain> {
        self.read_graph(move |reader| Ok(writable_domain(reader, permission)?.into_inner())).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard() {
        let off = DirectoryOptions::default();
        assert!(!off.exceeds_removal_limit(5000, 5000));
        let on = DirectoryOptions { max_removal_percent: 25, max_removal_floor: 2, ..off };
        assert!(!on.exceeds_removal_limit(2, 2) && !on.exceeds_removal_limit(25, 100), "at the limits");
        assert!(on.exceeds_removal_limit(3, 3) && on.exceeds_removal_limit(26, 100));
    }
}
