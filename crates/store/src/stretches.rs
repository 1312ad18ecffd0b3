//! A user's events are found wherever they stand in the log, though the index has them in stretches.

use std::sync::Arc;

use roster_model::{EntityId as _, RealmId, UserId};
use roster_testing::Database;

use crate::sql::Location;
use crate::{IndexMode, SnapshotOptions, Store};

const REALM: i64 = 1;
/// Some stretches, and a part of one.
const EVENTS: i64 = 9000;

/// Some are here and there, one in nearly all, one at the very beginning, one at the edges of stretches, one nowhere.
fn user_of(sequence: i64) -> i64 {
    match sequence {
        1 => 11,
        2047 | 2048 | 4096 | 8191 | EVENTS => 12,
        _ if sequence % 1009 == 0 => 13,
        _ => 14,
    }
}

async fn store(database: &Database) -> Arc<Store> {
    let location = Location::parse(database.url()).expect("an address");
    let opened = tokio::task::spawn_blocking(move || {
        Store::open(&location, None, (IndexMode::None, SnapshotOptions::default()), true)
    });
    let store = Arc::new(opened.await.expect("no panic").expect("a store"));
    let filled = store.write_aside(Some(RealmId::from_raw(REALM)), |connection| {
        connection.execute(
            "INSERT INTO realm (id, name, root, head, roles_version, created_ms) VALUES ($1, 'r', 1, $2, 0, 0)",
            &[REALM.into(), EVENTS.into()],
        )?;
        for sequence in 1..=EVENTS {
            let kind = if sequence == 1 { "user.deleted" } else { "x" };
            connection.insert_rows(
                "event (realm, seq, id, time_ms, actor_kind, kind, usr)",
                7,
                &[
                    REALM.into(),
                    sequence.into(),
                    sequence.into(),
                    0_i64.into(),
                    "operator".into(),
                    kind.into(),
                    user_of(sequence).into(),
                ],
            )?;
        }
        Ok(())
    });
    filled.await.expect("events");
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_events_are_found_in_all_of_the_log() {
    let database = Database::new();
    let store = store(&database).await;
    let asked = store.read(RealmId::from_raw(REALM), |view| {
        for user in 11..=15 {
            for after in [0, 1, 2046, 2047, 2048, 5000, EVENTS - 1, EVENTS, EVENTS + 5000] {
                for limit in [1, 3, 1000, u64::MAX] {
                    let found = view.list_events(after, limit, None, Some(UserId::from_raw(user)))?;
                    let found: Vec<i64> = found.iter().map(|event| event.sequence).collect();
                    let all = (after + 1..=EVENTS).filter(|sequence| user_of(*sequence) == user);
                    let expected: Vec<i64> = all.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
                    assert_eq!(found, expected, "user {user}, after {after}, at most {limit}");
                }
            }
        }
        // Of these one is gone, and the others never had a row of their own.
        let was = |user| view.was_ever(UserId::from_raw(user));
        assert_eq!((was(11)?, was(12)?), (true, false));
        Ok::<_, crate::Error>(())
    });
    asked.await.expect("events");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_them_are_blanked() {
    let database = Database::new();
    let store = store(&database).await;
    let realm = RealmId::from_raw(REALM);
    let say = |text: &'static str| {
        store.write_aside(Some(realm), move |connection| {
            connection.execute("UPDATE event SET body = $2 WHERE realm = $1", &[REALM.into(), text.into()])
        })
    };
    say("{}").await.expect("bodies");
    for user in [11, 12, 13, 14] {
        let user = UserId::from_raw(user);
        let blanked = store.write(realm, move |transaction| {
            let before = transaction.remembers(user)?;
            transaction.blank_events_of(user)?;
            Ok::<_, crate::Error>(crate::Decision::Keep((before, transaction.remembers(user)?)))
        });
        assert_eq!(blanked.await.expect("a write"), (true, false), "user {}", user.raw());
    }
    let count = "SELECT COUNT(*) FROM event WHERE body IS NOT NULL";
    let left = store.read_server(move |connection| connection.one(count, &[], |row| row.int(0)));
    assert_eq!(left.await.expect("a count"), 0);
    store.close().await;
}
