//! What only Clerk has: versions, pictures, and what no client of its would send.

use axum::body::Body;
use http::Request;
use roster_engine::{EntityId, Form, NewToken, NewUser, TokenKind, UserId};
use roster_tests::operations::secret;
use roster_tests::world::KEY;
use roster_tests::{Answer, World};
use serde_json::{Value, json};

fn id(id: impl EntityId) -> String {
    Form::Clerk.show(id).expect("a form at Clerk")
}

async fn get(world: &World, path: &str, version: Option<&str>) -> Answer {
    let mut request = Request::get(format!("/clerk/v1{path}")).header("authorization", format!("Bearer {KEY}"));
    if let Some(version) = version {
        request = request.header("clerk-api-version", version);
    }
    world.send(request.body(Body::empty()).expect("a request")).await
}

async fn user(world: &World, name: &str) -> UserId {
    world.clock.advance(1);
    let new = NewUser { email: Some(format!("{name}@example.com")), name: Some(name.into()), ..NewUser::default() };
    world.operator().await.create_user(new).await.expect("a user").id
}

#[tokio::test]
async fn roles_and_permissions_are_there_from_their_version_on() {
    let world = World::new().await;
    for path in ["/organization_roles", "/organization_permissions", "/organization_roles/role_x"] {
        for version in [None, Some("2021-02-05")] {
            let answer = get(&world, path, version).await;
            assert_eq!((answer.status.as_u16(), answer.str("/errors/0/code")), (404, "resource_not_found"), "{path}");
        }
    }
    for version in ["2024-10-01", "2025-03-12", "2025-04-10", "2025-11-10", "2026-05-12"] {
        assert_eq!(get(&world, "/organization_roles", Some(version)).await.status, 200, "{version}");
        let by_query = format!("/organization_permissions?__clerk_api_version={version}");
        assert_eq!(get(&world, &by_query, None).await.status, 200, "{version}");
        assert_eq!(get(&world, &by_query, Some(version)).await.str("/errors/0/code"), "api_version_invalid");
    }
}

#[tokio::test]
async fn metadata_leaves_the_patch_with_its_version() {
    let world = World::new().await;
    let ann = id(user(&world, "ann").await);
    let patch = async |version: &str| {
        let request = Request::patch(format!("/clerk/v1/users/{ann}"))
            .header("authorization", format!("Bearer {KEY}"))
            .header("clerk-api-version", version)
            .header("content-type", "application/json")
            .body(Body::from(json!({"public_metadata": {"a": 1}}).to_string()))
            .expect("a request");
        world.send(request).await
    };
    assert_eq!(patch("2025-11-10").await.json["public_metadata"], json!({"a": 1}));
    let refused = patch("2026-05-12").await;
    assert_eq!((refused.status.as_u16(), refused.str("/errors/0/code")), (422, "form_param_unknown"));
    assert_eq!(refused.str("/errors/0/meta/param_name"), "public_metadata");
}

#[tokio::test]
async fn every_picture_that_is_shown_is_there_for_everyone() {
    let world = World::new().await;
    let ann = id(user(&world, "ann").await);
    let made = world.call("POST", "/clerk/v1/organizations", json!({"name": "Acme", "created_by": ann})).await;
    let shown = get(&world, &format!("/organizations/{}/memberships", made.str("/id")), None).await;
    let urls = [made.str("/image_url"), shown.str("/data/0/public_user_data/image_url")];
    let mut pictures = Vec::new();
    for url in urls {
        let path = url.strip_prefix("http://localhost").expect("our own");
        let answer = world.send(Request::get(path).body(Body::empty()).expect("a request")).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("image/svg+xml")));
        assert!(answer.header("cache-control").is_some_and(|c| c.contains("public")));
        pictures.push(answer.text());
    }
    assert!(pictures[0].starts_with("<svg") && pictures[0] != pictures[1]);
    // Whoever is drawn or not says nothing about who is there.
    let nobody = format!(
        "/clerk/v1/avatars/{}.svg",
        id(UserId::from_raw(roster_engine::id::compose(5, roster_engine::Kind::User, 1)))
    );
    let answer = world.send(Request::get(nobody).body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status, 200);
    for bad in ["x.svg", "user_.svg", "user_000000000000000000000000000", "..%2Fx.svg"] {
        let request = Request::get(format!("/clerk/v1/avatars/{bad}")).body(Body::empty()).expect("a request");
        assert_eq!(world.send(request).await.str("/errors/0/code"), "resource_not_found", "{bad}");
    }
}

#[tokio::test]
async fn users_are_found_by_when_they_were_seen_and_by_parts_of_their_ids() {
    let world = World::new().await;
    let (ann, bob, _cid) = (user(&world, "ann").await, user(&world, "bob").await, user(&world, "cid").await);
    let operator = world.operator().await;
    let mut moments = Vec::new();
    for who in [bob, ann] {
        let key = secret(&operator, NewToken { user: Some(who.into()), ..NewToken::new(TokenKind::User) }).await;
        world.clock.advance(60_000);
        moments.push(operator.now().as_ms());
        assert_eq!(world.call_as(&key, "GET", "/v1/users/me", Value::Null).await.status, 200);
    }
    world.engine.maintain().await;
    let found = async |query: &str| {
        let answer = get(&world, &format!("/users?{query}"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let items = answer.json.as_array().expect("a bare list").clone();
        items.iter().map(|u| u["first_name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("order_by=-last_active_at").await, ["ann", "bob", "cid"]);
    assert_eq!(found("order_by=last_active_at").await, ["bob", "ann", "cid"]);
    assert_eq!(found(&format!("last_active_at_after={}", moments[0])).await, ["ann"]);
    assert_eq!(found(&format!("last_active_at_since={}", moments[0])).await, ["ann"]);
    assert_eq!(found(&format!("last_active_at_before={}", moments[1])).await, ["bob"]);
    assert_eq!(found("last_sign_in_at_after=0").await, [""; 0]);
    let shown = get(&world, &format!("/users/{}", id(ann)), None).await;
    assert_eq!(shown.json["last_active_at"], moments[1]);
    assert_eq!(world.verify().await, Vec::<String>::new());

    let ann = id(ann);
    assert_eq!(found(&format!("query={}", &ann[20..])).await, ["ann"]);
    assert_eq!(found(&format!("query={}", ann[20..31].to_uppercase())).await, ["ann"]);
    assert_eq!(found("query=user_0000").await.len(), 3);
    assert_eq!(found("query=user-0000").await.len(), 0);
    let org = world.call("POST", "/clerk/v1/organizations", json!({"name": "Acme", "created_by": ann})).await;
    let members = format!("/organizations/{}/memberships?query={}", org.str("/id"), &ann[20..]);
    assert_eq!(get(&world, &members, None).await.json["total_count"], 1);
}

#[tokio::test]
async fn bodies_that_no_client_sends() {
    let world = World::new().await;
    let post = async |content_type: &str, body: &str| {
        let request = Request::post("/clerk/v1/organizations")
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", content_type)
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let answer = world.send(request).await;
        (answer.status.as_u16(), answer.str("/errors/0/code").to_owned())
    };
    assert_eq!(post("text/plain", "{\"name\": \"A\"}").await, (415, "unsupported_content_type".into()));
    assert_eq!(post("application/json", "{").await, (400, "request_body_invalid".into()));
    assert_eq!(post("application/json", "[]").await, (400, "request_body_invalid".into()));
    assert_eq!(post("application/json", "").await, (422, "form_param_missing".into()));
}
