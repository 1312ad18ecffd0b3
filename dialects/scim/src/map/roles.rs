//! Role groups: named after WhyLabs' id of the organization and the role.

use roster_engine::{
    Aliases, GroupPatch, MemberChange, OrganizationId, OrganizationRef, ProvisionedGroup, RoleCatalog, RoleNumber,
    Surface,
};
use serde_json::{Map, Value};

use super::groups::{is_about_members, member, member_change, sent_members, version, without_members};
use super::{Links, meta, schemas, text};
use crate::error::Refusal;
use crate::patch::{self, Step};
use crate::schema::ROLE_GROUPS;
use crate::value;

const PREFIX: &str = "whylabs-";

/// The organization and the role that a role group's id refers to.
#[derive(Clone, Debug)]
pub(crate) struct RoleGroupRef {
    pub(crate) organization: OrganizationRef,
    pub(crate) role: RoleNumber,
    pub(crate) key: String,
}

/// A role group's id, and its id in the directory.
#[derive(Clone, Debug)]
pub(crate) struct RoleGroupIds {
    pub(crate) id: String,
    pub(crate) external_id: Option<String>,
}

impl RoleGroupRef {
    /// The role in any letter case; the prefix may be missing.
    pub(crate) fn read(id: &str, catalog: &RoleCatalog) -> Result<Self, Refusal> {
        let unknown = || Refusal::not_found("group");
        let (organization, role) = id.rsplit_once(':').ok_or_else(unknown)?;
        let role = catalog.iter().find(|known| known.key.eq_ignore_ascii_case(role)).ok_or_else(unknown)?;
        let organization = organization.strip_prefix(PREFIX).unwrap_or(organization);
        Ok(Self { organization: OrganizationRef::from(organization), role: role.number, key: role.key.clone() })
    }

    pub(crate) fn is_owner(&self) -> bool {
        self.role == RoleNumber::OWNER
    }
}

pub(crate) fn id(organization: OrganizationId, aliases: &Aliases, key: &str) -> String {
    format!("{PREFIX}{}:{key}", Surface::Whylabs.show(organization, aliases))
}

pub(crate) fn id_of(of: &ProvisionedGroup, key: &str) -> String {
    id(of.organization.id, &of.organization.aliases, key)
}

/// An id in the form in which it is shown, except for the organization, which is kept as written.
pub(crate) fn canonical_id(id: &str, catalog: &RoleCatalog) -> Option<String> {
    let named = RoleGroupRef::read(id, catalog).ok()?;
    let (organization, _) = id.rsplit_once(':')?;
    Some(format!("{PREFIX}{}:{}", organization.strip_prefix(PREFIX).unwrap_or(organization), named.key))
}

/// A role group as shown to clients, with the holders of the role if members were read.
pub(crate) fn group(of: &ProvisionedGroup, role: RoleNumber, key: &str, links: &Links) -> Map<String, Value> {
    let id = id_of(of, key);
    let mut shown = Map::new();
    shown.insert("schemas".into(), schemas(&ROLE_GROUPS, None));
    shown.insert("id".into(), id.as_str().into());
    if let Some(external_id) = of.role_external_ids.get(&role) {
        shown.insert("externalId".into(), external_id.as_str().into());
    }
    shown.insert("displayName".into(), id.as_str().into());
    if let Some(members) = &of.members {
        let holders = members.iter().filter(|of| of.roles.contains(role));
        shown.insert("members".into(), holders.map(|of| member(of, links)).collect());
    }
    let mut meta = meta("Group", of.organization.created, of.updated, links.group_named(&id));
    meta.insert("version".into(), version(of).into());
    shown.insert("meta".into(), Value::Object(meta));
    shown
}

/// Checks that the name isn't changed: it is the id.
fn same_name(known: &RoleGroupIds, name: Option<&str>) -> Result<(), Refusal> {
    match name {
        Some(name) if !name.eq_ignore_ascii_case(&known.id) => {
            Err(Refusal::mutability("displayName can't be another one than the id"))
        }
        _ => Ok(()),
    }
}

fn difference(known: &RoleGroupIds, after: &Map<String, Value>) -> Result<GroupPatch, Refusal> {
    same_name(known, text(after, "displayName"))?;
    let external_id = text(after, "externalId").map(str::to_owned);
    let external_id = (external_id != known.external_id).then_some(external_id);
    Ok(GroupPatch { external_id, ..GroupPatch::default() })
}

pub(crate) fn put(known: &RoleGroupIds, body: &Map<String, Value>) -> Result<GroupPatch, Refusal> {
    let members = sent_members(body)?;
    let mut patch = difference(known, &value::resource(&without_members(body), &ROLE_GROUPS)?)?;
    patch.members = members.map(MemberChange::Replace).into_iter().collect();
    Ok(patch)
}

pub(crate) fn patched(known: &RoleGroupIds, steps: &[Step], links: &Links) -> Result<GroupPatch, Refusal> {
    let mut after = Map::new();
    after.insert("displayName".into(), known.id.as_str().into());
    after.extend(known.external_id.as_deref().map(|id| ("externalId".to_owned(), id.into())));
    let mut members = Vec::new();
    for step in steps {
        if !is_about_members(step) {
            patch::apply(&mut after, step, &ROLE_GROUPS)?;
        } else if step.may_be_written()? {
            members.extend(member_change(step, links)?);
        }
    }
    let mut patch = difference(known, &after)?;
    patch.members = members;
    Ok(patch)
}
