//! Roles: the sets of permissions that a membership or a token holds.
//!
//! A realm has at most 63 roles, numbered 0 to 62, so a set of roles is one integer, in a row as in memory. Numbers 0 to 7
//! are built in and the same in every realm. In memory, a permission is the set of the roles that grant it, so testing whether
//! a set of roles grants a permission is one AND.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Invitation, RoleId, Timestamp, Token, permission::BuiltIn as P};

/// How many roles a realm can have, the built-in ones included.
pub const ROLES_MAX: u8 = 63;

/// The number of a role in its realm: 0 to 62.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleNumber(u8);

impl RoleNumber {
    pub const OWNER: Self = Self(0);
    pub const ADMIN: Self = Self(1);
    pub const MEMBER: Self = Self(2);
    pub const VIEWER: Self = Self(3);
    pub const SYSADMIN: Self = Self(4);
    pub const SUPPORT: Self = Self(5);
    pub const BUSINESS: Self = Self(6);
    pub const SITE_ACCESS: Self = Self(7);
    /// The lowest number of a custom role, one that a realm defines itself.
    pub const FIRST_CUSTOM: u8 = 8;

    pub fn new(number: u8) -> Option<Self> {
        (number < ROLES_MAX).then_some(Self(number))
    }

    pub const fn get(self) -> u8 {
        self.0
    }
}

/// A set of roles, one bit each.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleSet(i64);

impl RoleSet {
    pub const EMPTY: Self = Self(0);
    pub const OWNER: Self = Self(1);

    /// Bits beyond the 63 roles are dropped.
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits & i64::MAX)
    }

    pub const fn bits(self) -> i64 {
        self.0
    }

    pub const fn of(role: RoleNumber) -> Self {
        Self(1 << role.0)
    }

    pub const fn with(self, role: RoleNumber) -> Self {
        Self(self.0 | (1 << role.0))
    }

    pub const fn without(self, role: RoleNumber) -> Self {
        Self(self.0 & !(1 << role.0))
    }

    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn contains(self, role: RoleNumber) -> bool {
        self.0 & (1 << role.0) != 0
    }

    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = RoleNumber> {
        (0..ROLES_MAX).map(RoleNumber).filter(move |role| self.contains(*role))
    }
}

impl FromIterator<RoleNumber> for RoleSet {
    fn from_iter<I: IntoIterator<Item = RoleNumber>>(roles: I) -> Self {
        roles.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl std::fmt::Debug for RoleSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(RoleNumber::get)).finish()
    }
}

/// The built-in role that a custom role is mapped to where a vendor has a fixed set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    Admin,
    Member,
    #[default]
    Viewer,
}

impl Base {
    pub const ALL: [Self; 3] = [Self::Admin, Self::Member, Self::Viewer];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|base| base.word() == word)
    }
}

/// A role as its realm defines it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub id: RoleId,
    pub number: RoleNumber,
    /// `[a-z0-9_]{1,64}`, unique in the realm.
    pub key: String,
    pub name: String,
    pub description: String,
    pub base: Base,
    /// Whether it also counts at every organization below the one where it is held.
    pub reaches_down: bool,
    /// Built in: can't be changed or deleted.
    pub system: bool,
    /// Keys of permissions, sorted.
    pub permissions: Vec<String>,
    pub created: Timestamp,
    /// Grows with every change of this record.
    pub updated: Timestamp,
}

/// A built-in role before it has an id in a realm.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInRole {
    pub number: RoleNumber,
    pub key: &'static str,
    pub name: &'static str,
    pub base: Base,
    pub reaches_down: bool,
}

const fn built_in(
    number: RoleNumber,
    key: &'static str,
    name: &'static str,
    base: Base,
    reaches_down: bool,
) -> BuiltInRole {
    BuiltInRole { number, key, name, base, reaches_down }
}

/// The roles that every realm has.
pub const BUILT_IN: [BuiltInRole; 8] = [
    built_in(RoleNumber::OWNER, "owner", "Owner", Base::Admin, true),
    built_in(RoleNumber::ADMIN, "admin", "Admin", Base::Admin, true),
    built_in(RoleNumber::MEMBER, "member", "Member", Base::Member, false),
    built_in(RoleNumber::VIEWER, "viewer", "Viewer", Base::Viewer, false),
    built_in(RoleNumber::SYSADMIN, "sysadmin", "System administrator", Base::Member, true),
    built_in(RoleNumber::SUPPORT, "support", "Support", Base::Member, true),
    built_in(RoleNumber::BUSINESS, "business", "Business", Base::Member, true),
    built_in(RoleNumber::SITE_ACCESS, "site_access", "Collaborator", Base::Member, false),
];

impl BuiltInRole {
    /// What it grants.
    pub fn grants(&self, permission: P) -> bool {
        match self.number {
            RoleNumber::OWNER => true,
            RoleNumber::ADMIN => permission != P::OwnershipTransfer,
            RoleNumber::MEMBER => {
                matches!(permission, P::OrganizationsRead | P::MembershipsRead | P::BillingRead)
            }
            RoleNumber::VIEWER => matches!(permission, P::OrganizationsRead | P::MembershipsRead),
            RoleNumber::SYSADMIN => {
                matches!(permission, P::OrganizationsRead | P::UsersRead | P::LoginLinksWrite | P::EventsRead)
            }
            RoleNumber::SUPPORT => matches!(
                permission,
                P::OrganizationsRead | P::OrganizationsList | P::OrganizationsDelete | P::UsersCreate
            ),
            _ => permission == P::OrganizationsRead,
        }
    }
}

/// A role that was deleted. Its number may have been given to another role since, while ended invitations, revoked tokens
/// and the log still refer to this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetiredRole {
    pub role: Role,
    /// The number of the event that deleted it.
    pub sequence: i64,
    pub retired: Timestamp,
}

/// All roles of a realm, indexed for lookups.
#[derive(Clone, Debug, Default)]
pub struct RoleCatalog {
    roles: BTreeMap<RoleNumber, Role>,
    /// In the order of their deletion.
    retired: Arc<Vec<RetiredRole>>,
    /// Permission key → the roles that grant it.
    grants: BTreeMap<String, RoleSet>,
    reaching: RoleSet,
}

impl RoleCatalog {
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Self {
        let mut catalog = Self::default();
        for role in roles {
            for key in &role.permissions {
                let set = catalog.grants.entry(key.clone()).or_default();
                *set = set.with(role.number);
            }
            if role.reaches_down {
                catalog.reaching = catalog.reaching.with(role.number);
            }
            catalog.roles.insert(role.number, role);
        }
        catalog
    }

    /// With the deleted roles, in the order of their deletion.
    #[must_use]
    pub fn with_retired(self, retired: Arc<Vec<RetiredRole>>) -> Self {
        Self { retired, ..self }
    }

    /// The roles that an event refers to by number: as they are now, except that those which were deleted since are back in
    /// place of their successors.
    pub fn at_event(&self, sequence: i64) -> Cow<'_, Self> {
        self.before(|retired| retired.sequence >= sequence)
    }

    /// The same for a token: a revoked one may have roles that were deleted since.
    pub fn of_token(&self, token: &Token) -> Cow<'_, Self> {
        token.revoked.map_or(Cow::Borrowed(self), |revoked| self.at_time(revoked))
    }

    /// The same for an invitation that may have ended.
    pub fn of_invitation(&self, invitation: &Invitation) -> Cow<'_, Self> {
        self.at_time(invitation.valid_until())
    }

    /// The same for what was last valid at this time. A role can't be deleted while a valid token or invitation has it.
    fn at_time(&self, time: Timestamp) -> Cow<'_, Self> {
        self.before(|retired| retired.retired >= time)
    }

    /// The number of the first event from this one on that deleted a role. Events with the same one share
    /// [`Self::at_event`].
    pub fn next_retirement(&self, sequence: i64) -> Option<i64> {
        let next = self.retired.partition_point(|retired| retired.sequence < sequence);
        self.retired.get(next).map(|retired| retired.sequence)
    }

    fn before(&self, was_deleted_later: impl Fn(&RetiredRole) -> bool) -> Cow<'_, Self> {
        let mut found = BTreeMap::new();
        for retired in self.retired.iter().filter(|retired| was_deleted_later(retired)) {
            // Of several roles with one number, the one that was deleted first is the one of that moment.
            found.entry(retired.role.number).or_insert(&retired.role);
        }
        if found.is_empty() {
            return Cow::Borrowed(self);
        }
        let others = self.roles.values().filter(|role| !found.contains_key(&role.number));
        Cow::Owned(Self::new(others.chain(found.values().copied()).cloned()))
    }

    /// By number.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    pub fn get(&self, number: RoleNumber) -> Option<&Role> {
        self.roles.get(&number)
    }

    pub fn by_key(&self, key: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.key == key)
    }

    pub fn by_id(&self, id: RoleId) -> Option<&Role> {
        self.roles.values().find(|role| role.id == id)
    }

    /// The roles that grant a permission.
    pub fn granting(&self, permission: &str) -> RoleSet {
        self.grants.get(permission).copied().unwrap_or_default()
    }

    /// The roles that count below the organization they are held at.
    pub const fn reaching(&self) -> RoleSet {
        self.reaching
    }

    /// The roles with this base.
    pub fn based_on(&self, base: Base) -> RoleSet {
        self.roles.values().filter(|role| role.base == base).map(|role| role.number).collect()
    }

    /// The keys of all permissions that a set of roles grants, sorted.
    pub fn permissions_of(&self, roles: RoleSet) -> impl Iterator<Item = &str> {
        self.grants.iter().filter(move |(_, granting)| granting.intersects(roles)).map(|(key, _)| key.as_str())
    }

    /// The keys of a set of roles, by number.
    pub fn keys(&self, roles: RoleSet) -> Vec<&str> {
        roles.iter().filter_map(|number| self.get(number)).map(|role| role.key.as_str()).collect()
    }

    /// Orders roles where only one of several can be shown: owner, admin, custom roles by number, the other built-in ones, member,
    /// viewer. The lowest rank is the strongest.
    const fn rank(number: RoleNumber) -> u8 {
        match number.0 {
            0 | 1 => number.0,
            2 => 100,
            3 => 101,
            4..=7 => 80 + number.0,
            own => own,
        }
    }

    /// The strongest of these roles. `None` if none of them is a role of the realm.
    pub fn strongest(&self, roles: RoleSet) -> Option<&Role> {
        roles.iter().filter_map(|number| self.get(number)).min_by_key(|role| Self::rank(role.number))
    }

    /// The roles that are stronger than this one.
    pub fn stronger_than(&self, number: RoleNumber) -> RoleSet {
        let than = Self::rank(number);
        self.roles.keys().copied().filter(|other| Self::rank(*other) < than).collect()
    }

    /// The lowest free number for a custom role. `None` if all are taken.
    pub fn free_number(&self) -> Option<RoleNumber> {
        (RoleNumber::FIRST_CUSTOM..ROLES_MAX).map(RoleNumber).find(|number| !self.roles.contains_key(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EntityId as _;

    #[test]
    fn sets() {
        let set: RoleSet = [RoleNumber::ADMIN, RoleNumber::VIEWER].into_iter().collect();
        assert!(set.contains(RoleNumber::ADMIN) && !set.contains(RoleNumber::OWNER));
        assert_eq!(set.without(RoleNumber::ADMIN), RoleSet::of(RoleNumber::VIEWER));
        assert_eq!(RoleSet::from_bits(-1).iter().count(), 63);
        assert_eq!(RoleNumber::new(63), None);
    }

    #[test]
    fn a_number_means_the_role_that_had_it_then() {
        let number = RoleNumber(RoleNumber::FIRST_CUSTOM);
        let role = |key: &str| Role {
            id: RoleId::from_raw(1),
            number,
            key: key.to_owned(),
            name: String::new(),
            description: String::new(),
            base: Base::Viewer,
            reaches_down: false,
            system: false,
            permissions: Vec::new(),
            created: Timestamp::from_ms(0),
            updated: Timestamp::from_ms(0),
        };
        let retired =
            |key: &str, sequence, ms| RetiredRole { role: role(key), sequence, retired: Timestamp::from_ms(ms) };
        let catalog = RoleCatalog::new([role("third")]);
        let catalog = catalog.with_retired(Arc::new(vec![retired("first", 10, 100), retired("second", 20, 200)]));
        let held = RoleSet::of(number);
        for (sequence, key) in [(1, "first"), (10, "first"), (11, "second"), (20, "second"), (21, "third")] {
            assert_eq!(catalog.at_event(sequence).keys(held), [key], "event {sequence}");
        }
        for (ms, key) in [(1, "first"), (100, "first"), (150, "second"), (201, "third"), (i64::MAX, "third")] {
            assert_eq!(catalog.at_time(Timestamp::from_ms(ms)).keys(held), [key], "at {ms} ms");
        }
        assert_eq!(
            [1, 10, 11, 21].map(|sequence| catalog.next_retirement(sequence)),
            [Some(10), Some(10), Some(20), None]
        );
    }
}
