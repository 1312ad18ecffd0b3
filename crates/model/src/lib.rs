//! The domain's entities as plain types, and its rules as pure functions.
//!
//! Nothing here knows HTTP, SQL or the time of day. `docs/architecture.md` shows how the crates fit together.

pub mod account;
pub mod change;
pub mod directory;
pub mod id;
pub mod invitation;
pub mod membership;
pub mod metadata;
pub mod organization;
pub mod ownership;
pub mod permission;
pub mod realm;
pub mod rights;
pub mod role;
pub mod session;
pub mod text;
pub mod time;
pub mod token;
pub mod tree;
pub mod user;

pub use account::AccountUser;
pub use change::{ActorRef, Change, ChangeKind, Event};
pub use directory::{DirectoryLink, LinkSubject};
pub use id::{
    EntityId, EventId, Form, InvitationId, Kind, LinkId, MembershipId, OrganizationId, PermissionId, RealmId, RoleId,
    SessionId, TokenId, UserId,
};
pub use invitation::{Invitation, InvitationStatus};
pub use membership::Membership;
pub use metadata::{Aliases, Dialect, Extras, Metadata};
pub use organization::{Organization, OrganizationStatus, Visibility};
pub use permission::Permission;
pub use realm::Realm;
pub use rights::{Right, Standing, Where};
pub use role::{Base, RetiredRole, Role, RoleCatalog, RoleNumber, RoleSet};
pub use session::{Link, MembershipScope, Session};
pub use time::{Clock, SystemClock, Timestamp};
pub use token::{Token, TokenKind};
pub use user::{Address, AddressKind, NO_ADDRESS, User, UserStatus, user_of_placeholder};
