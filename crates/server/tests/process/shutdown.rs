//! The end of a server.

use std::io::ErrorKind;
use std::net::TcpStream;

use serde_json::json;

use crate::common::{KEY, SERVE, Server, TestDir, eventually};

#[test]
fn a_request_under_way_is_finished_and_new_ones_are_refused() {
    let place = TestDir::new();
    let mut server = place.serve();
    let body = json!({"email": "slow@example.com"}).to_string();
    let mut slow = server.client();
    let head = slow.head("POST", "/v1/users", body.len());
    slow.send(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).expect("it is sent");
    // This answer says that the server is at work on the request.
    slow.receive().expect("an interim answer").expect(100);
    let (first, second) = body.split_at(body.len() / 2);
    slow.send(first.as_bytes()).expect("it is sent");

    let mut idle = server.client();
    idle.get("/healthz").expect(200);
    server.terminate();
    eventually("nobody can connect", || TcpStream::connect(&server.address).is_err());
    // Who asks before it is closed is still told that the server stops.
    let ended = idle.receive().expect_err("nothing was asked");
    assert_eq!(ended.kind(), ErrorKind::UnexpectedEof);
    assert!(idle.call("GET", "/v1/users", None).is_err(), "a connection without a request is closed");
    slow.send(second.as_bytes()).expect("it is sent");
    let answer = slow.receive().expect("an answer").expect(201);
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(server.ended().code(), Some(0));
    assert_eq!(place.json(&["user", "get", "slow@example.com"])["id"], answer.str("/id").as_str());
}

#[test]
fn a_request_that_takes_too_long_is_cut_off_after_the_grace() {
    let place = TestDir::new();
    let words: Vec<_> = SERVE.into_iter().chain(["--grace", "1"]).collect();
    let mut server = Server::start(place.roster(&words).env("ROSTER_BOOTSTRAP_KEY", KEY));
    let mut slow = server.client();
    let head = slow.head("POST", "/v1/users", 1000);
    slow.send(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).expect("it is sent");
    slow.receive().expect("an interim answer").expect(100);
    server.terminate();
    assert_eq!(server.ended().code(), Some(0));
    assert!(slow.receive().is_err());
    place.done(&["realm", "verify", "default"]);
}
