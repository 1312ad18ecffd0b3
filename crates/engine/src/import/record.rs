use roster_model::directory::ProfileSnapshot;
use roster_model::id::AddressId;
use roster_model::{
    AddressKind, Dialect, Extras, InvitationId, MembershipId, Metadata, OrganizationId, OrganizationStatus,
    PermissionId, RoleId, RoleNumber, Timestamp, UserId, Visibility,
};

use crate::accounts::AccountUserFields;
use crate::memberships::NewMembership;
use crate::organizations::NewOrganization;
use crate::roles::{NewPermission, NewRole};
use crate::users::NewUser;

/// One line of an import.
#[derive(Clone, Debug)]
pub enum Incoming {
    Permission(Box<(Carried<PermissionId>, NewPermission)>),
    Role(Box<(Carried<RoleId>, Option<RoleNumber>, NewRole)>),
    Root(Box<IncomingRoot>),
    Organization(Box<IncomingOrganization>),
    User(Box<IncomingUser>),
    Membership(Box<IncomingMembership>),
    Invitation(Box<IncomingInvitation>),
    AccountUser(Box<IncomingAccountUser>),
    DirectoryLink(Box<IncomingDirectoryLink>),
}

/// What an entity keeps from where it was before. What isn't given is generated.
#[derive(Clone, Debug)]
pub struct Carried<I> {
    pub id: Option<I>,
    pub created: Option<Timestamp>,
    pub updated: Option<Timestamp>,
    /// The raw id of a user or token, which need not exist.
    pub created_by: Option<i64>,
    /// Its ids at vendors.
    pub aliases: Vec<(Dialect, String)>,
}

impl<I> Default for Carried<I> {
    fn default() -> Self {
        Self { id: None, created: None, updated: None, created_by: None, aliases: Vec::new() }
    }
}

/// Changes of the realm's root. What isn't given is unchanged.
#[derive(Clone, Debug, Default)]
pub struct IncomingRoot {
    pub name: Option<String>,
    pub external_id: Option<String>,
    pub max_members: Option<u32>,
    pub email_domains: Option<Vec<String>>,
    pub visibility: Option<Visibility>,
    pub suspended: Option<bool>,
    pub locale: Option<String>,
    pub public: Option<Metadata>,
    pub private: Option<Metadata>,
    pub extras: Option<Extras>,
    pub created: Option<Timestamp>,
    pub updated: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub struct IncomingOrganization {
    pub carried: Carried<OrganizationId>,
    /// The root if it isn't given.
    pub parent: Option<OrganizationName>,
    /// Its parent, creator and time of creation are ignored.
    pub new: NewOrganization,
    pub status: OrganizationStatus,
    pub suspended: bool,
}

#[derive(Clone, Debug, Default)]
pub struct IncomingUser {
    pub carried: Carried<UserId>,
    /// Its time of creation and password are ignored.
    pub new: NewUser,
    /// If given, used instead of those in `new`.
    pub addresses: Option<Vec<IncomingAddress>>,
    /// Don't derive first and last name from the whole name.
    pub only_whole_name: bool,
}

#[derive(Clone, Debug)]
pub struct IncomingAddress {
    pub id: Option<AddressId>,
    pub kind: AddressKind,
    pub value: String,
    pub primary: bool,
    pub verified: bool,
    pub created: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct IncomingMembership {
    pub carried: Carried<MembershipId>,
    pub organization: OrganizationName,
    pub user: UserName,
    /// Keys of roles.
    pub roles: Vec<String>,
    /// Its roles are ignored.
    pub new: NewMembership,
}

/// A pending invitation.
#[derive(Clone, Debug)]
pub struct IncomingInvitation {
    pub carried: Carried<InvitationId>,
    pub organization: OrganizationName,
    pub email: String,
    /// The name of a user who is created for it.
    pub name: String,
    /// The id reserved for a user with this address.
    pub user: Option<UserId>,
    /// Keys of roles.
    pub roles: Vec<String>,
    /// If given by id, the user need not exist.
    pub inviter: Option<UserName>,
    /// In 30 days if it isn't given.
    pub expires: Option<Timestamp>,
    pub public: Metadata,
    pub private: Metadata,
    pub extras: Extras,
}

#[derive(Clone, Debug)]
pub struct IncomingAccountUser {
    pub organization: OrganizationName,
    pub user: UserName,
    pub fields: AccountUserFields,
    pub created: Option<Timestamp>,
}

/// A directory link.
#[derive(Clone, Debug)]
pub struct IncomingDirectoryLink {
    pub domain: OrganizationName,
    pub subject: IncomingSubject,
    pub external_id: Option<String>,
    pub user_name: Option<String>,
    pub home: bool,
    pub suspended: bool,
    pub document: Metadata,
    pub addresses: Vec<String>,
    pub given: Option<ProfileSnapshot>,
    pub created: Option<Timestamp>,
    pub updated: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub enum IncomingSubject {
    User(UserName),
    Organization(OrganizationName),
}

/// How a line refers to an organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OrganizationName {
    Root,
    Id(OrganizationId),
    /// An id, a slug or an external id: the first of these that exists.
    Text(String),
    Slug(String),
    ExternalId(String),
    /// Its id at this vendor.
    Alias(Dialect, String),
}

/// How a line refers to a user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UserName {
    Id(UserId),
    /// An id, an e-mail address, a user name or an external id: the first of these that exists.
    Text(String),
    Email(String),
    Username(String),
    ExternalId(String),
    /// The user's id at this vendor.
    Alias(Dialect, String),
}
