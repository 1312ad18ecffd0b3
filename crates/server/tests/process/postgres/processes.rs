//! Three processes, one graph.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::cluster::Cluster;
use super::{make_organization, make_user, serve};
use crate::common::{Server, TestDir};
use crate::http::Client;

const WRITERS: usize = 16;
const WRITES: usize = 25;

/// Reads the log until it has seen this many events and nobody writes any more: their numbers as they came.
fn follow(mut client: Client, done: &AtomicBool) -> Vec<i64> {
    let mut seen = Vec::new();
    loop {
        let over = done.load(Ordering::Acquire);
        let after = seen.last().copied().unwrap_or_default();
        let page = client.get(&format!("/v1/events?after={after}&limit=500")).expect(200).json();
        let items = page["items"].as_array().expect("a list");
        seen.extend(items.iter().filter_map(|event| event["sequence"].as_i64()));
        if over && items.is_empty() {
            return seen;
        }
    }
}

#[test]
fn sixteen_writers_on_three_processes_and_no_follower_misses_an_event() {
    let (place, cluster) = (TestDir::new(), Cluster::new());
    let _primary = cluster.start("one");
    let url = cluster.url(&["one"]);
    // All at once on an empty database: one makes the schema and the realm.
    let servers: Vec<Server> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..3).map(|_| scope.spawn(|| serve(&place, &url))).collect();
        starting.into_iter().map(|server| server.join().expect("it starts")).collect()
    });
    let done = AtomicBool::new(false);
    let (written, followed) = std::thread::scope(|scope| {
        let done = &done;
        let followers: Vec<_> = servers
            .iter()
            .map(|server| {
                let client = server.client();
                scope.spawn(move || follow(client, done))
            })
            .collect();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let mut client = servers[writer % servers.len()].client();
                scope.spawn(move || {
                    let write = |n| {
                        let body = json!({"email": format!("user-{writer}-{n}@example.com")});
                        let answer = client.post("/v1/users", &body).expect(201);
                        answer.header("roster-sequence").and_then(|text| text.parse::<i64>().ok()).expect("a number")
                    };
                    (0..WRITES).map(write).collect::<Vec<_>>()
                })
            })
            .collect();
        let written: Vec<i64> = writers.into_iter().flat_map(|writer| writer.join().expect("all succeed")).collect();
        done.store(true, Ordering::Release);
        let followed: Vec<_> = followers.into_iter().map(|follower| follower.join().expect("a log")).collect();
        (written, followed)
    });
    assert_eq!(written.iter().collect::<BTreeSet<_>>().len(), WRITERS * WRITES, "a number was given twice");
    let last = written.iter().max().copied().expect("there were writes");
    for seen in followed {
        assert_eq!(seen, (1..=last).collect::<Vec<_>>(), "every event once, in order");
    }
    place.done(&["verify", "--database", &url]);
}

#[test]
fn what_one_acknowledges_the_others_know() {
    let (place, cluster) = (TestDir::new(), Cluster::new());
    let _primary = cluster.start("one");
    let url = cluster.url(&["one"]);
    let servers = [serve(&place, &url), serve(&place, &url)];
    let (mut here, mut there) = (servers[0].client(), servers[1].client());
    let organization = make_organization(&mut here, "Acme");
    for n in 0..20 {
        let answer = here.post("/v1/users", &json!({"email": format!("user-{n}@example.com")})).expect(201);
        let sequence = answer.header("roster-sequence").expect("a number").to_owned();
        let path = format!("/v1/users/{}", answer.str("/id"));
        let read =
            there.call_with("GET", &path, &[("Roster-At-Least", &sequence)], None).expect("an answer").expect(200);
        let known: i64 = read.header("roster-sequence").expect("a number").parse().expect("a number");
        assert!(known >= sequence.parse().expect("a number"));
    }
    // A position that doesn't exist yet is waited for, with a timeout; something that isn't a number is refused.
    let ahead = there.call_with("GET", "/v1/users", &[("Roster-At-Least", "1000000")], None).expect("an answer");
    assert_eq!(ahead.clone().expect(503).header("retry-after"), Some("1"));
    assert!(ahead.text().contains("1000000"), "{}", ahead.text());
    let wrong = there.call_with("GET", "/v1/users", &[("Roster-At-Least", "soon")], None).expect("an answer");
    assert!(wrong.expect(400).text().contains("Roster-At-Least"));

    // What takes a right away is effective on every process once it is acknowledged.
    let user = make_user(&mut here, "ada");
    let members = format!("/v1/organizations/{organization}/memberships");
    here.post(&members, &json!({"user_id": user, "roles": ["admin"]})).expect(201);
    for _ in 0..20 {
        let made = here.post("/v1/tokens", &json!({"kind": "user", "user_id": user, "name": "laptop"})).expect(201);
        let (id, secret) = (made.str("/id"), made.str("/secret"));
        let mut ada = servers[1].client_with(&secret);
        ada.get(&members).expect(200);
        here.call("DELETE", &format!("/v1/tokens/{id}"), None).expect("an answer").expect(204);
        ada.get(&members).expect(401);
    }
    let secret = here.post("/v1/tokens", &json!({"kind": "user", "user_id": user, "name": "phone"})).expect(201);
    let mut ada = servers[1].client_with(&secret.str("/secret"));
    let place_of_ada = format!("{members}/{user}");
    for _ in 0..20 {
        here.call("PATCH", &place_of_ada, Some(&json!({"roles": ["viewer"]}))).expect("an answer").expect(200);
        ada.call("PATCH", &format!("/v1/organizations/{organization}"), Some(&json!({"name": "Mine"})))
            .expect("an answer")
            .expect(403);
        here.call("PATCH", &place_of_ada, Some(&json!({"roles": ["admin"]}))).expect("an answer").expect(200);
        ada.call("PATCH", &format!("/v1/organizations/{organization}"), Some(&json!({"name": "Ours"})))
            .expect("an answer")
            .expect(200);
    }
}

/// More requests than the process lives for.
const MANY: usize = 100_000;

/// One process is killed under load: what it acknowledged is there, and the others go on.
#[test]
fn a_killed_process_takes_nothing_with_it() {
    let (place, cluster) = (TestDir::new(), Cluster::new());
    let _primary = cluster.start("one");
    let url = cluster.url(&["one"]);
    let (victim, survivor) = (serve(&place, &url), serve(&place, &url));
    let begun = AtomicBool::new(false);
    let (lost, kept) = std::thread::scope(|scope| {
        let begun = &begun;
        let hammer = |server: &Server, name: &'static str, most: usize| {
            let (mut client, doomed) = (server.client(), most == MANY);
            scope.spawn(move || {
                let mut acknowledged = Vec::new();
                for n in 0..most {
                    let email = format!("{name}-{n}@example.com");
                    match client.call("POST", "/v1/users", Some(&json!({ "email": email }))) {
                        Ok(answer) => acknowledged.push(answer.expect(201).str("/id")),
                        Err(_) => break,
                    }
                    if doomed && n == 20 {
                        begun.store(true, Ordering::Release);
                    }
                }
                acknowledged
            })
        };
        let doomed: Vec<_> = ["a", "b", "c", "d"].map(|name| hammer(&victim, name, MANY)).into();
        let steady = hammer(&survivor, "steady", 300);
        while !begun.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        victim.kill();
        let lost: Vec<_> = doomed.into_iter().flat_map(|one| one.join().expect("no panic")).collect();
        (lost, steady.join().expect("no panic"))
    });
    assert_eq!(kept.len(), 300, "the other process went on");
    assert!(lost.len() > 20, "too few for a test: {}", lost.len());
    let mut client = survivor.client();
    for id in lost.iter().chain(&kept) {
        client.get(&format!("/v1/users/{id}")).expect(200);
    }
    place.done(&["verify", "--database", &url]);
}
