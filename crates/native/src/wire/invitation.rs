use roster_engine as engine;
use roster_engine::{Aliases, EntityId as _, InvitationStatus, Invited, RoleCatalog};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Ids, Object, Time, role_keys};

/// A membership reserved for the user who has an e-mail address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct Invitation {
    #[schema(example = "inv_0Qk3vR8aZ1b")]
    id: String,
    ids: Ids,
    organization_id: String,
    /// The invited address, in lower case.
    email: String,
    /// The name of a user who is created for the invitation; empty if none was given.
    name: String,
    /// The id that the membership will have once the invitation is accepted.
    membership_id: String,
    /// Keys of the roles that the membership will have.
    roles: Vec<String>,
    status: InvitationWord,
    /// The user in whose name the invitation was sent, if any.
    inviter_id: Option<String>,
    #[schema(value_type = Object)]
    public_metadata: Object,
    #[schema(value_type = Object)]
    private_metadata: Object,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
    /// The secret with which the invited person accepts. Only in the response that creates the invitation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
}

/// The status of an invitation.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[schema(as = InvitationStatus)]
pub(crate) enum InvitationWord {
    Pending,
    Accepted,
    Revoked,
    Expired,
}

roster_http::words!(InvitationWord);

impl From<InvitationStatus> for InvitationWord {
    fn from(status: InvitationStatus) -> Self {
        match status {
            InvitationStatus::Pending => Self::Pending,
            InvitationStatus::Accepted => Self::Accepted,
            InvitationStatus::Revoked => Self::Revoked,
            InvitationStatus::Expired => Self::Expired,
        }
    }
}

impl From<InvitationWord> for InvitationStatus {
    fn from(status: InvitationWord) -> Self {
        match status {
            InvitationWord::Pending => Self::Pending,
            InvitationWord::Accepted => Self::Accepted,
            InvitationWord::Revoked => Self::Revoked,
            InvitationWord::Expired => Self::Expired,
        }
    }
}

impl Invitation {
    pub(crate) fn alone(i: &engine::Invitation, catalog: &RoleCatalog) -> Self {
        Self {
            id: i.id.native(),
            ids: Ids::of(i.id, &Aliases::default()),
            organization_id: i.organization.native(),
            email: i.email.clone(),
            name: i.name.clone(),
            membership_id: i.membership_id().native(),
            roles: role_keys(&catalog.of_invitation(i), i.roles),
            status: i.status.into(),
            inviter_id: i.inviter.map(engine::EntityId::native),
            public_metadata: i.public.clone(),
            private_metadata: i.private.clone(),
            expires_at: Time(i.expires),
            created_at: Time(i.created),
            updated_at: Time(i.updated),
            secret: None,
        }
    }

    pub(crate) fn of(invited: &Invited, catalog: &RoleCatalog) -> Self {
        Self::alone(&invited.invitation, catalog)
    }
}
