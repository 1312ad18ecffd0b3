//! An operation that conflicts with another process is run again, a bounded number of times; its caller sees only the
//! final outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use roster_model::change::ActorKind;
use roster_model::{ActorRef, Base, Change, EntityId as _, EventId, RealmId, Role, RoleId, RoleNumber, Timestamp};
use roster_testing::Database;

use super::opened;
use crate::batch::Batch;
use crate::roles::CatalogCache;
use crate::sql::{Connection, Kind, Location};
use crate::{Error, IndexMode, Transaction, View};

/// With a unique name, so that only the id can conflict.
fn make_realm(connection: &Connection, id: i64) -> Result<(), Error> {
    static NAMES: AtomicI64 = AtomicI64::new(1);
    connection.execute(
        "INSERT INTO realm (id, name, root, head, roles_version, created_ms) VALUES ($1, $2, 1, 0, 0, 0)",
        &[id.into(), format!("realm {}", NAMES.fetch_add(1, Ordering::Relaxed)).into()],
    )?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clash_of_ids_draws_another_one() {
    let database = Database::new();
    let store = opened(database.url(), IndexMode::None).await;
    store.write_unlogged(None, |connection| make_realm(connection, 1)).await.expect("a realm");
    // Tries 1, which is taken, then 2.
    let ids = Arc::new(AtomicI64::new(1));
    let drawn = Arc::clone(&ids);
    let made =
        store.write_unlogged(None, move |connection| make_realm(connection, drawn.fetch_add(1, Ordering::Relaxed)));
    made.await.expect("the second try");
    assert_eq!(ids.load(Ordering::Relaxed), 3);
    // Always the same id: it gives up with an error.
    let tries = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&tries);
    let refused = store.write_unlogged(None, move |connection| {
        counted.fetch_add(1, Ordering::Relaxed);
        make_realm(connection, 1)
    });
    assert!(matches!(refused.await, Err(Error::Taken(_))));
    assert_eq!(tries.load(Ordering::Relaxed), 4);
    let mut ids: Vec<_> = store.realms().await.expect("realms").into_iter().map(|realm| realm.id.raw()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    store.close().await;
}

/// PostgreSQL reports serialization failures of a transaction or a statement; SQLite has none.
#[tokio::test(flavor = "multi_thread")]
async fn a_serialization_failure_is_tried_again() {
    let database = Database::new();
    let store = opened(database.url(), IndexMode::None).await;
    let tries = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&tries);
    let made = store.write_unlogged(None, move |connection| {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        make_realm(connection, 1)?;
        if first && connection.kind() == Kind::Postgres {
            let raise = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END $$";
            connection.execute(raise, &[])?;
        }
        Ok(())
    });
    made.await.expect("it is made once");
    assert_eq!(tries.load(Ordering::Relaxed), if database.is_server() { 2 } else { 1 });
    assert_eq!(store.realms().await.expect("realms").len(), 1);
    store.close().await;
}

/// Makes a role of that name, and what another operation of the same transaction then sees of it.
fn make_role(
    connection: &Connection,
    catalogs: &CatalogCache,
    batch: &Batch,
    name: &str,
) -> Result<Option<String>, Error> {
    let (realm, number) = (RealmId::from_raw(1), RoleNumber::new(RoleNumber::FIRST_CUSTOM).expect("a number"));
    let mut transaction = Transaction::open(connection, catalogs, realm, batch, None)?;
    let time = Timestamp::from_ms(1);
    let after = Box::new(Role {
        id: RoleId::from_raw(1),
        number,
        key: name.to_owned(),
        name: name.to_owned(),
        description: String::new(),
        base: Base::Member,
        reaches_down: false,
        system: false,
        permissions: Vec::new(),
        created: time,
        updated: time,
    });
    let actor = ActorRef { kind: ActorKind::Operator, id: None };
    transaction.apply(EventId::from_raw(1), time, actor, &Change::RoleCreated { after })?;
    transaction.finish();
    let next = Transaction::open(connection, catalogs, realm, batch, None)?;
    let seen = next.roles()?.get(number).map(|role| role.name.clone());
    next.finish();
    Ok(seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_were_undone_are_not_remembered() {
    let database = Database::new();
    let store = opened(database.url(), IndexMode::None).await;
    store.write_unlogged(None, |connection| make_realm(connection, 1)).await.expect("a realm");
    store.close().await;
    let url = database.url().to_owned();
    let seen = tokio::task::spawn_blocking(move || {
        let connection = match Location::parse(&url).expect("an address") {
            Location::File(file) => Connection::open_file(&file)?,
            Location::Server(address) => Connection::open_server(&address)?,
            Location::Temporary => panic!("a database"),
        };
        let catalogs = CatalogCache::default();
        let mut seen = Vec::new();
        // Both are the first change of roles, and only one of them is committed.
        for name in ["undone", "done"] {
            connection.begin_writing(Some(1))?;
            let batch = Batch::default();
            seen.push(make_role(&connection, &catalogs, &batch, name)?);
            if name == "done" {
                connection.commit_with(&batch.moved_heads())?;
            } else {
                connection.rollback()?;
            }
        }
        let view = View::open(&connection, &catalogs, RealmId::from_raw(1))?;
        seen.push(view.roles()?.by_key("done").map(|role| role.name.clone()));
        Ok::<_, Error>(seen)
    });
    let seen = seen.await.expect("no panic").expect("roles");
    assert_eq!(seen, ["undone", "done", "done"].map(|name| Some(name.to_owned())));
}
