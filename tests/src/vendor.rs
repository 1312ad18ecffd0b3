//! Validates a dialect's answers against the vendor's own API description, if there is one: `VENDOR_SPECS=DIR`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use http::{Method, StatusCode};
use jsonschema::Validator;
use serde_json::{Value, json};

/// A vendor's description of its API.
struct Description {
    /// The path where Roster mounts it.
    mount: &'static str,
    document: Value,
    validators: std::sync::Mutex<BTreeMap<String, std::sync::Arc<Validator>>>,
}

/// `(mount, file without ending)` of each dialect.
const DIALECTS: [(&str, &str); 4] =
    [("/whylabs", "whylabs"), ("/clerk/v1", "clerk"), ("/enhance", "enhance"), ("/box/2.0", "box")];

static DESCRIPTIONS: LazyLock<Vec<Description>> = LazyLock::new(|| {
    let Some(folder) = std::env::var_os("VENDOR_SPECS") else { return Vec::new() };
    let found: Vec<_> = DIALECTS
        .into_iter()
        .filter_map(|(mount, name)| {
            let read =
                |ending: &str| std::fs::read_to_string(Path::new(&folder).join(format!("{name}.openapi.{ending}")));
            let mut document = match (read("json"), read("yml")) {
                (Ok(text), _) => serde_json::from_str(&text).expect("the vendor's description is JSON"),
                (Err(_), Ok(text)) => serde_yaml_ng::from_str(&text).expect("the vendor's description is YAML"),
                (Err(_), Err(_)) => return None,
            };
            correct(name, &mut document);
            Some(Description { mount, document, validators: std::sync::Mutex::default() })
        })
        .collect();
    // A wrong folder, or one relative to another working directory, must not count as a successful check.
    assert!(!found.is_empty(), "VENDOR_SPECS={} has no vendor's description in it", folder.display());
    found
});

/// Corrects descriptions that are known to be less complete than the vendor's answers.
fn correct(name: &str, document: &mut Value) {
    // Box's own guides contain more codes than this list.
    if name == "box"
        && let Some(code) = document.pointer_mut("/components/schemas/ClientError/properties/code")
    {
        code.as_object_mut().map(|code| code.remove("enum"));
    }
}

/// Whether there are descriptions to validate against.
pub fn is_on() -> bool {
    !DESCRIPTIONS.is_empty()
}

/// The operation that this request is of, as `METHOD /mount/template`, if a vendor describes it.
pub fn operation(method: &Method, path: &str) -> Option<String> {
    let (description, path) = described(path)?;
    let (template, _) = description.operation(method, path)?;
    Some(description.named(method.as_str(), template))
}

/// All operations of the vendor who is mounted at this path, named as by [`operation`].
pub fn operations(path: &str) -> Vec<String> {
    let Some((description, _)) = described(path) else { return Vec::new() };
    let paths = description.document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(template, operations)| {
        let methods = operations.as_object().into_iter().flat_map(|operations| operations.keys());
        methods.map(move |method| (template, method.to_uppercase()))
    });
    operations
        .filter(|(_, method)| matches!(method.as_str(), "GET" | "POST" | "PUT" | "PATCH" | "DELETE"))
        .map(|(template, method)| description.named(&method, template))
        .collect()
}

fn described(path: &str) -> Option<(&'static Description, &str)> {
    let in_mount = |description: &'static Description| Some((description, path.strip_prefix(description.mount)?));
    DESCRIPTIONS.iter().find_map(|description| in_mount(description).or_else(|| description.beside(path)))
}

/// `Err` says how the answer differs from what the vendor describes. Answers to requests that the vendor doesn't describe, and
/// refusals it doesn't list, pass.
pub fn check(method: &Method, path: &str, status: StatusCode, body: &[u8]) -> Result<(), String> {
    match described(path) {
        Some((description, path)) => description.check(method, path, status, body),
        None => Ok(()),
    }
}

/// Box's token routes are outside of its mount point, as they are on another server of the vendor.
const BESIDE: &str = "/oauth2/";

impl Description {
    fn beside<'a>(&'static self, path: &'a str) -> Option<(&'static Self, &'a str)> {
        let parent = self.mount.strip_suffix("/2.0")?;
        path.strip_prefix(parent).filter(|path| path.starts_with(BESIDE)).map(|path| (self, path))
    }

    fn named(&self, method: &str, template: &str) -> String {
        let mount = self.mount.strip_suffix("/2.0").filter(|_| template.starts_with(BESIDE)).unwrap_or(self.mount);
        format!("{method} {mount}{template}")
    }

    fn check(&self, method: &Method, path: &str, status: StatusCode, body: &[u8]) -> Result<(), String> {
        let Some((template, operation)) = self.operation(method, path) else { return Ok(()) };
        let key = format!("{method} {template} {status}");
        let Some(response) = self.resolved(operation.pointer(&format!("/responses/{}", status.as_u16()))) else {
            return if status.is_success() { Err(format!("{key}: no such success is described")) } else { Ok(()) };
        };
        let Some(schema) = response.pointer("/content/application~1json/schema") else { return Ok(()) };
        let value: Value =
            serde_json::from_slice(body).map_err(|error| format!("{key}: the answer is not JSON: {error}"))?;
        let validator = self.validator(&key, schema)?;
        let problems: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| (error.to_string(), error.instance_path().to_string()))
            .filter(|(_, place)| !may_be_null(method, template, place) || value.pointer(place) != Some(&Value::Null))
            .map(|(problem, place)| format!("{problem} at {place}"))
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(format!("{key}: {} in {value}", problems.join("; "))) }
    }

    /// Resolves a `$ref`; within schemas the validator does that.
    fn resolved<'a>(&'a self, value: Option<&'a Value>) -> Option<&'a Value> {
        match value?.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.document.pointer(reference.strip_prefix('#')?),
            None => value,
        }
    }

    fn validator(&self, key: &str, schema: &Value) -> Result<std::sync::Arc<Validator>, String> {
        let mut validators = self.validators.lock().expect("no panic while holding this");
        if let Some(validator) = validators.get(key) {
            return Ok(std::sync::Arc::clone(validator));
        }
        let mut document = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema],
            "components": self.document["components"],
        });
        in_json_schema(&mut document);
        let validator = jsonschema::validator_for(&document).map_err(|error| format!("{key}: {error}"))?;
        let validator = std::sync::Arc::new(validator);
        validators.insert(key.to_owned(), std::sync::Arc::clone(&validator));
        Ok(validator)
    }

    fn operation(&self, method: &Method, path: &str) -> Option<(&str, &Value)> {
        let paths = self.document["paths"].as_object()?;
        let path = path.trim_end_matches('/');
        // A path without parameters takes precedence over one with.
        let mut found: Vec<_> = paths.iter().filter(|(template, _)| matches(template, path)).collect();
        found.sort_by_key(|(template, _)| template.matches('{').count());
        let (template, operations) = found.first()?;
        Some((template.as_str(), operations.get(method.as_str().to_lowercase())?))
    }
}

/// Where null is accepted although the description has only absence: one of the two official WhyLabs clients can't parse an
/// answer without the field.
fn may_be_null(method: &Method, template: &str, place: &str) -> bool {
    matches!(
        (method.as_str(), template, place),
        ("GET", "/v0/membership/default", "/membership")
            | ("GET", "/v0/organizations/{org_id}/api-key/{key_id}", "/key")
    )
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(t, p)| (t.starts_with('{') && !p.is_empty()) || t == p)
}

/// OpenAPI 3.0 writes `nullable: true` where JSON Schema has a type `null`.
fn in_json_schema(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.remove("nullable") == Some(Value::Bool(true)) {
                if let Some(Value::String(kind)) = object.get("type").cloned() {
                    object.insert("type".into(), json!([kind, "null"]));
                    if let Some(Value::Array(values)) = object.get_mut("enum") {
                        values.push(Value::Null);
                    }
                } else {
                    let rest = Value::Object(std::mem::take(object));
                    object.insert("anyOf".into(), json!([rest, {"type": "null"}]));
                }
            }
            object.values_mut().for_each(in_json_schema);
        }
        Value::Array(items) => items.iter_mut().for_each(in_json_schema),
        _ => {}
    }
}
