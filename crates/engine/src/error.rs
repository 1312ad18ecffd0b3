use std::borrow::Cow;

use roster_model::Kind;

/// What an operation was about when it couldn't be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Realm,
    Organization,
    User,
    Membership,
    /// The organization has no owner.
    Owner,
    AccountUser,
    Role,
    Permission,
    /// A permission as something that a role grants.
    Grant,
    Invitation,
    Token,
    Session,
}

impl Subject {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Realm => "realm",
            Self::Organization => "organization",
            Self::User => "user",
            Self::Membership => "membership",
            Self::Owner => "owner",
            Self::AccountUser => "account user",
            Self::Role => "role",
            Self::Permission => "permission",
            Self::Grant => "permission of this role",
            Self::Invitation => "invitation",
            Self::Token => "token",
            Self::Session => "session",
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl From<Kind> for Subject {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Organization => Self::Organization,
            Kind::User | Kind::Address => Self::User,
            Kind::Membership => Self::Membership,
            Kind::Invitation => Self::Invitation,
            Kind::Role => Self::Role,
            Kind::Permission => Self::Permission,
            Kind::Token | Kind::Link => Self::Token,
            Kind::Session => Self::Session,
            Kind::Event | Kind::Realm => Self::Realm,
        }
    }
}

/// Why an operation wasn't done, in words of the domain. It knows no status; every surface gives each of these its form by a
/// `match` without a wildcard. A refused operation has changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none, or the caller may not know that there is.
    #[error("no such {0}")]
    NotFound(Subject),
    /// The same, where the caller is told what he named.
    #[error("no such {subject}: {named}")]
    Unknown { subject: Subject, named: String },
    /// `id` is the raw id of the one that is there; `field` is what clashes.
    #[error("{}", taken(*subject, field))]
    AlreadyExists { subject: Subject, field: &'static str, id: Option<i64> },
    /// `field` is named as the model names it, with an index where it is one of many.
    #[error("{field} {problem}")]
    Invalid { field: Cow<'static, str>, problem: Cow<'static, str> },
    /// Something that `field` names isn't there.
    #[error("{field} names no {subject}")]
    Reference { field: Cow<'static, str>, subject: Subject },
    #[error("no key was sent")]
    NoCredential,
    /// Unknown, expired or revoked, or its user is inactive.
    #[error("the key is not accepted")]
    BadCredential,
    /// The same words whoever is wrong: address, password, or that there is none.
    #[error("the e-mail address or the password is wrong")]
    BadLogin,
    /// Somebody who is known was asked to prove it.
    #[error("the current password is needed, and this is not it")]
    WrongPassword,
    #[error("the password was wrong too often: try again later")]
    TooManyAttempts { retry_after: u32 },
    /// The caller is known and lacks this permission here.
    #[error("needs {0} here")]
    Forbidden(Cow<'static, str>),
    #[error("the owner's membership can't be removed or demoted: transfer or clear the ownership first")]
    OwnerProtected,
    #[error("the organization has an owner already: transfer the ownership instead")]
    OwnerExists,
    #[error("the organization may have at most {limit} members")]
    LimitReached { limit: u32 },
    #[error("the organization admits only members with an e-mail address of its domains")]
    DomainNotAllowed,
    #[error("the organization has others below it")]
    HasChildren,
    /// Who owns an organization isn't deleted here; `organization` is its name.
    #[error("the user owns {organization}: transfer or clear the ownership first")]
    OwnsOrganization { organization: String },
    /// More than the guard against mass removal lets through.
    #[error("would remove {removing} of {members} members at once: send If-Match to confirm")]
    RemovalHeld { removing: u64, members: u64 },
    /// Only an organization right under the root is an account.
    #[error("the organization is not an account: it has a parent")]
    NotAnAccount,
    /// Neither the account itself nor one right under it.
    #[error("the organization is not managed by this account")]
    NotManaged,
    #[error("the role is held by members or tokens")]
    RoleInUse,
    #[error("the role is promised by pending invitations")]
    RolePromised,
    /// Whoever makes an organization is given it.
    #[error("the role is what who makes an organization is given")]
    CreatorRole,
    /// It is given where none is named.
    #[error("the role is what members are given where none is named")]
    DefaultRole,
    /// Only if the caller asked to keep one.
    #[error("the organization would have nobody left who can manage its members")]
    LastAdmin,
    /// The invitation was accepted or revoked, or has expired.
    #[error("the invitation is not pending")]
    NotPending,
    /// In whose name it was to be done.
    #[error("the user is not a member of this organization")]
    NotAMember,
    /// In whose name it was to be done.
    #[error("the user lacks {0} here")]
    MemberLacks(Cow<'static, str>),
    #[error("a realm can have no more roles than 63")]
    TooManyRoles,
    #[error("a built-in {0} can't be changed or deleted")]
    System(Subject),
    #[error("it was changed meanwhile")]
    PreconditionFailed,
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyMismatch,
    /// A bulk was refused as a whole because of these items, by their place.
    #[error("{} of the items can't be done", .0.len())]
    Items(Vec<(usize, Self)>),
    /// Try again in `retry_after` seconds.
    #[error("not possible at the moment: {reason}")]
    Unavailable { reason: String, retry_after: u32 },
    /// Our fault. The text is for the log only.
    #[error("{0}")]
    Internal(String),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

fn taken(subject: Subject, field: &str) -> String {
    match subject {
        Subject::Membership => String::from("the user is a member of this organization already"),
        Subject::AccountUser => String::from("the account has this user already"),
        Subject::Invitation => String::from("there is a pending invitation to this address already"),
        Subject::Grant => String::from("the role grants this permission already"),
        _ => format!("another {subject} has this {field} already"),
    }
}

impl Error {
    /// What it is instead where something missing is not the caller's question but his mistake. Other errors stay.
    #[must_use]
    pub(crate) fn if_missing(self, instead: Self) -> Self {
        if matches!(self, Self::NotFound(_)) { instead } else { self }
    }

    pub const fn bad_credential() -> Self {
        Self::BadCredential
    }

    pub fn invalid(field: impl Into<Cow<'static, str>>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field: field.into(), problem: problem.into() }
    }

    pub fn reference(field: impl Into<Cow<'static, str>>, subject: Subject) -> Self {
        Self::Reference { field: field.into(), subject }
    }

    /// The same, about one of many: `field` is put behind `place`, as in `operations[3].user_id`.
    pub fn within(self, place: &str) -> Self {
        let behind = |field: Cow<'static, str>| Cow::Owned(format!("{place}.{field}"));
        match self {
            Self::Invalid { field, problem } => Self::Invalid { field: behind(field), problem },
            Self::Reference { field, subject } => Self::Reference { field: behind(field), subject },
            other => other,
        }
    }
}

impl From<roster_store::Error> for Error {
    fn from(error: roster_store::Error) -> Self {
        if error.is_passing() {
            Self::Unavailable { reason: error.to_string(), retry_after: 1 }
        } else {
            Self::Internal(error.to_string())
        }
    }
}

/// What [`roster_model::text`] and its like say becomes [`Error::Invalid`] once the field is known.
pub(crate) trait OfField<T> {
    fn of(self, field: &'static str) -> Result<T>;
}

impl<T> OfField<T> for Result<T, &'static str> {
    fn of(self, field: &'static str) -> Result<T> {
        self.map_err(|problem| Error::invalid(field, problem))
    }
}
