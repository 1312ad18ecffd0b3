//! Keeps the domain in a database: SQL text on one side, the model on the other.
//!
//! - [`Store::read`] gives a [`View`]: everything it answers is of one moment, numbered by the realm's last event.
//! - [`Store::write`] gives a [`Transaction`]: a view that sees its own changes, and [`Transaction::apply`], which writes a
//!   [`Change`](roster_model::Change) to its tables and to the log.
//!
//! No rule of the domain lives here, and no SQL lives anywhere else. `sql/` is the thin layer between one SQL text and a
//! database; the other files are named after what they keep.

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
mod memberships;
mod names;
mod naming;
mod new_file;
mod open;
mod organizations;
mod passwords;
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
pub use events::Happened;
pub use export::LinksOf;
pub use idempotency::Remembered;
pub use import::ImportProgress;
pub use index::IndexMode;
pub use invitations::{InvitationFilter, InvitationSort};
pub use memberships::{MemberFilter, MemberSort};
pub use names::Names;
pub use naming::{Named, Naming};
pub use new_file::NewFile;
pub use organizations::{OrganizationFilter, OrganizationSort, OrganizationState};
pub use passwords::Password;
pub use reach::{Counting, Held};
pub use selection::{Anything, Selection, UserMatch};
pub use sessions::{FoundSession, SessionFilter};
pub use snapshots::SnapshotOptions;
pub use sql::{BATCH_BOUNDS, Location};
pub use store::{AT_LEAST_WAIT, Statistics, Store};
pub use tokens::{FoundToken, TokenFilter};
pub use transaction::{Decision, Transaction};
pub use users::{UserFilter, UserPart, UserSort};
pub use view::View;
