//! Persists the domain model in a database: SQL on one side, model types on the other.
//!
//! - [`Store::read`] gives a [`View`]: a consistent snapshot of one realm, identified by the number of its last event.
//! - [`Store::write`] gives a [`Transaction`]: a view that sees its own changes, and [`Transaction::apply`], which writes a
//!   [`Change`](roster_model::Change) to its tables and to the log.
//!
//! The domain's rules are not enforced here, and no other crate contains SQL. `sql/` is the thin layer between one SQL
//! text and the two databases; the other files are named after the entities that they store.

mod accounts;
mod batch;
mod cache;
mod copy;
mod directory;
mod directory_links;
mod error;
mod events;
mod export;
mod idempotency;
mod import;
mod index;
mod invitations;
mod keys;
pub mod list;
mod lookup;
mod memberships;
mod new_file;
mod open;
mod organizations;
mod passwords;
mod prefetch;
mod purge;
mod reach;
mod realms;
mod replica;
mod roles;
mod selection;
mod sessions;
mod snapshots;
mod sql;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod tokens;
mod transaction;
mod users;
mod verify;
mod view;

pub use copy::{Copied, Progress, backup, copy, restore};
pub use directory::GroupOf;
pub use error::{Error, Result};
pub use events::EventFilter;
pub use export::LinksOf;
pub use idempotency::StoredAnswer;
pub use import::ImportProgress;
pub use index::IndexMode;
pub use invitations::{InvitationFilter, InvitationSort};
pub use lookup::{LookupKey, LookupResults};
pub use memberships::{MemberFilter, MemberSort};
pub use new_file::NewFile;
pub use organizations::{OrganizationFilter, OrganizationSort, OrganizationState};
pub use passwords::Password;
pub use prefetch::Prefetch;
pub use reach::{Counting, Held};
pub use selection::{Anything, Selection, UserMatch};
pub use sessions::{FoundSession, SessionFilter};
pub use snapshots::SnapshotOptions;
pub use sql::{BATCH_BOUNDS, Location};
pub use store::{POSITION_TIMEOUT, Statistics, Store};
pub use tokens::{FoundToken, TokenFilter};
pub use transaction::{Decision, Transaction};
pub use users::{UserFilter, UserPart, UserSort};
pub use view::View;
