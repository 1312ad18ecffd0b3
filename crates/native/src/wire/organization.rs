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
    /// Null for the realm's root only.
    parent_id: Option<String>,
    /// 0 for the root, 1 right under it.
    depth: u8,
    name: String,
    slug: String,
    external_id: Option<String>,
    /// Most members it may have; 0 is no limit.
    max_members: u32,
    /// Only users with an e-mail address of these domains can become members. Empty: anyone.
    email_domains: Vec<String>,
    visibility: VisibilityWord,
    /// `deleted` also where one above is marked as that.
    status: OrganizationStatusWord,
    /// A mark that applications act on; it takes no right away.
    suspended: bool,
    locale: Option<String>,
    created_by: Option<String>,
    #[schema(value_type = Object)]
    public_metadata: Object,
    #[schema(value_type = Object)]
    private_metadata: Object,
    /// What only one dialect has, under the dialect's name.
    #[schema(value_type = Object)]
    extras: Object,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// Who may list the members without the right to change them: nobody, the members, or every user of the realm.
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

/// Whether an organization is there for everyone, or marked as deleted: kept, and hidden from most dialects.
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
