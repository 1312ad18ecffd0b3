//! Conversion between the vendor's types and Roster's, in both directions. No other module of this crate does that.

pub(crate) mod locale;
pub(crate) mod roles;
pub(crate) mod settings;

use roster_engine::{
    Aliases, Dialect, EntityId, Error, Form, Member, MembershipId, Organization, OrganizationStatus, Person,
    RoleCatalog, Subject, Surface, Timestamp, Token, User, UserId,
};

use crate::wire;

pub(crate) const SURFACE: Surface = Surface::Enhance;
pub(crate) const DIALECT: Dialect = Dialect::Enhance;

const COLORS: [&str; 8] = ["#3b82f6", "#ef4444", "#10b981", "#f59e0b", "#8b5cf6", "#ec4899", "#14b8a6", "#64748b"];

/// An id in this vendor's form.
pub(crate) fn id(id: impl EntityId) -> String {
    SURFACE.show(id, &Aliases::default())
}

/// A string that isn't in the form of a member's id names nobody.
pub(crate) fn member_id(id: &str) -> Option<MembershipId> {
    Form::read_any(id)
}

pub(crate) fn known_member_id(id: &str) -> Result<MembershipId, Error> {
    member_id(id).ok_or(Error::NotFound(Subject::Membership))
}

pub(crate) fn user_id(user: &User) -> String {
    SURFACE.show(user.id, &user.aliases)
}

pub(crate) fn organization_id(organization: &Organization) -> String {
    SURFACE.show(organization.id, &organization.aliases)
}

/// The user's address, or one computed from the id: the clients require one, and nobody can own that domain.
pub(crate) fn email(user: &User) -> String {
    user.email_or_placeholder().into_owned()
}

/// A color that is always the same for a user.
pub(crate) fn color(user: UserId) -> String {
    let place = usize::try_from(user.raw()).unwrap_or_default() % COLORS.len();
    COLORS[place].to_owned()
}

/// A day, in UTC.
pub(crate) fn date(time: Timestamp) -> String {
    let text = time.rfc3339();
    text.get(..10).unwrap_or(&text).to_owned()
}

/// RFC 3339; without an offset (as Python writes naive times) it is UTC.
pub(crate) fn time(text: &str) -> Option<(Timestamp, String)> {
    let parsed = |text: String| Timestamp::parse(&text).map(|time| (time, text));
    parsed(text.to_owned()).or_else(|| parsed(format!("{text}Z")))
}

pub(crate) fn person(catalog: &RoleCatalog, person: &Person) -> wire::Member {
    let roles = roles::show(catalog, person.roles());
    wire::Member {
        id: id(person.id()),
        login_id: person.user().map_or_else(|| id(person.user_id()), user_id),
        is_active: person.is_member(),
        email: person.email().into_owned(),
        name: person.name().to_owned(),
        site_accesses: settings::sites(person.extras()),
        notifications: settings::notifications(person.extras()),
        joined_at: date(person.since()),
        color_code: color(person.user_id()),
        roles,
    }
}

pub(crate) fn membership(catalog: &RoleCatalog, member: &Member) -> wire::LoginMembership {
    let Member { membership, organization, .. } = member;
    wire::LoginMembership {
        member_id: id(membership.id),
        org_id: organization_id(organization),
        org_name: organization.name.clone(),
        is_master_org: organization.is_root(),
        roles: roles::show(catalog, membership.roles),
        site_access_count: settings::sites(&membership.extras).len() as u64,
    }
}

pub(crate) fn login(user: &User, password_changed: Option<Timestamp>) -> wire::Login {
    wire::Login {
        id: user_id(user),
        email: email(user),
        name: user.name.clone(),
        color_code: color(user.id),
        registered_at: user.created.rfc3339(),
        password_last_changed_at: password_changed.map(Timestamp::rfc3339),
        auth_method: wire::AuthMethod::Basic,
        locale: locale::show(user.locale.as_deref()),
    }
}

/// `parent`: the id that its parent is shown by. `master`: the master organization's id, shown as the one that suspends others.
pub(crate) fn org(
    organization: &Organization,
    owner: Option<&Member>,
    parent: Option<String>,
    master: &str,
) -> wire::Org {
    wire::Org {
        id: organization_id(organization),
        parent_id: parent,
        name: organization.name.clone(),
        status: match organization.shown_status() {
            OrganizationStatus::Active => wire::Status::Active,
            OrganizationStatus::Deleted | OrganizationStatus::Gone => wire::Status::Deleted,
        },
        suspended_by: organization.suspended.then(|| master.to_owned()),
        owner: owner.map(|owner| owner.user.name.clone()),
        owner_email: owner.map(|owner| email(&owner.user)),
        owner_id: owner.map(|owner| id(owner.membership.id)),
        owner_login_id: owner.map(|owner| user_id(&owner.user)),
        subscriptions_count: 0,
        websites_count: 0,
        created_at: organization.created.rfc3339(),
        locale: locale::show(organization.locale.as_deref()),
        slack_notification_webhook_url: organization.extras.text(DIALECT, settings::SLACK).map(str::to_owned),
    }
}

pub(crate) fn token(catalog: &RoleCatalog, token: &Token) -> wire::OrgAccessToken {
    let extras = token.extras.of(DIALECT);
    let given = token.extras.text(DIALECT, settings::EXPIRES);
    // Shown as it was given, to the microsecond, unless another surface has changed it.
    let as_given = given.filter(|given| Timestamp::parse(given) == token.expires && token.expires.is_some());
    wire::OrgAccessToken {
        id: id(token.id),
        first_five: first_five(token),
        roles: roles::show(catalog, token.roles),
        token_expires: as_given.map(str::to_owned).or_else(|| token.expires.map(Timestamp::rfc3339)),
        friendly_name: token.name.clone(),
        allowed_ips: extras.and_then(|e| serde_json::from_value(e.get(settings::ALLOWED_IPS)?.clone()).ok()),
        ip_restricted: extras.and_then(|e| e.get(settings::IP_RESTRICTED)?.as_bool()),
    }
}

pub(crate) fn first_five(token: &Token) -> String {
    token.hint.chars().take(5).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_an_offset() {
        let ms = |text: &str| time(text).map(|(time, _)| time.as_ms());
        let noon = ms("2030-01-01T12:00:00Z");
        assert!(noon.is_some());
        for same in
            ["2030-01-01T12:00:00", "2030-01-01T13:00:00+01:00", "2030-01-01T12:00:00.000000", "2030-01-01 12:00:00"]
        {
            assert_eq!(ms(same), noon, "{same}");
        }
        for bad in ["", "tomorrow", "2030-13-01T00:00:00", "2030-01-01"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
        assert_eq!(date(Timestamp::from_ms(1_795_327_200_123)), "2026-11-22");
    }
}
