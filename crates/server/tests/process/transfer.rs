//! `roster export` and `roster import`, as processes: beside a server, and killed in the middle.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use rusqlite::OpenFlags;
use serde_json::json;

use crate::common::{TestDir, ended, eventually, said, signal};

/// One organization, and so many members.
fn realm(members: u32) -> String {
    let mut text = String::from("{\"type\":\"organization\",\"name\":\"Acme\"}\n");
    for n in 0..members {
        let _ = writeln!(text, "{{\"type\":\"user\",\"email\":\"user-{n}@example.com\"}}");
        let _ = writeln!(
            text,
            "{{\"type\":\"membership\",\"organization\":\"acme\",\"user\":\"user-{n}@example.com\",\"roles\":[\"member\"]}}"
        );
    }
    text
}

/// How many lines are imported, as far as it is committed.
fn committed(place: &TestDir) -> u64 {
    let open = rusqlite::Connection::open_with_flags(place.file("roster.db"), OpenFlags::SQLITE_OPEN_READ_ONLY);
    let lines = open.and_then(|c| c.query_row("SELECT lines FROM import_progress", [], |row| row.get::<_, u32>(0)));
    lines.unwrap_or_default().into()
}

#[test]
fn an_import_that_was_killed_goes_on_where_it_was() {
    const MEMBERS: u32 = 6000;
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    std::fs::write(place.file("realm.ndjson"), realm(MEMBERS)).expect("written");
    let all = u64::from(MEMBERS) * 2 + 1;
    let mut kills = 0;
    for round in 1.. {
        let before = committed(&place);
        let mut command = place.roster(&["import", "realm.ndjson"]);
        let mut import = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
        let mut over = false;
        eventually("a chunk is committed", || {
            over = import.try_wait().expect("it is ours").is_some();
            over || committed(&place) > before
        });
        if over {
            break;
        }
        // It may just have ended by itself.
        let _ = import.kill();
        ended(&mut import);
        kills += 1;
        assert!(round < 100, "it ends");
    }
    assert!(kills > 1, "it was never killed in the middle");
    let told = place.json(&["import", "realm.ndjson"]);
    assert_eq!(told["lines"], json!(all));
    place.done(&["verify"]);
    let members = place.json(&["member", "list", "acme"]);
    assert_eq!(members["items"].as_array().map(Vec::len), Some(MEMBERS as usize));
    // Each line has one event, whatever was done twice.
    let open = rusqlite::Connection::open_with_flags(place.file("roster.db"), OpenFlags::SQLITE_OPEN_READ_ONLY);
    let count = |kind: &str| {
        let open = open.as_ref().expect("a database");
        let sql = "SELECT COUNT(*) FROM event WHERE kind = $1";
        open.query_row(sql, [kind], |row| row.get::<_, u32>(0)).expect("a count")
    };
    assert_eq!((count("user.created"), count("membership.added")), (MEMBERS, MEMBERS));
}

#[test]
fn an_import_that_is_told_to_stop_says_how_to_go_on() {
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    let text = realm(600);
    let mut command = place.roster(&["import", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut import = command.spawn().expect("the binary starts");
    let mut input = import.stdin.take().expect("it is piped");
    input.write_all(text.as_bytes()).expect("it reads");
    // Then it waits for the end of the input, which doesn't come.
    eventually("a chunk is committed", || committed(&place) > 0);
    signal("TERM", import.id());
    assert_eq!(ended(&mut import).code(), Some(1));
    let mut told = String::new();
    import.stderr.take().expect("it is piped").read_to_string(&mut told).expect("UTF-8");
    assert!(told.contains("interrupted; run the same command again to resume\n"), "{told}");
    drop(input);

    let lines = committed(&place);
    std::fs::write(place.file("realm.ndjson"), text).expect("written");
    let output = place.run(&["import", "realm.ndjson"]);
    assert!(output.status.success(), "{}", said(&output));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(&format!("resuming after line {lines}")), "{told}");
    assert_eq!(committed(&place), 2 * 600 + 1);
}

#[test]
fn an_export_that_is_told_to_stop_leaves_nothing_behind() {
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    std::fs::write(place.file("realm.ndjson"), realm(3000)).expect("written");
    place.done(&["import", "realm.ndjson"]);
    let half = || {
        let files = std::fs::read_dir(place.path()).expect("a folder").filter_map(Result::ok);
        files.map(|file| file.file_name()).any(|name| name.to_string_lossy().ends_with(".part"))
    };
    for round in 0.. {
        let name = format!("{round}.ndjson");
        let mut command = place.roster(&["export", &name]);
        let mut export = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
        eventually("it writes", || half() || place.file(&name).exists());
        signal("INT", export.id());
        let status = ended(&mut export);
        assert!(!half(), "{status}");
        if !place.file(&name).exists() {
            assert_eq!(status.code(), Some(1));
            break;
        }
        // It was done before it was told.
        assert!(round < 100, "it was never stopped in the middle");
    }
}

#[test]
fn up_to_where_a_file_was_imported_is_said() {
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    let text = format!("{}{{\"type\":\"user\",\"email\":\"b\"}}\n", realm(700));
    std::fs::write(place.file("bad.ndjson"), text).expect("written");
    let output = place.run(&["import", "bad.ndjson"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("line 1402: "), "{told}");
    // Lines before the one that is refused are left out with it: a chunk is done as a whole.
    assert_eq!(committed(&place), 1000);
    assert!(told.contains("1 line can't be imported; nothing after line 1000 was imported\n"), "{told}");
}

#[test]
fn a_server_goes_on_while_there_is_an_import() {
    let place = TestDir::new();
    let server = place.serve();
    std::fs::write(place.file("realm.ndjson"), realm(3000)).expect("written");
    let command = &mut place.roster(&["import", "realm.ndjson"]);
    let mut import = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    let mut client = server.client();
    let mut written = 0;
    while import.try_wait().expect("it is ours").is_none() {
        client.post("/v1/users", &json!({"email": format!("other-{written}@example.com")})).expect(201);
        written += 1;
    }
    assert!(ended(&mut import).success() && written > 0);
    // What was imported is in the server's memory, too.
    let user = client.get("/v1/users?email=user-2999@example.com").expect(200).str("/items/0/id");
    let organization = client.get("/v1/organizations?slug=acme").expect(200).str("/items/0/id");
    eventually("the server has seen all of it", || {
        let ask = json!({"user_id": user, "organization_id": organization, "permission": "memberships:read"});
        client.post("/v1/check", &ask).expect(200).json()["allowed"] == json!(true)
    });
    drop(client);
    server.stop();
    place.done(&["verify"]);
}

/// As when the export in front of the pipe fails.
#[test]
fn an_empty_input_is_not_remembered() {
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    place.done(&["org", "create", "Acme"]);
    place.done(&["export", "default.ndjson"]);
    let whole = std::fs::read_to_string(place.file("default.ndjson")).expect("an export");
    std::fs::write(place.file("marked.ndjson"), format!("\u{feff}{whole}")).expect("written");
    std::fs::write(place.file("mark.ndjson"), "\u{feff}").expect("written");
    for (realm, empty, whole) in [("one", "-", "default.ndjson"), ("two", "mark.ndjson", "marked.ndjson")] {
        place.done(&["realm", "create", realm]);
        place.done(&["import", "--realm", realm, empty]);
        let told = place.json(&["import", "--realm", realm, whole]);
        assert_eq!(told["records"]["organizations"], json!(2), "{told}");
        // Nor does it make the realm forget the file that was imported.
        place.done(&["import", "--realm", realm, empty]);
        let told = place.done(&["import", "--realm", realm, whole]);
        assert!(told.contains("nothing new"), "{told}");
    }
}

#[test]
fn what_is_exported_can_be_imported() {
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    place.done(&["org", "create", "Acme"]);
    place.done(&["user", "create", "--email", "ada@example.com"]);
    place.done(&["member", "add", "acme", "ada@example.com", "--role", "admin"]);
    place.done(&["realm", "create", "other"]);
    let told = place.json(&["export", "default.ndjson"]);
    assert_eq!(told["lines"], json!(6));
    let told = place.refused(1, &["export", "default.ndjson"]);
    assert_eq!(told, "roster: default.ndjson exists already\n");
    let dry = place.json(&["import", "--realm", "other", "--dry-run", "default.ndjson"]);
    assert_eq!(dry["records"]["memberships"], json!(1));
    let first = place.done(&["export"]);
    let mut import = place.roster(&["import", "--realm", "other", "-"]);
    let file = std::fs::File::open(place.file("default.ndjson")).expect("a file");
    let output = import.stdin(file).output().expect("the binary starts");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(place.done(&["export", "--realm", "other"]), first);
    let told = place.done(&["import", "--realm", "other", "default.ndjson"]);
    assert!(told.contains("nothing new"), "{told}");
    std::fs::write(place.file("bad.ndjson"), "{\"type\":\"user\",\"email\":\"b\"}\n").expect("written");
    let output = place.run(&["import", "bad.ndjson"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("line 1: email must be"), "{told}");
    assert!(told.contains("1 line can't be imported; nothing was imported\n"), "{told}");
    #[cfg(unix)]
    assert_eq!(place.refused(1, &["import", "."]).matches("Is a directory").count(), 1, "the cause is named once");
    let told = place.refused(1, &["import", "--realm", "none", "bad.ndjson"]);
    assert!(told.contains("there is no realm"), "{told}");
}
