//! Bulk changes of one organization's members in one transaction: all or none.

use std::collections::HashMap;

use roster_model::permission::BuiltIn as P;
use roster_model::{Right, UserId};
use serde::{Deserialize, Serialize};

use crate::actor::Caller;
use crate::error::{Error, Result};
use crate::memberships::{self, Member, MembershipPatch, NewMembership};
use crate::reference::{OrganizationRef, UserRef, names};

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
    pub items: Vec<BulkItem>,
    /// Also remove all members that no item names, except the owner.
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

impl Caller {
    /// Needs `memberships:write` there or above, and the rights that each item needs. If any item fails, nothing is changed, and
    /// [`Error::Items`] tells which ones failed and why.
    pub async fn bulk_members(&self, organization: impl Into<OrganizationRef>, bulk: Bulk) -> Result<BulkDone> {
        let organization = organization.into();
        let (limit, dry_run) = (self.engine.limits().bulk_items, bulk.dry_run);
        let names = names([&organization], bulk.items.iter().take(limit).map(BulkItem::user));
        self.write_or_dry_run(dry_run, names, move |tx| {
            let place = tx.read().organization(&organization)?.allow(tx.read(), Right::tree(P::MembershipsWrite))?;
            if bulk.items.len() > limit {
                return Err(Error::invalid("operations", format!("has more than {limit} entries")));
            }
            let mut seen: HashMap<UserId, usize> = HashMap::new();
            let mut done = BulkDone { items: Vec::with_capacity(bulk.items.len()), removed: Vec::new() };
            let mut refused = Vec::new();
            for (number, item) in bulk.items.iter().enumerate() {
                let outcome = tx.attempt(|tx| {
                    let user = tx.read().named(item.user())?.named_by(&place);
                    if let Some(first) = seen.insert(user.id, number) {
                        return Err(Error::invalid("user_id", format!("is named by operations[{first}] already")));
                    }
                    let membership = match item {
                        BulkItem::Add(_, new) => memberships::add(tx, &place, &user, new)?,
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
                    Ok(Member::of(membership, user, roster_model::Organization::clone(&place)))
                });
                match outcome {
                    Ok(member) => done.items.push(member),
                    Err(error) => refused.push((number, error.within(&format!("operations[{number}]")))),
                }
            }
            if !refused.is_empty() {
                return Err(Error::Items(refused));
            }
            if bulk.replace {
                let filter = roster_store::MemberFilter { organization: Some(place.id), ..Default::default() };
                let all = roster_store::list::Slice::default();
                let sort = roster_store::MemberSort::Created;
                let now = tx.read().view.shared_memberships(&filter, sort, &all)?;
                for before in memberships::with_user_and_organization(tx.read(), now)? {
                    let is_owner = before.membership.roles.contains(roster_model::RoleNumber::OWNER);
                    if !seen.contains_key(&before.user.id) && !is_owner {
                        memberships::remove(tx, &place, &before.membership)?;
                        done.removed.push(before);
                    }
                }
            }
            Ok(done)
        })
        .await
    }
}
