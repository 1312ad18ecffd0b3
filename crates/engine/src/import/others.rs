//! Invitations, account users and directory links.

use roster_model::{AccountUser, Change, DirectoryLink, Invitation, InvitationStatus, LinkSubject, RoleNumber, text};

use super::apply::Chunk;
use super::record::{IncomingAccountUser, IncomingDirectoryLink, IncomingInvitation, IncomingSubject};
use super::users::check_extras;
use crate::error::{Error, OfField as _, Result, Subject};
use crate::{accounts, directory, invitations, memberships, secret};

impl Chunk<'_> {
    pub(super) fn invitation(&mut self, line: &IncomingInvitation) -> Result<()> {
        let now = self.creation.now;
        let place = self.place(&line.organization)?;
        let roles = self.roles(&line.roles)?;
        if roles.contains(RoleNumber::OWNER) {
            return Err(invitations::no_owner());
        }
        check_extras(&line.extras)?;
        let email = text::email(&line.email).of("email")?;
        let inviter = line.inviter.as_ref().map(|inviter| self.inviter(inviter)).transpose()?;
        // A member may have taken the address after it was invited, so a migrated invitation is kept.
        if line.carried.id.is_none()
            && let Some(user) = self.known.user(self.reader, &super::UserName::Email(email.clone()))?
            && self.is_member(place.id, user)?
        {
            return Err(Error::AlreadyExists { subject: Subject::Membership, field: "user", id: None });
        }
        for pending in self.reader.view.pending_among(&[&email])? {
            self.known.put_pending(pending);
        }
        let sent = self.known.pending.get(&email).map(Vec::as_slice).unwrap_or_default();
        let live = |invitation: &&Invitation| invitation.status_at(now) == InvitationStatus::Pending;
        // Invitations to the same address reserve the same user id.
        let user = line.user.or_else(|| sent.iter().filter(live).min_by_key(|i| i.id).map(Invitation::user_id));
        let mut expired = Vec::new();
        for other in sent.iter().filter(|other| other.organization == place.id) {
            if live(&other) {
                let id = Some(roster_model::EntityId::raw(other.id));
                return Err(Error::AlreadyExists { subject: Subject::Invitation, field: "email", id });
            }
            expired.push(other.clone());
        }
        if line.carried.id.is_none() {
            if !place.admits(Some(&email)) {
                return Err(Error::DomainNotAllowed);
            }
            if place.max_members > 0 {
                memberships::within_limit(&place, self.taken(place.id)?)?;
            }
        }
        let mut invitation = invitations::build(self.creation, place.id, email, line)?;
        invitation.roles = roles;
        invitation.user = user;
        invitation.inviter = inviter;
        invitation.extras = memberships::extras_for_roles(roles, &line.extras);
        let (created, updated) = (&mut invitation.created, &mut invitation.updated);
        self.apply_carried(&line.carried, Subject::Invitation, &mut invitation.id, created, updated)?;
        for before in expired {
            self.close(before, InvitationStatus::Expired);
        }
        self.known.used.insert(roster_model::EntityId::raw(invitation.id));
        if invitation.status_at(now) == InvitationStatus::Pending {
            self.take_seat(place.id);
        }
        self.known.any_pending = Some(true);
        self.known.put_pending(invitation.clone());
        // Nobody knows this secret: an imported invitation has to be renewed before it can be sent.
        let hash = secret::hash(&secret::generate());
        self.changes.push(Change::InvitationCreated { after: Box::new(invitation), hash });
        Ok(())
    }

    pub(super) fn account_user(&mut self, line: &IncomingAccountUser) -> Result<()> {
        let place = self.place(&line.organization)?;
        let user = self.person(&line.user)?;
        // An account that was moved below another organization keeps its records. Since records have no id, one with a time of creation is taken
        // to be migrated.
        let moved = place.depth > 1 && line.created.is_some();
        if place.depth != 1 && !moved {
            return Err(Error::NotAnAccount);
        }
        accounts::check(&line.fields)?;
        let is_there = !self.known.account_users.insert((place.id, user))
            || self.reader.view.account_user(place.id, user)?.is_some();
        if is_there {
            return Err(Error::AlreadyExists { subject: Subject::AccountUser, field: "user", id: None });
        }
        let fields = line.fields.clone();
        let after = AccountUser {
            organization: place.id,
            user,
            external_id: fields.external_id,
            user_schema: fields.user_schema,
            active: fields.active,
            created: line.created.unwrap_or(self.creation.now),
        };
        self.changes.push(Change::AccountUserCreated { after });
        Ok(())
    }

    pub(super) fn directory_link(&mut self, line: &IncomingDirectoryLink) -> Result<()> {
        let domain = self.place(&line.domain)?;
        let subject = match &line.subject {
            IncomingSubject::User(user) => LinkSubject::User(self.person(user)?),
            IncomingSubject::Organization(organization) => LinkSubject::Organization(self.place(organization)?.id),
        };
        let link = DirectoryLink {
            external_id: line.external_id.clone(),
            user_name: line.user_name.clone(),
            home: line.home,
            suspended: line.suspended,
            document: line.document.clone(),
            addresses: line.addresses.clone(),
            given: line.given.clone(),
            created: line.created.unwrap_or(self.creation.now),
            updated: line.updated.unwrap_or(self.creation.now),
            ..DirectoryLink::new(domain.id, subject, self.creation.now)
        };
        directory::check_link(&link)?;
        let view = self.reader.view;
        let taken = |field| Error::AlreadyExists { subject: Subject::User, field, id: None };
        if self.known.links.contains(&(domain.id, subject)) || view.directory_link(domain.id, subject)?.is_some() {
            return Err(Error::invalid("subject", "has a link of this domain already"));
        }
        let name = link.user_name.as_deref().map(text::fold);
        if let Some(name) = &name {
            let named = view.directory_links_named(name)?;
            let known = self.known.link_names.contains(&(domain.id, name.clone()));
            if known || named.iter().any(|other| other.domain == domain.id) {
                return Err(taken("user_name"));
            }
        }
        if let (true, Some(user)) = (link.home, subject.user()) {
            if self.known.homes.contains(&user) || !view.home_links(&[user])?.is_empty() {
                return Err(Error::invalid("home", "is set for another link of this user, too"));
            }
            self.known.homes.insert(user);
        }
        self.known.links.insert((domain.id, subject));
        self.known.link_names.extend(name.map(|name| (domain.id, name)));
        self.changes.push(Change::DirectoryLinkCreated { after: Box::new(link) });
        Ok(())
    }
}
