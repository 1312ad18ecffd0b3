//! Bulk changes of one organization's members in one transaction: all or none.

use std::collections::{HashMap, HashSet};

use roster_model::permission::BuiltIn as P;
use roster_model::{Organization, Right, RoleNumber, UserId};
use roster_store::list::Slice;
use roster_store::{MemberFilter, MemberSort};
use serde::{Deserialize, Serialize};

use crate::access::Allowed;
use crate::actor::Caller;
use crate::error::{Error, Result};
use crate::memberships::{self, Member, MembershipPatch, NewMembership};
use crate::reference::{OrganizationRef, UserRef, names};
use crate::transaction::Reader;

/// One change of a bulk operation.
#[derive(Clone, Debug)]
pub enum BulkItem {
    Add(UserRef, NewMembership),
    Update(UserRef, MembershipPatch),
    Remove(UserRef),
}

impl BulkItem {
    const fn user(&self) -> &UserRef {
        match self {
            Self::Add(user, _) | Self::Update(user, _) | Self::Remove(user) => user,
        }
    }
}

/// A bulk operation.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// Each item, or why it makes no sense on its own: that is told together with what is wrong with the others.
    pub items: Vec<Result<BulkItem>>,
    /// Also remove all members that no item names, except the owner. Their seats are free for those who are added.
    pub replace: bool,
    /// Compute the answer without changing anything.
    pub dry_run: bool,
}

/// The result of a bulk operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BulkDone {
    /// For each item the membership as it is now; for a removal, as it was.
    pub items: Vec<Member>,
    /// Members who were removed because no item named them.
    pub removed: Vec<Member>,
}

/// The members that no item names, except the owner.
fn unnamed(reader: Reader<'_>, place: &Allowed<Organization>, items: &[Result<BulkItem>]) -> Result<Vec<Member>> {
    let mut named = HashSet::new();
    for item in items.iter().flatten() {
        match reader.named(item.user()) {
            Ok(user) => {
                named.insert(user.named_by(place).id);
            }
            // The item itself reports this.
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let filter = MemberFilter { organization: Some(place.id), ..MemberFilter::default() };
    let mut members = reader.view.shared_memberships(&filter, MemberSort::Created, &Slice::default())?;
    members.retain(|member| !named.contains(&member.user) && !member.roles.contains(RoleNumber::OWNER));
    memberships::with_user_and_organization(reader, members)
}

impl Caller {
    /// Needs `memberships:write` there or above, and the rights that each item needs. If any item fails, nothing is changed, and
    /// [`Error::Items`] tells which ones failed and why.
    pub async fn bulk_members(&self, organization: impl Into<OrganizationRef>, bulk: Bulk) -> Result<BulkDone> {
        let organization = organization.into();
        let (limit, dry_run) = (self.engine.limits().bulk_items, bulk.dry_run);
        let named = bulk.items.iter().take(limit).flatten().map(BulkItem::user);
        let names = names([&organization], named);
        self.write_or_dry_run(dry_run, names, move |tx| {
            let place = tx.read().organization(&organization)?.allow(tx.read(), Right::tree(P::MembershipsWrite))?;
            if bulk.items.len() > limit {
                return Err(Error::invalid("operations", format!("has more than {limit} entries")));
            }
            let leaving = if bulk.replace { unnamed(tx.read(), &place, &bulk.items)? } else { Vec::new() };
            let mut seen: HashMap<UserId, usize> = HashMap::new();
            let mut done = BulkDone { items: Vec::with_capacity(bulk.items.len()), removed: Vec::new() };
            let mut refused = Vec::new();
            for (number, item) in bulk.items.iter().enumerate() {
                let outcome = tx.attempt(|tx| {
                    let item = item.as_ref().map_err(Error::clone)?;
                    let user = tx.read().named(item.user())?.named_by(&place);
                    if let Some(first) = seen.insert(user.id, number) {
                        return Err(Error::invalid("user_id", format!("is named by operations[{first}] already")));
                    }
                    let membership = match item {
                        BulkItem::Add(_, new) => memberships::add_replacing(tx, &place, &user, new, leaving.len())?,
                        BulkItem::Update(_, patch) => {
                            let before = memberships::find_membership(tx.read(), place.id, user.id)?;
                            memberships::update(tx, &place, &before, patch)?
                        }
                        BulkItem::Remove(_) => {
                            let before = memberships::find_membership(tx.read(), place.id, user.id)?;
                            memberships::remove(tx, &place, &before)?;
                            before
                        }
                    };
                    Ok(Member::of(membership, user, Organization::clone(&place)))
                });
                match outcome {
                    Ok(member) => done.items.push(member),
                    Err(error) => refused.push((number, error.within(&format!("operations[{number}]")))),
                }
            }
            if !refused.is_empty() {
                return Err(Error::Items(refused));
            }
            for before in leaving {
                memberships::remove(tx, &place, &before.membership)?;
                done.removed.push(before);
            }
            Ok(done)
        })
        .await
    }
}
