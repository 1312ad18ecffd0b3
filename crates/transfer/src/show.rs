//! Converts the engine's types to lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use roster_engine::{
    Address, AddressKind, Aliases, Base, EntityId, Exported, Kind, LinkSubject, Metadata, Organization, OrganizationId,
    OrganizationStatus, RoleCatalog, RoleSet, TokenId, User, UserId, UserStatus, Visibility, id::kind_of,
};
use serde::de::IgnoredAny;

use crate::record::{self, Line};
use crate::reference::{ROOT, Reference};

/// Builds lines; knows the realm's root and roles, which lines refer to by name.
pub(crate) struct LineBuilder {
    root: OrganizationId,
    roles: Arc<RoleCatalog>,
}

fn filled(map: Metadata) -> Option<Metadata> {
    (!map.is_empty()).then_some(map)
}

fn author(raw: Option<i64>) -> Option<String> {
    let raw = raw?;
    match kind_of(raw)? {
        Kind::User => Some(UserId::from_raw(raw).native()),
        Kind::Token => Some(TokenId::from_raw(raw).native()),
        _ => None,
    }
}

/// Without those that an earlier version took, although nobody can ask for them: no import would take them.
fn aliases(aliases: Aliases) -> BTreeMap<String, String> {
    let fitting = aliases.0.into_iter().filter(|(dialect, text)| dialect.check_id(text).is_ok());
    fitting.map(|(dialect, text)| (dialect.word().to_owned(), text)).collect()
}

impl LineBuilder {
    pub(crate) const fn new(root: OrganizationId, roles: Arc<RoleCatalog>) -> Self {
        Self { root, roles }
    }

    fn organization_reference(&self, id: OrganizationId) -> Reference {
        Reference::Text(if id == self.root { ROOT.to_owned() } else { id.native() })
    }

    fn role_keys(&self, roles: RoleSet) -> Vec<String> {
        self.roles.keys(roles).into_iter().map(str::to_owned).collect()
    }

    pub(crate) fn line(&self, record: Exported) -> Line {
        match record {
            Exported::Permission(permission) => Line::Permission(record::Permission {
                id: Some(permission.id.native()),
                key: permission.key,
                name: Some(permission.name),
                description: permission.description,
                created_at: Some(permission.created.rfc3339()),
                updated_at: Some(permission.updated.rfc3339()),
                ..record::Permission::default()
            }),
            Exported::Role(role) => Line::Role(record::Role {
                id: Some(role.id.native()),
                number: Some(role.number.get()),
                key: role.key,
                name: Some(role.name),
                description: role.description,
                base: Some(match role.base {
                    Base::Admin => record::Base::Admin,
                    Base::Member => record::Base::Member,
                    Base::Viewer => record::Base::Viewer,
                }),
                reaches_down: role.reaches_down,
                permissions: role.permissions,
                created_at: Some(role.created.rfc3339()),
                updated_at: Some(role.updated.rfc3339()),
                ..record::Role::default()
            }),
            Exported::Organization(organization) => Line::Organization(Box::new(self.organization(organization))),
            Exported::User(user) => Line::User(Box::new(show_user(user))),
            Exported::Membership(membership) => Line::Membership(Box::new(record::Membership {
                _kind: IgnoredAny,
                id: Some(membership.id.native()),
                organization: self.organization_reference(membership.organization),
                user: Reference::Text(membership.user.native()),
                roles: self.role_keys(membership.roles),
                default: membership.is_default,
                created_by: author(membership.created_by),
                created_at: Some(membership.created.rfc3339()),
                updated_at: Some(membership.updated.rfc3339()),
                public_metadata: membership.public,
                private_metadata: membership.private,
                extras: membership.extras.0,
            })),
            Exported::Invitation(invitation) => Line::Invitation(Box::new(record::Invitation {
                _kind: IgnoredAny,
                id: Some(invitation.id.native()),
                organization: self.organization_reference(invitation.organization),
                email: invitation.email,
                name: invitation.name,
                user_id: invitation.user.map(EntityId::native),
                roles: self.role_keys(invitation.roles),
                inviter: invitation.inviter.map(|inviter| Reference::Text(inviter.native())),
                expires_at: Some(invitation.expires.rfc3339()),
                created_at: Some(invitation.created.rfc3339()),
                updated_at: Some(invitation.updated.rfc3339()),
                public_metadata: invitation.public,
                private_metadata: invitation.private,
                extras: invitation.extras.0,
            })),
            Exported::AccountUser(account_user) => Line::AccountUser(record::AccountUser {
                _kind: IgnoredAny,
                organization: self.organization_reference(account_user.organization),
                user: Reference::Text(account_user.user.native()),
                external_id: account_user.external_id,
                user_schema: account_user.user_schema,
                active: account_user.active,
                created_at: Some(account_user.created.rfc3339()),
            }),
            Exported::DirectoryLink(link) => {
                let (user, organization) = match link.subject {
                    LinkSubject::User(user) => (Some(Reference::Text(user.native())), None),
                    LinkSubject::Organization(organization) => (None, Some(self.organization_reference(organization))),
                };
                Line::DirectoryLink(Box::new(record::DirectoryLink {
                    _kind: IgnoredAny,
                    domain: self.organization_reference(link.domain),
                    user,
                    organization,
                    external_id: link.external_id,
                    user_name: link.user_name,
                    home: link.home,
                    suspended: link.suspended,
                    document: link.document,
                    addresses: link.addresses,
                    given: link.given.map(|given| record::Given {
                        first_name: given.first_name,
                        last_name: given.last_name,
                        email: given.email,
                    }),
                    created_at: Some(link.created.rfc3339()),
                    updated_at: Some(link.updated.rfc3339()),
                }))
            }
        }
    }

    fn organization(&self, organization: Organization) -> record::Organization {
        let root = organization.is_root();
        record::Organization {
            root,
            id: (!root).then(|| organization.id.native()),
            parent: organization.parent.map(|parent| self.organization_reference(parent)),
            name: Some(organization.name),
            slug: (!root).then_some(organization.slug),
            external_id: organization.external_id,
            max_members: (organization.max_members > 0).then_some(organization.max_members),
            email_domains: (!organization.email_domains.is_empty()).then_some(organization.email_domains),
            visibility: match organization.visibility {
                Visibility::Admins => Some(record::Visibility::Admins),
                Visibility::Members => None,
                Visibility::Realm => Some(record::Visibility::Realm),
            },
            status: match organization.status {
                OrganizationStatus::Deleted => Some(record::OrganizationStatus::Deleted),
                OrganizationStatus::Active | OrganizationStatus::Gone => None,
            },
            suspended: organization.suspended.then_some(true),
            locale: organization.locale,
            aliases: aliases(organization.aliases),
            created_by: author(organization.created_by).filter(|_| !root),
            created_at: Some(organization.created.rfc3339()),
            updated_at: Some(organization.updated.rfc3339()),
            public_metadata: filled(organization.public),
            private_metadata: filled(organization.private),
            extras: filled(organization.extras.0),
            ..record::Organization::default()
        }
    }
}

fn show_user(user: User) -> record::User {
    // If they were left out, an import would derive first and last name from the whole name.
    let only_whole_name = user.first_name.is_none() && user.last_name.is_none() && !user.name.is_empty();
    let part = |part: Option<String>| if only_whole_name { Some(None) } else { part.map(Some) };
    let has_part = user.first_name.is_some() || user.last_name.is_some();
    record::User {
        id: Some(user.id.native()),
        addresses: (!user.addresses.is_empty()).then(|| user.addresses.into_iter().map(address).collect()),
        name: (has_part || !user.name.is_empty()).then_some(user.name),
        first_name: part(user.first_name),
        last_name: part(user.last_name),
        username: user.username,
        external_id: user.external_id,
        status: match user.status {
            UserStatus::Active => None,
            UserStatus::Inactive => Some(record::UserStatus::Inactive),
        },
        locale: user.locale,
        aliases: aliases(user.aliases),
        created_at: Some(user.created.rfc3339()),
        updated_at: Some(user.updated.rfc3339()),
        public_metadata: user.public,
        private_metadata: user.private,
        unsafe_metadata: user.open,
        extras: user.extras.0,
        ..record::User::default()
    }
}

fn address(address: Address) -> record::Address {
    record::Address {
        id: Some(address.id.native()),
        kind: match address.kind {
            AddressKind::Email => record::AddressKind::Email,
            AddressKind::Phone => record::AddressKind::Phone,
        },
        value: address.value,
        primary: address.primary,
        verified: address.verified,
        created_at: Some(address.created.rfc3339()),
    }
}
