//! Applies the log to the graph. Handles every kind of [`Change`] in a `match` without a wildcard.

use std::sync::Arc;

use roster_model::{
    Change, DirectoryLink, LinkSubject, Membership, Organization, OrganizationId, OrganizationStatus, RetiredRole,
    User, UserId,
};

use crate::graph::{Graph, catalog};
use crate::parts::{Holding, Placed};

/// A change that isn't the next one, or can't be applied to a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfSequence;

impl Graph {
    /// Applies a change. Changes come in the order of the log, each once: any other is refused, and the graph has to be
    /// read again.
    pub fn apply(&mut self, sequence: i64, change: &Change) -> Result<(), OutOfSequence> {
        if sequence != self.position + 1 {
            return Err(OutOfSequence);
        }
        self.position = sequence;
        match change {
            // The first event of a realm; a graph is only read after that.
            Change::RealmCreated { .. } => return Err(OutOfSequence),
            Change::OrganizationCreated { after }
            | Change::OrganizationUpdated { after, .. }
            | Change::OrganizationMoved { after, .. } => self.apply_organization(after),
            Change::OrganizationDeleted { before } => self.remove_with_subtree(before.id),
            Change::UserCreated { after } | Change::UserUpdated { after, .. } => self.apply_user(after),
            Change::UserDeleted { before } => self.remove_user(before.id),
            Change::MembershipAdded { after }
            | Change::MembershipUpdated { after, .. }
            | Change::OwnershipCleared { after, .. }
            | Change::OwnershipTransferred { after, .. } => self.apply_member(after),
            Change::MembershipRemoved { before } => self.remove_member(before.organization, before.user),
            Change::DirectoryLinkCreated { after: link } => {
                self.link(link.domain, link.subject.raw(), true);
                self.apply_suspension(link, link.suspended);
            }
            Change::DirectoryLinkUpdated { after: link, .. } => self.apply_suspension(link, link.suspended),
            Change::DirectoryLinkDeleted { before: link } => {
                self.link(link.domain, link.subject.raw(), false);
                self.apply_suspension(link, false);
            }
            Change::RoleCreated { after } | Change::RoleUpdated { after, .. } => {
                self.roles.retain(|role| role.id != after.id);
                self.roles.push((**after).clone());
                self.roles_changed();
            }
            Change::RoleDeleted { before, at } => {
                self.roles.retain(|role| role.id != before.id);
                // As in the tables: an older version doesn't keep the role.
                if let Some(retired) = *at {
                    let role = RetiredRole { role: (**before).clone(), sequence, retired };
                    Arc::make_mut(&mut self.retired_roles).push(role);
                }
                self.roles_changed();
            }
            Change::InvitationCreated { after, .. } => self.apply_invitation(None, after),
            Change::InvitationUpdated { before, after, .. } => self.apply_invitation(Some(before), after),
            // What a role grants is part of the changes of roles; the rest isn't in the graph.
            Change::PermissionCreated { .. }
            | Change::PermissionUpdated { .. }
            | Change::PermissionDeleted { .. }
            | Change::UserPasswordChanged { .. }
            | Change::UserErased { .. }
            | Change::TokenIssued { .. }
            | Change::TokenUpdated { .. }
            | Change::TokenRevoked { .. }
            | Change::SessionOpened { .. }
            | Change::SessionEnded { .. }
            | Change::LinkIssued { .. }
            | Change::LinkUsed { .. }
            | Change::AccountUserCreated { .. }
            | Change::AccountUserUpdated { .. }
            | Change::AccountUserDeleted { .. }
            | Change::RemovalHeld { .. } => {}
        }
        Ok(())
    }

    /// Applies an event whose body was blanked because its user was erased: whatever it said about the user no longer
    /// holds.
    pub fn apply_blanked(
        &mut self,
        sequence: i64,
        organization: Option<OrganizationId>,
        user: Option<UserId>,
    ) -> Result<(), OutOfSequence> {
        let Some(user) = user.filter(|_| sequence == self.position + 1) else { return Err(OutOfSequence) };
        self.position = sequence;
        if let Some(organization) = organization {
            self.remove_member(organization, user);
        }
        self.remove_user(user);
        Ok(())
    }

    fn roles_changed(&mut self) {
        self.roles_version += 1;
        self.catalog = catalog(&self.roles, &self.retired_roles);
    }

    fn apply_suspension(&mut self, link: &DirectoryLink, suspended: bool) {
        // A link may also be of an organization, which can't be suspended.
        let LinkSubject::User(user) = link.subject else { return };
        let domains = self.suspended.entry(user).or_default();
        domains.retain(|known| *known != link.domain);
        if suspended {
            domains.push(link.domain);
        }
        if domains.is_empty() {
            self.suspended.remove(&user);
        }
    }

    fn apply_organization(&mut self, organization: &Organization) {
        let Organization { id, parent, suspended, created, .. } = *organization;
        let active = organization.status == OrganizationStatus::Active;
        self.put_organization(Placed { id, parent, active, suspended, created });
    }

    fn apply_user(&mut self, user: &User) {
        self.put_user(user.id, user.is_active(), user.created);
    }

    fn apply_member(&mut self, membership: &Membership) {
        let holding = Holding { membership: membership.id, roles: membership.roles };
        self.put_member(membership.organization, membership.user, holding);
    }
}

/// Whether a change may reduce somebody's access. The acknowledgement of such a change is delayed until no other
/// process answers from an earlier state.
pub fn reduces_access(change: &Change) -> bool {
    let active = |organization: &Organization| organization.status == OrganizationStatus::Active;
    match change {
        Change::OrganizationUpdated { before, after } => {
            active(before) && !active(after) || after.visibility < before.visibility
        }
        Change::UserUpdated { before, after } => before.is_active() && !after.is_active(),
        Change::DirectoryLinkCreated { after } | Change::DirectoryLinkUpdated { after, .. } => after.suspended,
        Change::MembershipUpdated { before, after }
        | Change::OwnershipCleared { before, after }
        | Change::OwnershipTransferred { before, after, .. } => before.roles.bits() & !after.roles.bits() != 0,
        Change::OrganizationMoved { .. }
        | Change::OrganizationDeleted { .. }
        | Change::UserDeleted { .. }
        | Change::MembershipRemoved { .. }
        | Change::RoleUpdated { .. }
        | Change::RoleDeleted { .. }
        | Change::TokenUpdated { .. }
        | Change::TokenRevoked { .. }
        | Change::UserPasswordChanged { .. }
        | Change::SessionEnded { .. } => true,
        Change::RealmCreated { .. }
        | Change::OrganizationCreated { .. }
        | Change::UserCreated { .. }
        | Change::UserErased { .. }
        | Change::MembershipAdded { .. }
        | Change::InvitationCreated { .. }
        | Change::InvitationUpdated { .. }
        | Change::RoleCreated { .. }
        | Change::PermissionCreated { .. }
        | Change::PermissionUpdated { .. }
        | Change::PermissionDeleted { .. }
        | Change::TokenIssued { .. }
        | Change::SessionOpened { .. }
        | Change::LinkIssued { .. }
        | Change::LinkUsed { .. }
        | Change::AccountUserCreated { .. }
        | Change::AccountUserUpdated { .. }
        | Change::AccountUserDeleted { .. }
        | Change::DirectoryLinkDeleted { .. }
        | Change::RemovalHeld { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use roster_model::{EntityId as _, Visibility};
    use serde_json::json;

    use super::*;

    fn organization(visibility: Visibility, status: OrganizationStatus) -> Box<Organization> {
        let fields = json!({
            "id": OrganizationId::from_raw(1), "parent": null, "depth": 0, "name": "acme", "slug": "acme", "external_id": null,
            "max_members": 0, "email_domains": [], "visibility": visibility, "status": status, "locale": null,
            "created_by": null, "created": 0, "updated": 0, "public": {}, "private": {}, "extras": {}, "aliases": [],
        });
        serde_json::from_value(fields).expect("an organization")
    }

    #[test]
    fn an_update_takes_away_what_fewer_may_see() {
        use OrganizationStatus::{Active, Deleted};
        let takes = |before, after| reduces_access(&Change::OrganizationUpdated { before, after });
        for (place, visibility) in Visibility::ALL.into_iter().enumerate() {
            for (other, later) in Visibility::ALL.into_iter().enumerate() {
                let taken = takes(organization(visibility, Active), organization(later, Active));
                assert_eq!(taken, other < place, "{visibility:?} to {later:?}");
            }
            let (active, deleted) = (organization(visibility, Active), organization(visibility, Deleted));
            assert!(takes(active.clone(), deleted.clone()) && !takes(deleted, active));
        }
    }
}
