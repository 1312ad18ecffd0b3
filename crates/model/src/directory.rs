//! What a directory (an identity provider that provisions users and groups) keeps here of those it manages.
//!
//! A directory speaks for a *provisioning domain*: an organization with everything below it. Two directories may know the same
//! user by different names and switch him off independently, so what each says is kept in a link of its own.

use serde::{Deserialize, Serialize};

use crate::{EntityId as _, Kind, Metadata, OrganizationId, Timestamp, UserId, id::kind_of};

/// Longest name that a directory can give a user, in bytes: it is part of a key.
pub const USER_NAME_MAX: usize = 1024;
/// Longest external id of a directory's, in bytes.
pub const EXTERNAL_ID_MAX: usize = 2048;
/// Largest document that a directory can keep with one user or group, in bytes of compact JSON.
pub const DOCUMENT_MAX: usize = 1 << 20;

/// A user or an organization, as one provisioning domain knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectoryLink {
    /// The domain's top organization; the realm's root for a directory that manages the whole realm.
    pub domain: OrganizationId,
    pub subject: LinkSubject,
    /// The directory's own id of it. Not unique: that is the directory's business.
    pub external_id: Option<String>,
    /// What the directory calls the user. Unique in the domain, compared by [`crate::text::fold`]; see `home`.
    pub user_name: Option<String>,
    /// Whether the user was made by this domain: then its writes, and the realm's, change the user himself. One link of a user
    /// at most. A user without such a link is at home at the root.
    pub home: bool,
    /// The user's memberships in this domain grant nothing. Only where he isn't at home; there his status says so.
    pub suspended: bool,
    /// The directory's document: what it wrote and the domain has no words for.
    pub document: Metadata,
    /// The e-mail addresses in it, by which the user is found.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// What the user was after the document was written last, to tell later what others changed since. `None`: the document
    /// stands for itself.
    pub given: Option<Given>,
    pub created: Timestamp,
    /// Grows with every change of this record.
    pub updated: Timestamp,
}

/// A user's names and address, as they were right after a directory's last write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
}

/// What a link is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkSubject {
    User(UserId),
    Organization(OrganizationId),
}

impl LinkSubject {
    pub fn raw(self) -> i64 {
        match self {
            Self::User(id) => id.raw(),
            Self::Organization(id) => id.raw(),
        }
    }

    /// The kind is written inside the number.
    pub fn from_raw(raw: i64) -> Option<Self> {
        match kind_of(raw)? {
            Kind::User => Some(Self::User(UserId::from_raw(raw))),
            Kind::Organization => Some(Self::Organization(OrganizationId::from_raw(raw))),
            _ => None,
        }
    }

    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(id),
            Self::Organization(_) => None,
        }
    }
}

impl From<UserId> for LinkSubject {
    fn from(id: UserId) -> Self {
        Self::User(id)
    }
}

impl From<OrganizationId> for LinkSubject {
    fn from(id: OrganizationId) -> Self {
        Self::Organization(id)
    }
}

impl DirectoryLink {
    pub fn new(domain: OrganizationId, subject: impl Into<LinkSubject>, now: Timestamp) -> Self {
        Self {
            domain,
            subject: subject.into(),
            external_id: None,
            user_name: None,
            home: false,
            suspended: false,
            document: Metadata::new(),
            addresses: Vec::new(),
            given: None,
            created: now,
            updated: now,
        }
    }
}
