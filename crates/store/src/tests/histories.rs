//! A server that takes over may lack the last events of the previous one, and continue with others under the same
//! numbers. The log that memory followed is then not the one that is queried, and nothing of it may be used.

use std::sync::Arc;

use roster_model::change::ActorKind;
use roster_model::{ActorRef, Change, EntityId as _, EventId, Permission, PermissionId, RealmId, Timestamp};
use roster_testing::Database;

use super::{opened, source, until};
use crate::sql::Source;
use crate::{Decision, Error, IndexMode, Result, Store};

const REALM: i64 = 7;

fn realm() -> RealmId {
    RealmId::from_raw(REALM)
}

/// The event with this id.
async fn write(store: &Store, id: i64) -> Result<i64> {
    let time = Timestamp::from_ms(1);
    let change = Change::PermissionCreated {
        after: Permission {
            id: PermissionId::from_raw(id),
            key: format!("things:{id}"),
            name: String::from("Things"),
            description: String::new(),
            system: false,
            created: time,
            updated: time,
        },
    };
    let actor = ActorRef { kind: ActorKind::Operator, id: None };
    store.write(realm(), move |tx| tx.apply(EventId::from_raw(id), time, actor, &change).map(Decision::Keep)).await
}

/// A realm with these events.
async fn grown(database: &Database, index: IndexMode, events: &[i64]) -> Arc<Store> {
    let store = opened(database.url(), index).await;
    let made = store.write_unlogged(None, |connection| {
        connection.execute(
            "INSERT INTO realm (id, name, root, head, roles_version, created_ms) VALUES ($1, 'r', 1, 0, 0, 0)",
            &[REALM.into()],
        )
    });
    made.await.expect("a realm");
    for event in events {
        write(&store, *event).await.expect("an event");
    }
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn another_log_by_the_same_numbers_is_not_followed() {
    for (there, stays, position) in [
        (&[1, 2, 3][..], true, 3),
        (&[1, 2, 3, 4], true, 4),
        // With a log that is shorter, equally long, and longer.
        (&[1, 2], false, 3),
        (&[1, 2, 13], false, 3),
        (&[1, 2, 13, 14], false, 3),
    ] {
        let (followed, asked) = (Database::new(), Database::new());
        let store = grown(&followed, IndexMode::Full, &[1, 2, 3]).await;
        let another = grown(&asked, IndexMode::None, there).await;
        until(|| store.read_memory(realm(), 3, |_| Ok::<_, Error>(())).is_some()).await;
        let known = store.index().realm(realm()).expect("the realm");
        let (looking, source) = (Arc::clone(&store), source(asked.url()));
        let look = tokio::task::spawn_blocking(move || {
            let connection = source.open_reader()?;
            connection.begin_reading()?;
            let looked = looking.index().renew(&looking.index().begin_poll(), &connection);
            // Before the follower polls again, which knows only the first database.
            let now = looking.index().realm(realm());
            connection.commit()?;
            looked.map(|()| now)
        });
        let now = look.await.expect("no panic").expect("a look");
        assert_eq!(known.read().position(), position, "{there:?}");
        if !stays {
            assert!(now.is_none_or(|now| !Arc::ptr_eq(&now, &known)), "{there:?}");
        }
        store.close().await;
        another.close().await;
    }
}

/// A commit that failed on a full disk was rolled back, so memory is still right, for all realms.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_rolled_back_costs_memory_nothing() {
    let database = Database::new();
    let store = grown(&database, IndexMode::Full, &[1]).await;
    if matches!(source(database.url()), Source::Server(_)) {
        return store.close().await;
    }
    until(|| store.read_memory(realm(), 1, |_| Ok::<_, Error>(())).is_some()).await;
    let known = store.index().realm(realm()).expect("the realm");
    let full = store.write_unlogged(None, |connection| {
        let pages = connection.one("PRAGMA page_count", &[], |row| row.int(0))?;
        connection.batch(&format!("PRAGMA max_page_count = {pages}"))
    });
    full.await.expect("a disk that is full");
    let mut refused = Ok(1);
    for event in 2..1000 {
        refused = write(&store, event).await;
        if refused.is_err() {
            break;
        }
    }
    assert!(matches!(refused, Err(Error::Full | Error::Busy(_))), "{refused:?}");
    assert!(store.index().realm(realm()).is_some_and(|now| Arc::ptr_eq(&now, &known)));
    store.close().await;
}
