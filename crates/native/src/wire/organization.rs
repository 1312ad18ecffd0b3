use roster_engine as engine;
use roster_engine::{EntityId as _, OrganizationStatus, Visibility};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Ids, Object, Time, native};

/// Anything that has members.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Organization)]
pub(crate) struct Organization {
    #[schema(example = "org_0Qk3vR8aZ1b")]
    id: String,
    ids: Ids,
    /// The parent organization; `null` only for the realm's root.
    parent_id: Option<String>,
    /// The depth in the tree: 0 for the realm's root, 1 directly below it.
    depth: u8,
    name: String,
    /// Unique in the realm.
    slug: String,
    /// The organization's id in another system, unique in the realm.
    external_id: Option<String>,
    /// The maximum number of members, pending invitations included; 0 means no limit.
    max_members: u32,
    /// Only users with an e-mail address in one of these domains can become members. If empty, anyone can.
    email_domains: Vec<String>,
    visibility: VisibilityWord,
    /// `deleted` if the organization or one above it is marked as deleted.
    status: OrganizationStatusWord,
    /// A flag for applications to act on. It doesn't affect rights.
    suspended: bool,
    locale: Option<String>,
    /// The id of the user or token that created the organization.
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
}

/// Who may list the members without the right to change them: `admins`, nobody; `members`, the members, and whoever has
/// `memberships:read` at the organization or above it; `realm`, every user of the realm.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[schema(as = Visibility)]
pub(crate) enum VisibilityWord {
    Admins,
    Members,
    Realm,
}

impl From<Visibility> for VisibilityWord {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Admins => Self::Admins,
            Visibility::Members => Self::Members,
            Visibility::Realm => Self::Realm,
        }
    }
}

impl From<VisibilityWord> for Visibility {
    fn from(visibility: VisibilityWord) -> Self {
        match visibility {
            VisibilityWord::Admins => Self::Admins,
            VisibilityWord::Members => Self::Members,
            VisibilityWord::Realm => Self::Realm,
        }
    }
}

/// Whether an organization is active or marked as deleted. A marked organization is kept, but most dialects hide it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[schema(as = OrganizationStatus)]
pub(crate) enum OrganizationStatusWord {
    Active,
    Deleted,
}

roster_http::words!(VisibilityWord, OrganizationStatusWord);

impl From<OrganizationStatus> for OrganizationStatusWord {
    fn from(status: OrganizationStatus) -> Self {
        match status {
            OrganizationStatus::Active => Self::Active,
            OrganizationStatus::Deleted | OrganizationStatus::Gone => Self::Deleted,
        }
    }
}

impl From<OrganizationStatusWord> for OrganizationStatus {
    fn from(status: OrganizationStatusWord) -> Self {
        match status {
            OrganizationStatusWord::Active => Self::Active,
            OrganizationStatusWord::Deleted => Self::Deleted,
        }
    }
}

impl From<&engine::Organization> for Organization {
    fn from(o: &engine::Organization) -> Self {
        Self {
            id: o.id.native(),
            ids: Ids::of(o.id, &o.aliases),
            parent_id: o.parent.map(engine::EntityId::native),
            depth: o.depth,
            name: o.name.clone(),
            slug: o.slug.clone(),
            external_id: o.external_id.clone(),
            max_members: o.max_members,
            email_domains: o.email_domains.clone(),
            visibility: o.visibility.into(),
            status: o.shown_status().into(),
            suspended: o.suspended,
            locale: o.locale.clone(),
            created_by: o.created_by.map(native),
            public_metadata: o.public.clone(),
            private_metadata: o.private.clone(),
            extras: o.extras.0.clone(),
            created_at: Time(o.created),
            updated_at: Time(o.updated),
        }
    }
}
