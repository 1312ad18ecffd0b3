//! `roster backup` and `restore`.

use serde_json::json;

use crate::common::TestDir;

#[test]
fn a_backup_is_taken_while_the_server_writes_and_put_back() {
    let place = TestDir::new();
    let server = place.serve();
    let mut client = server.client();
    let before = client.post("/v1/users", &json!({"email": "before@example.com"})).expect(201).str("/id");
    let bytes = std::thread::scope(|scope| {
        let mut client = server.client();
        let writer = scope.spawn(move || {
            for n in 0..200 {
                client.post("/v1/users", &json!({"email": format!("user-{n}@example.com")})).expect(201);
            }
        });
        let told = place.json(&["backup", "kept.db"]);
        writer.join().expect("no panic");
        told["bytes"].as_u64().expect("a size")
    });
    assert!(bytes > 0);
    let told = place.refused(1, &["backup", "kept.db"]);
    assert!(told.contains("exists already"), "{told}");
    place.done(&["verify", "--database", "sqlite://kept.db"]);

    let told = place.refused(1, &["restore", "kept.db"]);
    assert!(told.contains("has something in it"), "{told}");
    place.done(&["restore", "kept.db", "--database", "sqlite://again.db"]);
    place.done(&["verify", "--database", "sqlite://again.db"]);
    let found = place.json(&["user", "get", &before, "--database", "sqlite://again.db"]);
    assert_eq!(found["id"], json!(before));

    let told = place.refused(1, &["backup", "x.db", "--database", "postgres://ann:secret@127.0.0.1/roster"]);
    assert!(told.contains("pg_dump") && !told.contains("secret"), "{told}");
    std::fs::write(place.file("nonsense.db"), "this is no database, but it is long enough to look at, twice over")
        .expect("written");
    let told = place.refused(1, &["restore", "nonsense.db", "--database", "sqlite://third.db"]);
    assert!(told.contains("not a database"), "{told}");
    assert!(!place.file("third.db").exists());
}

#[test]
fn a_backup_is_not_put_over_what_somebody_else_has() {
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    place.done(&["backup", "kept.db"]);
    let other = rusqlite::Connection::open(place.file("other.db")).expect("a database");
    other.execute_batch("CREATE TABLE letter (words TEXT); INSERT INTO letter VALUES ('dear')").expect("a letter");
    drop(other);
    let told = place.refused(1, &["restore", "kept.db", "--database", "sqlite://other.db"]);
    assert!(told.contains("other.db: the file is another program's database"), "{told}");
    let other = rusqlite::Connection::open(place.file("other.db")).expect("a database");
    let words = other.query_row("SELECT words FROM letter", [], |row| row.get::<_, String>(0));
    assert_eq!(words.expect("it is still there"), "dear");
    // Nobody has anything in an empty file.
    std::fs::write(place.file("empty.db"), "").expect("written");
    place.done(&["restore", "kept.db", "--database", "sqlite://empty.db"]);
    place.done(&["verify", "--database", "sqlite://empty.db"]);
}

#[test]
fn a_backup_is_written_where_no_link_can_be_planted() {
    let place = TestDir::new();
    place.done(&["realm", "create", "default"]);
    #[cfg(unix)]
    {
        std::fs::write(place.file("other.db"), "").expect("written");
        std::os::unix::fs::symlink("other.db", place.file("kept.part")).expect("a link");
    }
    place.done(&["backup", "kept.db"]);
    #[cfg(unix)]
    {
        let kept = std::fs::symlink_metadata(place.file("kept.db")).expect("a backup");
        let mode = std::os::unix::fs::PermissionsExt::mode(&kept.permissions());
        assert_eq!((kept.is_file(), mode & 0o777), (true, 0o600));
        assert_eq!(std::fs::metadata(place.file("other.db")).expect("a file").len(), 0, "nobody wrote there");
    }
    let told = place.refused(1, &["backup", "deep/kept.db"]);
    assert!(told.contains("there is no folder deep"), "{told}");
    place.done(&["verify", "--database", "sqlite://kept.db"]);
    let left = std::fs::read_dir(place.path()).expect("a folder").filter_map(Result::ok);
    let parts: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("roster-")).collect();
    assert!(parts.is_empty(), "{parts:?}");
}
