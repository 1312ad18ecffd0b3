//! Tests of the engine's guarantees through its own interface. They are one program, since each takes time to link and disk space.

mod acting;
mod checks;
mod common;
mod directory;
mod index;
mod invitations;
mod rights;
mod rules;
mod sessions;
