//! Messages around resources, with SCIM's names. Resources themselves are made by their schema, see `schema/`.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListResponse {
    schemas: [&'static str; 1],
    /// The number of resources in the whole list.
    total_results: u64,
    /// The position of the first resource on the page, starting at 1. Absent when paging by cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_index: Option<u64>,
    items_per_page: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(rename = "Resources")]
    #[schema(value_type = Vec<Object>)]
    resources: Vec<Map<String, Value>>,
}

impl ListResponse {
    pub(crate) fn new(
        total_results: u64,
        start_index: Option<u64>,
        next_cursor: Option<String>,
        resources: Vec<Map<String, Value>>,
    ) -> Self {
        let items_per_page = resources.len();
        Self { schemas: [LIST], total_results, start_index, items_per_page, next_cursor, resources }
    }
}

/// A user: the core schema and the enterprise extension. `/scim/v2/Schemas` describes the attributes.
#[derive(ToSchema)]
#[schema(as = User, value_type = Object)]
#[expect(dead_code, reason = "described, never made")]
pub(crate) struct User(Map<String, Value>);

/// A group: the core schema and Roster's extension. `/scim/v2/Schemas` describes the attributes.
#[derive(ToSchema)]
#[schema(as = Group, value_type = Object)]
#[expect(dead_code, reason = "described, never made")]
pub(crate) struct Group(Map<String, Value>);

/// Operations on a resource (RFC 7644, 3.5.2).
#[derive(ToSchema)]
#[schema(as = PatchOp, value_type = Object)]
#[expect(dead_code, reason = "described, never made")]
pub(crate) struct PatchOp(Map<String, Value>);

/// The query of a list (RFC 7644, 3.4.3).
#[derive(ToSchema)]
#[schema(as = SearchRequest, value_type = Object)]
#[expect(dead_code, reason = "described, never made")]
pub(crate) struct SearchRequest(Map<String, Value>);

/// Several operations (RFC 7644, 3.7).
#[derive(ToSchema)]
#[schema(as = Bulk, value_type = Object)]
#[expect(dead_code, reason = "described, never made")]
pub(crate) struct Bulk(Map<String, Value>);
