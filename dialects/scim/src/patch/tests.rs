use serde_json::json;

use super::*;
use crate::schema::{ENTERPRISE, USERS};

fn patched(resource: Value, operations: Value) -> Result<Value, Refusal> {
    let mut resource = resource.as_object().cloned().expect("an object");
    let body = json!({"Operations": operations});
    for step in read(body.as_object().expect("an object"), &USERS)? {
        apply(&mut resource, &step, &USERS)?;
    }
    Ok(Value::Object(resource))
}

fn kind(resource: Value, operation: Value) -> ScimType {
    let refusal = patched(resource, json!([operation.clone()])).expect_err(&operation.to_string());
    refusal.scim_type.unwrap_or_else(|| panic!("{operation}: {refusal:?}"))
}

/// What an operation makes of a resource: one row for each case of the contract's table.
#[test]
fn operations() {
    let work = json!({"value": "a@w", "type": "work"});
    let home = json!({"value": "a@h", "type": "home", "primary": true});
    let both = json!({"userName": "a", "emails": [work, home]});
    let plain = json!({"userName": "a"});
    let named = json!({"userName": "a", "name": {"givenName": "A", "familyName": "B"}});
    let managed = json!({"userName": "a", ENTERPRISE: {"manager": {"value": "9"}}});
    let photos = json!({"userName": "a", "photos": [{"value": "http://x/a", "type": "photo"}]});
    for (before, operation, after) in [
        // No path: each key is a path of its own; what can't be written is passed over.
        (
            plain.clone(),
            json!({"op": "Add", "value": {"id": "x", "shoeSize": 1, "title": "T", "name.givenName": "Ada"}}),
            json!({"userName": "a", "title": "T", "name": {"givenName": "Ada"}}),
        ),
        (
            plain.clone(),
            json!({"op": "add", "value": {"emails[type eq \"work\"].value": "a@w"}}),
            json!({"userName": "a", "emails": [work]}),
        ),
        (
            plain.clone(),
            json!({"op": "replace", "value": {ENTERPRISE: {"department": "M", "manager": "9"}}}),
            json!({"userName": "a", ENTERPRISE: {"department": "M", "manager": {"value": "9"}}}),
        ),
        (
            plain.clone(),
            json!({"op": "replace", "value": {format!("{ENTERPRISE}:department"): "M"}}),
            json!({"userName": "a", ENTERPRISE: {"department": "M"}}),
        ),
        (json!({"userName": "a", "title": "T"}), json!({"op": "replace", "value": {"title": null}}), plain.clone()),
        // What says nothing, and keys that nobody knows, are passed over.
        (plain.clone(), json!({"op": "add", "value": {ENTERPRISE: null, "title": null}}), plain.clone()),
        (
            plain.clone(),
            json!({"op": "replace", "value": {
                "urn:x:Foo:bar[type eq \"x\"].value": "q", "junk[a eq \"b\"]": 3, "junk[": 3, "title": "T",
            }}),
            json!({"userName": "a", "title": "T"}),
        ),
        // Null takes away where something is replaced, and nowhere else.
        (
            named.clone(),
            json!({"op": "add", "value": {"name": {"givenName": null, "familyName": "C"}}}),
            json!({"userName": "a", "name": {"givenName": "A", "familyName": "C"}}),
        ),
        (named.clone(), json!({"op": "add", "value": {"name": {"givenName": null}}}), named.clone()),
        (named.clone(), json!({"op": "add", "path": "name", "value": {"givenName": null}}), named.clone()),
        (
            named.clone(),
            json!({"op": "replace", "path": "name", "value": {"givenName": null}}),
            json!({"userName": "a", "name": {"familyName": "B"}}),
        ),
        (
            named.clone(),
            json!({"op": "replace", "value": {"name": {"givenName": null, "familyName": "C"}}}),
            json!({"userName": "a", "name": {"familyName": "C"}}),
        ),
        // No manager is said as in POST, too.
        (managed.clone(), json!({"op": "replace", "path": "manager", "value": ""}), plain.clone()),
        (managed.clone(), json!({"op": "replace", "value": {ENTERPRISE: {"manager": ""}}}), plain.clone()),
        (managed.clone(), json!({"op": "add", "path": "manager", "value": ""}), managed.clone()),
        (managed.clone(), json!({"op": "replace", "path": "manager", "value": {}}), managed.clone()),
        // One value: set; a complex one is merged.
        (
            json!({"userName": "a", "name": {"givenName": "A", "familyName": "B"}}),
            json!({"op": "replace", "path": "name", "value": {"familyName": "C"}}),
            json!({"userName": "a", "name": {"givenName": "A", "familyName": "C"}}),
        ),
        (
            json!({"userName": "a", "name": {"givenName": "A", "familyName": "B"}}),
            json!({"op": "replace", "value": {"name": {"familyName": "C"}}}),
            json!({"userName": "a", "name": {"givenName": "A", "familyName": "C"}}),
        ),
        (
            plain.clone(),
            json!({"op": "add", "path": "manager", "value": {"value": "9"}}),
            json!({"userName": "a", ENTERPRISE: {"manager": {"value": "9"}}}),
        ),
        (
            plain.clone(),
            json!({"op": "replace", "path": "active", "value": "False"}),
            json!({"userName": "a", "active": false}),
        ),
        // Lists: a union, a list or one; what is primary now is the only one.
        (both.clone(), json!({"op": "add", "path": "emails", "value": work}), both.clone()),
        (
            both.clone(),
            json!({"op": "add", "path": "emails", "value": [{"value": "a@o", "primary": "true"}]}),
            json!({"userName": "a", "emails": [work, {"value": "a@h", "type": "home", "primary": false}, {"value": "a@o", "primary": true}]}),
        ),
        (
            both.clone(),
            json!({"op": "replace", "path": "emails", "value": [work]}),
            json!({"userName": "a", "emails": [work]}),
        ),
        (both.clone(), json!({"op": "replace", "path": "emails", "value": []}), plain.clone()),
        (
            both.clone(),
            json!({"op": "replace", "path": "emails.type", "value": "other"}),
            json!({"userName": "a", "emails": [{"value": "a@w", "type": "other"}, {"value": "a@h", "type": "other", "primary": true}]}),
        ),
        // Chosen values; who isn't there is made.
        (
            both.clone(),
            json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@w"}),
            json!({"userName": "a", "emails": [{"value": "b@w", "type": "work"}, home]}),
        ),
        (
            plain.clone(),
            json!({"op": "Replace", "path": "addresses[type eq \"work\"].postalCode", "value": "1"}),
            json!({"userName": "a", "addresses": [{"type": "work", "postalCode": "1"}]}),
        ),
        (
            plain.clone(),
            json!({"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "x"}),
            json!({"userName": "a", "roles": [{"primary": true, "value": "x"}]}),
        ),
        (
            both.clone(),
            json!({"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "c", "type": "other"}}),
            json!({"userName": "a", "emails": [{"value": "c", "type": "other"}, home]}),
        ),
        (
            both.clone(),
            json!({"op": "add", "path": "emails[type eq \"work\"]", "value": {"display": "D"}}),
            json!({"userName": "a", "emails": [{"value": "a@w", "type": "work", "display": "D"}, home]}),
        ),
        (
            both.clone(),
            json!({"op": "replace", "path": "emails[type eq \"work\"].primary", "value": true}),
            json!({"userName": "a", "emails": [{"value": "a@w", "type": "work", "primary": true}, {"value": "a@h", "type": "home", "primary": false}]}),
        ),
        // Removal: what is named, and nothing else; nobody there is no error.
        (
            both.clone(),
            json!({"op": "remove", "path": "emails[type eq \"work\"]"}),
            json!({"userName": "a", "emails": [home]}),
        ),
        (both.clone(), json!({"op": "remove", "path": "emails[type eq \"fax\"]"}), both.clone()),
        (
            both.clone(),
            json!({"op": "remove", "path": "emails", "value": [{"value": "a@w"}]}),
            json!({"userName": "a", "emails": [home]}),
        ),
        (both.clone(), json!({"op": "remove", "path": "emails", "value": []}), both.clone()),
        // Compared as filters do it: without case where the schema has none.
        (
            both.clone(),
            json!({"op": "remove", "path": "emails", "value": [{"value": "A@W"}]}),
            json!({"userName": "a", "emails": [home]}),
        ),
        (photos.clone(), json!({"op": "remove", "path": "photos", "value": [{"value": "HTTP://X/A"}]}), photos.clone()),
        (
            both.clone(),
            json!({"op": "add", "path": "emails", "value": [{"value": "A@W", "type": "Work", "display": "D"}]}),
            json!({"userName": "a", "emails": [{"value": "a@w", "type": "work", "display": "D"}, home]}),
        ),
        (
            photos.clone(),
            json!({"op": "add", "path": "photos", "value": [{"value": "http://x/A", "type": "photo"}]}),
            json!({"userName": "a", "photos": [{"value": "http://x/a", "type": "photo"}, {"value": "http://x/A", "type": "photo"}]}),
        ),
        (
            json!({"userName": "a", "addresses": [{"type": "work", "postalCode": "1"}]}),
            json!({"op": "add", "path": "addresses", "value": [{"postalCode": "1", "type": "work"}]}),
            json!({"userName": "a", "addresses": [{"type": "work", "postalCode": "1"}]}),
        ),
        // What became the same is one.
        (
            json!({"userName": "a", "phoneNumbers": [{"value": "1", "type": "work"}, {"value": "1", "type": "fax"}, {"value": "2"}]}),
            json!({"op": "remove", "path": "phoneNumbers.type"}),
            json!({"userName": "a", "phoneNumbers": [{"value": "1"}, {"value": "2"}]}),
        ),
        (
            both.clone(),
            json!({"op": "remove", "path": "emails[type eq \"home\"].primary"}),
            json!({"userName": "a", "emails": [work, {"value": "a@h", "type": "home"}]}),
        ),
        (both.clone(), json!({"op": "remove", "path": "emails"}), plain.clone()),
        (plain.clone(), json!({"op": "remove", "path": "title"}), plain.clone()),
        (plain.clone(), json!({"op": "remove", "path": ENTERPRISE}), plain.clone()),
        (
            json!({"userName": "a", "name": {"givenName": "A"}}),
            json!({"op": "remove", "path": "name.givenName"}),
            plain.clone(),
        ),
        (plain.clone(), json!({"op": "replace", "path": "title", "value": null}), plain.clone()),
        // Taken, and forgotten.
        (plain.clone(), json!({"op": "replace", "path": "password", "value": "x"}), plain.clone()),
    ] {
        assert_eq!(patched(before, json!([operation.clone()])), Ok(after), "{operation}");
    }
}

#[test]
fn what_is_refused() {
    let both = json!({"userName": "a", "emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "work"}]});
    for (operation, wanted) in [
        (json!({"op": "remove"}), ScimType::NoTarget),
        (json!({"op": "remove", "value": {"title": "x"}}), ScimType::NoTarget),
        (json!({"op": "replace", "path": "emails[type eq \"fax\"]", "value": {"value": "x"}}), ScimType::NoTarget),
        (json!({"op": "add", "path": "title"}), ScimType::InvalidValue),
        (json!({"op": "add", "value": "x"}), ScimType::InvalidValue),
        (json!({"op": "replace", "path": "title", "value": 5}), ScimType::InvalidValue),
        (json!({"op": "replace", "path": "active", "value": "perhaps"}), ScimType::InvalidValue),
        (json!({"op": "replace", "path": "active", "value": 0}), ScimType::InvalidValue),
        (json!({"op": "add", "path": "emails[type eq \"work\"].primary", "value": true}), ScimType::InvalidValue),
        (json!({"op": "remove", "path": "userName"}), ScimType::Mutability),
        (json!({"op": "replace", "path": "userName", "value": null}), ScimType::Mutability),
        (json!({"op": "replace", "path": "id", "value": "x"}), ScimType::Mutability),
        (json!({"op": "replace", "path": "meta.created", "value": "x"}), ScimType::Mutability),
        (json!({"op": "add", "path": "groups", "value": [{"value": "x"}]}), ScimType::Mutability),
        (json!({"op": "remove", "path": "schemas"}), ScimType::Mutability),
        (json!({"op": "replace", "path": "shoeSize", "value": 5}), ScimType::InvalidPath),
        (json!({"op": "replace", "path": "emails[type", "value": 5}), ScimType::InvalidPath),
        (json!({"op": "replace", "path": "name[givenName pr]", "value": 5}), ScimType::InvalidPath),
        (json!({"op": "replace", "value": {"emails[type": 5}}), ScimType::InvalidPath),
        (json!({"op": "add", "value": {ENTERPRISE: 5}}), ScimType::InvalidValue),
        (json!({"op": "add", "path": ENTERPRISE, "value": null}), ScimType::InvalidValue),
        (json!({"op": "replace", "path": 5, "value": 5}), ScimType::InvalidPath),
        (json!({"op": "burn", "path": "title"}), ScimType::InvalidSyntax),
        (json!({"path": "title"}), ScimType::InvalidSyntax),
        (json!("remove"), ScimType::InvalidSyntax),
    ] {
        assert_eq!(kind(both.clone(), operation.clone()), wanted, "{operation}");
    }
}

#[test]
fn each_operation_sees_what_the_former_made() {
    let after = patched(
        json!({"userName": "a"}),
        json!([
            {"op": "add", "path": "emails", "value": [{"value": "x", "type": "work"}]},
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "y"},
            {"op": "remove", "path": "emails[value eq \"x\"]"},
        ]),
    );
    assert_eq!(after, Ok(json!({"userName": "a", "emails": [{"value": "y", "type": "work"}]})));
}
