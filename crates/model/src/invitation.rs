use serde::{Deserialize, Serialize};

use crate::{Extras, InvitationId, MembershipId, Metadata, OrganizationId, RoleSet, Timestamp, UserId};

/// A place in an organization, kept for whoever has an e-mail address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invitation {
    pub id: InvitationId,
    pub organization: OrganizationId,
    /// In lower case and NFC. At most one pending invitation of an organization has it.
    pub email: String,
    /// How whoever invites calls the person; empty if it wasn't said. A user made for the invitation is called so.
    #[serde(default)]
    pub name: String,
    /// The id kept for a user with this address where there was none; that of an earlier invitation, if that keeps one.
    #[serde(default)]
    pub user: Option<UserId>,
    /// What the membership will hold. Never empty, never the owner's role.
    pub roles: RoleSet,
    /// As it was written last; [`Invitation::status_at`] knows the clock, too.
    pub status: InvitationStatus,
    /// In whose name it was sent. Stays when that user is deleted.
    pub inviter: Option<UserId>,
    pub expires: Timestamp,
    pub created: Timestamp,
    /// Grows with every change of this record.
    pub updated: Timestamp,
    /// What the membership will have.
    pub public: Metadata,
    pub private: Metadata,
    #[serde(default)]
    pub extras: Extras,
}

impl Invitation {
    /// What the membership will be called.
    pub fn membership_id(&self) -> MembershipId {
        self.id.membership()
    }

    /// What a user made for it will be called.
    pub fn user_id(&self) -> UserId {
        self.user.unwrap_or_else(|| self.id.user())
    }

    /// What it counts as at this moment: pending ones expire by themselves.
    pub fn status_at(&self, now: Timestamp) -> InvitationStatus {
        match self.status {
            InvitationStatus::Pending if self.expires <= now => InvitationStatus::Expired,
            status => status,
        }
    }
}

/// What became of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    Pending,
    /// The person is a member, by this invitation or otherwise.
    Accepted,
    Revoked,
    Expired,
}

impl InvitationStatus {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Accepted, Self::Revoked, Self::Expired];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}
