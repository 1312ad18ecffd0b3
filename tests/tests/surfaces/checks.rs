//! Checks and what follows from them, natively: who may do what where, inherited memberships included.

use roster_engine::{NewToken, TokenKind};
use roster_tests::World;
use roster_tests::operations::secret;
use roster_tests::world::{Answer, KEY};
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
    // For the user's own, or with the right to read users.
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
    for roles in ["admin,member", "viewer,member"] {
        let several = format!("{}&role={roles}", of(&p.labs));
        assert_eq!(walk(&p.world, &several, "user_id").await, [&*p.ada, &*p.bob], "{roles}");
    }
    let unknown = p.world.call("GET", &format!("{}&role=admin,boss", of(&p.labs)), Value::Null).await;
    assert_eq!((unknown.status.as_u16(), unknown.str("/field")), (422, "role"), "as in the plain list");
    let reading = format!("{}&permission=memberships:read", of(&p.labs));
    assert_eq!(walk(&p.world, &reading, "user_id").await, [&*p.ada, &*p.bob]);
    let whole = p.world.call("GET", &format!("{}&total=true", of(&p.labs)), Value::Null).await;
    assert_eq!((whole.json["total"].as_u64(), whole.str("/items/0/user/email")), (Some(2), "ada@example.com"));
    assert_eq!(whole.json["items"][0]["via"].as_array().map(Vec::len), Some(2));
    // This list shows no more of each user than the plain list of members does.
    let plain = format!("/v1/organizations/{}/memberships?sort=created_at", p.labs);
    let plain = p.world.call("GET", &plain, Value::Null).await;
    let fields = |user: &Value| user.as_object().expect("a user").keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&whole.json["items"][0]["user"]), fields(&plain.json["items"][0]["user"]));
    for query in ["q=a", "sort=name", "email=a@example.com", "status=active"] {
        let answer = p.world.call("GET", &format!("{}&{query}", of(&p.labs)), Value::Null).await;
        assert_eq!(answer.str("/code"), "invalid", "{query}");
    }
    let plain = format!("/v1/organizations/{}/memberships?permission=a:b", p.labs);
    assert_eq!(p.world.call("GET", &plain, Value::Null).await.str("/field"), "permission");
    let user = format!("/v1/users/{}/memberships?effective=true", p.ada);
    assert_eq!(p.world.call("GET", &user, Value::Null).await.str("/field"), "effective");
    // A cursor of one list isn't valid for another.
    let cursor = whole.str("/next_cursor");
    let other = p.world.call("GET", &format!("/v1/users/{}/organizations?cursor={cursor}", p.ada), Value::Null).await;
    assert_eq!(other.str("/field"), "cursor");
    // Whoever may list the members may list these, too.
    let operator = p.world.operator().await;
    let key = secret(&operator, NewToken { user: Some((&*p.bob).into()), ..NewToken::new(TokenKind::User) }).await;
    assert_eq!(p.world.call_as(&key, "GET", &of(&p.labs), Value::Null).await.status, 200);
    assert_eq!(p.world.call_as(&key, "GET", &of(&p.acme), Value::Null).await.status, 404);
}

/// In a session that was opened by a login link, the list includes its user by the link's membership or not at all.
#[tokio::test]
async fn who_came_by_a_link_reaches_by_that_membership_alone() {
    let p = place().await;
    let of_bob = format!("/v1/organizations/{}/memberships/{}", p.labs, p.bob);
    assert_eq!(p.world.call("PATCH", &of_bob, json!({"roles": ["admin"]})).await.status, 200);
    let link = format!("/v1/organizations/{}/memberships/{}/login-link", p.labs, p.ada);
    let link = p.world.call("POST", &link, Value::Null).await;
    let body = axum::body::Body::from(json!({"secret": link.str("/secret")}).to_string());
    let opened = p.world.send(http::Request::post("/v1/links:use").body(body).expect("a request")).await;
    assert_eq!(opened.status, 201, "{}", opened.text());
    let list = format!("/v1/organizations/{}/memberships?effective=true&total=true", p.labs);
    let listed = async |key: &str, query: &str| {
        let answer = p.world.call_as(key, "GET", &format!("{list}{query}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let items = answer.json["items"].as_array().expect("items");
        let ids: Vec<String> = items.iter().map(|item| item["user_id"].as_str().expect("an id").to_owned()).collect();
        (ids, answer)
    };
    let (by_link, writing) = (opened.str("/secret"), "&limit=1&permission=memberships:write");
    let (found, answer) = listed(by_link, "").await;
    assert_eq!((found, &answer.json["total"]), (vec![p.ada.clone(), p.bob.clone()], &json!(2)));
    assert_eq!(answer.json["items"][0]["roles"], json!(["member"]));
    let ways = answer.json["items"][0]["via"].as_array().expect("ways");
    assert_eq!((ways.len(), &ways[0]["distance"]), (1, &json!(0)));
    let (found, answer) = listed(by_link, writing).await;
    assert_eq!((found, &answer.json["total"]), (vec![p.bob.clone()], &json!(1)));
    assert_eq!(answer.json["next_cursor"], Value::Null);
    // Other callers see the user with all memberships.
    let (found, answer) = listed(KEY, writing).await;
    assert_eq!((found, &answer.json["total"]), (vec![p.ada.clone()], &json!(2)));
}

/// A directory suspends a user whose home is elsewhere: the memberships there and below grant nothing, the others still
/// do.
#[tokio::test]
async fn who_is_suspended_in_a_place_may_nothing_there() {
    let p = place().await;
    made(&p.world, &format!("/v1/organizations/{}/memberships", p.beta), json!({"user_id": p.ada, "roles": ["admin"]}))
        .await;
    let key = json!({"kind": "organization", "organization_id": p.labs, "roles": ["admin"], "name": "directory"});
    let key = p.world.call("POST", "/v1/tokens", key).await.str("/secret").to_owned();
    let allowed = async |organization: &str, role: &str| {
        let body = json!({"user_id": p.ada, "organization_id": organization, "role": role});
        p.world.call("POST", "/v1/check", body).await.json["allowed"] == true
    };
    let members = async |organization: &str| {
        let path = format!("/v1/organizations/{organization}/memberships?effective=true&total=true");
        let answer = p.world.call("GET", &path, Value::Null).await;
        let items = answer.json["items"].as_array().expect("a list");
        (items.iter().any(|item| item["user_id"] == json!(p.ada) || item["user"]["id"] == json!(p.ada)), items.len())
    };
    assert!(allowed(&p.labs, "member").await && allowed(&p.deep, "admin").await);
    let (listed, before) = members(&p.labs).await;
    assert!(listed);
    let off = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": false}]});
    let users =
        p.world.call_as(&key, "GET", "/scim/v2/Users?filter=userName%20eq%20%22ada@example.com%22", Value::Null).await;
    let id = users.str("/Resources/0/id").to_owned();
    let answer = p.world.call_as(&key, "PATCH", &format!("/scim/v2/Users/{id}"), off).await;
    assert_eq!((answer.status.as_u16(), &answer.json["active"]), (200, &json!(false)), "{}", answer.text());
    // Roles held at labs no longer count; those held above it still count there and below.
    assert!(!allowed(&p.labs, "member").await);
    assert!(allowed(&p.labs, "admin").await && allowed(&p.beta, "admin").await && allowed(&p.acme, "admin").await);
    let (listed, after) = members(&p.labs).await;
    assert!(listed && before == after, "by what is held above");
    let leave = format!("/v1/organizations/{}/memberships/{}", p.acme, p.ada);
    assert_eq!(p.world.call("DELETE", &leave, Value::Null).await.status, 204);
    let (listed, _) = members(&p.labs).await;
    assert!(!listed);
    let reached = p.world.call("GET", &format!("/v1/users/{}/organizations", p.ada), Value::Null).await.text();
    assert!(reached.contains(&p.beta) && !reached.contains(&p.labs), "{reached}");
    assert!(p.world.verify().await.is_empty());
}

/// What it is, the headers, the body.
type Asked<'a> = (&'a str, Vec<(&'a str, String)>, Vec<u8>);

/// Many checks take a short way past the router. With a slash at the end they don't, and must be answered the same.
#[tokio::test]
async fn the_short_way_answers_as_the_long_one() {
    let p = place().await;
    let operator = p.world.operator().await;
    let of_ada = NewToken { user: Some(p.ada.as_str().into()), ..NewToken::new(TokenKind::User) };
    let of_ada = secret(&operator, of_ada).await;
    let question = |user: &str, place: &str, role: &str| {
        json!({"user_id": user, "organization_id": place, "role": role}).to_string().into_bytes()
    };
    let good = question(&p.ada, &p.deep, "admin");
    let plain = [("authorization", format!("Bearer {KEY}"))];
    let with = |name: &'static str, value: &str| [plain[0].clone(), (name, value.to_owned())].to_vec();
    let cases: Vec<Asked<'_>> = vec![
        ("a yes", plain.to_vec(), good.clone()),
        ("a no", plain.to_vec(), question(&p.bob, &p.beta, "admin")),
        ("nobody", plain.to_vec(), question("usr_00000000000", &p.beta, "admin")),
        ("an id of a dialect", plain.to_vec(), question(&p.ada, &p.acme.replace("org_", "org-"), "admin")),
        ("nowhere", plain.to_vec(), question(&p.ada, "nowhere", "admin")),
        ("a user's own", vec![("authorization", format!("bearer {of_ada}"))], good.clone()),
        ("with a type", with("content-type", "application/json"), good.clone()),
        ("with another type", with("content-type", "text/plain"), good.clone()),
        ("as somebody", with("roster-act-as", &p.bob), good.clone()),
        ("as nobody", with("roster-act-as", "usr_x"), good.clone()),
        ("at a position", with("roster-at-least", "1"), good.clone()),
        ("at no position", with("roster-at-least", "x"), good.clone()),
        ("with a bad key for repetitions", with("idempotency-key", "a b"), good.clone()),
        ("with an id", with("x-request-id", "mine"), good.clone()),
        ("no key", Vec::new(), good.clone()),
        ("no bearer", vec![("authorization", format!("Basic {KEY}"))], good.clone()),
        ("a wrong key", vec![("authorization", format!("Bearer {KEY}x"))], good.clone()),
        ("no body", plain.to_vec(), Vec::new()),
        ("no JSON", plain.to_vec(), b"{".to_vec()),
        ("a list", plain.to_vec(), format!("[\"{}\", null, \"{}\", null, \"admin\"]", p.ada, p.acme).into_bytes()),
        ("space before", plain.to_vec(), [b" \n", &good[..]].concat()),
        ("space behind", plain.to_vec(), [&good[..], b" \n"].concat()),
        ("two objects", plain.to_vec(), [&good[..], &good[..]].concat()),
        ("no UTF-8", plain.to_vec(), [&good[..good.len() - 3], b"\xff\"}"].concat()),
        ("an unknown field", plain.to_vec(), [&good[..good.len() - 1], b",\"x\":1}"].concat()),
        ("a field twice", plain.to_vec(), [&good[..good.len() - 1], b",\"role\":\"admin\"}"].concat()),
        ("too much", plain.to_vec(), [&good[..], &b" ".repeat(2 << 20)[..]].concat()),
    ];
    let batch = |questions: &[&[u8]]| [&b"{\"checks\":["[..], &questions.join(&b","[..]), b"]}"].concat();
    let no = question(&p.bob, &p.beta, "admin");
    let nobody = question("usr_00000000000", &p.beta, "admin");
    let by_email = json!({"email": "bob@example.com", "organization_id": p.labs, "role": "member"}).to_string();
    let both = json!({"user_id": p.ada, "organization_id": p.acme, "role": "a", "permission": "b"}).to_string();
    let escaped = good.iter().flat_map(|byte| match byte {
        b'_' => b"\\u005f".to_vec(),
        byte => vec![*byte],
    });
    let escaped: Vec<u8> = escaped.collect();
    let list = format!("[\"{}\", null, \"{}\", null, \"admin\"]", p.ada, p.acme);
    let short_list = format!("[\"{}\", \"{}\", null, \"admin\"]", p.ada, p.acme);
    let many: Vec<&[u8]> = [&good[..], &no].into_iter().cycle().take(1000).collect();
    let batches: Vec<Asked<'_>> = vec![
        ("none", plain.to_vec(), batch(&[])),
        ("one", plain.to_vec(), batch(&[&good])),
        ("some", plain.to_vec(), batch(&[&good, &no, &good])),
        ("as many as can be", plain.to_vec(), batch(&many)),
        ("one too many", plain.to_vec(), batch(&[&many[..], &[&good[..]]].concat())),
        ("a user's own", vec![("authorization", format!("bearer {of_ada}"))], batch(&[&good, &no])),
        ("nobody", plain.to_vec(), batch(&[&good, &nobody])),
        ("by address", plain.to_vec(), batch(&[&good, by_email.as_bytes()])),
        ("with escapes", plain.to_vec(), batch(&[&escaped])),
        ("two things asked", plain.to_vec(), batch(&[&good, both.as_bytes()])),
        ("lists", plain.to_vec(), batch(&[list.as_bytes()])),
        ("lists of another order", plain.to_vec(), batch(&[short_list.as_bytes()])),
        ("an unknown field", plain.to_vec(), [b"{\"x\":1,", &batch(&[&good])[1..]].concat()),
        ("broken off", plain.to_vec(), b"{\"checks\":[".to_vec()),
        ("a wrong key", vec![("authorization", format!("Bearer {KEY}x"))], batch(&[&good])),
    ];
    let all = cases.into_iter().map(|case| ("/v1/check", case));
    let all = all.chain(batches.into_iter().map(|case| ("/v1/check:batch", case)));
    let mut short = 0;
    for (path, (what, headers, body)) in all {
        let send = async |path: &str| {
            let mut request = http::Request::post(path);
            for (name, value) in &headers {
                request = request.header(*name, value);
            }
            p.world.send(request.body(axum::body::Body::from(body.clone())).expect("a request")).await
        };
        let (hot, general) = (send(path).await, send(&format!("{path}/")).await);
        // Only the second request is sure to find the key in memory.
        let hot = if hot.status == 200 { send(path).await } else { hot };
        short += u32::from(hot.status == 200);
        let facts = |answer: &Answer| {
            let mut json = answer.json.clone();
            if let Some(id) =
                json.pointer_mut("/request_id").filter(|_| !headers.iter().any(|(n, _)| *n == "x-request-id"))
            {
                *id = Value::Null;
            }
            let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            names.sort();
            let header = |name: &str| answer.header(name).map(str::to_owned);
            let headers = (names, header("content-type"), header("roster-sequence"));
            (answer.status, headers, json, (answer.status == 200).then(|| answer.text()))
        };
        assert_eq!(facts(&hot), facts(&general), "{what}");
        assert!(hot.header("x-request-id").is_some());
    }
    let metrics = p.world.call("GET", "/metrics", Value::Null).await.text();
    let count = "roster_http_requests_answered_at_once_total ";
    let taken = metrics.lines().find_map(|line| line.strip_prefix(count)?.parse::<u32>().ok());
    if p.world.engine.statistics().answered_from_memory > 0 {
        assert!(taken.is_some_and(|taken| taken >= 11), "{taken:?} of {short} took the short way");
    }
}
