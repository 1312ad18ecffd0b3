//! The vendor's scopes and the permissions that they stand for.
//!
//! A key keeps the names that it was made with, since they are shown byte for byte, and in addition the permissions that they stand
//! for, which the engine checks. A key that was made through another surface has no such names: it shows the scopes of which it
//! has all permissions.

use roster_engine::{BuiltIn as P, RoleCatalog, Token};
use serde_json::Value;

use crate::map::DIALECT;

macro_rules! scopes {
    ($($name:ident = $text:literal, $opens:expr;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Scope { $($name),* }

        impl Scope {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// What it means in Roster. Each list holds those of `:user`, so that any key that may make keys can make one
            /// with the default scope: no key gives what it lacks.
            pub(crate) const fn permissions(self) -> &'static [P] {
                match self { $(Self::$name => &$opens),* }
            }
        }
    };
}

scopes! {
    AccountAdministrator = ":account_administrator",
        [P::AccountsWrite, P::TokensWrite, P::OrganizationsRead, P::OrganizationsList];
    Administrator = ":administrator",
        [P::MembershipsRead, P::MembershipsWrite, P::TokensWrite,
         P::OrganizationsRead, P::OrganizationsList, P::OrganizationsCreate];
    User = ":user", [P::OrganizationsRead, P::OrganizationsList];
    // Scopes for features that Roster doesn't have.
    Authenticated = ":authenticated", [];
    SecureContainer = ":secure_container", [];
    WriteData = ":write_data", [];
    WriteNotification = ":write_notification", [];
    ReadNotification = ":read_notification", [];
    WriteResource = ":write_resource", [];
    ReadResource = ":read_resource", [];
    // Scopes for what only realm keys may do, which need no scopes.
    WhylabsAdministrator = ":whylabs_administrator", [];
    WhylabsSystem = ":whylabs_system", [];
}

/// The scopes of a key for which none are given.
pub(crate) const DEFAULT: Scope = Scope::User;

/// The key in a token's extras for its scopes.
pub(super) const SCOPES: &str = "scopes";

impl Scope {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.name() == name)
    }

    /// Whether customers can't grant this scope.
    pub(crate) const fn is_internal(self) -> bool {
        matches!(self, Self::WhylabsAdministrator | Self::WhylabsSystem)
    }
}

/// The keys of all permissions that these scopes stand for, each once.
pub(super) fn permissions(scopes: &[Scope]) -> Vec<String> {
    let mut keys: Vec<String> =
        scopes.iter().flat_map(|scope| scope.permissions()).map(|permission| permission.key().to_owned()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The names that a token was made with, if it was made here.
pub(crate) fn given(token: &Token) -> Option<Vec<&str>> {
    let scopes = token.extras.of(DIALECT)?.get(SCOPES)?.as_array()?;
    Some(scopes.iter().filter_map(Value::as_str).collect())
}

/// The names that a token shows.
pub(super) fn shown(catalog: &RoleCatalog, token: &Token) -> Vec<String> {
    if let Some(given) = given(token) {
        return given.into_iter().map(str::to_owned).collect();
    }
    let uses = |permission: &P| {
        let key = permission.key();
        let in_scope = token.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| scope == key));
        in_scope && catalog.granting(key).intersects(token.roles)
    };
    let opens = |scope: &&Scope| !scope.permissions().is_empty() && scope.permissions().iter().all(uses);
    Scope::ALL.iter().filter(opens).map(|scope| scope.name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_every_maker_of_keys_can_give_the_default() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_name(scope.name()), Some(*scope));
            if scope.permissions().contains(&P::TokensWrite) {
                assert!(DEFAULT.permissions().iter().all(|needed| scope.permissions().contains(needed)));
            }
        }
        assert_eq!(Scope::from_name(":USER"), None);
    }
}
