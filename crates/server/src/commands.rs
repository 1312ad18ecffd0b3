//! All commands except `serve`.

pub(crate) mod database;
pub(crate) mod member;
pub(crate) mod openapi;
pub(crate) mod org;
pub(crate) mod owner;
pub(crate) mod realm;
mod shell;
pub(crate) mod token;
pub(crate) mod transfer;
pub(crate) mod user;
pub(crate) mod verify;
