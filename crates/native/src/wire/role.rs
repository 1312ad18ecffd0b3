use roster_engine as engine;
use roster_engine::{Aliases, Base, EntityId as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Ids, Time};

/// A role and what it grants.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Role)]
pub(crate) struct Role {
    #[schema(example = "rol_0Qk3vR8aZ1b")]
    id: String,
    ids: Ids,
    #[schema(example = "admin")]
    key: String,
    name: String,
    description: String,
    base: BaseWord,
    /// Whether the role also counts at every organization below the one where it is held.
    reaches_down: bool,
    /// Whether the role is built in. Built-in roles can't be changed or deleted.
    system: bool,
    /// Keys of the permissions that the role grants.
    #[schema(example = json!(["memberships:read"]))]
    permissions: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// The built-in role as which a custom role is shown in dialects that have a fixed set of roles. Default: `viewer`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[schema(as = RoleBase)]
pub(crate) enum BaseWord {
    Admin,
    Member,
    #[default]
    Viewer,
}

roster_http::words!(BaseWord);

impl From<Base> for BaseWord {
    fn from(base: Base) -> Self {
        match base {
            Base::Admin => Self::Admin,
            Base::Member => Self::Member,
            Base::Viewer => Self::Viewer,
        }
    }
}

impl From<BaseWord> for Base {
    fn from(base: BaseWord) -> Self {
        match base {
            BaseWord::Admin => Self::Admin,
            BaseWord::Member => Self::Member,
            BaseWord::Viewer => Self::Viewer,
        }
    }
}

impl From<&engine::Role> for Role {
    fn from(r: &engine::Role) -> Self {
        Self {
            id: r.id.native(),
            ids: Ids::of(r.id, &Aliases::default()),
            key: r.key.clone(),
            name: r.name.clone(),
            description: r.description.clone(),
            base: r.base.into(),
            reaches_down: r.reaches_down,
            system: r.system,
            permissions: r.permissions.clone(),
            created_at: Time(r.created),
            updated_at: Time(r.updated),
        }
    }
}

/// A permission that roles can grant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Permission)]
pub(crate) struct Permission {
    #[schema(example = "prm_0Qk3vR8aZ1b")]
    id: String,
    ids: Ids,
    #[schema(example = "memberships:read")]
    key: String,
    name: String,
    description: String,
    /// Whether the permission is built in. Built-in permissions can't be changed or deleted.
    system: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

impl From<&engine::Permission> for Permission {
    fn from(p: &engine::Permission) -> Self {
        Self {
            id: p.id.native(),
            ids: Ids::of(p.id, &Aliases::default()),
            key: p.key.clone(),
            name: p.name.clone(),
            description: p.description.clone(),
            system: p.system,
            created_at: Time(p.created),
            updated_at: Time(p.updated),
        }
    }
}
