//! Memberships: who belongs where, with which roles.

use std::sync::Arc;

use roster_model::ownership::OwnershipProblem;
use roster_model::permission::BuiltIn as P;
use roster_model::{
    Change, Dialect, EntityId as _, Extras, Invitation, InvitationStatus, Membership, MembershipId, Metadata,
    Organization, OrganizationId, Right, RoleCatalog, RoleNumber, RoleSet, Timestamp, User, UserId, UserStatus,
    metadata, ownership, text,
};
use roster_store::list::{Key, Mark, Slice};
use roster_store::{MemberFilter, MemberSort};
use serde::{Deserialize, Serialize};

use crate::access::{Allowed, Proof};
use crate::actor::Caller;
use crate::error::{Error, OfField as _, Result, Subject};
use crate::invitations;
use crate::paging::{Listed, Page};
use crate::reference::{OrganizationRef, UserRef, names};
use crate::role_map::RoleMap;
use crate::transaction::{Creation, Reader, Tx};
use crate::users::{UserConditions, UserQuery};

/// A membership with its user and organization. In lists, these are shared between the items.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    pub membership: Arc<Membership>,
    pub user: Arc<User>,
    pub organization: Arc<Organization>,
}

impl Member {
    pub(crate) fn of(membership: Membership, user: User, organization: Organization) -> Self {
        Self { membership: Arc::new(membership), user: Arc::new(user), organization: Arc::new(organization) }
    }
}

/// A membership to be created.
#[derive(Clone, Debug, Default)]
pub struct NewMembership {
    pub roles: RoleSet,
    /// Whether the user starts in this organization from now on.
    pub is_default: bool,
    pub public: Metadata,
    pub private: Metadata,
    pub extras: Extras,
    /// What happens to a pending invitation of this person.
    pub if_invited: IfInvited,
}

/// What happens to a pending invitation when the person is added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfInvited {
    /// It counts as accepted.
    #[default]
    Accept,
    /// It is kept, and the person isn't added: for surfaces on which an invited person already is a member.
    Refuse,
}

/// How metadata is written.
#[derive(Clone, Debug)]
pub enum MetadataWrite {
    Replace(Metadata),
    /// As RFC 7396 does.
    Merge(Metadata),
}

impl MetadataWrite {
    pub(crate) fn apply(&self, to: &mut Metadata, field: &'static str) -> Result<()> {
        match self {
            Self::Replace(new) => to.clone_from(new),
            Self::Merge(patch) => metadata::merge(to, patch),
        }
        metadata::check(to).of(field)
    }
}

/// Changes of a membership; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct MembershipPatch {
    pub roles: Option<RoleSet>,
    pub is_default: Option<bool>,
    pub public: Option<MetadataWrite>,
    pub private: Option<MetadataWrite>,
    pub extras: Option<(Dialect, Metadata)>,
    /// If set, refused unless the record's `updated` is this.
    pub expected: Option<Timestamp>,
}

/// Which members to list.
#[derive(Clone, Debug, Default)]
pub struct MemberQuery {
    /// Members who hold at least one of these roles.
    pub roles: Option<RoleSet>,
    /// Members whose strongest role is one of these.
    pub strongest: Option<Vec<RoleNumber>>,
    pub status: Option<UserStatus>,
    /// The exact address, case-insensitive.
    pub email: Option<String>,
    /// Part of a name, user name or address, case-insensitive.
    pub text: Option<String>,
    /// Further conditions on the user.
    pub users: UserConditions,
    pub sort: MemberSort,
    pub page: Page,
}

/// An organization and a user in it, for that user, or a caller who may change memberships there.
pub(crate) fn resolve_membership(
    reader: Reader<'_>,
    organization: &OrganizationRef,
    user: &UserRef,
) -> Result<(Allowed<Organization>, User)> {
    let found = reader.organization(organization)?;
    let own = match (user.find(reader.view, reader.acting.surface, reader.acting.user)?, reader.acting.user) {
        (Some(user), Some(me)) => user.id == me && reader.acting.only.is_none(),
        _ => false,
    };
    let permission = if own { P::OrganizationsRead } else { P::MembershipsWrite };
    let place = found.allow(reader, Right::tree(permission))?;
    let user = reader.user(user)?.named_by(&place);
    Ok((place, user))
}

/// The membership, or `NotFound`.
pub(crate) fn find_membership(reader: Reader<'_>, organization: OrganizationId, user: UserId) -> Result<Membership> {
    reader.view.membership(organization, user)?.ok_or(Error::NotFound(Subject::Membership))
}

/// Checks that the caller holds every permission of these roles: nobody may grant a permission they lack. Ownership is
/// checked separately.
pub(crate) fn check_may_grant(place: &Allowed<Organization>, roles: RoleSet) -> Result<()> {
    match place.standing().missing_for_roles(roles.without(RoleNumber::OWNER)) {
        Some(permission) => Err(Error::Forbidden(permission.into())),
        None => Ok(()),
    }
}

/// Checks that the caller may make someone the owner, and that there is none yet.
fn check_may_grant_ownership(reader: Reader<'_>, place: &Allowed<Organization>) -> Result<()> {
    let standing = place.standing();
    if !standing.holds(Right::here(P::OwnershipTransfer)) && !standing.holds(Right::above(P::OwnershipWrite)) {
        return Err(Error::Forbidden(P::OwnershipTransfer.key().into()));
    }
    match reader.view.owner(place.id)? {
        Some(_) => Err(Error::OwnerExists),
        None => Ok(()),
    }
}

/// Checks that these are roles of this realm, and at least one.
pub(crate) fn check_roles(reader: Reader<'_>, roles: RoleSet) -> Result<()> {
    check_roles_of(&*reader.roles()?, roles)
}

/// The same, with this catalog.
pub(crate) fn check_roles_of(catalog: &RoleCatalog, roles: RoleSet) -> Result<()> {
    if roles.is_empty() {
        return Err(Error::invalid("roles", "must name at least one role"));
    }
    if roles.iter().any(|number| catalog.get(number).is_none()) {
        return Err(Error::reference("roles", Subject::Role));
    }
    Ok(())
}

/// Checks that the limit of members allows one more, member or invited. Pending invitations count. `freed`: how many seats the operation itself
/// frees, by closing pending invitations or removing members.
pub(crate) fn check_limit(reader: Reader<'_>, organization: &Organization, freed: usize) -> Result<()> {
    if organization.max_members == 0 {
        return Ok(());
    }
    let (members, invited) = count_seats(reader, organization.id)?;
    within_limit(organization, (members + invited).saturating_sub(freed as u64))
}

/// How many members an organization has, and how many pending invitations.
pub(crate) fn count_seats(reader: Reader<'_>, organization: OrganizationId) -> Result<(u64, u64)> {
    let filter = MemberFilter { organization: Some(organization), ..MemberFilter::default() };
    let invited = reader.view.invited_of(&[organization], reader.now())?.first().map_or(0, |(_, invited)| *invited);
    Ok((reader.view.count_memberships(&filter)?, invited))
}

/// Checks that the limit of members allows one more when this many seats are taken.
pub(crate) fn within_limit(organization: &Organization, taken: u64) -> Result<()> {
    if organization.max_members > 0 && taken >= u64::from(organization.max_members) {
        return Err(Error::LimitReached { limit: organization.max_members });
    }
    Ok(())
}

/// The extras without the entries that are bound to other roles than these.
pub(crate) fn extras_for_roles(roles: RoleSet, extras: &Extras) -> Extras {
    let mut extras = extras.clone();
    extras.retain_for_roles(roles);
    extras
}

/// For each permission that is needed to manage an organization's members, the roles that grant it.
pub(crate) fn managing_roles(catalog: &RoleCatalog) -> [RoleSet; 3] {
    [P::MembershipsWrite, P::MembershipsRead, P::OrganizationsDelete].map(|needed| catalog.granting(needed.key()))
}

/// If the caller asked for it, checks that somebody who can manage the members remains. `after`: the member's roles after the change.
fn check_last_admin(reader: Reader<'_>, before: &Membership, after: RoleSet) -> Result<()> {
    if !reader.acting.options.protect_last_admin {
        return Ok(());
    }
    let each = managing_roles(&*reader.roles()?);
    let manages = |roles: RoleSet| each.iter().all(|granting| granting.intersects(roles));
    let ends = manages(before.roles) && !manages(after);
    if ends && !reader.view.another_holds(before.organization, before.id, &each)? {
        return Err(Error::LastAdmin);
    }
    Ok(())
}

pub(crate) fn add(
    tx: &mut Tx<'_, '_>,
    place: &Allowed<Organization>,
    user: &User,
    new: &NewMembership,
) -> Result<Membership> {
    add_replacing(tx, place, user, new, 0)
}

/// As [`add`], in an operation that will then remove this many other members: their seats count as free. They are removed last, so that
/// whoever replaces the last admin is there already.
pub(crate) fn add_replacing(
    tx: &mut Tx<'_, '_>,
    place: &Allowed<Organization>,
    user: &User,
    new: &NewMembership,
    leaving: usize,
) -> Result<Membership> {
    check_roles(tx.read(), new.roles)?;
    check_not_member(tx.read(), place, user)?;
    if new.if_invited == IfInvited::Refuse {
        let now = tx.now();
        let mut pending = invitations::pending_of(tx.read(), place.id, user)?;
        pending.retain(|invitation| invitation.status_at(now) == InvitationStatus::Pending);
        if let Some(invited) = pending.first() {
            return Err(already_invited(invited));
        }
    }
    check_may_grant(place, new.roles)?;
    if new.roles.contains(RoleNumber::OWNER) {
        check_may_grant_ownership(tx.read(), place)?;
    }
    insert(tx, place, user, new, leaving)
}

fn already_invited(invited: &Invitation) -> Error {
    let id = Some(invited.membership_id().raw());
    Error::AlreadyExists { subject: Subject::Membership, field: "user", id }
}

/// The user who is to be added. An invited person who isn't a user yet is known by the id that the invitation reserves, and is
/// refused as [`IfInvited::Refuse`] says.
fn user_to_add(reader: Reader<'_>, place: &Allowed<Organization>, user: &UserRef, new: &NewMembership) -> Result<User> {
    let missing = match reader.named(user) {
        Err(error @ Error::NotFound(_)) if new.if_invited == IfInvited::Refuse => error,
        found => return Ok(found?.named_by(place)),
    };
    let Some(id) = user.direct_id(reader.acting.user) else { return Err(missing) };
    let pending = invitations::all_pending(reader, place.id)?;
    let Some(invited) = pending.iter().find(|invitation| invitation.user_id() == id) else { return Err(missing) };
    check_roles(reader, new.roles)?;
    Err(already_invited(invited))
}

fn check_not_member(reader: Reader<'_>, place: &Allowed<Organization>, user: &User) -> Result<()> {
    match reader.view.membership(place.id, user.id)? {
        Some(existing) => {
            let id = Some(existing.id.raw());
            Err(Error::AlreadyExists { subject: Subject::Membership, field: "user", id })
        }
        None => Ok(()),
    }
}

/// As [`add`], without checking who may give these roles: that was checked when the invitation was sent.
pub(crate) fn add_invited(
    tx: &mut Tx<'_, '_>,
    place: &Allowed<Organization>,
    user: &User,
    invitation: &Invitation,
) -> Result<Membership> {
    let new = NewMembership {
        roles: invitation.roles,
        public: invitation.public.clone(),
        private: invitation.private.clone(),
        extras: invitation.extras.clone(),
        ..NewMembership::default()
    };
    insert(tx, place, user, &new, 0)
}

/// `leaving`: how many other members the operation will remove.
fn insert(
    tx: &mut Tx<'_, '_>,
    place: &Allowed<Organization>,
    user: &User,
    new: &NewMembership,
    leaving: usize,
) -> Result<Membership> {
    let reader = tx.read();
    check_roles(reader, new.roles)?;
    check_not_member(reader, place, user)?;
    if !place.admits(user.email()) {
        return Err(Error::DomainNotAllowed);
    }
    let closed = invitations::pending_of(reader, place.id, user)?;
    let closing = closed.iter().filter(|i| i.expires > reader.now()).count();
    check_limit(reader, place, closing + leaving)?;
    // The membership gets the id that the invitation reserved.
    let kept = closed.iter().find(|i| i.expires > reader.now()).map(Invitation::membership_id);
    let mut membership = build(tx.creation(), place.id, user.id, new)?;
    membership.created_by = tx.author();
    if let Some(kept) = kept {
        membership.id = kept;
    }
    invitations::close(tx, place, closed)?;
    if new.is_default {
        clear_default(tx, place, user.id)?;
    }
    tx.change(place, &Change::MembershipAdded { after: Box::new(membership.clone()) })?;
    Ok(membership)
}

/// Builds and validates a membership on its own, without any check against the rest of the realm.
pub(crate) fn build(
    creation: Creation<'_>,
    organization: OrganizationId,
    user: UserId,
    new: &NewMembership,
) -> Result<Membership> {
    metadata::check(&new.public).of("public_metadata")?;
    metadata::check(&new.private).of("private_metadata")?;
    Ok(Membership {
        id: creation.new_id(),
        organization,
        user,
        roles: new.roles,
        is_default: new.is_default,
        created_by: None,
        created: creation.now,
        updated: creation.now,
        public: new.public.clone(),
        private: new.private.clone(),
        extras: extras_for_roles(new.roles, &new.extras),
    })
}

/// Clears `is_default` of the user's memberships.
fn clear_default(tx: &mut Tx<'_, '_>, proof: &impl Proof, user: UserId) -> Result<()> {
    let filter = MemberFilter { user: Some(user), ..MemberFilter::default() };
    let memberships = tx.read().view.list_memberships(&filter, MemberSort::Created, &Slice::default())?;
    for before in memberships.into_iter().filter(|m| m.is_default) {
        let updated = tx.now().advanced_past(before.updated);
        let after = Membership { is_default: false, updated, ..before.clone() };
        tx.change(proof, &Change::MembershipUpdated { before: Box::new(before), after: Box::new(after) })?;
    }
    Ok(())
}

pub(crate) fn set_default(
    tx: &mut Tx<'_, '_>,
    place: &Allowed<Organization>,
    before: &Membership,
) -> Result<Membership> {
    if before.is_default {
        return Ok(before.clone());
    }
    clear_default(tx, place, before.user)?;
    let updated = tx.now().advanced_past(before.updated);
    let after = Membership { is_default: true, updated, ..before.clone() };
    let change = Change::MembershipUpdated { before: Box::new(before.clone()), after: Box::new(after.clone()) };
    tx.change(place, &change)?;
    Ok(after)
}

pub(crate) fn update(
    tx: &mut Tx<'_, '_>,
    place: &Allowed<Organization>,
    before: &Membership,
    patch: &MembershipPatch,
) -> Result<Membership> {
    if patch.expected.is_some_and(|expected| expected != before.updated) {
        return Err(Error::PreconditionFailed);
    }
    let mut after = before.clone();
    if let Some(roles) = patch.roles {
        check_roles(tx.read(), roles)?;
        match ownership::check_role_change(before.roles, roles) {
            Err(OwnershipProblem::Taken) => return Err(Error::OwnerProtected),
            Err(OwnershipProblem::Given) => check_may_grant_ownership(tx.read(), place)?,
            Ok(()) => {}
        }
        check_last_admin(tx.read(), before, roles)?;
        check_may_grant(place, RoleSet::from_bits(roles.bits() & !before.roles.bits()))?;
        after.roles = roles;
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
    after.extras.retain_for_roles(after.roles);
    match patch.is_default {
        Some(true) if !before.is_default => {
            clear_default(tx, place, before.user)?;
            after.is_default = true;
        }
        Some(false) => after.is_default = false,
        _ => {}
    }
    if after == *before {
        return Ok(after);
    }
    after.updated = tx.now().advanced_past(before.updated);
    let change = Change::MembershipUpdated { before: Box::new(before.clone()), after: Box::new(after.clone()) };
    tx.change(place, &change)?;
    Ok(after)
}

/// Sets the role from a vendor's fixed set of roles. Nothing changes if the membership is already shown with it.
pub(crate) fn set_shown<M: RoleMap>(
    tx: &mut Tx<'_, '_>,
    place: &Allowed<Organization>,
    before: &Membership,
    shown: M::Shown,
) -> Result<Membership> {
    let Some(roles) = M::write(&*tx.read().roles()?, before.roles, shown) else { return Ok(before.clone()) };
    update(tx, place, before, &MembershipPatch { roles: Some(roles), ..MembershipPatch::default() })
}

pub(crate) fn remove(tx: &mut Tx<'_, '_>, place: &Allowed<Organization>, before: &Membership) -> Result<()> {
    if before.roles.contains(RoleNumber::OWNER) {
        return Err(Error::OwnerProtected);
    }
    check_last_admin(tx.read(), before, RoleSet::EMPTY)?;
    tx.change(place, &Change::MembershipRemoved { before: Box::new(before.clone()) })?;
    if before.is_default { default_to_oldest(tx, place, before.user) } else { Ok(()) }
}

/// Gives a user whose default membership ended a new one: the oldest of those left, preferably in an organization that all surfaces show.
pub(crate) fn default_to_oldest(tx: &mut Tx<'_, '_>, place: &Allowed<Organization>, user: UserId) -> Result<()> {
    let oldest = |shown_only| {
        let filter = MemberFilter { user: Some(user), shown_only, ..MemberFilter::default() };
        let one = Slice { limit: Some(1), ..Slice::default() };
        Ok::<_, Error>(tx.read().view.list_memberships(&filter, MemberSort::Created, &one)?.pop())
    };
    let found = match oldest(true)? {
        None => oldest(false)?,
        shown => shown,
    };
    if let Some(before) = found {
        let updated = tx.now().advanced_past(before.updated);
        let after = Membership { is_default: true, updated, ..before.clone() };
        tx.change(place, &Change::MembershipUpdated { before: Box::new(before), after: Box::new(after) })?;
    }
    Ok(())
}

pub(crate) fn mark(sort: MemberSort, descending: bool) -> impl Fn(&Member) -> Mark {
    move |m| {
        let key = match sort {
            MemberSort::Created => Key::None,
            MemberSort::Joined => Key::Int(m.membership.created.as_ms()),
            MemberSort::Updated => Key::Int(m.membership.updated.as_ms()),
            MemberSort::Name => Key::Text(text::fold(&m.user.name)),
            MemberSort::Email => Key::Text(m.user.email().unwrap_or_default().to_owned()),
            MemberSort::ShownEmail => Key::Text(m.user.email_or_placeholder().into_owned()),
            MemberSort::Part(part) => Key::Text(part.key(&m.user, descending)),
        };
        Mark { key, id: m.membership.id.raw() }
    }
}

const fn list_name(sort: MemberSort) -> &'static str {
    match sort {
        MemberSort::Created => "created",
        MemberSort::Joined => "joined",
        MemberSort::Updated => "updated",
        MemberSort::Name => "name",
        MemberSort::Email => "email",
        MemberSort::ShownEmail => "shown_email",
        MemberSort::Part(part) => part.word(),
    }
}

impl MemberQuery {
    fn filter(
        &self,
        reader: Reader<'_>,
        organization: Option<OrganizationId>,
        user: Option<UserId>,
    ) -> Result<MemberFilter> {
        let users = UserQuery {
            status: self.status,
            email: self.email.clone(),
            text: self.text.clone(),
            more: self.users.clone(),
            ..UserQuery::default()
        };
        let shown_only = !reader.acting.surface.shows_root();
        let shown = match &self.strongest {
            Some(roles) => {
                let catalog = reader.roles()?;
                Some(roles.iter().map(|role| (RoleSet::of(*role), catalog.stronger_than(*role))).collect())
            }
            None => None,
        };
        let users = users.filter(reader)?;
        Ok(MemberFilter { organization, user, roles: self.roles, shown, users, shown_only })
    }
}

/// Adds user and organization to memberships.
pub(crate) fn with_user_and_organization(reader: Reader<'_>, memberships: Vec<Arc<Membership>>) -> Result<Vec<Member>> {
    let mut users: Vec<UserId> = memberships.iter().map(|m| m.user).collect();
    users.sort_unstable();
    users.dedup();
    let mut organizations: Vec<OrganizationId> = memberships.iter().map(|m| m.organization).collect();
    organizations.sort_unstable();
    organizations.dedup();
    let users = reader.view.shared_users(&users)?;
    let organizations = reader.view.shared_organizations(&organizations)?;
    memberships
        .into_iter()
        .map(|membership| {
            let user = users.binary_search_by_key(&membership.user, |user| user.id);
            let organization = organizations.binary_search_by_key(&membership.organization, |one| one.id);
            let (Ok(user), Ok(organization)) = (user, organization) else {
                return Err(Error::Internal(format!("{:?} lacks its user or organization", membership.id)));
            };
            let (user, organization) = (Arc::clone(&users[user]), Arc::clone(&organizations[organization]));
            Ok(Member { membership, user, organization })
        })
        .collect()
}

fn list(
    reader: Reader<'_>,
    query: &MemberQuery,
    organization: Option<OrganizationId>,
    user: Option<UserId>,
) -> Result<Listed<Member>> {
    let of = list_name(query.sort);
    let filter = query.filter(reader, organization, user)?;
    let memberships = reader.view.shared_memberships(&filter, query.sort, &query.page.slice(of)?)?;
    let total = if query.page.total { Some(reader.view.count_memberships(&filter)?) } else { None };
    let members = with_user_and_organization(reader, memberships)?;
    Ok(query.page.close(of, members, total, mark(query.sort, query.page.descending)))
}

impl Caller {
    /// Needs `memberships:write` there or above, and every permission of the roles given.
    pub async fn add_member(
        &self,
        organization: impl Into<OrganizationRef>,
        user: impl Into<UserRef>,
        new: NewMembership,
    ) -> Result<Member> {
        let (organization, user) = (organization.into(), user.into());
        self.write_prefetching(names([&organization], [&user]), move |tx| {
            let place = tx.read().organization(&organization)?.allow(tx.read(), Right::tree(P::MembershipsWrite))?;
            let user = user_to_add(tx.read(), &place, &user, &new)?;
            let membership = add(tx, &place, &user, &new)?;
            Ok(Member::of(membership, user, place.into_inner()))
        })
        .await
    }

    /// One's own membership, or with the right to list the members.
    pub async fn member(&self, organization: impl Into<OrganizationRef>, user: impl Into<UserRef>) -> Result<Member> {
        let (organization, user) = (organization.into(), user.into());
        self.read_graph(move |reader| {
            let place = reader.organization(&organization)?.allow_listing(reader).or_else(|error| {
                // Members may read their own membership even if they may not list the others.
                let (Some(me), Ok(found)) = (reader.acting.user, reader.organization(&organization)) else {
                    return Err(error);
                };
                if reader.view.membership(found.id(), me)?.is_some()
                    && user.find(reader.view, reader.acting.surface, Some(me))?.is_some_and(|user| user.id == me)
                {
                    found.allow(reader, Right::tree(P::OrganizationsRead))
                } else {
                    Err(error)
                }
            })?;
            let user = reader.user(&user)?.named_by(&place);
            let membership = find_membership(reader, place.id, user.id)?;
            Ok(Member::of(membership, user, place.into_inner()))
        })
        .await
    }

    /// By its own id. Rights as for [`Self::member`].
    pub async fn membership(&self, id: MembershipId) -> Result<Member> {
        let unknown = || Error::NotFound(Subject::Membership);
        let membership = self
            .read_graph(move |reader| {
                reader.view.membership_by_id(id)?.ok_or_else(unknown).map(|m| (m.organization, m.user))
            })
            .await?;
        self.member(membership.0, membership.1).await.map_err(|error| match error {
            Error::NotFound(_) => unknown(),
            other => other,
        })
    }

    /// Needs `memberships:write` there or above, and every permission of the roles newly given.
    pub async fn update_member(
        &self,
        organization: impl Into<OrganizationRef>,
        user: impl Into<UserRef>,
        patch: MembershipPatch,
    ) -> Result<Member> {
        self.with_member(organization.into(), user.into(), move |tx, place, before| update(tx, place, before, &patch))
            .await
    }

    /// Sets the role from a vendor's fixed set of roles. Rights as for [`Self::update_member`].
    pub async fn set_shown_role<M: RoleMap>(
        &self,
        organization: impl Into<OrganizationRef>,
        user: impl Into<UserRef>,
        shown: M::Shown,
    ) -> Result<Member> {
        self.with_member(organization.into(), user.into(), move |tx, place, before| {
            set_shown::<M>(tx, place, before, shown)
        })
        .await
    }

    /// Needs `memberships:write` there or above. The owner's membership can't be removed. Returns the removed membership.
    pub async fn remove_member(
        &self,
        organization: impl Into<OrganizationRef>,
        user: impl Into<UserRef>,
        expected: Option<Timestamp>,
    ) -> Result<Member> {
        self.with_member(organization.into(), user.into(), move |tx, place, before| {
            if expected.is_some_and(|expected| expected != before.updated) {
                return Err(Error::PreconditionFailed);
            }
            remove(tx, place, before)?;
            Ok(before.clone())
        })
        .await
    }

    async fn with_member(
        &self,
        organization: OrganizationRef,
        user: UserRef,
        change: impl FnOnce(&mut Tx<'_, '_>, &Allowed<Organization>, &Membership) -> Result<Membership>
        + Clone
        + Send
        + 'static,
    ) -> Result<Member> {
        self.write_prefetching(names([&organization], [&user]), move |tx| {
            let place = tx.read().organization(&organization)?.allow(tx.read(), Right::tree(P::MembershipsWrite))?;
            let user = tx.read().named(&user)?.named_by(&place);
            let before = find_membership(tx.read(), place.id, user.id)?;
            let membership = change(tx, &place, &before)?;
            Ok(Member::of(membership, user, place.into_inner()))
        })
        .await
    }

    /// The organization's visibility determines who may; with `memberships:write` there or above one always may.
    pub async fn list_members(
        &self,
        organization: impl Into<OrganizationRef>,
        query: MemberQuery,
    ) -> Result<Listed<Member>> {
        let organization = organization.into();
        self.read_graph(move |reader| {
            let place = reader.organization(&organization)?.allow_listing(reader)?;
            list(reader, &query, Some(place.id), None)
        })
        .await
    }

    /// All memberships of the realm. Needs `users:read` at the root.
    pub async fn list_all_members(&self, query: MemberQuery) -> Result<Listed<Member>> {
        self.read_graph(move |reader| {
            reader.realm()?.allow(reader, P::UsersRead)?;
            list(reader, &query, None, None)
        })
        .await
    }

    /// The memberships of a user. For the user's own, or with `users:read` at the root.
    pub async fn list_memberships_of(&self, user: impl Into<UserRef>, query: MemberQuery) -> Result<Listed<Member>> {
        let user = user.into();
        self.read_graph(move |reader| {
            let user = reader.user(&user)?.allow_self_or(reader, P::UsersRead)?;
            let only = reader.acting.only_of(user.id).map(|only| only.organization);
            list(reader, &query, only, Some(user.id))
        })
        .await
    }
}
