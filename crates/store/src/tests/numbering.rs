//! Events are numbered without gaps while several processes write one realm, and a reader that follows misses none,
//! because a writer updates the realm's row first. The second test leaves that out, and sees the guarantee broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use roster_model::change::ActorKind;
use roster_model::{ActorRef, Change, EntityId as _, EventId, Permission, PermissionId, RealmId, Timestamp};
use roster_testing::{Database, SERVER};

use super::opened;
use crate::sql::{Connection, Location};
use crate::{Decision, Error, IndexMode, Store};

const STORES: usize = 3;
const WRITERS: usize = 16;
const WRITES: usize = 20;
const REALM: i64 = 7;

fn permission(number: i64) -> Change {
    let time = Timestamp::from_ms(1);
    Change::PermissionCreated {
        after: Permission {
            id: PermissionId::from_raw(number),
            key: format!("things:{number}"),
            name: String::from("Things"),
            description: String::new(),
            system: false,
            created: time,
            updated: time,
        },
    }
}

async fn write(store: &Store, number: i64) -> Result<i64, Error> {
    let change = permission(number);
    let actor = ActorRef { kind: ActorKind::Operator, id: None };
    store
        .write(RealmId::from_raw(REALM), move |tx| {
            tx.apply(EventId::from_raw(number), Timestamp::from_ms(1), actor, &change).map(Decision::Keep)
        })
        .await
}

/// The numbers of the log as seen by a reader that repeatedly asked for what follows the last one it knew.
async fn follow(store: &Store, over: &AtomicBool) -> Vec<i64> {
    let mut seen: Vec<i64> = Vec::new();
    loop {
        let last = over.load(Ordering::Acquire);
        let after = seen.last().copied().unwrap_or_default();
        let events = store
            .read(RealmId::from_raw(REALM), move |view| view.list_events(after, 1000, None, None))
            .await
            .expect("the log");
        if last && events.is_empty() {
            return seen;
        }
        seen.extend(events.iter().map(|event| event.sequence));
    }
}

/// Sixteen writers on three stores, as with three processes. `Err` says what was violated.
async fn trial(url: &str) -> Result<(), String> {
    let mut stores = Vec::new();
    for _ in 0..STORES {
        stores.push(opened(url, IndexMode::None).await);
    }
    let made = stores[0]
        .write_unlogged(None, |connection| {
            connection.execute(
                "INSERT INTO realm (id, name, root, head, roles_version, created_ms) VALUES ($1, 'r', 1, 0, 0, 0)",
                &[REALM.into()],
            )
        })
        .await;
    assert_eq!(made.expect("a realm"), 1);
    let over = Arc::new(AtomicBool::new(false));
    let followers: Vec<_> = stores
        .iter()
        .map(|store| {
            let (store, over) = (Arc::clone(store), Arc::clone(&over));
            tokio::spawn(async move { follow(&store, &over).await })
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&stores[writer % STORES]);
            tokio::spawn(async move {
                let mut refused = 0;
                for n in 0..WRITES {
                    let number = i64::try_from(writer * WRITES + n + 1).expect("a small number");
                    refused += usize::from(write(&store, number).await.is_err());
                }
                refused
            })
        })
        .collect();
    let mut refused = 0;
    for writer in writers {
        refused += writer.await.expect("no panic");
    }
    over.store(true, Ordering::Release);
    let all: Vec<_> = (1..=i64::try_from(WRITERS * WRITES).expect("a small number")).collect();
    let mut missed = false;
    for follower in followers {
        missed |= follower.await.expect("no panic") != all;
    }
    for store in stores {
        store.close().await;
    }
    if refused == 0 && !missed { Ok(()) } else { Err(format!("{refused} writes were refused; missed: {missed}")) }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_have_no_gap_for_who_follows() {
    // A file has a single writer across processes, so this needs a server.
    if std::env::var_os(SERVER).is_none() {
        return;
    }
    let database = Database::new();
    assert_eq!(trial(database.url()).await, Ok(()));
}

/// One writer is slow between taking its number and committing, and another one comes in between. Returns what a
/// follower sees.
fn two_writers(one: &Connection, other: &Connection, reader: &Connection, locked: bool) -> crate::Result<Vec<i64>> {
    let mut seen: Vec<i64> = Vec::new();
    let mut look = || {
        let after = seen.last().copied().unwrap_or_default();
        let found = reader.all(
            "SELECT seq FROM event WHERE realm = $1 AND seq > $2 ORDER BY seq",
            &[REALM.into(), after.into()],
            |row| row.int(0),
        )?;
        seen.extend(found);
        Ok::<_, Error>(())
    };
    let draw = |connection: &Connection| {
        connection.execute("UPDATE realm SET head = head + 1 WHERE id = $1", &[REALM.into()])?;
        connection.one("SELECT head FROM realm WHERE id = $1", &[REALM.into()], |row| row.int(0))
    };
    let write = |connection: &Connection, number: i64| {
        connection.execute(
            "INSERT INTO event (realm, seq, id, time_ms, actor_kind, kind) VALUES ($1, $2, $2, 0, 'operator', 'x')",
            &[REALM.into(), number.into()],
        )
    };
    if locked {
        one.begin_writing(Some(REALM))?;
        let first = draw(one)?;
        // The other has to wait until the first is done.
        other.batch("SET lock_timeout = '50ms'")?;
        assert!(matches!(other.begin_writing(Some(REALM)), Err(Error::Busy(_))), "nobody else may have a number now");
        other.rollback()?;
        look()?;
        write(one, first)?;
        one.commit()?;
        other.begin_writing(Some(REALM))?;
        let second = draw(other)?;
        write(other, second)?;
        other.commit()?;
    } else {
        let (first, second) = (draw(one)?, draw(other)?);
        write(other, second)?;
        look()?;
        write(one, first)?;
    }
    look()?;
    Ok(seen)
}

#[test]
fn without_the_realms_lock_a_follower_would_miss_one() {
    if std::env::var_os(SERVER).is_none() {
        return;
    }
    for (locked, expected) in [(true, vec![1, 2]), (false, vec![2])] {
        let database = Database::new();
        let Location::Server(address) = Location::parse(database.url()).expect("an address") else {
            panic!("a server")
        };
        let open = || Connection::open_server(&address).expect("a connection");
        let (one, other, reader) = (open(), open(), open());
        crate::sql::migrate(&one).expect("a schema");
        one.execute(
            "INSERT INTO realm (id, name, root, head, roles_version, created_ms) VALUES ($1, 'r', 1, 0, 0, 0)",
            &[REALM.into()],
        )
        .expect("a realm");
        assert_eq!(two_writers(&one, &other, &reader, locked).expect("both write"), expected, "locked: {locked}");
    }
}
