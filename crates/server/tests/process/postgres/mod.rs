//! Several Roster processes on one PostgreSQL server, and what happens when any of these dies.

mod cluster;
mod copying;
mod failover;
mod outage;
mod processes;
mod replica;
mod tls;

use serde_json::json;

use crate::common::{KEY, Server, TestDir};
use crate::http::Client;

/// A Roster process on this database.
fn serve(place: &TestDir, database: &str) -> Server {
    serve_with(place, database, &[])
}

fn serve_with(place: &TestDir, database: &str, more: &[&str]) -> Server {
    let words = ["serve", "--listen", "127.0.0.1:0", "--log", "off", "--database", database];
    let words: Vec<_> = words.iter().chain(more).copied().collect();
    Server::start(place.roster(&words).env("ROSTER_BOOTSTRAP_KEY", KEY))
}

fn make_user(client: &mut Client, name: &str) -> String {
    client.post("/v1/users", &json!({"email": format!("{name}@example.com")})).expect(201).str("/id")
}

fn make_organization(client: &mut Client, name: &str) -> String {
    client.post("/v1/organizations", &json!({ "name": name })).expect(201).str("/id")
}
