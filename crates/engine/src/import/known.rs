//! What is known while lines are looked at: answers of the database, and what earlier lines made.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use roster_model::{
    AddressKind, EntityId as _, Form, Invitation, InvitationId, LinkSubject, Organization, OrganizationId, Permission,
    RoleCatalog, UserId, text,
};
use roster_store::Naming;

use super::record::{OrganizationName, UserName};
use crate::error::{Error, Result, Subject};
use crate::transaction::Reader;

/// What earlier lines of the same file amount to, for lines that build on them.
#[derive(Debug, Default)]
pub struct Known {
    /// Raw ids by name; `None` if the database was asked and has nobody.
    names: HashMap<Naming, HashMap<Box<str>, Option<i64>>>,
    /// Raw ids that can't be given again.
    pub(super) used: HashSet<i64>,
    /// Whether these are users.
    pub(super) users: HashMap<UserId, bool>,
    pub(super) places: HashMap<OrganizationId, Option<Arc<Organization>>>,
    pub(super) seats: HashMap<OrganizationId, Seats>,
    pub(super) members: HashSet<(OrganizationId, UserId)>,
    /// Whether an organization has an owner.
    pub(super) owned: HashMap<OrganizationId, bool>,
    /// Users who start in some organization.
    pub(super) starting: HashSet<UserId>,
    /// Users' e-mail addresses, the primary one first if there is one.
    pub(super) emails: HashMap<UserId, Emails>,
    /// Marked as pending, by address.
    pub(super) pending: HashMap<String, Vec<Invitation>>,
    /// No longer pending.
    pub(super) closed: HashSet<InvitationId>,
    pub(super) any_pending: Option<bool>,
    pub(super) catalog: Option<Arc<RoleCatalog>>,
    pub(super) permissions: Option<Vec<Permission>>,
    pub(super) account_users: HashSet<(OrganizationId, UserId)>,
    pub(super) links: HashSet<(OrganizationId, LinkSubject)>,
    /// What domains call users, folded.
    pub(super) link_names: HashSet<(OrganizationId, String)>,
    pub(super) homes: HashSet<UserId>,
    /// Names that weren't asked for are nobody's for now: while it is found out what to ask for.
    pub(super) no_questions: bool,
}

/// How many places in an organization are taken, by members and by who is invited.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seats {
    /// In the database, once it was asked.
    pub stored: Option<u64>,
    /// How many more earlier lines took than they freed, which isn't in the database yet.
    pub more: i64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Emails {
    pub all: Vec<String>,
    /// Whether the first one is the primary one.
    pub primary: bool,
}

impl Emails {
    pub(super) fn of(addresses: &[roster_model::Address]) -> Self {
        let emails = || addresses.iter().filter(|address| address.kind == AddressKind::Email);
        Self {
            all: emails().map(|address| address.value.clone()).collect(),
            primary: emails().next().is_some_and(|address| address.primary),
        }
    }

    pub(super) fn primary(&self) -> Option<&str> {
        self.all.first().filter(|_| self.primary).map(String::as_str)
    }
}

impl Known {
    /// The raw id of who is called so.
    pub(super) fn named(&mut self, reader: Reader<'_>, naming: Naming, name: &str) -> Result<Option<i64>> {
        if let Some(known) = self.names.get(&naming).and_then(|names| names.get(name)) {
            return Ok(*known);
        }
        if self.no_questions {
            return Ok(None);
        }
        let found = reader.view.named(&[(naming, name.to_owned())])?.into_values().next();
        self.put_name(naming, name, found);
        Ok(found)
    }

    pub(super) fn has_heard_of(&self, naming: Naming, name: &str) -> bool {
        self.names.get(&naming).is_some_and(|names| names.contains_key(name))
    }

    pub(super) fn put_name(&mut self, naming: Naming, name: &str, id: Option<i64>) {
        self.names.entry(naming).or_default().insert(name.into(), id);
    }

    pub(super) fn user(&mut self, reader: Reader<'_>, name: &UserName) -> Result<Option<UserId>> {
        let id = |raw: Option<i64>| raw.and_then(UserId::checked);
        match name {
            UserName::Id(id) => self.user_by_id(reader, *id),
            UserName::Email(email) => match text::email(email) {
                Ok(email) => Ok(id(self.named(reader, Naming::Address(AddressKind::Email), &email)?)),
                Err(_) => Ok(None),
            },
            UserName::Username(name) => Ok(id(self.named(reader, Naming::Username, &text::fold(name))?)),
            UserName::ExternalId(external_id) => Ok(id(self.named(reader, Naming::UserExternalId, external_id)?)),
            UserName::Alias(dialect, alias) => Ok(id(self.named(reader, Naming::Alias(*dialect), alias)?)),
            UserName::Text(text) => {
                if let Some(id) = Form::read_any::<UserId>(text)
                    && let Some(found) = self.user_by_id(reader, id)?
                {
                    return Ok(Some(found));
                }
                if text.contains('@')
                    && let Ok(email) = text::email(text)
                    && let Some(found) = self.named(reader, Naming::Address(AddressKind::Email), &email)?
                {
                    return Ok(id(Some(found)));
                }
                if let Some(found) = self.named(reader, Naming::Username, &text::fold(text))? {
                    return Ok(id(Some(found)));
                }
                Ok(id(self.named(reader, Naming::UserExternalId, text)?))
            }
        }
    }

    fn user_by_id(&mut self, reader: Reader<'_>, id: UserId) -> Result<Option<UserId>> {
        let is = match self.users.get(&id) {
            Some(is) => *is,
            None => !reader.view.users_among(&[id])?.is_empty(),
        };
        self.users.insert(id, is);
        Ok(is.then_some(id))
    }

    pub(super) fn organization(
        &mut self,
        reader: Reader<'_>,
        name: &OrganizationName,
    ) -> Result<Option<Arc<Organization>>> {
        let id = match name {
            OrganizationName::Root => Some(reader.acting.root),
            OrganizationName::Id(id) => Some(*id),
            OrganizationName::Slug(slug) => self.named(reader, Naming::Slug, slug)?.and_then(OrganizationId::checked),
            OrganizationName::ExternalId(external_id) => {
                self.named(reader, Naming::OrganizationExternalId, external_id)?.and_then(OrganizationId::checked)
            }
            OrganizationName::Alias(dialect, alias) => {
                self.named(reader, Naming::Alias(*dialect), alias)?.and_then(OrganizationId::checked)
            }
            OrganizationName::Text(text) => {
                if let Some(id) = Form::read_any::<OrganizationId>(text)
                    && let Some(found) = self.organization_by_id(reader, id)?
                {
                    return Ok(Some(found));
                }
                let found = match self.named(reader, Naming::Slug, text)? {
                    Some(found) => Some(found),
                    None => self.named(reader, Naming::OrganizationExternalId, text)?,
                };
                found.and_then(OrganizationId::checked)
            }
        };
        match id {
            Some(id) => self.organization_by_id(reader, id),
            None => Ok(None),
        }
    }

    pub(super) fn organization_by_id(
        &mut self,
        reader: Reader<'_>,
        id: OrganizationId,
    ) -> Result<Option<Arc<Organization>>> {
        if !self.places.contains_key(&id) {
            let found = reader.view.organization(id)?;
            self.put_place(id, found);
        }
        Ok(self.places.get(&id).cloned().flatten())
    }

    pub(super) fn put_place(&mut self, id: OrganizationId, organization: Option<Organization>) {
        self.places.insert(id, organization.map(Arc::new));
    }

    pub(super) fn catalog(&mut self, reader: Reader<'_>) -> Result<Arc<RoleCatalog>> {
        if let Some(catalog) = &self.catalog {
            return Ok(Arc::clone(catalog));
        }
        let catalog = reader.roles()?;
        self.catalog = Some(Arc::clone(&catalog));
        Ok(catalog)
    }

    /// Whether there are invitations to think of.
    pub(super) fn any_pending(&mut self, reader: Reader<'_>) -> Result<bool> {
        if let Some(any) = self.any_pending {
            return Ok(any);
        }
        let any = reader.view.has_pending_invitations()?;
        self.any_pending = Some(any);
        Ok(any)
    }

    pub(super) fn put_pending(&mut self, invitation: Invitation) {
        let of = self.pending.entry(invitation.email.clone()).or_default();
        if !self.closed.contains(&invitation.id) && !of.iter().any(|other| other.id == invitation.id) {
            of.push(invitation);
        }
    }

    /// Refuses an id that somebody has, or had.
    pub(super) fn must_be_unused(&self, id: i64, subject: Subject) -> Result<()> {
        if self.used.contains(&id) {
            return Err(Error::AlreadyExists { subject, field: "id", id: Some(id) });
        }
        Ok(())
    }
}
