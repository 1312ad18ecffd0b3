use serde::{Deserialize, Serialize};

use crate::{Extras, InvitationId, MembershipId, Metadata, OrganizationId, RoleSet, Timestamp, UserId};

/// An invitation to join an organization, for whoever has the e-mail address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invitation {
    pub id: InvitationId,
    pub organization: OrganizationId,
    /// In lower case and NFC. At most one pending invitation of an organization has it.
    pub email: String,
    /// The person's name as given by the inviter; empty if none was given. A user created for the invitation gets this name.
    #[serde(default)]
    pub name: String,
    /// The id reserved for a user with this address if there was none; taken over from an earlier pending invitation that reserved one.
    #[serde(default)]
    pub user: Option<UserId>,
    /// The roles that the membership will have. Never empty, never the owner's role.
    pub roles: RoleSet,
    /// As stored; [`Invitation::status_at`] also takes the expiry into account.
    pub status: InvitationStatus,
    /// The user in whose name it was sent. Kept when that user is deleted.
    pub inviter: Option<UserId>,
    pub expires: Timestamp,
    pub created: Timestamp,
    /// Grows with every change of this record.
    pub updated: Timestamp,
    /// The metadata that the membership will have.
    pub public: Metadata,
    pub private: Metadata,
    #[serde(default)]
    pub extras: Extras,
}

impl Invitation {
    /// The id that the membership will have.
    pub fn membership_id(&self) -> MembershipId {
        self.id.membership()
    }

    /// The id that a user created for it will have.
    pub fn user_id(&self) -> UserId {
        self.user.unwrap_or_else(|| self.id.user())
    }

    /// When it stopped or will stop being pending, or earlier.
    pub fn valid_until(&self) -> Timestamp {
        if self.status == InvitationStatus::Pending { self.expires } else { self.updated.min(self.expires) }
    }

    /// The status at this time: a pending invitation expires without being written.
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
