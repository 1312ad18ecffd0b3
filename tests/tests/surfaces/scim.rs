//! What directories really send, and what must become of it: one row for each quirk of each client. And what no row shows: who
//! sees what, many at once, entity tags.

use crate::scim_common::{Directory, ENTERPRISE, EXTENSION, PATCH};
use roster_engine::{Dialect, EntityId as _, NewOrganization, NewToken, RoleNumber, RoleSet, TokenKind};
use roster_tests::World;
use roster_tests::world::KEY;
use serde_json::{Value, json};

/// What a client sends, and which of the members ada, bob and eve are left afterwards. Before, all three are members;
/// zoe is a user.
struct MemberCase {
    client: &'static str,
    what: &'static str,
    operations: fn(&Directory) -> Value,
    status: u16,
    left: &'static [&'static str],
}

fn member(directory: &Directory, name: &str) -> Value {
    json!({"value": directory.user(name)})
}

const ALL: &[&str] = &["ada", "bob", "eve"];

const MEMBER_CASES: &[MemberCase] = &[
    MemberCase {
        client: "Entra without aadOptscim062020",
        what: "Remove with a path and a list of values removes only those",
        operations: |d| json!([{"op": "Remove", "path": "members", "value": [member(d, "bob")]}]),
        status: 204,
        left: &["ada", "eve"],
    },
    MemberCase {
        client: "Entra with aadOptscim062020",
        what: "Remove by filter removes only that one",
        operations: |d| json!([{"op": "Remove", "path": format!("members[value eq \"{}\"]", d.user("bob"))}]),
        status: 204,
        left: &["ada", "eve"],
    },
    MemberCase {
        client: "Entra",
        what: "Add with $ref null and no display adds, and never replaces",
        operations: |d| json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": d.user("zoe")}]}]),
        status: 204,
        left: &["ada", "bob", "eve", "zoe"],
    },
    MemberCase {
        client: "Entra",
        what: "several operations in one request run in their order",
        operations: |d| {
            json!([
                {"op": "Add", "path": "members", "value": [member(d, "zoe")]},
                {"op": "Remove", "path": "members", "value": [member(d, "ada"), member(d, "zoe")]},
            ])
        },
        status: 204,
        left: &["bob", "eve"],
    },
    MemberCase {
        client: "Okta",
        what: "a rename by replace without path leaves the members",
        operations: |d| json!([{"op": "replace", "value": {"id": d.group(), "displayName": "renamed"}}]),
        status: 204,
        left: ALL,
    },
    MemberCase {
        client: "Okta",
        what: "push now: replace sets exactly the list",
        operations: |d| {
            let listed = |name: &str| json!({"value": d.user(name), "display": format!("{name}@example.com")});
            json!([{"op": "replace", "path": "members", "value": [listed("eve"), listed("zoe")]}])
        },
        status: 204,
        left: &["eve", "zoe"],
    },
    MemberCase {
        client: "Okta",
        what: "push now of an empty group empties",
        operations: |_| json!([{"op": "replace", "path": "members", "value": []}]),
        status: 204,
        left: &[],
    },
    MemberCase {
        client: "Okta",
        what: "add with a single object",
        operations: |d| json!([{"op": "add", "path": "members", "value": member(d, "zoe")}]),
        status: 204,
        left: &["ada", "bob", "eve", "zoe"],
    },
    MemberCase {
        client: "Google",
        what: "add without path never replaces",
        operations: |d| json!([{"op": "add", "value": {"members": [member(d, "zoe")]}}]),
        status: 204,
        left: &["ada", "bob", "eve", "zoe"],
    },
    MemberCase {
        client: "Rauthy",
        what: "replace of name and externalId leaves the members",
        operations: |_| json!([{"op": "replace", "value": {"displayName": "renamed", "externalId": null}}]),
        status: 204,
        left: ALL,
    },
    MemberCase {
        client: "Rauthy",
        what: "add with display",
        operations: |d| json!([{"op": "add", "path": "members", "value": [{"value": d.user("zoe"), "display": "zoe"}]}]),
        status: 204,
        left: &["ada", "bob", "eve", "zoe"],
    },
    MemberCase {
        client: "Rauthy",
        what: "remove by a list of values",
        operations: |d| json!([{"op": "remove", "path": "members", "value": [member(d, "ada"), member(d, "eve")]}]),
        status: 204,
        left: &["bob"],
    },
    MemberCase {
        client: "any",
        what: "remove with an empty list removes nobody",
        operations: |_| json!([{"op": "remove", "path": "members", "value": []}]),
        status: 204,
        left: ALL,
    },
    MemberCase {
        client: "any",
        what: "remove with null is refused",
        operations: |_| json!([{"op": "remove", "path": "members", "value": null}]),
        status: 400,
        left: ALL,
    },
    MemberCase {
        client: "any",
        what: "remove with elements that name nobody is refused",
        operations: |_| json!([{"op": "remove", "path": "members", "value": [{}]}]),
        status: 400,
        left: ALL,
    },
    MemberCase {
        client: "any",
        what: "removing an unknown user, or one who isn't a member, is no error (retries)",
        operations: |d| {
            json!([
                {"op": "remove", "path": "members", "value": [member(d, "zoe"), {"value": "usr_00000000000"}, "nobody"]},
                {"op": "remove", "path": "members[value eq \"nobody\"]"},
            ])
        },
        status: 204,
        left: ALL,
    },
    MemberCase {
        client: "any",
        what: "adding an existing member changes nothing",
        operations: |d| json!([{"op": "add", "path": "members", "value": [member(d, "ada"), d.user("ada")]}]),
        status: 204,
        left: ALL,
    },
    MemberCase {
        client: "any",
        what: "one unknown member refuses all of it",
        operations: |d| {
            json!([
                {"op": "remove", "path": "members", "value": [member(d, "ada")]},
                {"op": "add", "path": "members", "value": [member(d, "zoe"), {"value": "usr_00000000000"}]},
            ])
        },
        status: 400,
        left: ALL,
    },
    MemberCase {
        client: "any",
        what: "a group is no member",
        operations: |d| json!([{"op": "add", "path": "members", "value": [{"value": d.group(), "type": "Group"}]}]),
        status: 400,
        left: ALL,
    },
    MemberCase {
        client: "any",
        what: "a filter that matches nobody takes nobody",
        operations: |_| json!([{"op": "remove", "path": "members[display eq \"somebody else\"]"}]),
        status: 204,
        left: ALL,
    },
    MemberCase {
        client: "any",
        what: "a filter of another kind takes exactly its matches",
        operations: |d| {
            let (a, b) = (d.user("ada"), d.user("bob"));
            json!([{"op": "remove", "path": format!("members[value eq \"{a}\" or value eq \"{b}\"]")}])
        },
        status: 204,
        left: &["eve"],
    },
    MemberCase {
        client: "any",
        what: "a filter that names somebody and asks for more takes exactly its matches",
        operations: |d| {
            let (a, b, e) = (d.user("ada"), d.user("bob"), d.user("eve"));
            json!([
                {"op": "remove", "path": format!("members[value eq \"{a}\" and type eq \"User\"]")},
                {"op": "remove", "path": format!("members[display eq \"bob\" and (value eq \"{b}\" or value eq \"{e}\")]")},
            ])
        },
        status: 204,
        left: &["eve"],
    },
    MemberCase {
        client: "any",
        what: "remove of members without value and filter is the one way to say all",
        operations: |_| json!([{"op": "remove", "path": "members"}]),
        status: 204,
        left: &[],
    },
    MemberCase {
        client: "any",
        what: "a filter that can't be read takes nobody",
        operations: |_| json!([{"op": "remove", "path": "members[value eq"}]),
        status: 400,
        left: ALL,
    },
    MemberCase {
        client: "any",
        what: "a member's value can't be replaced",
        operations: |d| json!([{"op": "replace", "path": format!("members[value eq \"{}\"].value", d.user("ada")), "value": d.user("zoe")}]),
        status: 400,
        left: ALL,
    },
    MemberCase { client: "any", what: "no operations, no change", operations: |_| json!([]), status: 204, left: ALL },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_after_what_each_client_sends() {
    for case in MEMBER_CASES {
        let directory = Directory::with_members(&["ada", "bob", "eve"], &["zoe"]).await;
        let body = json!({"schemas": [PATCH], "Operations": (case.operations)(&directory)});
        let before = directory.events().await;
        let answer = directory.send("PATCH", &format!("/Groups/{}", directory.group()), body).await;
        let row = format!("{}: {}", case.client, case.what);
        assert_eq!(answer.status.as_u16(), case.status, "{row}: {}", answer.text());
        assert_eq!(directory.members().await, case.left, "{row}");
        if case.status >= 400 || (case.left == ALL && !case.what.contains("name")) {
            assert_eq!(directory.events().await, before, "{row}: what changes nothing leaves no event");
        }
        directory.verify().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_groups_name_is_said_of_its_display_name() {
    let directory = Directory::with_members(&[], &[]).await;
    let own = format!("/Groups/{}", directory.group());
    let other = directory.send("POST", "/Groups", json!({"displayName": "other"})).await;
    assert_eq!(other.status, 201, "{}", other.text());
    for (name, status, detail) in
        [("other", 409, "another group has this displayName"), (&*"x".repeat(300), 400, "displayName is too long")]
    {
        for (method, path) in [("POST", "/Groups"), ("PUT", own.as_str())] {
            let refused = directory.send(method, path, json!({"displayName": name})).await;
            assert_eq!((refused.status.as_u16(), refused.str("/detail")), (status, detail), "{method}");
        }
    }
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn put_keeps_members_unless_it_names_them() {
    let directory = Directory::with_members(&["ada", "bob"], &["zoe"]).await;
    let path = format!("/Groups/{}", directory.group());
    for (body, left) in [
        (json!({"displayName": "acme"}), vec!["ada", "bob"]),
        (json!({"displayName": "acme", "members": null}), vec!["ada", "bob"]),
        (json!({"displayName": "acme", "members": [{"value": directory.user("zoe")}]}), vec!["zoe"]),
        (json!({"displayName": "acme", "members": []}), vec![]),
    ] {
        let answer = directory.send("PUT", &path, body.clone()).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        assert_eq!(directory.members().await, left, "{body}");
    }
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_is_left_out_but_never_removed_by_name() {
    let directory = Directory::with_members(&["ada", "bob"], &[]).await;
    let operator = directory.world.operator().await;
    operator.transfer_ownership(directory.group().as_str(), directory.user("ada").as_str()).await.expect("an owner");
    let path = format!("/Groups/{}", directory.group());
    let ada = directory.user("ada");
    for operation in [
        json!({"op": "remove", "path": "members", "value": [{"value": ada}]}),
        json!({"op": "remove", "path": format!("members[value eq \"{ada}\"]")}),
        json!({"op": "remove", "path": format!("members[value eq \"{ada}\" and type eq \"User\"]")}),
        json!({"op": "remove", "path": format!("members[type eq \"User\" and (value eq \"x\" or value eq \"{ada}\")]")}),
    ] {
        let answer = directory.patch(&path, json!([operation])).await;
        assert_eq!((answer.status.as_u16(), answer.str("/scimType")), (400, "mutability"));
    }
    let other = format!("members[value eq \"{ada}\" and display eq \"somebody else\"]");
    assert_eq!(directory.patch(&path, json!([{"op": "remove", "path": other}])).await.status, 204, "it isn't her");
    assert_eq!(directory.members().await, ["ada", "bob"]);
    for operation in
        [json!({"op": "replace", "path": "members", "value": []}), json!({"op": "remove", "path": "members"})]
    {
        assert_eq!(directory.patch(&path, json!([operation])).await.status, 204);
        assert_eq!(directory.members().await, ["ada"]);
    }
    assert_eq!(directory.send("DELETE", &format!("/Users/{ada}"), Value::Null).await.status, 409);
    directory.verify().await;
}

/// How many clients at once.
const AT_ONCE: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_patches_at_once_lose_nobody() {
    let names: Vec<String> = (0..AT_ONCE).map(|n| format!("user{n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // The first half is removed while the second is added.
    let (first, second) = names.split_at(AT_ONCE / 2);
    let directory = std::sync::Arc::new(Directory::with_members(first, second).await);
    let path = format!("/Groups/{}", directory.group());
    let mut tasks = tokio::task::JoinSet::new();
    for (at, name) in names.iter().enumerate() {
        let (directory, path, id) = (directory.clone(), path.clone(), directory.user(name));
        tasks.spawn(async move {
            let op = if at < AT_ONCE / 2 { "Remove" } else { "Add" };
            let operation = json!([{"op": op, "path": "members", "value": [{"value": id}]}]);
            directory.patch(&path, operation).await.status.as_u16()
        });
    }
    while let Some(status) = tasks.join_next().await {
        assert_eq!(status.expect("no panic"), 204);
    }
    assert_eq!(directory.members().await, second);
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_with_one_version_one_succeeds() {
    let directory = std::sync::Arc::new(Directory::with_members(&["ada"], &["bob", "eve", "zoe"]).await);
    let path = format!("/Groups/{}", directory.group());
    let version = directory.send("GET", &path, Value::Null).await.header("etag").expect("a tag").to_owned();
    let mut tasks = tokio::task::JoinSet::new();
    for name in ["bob", "eve", "zoe"] {
        let (directory, path, version, id) = (directory.clone(), path.clone(), version.clone(), directory.user(name));
        tasks.spawn(async move {
            let body = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": id}]}]});
            directory.send_with("PATCH", &path, body, &[("if-match", &version)]).await.status.as_u16()
        });
    }
    let mut statuses: Vec<u16> = tasks.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 412, 412]);
    assert_eq!(directory.members().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_members_in_one_request() {
    let directory = Directory::new().await;
    let operator = directory.world.operator().await;
    let mut ids = Vec::new();
    for _ in 0..5000 {
        ids.push(operator.create_user(roster_engine::NewUser::default()).await.expect("a user").id.native());
    }
    let group = directory.send("POST", "/Groups", json!({"displayName": "big"})).await.str("/id").to_owned();
    let path = format!("/Groups/{group}");
    let members: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
    let answer = directory.patch(&path, json!([{"op": "Add", "path": "members", "value": members}])).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    let all = directory.send("GET", &path, Value::Null).await;
    assert_eq!(all.json["members"].as_array().map(Vec::len), Some(5000));
    let answer = directory.send("GET", &format!("{path}?excludedAttributes=members"), Value::Null).await;
    assert!(answer.json.get("members").is_none());
    let half: Vec<Value> = members[..2500].to_vec();
    let answer = directory.patch(&path, json!([{"op": "Remove", "path": "members", "value": half}])).await;
    assert_eq!(answer.status, 204);
    let all = directory.send("GET", &path, Value::Null).await;
    assert_eq!(all.json["members"].as_array().map(Vec::len), Some(2500));
    directory.verify().await;
}

/// What clients send about users, and what they must read afterwards (by pointer).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_after_what_each_client_sends() {
    let manager = format!("{ENTERPRISE}:manager");
    for (row, operations, pointer, wanted) in [
        (
            "Entra: False as a text",
            json!([{"op": "Replace", "path": "active", "value": "False"}]),
            "/active",
            json!(false),
        ),
        ("Entra: without path", json!([{"op": "Replace", "value": {"active": "False"}}]), "/active", json!(false)),
        ("Okta: deactivation", json!([{"op": "replace", "value": {"active": false}}]), "/active", json!(false)),
        (
            "Entra: several values that aren't there, in one batch",
            json!([
                {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "new@example.com"},
                {"op": "Replace", "path": "addresses[type eq \"work\"].postalCode", "value": "12345"},
                {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 555"},
            ]),
            "/phoneNumbers/0",
            json!({"type": "mobile", "value": "+1 555"}),
        ),
        (
            "Entra: a quoted boolean in a path",
            json!([{"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "boss"}]),
            "/roles/0",
            json!({"primary": true, "value": "boss"}),
        ),
        (
            "Entra: dotted keys without path",
            json!([{"op": "Replace", "value": {"name.givenName": "Ada", "name.familyName": "King"}}]),
            "/name/familyName",
            json!("King"),
        ),
        (
            "Entra: the manager as a plain id",
            json!([{"op": "Add", "path": manager, "value": "26118915"}]),
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager",
            json!({"value": "26118915"}),
        ),
        (
            "Entra: an extension's key without path",
            json!([{"op": "Add", "value": {format!("{ENTERPRISE}:department"): "Research"}}]),
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department",
            json!("Research"),
        ),
        (
            "SailPoint: nested parts, twice",
            json!([
                {"op": "replace", "value": {"name": {"familyName": "King"}}},
                {"op": "replace", "value": {"name": {"familyName": "Lovelace"}}},
            ]),
            "/name",
            json!({"givenName": "Jo", "familyName": "Lovelace"}),
        ),
        ("any: removed, active is left out", json!([{"op": "remove", "path": "active"}]), "/active", Value::Null),
    ] {
        let directory = Directory::new().await;
        let body = json!({
            "userName": "jo@example.com", "name": {"givenName": "Jo", "familyName": "Doe"}, "password": "secret", "groups": [],
        });
        let made = directory.send("POST", "/Users", body).await;
        assert_eq!(made.status, 201, "{row}: {}", made.text());
        let answer = directory.patch(&format!("/Users/{}", made.str("/id")), operations).await;
        assert_eq!(answer.status, 200, "{row}: {}", answer.text());
        assert_eq!(answer.json.pointer(pointer).cloned().unwrap_or_default(), wanted, "{row}");
        assert!(!answer.text().contains("secret"), "{row}");
        directory.verify().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_look_for() {
    let directory = Directory::with_members(&["ada"], &["bob"]).await;
    let (ada, group) = (directory.user("ada"), directory.group());
    for (row, path, total) in [
        ("Entra: a random name", "/Users?filter=userName+eq+%22d6a1-random%22".to_owned(), 0),
        (
            "Okta: other case",
            "/Users?filter=userName%20eq%20%22ADA%40example.com%22&startIndex=1&count=100".to_owned(),
            1,
        ),
        ("Rauthy: an external id", "/Users?filter=externalId%20eq%20%22ext-ada%22".to_owned(), 1),
        ("Rauthy: it is exact", "/Users?filter=externalId%20eq%20%22EXT-ada%22".to_owned(), 0),
        ("Entra: a group's name", "/Groups?excludedAttributes=members&filter=displayName+eq+%22ACME%22".to_owned(), 1),
        (
            "Entra: is the user a member",
            format!("/Groups?filter=id+eq+%22{group}%22+and+members+eq+%22{ada}%22&attributes=id"),
            1,
        ),
        (
            "Entra: is she a member",
            format!("/Groups?filter=id+eq+%22{group}%22+and+members+eq+%22{}%22", directory.user("bob")),
            0,
        ),
        ("Entra: a manager", format!("/Users?filter=id+eq+%22{ada}%22+and+manager+eq+%22boss%22&attributes=id"), 1),
        ("any: beginning", "/Users?filter=userName+sw+%22AD%22".to_owned(), 1),
        ("any: active as a text", "/Users?filter=active+eq+%22True%22".to_owned(), 2),
        ("any: by group", format!("/Users?filter=groups.value+eq+%22{group}%22"), 1),
        ("any: an e-mail", "/Users?filter=emails.value+eq+%22ADA%40example.com%22".to_owned(), 1),
        ("any: a further e-mail", "/Users?filter=emails+eq+%22ada%40home.example%22".to_owned(), 1),
        (
            "Entra: one value for both",
            "/Users?filter=emails%5Btype+eq+%22home%22%5D.value+eq+%22ada%40home.example%22".to_owned(),
            1,
        ),
        (
            "any: no value for both",
            "/Users?filter=emails%5Btype+eq+%22work%22+and+value+eq+%22ada%40home.example%22%5D".to_owned(),
            0,
        ),
    ] {
        let answer = directory.send("GET", &path, Value::Null).await;
        assert_eq!(answer.status, 200, "{row}: {}", answer.text());
        assert_eq!(answer.json["totalResults"], total, "{row}: {}", answer.text());
        assert_eq!(
            answer.json["Resources"].as_array().map(Vec::len),
            Some(usize::try_from(total).expect("small")),
            "{row}"
        );
    }
    for (path, scim_type) in [
        ("/Users?filter=shoeSize+eq+%2238%22", "invalidFilter"),
        ("/Users?filter=not+userName+eq+%22a%22", "invalidFilter"),
        ("/Users?sortBy=shoeSize", "invalidPath"),
        ("/Users?count=many", "invalidValue"),
        ("/Users?cursor=forged", "invalidCursor"),
        ("/?filter=shoeSize+pr", "invalidFilter"),
    ] {
        let answer = directory.send("GET", path, Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.str("/scimType")), (400, scim_type), "{path}");
    }
}

async fn total(directory: &Directory, path: &str) -> i64 {
    let answer = directory.send("GET", path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json["totalResults"].as_i64().expect("a number")
}

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemas_can_be_asked_for() {
    let directory = Directory::with_members(&["ada"], &[]).await;
    assert_eq!(directory.send("POST", "/Users", json!({"userName": "plain"})).await.status, 201);
    let labs = json!({"displayName": "labs", EXTENSION: {"role": "viewer"}});
    assert_eq!(directory.send("POST", "/Groups", labs).await.status, 201);
    for (path, wanted) in [
        (format!("/Users?filter=schemas+eq+%22{USER}%22"), 2),
        (format!("/Users?filter=schemas+eq+%22{ENTERPRISE}%22"), 1),
        (format!("/Users?filter=not+(schemas+eq+%22{ENTERPRISE}%22)"), 1),
        // The groups are the root, acme and labs; only labs has attributes of the extension.
        (format!("/Groups?filter=schemas+eq+%22{GROUP}%22"), 3),
        (format!("/Groups?filter=schemas+eq+%22{EXTENSION}%22"), 1),
        (format!("/Groups?filter=schemas+eq+%22{EXTENSION}%22+and+members.display+pr"), 0),
        (format!("/?filter=schemas+eq+%22{GROUP}%22"), 3),
    ] {
        assert_eq!(total(&directory, &path).await, wanted, "{path}");
    }
    let roles = format!("/scim/roles/v2/Groups?filter=schemas+eq+%22{GROUP}%22");
    let roles = directory.world.call("GET", &roles, Value::Null).await;
    assert_eq!(roles.json["totalResults"], 24, "{}", roles.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_users_tag_is_the_same_in_every_answer() {
    let directory = Directory::with_members(&["ada"], &["bob"]).await;
    let path = format!("/Users/{}", directory.user("ada"));
    // Without `active`, since filters see a missing value in another way.
    let made = directory.patch(&path, json!([{"op": "remove", "path": "active"}])).await;
    let tag = made.header("etag").expect("a tag");
    assert_eq!(made.str("/meta/version"), tag);
    let got = directory.send("GET", &path, Value::Null).await;
    assert_eq!((got.header("etag"), got.str("/meta/version")), (Some(tag), tag));
    let same = directory.patch(&path, json!([])).await;
    assert_eq!(same.header("etag"), Some(tag));
    let known = directory.send_with("GET", &path, Value::Null, &[("if-none-match", tag)]).await;
    assert_eq!((known.status.as_u16(), known.header("etag")), (304, Some(tag)));
    let by_tag = format!("meta.version+eq+%22{}%22", tag.replace('"', "%5C%22"));
    let by_name = "active+eq+true+and+schemas+pr+and+userName+sw+%22ada%22";
    for filter in ["active+eq+true+and+externalId+eq+%22ext-ada%22", by_name, by_tag.as_str()] {
        let listed = directory.send("GET", &format!("/Users?filter={filter}"), Value::Null).await;
        assert_eq!(listed.json["totalResults"], 1, "{filter}: {}", listed.text());
        assert_eq!(listed.json["Resources"][0], got.json, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_the_attribute_active_is_found_as_active() {
    let directory = Directory::with_members(&["ada"], &["bob"]).await;
    let path = |name: &str| format!("/Users/{}", directory.user(name));
    let gone = directory.patch(&path("ada"), json!([{"op": "remove", "path": "active"}])).await;
    assert!(gone.json.get("active").is_none(), "{}", gone.text());
    directory.patch(&path("bob"), json!([{"op": "replace", "path": "active", "value": false}])).await;
    for (filter, found) in [
        ("active+eq+true", "ada"),
        ("active+eq+%22True%22", "ada"),
        ("not+(active+eq+false)", "ada"),
        ("active+eq+false", "bob"),
        ("active+ne+true", "bob"),
    ] {
        let answer = directory.send("GET", &format!("/Users?filter={filter}"), Value::Null).await;
        assert_eq!(answer.json["totalResults"], 1, "{filter}: {}", answer.text());
        assert_eq!(answer.str("/Resources/0/id"), directory.user(found), "{filter}");
        assert_eq!(answer.json["Resources"][0].get("active").is_none(), found == "ada", "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_were_brought_along_are_found_by_filters() {
    let directory = Directory::with_members(&["ada"], &[]).await;
    directory.world.bring(Dialect::Clerk, "old@example.com", "old-user").await;
    let old = NewOrganization {
        name: "old".into(),
        alias: Some((Dialect::Clerk, "old-team".into())),
        ..NewOrganization::default()
    };
    directory.world.operator().await.create_organization(old).await.expect("an organization");
    for path in ["/Users/old-user", "/Groups/old-team"] {
        assert_eq!(directory.send("GET", path, Value::Null).await.status, 200, "{path}");
    }
    let joins = json!([{"op": "add", "path": "members", "value": [{"value": "old-user"}]}]);
    assert_eq!(directory.patch("/Groups/old-team", joins).await.status, 204);
    for (path, wanted) in [
        ("/Users?filter=id+eq+%22old-user%22", 1),
        ("/Users?filter=id+ne+%22old-user%22", 1),
        ("/Users?filter=groups+eq+%22old-team%22", 1),
        ("/Groups?filter=id+eq+%22old-team%22+and+members+eq+%22old-user%22", 1),
        ("/Groups?filter=members%5Bvalue+eq+%22old-user%22%5D", 1),
        ("/Groups?filter=members+eq+%22old-user%22+and+displayName+eq+%22acme%22", 0),
        ("/Users?filter=id+eq+%22old-team%22", 0),
        ("/Groups?filter=members+eq+%22nobody%22", 0),
    ] {
        assert_eq!(total(&directory, path).await, wanted, "{path}");
    }
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_came_by_a_link_is_shown_the_group_of_it_alone() {
    let directory = Directory::with_members(&["ada"], &[]).await;
    let ada = directory.user("ada");
    let other = directory.send("POST", "/Groups", json!({"displayName": "other", "members": [{"value": ada}]})).await;
    let link = format!("/v1/organizations/{}/memberships/{ada}/login-link", other.str("/id"));
    let link = directory.world.call("POST", &link, Value::Null).await;
    assert_eq!(link.status, 201, "{}", link.text());
    let body = axum::body::Body::from(json!({"secret": link.str("/secret")}).to_string());
    let opened = directory.world.send(http::Request::post("/v1/links:use").body(body).expect("a request")).await;
    assert_eq!(opened.status, 201, "{}", opened.text());
    let me = directory.world.call_as(opened.str("/secret"), "GET", "/scim/v2/Me", Value::Null).await;
    assert_eq!((me.status.as_u16(), me.str("/id")), (200, ada.as_str()), "{}", me.text());
    let groups: Vec<&Value> =
        me.json["groups"].as_array().expect("groups").iter().map(|group| &group["value"]).collect();
    assert_eq!(groups, [other.str("/id")]);
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_by_index_and_cursor_see_each_once() {
    let names: Vec<String> = (0..25).map(|n| format!("user{n:02}")).collect();
    let directory = Directory::with_members(&[], &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for order in ["", "&sortBy=userName", "&sortBy=emails&sortOrder=descending", "&filter=userName+sw+%22user%22"] {
        let mut seen = Vec::new();
        let mut start = 1;
        loop {
            let answer =
                directory.send("GET", &format!("/Users?startIndex={start}&count=10{order}"), Value::Null).await;
            let page = answer.json["Resources"].as_array().expect("resources").clone();
            assert_eq!(answer.json["totalResults"], 25);
            assert_eq!(answer.json["itemsPerPage"], page.len());
            if page.is_empty() {
                break;
            }
            start += page.len();
            seen.extend(page.iter().map(|user| user["userName"].as_str().expect("a name").to_owned()));
        }
        let mut cursor = String::new();
        let mut by_cursor = Vec::new();
        loop {
            let answer = directory.send("GET", &format!("/Users?cursor={cursor}&count=10{order}"), Value::Null).await;
            let page = answer.json["Resources"].as_array().expect("resources").clone();
            by_cursor.extend(page.iter().map(|user| user["userName"].as_str().expect("a name").to_owned()));
            match answer.json["nextCursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(seen, by_cursor, "{order}");
        let mut sorted = seen.clone();
        sorted.sort();
        assert_eq!(sorted.len(), 25);
        if order.contains("sortBy=userName") {
            assert_eq!(seen, sorted);
        }
        sorted.dedup();
        assert_eq!(sorted.len(), 25, "{order}");
    }
}

/// Base64 as used in URLs, without padding.
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letters = |three: &[u8]| {
        let bits =
            (0..3).fold(0_usize, |bits, at| (bits << 8) | usize::from(three.get(at).copied().unwrap_or_default()));
        (0..=three.len()).map(move |at| char::from(LETTERS[(bits >> (18 - 6 * at)) & 63])).collect::<String>()
    };
    bytes.chunks(3).map(letters).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_is_signed_with_the_realms_secret() {
    let directory = Directory::with_members(&["ada", "bob"], &[]).await;
    let first = directory.send("GET", "/Users?cursor=&count=1", Value::Null).await;
    let scope = roster_engine::RequestScope::default();
    let caller =
        directory.world.engine.authenticate(roster_engine::Surface::Scim, Some(KEY), scope).await.expect("a key");
    let last: roster_engine::UserId = roster_engine::Form::Native.read(first.str("/Resources/0/id")).expect("an id");
    let (key, last, made) = (caller.token().expect("a key").id.raw(), last.raw(), caller.now().as_ms());
    let bound = format!("[\"scim\",\"users\",null,null,false,{key},{{\"a\":{last},\"o\":0}},{made}]");
    let signature = base64url(&caller.signature(bound.as_bytes()).await.expect("a secret")[..16]);
    let cursor =
        |after: i64| base64url(format!("{{\"a\":{after},\"o\":0,\"t\":{made},\"h\":\"{signature}\"}}").as_bytes());
    assert_eq!(first.str("/nextCursor"), cursor(last));
    let path = |after: i64| format!("/Users?count=1&cursor={}", cursor(after));
    assert_eq!(directory.send("GET", &path(last), Value::Null).await.status, 200);
    let forged = directory.send("GET", &path(last - 1), Value::Null).await;
    assert_eq!((forged.status.as_u16(), forged.str("/scimType")), (400, "invalidCursor"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deactivation_is_soft_everywhere() {
    let directory = Directory::with_members(&["ada"], &[]).await;
    let path = format!("/Users/{}", directory.user("ada"));
    let off = directory.patch(&path, json!([{"op": "replace", "value": {"active": false}}])).await;
    assert_eq!(off.json["active"], false);
    assert_eq!(directory.members().await, ["ada"]);
    let user = directory.world.call("GET", &format!("/v1/users/{}", directory.user("ada")), Value::Null).await;
    assert_eq!(user.str("/status"), "inactive");
    directory.patch(&path, json!([{"op": "replace", "value": {"active": "True"}}])).await;
    let user = directory.world.call("GET", &format!("/v1/users/{}", directory.user("ada")), Value::Null).await;
    assert_eq!(user.str("/status"), "active");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_okta_reads_it_can_send_back() {
    let directory = Directory::with_members(&["ada"], &[]).await;
    let path = format!("/Users/{}", directory.user("ada"));
    let read = directory.send("GET", &path, Value::Null).await;
    let events = directory.events().await;
    directory.world.clock.advance(5000);
    let put = directory.send("PUT", &path, read.json.clone()).await;
    assert_eq!((put.status.as_u16(), &put.json), (200, &read.json));
    assert_eq!(directory.events().await, events, "what changes nothing leaves no event");
    let again =
        directory.send_with("GET", &path, Value::Null, &[("if-none-match", read.header("etag").expect("a tag"))]).await;
    assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    let twice = directory.send("POST", "/Users", json!({"userName": "ADA@example.com"})).await;
    assert_eq!((twice.status.as_u16(), twice.str("/scimType")), (409, "uniqueness"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_change_is_seen() {
    let directory = Directory::with_members(&["ada"], &[]).await;
    let path = format!("/Users/{}", directory.user("ada"));
    let before = directory.send("GET", &path, Value::Null).await;
    let native = format!("/v1/users/{}", directory.user("ada"));
    directory.world.clock.advance(1000);
    let change = json!({"first_name": "Augusta", "email": "augusta@example.com"});
    assert!(directory.world.call("PATCH", &native, change).await.status.is_success());
    let after = directory.send("GET", &path, Value::Null).await;
    assert_eq!(after.json["name"]["givenName"], "Augusta");
    assert_eq!(after.json["emails"][0]["value"], "augusta@example.com");
    assert_ne!(before.header("etag"), after.header("etag"));
    // Writing another attribute doesn't undo these changes.
    directory.patch(&path, json!([{"op": "replace", "path": "title", "value": "Countess"}])).await;
    let user = directory.world.call("GET", &native, Value::Null).await;
    assert_eq!((user.str("/first_name"), user.str("/email")), ("Augusta", "augusta@example.com"));
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_was_put_together_goes_with_its_parts() {
    let directory = Directory::new().await;
    let made = directory.world.call("POST", "/v1/users", json!({"name": "Mary Watson"})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let path = format!("/Users/{}", made.str("/id"));
    let shown = directory.send("GET", &path, Value::Null).await;
    assert_eq!(shown.str("/name/formatted"), "Mary Watson");
    let rename = json!([{"op": "replace", "path": "name.familyName", "value": "Zed"}]);
    let renamed = directory.patch(&path, rename.clone()).await;
    assert_eq!(renamed.json["name"], json!({"givenName": "Mary", "familyName": "Zed"}), "{}", renamed.text());
    let native = directory.world.call("GET", &format!("/v1/users/{}", made.str("/id")), Value::Null).await;
    assert_eq!(native.str("/name"), "Mary Zed");
    assert_eq!(total(&directory, "/Users?filter=name.formatted+eq+%22Mary+Watson%22").await, 0);
    // What a directory wrote is kept as it was written.
    let said = json!({"userName": "jo", "name": {"formatted": "Dr. Jo Doe", "givenName": "Jo", "familyName": "Doe"}});
    let said = directory.send("POST", "/Users", said).await;
    let renamed = directory.patch(&format!("/Users/{}", said.str("/id")), rename).await;
    assert_eq!((renamed.str("/name/formatted"), renamed.str("/name/familyName")), ("Dr. Jo Doe", "Zed"));
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_groups_version_moves_with_its_members_on_any_surface() {
    let directory = Directory::with_members(&["ada"], &["bob"]).await;
    let path = format!("/Groups/{}", directory.group());
    let tag = async || directory.send("GET", &path, Value::Null).await.header("etag").expect("a tag").to_owned();
    let first = tag().await;
    assert_eq!(first, tag().await);
    let native = format!("/v1/organizations/{}/memberships", directory.group());
    directory.world.call("POST", &native, json!({"user_id": directory.user("bob"), "roles": ["viewer"]})).await;
    let second = tag().await;
    directory.world.call("PATCH", &format!("{native}/{}", directory.user("bob")), json!({"roles": ["admin"]})).await;
    let third = tag().await;
    assert!(first != second && second != third);
    let refused = json!({"Operations": [{"op": "remove", "path": "members"}]});
    let answer = directory.send_with("PATCH", &path, refused, &[("if-match", &first)]).await;
    assert_eq!(answer.status, 412);
    assert_eq!(directory.members().await, ["ada", "bob"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_of_a_group_moves_who_has_exactly_the_former() {
    let directory = Directory::with_members(&["ada", "bob"], &["eve"]).await;
    let native = format!("/v1/organizations/{}/memberships", directory.group());
    directory.world.call("PATCH", &format!("{native}/{}", directory.user("bob")), json!({"roles": ["admin"]})).await;
    let path = format!("/Groups/{}", directory.group());
    let role = |role: &str| json!([{"op": "add", "path": format!("{EXTENSION}:role"), "value": role}]);
    assert_eq!(directory.patch(&path, role("viewer")).await.status, 204);
    directory
        .patch(&path, json!([{"op": "add", "path": "members", "value": [{"value": directory.user("eve")}]}]))
        .await;
    assert_eq!(
        directory.roles().await,
        [("ada", "viewer"), ("bob", "admin"), ("eve", "viewer")].map(|(a, b)| (a.into(), b.into()))
    );
    assert_eq!(directory.patch(&path, role("owner")).await.str("/scimType"), "invalidValue");
    assert_eq!(directory.patch(&path, role("nonsense")).await.str("/scimType"), "invalidValue");
    // A client that doesn't know the extension leaves it unchanged.
    let put = directory.send("PUT", &path, json!({"displayName": "acme"})).await;
    assert_eq!(put.json[EXTENSION]["role"], "viewer");
    directory.patch(&path, json!([{"op": "remove", "path": format!("{EXTENSION}:role")}])).await;
    assert_eq!(
        directory.roles().await,
        [("ada", "member"), ("bob", "admin"), ("eve", "member")].map(|(a, b)| (a.into(), b.into()))
    );
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_groups_give_and_take_roles() {
    let directory = Directory::with_members(&["ada"], &["bob"]).await;
    let whylabs = roster_engine::Form::Whylabs.show(directory.organization).expect("a form");
    let group = |role: &str| format!("/scim/roles/v2/Groups/whylabs-{whylabs}:{role}");
    let bob = json!([{"value": directory.user("bob")}]);
    let op = |op: &str| json!({"Operations": [{"op": op, "path": "members", "value": bob}]});
    for (role, what, roles) in [
        ("viewer", "Add", vec![("ada", "member"), ("bob", "viewer")]),
        ("admin", "Add", vec![("ada", "member"), ("bob", "admin"), ("bob", "viewer")]),
        ("VIEWER", "Remove", vec![("ada", "member"), ("bob", "admin")]),
        ("admin", "Remove", vec![("ada", "member")]),
    ] {
        let answer = directory.world.call("PATCH", &group(role), op(what)).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
        let roles: Vec<(String, String)> = roles.into_iter().map(|(a, b)| (a.into(), b.into())).collect();
        assert_eq!(directory.roles().await, roles, "{what} {role}");
    }
    for (method, path, body) in [
        ("PATCH", group("owner"), op("Add")),
        ("POST", "/scim/roles/v2/Groups".into(), json!({"displayName": "x"})),
        ("DELETE", group("viewer"), Value::Null),
        ("PATCH", group("viewer"), json!({"Operations": [{"op": "replace", "value": {"displayName": "other"}}]})),
    ] {
        let answer = directory.world.call(method, &path, body).await;
        assert_eq!((answer.status.as_u16(), answer.str("/scimType")), (400, "mutability"), "{method} {path}");
    }
    let named = json!({"Operations": [{"op": "replace", "value": {"externalId": "x-1", "displayName": group("viewer").rsplit('/').next()}}]});
    assert_eq!(directory.world.call("PATCH", &group("viewer"), named).await.status, 204);
    let found = directory.world.call("GET", "/scim/roles/v2/Groups?filter=externalId+eq+%22x-1%22", Value::Null).await;
    assert_eq!(found.json["totalResults"], 1, "{}", found.text());
    assert_eq!(directory.world.call("GET", &group("nonsense"), Value::Null).await.status, 404);
    let all = directory.world.call("GET", "/scim/roles/v2/Groups?count=3&startIndex=8", Value::Null).await;
    assert_eq!((&all.json["totalResults"], &all.json["itemsPerPage"]), (&json!(16), &json!(3)));
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_users_groups_are_roles_where_groups_are() {
    let directory = Directory::with_members(&["ada"], &["bob"]).await;
    let ada = directory.user("ada");
    let brought = NewOrganization {
        name: "brought".into(),
        alias: Some((Dialect::Whylabs, "org-old".into())),
        ..NewOrganization::default()
    };
    let brought = directory.world.operator().await.create_organization(brought).await.expect("an organization").id;
    let joins = json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]);
    assert_eq!(directory.patch(&format!("/Groups/{}", brought.native()), joins.clone()).await.status, 204);
    let whylabs = roster_engine::Form::Whylabs.show(directory.organization).expect("a form");
    let acme = |role: &str| format!("whylabs-{whylabs}:{role}");
    let viewers = format!("/scim/roles/v2/Groups/{}", acme("viewer"));
    assert_eq!(directory.world.call("PATCH", &viewers, json!({"Operations": joins})).await.status, 204);
    let user = directory.world.call("GET", &format!("/scim/roles/v2/Users/{ada}"), Value::Null).await;
    let groups = user.json["groups"].as_array().expect("groups");
    let mut ids: Vec<&str> = groups.iter().map(|group| group["value"].as_str().expect("an id")).collect();
    ids.sort_unstable();
    let mut wanted = [acme("member"), acme("viewer"), "whylabs-org-old:member".to_owned()];
    wanted.sort_unstable();
    assert_eq!(ids, wanted, "{}", user.text());
    for group in groups {
        assert_eq!((&group["display"], &group["type"]), (&group["value"], &json!("direct")));
        let link = group["$ref"].as_str().expect("a link");
        let place = link.find("/scim/roles/v2/Groups/").expect("this mount's");
        let there = directory.world.call("GET", &link[place..], Value::Null).await;
        assert_eq!((there.status.as_u16(), &there.json["id"]), (200, &group["value"]), "{link}");
        assert_eq!(there.str("/members/0/value"), ada);
    }
    let listed =
        directory.world.call("GET", "/scim/roles/v2/Users?filter=externalId+eq+%22ext-ada%22", Value::Null).await;
    assert_eq!(listed.json["Resources"][0], user.json);
    for (group, found) in [
        (acme("viewer"), 1),
        (format!("{whylabs}:VIEWER"), 1),
        ("org-old:member".to_owned(), 1),
        (acme("admin"), 0),
        (directory.group(), 0),
    ] {
        let path = format!("/scim/roles/v2/Users?filter=groups.value+eq+%22{group}%22");
        let answer = directory.world.call("GET", &path, Value::Null).await;
        assert_eq!(answer.json["totalResults"], found, "{group}: {}", answer.text());
    }
    // At the other mount, a user's groups are still organizations.
    let user = directory.send("GET", &format!("/Users/{ada}"), Value::Null).await;
    let groups: Vec<&str> =
        user.json["groups"].as_array().expect("groups").iter().filter_map(|group| group["value"].as_str()).collect();
    assert_eq!(groups, [directory.group(), brought.native()]);
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_names_what_it_makes() {
    let directory = Directory::new().await;
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "team", "members": [{"value": "bulkId:u"}]}},
            {"method": "post", "path": "/Users", "bulkId": "u", "data": {"userName": "ada"}},
            {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"Operations": [{"op": "replace", "value": {"displayName": "renamed"}}]}},
            {"method": "POST", "path": "/Users", "data": {"userName": "without"}},
            {"method": "POST", "path": "/Users", "bulkId": "w", "data": {"userName": "ADA"}},
            {"method": "PUT", "path": "/Users/bulkId:w", "data": {"userName": "x"}},
            {"method": "GET", "path": "/Users", "bulkId": "y"},
            {"method": "POST", "path": "/Machines", "bulkId": "z", "data": {}},
        ],
    });
    let answer = directory.send("POST", "/Bulk", body.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let statuses: Vec<&str> =
        (0..8).map(|n| answer.json["Operations"][n]["status"].as_str().expect("a text")).collect();
    assert_eq!(statuses, ["201", "201", "204", "400", "409", "409", "400", "400"], "{}", answer.text());
    assert_eq!(answer.str("/Operations/4/response/scimType"), "uniqueness");
    let team = directory.send("GET", "/Groups?filter=displayName+eq+%22renamed%22", Value::Null).await;
    assert_eq!(team.json["Resources"][0]["members"].as_array().map(Vec::len), Some(1), "{}", team.text());
    let mut stops = body;
    stops["failOnErrors"] = json!(1);
    let answer = directory.send("POST", "/Bulk", stops).await;
    assert_eq!(answer.json["Operations"].as_array().map(Vec::len), Some(1), "{}", answer.text());
    let circle = json!({"Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "a", ENTERPRISE: {"manager": {"value": "bulkId:b"}}}},
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": {"userName": "b", ENTERPRISE: {"manager": {"value": "bulkId:a"}}}},
    ]});
    let answer = directory.send("POST", "/Bulk", circle).await;
    assert_eq!(answer.str("/Operations/0/status"), "409");
    let many = json!({"Operations": vec![json!({}); 1001]});
    assert_eq!(directory.send("POST", "/Bulk", many).await.status, 413);
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_says_where_things_are_and_reads_paths_as_urls() {
    let directory = Directory::with_members(&["ada"], &[]).await;
    let ada = directory.user("ada");
    let title = |title: &str| json!({"Operations": [{"op": "replace", "path": "title", "value": title}]});
    let body = json!({"Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"userName": "new"}},
        {"method": "DELETE", "path": "/Users/bulkId:u"},
        {"method": "DELETE", "path": "/Users/bulkId%3Au"},
        {"method": "DELETE", "path": "/Users/bulkId:nobody"},
        {"method": "PATCH", "path": format!("/Users/{}", ada.replace('_', "%5F")), "data": title("Countess")},
    ]});
    let answer = directory.send("POST", "/Bulk", body).await;
    let statuses: Vec<&str> =
        (0..5).map(|n| answer.json["Operations"][n]["status"].as_str().expect("a text")).collect();
    assert_eq!(statuses, ["201", "204", "404", "409", "200"], "{}", answer.text());
    let made = answer.str("/Operations/0/location");
    for gone in [1, 2] {
        assert_eq!(answer.str(&format!("/Operations/{gone}/location")), made);
    }
    assert!(answer.json["Operations"][3].get("location").is_none(), "it isn't there: {}", answer.text());
    assert!(answer.str("/Operations/4/location").ends_with(&ada));
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_no_text_is_no_leave_to_do_it_in_any_case() {
    let directory = Directory::with_members(&["ada"], &[]).await;
    let path = format!("/Users/{}", directory.user("ada"));
    let with = |version: Value| json!({"method": "DELETE", "path": path, "version": version});
    let body = json!({"Operations": [
        with(json!(5)), with(json!(["W/\"x\""])), with(json!(false)), with(json!("W/\"other\"")), with(Value::Null),
    ]});
    let answer = directory.send("POST", "/Bulk", body).await;
    let statuses: Vec<&str> =
        (0..5).map(|n| answer.json["Operations"][n]["status"].as_str().expect("a text")).collect();
    assert_eq!(statuses, ["400", "400", "400", "412", "204"], "{}", answer.text());
    assert_eq!(answer.str("/Operations/0/response/scimType"), "invalidSyntax");
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_text_in_bulk_fails_its_own_operation() {
    let directory = Directory::new().await;
    let post = |name: &str, data: Value| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": data});
    let body = json!({"Operations": [
        post("a", json!({"userName": "ada"})),
        post("b", json!({"userName": "b\u{0}b"})),
        post("c", json!({"userName": "cat", "title": "x".repeat(70_000)})),
        post("d\u{0}", json!({"userName": "dee"})),
        post("e", json!({"userName": "eve"})),
    ]});
    let answer = directory.send("POST", "/Bulk", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let statuses: Vec<&str> =
        (0..5).map(|n| answer.json["Operations"][n]["status"].as_str().expect("a text")).collect();
    assert_eq!(statuses, ["201", "400", "400", "400", "201"], "{}", answer.text());
    for bad in 1..4 {
        assert_eq!(answer.str(&format!("/Operations/{bad}/response/scimType")), "invalidValue");
    }
    assert_eq!(total(&directory, "/Users").await, 2);
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guard_holds_what_removes_too_much() {
    let guard = roster_engine::DirectoryOptions { max_removal_percent: 20, max_removal_floor: 1, ..Default::default() };
    let directory = Directory::guarded(guard, &["a", "b", "c", "d", "e"]).await;
    let path = format!("/Groups/{}", directory.group());
    let before = directory.events().await;
    let empty = json!({"Operations": [{"op": "replace", "path": "members", "value": []}]});
    let answer = directory.send("PATCH", &path, empty.clone()).await;
    assert_eq!(answer.status, 428, "{}", answer.text());
    assert_eq!(directory.members().await.len(), 5);
    assert_eq!(directory.events().await, before + 1, "a note for an admin");
    let events = directory.world.call("GET", &format!("/v1/events?after={before}"), Value::Null).await;
    assert_eq!(events.str("/items/0/type"), "scim.removal_held");
    let one = json!([{"op": "remove", "path": "members", "value": [{"value": directory.user("a")}]}]);
    assert_eq!(directory.patch(&path, one).await.status, 204, "not more than the floor");
    let version = directory.send("GET", &path, Value::Null).await.header("etag").expect("a tag").to_owned();
    let sure = directory.send_with("PATCH", &path, empty, &[("if-match", &version)]).await;
    assert_eq!(sure.status, 204, "{}", sure.text());
    assert!(directory.members().await.is_empty());
    directory.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transport() {
    let directory = Directory::with_members(&["ada"], &[]).await;
    let world = &directory.world;
    for key in [None, Some("Basic abc"), Some("Bearer nonsense")] {
        for (method, path) in [
            ("GET", "/Users"),
            ("GET", "/ServiceProviderConfig"),
            ("GET", "/Me"),
            // The key is checked even before the path.
            ("GET", "/Nothing"),
            ("DELETE", "/Users"),
        ] {
            let mut request = http::Request::builder().method(method).uri(format!("/scim/v2{path}"));
            if let Some(key) = key {
                request = request.header("authorization", key);
            }
            let answer = world.send(request.body(axum::body::Body::empty()).expect("a request")).await;
            assert_eq!(answer.status, 401, "{key:?} {method} {path}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"SCIM\""));
            assert_eq!(answer.header("content-type"), Some("application/scim+json"));
        }
    }
    for (content_type, status) in [
        ("application/scim+json; charset=utf-8", 201),
        ("APPLICATION/JSON", 409),
        ("text/plain", 415),
        ("application/xml+json", 415),
    ] {
        let request = http::Request::post("/scim/v2/Users")
            .header("authorization", format!("bearer {KEY}"))
            .header("content-type", content_type)
            .body(axum::body::Body::from("{\"userName\": \"typed\"}"))
            .expect("a request");
        assert_eq!(world.send(request).await.status.as_u16(), status, "{content_type}");
    }
    for (body, scim_type) in [
        (json!({"userName": "a\u{0}b"}), "invalidValue"),
        (json!({"userName": "x".repeat(70_000)}), "invalidValue"),
        (json!({"userName": " "}), "invalidValue"),
        (json!({"schemas": ["urn:foreign"], "userName": "a"}), "invalidSyntax"),
        (json!({"schemas": "urn:foreign", "userName": "a"}), "invalidSyntax"),
        (json!({"userName": "a", "emails": [{"value": "no address", "primary": true}]}), "invalidValue"),
    ] {
        let answer = directory.send("POST", "/Users", body).await;
        assert_eq!((answer.status.as_u16(), answer.str("/scimType")), (400, scim_type), "{}", answer.text());
    }
    let large = json!({"userName": "a", "photos": vec![json!({"value": "x".repeat(60_000)}); 150]});
    assert_eq!(directory.send("POST", "/Users", large).await.status, 413);
    for path in ["/Nothing", "/Users/nobody", "/Groups/usr_1", "/Schemas/urn:x", "/ResourceTypes/Machine"] {
        assert_eq!(directory.send("GET", path, Value::Null).await.status, 404, "{path}");
    }
    let answer = directory.send("DELETE", "/Users", Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow").is_some()), (405, true));
    assert_eq!(directory.send("GET", "/Schemas?filter=id+pr", Value::Null).await.status, 403);
    let operator = world.operator().await;
    let of_ada = NewToken { user: Some(directory.user("ada").as_str().into()), ..NewToken::new(TokenKind::User) };
    let key = roster_tests::operations::secret(&operator, of_ada).await;
    let me = world.call_as(&key, "GET", "/scim/v2/Me", Value::Null).await;
    assert_eq!((me.status.as_u16(), me.str("/id")), (200, directory.user("ada").as_str()));
    assert!(me.header("location").is_some_and(|location| location.ends_with(&directory.user("ada"))));
    assert_eq!(world.call_as(&key, "PATCH", "/scim/v2/Me", json!({})).await.status, 403);
    assert_eq!(world.call_as(&key, "GET", "/scim/v2/Users", Value::Null).await.status, 403);
    let viewer = NewToken {
        organization: Some(directory.organization.into()),
        roles: RoleSet::of(RoleNumber::VIEWER),
        ..NewToken::new(TokenKind::Organization)
    };
    let key = roster_tests::operations::secret(&operator, viewer).await;
    assert_eq!(world.call_as(&key, "GET", "/scim/v2/Users", Value::Null).await.json["totalResults"], 1);
    assert_eq!(world.call_as(&key, "POST", "/scim/v2/Users", json!({"userName": "x"})).await.status, 403);
    let _: &World = world;
}
