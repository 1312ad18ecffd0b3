//! What Roster is compared with, each as near to the bare machine as it gets; and what it would take the place of.

pub mod better_auth;
pub mod hello;
pub mod inserts;
pub mod rows;
pub mod scan;
mod server;
pub mod sync;
