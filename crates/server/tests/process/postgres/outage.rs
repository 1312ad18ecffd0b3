//! The database is down, its disk is full, or a lock is held: Roster answers with a clear 503 and recovers without a restart.

use serde_json::json;

use super::cluster::Cluster;
use super::{make_organization, make_user, serve};
use crate::common::{KEY, Server, TestDir, eventually};
use crate::http::Answer;

fn is_unavailable(answer: &Answer) -> bool {
    assert!(matches!(answer.status, 200 | 201 | 503), "{} {}", answer.status, answer.text());
    assert!(answer.status != 503 || answer.header("retry-after").is_some(), "{:?}", answer.headers);
    answer.status == 503
}

#[test]
fn the_database_is_stopped_and_started() {
    let (place, cluster) = (TestDir::new(), Cluster::new());
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
    // The refused write has left no trace.
    make_user(&mut client, "bob");
    place.done(&["verify", "--database", &cluster.url(&["one"])]);
}

#[test]
fn who_waits_for_a_lock_waits_a_bounded_time() {
    let (place, cluster) = (TestDir::new(), Cluster::new());
    let primary = cluster.start("one");
    let server = serve(&place, &cluster.url(&["one"]));
    let mut client = server.client();
    let organization = make_organization(&mut client, "Acme");
    // Sorted in an order that memory doesn't have, so that the database must answer.
    let members = format!("/v1/organizations/{organization}/memberships?sort=name");
    client.get(&members).expect(200);
    std::thread::scope(|scope| {
        let lock = "BEGIN; LOCK TABLE membership IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(12); COMMIT";
        let holder = scope.spawn(|| primary.sql(lock, "roster"));
        let waiting = "SELECT COUNT(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
                       AND relation = 'membership'::regclass";
        eventually("the lock is held", || primary.ask(waiting, "roster") == "1");
        // More than there are connections: some wait for a connection, some for the lock, none forever.
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

/// SQLite on a disk of three megabytes, which is mounted in the server's own namespace.
#[test]
fn the_disk_is_full() {
    let place = TestDir::new();
    std::fs::create_dir(place.file("small")).expect("a folder");
    let mounted = "mount -t tmpfs -o size=3m tmpfs small && head -c 1500000 /dev/zero > small/ballast && exec \"$@\"";
    let roster = env!("CARGO_BIN_EXE_roster");
    let words = ["-rm", "sh", "-c", mounted, "sh", roster, "serve", "--listen", "127.0.0.1:0", "--log", "off"];
    let mut command = std::process::Command::new("unshare");
    place.put(command.args(words).args(["--database", "sqlite://small/roster.db"]));
    let server = Server::start(command.env("ROSTER_BOOTSTRAP_KEY", KEY));
    let mut client = server.client();
    let ada = make_user(&mut client, "ada");
    let big = "x".repeat(6000);
    let mut acknowledged = Vec::new();
    let refused = loop {
        let body =
            json!({"email": format!("user-{}@example.com", acknowledged.len()), "public_metadata": {"big": big}});
        let answer = client.post("/v1/users", &body);
        if is_unavailable(&answer) {
            break answer;
        }
        acknowledged.push(answer.str("/id"));
        assert!(acknowledged.len() < 2000, "so much has no room on that disk");
    };
    assert!(refused.text().contains("disk is full"), "{}", refused.text());
    // Reads stay up; what was refused isn't there, what was acknowledged is.
    client.get(&format!("/v1/users/{ada}")).expect(200);
    client.get(&format!("/v1/users?email=user-{}@example.com", acknowledged.len())).expect(200);
    client.get(&format!("/v1/users/{}", acknowledged.last().expect("some had room"))).expect(200);

    // There is room again.
    let ballast = format!("/proc/{}/root{}", server.id(), place.file("small/ballast").display());
    std::fs::remove_file(ballast).expect("it is there");
    eventually("writes are back", || {
        !is_unavailable(&client.post("/v1/organizations", &json!({"name": "Acme", "slug": "acme"})))
    });
    make_user(&mut client, "bob");
    for id in &acknowledged {
        client.get(&format!("/v1/users/{id}")).expect(200);
    }
}
