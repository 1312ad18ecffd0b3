//! The commands beside `serve`, one file each.

pub(crate) mod openapi;
