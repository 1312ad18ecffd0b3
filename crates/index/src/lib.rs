//! The membership graph of one realm in memory: who is where, with which roles, and where "where" is in the tree.
//!
//! It is made from the tables once and then follows the log: [`Graph::apply`] is one of the readers of [`Change`](roster_model::Change). It
//! holds what a check needs and the order of lists, and nothing else; names, metadata and whatever lists show stay elsewhere. It knows no SQL.
//!
//! ```text
//! graph.rs     what it holds, and can be asked          parts.rs     what it is made of
//! changes.rs   how it is filled and changed             members.rs   who is in one organization
//! follow.rs    how it follows the log                   subtree.rs   the organizations below each in their orders
//! snapshot.rs  all of it as a file                      lists.rs     all users and memberships in their orders
//! links.rs     what directories have links of            kept.rs      lists of people that are made when they are asked for
//!                                                       order.rs     positions in lists
//! ```

mod bytes;
mod changes;
mod follow;
mod graph;
mod kept;
mod links;
mod lists;
mod members;
mod order;
mod parts;
mod seats;
mod snapshot;
mod subtree;

pub use follow::{OutOfStep, takes_away};
pub use graph::Graph;
pub use kept::People;
pub use order::Start;
pub use parts::{Holding, Placed, Sizes};
pub use subtree::{Among, State};
