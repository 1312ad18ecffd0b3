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
use crate::transaction::{Drawing, Reader, Tx};
use crate::users::{UserConditions, UserQuery};

/// A membership with its two sides. In lists the sides are shared.
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

/// A membership to be made.
#[derive(Clone, Debug, Default)]
pub struct NewMembership {
    pub roles: RoleSet,
    /// The organization that the user starts in from now on.
    pub is_default: bool,
    pub public: Metadata,
    pub private: Metadata,
    pub extras: Extras,
    /// What becomes of a pending invitation of this person.
    pub if_invited: IfInvited,
}

/// What becomes of a pending invitation when the person is added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfInvited {
    /// It counts as accepted.
    #[default]
    Accept,
    /// It stays, and the person isn't added: for surfaces on which who is invited is a member already.
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

/// What is to be different; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct MembershipPatch {
    pub roles: Option<RoleSet>,
    pub is_default: Option<bool>,
    pub public: Option<MetadataWrite>,
    pub private: Option<MetadataWrite>,
    pub extras: Option<(Dialect, Metadata)>,
    /// Refused unless it was last changed then.
    pub expected: Option<Timestamp>,
}

/// Which members to list.
#[derive(Clone, Debug, Default)]
pub struct MemberQuery {
    /// Holding at least one of these.
    pub roles: Option<RoleSet>,
    /// Of whose roles one of these is the strongest.
    pub strongest: Option<Vec<RoleNumber>>,
    pub status: Option<UserStatus>,
    /// Exactly, in any case.
    pub email: Option<String>,
    /// Part of a name, user name or address, in any case.
    pub text: Option<String>,
    /// Further conditions on the user.
    pub users: UserConditions,
    pub sort: MemberSort,
    pub page: Page,
}

/// An organization and a user in it, for who may change memberships there, or for the user himself.
pub(crate) fn place_of(
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

/// The membership, or that there is none.
pub(crate) fn of(reader: Reader<'_>, organization: OrganizationId, user: UserId) -> Result<Membership> {
    reader.view.membership(organization, user)?.ok_or(Error::NotFound(Subject::Membership))
}

/// No one gives what he lacks.
pub(crate) fn may_give(place: &Allowed<Organization>, roles: RoleSet) -> Result<()> {
    match place.standing().lacks_of(roles.without(RoleNumber::OWNER)) {
        Some(permission) => Err(Error::Forbidden(permission.into())),
        None => Ok(()),
    }
}

/// The owner's role is given by who may set the owner, and only where there is none.
fn may_give_ownership(reader: Reader<'_>, place: &Allowed<Organization>) -> Result<()> {
    let standing = place.standing();
    if !standing.holds(Right::here(P::OwnershipTransfer)) && !standing.holds(Right::above(P::OwnershipWrite)) {
        return Err(Error::Forbidden(P::OwnershipTransfer.key().into()));
    }
    match reader.view.owner(place.id)? {
        Some(_) => Err(Error::OwnerExists),
        None => Ok(()),
    }
}

/// Whether these are roles of this realm, and at least one.
pub(crate) fn check_roles(reader: Reader<'_>, roles: RoleSet) -> Result<()> {
    check_roles_of(&*reader.roles()?, roles)
}

/// The same, of these roles.
pub(crate) fn check_roles_of(catalog: &RoleCatalog, roles: RoleSet) -> Result<()> {
    if roles.is_empty() {
        return Err(Error::invalid("roles", "must name at least one role"));
    }
    if roles.iter().any(|number| catalog.get(number).is_none()) {
        return Err(Error::reference("roles", Subject::Role));
    }
    Ok(())
}

/// Whether one more may come, member or invited. Pending invitations keep their places; the `freed` ones are closed by this.
pub(crate) fn check_limit(reader: Reader<'_>, organization: &Organization, freed: usize) -> Result<()> {
    if organization.max_members == 0 {
        return Ok(());
    }
    let (members, invited) = places_taken(reader, organization.id)?;
    within_limit(organization, members + invited.saturating_sub(freed as u64))
}

/// How many members an organization has, and how many pending invitations.
pub(crate) fn places_taken(reader: Reader<'_>, organization: OrganizationId) -> Result<(u64, u64)> {
    let filter = MemberFilter { organization: Some(organization), ..MemberFilter::default() };
    let invited = reader.view.invited_of(&[organization], reader.now())?.first().map_or(0, |(_, invited)| *invited);
    Ok((reader.view.count_memberships(&filter)?, invited))
}

/// Whether one more may come where so many places are taken.
pub(crate) fn within_limit(organization: &Organization, taken: u64) -> Result<()> {
    if organization.max_members > 0 && taken >= u64::from(organization.max_members) {
        return Err(Error::LimitReached { limit: organization.max_members });
    }
    Ok(())
}

/// The extras that a membership with these roles can have.
pub(crate) fn bound_to(roles: RoleSet, extras: &Extras) -> Extras {
    let mut extras = extras.clone();
    extras.keep_while(roles);
    extras
}

/// For each of the permissions without which nobody can manage an organization's members, the roles that grant it.
pub(crate) fn managing(catalog: &RoleCatalog) -> [RoleSet; 3] {
    [P::MembershipsWrite, P::MembershipsRead, P::OrganizationsDelete].map(|needed| catalog.granting(needed.key()))
}

/// If the caller asked for it: somebody who can manage the members stays. `after`: what the member holds then.
fn keep_an_admin(reader: Reader<'_>, before: &Membership, after: RoleSet) -> Result<()> {
    if !reader.acting.asks.keep_an_admin {
        return Ok(());
    }
    let each = managing(&*reader.roles()?);
    let manages = |roles: RoleSet| each.iter().all(|granting| granting.meets(roles));
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
    check_roles(tx.read(), new.roles)?;
    not_yet(tx.read(), place, user)?;
    if new.if_invited == IfInvited::Refuse {
        let now = tx.now();
        let mut pending = invitations::pending_of(tx.read(), place.id, user)?;
        pending.retain(|invitation| invitation.status_at(now) == InvitationStatus::Pending);
        if let Some(invited) = pending.first() {
            let id = Some(invited.membership_id().raw());
            return Err(Error::AlreadyExists { subject: Subject::Membership, field: "user", id });
        }
    }
    may_give(place, new.roles)?;
    if new.roles.contains(RoleNumber::OWNER) {
        may_give_ownership(tx.read(), place)?;
    }
    add_invited(tx, place, user, new)
}

fn not_yet(reader: Reader<'_>, place: &Allowed<Organization>, user: &User) -> Result<()> {
    match reader.view.membership(place.id, user.id)? {
        Some(existing) => {
            let id = Some(existing.id.raw());
            Err(Error::AlreadyExists { subject: Subject::Membership, field: "user", id })
        }
        None => Ok(()),
    }
}

/// The same without the question who may give these roles: that was decided when the invitation was sent.
pub(crate) fn add_invited(
    tx: &mut Tx<'_, '_>,
    place: &Allowed<Organization>,
    user: &User,
    new: &NewMembership,
) -> Result<Membership> {
    let reader = tx.read();
    check_roles(reader, new.roles)?;
    not_yet(reader, place, user)?;
    if !place.admits(user.email()) {
        return Err(Error::DomainNotAllowed);
    }
    let closed = invitations::pending_of(reader, place.id, user)?;
    check_limit(reader, place, closed.iter().filter(|i| i.expires > reader.now()).count())?;
    // The person is called what was kept for him.
    let kept = closed.iter().find(|i| i.expires > reader.now()).map(Invitation::membership_id);
    let mut membership = build(tx.drawing(), place.id, user.id, new)?;
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

/// A membership as it will be, by itself: whether it may be is another question.
pub(crate) fn build(
    drawing: Drawing<'_>,
    organization: OrganizationId,
    user: UserId,
    new: &NewMembership,
) -> Result<Membership> {
    metadata::check(&new.public).of("public_metadata")?;
    metadata::check(&new.private).of("private_metadata")?;
    Ok(Membership {
        id: drawing.draw(),
        organization,
        user,
        roles: new.roles,
        is_default: new.is_default,
        created_by: None,
        created: drawing.now,
        updated: drawing.now,
        public: new.public.clone(),
        private: new.private.clone(),
        extras: bound_to(new.roles, &new.extras),
    })
}

/// Takes the flag from the membership that has it.
fn clear_default(tx: &mut Tx<'_, '_>, proof: &impl Proof, user: UserId) -> Result<()> {
    let filter = MemberFilter { user: Some(user), ..MemberFilter::default() };
    let memberships = tx.read().view.list_memberships(&filter, MemberSort::Created, &Slice::default())?;
    for before in memberships.into_iter().filter(|m| m.is_default) {
        let updated = tx.now().not_before(before.updated);
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
    let updated = tx.now().not_before(before.updated);
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
        match ownership::may_change(before.roles, roles) {
            Err(OwnershipProblem::Taken) => return Err(Error::OwnerProtected),
            Err(OwnershipProblem::Given) => may_give_ownership(tx.read(), place)?,
            Ok(()) => {}
        }
        keep_an_admin(tx.read(), before, roles)?;
        may_give(place, RoleSet::from_bits(roles.bits() & !before.roles.bits()))?;
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
    after.extras.keep_while(after.roles);
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
    after.updated = tx.now().not_before(before.updated);
    let change = Change::MembershipUpdated { before: Box::new(before.clone()), after: Box::new(after.clone()) };
    tx.change(place, &change)?;
    Ok(after)
}

/// Changes the role as a vendor with a closed set writes it: what it shows already stays as it is.
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
    keep_an_admin(tx.read(), before, RoleSet::EMPTY)?;
    tx.change(place, &Change::MembershipRemoved { before: Box::new(before.clone()) })?;
    if before.is_default { start_in_oldest(tx, place, before.user) } else { Ok(()) }
}

/// For a user whose default membership ended: he starts in the oldest of what he has left; best where all surfaces show that he does.
pub(crate) fn start_in_oldest(tx: &mut Tx<'_, '_>, place: &Allowed<Organization>, user: UserId) -> Result<()> {
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
        let updated = tx.now().not_before(before.updated);
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

/// Puts both sides to memberships.
pub(crate) fn with_sides(reader: Reader<'_>, memberships: Vec<Arc<Membership>>) -> Result<Vec<Member>> {
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
                return Err(Error::Internal(format!("{:?} lacks one of its sides", membership.id)));
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
    let members = with_sides(reader, memberships)?;
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
        self.write_naming(names([&organization], [&user]), move |tx| {
            let place = tx.read().organization(&organization)?.allow(tx.read(), Right::tree(P::MembershipsWrite))?;
            let user = tx.read().named(&user)?.named_by(&place);
            let membership = add(tx, &place, &user, &new)?;
            Ok(Member::of(membership, user, place.into_inner()))
        })
        .await
    }

    /// One's own, or for who may list the members.
    pub async fn member(&self, organization: impl Into<OrganizationRef>, user: impl Into<UserRef>) -> Result<Member> {
        let (organization, user) = (organization.into(), user.into());
        self.read_graph(move |reader| {
            let place = reader.organization(&organization)?.allow_listing(reader).or_else(|error| {
                // A member sees his own row even where he may see no other.
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
            let membership = of(reader, place.id, user.id)?;
            Ok(Member::of(membership, user, place.into_inner()))
        })
        .await
    }

    /// By its own id; for who may see it by its organization and user.
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

    /// Sets the role as a vendor with a closed set of roles writes it. Rights as for [`Self::update_member`].
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

    /// Needs `memberships:write` there or above. The owner's can't be removed. Returns it as it was.
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
        self.write_naming(names([&organization], [&user]), move |tx| {
            let place = tx.read().organization(&organization)?.allow(tx.read(), Right::tree(P::MembershipsWrite))?;
            let user = tx.read().named(&user)?.named_by(&place);
            let before = of(tx.read(), place.id, user.id)?;
            let membership = change(tx, &place, &before)?;
            Ok(Member::of(membership, user, place.into_inner()))
        })
        .await
    }

    /// Who may is said by the organization's visibility; `memberships:write` there or above always may.
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

    /// Where a user belongs. Oneself, or `users:read` at the root.
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
