//! `kill -9` under concurrent writes: what was acknowledged is there, a bulk is there whole or not at all, and the event
//! log agrees with the tables.
//!
//! Each round has an organization of its own, to which eight clients add the same users, each its own share of them: some
//! one by one, some in bulks. Only the process is killed, so the page cache stays: that a write was on disk before it was
//! acknowledged is shown in `sync.rs`.
//!
//! `ROSTER_KILL_ROUNDS` sets the number of rounds, `ROSTER_KILL_SEED` the lengths of the rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use roster_testing::TestRng;
use serde_json::{Value, json};

use crate::common::{Server, TestDir};
use crate::http::Client;

const ROUNDS: u64 = 200;
const CLIENTS: usize = 8;
/// Of these clients the last ones send bulks.
const SINGLE_CLIENTS: usize = 5;
const USERS_PER_CLIENT: usize = 60;
const BULK: usize = 5;
/// Rounds between full verifications, which take longer each time.
const VERIFY_EVERY: u64 = 10;

/// What one client did in one round.
#[derive(Debug, Default)]
struct Share {
    /// Users of each request that was answered with success; the answer was received to its end.
    acknowledged: Vec<Vec<String>>,
    /// Users of the request that had no answer when the server was killed.
    pending: Option<Vec<String>>,
    /// Numbers of acknowledged events, and the users that they added.
    events: BTreeMap<i64, String>,
}

/// Adds users until the server is gone.
fn hammer(mut client: Client, organization: &str, users: &[String], size: usize, begun: Sender<()>) -> Share {
    let mut share = Share::default();
    for users in users.chunks(size) {
        let (path, body, success) = if size == 1 {
            (format!("/v1/organizations/{organization}/memberships"), json!({"user_id": users[0]}), 201)
        } else {
            let operations: Vec<_> = users.iter().map(|user| json!({"op": "add", "user_id": user})).collect();
            let path = format!("/v1/organizations/{organization}/memberships:batch");
            (path, json!({"operations": operations}), 200)
        };
        let Ok(answer) = client.call("POST", &path, Some(&body)) else {
            share.pending = Some(users.to_vec());
            break;
        };
        let last = answer.expect(success).header("roster-sequence").and_then(|number| number.parse().ok());
        let last: i64 = last.expect("a write says its number");
        let first = last + 1 - i64::try_from(users.len()).expect("a small number");
        share.events.extend((first..).zip(users.iter().cloned()));
        share.acknowledged.push(users.to_vec());
        // The receiver may be gone already.
        let _ = begun.send(());
    }
    share
}

/// What one round did, to be compared with what is there afterwards.
#[derive(Debug)]
struct Round {
    organization: String,
    shares: Vec<Share>,
}

impl Round {
    fn run(server: Server, users: &[String], length: Duration) -> Self {
        let mut client = server.client();
        let organization = client.post("/v1/organizations", &json!({"name": "A round"})).expect(201).str("/id");
        let (begun, under_way) = channel();
        let shares = std::thread::scope(|scope| {
            let shares: Vec<_> = users
                .chunks(USERS_PER_CLIENT)
                .enumerate()
                .map(|(number, users)| {
                    let (client, organization, begun) = (server.client(), &organization, begun.clone());
                    let size = if number < SINGLE_CLIENTS { 1 } else { BULK };
                    scope.spawn(move || hammer(client, organization, users, size, begun))
                })
                .collect();
            // Not to wait for something: from its first acknowledgement on, this is how long the round lasts.
            under_way.recv().expect("a client has success");
            std::thread::sleep(length);
            server.kill();
            shares.into_iter().map(|share| share.join().expect("a client doesn't panic")).collect()
        });
        Self { organization, shares }
    }

    fn acknowledged(&self) -> usize {
        self.shares.iter().flat_map(|share| &share.acknowledged).map(Vec::len).sum()
    }

    /// Compares what the clients know with what a new server returns.
    fn check(&self, server: &Server) {
        let path = format!("/v1/organizations/{}/memberships?limit=500", self.organization);
        let listed = server.client().get(&path).expect(200).json();
        assert_eq!(listed["next_cursor"], Value::Null, "one page holds all");
        let items = listed["items"].as_array().expect("a list");
        let mut there: BTreeSet<&str> = items.iter().filter_map(|item| item["user_id"].as_str()).collect();
        assert_eq!(there.len(), items.len(), "nobody is there twice");
        for share in &self.shares {
            for user in share.acknowledged.iter().flatten() {
                assert!(there.remove(user.as_str()), "{user} was acknowledged and is lost");
            }
            if let Some(pending) = &share.pending {
                let found = pending.iter().filter(|user| there.remove(user.as_str())).count();
                assert!(found == 0 || found == pending.len(), "{found} of a bulk of {}", pending.len());
            }
        }
        assert!(there.is_empty(), "nobody asked for {there:?}");
    }
}

/// Reads the whole log over HTTP: 1, 2, 3 … without a gap, and each acknowledged number is the event that it was said to be.
fn check_events(server: &Server, rounds: &[Round]) {
    let mut client = server.client();
    let mut acknowledged = BTreeMap::new();
    for round in rounds {
        for (number, user) in round.shares.iter().flat_map(|share| &share.events) {
            let before = acknowledged.insert(*number, (round.organization.as_str(), user.as_str()));
            assert_eq!(before, None, "event {number} was acknowledged twice");
        }
    }
    let mut last = 0;
    loop {
        let page = client.get(&format!("/v1/events?after={last}&limit=500")).expect(200).json();
        let events = page["items"].as_array().expect("a list");
        for event in events {
            last += 1;
            assert_eq!(event["sequence"], last);
            if let Some((organization, user)) = acknowledged.remove(&last) {
                assert_eq!(event["type"], "membership.added", "{event}");
                assert_eq!((&event["organization_id"], &event["user_id"]), (&json!(organization), &json!(user)));
            }
        }
        if events.is_empty() {
            break;
        }
    }
    assert!(acknowledged.is_empty(), "acknowledged, and not in the log of {last}: {acknowledged:?}");
}

/// Creates the users that all rounds add.
fn prepare(server: &Server) -> Vec<String> {
    std::thread::scope(|scope| {
        let makers: Vec<_> = (0..CLIENTS)
            .map(|maker| {
                let mut client = server.client();
                scope.spawn(move || {
                    let make = |number| {
                        let email = format!("user-{maker}-{number}@example.com");
                        client.post("/v1/users", &json!({"email": email})).expect(201).str("/id")
                    };
                    (0..USERS_PER_CLIENT).map(make).collect::<Vec<_>>()
                })
            })
            .collect();
        makers.into_iter().flat_map(|maker| maker.join().expect("a user")).collect()
    })
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let rounds = number("ROSTER_KILL_ROUNDS", ROUNDS);
    let seed = number("ROSTER_KILL_SEED", std::process::id().into());
    println!("{rounds} rounds, ROSTER_KILL_SEED={seed}");
    let place = TestDir::new();
    let mut rng = TestRng(seed);
    let mut server = place.serve();
    let users = prepare(&server);
    let mut done: Vec<Round> = Vec::new();
    let mut starting = Duration::ZERO;
    for number in 1..=rounds {
        let round = Round::run(server, &users, Duration::from_millis(5 + rng.below(36) as u64));
        if number % VERIFY_EVERY == 0 || number == rounds {
            // The first to open what the killed one left behind, this time.
            place.done(&["realm", "verify", "default"]);
        }
        let begun = Instant::now();
        server = place.serve();
        starting += begun.elapsed();
        round.check(&server);
        done.push(round);
    }
    check_events(&server, &done);
    let acknowledged: usize = done.iter().map(Round::acknowledged).sum();
    let cut = done.iter().flat_map(|round| &round.shares).filter(|share| share.pending.is_some()).count();
    println!("{acknowledged} additions were acknowledged, {cut} requests were cut off, {starting:?} went by in starts");
    assert!(acknowledged as u64 > rounds, "too few for a test: {acknowledged}");
    assert!(cut as u64 > rounds, "too few for a test: {cut}");
}
