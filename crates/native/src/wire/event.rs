use roster_engine as engine;
use roster_engine::{Change, EntityId as _, RoleCatalog};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Invitation, LoginLink, Membership, Organization, Permission, Role, Session, Time, Token, User, native};
use crate::accounts::AccountUser;

/// The record of one change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct Event {
    /// The number of the event in its realm: 1, 2, 3 and so on, without gaps.
    sequence: i64,
    id: String,
    #[schema(value_type = String, format = DateTime)]
    time: Time,
    /// Who made the change.
    actor: EventActor,
    #[schema(example = "membership.added")]
    r#type: String,
    /// The organization that the change is about, if any.
    organization_id: Option<String>,
    /// The user that the change is about, if any.
    user_id: Option<String>,
    /// The entity `before` and `after` the change, as far as the type of event has them. `null` if the user that
    /// the event was about has been erased.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
}

/// Who made a change.
#[derive(Debug, Serialize, ToSchema)]
struct EventActor {
    /// `operator` (the command line, or the server itself), `token` or `user`.
    kind: &'static str,
    /// The id of the token or user.
    id: Option<String>,
}

impl Event {
    pub(crate) fn of(event: &engine::Event, catalog: &RoleCatalog) -> Self {
        Self {
            sequence: event.sequence,
            id: event.id.native(),
            time: Time(event.time),
            actor: EventActor { kind: event.actor.kind.word(), id: event.actor.id.map(native) },
            r#type: event.kind.clone(),
            organization_id: event.organization.map(engine::EntityId::native),
            user_id: event.user.map(engine::EntityId::native),
            data: event.change.as_ref().map(|change| data(change, catalog)),
        }
    }
}

fn link(link: &engine::DirectoryLink) -> Value {
    json!({
        "domain_id": link.domain.native(),
        "subject_id": native(link.subject.raw()),
        "external_id": link.external_id,
        "user_name": link.user_name,
        "home": link.home,
        "suspended": link.suspended,
        "document": link.document,
        "created_at": link.created.rfc3339(),
        "updated_at": link.updated.rfc3339(),
    })
}

/// Another reader of the change: no wildcard, so that every kind has a form for those who follow the log.
fn data(change: &Change, catalog: &RoleCatalog) -> Value {
    let membership = |m: &engine::Membership| Membership::alone(m, catalog);
    let invitation = |i: &engine::Invitation| Invitation::alone(i, catalog);
    let token = |t: &engine::Token| Token::of(t, catalog);
    match change {
        Change::RealmCreated { realm, root, roles, permissions } => json!({
            "realm": realm.name,
            "root": Organization::from(&**root),
            "roles": roles.iter().map(Role::from).collect::<Vec<_>>(),
            "permissions": permissions.iter().map(Permission::from).collect::<Vec<_>>(),
        }),
        Change::OrganizationCreated { after } => json!({ "after": Organization::from(&**after) }),
        Change::OrganizationUpdated { before, after } | Change::OrganizationMoved { before, after } => {
            json!({ "before": Organization::from(&**before), "after": Organization::from(&**after) })
        }
        Change::OrganizationDeleted { before } => json!({ "before": Organization::from(&**before) }),
        Change::UserCreated { after } => json!({ "after": User::from(&**after) }),
        Change::UserUpdated { before, after } => {
            json!({ "before": User::from(&**before), "after": User::from(&**after) })
        }
        Change::UserPasswordChanged { user, changed, hash: _ } => {
            json!({ "user_id": user.native(), "changed_at": changed.map(Time) })
        }
        Change::UserDeleted { before } => json!({ "before": User::from(&**before) }),
        Change::UserErased { user } => json!({ "user_id": user.native() }),
        Change::MembershipAdded { after } => json!({ "after": membership(after) }),
        Change::MembershipUpdated { before, after } | Change::OwnershipCleared { before, after } => {
            json!({ "before": membership(before), "after": membership(after) })
        }
        Change::OwnershipTransferred { from, before, after } => json!({
            "from_user_id": from.map(engine::EntityId::native),
            "before": membership(before),
            "after": membership(after),
        }),
        Change::MembershipRemoved { before } => json!({ "before": membership(before) }),
        Change::InvitationCreated { after, hash: _ } => json!({ "after": invitation(after) }),
        Change::InvitationUpdated { before, after, hash: _ } => {
            json!({ "before": invitation(before), "after": invitation(after) })
        }
        Change::RoleCreated { after } => json!({ "after": Role::from(&**after) }),
        Change::RoleUpdated { before, after } => {
            json!({ "before": Role::from(&**before), "after": Role::from(&**after) })
        }
        Change::RoleDeleted { before, .. } => json!({ "before": Role::from(&**before) }),
        Change::PermissionCreated { after } => json!({ "after": Permission::from(after) }),
        Change::PermissionUpdated { before, after } => {
            json!({ "before": Permission::from(before), "after": Permission::from(after) })
        }
        Change::PermissionDeleted { before } => json!({ "before": Permission::from(before) }),
        Change::TokenIssued { after, hash: _ } => json!({ "after": token(after) }),
        Change::TokenUpdated { before, after } | Change::TokenRevoked { before, after } => {
            json!({ "before": token(before), "after": token(after) })
        }
        Change::SessionOpened { after, hash: _ } => json!({ "after": Session::from(&**after) }),
        Change::SessionEnded { before } => json!({ "before": Session::from(&**before) }),
        Change::LinkIssued { after, hash: _ } => json!({ "after": LoginLink::from(&**after) }),
        Change::LinkUsed { before } => json!({ "before": LoginLink::from(&**before) }),
        Change::AccountUserCreated { after } => json!({ "after": AccountUser::alone(after) }),
        Change::AccountUserUpdated { before, after } => {
            json!({ "before": AccountUser::alone(before), "after": AccountUser::alone(after) })
        }
        Change::AccountUserDeleted { before } => json!({ "before": AccountUser::alone(before) }),
        Change::DirectoryLinkCreated { after } => json!({ "after": link(after) }),
        Change::DirectoryLinkUpdated { before, after } => json!({ "before": link(before), "after": link(after) }),
        Change::DirectoryLinkDeleted { before } => json!({ "before": link(before) }),
        Change::RemovalHeld { organization, removing, members } => {
            json!({ "organization_id": organization.native(), "removing": removing, "members": members })
        }
    }
}
