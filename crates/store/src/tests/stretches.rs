//! Events of a user or an organization are found anywhere in the log, although the indexes are divided into stretches.

use std::sync::Arc;

use roster_model::{EntityId as _, OrganizationId, RealmId, Timestamp, UserId};
use roster_testing::Database;

use super::opened;
use crate::sql::Connection;
use crate::{Error, EventFilter, IndexMode, Result, Store};

const REALM: i64 = 1;
/// Several stretches, and a part of one.
const EVENTS: i64 = 9000;

/// The user of each event: one is rare, one in nearly all events, one at the very beginning, one at the edges of
/// stretches, one in none.
fn user_of(sequence: i64) -> i64 {
    match sequence {
        1 => 11,
        2047 | 2048 | 4096 | 8191 | EVENTS => 12,
        _ if sequence % 1009 == 0 => 13,
        _ => 14,
    }
}

/// The organization of each event, distributed differently.
fn organization_of(sequence: i64) -> i64 {
    match sequence {
        2 => 21,
        2046 | 2048 | 4095 | 8192 => 22,
        _ if sequence % 503 == 0 => 23,
        _ => 24,
    }
}

/// Not every kind of event visibly changes an organization.
fn kind_of(sequence: i64) -> &'static str {
    match sequence {
        1 => "user.deleted",
        8192 => "token.issued",
        _ if sequence % 3 == 0 => "y",
        _ => "x",
    }
}

fn insert(connection: &Connection, sequence: i64, kind: &str, user: i64, organization: i64) -> Result<()> {
    connection.insert_rows(
        "event (realm, seq, id, time_ms, actor_kind, kind, usr, organization)",
        8,
        &[
            REALM.into(),
            sequence.into(),
            sequence.into(),
            sequence.into(),
            "operator".into(),
            kind.into(),
            user.into(),
            organization.into(),
        ],
    )
}

/// Appends an event as another process would.
async fn append(store: &Store, sequence: i64, organization: i64, kind: &'static str) {
    let appended = store.write_unlogged(Some(RealmId::from_raw(REALM)), move |connection| {
        insert(connection, sequence, kind, 14, organization)?;
        connection.execute("UPDATE realm SET head = $2 WHERE id = $1", &[REALM.into(), sequence.into()])
    });
    appended.await.expect("an event");
}

async fn store(database: &Database, index: IndexMode) -> Arc<Store> {
    let store = opened(database.url(), index).await;
    let filled = store.write_unlogged(Some(RealmId::from_raw(REALM)), |connection| {
        connection.execute(
            "INSERT INTO realm (id, name, root, head, roles_version, created_ms) VALUES ($1, 'r', 1, $2, 0, 0)",
            &[REALM.into(), EVENTS.into()],
        )?;
        (1..=EVENTS).try_for_each(|sequence| {
            insert(connection, sequence, kind_of(sequence), user_of(sequence), organization_of(sequence))
        })
    });
    filled.await.expect("events");
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_events_are_found_in_all_of_the_log() {
    let database = Database::new();
    let store = store(&database, IndexMode::None).await;
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
        // One of these was deleted, and the others never had a row.
        let was = |user| view.ever_existed(UserId::from_raw(user));
        assert_eq!((was(11)?, was(12)?), (true, false));
        Ok::<_, crate::Error>(())
    });
    asked.await.expect("events");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organizations_events_are_found_in_all_of_the_log() {
    let database = Database::new();
    let store = store(&database, IndexMode::None).await;
    let asked = store.read(RealmId::from_raw(REALM), |view| {
        for number in 21..=25 {
            let organization = OrganizationId::from_raw(number);
            let own = || (1..=EVENTS).filter(move |sequence| organization_of(*sequence) == number);
            for after in [0, 1, 2046, 2047, 2048, 5000, EVENTS] {
                for user in [None, Some(12)] {
                    let found = view.list_events(after, 1000, Some(organization), user.map(UserId::from_raw))?;
                    let found: Vec<i64> = found.iter().map(|event| event.sequence).collect();
                    let all = own().filter(|one| *one > after && user.is_none_or(|user| user_of(*one) == user));
                    assert_eq!(found, all.take(1000).collect::<Vec<_>>(), "{number} with {user:?} after {after}");
                }
            }
            // The newest first, by kind, time and the user involved.
            for (from, before, user) in [(0, EVENTS + 1, None), (100, 8192, None), (0, EVENTS + 1, Some(12_i64))] {
                let involved = user.as_slice();
                let happened = EventFilter {
                    kinds: &["x", "token.issued"],
                    from: Some(Timestamp::from_ms(from)),
                    before: Some(Timestamp::from_ms(before)),
                    involved: user.map(|_| involved),
                };
                let all = own().rev().filter(|one| {
                    happened.kinds.contains(&kind_of(*one))
                        && (from..before).contains(one)
                        && user.is_none_or(|user| user_of(*one) == user)
                });
                let all: Vec<i64> = all.collect();
                assert_eq!(view.count_events_of(organization, happened)?, all.len() as u64, "{number}");
                for (offset, limit) in [(0, Some(1)), (0, None), (1, Some(3)), (2000, Some(10)), (9000, None)] {
                    let found = view.list_events_of(organization, happened, offset as u64, limit)?;
                    let found: Vec<i64> = found.iter().map(|event| event.sequence).collect();
                    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).expect("few"));
                    let expected: Vec<i64> = all.iter().copied().skip(offset).take(limit).collect();
                    assert_eq!(found, expected, "{number} from {offset}");
                }
            }
        }
        Ok::<_, crate::Error>(())
    });
    asked.await.expect("events");
    store.close().await;
}

/// Also when it is cached, and after it has changed; with and without memory.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_change_of_each_organization_is_found() {
    for index in [IndexMode::None, IndexMode::Full] {
        let database = Database::new();
        let store = store(&database, index).await;
        let realm = RealmId::from_raw(REALM);
        let last_changes = || {
            store.read(realm, |view| {
                let all: Vec<_> = (21..=25).map(OrganizationId::from_raw).collect();
                let mut found: Vec<_> = view.last_changes_of(&all)?.into_iter().collect();
                found.sort_unstable();
                let found = found.into_iter().map(|(one, (number, time))| (one.raw(), number, time.as_ms()));
                Ok::<_, crate::Error>(found.collect::<Vec<_>>())
            })
        };
        let last = |number| {
            let own = (1..=EVENTS).rev().find(|one| organization_of(*one) == number && kind_of(*one) != "token.issued");
            own.map(|own| (number, own, own))
        };
        let mut expected: Vec<_> = (21..=25).filter_map(last).collect();
        assert_eq!(expected.len(), 4, "one has none");
        for _ in 0..2 {
            assert_eq!(last_changes().await.expect("the last ones"), expected, "{index:?}");
        }
        // The first event for one organization, another for a second, and one for a third that isn't visible.
        for (sequence, organization, kind) in [(1, 25, "x"), (2, 22, "y"), (3, 21, "token.issued")] {
            append(&store, EVENTS + sequence, organization, kind).await;
            if kind != "token.issued" {
                expected.retain(|(one, ..)| *one != organization);
                expected.push((organization, EVENTS + sequence, EVENTS + sequence));
                expected.sort_unstable();
            }
            // Before and after memory has followed it.
            assert_eq!(last_changes().await.expect("the last ones"), expected, "{index:?}");
            while index == IndexMode::Full
                && store.read_memory(realm, EVENTS + sequence, |_| Ok::<_, Error>(())).is_none()
            {
                tokio::task::yield_now().await;
            }
            assert_eq!(last_changes().await.expect("the last ones"), expected, "{index:?}");
        }
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_them_are_blanked() {
    let database = Database::new();
    let store = store(&database, IndexMode::None).await;
    let realm = RealmId::from_raw(REALM);
    let say = |text: &'static str| {
        store.write_unlogged(Some(realm), move |connection| {
            connection.execute("UPDATE event SET body = $2 WHERE realm = $1", &[REALM.into(), text.into()])
        })
    };
    say("{}").await.expect("bodies");
    for user in [11, 12, 13, 14] {
        let user = UserId::from_raw(user);
        let blanked = store.write(realm, move |transaction| {
            let before = transaction.has_events_about(user)?;
            transaction.blank_events_of(user)?;
            Ok::<_, crate::Error>(crate::Decision::Keep((before, transaction.has_events_about(user)?)))
        });
        assert_eq!(blanked.await.expect("a write"), (true, false), "user {}", user.raw());
    }
    let count = "SELECT COUNT(*) FROM event WHERE body IS NOT NULL";
    let left = store.read_server(move |connection| connection.one(count, &[], |row| row.int(0)));
    assert_eq!(left.await.expect("a count"), 0);
    store.close().await;
}
