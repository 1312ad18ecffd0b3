use roster_engine as engine;
use roster_engine::{EntityId as _, RoleCatalog, TokenKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Time, native, role_keys};

/// A key to the API, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct Token {
    #[schema(example = "tok_0Qk3vR8aZ1b")]
    id: String,
    kind: TokenWord,
    organization_id: Option<String>,
    user_id: Option<String>,
    /// What an organization token acts with.
    roles: Vec<String>,
    /// The permissions that it may use; null: all that its roles grant.
    scopes: Option<Vec<String>>,
    /// The beginning of the secret.
    hint: String,
    name: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Time>,
    /// To the minute or so.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Time>,
    created_by: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// Only in the answer that makes it: shown once, kept by nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "rst_…")]
    pub secret: Option<String>,
}

/// Whom a token acts for: the realm (may do everything), an organization and below, or a user.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[schema(as = TokenKind)]
pub(crate) enum TokenWord {
    Realm,
    Organization,
    User,
}

roster_http::words!(TokenWord);

impl From<TokenKind> for TokenWord {
    fn from(kind: TokenKind) -> Self {
        match kind {
            TokenKind::Realm => Self::Realm,
            TokenKind::Organization => Self::Organization,
            TokenKind::User => Self::User,
        }
    }
}

impl From<TokenWord> for TokenKind {
    fn from(kind: TokenWord) -> Self {
        match kind {
            TokenWord::Realm => Self::Realm,
            TokenWord::Organization => Self::Organization,
            TokenWord::User => Self::User,
        }
    }
}

impl Token {
    pub(crate) fn of(t: &engine::Token, catalog: &RoleCatalog) -> Self {
        Self {
            id: t.id.native(),
            kind: t.kind.into(),
            organization_id: t.organization.map(engine::EntityId::native),
            user_id: t.user.map(engine::EntityId::native),
            roles: role_keys(catalog, t.roles),
            scopes: t.scopes.clone(),
            hint: t.hint.clone(),
            name: t.name.clone(),
            expires_at: t.expires.map(Time),
            revoked_at: t.revoked.map(Time),
            last_used_at: t.last_used.map(Time),
            created_by: t.created_by.map(native),
            created_at: Time(t.created),
            secret: None,
        }
    }
}
