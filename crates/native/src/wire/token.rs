use roster_engine as engine;
use roster_engine::{EntityId as _, RoleCatalog, TokenKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Time, native, role_keys};

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct Token {
    #[schema(example = "tok_0Qk3vR8aZ1b")]
    id: String,
    kind: TokenWord,
    /// The organization at which an organization token acts.
    organization_id: Option<String>,
    /// The user of a user token, or the user with whom an organization token becomes invalid.
    user_id: Option<String>,
    /// Keys of an organization token's roles. Empty for the other kinds.
    roles: Vec<String>,
    /// Keys of the permissions that the token may use; `null` if it may use all that it has.
    scopes: Option<Vec<String>>,
    /// The first characters of the secret, to tell tokens apart.
    hint: String,
    name: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Time>,
    /// When the token was last used, accurate to about a minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Time>,
    /// The id of the user or token that issued the token.
    created_by: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// The secret. Only in the response that issues the token; it is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "rst_…")]
    pub secret: Option<String>,
}

/// What a token acts as: `realm`, which may do everything in its realm; `organization`, with the token's roles at its
/// organization and, as far as the roles reach down, below; or `user`, through the user's memberships.
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
        let catalog = catalog.of_token(t);
        Self {
            id: t.id.native(),
            kind: t.kind.into(),
            organization_id: t.organization.map(engine::EntityId::native),
            user_id: t.user.map(engine::EntityId::native),
            roles: role_keys(&catalog, t.roles),
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
