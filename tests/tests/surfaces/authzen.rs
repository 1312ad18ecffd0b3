//! AuthZEN: the certification scenario's requests, and what the contract adds to them.

use axum::body::Body;
use http::Request;
use roster_engine::{Dialect, EntityId as _, NewOrganization, NewToken, RoleNumber, RoleSet, TokenKind};
use roster_server::{ActionName, IdFormat, Names, TypeName};
use roster_tests::operations::secret;
use roster_tests::world::KEY;
use roster_tests::{Answer, World};
use serde_json::{Value, json};

fn names() -> Names {
    let external = |name: &str| TypeName { name: name.into(), id: Some(IdFormat::ExternalId) };
    let delete = |soft: bool, permission: &str| ActionName {
        name: "delete".into(),
        when: [(String::from("soft"), json!(soft))].into(),
        permission: permission.into(),
    };
    Names {
        resource_types: vec![external("record")],
        subject_types: vec![external("user")],
        actions: vec![delete(true, "delete:soft"), delete(false, "delete:hard")],
    }
}

async fn made(world: &World, path: &str, body: Value) -> String {
    world.clock.advance(1);
    let answer = world.call("POST", path, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.str("/id").to_owned()
}

/// The scenario's fixture: alice edits record-1 and reads record-2, bob the other way round.
async fn fixture() -> World {
    let world = World::with_names(names(), Some("https://pdp.example.com")).await;
    for key in ["read", "write", "delete:soft", "delete:hard"] {
        made(&world, "/v1/permissions", json!({"key": key})).await;
    }
    made(&world, "/v1/roles", json!({"key": "reader", "permissions": ["read"]})).await;
    made(&world, "/v1/roles", json!({"key": "editor", "permissions": ["read", "write", "delete:soft"]})).await;
    let mut ids = Vec::new();
    for name in ["alice", "bob"] {
        ids.push(made(&world, "/v1/users", json!({"external_id": name, "email": format!("{name}@example.com")})).await);
    }
    for (name, roles) in [("record-1", ["editor", "reader"]), ("record-2", ["reader", "editor"])] {
        let place = made(&world, "/v1/organizations", json!({"name": name, "external_id": name})).await;
        for (user, role) in ids.iter().zip(roles) {
            let path = format!("/v1/organizations/{place}/memberships");
            made(&world, &path, json!({"user_id": user, "roles": [role]})).await;
        }
    }
    world
}

async fn send(world: &World, endpoint: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = Request::post(format!("/access/v1/{endpoint}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::from(body)).expect("a request")).await
}

async fn post_as(world: &World, key: &str, endpoint: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", &*bearer), ("content-type", "application/json; charset=utf-8")];
    send(world, endpoint, &headers, body.to_string().into_bytes()).await
}

async fn post(world: &World, endpoint: &str, body: &Value) -> Answer {
    let answer = post_as(world, KEY, endpoint, body).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    if answer.status == 200 {
        assert_eq!(answer.header("content-type"), Some("application/json"));
    } else {
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert!(!answer.text().is_empty() && answer.text().lines().count() == 1, "{}", answer.text());
    }
    answer
}

fn subject(id: &str) -> Value {
    json!({"type": "user", "id": id})
}

fn record(id: &str) -> Value {
    json!({"type": "record", "id": id})
}

fn question(who: &str, action: &str, what: &str) -> Value {
    json!({"subject": subject(who), "action": {"name": action}, "resource": record(what)})
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    body.pointer_mut(parent).expect("there").as_object_mut().expect("an object").insert(name.into(), value);
    body
}

fn without(mut body: Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    body.pointer_mut(parent).expect("there").as_object_mut().expect("an object").shift_remove(name);
    body
}

#[tokio::test]
async fn basic_core_and_properties() {
    let world = fixture().await;
    let read = question("alice", "read", "record-1");
    let delete =
        |soft: bool| with(question("alice", "delete", "record-1"), "/action/properties", json!({"soft": soft}));
    let rows = [
        ("c-2-2-1", read.clone(), true),
        ("c-2-2-2", question("bob", "write", "record-1"), false),
        ("c-2-2-3", with(read.clone(), "/context", json!({"time": "2026-10-26T01:22-07:00", "ip": "192.0.2.1"})), true),
        (
            "c-2-2-4",
            with(question("alice", "write", "record-2"), "/resource/properties", json!({"status": "archived"})),
            false,
        ),
        ("c-2-2-5", with(question("bob", "write", "record-2"), "/subject/properties", json!({"role": "admin"})), true),
        ("c-2-2-6", delete(true), true),
        ("c-2-2-7", delete(false), false),
        (
            "c-2-2-8",
            with(
                with(read.clone(), "/subject/properties", json!({"a": [1]})),
                "/action/properties",
                json!({"b": null}),
            ),
            true,
        ),
        ("c-2-2-9", with(with(read.clone(), "/unknown", json!({"x": 1})), "/subject/unknown", json!([1])), true),
        (
            "a claim gives nothing",
            with(question("bob", "write", "record-1"), "/subject/properties", json!({"role": "editor"})),
            false,
        ),
        ("an unknown subject", question("carol", "read", "record-1"), false),
        ("an unknown resource", question("alice", "read", "record-9"), false),
        ("an unknown action", question("alice", "fly", "record-1"), false),
        ("an unknown type", with(read.clone(), "/resource/type", json!("robot")), false),
        ("an empty id", question("", "read", "record-1"), false),
        ("a text that no database keeps", question("a\u{0}", "read", "record-1\u{0}"), false),
        ("by address", question("ALICE@example.com", "read", "record-1"), true),
        ("by slug", question("alice", "read", "record-1"), true),
        ("a role", question("alice", "role:editor", "record-1"), true),
        ("exactly that role", question("alice", "role:reader", "record-1"), false),
        ("no role", question("alice", "role:nothing", "record-1"), false),
    ];
    for (name, body, decision) in &rows {
        for _ in 0..2 {
            let answer = post(&world, "evaluation", body).await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            assert_eq!(answer.json, json!({"decision": decision}), "{name}");
        }
    }
    let carol = made(&world, "/v1/users", json!({"username": "carol", "external_id": "c"})).await;
    assert_eq!(post(&world, "evaluation", &question("carol", "read", "record-1")).await.json["decision"], false);
    let place = world.call("GET", "/v1/organizations?external_id=record-1", Value::Null).await;
    let path = format!("/v1/organizations/{}/memberships", place.str("/items/0/id"));
    made(&world, &path, json!({"user_id": carol, "roles": ["reader"]})).await;
    assert_eq!(
        post(&world, "evaluation", &question("carol", "read", "record-1")).await.json["decision"],
        false,
        "people choose their names"
    );
    for id in ["/id", "/ids/clerk", "/ids/box", "/ids/whylabs", "/ids/enhance"] {
        let carol = world.call("GET", &format!("/v1/users/{carol}"), Value::Null).await;
        let body = question(carol.str(id), "read", place.str(&format!("/items/0{id}")));
        assert_eq!(post(&world, "evaluation", &body).await.json["decision"], true, "{id}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let world = fixture().await;
    let read = question("alice", "read", "record-1");
    let rows = [
        (without(read.clone(), "/subject"), "subject is missing"),
        (without(read.clone(), "/action"), "action is missing"),
        (without(read.clone(), "/resource"), "resource is missing"),
        (without(read.clone(), "/subject/type"), "subject.type is missing"),
        (without(read.clone(), "/subject/id"), "subject.id is missing"),
        (without(read.clone(), "/resource/type"), "resource.type is missing"),
        (without(read.clone(), "/resource/id"), "resource.id is missing"),
        (without(read.clone(), "/action/name"), "action.name is missing"),
        (with(read.clone(), "/subject/id", Value::Null), "subject.id is missing"),
        (with(read.clone(), "/subject/id", json!(5)), "subject.id must be a string"),
        (with(read.clone(), "/subject/type", json!([])), "subject.type must be a string"),
        (with(read.clone(), "/subject", json!("alice")), "subject must be an object"),
        (with(read.clone(), "/action", json!([])), "action must be an object"),
        (with(read.clone(), "/resource", json!(1)), "resource must be an object"),
        (with(read.clone(), "/action/name", json!({})), "action.name must be a string"),
        (with(read.clone(), "/subject/properties", json!([])), "subject.properties must be an object"),
        (with(read.clone(), "/action/properties", json!("x")), "action.properties must be an object"),
        (with(read.clone(), "/resource/properties", json!(true)), "resource.properties must be an object"),
        (with(read.clone(), "/context", json!([])), "context must be an object"),
        (with(read.clone(), "/context", json!({"roster": 1})), "context.roster must be an object"),
        (
            with(read.clone(), "/context", json!({"roster": {"explain": 1}})),
            "context.roster.explain must be true or false",
        ),
        (with(read.clone(), "/subject/id", json!("x".repeat(1025))), "subject.id must be at most 1024 bytes long"),
    ];
    for (body, said) in &rows {
        let answer = post(&world, "evaluation", body).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (400, *said));
    }
    let good = read.to_string();
    let bearer = format!("Bearer {KEY}");
    let json_type = ("content-type", "application/json");
    let twice = good.replacen("\"type\":\"user\"", "\"type\":\"user\",\"type\":\"user\"", 1);
    let deep = format!("{{\"context\":{}{}}}", "[".repeat(33), "]".repeat(33));
    for (what, body) in [
        ("nothing", String::new()),
        ("no JSON", "{\"subject\":".into()),
        ("more behind", format!("{good} x")),
        ("a list", "[]".into()),
        ("twice", twice),
        ("too deep", deep),
        ("half a character", good.replace("alice", "\\ud800")),
    ] {
        let answer = send(&world, "evaluation", &[("authorization", &bearer), json_type], body.into_bytes()).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    }
    let bytes = good.replace("alice", "al\u{0}ice").replace('\u{0}', "?").into_bytes();
    let broken = bytes.into_iter().map(|byte| if byte == b'?' { 0xff } else { byte }).collect();
    assert_eq!(send(&world, "evaluation", &[("authorization", &bearer), json_type], broken).await.status, 400);
    for content_type in [None, Some("text/plain"), Some("application/xml"), Some("application/scim+json")] {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(content_type.map(|value| ("content-type", value)));
        let answer = send(&world, "evaluation", &headers, good.clone().into_bytes()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str()),
            (400, "the Content-Type must be application/json")
        );
    }
    let large = with(read.clone(), "/context", json!({"x": "x".repeat(1 << 20)}));
    assert_eq!(post(&world, "evaluation", &large).await.status, 413);
    let unknown_twice = good.replacen('{', "{\"x\":1,\"x\":2,", 1);
    let answer = send(&world, "evaluation", &[("authorization", &bearer), json_type], unknown_twice.into_bytes()).await;
    assert_eq!(answer.json["decision"], true, "what means nothing here may be there twice");
}

#[tokio::test]
async fn transport() {
    let world = fixture().await;
    let body = question("alice", "read", "record-1").to_string().into_bytes();
    for endpoint in ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"] {
        // The key is checked before everything else.
        let answer =
            send(&world, endpoint, &[("x-request-id", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716")], b"{".to_vec()).await;
        assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, Some("Bearer realm=\"roster\"")));
        assert_eq!(answer.header("x-request-id"), Some("bfe9eb29-ab87-4ca3-be83-a1d5d8305716"));
        for key in ["Bearer nothing-that-we-know", "Basic abc", "Bearer"] {
            assert_eq!(send(&world, endpoint, &[("authorization", key)], body.clone()).await.status, 401);
        }
        for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
            let request = Request::builder().method(method).uri(format!("/access/v1/{endpoint}"));
            let request = request.header("authorization", format!("Bearer {KEY}")).header("x-request-id", "a");
            let answer = world.send(request.body(Body::empty()).expect("a request")).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("POST")));
            assert_eq!(answer.header("x-request-id"), Some("a"));
        }
    }
    let answer = post(&world, "nothing", &json!({})).await;
    assert_eq!(answer.status, 404);
    assert!(post(&world, "evaluation", &json!({})).await.header("x-request-id").is_some());
}

#[tokio::test]
async fn the_request_id_comes_back_byte_for_byte() {
    let world = fixture().await;
    let bearer = format!("Bearer {KEY}");
    let good = question("alice", "read", "record-1").to_string().into_bytes();
    let (broken, large) = (b"{".to_vec(), vec![b' '; (1 << 20) + 1]);
    let long = "x".repeat(1024);
    for id in ["a", "two words; \"quoted\"=1", &long] {
        let rows = [(&*bearer, &good, 200), (&*bearer, &broken, 400), ("Basic x", &good, 401), (&*bearer, &large, 413)];
        for (key, body, status) in rows {
            let headers = [("authorization", key), ("content-type", "application/json"), ("x-request-id", id)];
            let answer = send(&world, "evaluation", &headers, body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.header("x-request-id")), (status, Some(id)));
        }
        let request = Request::get("/access/v1/evaluation").header("authorization", &bearer).header("x-request-id", id);
        let answer = world.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-request-id")), (405, Some(id)));
    }
}

/// Whoever can choose a name must not be able to pose as somebody, or something, already known by it.
#[tokio::test]
async fn a_name_that_leads_to_two_means_nobody() {
    let world = fixture().await;
    let reason = async |who: &str, what: &str| {
        let body = with(question(who, "write", what), "/context", json!({"roster": {"explain": true}}));
        let reason = post(&world, "evaluation", &body).await.str("/context/roster/reason").to_owned();
        // The names in a batch are looked up together, with the same result.
        let batch = json!({"evaluations": [question("zoe", "write", "nowhere"), body, question(who, "read", "own")]});
        let answer = post(&world, "evaluations", &batch).await;
        assert_eq!(answer.str("/evaluations/1/context/roster/reason"), reason, "{who} at {what}");
        reason
    };
    let editor = async |place: &str, body: Value| {
        let user = made(&world, "/v1/users", body).await;
        let path = format!("/v1/organizations/{place}/memberships");
        made(&world, &path, json!({"user_id": user, "roles": ["editor"]})).await;
        user
    };
    let call_it = async |place: &str, external_id: Option<&str>| {
        let path = format!("/v1/organizations/{place}");
        assert_eq!(world.call("PATCH", &path, json!({"external_id": external_id})).await.status, 200);
    };
    let theirs = made(&world, "/v1/organizations", json!({"name": "theirs"})).await;
    let own = made(&world, "/v1/organizations", json!({"name": "own"})).await;
    let ann = editor(&theirs, json!({"external_id": "ann", "email": "ann@example.com"})).await;
    let mallory = editor(&own, json!({"external_id": "mallory"})).await;
    assert_eq!((reason("ann", "theirs").await, reason("mallory", "own").await), ("granted".into(), "granted".into()));

    // An external id that is another organization's slug.
    call_it(&own, Some("theirs")).await;
    for who in ["ann", "mallory"] {
        assert_eq!(reason(who, "theirs").await, "unknown_resource", "{who}");
    }
    let both = json!({"evaluations": [question("mallory", "write", "theirs"), question("mallory", "write", "own")]});
    let answer = post(&world, "evaluations", &both).await;
    assert_eq!(answer.json["evaluations"], json!([{"decision": false}, {"decision": true}]));
    let writers = json!({"subject": {"type": "user"}, "action": {"name": "write"}, "resource": record("theirs")});
    assert_eq!(post(&world, "search/subject", &writers).await.json["page"]["total"], 0);
    // Ids generated by Roster are never ambiguous.
    assert_eq!((reason("ann", &theirs).await, reason(&ann, &theirs).await), ("granted".into(), "granted".into()));
    assert_eq!(reason(&mallory, &own).await, "granted");
    // External id and slug lead to the same organization.
    call_it(&own, Some("own")).await;
    assert_eq!((reason("ann", "theirs").await, reason("mallory", "own").await), ("granted".into(), "granted".into()));

    // An external id that is another organization's alias.
    let brought = NewOrganization {
        name: "brought".into(),
        alias: Some((Dialect::Clerk, "org_elsewhere".into())),
        ..NewOrganization::default()
    };
    let brought = world.operator().await.create_organization(brought).await.expect("an organization").id.native();
    editor(&brought, json!({"external_id": "bea"})).await;
    assert_eq!(reason("bea", "org_elsewhere").await, "granted");
    call_it(&own, Some("org_elsewhere")).await;
    for who in ["bea", "mallory"] {
        assert_eq!(reason(who, "org_elsewhere").await, "unknown_resource", "{who}");
    }
    call_it(&own, None).await;
    assert_eq!(reason("bea", "org_elsewhere").await, "granted");

    // An external id that is another user's address.
    editor(&own, json!({"external_id": "ann@example.com"})).await;
    for place in [&theirs, &own] {
        assert_eq!(reason("ann@example.com", place).await, "unknown_subject", "{place}");
    }
    let writable =
        json!({"subject": subject("ann@example.com"), "action": {"name": "write"}, "resource": {"type": "record"}});
    assert_eq!(post(&world, "search/resource", &writable).await.json["page"]["total"], 0);
    assert_eq!(reason("ann", &theirs).await, "granted");
    editor(&theirs, json!({"external_id": "zoe@example.com", "email": "zoe@example.com"})).await;
    assert_eq!(reason("zoe@example.com", &theirs).await, "granted");
}

#[tokio::test]
async fn batches() {
    let world = fixture().await;
    let decisions = async |body: Value| {
        let answer = post(&world, "evaluations", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.json.get("decision").is_none());
        let items = answer.json["evaluations"].as_array().expect("a list").clone();
        items.iter().map(|item| item["decision"].as_bool().expect("a decision")).collect::<Vec<_>>()
    };
    let (alice, bob) = (subject("alice"), subject("bob"));
    let action = |name: &str| json!({"action": {"name": name}});
    // c-3-2-1, c-3-2-2, c-3-2-5, c-3-2-6
    let defaults =
        json!({"subject": bob, "resource": record("record-1"), "evaluations": [action("read"), action("write")]});
    assert_eq!(decisions(defaults.clone()).await, [true, false]);
    let whole = json!({"evaluations": [question("alice", "read", "record-1"), question("bob", "write", "record-1")]});
    assert_eq!(decisions(whole).await, [true, false]);
    let context = json!({"context": {"a": 1}, "subject": alice, "action": {"name": "read"}, "evaluations": [
        {"resource": record("record-1"), "context": {"b": 2}}, {"resource": record("record-2")}]});
    assert_eq!(decisions(context).await, [true, true]);
    // c-3-2-3, c-3-2-4, c-3-2-7
    let resources = json!({"subject": alice, "action": {"name": "write"}, "evaluations": [
        {"resource": record("record-1")}, {"resource": with(record("record-2"), "/properties", json!({"status": "archived"}))}]});
    assert_eq!(decisions(resources).await, [true, false]);
    let subjects = json!({"action": {"name": "write"}, "resource": record("record-2"), "evaluations": [
        {"subject": alice}, {"subject": with(bob.clone(), "/properties", json!({"role": "admin"}))}]});
    assert_eq!(decisions(subjects).await, [false, true]);
    let empty = json!({"subject": alice, "action": {"name": "write"}, "resource": record("record-1"),
        "evaluations": [{}, {"resource": record("record-2")}]});
    assert_eq!(decisions(empty).await, [true, false]);
    // Objects are replaced, not merged: the item's subject has no type.
    let halves = json!({"subject": alice, "action": {"name": "read"}, "resource": record("record-1"),
        "evaluations": [{"subject": {"id": "alice"}}, {}, {"action": {"name": 5}}, {"resource": {"type": "record", "id": "record-1", "properties": []}}]});
    let answer = post(&world, "evaluations", &halves).await;
    let said = |number: usize| answer.json["evaluations"][number]["context"]["error"].clone();
    assert_eq!(said(0), json!({"status": 400, "message": "evaluations[0].subject.type is missing"}));
    assert_eq!(answer.json["evaluations"][1], json!({"decision": true}));
    assert_eq!(said(2)["message"], "evaluations[2].action.name must be a string");
    assert_eq!(said(3)["message"], "evaluations[3].resource.properties must be an object");
    // c-3-4: without a list it is a single evaluation.
    for list in [json!([]), Value::Null] {
        let one = with(question("alice", "read", "record-1"), "/evaluations", list);
        assert_eq!(post(&world, "evaluations", &one).await.json, json!({"decision": true}));
    }
    assert_eq!(post(&world, "evaluations", &json!({"evaluations": []})).await.text(), "subject is missing");

    let semantic = async |name: &str, names: [&str; 4]| {
        let items: Vec<_> = names.into_iter().map(action).collect();
        let body = json!({"subject": alice, "resource": record("record-1"), "evaluations": items,
            "options": {"evaluations_semantic": name, "another": 1}});
        decisions(body).await
    };
    assert_eq!(semantic("execute_all", ["read", "fly", "write", "fly"]).await, [true, false, true, false]);
    assert_eq!(semantic("deny_on_first_deny", ["read", "fly", "write", "fly"]).await, [true, false]);
    assert_eq!(semantic("deny_on_first_deny", ["read", "read", "read", "read"]).await, [true; 4]);
    assert_eq!(semantic("permit_on_first_permit", ["fly", "fly", "write", "fly"]).await, [false, false, true]);
    assert_eq!(semantic("permit_on_first_permit", ["fly", "fly", "fly", "fly"]).await, [false; 4]);
    let many = |count: usize| with(defaults.clone(), "/evaluations", vec![action("read"); count].into());
    assert_eq!(decisions(many(1000)).await, vec![true; 1000]);
    for (body, said) in [
        (many(1001), "evaluations has more than 1000 entries"),
        (with(defaults.clone(), "/evaluations", json!([action("read"), 5])), "evaluations[1] must be an object"),
        (with(defaults.clone(), "/evaluations", json!({})), "evaluations must be a list"),
        (with(defaults.clone(), "/options", json!([])), "options must be an object"),
        (with(defaults.clone(), "/subject", json!({"type": 5})), "subject.type must be a string"),
        (
            with(defaults.clone(), "/options", json!({"evaluations_semantic": "some"})),
            "options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit",
        ),
        (
            with(defaults.clone(), "/options", json!({"evaluations_semantic": 1})),
            "options.evaluations_semantic must be a string",
        ),
    ] {
        let answer = post(&world, "evaluations", &body).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (400, said));
    }
}

fn ids(answer: &Answer, name: &str) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let results = answer.json["results"].as_array().expect("results");
    results.iter().map(|result| result[name].as_str().expect("text").to_owned()).collect()
}

#[tokio::test]
async fn searches() {
    let world = fixture().await;
    let wanted = |kind: &str| json!({"type": kind});
    let subjects = json!({"subject": wanted("user"), "action": {"name": "read"}, "resource": record("record-1")});
    let answer = post(&world, "search/subject", &subjects).await;
    let page = json!({"next_token": "", "count": 2, "total": 2});
    assert_eq!(answer.json, json!({"page": page, "results": [subject("alice"), subject("bob")]}));
    assert!(answer.text().starts_with("{\"page\":"), "the page comes first");
    for id in [json!("ignored"), json!(5), json!({})] {
        let body = with(subjects.clone(), "/subject/id", id);
        assert_eq!(post(&world, "search/subject", &body).await.json, answer.json);
    }
    let writers = with(with(subjects.clone(), "/action/name", json!("write")), "/resource", record("record-2"));
    assert_eq!(ids(&post(&world, "search/subject", &writers).await, "id"), ["bob"]);

    let resources = json!({"subject": subject("alice"), "action": {"name": "write"}, "resource": wanted("record")});
    let answer = post(&world, "search/resource", &resources).await;
    assert_eq!(answer.json["results"], json!([record("record-1")]));
    let both = with(resources.clone(), "/action/name", json!("read"));
    assert_eq!(ids(&post(&world, "search/resource", &both).await, "id"), ["record-1", "record-2"]);

    let actions = json!({"subject": subject("alice"), "resource": record("record-1"), "action": 5});
    let answer = post(&world, "search/action", &actions).await;
    assert_eq!(answer.json["results"], json!([{"name": "delete:soft"}, {"name": "read"}, {"name": "write"}]));
    let roles = with(actions.clone(), "/context", json!({"roster": {"roles": true}}));
    assert_eq!(ids(&post(&world, "search/action", &roles).await, "name")[3..], ["role:editor"]);

    // c-4-6
    let none = json!({"page": {"next_token": "", "count": 0, "total": 0}, "results": []});
    for (endpoint, body) in [
        ("search/subject", with(subjects.clone(), "/resource/id", json!("record-9"))),
        ("search/subject", with(subjects.clone(), "/subject/type", json!("robot"))),
        ("search/subject", with(subjects.clone(), "/action/name", json!("fly"))),
        ("search/resource", with(resources.clone(), "/subject/id", json!("nobody"))),
        ("search/resource", with(resources.clone(), "/resource/type", json!("robot"))),
        ("search/action", with(actions.clone(), "/subject/id", json!("nobody"))),
        ("search/action", with(actions.clone(), "/resource/type", json!("robot"))),
    ] {
        assert_eq!(post(&world, endpoint, &body).await.json, none, "{endpoint} {body}");
    }
    // c-4-7
    for (endpoint, body, said) in [
        ("search/subject", without(subjects.clone(), "/subject"), "subject is missing"),
        ("search/subject", without(subjects.clone(), "/subject/type"), "subject.type is missing"),
        ("search/subject", without(subjects.clone(), "/action"), "action is missing"),
        ("search/subject", without(subjects.clone(), "/resource/id"), "resource.id is missing"),
        ("search/resource", without(resources.clone(), "/subject/id"), "subject.id is missing"),
        ("search/resource", without(resources.clone(), "/resource/type"), "resource.type is missing"),
        ("search/action", without(actions.clone(), "/subject/id"), "subject.id is missing"),
        ("search/action", without(actions.clone(), "/resource"), "resource is missing"),
        ("search/subject", with(subjects.clone(), "/page", json!([])), "page must be an object"),
        (
            "search/subject",
            with(subjects.clone(), "/page", json!({"properties": 1})),
            "page.properties must be an object",
        ),
        ("search/action", with(actions.clone(), "/page", json!({"token": 1})), "page.token must be a string"),
    ] {
        let answer = post(&world, endpoint, &body).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (400, said));
    }
    let formats = [
        ("native", "usr_"),
        ("clerk", "user_"),
        ("whylabs", "user-"),
        ("enhance", "526f7374-"),
        ("email", "alice@example.com"),
    ];
    for (format, beginning) in formats {
        let body = with(subjects.clone(), "/context", json!({"roster": {"id_format": format}}));
        let found = ids(&post(&world, "search/subject", &body).await, "id");
        assert!(found[0].starts_with(beginning), "{format}: {found:?}");
    }
    let slugs = with(resources.clone(), "/context", json!({"roster": {"id_format": "slug"}}));
    assert_eq!(ids(&post(&world, "search/resource", &slugs).await, "id"), ["record-1"]);
    let odd = with(resources.clone(), "/context", json!({"roster": {"id_format": "roman"}}));
    assert_eq!(post(&world, "search/resource", &odd).await.status, 400);
    // The same under another type name, with native ids.
    let plain = with(resources, "/resource/type", json!("organization"));
    assert!(ids(&post(&world, "search/resource", &plain).await, "id")[0].starts_with("org_"));
}

#[tokio::test]
async fn pages() {
    let world = fixture().await;
    let endpoints = [
        (
            "search/subject",
            json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": record("record-1")}),
            "id",
            2,
        ),
        (
            "search/resource",
            json!({"subject": subject("alice"), "action": {"name": "read"}, "resource": {"type": "record"}}),
            "id",
            2,
        ),
        (
            "search/action",
            json!({"subject": subject("alice"), "resource": record("record-1"), "context": {"roster": {"roles": true}}}),
            "name",
            4,
        ),
    ];
    let mut tokens = Vec::new();
    for (endpoint, body, name, total) in &endpoints {
        let whole = ids(&post(&world, endpoint, body).await, name);
        let (mut found, mut page) = (Vec::new(), json!({"limit": 1}));
        loop {
            let answer = post(&world, endpoint, &with(body.clone(), "/page", page.clone())).await;
            assert_eq!(answer.json["page"]["total"], *total);
            assert_eq!(answer.json["page"]["count"], 1);
            found.extend(ids(&answer, name));
            let next = answer.str("/page/next_token").to_owned();
            if next.is_empty() {
                break;
            }
            assert!(next.len() <= 512);
            tokens.push((*endpoint, body.clone(), next.clone()));
            // The first page's limit still applies.
            page = json!({"token": next});
        }
        assert_eq!(found, whole, "each once, and no empty page at the end");

        let count = post(&world, endpoint, &with(body.clone(), "/page", json!({"limit": 0}))).await;
        assert_eq!(
            (count.json["page"]["count"].as_i64(), count.json["page"]["total"].as_i64()),
            (Some(0), Some(*total))
        );
        let token = count.str("/page/next_token").to_owned();
        assert!(!token.is_empty());
        let again = post(&world, endpoint, &with(body.clone(), "/page", json!({"token": token}))).await;
        assert_eq!(again.str("/page/next_token"), token);
        for limit in [json!(5000), json!(1000), json!(10.0)] {
            assert_eq!(
                ids(&post(&world, endpoint, &with(body.clone(), "/page", json!({"limit": limit}))).await, name),
                whole
            );
        }
        for limit in [json!(-1), json!(1.5), json!("1"), json!(9_007_199_254_740_993_u64), json!(1e300)] {
            let answer = post(&world, endpoint, &with(body.clone(), "/page", json!({"limit": limit}))).await;
            assert_eq!((answer.status.as_u16(), answer.text().starts_with("page.limit ")), (400, true), "{limit}");
        }
    }
    let refused = async |endpoint: &str, body: Value| {
        let answer = post(&world, endpoint, &body).await;
        assert_eq!(answer.status, 400, "{endpoint} {body}: {}", answer.text());
    };
    for (endpoint, body, token) in &tokens {
        let next = with(body.clone(), "/page", json!({"token": token}));
        assert_eq!(post(&world, endpoint, &next).await.status, 200);
        assert_eq!(post(&world, endpoint, &with(next.clone(), "/page/limit", json!(1))).await.status, 200);
        refused(endpoint, with(next.clone(), "/page/limit", json!(2))).await;
        refused(endpoint, with(next.clone(), "/context", json!({"other": 1}))).await;
        for (other, _, _) in tokens.iter().filter(|(other, ..)| other != endpoint) {
            let body =
                endpoints.iter().find(|(name, ..)| name == other).map(|(_, body, ..)| body.clone()).expect("there");
            refused(other, with(body, "/page", json!({"token": token}))).await;
        }
        for place in [0, token.len() / 2, token.len() - 2] {
            let mut altered = token.clone();
            altered.replace_range(place..=place, if &token[place..=place] == "A" { "B" } else { "A" });
            refused(endpoint, with(body.clone(), "/page", json!({"token": altered}))).await;
        }
        for garbage in ["", "x", "%%%", &"A".repeat(600), &"A".repeat(100)] {
            refused(endpoint, with(body.clone(), "/page", json!({"token": garbage}))).await;
        }
    }
    let (endpoint, body, token) = &tokens[0];
    // The id of what is searched for isn't compared; everything else is.
    let next = with(with(body.clone(), "/page", json!({"token": token})), "/subject/id", json!("other"));
    assert_eq!(post(&world, endpoint, &next).await.status, 200);
    refused(endpoint, with(next.clone(), "/action/name", json!("write"))).await;
    refused(endpoint, with(next, "/resource/id", json!("record-2"))).await;
    // A page token isn't valid in another realm.
    let (_, foreign) = world.engine.create_realm("other").await.expect("a realm");
    let there = post_as(&world, &foreign, endpoint, &with(body.clone(), "/page", json!({"token": token}))).await;
    assert_eq!(there.status, 400);
}

#[tokio::test]
async fn reasons_are_told_who_asks_for_them() {
    let world = fixture().await;
    let place = made(&world, "/v1/organizations", json!({"name": "top", "external_id": "top"})).await;
    let below =
        made(&world, "/v1/organizations", json!({"name": "below", "external_id": "below", "parent_id": place})).await;
    let carol = made(&world, "/v1/users", json!({"external_id": "carol", "email": "carol@example.com"})).await;
    made(&world, "/v1/users", json!({"external_id": "dave", "email": "dave@example.com", "status": "inactive"})).await;
    let path = format!("/v1/organizations/{place}/memberships");
    let membership = made(&world, &path, json!({"user_id": carol, "roles": ["admin", "member"]})).await;
    made(&world, &format!("/v1/organizations/{below}/memberships"), json!({"user_id": carol, "roles": ["viewer"]}))
        .await;
    let ask = async |who: &str, action: &str, what: &str| {
        let body = with(question(who, action, what), "/context", json!({"roster": {"explain": true, "else": 1}}));
        post(&world, "evaluation", &body).await.json
    };
    let via = json!({"membership_id": membership, "organization_id": place, "role": "admin", "inherited": true, "distance": 1});
    let granted = json!({"decision": true, "context": {"roster": {"reason": "granted", "via": via}}});
    assert_eq!(ask("carol", "memberships:write", "below").await, granted);
    let here = ask("carol", "memberships:read", "below").await;
    assert_eq!(here["context"]["roster"]["via"]["distance"], 0, "the nearest counts");
    assert_eq!(
        ask("carol", "role:member", "below").await["context"]["roster"]["reason"],
        "no_grant",
        "it doesn't reach down"
    );
    // The native API gives the same answer to the same question.
    let native = world
        .call(
            "POST",
            "/v1/check",
            json!({"user_id": carol, "organization_id": below, "permission": "memberships:write"}),
        )
        .await;
    assert_eq!(native.json, json!({"allowed": true, "reason": "granted", "via": via}));
    made(
        &world,
        &format!("/v1/organizations/{place}/invitations"),
        json!({"email": "alice@example.com", "roles": ["admin"]}),
    )
    .await;
    for (who, action, what, reason) in [
        ("nobody", "read", "record-1", "unknown_subject"),
        ("dave", "fly", "record-9", "subject_inactive"),
        ("alice", "fly", "record-9", "unknown_resource"),
        ("alice", "fly", "record-1", "unknown_action"),
        ("alice", "role:fly", "record-1", "unknown_action"),
        ("alice", "read", "top", "membership_pending"),
        ("alice", "read", "below", "membership_pending"),
        ("bob", "read", "below", "no_membership"),
        ("bob", "write", "record-1", "no_grant"),
    ] {
        let expected = json!({"decision": false, "context": {"roster": {"reason": reason}}});
        assert_eq!(ask(who, action, what).await, expected, "{who} {action} {what}");
    }
    let odd = json!({"subject": {"type": "robot", "id": "x"}, "action": {"name": "x"}, "resource": record("x"),
        "context": {"roster": {"explain": true}}});
    assert_eq!(post(&world, "evaluation", &odd).await.json["context"]["roster"]["reason"], "unknown_type");
    // Changes take effect with the next request.
    world.call("PATCH", &format!("/v1/users/{carol}"), json!({"status": "inactive"})).await;
    assert_eq!(ask("carol", "memberships:write", "below").await["context"]["roster"]["reason"], "subject_inactive");
    world.call("PATCH", &format!("/v1/users/{carol}"), json!({"status": "active"})).await;
    assert_eq!(ask("carol", "memberships:write", "below").await, granted);
    world.call("DELETE", &format!("/v1/organizations/{place}?subtree=true"), Value::Null).await;
    assert_eq!(ask("carol", "memberships:write", "below").await["context"]["roster"]["reason"], "unknown_resource");
}

#[tokio::test]
async fn who_may_ask_about_whom() {
    let world = fixture().await;
    let operator = world.operator().await;
    let id = async |path: &str| world.call("GET", path, Value::Null).await.str("/items/0/id").to_owned();
    let (alice, bob) = (id("/v1/users?external_id=alice").await, id("/v1/users?external_id=bob").await);
    let (first, second) =
        (id("/v1/organizations?external_id=record-1").await, id("/v1/organizations?external_id=record-2").await);
    let of = |user: &str| NewToken { user: Some(user.into()), ..NewToken::new(TokenKind::User) };
    let of_first = NewToken {
        organization: Some((&*first).into()),
        roles: RoleSet::of(RoleNumber::VIEWER),
        ..NewToken::new(TokenKind::Organization)
    };
    let narrow = NewToken { scopes: Some(vec!["organizations:read".into()]), ..of(&alice) };
    let (of_alice, of_first, narrow) =
        (secret(&operator, of(&alice)).await, secret(&operator, of_first).await, secret(&operator, narrow).await);
    let asked = async |key: &str, who: &str, action: &str, what: &str| {
        let body = with(question(who, action, what), "/context", json!({"roster": {"explain": true}}));
        post_as(&world, key, "evaluation", &body).await.json
    };
    let reason = |answer: &Value| answer["context"]["roster"]["reason"].as_str().expect("a reason").to_owned();
    // Users may ask about themselves anywhere; about others, where they may see the members.
    assert_eq!(asked(&of_alice, "alice", "write", "record-1").await["decision"], true);
    assert_eq!(reason(&asked(&of_alice, "alice", "write", "record-2").await), "no_grant");
    assert_eq!(reason(&asked(&of_alice, "bob", "read", "record-1").await), "unknown_subject");
    assert_eq!(asked(&of_alice, "bob", "read", "record-1").await, asked(&of_alice, "nobody", "read", "record-1").await);
    let path = format!("/v1/organizations/{first}/memberships/{alice}");
    world.call("PATCH", &path, json!({"roles": ["editor", "viewer"]})).await;
    assert_eq!(asked(&of_alice, "bob", "read", "record-1").await["decision"], true);
    assert_eq!(reason(&asked(&of_alice, "bob", "read", "record-2").await), "unknown_subject");
    let found = async |key: &str, endpoint: &str, body: Value| {
        let answer = post_as(&world, key, endpoint, &body).await;
        let total = answer.json["page"]["total"].clone();
        let found = ids(&answer, "id");
        assert_eq!(total, found.len());
        found
    };
    let readers =
        |what: &str| json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": record(what)});
    let readable =
        |who: &str| json!({"subject": subject(who), "action": {"name": "read"}, "resource": {"type": "record"}});
    assert_eq!(found(&of_alice, "search/subject", readers("record-1")).await, ["alice", "bob"]);
    assert_eq!(found(&of_alice, "search/subject", readers("record-2")).await, ["alice"], "herself");
    assert_eq!(found(&of_alice, "search/resource", readable("alice")).await, ["record-1", "record-2"]);
    assert_eq!(found(&of_alice, "search/resource", readable("bob")).await, ["record-1"]);
    // An organization's token may ask about its own organization and everything below.
    assert_eq!(asked(&of_first, "bob", "read", "record-1").await["decision"], true);
    assert_eq!(reason(&asked(&of_first, "bob", "read", "record-2").await), "unknown_subject");
    assert_eq!(found(&of_first, "search/subject", readers("record-2")).await, [""; 0]);
    assert_eq!(found(&of_first, "search/resource", readable("bob")).await, ["record-1"]);
    let actions = |what: &str| json!({"subject": subject("bob"), "resource": record(what)});
    assert_eq!(ids(&post_as(&world, &of_first, "search/action", &actions("record-1")).await, "name"), ["read"]);
    assert_eq!(post_as(&world, &of_first, "search/action", &actions("record-2")).await.json["page"]["total"], 0);
    // A key whose scopes don't allow such questions.
    let odd = json!({"subject": {"type": "robot", "id": "x"}, "action": {"name": "x"}, "resource": record("x")});
    for (endpoint, body) in [
        ("evaluation", question("alice", "read", "record-1")),
        ("evaluation", odd),
        ("search/subject", readers("record-1")),
        ("search/action", actions("record-1")),
    ] {
        assert_eq!(post_as(&world, &narrow, endpoint, &body).await.status, 403, "{endpoint}");
    }
    // To another realm's key, this realm's entities look exactly like ones that don't exist.
    let (_, foreign) = world.engine.create_realm("other").await.expect("a realm");
    let here = asked(&foreign, &alice, "memberships:read", &first).await;
    assert_eq!(here, asked(&foreign, "usr_00000000000", "memberships:read", "org_00000000000").await);
    assert_eq!(reason(&here), "unknown_subject");
    assert!(!bob.is_empty() && !second.is_empty() && operator.realm_id().native().starts_with("rlm_"));
}

#[tokio::test]
async fn of_what_another_reaches_is_told_what_the_asker_may_see() {
    let world = fixture().await;
    let operator = world.operator().await;
    let user = async |name: &str| made(&world, "/v1/users", json!({"external_id": name})).await;
    let (carol, dave, eve) = (user("carol").await, user("dave").await, user("eve").await);
    let place = async |name: &str, parent: Option<&str>| {
        made(&world, "/v1/organizations", json!({"name": name, "external_id": name, "parent_id": parent})).await
    };
    let top = place("top", None).await;
    let left = place("left", Some(&top)).await;
    let right = place("right", Some(&top)).await;
    let deep = place("deep", Some(&left)).await;
    let known = async |name: &str| {
        let found = world.call("GET", &format!("/v1/organizations?external_id={name}"), Value::Null).await;
        found.str("/items/0/id").to_owned()
    };
    let (first, second) = (known("record-1").await, known("record-2").await);
    let member = async |place: &str, user: &str, role: &str| {
        let path = format!("/v1/organizations/{place}/memberships");
        made(&world, &path, json!({"user_id": user, "roles": [role]})).await
    };
    // A whole tree, and one organization beside it.
    member(&top, &carol, "admin").await;
    member(&first, &carol, "viewer").await;
    for place in [&deep, &right, &second, &first] {
        member(place, &dave, "viewer").await;
    }
    let of = |user: &str| NewToken { user: Some(user.into()), ..NewToken::new(TokenKind::User) };
    let of_left = NewToken {
        organization: Some((&*left).into()),
        roles: RoleSet::of(RoleNumber::VIEWER),
        ..NewToken::new(TokenKind::Organization)
    };
    let (of_dave, of_eve) = (secret(&operator, of(&dave)).await, secret(&operator, of(&eve)).await);
    let of_left = secret(&operator, of_left).await;
    let reached =
        |action: &str| json!({"subject": subject("carol"), "action": {"name": action}, "resource": {"type": "record"}});
    let (reading, by_role) = (reached("memberships:read"), reached("role:viewer"));
    for (key, body, wanted) in [
        (KEY, &reading, &["record-1", "top", "left", "right", "deep"][..]),
        (&of_dave, &reading, &["record-1", "right", "deep"]),
        (&of_dave, &by_role, &["record-1"]),
        (&of_left, &reading, &["left", "deep"]),
        (&of_left, &by_role, &[]),
        (&of_eve, &reading, &[]),
    ] {
        let whole = post_as(&world, key, "search/resource", body).await;
        assert_eq!(ids(&whole, "id"), wanted, "{body}");
        let (mut found, mut page) = (Vec::new(), json!({"limit": 1}));
        loop {
            let answer = post_as(&world, key, "search/resource", &with(body.clone(), "/page", page)).await;
            assert_eq!(answer.json["page"]["total"], wanted.len());
            found.extend(ids(&answer, "id"));
            match answer.str("/page/next_token") {
                "" => break,
                next => page = json!({"token": next}),
            }
        }
        assert_eq!(found, wanted, "{body}");
    }
}

/// A search finds exactly those who would pass a check, also for a caller who is limited to one membership.
#[tokio::test]
async fn who_came_by_a_link_is_found_by_that_membership_alone() {
    let world = fixture().await;
    let operator = world.operator().await;
    let known = async |name: &str| {
        let found = world.call("GET", &format!("/v1/users?external_id={name}"), Value::Null).await;
        found.str("/items/0/id").to_owned()
    };
    let (alice, bob) = (known("alice").await, known("bob").await);
    let carol = made(&world, "/v1/users", json!({"external_id": "carol"})).await;
    let top = made(&world, "/v1/organizations", json!({"name": "top", "external_id": "top"})).await;
    let below = json!({"name": "below", "external_id": "below", "parent_id": top});
    let below = made(&world, "/v1/organizations", below).await;
    for (place, user, role) in
        [(&below, &alice, "admin"), (&top, &bob, "admin"), (&below, &bob, "member"), (&below, &carol, "admin")]
    {
        let path = format!("/v1/organizations/{place}/memberships");
        made(&world, &path, json!({"user_id": user, "roles": [role]})).await;
    }
    let link = format!("/v1/organizations/{below}/memberships/{bob}/login-link");
    let link = world.call("POST", &link, Value::Null).await;
    let body = Body::from(json!({"secret": link.str("/secret")}).to_string());
    let opened = world.send(Request::post("/v1/links:use").body(body).expect("a request")).await;
    assert_eq!(opened.status, 201, "{}", opened.text());
    let by_link = opened.str("/secret");
    let of_bob = NewToken { user: Some((&*bob).into()), ..NewToken::new(TokenKind::User) };
    let of_bob = secret(&operator, of_bob).await;
    for (key, action, wanted) in [
        (by_link, "memberships:write", &["alice", "carol"][..]),
        (by_link, "memberships:read", &["alice", "bob", "carol"]),
        (&of_bob, "memberships:write", &["alice", "bob", "carol"]),
    ] {
        let body = json!({"subject": {"type": "user"}, "action": {"name": action}, "resource": record("below")});
        let (mut found, mut page) = (Vec::new(), json!({"limit": 1}));
        loop {
            let answer = post_as(&world, key, "search/subject", &with(body.clone(), "/page", page)).await;
            assert_eq!(answer.json["page"]["total"], wanted.len(), "{action}");
            found.extend(ids(&answer, "id"));
            match answer.str("/page/next_token") {
                "" => break,
                next => page = json!({"token": next}),
            }
        }
        assert_eq!(found, wanted, "{action}");
        for who in ["alice", "bob", "carol"] {
            let answer = post_as(&world, key, "evaluation", &question(who, action, "below")).await;
            assert_eq!(answer.json["decision"], wanted.contains(&who), "{who} {action}");
        }
    }
}

#[tokio::test]
async fn discovery() {
    let get = async |world: &World, path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        world.send(request.body(Body::empty()).expect("a request")).await
    };
    let path = "/.well-known/authzen-configuration";
    let world = World::with_names(Names::default(), Some("https://pdp.example.com")).await;
    let answer = get(&world, path, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
    let base = "https://pdp.example.com";
    let expected = json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
        "search_subject_endpoint": format!("{base}/access/v1/search/subject"),
        "search_resource_endpoint": format!("{base}/access/v1/search/resource"),
        "search_action_endpoint": format!("{base}/access/v1/search/action"),
    });
    assert_eq!(answer.json, expected);
    let spoofed = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example;proto=http"),
    ];
    assert_eq!(get(&world, path, &spoofed).await.bytes, answer.bytes);
    let head = world.send(Request::head(path).body(Body::empty()).expect("a request")).await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    let posted = world.send(Request::post(path).body(Body::empty()).expect("a request")).await;
    assert_eq!((posted.status.as_u16(), posted.header("allow")), (405, Some("GET,HEAD")));
    assert_eq!(posted.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(get(&world, &format!("{path}/roster"), &[]).await.status, 404);
    let world = World::with_names(Names::default(), Some("https://example.com/roster")).await;
    let answer = get(&world, &format!("{path}/roster"), &[]).await;
    assert_eq!(answer.str("/access_evaluation_endpoint"), "https://example.com/roster/access/v1/evaluation");
    assert_eq!(get(&world, path, &[]).await.json, answer.json);
}
