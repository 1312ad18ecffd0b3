//! The `fields` parameter: which fields of an object are shown.

use roster_http::{Failure, Pairs};
use serde::Serialize;
use serde_json::Value;

/// The names in the parameter, separated by commas. An empty parameter counts as none.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Fields(Vec<String>);

impl Fields {
    pub(crate) fn of(query: &Pairs) -> Result<Self, Failure> {
        let names = query.optional("fields")?.unwrap_or_default();
        Ok(Self(names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()))
    }

    /// Whether this field, which isn't shown by default, is asked for.
    pub(crate) fn ask_for(&self, name: &str) -> bool {
        self.0.iter().any(|asked| asked == name)
    }

    /// Keeps `type`, `id` and the fields asked for; without any, the `standard` ones. Unknown names are ignored.
    pub(crate) fn select(&self, object: &impl Serialize, standard: &[&str]) -> Value {
        let mut object = serde_json::to_value(object).unwrap_or_default();
        if let Value::Object(object) = &mut object {
            object.retain(|name, _| {
                let named = if self.0.is_empty() { standard.contains(&name.as_str()) } else { self.ask_for(name) };
                named || name == "type" || name == "id"
            });
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shown() {
        let object = json!({"type": "t", "id": "1", "a": null, "b": 2, "c": 3});
        let shown = |query: &str| Fields::of(&Pairs::parse(query)).expect("readable").select(&object, &["a", "b"]);
        assert_eq!(shown(""), json!({"type": "t", "id": "1", "a": null, "b": 2}));
        assert_eq!(shown("fields="), shown(""));
        assert_eq!(shown("fields=%2C"), shown(""));
        assert_eq!(shown("fields=c%2C+a,none"), json!({"type": "t", "id": "1", "a": null, "c": 3}));
        assert_eq!(shown("fields=none"), json!({"type": "t", "id": "1"}));
        assert!(Fields::of(&Pairs::parse("fields=%ff")).is_err());
    }
}
