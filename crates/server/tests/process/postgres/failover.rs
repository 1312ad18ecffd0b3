//! The primary is killed and its standby promoted, while clients write through two Roster processes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::serve;
use crate::common::{TestDir, eventually};
use crate::http::Client;

const CLIENTS: usize = 8;

/// Creates organizations until told to stop. Retries each until it is acknowledged, with the same idempotency key.
fn create_until_stopped(mut client: Client, name: &str, over: &AtomicBool, count: &AtomicUsize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    while !over.load(Ordering::Acquire) {
        let organization = format!("{name}-{}", acknowledged.len());
        let body = json!({ "name": organization });
        loop {
            match client.call_with("POST", "/v1/organizations", &[("Idempotency-Key", &organization)], Some(&body)) {
                Ok(answer) if answer.status == 201 => break,
                Ok(answer) => {
                    assert_eq!(answer.status, 503, "{}", answer.text());
                    assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
                }
                Err(_) => client.close(),
            }
        }
        acknowledged.push(organization);
        count.fetch_add(1, Ordering::Release);
    }
    acknowledged
}

fn reach(count: &AtomicUsize, goal: usize) {
    eventually("writes go on", || count.load(Ordering::Acquire) >= goal);
}

#[test]
fn the_primary_is_killed_and_nothing_acknowledged_is_lost() {
    let (place, cluster) = (TestDir::new(), Cluster::new());
    let primary = cluster.start("one");
    let url = cluster.url(&["one", "two"]);
    let servers = [serve(&place, &url), serve(&place, &url)];
    let twin = primary.standby("two");
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (acknowledged, pause) = std::thread::scope(|scope| {
        let (over, count) = (&over, &count);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let client = servers[n % servers.len()].client();
                scope.spawn(move || create_until_stopped(client, &format!("client-{n}"), over, count))
            })
            .collect();
        reach(count, 100);
        primary.kill();
        twin.promote();
        let promoted = Instant::now();
        let before = count.load(Ordering::Acquire);
        reach(count, before + 1);
        let pause = promoted.elapsed();
        reach(count, before + 100);
        over.store(true, Ordering::Release);
        let acknowledged: Vec<_> = clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect();
        (acknowledged, pause)
    });
    assert!(pause < Duration::from_secs(10), "writes came back only after {pause:?}");

    let mut client = servers[0].client();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(&format!("/v1/organizations?limit=500{cursor}")).expect(200).json();
        for item in page["items"].as_array().expect("a list") {
            *found.entry(item["name"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    for name in &acknowledged {
        assert_eq!(found.get(name), Some(&1), "{name} was acknowledged once");
    }
    assert_eq!(found.values().filter(|number| **number > 1).count(), 0, "an effect was doubled");
    let log: Value = client.get("/v1/events?limit=1").expect(200).json();
    assert_eq!(log["items"][0]["sequence"], 1);
    place.done(&["verify", "--database", &url]);
}
