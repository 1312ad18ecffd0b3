//! What goes over the wire: JSON of the native API, and how the model becomes it.

mod check;
mod event;
mod ids;
mod invitation;
mod membership;
mod organization;
mod role;
mod session;
mod token;
mod user;

use roster_engine::{Listed, MetadataWrite, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub(crate) use check::{EffectiveMember, ReachedOrganization, Verdict};
pub(crate) use event::Event;
pub(crate) use ids::{Ids, native};
pub(crate) use invitation::{Invitation, InvitationWord};
pub(crate) use membership::{MemberUser, Membership, role_keys};
pub(crate) use organization::{Organization, OrganizationStatusWord, VisibilityWord};
pub(crate) use role::{BaseWord, Permission, Role};
pub(crate) use session::{LoginLink, Session};
pub(crate) use token::{Token, TokenWord};
pub(crate) use user::{StatusWord, User};

/// A JSON object of the application's own.
pub(crate) type Object = Map<String, Value>;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The items on this page.
    pub items: Vec<T>,
    /// The number of items in the whole list. Only with `total=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The `cursor` of the next page; `null` on the last page.
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    pub(crate) fn of<M>(listed: Listed<M>, map: impl FnMut(&M) -> T) -> Self {
        let Listed { items, total, next } = listed;
        Self { items: items.iter().map(map).collect(), total, next_cursor: next }
    }
}

/// A moment in RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Timestamp);

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text).map(Self).ok_or_else(|| D::Error::custom("must be a time such as 2026-11-22T06:00:00Z"))
    }
}

/// A field of a merge patch that can't be cleared: `null` is refused, as in a field that is required.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A field of a merge patch that `null` sets to its default.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = Option::<T>::deserialize(deserializer)?;
    Ok(Some(value.unwrap_or_default()))
}

/// Metadata in a merge patch: an object is merged, `null` clears it.
pub(crate) fn metadata_patch(patch: Option<Option<Object>>) -> Option<MetadataWrite> {
    patch.map(|patch| patch.map_or_else(|| MetadataWrite::Replace(Object::new()), MetadataWrite::Merge))
}
