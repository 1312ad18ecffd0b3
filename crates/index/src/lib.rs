//! The membership graph of one realm in memory: who is where, with which roles, and where "where" is in the tree.
//!
//! It is made from the tables once and then follows the log: [`Graph::apply`] is one of the readers of [`Change`](roster_model::Change). It
//! holds what a check needs and the order of lists, and nothing else; names, metadata and whatever lists show stay elsewhere. It knows no SQL.
//!
//! ```text
//! graph.rs     what there is, and what can be asked     members.rs   who is in one organization
//! follow.rs    how it follows the log                   lists.rs     all users, organizations and memberships in their orders
//! order.rs     positions in lists                       snapshot.rs  all of it as a file
//! graph/question.rs                                     what one check asks
//! ```

mod bytes;
mod follow;
mod graph;
mod lists;
mod members;
mod order;
mod snapshot;

pub use follow::{OutOfStep, takes_away};
pub use graph::{Graph, Holding, Sizes};
pub use order::Start;
