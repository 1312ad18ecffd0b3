//! Permissions: named things that a caller may be allowed to do.

use serde::{Deserialize, Serialize};

use crate::{PermissionId, Timestamp, text};

/// A permission of a realm: built in, or defined for an application that asks about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Permission {
    pub id: PermissionId,
    /// `feature:action`.
    pub key: String,
    pub name: String,
    pub description: String,
    /// Built in: can't be changed or deleted.
    pub system: bool,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// A permission's key: 1 to 128 of `A-Z a-z 0-9 . _ : / -`. `feature:action` is customary; an application may have names of its own.
pub fn key(text: &str) -> Result<&str, text::Problem> {
    const BAD: text::Problem = "must be 1 to 128 characters of A-Z, a-z, 0-9 and . _ : / -, such as feature:action";
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'/' | b'-');
    if text.is_empty() || text.len() > 128 || !text.bytes().all(fits) {
        Err(BAD)
    } else if text.starts_with(ROLE_PREFIX) {
        Err("must not begin with role:, which asks for a role")
    } else {
        Ok(text)
    }
}

/// The prefix that asks for a role where a permission is expected otherwise.
pub const ROLE_PREFIX: &str = "role:";

macro_rules! permissions {
    ($($name:ident = $key:literal, $words:literal;)*) => {
        /// The permissions that Roster itself checks, or defines for vendors' APIs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum BuiltIn { $(#[doc = $words] $name),* }

        impl BuiltIn {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key),* }
            }

            /// The display name.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words),* }
            }

            pub fn from_key(key: &str) -> Option<Self> {
                match key { $($key => Some(Self::$name),)* _ => None }
            }
        }
    };
}

permissions! {
    OrganizationsRead = "organizations:read", "Read organizations";
    OrganizationsWrite = "organizations:write", "Change organizations";
    OrganizationsCreate = "organizations:create", "Create organizations";
    OrganizationsList = "organizations:list", "List the organizations below";
    OrganizationsDelete = "organizations:delete", "Delete organizations";
    MembershipsRead = "memberships:read", "Read members";
    MembershipsWrite = "memberships:write", "Add, change, remove and invite members";
    OwnershipTransfer = "ownership:transfer", "Hand one's own ownership on";
    OwnershipWrite = "ownership:write", "Set and clear owners below";
    TokensWrite = "tokens:write", "Issue, list and revoke tokens";
    AccountsWrite = "accounts:write", "Provision users of an account";
    RolesWrite = "roles:write", "Define roles and permissions";
    UsersCreate = "users:create", "Create users";
    UsersRead = "users:read", "Read users";
    UsersWrite = "users:write", "Change and delete users";
    UsersActAs = "users:act_as", "Act as another user";
    LoginLinksWrite = "login_links:write", "Make login links";
    EventsRead = "events:read", "Read the event log";
    DomainsRead = "domains:read", "Read domains";
    DomainsWrite = "domains:write", "Change domains";
    BillingRead = "billing:read", "Read billing";
    BillingWrite = "billing:write", "Change billing";
    ConnectionsWrite = "connections:write", "Change enterprise connections";
}

impl std::fmt::Display for BuiltIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for permission in BuiltIn::ALL {
            assert_eq!(key(permission.key()), Ok(permission.key()));
            assert_eq!(BuiltIn::from_key(permission.key()), Some(*permission));
        }
        for good in ["read", "GET", "can_read_todos", "a:b:c", "invoices/lines.read-all"] {
            assert_eq!(key(good), Ok(good));
        }
        for bad in ["", "a b:c", "ä:b", "a\0", "role:admin", &"x".repeat(129)] {
            assert!(key(bad).is_err(), "{bad}");
        }
    }
}
