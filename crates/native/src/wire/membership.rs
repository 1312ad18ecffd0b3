use roster_engine as engine;
use roster_engine::{Aliases, EntityId as _, Member, RoleCatalog, RoleSet};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Ids, Object, StatusWord, Time, native};

/// One user's membership in one organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Membership)]
pub(crate) struct Membership {
    #[schema(example = "mem_0Qk3vR8aZ1b")]
    id: String,
    ids: Ids,
    organization_id: String,
    user_id: String,
    /// Keys of the member's roles, at least one.
    #[schema(example = json!(["admin"]))]
    roles: Vec<String>,
    /// Whether this is the organization that the user starts in. True for at most one of a user's memberships.
    default: bool,
    /// The id of the user or token that added the member.
    created_by: Option<String>,
    #[schema(value_type = Object)]
    public_metadata: Object,
    #[schema(value_type = Object)]
    private_metadata: Object,
    /// Data that only one dialect has, under the dialect's name.
    #[schema(value_type = Object)]
    extras: Object,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
    /// Absent in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<MemberUser>,
    /// Absent in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<MemberOrganization>,
}

/// A summary of the member's user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberUser {
    id: String,
    email: Option<String>,
    name: String,
    username: Option<String>,
    status: StatusWord,
}

impl From<&engine::User> for MemberUser {
    fn from(user: &engine::User) -> Self {
        Self {
            id: user.id.native(),
            email: user.email().map(str::to_owned),
            name: user.name.clone(),
            username: user.username.clone(),
            status: user.status.into(),
        }
    }
}

/// A summary of the organization.
#[derive(Debug, Serialize, ToSchema)]
struct MemberOrganization {
    id: String,
    parent_id: Option<String>,
    name: String,
    slug: String,
}

/// The keys of roles, in the order of their numbers. A deleted role has no key.
pub(crate) fn role_keys(catalog: &RoleCatalog, roles: RoleSet) -> Vec<String> {
    catalog.keys(roles).into_iter().map(str::to_owned).collect()
}

impl Membership {
    pub(crate) fn alone(m: &engine::Membership, catalog: &RoleCatalog) -> Self {
        Self {
            id: m.id.native(),
            ids: Ids::of(m.id, &Aliases::default()),
            organization_id: m.organization.native(),
            user_id: m.user.native(),
            roles: role_keys(catalog, m.roles),
            default: m.is_default,
            created_by: m.created_by.map(native),
            public_metadata: m.public.clone(),
            private_metadata: m.private.clone(),
            extras: m.extras.0.clone(),
            created_at: Time(m.created),
            updated_at: Time(m.updated),
            user: None,
            organization: None,
        }
    }

    pub(crate) fn of(member: &Member, catalog: &RoleCatalog) -> Self {
        let (u, o) = (&member.user, &member.organization);
        Self {
            user: Some(MemberUser::from(&**u)),
            organization: Some(MemberOrganization {
                id: o.id.native(),
                parent_id: o.parent.map(engine::EntityId::native),
                name: o.name.clone(),
                slug: o.slug.clone(),
            }),
            ..Self::alone(&member.membership, catalog)
        }
    }
}
