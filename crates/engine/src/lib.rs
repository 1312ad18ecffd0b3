//! The operations of Roster: authorization, the rules of the domain, and the resulting changes. Knows no HTTP and no SQL.
//!
//! Every surface calls [`Engine::authenticate`], gets a [`Caller`], and calls one of its methods, which are in the files named
//! after their subject. An operation looks up entities ([`Found`](access::Found)), proves that the caller has the right
//! ([`Allowed`](access::Allowed)), applies the rules, and lists [`Change`]s. A forgotten check doesn't compile: nothing can be
//! read from a `Found`, and every change requires the proof.
//!
//! ```text
//! caller.add_member(…)
//!   └ write ── one transaction, alone in its realm ─────────────────────────┐
//!       resolve the caller again · organization(…).allow(right) · rules ·    │ commit, then answer
//!       change(&proof, Change::MembershipAdded { … })  → tables and event    │
//!     └──────────────────────────────────────────────────────────────────────┘
//! ```

mod accept;
mod access;
mod accounts;
mod activities;
mod actor;
mod bulk;
mod by_id;
mod checks;
pub mod database;
mod directory;
mod engine;
mod error;
mod events;
mod export;
mod ids;
mod import;
mod invitations;
mod memberships;
mod organizations;
mod ownership;
mod paging;
mod passwords;
mod people;
mod picked;
mod reach;
mod realm_admins;
mod realms;
mod reference;
mod role_map;
mod roles;
mod secret;
mod sessions;
mod shown;
mod stream;
mod surface;
mod tokens;
mod transaction;
mod users;

pub use roster_model::change::ActorKind;
pub use roster_model::directory::ProfileSnapshot;
pub use roster_model::permission::BuiltIn;
pub use roster_model::{
    AccountUser, ActorRef, Address, AddressKind, Aliases, Base, Change, Clock, Dialect, DirectoryLink, EntityId, Event,
    EventId, Extras, Form, Invitation, InvitationId, InvitationStatus, Kind, Link, LinkId, LinkSubject, Membership,
    MembershipId, MembershipScope, Metadata, NO_ADDRESS, Organization, OrganizationId, OrganizationStatus, Permission,
    PermissionId, Realm, RealmId, Right, Role, RoleCatalog, RoleId, RoleNumber, RoleSet, Session, SessionId, Standing,
    SystemClock, Timestamp, Token, TokenId, TokenKind, User, UserId, UserStatus, Visibility, Where, id, metadata, role,
    text, user_of_placeholder,
};
pub use roster_store::{
    GroupOf, InvitationSort, MemberSort, OrganizationSort, OrganizationState, Statistics, UserPart, UserSort,
};

pub use accept::{Acceptance, InvitationPreview};
pub use access::{Allowed, Domain};
pub use accounts::{AccountEntry, AccountUserFields, ItemProblem, NewAccountUser};
pub use activities::{Activity, ActivityQuery, ActivityText};
pub use actor::{Caller, IdempotencyKey, RequestScope};
pub use bulk::{Bulk, BulkDone, BulkItem};
pub use checks::{Ask, CHECKS_MAX, Check, FastCheck, Reason, Verdict, Via, Way};
pub use directory::{
    DirectoryOptions, DirectoryPage, DirectoryQuery, GroupMember, GroupNarrow, GroupPatch, MemberChange, MembersWanted,
    NewGroup, ProvisionedGroup, ProvisionedUser, RoleGroup, UserNarrow, UserProfile, UserProfilePatch,
};
pub use engine::{Config, Engine, EngineLimits, Opened};
pub use error::{Error, Result, Subject};
pub use export::Exported;
pub use import::{
    Carried, ImportProgress, ImportState, ImportStep, Incoming, IncomingAccountUser, IncomingAddress,
    IncomingDirectoryLink, IncomingInvitation, IncomingMembership, IncomingOrganization, IncomingRoot, IncomingSubject,
    IncomingUser, OrganizationName, UserName,
};
pub use invitations::{Expiry, IfPending, InvitationQuery, Invited, NewInvitation, SentInvitation};
pub use memberships::{IfInvited, Member, MemberQuery, MembershipPatch, MetadataWrite, NewMembership};
pub use organizations::{InOrganization, NewOrganization, OrganizationPatch, OrganizationQuery, Within};
pub use paging::{Listed, Page};
pub use passwords::{HashedPassword, SelfUpdate};
pub use people::{Pending, PeopleQuery, PeopleSort, Person, PersonPatch, PersonPredicate, RoleWrite};
pub use picked::Picked;
pub use reach::{EffectiveMember, ReachableOrganization, SearchPage};
pub use reference::{OrganizationRef, UserRef};
pub use role_map::RoleMap;
pub use roles::{NewPermission, NewRole, PermissionPatch, RolePatch};
pub use roster_store::{IndexMode, SnapshotOptions};
pub use secret::{SIGNATURE_BYTES, SecretForm, check_bootstrap_key, same_bytes};
pub use sessions::{Credentials, IssuedLink, LoggedIn, MemberRef};
pub use stream::Chunks;
pub use surface::Surface;
pub use tokens::{IssuedToken, NewToken, TokenPatch, TokenQuery};
pub use users::{MADE_FOR, NewUser, UserConditions, UserPatch, UserQuery};
