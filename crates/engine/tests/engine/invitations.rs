//! Invitations, the seats they take, and the last admin, through the engine alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use roster_engine::{
    Bulk, BulkItem, Caller, Clock, Config, Engine, Error, IfPending, InvitationQuery, InvitationStatus,
    MembershipPatch, NewInvitation, NewMembership, NewOrganization, NewRole, NewUser, Organization, RoleNumber,
    RoleSet, SentInvitation, Subject, Timestamp, User, UserPatch,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Debug)]
struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

struct Scene {
    engine: Arc<Engine>,
    operator: Caller,
    clock: Arc<ManualClock>,
    acme: Organization,
    _database: roster_testing::Database,
}

impl Scene {
    async fn new(max_members: u32) -> Self {
        let database = roster_testing::Database::new();
        let clock = Arc::new(ManualClock(AtomicI64::new(1_795_327_200_000)));
        let mut config = Config::new(database.url());
        config.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let (engine, _) = Engine::open(config).await.expect("an engine");
        let operator = engine.operator("default").await.expect("the database").expect("the realm `default`");
        let new = NewOrganization { name: "acme".into(), max_members, ..NewOrganization::default() };
        let acme = operator.create_organization(new).await.expect("an organization");
        Self { engine, operator, clock, acme, _database: database }
    }

    async fn user(&self, name: &str) -> User {
        let new = NewUser { email: Some(format!("{name}@example.com")), ..NewUser::default() };
        self.operator.create_user(new).await.expect("a user")
    }

    async fn add(&self, user: &User, role: RoleNumber) -> Result<(), Error> {
        let new = NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
        self.operator.add_member(self.acme.id, user.id, new).await.map(|_| ())
    }

    async fn invite(&self, name: &str, if_pending: IfPending) -> Result<SentInvitation, Error> {
        let new = NewInvitation {
            email: format!("{name}@Example.com"),
            roles: RoleSet::of(RoleNumber::MEMBER),
            if_pending,
            ..NewInvitation::default()
        };
        self.operator.invite(self.acme.id, new).await
    }

    async fn statuses(&self) -> Vec<InvitationStatus> {
        let listed = self.operator.list_invitations(self.acme.id, InvitationQuery::default()).await.expect("a list");
        listed.items.iter().map(|invited| invited.invitation.status).collect()
    }

    async fn verify(&self) {
        let problems = self.engine.verify(self.operator.realm_id()).await.expect("the database");
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

fn secret(sent: &SentInvitation) -> &str {
    sent.secret.as_deref().expect("told once")
}

#[test]
fn an_invitation_is_accepted_once_by_whom_it_was_sent_to() {
    runtime().block_on(async {
        let scene = Scene::new(0).await;
        let (ada, bob) = (scene.user("ada").await, scene.user("bob").await);
        let sent = scene.invite("ada", IfPending::Refuse).await.expect("an invitation");
        let accept = async |user: &User, secret: &str| scene.operator.accept_invitation(secret, user.id).await;
        assert!(matches!(accept(&bob, secret(&sent)).await, Err(Error::Invalid { .. })));
        assert!(matches!(accept(&ada, "rst_guessed").await, Err(Error::NotFound(Subject::Invitation))));
        let member = accept(&ada, secret(&sent)).await.expect("a member");
        assert_eq!(member.membership.roles, RoleSet::of(RoleNumber::MEMBER));
        assert!(matches!(accept(&ada, secret(&sent)).await, Err(Error::NotPending)));
        assert_eq!(scene.statuses().await, [InvitationStatus::Accepted]);
        let again = scene.invite("ada", IfPending::Refuse).await;
        assert!(matches!(again, Err(Error::AlreadyExists { subject: Subject::Membership, .. })));
        scene.verify().await;
    });
}

#[test]
fn one_is_pending_at_a_time_until_it_expires_is_revoked_or_the_person_is_added() {
    runtime().block_on(async {
        let scene = Scene::new(0).await;
        let first = scene.invite("ada", IfPending::Refuse).await.expect("an invitation");
        let second = scene.invite("ada", IfPending::Refuse).await;
        assert!(matches!(second, Err(Error::AlreadyExists { subject: Subject::Invitation, .. })));
        let renewed = scene.invite("ada", IfPending::Renew).await.expect("renewed");
        assert_eq!(renewed.invited.invitation.id, first.invited.invitation.id);
        let ada = scene.user("ada").await;
        let old = scene.operator.accept_invitation(secret(&first), ada.id).await;
        assert!(matches!(old, Err(Error::NotFound(Subject::Invitation))), "the old secret is gone");

        scene.clock.0.fetch_add(31 * DAY_MS, Ordering::SeqCst);
        assert_eq!(scene.statuses().await, [InvitationStatus::Expired]);
        let late = scene.operator.accept_invitation(secret(&renewed), ada.id).await;
        assert!(matches!(late, Err(Error::NotPending)));
        let third = scene.invite("ada", IfPending::Refuse).await.expect("the expired one is in nobody's way");
        let id = roster_engine::EntityId::native(third.invited.invitation.id);
        scene.operator.revoke_invitation(&id, None).await.expect("revoked");
        assert!(matches!(scene.operator.revoke_invitation(&id, None).await, Err(Error::NotPending)));

        scene.invite("ada", IfPending::Refuse).await.expect("an invitation");
        scene.add(&ada, RoleNumber::VIEWER).await.expect("added otherwise");
        let all = [InvitationStatus::Expired, InvitationStatus::Revoked, InvitationStatus::Accepted];
        assert_eq!(scene.statuses().await, all);
        scene.verify().await;
    });
}

/// Whichever of a user's addresses is invited, the new invitation replaces the old one.
#[test]
fn somebody_with_two_addresses_is_invited_once() {
    runtime().block_on(async {
        let scene = Scene::new(2).await;
        let new = NewUser {
            email: Some("ada@example.com".into()),
            other_emails: vec!["lovelace@example.com".into()],
            ..NewUser::default()
        };
        let ada = scene.operator.create_user(new).await.expect("a user");
        let first = scene.invite("ada", IfPending::Renew).await.expect("an invitation");
        let second = scene.invite("lovelace", IfPending::Renew).await.expect("the same one");
        assert_eq!(second.invited.invitation.id, first.invited.invitation.id);
        assert_eq!(second.invited.invitation.email, "lovelace@example.com");
        assert_eq!(scene.statuses().await, [InvitationStatus::Pending]);
        let old = scene.operator.accept_invitation(secret(&first), ada.id).await;
        assert!(matches!(old, Err(Error::NotFound(Subject::Invitation))), "the old secret is gone");
        scene.verify().await;
        scene.operator.accept_invitation(secret(&second), ada.id).await.expect("a member");
        scene.verify().await;
    });
}

/// As an address of another user, it would identify both.
#[test]
fn what_is_shown_for_a_user_without_an_address_is_nobodys() {
    runtime().block_on(async {
        let scene = Scene::new(0).await;
        let made_up = || String::from("5@No-Address.invalid");
        let is_refused =
            |refused: Option<Error>| matches!(refused, Some(Error::Invalid { field, .. }) if field == "email");
        for (email, other_emails) in [(Some(made_up()), vec![]), (None, vec![made_up()])] {
            let new = NewUser { email, other_emails, ..NewUser::default() };
            assert!(is_refused(scene.operator.create_user(new).await.err()));
        }
        let ada = scene.user("ada").await;
        let patch = UserPatch { email: Some(Some(made_up())), ..UserPatch::default() };
        assert!(is_refused(scene.operator.update_user(ada.id, patch).await.err()));
        let new =
            NewInvitation { email: made_up(), roles: RoleSet::of(RoleNumber::MEMBER), ..NewInvitation::default() };
        assert!(is_refused(scene.operator.invite(scene.acme.id, new).await.err()));
    });
}

/// The new default membership is in an organization that every surface shows, if there is one.
#[test]
fn who_starts_nowhere_any_more_starts_in_the_oldest_that_all_surfaces_show() {
    runtime().block_on(async {
        let scene = Scene::new(0).await;
        let ada = scene.user("ada").await;
        let root = scene.operator.root();
        let other = NewOrganization { name: "other".into(), ..NewOrganization::default() };
        let other = scene.operator.create_organization(other).await.expect("an organization");
        for (place, is_default) in [(root, false), (scene.acme.id, true), (other.id, false)] {
            let roles = RoleSet::of(RoleNumber::VIEWER);
            let new = NewMembership { roles, is_default, ..NewMembership::default() };
            scene.operator.add_member(place, ada.id, new).await.expect("a member");
        }
        let start = async || {
            let mut starts = Vec::new();
            for place in [root, scene.acme.id, other.id] {
                let member = scene.operator.member(place, ada.id).await;
                if member.is_ok_and(|member| member.membership.is_default) {
                    starts.push(place);
                }
            }
            starts
        };
        for (removed, left) in [(scene.acme.id, vec![other.id]), (other.id, vec![root]), (root, vec![])] {
            scene.operator.remove_member(removed, ada.id, None).await.expect("removed");
            assert_eq!(start().await, left);
        }
        scene.verify().await;
    });
}

/// Ada's default membership ended when she had no other. If an organization above it is deleted later, she gets no new
/// default.
#[test]
fn what_ended_before_moves_nobodys_start() {
    runtime().block_on(async {
        let scene = Scene::new(0).await;
        let ada = scene.user("ada").await;
        let below = NewOrganization { name: "below".into(), parent: Some(scene.acme.id.into()), ..Default::default() };
        let below = scene.operator.create_organization(below).await.expect("an organization");
        let other = NewOrganization { name: "other".into(), ..NewOrganization::default() };
        let other = scene.operator.create_organization(other).await.expect("an organization");
        let add = async |place, is_default| {
            let roles = RoleSet::of(RoleNumber::VIEWER);
            let new = NewMembership { roles, is_default, ..NewMembership::default() };
            scene.operator.add_member(place, ada.id, new).await.expect("a member");
        };
        add(below.id, true).await;
        scene.operator.delete_organization(below.id, false, None).await.expect("ended");
        add(other.id, false).await;
        scene.operator.delete_organization(scene.acme.id, false, None).await.expect("ended");
        let member = scene.operator.member(other.id, ada.id).await.expect("a member");
        assert!(!member.membership.is_default);
        scene.verify().await;
    });
}

#[test]
fn a_promised_seat_is_taken() {
    runtime().block_on(async {
        let scene = Scene::new(2).await;
        let (ada, bob) = (scene.user("ada").await, scene.user("bob").await);
        scene.add(&bob, RoleNumber::ADMIN).await.expect("a member");
        scene.invite("ada", IfPending::Refuse).await.expect("an invitation");
        let eve = scene.user("eve").await;
        assert!(matches!(scene.add(&eve, RoleNumber::MEMBER).await, Err(Error::LimitReached { limit: 2 })));
        assert!(matches!(scene.invite("eve", IfPending::Refuse).await, Err(Error::LimitReached { .. })));
        scene.add(&ada, RoleNumber::MEMBER).await.expect("the seat was hers");
        scene.verify().await;
    });
}

#[test]
fn invitations_go_with_their_organization_and_hold_their_role() {
    runtime().block_on(async {
        let scene = Scene::new(0).await;
        let role =
            scene.operator.create_role(NewRole { key: "own".into(), ..NewRole::default() }).await.expect("a role");
        let new =
            NewInvitation { email: "ada@example.com".into(), roles: RoleSet::of(role.number), ..Default::default() };
        let sent = scene.operator.invite(scene.acme.id, new).await.expect("an invitation");
        assert!(matches!(scene.operator.delete_role("own", None).await, Err(Error::RolePromised)));
        scene.operator.delete_organization(scene.acme.id, false, None).await.expect("deleted");
        let ada = scene.user("ada").await;
        let late = scene.operator.accept_invitation(secret(&sent), ada.id).await;
        assert!(matches!(late, Err(Error::NotFound(Subject::Invitation))));
        scene.operator.delete_role("own", None).await.expect("nobody is promised it any more");
        scene.verify().await;
    });
}

#[test]
fn who_is_erased_is_not_remembered_by_invitations() {
    runtime().block_on(async {
        let scene = Scene::new(0).await;
        let ada = scene.user("ada").await;
        scene.invite("ada", IfPending::Refuse).await.expect("an invitation");
        scene.invite("bob", IfPending::Refuse).await.expect("an invitation");
        scene.operator.delete_user(ada.id, None).await.expect("deleted");
        scene.operator.erase_user(ada.id, None).await.expect("erased");
        let log = format!("{:?}", scene.operator.list_events(0, 1000, None).await.expect("a log"));
        assert!(!log.contains("ada@") && log.contains("bob@"));
        assert_eq!(scene.statuses().await, [InvitationStatus::Pending]);
        scene.verify().await;
    });
}

#[test]
fn a_full_organization_exchanges_its_members_in_one_bulk() {
    runtime().block_on(async {
        let scene = Scene::new(2).await;
        let (ada, bob, cid) = (scene.user("ada").await, scene.user("bob").await, scene.user("cid").await);
        scene.add(&ada, RoleNumber::ADMIN).await.expect("a member");
        scene.add(&bob, RoleNumber::MEMBER).await.expect("a member");
        let add = |user: &User| {
            let roles = RoleSet::of(RoleNumber::ADMIN);
            BulkItem::Add(user.id.into(), NewMembership { roles, ..NewMembership::default() })
        };
        let keep = |user: &User| BulkItem::Update(user.id.into(), MembershipPatch::default());
        // The new admin is there before the last one leaves.
        let asking = scene.operator.clone().protecting_last_admin();
        let replace = async |items: Vec<BulkItem>| {
            let bulk = Bulk { items: items.into_iter().map(Ok).collect(), replace: true, dry_run: false };
            asking.bulk_members(scene.acme.id, bulk).await
        };
        let refused_at = |error: &Error| match error {
            Error::Items(items) => match items[..] {
                [(place, Error::LimitReached { limit: 2 })] => Some(place),
                _ => None,
            },
            _ => None,
        };
        let done = replace(vec![keep(&bob), add(&cid)]).await.expect("one for one");
        assert_eq!(done.removed.iter().map(|member| member.user.id).collect::<Vec<_>>(), [ada.id]);
        // Who stays keeps the seat, and the owner stays.
        let refused = replace(vec![keep(&bob), keep(&cid), add(&ada)]).await.expect_err("one too many");
        assert_eq!(refused_at(&refused), Some(2), "{refused}");
        scene.operator.transfer_ownership(scene.acme.id, cid.id).await.expect("an owner");
        let refused = replace(vec![keep(&bob), add(&ada)]).await.expect_err("one too many");
        assert_eq!(refused_at(&refused), Some(1), "{refused}");
        let done = replace(vec![add(&ada)]).await.expect("one for one");
        assert_eq!(done.removed.iter().map(|member| member.user.id).collect::<Vec<_>>(), [bob.id]);
        scene.verify().await;
    });
}

#[test]
fn the_last_admin_stays_for_who_asks() {
    runtime().block_on(async {
        let scene = Scene::new(0).await;
        let (ada, bob) = (scene.user("ada").await, scene.user("bob").await);
        scene.add(&ada, RoleNumber::ADMIN).await.expect("a member");
        scene.add(&bob, RoleNumber::ADMIN).await.expect("a member");
        let asking = scene.operator.clone().protecting_last_admin();
        let demote = || MembershipPatch { roles: Some(RoleSet::of(RoleNumber::MEMBER)), ..MembershipPatch::default() };
        let (first, second) = tokio::join!(
            asking.update_member(scene.acme.id, ada.id, demote()),
            asking.update_member(scene.acme.id, bob.id, demote()),
        );
        let refused = [first, second].into_iter().filter(|done| matches!(done, Err(Error::LastAdmin))).count();
        assert_eq!(refused, 1, "exactly one of the two stays an admin");
        // Without the option the last admin may be removed; then there is nothing to protect.
        for user in [&ada, &bob] {
            scene.operator.update_member(scene.acme.id, user.id, demote()).await.expect("changed");
        }
        asking.remove_member(scene.acme.id, ada.id, None).await.expect("removed");
        scene.verify().await;
    });
}
