use std::borrow::Cow;

use roster_model::Kind;

/// What an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Realm,
    Organization,
    User,
    Membership,
    /// The owner of an organization that has none.
    Owner,
    AccountUser,
    Role,
    Permission,
    /// A permission granted by a role.
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

/// Why an operation failed, in terms of the domain. It knows no HTTP status: each surface maps it to its own form by a `match`
/// without a wildcard. A failed operation has changed nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// It doesn't exist, or the caller may not know that it does.
    #[error("no such {0}")]
    NotFound(Subject),
    /// As [`Self::NotFound`], with the name that was looked up.
    #[error("no such {subject}: {named}")]
    Unknown { subject: Subject, named: String },
    /// `field` is what conflicts; `id` is the raw id of the existing entity, if it is known.
    #[error("{}", taken(*subject, field))]
    AlreadyExists { subject: Subject, field: &'static str, id: Option<i64> },
    /// `field` is the model's name for it, with an index if it is part of a list.
    #[error("{field} {problem}")]
    Invalid { field: Cow<'static, str>, problem: Cow<'static, str> },
    /// What `field` refers to doesn't exist.
    #[error("{field} names no {subject}")]
    Reference { field: Cow<'static, str>, subject: Subject },
    #[error("no key was sent")]
    NoCredential,
    /// The key is unknown, expired or revoked, or its user is inactive.
    #[error("the key is not accepted")]
    BadCredential,
    /// Deliberately the same for an unknown address, a wrong password, and a user without a password.
    #[error("the e-mail address or the password is wrong")]
    BadLogin,
    /// An authenticated user has to confirm the operation with the current password.
    #[error("the current password is missing or wrong")]
    WrongPassword,
    #[error("the password was wrong too often: try again later")]
    TooManyAttempts { retry_after: u32 },
    /// The caller is authenticated and lacks this permission here.
    #[error("needs {0} here")]
    Forbidden(Cow<'static, str>),
    #[error("the owner's membership can't be removed or demoted: transfer or clear the ownership first")]
    OwnerProtected,
    #[error("the organization has an owner already: transfer the ownership instead")]
    OwnerExists,
    #[error("the organization has reached its limit of members ({limit})")]
    LimitReached { limit: u32 },
    #[error("the organization admits only members with an e-mail address of its domains")]
    DomainNotAllowed,
    #[error("the organization has other organizations below it")]
    HasChildren,
    /// Refused for a user who owns an organization; `organization` is its name.
    #[error("the user owns {organization}: transfer or clear the ownership first")]
    OwnsOrganization { organization: String },
    /// More than the guard against mass removal allows.
    #[error("would remove {removing} of {members} members at once: send If-Match to confirm")]
    RemovalHeld { removing: u64, members: u64 },
    /// Only an organization right under the root is an account.
    #[error("the organization is not an account: it has a parent")]
    NotAnAccount,
    /// It is neither the account itself nor one right below it.
    #[error("the organization is not managed by this account")]
    NotManaged,
    #[error("the role is held by members or tokens")]
    RoleInUse,
    #[error("the role is promised by pending invitations")]
    RolePromised,
    /// It is given to the creator of an organization.
    #[error("the role is given to whoever creates an organization")]
    CreatorRole,
    /// It is given to members when no role is named.
    #[error("the role is given to members when no role is named")]
    DefaultRole,
    /// Only if the caller asked for this protection; see `Caller::protecting_last_admin`.
    #[error("the organization would have nobody left who can manage its members")]
    LastAdmin,
    /// The invitation has been accepted or revoked, or has expired.
    #[error("the invitation is not pending")]
    NotPending,
    /// About the user in whose name it was to be done.
    #[error("the user is not a member of this organization")]
    NotAMember,
    /// About the user in whose name it was to be done.
    #[error("the user lacks {0} here")]
    MemberLacks(Cow<'static, str>),
    #[error("a realm can have at most 63 roles")]
    TooManyRoles,
    #[error("a built-in {0} can't be changed or deleted")]
    System(Subject),
    #[error("it was changed in the meantime")]
    PreconditionFailed,
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyMismatch,
    /// A bulk operation was refused as a whole because of these items, each with its index.
    #[error("{} of the items can't be done", .0.len())]
    Items(Vec<(usize, Self)>),
    /// Try again in `retry_after` seconds.
    #[error("not possible at the moment: {reason}")]
    Unavailable { reason: String, retry_after: u32 },
    /// A fault of the server. The text is for the log only.
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
    /// Replaces [`Self::NotFound`] by `instead`, for lookups of something that the request only refers to. Other errors are unchanged.
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

    /// The same error for an element of a list: prefixes `field` with `place`, as in `operations[3].user_id`.
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
        if error.is_transient() {
            Self::Unavailable { reason: error.to_string(), retry_after: 1 }
        } else {
            Self::Internal(error.to_string())
        }
    }
}

/// Turns the problems of [`roster_model::text`] and similar modules into [`Error::Invalid`] by adding the field's name.
pub(crate) trait OfField<T> {
    fn of(self, field: &'static str) -> Result<T>;
}

impl<T> OfField<T> for Result<T, &'static str> {
    fn of(self, field: &'static str) -> Result<T> {
        self.map_err(|problem| Error::invalid(field, problem))
    }
}
