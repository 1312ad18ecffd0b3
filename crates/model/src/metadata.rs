//! JSON that applications keep with an entity, extras that only one vendor has, and the ids that other systems gave.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::RoleSet;
use crate::text::Problem;

/// Free JSON of the application. Keys keep their order; integers of 64 bits keep their value.
pub type Metadata = Map<String, Value>;

/// Largest metadata field, in bytes of compact JSON.
pub const METADATA_MAX: usize = 8192;

/// What is said of more.
pub const TOO_LARGE: Problem = "is larger than 8192 bytes of JSON";

/// Merges as RFC 7396 does: objects into objects, `null` removes, everything else replaces.
pub fn merge(into: &mut Metadata, patch: &Metadata) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                into.remove(key);
            }
            Value::Object(patch) => {
                let slot = into.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(slot) = slot {
                    merge(slot, patch);
                }
            }
            other => {
                into.insert(key.clone(), other.clone());
            }
        }
    }
}

/// Refuses what is larger than [`METADATA_MAX`] or can't be stored in every database.
pub fn check(metadata: &Metadata) -> Result<(), Problem> {
    let text = serde_json::to_string(metadata).map_err(|_| "is not JSON")?;
    if text.len() > METADATA_MAX { Err(TOO_LARGE) } else { Ok(()) }
}

/// A vendor whose API Roster speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    Whylabs,
    Clerk,
    Enhance,
    Box,
    Scim,
}

impl Dialect {
    pub const ALL: [Self; 5] = [Self::Whylabs, Self::Clerk, Self::Enhance, Self::Box, Self::Scim];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Whylabs => "whylabs",
            Self::Clerk => "clerk",
            Self::Enhance => "enhance",
            Self::Box => "box",
            Self::Scim => "scim",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.word() == word)
    }
}

/// The key by which an entry of [`Extras`] is bound to roles, see [`Extras::keep_while`].
pub const WHILE: &str = "while";

/// What only one vendor has and the others keep untouched: dialect → object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extras(pub Map<String, Value>);

impl Extras {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn of(&self, dialect: Dialect) -> Option<&Metadata> {
        self.0.get(dialect.word()).and_then(Value::as_object)
    }

    pub fn text(&self, dialect: Dialect, key: &str) -> Option<&str> {
        self.of(dialect)?.get(key)?.as_str()
    }

    pub fn flag(&self, dialect: Dialect, key: &str) -> bool {
        self.of(dialect).and_then(|extras| extras.get(key)?.as_bool()).unwrap_or_default()
    }

    /// Drops what is bound to roles that are not held: an entry of a dialect may say `while`, a set of roles, and goes with the
    /// last of them, whoever takes it away.
    pub fn keep_while(&mut self, roles: RoleSet) {
        let bound = |entry: &Value| -> Option<RoleSet> { serde_json::from_value(entry.get(WHILE)?.clone()).ok() };
        for entries in self.0.values_mut().filter_map(Value::as_object_mut) {
            entries.retain(|_, entry| bound(entry).is_none_or(|bound| bound.meets(roles)));
        }
        self.0.retain(|_, entries| entries.as_object().is_none_or(|entries| !entries.is_empty()));
    }

    /// Merges into one dialect's object; an object left empty goes.
    pub fn merge(&mut self, dialect: Dialect, patch: &Metadata) {
        let mut outer = Map::new();
        outer.insert(dialect.word().to_owned(), Value::Object(patch.clone()));
        merge(&mut self.0, &outer);
        if self.of(dialect).is_some_and(Map::is_empty) {
            self.0.remove(dialect.word());
        }
    }
}

/// Ids that an entity brought along from the vendor it came from: its clients stored them, so they are shown them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Aliases(pub Vec<(Dialect, String)>);

impl Aliases {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn of(&self, dialect: Dialect) -> Option<&str> {
        self.0.iter().find(|(d, _)| *d == dialect).map(|(_, text)| text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Metadata {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn merging_like_rfc_7396() {
        let mut into = object(json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1, 2]}));
        merge(&mut into, &object(json!({"a": null, "b": {"c": null, "x": {"y": null, "z": 1}}, "e": [null], "f": {}})));
        assert_eq!(into, object(json!({"b": {"d": 3, "x": {"z": 1}}, "e": [null], "f": {}})));
    }

    #[test]
    fn numbers_keep_64_bits() {
        let text = r#"{"big":18446744073709551615,"small":-9223372036854775808,"tick":9007199254740993}"#;
        let metadata: Metadata = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&metadata).unwrap(), text);
    }

    #[test]
    fn extras_of_one_dialect_leave_the_others() {
        let mut extras = Extras::default();
        extras.merge(Dialect::Box, &object(json!({"p": true})));
        extras.merge(Dialect::Whylabs, &object(json!({"tier": "PAID"})));
        extras.merge(Dialect::Box, &object(json!({"p": null})));
        assert_eq!((extras.of(Dialect::Box), extras.text(Dialect::Whylabs, "tier")), (None, Some("PAID")));
    }

    #[test]
    fn what_is_bound_to_roles_goes_with_the_last_of_them() {
        let (admin, viewer) = (RoleSet::of(crate::RoleNumber::ADMIN), RoleSet::of(crate::RoleNumber::VIEWER));
        let bound = json!({"while": RoleSet::OWNER.union(admin), "x": true});
        let extras = Extras(object(json!({"box": {"p": bound}, "enhance": {"q": bound, "free": 1}})));
        let mut kept = extras.clone();
        kept.keep_while(admin.union(viewer));
        assert_eq!(kept, extras);
        kept.keep_while(viewer);
        assert_eq!(kept, Extras(object(json!({"enhance": {"free": 1}}))));
    }

    proptest! {
        #[test]
        fn merging_twice_is_merging_once(key in "[a-c]", value in 0..5i64) {
            let patch = object(json!({key: {"k": value, "gone": null}}));
            let mut once = object(json!({"a": 1}));
            merge(&mut once, &patch);
            let mut twice = once.clone();
            merge(&mut twice, &patch);
            prop_assert_eq!(once, twice);
        }
    }
}
