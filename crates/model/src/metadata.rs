//! JSON that applications store with an entity, extras of single vendors, and ids that were assigned by other systems.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::RoleSet;
use crate::text::Problem;

/// Arbitrary JSON of the application. Keys keep their order; 64-bit integers keep their value.
pub type Metadata = Map<String, Value>;

/// Largest metadata field, in bytes of compact JSON.
pub const METADATA_MAX: usize = 8192;

/// The problem with metadata that is larger than [`METADATA_MAX`].
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

/// Refuses metadata that is larger than [`METADATA_MAX`].
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

    /// Refuses what can't be an id at this vendor, and so can't be asked for through its API. Box has numbers; the others'
    /// ids may be any text.
    pub fn check_id(self, id: &str) -> Result<(), Problem> {
        let number = (6..=19).contains(&id.len()) && !id.starts_with('0') && id.bytes().all(|b| b.is_ascii_digit());
        match self {
            Self::Box if !number => Err("must be a number of 6 to 19 digits to be an id at Box"),
            Self::Box | Self::Whylabs | Self::Clerk | Self::Enhance | Self::Scim => Ok(()),
        }
    }
}

/// The key under which an entry of [`Extras`] lists the roles that it is bound to; see [`Extras::retain_for_roles`].
pub const WHILE: &str = "while";

/// Data that only one vendor's API has, and that the others leave untouched: dialect → object.
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

    /// Drops entries that are bound to roles of which none is held any more. An entry of a dialect is bound by its key `while`, a set of
    /// roles; other entries stay. A dialect's object that is left empty is dropped, too.
    pub fn retain_for_roles(&mut self, roles: RoleSet) {
        let bound = |entry: &Value| -> Option<RoleSet> { serde_json::from_value(entry.get(WHILE)?.clone()).ok() };
        for entries in self.0.values_mut().filter_map(Value::as_object_mut) {
            entries.retain(|_, entry| bound(entry).is_none_or(|bound| bound.intersects(roles)));
        }
        self.0.retain(|_, entries| entries.as_object().is_none_or(|entries| !entries.is_empty()));
    }

    /// Merges into one dialect's object; an object that is left empty is removed.
    pub fn merge(&mut self, dialect: Dialect, patch: &Metadata) {
        let mut outer = Map::new();
        outer.insert(dialect.word().to_owned(), Value::Object(patch.clone()));
        merge(&mut self.0, &outer);
        if self.of(dialect).is_some_and(Map::is_empty) {
            self.0.remove(dialect.word());
        }
    }
}

/// Ids that an entity had at the vendor it was migrated from. That vendor's clients have stored them, so they are shown them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Aliases(pub Vec<(Dialect, String)>);

impl Aliases {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id to show. One that was stored before such ids were refused is not shown, since it couldn't be asked for.
    pub fn of(&self, dialect: Dialect) -> Option<&str> {
        let (_, id) = self.0.iter().find(|(d, _)| *d == dialect)?;
        dialect.check_id(id).is_ok().then_some(id.as_str())
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
    fn ids_at_box_are_numbers() {
        for (id, fits) in [
            ("100000", true),
            ("9223372036854775807", true),
            ("12345", false),
            ("0123456", false),
            ("12345678901234567890", false),
            ("-123456", false),
            ("abc", false),
            ("", false),
        ] {
            assert_eq!(Dialect::Box.check_id(id).is_ok(), fits, "{id}");
            assert_eq!(Dialect::Clerk.check_id(id), Ok(()), "{id}");
            let aliases = Aliases(vec![(Dialect::Clerk, id.into()), (Dialect::Box, id.into())]);
            assert_eq!(aliases.of(Dialect::Box), fits.then_some(id), "what was stored earlier is not shown");
        }
    }

    #[test]
    fn what_is_bound_to_roles_goes_with_the_last_of_them() {
        let (admin, viewer) = (RoleSet::of(crate::RoleNumber::ADMIN), RoleSet::of(crate::RoleNumber::VIEWER));
        let bound = json!({"while": RoleSet::OWNER.union(admin), "x": true});
        let extras = Extras(object(json!({"box": {"p": bound}, "enhance": {"q": bound, "free": 1}})));
        let mut kept = extras.clone();
        kept.retain_for_roles(admin.union(viewer));
        assert_eq!(kept, extras);
        kept.retain_for_roles(viewer);
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
