//! A write that memory can answer is sent to a server in one message, conditional on the head that memory expects. If
//! that is outdated, a row is refused, or the server goes away, callers don't notice the attempt.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use roster_model::change::ActorKind;
use roster_model::{ActorRef, Change, EntityId as _, EventId, RealmId, Timestamp, User, UserId};
use roster_testing::{Database, SERVER};

use super::{opened, until};
use crate::sql::{Connection, Location};
use crate::{Decision, Error, IndexMode, Prefetch, Result, Store, Transaction};

const REALM: i64 = 7;

/// A file has a single writer across processes, so this needs a server.
fn server() -> Option<Database> {
    std::env::var_os(SERVER).map(|_| Database::new())
}

fn realm() -> RealmId {
    RealmId::from_raw(REALM)
}

fn user(number: i64) -> Change {
    let time = Timestamp::from_ms(1);
    Change::UserCreated { after: Box::new(User::new(UserId::from_raw(number), format!("user {number}"), time)) }
}

fn add(transaction: &mut Transaction<'_>, number: i64) -> Result<Decision<i64>> {
    let actor = ActorRef { kind: ActorKind::Operator, id: None };
    transaction.apply(EventId::from_raw(number), Timestamp::from_ms(1), actor, &user(number)).map(Decision::Keep)
}

/// Like [`add`], as a write of its own, whose runs are counted.
fn adding(
    store: &Arc<Store>,
    runs: &Arc<AtomicUsize>,
    number: i64,
) -> impl Future<Output = Result<i64>> + Send + 'static {
    let (store, runs) = (Arc::clone(store), Arc::clone(runs));
    let write = move |transaction: &mut Transaction<'_>| {
        runs.fetch_add(1, Ordering::Relaxed);
        add(transaction, number)
    };
    async move { store.write(realm(), write).await }
}

fn connect(url: &str) -> Connection {
    let Location::Server(address) = Location::parse(url).expect("an address") else { panic!("a server") };
    Connection::open_server(&address).expect("a connection")
}

/// With the realm in memory.
async fn open(database: &Database) -> Arc<Store> {
    open_at(database.url()).await
}

async fn open_at(url: &str) -> Arc<Store> {
    let store = opened(url, IndexMode::Full).await;
    let make = |connection: &Connection| {
        connection.execute(
            "INSERT INTO realm (id, name, root, head, roles_version, created_ms) VALUES ($1, 'r', 1, 0, 0, 0)
             ON CONFLICT DO NOTHING",
            &[REALM.into()],
        )
    };
    store.write_unlogged(None, make).await.expect("a realm");
    in_memory(&store, 0).await;
    store
}

/// Waits until memory has reached this position.
async fn in_memory(store: &Store, position: i64) {
    until(|| store.read_memory(realm(), position, |_| Ok::<_, Error>(())).is_some()).await;
}

/// The final state: the numbers of the events, and the users.
async fn there(store: &Store) -> (Vec<i64>, Vec<i64>) {
    let events = store.read(realm(), |view| view.list_events(0, 10_000, None, None)).await.expect("the log");
    let users = store.read_server(|connection| {
        connection.all("SELECT id FROM usr WHERE realm = $1 ORDER BY id", &[REALM.into()], |row| row.int(0))
    });
    (events.into_iter().map(|event| event.sequence).collect(), users.await.expect("users"))
}

/// Another process that holds the realm's lock, and may write an event before it releases it.
struct Other(Connection);

impl Other {
    async fn holding(database: &Database) -> Self {
        let url = database.url().to_owned();
        on_a_thread(move || {
            let connection = connect(&url);
            connection.begin_writing(Some(REALM)).expect("the realm");
            Self(connection)
        })
        .await
    }

    async fn writes(self, number: i64) {
        on_a_thread(move || {
            let values = [REALM.into(), number.into()];
            self.0
                .execute(
                    "INSERT INTO event (realm, seq, id, time_ms, actor_kind, kind)
                     SELECT $1, head + 1, $2, 0, 'operator', 'user.erased' FROM realm WHERE id = $1",
                    &values,
                )
                .expect("an event");
            self.0.execute("UPDATE realm SET head = head + 1 WHERE id = $1", &[REALM.into()]).expect("its number");
            self.0.commit().expect("a commit");
        })
        .await;
    }

    async fn lets_go(self) {
        on_a_thread(move || self.0.rollback().expect("nothing to keep")).await;
    }
}

/// Runs something that blocks.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

/// Terminates the sessions whose last statement begins so; returns how many there were.
async fn end_sessions(database: &Database, beginning: &'static str) -> usize {
    let url = database.url().to_owned();
    on_a_thread(move || {
        let connection = connect(&url);
        let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE $1";
        let beginning = [format!("{beginning}%").into()];
        let ended = connection.all(ended, &beginning, |row| row.flag(0)).expect("sessions").len();
        let left = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
             AND pid <> pg_backend_pid() AND query LIKE $1";
        while connection.one(left, &beginning, |row| row.int(0)).expect("sessions") > 0 {
            std::thread::yield_now();
        }
        // The server notifies the client before the session disappears from the view.
        ended
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_memory_believed_wrongly_is_done_again() {
    let Some(database) = server() else { return };
    let store = open(&database).await;
    for (asks, round) in [(false, 1), (true, 2)] {
        in_memory(&store, 2 * (round - 1)).await;
        let other = Other::holding(&database).await;
        let runs = Arc::new(AtomicUsize::new(0));
        let writing = tokio::spawn({
            let (store, runs) = (Arc::clone(&store), Arc::clone(&runs));
            let write = move |transaction: &mut Transaction<'_>| {
                runs.fetch_add(1, Ordering::Relaxed);
                if asks {
                    // The result doesn't matter.
                    let _ = transaction.stored_answer(0, "key", Timestamp::from_ms(1));
                }
                add(transaction, 100 + round)
            };
            async move { store.write(realm(), write).await }
        });
        // It runs although another process holds the realm.
        until(|| runs.load(Ordering::Relaxed) == 1).await;
        other.writes(round).await;
        assert_eq!(writing.await.expect("no panic").expect("a write"), 2 * round);
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        // Until optimistic commits are tried again.
        for number in 0..40 {
            let refuse = |_: &mut Transaction<'_>| Ok::<_, Error>(Decision::Drop(()));
            store.write(realm(), refuse).await.unwrap_or_else(|error| panic!("{number}: {error}"));
        }
    }
    assert_eq!(there(&store).await, (vec![1, 2, 3, 4], vec![101, 102]));
    store.close().await;
}

/// Entities named for prefetching are read before the write runs, without locking the realm.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_is_read_beside_who_keeps_the_realm() {
    let Some(database) = server() else { return };
    let one = open(&database).await;
    one.write(realm(), |transaction| add(transaction, 1)).await.expect("an addition");
    // Its memory has no users yet.
    let store = open(&database).await;
    in_memory(&store, 1).await;
    let other = Other::holding(&database).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let writing = tokio::spawn({
        let (store, runs) = (Arc::clone(&store), Arc::clone(&runs));
        let names = Prefetch { users: vec![UserId::from_raw(1)], ..Prefetch::default() };
        let write = move |transaction: &mut Transaction<'_>| {
            let known = transaction.named_user(UserId::from_raw(1))?;
            runs.fetch_add(1, Ordering::Relaxed);
            assert_eq!(known.expect("the user").name, "user 1");
            add(transaction, 2)
        };
        async move { store.write_prefetching(realm(), names, write).await }
    });
    until(|| runs.load(Ordering::Relaxed) == 1).await;
    other.lets_go().await;
    assert_eq!(writing.await.expect("no panic").expect("an addition"), 2);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert_eq!(there(&store).await, (vec![1, 2], vec![1, 2]));
    one.close().await;
    store.close().await;
}

/// The follower needs to change the graph, which the operation reads until its end. Nobody else waits for either of
/// them.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_operation_keeps_nobody_from_reading() {
    let Some(database) = server() else { return };
    let store = open(&database).await;
    let (begun, begins) = tokio::sync::oneshot::channel();
    let begun = Arc::new(std::sync::Mutex::new(Some(begun)));
    let (go, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let writing = tokio::spawn({
        let store = Arc::clone(&store);
        let write = move |_: &mut Transaction<'_>| {
            if let Some(begun) = begun.lock().ok().and_then(|mut begun| begun.take()) {
                let _ = begun.send(());
                let _ = held.lock().map(|held| held.recv());
            }
            Ok::<_, Error>(Decision::Drop(()))
        };
        async move { store.write(realm(), write).await }
    });
    begins.await.expect("it runs");
    Other::holding(&database).await.writes(1).await;
    // Until memory isn't used any more, since it could not be brought up to date.
    let (old, told) = std::sync::mpsc::channel();
    std::thread::spawn({
        let store = Arc::clone(&store);
        move || {
            while store.read_memory(realm(), 0, |_| Ok::<_, Error>(())).is_some() {
                std::thread::yield_now();
            }
            let _ = old.send(());
        }
    });
    let looked = on_a_thread(move || told.recv_timeout(Duration::from_secs(20))).await;
    go.send(()).expect("the operation waits");
    looked.expect("whoever reads is answered meanwhile");
    writing.await.expect("no panic").expect("an operation");
    in_memory(&store, 1).await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_added_no_other_refuses() {
    let Some(database) = server() else { return };
    let (one, other) = (open(&database).await, open(&database).await);
    for number in 1..=100 {
        one.write(realm(), move |transaction| add(transaction, number)).await.expect("an addition");
        let knows = move |transaction: &mut Transaction<'_>| {
            Ok::<_, Error>(Decision::Drop(transaction.named_user(UserId::from_raw(number))?.is_some()))
        };
        // Alone, and beside others.
        let asked: Vec<_> = (0..=number % 3)
            .map(|_| {
                let other = Arc::clone(&other);
                tokio::spawn(async move { other.write(realm(), knows).await })
            })
            .collect();
        for asked in asked {
            assert!(asked.await.expect("no panic").expect("an answer"), "{number}");
        }
    }
    one.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_between_three_who_write_at_once() {
    let Some(database) = server() else { return };
    let stores = [open(&database).await, open(&database).await, open(&database).await];
    let writers: Vec<_> = (0..12_i64)
        .map(|writer| {
            let store = Arc::clone(&stores[usize::try_from(writer % 3).expect("a small number")]);
            tokio::spawn(async move {
                for n in 1..=25 {
                    let number = 25 * writer + n;
                    store.write(realm(), move |transaction| add(transaction, number)).await.expect("an addition");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no panic");
    }
    // And in turns.
    for number in 301..=340 {
        let store = &stores[usize::try_from(number % 3).expect("a small number")];
        let sequence = store.write(realm(), move |transaction| add(transaction, number)).await;
        assert_eq!(sequence.expect("an addition"), number);
    }
    let all: Vec<i64> = (1..=340).collect();
    assert_eq!(there(&stores[0]).await, (all.clone(), all));
    for store in stores {
        store.close().await;
    }
}

/// A request renews the lease from within a transaction, which may be older than what memory knows by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_from_an_earlier_moment_takes_nothing_out_of_memory() {
    let database = Database::new();
    let store = open(&database).await;
    store.write(realm(), |transaction| add(transaction, 1)).await.expect("an addition");
    in_memory(&store, 1).await;
    let before = store.index().realm(realm()).expect("a realm in memory");
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (written, was_written) = std::sync::mpsc::channel();
    let looking = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let looked = Arc::clone(&store);
            let look = move |connection: &Connection| {
                let before = looked.index().begin_poll();
                let head = connection.one("SELECT head FROM realm", &[], |row| row.int(0))?;
                let _ = begun.send(head);
                let _ = was_written.recv();
                looked.index().renew(&before, connection)
            };
            store.read_server(look).await
        }
    });
    assert_eq!(has_begun.await.expect("a look"), 1);
    store.write(realm(), |transaction| add(transaction, 2)).await.expect("an addition");
    in_memory(&store, 2).await;
    written.send(()).expect("somebody who looks");
    looking.await.expect("no panic").expect("a look");
    let after = store.index().realm(realm()).expect("a realm in memory");
    assert!(Arc::ptr_eq(&before, &after), "it was read anew");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_costs_its_own_operation_alone() {
    let Some(database) = server() else { return };
    let store = open(&database).await;
    let other = Other::holding(&database).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let start = |number| adding(&store, &runs, number);
    // The first one's message waits for the realm, and the others for the writer.
    let first = tokio::spawn(start(1));
    until(|| runs.load(Ordering::Relaxed) == 1).await;
    let mut others = pin!(async { tokio::join!(biased; start(2), start(3), start(2), start(4)) });
    // Now they are in its queue, in this order.
    let waits = poll_fn(|context| Poll::Ready(others.as_mut().poll(context).is_pending()));
    assert!(waits.await);
    other.lets_go().await;
    assert_eq!(first.await.expect("no panic").expect("an addition"), 1);
    let outcomes = others.await;
    assert!(matches!(outcomes, (Ok(2), Ok(3), Err(Error::Taken(_)), Ok(4))), "{outcomes:?}");
    // All four run once together, then each on its own; the refused one as often as a conflict is retried.
    assert_eq!(runs.load(Ordering::Relaxed), 1 + 4 + 3 + 4);
    assert_eq!(there(&store).await, (vec![1, 2, 3, 4], vec![1, 2, 3, 4]));
    store.close().await;
}

/// Wherever the connection is lost: what wasn't sent completely is retried, and nothing else is reported as done.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_costs_no_more_than_it_must() {
    let Some(database) = server().map(Arc::new) else { return };
    let store = open(&database).await;
    store.write(realm(), |transaction| add(transaction, 1)).await.expect("an addition");
    // Before anything was sent: the follower keeps memory up to date, but the writer's session is gone.
    assert_eq!(end_sessions(&database, "WITH moved").await, 1);
    store.write(realm(), |transaction| add(transaction, 2)).await.expect("an addition by another session");
    // In the middle, after a query.
    let gone = Arc::new(AtomicBool::new(false));
    let (asked, answers) = std::sync::mpsc::channel();
    let ending = tokio::spawn({
        let (database, gone) = (Arc::clone(&database), Arc::clone(&gone));
        async move {
            on_a_thread(move || answers.recv()).await.expect("a question");
            assert_eq!(end_sessions(&database, "SELECT request").await, 1);
            gone.store(true, Ordering::Release);
        }
    });
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let sequence = store.write(realm(), move |transaction| {
        counted.fetch_add(1, Ordering::Relaxed);
        transaction.stored_answer(0, "key", Timestamp::from_ms(1))?;
        let _ = asked.send(());
        while !gone.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        transaction.stored_answer(0, "key", Timestamp::from_ms(1))?;
        add(transaction, 3)
    });
    assert_eq!(sequence.await.expect("an addition by a third session"), 3);
    ending.await.expect("no panic");
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    // After the last message was sent.
    in_memory(&store, 3).await;
    let other = Other::holding(&database).await;
    runs.store(0, Ordering::Relaxed);
    let writing = tokio::spawn(adding(&store, &runs, 4));
    while end_sessions(&database, "WITH moved").await == 0 {}
    let outcome = writing.await.expect("no panic");
    assert!(matches!(outcome, Err(Error::Unreachable(_))), "{outcome:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 1, "what may have been done is not done again");
    other.lets_go().await;
    assert_eq!(there(&store).await, (vec![1, 2, 3], vec![1, 2, 3]));
    store.close().await;
}

/// The server committed, but the answer is lost: it must be done once, and not be reported as done.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_done_is_not_done_again() {
    for (asks, begins) in [(false, "WITH moved"), (true, "SELECT request")] {
        let Some(database) = server() else { return };
        let way = Arc::new(roster_testing::LossyProxy::for_database(&database, begins));
        let store = open_at(way.url()).await;
        let runs = Arc::new(AtomicUsize::new(0));
        let write = |number: i64, lose: bool| {
            let (runs, way) = (Arc::clone(&runs), Arc::clone(&way));
            store.write(realm(), move |transaction: &mut Transaction<'_>| {
                runs.fetch_add(1, Ordering::Relaxed);
                if asks {
                    transaction.stored_answer(0, "key", Timestamp::from_ms(1))?;
                }
                if lose {
                    way.drop_next_response();
                }
                add(transaction, number)
            })
        };
        assert_eq!(write(1, false).await.expect("an addition"), 1);
        let outcome = write(2, true).await;
        assert!(matches!(outcome, Err(Error::Unreachable(_))), "{outcome:?}");
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        assert_eq!(write(3, false).await.expect("an addition by another session"), 3);
        assert_eq!(there(&store).await, (vec![1, 2, 3], vec![1, 2, 3]));
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_another_keeps_is_waited_for_once() {
    let Some(database) = server() else { return };
    let store = open(&database).await;
    let other = Other::holding(&database).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let outcome = adding(&store, &runs, 1).await;
    assert!(matches!(outcome, Err(Error::Busy(_))), "{outcome:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    other.lets_go().await;
    store.write(realm(), |transaction| add(transaction, 1)).await.expect("an addition");
    assert_eq!(there(&store).await, (vec![1], vec![1]));
    store.close().await;
}

/// The primary key of events would refuse a second one, too; but nothing relies on that.
#[test]
fn nothing_goes_where_the_log_ends_elsewhere() {
    let Some(database) = server() else { return };
    let connection = connect(database.url());
    crate::sql::migrate(&connection).expect("a schema");
    let make = "INSERT INTO realm (id, name, root, head, roles_version, created_ms) VALUES ($1, 'r', 1, 5, 2, 0)";
    connection.execute(make, &[REALM.into()]).expect("a realm");
    let alias = |value: &str| [REALM.into(), "clerk".into(), value.into(), 1_i64.into()];
    for (expected, stands) in [((4, 2), false), ((5, 1), false), ((5, 2), true), ((5, 2), false)] {
        connection.defer_rows(true);
        connection.begin_optimistic(REALM, expected);
        let row = alias(&format!("{expected:?} {stands}"));
        connection.insert_rows("alias (realm, dialect, value, id)", 4, &row).expect("it waits");
        let committed = connection.commit_with(&[(REALM, 6, 2)]);
        match committed {
            Ok(()) => assert!(stands, "{expected:?}"),
            Err(error) => assert!(matches!(error, Error::Unserializable) && !stands, "{expected:?}: {error}"),
        }
        connection.rollback().expect("nothing to undo");
    }
    let kept = || connection.all("SELECT value FROM alias ORDER BY value", &[], |row| row.text(0)).expect("aliases");
    assert_eq!(kept(), ["(5, 2) true"]);
    // If some rows of a table were sent earlier, the rest is sent at the end.
    connection.defer_rows(true);
    connection.begin_optimistic(REALM, (6, 2));
    for value in ["1", "2"] {
        connection.insert_rows("alias (realm, dialect, value, id)", 4, &alias(value)).expect("it waits");
    }
    assert_eq!(kept(), ["(5, 2) true", "1", "2"]);
    connection.insert_rows("alias (realm, dialect, value, id)", 4, &alias("3")).expect("it waits");
    connection.commit_with(&[(REALM, 7, 2)]).expect("a commit");
    assert_eq!(kept(), ["(5, 2) true", "1", "2", "3"]);
}
