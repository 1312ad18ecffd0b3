//! Reads from a replica, which never show less than the primary did when the request came.

use serde_json::json;

use super::cluster::Cluster;
use super::{make_organization, make_user, serve_with};
use crate::common::TestDir;

#[test]
fn a_replica_answers_what_it_is_far_enough_for() {
    let (place, cluster) = (TestDir::new(), Cluster::new());
    let primary = cluster.start("one");
    let twin = primary.standby("two");
    // Whoever is acknowledged need not be visible on the replica yet: that is what the sequence is for.
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = ''", "postgres");
    primary.sql("SELECT pg_reload_conf()", "postgres");
    let server = serve_with(&place, &cluster.url(&["one"]), &["--read-database", &cluster.url_of("two")]);
    let mut client = server.client();
    let organization = make_organization(&mut client, "Acme");
    let members = format!("/v1/organizations/{organization}/memberships");
    // An order that memory doesn't keep, so that a database answers.
    let listed = format!("{members}?sort=updated_at");
    let mut expected = Vec::new();
    for n in 0..20 {
        let user = make_user(&mut client, &format!("user-{n}"));
        client.post(&members, &json!({"user_id": user, "roles": ["member"]})).expect(201);
        expected.push(user);
        let seen: Vec<_> = client.get(&listed).expect(200).json()["items"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|item| item["user_id"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(seen, expected, "one reads what one wrote, whoever answers");
    }
    // The replica takes part.
    let asked = "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'roster'";
    crate::common::eventually("the replica answers", || {
        client.get(&listed).expect(200);
        twin.ask(asked, "roster") != "0"
    });

    // It stands still: the primary answers for it.
    twin.sql("SELECT pg_wal_replay_pause()", "postgres");
    for n in 0..5 {
        let user = make_user(&mut client, &format!("late-{n}"));
        client.get(&format!("/v1/users/{user}")).expect(200);
    }
    // It is gone: the same.
    twin.kill();
    client.get(&listed).expect(200);
    make_user(&mut client, "last");

    let told = place.refused(1, &["serve", "--listen", "127.0.0.1:0", "--read-database", &cluster.url_of("two")]);
    assert!(told.contains("replica"), "{told}");
}
