use serde::{Deserialize, Serialize};

use crate::{Extras, OrganizationId, RoleSet, Timestamp, TokenId, UserId};

/// A key to the API. Its secret is shown once and kept as a hash only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    pub id: TokenId,
    pub kind: TokenKind,
    /// Where an organization token acts: here and below.
    pub organization: Option<OrganizationId>,
    /// Whose user token it is; or who an organization token was made for, with whom it dies.
    pub user: Option<UserId>,
    /// What an organization token acts with. Empty for the other kinds.
    pub roles: RoleSet,
    /// The permissions that it may use, of those that its roles grant. `None`: all of them.
    pub scopes: Option<Vec<String>>,
    /// The beginning of the secret, enough to tell keys apart and no more.
    pub hint: String,
    pub name: Option<String>,
    pub expires: Option<Timestamp>,
    pub revoked: Option<Timestamp>,
    /// The raw id of the user or token that made it.
    pub created_by: Option<i64>,
    pub created: Timestamp,
    /// When it was last seen, to the minute or so. Not part of the log.
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
    /// Acts as its user does: by memberships.
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
