use serde::{Deserialize, Serialize};

use crate::{Extras, OrganizationId, RoleSet, Timestamp, TokenId, UserId};

/// An API key. Its secret is shown once; only its hash is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    pub id: TokenId,
    pub kind: TokenKind,
    /// The organization at which, and below which, an organization token acts.
    pub organization: Option<OrganizationId>,
    /// The user of a user token; or the user that an organization token was made for: it is invalid while that user is
    /// inactive, deleted or suspended there.
    pub user: Option<UserId>,
    /// The roles of an organization token. Empty for the other kinds.
    pub roles: RoleSet,
    /// The permissions that it may use, among those that its roles grant. `None`: all of them.
    pub scopes: Option<Vec<String>>,
    /// The first characters of the secret, to tell keys apart in lists.
    pub hint: String,
    pub name: Option<String>,
    pub expires: Option<Timestamp>,
    pub revoked: Option<Timestamp>,
    /// The raw id of the user or token that made it.
    pub created_by: Option<i64>,
    pub created: Timestamp,
    /// When it was last used, accurate to about a minute. Not part of the log.
    #[serde(skip)]
    pub last_used: Option<Timestamp>,
    pub extras: Extras,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// May do everything in its realm.
    Realm,
    /// Acts with its roles at its organization and below.
    Organization,
    /// Acts with its user's memberships.
    User,
}

impl TokenKind {
    pub const ALL: [Self; 3] = [Self::Realm, Self::Organization, Self::User];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Realm => "realm",
            Self::Organization => "organization",
            Self::User => "user",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }
}

impl Token {
    /// Neither revoked nor expired.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}
