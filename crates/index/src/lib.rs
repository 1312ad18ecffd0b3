//! The membership graph of one realm in memory: who is a member where, with which roles, and the tree of organizations.
//!
//! It is read from the tables once and then follows the log: [`Graph::apply`] handles every kind of
//! [`Change`](roster_model::Change). It holds what checks need and the order of lists, but no names, metadata or
//! anything else that lists show. It knows no SQL.
//!
//! ```text
//! graph.rs         content and basic queries        parts.rs         organizations and users
//! changes.rs       filling and changing it          members.rs       the members of one organization
//! follow.rs        applying the log                 member_table.rs  their hash table
//! snapshot.rs      the graph as a file              lists.rs         all users and memberships, sorted
//! links.rs         the links of directories         subtree.rs       the descendants of organizations, sorted
//! order.rs         sorted lists with positions      list_cache.rs    lists of people, built on demand
//! ```

mod bytes;
mod changes;
mod follow;
mod graph;
mod links;
mod list_cache;
mod lists;
mod member_table;
mod members;
mod order;
mod parts;
mod snapshot;
mod subtree;

pub use follow::{OutOfSequence, reduces_access};
pub use graph::Graph;
pub use list_cache::People;
pub use order::Start;
pub use parts::{Holding, Placed, Sizes};
pub use subtree::{OrganizationScope, State};
