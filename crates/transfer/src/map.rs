//! Converts lines to the engine's types. Every error names its field.

use std::collections::BTreeMap;

use roster_engine::{
    AccountUserFields, AddressKind, Base, Carried, Dialect, EntityId, Extras, Form, Incoming, IncomingAccountUser,
    IncomingAddress, IncomingDirectoryLink, IncomingInvitation, IncomingMembership, IncomingOrganization, IncomingRoot,
    IncomingSubject, IncomingUser, NewMembership, NewOrganization, NewPermission, NewRole, NewUser, OrganizationStatus,
    ProfileSnapshot, RoleNumber, Timestamp, TokenId, UserId, UserStatus, Visibility,
};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::record::{self, LineType};

/// What a line holds.
#[derive(Debug)]
pub(crate) enum Line {
    Header(record::Header),
    Record(Incoming),
    End(record::End),
}

/// Why a line doesn't conform to the format.
pub(crate) type Problem = String;

const KINDS: &str =
    "header, permission, role, organization, user, membership, invitation, account_user, directory_link, end";

/// Reads one line.
pub(crate) fn read(text: &[u8]) -> Result<Line, Problem> {
    if !text.starts_with(b"{") {
        // serde would also accept an array.
        parse::<IgnoredAny>(text)?;
        return Err(String::from("is not a JSON object"));
    }
    let LineType { kind } = parse(text)?;
    let record = match kind.as_str() {
        "membership" => membership(parse(text)?)?,
        "user" => user(parse(text)?)?,
        "organization" => organization(parse(text)?)?,
        "role" => role(parse(text)?)?,
        "permission" => permission(parse(text)?)?,
        "invitation" => invitation(parse(text)?)?,
        "account_user" => account_user(parse(text)?)?,
        "directory_link" => directory_link(parse(text)?)?,
        "header" => return Ok(Line::Header(parse(text)?)),
        "end" => return Ok(Line::End(parse(text)?)),
        other => return Err(format!("type {other:?} is unknown; there are {KINDS}")),
    };
    Ok(Line::Record(record))
}

/// The name of a kind of record, for counting.
pub(crate) const fn kind(record: &Incoming) -> &'static str {
    match record {
        Incoming::Permission(_) => "permissions",
        Incoming::Role(_) => "roles",
        Incoming::Root(_) | Incoming::Organization(_) => "organizations",
        Incoming::User(_) => "users",
        Incoming::Membership(_) => "memberships",
        Incoming::Invitation(_) => "invitations",
        Incoming::AccountUser(_) => "account_users",
        Incoming::DirectoryLink(_) => "directory_links",
    }
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(text).map_err(|error| explain::<T>(text, &error))
}

/// Parses once more to find out which field is at fault.
fn explain<T: DeserializeOwned>(text: &[u8], error: &serde_json::Error) -> Problem {
    if error.is_syntax() || error.is_eof() {
        return format!("is not JSON: {}", place(&error.to_string()));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let message = |error: &serde_json::Error| {
        let message = error.to_string();
        message.rsplit_once(" at line ").map_or(message.clone(), |(before, _)| before.to_owned())
    };
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => message(error),
        Err(at) if at.path().to_string() == "." => message(at.inner()),
        Err(at) => format!("{}: {}", at.path(), message(at.inner())),
    }
}

/// Drops the line from a position: the text is always one line.
fn place(message: &str) -> String {
    message.replace(" at line 1 column ", " at column ")
}

fn id<I: EntityId>(text: Option<String>, field: &str) -> Result<Option<I>, Problem> {
    let read = |text: String| {
        let problem = || format!("{field} is not the id of a {}, such as {}", I::KIND, I::from_raw(0).native());
        Form::read_any(&text).ok_or_else(problem)
    };
    text.map(read).transpose()
}

fn time(text: Option<String>, field: &str) -> Result<Option<Timestamp>, Problem> {
    let read = |text: String| {
        Timestamp::parse(&text).ok_or_else(|| format!("{field} must be a time such as 2026-11-22T06:00:00.000Z"))
    };
    text.map(read).transpose()
}

/// The creator: a user or a token.
fn author(text: Option<String>) -> Result<Option<i64>, Problem> {
    let read = |text: String| {
        let user = Form::read_any::<UserId>(&text).map(EntityId::raw);
        let token = || Form::read_any::<TokenId>(&text).map(EntityId::raw);
        user.or_else(token).ok_or_else(|| String::from("created_by is not the id of a user or token"))
    };
    text.map(read).transpose()
}

fn aliases(given: BTreeMap<String, String>) -> Result<Vec<(Dialect, String)>, Problem> {
    let read = |(word, text): (String, String)| {
        let dialect = Dialect::from_word(&word);
        dialect.map(|dialect| (dialect, text)).ok_or_else(|| format!("aliases: {word:?} is no API that Roster speaks"))
    };
    given.into_iter().map(read).collect()
}

fn permission(line: record::Permission) -> Result<Incoming, Problem> {
    let carried = Carried {
        id: id(line.id, "id")?,
        created: time(line.created_at, "created_at")?,
        updated: time(line.updated_at, "updated_at")?,
        ..Carried::default()
    };
    let new = NewPermission { key: line.key, name: line.name, description: line.description };
    Ok(Incoming::Permission(Box::new((carried, new))))
}

fn role(line: record::Role) -> Result<Incoming, Problem> {
    let carried = Carried {
        id: id(line.id, "id")?,
        created: time(line.created_at, "created_at")?,
        updated: time(line.updated_at, "updated_at")?,
        ..Carried::default()
    };
    let number = |number: u8| {
        let own = RoleNumber::new(number).filter(|number| number.get() >= RoleNumber::FIRST_CUSTOM);
        own.ok_or_else(|| String::from("number must be from 8 to 62"))
    };
    let number = line.number.map(number).transpose()?;
    let new = NewRole {
        key: line.key,
        name: line.name,
        description: line.description,
        base: line.base.map(base).unwrap_or_default(),
        reaches_down: line.reaches_down,
        permissions: line.permissions,
    };
    Ok(Incoming::Role(Box::new((carried, number, new))))
}

const fn base(base: record::Base) -> Base {
    match base {
        record::Base::Admin => Base::Admin,
        record::Base::Member => Base::Member,
        record::Base::Viewer => Base::Viewer,
    }
}

fn organization(line: record::Organization) -> Result<Incoming, Problem> {
    let visibility = line.visibility.map(|visibility| match visibility {
        record::Visibility::Admins => Visibility::Admins,
        record::Visibility::Members => Visibility::Members,
        record::Visibility::Realm => Visibility::Realm,
    });
    let created = time(line.created_at, "created_at")?;
    let updated = time(line.updated_at, "updated_at")?;
    if line.root {
        let other = [
            ("id", line.id.is_some()),
            ("parent", line.parent.is_some()),
            ("slug", line.slug.is_some()),
            ("status", line.status.is_some()),
            ("aliases", !line.aliases.is_empty()),
            ("created_by", line.created_by.is_some()),
        ];
        if let Some((field, _)) = other.iter().find(|(_, given)| *given) {
            return Err(format!("{field} can't be given for the root"));
        }
        return Ok(Incoming::Root(Box::new(IncomingRoot {
            name: line.name,
            external_id: line.external_id,
            max_members: line.max_members,
            email_domains: line.email_domains,
            visibility,
            suspended: line.suspended,
            locale: line.locale,
            public: line.public_metadata,
            private: line.private_metadata,
            extras: line.extras.map(Extras),
            created,
            updated,
        })));
    }
    let carried = Carried {
        id: id(line.id, "id")?,
        created,
        updated,
        created_by: author(line.created_by)?,
        aliases: aliases(line.aliases)?,
    };
    let new = NewOrganization {
        name: line.name.ok_or("missing field `name`")?,
        slug: line.slug,
        external_id: line.external_id,
        max_members: line.max_members.unwrap_or_default(),
        email_domains: line.email_domains.unwrap_or_default(),
        visibility: visibility.unwrap_or_default(),
        locale: line.locale,
        public: line.public_metadata.unwrap_or_default(),
        private: line.private_metadata.unwrap_or_default(),
        extras: Extras(line.extras.unwrap_or_default()),
        ..NewOrganization::default()
    };
    let parent = line.parent.map(|parent| parent.organization().map_err(|problem| format!("parent {problem}")));
    Ok(Incoming::Organization(Box::new(IncomingOrganization {
        carried,
        parent: parent.transpose()?,
        new,
        status: match line.status {
            None | Some(record::OrganizationStatus::Active) => OrganizationStatus::Active,
            Some(record::OrganizationStatus::Deleted) => OrganizationStatus::Deleted,
        },
        suspended: line.suspended.unwrap_or_default(),
    })))
}

fn user(line: record::User) -> Result<Incoming, Problem> {
    let carried = Carried {
        id: id(line.id, "id")?,
        created: time(line.created_at, "created_at")?,
        updated: time(line.updated_at, "updated_at")?,
        created_by: None,
        aliases: aliases(line.aliases)?,
    };
    let short = line.email.is_some() || !line.other_emails.is_empty() || !line.phones.is_empty();
    if short && line.addresses.is_some() {
        return Err(String::from("addresses can't be given together with email, other_emails or phones"));
    }
    let addresses = line.addresses.map(|all| all.into_iter().enumerate().map(address).collect::<Result<_, _>>());
    let only_whole_name = line.first_name == Some(None) && line.last_name == Some(None);
    let new = NewUser {
        email: line.email,
        other_emails: line.other_emails,
        phones: line.phones,
        name: line.name,
        first_name: line.first_name.flatten(),
        last_name: line.last_name.flatten(),
        username: line.username,
        external_id: line.external_id,
        status: match line.status {
            None | Some(record::UserStatus::Active) => UserStatus::Active,
            Some(record::UserStatus::Inactive) => UserStatus::Inactive,
        },
        locale: line.locale,
        public: line.public_metadata,
        private: line.private_metadata,
        open: line.unsafe_metadata,
        extras: Extras(line.extras),
        ..NewUser::default()
    };
    let addresses = addresses.transpose()?;
    Ok(Incoming::User(Box::new(IncomingUser { carried, new, addresses, only_whole_name })))
}

fn address((number, line): (usize, record::Address)) -> Result<IncomingAddress, Problem> {
    let field = |field: &str| format!("addresses[{number}].{field}");
    Ok(IncomingAddress {
        id: id(line.id, &field("id"))?,
        kind: match line.kind {
            record::AddressKind::Email => AddressKind::Email,
            record::AddressKind::Phone => AddressKind::Phone,
        },
        value: line.value,
        primary: line.primary,
        verified: line.verified,
        created: time(line.created_at, &field("created_at"))?,
    })
}

fn membership(line: record::Membership) -> Result<Incoming, Problem> {
    let carried = Carried {
        id: id(line.id, "id")?,
        created: time(line.created_at, "created_at")?,
        updated: time(line.updated_at, "updated_at")?,
        created_by: author(line.created_by)?,
        aliases: Vec::new(),
    };
    Ok(Incoming::Membership(Box::new(IncomingMembership {
        carried,
        organization: line.organization.organization().map_err(|problem| format!("organization {problem}"))?,
        user: line.user.user().map_err(|problem| format!("user {problem}"))?,
        roles: line.roles,
        new: NewMembership {
            is_default: line.default,
            public: line.public_metadata,
            private: line.private_metadata,
            extras: Extras(line.extras),
            ..NewMembership::default()
        },
    })))
}

fn invitation(line: record::Invitation) -> Result<Incoming, Problem> {
    let carried = Carried {
        id: id(line.id, "id")?,
        created: time(line.created_at, "created_at")?,
        updated: time(line.updated_at, "updated_at")?,
        ..Carried::default()
    };
    let inviter = line.inviter.map(|inviter| inviter.user().map_err(|problem| format!("inviter {problem}")));
    Ok(Incoming::Invitation(Box::new(IncomingInvitation {
        carried,
        organization: line.organization.organization().map_err(|problem| format!("organization {problem}"))?,
        email: line.email,
        name: line.name,
        user: id(line.user_id, "user_id")?,
        roles: line.roles,
        inviter: inviter.transpose()?,
        expires: time(line.expires_at, "expires_at")?,
        public: line.public_metadata,
        private: line.private_metadata,
        extras: Extras(line.extras),
    })))
}

fn account_user(line: record::AccountUser) -> Result<Incoming, Problem> {
    Ok(Incoming::AccountUser(Box::new(IncomingAccountUser {
        organization: line.organization.organization().map_err(|problem| format!("organization {problem}"))?,
        user: line.user.user().map_err(|problem| format!("user {problem}"))?,
        fields: AccountUserFields { external_id: line.external_id, user_schema: line.user_schema, active: line.active },
        created: time(line.created_at, "created_at")?,
    })))
}

fn directory_link(line: record::DirectoryLink) -> Result<Incoming, Problem> {
    let subject = match (line.user, line.organization) {
        (Some(user), None) => IncomingSubject::User(user.user().map_err(|problem| format!("user {problem}"))?),
        (None, Some(place)) => {
            let place = place.organization().map_err(|problem| format!("organization {problem}"))?;
            IncomingSubject::Organization(place)
        }
        _ => return Err(String::from("must be of either a user or an organization")),
    };
    Ok(Incoming::DirectoryLink(Box::new(IncomingDirectoryLink {
        domain: line.domain.organization().map_err(|problem| format!("domain {problem}"))?,
        subject,
        external_id: line.external_id,
        user_name: line.user_name,
        home: line.home,
        suspended: line.suspended,
        document: line.document,
        addresses: line.addresses,
        given: line.given.map(|given| ProfileSnapshot {
            first_name: given.first_name,
            last_name: given.last_name,
            email: given.email,
        }),
        created: time(line.created_at, "created_at")?,
        updated: time(line.updated_at, "updated_at")?,
    })))
}
