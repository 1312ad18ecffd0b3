use serde::{Deserialize, Serialize};

use crate::{Aliases, Extras, Metadata, OrganizationId, Timestamp};

/// Anything that has members. Organizations form a tree below the realm's root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    pub id: OrganizationId,
    /// `None` for the realm's root only.
    pub parent: Option<OrganizationId>,
    /// 0 for the root, 1 right under it.
    pub depth: u8,
    pub name: String,
    /// Unique in the realm, `[a-z0-9-]`.
    pub slug: String,
    /// Its id in another system; unique in the realm, compared exactly.
    pub external_id: Option<String>,
    /// The maximum number of members; 0 is no limit.
    pub max_members: u32,
    /// Only users with an e-mail address in one of these domains can become members. Empty: anyone. Lower case.
    pub email_domains: Vec<String>,
    pub visibility: Visibility,
    #[serde(default)]
    pub status: OrganizationStatus,
    /// A flag for applications to act on; it has no effect on rights.
    #[serde(default)]
    pub suspended: bool,
    /// Whether it or one above is marked as deleted. Derived from the tree.
    #[serde(default)]
    pub hidden: bool,
    pub locale: Option<String>,
    /// The raw id of the user or token that made it.
    pub created_by: Option<i64>,
    pub created: Timestamp,
    /// Grows with every change of this record.
    pub updated: Timestamp,
    pub public: Metadata,
    pub private: Metadata,
    pub extras: Extras,
    pub aliases: Aliases,
}

/// Whether an organization is available to its users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationStatus {
    #[default]
    Active,
    /// Marked as deleted, with everything below it. Everything is kept, and is restored when the mark is removed.
    Deleted,
    /// Permanently deleted; its rows are being purged. No reader sees it.
    Gone,
}

impl OrganizationStatus {
    pub const ALL: [Self; 3] = [Self::Active, Self::Deleted, Self::Gone];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deleted => "deleted",
            Self::Gone => "gone",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// Who may list the members without the right to change them; from the narrowest to the widest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Nobody.
    Admins,
    /// Every member, and whoever holds `memberships:read` here or above.
    #[default]
    Members,
    /// Every user of the realm.
    Realm,
}

impl Visibility {
    pub const ALL: [Self; 3] = [Self::Admins, Self::Members, Self::Realm];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Admins => "admins",
            Self::Members => "members",
            Self::Realm => "realm",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.word() == word)
    }
}

impl Organization {
    pub const fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    /// The status to show: deleted if it or one above is marked as deleted.
    pub const fn shown_status(&self) -> OrganizationStatus {
        if self.hidden { OrganizationStatus::Deleted } else { self.status }
    }

    /// Whether the domain of this address is one of [`Self::email_domains`], or those are empty.
    pub fn admits(&self, email: Option<&str>) -> bool {
        self.email_domains.is_empty()
            || email
                .and_then(|e| e.rsplit_once('@'))
                .is_some_and(|(_, domain)| self.email_domains.iter().any(|d| d == domain))
    }
}
