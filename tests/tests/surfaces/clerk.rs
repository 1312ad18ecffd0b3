//! What only Clerk has: versions, pictures, and what no client of its would send.

use axum::body::Body;
use http::Request;
use roster_engine::{Dialect, EntityId, Form, NewToken, NewUser, TokenKind, UserId};
use roster_tests::operations::secret;
use roster_tests::world::KEY;
use roster_tests::{Answer, World};
use serde_json::{Value, json};

/// The id of no user.
const NOBODY: &str = "user_000000000000000000000000000";

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

/// Status and code of a refusal.
fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), answer.str("/errors/0/code"))
}

async fn user(world: &World, name: &str) -> UserId {
    world.clock.advance(1);
    let new = NewUser { email: Some(format!("{name}@example.com")), name: Some(name.into()), ..NewUser::default() };
    world.operator().await.create_user(new).await.expect("a user").id
}

/// The path of an organization, and the user who made it.
async fn acme(world: &World) -> (String, String) {
    let ann = id(user(world, "ann").await);
    let made = world.call("POST", "/clerk/v1/organizations", json!({"name": "Acme", "created_by": ann})).await;
    (format!("/organizations/{}", made.str("/id")), ann)
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
async fn users_are_found_by_parts_of_the_ids_that_they_brought_along() {
    const ANN: &str = "user_2zalBroughtAlong";
    let world = World::new().await;
    let generated = id(world.bring(Dialect::Clerk, "ann@example.com", ANN).await);
    user(&world, "bob").await;
    let found = async |query: &str| {
        let answer = get(&world, &format!("/users?query={query}"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let items = answer.json.as_array().expect("a bare list").clone();
        items.iter().map(|u| u["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    for part in [ANN, "user_2zal", "ZALBROUGHT", "along"] {
        assert_eq!(found(part).await, [ANN], "{part}");
    }
    // Only ids that are shown have parts; the whole id is as good as everywhere.
    assert_eq!(found(&generated[20..]).await, [""; 0]);
    assert_eq!(found("user_0000").await.len(), 1, "bob");
    assert_eq!(found(&generated).await, [ANN]);
    let org = world.call("POST", "/clerk/v1/organizations", json!({"name": "Acme", "created_by": ANN})).await;
    let members = format!("/organizations/{}/memberships?query=user_2zal", org.str("/id"));
    assert_eq!(get(&world, &members, None).await.json["total_count"], 1);
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test]
async fn who_made_an_organization_is_named_by_the_id_that_he_brought_along() {
    const ANN: &str = "user_brought";
    let world = World::new().await;
    let ann = world.bring(Dialect::Clerk, "ann@example.com", ANN).await;
    let made = world.call("POST", "/clerk/v1/organizations", json!({"name": "Acme", "created_by": ANN})).await;
    assert_eq!((made.status.as_u16(), made.str("/created_by")), (200, ANN), "{}", made.text());
    let path = format!("/clerk/v1/organizations/{}", made.str("/id"));
    let bob = id(user(&world, "bob").await);
    let joins = json!({"user_id": bob, "role": "org:admin"});
    let joined = world.call("POST", &format!("{path}/memberships"), joins).await;
    assert_eq!(joined.str("/organization/created_by"), ANN, "{}", joined.text());
    let member = format!("{path}/memberships/{bob}");
    let shown = async |wanted: &str| {
        for (path, pointer) in [
            (path.clone(), "/created_by"),
            ("/clerk/v1/organizations".to_owned(), "/data/0/created_by"),
            (format!("/clerk/v1/users/{bob}/organization_memberships"), "/data/0/organization/created_by"),
            (format!("{path}/memberships?user_id={bob}"), "/data/0/organization/created_by"),
            ("/clerk/v1/organization_memberships".to_owned(), "/data/0/organization/created_by"),
        ] {
            let answer = world.call("GET", &path, Value::Null).await;
            assert_eq!(answer.str(pointer), wanted, "{path}: {}", answer.text());
        }
        for (path, pointer) in [(&path, "/created_by"), (&member, "/organization/created_by")] {
            let metadata = json!({"public_metadata": {"shown": wanted}});
            let answer = world.call("PATCH", &format!("{path}/metadata"), metadata).await;
            assert_eq!(answer.str(pointer), wanted, "{path}: {}", answer.text());
        }
    };
    for _ in 0..3 {
        shown(ANN).await;
    }

    // Also to a session that can ask for nothing afterwards, since it ends with the membership.
    let link = world.call("POST", &format!("/v1{}/login-link", &member["/clerk/v1".len()..]), Value::Null).await;
    let secret = Body::from(json!({"secret": link.str("/secret")}).to_string());
    let session = world.send(Request::post("/v1/links:use").body(secret).expect("a request")).await;
    let left = world.call_as(session.str("/secret"), "DELETE", &member, Value::Null).await;
    assert_eq!((left.status.as_u16(), left.str("/organization/created_by")), (200, ANN), "{}", left.text());

    // Rows that were written before are written anew when that id goes with its user.
    let joins = json!({"user_id": bob, "role": "org:admin"});
    world.call("POST", &format!("{path}/memberships"), joins).await;
    for _ in 0..2 {
        let listed = get(&world, &format!("/users/{bob}/organization_memberships"), None).await;
        assert_eq!(listed.str("/data/0/organization/created_by"), ANN);
    }
    assert_eq!(world.call("DELETE", &format!("/clerk/v1/users/{ANN}"), Value::Null).await.status, 200);
    shown(&id(ann)).await;
    assert_eq!(world.verify().await, Vec::<String>::new());
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
    // Whatever field is missing from what came before.
    assert_eq!(post("application/json", "{}x").await, (400, "request_body_invalid".into()));
    assert_eq!(post("application/json", "").await, (422, "form_param_missing".into()));
}

#[tokio::test]
async fn the_form_of_a_body_comes_before_what_it_names() {
    let world = World::new().await;
    let (place, ann) = acme(&world).await;
    let post = async |path: &str, body: Value| world.call("POST", &format!("/clerk/v1{place}{path}"), body).await;
    let large = json!({"a": "x".repeat(8192)});
    for (user, role) in [(&*ann, "org:nothing"), (NOBODY, "org:member")] {
        let body = json!({"user_id": user, "role": role, "private_metadata": large});
        let refused = post("/memberships", body).await;
        assert_eq!(refusal(&refused), (422, "form_param_exceeds_allowed_size"), "{role}");
        assert_eq!(refused.str("/errors/0/meta/param_name"), "private_metadata");
    }
    let invite = |email: &str, role: &str| json!({"email_address": email, "role": role});
    let refused = post("/invitations", invite("no address", "org:nothing")).await;
    assert_eq!(refusal(&refused), (422, "form_param_format_invalid"));
    assert_eq!(refused.str("/errors/0/meta/param_name"), "email_address");
    let mut oversized = invite("bob@example.com", "org:nothing");
    oversized["public_metadata"] = large;
    assert_eq!(refusal(&post("/invitations", oversized).await), (422, "form_param_exceeds_allowed_size"));
    // Of a list the form of all.
    let items = json!([invite("bob@example.com", "org:nothing"), invite("no address", "org:member")]);
    assert_eq!(refusal(&post("/invitations/bulk", items).await), (422, "form_param_format_invalid"));
    for (path, body) in [
        ("/memberships", json!({"user_id": ann, "role": "org:nothing"})),
        ("/invitations", invite("bob@example.com", "org:nothing")),
        ("/invitations/bulk", json!([invite("bob@example.com", "org:nothing")])),
    ] {
        let refused = post(path, body).await;
        assert_eq!(refusal(&refused), (404, "resource_not_found"), "{path}");
        assert_eq!(refused.str("/errors/0/meta/param_name"), "role");
    }
}

#[tokio::test]
async fn a_list_of_invitations_says_who_of_the_inviters_is_nobody() {
    let world = World::new().await;
    let (place, ann) = acme(&world).await;
    let invite = |name: &str, inviter: &str| {
        let email = format!("{name}@example.com");
        json!({"email_address": email, "role": "org:member", "inviter_user_id": inviter})
    };
    let path = format!("/clerk/v1{place}/invitations/bulk");
    let refused = world.call("POST", &path, json!([invite("bob", &ann), invite("cid", NOBODY)])).await;
    assert_eq!(refusal(&refused), (404, "resource_not_found"));
    assert!(refused.str("/errors/0/long_message").contains(NOBODY), "{}", refused.text());
    let listed = get(&world, &format!("{place}/invitations"), None).await;
    assert_eq!(listed.json["total_count"], 0, "all or nothing");
    let made = world.call("POST", &path, json!([invite("bob", &ann), invite("cid", &ann)])).await;
    assert_eq!((made.status.as_u16(), made.str("/data/1/inviter_id")), (200, &*ann));
}

#[tokio::test]
async fn what_is_invited_by_a_list_are_objects_and_few() {
    let world = World::new().await;
    let (place, _) = acme(&world).await;
    let path = format!("/clerk/v1{place}/invitations/bulk");
    let post = async |body: Value| world.call("POST", &path, body).await;
    let values = json!(["bob@example.com", "org:member", null, null, null, null, null, null]);
    assert_eq!(refusal(&post(json!([values])).await), (400, "request_body_invalid"));
    for (item, code) in [
        (json!({"role": "org:member"}), "form_param_missing"),
        (json!({"email_address": 1, "role": "org:member"}), "form_param_type_invalid"),
    ] {
        let refused = post(json!([item])).await;
        assert_eq!((refusal(&refused), refused.str("/errors/0/meta/param_name")), ((422, code), "email_address"));
    }
    let item = |number: u32| json!({"email_address": format!("bob{number}@example.com"), "role": "org:member"});
    let refused = post((0..11).map(item).collect()).await;
    assert_eq!(refusal(&refused), (400, "bulk_size_exceeded"));
    assert!(refused.str("/errors/0/message").contains("more than 10 entries"), "{}", refused.text());
    assert_eq!(get(&world, &format!("{place}/invitations"), None).await.json["total_count"], 0);
}

#[tokio::test]
async fn the_ticket_is_in_front_of_the_fragment() {
    let world = World::new().await;
    let (place, _) = acme(&world).await;
    let body = json!({
        "email_address": "bob@example.com", "role": "org:member", "redirect_url": "https://app.example.com/x#top",
    });
    let made = world.call("POST", &format!("/clerk/v1{place}/invitations"), body).await;
    let url = made.str("/url");
    assert!(url.starts_with("https://app.example.com/x?__clerk_ticket=") && url.ends_with("#top"), "{url}");
}

#[tokio::test]
async fn parameters_are_named_as_they_were_sent() {
    let world = World::new().await;
    let addresses: Vec<String> = (0..101).map(|number| format!("ann{number}@example.com")).collect();
    for (path, body, code, name) in [
        ("/users", json!({"email_address": addresses}), "form_param_value_invalid", "email_address"),
        ("/organizations", json!({"name": "Acme", "slug": 1}), "form_param_type_invalid", "slug"),
    ] {
        let refused = world.call("POST", &format!("/clerk/v1{path}"), body).await;
        assert_eq!((refusal(&refused), refused.str("/errors/0/meta/param_name")), ((422, code), name));
        assert!(refused.str("/errors/0/message").starts_with(name), "{}", refused.text());
    }
}

#[tokio::test]
async fn nobody_has_an_account_elsewhere() {
    let world = World::new().await;
    user(&world, "ann").await;
    for filter in ["provider=oauth_google", "provider_user_id=1", "provider=oauth_google&provider_user_id=1"] {
        assert_eq!(get(&world, &format!("/users?{filter}"), None).await.json, json!([]), "{filter}");
        assert_eq!(get(&world, &format!("/users/count?{filter}"), None).await.json["total_count"], 0, "{filter}");
    }
}

#[tokio::test]
async fn a_users_primary_address_is_one_of_his_and_of_its_kind() {
    let world = World::new().await;
    let addresses = json!(["ann@example.com", "ann@example.org"]);
    let new = json!({"email_address": addresses, "phone_number": ["+14155550100"]});
    let ann = world.call("POST", "/clerk/v1/users", new).await;
    let bob = world.call("POST", "/clerk/v1/users", json!({"email_address": ["bob@example.com"]})).await;
    let path = format!("/clerk/v1/users/{}", ann.str("/id"));
    let patch = async |body: Value| world.call("PATCH", &path, body).await;
    let (email, phone) = (ann.str("/email_addresses/1/id"), ann.str("/phone_numbers/0/id"));
    for (field, address) in [
        ("primary_email_address_id", phone),
        ("primary_phone_number_id", email),
        ("primary_email_address_id", bob.str("/email_addresses/0/id")),
        ("primary_email_address_id", "idn_x"),
    ] {
        let refused = patch(json!({field: address})).await;
        assert_eq!(refusal(&refused), (422, "form_param_value_invalid"), "{field}: {address}");
        assert_eq!(refused.str("/errors/0/meta/param_name"), field);
    }
    let changed = patch(json!({"primary_email_address_id": email, "primary_phone_number_id": phone})).await;
    assert_eq!((changed.str("/primary_email_address_id"), changed.str("/primary_phone_number_id")), (email, phone));

    // Users are as old as they are.
    let refused = patch(json!({"created_at": "2026-01-01T00:00:00Z"})).await;
    assert_eq!(refusal(&refused), (422, "form_param_unknown"));
    assert_eq!(refused.str("/errors/0/meta/param_name"), "created_at");
}

#[tokio::test]
async fn behind_the_end_of_a_list_there_is_nothing() {
    let world = World::new().await;
    let (place, _) = acme(&world).await;
    for offset in ["1", "2147483648", "4294967296.0", "9223372036854775807"] {
        for path in ["/organizations", "/organization_memberships", &format!("{place}/memberships")] {
            let answer = get(&world, &format!("{path}?offset={offset}"), None).await;
            assert_eq!(answer.json, json!({"data": [], "total_count": 1}), "{path} from {offset}");
        }
        assert_eq!(get(&world, &format!("/users?offset={offset}"), None).await.json, json!([]), "{offset}");
    }
    assert_eq!(refusal(&get(&world, "/users?offset=-1", None).await), (422, "form_param_value_invalid"));
}

#[tokio::test]
async fn filters_may_have_a_hundred_values_each() {
    let world = World::new().await;
    let ann = user(&world, "ann").await;
    let stranger = |number| UserId::from_raw(roster_engine::id::compose(5, roster_engine::Kind::User, number));
    let mut filters = vec![format!("user_id={}", id(ann)), String::from("email_address=ann@example.com")];
    for number in 1..100 {
        filters.push(format!("user_id={}", id(stranger(number))));
        filters.push(format!("email_address=somebody-with-a-long-name-{number}@a-rather-long-domain.example.com"));
    }
    let filters = filters.join("&");
    assert!(filters.len() > 10_000, "{}", filters.len());
    let found = get(&world, &format!("/users?{filters}"), None).await;
    assert_eq!((found.status.as_u16(), found.str("/0/id")), (200, &*id(ann)));
    let count = get(&world, &format!("/users/count?{filters}"), None).await;
    assert_eq!(count.json["total_count"], 1);
}

#[tokio::test]
async fn a_role_keeps_the_permissions_that_are_not_shown() {
    let world = World::new().await;
    let new = json!({"key": "clerk", "permissions": ["users:read", "memberships:read", "login_links:write"]});
    let role = world.call("POST", "/v1/roles", new).await;
    assert_eq!(role.status, 201, "{}", role.text());
    let path = format!("/clerk/v1/organization_roles/{}?__clerk_api_version=2025-11-10", role.str("/id"));
    let shown = world.call("GET", &path, Value::Null).await;
    assert_eq!(shown.json["permissions"].as_array().map(Vec::len), Some(1), "{}", shown.text());
    let patch = async |key: &str, permissions: Value| {
        world.call_as(key, "PATCH", &path, json!({"permissions": permissions})).await
    };
    let granted = async || world.call("GET", "/v1/roles/clerk", Value::Null).await.json["permissions"].clone();

    // Written back, also by a key that lacks what isn't shown.
    let scopes = json!(["roles:write", "memberships:read"]);
    let narrow = world.call("POST", "/v1/tokens", json!({"kind": "realm", "scopes": scopes})).await;
    let same = patch(narrow.str("/secret"), json!([shown.str("/permissions/0/id")])).await;
    assert_eq!(same.json, shown.json, "{}", same.text());
    let emptied = patch(KEY, json!([])).await;
    assert_eq!((emptied.status.as_u16(), &emptied.json["permissions"]), (200, &json!([])), "{}", emptied.text());
    assert_eq!(granted().await, json!(["login_links:write", "users:read"]));
    // Natively the list is whole.
    assert_eq!(world.call("PATCH", "/v1/roles/clerk", json!({"permissions": []})).await.status, 200);
    assert_eq!(granted().await, json!([]));
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_permission_may_be_called_as_a_built_in_one() {
    let world = World::new().await;
    let at = |path: &str| format!("/clerk/v1{path}?__clerk_api_version=2025-11-10");
    let (place, ann) = acme(&world).await;
    let key = "org:billing:read";
    let new = json!({"name": "Read bills", "key": key});
    let made = world.call("POST", &at("/organization_permissions"), new.clone()).await;
    assert_eq!((made.status.as_u16(), made.str("/key"), made.str("/type")), (200, key, "user"), "{}", made.text());
    let again = world.call("POST", &at("/organization_permissions"), new).await;
    assert_eq!(refusal(&again), (422, "form_identifier_exists"));
    let found = get(&world, &format!("/organization_permissions?query={key}"), Some("2025-11-10")).await;
    assert_eq!((&found.json["total_count"], &found.json["data"][0]), (&json!(1), &made.json));
    let path = at(&format!("/organization_permissions/{}", made.str("/id")));
    assert_eq!(world.call("PATCH", &path, json!({"key": key})).await.json, made.json, "as it was shown");

    let role = json!({"name": "Biller", "key": "org:biller", "permissions": [made.str("/id")]});
    let role = world.call("POST", &at("/organization_roles"), role).await;
    assert_eq!(role.str("/permissions/0/key"), key, "{}", role.text());
    let path = format!("/clerk/v1{place}/memberships");
    let bob = id(user(&world, "bob").await);
    let member = world.call("POST", &path, json!({"user_id": bob, "role": "org:biller"})).await;
    assert_eq!(member.json["permissions"], json!([key]));
    // The built-in one is another, natively too.
    let check = async |user: &str, permission: &str| {
        let place = place.trim_start_matches("/organizations/");
        let body = json!({"user_id": user, "organization_id": place, "permission": permission});
        world.call("POST", "/v1/check", body).await.json["allowed"] == true
    };
    assert_eq!((check(&bob, key).await, check(&bob, "billing:read").await), (true, false));
    assert_eq!((check(&ann, key).await, check(&ann, "billing:read").await), (false, true));
}
