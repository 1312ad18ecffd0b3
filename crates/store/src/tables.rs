//! Writes changes to the tables. A `match` without a wildcard, so that a new kind of [`Change`] doesn't compile until
//! it is handled here.

use std::iter::once;

use roster_model::Change;

use crate::error::{Error, Result};
use crate::view::View;

/// Whether the change affects the realm's roles.
pub(crate) const fn touches_roles(change: &Change) -> bool {
    matches!(
        change,
        Change::RealmCreated { .. }
            | Change::RoleCreated { .. }
            | Change::RoleUpdated { .. }
            | Change::RoleDeleted { .. }
    )
}

/// Whether the change only adds rows, which can be inserted together with those of others in any order.
const fn is_plain(change: &Change) -> bool {
    matches!(change, Change::OrganizationCreated { .. } | Change::UserCreated { .. } | Change::MembershipAdded { .. })
}

/// Applies many changes in order. `sequence` is the number of the first one.
pub(crate) fn apply_all(view: &View<'_>, sequence: i64, changes: &[Change]) -> Result<()> {
    let mut sequence = sequence;
    for run in changes.chunk_by(|a, b| is_plain(a) && is_plain(b)) {
        if let [one] = run {
            apply(view, sequence, one)?;
        } else {
            view.insert_organizations(run.iter().filter_map(|change| match change {
                Change::OrganizationCreated { after } => Some(&**after),
                _ => None,
            }))?;
            view.insert_users(run.iter().filter_map(|change| match change {
                Change::UserCreated { after } => Some(&**after),
                _ => None,
            }))?;
            view.insert_memberships(run.iter().filter_map(|change| match change {
                Change::MembershipAdded { after } => Some(&**after),
                _ => None,
            }))?;
        }
        sequence += i64::try_from(run.len()).unwrap_or(i64::MAX);
    }
    Ok(())
}

pub(crate) fn apply(view: &View<'_>, sequence: i64, change: &Change) -> Result<()> {
    match change {
        Change::RealmCreated { realm, root, roles, permissions } => {
            if sequence != 1 || !view.insert_realm(realm)? {
                return Err(Error::Taken(format!("the name of realm {}", realm.name)));
            }
            view.insert_organizations(once(&**root))?;
            roles.iter().try_for_each(|role| view.insert_role(role))?;
            permissions.iter().try_for_each(|permission| view.insert_permission(permission))
        }
        Change::OrganizationCreated { after } => view.insert_organizations(once(&**after)),
        Change::OrganizationUpdated { before, after } => view.update_organization(before, after),
        Change::OrganizationMoved { before, after } => view.move_organization(before, after),
        Change::OrganizationDeleted { before } => view.mark_organization_gone(before.id),
        Change::UserCreated { after } => view.insert_users(once(&**after)),
        Change::UserUpdated { before, after } => {
            if !after.is_active() {
                view.delete_sessions_of(after.id)?;
            }
            view.update_user(before, after)
        }
        Change::UserPasswordChanged { user, changed, hash } => view.put_password(*user, *changed, hash.as_deref()),
        Change::UserDeleted { before } => {
            view.delete_tokens_of(before.id)?;
            view.delete_directory_links_of(before.id)?;
            view.delete_sessions_of(before.id)?;
            view.put_password(before.id, None, None)?;
            view.delete_user(before.id)
        }
        // The event of the erasure itself is appended afterwards and has no personal data.
        Change::UserErased { user } => view.blank_events_of(*user),
        Change::MembershipAdded { after } => view.insert_memberships(once(&**after)),
        Change::MembershipUpdated { before, after }
        | Change::OwnershipCleared { before, after }
        | Change::OwnershipTransferred { before, after, .. } => view.update_membership(before, after),
        Change::MembershipRemoved { before } => {
            view.delete_sessions_by(before.id)?;
            view.delete_membership(before.id)
        }
        Change::InvitationCreated { after, hash } => view.insert_invitation(after, hash),
        Change::InvitationUpdated { after, hash, .. } => view.update_invitation(after, hash.as_deref()),
        Change::RoleCreated { after } => view.insert_role(after),
        Change::RoleUpdated { after, .. } => view.update_role(after),
        Change::RoleDeleted { before, at } => {
            if let Some(at) = at {
                view.insert_retired_role(sequence, *at, before)?;
            }
            view.delete_role(before.id)
        }
        Change::PermissionCreated { after } => view.insert_permission(after),
        Change::PermissionUpdated { after, .. } => view.update_permission(after),
        Change::PermissionDeleted { before } => view.delete_permission(before),
        Change::TokenIssued { after, hash } => view.insert_token(after, hash),
        Change::TokenUpdated { after, .. } | Change::TokenRevoked { after, .. } => view.update_token(after),
        Change::SessionOpened { after, hash } => view.insert_session(after, hash),
        Change::SessionEnded { before } => view.delete_session(before.id),
        Change::LinkIssued { after, hash } => view.insert_link(after, hash),
        Change::LinkUsed { before } => view.delete_link(before.id),
        Change::AccountUserCreated { after } => view.insert_account_user(after),
        Change::AccountUserUpdated { after, .. } => view.update_account_user(after),
        Change::AccountUserDeleted { before } => view.delete_account_user(before),
        Change::DirectoryLinkCreated { after } => view.insert_directory_link(after),
        Change::DirectoryLinkUpdated { after, .. } => view.update_directory_link(after),
        Change::DirectoryLinkDeleted { before } => view.delete_directory_link(before),
        // For followers of the log only; there is nothing to store.
        Change::RemovalHeld { .. } => Ok(()),
    }
}
