//! The descriptions in the repository are what the code says. `make openapi` writes them anew.

use roster_engine::Surface;

#[test]
fn the_descriptions_in_the_repository_are_current() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi");
    for api in roster_server::apis() {
        let surface: Surface = api.surface();
        let file = folder.join(format!("{}.json", surface.word()));
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        let made = api.openapi().to_pretty_json().expect("a description is JSON");
        assert!(kept.trim() == made.trim(), "{} is out of date: make openapi", file.display());
    }
}

/// Every operation says how it answers and that it needs a key.
#[test]
fn every_operation_is_described() {
    for api in roster_server::apis() {
        let document = serde_json::to_value(api.openapi()).expect("a description is JSON");
        assert!(document["info"]["title"].as_str().is_some_and(|title| title.contains("Roster")));
        assert_eq!(document["openapi"], "3.1.0");
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let said = operation["summary"].as_str().or(operation["description"].as_str()).unwrap_or_default();
                assert!(!said.is_empty(), "{method} {path} isn't described");
                assert!(
                    operation["responses"].as_object().is_some_and(|r| r.len() > 1),
                    "{method} {path} has no errors"
                );
            }
        }
    }
}
