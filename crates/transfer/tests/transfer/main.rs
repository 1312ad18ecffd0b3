//! What was exported can be imported, and nothing else.

mod common;
mod refusals;
mod round_trip;
