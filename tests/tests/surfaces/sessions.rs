//! What every surface makes of people who log in, and of organizations that are marked as deleted.

use axum::body::Body;
use http::Request;
use roster_engine::{EntityId as _, Form};
use roster_tests::operations::{Fixture, PASSWORD};
use roster_tests::world::{KEY, request};
use roster_tests::{Answer, World};
use serde_json::{Value, json};

async fn ask(world: &World, key: &str, method: &str, path: &str) -> Answer {
    let (name, value) = if path.starts_with("/whylabs") {
        ("x-api-key", key.to_owned())
    } else {
        ("authorization", format!("Bearer {key}"))
    };
    let request = Request::builder().method(method).uri(path).header(name, value).body(Body::empty());
    world.send(request.expect("a request")).await
}

/// A session's key, by the native API.
async fn log_in(world: &World, name: &str) -> (String, String) {
    let body = json!({"email": format!("{name}@EXAMPLE.com"), "password": PASSWORD});
    let request = Request::post("/v1/sessions").header("content-type", "application/json");
    let answer = world.send(request.body(Body::from(body.to_string())).expect("a request")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    (answer.str("/id").to_owned(), answer.str("/secret").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_opens_every_surface_until_it_ends() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let path = format!("/v1/organizations/{}/memberships/{}", fixture.account.id.native(), fixture.bob.id.native());
    world.call("PATCH", &path, json!({"roles": ["admin"]})).await;
    let (id, key) = log_in(&world, "bob").await;
    let group = Form::Box.show(fixture.account.id).expect("a form");
    let organization = fixture.account.id.native();
    let clerk = Form::Clerk.show(fixture.account.id).expect("a form");
    let doors = [
        format!("/v1/organizations/{organization}/memberships"),
        format!("/clerk/v1/organizations/{clerk}/memberships"),
        format!("/box/2.0/groups/{group}/memberships"),
        format!("/whylabs/v0/organizations/{organization}/membership"),
    ];
    for door in &doors {
        let answer = ask(&world, &key, "GET", door).await;
        assert_eq!(answer.status, 200, "{door}: {}", answer.text());
    }
    let shown = ask(&world, &key, "GET", "/v1/sessions/current").await;
    assert_eq!((shown.str("/id"), shown.str("/user_id")), (id.as_str(), fixture.bob.id.native().as_str()));
    assert!(shown.json.get("secret").is_none());
    assert_eq!(ask(&world, &key, "DELETE", "/v1/sessions/current").await.status, 204);
    for door in &doors {
        let answer = ask(&world, &key, "GET", door).await;
        assert!(matches!(answer.status.as_u16(), 401 | 403), "{door}: {}", answer.text());
    }
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_opened_once_natively() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let member = format!("/v1/organizations/{}/memberships/{}", fixture.account.id.native(), fixture.bob.id.native());
    let link = world.call("POST", &format!("{member}/login-link"), Value::Null).await;
    assert_eq!(link.status, 201, "{}", link.text());
    let secret = json!({"secret": link.str("/secret")});
    let open = async || {
        let request = Request::post("/v1/links:use").body(Body::from(secret.to_string())).expect("a request");
        world.send(request).await
    };
    let opened = open().await;
    assert_eq!(opened.status, 201, "{}", opened.text());
    assert_eq!(opened.str("/organization_id"), fixture.account.id.native());
    assert_eq!(open().await.status, 401);
    let removed = world.call("DELETE", &member, Value::Null).await;
    assert_eq!(removed.status, 204, "{}", removed.text());
    assert_eq!(ask(&world, opened.str("/secret"), "GET", "/v1/users/me").await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_suspended_by_a_directory_has_no_link_to_where_he_is() {
    let world = World::new().await;
    let made = async |path: &str, body: Value| {
        let answer = world.call("POST", path, body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer
    };
    let place = made("/v1/organizations", json!({"name": "Acme"})).await.str("/id").to_owned();
    let body = json!({"kind": "organization", "organization_id": place, "roles": ["admin"], "name": "directory"});
    let token = made("/v1/tokens", body).await;
    // Bob's home is the realm; as a member of the organization, Bob is also visible to its directory.
    let bob = json!({"userName": "bob@example.com", "emails": [{"value": "bob@example.com", "primary": true}]});
    let id = made("/scim/v2/Users", bob.clone()).await.str("/id").to_owned();
    let members = format!("/v1/organizations/{place}/memberships");
    made(&members, json!({"user_id": id, "roles": ["member"]})).await;
    let link = format!("{members}/{id}/login-link");
    let issued = made(&link, Value::Null).await;
    let active = async |active: bool| {
        let operation = json!({"Operations": [{"op": "replace", "path": "active", "value": active}]});
        let answer = world.call_as(token.str("/secret"), "PATCH", &format!("/scim/v2/Users/{id}"), operation).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    active(false).await;
    let refused = world.call("POST", &link, Value::Null).await;
    assert_eq!((refused.status.as_u16(), refused.str("/field")), (422, "user_id"), "{}", refused.text());
    let open = async || {
        let secret = json!({"secret": issued.str("/secret")}).to_string();
        world.send(Request::post("/v1/links:use").body(Body::from(secret)).expect("a request")).await
    };
    assert_eq!(open().await.status, 401);
    active(true).await;
    assert_eq!(open().await.status, 201);
    made(&link, Value::Null).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_a_link_makes_no_lasting_key_as_another_either() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let members = format!("/v1/organizations/{}/memberships", world.operator().await.root().native());
    let (bob, eve) = (fixture.bob.id.native(), fixture.eve.id.native());
    let admin = world.call("POST", &members, json!({"user_id": bob, "roles": ["admin"]})).await;
    assert_eq!(admin.status, 201, "{}", admin.text());
    let link = world.call("POST", &format!("{members}/{bob}/login-link"), Value::Null).await;
    let secret = json!({"secret": link.str("/secret")}).to_string();
    let opened = world.send(Request::post("/v1/links:use").body(Body::from(secret)).expect("a request")).await;
    let (key, end) = (opened.str("/secret"), opened.str("/expires_at"));
    let as_eve = async |method: &str, path: &str, body: Value| {
        let mut request = request(key, method, path, &body);
        request.headers_mut().insert("roster-act-as", eve.parse().expect("a header"));
        world.send(request).await
    };
    let own = json!({"kind": "user", "user_id": "me"});
    let issued = as_eve("POST", "/v1/tokens", own.clone()).await;
    assert_eq!((issued.status.as_u16(), &issued.json["user_id"]), (201, &json!(eve)), "{}", issued.text());
    assert_eq!(issued.json["expires_at"], end);
    let far = json!("2099-01-01T00:00:00Z");
    let mut later = own;
    later["expires_at"] = far.clone();
    let later = as_eve("POST", "/v1/tokens", later).await;
    assert_eq!((later.status.as_u16(), later.str("/field")), (422, "expires_at"), "{}", later.text());
    // Nor can it extend one of her existing keys beyond its own expiry.
    let hers = world.call("POST", "/v1/tokens", json!({"kind": "user", "user_id": eve})).await;
    let path = format!("/v1/tokens/{}", hers.str("/id"));
    let later = as_eve("PATCH", &path, json!({"expires_at": far})).await;
    assert_eq!((later.status.as_u16(), later.str("/field")), (422, "expires_at"), "{}", later.text());
    assert_eq!(as_eve("PATCH", &path, json!({"expires_at": null})).await.json["expires_at"], end);

    assert_eq!(ask(&world, issued.str("/secret"), "GET", "/v1/users/me").await.str("/id"), eve);
    world.clock.advance(12 * 60 * 60 * 1000);
    for secret in [key, issued.str("/secret"), hers.str("/secret")] {
        assert_eq!(ask(&world, secret, "GET", "/v1/users/me").await.status, 401);
    }
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_are_told_nothing() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let mut bodies = Vec::new();
    for (email, password) in [("bob@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("ada@example.com", "x")]
    {
        let body = json!({"email": email, "password": password}).to_string();
        let answer = world.send(Request::post("/v1/sessions").body(Body::from(body)).expect("a request")).await;
        let mut said = answer.json.clone();
        said["request_id"] = Value::Null;
        assert_eq!((answer.status.as_u16(), answer.str("/code")), (401, "bad_login"));
        bodies.push(said);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let path = format!("/v1/users/{}/password", fixture.bob.id.native());
    let (_, key) = log_in(&world, "bob").await;
    let answer = world.call_as(&key, "PUT", &path, json!({"password": "new"})).await;
    assert_eq!((answer.status.as_u16(), answer.str("/code")), (403, "wrong_password"));
    let answer = world.call_as(&key, "PUT", &path, json!({"password": "new", "current_password": PASSWORD})).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}

/// Where each surface shows an organization by its id, and where it lists all.
fn places(id: roster_engine::OrganizationId) -> [(String, &'static str); 3] {
    let form = |form: Form| form.show(id).expect("a form");
    [
        (format!("/whylabs/v0/organizations/{}", form(Form::Whylabs)), "/whylabs/v0/organizations"),
        (format!("/clerk/v1/organizations/{}", form(Form::Clerk)), "/clerk/v1/organizations?limit=100"),
        (format!("/box/2.0/groups/{}", form(Form::Box)), "/box/2.0/groups?limit=1000"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_marked_as_deleted_is_hidden_with_all_below_and_comes_back() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let (account, child) = (fixture.account.id, fixture.child.id);
    let path = format!("/v1/organizations/{}", account.native());
    let status = async |id: roster_engine::OrganizationId| {
        let answer = world.call("GET", &format!("/v1/organizations/{}", id.native()), Value::Null).await;
        answer.str("/status").to_owned()
    };
    let visible = async |id: roster_engine::OrganizationId, name: &str| {
        let mut seen = Vec::new();
        for (one, all) in places(id) {
            let by_id = ask(&world, KEY, "GET", &one).await;
            let listed = ask(&world, KEY, "GET", all).await;
            assert!(listed.status.is_success(), "{}", listed.text());
            let in_list = listed.text().contains(name);
            assert_eq!(by_id.status.is_success(), in_list, "{one}: {} but {in_list}", by_id.status);
            seen.push(in_list);
        }
        seen
    };
    assert_eq!(visible(account, "acme").await, [true; 3]);
    assert_eq!(visible(child, "subsidiary").await, [true; 3]);

    let answer = world.call("PATCH", &path, json!({"status": "deleted"})).await;
    assert_eq!((answer.status.as_u16(), answer.str("/status")), (200, "deleted"));
    assert_eq!((status(account).await, status(child).await), ("deleted".into(), "deleted".into()));
    assert_eq!(visible(account, "acme").await, [false; 3]);
    assert_eq!(visible(child, "subsidiary").await, [false; 3]);
    let listed = world.call("GET", "/v1/organizations?status=deleted&total=true", Value::Null).await;
    assert_eq!(listed.json["total"], 2);
    // Nor is it shown in its members' lists of memberships.
    let of_bob = format!("/clerk/v1/users/{}/organization_memberships", fixture.bob.id.native());
    assert!(!ask(&world, KEY, "GET", &of_bob).await.text().contains("acme"));
    // Its slug stays taken; its name is available on surfaces where names are unique.
    let taken = world.call("POST", "/v1/organizations", json!({"name": "x", "slug": fixture.account.slug})).await;
    assert_eq!(taken.status, 409);
    let body = json!({"name": "acme"}).to_string();
    let request = Request::post("/box/2.0/groups").header("authorization", format!("Bearer {KEY}"));
    assert_eq!(world.send(request.body(Body::from(body)).expect("a request")).await.status, 201);
    // An organization that is moved below a deleted one is shown as deleted, until it is moved elsewhere.
    let moved = world.call("POST", "/v1/organizations", json!({"name": "wanderer"})).await.str("/id").to_owned();
    let moved = format!("/v1/organizations/{moved}");
    let answer = world.call("PATCH", &moved, json!({"parent_id": child.native()})).await;
    assert_eq!(answer.str("/status"), "deleted", "{}", answer.text());
    let root = world.operator().await.root().native();
    assert_eq!(world.call("PATCH", &moved, json!({"parent_id": root})).await.str("/status"), "active");

    // An organization's own mark as deleted stays when its ancestor's is removed.
    let below = format!("/v1/organizations/{}", child.native());
    world.call("PATCH", &below, json!({"status": "deleted"})).await;
    let answer = world.call("PATCH", &path, json!({"status": "active", "suspended": true})).await;
    assert_eq!((answer.str("/status"), &answer.json["suspended"]), ("active", &json!(true)));
    assert_eq!((status(account).await, status(child).await), ("active".into(), "deleted".into()));
    world.call("PATCH", &below, json!({"status": "active"})).await;
    assert_eq!(visible(child, "subsidiary").await, [true; 3]);
    let members = world.call("GET", &format!("{path}/memberships?total=true"), Value::Null).await;
    assert_eq!(members.json["total"], 2, "nothing was lost");
    let root = world.call("PATCH", &format!("/v1/organizations/{root}"), json!({"status": "deleted"})).await;
    assert_eq!((root.status.as_u16(), root.str("/code")), (409, "built_in"));
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_renamed_and_gets_no_more_than_its_giver_has() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let organization = fixture.account.id.native();
    let issue = json!({"kind": "organization", "organization_id": organization, "roles": ["admin"]});
    let issued = world.call("POST", "/v1/tokens", issue).await;
    let (path, key) = (format!("/v1/tokens/{}", issued.str("/id")), issued.str("/secret").to_owned());
    let answer = world.call("PATCH", &path, json!({"name": "ours", "roles": ["viewer"]})).await;
    assert_eq!((answer.str("/name"), &answer.json["roles"]), ("ours", &json!(["viewer"])));
    let members = format!("/v1/organizations/{organization}/memberships");
    let add = json!({"user_id": fixture.eve.id.native()});
    assert_eq!(world.call_as(&key, "POST", &members, add).await.status, 403, "with the next request");
    assert_eq!(world.call_as(&key, "PATCH", &path, json!({"roles": ["owner"]})).await.status, 403);
    let admin = json!({"kind": "organization", "organization_id": organization, "roles": ["admin"]});
    let admin = world.call("POST", "/v1/tokens", admin).await.str("/secret").to_owned();
    assert_eq!(world.call_as(&admin, "PATCH", &path, json!({"roles": ["owner"]})).await.status, 403);
    assert_eq!(world.call_as(&admin, "PATCH", &path, json!({"expires_at": "2020-01-01T00:00:00Z"})).await.status, 422);
    assert_eq!(world.verify().await, Vec::<String>::new());
}
