//! The descriptions in the repository are what the code says. `make openapi` writes them anew.

use std::collections::BTreeSet;

use roster_engine::Surface;
use serde_json::Value;

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

/// Code generators refuse a document that breaks one of these rules of OpenAPI.
#[test]
fn every_document_is_valid() {
    for api in roster_server::apis() {
        let word = api.surface().word();
        let document = serde_json::to_value(api.openapi()).expect("a description is JSON");
        let mut references = BTreeSet::new();
        collect_references(&document, &mut references);
        for reference in references {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{word}: {reference} leads nowhere");
        }
        for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
            for (field, property) in schema["properties"].as_object().into_iter().flatten() {
                assert_ne!(property.get("default"), Some(&Value::Null), "{word}: {name}.{field}");
            }
        }
        let mut ids = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let id = operation["operationId"].as_str().expect("an operation id");
                assert!(ids.insert(id), "{word}: {id} is there twice");
                for (status, response) in operation["responses"].as_object().expect("responses") {
                    let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
                    assert!(described, "{word}: {method} {path} doesn't describe {status}");
                }
            }
        }
    }
}

fn collect_references<'d>(value: &'d Value, found: &mut BTreeSet<&'d str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| collect_references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}
