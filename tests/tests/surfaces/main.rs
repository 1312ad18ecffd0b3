//! What the surfaces promise, asked over HTTP of a whole server in this process.

mod authzen;
mod bad_input;
mod r#box;
mod checks;
mod clerk;
mod enhance;
mod keys;
mod native;
mod openapi;
mod routes;
mod scim;
mod scim_common;
mod scim_domains;
mod sessions;
mod whylabs;
