//! What the engine promises, asked of it directly. One program, since each takes its time to link and its room on the disk.

mod acting;
mod checks;
mod common;
mod directory;
mod index;
mod invitations;
mod rights;
mod rules;
mod sessions;
