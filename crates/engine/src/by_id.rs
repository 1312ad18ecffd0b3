//! Operations on memberships by their own id, for surfaces whose clients use it. A membership that was removed and added again has
//! another id, so an operation on the old one is refused, even if both happen at the same time.

use roster_model::permission::BuiltIn as P;
use roster_model::{Membership, MembershipId, Organization, Right};

use crate::access::Allowed;
use crate::actor::Caller;
use crate::error::{Error, Result, Subject};
use crate::memberships::{Member, MembershipPatch, remove, update};
use crate::reference::{OrganizationRef, UserRef};
use crate::role_map::RoleMap;
use crate::transaction::{Reader, Tx};

/// The membership and its organization, if the caller holds this right there.
fn find(reader: Reader<'_>, id: MembershipId, right: Right) -> Result<(Membership, Allowed<Organization>)> {
    let unknown = || Error::NotFound(Subject::Membership);
    let membership = reader.view.membership_by_id(id)?.ok_or_else(unknown)?;
    let place = reader
        .organization(&OrganizationRef::Id(membership.organization))
        .and_then(|place| place.allow(reader, right))
        .map_err(|error| error.if_missing(unknown()))?;
    Ok((membership, place))
}

fn member(reader: Reader<'_>, membership: Membership, place: Allowed<Organization>) -> Result<Member> {
    let user = reader.user(&UserRef::Id(membership.user))?.named_by(&place);
    Ok(Member::of(membership, user, place.into_inner()))
}

fn change(
    tx: &mut Tx<'_, '_>,
    id: MembershipId,
    change: impl FnOnce(&mut Tx<'_, '_>, &Allowed<Organization>, &Membership) -> Result<Membership>,
) -> Result<Member> {
    let (before, place) = find(tx.read(), id, Right::tree(P::MembershipsWrite))?;
    let membership = change(tx, &place, &before)?;
    member(tx.read(), membership, place)
}

impl Caller {
    /// The membership, if the caller holds this right at its organization.
    pub async fn membership_for(&self, id: MembershipId, right: Right) -> Result<Member> {
        self.read_graph(move |reader| {
            let (membership, place) = find(reader, id, right)?;
            member(reader, membership, place)
        })
        .await
    }

    /// Sets the role, if one is given, from a vendor's fixed set of roles, and applies the patch in the same transaction. Rights as for
    /// [`Self::update_member`].
    pub async fn update_membership<M: RoleMap>(
        &self,
        id: MembershipId,
        shown: Option<M::Shown>,
        patch: MembershipPatch,
    ) -> Result<Member> {
        self.write(move |tx| {
            change(tx, id, |tx, place, before| {
                let catalog = tx.read().roles()?;
                let roles = shown.and_then(|shown| M::write(&catalog, before.roles, shown));
                update(tx, place, before, &MembershipPatch { roles, ..patch })
            })
        })
        .await
    }

    /// As [`Self::remove_member`].
    pub async fn remove_membership(&self, id: MembershipId) -> Result<Member> {
        self.write(move |tx| {
            change(tx, id, |tx, place, before| {
                remove(tx, place, before)?;
                Ok(before.clone())
            })
        })
        .await
    }
}
