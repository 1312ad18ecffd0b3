use roster_model::{
    Change, EntityId as _, Invitation, InvitationStatus, Organization, OrganizationId, RoleNumber, RoleSet, UserId,
};

use super::apply::Chunk;
use super::known::Emails;
use super::record::{IncomingMembership, UserName};
use super::users::check_extras;
use crate::error::{Error, Result, Subject};
use crate::memberships;

impl Chunk<'_> {
    pub(super) fn membership(&mut self, line: &IncomingMembership) -> Result<()> {
        let place = self.place(&line.organization)?;
        let user = self.person(&line.user)?;
        let roles = self.roles(&line.roles)?;
        if self.known.members.contains(&(place.id, user)) {
            return Err(Error::AlreadyExists { subject: Subject::Membership, field: "user", id: None });
        }
        check_extras(&line.new.extras)?;
        let new = memberships::NewMembership { roles, ..line.new.clone() };
        let mut membership = memberships::build(self.creation, place.id, user, &new)?;
        let is_owner = roles.contains(RoleNumber::OWNER);
        if is_owner && self.is_owned(place.id)? {
            return Err(Error::OwnerExists);
        }
        if new.is_default && self.known.starting.contains(&user) {
            return Err(Error::invalid("default", "is set for another membership of this user, too"));
        }
        let closed = self.invitations_of(place.id, user)?;
        let live = closed.iter().filter(|invitation| invitation.expires > self.creation.now);
        if let Some(first) = live.clone().next() {
            membership.id = first.membership_id();
        }
        // An existing membership that is migrated with its id is kept even where a new member wouldn't be admitted.
        if line.carried.id.is_none() {
            self.admit(&place, user, live.count())?;
        }
        self.apply_carried(
            &line.carried,
            Subject::Membership,
            &mut membership.id,
            &mut membership.created,
            &mut membership.updated,
        )?;
        membership.created_by = line.carried.created_by;
        for before in closed {
            self.accept(before);
        }
        if is_owner {
            self.known.owned.insert(place.id, true);
        }
        if new.is_default {
            self.known.starting.insert(user);
        }
        self.take_seat(place.id);
        self.known.members.insert((place.id, user));
        self.known.used.insert(membership.id.raw());
        self.changes.push(Change::MembershipAdded { after: Box::new(membership) });
        Ok(())
    }

    /// The user that a line refers to.
    pub(super) fn person(&mut self, name: &UserName) -> Result<UserId> {
        self.known.user(self.reader, name)?.ok_or_else(|| {
            let named = match name {
                UserName::Id(id) => id.native(),
                UserName::Text(text)
                | UserName::Email(text)
                | UserName::Username(text)
                | UserName::ExternalId(text)
                | UserName::Alias(_, text) => text.clone(),
            };
            Error::Unknown { subject: Subject::User, named }
        })
    }

    /// The set of roles with these keys.
    pub(super) fn roles(&mut self, keys: &[String]) -> Result<RoleSet> {
        let catalog = self.known.catalog(self.reader)?;
        let number = |key: &String| {
            let unknown = || Error::Unknown { subject: Subject::Role, named: key.clone() };
            catalog.by_key(key).map(|role| role.number).ok_or_else(unknown)
        };
        let roles = keys.iter().map(number).collect::<Result<RoleSet>>()?;
        memberships::check_roles_of(&catalog, roles)?;
        Ok(roles)
    }

    fn is_owned(&mut self, organization: OrganizationId) -> Result<bool> {
        if let Some(owned) = self.known.owned.get(&organization) {
            return Ok(*owned);
        }
        let owned = self.reader.view.owner(organization)?.is_some();
        self.known.owned.insert(organization, owned);
        Ok(owned)
    }

    fn emails_of(&mut self, user: UserId) -> Result<Emails> {
        if let Some(emails) = self.known.emails.get(&user) {
            return Ok(emails.clone());
        }
        let found = self.reader.view.addresses_of(&[user])?.remove(&user).unwrap_or_default();
        let emails = Emails::of(&found);
        self.known.emails.insert(user, emails.clone());
        Ok(emails)
    }

    /// Invitations to this organization that are stored as pending, to any of the user's addresses.
    fn invitations_of(&mut self, organization: OrganizationId, user: UserId) -> Result<Vec<Invitation>> {
        if !self.known.any_pending(self.reader)? {
            return Ok(Vec::new());
        }
        let emails = self.emails_of(user)?;
        let sent = emails.all.iter().filter_map(|email| self.known.pending.get(email)).flatten();
        Ok(sent.filter(|invitation| invitation.organization == organization).cloned().collect())
    }

    /// Closes an invitation of a user who becomes a member.
    fn accept(&mut self, before: Invitation) {
        let status = match before.status_at(self.creation.now) {
            InvitationStatus::Pending => InvitationStatus::Accepted,
            other => other,
        };
        self.close(before, status);
    }

    pub(super) fn close(&mut self, before: Invitation, status: InvitationStatus) {
        self.known.closed.insert(before.id);
        // An expired invitation didn't take a seat.
        if before.status_at(self.creation.now) == InvitationStatus::Pending {
            self.known.seats.entry(before.organization).or_default().more -= 1;
        }
        if let Some(of) = self.known.pending.get_mut(&before.email) {
            of.retain(|other| other.id != before.id);
        }
        let updated = self.creation.now.advanced_past(before.updated);
        let after = Invitation { status, updated, ..before.clone() };
        let change = Change::InvitationUpdated { before: Box::new(before), after: Box::new(after), hash: None };
        self.changes.push(change);
    }

    pub(super) fn is_member(&self, organization: OrganizationId, user: UserId) -> Result<bool> {
        let known = self.known.members.contains(&(organization, user));
        Ok(known || !self.reader.view.members_among(organization, &[user])?.is_empty())
    }

    /// The inviter. If given by id, this user need not exist any more.
    pub(super) fn inviter(&mut self, name: &UserName) -> Result<UserId> {
        if let UserName::Id(id) = name { Ok(*id) } else { self.person(name) }
    }

    /// Checks that an organization admits this user and one more member. `freed`: seats taken by the user's own
    /// invitations.
    fn admit(&mut self, place: &Organization, user: UserId, freed: usize) -> Result<()> {
        if !place.email_domains.is_empty() {
            let emails = self.emails_of(user)?;
            if !place.admits(emails.primary()) {
                return Err(Error::DomainNotAllowed);
            }
        }
        if place.max_members == 0 {
            return Ok(());
        }
        let taken = self.taken(place.id)?;
        memberships::within_limit(place, taken.saturating_sub(freed as u64))
    }

    /// How many seats are taken by members and pending invitations.
    pub(super) fn taken(&mut self, organization: OrganizationId) -> Result<u64> {
        let seats = self.known.seats.entry(organization).or_default();
        let stored = if let Some(stored) = seats.stored {
            stored
        } else {
            let (members, invited) = memberships::count_seats(self.reader, organization)?;
            *seats.stored.insert(members + invited)
        };
        Ok(stored.saturating_add_signed(seats.more))
    }

    pub(super) fn take_seat(&mut self, organization: OrganizationId) {
        self.known.seats.entry(organization).or_default().more += 1;
    }
}
