//! Passwords, sessions and one-time links, through the engine alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::common::{Bench, runtime};
use roster_engine::{
    Ask, BuiltIn, Caller, Check, Clock, Config, Credentials, Engine, EntityId as _, Error, LoggedIn, MemberQuery,
    MembershipId, NewMembership, NewOrganization, NewToken, NewUser, OrganizationId, OrganizationRef, Page,
    RequestScope, Right, RoleNumber, RoleSet, SelfUpdate, Surface, Timestamp, TokenKind, UserId, UserPatch, UserRef,
    UserStatus,
};

#[derive(Debug)]
struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// Ada owns acme; Bob is a member there and owns other, an unrelated organization.
struct Scene {
    bench: Bench,
    clock: Arc<ManualClock>,
    acme: OrganizationId,
    other: OrganizationId,
    ada: UserId,
    bob: UserId,
    /// Bob's membership in acme.
    membership: MembershipId,
}

impl Scene {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock(AtomicI64::new(1_795_327_200_000)));
        let clocked = Arc::clone(&clock) as Arc<dyn Clock>;
        let bench = Bench::with(move |config: Config| Config { clock: clocked, ..config }).await;
        let operator = &bench.operator;
        let user = async |name: &str| {
            let new = NewUser { email: Some(format!("{name}@example.com")), ..NewUser::default() };
            let id = operator.create_user(new).await.expect("a user").id;
            operator.set_password(id, Some(name), None).await.expect("a password");
            id
        };
        let organization = async |name: &str| {
            let new = NewOrganization { name: name.into(), ..NewOrganization::default() };
            operator.create_organization(new).await.expect("an organization").id
        };
        let member = async |place: OrganizationId, user: UserId, role| {
            let new = NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
            operator.add_member(place, user, new).await.expect("a member").membership.id
        };
        let (ada, bob) = (user("ada").await, user("bob").await);
        let (acme, other) = (organization("acme").await, organization("other").await);
        member(acme, ada, RoleNumber::OWNER).await;
        member(other, bob, RoleNumber::OWNER).await;
        let membership = member(acme, bob, RoleNumber::ADMIN).await;
        Self { bench, clock, acme, other, ada, bob, membership }
    }

    fn engine(&self) -> &Arc<Engine> {
        &self.bench.engine
    }

    async fn log_in(&self, name: &str, password: &str) -> Result<LoggedIn, Error> {
        let credentials = Credentials {
            organization: None,
            email: format!("{}@Example.com", name.to_uppercase()),
            password: password.into(),
            agent: Some("a browser".into()),
        };
        self.engine().log_in(Surface::Native, credentials, RequestScope::default()).await
    }

    async fn by(&self, secret: &str) -> Result<Caller, Error> {
        self.engine().authenticate(Surface::Native, Some(secret), RequestScope::default()).await
    }

    async fn link(&self) -> String {
        let link = self.bench.operator.issue_link(self.acme, self.bob).await.expect("a link");
        link.secret.expect("told once")
    }

    async fn open(&self, link: &str) -> Result<LoggedIn, Error> {
        self.engine().use_link(Surface::Native, link, None, RequestScope::default()).await
    }

    async fn is_dead(&self, entered: &LoggedIn) -> bool {
        let again = self.by(&entered.secret).await;
        let held = entered.caller.me().await;
        matches!(again, Err(Error::BadCredential)) && matches!(held, Err(Error::BadCredential))
    }
}

#[test]
fn whoever_has_the_password_comes_in_and_is_the_user_everywhere() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let entered = scene.log_in("bob", "bob").await.expect("the right password");
        assert_eq!(entered.session.agent.as_deref(), Some("a browser"));
        for surface in [Surface::Native, Surface::Clerk, Surface::Whylabs, Surface::Enhance, Surface::Box] {
            let scope = RequestScope::default();
            let caller = scene.engine().authenticate(surface, Some(&entered.secret), scope).await.expect("a caller");
            assert_eq!(caller.me().await.expect("a view").map(|me| me.id), Some(scene.bob));
            let right = Right::tree(BuiltIn::MembershipsWrite);
            caller.organization_for(scene.acme, right).await.expect("an admin there");
            assert!(!caller.is_realm());
        }
        for (name, password) in [("bob", "ada"), ("bob", ""), ("nobody", "bob"), ("no address", "bob")] {
            assert!(matches!(scene.log_in(name, password).await, Err(Error::BadLogin)), "{name} {password}");
        }
        scene.bench.operator.set_password(scene.bob, None, None).await.expect("taken away");
        assert!(matches!(scene.log_in("bob", "bob").await, Err(Error::BadLogin)), "a user without a password");
        assert!(scene.is_dead(&entered).await, "removing a password ends the user's sessions");
        let mistyped = entered.secret.replace("rss_", "rss_0");
        assert!(matches!(scene.by(&mistyped).await, Err(Error::BadCredential)));
        scene.bench.verify().await.expect("sound");
    });
}

#[test]
fn another_realm_is_entered_by_naming_one_of_its_organizations() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let (realm, _) = scene.engine().create_realm("abroad").await.expect("a realm");
        let abroad = scene.engine().operator("abroad").await.expect("the database").expect("the realm");
        let password = abroad.hash_password("elsewhere").await.expect("a hash");
        let bob = NewUser { email: Some("bob@example.com".into()), password: Some(password), ..NewUser::default() };
        let bob = abroad.create_user(bob).await.expect("a user").id;
        let come = async |organization, password: &str| {
            let (email, password) = ("bob@example.com".into(), password.into());
            let credentials = Credentials { organization, email, password, agent: None };
            scene.engine().log_in(Surface::Native, credentials, RequestScope::default()).await
        };
        let entered = come(Some(realm.root.into()), "elsewhere").await.expect("a session");
        assert_eq!((entered.session.user, entered.caller.realm_id()), (bob, realm.id));
        assert!(matches!(come(None, "elsewhere").await, Err(Error::BadLogin)), "that is the first realm's");
        assert!(matches!(come(Some(realm.root.into()), "bob").await, Err(Error::BadLogin)));
        assert!(matches!(come(Some("nowhere".into()), "bob").await, Err(Error::BadLogin)));
    });
}

#[test]
fn who_guesses_too_often_waits() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        for _ in 0..20 {
            assert!(matches!(scene.log_in("bob", "wrong").await, Err(Error::BadLogin)));
        }
        let Err(Error::TooManyAttempts { retry_after }) = scene.log_in("bob", "bob").await else {
            panic!("the twenty-first is let in")
        };
        assert!((1..=61).contains(&retry_after));
        scene.log_in("ada", "ada").await.expect("nobody else waits");
        scene.clock.0.fetch_add(60_000, Ordering::SeqCst);
        scene.log_in("bob", "bob").await.expect("a minute later");
        for _ in 0..20 {
            assert!(matches!(scene.log_in("bob", "wrong").await, Err(Error::BadLogin)));
        }
        scene.clock.0.fetch_sub(3_600_000, Ordering::SeqCst);
        scene.log_in("bob", "bob").await.expect("a clock that is set back keeps nobody out");
    });
}

#[test]
fn who_guesses_many_times_at_once_waits_too() {
    runtime().block_on(async {
        let scene = Arc::new(Scene::new().await);
        let guesses: Vec<_> = (0..200)
            .map(|_| {
                let scene = Arc::clone(&scene);
                tokio::spawn(async move { scene.log_in("bob", "wrong").await.map(drop) })
            })
            .collect();
        let mut heard = 0;
        for guess in guesses {
            match guess.await.expect("no panic") {
                Err(Error::BadLogin) => heard += 1,
                Err(Error::TooManyAttempts { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        // Attempts that were being verified when the twentieth failed are still answered.
        let beside = std::thread::available_parallelism().map_or(2, usize::from);
        assert!((20..20 + beside).contains(&heard), "{heard}");
    });
}

#[test]
fn sessions_end_one_by_one_all_at_once_and_by_themselves() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let (first, second) = (scene.log_in("bob", "bob").await.unwrap(), scene.log_in("bob", "bob").await.unwrap());
        let ada = scene.log_in("ada", "ada").await.unwrap();
        let listed = first.caller.list_sessions(UserRef::Me, Page::all()).await.expect("sessions").items;
        assert_eq!(listed.iter().map(|s| s.id).collect::<Vec<_>>(), [first.session.id, second.session.id]);
        let foreign = ada.session.id.native();
        assert!(matches!(first.caller.end_session(&foreign).await, Err(Error::NotFound(_))), "not theirs");
        assert!(matches!(first.caller.list_sessions(scene.ada, Page::all()).await, Err(Error::NotFound(_))));

        first.caller.end_session(&second.session.id.native()).await.expect("ended");
        assert!(scene.is_dead(&second).await && !scene.is_dead(&first).await);
        let third = scene.log_in("bob", "bob").await.unwrap();
        first.caller.end_sessions(UserRef::Me).await.expect("all ended");
        assert!(scene.is_dead(&first).await && scene.is_dead(&third).await && !scene.is_dead(&ada).await);

        let last = scene.log_in("bob", "bob").await.unwrap();
        scene.clock.0.fetch_add(30 * 24 * 60 * 60 * 1000, Ordering::SeqCst);
        assert!(scene.is_dead(&last).await, "after thirty days");
        scene.bench.verify().await.expect("sound before the rows are cleared");
        scene.engine().maintain().await;
        scene.bench.verify().await.expect("and after");
    });
}

#[test]
fn an_inactive_or_deleted_user_has_no_sessions_and_links() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let (entered, link) = (scene.log_in("bob", "bob").await.unwrap(), scene.link().await);
        let status = |status| UserPatch { status: Some(status), ..UserPatch::default() };
        let operator = &scene.bench.operator;
        operator.update_user(scene.bob, status(UserStatus::Inactive)).await.expect("asleep");
        assert!(scene.is_dead(&entered).await);
        assert!(matches!(scene.open(&link).await, Err(Error::BadCredential)));
        assert!(matches!(scene.log_in("bob", "bob").await, Err(Error::BadLogin)));
        assert!(matches!(operator.issue_link(scene.acme, scene.bob).await, Err(Error::Invalid { .. })));
        operator.update_user(scene.bob, status(UserStatus::Active)).await.expect("awake");
        assert!(scene.is_dead(&entered).await, "a reactivated user has to log in again");
        assert!(matches!(scene.open(&link).await, Err(Error::BadCredential)));
        let again = scene.log_in("bob", "bob").await.expect("the same password");
        operator.delete_user(scene.bob, None).await.expect("gone");
        assert!(scene.is_dead(&again).await);
        scene.bench.verify().await.expect("sound");
    });
}

#[test]
fn a_link_opens_one_session_that_is_limited_to_one_membership() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let link = scene.link().await;
        let entered = scene.open(&link.to_uppercase()).await.expect("a session");
        assert!(matches!(scene.open(&link).await, Err(Error::BadCredential)), "once");
        let caller = &entered.caller;
        assert_eq!(caller.me().await.expect("a user").map(|me| me.id), Some(scene.bob));
        caller.organization_for(scene.acme, Right::tree(BuiltIn::MembershipsWrite)).await.expect("an admin's rights");
        assert!(matches!(caller.organization(scene.other).await, Err(Error::NotFound(_))), "none of the others");
        let memberships = caller.list_memberships_of(UserRef::Me, MemberQuery::default()).await.expect("own").items;
        assert_eq!(memberships.iter().map(|m| m.organization.id).collect::<Vec<_>>(), [scene.acme]);
        let places = async |caller: &Caller| {
            let reached = caller.reach(UserRef::Me, Ask::Anything, Page::default()).await.expect("own").items;
            let searched = caller.search_organizations(UserRef::Me, Ask::Anything, None, 10).await.expect("own").items;
            let reached: Vec<_> = reached.into_iter().map(|one| one.organization.id).collect();
            let searched: Vec<_> = searched.into_iter().map(|one| one.id).collect();
            assert_eq!(reached, searched);
            let about = |user: UserRef, place| Check {
                user,
                organization: OrganizationRef::Id(place),
                ask: Ask::Anything,
                explain: true,
            };
            let mut asked = Vec::new();
            for user in [UserRef::Me, UserRef::Id(scene.bob)] {
                for place in [scene.acme, scene.other] {
                    asked.push(caller.check(about(user.clone(), place)).await.expect("an answer").allowed);
                }
            }
            let both = vec![about(UserRef::Me, scene.acme), about(UserRef::Me, scene.other)];
            asked.extend(caller.check_many(both).await.expect("answers").iter().map(|verdict| verdict.allowed));
            let roles = caller.effective_roles(UserRef::Me, OrganizationRef::Id(scene.other)).await.expect("roles");
            let found = caller.search_users(OrganizationRef::Id(scene.other), Ask::Anything, None, 10).await;
            (reached, asked, roles, found.expect("an answer").items.len())
        };
        let (yes, no) = (true, false);
        assert_eq!(places(caller).await, (vec![scene.acme], vec![yes, no, yes, no, yes, no], RoleSet::EMPTY, 0));
        // Somebody else issued that link, so it must not give access to the user's other memberships.
        let token = NewToken { user: Some(UserRef::Me), ..NewToken::new(TokenKind::User) };
        assert!(caller.issue_token(token).await.is_err());
        let place = Some(OrganizationRef::Id(scene.acme));
        let roles = RoleSet::of(RoleNumber::VIEWER);
        let token = NewToken { organization: place, roles, ..NewToken::new(TokenKind::Organization) };
        let made = caller.issue_token(token.clone()).await.expect("a key of the organization's");
        assert_eq!(made.token.expires, Some(entered.session.expires), "it ends with the session");
        let later = entered.session.expires.plus_ms(1);
        assert!(caller.issue_token(NewToken { expires: Some(later), ..token }).await.is_err());
        assert!(caller.set_password(UserRef::Me, Some("mine"), Some("bob")).await.is_err());
        let own = SelfUpdate { name: Some("Eve".into()), ..SelfUpdate::default() };
        assert!(matches!(caller.update_self(own).await, Err(Error::Forbidden(_))));
        let whole = scene.log_in("bob", "bob").await.unwrap();
        let all = (vec![scene.acme, scene.other], vec![yes; 6], RoleSet::OWNER, 1);
        assert_eq!(places(&whole.caller).await, all, "a login by password has no limit");
        assert!(caller.end_session(&whole.session.id.native()).await.is_err());
        caller.end_sessions(UserRef::Me).await.expect("what is limited as this one is");
        assert!(scene.is_dead(&entered).await && !scene.is_dead(&whole).await);
        scene.bench.verify().await.expect("sound");
    });
}

#[test]
fn a_link_used_many_times_at_once_opens_one_session() {
    runtime().block_on(async {
        let scene = Arc::new(Scene::new().await);
        let link = scene.link().await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (scene, link) = (Arc::clone(&scene), link.clone());
                tokio::spawn(async move { scene.open(&link).await.is_ok() })
            })
            .collect();
        let mut opened = 0;
        for task in tasks {
            opened += usize::from(task.await.expect("no panic"));
        }
        assert_eq!(opened, 1);
        scene.bench.verify().await.expect("sound");
    });
}

#[test]
fn links_and_limited_sessions_die_with_the_membership_and_by_the_clock() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let late = scene.link().await;
        scene.clock.0.fetch_add(60_000, Ordering::SeqCst);
        assert!(matches!(scene.open(&late).await, Err(Error::BadCredential)), "a minute later");

        let (link, entered) = (scene.link().await, scene.open(&scene.link().await).await.unwrap());
        let whole = scene.log_in("bob", "bob").await.unwrap();
        scene.bench.operator.remove_member(scene.acme, scene.bob, None).await.expect("removed");
        assert!(scene.is_dead(&entered).await && !scene.is_dead(&whole).await);
        let new = NewMembership { roles: RoleSet::of(RoleNumber::ADMIN), ..NewMembership::default() };
        let again = scene.bench.operator.add_member(scene.acme, scene.bob, new).await.expect("added again");
        assert_ne!(again.membership.id, scene.membership);
        assert!(matches!(scene.open(&link).await, Err(Error::BadCredential)), "it was for the membership that ended");
        assert!(scene.is_dead(&entered).await);

        let entered = scene.open(&scene.link().await).await.unwrap();
        scene.bench.operator.delete_organization(scene.acme, true, None).await.expect("gone");
        assert!(scene.is_dead(&entered).await && !scene.is_dead(&whole).await);
        scene.bench.verify().await.expect("sound");
    });
}

#[test]
fn links_are_made_here_or_from_the_root_and_not_from_between() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let operator = &scene.bench.operator;
        let new =
            NewOrganization { name: "below".into(), parent: Some(scene.acme.into()), ..NewOrganization::default() };
        let below = operator.create_organization(new).await.expect("an organization").id;
        let role = |role| NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
        operator.add_member(below, scene.bob, role(RoleNumber::MEMBER)).await.expect("a member");
        let ada = scene.log_in("ada", "ada").await.unwrap().caller;
        ada.issue_link(scene.acme, scene.bob).await.expect("her own");
        assert!(matches!(ada.issue_link(below, scene.bob).await, Err(Error::Forbidden(_))), "one in the middle");
        operator.add_member(operator.root(), scene.ada, role(RoleNumber::SYSADMIN)).await.expect("a member");
        ada.issue_link(below, scene.bob).await.expect("from the root");
        assert!(matches!(ada.issue_link(below, scene.ada).await, Err(Error::NotFound(_))), "no member");
    });
}

#[test]
fn own_passwords_and_addresses_change_by_the_current_password() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let (entered, second) = (scene.log_in("bob", "bob").await.unwrap(), scene.log_in("bob", "bob").await.unwrap());
        let bob = &entered.caller;
        for current in [None, Some("wrong")] {
            let refused = bob.set_password(UserRef::Me, Some("new"), current).await;
            assert!(matches!(refused, Err(Error::WrongPassword)), "{current:?}");
        }
        let taken = SelfUpdate {
            email: Some("Ada@example.com".into()),
            password: Some("lost".into()),
            current_password: Some("bob".into()),
            ..SelfUpdate::default()
        };
        assert!(matches!(bob.update_self(taken).await, Err(Error::AlreadyExists { .. })));
        scene.log_in("bob", "bob").await.expect("what is refused changes nothing of it");
        bob.set_password(UserRef::Me, Some("new"), Some("bob")).await.expect("changed");
        assert!(scene.is_dead(&second).await && !scene.is_dead(&entered).await, "the other sessions end");
        assert!(scene.log_in("bob", "bob").await.is_err());
        scene.log_in("bob", "new").await.expect("the new one");
        let moved = SelfUpdate {
            name: Some("Robert".into()),
            email: Some("robert@example.com".into()),
            current_password: Some("new".into()),
            ..SelfUpdate::default()
        };
        assert_eq!(bob.update_self(moved).await.expect("moved").email(), Some("robert@example.com"));
        let third = scene.log_in("robert", "new").await.expect("the new address");
        let same = SelfUpdate { email: Some("Robert@Example.com".into()), ..SelfUpdate::default() };
        bob.update_self(same).await.expect("what is no change needs no password");
        let renewed = SelfUpdate {
            password: Some("newer".into()),
            current_password: Some("new".into()),
            ..SelfUpdate::default()
        };
        bob.update_self(renewed).await.expect("changed");
        assert!(scene.is_dead(&third).await && !scene.is_dead(&entered).await, "the other sessions end here, too");
        assert!(bob.set_password(scene.ada, Some("mine"), None).await.is_err());
        let too_long = "x".repeat(1025);
        for password in ["", too_long.as_str()] {
            let refused = scene.bench.operator.set_password(scene.bob, Some(password), None).await;
            assert!(matches!(refused, Err(Error::Invalid { .. })));
        }
        scene.bench.verify().await.expect("sound");
    });
}

#[test]
fn no_secret_is_in_the_log() {
    runtime().block_on(async {
        let scene = Scene::new().await;
        let (link, entered) = (scene.link().await, scene.log_in("bob", "bob").await.unwrap());
        scene.open(&link).await.expect("a session");
        let log = scene.bench.operator.list_events(0, 1000, None).await.expect("the log");
        let text = serde_json::to_string(&log.iter().map(|event| &event.change).collect::<Vec<_>>()).expect("JSON");
        for secret in [&link, &entered.secret, "argon2", "\"hash\""] {
            assert!(!text.contains(secret), "{secret}");
        }
        for kind in ["session.opened", "login_link.issued", "login_link.used", "user.password_changed"] {
            assert!(log.iter().any(|event| event.kind == kind), "{kind}");
        }
    });
}
