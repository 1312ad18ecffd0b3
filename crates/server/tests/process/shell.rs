//! The command line: alone, and beside a running server.

use serde_json::{Value, json};

use crate::common::{TestDir, said};

fn str<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

#[test]
fn nothing_is_made_by_asking() {
    let place = TestDir::new();
    for words in [&["user", "list"][..], &["realm", "list"], &["realm", "verify", "default"], &["token", "create"]] {
        let told = place.refused(1, words);
        assert!(told.contains("there is no database sqlite://roster.db"), "{told}");
        assert!(told.contains("roster realm create"), "{told}");
    }
    assert!(!place.file("roster.db").exists());
    let told = place.refused(1, &["user", "list", "--database", "postgres://a:secret@127.0.0.1:1/c"]);
    assert!(told.contains("can't be reached") && !told.contains("secret"), "{told}");
}

#[test]
fn what_a_command_has_no_use_for_is_told_of() {
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    let mut command = place.roster(&["user", "list", "--json"]);
    let output = command.env("ROSTER_DATABSE_URL", "sqlite://other.db").output().expect("the binary starts");
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice::<Value>(&output.stdout).expect("one JSON value, and nothing beside it");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "roster: the environment variable ROSTER_DATABSE_URL is not known; did you mean ROSTER_DATABASE_URL?\n"
    );
    assert!(place.refused(2, &["user", "list", "--log", "error"]).contains("--log"));

    let copy = ["copy", "--from", "sqlite://nowhere.db", "--to", "sqlite://other.db"];
    let told = place.refused(2, &[&copy[..], &["--database", "sqlite://roster.db"]].concat());
    assert!(told.contains("copy takes no --database"), "{told}");
    // The variable is there for the other commands.
    let output = place.roster(&copy).env("ROSTER_DATABASE_URL", "sqlite://roster.db").output();
    let output = output.expect("the binary starts");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.db"), "{}", said(&output));

    let told = place.refused(2, &["openapi", "nothing"]);
    assert!(told.contains("native") && told.contains("scim"), "{told}");
}

#[test]
fn realms() {
    let place = TestDir::new();
    let printed = place.done(&["realm", "create", "acme"]);
    assert_eq!(printed.matches("rst_").count(), 1, "{printed}");
    let other = place.json(&["realm", "create", "other"]);
    assert!(str(&other, "/key").starts_with("rst_"), "{other}");
    let listed = place.json(&["realm", "list"]);
    assert_eq!((str(&listed, "/items/0/name"), str(&listed, "/items/1/name")), ("acme", "other"));
    assert!(!listed.to_string().contains("rst_"), "a key is shown once: {listed}");
    assert!(place.refused(1, &["realm", "create", "acme"]).contains("another realm has this name already"));
    assert!(place.refused(1, &["realm", "create", "Not Good"]).contains("must be 1 to 64 of a-z, 0-9 and _"));

    // Names are looked up in their realm, and a realm that isn't there is not made.
    let told = place.refused(1, &["user", "list"]);
    assert_eq!(told, "roster: there is no realm \"default\"; there are acme, other\n");
    place.done(&["user", "create", "--email", "ada@example.com", "--realm", "acme"]);
    let users = |realm| place.json(&["user", "list", "--realm", realm])["items"].as_array().map(Vec::len);
    assert_eq!((users("acme"), users("other")), (Some(1), Some(0)));

    let sound = place.json(&["realm", "verify", "acme"]);
    assert_eq!(sound, json!({"realm": "acme", "ok": true, "problems": []}));
    assert!(place.refused(1, &["realm", "verify", "nowhere"]).contains("there are acme, other"));
}

#[test]
fn a_realm_whose_tables_lie_is_told_of() {
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    place.done(&["realm", "create", "other"]);
    place.done(&["user", "create", "--email", "ada@example.com"]);
    let database = rusqlite::Connection::open(place.file("roster.db")).expect("a database");
    assert_eq!(database.execute("UPDATE usr SET name = 'Eve'", ()).expect("a statement"), 1);
    drop(database);
    let output = place.run(&["realm", "verify", "default", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&found["ok"], found["problems"].as_array().map(Vec::len)), (&json!(false), Some(1)), "{found}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is 1 problem in realm default"));

    let output = place.run(&["verify", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let sound = json!({"realm": "other", "ok": true, "problems": []});
    assert_eq!(all, json!({"realms": [found, sound]}));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is 1 problem in realm default"));
}

#[test]
fn users() {
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    let ada = ["user", "create", "--email", "Ada@Example.com", "--name", "Ada Lovelace", "--public", r#"{"team": 1}"#];
    let ada = place.json(&ada);
    assert_eq!((str(&ada, "/email"), str(&ada, "/last_name")), ("ada@example.com", "Lovelace"));
    assert_eq!(ada["public_metadata"], json!({"team": 1}));
    // By e-mail address in any case, and by id in any form.
    for name in [str(&ada, "/id"), str(&ada, "/ids/clerk"), str(&ada, "/ids/enhance"), "ADA@example.com"] {
        assert_eq!(place.json(&["user", "get", name]), ada, "{name}");
    }
    let words = ["user", "update", "ada@example.com", "--username", "ada", "--last-name", "", "--status", "inactive"];
    let changed = place.json(&words);
    assert_eq!((str(&changed, "/username"), str(&changed, "/status")), ("ada", "inactive"));
    assert_eq!(changed["last_name"], Value::Null);
    assert_eq!(changed["first_name"], "Ada", "what isn't given stays");
    let cleared = place.json(&["user", "update", "ada@example.com", "--public", ""]);
    assert_eq!(cleared["public_metadata"], json!({}));

    for number in 0..3 {
        place.done(&["user", "create", "--email", &format!("user-{number}@example.com")]);
    }
    let first = place.json(&["user", "list", "user-", "--limit", "2"]);
    let rest = place.json(&["user", "list", "user-", "--limit", "2", "--cursor", str(&first, "/next_cursor")]);
    assert_eq!(str(&rest, "/items/0/email"), "user-2@example.com");
    assert_eq!(rest["next_cursor"], Value::Null);
    let table = place.done(&["user", "list", "--status", "inactive"]);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(lines[0].starts_with("ID  ") && lines[1].contains("ada@example.com"), "{table}");

    assert!(place.refused(1, &["user", "create", "--email", "nobody"]).contains("email must be one e-mail address"));
    assert!(place.refused(1, &["user", "get", "nobody@example.com"]).contains("there is no user"));
    assert!(place.refused(2, &["user", "create"]).contains("--email"));
    assert!(place.refused(2, &["user", "update", "ada@example.com"]).contains("--email"));
    assert!(place.refused(2, &["user", "update", "ada@example.com", "--public", "[]"]).contains("a JSON object"));
    assert!(place.refused(2, &["user", "lst"]).contains("list"));

    assert!(place.done(&["user", "delete", "user-0@example.com"]).starts_with("deleted usr_"));
    // Who is deleted is known by id, and only to be forgotten.
    let id = str(&ada, "/id");
    place.done(&["user", "delete", id]);
    place.refused(1, &["user", "get", id]);
    assert_eq!(place.json(&["user", "delete", id, "--erase"]), json!({"id": id, "erased": true}));
    place.done(&["realm", "verify", "default"]);
}

#[test]
fn organizations_members_and_owners() {
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    for name in ["ada", "grace"] {
        place.done(&["user", "create", "--email", &format!("{name}@example.com")]);
    }
    let acme = place.json(&["org", "create", "Acme Inc"]);
    assert_eq!((str(&acme, "/slug"), &acme["depth"]), ("acme-inc", &json!(1)));
    let sales = place.json(&["org", "create", "Sales", "--parent", "acme-inc", "--max-members", "5"]);
    assert_eq!(sales["parent_id"], acme["id"]);
    for name in [str(&acme, "/id"), str(&acme, "/ids/whylabs"), "acme-inc"] {
        assert_eq!(place.json(&["org", "get", name]), acme, "{name}");
    }
    let listed = |words: &[&str]| {
        let listed = place.json(&[&["org", "list"], words].concat());
        let items = listed["items"].as_array().expect("a list").iter();
        items.map(|item| str(item, "/slug").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--parent", "/"]), ["acme-inc"]);
    assert_eq!(listed(&["--below", "/"]), ["acme-inc", "sales"]);
    assert_eq!(listed(&["sal"]), ["sales"]);
    assert!(place.refused(1, &["org", "move", "acme-inc", "sales"]).contains("parent_id"));
    assert_eq!(place.json(&["org", "move", "sales", "/"])["depth"], 1);
    place.done(&["org", "move", "sales", "acme-inc"]);
    assert_eq!(place.json(&["org", "update", "sales", "--name", "Selling"])["slug"], "sales");
    assert_eq!(place.json(&["org", "update", "sales", "--max-members", ""])["max_members"], 0);
    assert!(place.refused(2, &["org", "update", "sales", "--max-members", "many"]).contains("--max-members"));

    let member = place.json(&["member", "add", "sales", "ada@example.com", "--role", "admin", "--role", "viewer"]);
    assert_eq!(member["roles"], json!(["admin", "viewer"]));
    assert_eq!(place.json(&["member", "add", "sales", "grace@example.com"])["roles"], json!(["member"]));
    let told = place.refused(1, &["member", "add", "sales", "ada@example.com"]);
    assert!(told.contains("already"), "{told}");
    let told = place.refused(1, &["member", "update", "sales", "ada@example.com", "--role", "boss"]);
    assert!(told.contains("there is no role \"boss\"; there are owner, admin"), "{told}");
    place.refused(2, &["member", "update", "sales", "ada@example.com"]);
    place.refused(2, &["member", "list"]);
    place.done(&["member", "update", "sales", "ada@example.com", "--role", "admin", "--default"]);
    assert_eq!(place.json(&["member", "get", "sales", "ada@example.com"])["default"], true);
    let admins = place.json(&["member", "list", "sales", "--role", "admin"]);
    assert_eq!(str(&admins, "/items/0/user/email"), "ada@example.com");
    assert_eq!(admins["items"].as_array().map(Vec::len), Some(1));
    let of_grace = place.json(&["member", "list", "--user", "grace@example.com"]);
    assert_eq!(str(&of_grace, "/items/0/organization/slug"), "sales");
    assert!(place.done(&["member", "list", "sales"]).contains("grace@example.com  member"));

    assert!(place.refused(1, &["owner", "get", "sales"]).contains("has no owner"));
    assert_eq!(place.json(&["owner", "set", "sales", "ada@example.com"])["roles"], json!(["owner"]));
    let told = place.refused(1, &["member", "remove", "sales", "ada@example.com"]);
    assert!(told.contains("roster owner clear"), "{told}");
    place.done(&["owner", "set", "sales", "grace@example.com"]);
    assert_eq!(str(&place.json(&["owner", "get", "sales"]), "/user/email"), "grace@example.com");
    place.done(&["owner", "clear", "sales"]);
    assert!(place.done(&["member", "remove", "sales", "ada@example.com"]).starts_with("removed ada@example.com"));
    let told = place.refused(1, &["member", "remove", "sales", "ada@example.com"]);
    assert!(told.contains("not a member"), "{told}");

    assert!(place.refused(1, &["org", "delete", "acme-inc"]).contains("--subtree"));
    assert!(place.done(&["org", "delete", "acme-inc", "--subtree"]).starts_with("deleted org_"));
    assert!(place.refused(1, &["org", "get", "sales"]).contains("there is no organization"));
    place.done(&["realm", "verify", "default"]);
}

#[test]
fn beside_a_server() {
    let place = TestDir::new();
    let server = place.serve();
    let mut http = server.client();

    let ada = place.json(&["user", "create", "--email", "ada@example.com"]);
    assert_eq!(http.get(&format!("/v1/users/{}", str(&ada, "/id"))).expect(200).json(), ada);
    let acme = http.post("/v1/organizations", &json!({"name": "Acme"})).expect(201).json();
    assert_eq!(place.json(&["org", "get", "acme"]), acme);
    place.done(&["member", "add", "acme", "ada@example.com"]);

    // Keys count at once, and stop to count at once.
    let token = place.json(&["token", "create", "--org", "acme", "--role", "admin", "--name", "for a test"]);
    let (id, secret) = (str(&token, "/id"), str(&token, "/secret"));
    let members = format!("/v1/organizations/{}/memberships", str(&acme, "/id"));
    assert_eq!(server.client_with(secret).get(&members).expect(200).json()["items"][0]["user_id"], ada["id"]);
    server.client_with(secret).get("/v1/users").expect(403);
    let own = place.json(&["token", "create", "--user", "ada@example.com"]);
    assert_eq!(server.client_with(str(&own, "/secret")).get("/v1/users/me").expect(200).json()["id"], ada["id"]);
    let realm = place.json(&["token", "create"]);
    server.client_with(str(&realm, "/secret")).get("/v1/users").expect(200);
    let listed = place.json(&["token", "list", "--org", "acme"]);
    assert_eq!((str(&listed, "/items/0/id"), listed["items"].as_array().map(Vec::len)), (id, Some(1)));
    assert!(!listed.to_string().contains(secret));
    let revoked = place.json(&["token", "revoke", id]);
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    server.client_with(secret).get(&members).expect(401);
    assert_eq!(place.json(&["token", "list", "--org", "acme"])["items"], json!([]));
    assert!(place.refused(2, &["token", "create", "--expires", "soon"]).contains("2027-01-31T00:00:00Z"));
    assert!(place.refused(1, &["token", "revoke", "tok_nothing"]).contains("there is no such token"));

    // A realm made meanwhile is served like one that was there before.
    let other = place.json(&["realm", "create", "other"]);
    assert_eq!(server.client_with(str(&other, "/key")).get("/v1/users").expect(200).json()["items"], json!([]));

    // Writers of two processes, all at once: each waits for its turn, and the log has no gap.
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (mut http, place) = (server.client(), &place);
            scope.spawn(move || {
                for number in 0..50 {
                    let email = format!("http-{writer}-{number}@example.com");
                    http.post("/v1/users", &json!({"email": email})).expect(201);
                }
            });
            scope.spawn(move || {
                for number in 0..5 {
                    place.done(&["user", "create", "--email", &format!("shell-{writer}-{number}@example.com")]);
                }
            });
        }
    });
    let users = http.get("/v1/users?total=true&limit=1").expect(200).json();
    assert_eq!(users["total"], 1 + 4 * 55);
    let sound = place.json(&["realm", "verify", "default"]);
    assert_eq!(sound["ok"], true, "{sound}");
    server.stop();
}
