//! Conversion between SCIM's resources and Roster's types, in both directions. No other module of this crate does that.

pub(crate) mod groups;
pub(crate) mod roles;
pub(crate) mod users;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roster_engine::{EntityId as _, OrganizationId, Timestamp, UserId};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::schema::Resource;

/// Builds URLs of resources below one mount point.
#[derive(Clone, Debug)]
pub(crate) struct Links(String);

impl Links {
    pub(crate) const fn new(base: String) -> Self {
        Self(base)
    }

    /// Whether groups are roles on this mount.
    pub(crate) fn is_of_roles(&self) -> bool {
        self.0.ends_with("/roles/v2")
    }

    pub(crate) fn user(&self, id: UserId) -> String {
        format!("{}/Users/{}", self.0, id.native())
    }

    pub(crate) fn group(&self, id: OrganizationId) -> String {
        self.group_named(&id.native())
    }

    pub(crate) fn group_named(&self, id: &str) -> String {
        format!("{}/Groups/{id}", self.0)
    }

    pub(crate) fn to(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }
}

pub(crate) fn meta(kind: &str, created: Timestamp, modified: Timestamp, location: String) -> Map<String, Value> {
    let meta = json!({
        "resourceType": kind,
        "created": created.rfc3339(),
        "lastModified": modified.rfc3339(),
        "location": location,
    });
    meta.as_object().cloned().unwrap_or_default()
}

/// The schemas of which a resource has attributes. An answer names those of the attributes that it shows.
pub(crate) fn schemas(of: &Resource, extension: Option<&Value>) -> Value {
    let has_some = extension.and_then(Value::as_object).is_some_and(|parts| !parts.is_empty());
    let extension = of.extension.filter(|_| has_some).map(|extension| extension.urn);
    std::iter::once(of.core).chain(extension).collect()
}

/// A short, stable hash.
fn hash_of(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..12])
}

/// The entity tag, from everything that is shown of a resource.
pub(crate) fn tag_of(resource: &Map<String, Value>) -> String {
    format!("W/\"{}\"", hash_of(&serde_json::to_vec(resource).unwrap_or_default()))
}

/// The id in a plain id or a URL.
pub(crate) fn id_in(text: &str) -> &str {
    text.trim_end_matches('/').rsplit('/').next().unwrap_or(text)
}

pub(crate) fn text<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v str> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
