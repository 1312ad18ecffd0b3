//! One realm as a file of lines, each a JSON object: `roster export` and `roster import`. `docs/import.md` describes the format.
//!
//! - [`record`] has a type for each kind of line, with the names that it has in the file.
//! - [`map`] translates these into the engine's types, and [`show`] the engine's into these.
//! - [`lines`] reads a file line by line and hashes it, so that an interrupted import can resume.
//! - [`import()`] passes the lines to the engine in chunks, [`export()`] writes them.
//!
//! All rules are the engine's: this crate refuses only lines that don't conform to the format.

mod export;
mod import;
mod lines;
mod map;
mod record;
mod reference;
mod show;
mod write_pacer;

pub use export::{ExportError, export};
pub use import::{Error, ImportNotice, Imported, Options, import};
pub use lines::Input;
