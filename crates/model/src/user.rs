use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Aliases, EntityId as _, Extras, Metadata, Timestamp, UserId, id::AddressId};

/// A person, or a robot, in a realm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    /// The whole name as it was given; empty if none was.
    pub name: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// Unique in the realm, compared by [`crate::text::fold`].
    pub username: Option<String>,
    /// The user's id in another system; unique in the realm, compared exactly.
    pub external_id: Option<String>,
    pub status: UserStatus,
    pub locale: Option<String>,
    /// The primary one of a kind comes first.
    pub addresses: Vec<Address>,
    pub created: Timestamp,
    /// Grows with every change of this record.
    pub updated: Timestamp,
    /// When one of the user's own keys was last used, accurate to about a minute. Not part of the log.
    #[serde(skip)]
    pub last_active: Option<Timestamp>,
    pub public: Metadata,
    pub private: Metadata,
    /// Metadata that users may change themselves through the application, so it can't be trusted.
    #[serde(default)]
    pub open: Metadata,
    pub extras: Extras,
    pub aliases: Aliases,
}

/// The domain of the placeholder address for users without an e-mail address, for clients that require one; the id's digits precede it.
/// The domain `.invalid` is reserved, so nobody can own it.
pub const NO_ADDRESS: &str = "@no-address.invalid";

/// The user whose placeholder this address is, in any letter case. The user need not exist, and may have an address.
pub fn user_of_placeholder(address: &str) -> Option<UserId> {
    address.to_ascii_lowercase().strip_suffix(NO_ADDRESS)?.parse().ok().and_then(UserId::checked)
}

impl User {
    /// An active user of whom only the name is known.
    pub fn new(id: UserId, name: String, created: Timestamp) -> Self {
        Self {
            id,
            name,
            first_name: None,
            last_name: None,
            username: None,
            external_id: None,
            status: UserStatus::Active,
            locale: None,
            addresses: Vec::new(),
            created,
            updated: created,
            last_active: None,
            public: Metadata::new(),
            private: Metadata::new(),
            open: Metadata::new(),
            extras: Extras::default(),
            aliases: Aliases::default(),
        }
    }

    /// The primary e-mail address, in lower case.
    pub fn email(&self) -> Option<&str> {
        self.addresses.iter().find(|a| a.kind == AddressKind::Email && a.primary).map(|a| a.value.as_str())
    }

    /// The primary e-mail address, else a placeholder that is no other user's.
    pub fn email_or_placeholder(&self) -> Cow<'_, str> {
        self.email().map_or_else(|| Cow::Owned(format!("{}{NO_ADDRESS}", self.id.raw())), Cow::Borrowed)
    }

    /// The primary phone number.
    pub fn phone(&self) -> Option<&str> {
        self.addresses.iter().find(|a| a.kind == AddressKind::Phone && a.primary).map(|a| a.value.as_str())
    }

    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }
}

/// Where a user can be reached. Unique in the realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub id: AddressId,
    pub kind: AddressKind,
    /// Lower case and NFC for an e-mail address, E.164 for a phone number.
    pub value: String,
    pub primary: bool,
    pub verified: bool,
    pub created: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    Email,
    Phone,
}

impl AddressKind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }
}

/// An inactive user's memberships and tokens are kept, but grant nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    #[default]
    Active,
    Inactive,
}

impl UserStatus {
    pub const ALL: [Self; 2] = [Self::Active, Self::Inactive];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }
}
