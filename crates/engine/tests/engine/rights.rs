//! Who may do what: against a naive implementation of the rule, as a table, and what nobody may do.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::common::{Bench, runtime};
use proptest::prelude::*;
use roster_engine::role::BUILT_IN;
use roster_engine::{
    BuiltIn, Caller, Error, MemberQuery, MembershipPatch, NewMembership, NewOrganization, NewPermission, NewRole,
    NewToken, NewUser, OrganizationId, OrganizationPatch, OrganizationQuery, OrganizationStatus, RequestScope, Right,
    RoleNumber, RoleSet, Surface, TokenKind, TokenQuery, UserId, UserPatch, UserQuery, UserStatus, Visibility, Where,
    Within,
};

async fn user(bench: &Bench, name: &str) -> UserId {
    let new = NewUser { email: Some(format!("{name}@example.com")), ..NewUser::default() };
    bench.operator.create_user(new).await.expect("a user").id
}

async fn organization(bench: &Bench, name: &str, under: OrganizationId) -> OrganizationId {
    let new = NewOrganization { name: name.into(), parent: Some(under.into()), ..NewOrganization::default() };
    bench.operator.create_organization(new).await.expect("an organization").id
}

async fn member(bench: &Bench, organization: OrganizationId, user: UserId, roles: RoleSet) {
    let new = NewMembership { roles, ..NewMembership::default() };
    bench.operator.add_member(organization, user, new).await.expect("a member");
}

async fn enter(bench: &Bench, new: NewToken) -> Caller {
    let secret = bench.operator.issue_token(new).await.expect("a token").secret.expect("its secret");
    authenticate(bench, &secret).await.expect("a caller")
}

async fn authenticate(bench: &Bench, secret: &str) -> Result<Caller, Error> {
    Arc::clone(&bench.engine).authenticate(Surface::Native, Some(secret), RequestScope::default()).await
}

/// A caller with this user's own token.
async fn as_user(bench: &Bench, user: UserId) -> Caller {
    enter(bench, NewToken { user: Some(user.into()), ..NewToken::new(TokenKind::User) }).await
}

/// A caller with a token of this organization.
async fn as_token(bench: &Bench, organization: OrganizationId, roles: RoleSet, scopes: Option<&[&str]>) -> Caller {
    let scopes = scopes.map(|scopes| scopes.iter().map(ToString::to_string).collect());
    let kind = TokenKind::Organization;
    enter(bench, NewToken { organization: Some(organization.into()), roles, scopes, ..NewToken::new(kind) }).await
}

/// A literal implementation of the rule.
fn naive(chain: &[RoleSet], right: Right) -> bool {
    let grants = |roles: RoleSet, reaching: bool| {
        BUILT_IN.iter().any(|r| roles.contains(r.number) && r.grants(right.permission) && (!reaching || r.reaches_down))
    };
    let (here, above) = chain.split_last().expect("at least the root");
    let (at_here, at_root) = (grants(*here, false), grants(chain[0], false));
    let at_above = above.iter().any(|roles| grants(*roles, true));
    match right.place {
        Where::Here => at_here,
        Where::Tree => at_here || at_above,
        Where::Above => at_above,
        Where::Root => at_root,
        Where::HereOrRoot => at_here || at_root,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Rule 4: a role held above counts below if it reaches down, and nothing counts upward or sideways.
    #[test]
    fn rights_are_held_where_the_rule_says(held in prop::collection::vec(0..256_i64, 5), token_at in 0..4_usize) {
        runtime().block_on(async {
            let bench = Bench::new().await;
            // root ─ a ─ b ─ c, and a's other child d.
            let a = organization(&bench, "a", bench.operator.root()).await;
            let b = organization(&bench, "b", a).await;
            let c = organization(&bench, "c", b).await;
            let d = organization(&bench, "d", a).await;
            let places = [bench.operator.root(), a, b, c, d];
            let chains = [vec![0], vec![0, 1], vec![0, 1, 2], vec![0, 1, 2, 3], vec![0, 1, 4]];
            let held: Vec<RoleSet> = held.into_iter().map(|bits| RoleSet::from_bits(bits).without(RoleNumber::OWNER)).collect();
            let ada = user(&bench, "ada").await;
            for (place, roles) in places.iter().zip(&held).filter(|(_, roles)| !roles.is_empty()) {
                member(&bench, *place, ada, *roles).await;
            }
            let mut callers = vec![(as_user(&bench, ada).await, held.clone())];
            if !held[token_at].is_empty() {
                let alone: Vec<RoleSet> =
                    (0..5).map(|n| if n == token_at { held[n] } else { RoleSet::EMPTY }).collect();
                callers.push((as_token(&bench, places[token_at], held[token_at], None).await, alone));
            }
            for (caller, held) in callers {
                for (place, chain) in places.iter().zip(&chains) {
                    let chain: Vec<RoleSet> = chain.iter().map(|n| held[*n]).collect();
                    for permission in BuiltIn::ALL {
                        for place_of in [Where::Here, Where::Tree, Where::Above, Where::Root, Where::HereOrRoot] {
                            let right = Right { permission: *permission, place: place_of };
                            let may = caller.organization_for(*place, right).await.is_ok();
                            prop_assert_eq!(may, naive(&chain, right), "{:?} with {:?}", right, chain);
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
}

/// Whether it was allowed. Panics if it failed for another reason than a missing right.
fn may<T>(outcome: Result<T, Error>, operation: &str) -> bool {
    match outcome {
        Ok(_) => true,
        Err(Error::Forbidden(_) | Error::NotFound(_) | Error::Reference { .. }) => false,
        Err(other) => panic!("{operation}: {other:?}"),
    }
}

/// Role × operation, for reviewers: each role held at the organization, and held at its parent.
#[test]
fn the_table_of_roles_and_operations() {
    runtime().block_on(async {
        let mut rows: Vec<(String, Vec<bool>)> = Vec::new();
        for at_parent in [false, true] {
            for role in BUILT_IN {
                for (operation, yes) in try_everything(role.number, at_parent).await {
                    match rows.iter_mut().find(|(name, _)| *name == operation) {
                        Some((_, cells)) => cells.push(yes),
                        None => rows.push((operation, vec![yes])),
                    }
                }
            }
        }
        let keys: Vec<&str> = BUILT_IN.iter().map(|role| role.key).collect();
        let mut table = format!("{:<34}  held here: {}\n{:<34}  then: held at the parent\n", "", keys.join(" "), "");
        for (operation, cells) in rows {
            let marks: Vec<String> =
                cells.chunks(8).map(|part| part.iter().map(|yes| if *yes { '+' } else { '.' }).collect()).collect();
            let _ = writeln!(table, "{operation:<34}  {}", marks.join("  "));
        }
        insta::assert_snapshot!(table);
    });
}

async fn try_everything(role: RoleNumber, at_parent: bool) -> Vec<(String, bool)> {
    let bench = Bench::new().await;
    let parent = organization(&bench, "parent", bench.operator.root()).await;
    let here = organization(&bench, "here", parent).await;
    let (me, bob, eve) = (user(&bench, "me").await, user(&bench, "bob").await, user(&bench, "eve").await);
    member(&bench, if at_parent { parent } else { here }, me, RoleSet::of(role)).await;
    member(&bench, here, bob, RoleSet::of(RoleNumber::VIEWER)).await;
    let restrict = OrganizationPatch { visibility: Some(Visibility::Admins), ..OrganizationPatch::default() };
    let c = as_user(&bench, me).await;
    let roles = |role| NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
    let token = || NewToken {
        organization: Some(here.into()),
        roles: RoleSet::of(RoleNumber::VIEWER),
        ..NewToken::new(TokenKind::Organization)
    };
    let below = || OrganizationQuery { within: Within::Below(here.into()), ..OrganizationQuery::default() };
    let mut table = Vec::new();
    let mut note = |operation: &str, yes: bool| table.push((operation.to_owned(), yes));

    note("get organization", may(c.organization(here).await, "get"));
    note("change organization", may(c.update_organization(here, OrganizationPatch::default()).await, "change"));
    note("list organizations below", may(c.list_organizations(below()).await, "list below"));
    note("list all organizations", may(c.list_organizations(OrganizationQuery::default()).await, "list all"));
    note("list members", may(c.list_members(here, MemberQuery::default()).await, "list members"));
    bench.operator.update_organization(here, restrict).await.expect("restricted");
    note("list members, shown to admins", may(c.list_members(here, MemberQuery::default()).await, "list members"));
    note("add viewer", may(c.add_member(here, eve, roles(RoleNumber::VIEWER)).await, "add"));
    note("promote to admin", may(promote(&c, here, bob).await, "promote"));
    note("make login link", may(c.issue_link(here, bob).await, "link"));
    note("remove member", may(c.remove_member(here, bob, None).await, "remove"));
    note("issue viewer token", may(c.issue_token(token()).await, "issue"));
    let listed = c.list_tokens(TokenQuery { organization: Some(here.into()), ..TokenQuery::default() }).await;
    note("list tokens", may(listed, "list tokens"));
    note("read events", may(c.list_events(0, 10, Some(here.into())).await, "events"));
    note("read all events", may(c.list_events(0, 10, None).await, "all events"));
    note("create user for it", may(create_user_for(&c, here).await, "create user"));
    note("create user", may(c.create_user(NewUser::default()).await, "create user"));
    note("read another user", may(c.user(bob).await, "read user"));
    note("read oneself", may(c.user(me).await, "read oneself"));
    note("list users", may(c.list_users(UserQuery::default()).await, "list users"));
    note("define role", may(c.create_role(NewRole { key: "own".into(), ..NewRole::default() }).await, "role"));
    note("issue realm key", may(c.issue_token(NewToken::new(TokenKind::Realm)).await, "realm key"));
    let child = NewOrganization { name: "child".into(), parent: Some(here.into()), ..NewOrganization::default() };
    note("create organization below", may(c.create_organization(child).await, "create below"));
    member(&bench, here, user(&bench, "new").await, RoleSet::of(RoleNumber::VIEWER)).await;
    let heir = bench.operator.list_members(here, MemberQuery::default()).await.expect("members").items;
    let heir = heir.last().expect("a member").user.id;
    note("set owner", may(c.transfer_ownership(here, heir).await, "set owner"));
    bench.operator.transfer_ownership(here, heir).await.expect("an owner");
    note("clear owner", may(c.clear_ownership(here).await, "clear owner"));
    note("mark as deleted", may(c.mark_organization_deleted(here).await, "mark"));
    note("delete with what is below", may(c.delete_organization(here, true, None).await, "delete"));
    table
}

async fn promote(c: &Caller, here: OrganizationId, user: UserId) -> Result<(), Error> {
    let patch = MembershipPatch { roles: Some(RoleSet::of(RoleNumber::ADMIN)), ..MembershipPatch::default() };
    c.update_member(here, user, patch).await.map(|_| ())
}

async fn create_user_for(c: &Caller, here: OrganizationId) -> Result<(), Error> {
    c.create_user(NewUser { organization: Some(here.into()), ..NewUser::default() }).await.map(|_| ())
}

/// Nobody can grant a permission they lack: not by a role, a token, or a token's scopes.
#[test]
fn no_one_gives_what_he_lacks() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let acme = organization(&bench, "acme", bench.operator.root()).await;
        let labs = organization(&bench, "labs", acme).await;
        let permission = NewPermission { key: "invoices:approve".into(), ..NewPermission::default() };
        bench.operator.create_permission(permission).await.expect("a permission");
        let clerk = NewRole {
            key: "clerk".into(),
            permissions: vec!["memberships:write".into(), "tokens:write".into(), "organizations:read".into()],
            ..NewRole::default()
        };
        let clerk = RoleSet::of(bench.operator.create_role(clerk).await.expect("a role").number);
        let approver =
            NewRole { key: "approver".into(), permissions: vec!["invoices:approve".into()], ..NewRole::default() };
        let approver = RoleSet::of(bench.operator.create_role(approver).await.expect("a role").number);
        let (carl, bob) = (user(&bench, "carl").await, user(&bench, "bob").await);
        member(&bench, acme, carl, clerk).await;
        let c = as_user(&bench, carl).await;

        // A clerk may add clerks, but neither admins, nor members (who read billing), nor approvers.
        for roles in
            [RoleSet::of(RoleNumber::ADMIN), RoleSet::of(RoleNumber::MEMBER), approver, clerk.with(RoleNumber::ADMIN)]
        {
            let refused = c.add_member(acme, bob, NewMembership { roles, ..NewMembership::default() }).await;
            assert!(matches!(refused, Err(Error::Forbidden(_))), "{roles:?}: {refused:?}");
            let token = NewToken { organization: Some(acme.into()), roles, ..NewToken::new(TokenKind::Organization) };
            let refused = c.issue_token(token).await;
            assert!(matches!(refused, Err(Error::Forbidden(_))), "{roles:?}: {refused:?}");
        }
        c.add_member(acme, bob, NewMembership { roles: clerk, ..NewMembership::default() })
            .await
            .expect("as much as the clerk holds");
        // A clerk's role doesn't reach down.
        assert!(matches!(
            c.add_member(labs, bob, NewMembership { roles: clerk, ..Default::default() }).await,
            Err(Error::NotFound(_))
        ));

        // An admin isn't an owner, so can't issue an owner's token.
        let ann = user(&bench, "ann").await;
        member(&bench, acme, ann, RoleSet::of(RoleNumber::ADMIN)).await;
        let a = as_user(&bench, ann).await;
        let owners = NewToken {
            organization: Some(acme.into()),
            roles: RoleSet::OWNER,
            ..NewToken::new(TokenKind::Organization)
        };
        assert!(matches!(a.issue_token(owners).await, Err(Error::Forbidden(_))));

        // A token with scopes can't issue one with wider scopes.
        let narrow =
            as_token(&bench, acme, RoleSet::of(RoleNumber::ADMIN), Some(&["tokens:write", "memberships:read"])).await;
        let wider = |scopes: Option<Vec<String>>| NewToken {
            organization: Some(acme.into()),
            roles: RoleSet::of(RoleNumber::VIEWER),
            scopes,
            ..NewToken::new(TokenKind::Organization)
        };
        assert!(matches!(narrow.issue_token(wider(None)).await, Err(Error::Forbidden(_))));
        assert!(matches!(
            narrow.issue_token(wider(Some(vec!["memberships:write".into()]))).await,
            Err(Error::Forbidden(_))
        ));
        narrow.issue_token(wider(Some(vec!["memberships:read".into()]))).await.expect("no more than it may use itself");
    });
}

/// To mark an organization as deleted is a right of its own, and the only one that this needs.
#[test]
fn marking_as_deleted_needs_one_right() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let acme = organization(&bench, "acme", bench.operator.root()).await;
        let admin = RoleSet::of(RoleNumber::ADMIN);
        let deleter = as_token(&bench, acme, admin, Some(&["organizations:delete"])).await;
        let writer = as_token(&bench, acme, admin, Some(&["organizations:write"])).await;
        let status = |status| OrganizationPatch { status: Some(status), ..OrganizationPatch::default() };
        let both = || OrganizationPatch { name: Some("new".into()), ..status(OrganizationStatus::Deleted) };
        let lacks = |outcome: Result<_, Error>, permission: &str| match outcome {
            Err(Error::Forbidden(lacking)) => assert_eq!(lacking, permission),
            other => panic!("{other:?}"),
        };
        lacks(writer.update_organization(acme, status(OrganizationStatus::Deleted)).await, "organizations:delete");
        lacks(writer.update_organization(acme, both()).await, "organizations:delete");
        lacks(deleter.update_organization(acme, both()).await, "organizations:write");
        let marked = deleter.update_organization(acme, status(OrganizationStatus::Deleted)).await.expect("its right");
        assert_eq!(marked.status, OrganizationStatus::Deleted);
        lacks(deleter.update_organization(acme, status(OrganizationStatus::Active)).await, "organizations:write");
        writer.update_organization(acme, status(OrganizationStatus::Active)).await.expect("not marked anymore");
    });
}

/// Revoked rights no longer count in the next request.
#[test]
fn what_is_taken_away_is_gone_at_once() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let acme = organization(&bench, "acme", bench.operator.root()).await;
        let ada = user(&bench, "ada").await;
        member(&bench, acme, ada, RoleSet::of(RoleNumber::ADMIN)).await;
        let a = as_user(&bench, ada).await;
        a.update_organization(acme, OrganizationPatch::default()).await.expect("an admin may");
        promoted_to(&bench, acme, ada, RoleNumber::SUPPORT).await;
        let refused = a.update_organization(acme, OrganizationPatch::default()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));

        // An inactive user's key is refused like an unknown one.
        let inactive = UserPatch { status: Some(UserStatus::Inactive), ..UserPatch::default() };
        bench.operator.update_user(ada, inactive).await.expect("inactive");
        assert!(matches!(a.organization(acme).await, Err(Error::BadCredential)));
        let active = UserPatch { status: Some(UserStatus::Active), ..UserPatch::default() };
        bench.operator.update_user(ada, active).await.expect("active");
        a.organization(acme).await.expect("again");

        let new = NewToken {
            organization: Some(acme.into()),
            roles: RoleSet::OWNER,
            ..NewToken::new(TokenKind::Organization)
        };
        let issued = bench.operator.issue_token(new).await.expect("a token");
        let secret = issued.secret.expect("its secret");
        let t = authenticate(&bench, &secret).await.expect("a caller");
        bench
            .operator
            .revoke_token(&t.token().map(|t| roster_engine::EntityId::native(t.id)).expect("an id"))
            .await
            .expect("revoked");
        assert!(matches!(t.organization(acme).await, Err(Error::BadCredential)));
        assert!(matches!(authenticate(&bench, &secret).await, Err(Error::BadCredential)));

        bench.operator.delete_user(ada, None).await.expect("deleted");
        assert!(matches!(a.organization(acme).await, Err(Error::BadCredential)));
        bench.verify().await.expect("everything agrees");
    });
}

async fn promoted_to(bench: &Bench, organization: OrganizationId, user: UserId, role: RoleNumber) {
    let patch = MembershipPatch { roles: Some(RoleSet::of(role)), ..MembershipPatch::default() };
    bench.operator.update_member(organization, user, patch).await.expect("changed");
}

/// An erased person is gone from tables and log, and the log is still numbered without a gap.
#[test]
fn an_erased_person_is_gone_from_the_log() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let acme = organization(&bench, "acme", bench.operator.root()).await;
        for deleted_before in [false, true] {
            let name = if deleted_before { "bob" } else { "ada" };
            let person = user(&bench, name).await;
            member(&bench, acme, person, RoleSet::of(RoleNumber::MEMBER)).await;
            bench.operator.transfer_ownership(acme, person).await.expect("an owner");
            as_user(&bench, person).await;
            if deleted_before {
                bench.operator.delete_user(person, None).await.expect("deleted");
            }
            bench.operator.erase_user(person, None).await.expect("erased");
            assert!(matches!(bench.operator.user(person).await, Err(Error::NotFound(_))));
            let log = bench.operator.list_events(0, 1000, None).await.expect("a log");
            assert!(log.iter().zip(1..).all(|(event, n)| event.sequence == n));
            let text = format!("{log:?}");
            assert!(!text.contains(&format!("{name}@example.com")), "still in the log: {text}");
            assert!(
                matches!(bench.operator.erase_user(person, None).await, Err(Error::NotFound(_))),
                "nothing left to erase"
            );
        }
        bench.verify().await.expect("everything agrees");
    });
}
