//! How a line refers to a user or an organization: by a string, or by an object that gives the kind of name.

use std::fmt;

use roster_engine::{Dialect, Form, OrganizationId, OrganizationName, UserId, UserName};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The realm's root.
pub(crate) const ROOT: &str = "/";

/// `"acme"`, or `{"external_id": "17"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    Text(String),
    Named { what: String, name: String },
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Named { what, name } => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(what, name)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Reference;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or an object such as {\"external_id\": \"17\"}")
            }

            fn visit_str<E>(self, text: &str) -> Result<Reference, E> {
                Ok(Reference::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Reference, E> {
                Ok(Reference::Text(text))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Reference, M::Error> {
                let one = || M::Error::custom("must have exactly one entry, such as {\"external_id\": \"17\"}");
                let (what, name) = map.next_entry()?.ok_or_else(one)?;
                if map.next_entry::<String, String>()?.is_some() {
                    return Err(one());
                }
                Ok(Reference::Named { what, name })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn unknown(what: &str, known: &str) -> String {
    let dialects: Vec<_> = Dialect::ALL.iter().map(|dialect| dialect.word()).collect();
    format!("can't be named by {what:?}, only by {known}, or by the id of {}", dialects.join(", "))
}

impl Reference {
    pub(crate) fn organization(self) -> Result<OrganizationName, String> {
        match self {
            Self::Text(text) if text == ROOT => Ok(OrganizationName::Root),
            Self::Text(text) => {
                let id = Form::Native.read::<OrganizationId>(&text);
                Ok(id.map_or(OrganizationName::Text(text), OrganizationName::Id))
            }
            Self::Named { what, name } => match what.as_str() {
                "id" => {
                    Form::read_any(&name).map(OrganizationName::Id).ok_or_else(|| String::from("has a malformed id"))
                }
                "slug" => Ok(OrganizationName::Slug(name)),
                "external_id" => Ok(OrganizationName::ExternalId(name)),
                other => match Dialect::from_word(other) {
                    Some(dialect) => Ok(OrganizationName::Alias(dialect, name)),
                    None => Err(unknown(other, "id, slug, external_id")),
                },
            },
        }
    }

    pub(crate) fn user(self) -> Result<UserName, String> {
        match self {
            Self::Text(text) => {
                let id = Form::Native.read::<UserId>(&text);
                Ok(id.map_or(UserName::Text(text), UserName::Id))
            }
            Self::Named { what, name } => match what.as_str() {
                "id" => Form::read_any(&name).map(UserName::Id).ok_or_else(|| String::from("has a malformed id")),
                "email" => Ok(UserName::Email(name)),
                "username" => Ok(UserName::Username(name)),
                "external_id" => Ok(UserName::ExternalId(name)),
                other => match Dialect::from_word(other) {
                    Some(dialect) => Ok(UserName::Alias(dialect, name)),
                    None => Err(unknown(other, "id, email, username, external_id")),
                },
            },
        }
    }
}
