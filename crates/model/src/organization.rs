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
    /// What another system calls it; unique in the realm, compared exactly.
    pub external_id: Option<String>,
    /// Most members it may have; 0 is no limit.
    pub max_members: u32,
    /// Whose e-mail address ends in none of these can't become a member. Empty: anyone. Lower case.
    pub email_domains: Vec<String>,
    pub visibility: Visibility,
    #[serde(default)]
    pub status: OrganizationStatus,
    /// A mark that applications act on; it takes no right away.
    #[serde(default)]
    pub suspended: bool,
    /// Whether it or one above is marked as deleted. Follows from the tree.
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

/// Whether an organization is there for its users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationStatus {
    #[default]
    Active,
    /// Marked as deleted, and with it all below. Everything is kept and comes back when the mark is taken away.
    Deleted,
    /// Deleted for good; its rows are being cleared away. No reader sees it.
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

/// Who may list the members without the right to change them: from few to many.
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

    /// What it shows as: marked as deleted by itself, or by one above.
    pub const fn shown_status(&self) -> OrganizationStatus {
        if self.hidden { OrganizationStatus::Deleted } else { self.status }
    }

    /// Whether someone with this address may become a member, as far as the domain of the address goes.
    pub fn admits(&self, email: Option<&str>) -> bool {
        self.email_domains.is_empty()
            || email
                .and_then(|e| e.rsplit_once('@'))
                .is_some_and(|(_, domain)| self.email_domains.iter().any(|d| d == domain))
    }
}
