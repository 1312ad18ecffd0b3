//! What Roster is compared with, each as near to the bare machine as it gets.

pub mod hello;
pub mod rows;
pub mod sync;
