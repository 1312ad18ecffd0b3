//! Databases of another version, and of none.

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::common::{SERVE, Server, TestDir};

/// Writes a version that no Roster has written yet.
fn raise(place: &TestDir, log_stays: bool) {
    let database = Connection::open(place.file("roster.db")).expect("a database");
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, log_stays).expect("a setting");
    database.execute("INSERT INTO schema_version (version) VALUES (4711)", ()).expect("written");
}

/// Every file with all its bytes, but for the one that is SQLite's own business and gone with the last process.
fn bytes(place: &TestDir) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(place.path()).expect("a folder").map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files
        .map(|file| (file.display().to_string(), std::fs::read(&file).expect("a file")))
        .filter(|(name, _)| !name.ends_with("-shm"))
        .collect();
    files.sort();
    files
}

fn refused_without_a_change(place: &TestDir) {
    let before = bytes(place);
    for words in [&SERVE[..], &["user", "list"], &["realm", "create", "other"], &["realm", "verify", "default"]] {
        let told = place.refused(1, words);
        assert!(told.contains("schema version 4711") && told.contains("use a newer Roster"), "{told}");
        assert!(before == bytes(place), "{words:?} changed the files");
    }
}

#[test]
fn a_newer_database_is_refused_without_a_change() {
    let place = TestDir::new();
    place.serve().stop();
    raise(&place, false);
    refused_without_a_change(&place);
}

#[test]
fn a_newer_database_that_was_left_in_the_middle_is_refused_without_a_change() {
    let place = TestDir::new();
    place.serve().kill();
    raise(&place, true);
    let log = std::fs::metadata(place.file("roster.db-wal")).expect("its writer was killed");
    assert!(log.len() > 0);
    refused_without_a_change(&place);
}

#[test]
fn without_migration_nothing_is_made() {
    let place = TestDir::new();
    let words = [&SERVE[..], &["--no-migrate"]].concat();
    let told = place.refused(1, &words);
    assert!(told.contains("there is no database sqlite://roster.db"), "{told}");
    assert!(!place.file("roster.db").exists());

    std::fs::write(place.file("roster.db"), "").expect("an empty file");
    let told = place.refused(1, &words);
    assert!(told.contains("`roster serve` brings it up to date, unless it is told --no-migrate"), "{told}");
    assert_eq!(std::fs::read(place.file("roster.db")).expect("a file"), b"");

    place.serve().stop();
    Server::start(&mut place.roster(&words)).stop();
}
