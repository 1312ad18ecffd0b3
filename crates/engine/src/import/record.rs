use roster_model::directory::Given;
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

/// What comes in on one line.
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

/// What something brings along from where it was before. What isn't given is made anew.
#[derive(Clone, Debug)]
pub struct Carried<I> {
    pub id: Option<I>,
    pub created: Option<Timestamp>,
    pub updated: Option<Timestamp>,
    /// The raw id of a user or token, who need not be here.
    pub created_by: Option<i64>,
    /// What vendors called it.
    pub aliases: Vec<(Dialect, String)>,
}

impl<I> Default for Carried<I> {
    fn default() -> Self {
        Self { id: None, created: None, updated: None, created_by: None, aliases: Vec::new() }
    }
}

/// How the realm's root is to be. What isn't given stays as it is.
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
    /// Its parent, creator and time are not looked at.
    pub new: NewOrganization,
    pub status: OrganizationStatus,
    pub suspended: bool,
}

#[derive(Clone, Debug, Default)]
pub struct IncomingUser {
    pub carried: Carried<UserId>,
    /// Its time and password are not looked at.
    pub new: NewUser,
    /// In the place of those in `new`.
    pub addresses: Option<Vec<IncomingAddress>>,
    /// First and last name aren't read from the whole one.
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
    /// By their keys.
    pub roles: Vec<String>,
    /// Its roles are not looked at.
    pub new: NewMembership,
}

/// A pending invitation.
#[derive(Clone, Debug)]
pub struct IncomingInvitation {
    pub carried: Carried<InvitationId>,
    pub organization: OrganizationName,
    pub email: String,
    /// How a user made for it will be called.
    pub name: String,
    /// The id kept for a user with this address.
    pub user: Option<UserId>,
    /// By their keys.
    pub roles: Vec<String>,
    /// Who need not be here, if named by id.
    pub inviter: Option<UserName>,
    /// In 30 days if it isn't said.
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

/// What a directory keeps.
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
    pub given: Option<Given>,
    pub created: Option<Timestamp>,
    pub updated: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub enum IncomingSubject {
    User(UserName),
    Organization(OrganizationName),
}

/// How a line names an organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OrganizationName {
    Root,
    Id(OrganizationId),
    /// The first that there is of: an id, a slug, an external id.
    Text(String),
    Slug(String),
    ExternalId(String),
    /// The id that it brought along from there.
    Alias(Dialect, String),
}

/// How a line names a user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UserName {
    Id(UserId),
    /// The first that there is of: an id, an e-mail address, a user name, an external id.
    Text(String),
    Email(String),
    Username(String),
    ExternalId(String),
    /// The id that he brought along from there.
    Alias(Dialect, String),
}
