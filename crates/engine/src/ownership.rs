//! Ownership: setting, transferring and clearing it.

use roster_model::permission::BuiltIn as P;
use roster_model::{Change, Membership, Right, ownership};

use crate::access::Proof;
use crate::actor::Caller;
use crate::error::{Error, Result, Subject};
use crate::memberships::{Member, extras_for_roles, find_membership};
use crate::people::member_of;
use crate::reference::{OrganizationRef, UserRef};
use crate::sessions::MemberRef;
use crate::transaction::Tx;

/// The owner becomes an admin and stays a member.
pub(crate) fn clear(tx: &mut Tx<'_, '_>, proof: &impl Proof, before: Membership) -> Result<Membership> {
    let updated = tx.now().advanced_past(before.updated);
    let roles = ownership::former_owner_roles(before.roles);
    let extras = extras_for_roles(roles, &before.extras);
    let after = Membership { roles, extras, updated, ..before.clone() };
    tx.change(proof, &Change::OwnershipCleared { before: Box::new(before), after: Box::new(after.clone()) })?;
    Ok(after)
}

impl Caller {
    /// The owner's membership. Needs the right to list the members.
    pub async fn owner(&self, organization: impl Into<OrganizationRef>) -> Result<Member> {
        let organization = organization.into();
        self.read(move |reader| {
            let place = reader.organization(&organization)?.allow_listing(reader)?;
            let membership = reader.view.owner(place.id)?.ok_or(Error::NotFound(Subject::Owner))?;
            let user = reader.user(&UserRef::Id(membership.user))?.named_by(&place);
            Ok(Member::of(membership, user, place.into_inner()))
        })
        .await
    }

    /// Makes a member the owner; the former owner becomes an admin. Needs `ownership:transfer` there, which the owner has, or
    /// `ownership:write` above.
    pub async fn transfer_ownership(
        &self,
        organization: impl Into<OrganizationRef>,
        to: impl Into<MemberRef>,
    ) -> Result<Member> {
        let (organization, to) = (organization.into(), to.into());
        self.write(move |tx| {
            let rights = [Right::here(P::OwnershipTransfer), Right::above(P::OwnershipWrite)];
            let place = tx.read().organization(&organization)?.allow_any(tx.read(), &rights)?;
            let before = match &to {
                MemberRef::User(to) => {
                    let user = tx.read().user(to)?.named_by(&place);
                    find_membership(tx.read(), place.id, user.id)?
                }
                MemberRef::Membership(id) => member_of(tx.read(), &place, *id)?,
            };
            let user = tx.read().user(&UserRef::Id(before.user))?.named_by(&place);
            let former = tx.read().view.owner(place.id)?;
            if former.as_ref().is_some_and(|former| former.id == before.id) {
                return Ok(Member::of(before, user, place.into_inner()));
            }
            if !user.is_active() {
                return Err(Error::invalid("user_id", "is an inactive user, who can't become the owner"));
            }
            let from = former.as_ref().map(|former| former.user);
            if let Some(former) = former {
                clear(tx, &place, former)?;
            }
            let updated = tx.now().advanced_past(before.updated);
            let roles = ownership::owner_roles();
            let extras = extras_for_roles(roles, &before.extras);
            let after = Membership { roles, extras, updated, ..before.clone() };
            let change =
                Change::OwnershipTransferred { from, before: Box::new(before), after: Box::new(after.clone()) };
            tx.change(&place, &change)?;
            Ok(Member::of(after, user, place.into_inner()))
        })
        .await
    }

    /// Leaves the organization without an owner; the former owner becomes an admin. Needs `ownership:write` above.
    pub async fn clear_ownership(&self, organization: impl Into<OrganizationRef>) -> Result<Member> {
        let organization = organization.into();
        self.write(move |tx| {
            let right = Right::above(P::OwnershipWrite);
            let place = tx.read().organization(&organization)?.allow(tx.read(), right)?;
            let owner = tx.read().view.owner(place.id)?.ok_or(Error::NotFound(Subject::Owner))?;
            let user = tx.read().user(&UserRef::Id(owner.user))?.named_by(&place);
            let membership = clear(tx, &place, owner)?;
            Ok(Member::of(membership, user, place.into_inner()))
        })
        .await
    }
}
