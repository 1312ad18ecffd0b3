//! One realm as a file of lines, each a JSON object: `roster export` and `roster import`. `docs/import.md` describes the format.
//!
//! - [`record`] has a type for each kind of line, with the names that it has in the file.
//! - [`map`] translates these into the engine's words, and [`show`] the engine's into these.
//! - [`lines`] reads a file line by line and knows its hash, so that an import that was stopped finds where it was.
//! - [`import()`] brings the lines to the engine in chunks, [`export()`] writes them.
//!
//! Rules are the engine's: what is refused here is only what isn't this format.

mod export;
mod import;
mod lines;
mod map;
mod record;
mod reference;
mod show;
mod turns;

pub use export::{ExportError, export};
pub use import::{Error, Imported, Options, Told, import};
pub use lines::Input;
