//! Conversion between the vendor's types and Roster's, in both directions. No other module of this crate does that.

pub(crate) mod groups;
pub(crate) mod permissions;
pub(crate) mod users;

use roster_engine::NO_ADDRESS;
use roster_engine::{
    Caller, Dialect, EntityId as _, Error, Form, Member, MembershipId, OrganizationRef, RoleCatalog, RoleMap,
    RoleNumber, RoleSet, Subject, Surface, Timestamp, User, UserId, UserRef,
};

use crate::wire::{self, Role};

pub(crate) const SURFACE: Surface = Surface::Box;
pub(crate) const DIALECT: Dialect = Dialect::Box;

impl RoleMap for Role {
    type Shown = Self;

    fn show(_: &RoleCatalog, roles: RoleSet) -> Self {
        if roles.intersects(permissions::holders()) { Self::Admin } else { Self::Member }
    }

    fn role(shown: Self) -> RoleNumber {
        match shown {
            Self::Admin => RoleNumber::ADMIN,
            Self::Member => RoleNumber::MEMBER,
        }
    }
}

/// RFC 3339 in whole seconds, rounded down, with a numeric offset.
pub(crate) fn time(time: Timestamp) -> String {
    let text = time.rfc3339();
    format!("{}+00:00", text.get(..19).unwrap_or(&text))
}

/// A string that isn't in this vendor's form of ids names nobody.
pub(crate) fn user_ref(id: &str) -> Result<UserRef, Error> {
    DIALECT.check_id(id).map(|()| UserRef::from(id)).map_err(|_| Error::NotFound(Subject::User))
}

pub(crate) fn group_ref(id: &str) -> Result<OrganizationRef, Error> {
    DIALECT.check_id(id).map(|()| OrganizationRef::from(id)).map_err(|_| Error::NotFound(Subject::Organization))
}

pub(crate) fn membership_id(id: &str) -> Result<MembershipId, Error> {
    Form::Box.read(id).ok_or(Error::NotFound(Subject::Membership))
}

pub(crate) fn user_id(user: &User) -> String {
    SURFACE.show(user.id, &user.aliases)
}

/// Whether this is the user's id, as it is shown or as Roster generated it. Both are accepted.
pub(crate) fn is_id_of(user: &User, id: &str) -> bool {
    user_id(user) == id || Form::Box.read::<UserId>(id) == Some(user.id)
}

pub(crate) fn is_service_account(caller: &Caller, id: &str) -> bool {
    Form::Box.read::<UserId>(id) == Some(caller.realm_id().service_account())
}

/// The user's address, or one computed from the id.
pub(crate) fn login(user: &User) -> String {
    user.email_or_placeholder().into_owned()
}

/// Whether this looks like a computed address.
pub(crate) fn is_computed(login: &str) -> bool {
    login.to_ascii_lowercase().ends_with(NO_ADDRESS)
}

pub(crate) fn membership(catalog: &RoleCatalog, member: &Member) -> wire::GroupMembership {
    let Member { membership, user, organization } = member;
    let role = Role::show(catalog, membership.roles);
    wire::GroupMembership {
        kind: "group_membership",
        id: membership.id.raw().to_string(),
        user: users::mini(user),
        group: groups::mini(organization),
        role,
        configurable_permissions: permissions::show(role, &membership.extras),
        created_at: time(membership.created),
        modified_at: time(membership.updated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_both_ways() {
        let catalog = RoleCatalog::default();
        for roles in [RoleSet::OWNER, RoleSet::of(RoleNumber::ADMIN)] {
            assert_eq!(Role::show(&catalog, roles), Role::Admin);
            assert_eq!(Role::write(&catalog, roles, Role::Admin), None);
        }
        for number in [RoleNumber::MEMBER, RoleNumber::VIEWER, RoleNumber::SUPPORT] {
            assert_eq!(Role::show(&catalog, RoleSet::of(number)), Role::Member);
            assert_eq!(Role::write(&catalog, RoleSet::of(number), Role::Member), None);
        }
        let made = Role::write(&catalog, RoleSet::of(RoleNumber::VIEWER), Role::Admin);
        assert_eq!(made, Some(RoleSet::of(RoleNumber::ADMIN)));
    }

    #[test]
    fn times_and_ids() {
        assert_eq!(time(Timestamp::from_ms(1_795_327_200_999)), "2026-11-22T06:00:00+00:00");
        for unknown in ["", "me", "99999", "0100000", "-100000", "99999999999999999999", "org_0Qk3vR8aZ1b", "1e100000"]
        {
            assert!(user_ref(unknown).is_err() && group_ref(unknown).is_err(), "{unknown}");
        }
        assert!(user_ref("100000").is_ok());
    }
}
