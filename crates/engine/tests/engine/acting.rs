//! Acting as another user, the realm's admins, and rules that apply only if the caller asks for them.

use std::sync::Arc;

use crate::common::{Bench, runtime};
use roster_engine::{
    BuiltIn, Caller, Dialect, EntityId as _, Error, Extras, Member, Membership, MembershipId, MembershipPatch,
    Metadata, NewMembership, NewOrganization, NewRole, NewToken, NewUser, OrganizationPatch, RequestScope, Right,
    RoleCatalog, RoleMap, RoleNumber, RoleSet, Subject, Surface, TokenKind, UserId, UserPatch, UserQuery, UserStatus,
    metadata::WHILE,
};
use serde_json::json;

async fn user(bench: &Bench, name: &str) -> UserId {
    let new = NewUser { name: Some(name.into()), email: Some(format!("{name}@example.com")), ..NewUser::default() };
    bench.operator.create_user(new).await.expect("a user").id
}

async fn group(caller: &Caller, name: &str) -> Result<roster_engine::Organization, Error> {
    let new = NewOrganization { name: name.into(), name_must_be_free: true, ..NewOrganization::default() };
    caller.create_organization(new).await
}

async fn member(bench: &Bench, group: roster_engine::OrganizationId, user: UserId, role: RoleNumber) -> Member {
    let new = NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
    bench.operator.add_member(group, user, new).await.expect("a member")
}

async fn enter(bench: &Bench, new: NewToken) -> Caller {
    let secret = bench.operator.issue_token(new).await.expect("a token").secret.expect("its secret");
    let scope = RequestScope::default();
    Arc::clone(&bench.engine).authenticate(Surface::Native, Some(&secret), scope).await.expect("a caller")
}

#[test]
fn who_acts_as_a_user_has_that_users_rights_and_no_others() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let (ada, bob) = (user(&bench, "ada").await, user(&bench, "bob").await);
        let place = group(&bench.operator, "acme").await.expect("a group").id;
        member(&bench, place, ada, RoleNumber::ADMIN).await;
        let key = enter(&bench, NewToken::new(TokenKind::Realm)).await;

        let as_bob = key.act_as(bob).await.expect("a realm key may");
        assert!(!as_bob.is_realm_key() && !as_bob.is_realm());
        assert_eq!(as_bob.me().await.expect("a view").map(|me| me.id), Some(bob));
        assert!(matches!(as_bob.organization(place).await, Err(Error::NotFound(_))));
        assert!(matches!(as_bob.act_as(ada).await, Err(Error::Forbidden(_))), "bob may not, so nor may as_bob");

        let as_ada = key.act_as(ada).await.expect("a realm key may");
        let patch = OrganizationPatch { name: Some("renamed".into()), ..OrganizationPatch::default() };
        as_ada.update_organization(place, patch).await.expect("ada may");
        let log = bench.operator.list_events(0, 1000, None).await.expect("the log");
        let last = log.last().expect("an event").actor;
        assert_eq!(last.id, key.token().map(|token| token.id.raw()), "the log names who really called");

        let own = enter(&bench, NewToken { user: Some(ada.into()), ..NewToken::new(TokenKind::User) }).await;
        assert!(matches!(own.act_as(bob).await, Err(Error::Forbidden(_))));
        assert!(matches!(own.act_as("100000").await, Err(Error::Forbidden(_))), "nor is she told who exists");
        assert!(matches!(key.act_as("100000").await, Err(Error::NotFound(Subject::User))));

        let scopes = Some(vec![BuiltIn::UsersActAs.key().to_owned()]);
        let narrow = enter(&bench, NewToken { scopes, ..NewToken::new(TokenKind::Realm) }).await;
        let narrowed = narrow.act_as(ada).await.expect("its scope says so");
        assert!(narrowed.organization(place).await.is_err(), "scopes also restrict a key that acts as a user");

        // Revoked rights no longer count in the next operation.
        let asleep = UserPatch { status: Some(UserStatus::Inactive), ..UserPatch::default() };
        bench.operator.update_user(ada, asleep).await.expect("inactive");
        assert!(matches!(as_ada.organization(place).await, Err(Error::Forbidden(_))));
        let token = key.token().expect("a key").id.native();
        bench.operator.revoke_token(&token).await.expect("revoked");
        assert!(matches!(as_bob.me().await, Err(Error::BadCredential)));
        bench.verify().await.expect("sound");
    });
}

#[test]
fn roles_that_are_not_counted_only_make_members() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let place = group(&bench.operator, "acme").await.expect("a group").id;
        let bare = NewRole { key: "bare".into(), ..NewRole::default() };
        let bare = bench.operator.create_role(bare).await.expect("a role").number;
        let admins = RoleSet::OWNER.with(RoleNumber::ADMIN);
        let right = Right::tree(BuiltIn::OrganizationsDelete);
        for (name, role, before, after) in [
            ("ada", RoleNumber::ADMIN, true, true),
            ("bob", RoleNumber::SUPPORT, true, false),
            ("eve", bare, false, false),
        ] {
            let user = user(&bench, name).await;
            member(&bench, place, user, role).await;
            let caller = enter(&bench, NewToken { user: Some(user.into()), ..NewToken::new(TokenKind::User) }).await;
            assert_eq!(caller.organization_for(place, right).await.is_ok(), before, "{name}");
            let caller = caller.counting_only(admins);
            assert_eq!(caller.organization_for(place, right).await.is_ok(), after, "{name}");
            assert_eq!(caller.organization(place).await.is_ok(), after, "{name}");
            assert!(caller.organization_for_member(place).await.is_ok(), "{name}");
        }
        let stranger = user(&bench, "zoe").await;
        let stranger = enter(&bench, NewToken { user: Some(stranger.into()), ..NewToken::new(TokenKind::User) }).await;
        assert!(matches!(stranger.organization_for_member(place).await, Err(Error::NotFound(_))));
        let (organization, roles) = (Some(place.into()), RoleSet::of(RoleNumber::SUPPORT));
        let new = NewToken { organization, roles, ..NewToken::new(TokenKind::Organization) };
        let token = enter(&bench, new).await.counting_only(admins);
        assert!(token.organization_for(place, right).await.is_ok(), "a token isn't a user");
    });
}

#[test]
fn the_realms_admins() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let new = NewUser { realm_admin: true, ..NewUser::default() };
        let ada = bench.operator.create_user(new).await.expect("a user").id;
        let held = async || bench.operator.roles_at_root(vec![ada]).await.expect("roles")[0];
        let set = async |wanted| {
            bench.operator.update_user(ada, UserPatch { realm_admin: Some(wanted), ..UserPatch::default() }).await
        };
        assert_eq!(held().await, RoleSet::of(RoleNumber::ADMIN));
        set(true).await.expect("again");
        set(false).await.expect("no longer");
        assert_eq!(held().await, RoleSet::EMPTY);
        set(true).await.expect("once more");
        bench.operator.transfer_ownership(bench.operator.root(), ada).await.expect("the owner");
        set(true).await.expect("is one");
        assert!(matches!(set(false).await, Err(Error::OwnerProtected)));
        assert_eq!(held().await, RoleSet::OWNER);

        // Whoever may change users, but not the root's members, can't make admins.
        let scopes = Some(vec![BuiltIn::UsersWrite.key().to_owned()]);
        let narrow = enter(&bench, NewToken { scopes, ..NewToken::new(TokenKind::Realm) }).await;
        let bob = user(&bench, "bob").await;
        let patch = UserPatch { realm_admin: Some(true), ..UserPatch::default() };
        assert!(matches!(narrow.update_user(bob, patch).await, Err(Error::NotFound(_) | Error::Forbidden(_))));
        assert_eq!(bench.operator.roles_at_root(vec![bob]).await.expect("roles"), [RoleSet::EMPTY]);
        bench.verify().await.expect("sound");
    });
}

#[test]
fn names_that_must_be_free() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let first = group(&bench.operator, "acme").await.expect("free");
        let taken = |result| matches!(result, Err(Error::AlreadyExists { field: "name", id: Some(id), .. }) if id == first.id.raw());
        assert!(taken(group(&bench.operator, "acme").await));
        let second = group(&bench.operator, "Acme").await.expect("another name: compared exactly");
        let rename = |name: &str| OrganizationPatch {
            name: Some(name.into()),
            name_must_be_free: true,
            ..OrganizationPatch::default()
        };
        assert!(taken(bench.operator.update_organization(second.id, rename("acme")).await));
        bench.operator.update_organization(first.id, rename("acme")).await.expect("its own name");
        // Without the option, an existing name may be used.
        let new = NewOrganization { name: "acme".into(), ..NewOrganization::default() };
        bench.operator.create_organization(new).await.expect("a namesake");
        group(&bench.operator, "default").await.expect("the root's name is in nobody's way");
        let racing = futures_all(&bench.operator, "race", 8).await;
        assert_eq!(racing.iter().filter(|made| made.is_ok()).count(), 1);
        let race = racing.into_iter().find_map(Result::ok).expect("one").id;
        bench.operator.delete_organization(race, false, None).await.expect("deleted");
        group(&bench.operator, "race").await.expect("free again");
    });
}

async fn futures_all(caller: &Caller, name: &'static str, n: usize) -> Vec<Result<roster_engine::Organization, Error>> {
    let tasks: Vec<_> = (0..n)
        .map(|_| {
            let caller = caller.clone();
            tokio::spawn(async move { group(&caller, name).await })
        })
        .collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.expect("no panic"));
    }
    done
}

#[test]
fn owners_are_deleted_only_on_purpose() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let ada = user(&bench, "ada").await;
        let place = group(&bench.operator, "acme").await.expect("a group").id;
        member(&bench, place, ada, RoleNumber::MEMBER).await;
        bench.operator.transfer_ownership(place, ada).await.expect("the owner");
        assert!(matches!(bench.operator.delete_user_unless_owner(ada, None).await, Err(Error::OwnerProtected)));
        bench.operator.clear_ownership(place).await.expect("cleared");
        bench.operator.delete_user_unless_owner(ada, None).await.expect("deleted");
        bench.verify().await.expect("sound");
    });
}

/// A vendor with only two roles: admins and others.
#[derive(Debug)]
struct Two;

impl RoleMap for Two {
    type Shown = bool;

    fn show(_: &RoleCatalog, roles: RoleSet) -> bool {
        roles.contains(RoleNumber::ADMIN)
    }

    fn role(admin: bool) -> RoleNumber {
        if admin { RoleNumber::ADMIN } else { RoleNumber::MEMBER }
    }
}

#[test]
fn memberships_by_their_own_id_and_what_is_bound_to_roles() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let (ada, operator) = (user(&bench, "ada").await, &bench.operator);
        let place = group(operator, "acme").await.expect("a group").id;
        let bound = json!({"switch": {WHILE: RoleSet::of(RoleNumber::ADMIN), "on": true}, "free": 1});
        let entry: Metadata = bound.as_object().cloned().expect("an object");
        let mut extras = Extras::default();
        extras.merge(Dialect::Box, &entry);
        let new = NewMembership { roles: RoleSet::of(RoleNumber::MEMBER), extras, ..NewMembership::default() };
        let made = operator.add_member(place, ada, new).await.expect("a member").membership;
        let switch = |m: &Membership| m.extras.of(Dialect::Box).is_some_and(|extras| extras.contains_key("switch"));
        assert!(!switch(&made), "a member can't have it");

        let patch = || MembershipPatch { extras: Some((Dialect::Box, entry.clone())), ..MembershipPatch::default() };
        let before = operator.list_events(0, 1000, None).await.expect("the log").len();
        let admin = operator.update_membership::<Two>(made.id, Some(true), patch()).await.expect("an admin");
        assert!(switch(&admin.membership));
        assert_eq!(operator.list_events(0, 1000, None).await.expect("the log").len(), before + 1, "one change");
        let same = operator.update_membership::<Two>(made.id, Some(true), patch()).await.expect("the same");
        assert_eq!(same.membership, admin.membership);
        // The extras bound to the role go with it, however it is removed.
        let viewer = MembershipPatch { roles: Some(RoleSet::of(RoleNumber::VIEWER)), ..MembershipPatch::default() };
        let viewer = operator.update_member(place, ada, viewer).await.expect("a viewer").membership;
        assert!(!switch(&viewer));
        assert!(viewer.extras.of(Dialect::Box).is_some_and(|extras| extras.contains_key("free")));

        let right = Right::tree(BuiltIn::MembershipsWrite);
        assert!(operator.membership_for(made.id, right).await.is_ok());
        operator.remove_membership(made.id).await.expect("removed");
        let again = member(&bench, place, ada, RoleNumber::MEMBER).await.membership.id;
        assert_ne!(again, made.id);
        let unknown = |result: Result<Member, Error>| matches!(result, Err(Error::NotFound(Subject::Membership)));
        assert!(unknown(operator.remove_membership(made.id).await));
        assert!(unknown(operator.update_membership::<Two>(made.id, None, MembershipPatch::default()).await));
        assert!(unknown(operator.membership_for(MembershipId::from_raw(1), right).await));
        bench.verify().await.expect("sound");
    });
}

#[test]
fn lists_by_the_beginning_of_a_name() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        for name in ["Zoë_1", "zoë%2", "not_zoë"] {
            let new = NewUser { name: Some(name.into()), ..NewUser::default() };
            bench.operator.create_user(new).await.expect("a user");
        }
        user(&bench, "zo").await;
        for (prefix, names) in [
            ("ZOË", &["Zoë_1", "zoë%2"][..]),
            ("zoë_", &["Zoë_1"]),
            ("zoë%", &["zoë%2"]),
            ("zo@EXAMPLE", &["zo"]),
            ("_", &[]),
            ("\\", &[]),
            ("\0", &[]),
            ("zo\0", &[]),
        ] {
            let query = UserQuery { prefix: Some(prefix.into()), ..UserQuery::default() };
            let listed = bench.operator.list_users(query).await.expect("a list");
            let found: Vec<_> = listed.items.iter().map(|user| user.name.as_str()).collect();
            assert_eq!(found, names, "{prefix}");
        }
    });
}
