//! Directory links: what a directory (an identity provider that provisions users and groups) stores about the users and groups it manages.
//!
//! A directory speaks for a *provisioning domain*: an organization with everything below it. Two directories may know the same
//! user by different names and deactivate the user independently, so each one's data is kept in a separate link.

use serde::{Deserialize, Serialize};

use crate::{EntityId as _, Kind, Metadata, OrganizationId, Timestamp, UserId, id::kind_of};

/// Longest user name that a directory can set, in bytes: it is part of a database key.
pub const USER_NAME_MAX: usize = 1024;
/// Longest external id that a directory can set, in bytes.
pub const EXTERNAL_ID_MAX: usize = 2048;
/// Largest document that a directory can store with one user or group, in bytes of compact JSON.
pub const DOCUMENT_MAX: usize = 1 << 20;

/// A user or an organization, as one provisioning domain knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectoryLink {
    /// The domain's top organization; the realm's root for a directory that manages the whole realm.
    pub domain: OrganizationId,
    pub subject: LinkSubject,
    /// The directory's own id for it. Not required to be unique.
    pub external_id: Option<String>,
    /// The user's name in the directory. Unique in the domain, compared by [`crate::text::fold`]; see `home`.
    pub user_name: Option<String>,
    /// Whether the user was created by this domain: then its writes, and the realm's, change the user's own data. True
    /// for at most one of a user's links. The home of a user without such a link is the realm.
    pub home: bool,
    /// Whether the user's memberships in this domain grant nothing. Only used in domains that aren't the user's home;
    /// at home the user's status is used.
    pub suspended: bool,
    /// The attributes that the directory wrote and that have no field of their own in Roster.
    pub document: Metadata,
    /// The e-mail addresses in the document, by which the user can be found.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// The user's state when the document was last written, to detect what others have changed since. `None`: the document is
    /// authoritative.
    pub given: Option<ProfileSnapshot>,
    pub created: Timestamp,
    /// Grows with every change of this record.
    pub updated: Timestamp,
}

/// A user's names and address, as they were right after a directory's last write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSnapshot {
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

    /// From the kind that the number encodes.
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
