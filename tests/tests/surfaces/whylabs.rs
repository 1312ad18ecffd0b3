//! What only WhyLabs has: roles of an account that are written whole, by lists of users without pages; and keys that show
//! whose they are.

use axum::body::Body;
use http::Request;
use roster_engine::{
    Dialect, EntityId as _, Form, NewMembership, NewToken, OrganizationPatch, OrganizationStatus, RoleNumber, RoleSet,
    TokenKind, UserId,
};
use roster_http::Limits;
use roster_tests::operations::{Fixture, secret};
use roster_tests::world::KEY;
use roster_tests::{Answer, World};
use serde_json::{Value, json};

async fn ask_as(world: &World, key: &str, method: &str, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(format!("/whylabs{path}")).header("x-api-key", key);
    let request = request.header("content-type", "application/json");
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    world.send(request.body(body).expect("a request")).await
}

async fn ask(world: &World, method: &str, path: &str, body: Value) -> Answer {
    ask_as(world, KEY, method, path, body).await
}

/// Where it is written who is a `MEMBER` of the child.
fn role_of_child(fixture: &Fixture) -> String {
    let (account, child) = (fixture.account.id.native(), fixture.child.id.native());
    format!("/v0/accounts/org/{account}/memberships?managed_org_id={child}&role=MEMBER")
}

/// Makes a user a `MEMBER` of the child, past all surfaces.
async fn join(world: &World, fixture: &Fixture, user: UserId) {
    let new = NewMembership { roles: RoleSet::of(RoleNumber::MEMBER), ..NewMembership::default() };
    world.operator().await.add_member(fixture.child.id, user, new).await.expect("a member");
}

/// The account has bob as an inactive user from now on.
async fn deactivate_bob(world: &World, fixture: &Fixture) {
    let (account, bob) = (fixture.account.id.native(), fixture.bob.id.native());
    let path = format!("/v0/accounts/org/{account}/user?user_id={bob}");
    let answer = ask(world, "PUT", &path, json!({"active": false})).await;
    assert_eq!((answer.status.as_u16(), &answer.json["active"]), (200, &json!(false)), "{}", answer.text());
}

/// How many members the child has.
async fn members_of_child(world: &World, fixture: &Fixture) -> usize {
    let path = format!("/v0/organizations/{}/membership", fixture.child.id.native());
    let answer = ask(world, "GET", &path, Value::Null).await;
    answer.json["memberships"].as_array().unwrap_or_else(|| panic!("no list: {}", answer.text())).len()
}

#[tokio::test]
async fn lists_of_account_members_have_a_limit_of_their_own() {
    let world = World::with_limits(Limits { bulk_items: 2, ..Limits::default() }).await;
    let fixture = Fixture::new(&world).await;
    let (bob, path) = (fixture.bob.id.native(), role_of_child(&fixture));
    let before =
        world.call("GET", "/v1/events?limit=1", Value::Null).await.header("roster-sequence").map(str::to_owned);
    let many = vec!["x"; 100_001];
    for (method, body, field) in [
        ("PUT", json!({"userIds": many}), "userIds"),
        ("PATCH", json!({"userIdsToAdd": many, "userIdsToDelete": []}), "userIdsToAdd"),
        ("PATCH", json!({"userIdsToAdd": [bob], "userIdsToDelete": many}), "userIdsToDelete"),
    ] {
        let answer = ask(&world, method, &path, body).await;
        assert_eq!((answer.status.as_u16(), answer.str("/type")), (400, "ArgumentValue"), "{}", answer.text());
        assert_eq!(answer.str("/parameter"), field);
        assert_eq!(answer.str("/message"), format!("{field} has more than 100000 entries"));
    }
    let after = world.call("GET", "/v1/events?limit=1", Value::Null).await.header("roster-sequence").map(str::to_owned);
    assert_eq!(after, before, "nothing was done");

    // Longer than a bulk, and each once.
    let strangers: Vec<String> = (0..5).map(|n| format!("user-{n}")).collect();
    let listed = [strangers.clone(), vec![bob.clone(), bob], strangers.clone()].concat();
    for (method, body, left) in [
        ("PUT", json!({"userIds": listed}), 1),
        ("PATCH", json!({"userIdsToAdd": listed, "userIdsToDelete": []}), 1),
        ("PATCH", json!({"userIdsToAdd": [], "userIdsToDelete": listed}), 0),
    ] {
        let answer = ask(&world, method, &path, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let errors = answer.json["errors"].as_array().expect("errors");
        let refused: Vec<&str> = errors.iter().filter_map(|error| error["itemId"].as_str()).collect();
        assert_eq!(refused, strangers, "{method}");
        assert_eq!(members_of_child(&world, &fixture).await, left, "{method}");
    }
}

#[tokio::test]
async fn who_is_listed_stays_also_if_he_is_no_user_of_the_account_or_inactive() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let (bob, eve, path) = (fixture.bob.id.native(), fixture.eve.id.native(), role_of_child(&fixture));
    deactivate_bob(&world, &fixture).await;
    // Through some other API, which knows of no accounts.
    join(&world, &fixture, fixture.bob.id).await;
    join(&world, &fixture, fixture.eve.id).await;
    let answer = ask(&world, "PUT", &path, json!({"userIds": [bob, eve]})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let errors = answer.json["errors"].as_array().expect("errors");
    let refused: Vec<_> = errors.iter().map(|error| (&error["errorCode"], &error["itemId"])).collect();
    assert_eq!(refused, [(&json!(409), &json!(bob)), (&json!(404), &json!(eve))]);
    assert_eq!(members_of_child(&world, &fixture).await, 2, "they are listed");
    let answer = ask(&world, "PUT", &path, json!({"userIds": []})).await;
    assert_eq!((answer.status.as_u16(), &answer.json["errors"]), (200, &json!([])), "{}", answer.text());
    assert_eq!(members_of_child(&world, &fixture).await, 0);
    assert_eq!(world.verify().await, Vec::<String>::new());
}

/// The items that an answer lists as refused.
fn refused(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let errors = answer.json["errors"].as_array().expect("errors");
    errors.iter().filter_map(|error| error["itemId"].as_str()).collect()
}

/// Makes kim a user of the account. Returns the id.
async fn provision_kim(world: &World, fixture: &Fixture) -> String {
    let path = format!("/v0/accounts/org/{}/user", fixture.account.id.native());
    let made = ask(world, "POST", &path, json!({"email": "kim@example.com"})).await;
    assert_eq!(made.status, 200, "{}", made.text());
    made.str("/userId").to_owned()
}

#[tokio::test]
async fn who_leaves_makes_room_in_a_full_organization() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let (child, path) = (fixture.child.id.native(), role_of_child(&fixture));
    let bob = Form::Whylabs.show(fixture.bob.id).expect("a form");
    let kim = provision_kim(&world, &fixture).await;
    join(&world, &fixture, fixture.bob.id).await;
    let limit = OrganizationPatch { max_members: Some(1), ..OrganizationPatch::default() };
    world.operator().await.update_organization(fixture.child.id, limit).await.expect("a limit");
    let members = async || {
        let answer = ask(&world, "GET", &format!("/v0/organizations/{child}/membership"), Value::Null).await;
        let members = answer.json["memberships"].as_array().expect("a list").clone();
        members.iter().map(|member| member["userId"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    let replaced = ask(&world, "PUT", &path, json!({"userIds": [kim]})).await;
    assert_eq!((refused(&replaced), members().await), (Vec::new(), vec![kim.clone()]));
    let exchange = json!({"userIdsToAdd": [bob], "userIdsToDelete": [kim]});
    let exchanged = ask(&world, "PATCH", &path, exchange).await;
    assert_eq!((refused(&exchanged), members().await), (Vec::new(), vec![bob.clone()]));
    // Whoever stays keeps the seat.
    let full = ask(&world, "PUT", &path, json!({"userIds": [kim, bob]})).await;
    assert_eq!((refused(&full), members().await), (vec![kim.as_str()], vec![bob.clone()]));
    // So does the owner.
    let owner = format!("/v1/organizations/{child}/owner");
    assert_eq!(world.call("PUT", &owner, json!({"user_id": bob})).await.status, 200);
    let path = path.replace("MEMBER", "ADMIN");
    let full = ask(&world, "PUT", &path, json!({"userIds": [kim]})).await;
    assert_eq!((refused(&full), members().await), (vec![kim.as_str(), bob.as_str()], vec![bob.clone()]));
    let full = ask(&world, "PATCH", &path, json!({"userIdsToAdd": [kim], "userIdsToDelete": [bob]})).await;
    assert_eq!((refused(&full), members().await), (vec![kim.as_str(), bob.as_str()], vec![bob.clone()]));
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test]
async fn who_is_in_both_lists_leaves_without_an_error() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let (bob, path) = (fixture.bob.id.native(), role_of_child(&fixture));
    let kim = provision_kim(&world, &fixture).await;
    let both = async |path: &str, user: &str| {
        ask(&world, "PATCH", path, json!({"userIdsToAdd": [user], "userIdsToDelete": [user]})).await
    };
    assert_eq!(refused(&both(&path, &kim).await), [""; 0], "never was a member");
    // Adding would change the role first.
    let added = ask(&world, "PATCH", &path, json!({"userIdsToAdd": [kim], "userIdsToDelete": []})).await;
    assert_eq!((refused(&added), members_of_child(&world, &fixture).await), (Vec::new(), 1));
    assert_eq!(refused(&both(&path.replace("MEMBER", "ADMIN"), &kim).await), [""; 0]);
    assert_eq!(members_of_child(&world, &fixture).await, 0);
    // An inactive user couldn't be added.
    deactivate_bob(&world, &fixture).await;
    assert_eq!(refused(&both(&path, &bob).await), [""; 0]);
    join(&world, &fixture, fixture.bob.id).await;
    assert_eq!(refused(&both(&path, &bob).await), [""; 0]);
    assert_eq!(members_of_child(&world, &fixture).await, 0);
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_marked_as_deleted_is_not_managed_and_comes_back_without_who_left_meanwhile() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let operator = world.operator().await;
    let (account, child) = (fixture.account.id.native(), Form::Whylabs.show(fixture.child.id).expect("a form"));
    join(&world, &fixture, fixture.bob.id).await;
    let shown = async || {
        let organizations = ask(&world, "GET", &format!("/v0/accounts/org/{account}/organizations"), Value::Null).await;
        let members = ask(&world, "GET", &format!("/v0/accounts/org/{account}/memberships"), Value::Null).await;
        assert_eq!((organizations.status.as_u16(), members.status.as_u16()), (200, 200));
        (organizations.text().contains(&child), members.text().contains(&child))
    };
    assert_eq!(shown().await, (true, true));
    operator.mark_organization_deleted(fixture.child.id).await.expect("marked");
    assert_eq!(shown().await, (false, false));
    deactivate_bob(&world, &fixture).await;
    let restore = OrganizationPatch { status: Some(OrganizationStatus::Active), ..OrganizationPatch::default() };
    operator.update_organization(fixture.child.id, restore).await.expect("restored");
    assert_eq!(shown().await, (true, false), "nobody is in it any more");
    assert_eq!(members_of_child(&world, &fixture).await, 0);
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_key_of_what_is_marked_as_deleted_is_not_valid_whatever_its_scope() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let operator = world.operator().await;
    let mut keys = Vec::new();
    for place in [&fixture.account, &fixture.child] {
        // The second may not even read its organization.
        for scope in ["administrator", "write_data"] {
            let (organization, user) = (place.id.native(), fixture.bob.id.native());
            let path = format!("/v0/organizations/{organization}/api-key?user_id={user}&scopes=%3A{scope}");
            keys.push(ask(&world, "POST", &path, Value::Null).await.str("/key").to_owned());
        }
    }
    let at_root = NewToken {
        organization: Some(operator.root().into()),
        roles: RoleSet::of(RoleNumber::ADMIN),
        ..NewToken::new(TokenKind::Organization)
    };
    let at_root = secret(&operator, at_root).await;
    let validated = async |key: &str| ask_as(&world, key, "GET", "/v1/api-key/validate", Value::Null).await;
    let statuses = async || {
        let mut statuses = Vec::new();
        for key in keys.iter().map(String::as_str).chain([at_root.as_str(), KEY]) {
            statuses.push(validated(key).await.status.as_u16());
        }
        statuses
    };
    assert_eq!(statuses().await, [200; 6]);
    operator.mark_organization_deleted(fixture.account.id).await.expect("marked");
    assert_eq!(statuses().await, [403, 403, 403, 403, 200, 200], "also what is below");
    assert_eq!(validated(&keys[0]).await.str("/type"), "Forbidden");
    let restore = OrganizationPatch { status: Some(OrganizationStatus::Active), ..OrganizationPatch::default() };
    operator.update_organization(fixture.account.id, restore).await.expect("restored");
    assert_eq!(statuses().await, [200; 6]);
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_wrong_is_called_as_it_was_sent() {
    const OWN: &str = "org-anIdOfOnesOwnThatIsLong";
    let world = World::new().await;
    let make = async |query: &str| ask(&world, "POST", &format!("/v0/organizations?name=x&{query}"), Value::Null).await;
    let orphan = make("parent_org_id=org-none").await;
    assert_eq!((orphan.status.as_u16(), orphan.str("/type")), (404, "ResourceNotFound"), "{}", orphan.text());
    assert_eq!(orphan.str("/message"), "parent_org_id names no organization");
    let made = make(&format!("override_id={OWN}")).await;
    assert_eq!((made.status.as_u16(), made.str("/id")), (200, OWN), "{}", made.text());
    let again = make(&format!("override_id={OWN}")).await;
    assert_eq!((again.status.as_u16(), again.str("/type")), (400, "IllegalArgument"), "{}", again.text());
    assert_eq!(again.str("/message"), "another organization has this override_id already");
}

#[tokio::test]
async fn a_key_shows_its_user_by_the_id_that_he_brought_along() {
    const KIM: &str = "user-brought";
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    world.bring(Dialect::Whylabs, "kim@example.com", KIM).await;
    let keys = format!("/v0/organizations/{}/api-key", fixture.account.id.native());
    let made = ask(&world, "POST", &format!("{keys}?user_id={KIM}&scopes=%3Aadministrator"), Value::Null).await;
    assert_eq!((made.status.as_u16(), made.str("/userId")), (200, KIM), "{}", made.text());
    let (id, key) = (made.str("/keyId"), made.str("/key"));
    let listed = ask(&world, "GET", &format!("{keys}?user_id={KIM}"), Value::Null).await;
    assert_eq!(listed.str("/items/0/userId"), KIM);
    assert_eq!(ask(&world, "GET", &format!("{keys}/{id}"), Value::Null).await.str("/key/userId"), KIM);
    let own = ask_as(&world, key, "GET", "/v1/api-key", Value::Null).await;
    assert!(own.text().contains(KIM), "{}", own.text());
    // Also by a key that can't ask for anything afterwards.
    let ended = ask_as(&world, key, "DELETE", &format!("/v1/api-key?key_id={id}"), Value::Null).await;
    assert_eq!((ended.status.as_u16(), ended.str("/userId")), (200, KIM), "{}", ended.text());
    let again = ask(&world, "DELETE", &format!("{keys}?user_id={KIM}&key_id={id}"), Value::Null).await;
    assert_eq!((again.str("/userId"), &again.json["revoked"]), (KIM, &json!(true)), "{}", again.text());
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_revoked_key_is_shown_with_the_role_that_it_had() {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let account = fixture.account.id.native();
    let make_role = async |key: &str, permissions: Value| {
        let answer = world.call("POST", "/v1/roles", json!({"key": key, "permissions": permissions})).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    };
    make_role("low", json!([])).await;
    let new = json!({"kind": "organization", "organization_id": account, "user_id": fixture.bob.id.native(), "roles": ["low"]});
    let token = world.call("POST", "/v1/tokens", new).await;
    assert_eq!(token.status, 201, "{}", token.text());
    world.call("DELETE", &format!("/v1/tokens/{}", token.str("/id")), Value::Null).await;
    world.clock.advance(1000);
    assert_eq!(world.call("DELETE", "/v1/roles/low", Value::Null).await.status, 204);
    make_role("high", json!(["organizations:read", "organizations:list"])).await;
    let keys = format!("/v0/organizations/{account}/api-key?user_id={}", fixture.bob.id.native());
    let listed = ask(&world, "GET", &keys, Value::Null).await;
    let mut items = listed.json["items"].as_array().expect("keys").iter();
    let revoked = items.find(|key| key["revoked"] == true).expect("the revoked key");
    assert_eq!(revoked["scopes"], json!([]));
}
