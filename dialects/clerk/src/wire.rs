//! What goes over the wire, with the vendor's names.
//!
//! The clients are strict in different ways: every object has its `object`, what may be null is always present, and no
//! live object has a key `deleted`.

mod invitation;
mod membership;
mod organization;
mod role;
#[expect(clippy::struct_field_names, reason = "the names are the vendor's")]
mod user;

use roster_engine::Metadata;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub(crate) use invitation::*;
pub(crate) use membership::*;
pub(crate) use organization::*;
pub(crate) use role::*;
pub(crate) use user::*;

/// An error, for any status.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    pub errors: Vec<ErrorItem>,
    /// The id of the request, as in the `X-Request-Id` header.
    pub clerk_trace_id: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorItem {
    pub message: String,
    pub long_message: String,
    /// The kind of error. Stable.
    pub code: &'static str,
    /// `param_name` names the parameter at fault.
    #[schema(value_type = Object)]
    pub meta: Value,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Paged<T> {
    pub data: Vec<T>,
    /// The number of items in the whole list.
    pub total_count: u64,
}

/// A deleted object.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeletedObject {
    pub object: &'static str,
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    pub deleted: bool,
}

impl DeletedObject {
    pub(crate) fn new(object: &'static str, id: String) -> Self {
        Self { object, id, slug: None, external_id: None, deleted: true }
    }
}

/// The number of items.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TotalCount {
    pub object: &'static str,
    pub total_count: u64,
}

/// Merged into the existing metadata; `null` removes a key, at any depth.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MergeMetadata {
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Metadata>,
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Metadata>,
}

/// Replaces the existing metadata.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReplaceMetadata {
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub public_metadata: Option<Option<Metadata>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Object>)]
    pub private_metadata: Option<Option<Metadata>>,
}
