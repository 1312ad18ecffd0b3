//! Everything of a realm that says who belongs where, as it is at one moment.

use std::time::Duration;

use roster_model::permission::BuiltIn as P;
use roster_model::{
    AccountUser, DirectoryLink, InvitationStatus, LinkSubject, Membership, Organization, Permission, Role, User,
    tree::DEPTH_MAX,
};
use roster_model::{EntityId as _, Invitation};
use roster_store::list::{Key, Mark, Slice};
use roster_store::{InvitationFilter, InvitationSort, LinksOf, MemberFilter, MemberSort, UserFilter, UserSort};

use crate::actor::Caller;
use crate::error::{Error, Result};
use crate::stream::{Chunks, Outlet};
use crate::transaction::Reader;

/// Rows in one piece.
const PIECE: u64 = 500;

/// One thing of a realm.
#[derive(Clone, Debug)]
pub enum Exported {
    /// One of the realm's own.
    Permission(Permission),
    /// One of the realm's own.
    Role(Role),
    Organization(Organization),
    User(User),
    Membership(Membership),
    /// A pending one.
    Invitation(Invitation),
    AccountUser(AccountUser),
    DirectoryLink(Box<DirectoryLink>),
}

fn full<T>(piece: &[T]) -> bool {
    piece.len() as u64 == PIECE
}

fn slice(after: Option<i64>) -> Slice {
    Slice { after: after.map(|id| Mark { key: Key::None, id }), limit: Some(PIECE), ..Slice::default() }
}

fn roles(reader: Reader<'_>, outlet: &Outlet<Exported>) -> Result<()> {
    let permissions = reader.view.list_permissions()?.into_iter().filter(|permission| !permission.system);
    outlet.send(permissions.map(Exported::Permission).collect())?;
    let catalog = reader.roles()?;
    outlet.send(catalog.iter().filter(|role| !role.system).cloned().map(Exported::Role).collect())
}

/// Those above first.
fn organizations(reader: Reader<'_>, outlet: &Outlet<Exported>) -> Result<()> {
    for depth in 0..=DEPTH_MAX {
        let mut after = None;
        loop {
            let piece = reader.view.organizations_at(depth, after, PIECE)?;
            if piece.is_empty() && after.is_none() {
                return Ok(());
            }
            let more = full(&piece);
            after = piece.last().map(|organization| organization.id);
            outlet.send(piece.into_iter().map(Exported::Organization).collect())?;
            if !more {
                break;
            }
        }
    }
    Ok(())
}

/// By id, a piece at a time.
fn by_id<T>(
    outlet: &Outlet<Exported>,
    mut list: impl FnMut(&Slice) -> Result<Vec<T>>,
    id: impl Fn(&T) -> i64,
    one: impl Fn(T) -> Exported,
) -> Result<()> {
    let mut after = None;
    loop {
        let piece = list(&slice(after))?;
        let more = full(&piece);
        after = piece.last().map(&id);
        outlet.send(piece.into_iter().map(&one).collect())?;
        if !more {
            return Ok(());
        }
    }
}

fn account_users(reader: Reader<'_>, outlet: &Outlet<Exported>) -> Result<()> {
    let mut after = None;
    loop {
        let piece = reader.view.account_users_after(after, PIECE)?;
        let more = full(&piece);
        after = piece.last().map(|record| (record.organization, record.user));
        outlet.send(piece.into_iter().map(Exported::AccountUser).collect())?;
        if !more {
            return Ok(());
        }
    }
}

fn directory_links(reader: Reader<'_>, outlet: &Outlet<Exported>, of: LinksOf) -> Result<()> {
    let mut last: Option<DirectoryLink> = None;
    loop {
        let piece = reader.view.directory_links_after((reader.acting.root, of), last.as_ref(), PIECE)?;
        let more = full(&piece);
        last = piece.last().cloned();
        let mut live = Vec::with_capacity(piece.len());
        for link in piece {
            let there = match link.subject {
                LinkSubject::User(_) => true,
                LinkSubject::Organization(id) => reader.view.organization(id)?.is_some(),
            };
            live.extend(there.then(|| Exported::DirectoryLink(Box::new(link))));
        }
        outlet.send(live)?;
        if !more {
            return Ok(());
        }
    }
}

impl Caller {
    /// The realm, in an order in which nothing comes before what it names. No secrets and nothing that grants access: tokens, passwords and
    /// sessions stay where they are. For the realm itself only.
    ///
    /// It ends with an error if a piece isn't taken within `patience`. `None`: it waits for as long as it takes, and keeps its place among the
    /// engine's long lists; that is for a process in which nobody else wants one.
    pub async fn export(&self, patience: Option<Duration>) -> Result<Chunks<Exported>> {
        if !self.is_realm_key() {
            return Err(Error::Forbidden("a realm key".into()));
        }
        self.stream_within(patience, |reader, outlet| {
            reader.realm()?.allow(reader, P::UsersRead)?;
            let view = reader.view;
            roles(reader, outlet)?;
            organizations(reader, outlet)?;
            let all = UserFilter::default();
            by_id(outlet, |slice| Ok(view.list_users(&all, UserSort::Id, slice)?), |u| u.id.raw(), Exported::User)?;
            let all = MemberFilter::default();
            by_id(
                outlet,
                |slice| Ok(view.list_memberships(&all, MemberSort::Created, slice)?),
                |m| m.id.raw(),
                Exported::Membership,
            )?;
            let pending = InvitationFilter {
                status: Some((vec![InvitationStatus::Pending], reader.now())),
                ..InvitationFilter::default()
            };
            by_id(
                outlet,
                |slice| Ok(view.list_invitations(&pending, InvitationSort::Created, slice)?),
                |i| i.id.raw(),
                Exported::Invitation,
            )?;
            account_users(reader, outlet)?;
            [LinksOf::RootItself, LinksOf::Root, LinksOf::Others]
                .into_iter()
                .try_for_each(|of| directory_links(reader, outlet, of))
        })
        .await
    }
}
