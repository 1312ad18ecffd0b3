use roster_model::{Change, EntityId as _, Organization, OrganizationId, OrganizationStatus, text};
use roster_store::LookupKey;

use super::apply::Chunk;
use super::record::{IncomingOrganization, IncomingRoot, OrganizationName};
use super::users::{aliases, check_extras, word};
use crate::error::{Error, Result, Subject};
use crate::organizations;

impl Chunk<'_> {
    pub(super) fn organization(&mut self, line: &IncomingOrganization) -> Result<()> {
        let above = line.parent.as_ref().unwrap_or(&OrganizationName::Root);
        let parent = self.place(above)?;
        let mut organization = organizations::build(self.creation, &parent, &line.new)?;
        check_extras(&organization.extras)?;
        organization.aliases = aliases::<OrganizationId>(&line.carried.aliases)?;
        organization.suspended = line.suspended;
        organization.status = match line.status {
            OrganizationStatus::Gone => return Err(Error::invalid("status", "must be active or deleted")),
            status => status,
        };
        organization.hidden = parent.hidden || line.status == OrganizationStatus::Deleted;
        organization.created_by = line.carried.created_by;
        self.apply_carried(
            &line.carried,
            Subject::Organization,
            &mut organization.id,
            &mut organization.created,
            &mut organization.updated,
        )?;
        if line.new.slug.is_none() {
            let (known, reader) = (&mut *self.known, self.reader);
            organization.slug = organizations::make_slug(&line.new.name, organization.id, |slug| {
                Ok(known.look_up(reader, LookupKey::Slug, slug)?.is_none())
            })?;
        }
        let names = names(&organization);
        for (key, name) in &names {
            if let Some(id) = self.known.look_up(self.reader, *key, name)? {
                let (subject, field) = (Subject::Organization, word(*key));
                return Err(Error::AlreadyExists { subject, field, id: Some(id) });
            }
        }
        for (key, name) in &names {
            self.known.put_name(*key, name, Some(organization.id.raw()));
        }
        self.known.used.insert(organization.id.raw());
        self.known.put_place(organization.id, Some(organization.clone()));
        self.known.owned.insert(organization.id, false);
        self.changes.push(Change::OrganizationCreated { after: Box::new(organization) });
        Ok(())
    }

    /// Updates the root, which exists already.
    pub(super) fn root(&mut self, line: &IncomingRoot) -> Result<()> {
        let before = self.place(&OrganizationName::Root)?;
        let patch = organizations::OrganizationPatch {
            name: line.name.clone(),
            external_id: line.external_id.clone().map(Some),
            max_members: line.max_members,
            email_domains: line.email_domains.clone(),
            visibility: line.visibility,
            locale: line.locale.clone().map(Some),
            public: line.public.clone().map(crate::memberships::MetadataWrite::Replace),
            private: line.private.clone().map(crate::memberships::MetadataWrite::Replace),
            suspended: line.suspended,
            created: line.created,
            ..organizations::OrganizationPatch::default()
        };
        let mut after = organizations::patched(&before, &patch)?;
        if let Some(extras) = &line.extras {
            check_extras(extras)?;
            after.extras = extras.clone();
        }
        if let Some(external_id) = &line.external_id {
            match self.known.look_up(self.reader, LookupKey::OrganizationExternalId, external_id)? {
                Some(other) if other != after.id.raw() => {
                    let (subject, field) = (Subject::Organization, "external_id");
                    return Err(Error::AlreadyExists { subject, field, id: Some(other) });
                }
                _ => {}
            }
            self.known.put_name(LookupKey::OrganizationExternalId, external_id, Some(after.id.raw()));
        }
        if let Some(updated) = line.updated {
            after.updated = updated;
        }
        if after == *before {
            return Ok(());
        }
        if line.updated.is_none() {
            after.updated = self.creation.now.advanced_past(before.updated);
        }
        self.known.put_place(after.id, Some(after.clone()));
        let before = Box::new(Organization::clone(&before));
        self.changes.push(Change::OrganizationUpdated { before, after: Box::new(after) });
        Ok(())
    }

    /// The organization that a line refers to.
    pub(super) fn place(&mut self, name: &OrganizationName) -> Result<std::sync::Arc<Organization>> {
        self.known.organization(self.reader, name)?.ok_or_else(|| {
            let named = match name {
                OrganizationName::Root => String::from("/"),
                OrganizationName::Id(id) => id.native(),
                OrganizationName::Text(text)
                | OrganizationName::Slug(text)
                | OrganizationName::ExternalId(text)
                | OrganizationName::Alias(_, text) => text.clone(),
            };
            Error::Unknown { subject: Subject::Organization, named }
        })
    }
}

fn names(organization: &Organization) -> Vec<(LookupKey, String)> {
    let aliases = organization.aliases.0.iter().map(|(dialect, alias)| (LookupKey::Alias(*dialect), alias.clone()));
    let external_id = organization.external_id.clone().map(|id| (LookupKey::OrganizationExternalId, id));
    std::iter::once((LookupKey::Slug, organization.slug.clone())).chain(external_id).chain(aliases).collect()
}

/// The slug of an organization, else the one derived from its name.
pub(super) fn preferred_slug(line: &IncomingOrganization) -> String {
    line.new.slug.clone().unwrap_or_else(|| text::suggest_slug(&line.new.name))
}
