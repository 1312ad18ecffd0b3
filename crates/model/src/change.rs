//! Changes: everything that can happen in a realm. An operation makes its decisions, then lists changes; a change is both what is
//! written to the tables and what the log records.
//!
//! [`Change`] has few readers, each a `match` without a wildcard, so that a new kind of change doesn't compile until all of
//! them handle it: the tables (`store::tables`), the event's body (serde, here), and the replay that compares log and tables
//! (`store::verify`).

use serde::{Deserialize, Serialize};

use crate::{
    AccountUser, DirectoryLink, EventId, Invitation, Link, LinkSubject, Membership, Organization, OrganizationId,
    Permission, Realm, Role, Session, Timestamp, Token, User, UserId,
};

/// One thing that happened, with everything needed to replay it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body")]
pub enum Change {
    /// Always event 1.
    #[serde(rename = "realm.created")]
    RealmCreated { realm: Realm, root: Box<Organization>, roles: Vec<Role>, permissions: Vec<Permission> },

    #[serde(rename = "organization.created")]
    OrganizationCreated { after: Box<Organization> },
    #[serde(rename = "organization.updated")]
    OrganizationUpdated { before: Box<Organization>, after: Box<Organization> },
    /// Everything below moves with it.
    #[serde(rename = "organization.moved")]
    OrganizationMoved { before: Box<Organization>, after: Box<Organization> },
    /// Everything below is deleted too, with all memberships, tokens and account users. One event, whatever the size.
    #[serde(rename = "organization.deleted")]
    OrganizationDeleted { before: Box<Organization> },

    #[serde(rename = "user.created")]
    UserCreated { after: Box<User> },
    /// If the user becomes inactive, the user's sessions and login links are deleted.
    #[serde(rename = "user.updated")]
    UserUpdated { before: Box<User>, after: Box<User> },
    /// Sessions that must not outlive the old password were ended by separate changes.
    #[serde(rename = "user.password_changed")]
    UserPasswordChanged {
        user: UserId,
        /// `None`: the password was removed.
        changed: Option<Timestamp>,
        /// The password's Argon2 hash. Written to its table, never to the log.
        #[serde(skip)]
        hash: Option<String>,
    },
    /// Memberships and account records were removed by separate changes before; tokens, sessions and login links are deleted with the user.
    #[serde(rename = "user.deleted")]
    UserDeleted { before: Box<User> },
    /// What the log said about this user is blanked; the events keep their numbers.
    #[serde(rename = "user.erased")]
    UserErased { user: UserId },

    #[serde(rename = "membership.added")]
    MembershipAdded { after: Box<Membership> },
    #[serde(rename = "membership.updated")]
    MembershipUpdated { before: Box<Membership>, after: Box<Membership> },
    /// Sessions and login links that are limited to it are deleted with it.
    #[serde(rename = "membership.removed")]
    MembershipRemoved { before: Box<Membership> },

    /// The owner became an admin. A transfer is this change and the next, in one transaction.
    #[serde(rename = "ownership.cleared")]
    OwnershipCleared { before: Box<Membership>, after: Box<Membership> },
    /// `from` is the former owner, if there was one.
    #[serde(rename = "ownership.transferred")]
    OwnershipTransferred { from: Option<UserId>, before: Box<Membership>, after: Box<Membership> },

    #[serde(rename = "invitation.created")]
    InvitationCreated {
        after: Box<Invitation>,
        /// SHA-256 of the secret. Written to its table, never to the log.
        #[serde(skip)]
        hash: String,
    },
    /// Accepted, revoked, expired, or renewed.
    #[serde(rename = "invitation.updated")]
    InvitationUpdated {
        before: Box<Invitation>,
        after: Box<Invitation>,
        /// SHA-256 of the new secret, if the invitation was renewed.
        #[serde(skip)]
        hash: Option<String>,
    },

    #[serde(rename = "role.created")]
    RoleCreated { after: Box<Role> },
    #[serde(rename = "role.updated")]
    RoleUpdated { before: Box<Role>, after: Box<Role> },
    #[serde(rename = "role.deleted")]
    RoleDeleted {
        before: Box<Role>,
        /// The time of the event. Events of older versions don't have it.
        #[serde(default)]
        at: Option<Timestamp>,
    },
    #[serde(rename = "permission.created")]
    PermissionCreated { after: Permission },
    /// If its key changed, the roles that grant it are updated by separate changes.
    #[serde(rename = "permission.updated")]
    PermissionUpdated { before: Permission, after: Permission },
    /// Roles that granted it were updated by separate changes before.
    #[serde(rename = "permission.deleted")]
    PermissionDeleted { before: Permission },

    #[serde(rename = "token.issued")]
    TokenIssued {
        after: Box<Token>,
        /// SHA-256 of the secret. Written to its table, never to the log.
        #[serde(skip)]
        hash: String,
    },
    #[serde(rename = "token.updated")]
    TokenUpdated { before: Box<Token>, after: Box<Token> },
    #[serde(rename = "token.revoked")]
    TokenRevoked { before: Box<Token>, after: Box<Token> },

    #[serde(rename = "session.opened")]
    SessionOpened {
        after: Box<Session>,
        /// SHA-256 of the secret. Written to its table, never to the log.
        #[serde(skip)]
        hash: String,
    },
    #[serde(rename = "session.ended")]
    SessionEnded { before: Box<Session> },
    #[serde(rename = "login_link.issued")]
    LinkIssued {
        after: Box<Link>,
        /// SHA-256 of the secret. Written to its table, never to the log.
        #[serde(skip)]
        hash: String,
    },
    /// It opened the session that the next event records.
    #[serde(rename = "login_link.used")]
    LinkUsed { before: Box<Link> },

    #[serde(rename = "account_user.created")]
    AccountUserCreated { after: AccountUser },
    #[serde(rename = "account_user.updated")]
    AccountUserUpdated { before: AccountUser, after: AccountUser },
    #[serde(rename = "account_user.deleted")]
    AccountUserDeleted { before: AccountUser },

    #[serde(rename = "directory_link.created")]
    DirectoryLinkCreated { after: Box<DirectoryLink> },
    #[serde(rename = "directory_link.updated")]
    DirectoryLinkUpdated { before: Box<DirectoryLink>, after: Box<DirectoryLink> },
    #[serde(rename = "directory_link.deleted")]
    DirectoryLinkDeleted { before: Box<DirectoryLink> },
    /// A directory tried to remove more of an organization's members in one request than the guard allows, and was refused. Nothing
    /// changed: this is for an admin to review.
    #[serde(rename = "scim.removal_held")]
    RemovalHeld { organization: OrganizationId, removing: u64, members: u64 },
}

/// The name of a kind of change, such as `membership.added`.
pub type ChangeKind = &'static str;

impl Change {
    /// Every kind, in the order of the enum.
    pub const KINDS: [ChangeKind; 37] = [
        "realm.created",
        "organization.created",
        "organization.updated",
        "organization.moved",
        "organization.deleted",
        "user.created",
        "user.updated",
        "user.password_changed",
        "user.deleted",
        "user.erased",
        "membership.added",
        "membership.updated",
        "membership.removed",
        "ownership.cleared",
        "ownership.transferred",
        "invitation.created",
        "invitation.updated",
        "role.created",
        "role.updated",
        "role.deleted",
        "permission.created",
        "permission.updated",
        "permission.deleted",
        "token.issued",
        "token.updated",
        "token.revoked",
        "session.opened",
        "session.ended",
        "login_link.issued",
        "login_link.used",
        "account_user.created",
        "account_user.updated",
        "account_user.deleted",
        "directory_link.created",
        "directory_link.updated",
        "directory_link.deleted",
        "scim.removal_held",
    ];

    pub const fn kind(&self) -> ChangeKind {
        match self {
            Self::RealmCreated { .. } => "realm.created",
            Self::OrganizationCreated { .. } => "organization.created",
            Self::OrganizationUpdated { .. } => "organization.updated",
            Self::OrganizationMoved { .. } => "organization.moved",
            Self::OrganizationDeleted { .. } => "organization.deleted",
            Self::UserCreated { .. } => "user.created",
            Self::UserUpdated { .. } => "user.updated",
            Self::UserPasswordChanged { .. } => "user.password_changed",
            Self::UserDeleted { .. } => "user.deleted",
            Self::UserErased { .. } => "user.erased",
            Self::MembershipAdded { .. } => "membership.added",
            Self::MembershipUpdated { .. } => "membership.updated",
            Self::MembershipRemoved { .. } => "membership.removed",
            Self::OwnershipCleared { .. } => "ownership.cleared",
            Self::OwnershipTransferred { .. } => "ownership.transferred",
            Self::InvitationCreated { .. } => "invitation.created",
            Self::InvitationUpdated { .. } => "invitation.updated",
            Self::RoleCreated { .. } => "role.created",
            Self::RoleUpdated { .. } => "role.updated",
            Self::RoleDeleted { .. } => "role.deleted",
            Self::PermissionCreated { .. } => "permission.created",
            Self::PermissionUpdated { .. } => "permission.updated",
            Self::PermissionDeleted { .. } => "permission.deleted",
            Self::TokenIssued { .. } => "token.issued",
            Self::TokenUpdated { .. } => "token.updated",
            Self::TokenRevoked { .. } => "token.revoked",
            Self::SessionOpened { .. } => "session.opened",
            Self::SessionEnded { .. } => "session.ended",
            Self::LinkIssued { .. } => "login_link.issued",
            Self::LinkUsed { .. } => "login_link.used",
            Self::AccountUserCreated { .. } => "account_user.created",
            Self::AccountUserUpdated { .. } => "account_user.updated",
            Self::AccountUserDeleted { .. } => "account_user.deleted",
            Self::DirectoryLinkCreated { .. } => "directory_link.created",
            Self::DirectoryLinkUpdated { .. } => "directory_link.updated",
            Self::DirectoryLinkDeleted { .. } => "directory_link.deleted",
            Self::RemovalHeld { .. } => "scim.removal_held",
        }
    }

    /// The organization that it happened in, if any.
    pub fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::RealmCreated { root, .. } => Some(root.id),
            Self::OrganizationCreated { after }
            | Self::OrganizationUpdated { after, .. }
            | Self::OrganizationMoved { after, .. } => Some(after.id),
            Self::OrganizationDeleted { before } => Some(before.id),
            Self::MembershipAdded { after }
            | Self::MembershipUpdated { after, .. }
            | Self::OwnershipCleared { after, .. }
            | Self::OwnershipTransferred { after, .. } => Some(after.organization),
            Self::MembershipRemoved { before } => Some(before.organization),
            Self::InvitationCreated { after, .. } | Self::InvitationUpdated { after, .. } => Some(after.organization),
            Self::TokenIssued { after, .. } | Self::TokenUpdated { after, .. } | Self::TokenRevoked { after, .. } => {
                after.organization
            }
            Self::SessionOpened { after, .. } => after.only.map(|only| only.organization),
            Self::SessionEnded { before } => before.only.map(|only| only.organization),
            Self::LinkIssued { after, .. } => Some(after.only.organization),
            Self::LinkUsed { before } => Some(before.only.organization),
            Self::AccountUserCreated { after } | Self::AccountUserUpdated { after, .. } => Some(after.organization),
            Self::AccountUserDeleted { before } => Some(before.organization),
            Self::DirectoryLinkCreated { after: link }
            | Self::DirectoryLinkUpdated { after: link, .. }
            | Self::DirectoryLinkDeleted { before: link } => Some(match link.subject {
                LinkSubject::User(_) => link.domain,
                LinkSubject::Organization(organization) => organization,
            }),
            Self::RemovalHeld { organization, .. } => Some(*organization),
            Self::UserCreated { .. }
            | Self::UserUpdated { .. }
            | Self::UserPasswordChanged { .. }
            | Self::UserDeleted { .. }
            | Self::UserErased { .. }
            | Self::RoleCreated { .. }
            | Self::RoleUpdated { .. }
            | Self::RoleDeleted { .. }
            | Self::PermissionCreated { .. }
            | Self::PermissionUpdated { .. }
            | Self::PermissionDeleted { .. } => None,
        }
    }

    /// The user that it is about, if any. The event's body is blanked when that user is erased.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::UserCreated { after } | Self::UserUpdated { after, .. } => Some(after.id),
            Self::UserDeleted { before } => Some(before.id),
            Self::UserErased { user } | Self::UserPasswordChanged { user, .. } => Some(*user),
            Self::MembershipAdded { after }
            | Self::MembershipUpdated { after, .. }
            | Self::OwnershipCleared { after, .. }
            | Self::OwnershipTransferred { after, .. } => Some(after.user),
            Self::MembershipRemoved { before } => Some(before.user),
            Self::TokenIssued { after, .. } | Self::TokenUpdated { after, .. } | Self::TokenRevoked { after, .. } => {
                after.user
            }
            Self::SessionOpened { after, .. } => Some(after.user),
            Self::SessionEnded { before } => Some(before.user),
            Self::LinkIssued { after, .. } => Some(after.user),
            Self::LinkUsed { before } => Some(before.user),
            Self::AccountUserCreated { after } | Self::AccountUserUpdated { after, .. } => Some(after.user),
            Self::AccountUserDeleted { before } => Some(before.user),
            Self::DirectoryLinkCreated { after: link }
            | Self::DirectoryLinkUpdated { after: link, .. }
            | Self::DirectoryLinkDeleted { before: link } => link.subject.user(),
            Self::RealmCreated { .. }
            | Self::OrganizationCreated { .. }
            | Self::OrganizationUpdated { .. }
            | Self::OrganizationMoved { .. }
            | Self::OrganizationDeleted { .. }
            | Self::InvitationCreated { .. }
            | Self::InvitationUpdated { .. }
            | Self::RemovalHeld { .. }
            | Self::RoleCreated { .. }
            | Self::RoleUpdated { .. }
            | Self::RoleDeleted { .. }
            | Self::PermissionCreated { .. }
            | Self::PermissionUpdated { .. }
            | Self::PermissionDeleted { .. } => None,
        }
    }
}

/// Who made a change, as recorded in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorRef {
    pub kind: ActorKind,
    /// The raw id of the token or user; `None` for the server's operator.
    pub id: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// Somebody at the command line, or the server itself.
    Operator,
    /// A realm key or an organization token.
    Token,
    User,
}

impl ActorKind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Token => "token",
            Self::User => "user",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Operator, Self::Token, Self::User].into_iter().find(|kind| kind.word() == word)
    }
}

/// The record of one change.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// 1, 2, 3 … in its realm, without a gap.
    pub sequence: i64,
    pub id: EventId,
    pub time: Timestamp,
    pub actor: ActorRef,
    pub kind: String,
    pub organization: Option<OrganizationId>,
    pub user: Option<UserId>,
    /// `None`: blanked, because the user it was about has been erased.
    pub change: Option<Change>,
}
