//! Conversion between the vendor's types and Roster's, in both directions. No other module of this crate does that.

pub(crate) mod keys;
pub(crate) mod organizations;
pub(crate) mod scopes;

use std::str::FromStr;

use roster_engine::{
    AccountEntry, AccountUserFields, Aliases, Base, Dialect, Error, Form, ItemProblem, Member, Metadata, Organization,
    OrganizationId, RoleCatalog, RoleMap, RoleNumber, RoleSet, Surface, User, UserPatch, UserRef, user_of_placeholder,
};
use roster_http::RequestMeta;

use crate::wire::{self, Role};

pub(crate) const SURFACE: Surface = Surface::Whylabs;
pub(crate) const DIALECT: Dialect = Dialect::Whylabs;

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [("ADMIN", Self::Admin), ("MEMBER", Self::Member), ("VIEWER", Self::Viewer)]
            .into_iter()
            .find_map(|(name, role)| name.eq_ignore_ascii_case(text).then_some(role))
            .ok_or("must be ADMIN, MEMBER or VIEWER")
    }
}

impl RoleMap for Role {
    type Shown = Self;

    /// The most powerful role that any of them maps to.
    fn show(catalog: &RoleCatalog, roles: RoleSet) -> Self {
        if roles.intersects(catalog.based_on(Base::Admin)) {
            Self::Admin
        } else if roles.intersects(catalog.based_on(Base::Member)) {
            Self::Member
        } else {
            Self::Viewer
        }
    }

    fn role(shown: Self) -> RoleNumber {
        match shown {
            Self::Admin => RoleNumber::ADMIN,
            Self::Member => RoleNumber::MEMBER,
            Self::Viewer => RoleNumber::VIEWER,
        }
    }
}

pub(crate) fn organization_id(organization: &Organization) -> String {
    SURFACE.show(organization.id, &organization.aliases)
}

/// The id of an organization that is known to have no imported id.
pub(crate) fn own_id(organization: OrganizationId) -> String {
    SURFACE.show(organization, &Aliases::default())
}

pub(crate) fn user_id(user: &User) -> String {
    SURFACE.show(user.id, &user.aliases)
}

/// The user's address, or one computed from the id, by which the user can be found, too.
pub(crate) fn email(user: &User) -> String {
    user.email_or_placeholder().into_owned()
}

/// The user that an address refers to.
pub(crate) fn user_by_email(address: &str) -> UserRef {
    user_of_placeholder(address).map_or_else(|| UserRef::Email(address.to_owned()), UserRef::Id)
}

/// A new address for a user. Refuses those that look like a computed one.
pub(crate) fn new_email(address: String) -> Result<String, Error> {
    match user_by_email(&address) {
        UserRef::Id(_) => Err(Error::invalid("email", "stands for a user who has no e-mail address")),
        _ => Ok(address),
    }
}

impl wire::Response {
    pub(crate) fn of(meta: &RequestMeta) -> Self {
        Self { request_id: meta.request_id.to_string() }
    }
}

pub(crate) fn membership_metadata(catalog: &RoleCatalog, member: &Member) -> wire::MembershipMetadata {
    wire::MembershipMetadata {
        org_id: organization_id(&member.organization),
        role: Role::show(catalog, member.membership.roles),
        user_id: user_id(&member.user),
        default: member.membership.is_default,
    }
}

pub(crate) fn membership(catalog: &RoleCatalog, member: &Member) -> wire::Membership {
    let wire::MembershipMetadata { org_id, role, user_id, default } = membership_metadata(catalog, member);
    wire::Membership { org_id, default, role, user_id, email: email(&member.user) }
}

pub(crate) fn account_user(entry: AccountEntry) -> wire::AccountUser {
    wire::AccountUser {
        user_id: user_id(&entry.user),
        org_id: organization_id(&entry.organization),
        email: email(&entry.user),
        external_id: entry.record.external_id,
        user_schema: entry.record.user_schema,
        active: entry.record.active,
    }
}

pub(crate) fn account_user_fields(
    external_id: Option<String>,
    user_schema: Option<String>,
    active: Option<bool>,
) -> AccountUserFields {
    AccountUserFields { external_id, user_schema, active: active.unwrap_or(true) }
}

pub(crate) fn item_error(problem: ItemProblem) -> wire::ErrorStatus {
    let (error_code, item_id, description) = match problem {
        ItemProblem::NoAccountUser(id) => (404, id, "is no user of this account".into()),
        ItemProblem::NoMember(id) => (404, id, "is no member with this role".into()),
        ItemProblem::Inactive(id) => (409, id, "is an inactive user of this account".into()),
        ItemProblem::OwnerProtected(id) => (409, id, Error::OwnerProtected.to_string()),
        ItemProblem::Refused(id, reason) => (409, id, reason),
    };
    let description = format!("{item_id}: {description}");
    wire::ErrorStatus { error_code, item_id, description }
}

const PREFERENCES: &str = "preferences";

pub(crate) fn user(user: &User) -> wire::User {
    let preferences = user.extras.text(DIALECT, PREFERENCES).map(str::to_owned);
    wire::User { user_id: user_id(user), email: email(user), preferences }
}

/// The changes that replace a user's data. The computed address of a user without one, written back, is not a change.
pub(crate) fn user_patch(user: wire::User) -> Result<UserPatch, Error> {
    let unchanged = match user_by_email(&user.email) {
        UserRef::Id(id) => Form::read_any(&user.user_id) == Some(id),
        _ => false,
    };
    let email = if unchanged { None } else { Some(Some(new_email(user.email)?)) };
    let mut extras = Metadata::new();
    extras.insert(PREFERENCES.into(), user.preferences.into());
    Ok(UserPatch { email, extras: Some((DIALECT, extras)), ..UserPatch::default() })
}

#[cfg(test)]
mod tests {
    use roster_engine::{EntityId as _, Timestamp, UserId, id, role};

    use super::*;

    fn catalog() -> RoleCatalog {
        RoleCatalog::new(role::BUILT_IN.iter().map(|built_in| roster_engine::Role {
            id: roster_engine::RoleId::from_raw(1),
            number: built_in.number,
            key: built_in.key.into(),
            name: built_in.name.into(),
            description: String::new(),
            base: built_in.base,
            reaches_down: built_in.reaches_down,
            system: true,
            permissions: Vec::new(),
            created: Timestamp::from_ms(0),
            updated: Timestamp::from_ms(0),
        }))
    }

    fn nobody() -> User {
        let id = UserId::from_raw(id::compose(1_795_327_200_000, id::Kind::User, 7));
        User::new(id, String::new(), Timestamp::from_ms(0))
    }

    #[test]
    fn writing_a_role_that_is_shown_changes_nothing() {
        let catalog = catalog();
        for role in [Role::Admin, Role::Member, Role::Viewer] {
            let roles = RoleSet::of(Role::role(role));
            assert_eq!(Role::show(&catalog, roles), role);
            assert_eq!(Role::write(&catalog, roles, role), None);
        }
        for number in role::BUILT_IN.map(|built_in| built_in.number) {
            let roles = RoleSet::of(number);
            assert_eq!(Role::write(&catalog, roles, Role::show(&catalog, roles)), None);
        }
        assert_eq!(Role::show(&catalog, RoleSet::OWNER), Role::Admin);
        assert_eq!(Role::show(&catalog, RoleSet::of(RoleNumber::SUPPORT)), Role::Member);
        let several: RoleSet = [RoleNumber::ADMIN, RoleNumber::VIEWER].into_iter().collect();
        assert_eq!(Role::show(&catalog, several), Role::Admin);
        assert_eq!("admin".parse(), Ok(Role::Admin));
        assert!("OWNER".parse::<Role>().is_err());
    }

    #[test]
    fn who_has_no_address_is_found_by_the_one_shown() {
        let user = nobody();
        let shown = email(&user);
        assert_eq!(user_by_email(&shown), UserRef::Id(user.id));
        assert_eq!(user_by_email(&shown.to_uppercase()), UserRef::Id(user.id));
        assert_eq!(
            user_by_email("5@no-address.invalid"),
            UserRef::Email("5@no-address.invalid".into()),
            "nobody's number"
        );
        assert_eq!(user_by_email("Ada@Example.com"), UserRef::Email("Ada@Example.com".into()));
        assert!(new_email(shown.clone()).is_err(), "nobody else gets it");

        let written = super::user(&user);
        assert_eq!(user_patch(written).expect("the user as shown").email, None, "writing it back is no change");
        let other = wire::User { user_id: "user-0".into(), email: shown, preferences: None };
        assert!(user_patch(other).is_err());
    }

    #[test]
    fn items_that_were_left_out() {
        let refused = item_error(ItemProblem::NoMember("user-1".into()));
        assert_eq!((refused.error_code, &*refused.item_id), (404, "user-1"));
        assert_eq!(item_error(ItemProblem::OwnerProtected("user-1".into())).error_code, 409);
    }
}
