//! The server is away, or has no room, or somebody keeps a lock: a clear 503, and no need to start anything anew.

use serde_json::json;

use super::cluster::Cluster;
use super::{make_organization, make_user, serve};
use crate::common::{Place, eventually};
use crate::http::Answer;

fn is_unavailable(answer: &Answer) -> bool {
    assert!(matches!(answer.status, 200 | 201 | 503), "{} {}", answer.status, answer.text());
    assert!(answer.status != 503 || answer.header("retry-after").is_some(), "{:?}", answer.headers);
    answer.status == 503
}

#[test]
fn the_database_is_stopped_and_started() {
    let (place, cluster) = (Place::new(), Cluster::new());
    let primary = cluster.start("one");
    let server = serve(&place, &cluster.url(&["one"]));
    let mut client = server.client();
    let ada = make_user(&mut client, "ada");
    client.get("/readyz").expect(200);
    primary.stop();
    assert!(is_unavailable(&client.get(&format!("/v1/users/{ada}"))));
    assert!(is_unavailable(&client.post("/v1/users", &json!({"email": "bob@example.com"}))));
    client.get("/readyz").expect(503);
    client.get("/healthz").expect(200);
    let _primary = cluster.resume("one");
    eventually("reads are back", || !is_unavailable(&client.get(&format!("/v1/users/{ada}"))));
    eventually("writes are back", || {
        !is_unavailable(&client.post("/v1/organizations", &json!({"name": "Acme", "slug": "acme"})))
    });
    client.get("/readyz").expect(200);
    // What was refused has left no trace.
    make_user(&mut client, "bob");
    place.done(&["verify", "--database", &cluster.url(&["one"])]);
}

#[test]
fn who_waits_for_a_lock_waits_a_bounded_time() {
    let (place, cluster) = (Place::new(), Cluster::new());
    let primary = cluster.start("one");
    let server = serve(&place, &cluster.url(&["one"]));
    let mut client = server.client();
    let organization = make_organization(&mut client, "Acme");
    let members = format!("/v1/organizations/{organization}/memberships");
    client.get(&members).expect(200);
    std::thread::scope(|scope| {
        let lock = "BEGIN; LOCK TABLE membership IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(12); COMMIT";
        let holder = scope.spawn(|| primary.sql(lock, "roster"));
        let waiting = "SELECT COUNT(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
                       AND relation = 'membership'::regclass";
        eventually("the lock is held", || primary.ask(waiting, "roster") == "1");
        // More than there are connections: some wait for a connection, some for the lock, none without end.
        let readers: Vec<_> = (0..40)
            .map(|_| {
                let (mut client, members) = (server.client(), &members);
                scope.spawn(move || is_unavailable(&client.get(members)))
            })
            .collect();
        for reader in readers {
            assert!(reader.join().expect("no panic"), "nobody could read that");
        }
        holder.join().expect("no panic");
    });
    client.get(&members).expect(200);
}
