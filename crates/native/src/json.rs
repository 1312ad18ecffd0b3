//! Entities in the native API's JSON form for use without HTTP: the command line's `--json`.

use roster_engine as engine;
use roster_engine::{Listed, Member, RoleCatalog};
use serde::Serialize;

use crate::wire;

pub fn user(user: &engine::User) -> impl Serialize + use<> {
    wire::User::from(user)
}

pub fn organization(organization: &engine::Organization) -> impl Serialize + use<> {
    wire::Organization::from(organization)
}

pub fn member(member: &Member, catalog: &RoleCatalog) -> impl Serialize + use<> {
    wire::Membership::of(member, catalog)
}

/// `secret` is given only once, when the token is created.
pub fn token(token: &engine::Token, secret: Option<String>, catalog: &RoleCatalog) -> impl Serialize + use<> {
    let mut wire = wire::Token::of(token, catalog);
    wire.secret = secret;
    wire
}

/// A page of a list, whose items are converted by `one`.
pub fn list<M, T: Serialize, F: FnMut(&M) -> T>(listed: &Listed<M>, one: F) -> impl Serialize + use<M, T, F> {
    let Listed { items, total, next } = listed;
    wire::List { items: items.iter().map(one).collect::<Vec<_>>(), total: *total, next_cursor: next.clone() }
}
