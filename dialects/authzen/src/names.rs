//! The names of types and actions: `user`, `organization` and the realm's own permissions, and further ones from the server's
//! configuration, since clients often can't change the names that they use.

use std::collections::BTreeMap;

use roster_engine::{Ask, Organization, Surface, User};
use serde::Deserialize;
use serde_json::Value;

use crate::tree::Node;

/// The section `[authzen]` of the configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Names {
    /// Further names for an organization, or the form of ids for one.
    pub resource_types: Vec<TypeName>,
    /// Further names for a user, or the form of ids for one.
    pub subject_types: Vec<TypeName>,
    /// Actions whose properties select the permission that is asked for.
    pub actions: Vec<ActionName>,
}

/// A name for a type of entity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeName {
    pub name: String,
    /// The form of ids in answers. In requests all forms are accepted.
    pub id: Option<IdFormat>,
}

/// A name for an action.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionName {
    pub name: String,
    /// Applies only if the properties sent have these values.
    #[serde(default)]
    pub when: BTreeMap<String, Value>,
    pub permission: String,
}

/// The form in which an id is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdFormat {
    #[default]
    Native,
    Clerk,
    Whylabs,
    Enhance,
    Box,
    ExternalId,
    /// For users only.
    Email,
    /// For organizations only.
    Slug,
}

/// The default names of the two types.
const USER: &str = "user";
const ORGANIZATION: &str = "organization";

impl IdFormat {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "native" => Self::Native,
            "clerk" => Self::Clerk,
            "whylabs" => Self::Whylabs,
            "enhance" => Self::Enhance,
            "box" => Self::Box,
            "external_id" => Self::ExternalId,
            "email" => Self::Email,
            "slug" => Self::Slug,
            _ => return None,
        })
    }

    const fn surface(self) -> Surface {
        match self {
            Self::Clerk => Surface::Clerk,
            Self::Whylabs => Surface::Whylabs,
            Self::Enhance => Surface::Enhance,
            Self::Box => Surface::Box,
            Self::Native | Self::ExternalId | Self::Email | Self::Slug => Surface::Native,
        }
    }

    /// A user without such an id is shown by the native id.
    pub(crate) fn user(self, user: &User) -> String {
        let own = match self {
            Self::ExternalId => user.external_id.clone(),
            Self::Email => user.email().map(str::to_owned),
            _ => None,
        };
        own.unwrap_or_else(|| self.surface().show(user.id, &user.aliases))
    }

    pub(crate) fn organization(self, organization: &Organization) -> String {
        let own = match self {
            Self::ExternalId => organization.external_id.clone(),
            Self::Slug => Some(organization.slug.clone()),
            _ => None,
        };
        own.unwrap_or_else(|| self.surface().show(organization.id, &organization.aliases))
    }
}

fn format_of(names: &[TypeName], built_in: &str, kind: &str) -> Option<IdFormat> {
    match names.iter().find(|known| known.name == kind) {
        Some(known) => Some(known.id.unwrap_or_default()),
        None => (kind == built_in).then_some(IdFormat::Native),
    }
}

impl Names {
    /// How ids of this type of subject are shown; `None` if the type is unknown.
    pub(crate) fn subject(&self, kind: &str) -> Option<IdFormat> {
        format_of(&self.subject_types, USER, kind)
    }

    /// How ids of this type of resource are shown; `None` if the type is unknown.
    pub(crate) fn resource(&self, kind: &str) -> Option<IdFormat> {
        format_of(&self.resource_types, ORGANIZATION, kind)
    }

    /// What an action asks for; `properties` are as sent.
    pub(crate) fn ask(&self, name: &str, properties: Option<&Node>) -> Ask {
        let sent = properties.map(Node::value).unwrap_or_default();
        let fits = |action: &&ActionName| {
            action.name == name && action.when.iter().all(|(key, value)| sent.get(key) == Some(value))
        };
        let key = self.actions.iter().find(fits).map_or(name, |action| action.permission.as_str());
        match key.strip_prefix("role:") {
            Some(role) => Ask::Role(role.to_owned()),
            None => Ask::Permission(key.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actions_properties_select_the_permission() {
        let action = |when: &str, permission: &str| ActionName {
            name: "delete".into(),
            when: serde_json::from_str(when).expect("JSON"),
            permission: permission.into(),
        };
        let names = Names {
            actions: vec![action(r#"{"soft": true}"#, "delete:soft"), action(r#"{"soft": false}"#, "delete:hard")],
            ..Names::default()
        };
        let ask =
            |name: &str, properties: &str| names.ask(name, Some(&serde_json::from_str(properties).expect("JSON")));
        let permission = |key: &str| Ask::Permission(key.into());
        assert_eq!(ask("delete", r#"{"soft": true, "x": 1}"#), permission("delete:soft"));
        assert_eq!(ask("delete", r#"{"soft": false}"#), permission("delete:hard"));
        assert_eq!(ask("delete", r#"{"soft": "true"}"#), permission("delete"));
        assert_eq!(names.ask("delete", None), permission("delete"));
        assert_eq!(names.ask("role:admin", None), Ask::Role("admin".into()));
    }
}
