//! Export of a realm: everything that says who belongs where, from one view.

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
use crate::stream::{ChunkSender, Chunks};
use crate::transaction::Reader;

/// Rows in one chunk.
const CHUNK_ROWS: u64 = 500;

/// One exported entity.
#[derive(Clone, Debug)]
pub enum Exported {
    /// A custom one.
    Permission(Permission),
    /// A custom one.
    Role(Role),
    Organization(Organization),
    User(User),
    Membership(Membership),
    /// A pending one.
    Invitation(Invitation),
    AccountUser(AccountUser),
    DirectoryLink(Box<DirectoryLink>),
}

fn full<T>(chunk: &[T]) -> bool {
    chunk.len() as u64 == CHUNK_ROWS
}

fn slice(after: Option<i64>) -> Slice {
    Slice { after: after.map(|id| Mark { key: Key::None, id }), limit: Some(CHUNK_ROWS), ..Slice::default() }
}

fn roles(reader: Reader<'_>, sender: &ChunkSender<Exported>) -> Result<()> {
    let permissions = reader.view.list_permissions()?.into_iter().filter(|permission| !permission.system);
    sender.send(permissions.map(Exported::Permission).collect())?;
    let catalog = reader.roles()?;
    sender.send(catalog.iter().filter(|role| !role.system).cloned().map(Exported::Role).collect())
}

/// Parents before their children.
fn organizations(reader: Reader<'_>, sender: &ChunkSender<Exported>) -> Result<()> {
    for depth in 0..=DEPTH_MAX {
        let mut after = None;
        loop {
            let chunk = reader.view.organizations_at(depth, after, CHUNK_ROWS)?;
            if chunk.is_empty() && after.is_none() {
                return Ok(());
            }
            let more = full(&chunk);
            after = chunk.last().map(|organization| organization.id);
            sender.send(chunk.into_iter().map(Exported::Organization).collect())?;
            if !more {
                break;
            }
        }
    }
    Ok(())
}

/// By id, a chunk at a time.
fn by_id<T>(
    sender: &ChunkSender<Exported>,
    mut list: impl FnMut(&Slice) -> Result<Vec<T>>,
    id: impl Fn(&T) -> i64,
    one: impl Fn(T) -> Exported,
) -> Result<()> {
    let mut after = None;
    loop {
        let chunk = list(&slice(after))?;
        let more = full(&chunk);
        after = chunk.last().map(&id);
        sender.send(chunk.into_iter().map(&one).collect())?;
        if !more {
            return Ok(());
        }
    }
}

fn account_users(reader: Reader<'_>, sender: &ChunkSender<Exported>) -> Result<()> {
    let mut after = None;
    loop {
        let chunk = reader.view.account_users_after(after, CHUNK_ROWS)?;
        let more = full(&chunk);
        after = chunk.last().map(|record| (record.organization, record.user));
        sender.send(chunk.into_iter().map(Exported::AccountUser).collect())?;
        if !more {
            return Ok(());
        }
    }
}

fn directory_links(reader: Reader<'_>, sender: &ChunkSender<Exported>, of: LinksOf) -> Result<()> {
    let mut last: Option<DirectoryLink> = None;
    loop {
        let chunk = reader.view.directory_links_after((reader.acting.root, of), last.as_ref(), CHUNK_ROWS)?;
        let more = full(&chunk);
        last = chunk.last().cloned();
        let mut live = Vec::with_capacity(chunk.len());
        for link in chunk {
            let there = match link.subject {
                LinkSubject::User(_) => true,
                LinkSubject::Organization(id) => reader.view.organization(id)?.is_some(),
            };
            live.extend(there.then(|| Exported::DirectoryLink(Box::new(link))));
        }
        sender.send(live)?;
        if !more {
            return Ok(());
        }
    }
}

impl Caller {
    /// Exports the realm, in an order in which everything comes after what it refers to. Without secrets and anything that grants access:
    /// tokens, passwords and sessions are not exported. Needs a realm key without scopes.
    ///
    /// Ends with an error if a chunk isn't taken within `timeout`. `None`: waits without limit, and occupies one of the engine's stream permits
    /// meanwhile; that is for a process that serves nobody else.
    pub async fn export(&self, timeout: Option<Duration>) -> Result<Chunks<Exported>> {
        if !self.is_realm_key() {
            return Err(Error::Forbidden("a realm key".into()));
        }
        self.stream_with_timeout(timeout, |reader, sender| {
            reader.realm()?.allow(reader, P::UsersRead)?;
            let view = reader.view;
            roles(reader, sender)?;
            organizations(reader, sender)?;
            let all = UserFilter::default();
            by_id(sender, |slice| Ok(view.list_users(&all, UserSort::Id, slice)?), |u| u.id.raw(), Exported::User)?;
            let all = MemberFilter::default();
            by_id(
                sender,
                |slice| Ok(view.list_memberships(&all, MemberSort::Created, slice)?),
                |m| m.id.raw(),
                Exported::Membership,
            )?;
            let pending = InvitationFilter {
                status: Some((vec![InvitationStatus::Pending], reader.now())),
                ..InvitationFilter::default()
            };
            by_id(
                sender,
                |slice| Ok(view.list_invitations(&pending, InvitationSort::Created, slice)?),
                |i| i.id.raw(),
                Exported::Invitation,
            )?;
            account_users(reader, sender)?;
            [LinksOf::RootItself, LinksOf::Root, LinksOf::Others]
                .into_iter()
                .try_for_each(|of| directory_links(reader, sender, of))
        })
        .await
    }
}
