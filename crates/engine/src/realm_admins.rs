//! The realm itself as callers see it, and its admins: the members of its root, which most surfaces hide.

use roster_model::permission::BuiltIn as P;
use roster_model::{Realm, Right, RoleNumber, RoleSet, User, UserId};

use crate::access::Found;
use crate::actor::Caller;
use crate::error::{Error, Result, Subject};
use crate::memberships::{self, MembershipPatch, NewMembership};
use crate::transaction::Tx;

/// Makes a user an admin of the realm, or revokes that. The root's owner already counts as one and can't be demoted.
pub(crate) fn set(tx: &mut Tx<'_, '_>, user: &User, wanted: bool) -> Result<()> {
    let reader = tx.read();
    let root = reader.view.organization(reader.acting.root)?.ok_or(Error::NotFound(Subject::Organization))?;
    let root = Found(root).allow(reader, Right::tree(P::MembershipsWrite))?;
    let Some(before) = reader.view.membership(root.id, user.id)? else {
        if wanted {
            let new = NewMembership { roles: RoleSet::of(RoleNumber::ADMIN), ..NewMembership::default() };
            memberships::add(tx, &root, user, &new)?;
        }
        return Ok(());
    };
    let roles = match (before.roles.contains(RoleNumber::OWNER), wanted) {
        (true, true) => return Ok(()),
        (true, false) => return Err(Error::OwnerProtected),
        (false, true) => before.roles.with(RoleNumber::ADMIN),
        (false, false) => before.roles.without(RoleNumber::ADMIN),
    };
    if roles.is_empty() {
        return memberships::remove(tx, &root, &before);
    }
    let patch = MembershipPatch { roles: Some(roles), ..MembershipPatch::default() };
    memberships::update(tx, &root, &before, &patch).map(drop)
}

impl Caller {
    /// The caller's realm.
    pub async fn realm(&self) -> Result<Realm> {
        self.read(|reader| Ok(reader.realm()?.allow_everyone(reader)?.into_inner())).await
    }

    /// The realm, if the caller holds this permission at its root. A surface may require more than the operation that follows.
    pub async fn realm_for(&self, permission: P) -> Result<Realm> {
        self.read_graph(move |reader| Ok(reader.realm()?.allow(reader, permission)?.into_inner())).await
    }

    /// The roles of each of these users at the realm's root, in their order. For the caller's own user, or with
    /// `users:read` at the root.
    pub async fn roles_at_root(&self, users: Vec<UserId>) -> Result<Vec<RoleSet>> {
        self.read_graph(move |reader| {
            if users.iter().any(|user| reader.acting.user != Some(*user)) {
                reader.realm()?.allow(reader, P::UsersRead)?;
            }
            let root = [reader.acting.root];
            let held = |user: &UserId| Ok(reader.held_along(*user, &root)?.first().copied().unwrap_or_default());
            users.iter().map(held).collect()
        })
        .await
    }
}
