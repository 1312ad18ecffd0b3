//! No acknowledgement is sent before the sync of its batch.
//!
//! A killed process leaves the page cache behind, so `durability.rs` can't see whether anything was on disk. Here the kernel
//! is asked: `strace` notes each system call, and between the read of a request and its 201 there must have been a write to
//! the database's log, and after it, begun and ended, a sync of that log.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::common::{KEY, SERVE, Server, TestDir, has, signal};

const SEQUENTIAL: usize = 50;
const CLIENTS: usize = 8;
const EACH: usize = 25;

/// A line of a trace, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// A `POST` was read from this descriptor.
    Read(u32),
    /// The database's log was written; noted when it was done.
    Write,
    SyncBegins(u32),
    /// By the thread that began it.
    SyncEnds(u32),
    /// A 201 goes out on this descriptor; noted when it began.
    Answer(u32),
}

/// Reads `strace -f -y`. A call that another thread's came in between has two lines:
///
/// ```text
/// 7 fdatasync(9</d/roster.db-wal> <unfinished ...>
/// 8 recvfrom(12<socket:[1]>, "POST /v1/users HTTP/1.1\r\n"..., 8192, 0, NULL, NULL) = 210
/// 7 <... fdatasync resumed>) = 0
/// ```
fn calls(trace: &str) -> Vec<Call> {
    let mut unfinished: HashMap<u32, String> = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.trim_start().split_once(' ') else { continue };
        let Ok(thread) = thread.parse() else { continue };
        let call = call.trim_start();
        let (begin, whole) = if let Some(begun) = call.strip_suffix("<unfinished ...>") {
            unfinished.insert(thread, begun.to_owned());
            (Some(begun.to_owned()), None)
        } else if let Some((_, rest)) = call.strip_prefix("<... ").and_then(|call| call.split_once("resumed>")) {
            (None, unfinished.remove(&thread).map(|begun| begun + rest))
        } else {
            (Some(call.to_owned()), Some(call.to_owned()))
        };
        if let Some(call) = begin {
            let is_sync = call.starts_with("fsync(") || call.starts_with("fdatasync(");
            if is_sync && call.contains("-wal>") {
                calls.push(Call::SyncBegins(thread));
            }
            let sends = ["write(", "writev(", "sendto(", "sendmsg("].iter().any(|name| call.starts_with(name));
            if let Some(descriptor) = descriptor(&call).filter(|_| sends && call.contains("\"HTTP/1.1 201 ")) {
                calls.push(Call::Answer(descriptor));
            }
        }
        if let Some(call) = whole {
            let reads = ["read(", "readv(", "recvfrom(", "recvmsg("].iter().any(|name| call.starts_with(name));
            if let Some(descriptor) = descriptor(&call).filter(|_| reads && call.contains("\"POST ")) {
                calls.push(Call::Read(descriptor));
            }
            if call.starts_with("pwrite64(") && call.contains("-wal>") {
                calls.push(Call::Write);
            }
            // A sync that failed is none.
            let is_sync = call.starts_with("fsync(") || call.starts_with("fdatasync(");
            if is_sync && call.contains("-wal>") && call.trim_end().ends_with("= 0") {
                calls.push(Call::SyncEnds(thread));
            }
        }
    }
    calls
}

fn descriptor(call: &str) -> Option<u32> {
    let arguments = call.split_once('(')?.1;
    arguments[..arguments.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

/// How far the way of a request to the disk has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Read,
    Written,
    Syncing(u32),
    Durable,
}

/// The number of answers, each sent after its sync; or which wasn't.
fn check(calls: &[Call]) -> Result<usize, String> {
    let mut open: HashMap<u32, Stage> = HashMap::new();
    let mut answers = 0;
    for call in calls {
        let next = |stage: Stage| match (stage, call) {
            (Stage::Read, Call::Write) => Stage::Written,
            (Stage::Written, Call::SyncBegins(thread)) => Stage::Syncing(*thread),
            (Stage::Syncing(begun), Call::SyncEnds(thread)) if begun == *thread => Stage::Durable,
            (stage, _) => stage,
        };
        for stage in open.values_mut() {
            *stage = next(*stage);
        }
        match call {
            Call::Read(descriptor) => {
                open.insert(*descriptor, Stage::Read);
            }
            Call::Answer(descriptor) => {
                answers += 1;
                match open.remove(descriptor) {
                    Some(Stage::Durable) => {}
                    stage => return Err(format!("answer {answers}, on {descriptor}, was sent at {stage:?}")),
                }
            }
            Call::Write | Call::SyncBegins(_) | Call::SyncEnds(_) => {}
        }
    }
    Ok(answers)
}

/// Whether this process may be traced; some sandboxes forbid it.
fn may_trace(place: &TestDir) -> bool {
    let probe = Command::new("strace").args(["-o"]).arg(place.file("probe")).arg("true").status();
    let may = probe.is_ok_and(|status| status.success());
    assert!(may || std::env::var_os("CI").is_none(), "strace may not trace here");
    if !may {
        eprintln!("skipped: strace may not trace here");
    }
    may
}

/// The server's process: the one child of `strace`.
fn traced(strace: &Server) -> u32 {
    let id = strace.id();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("it has children");
    children.trim().parse().expect("one child")
}

fn trace_of_a_busy_server(place: &TestDir, file: &Path) -> String {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-s", "64", "-o"]).arg(file);
    command.args(["-e", "signal=none", "-e"]);
    command.arg("trace=fsync,fdatasync,pwrite64,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg");
    command.arg(env!("CARGO_BIN_EXE_roster")).args(SERVE).env("ROSTER_BOOTSTRAP_KEY", KEY);
    place.put(&mut command);
    let server = Server::start(command.env("ROSTER_BOOTSTRAP_KEY", KEY));
    let mut client = server.client();
    for number in 0..SEQUENTIAL {
        let body = json!({"email": format!("user-{number}@example.com")});
        client.post("/v1/users", &body).expect(201);
    }
    std::thread::scope(|scope| {
        for writer in 0..CLIENTS {
            let mut client = server.client();
            scope.spawn(move || {
                for number in 0..EACH {
                    let body = json!({"email": format!("user-{writer}-{number}@example.com")});
                    client.post("/v1/users", &body).expect(201);
                }
            });
        }
    });
    // The end of the server is the end of strace, and of its file.
    signal("TERM", traced(&server));
    let mut server = server;
    assert!(server.ended().success());
    std::fs::read_to_string(file).expect("a trace")
}

#[test]
fn no_answer_is_sent_before_the_sync_of_its_batch() {
    let place = TestDir::new();
    if !has("strace") || !may_trace(&place) {
        return;
    }
    let trace = trace_of_a_busy_server(&place, &place.file("trace"));
    let calls = calls(&trace);
    assert_eq!(check(&calls), Ok(SEQUENTIAL + CLIENTS * EACH));

    // One after the other can't share a sync.
    let mut answers = 0;
    let sequential = calls.iter().take_while(|call| {
        answers += usize::from(matches!(call, Call::Answer(_)));
        answers <= SEQUENTIAL
    });
    let syncs = sequential.filter(|call| matches!(call, Call::SyncEnds(_))).count();
    assert!(syncs >= SEQUENTIAL, "{syncs} syncs");

    // The same trace of a database that doesn't sync would be refused.
    let is_sync = |call: &Call| matches!(call, Call::SyncBegins(_) | Call::SyncEnds(_));
    let without: Vec<_> = calls.into_iter().filter(|call| !is_sync(call)).collect();
    assert!(check(&without).is_err());
}

const READ: &str = "8 recvfrom(12<socket:[1]>, \"POST /v1/users HTTP/1.1\\r\\nHost\"..., 8192, 0, NULL, NULL) = 210";
const WRITE: &str = "7 pwrite64(9</d/roster.db-wal>, \"\\0\\0\"..., 4096, 24) = 4096";
const SYNC: &str = "7 fdatasync(9</d/roster.db-wal>) = 0";
const BEGUN: &str = "7 fdatasync(9</d/roster.db-wal> <unfinished ...>";
const ENDED: &str = "7 <... fdatasync resumed>) = 0";
const ANSWER: &str =
    "8 sendto(12<socket:[1]>, \"HTTP/1.1 201 Created\\r\\nContent\"..., 900, MSG_NOSIGNAL, NULL, 0) = 900";

fn verdict(lines: &[&str]) -> Result<usize, String> {
    check(&calls(&lines.join("\n")))
}

#[test]
fn traces_of_servers_that_keep_their_word() {
    assert_eq!(verdict(&[READ, WRITE, WRITE, SYNC, ANSWER, READ, WRITE, BEGUN, ENDED, ANSWER]), Ok(2));
    let other = READ.replace("(12<", "(13<");
    assert_eq!(verdict(&[READ, &other, WRITE, SYNC, ANSWER, &ANSWER.replace("(12<", "(13<")]), Ok(2));
    // Halves of calls count when they are whole, but an answer from its beginning.
    let halves =
        [READ, WRITE, SYNC, "8 sendto(12<socket:[1]>, \"HTTP/1.1 201 Created\"..., 9, 0, NULL, 0 <unfinished ...>"];
    assert_eq!(verdict(&halves), Ok(1));
    assert_eq!(verdict(&["+++ exited with 0 +++", "8 read(3</etc/passwd>, \"\", 4096) = 0"]), Ok(0));
}

#[test]
fn traces_of_servers_that_do_not() {
    for (why, lines) in [
        ("synchronous = OFF", &[READ, WRITE, ANSWER][..]),
        ("answered during the sync", &[READ, WRITE, BEGUN, ANSWER, ENDED]),
        ("synced before the write", &[READ, SYNC, WRITE, ANSWER]),
        ("the sync of the one before", &[WRITE, BEGUN, READ, ENDED, ANSWER]),
        ("begun before the write", &[READ, BEGUN, WRITE, ENDED, ANSWER]),
        ("the second without one", &[READ, WRITE, SYNC, ANSWER, READ, WRITE, ANSWER]),
        ("the sync failed", &[READ, WRITE, "7 fdatasync(9</d/roster.db-wal>) = -1 EIO (Input/output error)", ANSWER]),
        ("another file", &[READ, WRITE, "7 fdatasync(9</d/roster.db>) = 0", ANSWER]),
        ("nothing was written", &[READ, SYNC, ANSWER]),
    ] {
        assert!(verdict(lines).is_err(), "{why}");
    }
}
