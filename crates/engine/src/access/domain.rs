//! What a directory may do: its rights are held at the top of its provisioning domain and count below it.

use roster_model::permission::BuiltIn as P;
use roster_model::{Change, Organization, OrganizationId, Realm, Right, User};

use super::{Allowed, Found, Proof, forbidden};
use crate::error::{Error, Result, Subject};
use crate::transaction::Reader;

/// The provisioning domain of a directory: an organization with everything below it.
#[derive(Clone, Debug)]
pub struct Domain {
    organization: Organization,
}

impl Domain {
    /// The organization at its top.
    pub const fn organization(&self) -> &Organization {
        &self.organization
    }

    pub const fn id(&self) -> OrganizationId {
        self.organization.id
    }

    /// Whether it is the whole realm.
    pub const fn is_realm(&self) -> bool {
        self.organization.is_root()
    }

    /// The organization to which lookups must be limited. `None`: the domain is the whole realm.
    pub(crate) fn bounded(&self) -> Option<OrganizationId> {
        (!self.is_realm()).then_some(self.organization.id)
    }

    pub(crate) const fn realm(root: Organization) -> Self {
        Self { organization: root }
    }

    pub(crate) fn holds(&self, reader: Reader<'_>, organization: OrganizationId) -> Result<bool> {
        Ok(self.is_realm() || reader.view.chain(organization)?.contains(&self.organization.id))
    }
}

const READ: [P; 3] = [P::UsersRead, P::OrganizationsRead, P::MembershipsRead];

impl Found<Organization> {
    /// For reading users and groups: the caller must be allowed to read the organization and its members. A key's scopes must also include
    /// `users:read`.
    pub(crate) fn allow_directory_read(self, reader: Reader<'_>) -> Result<Allowed<Domain>> {
        let standing = reader.standing(&self.0)?;
        let needed = READ.map(|permission| permission.key().to_owned());
        if !standing.scopes_cover(Some(&needed)) || !standing.holds(Right::tree(P::OrganizationsRead)) {
            return Err(forbidden(Right::tree(P::OrganizationsRead)));
        }
        if !standing.holds(Right::tree(P::MembershipsRead)) && !standing.holds(Right::tree(P::UsersRead)) {
            return Err(forbidden(Right::tree(P::MembershipsRead)));
        }
        Ok(Allowed { entity: Domain { organization: self.0 }, standing })
    }

    /// For writing, with this permission.
    pub(crate) fn allow_directory(self, reader: Reader<'_>, permission: P) -> Result<Allowed<Domain>> {
        let standing = reader.standing(&self.0)?;
        if standing.holds(Right::tree(permission)) {
            Ok(Allowed { entity: Domain { organization: self.0 }, standing })
        } else {
            Err(forbidden(Right::tree(permission)))
        }
    }
}

impl Allowed<Domain> {
    /// A user who was looked up, if visible to the domain; else `NotFound`.
    pub(crate) fn sees(&self, reader: Reader<'_>, found: Found<User>) -> Result<Allowed<User>> {
        let user = found.0;
        let visible = match self.bounded() {
            None => true,
            Some(domain) => {
                reader.view.directory_link(domain, user.id)?.is_some()
                    || reader.view.belongs_to_domain(domain, user.id, reader.now())?
            }
        };
        if visible {
            Ok(Allowed { entity: user, standing: self.standing.clone() })
        } else {
            Err(Error::NotFound(Subject::User))
        }
    }

    /// Proof for creating users in the realm, for a directory that may create them in its domain.
    pub(crate) fn creating_users(&self, realm: Realm) -> Allowed<Realm> {
        Allowed { entity: realm, standing: self.standing.clone() }
    }
}

impl Proof for Allowed<Domain> {
    fn covers(&self, change: &Change) -> bool {
        match change {
            Change::DirectoryLinkCreated { after: link }
            | Change::DirectoryLinkUpdated { after: link, .. }
            | Change::DirectoryLinkDeleted { before: link } => self.is_realm() || link.domain == self.id(),
            _ => false,
        }
    }
}
