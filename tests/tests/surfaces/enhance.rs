//! What Enhance's contract promises beyond the scenarios: owners under load, inherited rights, pending members, cookies.

use axum::body::Body;
use http::Request;
use roster_engine::{
    AccountUserFields, Dialect, EntityId, Form, InvitationQuery, NewAccountUser, NewInvitation, NewMembership,
    NewOrganization, NewPermission, NewRole, NewToken, NewUser, OrganizationId, RoleNumber, RoleSet, TokenKind, UserId,
    UserPatch, UserStatus,
};
use roster_tests::operations::secret;
use roster_tests::world::{KEY, request};
use roster_tests::{Answer, World};
use serde_json::{Value, json};

fn id(id: impl EntityId) -> String {
    Form::Enhance.show(id).expect("a form")
}

struct Scene {
    world: World,
    acme: OrganizationId,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let new = NewOrganization { name: "acme".into(), ..NewOrganization::default() };
        let acme = world.operator().await.create_organization(new).await.expect("an organization").id;
        Self { world, acme }
    }

    async fn user(&self, name: &str) -> UserId {
        let new = NewUser { email: Some(format!("{name}@example.com")), name: Some(name.into()), ..NewUser::default() };
        self.world.operator().await.create_user(new).await.expect("a user").id
    }

    /// Invites somebody, and returns the id with which the invitation is accepted.
    async fn invite(&self, place: OrganizationId, name: &str) -> String {
        let body = json!({"email": format!("{name}@example.com"), "name": name, "roles": ["Support"]});
        let sent = self.ask(KEY, "POST", &format!("/orgs/{}/invites", id(place)), body).await;
        assert_eq!(sent.status, 201, "{}", sent.text());
        let link = sent.json.as_str().expect("a link");
        link.split("/invites/").nth(1).and_then(|rest| rest.split('?').next()).expect("an id").to_owned()
    }

    /// The member's id, as the vendor's clients know it.
    async fn member(&self, place: OrganizationId, user: UserId, role: RoleNumber) -> String {
        let new = NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
        id(self.world.operator().await.add_member(place, user, new).await.expect("a member").membership.id)
    }

    async fn key(&self, place: OrganizationId, role: RoleNumber) -> String {
        let new = NewToken {
            organization: Some(place.into()),
            roles: RoleSet::of(role),
            ..NewToken::new(TokenKind::Organization)
        };
        secret(&self.world.operator().await, new).await
    }

    /// A role that only applications know of: not even an admin holds its permission.
    async fn deployer(&self) -> RoleNumber {
        let operator = self.world.operator().await;
        let permission = NewPermission { key: "deploy:run".into(), ..NewPermission::default() };
        operator.create_permission(permission).await.expect("a permission");
        let role = NewRole { key: "deployer".into(), permissions: vec!["deploy:run".into()], ..NewRole::default() };
        operator.create_role(role).await.expect("a role").number
    }

    async fn ask(&self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        self.world.send(request(key, method, &format!("/enhance{path}"), &body)).await
    }

    /// Sends a request with exactly this header line and no other.
    async fn with(&self, header: (&str, &str), method: &str, path: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(format!("/enhance{path}")).header(header.0, header.1);
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.world.send(request.body(body).expect("a request")).await
    }

    fn path(&self) -> String {
        format!("/orgs/{}", id(self.acme))
    }
}

/// The cookie that an answer sets, as `id0=…`.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie in {} {}", answer.status, answer.text()));
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
    set.split(';').next().expect("a cookie").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn there_is_one_owner_at_every_moment_whoever_transfers_through_whatever() {
    let scene = std::sync::Arc::new(Scene::new().await);
    let mut members = Vec::new();
    for n in 0..8 {
        let user = scene.user(&format!("u{n}")).await;
        let role = if n == 0 { RoleNumber::OWNER } else { RoleNumber::ADMIN };
        members.push((user, scene.member(scene.acme, user, role).await));
    }
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let watcher = {
        let (scene, stop) = (std::sync::Arc::clone(&scene), std::sync::Arc::clone(&stop));
        tokio::spawn(async move {
            let mut looks = 0;
            while !stop.load(std::sync::atomic::Ordering::SeqCst) || looks == 0 {
                let answer = scene.ask(KEY, "GET", &format!("{}/members", scene.path()), Value::Null).await;
                let items = answer.json["items"].as_array().expect("items").clone();
                let owners =
                    items.iter().filter(|m| m["roles"].as_array().is_some_and(|r| r.contains(&json!("Owner"))));
                assert_eq!((owners.count(), items.len()), (1, 8), "{}", answer.text());
                looks += 1;
            }
            looks
        })
    };
    let transfers: Vec<_> = (0..24)
        .map(|n| {
            let (scene, (user, member)) = (std::sync::Arc::clone(&scene), members[n % 8].clone());
            tokio::spawn(async move {
                // Half of the requests use Enhance, the others the native API.
                let answer = if n % 2 == 0 {
                    scene.ask(KEY, "PUT", &format!("{}/owner", scene.path()), json!({"memberId": member})).await
                } else {
                    let path = format!("/v1/organizations/{}/owner", scene.acme.native());
                    scene.world.call("PUT", &path, json!({"user_id": user.native()})).await
                };
                assert_eq!(answer.status, 200, "{}", answer.text());
            })
        })
        .collect();
    for transfer in transfers {
        transfer.await.expect("a transfer");
    }
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(watcher.await.expect("no moment without or with two") > 0);
    assert_eq!(scene.world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_become_owner_at_once_one_does() {
    let scene = std::sync::Arc::new(Scene::new().await);
    let mut made = Vec::new();
    for n in 0..6 {
        let user = scene.user(&format!("u{n}")).await;
        let scene = std::sync::Arc::clone(&scene);
        made.push(tokio::spawn(async move {
            let body = json!({"loginId": id(user), "roles": ["Owner"]});
            scene.ask(KEY, "POST", &format!("{}/members", scene.path()), body).await.status.as_u16()
        }));
    }
    let mut statuses = Vec::new();
    for status in made {
        statuses.push(status.await.expect("an answer"));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    let listed = scene.ask(KEY, "GET", &format!("{}/members", scene.path()), Value::Null).await;
    assert_eq!(listed.json["total"], 1, "nothing of the others is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_come_from_above_and_never_from_below_or_beside() {
    let scene = Scene::new().await;
    let made = scene.ask(KEY, "POST", &format!("{}/customers", scene.path()), json!({"name": "customer"})).await;
    let customer: OrganizationId = Form::Enhance.read(made.str("/id")).expect("an id");
    let sibling = scene.ask(KEY, "POST", &format!("{}/customers", scene.path()), json!({"name": "sibling"})).await;
    let below = format!("/orgs/{}", id(customer));
    let (ada, bob) = (scene.user("ada").await, scene.user("bob").await);
    let owner = scene.member(customer, ada, RoleNumber::OWNER).await;
    let other = scene.member(customer, bob, RoleNumber::ADMIN).await;
    let above = scene.key(scene.acme, RoleNumber::ADMIN).await;
    let here = scene.key(customer, RoleNumber::ADMIN).await;
    let support = scene.key(scene.acme, RoleNumber::SUPPORT).await;
    let sysadmin = scene.key(customer, RoleNumber::SYSADMIN).await;
    let middle = scene.key(scene.acme, RoleNumber::SYSADMIN).await;
    let beside = format!("/orgs/{}", sibling.str("/id"));
    let to = json!({"memberId": other});
    for (key, method, path, body, status) in [
        (&above, "GET", format!("{below}/members"), Value::Null, 200),
        (&here, "GET", format!("{below}/members"), Value::Null, 200),
        (&here, "GET", format!("{}/members", scene.path()), Value::Null, 403),
        (&here, "GET", format!("{beside}/members"), Value::Null, 403),
        (&here, "GET", "/orgs/526f7374-6572-8000-8000-000000000001/members".into(), Value::Null, 404),
        (&here, "GET", "/orgs/no-uuid/members".into(), Value::Null, 404),
        (&support, "GET", format!("{below}/members"), Value::Null, 403),
        (&support, "GET", format!("{}/customers", scene.path()), Value::Null, 200),
        (&here, "PUT", format!("{below}/owner"), to.clone(), 403),
        (&above, "PUT", format!("{below}/owner"), to, 200),
        (&above, "PUT", format!("{below}/owner"), json!({"memberId": "526f7374-6572-8000-8000-000000000001"}), 400),
        (&here, "DELETE", format!("{below}/owner"), Value::Null, 403),
        (&above, "DELETE", format!("{below}/owner"), Value::Null, 204),
        (&above, "DELETE", format!("{below}/owner"), Value::Null, 404),
        (&sysadmin, "GET", format!("{below}/members/{owner}/sso"), Value::Null, 201),
        (&middle, "GET", format!("{below}/members/{owner}/sso"), Value::Null, 403),
        (&above, "POST", format!("{below}/access_tokens"), json!({"roles": ["Owner"]}), 403),
        (&above, "POST", format!("{below}/access_tokens"), json!({"roles": ["SuperAdmin"]}), 201),
        (&here, "DELETE", below.clone(), Value::Null, 403),
        (&above, "DELETE", format!("{below}?force=true"), Value::Null, 403),
        (&support, "DELETE", below.clone(), Value::Null, 204),
    ] {
        let answer = scene.ask(key, method, &path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.text());
    }
    assert_eq!(scene.ask(KEY, "DELETE", &format!("{below}?force=true"), Value::Null).await.status, 204);
    assert_eq!(scene.ask(&here, "GET", &below, Value::Null).await.status, 401, "its tokens are gone with it");
    let root = scene.world.operator().await.root();
    let answer = scene.ask(KEY, "DELETE", &format!("/orgs/{}?force=true", id(root)), Value::Null).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(scene.world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collaborators_of_a_site_are_found_by_it_and_who_reaches_all_sites_is_not() {
    let scene = Scene::new().await;
    let members = format!("{}/members", scene.path());
    for (name, role, roles, sites) in [
        ("owner", RoleNumber::OWNER, json!(["Owner", "SiteAccess"]), json!(["a-site"])),
        ("super", RoleNumber::ADMIN, json!(["SuperAdmin", "SiteAccess"]), json!(["a-site"])),
        ("both", RoleNumber::SUPPORT, json!(["Support", "SiteAccess"]), json!(["a-site"])),
        ("one", RoleNumber::SITE_ACCESS, json!(["SiteAccess"]), json!(["another", "a-site"])),
        ("none", RoleNumber::SITE_ACCESS, json!(["SiteAccess"]), json!(["another"])),
    ] {
        let member = scene.member(scene.acme, scene.user(name).await, role).await;
        let body = json!({"roles": roles, "siteAccesses": sites});
        let written = scene.ask(KEY, "PUT", &format!("{members}/{member}"), body).await;
        assert_eq!(written.status, 200, "{name}: {}", written.text());
    }
    for (more, total, names) in [
        ("", 2, "both one"),
        ("&offset=1&limit=1", 2, "one"),
        ("&role=SiteAccess", 2, "both one"),
        ("&role=Support", 1, "both"),
        ("&role=SuperAdmin", 0, ""),
        ("&role=Owner", 0, ""),
        ("&search=one", 1, "one"),
        ("&search=%00", 0, ""),
    ] {
        let listed = scene.ask(KEY, "GET", &format!("{members}?siteAccess=a-site{more}"), Value::Null).await;
        let items = listed.json["items"].as_array().expect("items");
        let found: Vec<&str> = items.iter().filter_map(|member| member["name"].as_str()).collect();
        assert_eq!((&listed.json["total"], found.join(" ").as_str()), (&json!(total), names), "{more}");
    }
    assert_eq!(scene.world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_with_a_word_for_its_key_is_not_that_word() {
    let scene = Scene::new().await;
    let ada = scene.user("ada").await;
    let own = NewToken { user: Some(ada.into()), ..NewToken::new(TokenKind::User) };
    let own = secret(&scene.world.operator().await, own).await;
    let (path, owner) = (scene.path(), json!([{"Owner": null}]));
    let invite = json!({"email": "bob@example.com", "name": "bob", "roles": owner});
    for (key, method, path, body) in [
        (KEY, "POST", format!("{path}/members"), json!({"loginId": id(ada), "roles": owner})),
        (KEY, "POST", format!("{path}/access_tokens"), json!({"roles": owner})),
        (KEY, "POST", format!("{path}/invites"), invite),
        (KEY, "PATCH", path.clone(), json!({"status": {"deleted": null}})),
        (own.as_str(), "PATCH", "/login".into(), json!({"authMethod": {"basic": null}})),
    ] {
        let answer = scene.ask(key, method, &path, body).await;
        assert_eq!((answer.status.as_u16(), answer.str("/code")), (400, "invalid_input"), "{method} {path}");
        assert!(answer.str("/message").ends_with(", expected a string"), "{method} {path}: {}", answer.text());
    }
    let king = json!({"loginId": id(ada), "roles": ["King"]});
    let unknown = scene.ask(KEY, "POST", &format!("{path}/members"), king).await;
    assert!(unknown.str("/message").contains("`King`, expected one of `Owner`"), "{}", unknown.text());
    assert_eq!(scene.ask(KEY, "GET", &format!("{path}/members"), Value::Null).await.json["total"], 0);
    assert_eq!(scene.ask(KEY, "GET", &path, Value::Null).await.str("/status"), "active");
    assert_eq!(scene.ask(&own, "PATCH", "/login", json!({"authMethod": "basic"})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_called_as_it_was_sent() {
    let scene = Scene::new().await;
    let ada = scene.user("ada").await;
    let member = scene.member(scene.acme, ada, RoleNumber::ADMIN).await;
    let inactive = UserPatch { status: Some(UserStatus::Inactive), ..UserPatch::default() };
    scene.world.operator().await.update_user(ada, inactive).await.expect("a user");
    let tokens = format!("{}/access_tokens", scene.path());
    let made = scene.ask(KEY, "POST", &tokens, json!({"roles": ["Support"]})).await;
    let token = format!("{tokens}/{}", made.str("/id"));
    let long = "x".repeat(300);
    for (method, path, body, name) in [
        ("POST", tokens, json!({"roles": ["Support"], "friendlyName": long}), "friendlyName"),
        ("PATCH", token, json!({"friendlyName": long}), "friendlyName"),
        ("PUT", format!("{}/owner", scene.path()), json!({"memberId": member}), "memberId"),
        ("GET", format!("{}/members/{member}/sso", scene.path()), Value::Null, "memberId"),
    ] {
        let answer = scene.ask(KEY, method, &path, body).await;
        assert_eq!((answer.status.as_u16(), answer.str("/code")), (400, "invalid_input"), "{}", answer.text());
        assert!(answer.str("/message").starts_with(&format!("{name} is ")), "{method} {path}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_invited_is_a_pending_member_until_he_comes() {
    let scene = Scene::new().await;
    let members = format!("{}/members", scene.path());
    let invite = json!({"email": "Zoë+x@example.com", "name": "Zoë", "roles": ["Support", "SiteAccess"],
        "siteAccesses": ["a-site"], "notifications": ["n"]});
    let first = scene.ask(KEY, "POST", &format!("{}/invites", scene.path()), invite.clone()).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let link = scene.ask(KEY, "POST", &format!("{}/invites", scene.path()), invite).await;
    let link = link.json.as_str().expect("a JSON string");
    assert!(link.contains("?email=zo%C3%AB%2Bx%40example.com"), "{link}");
    let invite = |link: &str| link.split("/invites/").nth(1).and_then(|rest| rest.split('?').next()).map(str::to_owned);
    let (old, new) = (invite(first.json.as_str().expect("a string")).expect("an id"), invite(link).expect("an id"));
    let valid = async |invite: &str| scene.ask(KEY, "POST", &format!("/invites/{invite}/validate"), Value::Null).await;
    assert_eq!(valid(&old).await.json, json!({"isValid": false}), "the second one voids it");
    let promised = valid(&new).await;
    assert_eq!((&promised.json["isValid"], promised.str("/role")), (&json!(true), "Support"));

    scene.member(scene.acme, scene.user("ada").await, RoleNumber::ADMIN).await;
    let listed = scene.ask(KEY, "GET", &format!("{members}?search=ZOË"), Value::Null).await;
    assert_eq!(listed.json["total"], 1, "{}", listed.text());
    let pending = listed.json["items"][0].clone();
    assert_eq!((&pending["isActive"], &pending["loginId"]), (&json!(false), &promised.json["loginId"]));
    assert_eq!(pending["siteAccesses"], json!(["a-site"]));
    let own = format!("{members}/{}", pending["id"].as_str().expect("an id"));
    assert_eq!(scene.ask(KEY, "GET", &own, Value::Null).await.json, pending);
    assert_eq!(scene.ask(KEY, "GET", &format!("{own}/sso"), Value::Null).await.status, 400);
    let changed = json!({"roles": ["Business", "SiteAccess"], "notifications": ["m"]});
    assert_eq!(scene.ask(KEY, "PUT", &own, changed).await.status, 200);
    for (sort, place) in [("status", 1), ("name", 1), ("email", 1), ("joinedAt", 1)] {
        for (order, place) in [("asc", place), ("desc", 1 - place)] {
            for offset in 0..2 {
                let path = format!("{members}?sortBy={sort}&sortOrder={order}&offset={offset}&limit=1");
                let page = scene.ask(KEY, "GET", &path, Value::Null).await;
                let items = page.json["items"].as_array().expect("items");
                assert_eq!((items.len(), &page.json["total"]), (1, &json!(2)));
                // Ada sorts first except by time: she joined after the invitation was sent, at the same clock time.
                let expected = if sort == "joinedAt" { 1 - place } else { place };
                assert_eq!(items[0]["id"] == pending["id"], offset == expected, "{path}: {}", page.text());
            }
        }
    }

    let accept = |email: &str, password: &str| json!({"email": email, "password": password});
    let path = format!("/invites/{new}");
    let wrong = scene.with(("x", "y"), "POST", &path, accept("eve@example.com", "secret")).await;
    assert_eq!(wrong.status, 403, "{}", wrong.text());
    let accepted = scene.with(("x", "y"), "POST", &path, accept("ZOË+X@example.com", "secret")).await;
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    let cookie = cookie(&accepted);
    let me = scene.with(("cookie", &cookie), "GET", "/login", Value::Null).await;
    assert_eq!((me.str("/id"), me.str("/name")), (promised.str("/loginId"), "Zoë"));
    let now = scene.ask(KEY, "GET", &own, Value::Null).await.json;
    assert_eq!((&now["isActive"], &now["id"], &now["notifications"]), (&json!(true), &pending["id"], &json!(["m"])));
    assert_eq!(now["roles"], json!(["Business", "SiteAccess"]));
    assert_eq!(scene.with(("x", "y"), "POST", &path, accept("zoë+x@example.com", "secret")).await.status, 404);
    assert_eq!(scene.world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_is_no_way_into_what_somebody_without_a_password_has_elsewhere() {
    let scene = Scene::new().await;
    let ada = scene.user("ada").await;
    let elsewhere = NewOrganization { name: "elsewhere".into(), ..NewOrganization::default() };
    let elsewhere = scene.world.operator().await.create_organization(elsewhere).await.expect("an organization").id;
    scene.member(elsewhere, ada, RoleNumber::OWNER).await;
    // Bob is known to a directory, and Cyd to an account; either can make its user a member later.
    let key = scene.key(elsewhere, RoleNumber::ADMIN).await;
    let body = json!({"userName": "bob@example.com", "emails": [{"value": "bob@example.com", "primary": true}]});
    let made = scene.world.call_as(&key, "POST", "/scim/v2/Users", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let fields = AccountUserFields { external_id: None, user_schema: None, active: true };
    let provisioned = NewAccountUser { email: "cyd@example.com".into(), fields };
    scene.world.operator().await.create_account_user(elsewhere, provisioned).await.expect("an account user");
    scene.user("dan").await;
    for (name, status) in [("ada", 403), ("bob", 403), ("cyd", 403), ("dan", 200)] {
        let invite = scene.invite(scene.acme, name).await;
        let body = json!({"email": format!("{name}@example.com"), "password": "mine now"});
        let answer = scene.with(("x", "y"), "POST", &format!("/invites/{invite}"), body).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.text());
        assert_eq!(answer.header("set-cookie").is_some(), status == 200, "{name}");
    }
    assert_eq!(scene.world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_brought_an_id_along_is_called_so_wherever_something_else_names_it() {
    const RESELLER: &str = "11111111-2222-4333-8444-000000000001";
    const ADA: &str = "11111111-2222-4333-8444-000000000002";
    let scene = Scene::new().await;
    let operator = scene.world.operator().await;
    let alias = Some((Dialect::Enhance, RESELLER.to_owned()));
    let reseller = NewOrganization { name: "reseller".into(), alias, ..NewOrganization::default() };
    let reseller = operator.create_organization(reseller).await.expect("an organization").id;
    let made = scene.ask(KEY, "POST", &format!("/orgs/{RESELLER}/customers"), json!({"name": "customer"})).await;
    let customer: OrganizationId = Form::Enhance.read(made.str("/id")).expect("an id");
    let (path, listed) = (format!("/orgs/{}", id(customer)), format!("/orgs/{RESELLER}/customers"));
    // Also for a key without any right above.
    let key = scene.key(customer, RoleNumber::ADMIN).await;
    assert_eq!(scene.ask(&key, "GET", &path, Value::Null).await.str("/parentId"), RESELLER);
    assert_eq!(scene.ask(KEY, "GET", &listed, Value::Null).await.str("/items/0/parentId"), RESELLER);
    let acme = scene.ask(KEY, "GET", &scene.path(), Value::Null).await;
    assert_eq!(acme.str("/parentId"), id(operator.root()));

    let ada = scene.world.bring(Dialect::Enhance, "ada@example.com", ADA).await;
    let invite = scene.invite(customer, "ada").await;
    let promised = scene.ask(KEY, "POST", &format!("/invites/{invite}/validate"), Value::Null).await;
    assert_eq!(promised.str("/loginId"), ADA, "{}", promised.text());
    for place in [customer, reseller] {
        scene.member(place, ada, RoleNumber::MEMBER).await;
        scene.member(place, scene.user(&format!("other-{}", id(place))).await, RoleNumber::MEMBER).await;
    }
    let log = async |place: &str, named: &str| {
        let path = format!("/v2/orgs/{place}/activities?anyEntityId={named}");
        scene.ask(KEY, "GET", &path, Value::Null).await
    };
    let about = log(&id(customer), ADA).await;
    assert_eq!((&about.json["total"], about.str("/items/0/activityObject/content/id")), (&json!(1), ADA));
    assert_eq!(log(RESELLER, RESELLER).await.json["total"], 2, "all that is in it");
    assert_eq!(log(RESELLER, "11111111-2222-4333-8444-000000000003").await.json["total"], 0);
    assert_eq!(scene.world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_logs_in_to_one_organization_by_a_cookie_with_or_without_its_name() {
    let scene = Scene::new().await;
    let ada = scene.user("ada").await;
    let member = scene.member(scene.acme, ada, RoleNumber::ADMIN).await;
    let elsewhere = NewOrganization { name: "elsewhere".into(), ..NewOrganization::default() };
    let elsewhere = scene.world.operator().await.create_organization(elsewhere).await.expect("an organization").id;
    scene.member(elsewhere, ada, RoleNumber::OWNER).await;
    let path = format!("/enhance{}/members/{member}/sso", scene.path());
    let request = Request::get(&path).header("authorization", format!("Bearer {KEY}")).header("host", "panel.test:81");
    let link = scene.world.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!((link.status.as_u16(), link.header("content-type")), (201, Some("application/json")));
    let link = link.json.as_str().expect("a JSON string").to_owned();
    let target = link.strip_prefix("http://panel.test:81/enhance").expect("the caller's own host").to_owned();
    assert_eq!(scene.with(("x", "y"), "GET", "/login/sessions/sso", Value::Null).await.status, 400);
    assert_eq!(scene.with(("x", "y"), "GET", "/login/sessions/sso?otp=none", Value::Null).await.status, 401);
    let entered = scene.with(("x", "y"), "GET", &target, Value::Null).await;
    assert_eq!(entered.status, 200, "{}", entered.text());
    assert_eq!(entered.json["memberships"].as_array().map(Vec::len), Some(1), "{}", entered.text());
    let again = scene.with(("x", "y"), "GET", &target, Value::Null).await;
    assert!(again.status == 401 && again.header("set-cookie").is_none(), "{}", again.text());
    let cookie = cookie(&entered);
    let nameless = cookie.strip_prefix("id0=").expect("the name");
    for sent in [cookie.as_str(), nameless] {
        let members = scene.with(("cookie", sent), "GET", &format!("{}/members", scene.path()), Value::Null).await;
        assert_eq!(members.status, 200, "{}", members.text());
        let other = scene.with(("cookie", sent), "GET", &format!("/orgs/{}", id(elsewhere)), Value::Null).await;
        assert_eq!(other.status, 403, "{}", other.text());
    }
    let removed = scene.ask(KEY, "DELETE", &format!("{}/members/{member}", scene.path()), Value::Null).await;
    assert_eq!(removed.status, 204, "{}", removed.text());
    assert_eq!(scene.with(("cookie", &cookie), "GET", "/login", Value::Null).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limitless_list_is_whole_and_pages_join_without_gap() {
    let scene = Scene::new().await;
    for n in 0..60 {
        let user = scene.user(&format!("u{:02}", (n * 7) % 60)).await;
        scene.member(scene.acme, user, RoleNumber::MEMBER).await;
        if n % 9 == 0 {
            let body =
                json!({"email": format!("i{n:02}@example.com"), "name": format!("u{n:02}x"), "roles": ["Support"]});
            let sent = scene.ask(KEY, "POST", &format!("{}/invites", scene.path()), body).await;
            assert_eq!(sent.status, 201, "{}", sent.text());
        }
        scene.world.clock.advance(1);
    }
    let members = format!("{}/members", scene.path());
    let ids = |answer: &Answer| -> Vec<String> {
        let items = answer.json["items"].as_array().expect("items");
        items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    };
    for sort in
        ["", "&sortBy=name", "&sortBy=email&sortOrder=desc", "&sortBy=status&sortOrder=desc", "&sortBy=joinedAt"]
    {
        let whole = scene.ask(KEY, "GET", &format!("{members}?x=y{sort}"), Value::Null).await;
        assert_eq!((ids(&whole).len(), &whole.json["total"]), (67, &json!(67)));
        for limit in [1, 5, 13, 67] {
            let mut joined = Vec::new();
            for offset in (0..70).step_by(limit) {
                let path = format!("{members}?limit={limit}&offset={offset}{sort}");
                let page = scene.ask(KEY, "GET", &path, Value::Null).await;
                assert_eq!(page.json["total"], 67);
                joined.extend(ids(&page));
            }
            assert_eq!(joined, ids(&whole), "{sort} by {limit}");
        }
    }
    let none = scene.ask(KEY, "GET", &format!("{members}?offset=1000&limit=5"), Value::Null).await;
    assert_eq!(none.json, json!({"items": [], "total": 67}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_what_is_shown_and_nothing_else() {
    let scene = Scene::new().await;
    let operator = scene.world.operator().await;
    let ada = NewUser {
        email: Some("ada@example.com".into()),
        other_emails: vec!["secret@elsewhere.example".into()],
        phones: vec!["+14155550100".into()],
        name: Some("Ada".into()),
        username: Some("countess".into()),
        ..NewUser::default()
    };
    let robot = NewUser { name: Some("Robot".into()), username: Some("r2d2".into()), ..NewUser::default() };
    for new in [ada, robot] {
        let user = operator.create_user(new).await.expect("a user").id;
        scene.member(scene.acme, user, RoleNumber::ADMIN).await;
    }
    scene.user("0nobody").await;
    scene.invite(scene.acme, "0zoe").await;
    let members = format!("{}/members", scene.path());
    let shown = |answer: &Answer, field: &str| {
        let items = answer.json["items"].as_array().expect("items");
        items.iter().map(|item| item[field].as_str().expect("a string")).collect::<Vec<_>>().join(" ")
    };
    let robots = scene.ask(KEY, "GET", &format!("{members}?search=robot"), Value::Null).await;
    let placeholder = robots.str("/items/0/email").to_owned();
    assert!(placeholder.ends_with("@no-address.invalid"), "{placeholder}");
    for (part, names) in [
        ("ADA", "Ada"),
        ("EXAMPLE.com", "Ada 0zoe"),
        (placeholder.as_str(), "Robot"),
        (&placeholder[..10], "Robot"),
        ("NO-ADDRESS", "Robot"),
        ("secret", ""),
        ("elsewhere", ""),
        ("%2B1415", ""),
        ("countess", ""),
        ("r2d2", ""),
    ] {
        let found = scene.ask(KEY, "GET", &format!("{members}?search={part}"), Value::Null).await;
        let total = names.split_whitespace().count();
        assert_eq!((shown(&found, "name").as_str(), &found.json["total"]), (names, &json!(total)), "{part}");
    }
    // The placeholder is sorted as it is shown: behind addresses that begin with a zero.
    for (path, first) in [(members.as_str(), "0zoe@example.com"), ("/logins", "0nobody@example.com")] {
        for (order, place) in [("asc", [0, 1, 2]), ("desc", [2, 1, 0])] {
            for (email, place) in [first, placeholder.as_str(), "ada@example.com"].into_iter().zip(place) {
                let path = format!("{path}?sortBy=email&sortOrder={order}&limit=1&offset={place}");
                let page = scene.ask(KEY, "GET", &path, Value::Null).await;
                assert_eq!((shown(&page, "email").as_str(), &page.json["total"]), (email, &json!(3)), "{path}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_keeps_the_roles_that_have_no_name_here() {
    let scene = Scene::new().await;
    let operator = scene.world.operator().await;
    let deployer = scene.deployer().await;
    let both = RoleSet::of(RoleNumber::ADMIN).with(deployer);
    let place = Some(scene.acme.into());
    let new = NewToken { organization: place, roles: both, ..NewToken::new(TokenKind::Organization) };
    let token = operator.issue_token(new).await.expect("a token").token.id;
    let tokens = format!("{}/access_tokens", scene.path());
    let shown = scene.ask(KEY, "GET", &tokens, Value::Null).await.json[0]["roles"].clone();
    assert_eq!(shown, json!(["SuperAdmin", "SiteAccess"]));
    let roles = async || operator.find_token(&token.native()).await.expect("the token").roles;
    let path = format!("{tokens}/{}", id(token));
    // This key couldn't issue such a token, but writing back what it read gives nothing.
    let admin = scene.key(scene.acme, RoleNumber::ADMIN).await;
    for key in [KEY, admin.as_str()] {
        let same = scene.ask(key, "PATCH", &path, json!({"roles": shown, "friendlyName": "ours"})).await;
        assert_eq!((same.status.as_u16(), roles().await), (200, both), "{}", same.text());
    }
    let more = json!({"roles": ["Support", "SiteAccess"]});
    assert_eq!(scene.ask(&admin, "PATCH", &path, more.clone()).await.status, 403);
    assert_eq!(scene.ask(KEY, "PATCH", &path, more).await.status, 200);
    assert_eq!(roles().await, RoleSet::of(RoleNumber::SUPPORT).with(deployer));
    assert_eq!(scene.ask(KEY, "PATCH", &path, json!({"roles": ["Support"]})).await.status, 200);
    assert_eq!(roles().await, RoleSet::of(RoleNumber::SUPPORT));
    assert_eq!(scene.world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_invite_keeps_what_another_api_promised() {
    let scene = Scene::new().await;
    let operator = scene.world.operator().await;
    let deployer = scene.deployer().await;
    let team = json!({"team": 7}).as_object().cloned().expect("an object");
    let new = NewInvitation {
        email: "bob@example.com".into(),
        roles: RoleSet::of(deployer),
        public: team.clone(),
        private: team.clone(),
        ..NewInvitation::default()
    };
    let first = operator.invite(scene.acme, new).await.expect("an invitation");
    let pending = async || {
        let listed = operator.list_invitations(scene.acme, InvitationQuery::default()).await.expect("a list");
        assert_eq!(listed.items.len(), 1, "still one");
        let invitation = listed.items[0].invitation.clone();
        assert_eq!(invitation.id, first.invited.invitation.id);
        assert_eq!((&invitation.public, &invitation.private), (&team, &team));
        invitation
    };
    let path = format!("{}/invites", scene.path());
    let invite = |roles: &Value, sites: &Value| {
        let email = "Bob@example.com";
        json!({"email": email, "name": "Bob", "roles": roles, "siteAccesses": sites})
    };
    let admin = scene.key(scene.acme, RoleNumber::ADMIN).await;
    let refused = scene.ask(&admin, "POST", &path, invite(&json!(["SiteAccess"]), &json!([]))).await;
    assert_eq!(refused.status, 403, "the link would give more than the key has: {}", refused.text());
    let with_sites = RoleSet::of(deployer).with(RoleNumber::SITE_ACCESS);
    for (roles, sites, expected) in [
        (json!(["SiteAccess"]), json!([]), RoleSet::of(deployer)),
        (json!(["SiteAccess"]), json!(["a-site"]), with_sites),
        (json!(["SiteAccess", "Support"]), json!([]), with_sites.with(RoleNumber::SUPPORT)),
        (json!(["Support"]), json!([]), RoleSet::of(RoleNumber::SUPPORT)),
    ] {
        let sent = scene.ask(KEY, "POST", &path, invite(&roles, &sites)).await;
        assert_eq!((sent.status.as_u16(), pending().await.roles), (201, expected), "{roles}: {}", sent.text());
        let listed = scene.ask(KEY, "GET", &format!("{}/members", scene.path()), Value::Null).await;
        assert_eq!(listed.json["items"][0]["siteAccesses"], sites, "{roles}");
        let link = sent.json.as_str().expect("a link");
        let key = link.split("/invites/").nth(1).and_then(|rest| rest.split('?').next()).expect("an id");
        let valid = scene.ask(KEY, "POST", &format!("/invites/{key}/validate"), Value::Null).await;
        assert_eq!(valid.json["role"], listed.json["items"][0]["roles"][0], "the first as shown");
    }
    assert_eq!(scene.world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_are_bound_to_the_role_site_access() {
    let scene = Scene::new().await;
    let operator = scene.world.operator().await;
    let ada = scene.user("ada").await;
    let member = scene.member(scene.acme, ada, RoleNumber::MEMBER).await;
    let path = format!("{}/members/{member}", scene.path());
    let native = format!("/v1/organizations/{}/memberships/{}", scene.acme.native(), ada.native());
    let roles = async || operator.member(scene.acme, ada).await.expect("a member").membership.roles;
    let both = RoleSet::of(RoleNumber::MEMBER).with(RoleNumber::SITE_ACCESS);
    for (sites, expected) in [
        (json!([]), RoleSet::of(RoleNumber::MEMBER)),
        (json!(["a-site"]), both),
        (json!([]), both),
        (json!(["b"]), both),
    ] {
        let body = json!({"roles": ["SiteAccess"], "siteAccesses": sites});
        assert_eq!(scene.ask(KEY, "PUT", &path, body).await.status, 200);
        let shown = scene.ask(KEY, "GET", &path, Value::Null).await.json;
        assert_eq!((&shown["roles"], &shown["siteAccesses"]), (&json!(["SiteAccess"]), &sites));
        assert_eq!(roles().await, expected, "{sites}");
    }
    // Another API takes the role away. What is left still shows as `SiteAccess`.
    assert_eq!(scene.world.call("PATCH", &native, json!({"roles": ["viewer"]})).await.status, 200);
    let shown = scene.ask(KEY, "GET", &path, Value::Null).await.json;
    assert_eq!((&shown["roles"], &shown["siteAccesses"]), (&json!(["SiteAccess"]), &json!([])));
    assert_eq!(scene.world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_read_themselves_and_tokens_delete_themselves_whatever_their_roles_grant() {
    let scene = Scene::new().await;
    let operator = scene.world.operator().await;
    let deployer = scene.deployer().await;
    let (ada, bob) = (scene.user("ada").await, scene.user("bob").await);
    let own = scene.member(scene.acme, ada, deployer).await;
    let other = scene.member(scene.acme, bob, deployer).await;
    let member = |id: &str| format!("{}/members/{id}", scene.path());
    let login = NewToken { user: Some(ada.into()), ..NewToken::new(TokenKind::User) };
    let scoped = NewToken { scopes: Some(vec!["deploy:run".into()]), ..login.clone() };
    let (login, scoped) = (secret(&operator, login).await, secret(&operator, scoped).await);
    assert_eq!(scene.ask(&login, "GET", &member(&own), Value::Null).await.str("/id"), own);
    assert_eq!(scene.ask(&login, "GET", &member(&other), Value::Null).await.status, 403);
    assert_eq!(scene.ask(&scoped, "GET", &member(&own), Value::Null).await.status, 403);

    let new = NewToken {
        organization: Some(scene.acme.into()),
        roles: RoleSet::of(deployer),
        ..NewToken::new(TokenKind::Organization)
    };
    let other = operator.issue_token(new.clone()).await.expect("a token").token.id;
    let issued = operator.issue_token(new).await.expect("a token");
    let (key, own) = (issued.secret.expect("its secret"), issued.token.id);
    let elsewhere = id(operator.root());
    for (path, status) in [
        (format!("{}/access_tokens/{}", scene.path(), id(other)), 403),
        (format!("/orgs/{elsewhere}/access_tokens/{}", id(own)), 403),
        (format!("{}/access_tokens/{}", scene.path(), id(own)), 204),
        (format!("{}/access_tokens/{}", scene.path(), id(own)), 401),
    ] {
        let answer = scene.ask(&key, "DELETE", &path, Value::Null).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text());
    }
    let path = format!("/orgs/{elsewhere}/access_tokens/{}", id(other));
    assert_eq!(scene.ask(KEY, "DELETE", &path, Value::Null).await.status, 404, "of another organization");
    assert_eq!(scene.world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invited_person_is_a_member_already() {
    let scene = Scene::new().await;
    scene.invite(scene.acme, "zoe").await;
    let members = format!("{}/members", scene.path());
    let pending = scene.ask(KEY, "GET", &members, Value::Null).await;
    let login = pending.str("/items/0/loginId").to_owned();
    let add = |login: &str, roles: Value| json!({"loginId": login, "roles": roles});
    for (body, status) in [
        (add(&login, json!(["Support"])), 409),
        (add(&login, json!([])), 400),
        (add("526f7374-6572-8000-8000-000000000001", json!(["Support"])), 400),
    ] {
        let answer = scene.ask(KEY, "POST", &members, body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    }
    assert_eq!(scene.ask(KEY, "GET", &members, Value::Null).await.json, pending.json);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_writes_back_its_address_without_the_password() {
    let scene = Scene::new().await;
    let info = json!({"email": "ada@example.com", "password": "old", "name": "Ada"});
    let made = scene.ask(KEY, "POST", &format!("/logins?orgId={}", id(scene.acme)), info).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let enter = async || {
        let body = json!({"email": "ada@example.com", "password": "old"});
        cookie(&scene.with(("x", "y"), "POST", "/login/sessions", body).await)
    };
    let (here, elsewhere) = (enter().await, enter().await);
    for (body, status) in [
        (json!({"email": "ADA@Example.com", "name": "Ada L"}), 200),
        (json!({"email": "new@example.com"}), 403),
        (json!({"password": "new"}), 403),
        (json!({"password": "new", "currentPassword": "old"}), 200),
    ] {
        let answer = scene.with(("cookie", &here), "PATCH", "/login", body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    }
    let me = scene.with(("cookie", &here), "GET", "/login", Value::Null).await;
    assert_eq!((me.str("/name"), me.str("/email")), ("Ada L", "ada@example.com"));
    let ended = scene.with(("cookie", &elsewhere), "GET", "/login", Value::Null).await;
    assert_eq!(ended.status, 401, "a new password ends the other sessions");

    // A login without an address is shown with a placeholder.
    let robot = NewUser { name: Some("Robot".into()), ..NewUser::default() };
    let robot = scene.world.operator().await.create_user(robot).await.expect("a user").id;
    let own = NewToken { user: Some(robot.into()), ..NewToken::new(TokenKind::User) };
    let own = secret(&scene.world.operator().await, own).await;
    let shown = scene.ask(&own, "GET", "/login", Value::Null).await.json["email"].clone();
    assert_eq!(scene.ask(&own, "PATCH", "/login", json!({"email": shown})).await.status, 200);
    assert_eq!(scene.world.verify().await, Vec::<String>::new());
}
