//! What keys can't do: outlive the key that issued them. And what only some may do: act as another user, make admins of
//! the realm.

use axum::body::Body;
use http::Request;
use roster_engine::EntityId as _;
use roster_tests::World;
use roster_tests::world::{KEY, request};
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000;

async fn made(world: &World, path: &str, body: Value) -> roster_tests::Answer {
    world.clock.advance(1);
    let answer = world.call("POST", path, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer
}

async fn user(world: &World, name: &str) -> String {
    made(world, "/v1/users", json!({"email": format!("{name}@example.com"), "name": name})).await.str("/id").to_owned()
}

async fn organization(world: &World, name: &str) -> String {
    made(world, "/v1/organizations", json!({"name": name})).await.str("/id").to_owned()
}

async fn box_token(world: &World, subject: &str, id: &str) -> String {
    let form = format!(
        "grant_type=client_credentials&client_id=t&client_secret={KEY}&box_subject_type={subject}&box_subject_id={id}"
    );
    let answer = world.send(Request::post("/box/oauth2/token").body(Body::from(form)).expect("a request")).await;
    answer.str("/access_token").to_owned()
}

#[tokio::test]
async fn no_token_outlives_the_one_that_made_it() {
    let world = World::new().await;
    let (ada, acme) = (user(&world, "ada").await, organization(&world, "Acme").await);
    let ada_at_box = world.call("GET", &format!("/v1/users/{ada}"), Value::Null).await.str("/ids/box").to_owned();
    let of_service = box_token(&world, "enterprise", "0").await;
    let of_ada = box_token(&world, "user", &ada_at_box).await;
    let end = roster_engine::Timestamp::from_ms(world.operator().await.now().as_ms() + HOUR).rfc3339();

    let kinds = [
        (&of_service, json!({"kind": "realm"})),
        (&of_service, json!({"kind": "organization", "organization_id": acme, "roles": ["admin"]})),
        (&of_service, json!({"kind": "user", "user_id": ada})),
        (&of_ada, json!({"kind": "user", "user_id": "me"})),
    ];
    let mut secrets = Vec::new();
    for (key, body) in kinds {
        let answer = world.call_as(key, "POST", "/v1/tokens", body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.str("/expires_at")), (201, &*end), "{}", answer.text());
        secrets.push(answer.str("/secret").to_owned());
        let mut sooner = body.clone();
        sooner["expires_at"] =
            json!(roster_engine::Timestamp::from_ms(world.operator().await.now().as_ms() + 1000).rfc3339());
        let answer = world.call_as(key, "POST", "/v1/tokens", sooner.clone()).await;
        assert_eq!(answer.json["expires_at"], sooner["expires_at"]);
        let mut later = body.clone();
        later["expires_at"] = json!("2099-01-01T00:00:00Z");
        let answer = world.call_as(key, "POST", "/v1/tokens", later).await;
        assert_eq!((answer.status.as_u16(), answer.str("/field")), (422, "expires_at"), "{}", answer.text());
    }
    // The same holds for keys that such a key issues, and for keys issued through another surface.
    let child = world.call_as(&secrets[0], "POST", "/v1/tokens", json!({"kind": "realm"})).await;
    assert_eq!(child.str("/expires_at"), end);
    secrets.push(child.str("/secret").to_owned());
    let whylabs = Request::post(format!("/whylabs/v0/organizations/{acme}/api-key?user_id={ada}&alias=x"))
        .header("x-api-key", &secrets[0])
        .body(Body::empty())
        .expect("a request");
    let whylabs = world.send(whylabs).await;
    assert_eq!(whylabs.status, 200, "{}", whylabs.text());
    assert!(whylabs.json["expirationTime"].is_string(), "{}", whylabs.text());
    let sooner = format!(
        "grant_type=client_credentials&client_id=t&client_secret={}&box_subject_type=enterprise&box_subject_id=0",
        secrets[4]
    );
    world.clock.advance(HOUR / 2);
    let again = world.send(Request::post("/box/oauth2/token").body(Body::from(sooner)).expect("a request")).await;
    assert_eq!(again.json["expires_in"], HOUR / 2000, "{}", again.text());

    let alive = async |secret: &str| world.call_as(secret, "GET", "/v1/roles", Value::Null).await.status == 200;
    for secret in &secrets {
        assert!(alive(secret).await);
    }
    world.clock.advance(HOUR / 2);
    for secret in secrets.iter().chain([&of_service, &of_ada]) {
        assert!(!alive(secret).await);
    }
    let free = made(&world, "/v1/tokens", json!({"kind": "realm"})).await;
    assert_eq!(free.json["expires_at"], Value::Null, "a key without an end gives none");
    assert_eq!(world.verify().await, Vec::<String>::new());
}

/// Nobody can change a key into one that they couldn't have issued.
#[tokio::test]
async fn no_token_gives_another_one_more_than_it_has() {
    let world = World::new().await;
    let acme = organization(&world, "Acme").await;
    let end = roster_engine::Timestamp::from_ms(world.operator().await.now().as_ms() + HOUR).rfc3339();
    let key = |more: Value| {
        let mut body = json!({"kind": "organization", "organization_id": acme, "roles": ["admin"]});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let short = made(&world, "/v1/tokens", key(json!({"expires_at": end}))).await.str("/secret").to_owned();
    let narrow = made(&world, "/v1/tokens", key(json!({"scopes": ["tokens:write"]}))).await.str("/secret").to_owned();
    let other = made(&world, "/v1/tokens", key(json!({"roles": ["viewer"]}))).await;
    let path = format!("/v1/tokens/{}", other.str("/id"));
    let patch = async |secret: &str, body: Value| world.call_as(secret, "PATCH", &path, body).await;
    let later = patch(&short, json!({"expires_at": "2099-01-01T00:00:00Z"})).await;
    assert_eq!((later.status.as_u16(), later.str("/field")), (422, "expires_at"), "{}", later.text());
    // Without an expiry, it expires with the key that changes it, as a new one would.
    assert_eq!(patch(&short, json!({"expires_at": null})).await.str("/expires_at"), end);
    for more in [json!({"roles": ["admin"]}), json!({"expires_at": null})] {
        assert_eq!(patch(&narrow, more).await.status, 403, "its scopes don't cover all that the other may use");
    }
    assert_eq!(patch(&narrow, json!({"name": "another"})).await.status, 200);
    let all = world.call("PATCH", &path, json!({"roles": ["admin"], "expires_at": null})).await;
    assert_eq!((&all.json["roles"], &all.json["expires_at"]), (&json!(["admin"]), &Value::Null));
}

/// A token can't change itself, even while acting as a user who may change it.
#[tokio::test]
async fn no_token_changes_itself_by_acting_as_another() {
    let world = World::new().await;
    let ada = made(&world, "/v1/users", json!({"email": "ada@example.com", "realm_admin": true})).await;
    let root = world.operator().await.root().native();
    let body = json!({"kind": "organization", "organization_id": root, "roles": ["admin"]});
    let key = made(&world, "/v1/tokens", body).await;
    let path = format!("/v1/tokens/{}", key.str("/id"));
    let patch = async |key: &str, body: Value| {
        let mut request = request(key, "PATCH", &path, &body);
        request.headers_mut().insert("roster-act-as", ada.str("/id").parse().expect("a header"));
        world.send(request).await
    };
    for body in [json!({"name": "mine"}), json!({"roles": ["viewer"]})] {
        let refused = patch(key.str("/secret"), body).await;
        assert_eq!((refused.status.as_u16(), refused.str("/code")), (403, "forbidden"), "{}", refused.text());
    }
    assert_eq!(patch(KEY, json!({"name": "theirs"})).await.str("/name"), "theirs", "by another key she may");
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test]
async fn expired_tokens_are_cleared_away_after_a_week() {
    let world = World::new().await;
    let user = user(&world, "ada").await;
    let at_box = world.call("GET", &format!("/v1/users/{user}"), Value::Null).await.str("/ids/box").to_owned();
    for _ in 0..3 {
        box_token(&world, "user", &at_box).await;
    }
    let kept = made(&world, "/v1/tokens", json!({"kind": "user", "user_id": user})).await;
    let count = async || {
        world.engine.maintain().await;
        let listed = world.call("GET", &format!("/v1/tokens?user_id={user}&total=true"), Value::Null).await;
        listed.json["total"].as_u64().expect("a total")
    };
    world.clock.advance(HOUR * 24 * 7);
    assert_eq!(count().await, 4, "they are still shown for a while");
    world.clock.advance(HOUR + 1);
    assert_eq!(count().await, 1);
    assert_eq!(world.call_as(kept.str("/secret"), "GET", "/v1/users/me", Value::Null).await.status, 200);
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test]
async fn acting_as_another_user() {
    let world = World::new().await;
    let (ada, bob, acme) = (user(&world, "ada").await, user(&world, "bob").await, organization(&world, "Acme").await);
    made(&world, &format!("/v1/organizations/{acme}/memberships"), json!({"user_id": ada})).await;
    let acting = async |key: &str, act_as: &str, method: &str, path: &str, body: Value| {
        let mut request = request(key, method, path, &body);
        request.headers_mut().insert("roster-act-as", act_as.parse().expect("a header"));
        world.send(request).await
    };
    let me = acting(KEY, &ada, "GET", "/v1/users/me", Value::Null).await;
    assert_eq!(me.str("/id"), ada);
    let place = format!("/v1/organizations/{acme}");
    assert_eq!(acting(KEY, &ada, "GET", &place, Value::Null).await.status, 200);
    assert_eq!(acting(KEY, &bob, "GET", &place, Value::Null).await.status, 404, "as bob may");
    let refused = acting(KEY, &ada, "PATCH", &place, json!({"name": "New"})).await;
    assert_eq!(refused.str("/code"), "forbidden");
    for nobody in ["usr_00000000000", "", "\u{e9}", &acme] {
        let mut request = request(KEY, "GET", "/v1/users/me", &Value::Null);
        let value = http::HeaderValue::from_bytes(nobody.as_bytes()).expect("a header");
        request.headers_mut().insert("roster-act-as", value);
        assert_eq!(world.send(request).await.str("/code"), "not_found", "{nobody}");
    }
    let own = made(&world, "/v1/tokens", json!({"kind": "user", "user_id": ada})).await;
    for act_as in [&*bob, "usr_00000000000"] {
        let refused = acting(own.str("/secret"), act_as, "GET", "/v1/users/me", Value::Null).await;
        assert_eq!((refused.str("/code"), refused.str("/permission")), ("forbidden", "users:act_as"));
    }
}

#[tokio::test]
async fn a_field_that_a_kind_of_token_does_not_have_is_named() {
    let world = World::new().await;
    let (ada, acme) = (user(&world, "ada").await, organization(&world, "Acme").await);
    let refused = [
        (json!({"kind": "realm", "roles": ["admin"]}), "roles"),
        (json!({"kind": "realm", "user_id": ada}), "user_id"),
        (json!({"kind": "realm", "organization_id": acme}), "organization_id"),
        (json!({"kind": "user", "user_id": ada, "roles": ["admin"]}), "roles"),
        (json!({"kind": "user", "user_id": ada, "organization_id": acme}), "organization_id"),
        (json!({"kind": "user"}), "user_id"),
        (json!({"kind": "organization"}), "organization_id"),
    ];
    for (body, field) in refused {
        let answer = world.call("POST", "/v1/tokens", body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.str("/field")), (422, field), "{body}");
    }
    // Nor does a list have tokens of another kind than its user or organization has.
    for query in [format!("user_id={ada}&kind=realm"), format!("organization_id={acme}&kind=user")] {
        let answer = world.call("GET", &format!("/v1/tokens?{query}"), Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.str("/field")), (422, "kind"), "{query}");
    }
    let fitting = format!("/v1/tokens?user_id={ada}&kind=user");
    assert_eq!(world.call("GET", &fitting, Value::Null).await.status, 200);
}

#[tokio::test]
async fn who_may_read_users_but_not_change_them_is_told_so() {
    let world = World::new().await;
    let ada = user(&world, "ada").await;
    let reader = made(&world, "/v1/tokens", json!({"kind": "realm", "scopes": ["users:read"]})).await;
    let stranger = made(&world, "/v1/tokens", json!({"kind": "realm", "scopes": ["organizations:read"]})).await;
    let path = format!("/v1/users/{ada}");
    assert_eq!(world.call_as(reader.str("/secret"), "GET", &path, Value::Null).await.status, 200);
    let requests = [
        ("PATCH", path.clone(), json!({"name": "New"})),
        ("PATCH", path.clone(), json!({"status": "inactive"})),
        ("DELETE", path.clone(), Value::Null),
        ("GET", format!("{path}/sessions"), Value::Null),
        ("DELETE", format!("{path}/sessions"), Value::Null),
        ("PUT", format!("{path}/password"), json!({"password": "secret"})),
    ];
    for (method, path, body) in requests {
        let refused = world.call_as(reader.str("/secret"), method, &path, body.clone()).await;
        let told = (refused.status.as_u16(), refused.str("/permission"));
        assert_eq!(told, (403, "users:write"), "{method} {path}");
        let hidden = world.call_as(stranger.str("/secret"), method, &path, body).await;
        assert_eq!(hidden.status, 404, "{method} {path}");
    }
}

#[tokio::test]
async fn admins_of_the_realm() {
    let world = World::new().await;
    let realm = world.call("GET", "/v1/realm", Value::Null).await;
    let root = realm.str("/root_organization_id").to_owned();
    assert_eq!((realm.str("/name"), realm.str("/id").get(..4)), ("default", Some("rlm_")));
    let ada = made(&world, "/v1/users", json!({"email": "ada@example.com", "realm_admin": true})).await;
    let ada = ada.str("/id").to_owned();
    let at_root = format!("/v1/organizations/{root}/memberships/{ada}");
    assert_eq!(world.call("GET", &at_root, Value::Null).await.json["roles"], json!(["admin"]));
    let path = format!("/v1/users/{ada}");
    assert_eq!(world.call("PATCH", &path, json!({"realm_admin": false})).await.status, 200);
    assert_eq!(world.call("GET", &at_root, Value::Null).await.status, 404);
    let own = made(&world, "/v1/tokens", json!({"kind": "user", "user_id": ada})).await;
    let refused = world.call_as(own.str("/secret"), "PATCH", &path, json!({"realm_admin": true})).await;
    assert_eq!(refused.str("/code"), "forbidden");

    let acme = organization(&world, "Acme").await;
    made(&world, &format!("/v1/organizations/{acme}/memberships"), json!({"user_id": ada})).await;
    world.call("PUT", &format!("/v1/organizations/{acme}/owner"), json!({"user_id": ada})).await;
    let gone = async |query: &str| world.call("DELETE", &format!("{path}{query}"), Value::Null).await;
    assert_eq!(gone("?unless_owner=true").await.str("/code"), "owner_protected");
    assert_eq!(gone("?unless_owner=true&erase=true").await.str("/field"), "unless_owner");
    let erase = Request::delete(format!("{path}?erase=true")).header("authorization", format!("Bearer {KEY}"));
    let stale = erase.header("if-match", "\"another\"").body(Body::empty()).expect("a request");
    assert_eq!(world.send(stale).await.status, 412, "it is another one by now");
    assert_eq!(gone("").await.status, 204);
}

#[tokio::test]
async fn who_started_in_a_deleted_organization_starts_elsewhere() {
    let world = World::new().await;
    let (ada, bob) = (user(&world, "ada").await, user(&world, "bob").await);
    let mut places = Vec::new();
    for name in ["first", "second", "third"] {
        places.push(organization(&world, name).await);
    }
    let child = made(&world, "/v1/organizations", json!({"name": "child", "parent_id": places[2]})).await;
    places.push(child.str("/id").to_owned());
    for place in &places {
        for (who, starts) in [(&ada, place == &places[3]), (&bob, false)] {
            let body = json!({"user_id": who, "default": starts});
            made(&world, &format!("/v1/organizations/{place}/memberships"), body).await;
        }
    }
    let starts = async |who: &str| {
        let listed = world.call("GET", &format!("/v1/users/{who}/memberships"), Value::Null).await;
        let items = listed.json["items"].as_array().expect("items").clone();
        let starting = items.into_iter().filter(|m| m["default"] == true);
        starting.map(|m| m["organization_id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(starts(&ada).await, [places[3].clone()]);
    // Deleting a whole subtree records one event for the deletion and one for Ada's new default membership.
    let before = world.call("GET", "/v1/events?limit=1", Value::Null).await;
    let before = before.header("roster-sequence").and_then(|n| n.parse::<i64>().ok()).expect("a number");
    let gone = world.call("DELETE", &format!("/v1/organizations/{}?subtree=true", places[2]), Value::Null).await;
    assert_eq!(gone.status, 204);
    let events = world.call("GET", &format!("/v1/events?after={before}"), Value::Null).await;
    let kinds: Vec<_> = events.json["items"].as_array().expect("items").iter().map(|e| e["type"].clone()).collect();
    assert_eq!(kinds, ["organization.deleted", "membership.updated"], "{}", events.text());
    assert_eq!(starts(&ada).await, [places[0].clone()]);
    assert!(starts(&bob).await.is_empty(), "a user without a default membership gets none");
    for place in &places[..2] {
        assert_eq!(world.call("DELETE", &format!("/v1/organizations/{place}"), Value::Null).await.status, 204);
    }
    assert!(starts(&ada).await.is_empty());
    world.engine.maintain().await;
    assert_eq!(world.verify().await, Vec::<String>::new());
}
