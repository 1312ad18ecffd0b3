use roster_model::{AddressKind, Dialect, OrganizationId, OrganizationStatus, Timestamp, UserId, id::AddressId};

use crate::memberships::NewMembership;
use crate::organizations::NewOrganization;
use crate::roles::{NewPermission, NewRole};
use crate::users::NewUser;
use roster_model::{MembershipId, PermissionId, RoleId, RoleNumber, Visibility};

/// What comes in on one line.
#[derive(Clone, Debug)]
pub enum Incoming {
    Permission(Box<(Carried<PermissionId>, NewPermission)>),
    Role(Box<(Carried<RoleId>, Option<RoleNumber>, NewRole)>),
    Root(Box<IncomingRoot>),
    Organization(Box<IncomingOrganization>),
    User(Box<IncomingUser>),
    Membership(Box<IncomingMembership>),
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
    pub public: Option<roster_model::Metadata>,
    pub private: Option<roster_model::Metadata>,
    pub extras: Option<roster_model::Extras>,
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
