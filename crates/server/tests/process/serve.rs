//! `roster serve`: what it says at its start, and that it does what it says.

use std::io::Write as _;
use std::process::Command;

use serde_json::json;

use crate::common::{KEY, Place, SERVE, Server, eventually, has, said};

#[test]
fn the_first_start_prints_address_database_and_key_and_the_second_no_key() {
    let place = Place::new();
    let mut first = Server::start(&mut place.roster(&SERVE));
    let key = first.wait_for("realm key ");
    first.client_with(&key).get("/v1/users").expect(200);
    let printed = first.stop();
    assert!(printed.contains("listening on http://127.0.0.1:"), "{printed}");
    assert!(printed.contains("\ndatabase sqlite://roster.db\n"), "{printed}");
    assert!(printed.contains("\ndocumentation http://127.0.0.1:"), "{printed}");
    assert_eq!(printed.matches("\nrealm key ").count(), 1, "{printed}");

    let second = Server::start(&mut place.roster(&SERVE));
    second.client_with(&key).get("/v1/users").expect(200);
    let printed = second.stop();
    assert!(printed.contains("\ndatabase sqlite://roster.db"), "{printed}");
    assert!(!printed.contains("key"), "{printed}");
}

#[test]
#[cfg(target_os = "linux")]
fn who_could_not_be_shown_the_first_key_is_told_how_to_make_another() {
    let place = Place::new();
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
    let output = place.roster(&SERVE).stdout(full).output().expect("the binary starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("the first key could not be shown; `roster token create` makes another one"), "{told}");
    let key = place.json(&["token", "create"])["secret"].as_str().expect("a key").to_owned();
    let server = Server::start(&mut place.roster(&SERVE));
    server.client_with(&key).get("/v1/users").expect(200);
}

#[test]
fn the_printed_command_makes_a_user() {
    if !has("curl") {
        return;
    }
    let place = Place::new();
    let mut server = Server::start(&mut place.roster(&SERVE));
    let command = format!("curl --silent --show-error {}", server.wait_for("curl "));
    let mut shell = Command::new("sh");
    place.put(shell.args(["-c", &command]));
    // A proxy of whoever runs the tests has no business here.
    let output = shell.env("no_proxy", "*").output().expect("there is a shell");
    assert!(output.status.success(), "{}", said(&output));
    let user: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&user["email"], &user["name"]), (&json!("ada@example.com"), &json!("Ada Lovelace")));
    assert!(user["id"].as_str().is_some_and(|id| id.starts_with("usr_")), "{user}");
}

#[test]
fn a_key_can_be_set_instead() {
    let place = Place::new();
    let server = place.serve();
    server.client().get("/v1/users").expect(200);
    server.client_with("a-key-that-is-not-it").get("/v1/users").expect(401);
    let printed = server.stop();
    assert!(!printed.contains("key"), "{printed}");

    // Another one takes its place.
    let changed = Server::start(place.roster(&SERVE).env("ROSTER_BOOTSTRAP_KEY", "another-key-for-the-tests"));
    changed.client_with("another-key-for-the-tests").get("/v1/users").expect(200);
    changed.client().get("/v1/users").expect(401);
}

#[test]
fn a_key_that_not_every_client_could_send_is_refused() {
    let place = Place::new();
    for bad in ["too-short", "sixteen:and:colons", "sixteen and blanks", "sixteen-and-ümlaut"] {
        let output = place.roster(&SERVE).env("ROSTER_BOOTSTRAP_KEY", bad).output().expect("the binary starts");
        assert_eq!(output.status.code(), Some(1), "{bad}: {}", said(&output));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            told.contains("ROSTER_BOOTSTRAP_KEY must be 16 to 512 visible ASCII characters, none of them a colon"),
            "{told}"
        );
        assert!(!told.contains(bad), "a secret is not repeated: {told}");
    }
    assert!(!place.file("roster.db").exists());
}

#[test]
fn a_key_that_looks_like_rosters_own_is_one() {
    let place = Place::new();
    // Without migration nothing is served, whatever is made of the key.
    let words = [&SERVE[..], &["--no-migrate"]].concat();
    for bad in ["rst_mistyped-or-made-up", "rss_mistyped-or-made-up", "0Qk3vR8aZ1b.rst_mistyped-or-made-up"] {
        let output = place.roster(&words).env("ROSTER_BOOTSTRAP_KEY", bad).output().expect("the binary starts");
        assert_eq!(output.status.code(), Some(1), "{bad}: {}", said(&output));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("ROSTER_BOOTSTRAP_KEY must not look like a key that Roster makes"), "{told}");
        assert!(!told.contains(bad), "a secret is not repeated: {told}");
    }

    let mut first = Server::start(&mut place.roster(&SERVE));
    let key = first.wait_for("realm key ");
    first.stop();
    let elsewhere = Place::new();
    let second = Server::start(elsewhere.roster(&SERVE).env("ROSTER_BOOTSTRAP_KEY", &key));
    second.client_with(&key).get("/v1/users").expect(200);
}

#[test]
fn the_environment_says_over_the_file_whether_to_migrate() {
    let place = Place::new();
    std::fs::write(place.file("roster.toml"), "migrate = false\n").expect("written");
    let by_file = [&SERVE[..], &["--config", "roster.toml"]].concat();
    let by_flag = [&SERVE[..], &["--no-migrate"]].concat();
    for (value, words) in [("1", &SERVE[..]), ("true", &SERVE[..]), ("false", &by_flag[..]), ("", &by_file[..])] {
        let output = place.roster(words).env("ROSTER_NO_MIGRATE", value).output().expect("the binary starts");
        assert_eq!(output.status.code(), Some(1), "{value:?}: {}", said(&output));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("there is no database sqlite://roster.db"), "{value:?}: {told}");
    }
    assert!(!place.file("roster.db").exists());
    Server::start(place.roster(&by_file).env("ROSTER_NO_MIGRATE", "false")).stop();
    assert!(place.file("roster.db").exists());
}

/// As `${VAR:-}` in a compose file leaves it.
#[test]
fn an_empty_variable_is_as_good_as_none() {
    const NAMES: [&str; 16] = [
        "ROSTER_BODY_LIMIT",
        "ROSTER_BOOTSTRAP_KEY",
        "ROSTER_BULK_LIMIT",
        "ROSTER_CONNECTIONS",
        "ROSTER_DATABASE_URL",
        "ROSTER_GRACE",
        "ROSTER_INDEX",
        "ROSTER_INDEX_FOLDER",
        "ROSTER_LISTEN",
        "ROSTER_LOG",
        "ROSTER_LOG_FORMAT",
        "ROSTER_NO_MIGRATE",
        "ROSTER_PAGE_LIMIT",
        "ROSTER_PUBLIC_URL",
        "ROSTER_READ_DATABASE_URL",
        "ROSTER_REQUEST_TIMEOUT",
    ];
    let place = Place::new();
    std::fs::write(place.file("roster.toml"), "listen = \"127.0.0.1:0\"\n").expect("written");
    let log = std::fs::File::create(place.file("log")).expect("a file");
    let mut command = place.roster(&["--config", "roster.toml"]);
    let mut server = Server::start(command.envs(NAMES.map(|name| (name, ""))).stderr(log));
    let key = server.wait_for("realm key ");
    server.client_with(&key).get("/v1/users").expect(200);
    let printed = server.stop();
    assert!(printed.contains("\ndatabase sqlite://roster.db\n"), "{printed}");
    let log = std::fs::read_to_string(place.file("log")).expect("a log");
    assert!(log.contains(r#""message":"stopped""#), "{log}");

    let output = place.roster(&["realm", "list"]).env("ROSTER_CONFIG", "").output().expect("the binary starts");
    assert!(output.status.success(), "{}", said(&output));
    let mut copy = place.roster(&["copy", "--to", "sqlite://other.db"]);
    let output = copy.env("ROSTER_COPY_FROM", "").output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--from"), "{}", said(&output));
}

#[test]
fn settings_that_nobody_knows_are_refused_with_the_nearest() {
    let place = Place::new();
    std::fs::write(place.file("roster.toml"), "listn = \"127.0.0.1:0\"\n").expect("written");
    let told = place.refused(1, &["--config", "roster.toml"]);
    assert!(told.contains("roster.toml") && told.contains("did you mean listen?"), "{told}");
    std::fs::write(place.file("roster.toml"), "[limits]\npage_size_maximum = 3\n").expect("written");
    let told = place.refused(1, &["serve", "--config", "roster.toml"]);
    assert!(told.contains("did you mean limits.page_size_max?"), "{told}");
    let told = place.refused(2, &["serve", "--lisen", "127.0.0.1:0"]);
    assert!(told.contains("--listen"), "{told}");

    std::fs::write(place.file("roster.toml"), "listen = \"127.0.0.1:0\"\n[limits]\npage_size_max = 3\n")
        .expect("written");
    let command = &mut place.roster(&["--config", "roster.toml", "--log", "error"]);
    let server = Server::start(command.env("ROSTER_BOOTSTRAP_KEY", KEY));
    server.client().get("/v1/users?limit=3").expect(200);
    server.client().get("/v1/users?limit=4").expect(422);
}

#[test]
fn a_port_that_is_taken_and_a_folder_that_is_not_there_are_named() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let told = place.refused(1, &["serve", "--listen", &address]);
    assert!(told.contains(&format!("can't listen on {address}")), "{told}");
    assert!(!place.file("roster.db").exists(), "no key was made that nobody saw");

    let words = ["serve", "--listen", "127.0.0.1:0", "--database", "sqlite://deep/down/roster.db"];
    let told = place.refused(1, &words);
    assert_eq!(told, "roster: can't open the database: there is no folder deep/down for the database: make it first\n");
    assert!(!place.file("deep").exists());
}

#[test]
fn what_is_after_the_slashes_is_a_file_here_and_only_its_owner_reads_it() {
    let place = Place::new();
    let words = ["serve", "--listen", "127.0.0.1:0", "--database", "sqlite://members.db", "--log", "error"];
    let server = Server::start(&mut place.roster(&words));
    for file in ["members.db", "members.db-wal", "members.db-shm"] {
        let found = std::fs::metadata(place.file(file)).expect("it is in the working folder");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777, 0o600, "{file}");
        #[cfg(not(unix))]
        assert!(found.is_file(), "{file}");
    }
    server.stop();
    // What a server leaves behind is one file.
    let left: Vec<_> = std::fs::read_dir(place.path()).expect("a folder").filter_map(Result::ok).collect();
    assert_eq!(left.len(), 1, "{left:?}");

    // What somebody chose stays as it is.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = place.file("members.db");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("it is ours");
        Server::start(&mut place.roster(&words)).stop();
        assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o640);
    }
}

#[test]
fn those_who_run_it_can_ask_how_it_is() {
    let place = Place::new();
    let server = place.serve();
    let mut client = server.client_with("no key at all");
    assert_eq!(client.get("/healthz").expect(200).json(), json!({"status": "ok"}));
    assert_eq!(client.get("/readyz").expect(200).json(), json!({"status": "ready"}));
    let docs = client.get("/docs").expect(308);
    assert_eq!(docs.header("location"), Some("/docs/"));
    let page = client.get("/docs/").expect(200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{page:?}");
    server.client().get("/v1/users").expect(200);
    let metrics = client.get("/metrics").expect(200).text();
    for name in [
        "roster_store_readers ",
        "roster_group_commits_total ",
        "roster_store_write_queue ",
        "roster_reads_answered_from_memory_total ",
        "roster_realms_restored_total ",
    ] {
        assert!(metrics.contains(&format!("\n{name}")), "{name}: {metrics}");
    }
    assert!(metrics.contains("/v1/users"), "{metrics}");
}

#[test]
fn a_post_sent_twice_under_one_key_is_done_once() {
    let place = Place::new();
    let server = place.serve();
    let once = [("Idempotency-Key", "the-first-of-the-day")];
    let send = |body| server.client().call_with("POST", "/v1/users", &once, Some(&body)).expect("an answer");
    let first = send(json!({"email": "ada@example.com"})).expect(201);
    let second = send(json!({"email": "ada@example.com"})).expect(201);
    assert_eq!(first.json(), second.json());
    let other = send(json!({"email": "grace@example.com"})).expect(422);
    assert_eq!(other.header("content-type"), Some("application/problem+json"));
    let users = server.client().get("/v1/users?total=true").expect(200).json();
    assert_eq!(users["total"], 1, "{users}");

    // The memory of it is in the database, not in the process.
    server.kill();
    let server = place.serve();
    let body = json!({"email": "ada@example.com"});
    let third = server.client().call_with("POST", "/v1/users", &once, Some(&body)).expect("an answer").expect(201);
    assert_eq!(first.json(), third.json());
}

#[test]
fn clients_that_hang_up_leave_nothing_behind() {
    let place = Place::new();
    let server = place.serve();
    for number in 0..200 {
        let body = json!({"email": format!("user-{number}@example.com")}).to_string();
        let mut client = server.client();
        let head = client.head("POST", "/v1/users", body.len());
        // By turns: before the body, in the middle of it, and at the end of it, when the write is under way.
        let sent = [0, body.len() / 2, body.len()][number % 3];
        client.send(format!("{head}\r\n{}", &body[..sent]).as_bytes()).expect("it is sent");
        client.close();
    }
    server.client().post("/v1/users", &json!({"email": "last@example.com"})).expect(201);
    eventually("nobody reads or writes any more", || {
        server.metric("roster_store_readers_busy") == Some(0) && server.metric("roster_store_write_queue") == Some(0)
    });
    // More than there are readers, all at once, in case some are lost.
    std::thread::scope(|scope| {
        for _ in 0..100 {
            let mut client = server.client();
            scope.spawn(move || client.get("/v1/users").expect(200));
        }
    });
    // A whole request may have been done or not; half of one was not.
    let users = server.client().get("/v1/users?limit=500").expect(200).json();
    for user in users["items"].as_array().expect("a list") {
        let email = user["email"].as_str().expect("an address");
        let number = email.strip_prefix("user-").and_then(|rest| rest.split('@').next()?.parse::<u32>().ok());
        assert!(number.is_none_or(|number| number % 3 == 2), "{email}");
    }
    place.done(&["realm", "verify", "default"]);
    server.stop();
}

/// By which somebody accepts an invitation: it stands in paths.
const INVITE: &str = "11111111-2222-4333-8444-000000000003";

#[test]
fn logs_are_json_without_a_terminal_and_tell_of_what_was_refused() {
    let place = Place::new();
    let log = std::fs::File::create(place.file("log")).expect("a file");
    let command = &mut place.roster(&["serve", "--listen", "127.0.0.1:0"]);
    let server = Server::start(command.env("ROSTER_BOOTSTRAP_KEY", KEY).stderr(log));
    server.client().get("/v1/users?email=ada@example.com").expect(200);
    let answer = server.client().get("/v1/users/nobody?email=ada@example.com").expect(404);
    let id = answer.header("x-request-id").expect("an id").to_owned();
    server.client().get(&format!("/enhance/invites/{INVITE}")).expect(405);
    server.client().get(&format!("/enhance/invites/{INVITE}?{}", "x".repeat(9000))).expect(414);
    server.client().get("/v1/nowhere").expect(404);
    server.stop();
    let log = std::fs::read_to_string(place.file("log")).expect("a log");
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    let answered: Vec<_> = lines.iter().filter(|line| line["message"] == "answered").collect();
    let [answered, invite, long, nowhere] = answered[..] else { panic!("what went well takes no line: {log}") };
    assert_eq!((&answered["request_id"], &answered["status"]), (&id.as_str().into(), &404.into()), "{answered}");
    assert_eq!(invite["route"], "/enhance/invites/{invite_id}", "{invite}");
    assert_eq!((&long["status"], long.get("path")), (&414.into(), None), "{long}");
    assert_eq!(nowhere["path"], "/v1/nowhere", "{nowhere}");
    for secret in ["ada@example.com", KEY, INVITE] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let place = Place::new();
    let mut file = std::fs::File::create(place.file("full")).expect("a file");
    file.write_all(b"not a database, but long enough to be told from an empty one").expect("written");
    let told = place.refused(1, &["serve", "--listen", "127.0.0.1:0", "--database", "full"]);
    assert!(told.contains("can't open the database") && told.contains("not a database"), "{told}");
}
