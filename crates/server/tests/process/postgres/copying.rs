//! `roster copy` there and back.

use serde_json::json;

use super::cluster::Cluster;
use super::{make_organization, make_user, serve};
use crate::common::{TestDir, eventually};

#[test]
fn a_database_is_copied_there_and_back() {
    let (place, cluster) = (TestDir::new(), Cluster::new());
    let primary = cluster.start("one");
    let url = cluster.url(&["one"]);
    let server = place.serve();
    let mut client = server.client();
    let organization = make_organization(&mut client, "Ünïcode & Söhne");
    for n in 0..150 {
        let user = make_user(&mut client, &format!("user-{n}"));
        let body = json!({"user_id": user, "roles": ["member"], "public_metadata": {"n": n, "text": "a\u{1F600}\\"}});
        client.post(&format!("/v1/organizations/{organization}/memberships"), &body).expect(201);
    }
    server.stop();

    let there = place.json(&["copy", "--from", "sqlite://roster.db", "--to", &url]);
    assert_eq!(there["tables"]["membership"], 150);
    let told = place.refused(1, &["copy", "--from", "sqlite://roster.db", "--to", &url]);
    assert!(told.contains("has something in it"), "{told}");
    place.done(&["verify", "--database", &url]);

    let back = place.json(&["copy", "--from", &url, "--to", "sqlite://back.db"]);
    assert_eq!(back, there, "the same rows, and the same hash over them");
    place.done(&["verify", "--database", "sqlite://back.db"]);
    let told = place.refused(1, &["copy", "--from", "sqlite://roster.db", "--to", "sqlite://back.db"]);
    assert!(told.contains("has something in it"), "{told}");

    // It serves where it arrived, with the same key.
    let server = serve(&place, &url);
    let mut client = server.client();
    client.get(&format!("/v1/organizations/{organization}")).expect(200);
    make_user(&mut client, "new");
    drop(server);

    // Killed in the middle, it leaves nothing behind.
    primary.sql("CREATE DATABASE other", "postgres");
    let other = url.replace("/roster?", "/other?");
    place.done(&["realm", "create", "gone", "--database", &other]);
    primary.sql("DELETE FROM realm", "other");
    for table in ["organization", "role", "permission", "role_permission", "token", "event"] {
        primary.sql(&format!("DELETE FROM {table}"), "other");
    }
    std::thread::scope(|scope| {
        let lock = "BEGIN; LOCK TABLE event IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(3); COMMIT";
        let holder = scope.spawn(|| primary.sql(lock, "other"));
        let mut copying = place.roster(&["copy", "--from", "sqlite://roster.db", "--to", &other]);
        let mut copying = copying.stderr(std::process::Stdio::null()).spawn().expect("it starts");
        eventually("it waits for the lock", || {
            primary.ask("SELECT COUNT(*) FROM pg_locks WHERE NOT granted", "other") == "1"
        });
        copying.kill().expect("it runs");
        copying.wait().expect("it ends");
        holder.join().expect("no panic");
    });
    eventually("its transaction is rolled back", || {
        primary.ask("SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'roster'", "other") == "0"
    });
    assert_eq!(primary.ask("SELECT (SELECT COUNT(*) FROM membership) + (SELECT COUNT(*) FROM realm)", "other"), "0");
}
