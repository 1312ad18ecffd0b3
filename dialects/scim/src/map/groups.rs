//! Groups, which are organizations.

use roster_engine::{
    Caller, EntityId as _, GroupMember, GroupPatch, MemberChange, NewGroup, OrganizationRef, ProvisionedGroup,
    RoleCatalog, RoleNumber,
};
use serde_json::{Map, Value, json};

use super::{Links, id_in, meta, schemas, users};
use crate::error::Refusal;
use crate::filter::ValueFilter;
use crate::patch::{self, Op, Step};
use crate::schema::{GROUPS, ROSTER};
use crate::value;

type Document = Map<String, Value>;

/// Everything that a directory can write of a group but its members, in the form of the schema.
pub(crate) fn document(of: &ProvisionedGroup, catalog: &RoleCatalog, links: &Links) -> Document {
    let mut document = Map::new();
    document.insert("displayName".into(), of.organization.name.as_str().into());
    if let Some(external_id) = of.link.as_ref().and_then(|link| link.external_id.as_deref()) {
        document.insert("externalId".into(), external_id.into());
    }
    let mut extension = Map::new();
    if let Some(role) = of.role.and_then(|role| catalog.get(role)) {
        extension.insert("role".into(), role.key.as_str().into());
    }
    if let Some(parent) = of.parent {
        extension.insert("parent".into(), links.group(parent).into());
    }
    if !extension.is_empty() {
        document.insert(ROSTER.into(), Value::Object(extension));
    }
    document
}

pub(crate) fn member(of: &GroupMember, links: &Links) -> Value {
    let mut shown = json!({"value": of.user.native(), "$ref": links.user(of.user), "type": "User"});
    if let Some(user) = &of.shown {
        shown["display"] = users::display(user).into();
    }
    shown
}

fn member_roles(of: &GroupMember, catalog: &RoleCatalog, links: &Links) -> Vec<Value> {
    let row = |role: RoleNumber| {
        let key = &catalog.get(role)?.key;
        Some(json!({"value": of.user.native(), "$ref": links.user(of.user), "role": key}))
    };
    of.roles.iter().filter_map(row).collect()
}

pub(crate) fn version(of: &ProvisionedGroup) -> String {
    format!("W/\"{}\"", of.revision)
}

/// A group as clients see it; members and their roles as far as they were read.
pub(crate) fn group(of: &ProvisionedGroup, catalog: &RoleCatalog, links: &Links) -> Document {
    let mut document = document(of, catalog, links);
    let mut extension = document.remove(ROSTER);
    let mut shown = Map::new();
    // Without the members' roles: the version must not depend on whether members were read.
    shown.insert("schemas".into(), schemas(&GROUPS, extension.as_ref()));
    shown.insert("id".into(), of.organization.id.native().into());
    shown.extend(document);
    if let Some(members) = &of.members {
        shown.insert("members".into(), members.iter().map(|of| member(of, links)).collect());
        let roles: Vec<Value> = members.iter().flat_map(|of| member_roles(of, catalog, links)).collect();
        let extension = extension.get_or_insert_with(|| json!({}));
        extension["memberRoles"] = Value::Array(roles);
    }
    shown.extend(extension.map(|extension| (ROSTER.to_owned(), extension)));
    let mut meta = meta("Group", of.organization.created, of.updated, links.group(of.organization.id));
    meta.insert("version".into(), version(of).into());
    shown.insert("meta".into(), Value::Object(meta));
    shown
}

/// A role by its key, in any letter case.
pub(crate) fn role(key: &str, catalog: &RoleCatalog) -> Result<RoleNumber, Refusal> {
    let found = catalog.iter().find(|role| role.key.eq_ignore_ascii_case(key)).map(|role| role.number);
    found.ok_or_else(|| Refusal::value(format!("role names no role: {key:.64}")))
}

struct Extension {
    role: Option<RoleNumber>,
    parent: Option<OrganizationRef>,
}

fn extension(document: &Document, catalog: &RoleCatalog) -> Result<Extension, Refusal> {
    let parts = document.get(ROSTER).and_then(Value::as_object);
    let text = |name: &str| parts.and_then(|parts| super::text(parts, name));
    Ok(Extension {
        role: text("role").map(|key| role(key, catalog)).transpose()?,
        parent: text("parent").map(|parent| OrganizationRef::from(id_in(parent))),
    })
}

fn name(document: &Document) -> Result<String, Refusal> {
    let name = super::text(document, "displayName").filter(|name| !name.trim().is_empty());
    name.map(str::to_owned).ok_or_else(|| Refusal::value("displayName is required"))
}

/// What a body of POST makes.
pub(crate) fn new_group(body: &Map<String, Value>, caller: &Caller) -> Result<NewGroup, Refusal> {
    let members = sent_members(body)?;
    let document = value::resource(&without_members(body), &GROUPS)?;
    let extension = extension(&document, &caller.roles())?;
    Ok(NewGroup {
        name: name(&document)?,
        external_id: super::text(&document, "externalId").map(str::to_owned),
        role: extension.role,
        parent: extension.parent,
        members: members.unwrap_or_default(),
    })
}

/// Members are read separately: there may be many, and they are stored elsewhere.
pub(crate) fn without_members(body: &Map<String, Value>) -> Map<String, Value> {
    let rest = body.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("members"));
    rest.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The members in a body; `None` if they are absent or null.
pub(crate) fn sent_members(body: &Map<String, Value>) -> Result<Option<Vec<String>>, Refusal> {
    match value::member(body, "members") {
        None | Some(Value::Null) => Ok(None),
        Some(list @ Value::Array(_)) => value::members(list).map(Some),
        Some(_) => Err(Refusal::value("members must be a list")),
    }
}

/// What a body of PUT changes: what it leaves out is cleared, but for members, role and parent.
pub(crate) fn put(
    before: &ProvisionedGroup,
    body: &Map<String, Value>,
    catalog: &RoleCatalog,
    links: &Links,
) -> Result<GroupPatch, Refusal> {
    let members = sent_members(body)?;
    let sent = value::resource(&without_members(body), &GROUPS)?;
    let mut after = sent.clone();
    let mut kept = document(before, catalog, links).remove(ROSTER).unwrap_or_else(|| json!({}));
    if let (Value::Object(kept), Some(Value::Object(sent))) = (&mut kept, sent.get(ROSTER)) {
        kept.extend(sent.clone());
    }
    after.insert(ROSTER.into(), kept);
    let mut patch = difference(before, &after, catalog, links)?;
    patch.members = members.map(MemberChange::Replace).into_iter().collect();
    Ok(patch)
}

/// What differs from the current state.
fn difference(
    before: &ProvisionedGroup,
    after: &Document,
    catalog: &RoleCatalog,
    links: &Links,
) -> Result<GroupPatch, Refusal> {
    let was = document(before, catalog, links);
    let (now, external_id) = (extension(after, catalog)?, super::text(after, "externalId"));
    let same_parent = was.get(ROSTER).and_then(|e| e.get("parent")) == after.get(ROSTER).and_then(|e| e.get("parent"));
    Ok(GroupPatch {
        name: Some(name(after)?).filter(|name| *name != before.organization.name),
        external_id: (super::text(&was, "externalId") != external_id).then(|| external_id.map(str::to_owned)),
        role: (now.role != before.role).then_some(now.role),
        parent: (!same_parent).then_some(now.parent),
        ..GroupPatch::default()
    })
}

/// What operations of PATCH change.
pub(crate) fn patched(
    before: &ProvisionedGroup,
    steps: &[Step],
    catalog: &RoleCatalog,
    links: &Links,
) -> Result<GroupPatch, Refusal> {
    let mut after = document(before, catalog, links);
    let mut members = Vec::new();
    for step in steps {
        if !is_about_members(step) {
            patch::apply(&mut after, step, &GROUPS)?;
        } else if step.may_be_written()? {
            members.extend(member_change(step, links)?);
        }
    }
    let mut patch = difference(before, &after, catalog, links)?;
    patch.members = members;
    Ok(patch)
}

pub(crate) fn is_about_members(step: &Step) -> bool {
    step.target().is_some_and(|target| target.place.extension.is_none() && target.place.attribute.name == "members")
}

/// The effect of an operation on members. Only a removal without value and filter removes all of them.
pub(crate) fn member_change(step: &Step, links: &Links) -> Result<Option<MemberChange>, Refusal> {
    let Some(target) = step.target() else { return Ok(None) };
    if target.sub.is_some() {
        return Err(Refusal::mutability("members can be added and removed, not changed"));
    }
    Ok(match (step.op, &target.filter, &step.value) {
        (Op::Remove, Some(filter), _) => Some(remove_where(filter, links)),
        (Op::Remove, None, None) => Some(MemberChange::Clear),
        (Op::Remove, None, Some(value)) => Some(MemberChange::Remove(value::members(value)?)),
        // A key without a value has no effect.
        (_, None, Some(Value::Null)) if step.by_key => None,
        (Op::Add, Some(filter), _) => {
            let named = patch::named_members(filter);
            Some(MemberChange::Add(
                named.ok_or_else(|| Refusal::value("members to be added are named by their value"))?,
            ))
        }
        (Op::Add, None, Some(value)) => Some(MemberChange::Add(value::members(value)?)),
        (Op::Replace, None, Some(value)) => Some(MemberChange::Replace(value::members(value)?)),
        (Op::Replace, Some(_), _) => return Err(Refusal::mutability("members can be added and removed, not changed")),
        (Op::Add | Op::Replace, None, None) => return Err(Refusal::value("value is missing")),
    })
}

/// The removal of the members that a filter selects; those that it names are passed on even if it has further conditions.
fn remove_where(filter: &ValueFilter, links: &Links) -> MemberChange {
    if let Some(named) = patch::named_members(filter) {
        return MemberChange::Remove(named);
    }
    let among = patch::members_among(filter);
    let (filter, links) = (filter.clone(), links.clone());
    let like = Box::new(move |of: &GroupMember| filter.fits(&member(of, &links)));
    match among {
        Some(named) => MemberChange::RemoveAmong(named, like),
        None => MemberChange::RemoveWhere(like),
    }
}
