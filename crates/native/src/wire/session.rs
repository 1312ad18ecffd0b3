use roster_engine as engine;
use roster_engine::{Aliases, EntityId as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Ids, Time, native};

/// The session of a user who has logged in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct Session {
    #[schema(example = "ses_0Qk3vR8aZ1b")]
    id: String,
    ids: Ids,
    user_id: String,
    /// The one membership that the session is limited to; `null` if it acts through all of the user's memberships.
    membership_id: Option<String>,
    /// The organization of that membership.
    organization_id: Option<String>,
    /// The `User-Agent` of the client that opened the session, cut to 256 characters.
    user_agent: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
    /// The key with which the session is used. Only in the response that opens the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
}

impl From<&engine::Session> for Session {
    fn from(s: &engine::Session) -> Self {
        Self {
            id: s.id.native(),
            ids: Ids::of(s.id, &Aliases::default()),
            user_id: s.user.native(),
            membership_id: s.only.map(|only| only.membership.native()),
            organization_id: s.only.map(|only| only.organization.native()),
            user_agent: s.agent.clone(),
            created_at: Time(s.created),
            expires_at: Time(s.expires),
            secret: None,
        }
    }
}

/// A one-time login link that opens a session for a member.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LoginLink)]
pub(crate) struct LoginLink {
    #[schema(example = "lnk_0Qk3vR8aZ1b")]
    id: String,
    user_id: String,
    /// The one membership that the session will be limited to.
    membership_id: String,
    organization_id: String,
    /// The id of the user or token that created the link.
    created_by: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// One minute after creation.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
    /// The secret that opens the session. Only in the response that creates the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
}

impl From<&engine::Link> for LoginLink {
    fn from(l: &engine::Link) -> Self {
        Self {
            id: l.id.native(),
            user_id: l.user.native(),
            membership_id: l.only.membership.native(),
            organization_id: l.only.organization.native(),
            created_by: l.created_by.map(native),
            created_at: Time(l.created),
            expires_at: Time(l.expires),
            secret: None,
        }
    }
}
