//! Checks and what follows from them, natively: who may do what where, inherited memberships included.

use roster_engine::{NewToken, TokenKind};
use roster_tests::World;
use roster_tests::operations::secret;
use serde_json::{Value, json};

async fn made(world: &World, path: &str, body: Value) -> String {
    world.clock.advance(1);
    let answer = world.call("POST", path, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.str("/id").to_owned()
}

/// Acme with labs below it and deep below that; beta beside. Ada is an admin of acme and a member of labs, bob a member of labs.
struct Place {
    world: World,
    acme: String,
    labs: String,
    deep: String,
    beta: String,
    ada: String,
    bob: String,
    ada_in_acme: String,
}

async fn place() -> Place {
    let world = World::new().await;
    let user = async |name: &str| made(&world, "/v1/users", json!({"email": format!("{name}@example.com")})).await;
    let (ada, bob) = (user("ada").await, user("bob").await);
    let organization = async |name: &str, under: Option<&str>| {
        made(&world, "/v1/organizations", json!({"name": name, "parent_id": under})).await
    };
    let acme = organization("acme", None).await;
    let labs = organization("labs", Some(&acme)).await;
    let deep = organization("deep", Some(&labs)).await;
    let beta = organization("beta", None).await;
    let member = async |place: &str, user: &str, role: &str| {
        made(&world, &format!("/v1/organizations/{place}/memberships"), json!({"user_id": user, "roles": [role]})).await
    };
    let ada_in_acme = member(&acme, &ada, "admin").await;
    member(&labs, &ada, "member").await;
    member(&labs, &bob, "member").await;
    Place { world, acme, labs, deep, beta, ada, bob, ada_in_acme }
}

#[tokio::test]
async fn a_check_says_why() {
    let p = place().await;
    let check = async |body: Value| p.world.call("POST", "/v1/check", body).await;
    let yes = check(json!({"user_id": p.ada, "organization_id": p.deep, "permission": "memberships:write"})).await;
    let via = json!({"membership_id": p.ada_in_acme, "organization_id": p.acme, "role": "admin", "inherited": true, "distance": 2});
    assert_eq!(yes.json, json!({"allowed": true, "reason": "granted", "via": via}));
    assert!(yes.header("roster-sequence").is_some());
    for (body, allowed, reason) in [
        (
            json!({"email": "BOB@example.com", "organization_id": p.labs, "permission": "memberships:read"}),
            true,
            "granted",
        ),
        (
            json!({"user_id": p.bob, "organization_id": p.deep, "permission": "memberships:read"}),
            false,
            "no_membership",
        ),
        (json!({"user_id": p.bob, "organization_id": p.labs, "role": "admin"}), false, "no_grant"),
        (json!({"user_id": p.ada, "organization_id": p.labs, "role": "admin"}), true, "granted"),
        (json!({"user_id": p.ada, "organization_id": p.beta, "role": "admin"}), false, "no_membership"),
        (json!({"user_id": "usr_00000000000", "organization_id": p.beta, "role": "admin"}), false, "unknown_subject"),
        (json!({"user_id": p.ada, "organization_id": "nowhere", "role": "admin"}), false, "unknown_resource"),
        (json!({"user_id": p.ada, "organization_id": p.acme, "permission": "no:such"}), false, "unknown_action"),
        (json!({"user_id": p.ada, "organization_id": p.acme, "role": "no_such"}), false, "unknown_action"),
    ] {
        let answer = check(body.clone()).await;
        assert_eq!((&answer.json["allowed"], answer.str("/reason")), (&json!(allowed), reason), "{body}");
    }
    for (body, field) in [
        (json!({"user_id": p.ada, "organization_id": p.acme}), "permission"),
        (json!({"user_id": p.ada, "organization_id": p.acme, "permission": "a:b", "role": "c"}), "permission"),
        (json!({"organization_id": p.acme, "role": "c"}), "user_id"),
        (json!({"user_id": p.ada, "email": "x@example.com", "organization_id": p.acme, "role": "c"}), "user_id"),
        (json!({"user_id": p.ada, "role": "c"}), "organization_id"),
        (json!({"user_id": p.ada, "organization_id": p.acme, "rule": "c"}), "rule"),
    ] {
        assert_eq!(check(body.clone()).await.str("/field"), field, "{body}");
    }
}

#[tokio::test]
async fn many_checks_are_about_one_moment() {
    let p = place().await;
    let ask =
        |user: &str, place: &str| json!({"user_id": user, "organization_id": place, "permission": "memberships:read"});
    let checks = [ask(&p.ada, &p.acme), ask(&p.bob, &p.acme), ask(&p.bob, &p.labs), ask("nobody", &p.labs)];
    let batch = async |checks: Vec<Value>| p.world.call("POST", "/v1/check:batch", json!({"checks": checks})).await;
    let answer = batch(checks.to_vec()).await;
    let allowed: Vec<_> =
        answer.json["results"].as_array().expect("results").iter().map(|r| r["allowed"].clone()).collect();
    assert_eq!(allowed, [true, false, true, false]);
    assert_eq!(batch(Vec::new()).await.json, json!({"results": []}));
    let thousand: Vec<Value> = checks.iter().cycle().take(1000).cloned().collect();
    assert_eq!(batch(thousand.clone()).await.json["results"].as_array().map(Vec::len), Some(1000));
    let more = thousand.into_iter().chain([checks[0].clone()]).collect();
    assert_eq!(batch(more).await.str("/field"), "checks");
    let odd = batch(vec![checks[0].clone(), json!({"user_id": p.ada, "organization_id": p.acme})]).await;
    assert_eq!(odd.str("/field"), "checks[1].permission");
}

async fn walk(world: &World, path: &str, id: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = world.call("GET", &format!("{path}{cursor}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let items = answer.json["items"].as_array().expect("items");
        found.extend(items.iter().map(|item| item[id].as_str().expect("an id").to_owned()));
        match answer.json["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn what_a_user_reaches() {
    let p = place().await;
    let of = |who: &str| format!("/v1/users/{who}/organizations?limit=1");
    assert_eq!(walk(&p.world, &of(&p.ada), "organization_id").await, [&*p.acme, &*p.labs, &*p.deep]);
    assert_eq!(walk(&p.world, &of(&p.bob), "organization_id").await, [&*p.labs]);
    let writing = format!("{}&permission=memberships:write", of(&p.ada));
    assert_eq!(walk(&p.world, &writing, "organization_id").await, [&*p.acme, &*p.labs, &*p.deep]);
    assert_eq!(walk(&p.world, &format!("{}&role=member", of(&p.ada)), "organization_id").await, [&*p.labs]);
    let whole = p.world.call("GET", &format!("/v1/users/{}/organizations?total=true", p.ada), Value::Null).await;
    assert_eq!((whole.json["total"].as_u64(), whole.str("/items/1/organization/name")), (Some(3), "labs"));
    assert_eq!(whole.json["items"][1]["roles"], json!(["admin", "member"]));
    let ways = &whole.json["items"][1]["via"];
    assert_eq!((&ways[0]["distance"], &ways[0]["roles"]), (&json!(0), &json!(["member"])));
    assert_eq!((&ways[1]["membership_id"], &ways[1]["inherited"]), (&json!(p.ada_in_acme), &json!(true)));
    // Oneself, and who may read users.
    let operator = p.world.operator().await;
    let key = secret(&operator, NewToken { user: Some((&*p.bob).into()), ..NewToken::new(TokenKind::User) }).await;
    let own = p.world.call_as(&key, "GET", "/v1/users/me/organizations", Value::Null).await;
    assert_eq!(own.str("/items/0/organization_id"), p.labs);
    let other = p.world.call_as(&key, "GET", &format!("/v1/users/{}/organizations", p.ada), Value::Null).await;
    assert_eq!(other.status, 404);
    p.world.call("PATCH", &format!("/v1/users/{}", p.ada), json!({"status": "inactive"})).await;
    assert!(walk(&p.world, &of(&p.ada), "organization_id").await.is_empty());
}

#[tokio::test]
async fn who_reaches_an_organization() {
    let p = place().await;
    let of = |place: &str| format!("/v1/organizations/{place}/memberships?effective=true&limit=1");
    assert_eq!(walk(&p.world, &of(&p.labs), "user_id").await, [&*p.ada, &*p.bob]);
    assert_eq!(walk(&p.world, &of(&p.deep), "user_id").await, [&*p.ada]);
    assert_eq!(walk(&p.world, &of(&p.acme), "user_id").await, [&*p.ada]);
    assert!(walk(&p.world, &of(&p.beta), "user_id").await.is_empty());
    assert_eq!(walk(&p.world, &format!("{}&role=admin", of(&p.labs)), "user_id").await, [&*p.ada]);
    let reading = format!("{}&permission=memberships:read", of(&p.labs));
    assert_eq!(walk(&p.world, &reading, "user_id").await, [&*p.ada, &*p.bob]);
    let whole = p.world.call("GET", &format!("{}&total=true", of(&p.labs)), Value::Null).await;
    assert_eq!((whole.json["total"].as_u64(), whole.str("/items/0/user/email")), (Some(2), "ada@example.com"));
    assert_eq!(whole.json["items"][0]["via"].as_array().map(Vec::len), Some(2));
    for query in ["q=a", "sort=name", "email=a@example.com", "status=active"] {
        let answer = p.world.call("GET", &format!("{}&{query}", of(&p.labs)), Value::Null).await;
        assert_eq!(answer.str("/code"), "invalid", "{query}");
    }
    let plain = format!("/v1/organizations/{}/memberships?permission=a:b", p.labs);
    assert_eq!(p.world.call("GET", &plain, Value::Null).await.str("/field"), "permission");
    let user = format!("/v1/users/{}/memberships?effective=true", p.ada);
    assert_eq!(p.world.call("GET", &user, Value::Null).await.str("/field"), "effective");
    // A cursor of one list is none of another.
    let cursor = whole.str("/next_cursor");
    let other = p.world.call("GET", &format!("/v1/users/{}/organizations?cursor={cursor}", p.ada), Value::Null).await;
    assert_eq!(other.str("/field"), "cursor");
    // Who may list the members may list these.
    let operator = p.world.operator().await;
    let key = secret(&operator, NewToken { user: Some((&*p.bob).into()), ..NewToken::new(TokenKind::User) }).await;
    assert_eq!(p.world.call_as(&key, "GET", &of(&p.labs), Value::Null).await.status, 200);
    assert_eq!(p.world.call_as(&key, "GET", &of(&p.acme), Value::Null).await.status, 404);
}
