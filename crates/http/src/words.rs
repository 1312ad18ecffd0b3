//! Enums that are plain strings on the wire.

/// Implements `Serialize` and `Deserialize` for these enums as strings only: `words!(Role, Status);`.
///
/// The strings are those that serde derives; `#[serde(remote = "Self")]` makes the derive an inherent function that this macro
/// uses. The derived implementation by itself would also accept `{"owner": null}` for `owner`.
#[macro_export]
macro_rules! words {
    ($($name:ty),+ $(,)?) => {$(
        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                let word = <::std::string::String as ::serde::Deserialize>::deserialize(deserializer)?;
                // The derived inherent function, which takes precedence over the trait's.
                Self::deserialize(::serde::de::value::StringDeserializer::<D::Error>::new(word))
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                Self::serialize(self, serializer)
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::{Value, json};

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(remote = "Self", rename_all = "snake_case")]
    enum Level {
        AdminsOnly,
        All,
    }

    crate::words!(Level);

    #[test]
    fn a_word_is_a_text_and_nothing_else() {
        let read = |value: Value| serde_json::from_value::<Level>(value).map_err(|error| error.to_string());
        for (level, word) in [(Level::AdminsOnly, json!("admins_only")), (Level::All, json!("all"))] {
            assert_eq!(serde_json::to_value(&level).ok().as_ref(), Some(&word));
            assert_eq!(read(word), Ok(level));
        }
        for other in [json!({"all": null}), json!(["all"]), json!(null), json!(1)] {
            let problem = read(other.clone()).expect_err("no text");
            assert!(
                problem.starts_with("invalid type: ") && problem.ends_with(", expected a string"),
                "{other}: {problem}"
            );
        }
        assert_eq!(read(json!("none")), Err("unknown variant `none`, expected `admins_only` or `all`".to_owned()));
    }
}
