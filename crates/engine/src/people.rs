//! An organization's people: members and pending invitations as one list, for surfaces on which both are members. An invited person is
//! identified by the id that the membership will have.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use roster_model::permission::BuiltIn as P;
use roster_model::{
    Change, Dialect, EntityId as _, Extras, Invitation, InvitationStatus, Membership, MembershipId, Metadata,
    Organization, OrganizationId, Right, RoleCatalog, RoleNumber, RoleSet, Timestamp, User, UserId, text,
};
use roster_store::list::Slice;
use roster_store::{MemberFilter, MemberSort, UserFilter};
use serde::{Deserialize, Serialize};

use crate::access::Allowed;
use crate::actor::Caller;
use crate::error::{Error, Result, Subject};
use crate::invitations;
use crate::memberships::{
    self, Member, MembershipPatch, check_may_grant, check_roles, extras_for_roles, with_user_and_organization,
};
use crate::paging::{Listed, Page};
use crate::reference::OrganizationRef;
use crate::transaction::{Reader, Tx};

/// A member or an invited person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Person {
    Member(Box<Member>),
    Pending(Box<Pending>),
}

/// An invited person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    pub invitation: Invitation,
    /// The user with this address, if there is one.
    pub user: Option<User>,
}

impl Person {
    pub fn id(&self) -> MembershipId {
        match self {
            Self::Member(member) => member.membership.id,
            Self::Pending(pending) => pending.invitation.membership_id(),
        }
    }

    /// The user's id, or the id reserved for the invited person.
    pub fn user_id(&self) -> UserId {
        match self {
            Self::Member(member) => member.user.id,
            Self::Pending(pending) => pending.user.as_ref().map_or(pending.invitation.user_id(), |user| user.id),
        }
    }

    pub fn user(&self) -> Option<&User> {
        match self {
            Self::Member(member) => Some(&member.user),
            Self::Pending(pending) => pending.user.as_ref(),
        }
    }

    /// The e-mail address, or the placeholder for a user without one.
    pub fn email(&self) -> Cow<'_, str> {
        match self {
            Self::Member(member) => member.user.email_or_placeholder(),
            Self::Pending(pending) => Cow::Borrowed(&pending.invitation.email),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Member(member) => &member.user.name,
            Self::Pending(pending) => {
                pending.user.as_ref().map_or(pending.invitation.name.as_str(), |user| user.name.as_str())
            }
        }
    }

    pub fn roles(&self) -> RoleSet {
        match self {
            Self::Member(member) => member.membership.roles,
            Self::Pending(pending) => pending.invitation.roles,
        }
    }

    pub fn extras(&self) -> &Extras {
        match self {
            Self::Member(member) => &member.membership.extras,
            Self::Pending(pending) => &pending.invitation.extras,
        }
    }

    /// When the person became a member, or was invited.
    pub fn since(&self) -> Timestamp {
        match self {
            Self::Member(member) => member.membership.created,
            Self::Pending(pending) => pending.invitation.created,
        }
    }

    pub const fn is_member(&self) -> bool {
        matches!(self, Self::Member(_))
    }
}

/// The order of people. Equal ones are ordered by id, that is, by creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeopleSort {
    #[default]
    Created,
    /// Members first, then invited persons.
    Status,
    Name,
    Email,
    /// By the time of becoming a member, or of being invited.
    Since,
}

impl PeopleSort {
    const fn of_members(self) -> MemberSort {
        match self {
            Self::Created | Self::Status => MemberSort::Created,
            Self::Name => MemberSort::Name,
            Self::Email => MemberSort::ShownEmail,
            Self::Since => MemberSort::Joined,
        }
    }

    /// As the store orders members.
    fn compare(self, a: &Person, b: &Person) -> Ordering {
        let first = match self {
            Self::Created => Ordering::Equal,
            Self::Status => b.is_member().cmp(&a.is_member()),
            Self::Name => text::fold(a.name()).cmp(&text::fold(b.name())),
            Self::Email => a.email().cmp(&b.email()),
            Self::Since => a.since().cmp(&b.since()),
        };
        first.then(a.id().raw().cmp(&b.id().raw()))
    }
}

/// A filter for people.
#[derive(Clone)]
pub struct PersonPredicate(pub Arc<dyn Fn(&Person) -> bool + Send + Sync>);

impl std::fmt::Debug for PersonPredicate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonPredicate(…)")
    }
}

/// Which of an organization's people to list. The page's cursor is ignored.
#[derive(Clone, Debug, Default)]
pub struct PeopleQuery {
    /// People who hold at least one of these roles.
    pub roles: Option<RoleSet>,
    /// Part of the name or e-mail address as [`Person`] has them, case-insensitive. Nothing else is searched, since people are listed for
    /// callers who may not see more.
    pub text: Option<String>,
    /// A further filter. With it, everything that meets the other conditions has to be read.
    pub test: Option<PersonPredicate>,
    pub sort: PeopleSort,
    pub page: Page,
}

/// Computes a person's new roles from the current ones.
pub type RoleWrite = Arc<dyn Fn(&RoleCatalog, RoleSet) -> RoleSet + Send + Sync>;

/// Changes of a member, or of the membership that an invitation promises.
#[derive(Clone)]
pub struct PersonPatch {
    pub roles: RoleWrite,
    pub extras: (Dialect, Metadata),
}

impl std::fmt::Debug for PersonPatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonPatch").field("extras", &self.extras).finish_non_exhaustive()
    }
}

/// A membership of this organization, by id. `NotFound` for one of another organization; an invited person is refused as not a member yet.
pub(crate) fn member_of(reader: Reader<'_>, place: &Allowed<Organization>, id: MembershipId) -> Result<Membership> {
    match reader.view.membership_by_id(id)?.filter(|membership| membership.organization == place.id) {
        Some(membership) => Ok(membership),
        None if invited_as(reader, place.id, id)?.is_some() => {
            Err(Error::invalid("member_id", "is an invited person who is not a member yet"))
        }
        None => Err(Error::NotFound(Subject::Membership)),
    }
}

fn invited_as(reader: Reader<'_>, organization: OrganizationId, id: MembershipId) -> Result<Option<Invitation>> {
    let found = reader.view.invitation(id.invitation())?;
    let now = reader.now();
    Ok(found.filter(|i| i.organization == organization && i.status_at(now) == InvitationStatus::Pending))
}

/// Adds to invitations the users with their addresses.
fn with_users(reader: Reader<'_>, invitations: Vec<Invitation>) -> Result<Vec<Person>> {
    let mut known: HashMap<String, Option<User>> = HashMap::new();
    invitations
        .into_iter()
        .map(|invitation| {
            let user = match known.get(&invitation.email) {
                Some(user) => user.clone(),
                None => reader.view.user_by_address(roster_model::AddressKind::Email, &invitation.email)?,
            };
            known.insert(invitation.email.clone(), user.clone());
            Ok(Person::Pending(Box::new(Pending { invitation, user })))
        })
        .collect()
}

fn pending(reader: Reader<'_>, organization: OrganizationId, query: &PeopleQuery) -> Result<Vec<Person>> {
    let mut people = with_users(reader, invitations::all_pending(reader, organization)?)?;
    let part = query.text.as_deref().map(|part| (text::fold(part), text::lower(part)));
    people.retain(|person| {
        let holds = query.roles.is_none_or(|roles| roles.intersects(person.roles()));
        let says = part
            .as_ref()
            .is_none_or(|(folded, lower)| text::fold(person.name()).contains(folded) || person.email().contains(lower));
        holds && says
    });
    people.sort_by(|a, b| directed(query, a, b));
    Ok(people)
}

fn directed(query: &PeopleQuery, a: &Person, b: &Person) -> Ordering {
    let order = query.sort.compare(a, b);
    if query.page.descending { order.reverse() } else { order }
}

/// Merges two sorted lists.
fn merged(query: &PeopleQuery, members: Vec<Person>, pending: Vec<Person>) -> Vec<Person> {
    let mut all = Vec::with_capacity(members.len() + pending.len());
    let (mut members, mut pending) = (members.into_iter().peekable(), pending.into_iter().peekable());
    loop {
        let first = match (members.peek(), pending.peek()) {
            (Some(member), Some(invited)) => directed(query, member, invited) == Ordering::Less,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return all,
        };
        all.extend(if first { members.next() } else { pending.next() });
    }
}

fn list(reader: Reader<'_>, organization: OrganizationId, query: &PeopleQuery) -> Result<Listed<Person>> {
    let users = UserFilter { name_or_email: query.text.clone(), ..UserFilter::default() };
    let filter =
        MemberFilter { organization: Some(organization), roles: query.roles, users, ..MemberFilter::default() };
    let invited = pending(reader, organization, query)?;
    // All pending invitations are read, since they are few. At most that many precede any member, so it is enough to read members from here on.
    let (from, limit) = if query.test.is_some() {
        (0, None)
    } else {
        let from = query.page.offset.saturating_sub(invited.len() as u64);
        (from, query.page.limit.map(|limit| limit.saturating_add(query.page.offset - from)))
    };
    let slice = Slice { after: None, offset: from, limit, descending: query.page.descending };
    let mut total = reader.view.count_memberships(&filter)? + invited.len() as u64;
    let members = reader.view.shared_memberships(&filter, query.sort.of_members(), &slice)?;
    let members: Vec<_> = with_user_and_organization(reader, members)?
        .into_iter()
        .map(|member| Person::Member(Box::new(member)))
        .collect();
    // Invited persons who sort before the first of these members belong to the part that was skipped.
    let before = match members.first() {
        Some(first) if from > 0 => invited.iter().take_while(|p| directed(query, p, first) == Ordering::Less).count(),
        None if from > 0 => {
            // Past the last member: skip all members, and the invited persons who sort before the last one.
            let last = Slice { offset: 0, limit: Some(1), after: None, descending: !query.page.descending };
            let last = reader.view.shared_memberships(&filter, query.sort.of_members(), &last)?;
            let last = with_user_and_organization(reader, last)?.pop().map(|member| Person::Member(Box::new(member)));
            last.map_or(0, |last| invited.iter().take_while(|p| directed(query, p, &last) == Ordering::Less).count())
        }
        _ => 0,
    };
    let first = if members.is_empty() && from > 0 { total - invited.len() as u64 } else { from };
    let skipped = first + before as u64;
    let mut people = merged(query, members, invited.into_iter().skip(before).collect());
    if let Some(test) = &query.test {
        people.retain(|person| (test.0)(person));
        total = people.len() as u64;
    }
    let skip = usize::try_from(query.page.offset.saturating_sub(skipped)).unwrap_or(usize::MAX);
    let take = query.page.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let items = people.into_iter().skip(skip).take(take).collect();
    Ok(Listed { items, total: Some(total), next: None })
}

fn find(reader: Reader<'_>, place: &Organization, id: MembershipId) -> Result<Person> {
    if let Some(membership) = reader.view.membership_by_id(id)?.filter(|m| m.organization == place.id) {
        let member = with_user_and_organization(reader, vec![membership.into()])?
            .pop()
            .ok_or(Error::NotFound(Subject::Membership))?;
        return Ok(Person::Member(Box::new(member)));
    }
    let invitation = invited_as(reader, place.id, id)?.ok_or(Error::NotFound(Subject::Membership))?;
    with_users(reader, vec![invitation])?.pop().ok_or(Error::NotFound(Subject::Membership))
}

/// Changes the membership that a pending invitation promises.
fn update_pending(
    tx: &mut Tx<'_, '_>,
    place: &Allowed<Organization>,
    before: Invitation,
    patch: PersonPatch,
) -> Result<()> {
    let reader = tx.read();
    let roles = (patch.roles)(&*reader.roles()?, before.roles);
    check_roles(reader, roles)?;
    if roles.contains(RoleNumber::OWNER) {
        return Err(invitations::no_owner());
    }
    check_may_grant(place, RoleSet::from_bits(roles.bits() & !before.roles.bits()))?;
    let mut extras = before.extras.clone();
    extras.merge(patch.extras.0, &patch.extras.1);
    let after = Invitation { roles, extras: extras_for_roles(roles, &extras), ..before.clone() };
    if after == before {
        return Ok(());
    }
    let after = Invitation { updated: tx.now().advanced_past(before.updated), ..after };
    let change = Change::InvitationUpdated { before: Box::new(before), after: Box::new(after), hash: None };
    tx.change(place, &change)
}

impl Caller {
    /// Members and invited persons as one list, with their total. Needs `memberships:write` there or above.
    pub async fn list_people(
        &self,
        organization: impl Into<OrganizationRef>,
        query: PeopleQuery,
    ) -> Result<Listed<Person>> {
        let organization = organization.into();
        self.read_graph(move |reader| {
            let place = reader.organization(&organization)?.allow(reader, Right::tree(P::MembershipsWrite))?;
            list(reader, place.id, &query)
        })
        .await
    }

    /// A member or an invited person. Needs `memberships:write` there or above; members may read their own entry.
    pub async fn person(&self, organization: impl Into<OrganizationRef>, id: Option<MembershipId>) -> Result<Person> {
        let organization = organization.into();
        self.read_graph(move |reader| {
            let found = reader.organization(&organization)?;
            let own = match (id, reader.acting.user) {
                (Some(id), Some(me)) => reader.view.membership(found.id(), me)?.is_some_and(|own| own.id == id),
                _ => false,
            };
            let place = if own {
                found.allow_member(reader)?
            } else {
                found.allow(reader, Right::tree(P::MembershipsWrite))?
            };
            find(reader, &place, id.ok_or(Error::NotFound(Subject::Membership))?)
        })
        .await
    }

    /// Changes a member, or the membership that an invitation promises. The owner's role can be neither added nor removed. Needs
    /// `memberships:write` there or above, and every permission of the roles newly given.
    pub async fn update_person(
        &self,
        organization: impl Into<OrganizationRef>,
        id: MembershipId,
        patch: PersonPatch,
    ) -> Result<Person> {
        let organization = organization.into();
        self.write(move |tx| {
            let reader = tx.read();
            let place = reader.organization(&organization)?.allow(reader, Right::tree(P::MembershipsWrite))?;
            match find(reader, &place, id)? {
                Person::Member(member) => {
                    let before = member.membership;
                    let roles = (patch.roles)(&*reader.roles()?, before.roles);
                    if roles.contains(RoleNumber::OWNER) && !before.roles.contains(RoleNumber::OWNER) {
                        return Err(Error::invalid(
                            "roles",
                            "must not include the owner's role: transfer the ownership instead",
                        ));
                    }
                    let extras = Some(patch.extras);
                    let patch = MembershipPatch { roles: Some(roles), extras, ..MembershipPatch::default() };
                    memberships::update(tx, &place, &before, &patch)?;
                }
                Person::Pending(pending) => update_pending(tx, &place, pending.invitation, patch)?,
            }
            find(tx.read(), &place, id)
        })
        .await
    }

    /// Removes a member, or revokes the invitation. Needs `memberships:write` there or above. The owner's membership can't be removed.
    pub async fn remove_person(&self, organization: impl Into<OrganizationRef>, id: MembershipId) -> Result<Person> {
        let organization = organization.into();
        self.write(move |tx| {
            let place = tx.read().organization(&organization)?.allow(tx.read(), Right::tree(P::MembershipsWrite))?;
            let person = find(tx.read(), &place, id)?;
            match &person {
                Person::Member(member) => memberships::remove(tx, &place, &member.membership)?,
                Person::Pending(pending) => {
                    invitations::set_status(tx, &place, pending.invitation.clone(), InvitationStatus::Revoked)?;
                }
            }
            Ok(person)
        })
        .await
    }

    /// The owners of these organizations, where there is one. Needs `organizations:read` there or above; organizations without it are
    /// left out.
    pub async fn owners(&self, organizations: Vec<OrganizationId>) -> Result<HashMap<OrganizationId, Member>> {
        self.read(move |reader| {
            let mut owners = Vec::new();
            for id in organizations {
                let place =
                    reader.organization(&id.into()).and_then(|o| o.allow(reader, Right::tree(P::OrganizationsRead)));
                if crate::access::is_allowed(place)? {
                    owners.extend(reader.view.owner(id)?.map(Into::into));
                }
            }
            Ok(with_user_and_organization(reader, owners)?.into_iter().map(|m| (m.organization.id, m)).collect())
        })
        .await
    }
}
