//! Statements use only what both databases support, and what databases that are compatible with PostgreSQL support too
//! (`docs/scaling.md` lists them).

use std::path::Path;

/// Features that PostgreSQL has but its distributed relatives or SQLite lack, or that the two interpret differently.
const AVOIDED: [&str; 24] = [
    "bigserial",
    "nextval",
    "create sequence",
    "for update",
    "for share",
    "pg_advisory_lock",
    "listen ",
    "notify ",
    "create trigger",
    "create function",
    "foreign key",
    "references ",
    "deferrable",
    "jsonb",
    "::",
    " ilike ",
    "similar to",
    "array[",
    "any($",
    "merge into",
    "insert or ",
    "rowid",
    "on commit",
    "create temp",
];

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        // The layer itself may use what differs.
        let exempt = ["sql", "tests", "error.rs"].iter().any(|name| path.ends_with(format!("src/{name}")));
        if exempt {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "sql") {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).expect("text")));
        }
    }
}

/// String literals that are statements or parts of one; of a migration, everything but comments.
fn statements(name: &str, text: &str) -> Vec<String> {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//") && !line.trim_start().starts_with("--"))
        .fold(String::new(), |all, line| all + line + "\n");
    if Path::new(name).extension().is_some_and(|kind| kind == "sql") {
        return vec![plain(&code)];
    }
    code.split('"').skip(1).step_by(2).map(plain).collect()
}

#[test]
fn nothing_is_used_that_only_one_database_has() {
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    sources(&root.join("src"), &mut files);
    sources(&root.join("migrations"), &mut files);
    let mut problems = Vec::new();
    let mut looked_at = 0;
    for (name, text) in &files {
        for statement in statements(name, text) {
            looked_at += 1;
            for word in AVOIDED.iter().filter(|word| statement.contains(**word)) {
                problems.push(format!("{name}: {word:?} in {statement}"));
            }
        }
    }
    assert!(looked_at > 100, "too few statements were found: {looked_at}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_key_begins_with_the_realm() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations"), &mut files);
    let mut keys = 0;
    for (name, text) in files {
        for line in text.lines().map(str::trim) {
            let columns = line.strip_prefix("PRIMARY KEY (").or_else(|| {
                let index = line.starts_with("CREATE INDEX") || line.starts_with("CREATE UNIQUE INDEX");
                index.then(|| line.split_once('(')).flatten().map(|(_, columns)| columns)
            });
            if let Some(columns) = columns {
                keys += 1;
                // A secret determines its realm.
                let first = columns.split([',', ')']).next();
                assert!(matches!(first, Some("realm" | "hash")), "{name}: {line}");
            }
        }
    }
    assert!(keys > 30, "too few keys were found: {keys}");
}
