//! Questions in the specification's terms: subject, action, resource and context.

use roster_engine::{Check, EntityId as _, OrganizationId, OrganizationRef, Reason, UserId, UserRef, Verdict};
use roster_http::RequestError;
use serde_json::{Map, Value, json};

use crate::names::{IdFormat, Names};
use crate::tree::{Node, below, invalid, missing};

/// Maximum length of a type, id or name, in bytes.
const NAME_MAX: usize = 1024;

/// A subject or a resource.
#[derive(Clone, Debug)]
pub(crate) struct Entity {
    pub kind: String,
    /// Ignored in searches for this entity.
    pub id: Option<String>,
}

/// Options for Roster itself, in `context.roster`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    pub explain: bool,
    pub id_format: Option<IdFormat>,
    pub roles: bool,
}

/// Whether the id of an entity is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    Needed,
    Ignored,
}

/// The four members of every request, or of an item; `None` if absent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Members<'a> {
    pub subject: Option<&'a Node>,
    pub action: Option<&'a Node>,
    pub resource: Option<&'a Node>,
    pub context: Option<&'a Node>,
}

impl<'a> Members<'a> {
    pub(crate) fn of(body: &'a Node, path: &str) -> Result<Self, RequestError> {
        Ok(Self {
            subject: body.object(path, "subject")?,
            action: body.object(path, "action")?,
            resource: body.object(path, "resource")?,
            context: body.object(path, "context")?,
        })
    }

    /// Takes each missing member as a whole from the defaults.
    pub(crate) fn or(self, defaults: Self) -> Self {
        Self {
            subject: self.subject.or(defaults.subject),
            action: self.action.or(defaults.action),
            resource: self.resource.or(defaults.resource),
            context: self.context.or(defaults.context),
        }
    }

    /// Checks the types of members that may still be incomplete.
    pub(crate) fn check_types(self) -> Result<(), RequestError> {
        for (name, node) in [("subject", self.subject), ("resource", self.resource)] {
            let Some(node) = node else { continue };
            node.text(name, "type", NAME_MAX)?;
            node.text(name, "id", NAME_MAX)?;
            node.object(name, "properties")?;
        }
        if let Some(action) = self.action {
            action.text("action", "name", NAME_MAX)?;
            action.object("action", "properties")?;
        }
        options(self.context, "").map(drop)
    }
}

pub(crate) fn entity(node: Option<&Node>, path: &str, name: &str, id: Id) -> Result<Entity, RequestError> {
    let path = below(path, name);
    let node = node.ok_or_else(|| missing(&path))?;
    let kind = node.text(&path, "type", NAME_MAX)?.ok_or_else(|| missing(&below(&path, "type")))?.to_owned();
    let id = match id {
        Id::Needed => Some(node.text(&path, "id", NAME_MAX)?.ok_or_else(|| missing(&below(&path, "id")))?.to_owned()),
        Id::Ignored => None,
    };
    node.object(&path, "properties")?;
    Ok(Entity { kind, id })
}

/// An action's name and properties.
pub(crate) fn action<'a>(node: Option<&'a Node>, path: &str) -> Result<(&'a str, Option<&'a Node>), RequestError> {
    let path = below(path, "action");
    let node = node.ok_or_else(|| missing(&path))?;
    let name = node.text(&path, "name", NAME_MAX)?.ok_or_else(|| missing(&below(&path, "name")))?;
    Ok((name, node.object(&path, "properties")?))
}

/// Reads the options; of a context, only `roster` is used.
pub(crate) fn options(context: Option<&Node>, path: &str) -> Result<Options, RequestError> {
    let path = below(path, "context");
    let Some(roster) = context.map(|context| context.object(&path, "roster")).transpose()?.flatten() else {
        return Ok(Options::default());
    };
    let path = below(&path, "roster");
    let id_format = match roster.text(&path, "id_format", NAME_MAX)? {
        Some(word) => Some(IdFormat::from_word(word).ok_or_else(|| {
            let problem = "must be native, clerk, whylabs, enhance, box, external_id, email or slug";
            invalid(&below(&path, "id_format"), problem)
        })?),
        None => None,
    };
    Ok(Options { explain: roster.flag(&path, "explain")?, id_format, roles: roster.flag(&path, "roles")? })
}

/// A name with NUL can't be stored, so it is nobody's.
pub(crate) fn user(id: &str) -> UserRef {
    if id.contains('\0') { UserRef::Id(UserId::from_raw(0)) } else { UserRef::Anything(id.to_owned()) }
}

pub(crate) fn organization(id: &str) -> OrganizationRef {
    if id.contains('\0') {
        OrganizationRef::Id(OrganizationId::from_raw(0))
    } else {
        OrganizationRef::Anything(id.to_owned())
    }
}

/// A question that asks for one decision.
#[derive(Debug)]
pub(crate) struct Question {
    /// `None` if a type is unknown; then the decision is always a denial.
    pub check: Option<Check>,
    explain: bool,
}

impl Question {
    pub(crate) fn read(members: Members<'_>, path: &str, names: &Names) -> Result<Self, RequestError> {
        let subject = entity(members.subject, path, "subject", Id::Needed)?;
        let (name, properties) = action(members.action, path)?;
        let resource = entity(members.resource, path, "resource", Id::Needed)?;
        let Options { explain, .. } = options(members.context, path)?;
        let known = names.subject(&subject.kind).is_some() && names.resource(&resource.kind).is_some();
        let check = known.then(|| Check {
            user: user(subject.id.as_deref().unwrap_or_default()),
            organization: organization(resource.id.as_deref().unwrap_or_default()),
            ask: names.ask(name, properties),
            explain,
        });
        Ok(Self { check, explain })
    }

    /// The decision, and reasons only if asked for. `None` stands for an unknown type.
    pub(crate) fn answer(&self, verdict: Option<&Verdict>) -> Value {
        let decision = verdict.is_some_and(|verdict| verdict.allowed);
        if !self.explain {
            return json!({ "decision": decision });
        }
        let mut roster = Map::new();
        roster.insert("reason".into(), verdict.map_or("unknown_type", |verdict| Reason::word(verdict.reason)).into());
        if let Some(via) = verdict.and_then(|verdict| verdict.via.as_ref()) {
            let via = json!({
                "membership_id": via.membership.native(),
                "organization_id": via.organization.native(),
                "role": via.role,
                "inherited": via.distance > 0,
                "distance": via.distance,
            });
            roster.insert("via".into(), via);
        }
        json!({ "decision": decision, "context": { "roster": roster } })
    }
}
