//! The organizations of a domain as groups of its directory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use roster_model::permission::BuiltIn as P;
use roster_model::{
    Change, Dialect, DirectoryLink, EntityId as _, Form, Membership, Metadata, Organization, OrganizationId, Right,
    RoleCatalog, RoleNumber, RoleSet, Timestamp, UserId, metadata, text,
};
use serde_json::Value;

use super::members::{MemberChange, MemberSet, apply};
use super::users::{self, ProvisionedUser, check_external_id, put_link};
use super::{DirectoryOptions, readable_domain, writable_domain};
use crate::access::{Allowed, Domain};
use crate::actor::Caller;
use crate::error::{Error, Result, Subject};
use crate::memberships::{self, MembershipPatch};
use crate::organizations::{self, NewOrganization, OrganizationPatch};
use crate::reference::OrganizationRef;
use crate::transaction::{Reader, Tx};

/// The key in an organization's extras of the role that directories give.
const ROLE: &str = "role";
/// The key in a link's document of the external ids of an organization's role groups.
const ROLE_GROUPS: &str = "role_groups";

/// An organization as one domain sees it.
#[derive(Clone, Debug)]
pub struct ProvisionedGroup {
    pub organization: Organization,
    pub link: Option<DirectoryLink>,
    /// The role of members who are added by a directory; `member` if it isn't set.
    pub role: Option<RoleNumber>,
    /// `None` right under the top of the domain, and for the top itself.
    pub parent: Option<OrganizationId>,
    /// The directory's external ids of the groups of role holders, by role.
    pub role_external_ids: BTreeMap<RoleNumber, String>,
    /// Whether it is the top of the domain.
    pub is_top: bool,
    /// Increases with every change of the organization, its members and their roles.
    pub revision: i64,
    /// When it last changed.
    pub updated: Timestamp,
    /// If they were asked for, in order of creation of the memberships.
    pub members: Option<Vec<GroupMember>>,
}

/// One of a group's members.
#[derive(Clone, Debug)]
pub struct GroupMember {
    pub user: UserId,
    pub roles: RoleSet,
    /// The user as seen by the domain, if this was asked for.
    pub shown: Option<ProvisionedUser>,
}

/// Which members to read with a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MembersWanted {
    #[default]
    None,
    All,
    /// All, with the users as the domain sees them.
    Shown,
    /// Those of these users who are members.
    Of(Vec<UserId>),
}

/// A group to be created.
#[derive(Clone, Debug, Default)]
pub struct NewGroup {
    pub name: String,
    pub external_id: Option<String>,
    pub role: Option<RoleNumber>,
    /// The top of the domain if it isn't given.
    pub parent: Option<OrganizationRef>,
    /// Their ids, in any form.
    pub members: Vec<String>,
}

/// Changes of a group; `None` leaves a field unchanged.
#[derive(Default)]
pub struct GroupPatch {
    pub name: Option<String>,
    pub external_id: Option<Option<String>>,
    pub role: Option<Option<RoleNumber>>,
    pub parent: Option<Option<OrganizationRef>>,
    /// Applied in this order.
    pub members: Vec<MemberChange>,
    /// Whether the directory has stated, by `If-Match`, which version it changes: then the removal guard doesn't apply.
    pub is_confirmed: bool,
}

impl std::fmt::Debug for GroupPatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupPatch")
            .field("name", &self.name)
            .field("members", &self.members.len())
            .finish_non_exhaustive()
    }
}

/// One role of one organization, for directories that assign roles by group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoleGroup {
    pub organization: OrganizationId,
    pub role: RoleNumber,
}

/// Reads what [`role_to_keep`] returned, if the role still exists. Older versions stored a number for every role.
fn kept_role(catalog: &RoleCatalog, kept: &Value) -> Option<RoleNumber> {
    let number = kept.as_u64().or_else(|| kept.as_str()?.parse().ok());
    let role = match number {
        Some(number) => catalog.get(RoleNumber::new(u8::try_from(number).ok()?)?),
        None => catalog.by_id(Form::Native.read(kept.as_str()?)?),
    };
    role.map(|role| role.number)
}

/// How a role is stored: a built-in role by its number, which is the same in every realm; a custom role by its id, since its number may
/// be reused after it is deleted.
fn role_to_keep(catalog: &RoleCatalog, role: RoleNumber) -> Value {
    match catalog.get(role) {
        Some(role) if role.system => Value::from(role.number.get()),
        Some(role) => Value::from(role.id.native()),
        None => Value::Null,
    }
}

/// The role that directories give to the organization's members.
fn role_of(organization: &Organization, catalog: &RoleCatalog) -> Option<RoleNumber> {
    kept_role(catalog, organization.extras.of(Dialect::Scim)?.get(ROLE)?)
}

fn wanted_members(
    reader: Reader<'_>,
    domain: &Domain,
    organization: OrganizationId,
    wanted: &MembersWanted,
) -> Result<Option<Vec<GroupMember>>> {
    let only = match wanted {
        MembersWanted::None => return Ok(None),
        MembersWanted::Of(users) => Some(users.as_slice()),
        MembersWanted::All | MembersWanted::Shown => None,
    };
    let memberships = reader.view.memberships_in(organization, only)?;
    let mut shown = HashMap::new();
    if *wanted == MembersWanted::Shown {
        let ids: Vec<UserId> = memberships.iter().map(|m| m.user).collect();
        let found = reader.view.users_by_id(&ids)?.into_values().collect();
        shown = users::load(reader, domain, found, false)?.into_iter().map(|user| (user.user.id, user)).collect();
    }
    let member = |m: Membership| GroupMember { user: m.user, roles: m.roles, shown: shown.remove(&m.user) };
    Ok(Some(memberships.into_iter().map(member).collect()))
}

/// These organizations as the domain sees them. The caller has checked that they are visible to it.
pub(super) fn load(
    reader: Reader<'_>,
    domain: &Domain,
    organizations: Vec<Organization>,
    members: &MembersWanted,
) -> Result<Vec<ProvisionedGroup>> {
    let ids: Vec<OrganizationId> = organizations.iter().map(|organization| organization.id).collect();
    let raw: Vec<i64> = ids.iter().map(|id| id.raw()).collect();
    let mut links = reader.view.directory_links(domain.id(), &raw)?;
    let changes = reader.view.last_changes_of(&ids)?;
    let catalog = reader.roles()?;
    organizations
        .into_iter()
        .map(|organization| {
            let (revision, updated) = changes.get(&organization.id).copied().unwrap_or((0, organization.updated));
            let is_top = organization.id == domain.id();
            let link = links.remove(&organization.id.raw());
            Ok(ProvisionedGroup {
                role: role_of(&organization, &catalog),
                role_external_ids: role_external_ids(link.as_ref(), &catalog),
                link,
                parent: organization.parent.filter(|parent| !is_top && *parent != domain.id()),
                is_top,
                revision,
                updated: updated.max(organization.updated),
                members: wanted_members(reader, domain, organization.id, members)?,
                organization,
            })
        })
        .collect()
}

fn load_one(
    reader: Reader<'_>,
    domain: &Domain,
    id: OrganizationId,
    members: &MembersWanted,
) -> Result<ProvisionedGroup> {
    let missing = || Error::NotFound(Subject::Organization);
    let organization = reader.view.organization(id)?.ok_or_else(missing)?;
    load(reader, domain, vec![organization], members)?.pop().ok_or_else(missing)
}

/// The id of an organization of the domain, by any form of it.
pub(super) fn find(reader: Reader<'_>, domain: &Domain, reference: &OrganizationRef) -> Result<OrganizationId> {
    let id = reader.organization(reference)?.id();
    if domain.holds(reader, id)? { Ok(id) } else { Err(Error::NotFound(Subject::Organization)) }
}

fn name_is_free(reader: Reader<'_>, domain: &Domain, name: &str, own: Option<OrganizationId>) -> Result<()> {
    for other in reader.view.organizations_named(name)? {
        if Some(other.id) != own && domain.holds(reader, other.id)? {
            let id = Some(other.id.raw());
            return Err(Error::AlreadyExists { subject: Subject::Organization, field: "display_name", id });
        }
    }
    Ok(())
}

/// Checks that a group may give this role: the caller could give it, and it isn't the owner's.
fn check_role(reader: Reader<'_>, place: &Allowed<Organization>, role: RoleNumber) -> Result<()> {
    if role == RoleNumber::OWNER || reader.roles()?.get(role).is_none() {
        return Err(Error::invalid("role", "is not a role that a group can give"));
    }
    memberships::check_may_grant(place, RoleSet::of(role))
        .map_err(|_| Error::invalid("role", "is a role that this key can't give"))
}

fn role_extras(catalog: &RoleCatalog, role: Option<RoleNumber>) -> (Dialect, Metadata) {
    let kept = role.map_or(Value::Null, |role| role_to_keep(catalog, role));
    (Dialect::Scim, Metadata::from_iter([(ROLE.to_owned(), kept)]))
}

fn parent_in(reader: Reader<'_>, domain: &Domain, parent: Option<&OrganizationRef>) -> Result<OrganizationId> {
    let Some(parent) = parent else { return Ok(domain.id()) };
    find(reader, domain, parent).map_err(|error| error.if_missing(Error::invalid("parent", "names no group")))
}

fn about_parent(error: Error) -> Error {
    match error {
        Error::Invalid { problem, .. } => Error::Invalid { field: "parent".into(), problem },
        Error::Forbidden(_) | Error::System(_) => {
            Error::invalid("parent", "is not a group to which this key can move it")
        }
        other => other,
    }
}

fn writable(reader: Reader<'_>, id: OrganizationId) -> Result<Allowed<Organization>> {
    reader.organization(&id.into())?.allow(reader, Right::tree(P::OrganizationsWrite))
}

/// The organization, if the caller may change its members.
pub(super) fn with_members(reader: Reader<'_>, id: OrganizationId) -> Result<Allowed<Organization>> {
    reader.organization(&id.into())?.allow(reader, Right::tree(P::MembershipsWrite))
}

fn link_external_id(
    tx: &mut Tx<'_, '_>,
    domain: &Allowed<Domain>,
    id: OrganizationId,
    external_id: Option<String>,
) -> Result<()> {
    check_external_id(external_id.as_deref())?;
    let before = tx.read().view.directory_link(domain.id(), id)?;
    let mut after = before.clone().unwrap_or_else(|| DirectoryLink::new(domain.id(), id, tx.now()));
    if before.is_none() && external_id.is_none() {
        return Ok(());
    }
    after.external_id = external_id;
    put_link(tx, domain, before, after)
}

fn create(tx: &mut Tx<'_, '_>, domain: &Allowed<Domain>, new: NewGroup) -> Result<OrganizationId> {
    let reader = tx.read();
    text::name(&new.name).map_err(|problem| Error::invalid("display_name", problem))?;
    let parent = parent_in(reader, domain, new.parent.as_ref())?;
    let parent = writable(reader, parent)?;
    if let Some(role) = new.role {
        check_role(reader, &parent, role)?;
    }
    name_is_free(reader, domain, &new.name, None)?;
    let mut organization = NewOrganization { name: new.name, ..NewOrganization::default() };
    if new.role.is_some() {
        let (dialect, extras) = role_extras(&*reader.roles()?, new.role);
        organization.extras.merge(dialect, &extras);
    }
    let made = organizations::create(tx, &parent, &organization).map_err(|error| match error {
        Error::Invalid { field, problem } if field == "parent_id" => Error::Invalid { field: "parent".into(), problem },
        other => other,
    })?;
    link_external_id(tx, domain, made.id, new.external_id)?;
    if !new.members.is_empty() {
        let place = with_members(tx.read(), made.id)?;
        let among = MemberSet::Members { role: new.role.unwrap_or(RoleNumber::MEMBER) };
        apply(tx, domain, &place, among, vec![MemberChange::Add(new.members)], None)?;
    }
    Ok(made.id)
}

/// Gives the new role to members who have exactly the former one.
fn move_members(tx: &mut Tx<'_, '_>, place: &Allowed<Organization>, from: RoleNumber, to: RoleNumber) -> Result<()> {
    if from == to {
        return Ok(());
    }
    let from = RoleSet::of(from);
    let patch = MembershipPatch { roles: Some(RoleSet::of(to)), ..MembershipPatch::default() };
    for membership in tx.read().view.memberships_in(place.id, None)? {
        if membership.roles == from {
            memberships::update(tx, place, &membership, &patch)?;
        }
    }
    Ok(())
}

fn change(
    tx: &mut Tx<'_, '_>,
    domain: &Allowed<Domain>,
    before: &ProvisionedGroup,
    patch: GroupPatch,
    guard: Option<DirectoryOptions>,
) -> Result<()> {
    let id = before.organization.id;
    let touches = patch.name.is_some() || patch.role.is_some() || patch.parent.is_some();
    if touches || patch.external_id.is_some() {
        let place = writable(tx.read(), id)?;
        if let Some(name) = &patch.name
            && *name != before.organization.name
        {
            text::name(name).map_err(|problem| Error::invalid("display_name", problem))?;
            name_is_free(tx.read(), domain, name, Some(id))?;
        }
        if let Some(Some(role)) = patch.role
            && Some(role) != before.role
        {
            check_role(tx.read(), &place, role)?;
        }
        let catalog = tx.read().roles()?;
        let extras = patch.role.map(|role| role_extras(&catalog, role));
        let wanted = OrganizationPatch { name: patch.name, extras, ..OrganizationPatch::default() };
        organizations::update(tx, &place, &wanted)?;
        if let Some(parent) = patch.parent {
            let is_named = parent.is_some();
            let parent = parent_in(tx.read(), domain, parent.as_ref())?;
            let now = before.parent.unwrap_or(domain.id());
            // The top is shown without a parent, so no client sends one back.
            if before.is_top && is_named {
                return Err(Error::invalid("parent", "can't be given to the key's own organization"));
            }
            if !before.is_top && parent != now {
                let place = writable(tx.read(), id)?;
                organizations::relocate(tx, &place, &parent.into()).map_err(about_parent)?;
            }
        }
        if let Some(external_id) = patch.external_id {
            link_external_id(tx, domain, id, external_id)?;
        }
    }
    let role = patch.role.unwrap_or(before.role).unwrap_or(RoleNumber::MEMBER);
    if patch.role.is_some() {
        let place = with_members(tx.read(), id)?;
        move_members(tx, &place, before.role.unwrap_or(RoleNumber::MEMBER), role)?;
    }
    if patch.members.is_empty() {
        return Ok(());
    }
    let place = with_members(tx.read(), id)?;
    apply(tx, domain, &place, MemberSet::Members { role }, patch.members, guard.filter(|_| !patch.is_confirmed))
}

/// The removal that the guard refused, to be logged after the transaction was rolled back.
type Held = Arc<Mutex<Option<(OrganizationId, u64, u64)>>>;

fn capture_held<T>(held: &Held, id: OrganizationId, outcome: Result<T>) -> Result<T> {
    if let Err(Error::RemovalHeld { removing, members }) = &outcome {
        *held.lock().unwrap_or_else(PoisonError::into_inner) = Some((id, *removing, *members));
    }
    outcome
}

fn holders(reader: Reader<'_>, group: RoleGroup, wanted: &MembersWanted, domain: &Domain) -> Result<Vec<GroupMember>> {
    let members = wanted_members(reader, domain, group.organization, wanted)?.unwrap_or_default();
    Ok(members.into_iter().filter(|member| member.roles.contains(group.role)).collect())
}

impl Caller {
    /// Needs the rights to read as a directory.
    pub async fn provisioned_group(
        &self,
        group: impl Into<OrganizationRef>,
        members: MembersWanted,
    ) -> Result<ProvisionedGroup> {
        let group = group.into();
        self.read(move |reader| {
            let domain = readable_domain(reader)?;
            let id = find(reader, &domain, &group)?;
            load_one(reader, &domain, id, &members)
        })
        .await
    }

    /// Creates an organization with its members. Needs `organizations:write` at the parent or above, and `memberships:write` for
    /// the members.
    pub async fn provision_group(&self, new: NewGroup, members: MembersWanted) -> Result<ProvisionedGroup> {
        self.write_with_callback(move |tx| {
            let domain = writable_domain(tx.read(), P::OrganizationsWrite)?;
            let id = create(tx, &domain, new)?;
            load_one(tx.read(), &domain, id, &members)
        })
        .await
    }

    /// Changes a group. `edit` computes the patch from the group's current state, without its members. Needs `organizations:write` there or
    /// above for the group's own fields, `memberships:write` for members. More removals than the guard allows are refused
    /// ([`Error::RemovalHeld`]) and logged.
    pub async fn change_provisioned_group<E: From<Error> + Send + 'static>(
        &self,
        group: impl Into<OrganizationRef>,
        edit: impl FnOnce(&ProvisionedGroup) -> Result<GroupPatch, E> + Clone + Send + 'static,
        answer: MembersWanted,
    ) -> Result<ProvisionedGroup, E> {
        let (group, held) = (group.into(), Held::default());
        let (note, guard) = (Arc::clone(&held), Some(*self.engine.directory()));
        let outcome = self
            .write_with_callback(move |tx| {
                let domain = writable_domain(tx.read(), P::MembershipsWrite)?;
                let id = find(tx.read(), &domain, &group)?;
                let before = load_one(tx.read(), &domain, id, &MembersWanted::None)?;
                let patch = edit(&before)?;
                capture_held(&note, id, change(tx, &domain, &before, patch, guard))?;
                Ok(load_one(tx.read(), &domain, id, &answer)?)
            })
            .await;
        self.log_held_removal(&held).await?;
        outcome
    }

    async fn log_held_removal(&self, held: &Held) -> Result<()> {
        let held = held.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((organization, removing, members)) = held else { return Ok(()) };
        self.write(move |tx| {
            let place = with_members(tx.read(), organization)?;
            tx.change(&place, &Change::RemovalHeld { organization, removing, members })
        })
        .await
    }

    /// Deletes an organization unless `check` refuses. Its users are kept; those who started there start in the oldest of their remaining
    /// memberships. Needs `organizations:write` there or above. Refused for the top of the domain ([`Error::System`]) and for one with others
    /// below it ([`Error::HasChildren`]).
    pub async fn deprovision_group<E: From<Error> + Send + 'static>(
        &self,
        group: impl Into<OrganizationRef>,
        check: impl FnOnce(&ProvisionedGroup) -> Result<(), E> + Clone + Send + 'static,
    ) -> Result<(), E> {
        let group = group.into();
        self.write_with_callback(move |tx| {
            let domain = writable_domain(tx.read(), P::OrganizationsWrite)?;
            let id = find(tx.read(), &domain, &group)?;
            let before = load_one(tx.read(), &domain, id, &MembersWanted::None)?;
            check(&before)?;
            if before.is_top {
                return Err(Error::System(Subject::Organization).into());
            }
            if tx.read().view.has_children(id).map_err(Error::from)? {
                return Err(Error::HasChildren.into());
            }
            let place = writable(tx.read(), id)?;
            Ok(organizations::end(tx, &place, before.organization)?)
        })
        .await
    }

    /// The holders of a role at an organization as a group, and the directory's external id for it.
    pub async fn role_group(
        &self,
        organization: impl Into<OrganizationRef>,
        role: RoleNumber,
        members: MembersWanted,
    ) -> Result<(ProvisionedGroup, Option<String>)> {
        let organization = organization.into();
        self.read(move |reader| {
            let domain = readable_domain(reader)?;
            let id = find(reader, &domain, &organization)?;
            let mut group = load_one(reader, &domain, id, &MembersWanted::None)?;
            if members != MembersWanted::None {
                group.members = Some(holders(reader, RoleGroup { organization: id, role }, &members, &domain)?);
            }
            let external_id = group.role_external_ids.get(&role).cloned();
            Ok((group, external_id))
        })
        .await
    }

    /// Adds users to a role and removes them from it. Users who aren't members become members; those whose last role is removed cease to be.
    /// Needs `memberships:write` there or above.
    pub async fn change_role_group<E: From<Error> + Send + 'static>(
        &self,
        organization: impl Into<OrganizationRef>,
        role: RoleNumber,
        edit: impl FnOnce(&ProvisionedGroup, Option<String>) -> Result<GroupPatch, E> + Clone + Send + 'static,
        answer: MembersWanted,
    ) -> Result<(ProvisionedGroup, Option<String>), E> {
        let (organization, held) = (organization.into(), Held::default());
        let (note, guard) = (Arc::clone(&held), Some(*self.engine.directory()));
        let outcome = self
            .write_with_callback(move |tx| {
                let domain = writable_domain(tx.read(), P::MembershipsWrite)?;
                let id = find(tx.read(), &domain, &organization)?;
                let before = load_one(tx.read(), &domain, id, &MembersWanted::None)?;
                let patch = edit(&before, before.role_external_ids.get(&role).cloned())?;
                if let Some(external_id) = &patch.external_id {
                    link_role_external_id(tx, &domain, id, role, external_id.as_deref())?;
                }
                let place = with_members(tx.read(), id)?;
                let among = MemberSet::Holders { role };
                capture_held(
                    &note,
                    id,
                    apply(tx, &domain, &place, among, patch.members, guard.filter(|_| !patch.is_confirmed)),
                )?;
                let mut group = load_one(tx.read(), &domain, id, &MembersWanted::None)?;
                if answer != MembersWanted::None {
                    let group_of = RoleGroup { organization: id, role };
                    group.members = Some(holders(tx.read(), group_of, &answer, &domain)?);
                }
                let external_id = group.role_external_ids.get(&role).cloned();
                Ok((group, external_id))
            })
            .await;
        self.log_held_removal(&held).await?;
        outcome
    }
}

/// External ids by role, for roles that still exist.
fn role_external_ids(link: Option<&DirectoryLink>, catalog: &RoleCatalog) -> BTreeMap<RoleNumber, String> {
    let kept = link.and_then(|link| link.document.get(ROLE_GROUPS)?.as_object());
    let named = |(role, external_id): (&String, &Value)| {
        let role = kept_role(catalog, &Value::from(role.as_str()))?;
        Some((role, external_id.as_str()?.to_owned()))
    };
    kept.into_iter().flatten().filter_map(named).collect()
}

fn link_role_external_id(
    tx: &mut Tx<'_, '_>,
    domain: &Allowed<Domain>,
    id: OrganizationId,
    role: RoleNumber,
    external_id: Option<&str>,
) -> Result<()> {
    check_external_id(external_id)?;
    let before = tx.read().view.directory_link(domain.id(), id)?;
    if before.is_none() && external_id.is_none() {
        return Ok(());
    }
    let mut after = before.clone().unwrap_or_else(|| DirectoryLink::new(domain.id(), id, tx.now()));
    name_role_group(&mut after.document, &*tx.read().roles()?, role, external_id)?;
    put_link(tx, domain, before, after)
}

fn name_role_group(
    document: &mut Metadata,
    catalog: &RoleCatalog,
    role: RoleNumber,
    external_id: Option<&str>,
) -> Result<()> {
    let kept = match role_to_keep(catalog, role) {
        Value::String(id) => id,
        Value::Null => return Err(Error::NotFound(Subject::Role)),
        number => number.to_string(),
    };
    // Remove what an older version stored by number.
    let older = (role.get().to_string(), Value::Null);
    let names = Metadata::from_iter([older, (kept, external_id.map_or(Value::Null, Value::from))]);
    metadata::merge(document, &Metadata::from_iter([(ROLE_GROUPS.to_owned(), Value::Object(names))]));
    Ok(())
}

#[cfg(test)]
mod tests {
    use roster_model::id::compose;
    use roster_model::{Base, Role, RoleId};

    use super::*;

    #[test]
    fn what_an_older_version_called_a_role_group_can_be_changed_and_taken_away() {
        let number = RoleNumber::new(RoleNumber::FIRST_CUSTOM).expect("a number");
        let catalog = RoleCatalog::new([Role {
            id: RoleId::from_raw(compose(1, RoleId::KIND, 1)),
            number,
            key: "own".into(),
            name: "own".into(),
            description: String::new(),
            base: Base::Member,
            reaches_down: false,
            system: false,
            permissions: Vec::new(),
            created: Timestamp::from_ms(0),
            updated: Timestamp::from_ms(0),
        }]);
        let mut link =
            DirectoryLink::new(OrganizationId::from_raw(1), OrganizationId::from_raw(1), Timestamp::from_ms(0));
        let names = Metadata::from_iter([(number.get().to_string(), Value::from("former"))]);
        link.document = Metadata::from_iter([(ROLE_GROUPS.to_owned(), Value::Object(names))]);
        let called = |link: &DirectoryLink| role_external_ids(Some(link), &catalog).remove(&number);
        assert_eq!(called(&link).as_deref(), Some("former"));
        for name in [Some("later"), None] {
            name_role_group(&mut link.document, &catalog, number, name).expect("a role");
            assert_eq!(called(&link).as_deref(), name);
        }
    }
}
