//! Which attributes of a resource are shown: `attributes` and `excludedAttributes`.

use serde_json::{Map, Value};

use crate::filter::{Path, Target, parse_path};
use crate::schema::{Attribute, Resource, Returned};

/// The attributes that a request asks for.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    of: &'static Resource,
    /// `Some`: these, and those that are always returned.
    only: Option<Vec<Path>>,
    without: Vec<Path>,
}

/// The paths of known attributes in a list; unknown names are ignored.
fn paths<'n>(names: impl Iterator<Item = &'n str>, of: &'static Resource) -> Vec<Path> {
    let named = names.filter_map(|name| parse_path(name.trim(), of).ok());
    named.filter(|path| !matches!(path, Path::Attribute(Target { filter: Some(_), .. }))).collect()
}

impl Selection {
    /// By the names, as they were sent; an empty list is none.
    pub(crate) fn new(of: &'static Resource, attributes: &[String], excluded: &[String]) -> Self {
        let names = |list: &[String]| {
            let names = list.iter().flat_map(|part| part.split(',')).map(str::trim).filter(|name| !name.is_empty());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let (attributes, excluded) = (names(attributes), names(excluded));
        let only = (!attributes.is_empty()).then(|| paths(attributes.iter().map(String::as_str), of));
        // If both are given, `attributes` takes precedence.
        let without = if only.is_some() { Vec::new() } else { paths(excluded.iter().map(String::as_str), of) };
        Self { of, only, without }
    }

    /// The same for another kind of resource.
    pub(crate) fn is_default(&self) -> bool {
        self.only.is_none() && self.without.is_empty()
    }

    /// Whether anything of an attribute is shown.
    pub(crate) fn shows(&self, extension: Option<&'static str>, attribute: &'static Attribute) -> bool {
        let whole = self.picks(extension, attribute, None);
        whole || attribute.subs().iter().any(|sub| self.picks(extension, attribute, Some(sub)))
    }

    /// The same by name, for an attribute that the schema has.
    pub(crate) fn shows_named(&self, name: &str) -> bool {
        self.of.place(name).is_some_and(|place| self.shows(place.extension, place.attribute))
    }

    /// Whether a sub-attribute was named that is returned only on request.
    pub(crate) fn names(&self, name: &str, sub: &str) -> bool {
        let Some(place) = self.of.place(name) else { return false };
        place.attribute.sub(sub).is_some_and(|sub| self.picks(place.extension, place.attribute, Some(sub)))
    }

    fn picks(
        &self,
        extension: Option<&'static str>,
        attribute: &'static Attribute,
        sub: Option<&'static Attribute>,
    ) -> bool {
        if attribute.returned == Returned::Always {
            return true;
        }
        let about = |path: &Path, exactly: bool| match path {
            Path::Extension(urn) => extension == Some(*urn) && !exactly,
            Path::Attribute(target) => {
                let same = target.place.extension == extension && target.place.attribute.name == attribute.name;
                let part = match (target.sub, sub) {
                    (None, None) => true,
                    (None, Some(_)) => !exactly,
                    (Some(named), Some(sub)) => named.name == sub.name,
                    (Some(_), None) => false,
                };
                same && part
            }
        };
        let on_request = sub.unwrap_or(attribute).returned == Returned::Request;
        let inner_of_request = sub.is_some() && attribute.returned == Returned::Request;
        match &self.only {
            Some(only) => {
                only.iter().any(|path| about(path, on_request))
                    && (!inner_of_request
                        || only.iter().any(|path| matches!(path, Path::Attribute(_)) && about(path, false)))
            }
            None => {
                !on_request && !inner_of_request && {
                    let whole = |path: &Path| match path {
                        Path::Attribute(target) => target.sub.is_none() && about(path, false),
                        Path::Extension(_) => about(path, false),
                    };
                    !self.without.iter().any(|path| if sub.is_some() { about(path, false) } else { whole(path) })
                }
            }
        }
    }

    fn cut(&self, extension: Option<&'static str>, attribute: &'static Attribute, value: &Value) -> Option<Value> {
        if attribute.subs().is_empty() {
            return self.picks(extension, attribute, None).then(|| value.clone());
        }
        match value {
            Value::Array(values) => {
                let any = values.is_empty() && self.shows(extension, attribute);
                let cut: Vec<Value> = values.iter().filter_map(|value| self.cut(extension, attribute, value)).collect();
                (any || !cut.is_empty()).then_some(Value::Array(cut))
            }
            Value::Object(parts) => {
                let mut shown = Map::new();
                for (name, part) in parts {
                    if attribute.sub(name).is_some_and(|sub| self.picks(extension, attribute, Some(sub))) {
                        shown.insert(name.clone(), part.clone());
                    }
                }
                (!shown.is_empty()).then_some(Value::Object(shown))
            }
            _ => None,
        }
    }

    /// What is shown of a resource; its `schemas` name what is.
    pub(crate) fn show(&self, resource: &Map<String, Value>) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut schemas = vec![Value::from(self.of.core)];
        for (name, value) in resource {
            if let Some(urn) = self.of.is_extension(name) {
                let Value::Object(parts) = value else { continue };
                let mut some = Map::new();
                for (name, part) in parts {
                    let attribute = self.of.extension(urn).and_then(|all| crate::schema::find(all, name));
                    let cut = attribute.and_then(|attribute| self.cut(Some(urn), attribute, part));
                    some.extend(cut.map(|part| (name.clone(), part)));
                }
                if !some.is_empty() {
                    schemas.push(Value::from(urn));
                    shown.insert(urn.to_owned(), Value::Object(some));
                }
            } else if name == "schemas" {
                shown.insert(name.clone(), Value::Null);
            } else if let Some(place) = self.of.place(name) {
                shown.extend(self.cut(None, place.attribute, value).map(|value| (name.clone(), value)));
            }
        }
        if let Some(slot) = shown.get_mut("schemas") {
            *slot = Value::Array(schemas);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::{ENTERPRISE, GROUPS, ROSTER, USERS};

    fn show(of: &'static Resource, attributes: &str, excluded: &str, resource: &Value) -> Value {
        let selection = Selection::new(of, &[attributes.to_owned()], &[excluded.to_owned()]);
        Value::Object(selection.show(resource.as_object().expect("an object")))
    }

    #[test]
    fn what_is_chosen() {
        let user = json!({
            "schemas": [], "id": "usr_1", "meta": {"version": "1"}, "userName": "ada",
            "name": {"givenName": "Ada", "familyName": "King"}, "emails": [{"value": "a@b.co", "type": "work"}],
            ENTERPRISE: {"department": "M", "manager": {"value": "1", "displayName": "Bob"}},
        });
        let core = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]);
        let all = show(&USERS, "", "", &user);
        assert_eq!(all[ENTERPRISE], json!({"department": "M", "manager": {"value": "1"}}));
        assert_eq!(all["schemas"][1], ENTERPRISE);
        let some = show(&USERS, "USERNAME, name.givenName,nonsense", "", &user);
        let wanted = json!({"schemas": core, "id": "usr_1", "userName": "ada", "name": {"givenName": "Ada"}});
        assert_eq!(some, wanted);
        let less = show(&USERS, "", &format!("emails,name.givenName,{ENTERPRISE},id"), &user);
        assert_eq!(
            less,
            json!({
                "schemas": core, "id": "usr_1", "meta": {"version": "1"}, "userName": "ada", "name": {"familyName": "King"},
            })
        );
        let manager = show(&USERS, &format!("{ENTERPRISE}:manager.displayName"), "", &user);
        assert_eq!(manager[ENTERPRISE], json!({"manager": {"displayName": "Bob"}}));
    }

    #[test]
    fn what_comes_only_when_it_is_named() {
        let group = json!({
            "schemas": [], "id": "org_1", "displayName": "acme", "members": [{"value": "usr_1", "display": "Ada"}],
            ROSTER: {"role": "viewer", "memberRoles": [{"value": "usr_1", "role": "viewer"}]},
        });
        let all = show(&GROUPS, "", "", &group);
        assert_eq!((&all["members"], &all[ROSTER]), (&json!([{"value": "usr_1"}]), &json!({"role": "viewer"})));
        let roles = show(&GROUPS, &format!("{ROSTER}:memberRoles"), "", &group);
        assert_eq!(roles[ROSTER], json!({"memberRoles": [{"value": "usr_1", "role": "viewer"}]}));
        let display = show(&GROUPS, "members.display,members.value", "", &group);
        assert_eq!(display["members"], json!([{"value": "usr_1", "display": "Ada"}]));
        assert_eq!(show(&GROUPS, "members", "", &group)["members"], json!([{"value": "usr_1"}]));
        assert!(show(&GROUPS, "", "members", &group).get("members").is_none());
        assert!(!Selection::new(&GROUPS, &[], &["members".into()]).shows_named("members"));
    }
}
