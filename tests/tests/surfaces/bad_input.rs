//! Whatever is sent: an answer of 4xx in the surface's own form that says what is wrong, never a 5xx, never a change.

use axum::body::Body;
use http::Request;
use roster_engine::Surface;
use roster_http::Limits;
use roster_tests::operations::{Fixture, Operation, all};
use roster_tests::world::KEY;
use roster_tests::{Answer, World};
use serde_json::{Value, json};

/// Whether the answer has its surface's form.
fn has_form(operation: &Operation, answer: &Answer) -> bool {
    let content_type = answer.header("content-type").unwrap_or_default();
    match operation.surface {
        Surface::Native => {
            content_type == "application/problem+json"
                && answer.json["status"] == answer.status.as_u16()
                && answer.json["code"].is_string()
                && answer.json["request_id"] == answer.header("x-request-id").unwrap_or_default()
        }
        Surface::Box if operation.takes_form() => {
            content_type.starts_with("application/json")
                && answer.json["error"].is_string()
                && answer.json["error_description"].is_string()
        }
        Surface::Box => {
            content_type.starts_with("application/json")
                && answer.json["type"] == "error"
                && answer.json["status"] == answer.status.as_u16()
                && answer.json["code"].is_string()
                && answer.json["message"].is_string()
                && answer.json["help_url"].is_string()
                && answer.json["request_id"] == answer.header("x-request-id").unwrap_or_default()
        }
        Surface::Enhance => {
            content_type == "application/json"
                && answer.json["code"].as_str().is_some_and(|code| !code.is_empty())
                && answer.json["message"].is_string()
        }
        Surface::Authzen => content_type == "text/plain; charset=utf-8" && answer.text().lines().count() == 1,
        Surface::Scim => {
            content_type == "application/scim+json"
                && answer.json["schemas"][0] == "urn:ietf:params:scim:api:messages:2.0:Error"
                && answer.json["status"] == answer.status.as_str()
                && answer.json["detail"].as_str().is_some_and(|detail| !detail.is_empty())
        }
        Surface::Clerk => {
            let text =
                |pointer: &str| answer.json.pointer(pointer).and_then(Value::as_str).is_some_and(|t| !t.is_empty());
            content_type == "application/json"
                && text("/errors/0/message")
                && text("/errors/0/long_message")
                && text("/errors/0/code")
                && answer.json["errors"][0]["meta"].is_object()
                && answer.json["clerk_trace_id"] == answer.header("x-request-id").unwrap_or_default()
        }
        Surface::Whylabs => {
            content_type.starts_with("application/json")
                && answer.json["message"].is_string()
                && answer.json["type"].is_string()
                && answer.json["requestId"] == answer.header("x-request-id").unwrap_or_default()
        }
    }
}

/// Bodies that nothing takes.
fn bad_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    vec![
        ("no JSON", b"{\"name\": ".to_vec()),
        ("an array", b"[]".to_vec()),
        ("a string", b"\"text\"".to_vec()),
        ("null", b"null".to_vec()),
        ("a number", b"1e999".to_vec()),
        ("no UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec()),
        ("too deep", deep.into_bytes()),
        ("two values", b"{} {}".to_vec()),
        ("too large", format!("{{\"name\": \"{}\"}}", "x".repeat(2 << 20)).into_bytes()),
    ]
}

/// Values that no field of text takes, or that must at least do no harm.
fn bad_values() -> Vec<Value> {
    vec![
        json!("nul\u{0}nul"),
        json!("x".repeat(100_000)),
        json!(""),
        json!(" "),
        json!("\u{202e}\u{1f600}\u{0301}"),
        json!("'; DROP TABLE usr; --"),
        json!("%"),
        json!(12),
        json!(-1),
        json!(18_446_744_073_709_551_615_u64),
        json!(1.5e300),
        json!(true),
        json!([]),
        json!({}),
        json!([{"a": [[]]}]),
        json!("2026-99-99T99:99:99Z"),
        json!("org_zzzzzzzzzzz"),
        json!("99999999999999999999"),
    ]
}

/// Path segments that name nothing.
const BAD_IDS: [&str; 9] = [
    "%00",
    "%FF%FE",
    "..%2F..%2Fetc",
    "org_",
    "usr_%20",
    "-1",
    "99999999999999999999",
    "%F0%9F%98%80",
    "526f7374-6572-8fff-8fff-ffffffffffff",
];

struct Check<'a> {
    world: &'a World,
    operation: &'a Operation,
    problems: Vec<String>,
}

impl Check<'_> {
    async fn refused(&mut self, what: &str, request: Request<Body>) {
        let answer = self.world.send(request).await;
        if !answer.status.is_client_error() || !has_form(self.operation, &answer) {
            self.note(what, &answer);
        }
    }

    /// It may be taken or refused, but it does no harm.
    async fn harmless(&mut self, what: &str, request: Request<Body>) {
        let answer = self.world.send(request).await;
        if answer.status.is_server_error() || (answer.status.is_client_error() && !has_form(self.operation, &answer)) {
            self.note(what, &answer);
        }
    }

    fn note(&mut self, what: &str, answer: &Answer) {
        let Operation { surface, id, .. } = self.operation;
        self.problems.push(format!("{} {id}, {what}: {} {}", surface.word(), answer.status, answer.text()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_refuses_what_is_malformed() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let mut problems = Vec::new();
    for operation in &all() {
        let mut check = Check { world: &world, operation, problems: Vec::new() };
        let uri = fixture.uri(operation);
        if operation.body {
            let takes_array = fixture.body(operation).is_array();
            for (what, body) in bad_bodies() {
                if takes_array && what == "an array" {
                    continue;
                }
                check.refused(what, fixture.request_with(operation, &uri, Some(KEY), body)).await;
            }
            check.harmless("no body", fixture.request_with(operation, &uri, Some(KEY), Vec::new())).await;
        }
        if let Some(from) = operation.path.find('{') {
            let to = operation.path.find('}').expect("closed");
            for id in BAD_IDS {
                let mut path = operation.path.clone();
                path.replace_range(from..=to, id);
                // What is left of placeholders, and the query, is as in a good request.
                let filled = Operation { path, ..operation.clone() };
                let body = fixture.body(operation);
                let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
                let request = fixture.request_with(&filled, &fixture.uri(&filled), Some(KEY), body);
                // A list of what an unknown user has may be empty, and an unknown invite is said to be invalid; all else is unknown.
                if ["GetMemberships", "validateInvite"].contains(&operation.id.as_str()) {
                    check.harmless(id, request).await;
                } else {
                    check.refused(id, request).await;
                }
            }
        }
        for name in
            ["limit", "cursor", "sort", "total", "email", "role", "expiration_time", "scopes", "after", "user_id"]
        {
            for value in ["%00", "%FF", "-1", "99999999999999999999", "x".repeat(5000).as_str(), "%27%22%3B", ""] {
                let separator = if uri.contains('?') { '&' } else { '?' };
                let body = fixture.body(operation);
                let body = if body.is_null() || operation.method != "GET" {
                    Vec::new()
                } else {
                    body.to_string().into_bytes()
                };
                let spoiled = format!("{uri}{separator}{name}={value}");
                check
                    .harmless(&format!("{name}={value}"), fixture.request_with(operation, &spoiled, Some(KEY), body))
                    .await;
            }
        }
        problems.append(&mut check.problems);
        problems.extend(world.verify().await);
        if !problems.is_empty() && operation.method != "GET" {
            break;
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_takes_every_value_without_harm() {
    let mut problems = Vec::new();
    for operation in all().iter().filter(|operation| operation.body) {
        let world = World::new().await;
        let fixture = Fixture::new(&world).await;
        let mut check = Check { world: &world, operation, problems: Vec::new() };
        let good = fixture.body(operation);
        // A list of things is tried by its first.
        let list = good.is_array();
        let good = if list { good[0].clone() } else { good };
        let mut fields: Vec<String> = good.as_object().expect("an object").keys().cloned().collect();
        fields.extend(
            ["public_metadata", "external_id", "username", "status", "expires_at", "role", "roles"].map(String::from),
        );
        for field in fields {
            for value in bad_values() {
                let mut body = good.clone();
                body[&field] = value.clone();
                let body = if list { json!([body]) } else { body };
                let request =
                    fixture.request_with(operation, &fixture.uri(operation), Some(KEY), body.to_string().into());
                let shown: String = value.to_string().chars().take(40).collect();
                check.harmless(&format!("{field} = {shown}"), request).await;
            }
        }
        problems.append(&mut check.problems);
        problems.extend(world.verify().await);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_said() {
    let limits = Limits {
        body_bytes: 200,
        url_bytes: 100,
        header_bytes: 500,
        bulk_items: 2,
        page_size_max: 3,
        ..Limits::default()
    };
    let world = World::with_limits(limits).await;
    let code = |answer: &Answer| answer.json["code"].as_str().unwrap_or_default().to_owned();
    let large = json!({"name": "x".repeat(300)});
    let answer = world.call("POST", "/v1/organizations", large).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (413, "body_too_large"));
    let answer = world.call("GET", &format!("/v1/users?q={}", "x".repeat(200)), Value::Null).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (414, "url_too_long"));
    let request = Request::get("/v1/users").header("x-much", "x".repeat(600)).body(Body::empty()).expect("a request");
    assert_eq!(world.send(request).await.status, 431);
    let answer = world.call("GET", "/v1/users?limit=4", Value::Null).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (422, "invalid"));
    assert!(answer.str("/detail").contains("from 1 to 3"), "{}", answer.text());
    let organization = world.call("POST", "/v1/organizations", json!({"name": "acme"})).await.str("/id").to_owned();
    let operations = json!({"operations": [{"op": "remove", "user_id": "a"}, {"op": "remove", "user_id": "b"}, {"op": "remove", "user_id": "c"}]});
    let answer = world.call("POST", &format!("/v1/organizations/{organization}/memberships:batch"), operations).await;
    assert_eq!((answer.status.as_u16(), answer.str("/field")), (422, "operations"));
    let request = Request::post("/v1/users")
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "text/plain")
        .body(Body::from("{}"))
        .expect("a request");
    assert_eq!(world.send(request).await.status, 415);
    let request = Request::delete("/v1/users").body(Body::empty()).expect("a request");
    let answer = world.send(request).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (405, "method_not_allowed"));
    assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET") && allow.contains("POST")));
}
