//! All data of a realm, in portions and in a stable order.

use roster_model::{AccountUser, DirectoryLink, EntityId as _, Organization, OrganizationId, UserId};

use crate::error::Result;
use crate::sql::Select;
use crate::view::View;
use crate::{accounts, directory_links, organizations};

/// Which directory links. The root's id is the realm's own, which an import into another realm doesn't keep: so links
/// of the root come first, to have the same place wherever they are imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinksOf {
    /// Of the root's directory, about the root itself.
    RootItself,
    Root,
    Others,
}

/// Appends the condition for rows after one whose key has two columns.
fn behind<A: Into<crate::sql::Value>, B: Into<crate::sql::Value>>(
    select: &mut Select,
    columns: (&str, &str),
    after: Option<(A, B)>,
) {
    if let Some((first, second)) = after {
        select.push(&format!(" AND ({}, {}) > (", columns.0, columns.1)).bind(first).push(", ").bind(second).push(")");
    }
}

fn portion(select: &mut Select, order: &str, limit: u64) {
    select.push(" ORDER BY ").push(order).push(" LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
}

impl View<'_> {
    /// Disables the server's timeouts in this view's transaction, for streaming a realm to a client that may pause.
    pub fn disable_timeouts(&self) -> Result<()> {
        self.connection.disable_timeouts()
    }

    /// Organizations at this depth of the tree, by id.
    pub fn organizations_at(&self, depth: u8, after: Option<OrganizationId>, limit: u64) -> Result<Vec<Organization>> {
        let mut select = organizations::select(self);
        select.push(" AND o.depth = ").bind(depth);
        if let Some(after) = after {
            select.push(" AND o.id > ").bind(after);
        }
        portion(&mut select, "o.id", limit);
        self.organizations_of(&select)
    }

    /// By organization and user.
    pub fn account_users_after(&self, after: Option<(OrganizationId, UserId)>, limit: u64) -> Result<Vec<AccountUser>> {
        let mut select = accounts::select(self);
        behind(&mut select, ("a.organization", "a.usr"), after);
        portion(&mut select, "a.organization, a.usr", limit);
        self.connection.all(&select.text, &select.values, accounts::read)
    }

    /// By domain and subject. A link may be of an organization that was deleted. `root`: the realm's root organization.
    pub fn directory_links_after(
        &self,
        (root, of): (OrganizationId, LinksOf),
        after: Option<&DirectoryLink>,
        limit: u64,
    ) -> Result<Vec<DirectoryLink>> {
        let mut select = directory_links::select(self);
        match of {
            LinksOf::RootItself => select.push(" AND l.domain = ").bind(root).push(" AND l.subject = ").bind(root),
            LinksOf::Root => select.push(" AND l.domain = ").bind(root).push(" AND l.subject <> ").bind(root),
            LinksOf::Others => select.push(" AND l.domain <> ").bind(root),
        };
        behind(&mut select, ("l.domain", "l.subject"), after.map(|link| (link.domain.raw(), link.subject.raw())));
        portion(&mut select, "l.domain, l.subject", limit);
        self.connection.all(&select.text, &select.values, directory_links::read)
    }
}
