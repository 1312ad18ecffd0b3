//! What is known while lines are processed: results of queries, and what earlier lines created.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use roster_model::{
    AddressKind, EntityId as _, Form, Invitation, InvitationId, LinkSubject, Organization, OrganizationId, Permission,
    RoleCatalog, UserId, text,
};
use roster_store::LookupKey;

use super::record::{OrganizationName, UserName};
use crate::error::{Error, Result, Subject};
use crate::transaction::Reader;

/// The accumulated state of an import: cached lookups and the effects of earlier lines, for the lines that follow.
#[derive(Debug, Default)]
pub struct ImportState {
    /// Raw ids by name; `None` if the database has none by that name.
    names: HashMap<LookupKey, HashMap<Box<str>, Option<i64>>>,
    /// Raw ids that are in use, or were.
    pub(super) used: HashSet<i64>,
    /// Whether there are users with these ids.
    pub(super) users: HashMap<UserId, bool>,
    pub(super) places: HashMap<OrganizationId, Option<Arc<Organization>>>,
    pub(super) seats: HashMap<OrganizationId, Seats>,
    pub(super) members: HashSet<(OrganizationId, UserId)>,
    /// Whether an organization has an owner.
    pub(super) owned: HashMap<OrganizationId, bool>,
    /// Users who have a default membership.
    pub(super) starting: HashSet<UserId>,
    /// Users' e-mail addresses, the primary one first if there is one.
    pub(super) emails: HashMap<UserId, Emails>,
    /// Invitations stored as pending, by address.
    pub(super) pending: HashMap<String, Vec<Invitation>>,
    /// Invitations that are no longer pending.
    pub(super) closed: HashSet<InvitationId>,
    pub(super) any_pending: Option<bool>,
    pub(super) catalog: Option<Arc<RoleCatalog>>,
    pub(super) permissions: Option<Vec<Permission>>,
    pub(super) account_users: HashSet<(OrganizationId, UserId)>,
    pub(super) links: HashSet<(OrganizationId, LinkSubject)>,
    /// User names in domains, folded.
    pub(super) link_names: HashSet<(OrganizationId, String)>,
    pub(super) homes: HashSet<UserId>,
    /// Treat names that aren't cached as unknown instead of querying them; set while prefetching.
    pub(super) cache_only: bool,
}

/// How many seats of an organization are taken by members and pending invitations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seats {
    /// The number in the database, once it was queried.
    pub stored: Option<u64>,
    /// The difference made by earlier lines, which isn't in the database yet.
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

impl ImportState {
    /// The raw id of the entity with this name.
    pub(super) fn look_up(&mut self, reader: Reader<'_>, key: LookupKey, name: &str) -> Result<Option<i64>> {
        if let Some(known) = self.names.get(&key).and_then(|names| names.get(name)) {
            return Ok(*known);
        }
        if self.cache_only {
            return Ok(None);
        }
        let found = reader.view.look_up(&[(key, name.to_owned())])?.into_values().next();
        self.put_name(key, name, found);
        Ok(found)
    }

    pub(super) fn is_cached(&self, key: LookupKey, name: &str) -> bool {
        self.names.get(&key).is_some_and(|names| names.contains_key(name))
    }

    pub(super) fn put_name(&mut self, key: LookupKey, name: &str, id: Option<i64>) {
        self.names.entry(key).or_default().insert(name.into(), id);
    }

    pub(super) fn user(&mut self, reader: Reader<'_>, name: &UserName) -> Result<Option<UserId>> {
        let id = |raw: Option<i64>| raw.and_then(UserId::checked);
        match name {
            UserName::Id(id) => self.user_by_id(reader, *id),
            UserName::Email(email) => match text::email(email) {
                Ok(email) => Ok(id(self.look_up(reader, LookupKey::Address(AddressKind::Email), &email)?)),
                Err(_) => Ok(None),
            },
            UserName::Username(name) => Ok(id(self.look_up(reader, LookupKey::Username, &text::fold(name))?)),
            UserName::ExternalId(external_id) => {
                Ok(id(self.look_up(reader, LookupKey::UserExternalId, external_id)?))
            }
            UserName::Alias(dialect, alias) => Ok(id(self.look_up(reader, LookupKey::Alias(*dialect), alias)?)),
            UserName::Text(text) => {
                if let Some(id) = Form::read_any::<UserId>(text)
                    && let Some(found) = self.user_by_id(reader, id)?
                {
                    return Ok(Some(found));
                }
                if text.contains('@')
                    && let Ok(email) = text::email(text)
                    && let Some(found) = self.look_up(reader, LookupKey::Address(AddressKind::Email), &email)?
                {
                    return Ok(id(Some(found)));
                }
                if let Some(found) = self.look_up(reader, LookupKey::Username, &text::fold(text))? {
                    return Ok(id(Some(found)));
                }
                Ok(id(self.look_up(reader, LookupKey::UserExternalId, text)?))
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
            OrganizationName::Slug(slug) => {
                self.look_up(reader, LookupKey::Slug, slug)?.and_then(OrganizationId::checked)
            }
            OrganizationName::ExternalId(external_id) => {
                self.look_up(reader, LookupKey::OrganizationExternalId, external_id)?.and_then(OrganizationId::checked)
            }
            OrganizationName::Alias(dialect, alias) => {
                self.look_up(reader, LookupKey::Alias(*dialect), alias)?.and_then(OrganizationId::checked)
            }
            OrganizationName::Text(text) => {
                if let Some(id) = Form::read_any::<OrganizationId>(text)
                    && let Some(found) = self.organization_by_id(reader, id)?
                {
                    return Ok(Some(found));
                }
                let found = match self.look_up(reader, LookupKey::Slug, text)? {
                    Some(found) => Some(found),
                    None => self.look_up(reader, LookupKey::OrganizationExternalId, text)?,
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

    /// Whether there are any pending invitations in the realm.
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

    /// Refuses an id that is in use, or was.
    pub(super) fn must_be_unused(&self, id: i64, subject: Subject) -> Result<()> {
        if self.used.contains(&id) {
            return Err(Error::AlreadyExists { subject, field: "id", id: Some(id) });
        }
        Ok(())
    }
}
