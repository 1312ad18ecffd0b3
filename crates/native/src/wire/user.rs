use roster_engine as engine;
use roster_engine::{AddressKind, EntityId as _, UserStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Ids, Object, Time};

/// A person or robot in the realm.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct User {
    #[schema(example = "usr_0Qk3vR8aZ1b")]
    id: String,
    ids: Ids,
    /// The primary e-mail address, in lower case.
    email: Option<String>,
    /// The full name; empty if none is known.
    name: String,
    first_name: Option<String>,
    last_name: Option<String>,
    username: Option<String>,
    /// The user's id in another system, unique in the realm.
    external_id: Option<String>,
    status: StatusWord,
    locale: Option<String>,
    addresses: Vec<Address>,
    #[schema(value_type = Object)]
    public_metadata: Object,
    #[schema(value_type = Object)]
    private_metadata: Object,
    /// Metadata that the user may change through the application, so it can't be trusted.
    #[schema(value_type = Object)]
    unsafe_metadata: Object,
    /// Data that only one dialect has, under the dialect's name.
    #[schema(value_type = Object)]
    extras: Object,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
    /// When one of the user's own keys was last used, accurate to about a minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_active_at: Option<Time>,
}

/// An address at which a user can be reached.
#[derive(Debug, Serialize, ToSchema)]
struct Address {
    id: String,
    /// `email` or `phone`.
    kind: &'static str,
    value: String,
    /// Whether this is the user's primary address of its kind.
    primary: bool,
    verified: bool,
}

/// The status of a user. An inactive user's memberships and tokens are kept, but grant nothing.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[schema(as = UserStatus)]
pub(crate) enum StatusWord {
    Active,
    Inactive,
}

roster_http::words!(StatusWord);

impl From<UserStatus> for StatusWord {
    fn from(status: UserStatus) -> Self {
        match status {
            UserStatus::Active => Self::Active,
            UserStatus::Inactive => Self::Inactive,
        }
    }
}

impl From<StatusWord> for UserStatus {
    fn from(status: StatusWord) -> Self {
        match status {
            StatusWord::Active => Self::Active,
            StatusWord::Inactive => Self::Inactive,
        }
    }
}

impl From<&engine::User> for User {
    fn from(u: &engine::User) -> Self {
        Self {
            id: u.id.native(),
            ids: Ids::of(u.id, &u.aliases),
            email: u.email().map(str::to_owned),
            name: u.name.clone(),
            first_name: u.first_name.clone(),
            last_name: u.last_name.clone(),
            username: u.username.clone(),
            external_id: u.external_id.clone(),
            status: u.status.into(),
            locale: u.locale.clone(),
            addresses: u.addresses.iter().map(Address::from).collect(),
            public_metadata: u.public.clone(),
            private_metadata: u.private.clone(),
            unsafe_metadata: u.open.clone(),
            extras: u.extras.0.clone(),
            created_at: Time(u.created),
            updated_at: Time(u.updated),
            last_active_at: u.last_active.map(Time),
        }
    }
}

impl From<&engine::Address> for Address {
    fn from(a: &engine::Address) -> Self {
        let kind = match a.kind {
            AddressKind::Email => "email",
            AddressKind::Phone => "phone",
        };
        Self { id: a.id.native(), kind, value: a.value.clone(), primary: a.primary, verified: a.verified }
    }
}
