//! Looks up what a chunk's lines refer to in a few queries. An optimization only: what wasn't fetched here is looked up when it is needed.

use std::collections::{HashMap, HashSet};
use std::mem;

use roster_model::{AddressKind, EntityId as _, Form, Organization, OrganizationId, UserId, text};
use roster_store::LookupKey;

use super::apply::Chunk;
use super::known::Emails;
use super::organizations::preferred_slug;
use super::record::{Carried, Incoming, IncomingSubject, IncomingUser, OrganizationName, UserName};
use crate::error::Result;

const EMAIL: LookupKey = LookupKey::Address(AddressKind::Email);

/// What to look up.
#[derive(Debug, Default)]
struct Wanted {
    names: Vec<(LookupKey, String)>,
    ids: Vec<i64>,
    users: Vec<UserId>,
    organizations: Vec<OrganizationId>,
}

impl Wanted {
    fn name(&mut self, key: LookupKey, name: impl Into<String>) {
        self.names.push((key, name.into()));
    }

    fn carried<I: roster_model::EntityId>(&mut self, carried: &Carried<I>) {
        self.ids.extend(carried.id.map(roster_model::EntityId::raw));
        for (dialect, alias) in &carried.aliases {
            self.name(LookupKey::Alias(*dialect), alias);
        }
    }

    fn email(&mut self, email: &str) {
        if let Ok(email) = text::email(email) {
            self.name(EMAIL, email);
        }
    }

    fn user(&mut self, line: &IncomingUser) {
        self.carried(&line.carried);
        for (kind, value) in addresses(line) {
            match kind {
                AddressKind::Email => self.email(value),
                AddressKind::Phone => self.name(LookupKey::Address(kind), value),
            }
        }
        self.ids
            .extend(line.addresses.iter().flatten().filter_map(|address| address.id).map(roster_model::EntityId::raw));
        if let Some(username) = &line.new.username {
            self.name(LookupKey::Username, text::fold(username));
        }
        if let Some(external_id) = &line.new.external_id {
            self.name(LookupKey::UserExternalId, external_id);
        }
    }

    fn user_name(&mut self, name: &UserName) {
        match name {
            UserName::Id(id) => self.users.push(*id),
            UserName::Email(email) => self.email(email),
            UserName::Username(name) => self.name(LookupKey::Username, text::fold(name)),
            UserName::ExternalId(external_id) => self.name(LookupKey::UserExternalId, external_id),
            UserName::Alias(dialect, alias) => self.name(LookupKey::Alias(*dialect), alias),
            UserName::Text(text) => {
                self.users.extend(Form::read_any::<UserId>(text));
                if text.contains('@') {
                    self.email(text);
                } else {
                    self.non_email_name(text);
                }
            }
        }
    }

    /// What a name that isn't an e-mail address may be.
    fn non_email_name(&mut self, name: &str) {
        self.name(LookupKey::Username, text::fold(name));
        self.name(LookupKey::UserExternalId, name);
    }

    fn organization_name(&mut self, name: &OrganizationName) {
        match name {
            OrganizationName::Root => {}
            OrganizationName::Id(id) => self.organizations.push(*id),
            OrganizationName::Slug(slug) => self.name(LookupKey::Slug, slug),
            OrganizationName::ExternalId(external_id) => self.name(LookupKey::OrganizationExternalId, external_id),
            OrganizationName::Alias(dialect, alias) => self.name(LookupKey::Alias(*dialect), alias),
            OrganizationName::Text(text) => {
                self.organizations.extend(Form::read_any::<OrganizationId>(text));
                self.name(LookupKey::Slug, text);
                self.name(LookupKey::OrganizationExternalId, text);
            }
        }
    }

    fn line(&mut self, line: &Incoming) {
        match line {
            Incoming::Permission(permission) => self.carried(&permission.0),
            Incoming::Role(role) => self.carried(&role.0),
            Incoming::Root(_) => {}
            Incoming::Organization(organization) => {
                self.carried(&organization.carried);
                self.name(LookupKey::Slug, preferred_slug(organization));
                if let Some(external_id) = &organization.new.external_id {
                    self.name(LookupKey::OrganizationExternalId, external_id);
                }
                if let Some(parent) = &organization.parent {
                    self.organization_name(parent);
                }
            }
            Incoming::User(user) => self.user(user),
            Incoming::Membership(membership) => {
                self.carried(&membership.carried);
                self.organization_name(&membership.organization);
                self.user_name(&membership.user);
            }
            Incoming::Invitation(invitation) => {
                self.carried(&invitation.carried);
                self.organization_name(&invitation.organization);
                self.email(&invitation.email);
            }
            Incoming::AccountUser(record) => {
                self.organization_name(&record.organization);
                self.user_name(&record.user);
            }
            Incoming::DirectoryLink(link) => {
                self.organization_name(&link.domain);
                match &link.subject {
                    IncomingSubject::User(user) => self.user_name(user),
                    IncomingSubject::Organization(organization) => self.organization_name(organization),
                }
            }
        }
    }
}

fn addresses(line: &IncomingUser) -> impl Iterator<Item = (AddressKind, &str)> {
    let given = line.addresses.iter().flatten().map(|address| (address.kind, address.value.as_str()));
    let emails = line.new.email.iter().chain(&line.new.other_emails).map(|email| (AddressKind::Email, email.as_str()));
    let phones = line.new.phones.iter().map(|phone| (AddressKind::Phone, phone.as_str()));
    given.chain(emails).chain(phones)
}

/// The e-mail addresses of users that these lines create.
fn emails_in(lines: &[Incoming]) -> HashSet<String> {
    let users = lines.iter().filter_map(|line| match line {
        Incoming::User(user) => Some(user),
        _ => None,
    });
    let emails = users.flat_map(|user| addresses(user)).filter(|(kind, _)| *kind == AddressKind::Email);
    emails.filter_map(|(_, email)| text::email(email).ok()).collect()
}

/// Without duplicates, sorted: the database looks up adjacent keys faster.
fn each_once<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort_unstable();
    all.dedup();
    all
}

impl Chunk<'_> {
    pub(super) fn prefetch(&mut self, lines: &[Incoming]) -> Result<()> {
        let mut wanted = Wanted::default();
        for line in lines {
            wanted.line(line);
        }
        self.look_up_names(&mut wanted)?;
        self.look_up_non_email_names(lines)?;
        let view = self.reader.view;
        self.known.used.extend(view.ids_in_use(&each_once(wanted.ids))?);
        let mut users = each_once(wanted.users);
        users.retain(|id| !self.known.users.contains_key(id));
        let found = view.users_among(&users)?;
        self.known.users.extend(users.into_iter().map(|id| (id, false)));
        self.known.users.extend(found.into_iter().map(|id| (id, true)));
        self.known.cache_only = true;
        let asked = self.prefetch_places(wanted.organizations, lines).and_then(|()| self.prefetch_members(lines));
        self.known.cache_only = false;
        asked
    }

    fn look_up_names(&mut self, wanted: &mut Wanted) -> Result<()> {
        let mut names = each_once(mem::take(&mut wanted.names));
        names.retain(|(key, name)| !self.known.is_cached(*key, name));
        let found = self.reader.view.look_up(&names)?;
        for named in names {
            self.known.put_name(named.0, &named.1, found.get(&named).copied());
        }
        Ok(())
    }

    /// A name that looks like an e-mail address, but is neither an existing user's nor one that this chunk creates, may be a user name or
    /// an external id.
    fn look_up_non_email_names(&mut self, lines: &[Incoming]) -> Result<()> {
        let mut named: Vec<&str> = Vec::new();
        for line in lines {
            if let Incoming::Membership(line) = line
                && let UserName::Text(text) = &line.user
                && text.contains('@')
            {
                named.push(text);
            }
        }
        let mut wanted = Wanted::default();
        let mut coming: Option<HashSet<String>> = None;
        for text in each_once(named) {
            let email = text::email(text).unwrap_or_default();
            if !email.is_empty() && self.known.look_up(self.reader, EMAIL, &email)?.is_some() {
                continue;
            }
            if !coming.get_or_insert_with(|| emails_in(lines)).contains(&email) {
                wanted.non_email_name(text);
            }
        }
        self.look_up_names(&mut wanted)
    }

    fn prefetch_places(&mut self, mut ids: Vec<OrganizationId>, lines: &[Incoming]) -> Result<()> {
        for line in lines {
            if let Incoming::Membership(line) = line
                && let OrganizationName::Text(name) | OrganizationName::Slug(name) = &line.organization
            {
                ids.extend(self.known.look_up(self.reader, LookupKey::Slug, name)?.and_then(OrganizationId::checked));
            }
        }
        let mut ids = each_once(ids);
        ids.retain(|id| !self.known.places.contains_key(id));
        let mut found = self.reader.view.organizations_by_id(&ids)?;
        for id in ids {
            let organization: Option<Organization> = found.remove(&id);
            self.known.put_place(id, organization);
        }
        Ok(())
    }

    /// Which of the users named by the lines are members already. Users created by this chunk aren't.
    fn prefetch_members(&mut self, lines: &[Incoming]) -> Result<()> {
        let mut pairs: HashMap<OrganizationId, Vec<UserId>> = HashMap::new();
        let (mut starting, mut looked_at, mut emails) = (Vec::new(), Vec::new(), Vec::new());
        let any_pending = self.known.any_pending(self.reader)?;
        for line in lines {
            match line {
                Incoming::User(user) if any_pending => {
                    let to = addresses(user).filter(|(kind, _)| *kind == AddressKind::Email);
                    emails.extend(to.filter_map(|(_, email)| text::email(email).ok()));
                }
                Incoming::Membership(membership) => {
                    let Some(place) = self.known.organization(self.reader, &membership.organization)? else { continue };
                    let Some(user) = self.known.user(self.reader, &membership.user)? else { continue };
                    pairs.entry(place.id).or_default().push(user);
                    if membership.new.is_default {
                        starting.push(user);
                    }
                    if any_pending || !place.email_domains.is_empty() {
                        looked_at.push(user);
                    }
                }
                _ => {}
            }
        }
        let view = self.reader.view;
        for (organization, users) in pairs {
            let members = view.members_among(organization, &each_once(users))?;
            self.known.members.extend(members.into_iter().map(|user| (organization, user)));
        }
        self.known.starting.extend(view.default_members_among(&each_once(starting))?);
        for users in each_once(looked_at).chunks(512) {
            let mut found = view.addresses_of(users)?;
            for user in users.iter().filter(|user| !self.known.emails.contains_key(*user)).copied().collect::<Vec<_>>()
            {
                let of = Emails::of(&found.remove(&user).unwrap_or_default());
                self.known.emails.insert(user, of);
            }
            if any_pending {
                let known = users.iter().filter_map(|user| self.known.emails.get(user));
                emails.extend(known.flat_map(|emails| emails.all.iter().cloned()));
            }
        }
        let emails = each_once(emails);
        let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
        for invitation in view.pending_among(&emails)? {
            self.known.put_pending(invitation);
        }
        Ok(())
    }
}
