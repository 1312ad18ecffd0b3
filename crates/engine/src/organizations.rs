//! Organizations and their tree.

use std::collections::HashMap;

use roster_model::permission::BuiltIn as P;
use roster_model::{
    Aliases, Change, Dialect, EntityId, Extras, Form, Metadata, Organization, OrganizationId, OrganizationStatus,
    Right, RoleNumber, RoleSet, Timestamp, User, Visibility, metadata, text, tree,
};
use roster_store::list::{Key, Mark};
use roster_store::{OrganizationFilter, OrganizationSort, OrganizationState, View};

use crate::access::{Allowed, is_allowed};
use crate::actor::Caller;
use crate::error::{Error, OfField as _, Result, Subject};
use crate::memberships::{self, MetadataWrite, NewMembership, managing_roles};
use crate::paging::{Listed, Page};
use crate::picked::Picked;
use crate::reference::{OrganizationRef, UserRef};
use crate::transaction::{Creation, Reader, Tx};

/// Maximum number of e-mail domains of one organization.
const DOMAINS_MAX: usize = 100;

/// Maximum of `max_members`: many clients read it as a 32-bit integer with a sign.
const MEMBERS_MAX: u32 = i32::MAX.unsigned_abs();

/// An organization to be created.
#[derive(Clone, Debug, Default)]
pub struct NewOrganization {
    pub name: String,
    /// Derived from the name if it isn't given.
    pub slug: Option<String>,
    /// The realm's root if it isn't given.
    pub parent: Option<OrganizationRef>,
    pub external_id: Option<String>,
    pub max_members: u32,
    pub email_domains: Vec<String>,
    pub visibility: Visibility,
    pub locale: Option<String>,
    pub public: Metadata,
    pub private: Metadata,
    pub extras: Extras,
    /// The id that it had at a vendor.
    pub alias: Option<(Dialect, String)>,
    /// Whether to refuse if another organization has exactly this name.
    pub name_must_be_free: bool,
    /// The user who becomes its first admin, and is shown as its creator.
    pub creator: Option<UserRef>,
    /// The original time of creation, if it is migrated from elsewhere.
    pub created: Option<Timestamp>,
}

/// Changes; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct OrganizationPatch {
    pub name: Option<String>,
    pub slug: Option<String>,
    pub external_id: Option<Option<String>>,
    pub max_members: Option<u32>,
    pub email_domains: Option<Vec<String>>,
    pub visibility: Option<Visibility>,
    pub locale: Option<Option<String>>,
    pub public: Option<MetadataWrite>,
    pub private: Option<MetadataWrite>,
    pub extras: Option<(Dialect, Metadata)>,
    /// `Deleted` needs `organizations:delete` there or above. The root can't be deleted.
    pub status: Option<OrganizationStatus>,
    pub suspended: Option<bool>,
    /// The original time of creation, if it was migrated from elsewhere.
    pub created: Option<Timestamp>,
    /// The new parent; everything below moves along.
    pub parent: Option<OrganizationRef>,
    /// Whether to refuse a new name that another organization has exactly.
    pub name_must_be_free: bool,
    /// If set, refused unless the record's `updated` is this.
    pub expected: Option<Timestamp>,
}

impl OrganizationPatch {
    /// The right that the patch needs at the organization: to mark it as deleted `organizations:delete`, for anything else
    /// `organizations:write`. If it does both, [`update`] asks for the other one.
    fn right(&self) -> Right {
        Right::tree(if self.only_marks_deleted() { P::OrganizationsDelete } else { P::OrganizationsWrite })
    }

    fn only_marks_deleted(&self) -> bool {
        let Self {
            name,
            slug,
            external_id,
            max_members,
            email_domains,
            visibility,
            locale,
            public,
            private,
            extras,
            status,
            suspended,
            created,
            parent,
            name_must_be_free: _,
            expected: _,
        } = self;
        *status == Some(OrganizationStatus::Deleted)
            && name.is_none()
            && slug.is_none()
            && external_id.is_none()
            && max_members.is_none()
            && email_domains.is_none()
            && visibility.is_none()
            && locale.is_none()
            && public.is_none()
            && private.is_none()
            && extras.is_none()
            && suspended.is_none()
            && created.is_none()
            && parent.is_none()
    }
}

/// Which organizations to list.
#[derive(Clone, Debug, Default)]
pub struct OrganizationQuery {
    pub within: Within,
    /// With [`Within::Below`]: the maximum number of levels below.
    pub levels: Option<u32>,
    pub state: Option<OrganizationState>,
    pub slug: Option<String>,
    pub external_id: Option<String>,
    /// Part of the name or slug, case-insensitive.
    pub text: Option<String>,
    /// Beginning of the name, case-insensitive.
    pub prefix: Option<String>,
    /// Part of the name or slug, case-insensitive; or exactly the id.
    pub anything: Option<String>,
    pub organizations: Picked<OrganizationRef>,
    /// Organizations that have one of these users as a member.
    pub members: Picked<UserRef>,
    pub sort: OrganizationSort,
    pub page: Page,
}

/// Counts for one organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InOrganization {
    pub members: u64,
    pub pending_invitations: u64,
    /// Whether somebody can manage its members.
    pub has_admin: bool,
}

/// Where in the tree to look.
#[derive(Clone, Debug, Default)]
pub enum Within {
    #[default]
    Realm,
    ChildrenOf(OrganizationRef),
    Below(OrganizationRef),
}

/// Normalizes e-mail domains for comparison: lower case, without `@`, without duplicates.
fn domains(domains: &[String]) -> Result<Vec<String>> {
    if domains.len() > DOMAINS_MAX {
        return Err(Error::invalid("email_domains", format!("has more than {DOMAINS_MAX} entries")));
    }
    let mut clean: Vec<String> = Vec::with_capacity(domains.len());
    for domain in domains {
        let domain = domain.trim().trim_start_matches('@').to_lowercase();
        if domain.len() > 253 || !text::is_domain(&domain) {
            return Err(Error::invalid("email_domains", format!("contains {domain:?}, which is not a domain name")));
        }
        if !clean.contains(&domain) {
            clean.push(domain);
        }
    }
    Ok(clean)
}

fn check_max_members(max_members: u32) -> Result<u32> {
    if max_members > MEMBERS_MAX {
        return Err(Error::invalid("max_members", format!("must be at most {MEMBERS_MAX}")));
    }
    Ok(max_members)
}

fn slug_is_free(view: &View<'_>, slug: &str, own: Option<OrganizationId>) -> Result<()> {
    match view.organization_by_slug(slug)? {
        Some(other) if Some(other.id) != own => Err(taken("slug", &other)),
        _ => Ok(()),
    }
}

fn name_is_free(view: &View<'_>, name: &str, own: Option<OrganizationId>) -> Result<()> {
    view.organization_by_name(name, own)?.map_or(Ok(()), |other| Err(taken("name", &other)))
}

fn external_id_is_free(view: &View<'_>, external_id: &str, own: Option<OrganizationId>) -> Result<()> {
    match view.organization_by_external_id(external_id)? {
        Some(other) if Some(other.id) != own => Err(taken("external_id", &other)),
        _ => Ok(()),
    }
}

fn taken(field: &'static str, other: &Organization) -> Error {
    Error::AlreadyExists { subject: Subject::Organization, field, id: Some(other.id.raw()) }
}

/// A free slug derived from the name. After a few attempts with a number, the id is appended, which makes it unique.
pub(crate) fn make_slug(
    name: &str,
    id: OrganizationId,
    mut is_free: impl FnMut(&str) -> Result<bool>,
) -> Result<String> {
    let base = text::suggest_slug(name);
    if is_free(&base)? {
        return Ok(base);
    }
    for number in 2..20 {
        let slug = format!("{base}-{number}");
        if is_free(&slug)? {
            return Ok(slug);
        }
    }
    Ok(format!("{base}-{:x}", id.raw()))
}

pub(crate) fn locale(locale: Option<&str>) -> Result<Option<String>> {
    locale.map(|locale| text::free(locale, 64).map(str::to_owned)).transpose().of("locale")
}

/// Makes the creator the organization's first admin.
fn add_creator(tx: &mut Tx<'_, '_>, organization: OrganizationId, creator: &User) -> Result<()> {
    let reader = tx.read();
    let place = reader.organization(&organization.into())?.allow(reader, Right::tree(P::MembershipsWrite))?;
    let new = NewMembership { roles: RoleSet::of(RoleNumber::ADMIN), ..NewMembership::default() };
    memberships::add(tx, &place, creator, &new).map(|_| ())
}

/// Refuses an alias that isn't in the vendor's form of ids, or that could be mistaken for an id generated by Roster.
pub(crate) fn check_alias<I: EntityId>(dialect: Dialect, alias: &str) -> Result<()> {
    dialect.check_id(alias).of("alias")?;
    if Form::read_any::<I>(alias).is_some() {
        return Err(Error::invalid("alias", "looks like an id generated by Roster"));
    }
    Ok(())
}

/// Builds and validates an organization on its own, without checking uniqueness. The slug is empty if none is given.
pub(crate) fn build(creation: Creation<'_>, parent: &Organization, new: &NewOrganization) -> Result<Organization> {
    text::name(&new.name).of("name")?;
    if let Some(slug) = &new.slug {
        text::slug(slug).of("slug")?;
    }
    if let Some(external_id) = &new.external_id {
        text::external_id(external_id).of("external_id")?;
    }
    metadata::check(&new.public).of("public_metadata")?;
    metadata::check(&new.private).of("private_metadata")?;
    let depth = tree::child_depth(parent.depth).map_err(|problem| Error::invalid("parent_id", problem.words()))?;
    if let Some((dialect, alias)) = &new.alias {
        check_alias::<OrganizationId>(*dialect, alias)?;
    }
    Ok(Organization {
        id: creation.new_id(),
        parent: Some(parent.id),
        depth,
        name: new.name.clone(),
        slug: new.slug.clone().unwrap_or_default(),
        external_id: new.external_id.clone(),
        max_members: check_max_members(new.max_members)?,
        email_domains: domains(&new.email_domains)?,
        visibility: new.visibility,
        status: OrganizationStatus::Active,
        suspended: false,
        hidden: parent.hidden,
        locale: locale(new.locale.as_deref())?,
        created_by: None,
        created: new.created.unwrap_or(creation.now),
        updated: creation.now,
        public: new.public.clone(),
        private: new.private.clone(),
        extras: new.extras.clone(),
        aliases: Aliases(new.alias.iter().cloned().collect()),
    })
}

pub(crate) fn create(
    tx: &mut Tx<'_, '_>,
    parent: &Allowed<Organization>,
    new: &NewOrganization,
) -> Result<Organization> {
    let reader = tx.read();
    let creator = match &new.creator {
        Some(user) => Some(
            reader
                .user(user)
                .map_err(|error| error.if_missing(Error::reference("created_by", Subject::User)))?
                .named_by(parent),
        ),
        None => None,
    };
    text::name(&new.name).of("name")?;
    if new.name_must_be_free {
        name_is_free(reader.view, &new.name, None)?;
    }
    let mut after = build(tx.creation(), parent, new)?;
    if let Some(slug) = &new.slug {
        slug_is_free(reader.view, slug, None)?;
    } else {
        let is_free = |slug: &str| Ok(reader.view.organization_by_slug(slug)?.is_none());
        after.slug = make_slug(&new.name, after.id, is_free)?;
    }
    if let Some(external_id) = &new.external_id {
        external_id_is_free(reader.view, external_id, None)?;
    }
    for (dialect, alias) in &after.aliases.0 {
        if reader.view.find_alias::<OrganizationId>(*dialect, alias)?.is_some() {
            return Err(Error::AlreadyExists { subject: Subject::Organization, field: "alias", id: None });
        }
    }
    after.created_by = creator.as_ref().map_or(tx.author(), |user| Some(user.id.raw()));
    let id = after.id;
    tx.change(parent, &Change::OrganizationCreated { after: Box::new(after.clone()) })?;
    if let Some(creator) = creator {
        add_creator(tx, id, &creator)?;
    }
    Ok(after)
}

/// Applies a patch to an organization, except for status and parent, without checking uniqueness.
pub(crate) fn patched(before: &Organization, patch: &OrganizationPatch) -> Result<Organization> {
    let mut after = before.clone();
    if let Some(name) = &patch.name {
        text::name(name).of("name")?.clone_into(&mut after.name);
    }
    if let Some(slug) = &patch.slug {
        if before.is_root() {
            return Err(Error::System(Subject::Organization));
        }
        text::slug(slug).of("slug")?.clone_into(&mut after.slug);
    }
    if let Some(external_id) = &patch.external_id {
        if let Some(external_id) = external_id {
            text::external_id(external_id).of("external_id")?;
        }
        after.external_id.clone_from(external_id);
    }
    if let Some(max_members) = patch.max_members {
        after.max_members = check_max_members(max_members)?;
    }
    if let Some(email_domains) = &patch.email_domains {
        after.email_domains = domains(email_domains)?;
    }
    if let Some(visibility) = patch.visibility {
        after.visibility = visibility;
    }
    if let Some(new) = &patch.locale {
        after.locale = locale(new.as_deref())?;
    }
    if let Some(public) = &patch.public {
        public.apply(&mut after.public, "public_metadata")?;
    }
    if let Some(private) = &patch.private {
        private.apply(&mut after.private, "private_metadata")?;
    }
    if let Some((dialect, extras)) = &patch.extras {
        after.extras.merge(*dialect, extras);
    }
    if let Some(suspended) = patch.suspended {
        after.suspended = suspended;
    }
    if let Some(created) = patch.created {
        after.created = created;
    }
    Ok(after)
}

pub(crate) fn update(
    tx: &mut Tx<'_, '_>,
    before: &Allowed<Organization>,
    patch: &OrganizationPatch,
) -> Result<Organization> {
    if patch.expected.is_some_and(|expected| expected != before.updated) {
        return Err(Error::PreconditionFailed);
    }
    let view = tx.read().view;
    if let Some(name) = &patch.name
        && patch.name_must_be_free
        && *name != before.name
    {
        text::name(name).of("name")?;
        name_is_free(view, name, Some(before.id))?;
    }
    let mut after = patched(before, patch)?;
    if let Some(slug) = &patch.slug {
        slug_is_free(view, slug, Some(before.id))?;
    }
    if let Some(Some(external_id)) = &patch.external_id {
        external_id_is_free(view, external_id, Some(before.id))?;
    }
    if let Some(status) = patch.status.filter(|status| *status != before.status) {
        if status == OrganizationStatus::Deleted && !before.standing().holds(Right::tree(P::OrganizationsDelete)) {
            return Err(Error::Forbidden(P::OrganizationsDelete.key().into()));
        }
        set_status(&mut after, status)?;
    }
    if after != **before {
        after.updated = tx.now().advanced_past(before.updated);
        let change =
            Change::OrganizationUpdated { before: Box::new(Organization::clone(before)), after: Box::new(after) };
        tx.change(before, &change)?;
    }
    if let Some(parent) = &patch.parent {
        relocate(tx, before, parent)?;
    }
    current(tx.read(), before.id)
}

fn set_status(organization: &mut Organization, status: OrganizationStatus) -> Result<()> {
    match status {
        OrganizationStatus::Deleted if organization.is_root() => return Err(Error::System(Subject::Organization)),
        OrganizationStatus::Active | OrganizationStatus::Deleted => {}
        OrganizationStatus::Gone => return Err(Error::invalid("status", "must be active or deleted")),
    }
    organization.status = status;
    Ok(())
}

fn current(reader: Reader<'_>, id: OrganizationId) -> Result<Organization> {
    reader.view.organization(id)?.ok_or(Error::NotFound(Subject::Organization))
}

/// Moves an organization. Needs `organizations:write` above it, and `organizations:create` at the new parent or above.
pub(crate) fn relocate(tx: &mut Tx<'_, '_>, moved: &Allowed<Organization>, parent: &OrganizationRef) -> Result<()> {
    if moved.is_root() {
        return Err(Error::System(Subject::Organization));
    }
    let reader = tx.read();
    let parent = reader
        .organization(parent)
        .map_err(|error| error.if_missing(Error::reference("parent_id", Subject::Organization)))?;
    if Some(parent.id()) == moved.parent {
        return Ok(());
    }
    if !moved.standing().holds(Right::above(P::OrganizationsWrite)) {
        return Err(Error::Forbidden(P::OrganizationsWrite.key().into()));
    }
    let parent = parent.allow(reader, Right::tree(P::OrganizationsCreate))?;
    let height = reader.view.height(moved.id)?;
    let depth = tree::may_move(moved.id, height, &reader.view.chain(parent.id)?)
        .map_err(|problem| Error::invalid("parent_id", problem.words()))?;
    let before = current(reader, moved.id)?;
    let updated = tx.now().advanced_past(before.updated);
    let after = Organization { parent: Some(parent.id), depth, updated, ..before.clone() };
    tx.change(moved, &Change::OrganizationMoved { before: Box::new(before), after: Box::new(after) })
}

fn mark(sort: OrganizationSort) -> impl Fn(&Organization) -> Mark {
    move |o| {
        let key = match sort {
            OrganizationSort::Created => Key::Int(o.created.as_ms()),
            OrganizationSort::Updated => Key::Int(o.updated.as_ms()),
            OrganizationSort::Name => Key::Text(text::fold(&o.name)),
            OrganizationSort::ExactName => Key::Text(o.name.clone()),
            OrganizationSort::Status => Key::Int(i64::from(o.hidden)),
            // With this order only offsets are supported: `list` refuses a cursor and returns none.
            OrganizationSort::Id | OrganizationSort::Members => Key::None,
        };
        Mark { key, id: o.id.raw() }
    }
}

/// Deletes an organization with everything below it. Users who started there start in the oldest of their remaining memberships.
pub(crate) fn end(tx: &mut Tx<'_, '_>, place: &Allowed<Organization>, before: Organization) -> Result<()> {
    let starting = tx.read().view.default_members_below(before.id)?;
    tx.change(place, &Change::OrganizationDeleted { before: Box::new(before) })?;
    starting.into_iter().try_for_each(|user| memberships::default_to_oldest(tx, place, user))
}

impl Caller {
    /// Needs `organizations:create` at the parent or above.
    pub async fn create_organization(&self, new: NewOrganization) -> Result<Organization> {
        let root = self.root();
        self.write(move |tx| {
            let reader = tx.read();
            let parent = match &new.parent {
                Some(parent) => reader
                    .organization(parent)
                    .map_err(|error| error.if_missing(Error::reference("parent_id", Subject::Organization)))?
                    .allow(reader, Right::tree(P::OrganizationsCreate))
                    .map_err(|error| error.if_missing(Error::reference("parent_id", Subject::Organization)))?,
                None => crate::access::Found(current(reader, root)?)
                    .allow(reader, Right::tree(P::OrganizationsCreate))
                    .map_err(|error| error.if_missing(Error::Forbidden(P::OrganizationsCreate.key().into())))?,
            };
            create(tx, &parent, &new)
        })
        .await
    }

    /// Needs `organizations:read` there or above.
    pub async fn organization(&self, organization: impl Into<OrganizationRef>) -> Result<Organization> {
        self.organization_for(organization, Right::tree(P::OrganizationsRead)).await
    }

    /// The same for surfaces on which every member may read the organization, whatever their roles grant.
    pub async fn organization_for_member(&self, organization: impl Into<OrganizationRef>) -> Result<Organization> {
        let organization = organization.into();
        self.read_graph(move |reader| Ok(reader.organization(&organization)?.allow_member(reader)?.into_inner())).await
    }

    /// The organization, if the caller holds this right at it. A surface may require more than the operation that follows.
    pub async fn organization_for(
        &self,
        organization: impl Into<OrganizationRef>,
        right: Right,
    ) -> Result<Organization> {
        let organization = organization.into();
        self.read_graph(move |reader| Ok(reader.organization(&organization)?.allow(reader, right)?.into_inner())).await
    }

    /// The same, if the caller holds one of these rights. If none is held, the error names the first.
    pub async fn organization_for_any(
        &self,
        organization: impl Into<OrganizationRef>,
        rights: Vec<Right>,
    ) -> Result<Organization> {
        let organization = organization.into();
        self.read_graph(move |reader| Ok(reader.organization(&organization)?.allow_any(reader, &rights)?.into_inner()))
            .await
    }

    /// Needs `organizations:write` there or above; to move it, also above it, and `organizations:create` at the new parent or above. To mark
    /// it as deleted needs `organizations:delete` there or above, which is enough if the patch does nothing else.
    pub async fn update_organization(
        &self,
        organization: impl Into<OrganizationRef>,
        patch: OrganizationPatch,
    ) -> Result<Organization> {
        let organization = organization.into();
        self.write(move |tx| {
            let before = tx.read().organization(&organization)?.allow(tx.read(), patch.right())?;
            update(tx, &before, &patch)
        })
        .await
    }

    /// Needs `organizations:delete` there or above; with everything below it (`subtree`), above it. Memberships, tokens and account users are
    /// deleted, too. Users are kept; those who started there start in the oldest of their remaining memberships.
    pub async fn delete_organization(
        &self,
        organization: impl Into<OrganizationRef>,
        subtree: bool,
        expected: Option<Timestamp>,
    ) -> Result<Organization> {
        let organization = organization.into();
        self.write(move |tx| {
            let right =
                if subtree { Right::above(P::OrganizationsDelete) } else { Right::tree(P::OrganizationsDelete) };
            let before = tx.read().organization(&organization)?.allow(tx.read(), right)?;
            if expected.is_some_and(|expected| expected != before.updated) {
                return Err(Error::PreconditionFailed);
            }
            if before.is_root() {
                return Err(Error::System(Subject::Organization));
            }
            if !subtree && tx.read().view.has_children(before.id)? {
                return Err(Error::HasChildren);
            }
            let gone = Organization::clone(&before);
            end(tx, &before, gone.clone())?;
            Ok(gone)
        })
        .await
    }

    /// Marks an organization, with everything below it, as deleted. Nothing is lost: [`Self::update_organization`] can restore it. Needs
    /// `organizations:delete` there or above.
    pub async fn mark_organization_deleted(&self, organization: impl Into<OrganizationRef>) -> Result<Organization> {
        let patch = OrganizationPatch { status: Some(OrganizationStatus::Deleted), ..OrganizationPatch::default() };
        self.update_organization(organization, patch).await
    }

    /// How many members and pending invitations these organizations have, and whether somebody can manage their members. Needs
    /// `organizations:read` there or above; organizations without it, or that don't exist, are left out.
    pub async fn count_in_organizations(
        &self,
        ids: Vec<OrganizationId>,
    ) -> Result<HashMap<OrganizationId, InOrganization>> {
        self.read(move |reader| {
            let mut counts = HashMap::with_capacity(ids.len());
            for id in ids {
                let found =
                    reader.organization(&id.into()).and_then(|o| o.allow(reader, Right::tree(P::OrganizationsRead)));
                if is_allowed(found)? {
                    counts.insert(id, InOrganization::default());
                }
            }
            let ids: Vec<OrganizationId> = counts.keys().copied().collect();
            for (id, members) in reader.view.members_of(&ids)? {
                counts.entry(id).or_default().members = members;
            }
            for (id, invited) in reader.view.invited_of(&ids, reader.now())? {
                counts.entry(id).or_default().pending_invitations = invited;
            }
            for id in reader.view.with_holders(&ids, &managing_roles(&*reader.roles()?))? {
                counts.entry(id).or_default().has_admin = true;
            }
            Ok(counts)
        })
        .await
    }

    /// All of the realm needs `organizations:read` at the root; those below an organization need `organizations:list` there or above.
    pub async fn list_organizations(&self, query: OrganizationQuery) -> Result<Listed<Organization>> {
        self.read(move |reader| list(reader, &query)).await
    }
}

pub(crate) fn list(reader: Reader<'_>, query: &OrganizationQuery) -> Result<Listed<Organization>> {
    let (parent, below) = match &query.within {
        Within::Realm => {
            reader.realm()?.allow(reader, P::OrganizationsRead)?;
            (None, None)
        }
        Within::ChildrenOf(parent) => {
            (Some(reader.organization(parent)?.allow(reader, Right::tree(P::OrganizationsList))?.id), None)
        }
        Within::Below(top) => {
            (None, Some(reader.organization(top)?.allow(reader, Right::tree(P::OrganizationsList))?.id))
        }
    };
    let filter = OrganizationFilter {
        parent,
        below,
        within: None,
        levels: query.levels,
        state: query.state,
        shown_only: !reader.acting.surface.shows_root(),
        slug: query.slug.clone(),
        external_id: query.external_id.clone(),
        text: query.text.clone(),
        prefix: query.prefix.clone(),
        anything: query
            .anything
            .as_ref()
            .map(|text| {
                let id = OrganizationRef::Text(text.clone()).find(reader.view, reader.acting.surface);
                id.map(|found| (text.clone(), found.map(|organization| organization.id)))
            })
            .transpose()?,
        ids: query
            .organizations
            .resolve(|reference| Ok(reference.find(reader.view, reader.acting.surface)?.map(|o| o.id)))?,
        members: query
            .members
            .resolve(|user| Ok(user.find(reader.view, reader.acting.surface, reader.acting.user)?.map(|u| u.id)))?,
    };
    let by_count = query.sort == OrganizationSort::Members;
    if by_count && query.page.cursor.is_some() {
        return Err(Error::invalid("cursor", "can't be used with this order"));
    }
    let of = match query.sort {
        OrganizationSort::Created => "created",
        OrganizationSort::Updated => "updated",
        OrganizationSort::Name => "name",
        OrganizationSort::Id => "id",
        OrganizationSort::ExactName => "exact_name",
        OrganizationSort::Status => "status",
        OrganizationSort::Members => "members",
    };
    let items = reader.view.list_organizations(&filter, query.sort, &query.page.slice(of)?)?;
    let total = if query.page.total { Some(reader.view.count_organizations(&filter)?) } else { None };
    let mut listed = query.page.close(of, items, total, mark(query.sort));
    listed.next = listed.next.filter(|_| !by_count);
    Ok(listed)
}
