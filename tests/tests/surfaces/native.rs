//! What the native API promises beyond the scenarios: lists, merge patches, preconditions, repeated requests, bulk, the log.

use roster_engine::{EntityId as _, NewUser};
use roster_tests::World;
use roster_tests::world::{Answer, KEY, request};
use serde_json::{Value, json};

async fn user(world: &World, email: &str, name: &str) -> String {
    world.clock.advance(1);
    let answer = world.call("POST", "/v1/users", json!({"email": email, "name": name})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.str("/id").to_owned()
}

async fn organization(world: &World, body: Value) -> String {
    let answer = world.call("POST", "/v1/organizations", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.str("/id").to_owned()
}

async fn walk(world: &World, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = world.call("GET", &format!("{path}{cursor}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        items.extend(answer.json["items"].as_array().expect("items").clone());
        match answer.json["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn column<'a>(items: &'a [Value], pointer: &str) -> Vec<&'a str> {
    items.iter().map(|item| item.pointer(pointer).and_then(Value::as_str).expect("text")).collect()
}

#[tokio::test]
async fn a_list_is_walked_in_every_order_without_gap_or_double() {
    let world = World::new().await;
    let names = ["Zoë", "ada", "Élodie", "Bob", "ada", "Жанна", "bob", "Ada"];
    for (n, name) in names.iter().enumerate() {
        user(&world, &format!("u{}@example.com", (n * 5) % 8), name).await;
    }
    for sort in ["created_at", "-created_at", "name", "-name", "email", "-email", "updated_at", "-updated_at"] {
        let all = walk(&world, &format!("/v1/users?limit=500&sort={sort}")).await;
        assert_eq!(all.len(), 8);
        for limit in [1, 3, 7, 8] {
            let paged = walk(&world, &format!("/v1/users?limit={limit}&sort={sort}")).await;
            assert_eq!(column(&paged, "/id"), column(&all, "/id"), "{sort} by {limit}");
        }
    }
    let by_name = walk(&world, "/v1/users?sort=name&limit=3").await;
    assert_eq!(column(&by_name, "/name"), ["ada", "ada", "Ada", "Bob", "bob", "Zoë", "Élodie", "Жанна"]);
    let answer = world.call("GET", "/v1/users?limit=2&total=true", Value::Null).await;
    assert_eq!(answer.json["total"], 8);
    // A cursor of another order is refused, and so is a made-up one.
    let cursor = answer.str("/next_cursor");
    for query in [format!("sort=name&cursor={cursor}"), "cursor=abc".into(), "cursor=%00".into()] {
        assert!(
            world.call("GET", &format!("/v1/users?{query}"), Value::Null).await.status.is_client_error(),
            "{query}"
        );
    }
}

#[tokio::test]
async fn lists_find_what_is_asked_for_in_any_script() {
    let world = World::new().await;
    let elodie = user(&world, "elodie@example.com", "Élodie Straße").await;
    let zhanna = user(&world, "zhanna@example.org", "Жанна_100%").await;
    let acme = organization(&world, json!({"name": "Acme"})).await;
    for (user, role) in [(&elodie, "admin"), (&zhanna, "viewer")] {
        let path = format!("/v1/organizations/{acme}/memberships");
        world.call("POST", &path, json!({"user_id": user, "roles": [role]})).await;
    }
    world.call("PATCH", &format!("/v1/users/{zhanna}"), json!({"status": "inactive"})).await;
    let cases = [
        ("q=%C3%A9LODIE", vec![&elodie]),
        ("q=STRASSE", vec![&elodie]),
        ("q=%D0%96%D0%B0%D0%9D%D0%9D", vec![&zhanna]),
        ("q=example.ORG", vec![&zhanna]),
        ("q=_100%25", vec![&zhanna]),
        ("q=%25", vec![&zhanna]),
        ("q=nobody", vec![]),
        ("email=ELODIE%40example.com", vec![&elodie]),
        ("email=elodie", vec![]),
        ("status=inactive", vec![&zhanna]),
    ];
    for (query, wanted) in &cases {
        for path in ["/v1/users".to_owned(), format!("/v1/organizations/{acme}/memberships")] {
            let answer = world.call("GET", &format!("{path}?total=true&{query}"), Value::Null).await;
            let items = answer.json["items"].as_array().expect("items");
            let found = column(items, if path.ends_with("users") { "/id" } else { "/user_id" });
            assert_eq!(&found.iter().collect::<Vec<_>>(), wanted, "{path}?{query}");
            assert_eq!(answer.json["total"], wanted.len());
        }
    }
    let admins =
        world.call("GET", &format!("/v1/organizations/{acme}/memberships?role=admin,owner"), Value::Null).await;
    assert_eq!(column(admins.json["items"].as_array().expect("items"), "/user_id"), [&elodie]);
    let answer = world.call("GET", &format!("/v1/organizations/{acme}/memberships?role=boss"), Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.str("/field")), (422, "role"));
}

#[tokio::test]
async fn a_user_has_a_hundred_addresses_at_most() {
    let world = World::new().await;
    let with = |number: usize| {
        let others: Vec<String> = (1..number).map(|n| format!("ada{n}@example.com")).collect();
        json!({"email": format!("ada{number}@example.org"), "other_emails": others})
    };
    let refused = world.call("POST", "/v1/users", with(101)).await;
    assert_eq!((refused.status.as_u16(), refused.str("/field")), (422, "addresses"), "{}", refused.text());
    assert_eq!(world.call("POST", "/v1/users", with(100)).await.status, 201);
}

#[tokio::test]
async fn a_patch_gives_nobody_more_addresses_than_a_hundred() {
    let world = World::new().await;
    let operator = world.operator().await;
    let with = async |phones: std::ops::Range<u32>| {
        let phones = phones.map(|n| format!("+1415555{n:04}")).collect();
        let user = operator.create_user(NewUser { phones, ..NewUser::default() }).await.expect("a user");
        format!("/v1/users/{}", user.id.native())
    };
    let patch = async |path: &str, email: &str| world.call("PATCH", path, json!({"email": email})).await;
    let full = with(0..100).await;
    let refused = patch(&full, "ada@example.com").await;
    assert_eq!((refused.status.as_u16(), refused.str("/field")), (422, "addresses"), "{}", refused.text());
    assert_eq!(world.call("GET", &full, Value::Null).await.json["email"], Value::Null);
    // A user with 99 addresses: the hundredth can be added, and then replaced.
    let path = with(100..199).await;
    for email in ["ada@example.com", "ada@example.org"] {
        let changed = patch(&path, email).await;
        assert_eq!((changed.status.as_u16(), changed.str("/email")), (200, email), "{}", changed.text());
    }
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_merge_patch_changes_what_it_names() {
    let world = World::new().await;
    let ada = user(&world, "ada@example.com", "Ada Lovelace").await;
    let path = format!("/v1/users/{ada}");
    let big = json!({"n": 9_007_199_254_740_993_i64, "u": u64::MAX, "keep": {"a": 1, "b": 2}});
    let answer = world.call("PATCH", &path, json!({"public_metadata": big, "external_id": "x", "locale": "en"})).await;
    assert_eq!(answer.json["public_metadata"], big);
    let patch = json!({"public_metadata": {"keep": {"a": null, "c": [null]}}, "external_id": null});
    let answer = world.call("PATCH", &path, patch).await;
    assert_eq!(
        answer.json["public_metadata"],
        json!({"n": 9_007_199_254_740_993_i64, "u": u64::MAX, "keep": {"b": 2, "c": [null]}})
    );
    assert_eq!((&answer.json["external_id"], &answer.json["locale"]), (&Value::Null, &json!("en")));
    let answer = world.call("PATCH", &path, json!({"public_metadata": null, "first_name": "Augusta"})).await;
    assert_eq!((&answer.json["public_metadata"], &answer.json["name"]), (&json!({}), &json!("Augusta Lovelace")));
    let answer = world.call("PATCH", &path, json!({"name": "Ada King Lovelace"})).await;
    assert_eq!((answer.str("/first_name"), answer.str("/last_name")), ("Ada", "King Lovelace"));
    // A change that is too large is refused, and nothing of it is stored.
    let answer = world.call("PATCH", &path, json!({"name": "No", "public_metadata": {"x": "x".repeat(9000)}})).await;
    assert_eq!((answer.status.as_u16(), answer.str("/field")), (422, "public_metadata"));
    assert_eq!(world.call("GET", &path, Value::Null).await.str("/name"), "Ada King Lovelace");
}

#[tokio::test]
async fn null_in_a_patch_clears_a_field_or_is_refused() {
    let world = World::new().await;
    let new = json!({
        "name": "Acme", "max_members": 5, "email_domains": ["example.com"], "visibility": "admins", "locale": "en",
        "external_id": "x",
    });
    let acme = organization(&world, new).await;
    let ada = user(&world, "ada@example.com", "Ada Lovelace").await;
    let permission = json!({"key": "a:b", "description": "old"});
    assert_eq!(world.call("POST", "/v1/permissions", permission).await.status, 201);
    let role = json!({"key": "clerk", "description": "old", "base": "admin", "permissions": ["a:b"]});
    assert_eq!(world.call("POST", "/v1/roles", role).await.status, 201);
    let token = json!({"kind": "organization", "organization_id": acme, "name": "old"});
    let token = world.call("POST", "/v1/tokens", token).await;
    let member = format!("/v1/organizations/{acme}/memberships");
    assert_eq!(world.call("POST", &member, json!({"user_id": ada})).await.status, 201);

    let paths = [
        (
            format!("/v1/organizations/{acme}"),
            json!({"max_members": 0, "email_domains": [], "visibility": "members", "locale": null, "external_id": null}),
            vec!["name", "slug", "parent_id", "status", "suspended"],
        ),
        (
            format!("/v1/users/{ada}"),
            json!({"name": "", "first_name": null, "username": null, "email": null}),
            vec!["status", "realm_admin"],
        ),
        (
            String::from("/v1/roles/clerk"),
            json!({"description": "", "base": "viewer", "permissions": []}),
            vec!["key", "name", "reaches_down"],
        ),
        (String::from("/v1/permissions/a:b"), json!({"description": ""}), vec!["key", "name"]),
        (format!("{member}/{ada}"), json!({"public_metadata": {}}), vec!["roles", "default"]),
        (format!("/v1/tokens/{}", token.str("/id")), json!({"name": null, "expires_at": null}), vec!["roles"]),
    ];
    for (path, cleared, kept) in paths {
        for (field, value) in cleared.as_object().expect("an object") {
            let answer = world.call("PATCH", &path, json!({field: null})).await;
            assert_eq!((answer.status.as_u16(), &answer.json[field]), (200, value), "{path} {field}");
        }
        for field in kept {
            let answer = world.call("PATCH", &path, json!({field: null})).await;
            let told = (answer.status.as_u16(), answer.str("/code"), answer.str("/field"));
            assert_eq!(told, (400, "missing", field), "{path}");
        }
    }
    assert!(world.verify().await.is_empty());
}

#[tokio::test]
async fn the_maximum_number_of_members_fits_what_clients_read() {
    let world = World::new().await;
    let acme = organization(&world, json!({"name": "Acme", "max_members": i32::MAX})).await;
    let more = json!({"name": "Acme", "max_members": 2_147_483_648_u32});
    for (method, place) in [("POST", String::new()), ("PATCH", format!("/{acme}"))] {
        let refused = world.call(method, &format!("/v1/organizations{place}"), more.clone()).await;
        assert_eq!((refused.status.as_u16(), refused.str("/field")), (422, "max_members"), "{method}");
        assert!(refused.str("/detail").contains("at most 2147483647"), "{}", refused.text());
    }
}

#[tokio::test]
async fn a_name_that_was_answered_can_be_sent_back() {
    let world = World::new().await;
    let path = format!("/v1/users/{}", user(&world, "ada@example.com", "Ada Lovelace").await);
    for (first, last) in [("Ada Maria", "King"), (&*"a".repeat(256), &*"b".repeat(256))] {
        let parts = json!({"first_name": first, "last_name": last});
        let known = world.call("PATCH", &path, parts.clone()).await;
        assert_eq!((known.status.as_u16(), known.str("/name")), (200, &*format!("{first} {last}")));
        // The same name again: without its parts, which are then unchanged, and with them.
        let mut whole = parts;
        whole["name"] = known.json["name"].clone();
        for same in [json!({"name": known.json["name"]}), whole] {
            let answer = world.call("PATCH", &path, same).await;
            assert_eq!((answer.status.as_u16(), &answer.json), (200, &known.json));
        }
    }
    for long in [json!({"name": "c".repeat(257)}), json!({"name": "c".repeat(513), "first_name": "c".repeat(256)})] {
        let refused = world.call("PATCH", &path, long).await;
        assert_eq!((refused.status.as_u16(), refused.str("/field")), (422, "name"));
    }
}

#[tokio::test]
async fn updated_at_only_grows_even_if_the_clock_goes_back() {
    let world = World::new().await;
    let acme = organization(&world, json!({"name": "Acme"})).await;
    let path = format!("/v1/organizations/{acme}");
    let mut last = world.call("GET", &path, Value::Null).await.str("/updated_at").to_owned();
    for step in [0, -60_000, 5, -3_600_000] {
        world.clock.advance(step);
        let answer = world.call("PATCH", &path, json!({"name": format!("Acme {step}")})).await;
        assert!(answer.str("/updated_at") > last.as_str(), "{} after {last}", answer.str("/updated_at"));
        answer.str("/updated_at").clone_into(&mut last);
    }
    let answer = world.call("PATCH", &path, json!({"name": "Acme -3600000"})).await;
    assert_eq!(answer.str("/updated_at"), last, "nothing changed, nothing was written");
    assert!(world.verify().await.is_empty());
}

#[tokio::test]
async fn a_write_can_expect_a_state() {
    let world = World::new().await;
    let acme = organization(&world, json!({"name": "Acme"})).await;
    let path = format!("/v1/organizations/{acme}");
    let tag = world.call("GET", &path, Value::Null).await.header("etag").expect("an ETag").to_owned();
    let patch = async |tag: &str, name: &str| {
        let mut request = request(KEY, "PATCH", &path, &json!({"name": name}));
        request.headers_mut().insert("if-match", tag.parse().expect("a header value"));
        world.clock.advance(10);
        world.send(request).await
    };
    let answer = patch(&tag, "First").await;
    assert_eq!(answer.status, 200);
    assert_ne!(answer.header("etag"), Some(tag.as_str()));
    for stale in [tag.as_str(), "\"nonsense\"", "W/\"1\""] {
        let answer = patch(stale, "Second").await;
        assert_eq!((answer.status.as_u16(), answer.str("/code")), (412, "changed_meanwhile"), "{stale}");
    }
    assert_eq!(patch("*", "Third").await.status, 200);
    let mut request = request(KEY, "DELETE", &path, &Value::Null);
    request.headers_mut().insert("if-match", tag.parse().expect("a header value"));
    assert_eq!(world.send(request).await.status, 412);
    assert_eq!(world.call("GET", &path, Value::Null).await.str("/name"), "Third");
}

#[tokio::test]
async fn a_repeated_request_is_done_once() {
    let world = World::new().await;
    let post = async |key: &str, path: &str, body: Value| {
        let mut request = request(KEY, "POST", path, &body);
        request.headers_mut().insert("idempotency-key", key.parse().expect("a header value"));
        world.send(request).await
    };
    let body = json!({"email": "ada@example.com", "name": "Ada"});
    let (first, again) = (post("k1", "/v1/users", body.clone()).await, post("k1", "/v1/users", body.clone()).await);
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.json, again.json);
    let other = post("k1", "/v1/users", json!({"email": "bob@example.com"})).await;
    assert_eq!((other.status.as_u16(), other.str("/code")), (422, "idempotency_key_reused"));
    assert_eq!(post("k2", "/v1/users", body).await.status, 409, "another key is another request");
    // A refused request can be tried again with the same key.
    let acme = organization(&world, json!({"name": "Acme", "max_members": 1})).await;
    let path = format!("/v1/organizations/{acme}/memberships");
    let bob = user(&world, "bob@example.com", "Bob").await;
    assert_eq!(post("k3", &path, json!({"user_id": first.str("/id")})).await.status, 201);
    let full = post("k4", &path, json!({"user_id": bob})).await;
    assert_eq!((full.status.as_u16(), full.str("/code")), (409, "limit_reached"));
    world.call("PATCH", &format!("/v1/organizations/{acme}"), json!({"max_members": 0})).await;
    assert_eq!(post("k4", &path, json!({"user_id": bob})).await.status, 201);
    // A secret is returned only once, since it isn't stored.
    let token = json!({"kind": "organization", "organization_id": acme, "roles": ["viewer"]});
    let (first, again) = (post("k5", "/v1/tokens", token.clone()).await, post("k5", "/v1/tokens", token).await);
    assert!(first.str("/secret").starts_with("rst_"));
    assert_eq!((again.status.as_u16(), again.str("/id"), again.json.get("secret")), (201, first.str("/id"), None));
    // A day later the key can be used for another request.
    world.clock.advance(25 * 60 * 60 * 1000);
    assert_eq!(post("k1", "/v1/users", json!({"email": "new@example.com"})).await.status, 201);
}

#[tokio::test]
async fn a_repeated_request_is_answered_to_who_sent_it_whomever_he_acts_as() {
    let world = World::new().await;
    let acme = organization(&world, json!({"name": "Acme"})).await;
    let (ada, bob) = (user(&world, "ada@example.com", "Ada").await, user(&world, "bob@example.com", "Bob").await);
    let path = format!("/v1/organizations/{acme}/memberships");
    assert_eq!(world.call("POST", &path, json!({"user_id": ada, "roles": ["admin"]})).await.status, 201);
    let narrow = world.call("POST", "/v1/tokens", json!({"kind": "realm", "scopes": ["users:act_as"]})).await;
    let longest = "k".repeat(255);
    let post = async |key: &str, act_as: Option<&str>| {
        let mut request = request(key, "POST", &path, &json!({"user_id": bob}));
        request.headers_mut().insert("idempotency-key", longest.parse().expect("a header value"));
        if let Some(act_as) = act_as {
            request.headers_mut().insert("roster-act-as", act_as.parse().expect("a header value"));
        }
        world.send(request).await
    };
    let first = post(KEY, Some(ada.as_str())).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let again = post(KEY, Some(ada.as_str())).await;
    assert_eq!((again.status.as_u16(), again.str("/id")), (201, first.str("/id")));
    // Another key that may act as Ada doesn't get the stored answer, since it may not make this request.
    let other = post(narrow.str("/secret"), Some(ada.as_str())).await;
    assert_eq!((other.status.as_u16(), other.str("/code")), (403, "forbidden"), "{}", other.text());
    // Acting as another user, or as nobody, makes it a different request.
    let as_bob = post(KEY, Some(bob.as_str())).await;
    assert_eq!((as_bob.status.as_u16(), as_bob.str("/code")), (403, "forbidden"), "{}", as_bob.text());
    let as_oneself = post(KEY, None).await;
    assert_eq!((as_oneself.status.as_u16(), as_oneself.str("/code")), (409, "already_exists"), "{}", as_oneself.text());
    assert!(world.verify().await.is_empty());
}

#[tokio::test]
async fn a_batch_is_done_whole_or_not_at_all() {
    let world = World::new().await;
    let acme = organization(&world, json!({"name": "Acme"})).await;
    let mut users = Vec::new();
    for name in ["ada", "bob", "cid", "dan"] {
        users.push(user(&world, &format!("{name}@example.com"), name).await);
    }
    let path = format!("/v1/organizations/{acme}/memberships");
    let batch = format!("{path}:batch");
    let members = async || {
        let answer = world.call("GET", &format!("{path}?sort=name"), Value::Null).await;
        let items = answer.json["items"].as_array().expect("items").clone();
        items
            .iter()
            .map(|m| {
                format!("{} {}", m["user"]["name"].as_str().expect("a name"), m["roles"][0].as_str().expect("a role"))
            })
            .collect::<Vec<_>>()
    };
    let first = json!({"operations": [
        {"op": "add", "user_id": users[0], "roles": ["admin"]},
        {"op": "add", "email": "BOB@example.com"},
    ]});
    let dry = json!({"operations": first["operations"], "dry_run": true});
    let answer = world.call("POST", &batch, dry).await;
    assert_eq!((answer.status.as_u16(), answer.json["items"].as_array().map(Vec::len)), (200, Some(2)));
    assert!(members().await.is_empty(), "a rehearsal changes nothing");
    assert_eq!(world.call("POST", &batch, first).await.status, 200);
    assert_eq!(members().await, ["ada admin", "bob member"]);

    let spoiled = json!({"operations": [
        {"op": "update", "user_id": users[0], "roles": ["viewer"]},
        {"op": "remove", "user_id": users[3]},
        {"op": "add", "user_id": users[2]},
        {"op": "add", "user_id": "usr_nobody"},
        {"op": "remove", "user_id": users[2]},
        {"op": "add", "user_id": users[3], "roles": ["boss"]},
    ]});
    let events = world.call("GET", "/v1/events?limit=500", Value::Null).await.json["items"].as_array().map(Vec::len);
    let answer = world.call("POST", &batch, spoiled).await;
    assert_eq!((answer.status.as_u16(), answer.str("/code")), (422, "items_refused"));
    let told = [(1, "not_found"), (3, "not_found"), (4, "invalid"), (5, "reference_not_found")];
    assert_eq!(refused_items(&answer), told, "all of them at once");
    assert_eq!(answer.str("/items/3/field"), "operations[5].roles");
    assert_eq!(members().await, ["ada admin", "bob member"], "nothing of it was done");
    let after = world.call("GET", "/v1/events?limit=500", Value::Null).await.json["items"].as_array().map(Vec::len);
    assert_eq!(events, after, "nor logged");

    world.call("PUT", &format!("/v1/organizations/{acme}/owner"), json!({"user_id": users[0]})).await;
    let replace = json!({"replace": true, "operations": [{"op": "add", "user_id": users[2], "roles": ["viewer"]}]});
    let answer = world.call("POST", &batch, replace).await;
    assert_eq!(answer.json["removed"][0]["user"]["name"], "bob");
    assert_eq!(members().await, ["ada owner", "cid viewer"], "the owner stays");
    assert!(world.verify().await.is_empty());
}

/// The index and the code of each item that was refused.
fn refused_items(answer: &Answer) -> Vec<(u64, &str)> {
    let items = answer.json["items"].as_array().expect("items").iter();
    items.map(|i| (i["index"].as_u64().expect("an index"), i["code"].as_str().expect("a code"))).collect()
}

#[tokio::test]
async fn a_batch_of_invitations_tells_all_that_is_wrong_with_it() {
    let world = World::new().await;
    let acme = organization(&world, json!({"name": "Acme"})).await;
    let path = format!("/v1/organizations/{acme}/invitations");
    let batch = json!({"invitations": [
        {"email": "ada@example.com", "roles": ["boss"]},
        {"email": "bob@example.com"},
        {"email": "nobody"},
    ]});
    let answer = world.call("POST", &format!("{path}:batch"), batch).await;
    assert_eq!((answer.status.as_u16(), answer.str("/code")), (422, "items_refused"));
    assert_eq!(refused_items(&answer), [(0, "reference_not_found"), (2, "invalid")]);
    assert_eq!(answer.str("/items/0/field"), "invitations[0].roles");
    assert_eq!(world.call("GET", &path, Value::Null).await.json["items"], json!([]), "none is sent");
}

#[tokio::test]
async fn the_log_tells_everything_in_order() {
    let world = World::new().await;
    let ada = user(&world, "ada@example.com", "Ada").await;
    let acme = organization(&world, json!({"name": "Acme"})).await;
    let member = format!("/v1/organizations/{acme}/memberships/{ada}");
    world
        .call("POST", &format!("/v1/organizations/{acme}/memberships"), json!({"user_id": ada, "roles": ["viewer"]}))
        .await;
    world.call("PATCH", &member, json!({"roles": ["viewer"]})).await;
    world.call("PATCH", &member, json!({"roles": ["admin"]})).await;
    world.call("PUT", &format!("/v1/organizations/{acme}/owner"), json!({"user_id": ada})).await;
    world.call("DELETE", &format!("/v1/organizations/{acme}/owner"), Value::Null).await;
    let deleted = world.call("DELETE", &member, Value::Null).await;
    let events = walk_events(&world, "").await;
    assert_eq!(deleted.header("roster-sequence"), Some(events.len().to_string().as_str()));
    let kinds = column(&events, "/type");
    assert_eq!(
        kinds[2..],
        [
            "user.created",
            "organization.created",
            "membership.added",
            "membership.updated",
            "ownership.transferred",
            "ownership.cleared",
            "membership.removed"
        ]
    );
    assert_eq!(events[5].pointer("/data/before/roles/0"), Some(&json!("viewer")));
    assert_eq!(events[5].pointer("/data/after/roles/0"), Some(&json!("admin")));
    assert!(!serde_json::to_string(&events).expect("JSON").contains(KEY), "no secret is in the log");
    let of_acme = walk_events(&world, &format!("&organization_id={acme}")).await;
    assert_eq!(of_acme.len(), 6);
}

async fn walk_events(world: &World, filter: &str) -> Vec<Value> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let answer = world.call("GET", &format!("/v1/events?limit=2&after={after}{filter}"), Value::Null).await;
        let items = answer.json["items"].as_array().expect("items").clone();
        if items.is_empty() {
            return events;
        }
        after = answer.json["next_after"].as_i64().expect("a number");
        events.extend(items);
    }
}

#[tokio::test]
async fn organizations_are_a_tree() {
    let world = World::new().await;
    let acme = organization(&world, json!({"name": "Acme"})).await;
    let labs = organization(&world, json!({"name": "Labs", "parent_id": acme})).await;
    let deep = organization(&world, json!({"name": "Deep", "parent_id": labs})).await;
    let beta = organization(&world, json!({"name": "Acme", "external_id": "b"})).await;
    let get = async |id: &str| world.call("GET", &format!("/v1/organizations/{id}"), Value::Null).await;
    assert_eq!((get(&acme).await.str("/slug"), get(&beta).await.str("/slug")), ("acme", "acme-2"));
    let below = walk(&world, &format!("/v1/organizations/{acme}/descendants?sort=name")).await;
    assert_eq!(column(&below, "/name"), ["Deep", "Labs"]);
    let children = walk(&world, &format!("/v1/organizations/{acme}/children?limit=1")).await;
    assert_eq!(column(&children, "/name"), ["Labs"]);
    let answer = world.call("PATCH", &format!("/v1/organizations/{acme}"), json!({"parent_id": deep})).await;
    assert_eq!((answer.status.as_u16(), answer.str("/field")), (422, "parent_id"));
    let answer =
        world.call("PATCH", &format!("/v1/organizations/{labs}"), json!({"parent_id": beta, "name": "Lab"})).await;
    assert_eq!((answer.str("/name"), answer.str("/parent_id")), ("Lab", beta.as_str()));
    assert_eq!(get(&deep).await.json["depth"], 3);
    // Every form of an id is accepted.
    let ids = get(&deep).await.json["ids"].clone();
    for form in ids.as_object().expect("forms").values() {
        assert_eq!(get(form.as_str().expect("text")).await.str("/id"), deep);
    }
    let answer = world.call("DELETE", &format!("/v1/organizations/{beta}"), Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.str("/code")), (409, "has_children"));
    assert_eq!(world.call("DELETE", &format!("/v1/organizations/{beta}?subtree=true"), Value::Null).await.status, 204);
    assert_eq!(get(&deep).await.status, 404);
    organization(&world, json!({"name": "Again", "external_id": "b"})).await;
    world.engine.maintain().await;
    assert!(world.verify().await.is_empty());
}

#[tokio::test]
async fn roles_and_permissions_of_the_realms_own() {
    let world = World::new().await;
    let answer = world.call("GET", "/v1/roles", Value::Null).await;
    let keys = column(answer.json["items"].as_array().expect("items"), "/key").join(" ");
    assert_eq!(keys, "owner admin member viewer sysadmin support business site_access");
    let answer = world.call("POST", "/v1/roles", json!({"key": "clerk", "permissions": ["invoices:pay"]})).await;
    assert_eq!((answer.status.as_u16(), answer.str("/code")), (422, "reference_not_found"));
    assert_eq!(world.call("POST", "/v1/permissions", json!({"key": "invoices:pay"})).await.status, 201);
    let clerk =
        world.call("POST", "/v1/roles", json!({"key": "clerk", "permissions": ["invoices:pay", "invoices:pay"]})).await;
    assert_eq!(clerk.json["permissions"], json!(["invoices:pay"]));
    assert_eq!(world.call("POST", "/v1/roles", json!({"key": "clerk"})).await.status, 409);
    for path in ["/v1/roles/owner", "/v1/roles/member"] {
        let answer = world.call("PATCH", path, json!({"permissions": []})).await;
        assert_eq!((answer.status.as_u16(), answer.str("/code")), (409, "built_in"));
    }
    let ada = user(&world, "ada@example.com", "Ada").await;
    let acme = organization(&world, json!({"name": "Acme"})).await;
    world
        .call("POST", &format!("/v1/organizations/{acme}/memberships"), json!({"user_id": ada, "roles": ["clerk"]}))
        .await;
    let answer = world.call("DELETE", "/v1/roles/clerk", Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.str("/code")), (409, "role_in_use"));
    assert_eq!(world.call("DELETE", "/v1/permissions/invoices:pay", Value::Null).await.status, 204);
    assert_eq!(world.call("GET", "/v1/roles/clerk", Value::Null).await.json["permissions"], json!([]));
    world.call("DELETE", &format!("/v1/organizations/{acme}/memberships/{ada}"), Value::Null).await;
    assert_eq!(world.call("DELETE", "/v1/roles/clerk", Value::Null).await.status, 204);
    // Defining a role can't grant more than the caller holds, not even by changing where the role counts.
    made_lead(&world, &ada, &acme).await;
    for number in 0..53 {
        let answer = world.call("POST", "/v1/roles", json!({"key": format!("r{number}")})).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    let answer = world.call("POST", "/v1/roles", json!({"key": "one_too_many"})).await;
    assert_eq!((answer.status.as_u16(), answer.str("/code")), (409, "too_many_roles"));
    assert!(world.verify().await.is_empty());
}

#[tokio::test]
async fn what_had_a_role_that_was_deleted_keeps_its_name() {
    let world = World::new().await;
    let role = async |key: &str| world.call("POST", "/v1/roles", json!({"key": key})).await.status;
    assert_eq!(role("intern").await, 201);
    let ada = user(&world, "ada@example.com", "Ada").await;
    let acme = organization(&world, json!({"name": "Acme"})).await;
    let acme = format!("/v1/organizations/{acme}");
    let add = json!({"user_id": ada, "roles": ["intern"]});
    world.call("POST", &format!("{acme}/memberships"), add).await;
    let update = json!({"roles": ["member"]});
    assert_eq!(world.call("PATCH", &format!("{acme}/memberships/{ada}"), update).await.status, 200);
    let invite = json!({"email": "bob@example.com", "roles": ["intern"]});
    let invited = world.call("POST", &format!("{acme}/invitations"), invite).await;
    let invitation = format!("/v1/invitations/{}", invited.str("/id"));
    let issue =
        json!({"kind": "organization", "organization_id": &acme["/v1/organizations/".len()..], "roles": ["intern"]});
    let token = format!("/v1/tokens/{}", world.call("POST", "/v1/tokens", issue).await.str("/id"));
    assert_eq!(world.call("DELETE", &token, Value::Null).await.status, 204);
    assert_eq!(world.call("DELETE", &invitation, Value::Null).await.status, 204);
    world.clock.advance(1000);
    assert_eq!(world.call("DELETE", "/v1/roles/intern", Value::Null).await.status, 204);
    world.clock.advance(1000);
    // It takes over the number.
    assert_eq!(role("boss").await, 201);
    let promote = json!({"roles": ["boss"]});
    let ada = world.call("PATCH", &format!("{acme}/memberships/{ada}"), promote).await;
    assert_eq!(ada.json["roles"], json!(["boss"]));
    let get = async |path: &str| world.call("GET", path, Value::Null).await.json;
    assert_eq!(get(&invitation).await["roles"], json!(["intern"]));
    assert_eq!(get(&token).await["roles"], json!(["intern"]));
    let shown = invited.str("/ids/clerk");
    let place = invited.str("/organization_id");
    let by_clerk = get(&format!("/clerk/v1/organizations/{place}/invitations/{shown}")).await;
    assert_eq!((&by_clerk["role"], &by_clerk["status"]), (&json!("org:intern"), &json!("revoked")));
    let log = get("/v1/events").await;
    let roles = |event: &Value| {
        let of = |side: &str| event["data"][side]["roles"].as_array().cloned();
        json!([event["type"], of("before"), of("after")])
    };
    let log: Vec<Value> = log["items"].as_array().expect("events").iter().map(roles).collect();
    for event in [
        json!(["membership.added", null, ["intern"]]),
        json!(["membership.updated", ["intern"], ["member"]]),
        json!(["invitation.created", null, ["intern"]]),
        json!(["token.revoked", ["intern"], ["intern"]]),
        json!(["membership.updated", ["member"], ["boss"]]),
    ] {
        assert!(log.contains(&event), "{event} in {log:?}");
    }
    assert!(world.verify().await.is_empty());
}

/// Gives Ada a role that lets her define roles, and one that grants more where it is held; then she changes the latter.
async fn made_lead(world: &World, ada: &str, acme: &str) {
    let root = world.call("GET", "/v1/realm", Value::Null).await.str("/root_organization_id").to_owned();
    for role in [
        json!({"key": "definer", "permissions": ["roles:write"], "reaches_down": true}),
        json!({"key": "lead", "permissions": ["memberships:write"]}),
    ] {
        assert_eq!(world.call("POST", "/v1/roles", role).await.status, 201);
    }
    for (place, role) in [(&*root, "definer"), (acme, "lead")] {
        let member = json!({"user_id": ada, "roles": [role]});
        let answer = world.call("POST", &format!("/v1/organizations/{place}/memberships"), member).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    let key = world.call("POST", "/v1/tokens", json!({"kind": "user", "user_id": ada})).await;
    let patch = async |body: Value| world.call_as(key.str("/secret"), "PATCH", "/v1/roles/lead", body).await.status;
    assert_eq!(patch(json!({"reaches_down": true})).await, 403);
    assert_eq!(patch(json!({"name": "Lead"})).await, 200);
    assert_eq!(patch(json!({"permissions": ["roles:write"], "reaches_down": true})).await, 200, "what she holds");
}

#[tokio::test]
async fn when_a_key_was_last_used_is_known_and_is_no_event() {
    let world = World::new().await;
    let issued = world.call("POST", "/v1/tokens", json!({"kind": "realm", "name": "ci"})).await;
    let (id, secret) = (issued.str("/id").to_owned(), issued.str("/secret").to_owned());
    let get = async || world.call("GET", &format!("/v1/tokens/{id}"), Value::Null).await;
    assert_eq!(get().await.json["last_used_at"], Value::Null);
    let before = get().await.header("roster-sequence").map(str::to_owned);
    world.clock.advance(5000);
    assert_eq!(world.call_as(&secret, "GET", "/v1/roles", Value::Null).await.status, 200);
    let answer = get().await;
    assert_eq!(answer.str("/last_used_at"), "2026-11-22T06:00:05.000Z");
    assert_eq!(answer.header("roster-sequence").map(str::to_owned), before);
    world.engine.maintain().await;
    assert_eq!(get().await.str("/last_used_at"), "2026-11-22T06:00:05.000Z", "written down meanwhile");
    assert!(world.verify().await.is_empty());
}

#[tokio::test]
async fn what_a_write_answers_tells_when_somebody_was_last_seen() {
    let world = World::new().await;
    let ada = world.call("POST", "/v1/users", json!({"email": "ada@example.com"})).await.str("/id").to_owned();
    let issued = world.call("POST", "/v1/tokens", json!({"kind": "user", "user_id": ada, "name": "hers"})).await;
    let (token, secret) = (issued.str("/id").to_owned(), issued.str("/secret").to_owned());
    // Twice, so that memory knows the user and the key as they were before.
    for _ in 0..2 {
        assert_eq!(world.call_as(&secret, "GET", "/v1/roles", Value::Null).await.status, 200);
        let reached = world.call("GET", &format!("/v1/users/{ada}/organizations"), Value::Null).await;
        assert_eq!(reached.status, 200, "{}", reached.text());
    }
    world.engine.maintain().await;
    world.clock.advance(60_000);
    assert_eq!(world.call_as(&secret, "GET", "/v1/roles", Value::Null).await.status, 200);
    world.engine.maintain().await;
    let seen = "2026-11-22T06:01:00.000Z";
    let renamed = world.call("PATCH", &format!("/v1/tokens/{token}"), json!({"name": "ada's"})).await;
    assert_eq!(renamed.str("/last_used_at"), seen, "{}", renamed.text());
    let renamed = world.call("PATCH", &format!("/v1/users/{ada}"), json!({"name": "Ada"})).await;
    assert_eq!(renamed.str("/last_active_at"), seen, "{}", renamed.text());
    assert!(world.verify().await.is_empty());
}
