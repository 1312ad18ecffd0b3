//! Conversion between the vendor's types and Roster's, in both directions. No other module of this crate does that.

pub(crate) mod roles;
pub(crate) mod users;

use std::collections::HashMap;

use roster_engine::id::kind_of;
use roster_engine::{
    Aliases, Dialect, EntityId, Error, InOrganization, Invited, Kind, Listed, Member, NewOrganization, Organization,
    RoleCatalog, Subject, Surface, User, UserId, UserRef,
};
use roster_http::Failure;

use crate::body::{organization_name, time};
use crate::session::Session;
use crate::wire;

pub(crate) const SURFACE: Surface = Surface::Clerk;
pub(crate) const DIALECT: Dialect = Dialect::Clerk;

/// The id of something that has no imported id.
pub(crate) fn id(id: impl EntityId) -> String {
    SURFACE.show(id, &Aliases::default())
}

pub(crate) fn organization_id(organization: &Organization) -> String {
    SURFACE.show(organization.id, &organization.aliases)
}

pub(crate) fn user_id(user: &User) -> String {
    SURFACE.show(user.id, &user.aliases)
}

/// Adds the user's name as sent to an error about an unknown user.
pub(crate) fn with_user_named(user: &str) -> impl Fn(Error) -> Error + '_ {
    move |error| match error {
        Error::NotFound(Subject::User) | Error::Reference { subject: Subject::User, .. } => {
            Error::Unknown { subject: Subject::User, named: user.to_owned() }
        }
        other => other,
    }
}

/// The same for a list whose items were refused. `users`: the user that each item names.
pub(crate) fn with_each_user_named(users: &[&str], error: Error) -> Error {
    let named = |(place, error): (usize, Error)| {
        let user = users.get(place).copied().unwrap_or_default();
        (place, with_user_named(user)(error))
    };
    match error {
        Error::Items(items) => Error::Items(items.into_iter().map(named).collect()),
        other => other,
    }
}

pub(crate) fn paged<M, T>(listed: Listed<M>, one: impl FnMut(&M) -> T) -> wire::Paged<T> {
    let total_count = listed.total.unwrap_or_default();
    wire::Paged { data: listed.items.iter().map(one).collect(), total_count }
}

/// One line that identifies the user.
pub(crate) fn identifier(user: &User) -> Option<String> {
    user.email().or_else(|| user.phone()).or(user.username.as_deref()).map(str::to_owned)
}

/// Creators with an imported id, and that id.
pub(crate) type Creators = HashMap<UserId, String>;

/// The creator, if it is a user: tokens create organizations, too, but the vendor shows only users.
pub(crate) fn creator(o: &Organization) -> Option<UserId> {
    o.created_by.filter(|raw| kind_of(*raw) == Some(Kind::User)).map(UserId::from_raw)
}

pub(crate) fn organization(session: &Session, creators: &Creators, o: &Organization) -> wire::Organization {
    let id = organization_id(o);
    wire::Organization {
        object: "organization",
        image_url: session.image(o.id),
        id,
        name: o.name.clone(),
        slug: o.slug.clone(),
        has_image: false,
        max_allowed_memberships: o.max_members,
        admin_delete_enabled: o
            .extras
            .of(DIALECT)
            .and_then(|own| own.get("admin_delete_enabled")?.as_bool())
            .unwrap_or(true),
        public_metadata: o.public.clone(),
        private_metadata: o.private.clone(),
        created_by: creator(o).map(|user| creators.get(&user).cloned().unwrap_or_else(|| self::id(user))),
        created_at: o.created.as_ms(),
        updated_at: o.updated.as_ms(),
        members_count: None,
        pending_invitations_count: None,
        missing_member_with_elevated_permissions: None,
    }
}

/// Adds the counts that were asked for.
pub(crate) fn put_counts(wire: &mut wire::Organization, counts: InOrganization, members: bool, elevated: bool) {
    if members {
        wire.members_count = Some(counts.members);
        wire.pending_invitations_count = Some(counts.pending_invitations);
    }
    if elevated {
        wire.missing_member_with_elevated_permissions = Some(!counts.has_admin);
    }
}

pub(crate) fn new_organization(body: wire::CreateOrganization) -> Result<NewOrganization, Failure> {
    Ok(NewOrganization {
        name: organization_name(body.name)?,
        slug: body.slug,
        max_members: body.max_allowed_memberships.unwrap_or_default(),
        created: time("created_at", body.created_at.as_deref())?,
        public: body.public_metadata.unwrap_or_default(),
        private: body.private_metadata.unwrap_or_default(),
        creator: body.created_by.filter(|id| !id.is_empty()).map(UserRef::Text),
        ..NewOrganization::default()
    })
}

pub(crate) fn membership(
    session: &Session,
    catalog: &RoleCatalog,
    creators: &Creators,
    member: &Member,
) -> wire::OrganizationMembership {
    let (m, u) = (&member.membership, &member.user);
    let (role, role_name, permissions) = roles::shown(catalog, m.roles);
    let user_id = user_id(u);
    wire::OrganizationMembership {
        object: "organization_membership",
        id: id(m.id),
        role,
        role_name,
        permissions,
        public_metadata: m.public.clone(),
        private_metadata: m.private.clone(),
        organization: organization(session, creators, &member.organization),
        public_user_data: wire::PublicUserData {
            first_name: u.first_name.clone(),
            last_name: u.last_name.clone(),
            profile_image_url: Some(session.image(u.id)),
            image_url: session.image(u.id),
            has_image: false,
            identifier: identifier(u),
            username: u.username.clone(),
            banned: !u.is_active(),
            deprovisioned: false,
            user_id,
        },
        created_at: m.created.as_ms(),
        updated_at: m.updated.as_ms(),
    }
}

/// `whole`: whether to include the organization's data.
pub(crate) fn invitation(
    session: &Session,
    catalog: &RoleCatalog,
    invited: &Invited,
    whole: bool,
) -> wire::OrganizationInvitation {
    let (i, o) = (&invited.invitation, &invited.organization);
    let (role, role_name, _) = roles::shown(&catalog.of_invitation(i), i.roles);
    let organization_id = organization_id(o);
    let organization = || wire::PublicOrganizationData {
        id: organization_id.clone(),
        name: o.name.clone(),
        slug: o.slug.clone(),
        has_image: false,
        image_url: session.image(o.id),
    };
    let inviter = invited.inviter.as_ref().map(|user| wire::PublicInviterData {
        user_id: user_id(user),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        image_url: session.image(user.id),
        has_image: false,
        identifier: identifier(user).unwrap_or_default(),
    });
    wire::OrganizationInvitation {
        object: "organization_invitation",
        id: id(i.id),
        email_address: i.email.clone(),
        role,
        role_name,
        inviter_id: inviter.as_ref().map(|inviter| inviter.user_id.clone()).or(i.inviter.map(id)),
        public_inviter_data: inviter,
        status: i.status.word(),
        public_metadata: i.public.clone(),
        private_metadata: i.private.clone(),
        url: None,
        expires_at: Some(i.expires.as_ms()),
        created_at: i.created.as_ms(),
        updated_at: i.updated.as_ms(),
        public_organization_data: whole.then(organization),
        organization_id,
    }
}
