//! New rows are deferred in the writer until another statement runs. Callers don't notice: an operation finds what it
//! added, undone rows are gone, and a refused row fails its own operation and no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use roster_testing::Database;

use super::opened;
use crate::sql::{Connection, Savepoint};
use crate::{Error, IndexMode, Result, Store};

/// With a unique name, so that only the id can conflict.
fn add(connection: &Connection, id: i64) -> Result<()> {
    static NAMES: AtomicUsize = AtomicUsize::new(1);
    let name = format!("realm {}", NAMES.fetch_add(1, Ordering::Relaxed));
    connection.insert_rows(
        "realm (id, name, root, head, roles_version, created_ms)",
        6,
        &[id.into(), name.into(), 1_i64.into(), 0_i64.into(), 0_i64.into(), 0_i64.into()],
    )
}

fn there(connection: &Connection) -> Result<Vec<i64>> {
    connection.all("SELECT id FROM realm ORDER BY id", &[], |row| row.int(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_found_and_undone() {
    let database = Database::new();
    let store = opened(database.url(), IndexMode::None).await;
    let seen = store.write_unlogged(None, |connection| {
        let attempt = Savepoint::Attempt;
        add(connection, 1)?;
        // Undone before anything of it was sent.
        connection.savepoint(attempt)?;
        add(connection, 2)?;
        connection.rollback_to(attempt)?;
        connection.release(attempt)?;
        // Undone after it was sent, with more behind it.
        connection.savepoint(attempt)?;
        add(connection, 3)?;
        let first = there(connection)?;
        add(connection, 4)?;
        connection.rollback_to(attempt)?;
        connection.release(attempt)?;
        // Kept, whether it was sent or not.
        connection.savepoint(attempt)?;
        add(connection, 5)?;
        connection.release(attempt)?;
        connection.savepoint(attempt)?;
        add(connection, 6)?;
        there(connection)?;
        add(connection, 7)?;
        connection.release(attempt)?;
        Ok((first, there(connection)?))
    });
    assert_eq!(seen.await.expect("a write"), (vec![1, 3], vec![1, 5, 6, 7]));
    let realms = store.read_server(there).await.expect("a read");
    assert_eq!(realms, [1, 5, 6, 7]);
    store.close().await;
}

/// Blocks the writer until all jobs are queued, so that they share a transaction.
async fn together(store: &Arc<Store>, ids: &[i64], runs: &Arc<AtomicUsize>) -> Vec<Result<()>> {
    let (go, held) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let begun = Arc::new(std::sync::Mutex::new(Some(begun)));
    let held = Arc::new(std::sync::Mutex::new(held));
    let first = tokio::spawn({
        let store = Arc::clone(store);
        async move {
            let hold = move |_: &Connection| {
                let begun = begun.lock().ok().and_then(|mut begun| begun.take());
                begun.map(|begun| begun.send(()));
                let _ = held.lock().map(|held| held.recv());
                Ok(())
            };
            store.write_unlogged(Some(roster_model::EntityId::from_raw(77)), hold).await
        }
    });
    begins.await.expect("it runs");
    let mut tasks = Vec::new();
    for (number, id) in ids.iter().copied().enumerate() {
        let (own, runs) = (Arc::clone(store), Arc::clone(runs));
        tasks.push(tokio::spawn(async move {
            let run = move |connection: &Connection| {
                runs.fetch_add(1, Ordering::Relaxed);
                add(connection, id)
            };
            own.write_unlogged(Some(roster_model::EntityId::from_raw(77)), run).await
        }));
        while store.statistics().queue < u64::try_from(number).expect("a small number") + 1 {
            tokio::task::yield_now().await;
        }
    }
    go.send(()).expect("the writer waits");
    first.await.expect("no panic").expect("nothing was written");
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.expect("no panic"));
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_costs_its_own_operation_alone() {
    let database = Database::new();
    let store = opened(database.url(), IndexMode::None).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let outcomes = together(&store, &[1, 2, 1, 3], &runs).await;
    assert!(matches!(outcomes[..], [Ok(()), Ok(()), Err(Error::Taken(_)), Ok(())]), "{outcomes:?}");
    assert_eq!(store.read_server(there).await.expect("a read"), [1, 2, 3]);
    // All four run once together, then each on its own; the refused one as often as a conflict is retried.
    assert_eq!(runs.load(Ordering::Relaxed), 4 + 3 + 4);
    // Without a refusal each runs once.
    runs.store(0, Ordering::Relaxed);
    let outcomes = together(&store, &[11, 12, 13, 14], &runs).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 4);
    store.close().await;
}
