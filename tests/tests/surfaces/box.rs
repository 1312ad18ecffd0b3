//! What only Box has: who may what there, tokens that expire, and the forms of its refusals.

use axum::body::Body;
use http::Request;
use roster_engine::{
    BuiltIn as P, Dialect, EntityId, Form, NewMembership, NewOrganization, NewRole, NewToken, NewUser, RoleNumber,
    RoleSet, TokenKind, UserId, Visibility,
};
use roster_tests::world::KEY;
use roster_tests::{Answer, World};
use serde_json::{Value, json};

fn id(id: impl EntityId) -> String {
    Form::Box.show(id).expect("a form at Box")
}

async fn call(world: &World, key: &str, method: &str, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(format!("/box/2.0{path}"));
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    // No Content-Type: one of the clients never sends any.
    world.send(request.header("authorization", format!("Bearer {key}")).body(body).expect("a request")).await
}

async fn oauth(world: &World, path: &str, form: &str) -> Answer {
    let request = Request::post(format!("/box/oauth2/{path}")).header("authorization", "ignored");
    world.send(request.body(Body::from(form.to_owned())).expect("a request")).await
}

async fn token_of(world: &World, user: UserId) -> String {
    let form = format!(
        "grant_type=client_credentials&client_id=t&client_secret={KEY}&box_subject_type=user&box_subject_id={}",
        id(user)
    );
    oauth(world, "token", &form).await.str("/access_token").to_owned()
}

/// A group below another, and users with different relations to it.
struct People {
    group: String,
    member: String,
    /// Name and token of each user whose rights are tested.
    tokens: Vec<(&'static str, String)>,
    /// The ids of these users, and of another one without any membership.
    ids: Vec<String>,
}

async fn people(world: &World, visibility: Visibility) -> People {
    let operator = world.operator().await;
    let organization = async |name: &str, parent| {
        let new = NewOrganization { name: name.into(), parent, visibility, ..NewOrganization::default() };
        operator.create_organization(new).await.expect("an organization").id
    };
    let above = organization("above", None).await;
    let group = organization("group", Some(above.into())).await;
    let user = async |realm_admin| {
        let new = NewUser { realm_admin, ..NewUser::default() };
        operator.create_user(new).await.expect("a user").id
    };
    let add = async |place, user, role| {
        let new = NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
        operator.add_member(place, user, new).await.expect("a member").membership.id
    };
    let (coadmin, head, admin, member, other) =
        (user(true).await, user(false).await, user(false).await, user(false).await, user(false).await);
    add(above, head, RoleNumber::ADMIN).await;
    add(group, admin, RoleNumber::ADMIN).await;
    let membership = add(group, member, RoleNumber::MEMBER).await;
    // A plain member of the root isn't an admin.
    add(operator.root(), other, RoleNumber::MEMBER).await;
    let mut tokens = Vec::new();
    let named = [("coadmin", coadmin), ("head", head), ("admin", admin), ("member", member), ("other", other)];
    for (name, user) in named {
        tokens.push((name, token_of(world, user).await));
    }
    let mut ids = named.map(|(_, user)| id(user)).to_vec();
    ids.push(id(user(false).await));
    People { group: id(group), member: id(membership), tokens, ids }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_what() {
    let (admins, group, all) = ("coadmin", "coadmin head admin", "coadmin head admin member");
    for (visibility, listers) in [
        (Visibility::Admins, group),
        (Visibility::Members, all),
        (Visibility::Realm, "coadmin head admin member other"),
    ] {
        let world = World::new().await;
        let people = people(&world, visibility).await;
        let (g, m, member) = (&people.group, &people.member, &people.ids[3]);
        let new = json!({"user": {"id": people.ids[5]}, "group": {"id": g}});
        for (method, path, body, who) in [
            ("POST", "/group_memberships".to_owned(), new, admins),
            ("GET", format!("/group_memberships/{m}"), Value::Null, group),
            ("PUT", format!("/group_memberships/{m}"), json!({"role": "member"}), group),
            ("GET", format!("/groups/{g}/memberships"), Value::Null, listers),
            ("GET", format!("/users/{member}/memberships"), Value::Null, "coadmin member"),
            ("GET", "/groups".to_owned(), Value::Null, admins),
            ("POST", "/groups".to_owned(), json!({"name": "new"}), admins),
            ("GET", format!("/groups/{g}"), Value::Null, all),
            ("PUT", format!("/groups/{g}"), json!({"description": "new"}), group),
            ("GET", "/users".to_owned(), Value::Null, admins),
            ("GET", format!("/users/{member}"), Value::Null, "coadmin member"),
            ("GET", "/users/me".to_owned(), Value::Null, "coadmin head admin member other"),
            ("POST", "/users".to_owned(), json!({"name": "n", "login": "n@x.example"}), admins),
            ("PUT", format!("/users/{member}"), json!({"job_title": "x"}), admins),
        ] {
            let mut may = Vec::new();
            for (name, token) in &people.tokens {
                let answer = call(&world, token, method, &path, body.clone()).await;
                if answer.status.is_success() {
                    may.push(*name);
                } else {
                    assert_eq!((answer.status.as_u16(), answer.str("/code")), (403, DENIED), "{name}: {method} {path}");
                }
            }
            assert_eq!(may.join(" "), who, "{visibility:?}: {method} {path}");
        }
        let delete = async |who: &str, path: &str| {
            let (_, token) = people.tokens.iter().find(|(name, _)| *name == who).expect("one of them");
            call(&world, token, "DELETE", path, Value::Null).await.status.as_u16()
        };
        for (who, path, status) in [
            ("member", format!("/group_memberships/{m}"), 403),
            ("other", format!("/group_memberships/{m}"), 403),
            ("admin", format!("/group_memberships/{m}"), 204),
            ("admin", format!("/group_memberships/{m}"), 404),
            ("admin", format!("/groups/{g}"), 403),
            ("head", "/groups/100000".to_owned(), 403),
            ("coadmin", format!("/groups/{g}"), 204),
            ("coadmin", format!("/groups/{g}"), 404),
            ("member", format!("/users/{member}"), 403),
            ("member", "/users/100000".to_owned(), 403),
            ("coadmin", format!("/users/{member}"), 204),
            ("coadmin", format!("/users/{member}"), 404),
        ] {
            assert_eq!(delete(who, &path).await, status, "{visibility:?}: {who} {path}");
        }
        assert!(world.verify().await.is_empty());
    }
}

const DENIED: &str = "access_denied_insufficient_permissions";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_that_show_as_member_grant_nothing_here() {
    let world = World::new().await;
    let operator = world.operator().await;
    let permissions = [
        P::OrganizationsRead,
        P::OrganizationsWrite,
        P::OrganizationsCreate,
        P::MembershipsRead,
        P::MembershipsWrite,
        P::UsersRead,
        P::UsersWrite,
        P::UsersActAs,
    ];
    let permissions = permissions.map(|permission| permission.key().to_owned()).to_vec();
    let mighty = NewRole { key: "mighty".into(), reaches_down: true, permissions, ..NewRole::default() };
    let mighty = operator.create_role(mighty).await.expect("a role").number;
    let bare = NewRole { key: "bare".into(), ..NewRole::default() };
    let bare = operator.create_role(bare).await.expect("a role").number;
    let group = NewOrganization { name: "group".into(), ..NewOrganization::default() };
    let group = operator.create_organization(group).await.expect("a group").id;
    let member = async |place, role| {
        let user = operator.create_user(NewUser::default()).await.expect("a user").id;
        let new = NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
        (user, operator.add_member(place, user, new).await.expect("a member").membership.id)
    };
    let (ada, membership) = member(group, bare).await;
    let (g, m, ada_id) = (id(group), id(membership), id(ada));
    let joins = json!({"user": {"id": ada_id}, "group": {"id": g}});
    let only_admins = [
        ("GET", "/groups".to_owned(), Value::Null),
        ("POST", "/groups".to_owned(), json!({"name": "new"})),
        ("PUT", format!("/groups/{g}"), json!({"description": "new"})),
        ("POST", "/group_memberships".to_owned(), joins),
        ("GET", format!("/group_memberships/{m}"), Value::Null),
        ("PUT", format!("/group_memberships/{m}"), json!({"role": "member"})),
        ("GET", "/users".to_owned(), Value::Null),
        ("GET", format!("/users/{ada_id}"), Value::Null),
    ];
    let members = [format!("/groups/{g}"), format!("/groups/{g}/memberships")];
    for (place, role) in [
        (operator.root(), mighty),
        (operator.root(), RoleNumber::SUPPORT),
        (operator.root(), RoleNumber::SYSADMIN),
        (operator.root(), RoleNumber::BUSINESS),
        (group, mighty),
    ] {
        let token = token_of(&world, member(place, role).await.0).await;
        let said = call(&world, &token, "GET", "/users/me?fields=role", Value::Null).await;
        assert_eq!(said.str("/role"), "user");
        for (method, path, body) in &only_admins {
            let answer = call(&world, &token, method, path, body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.str("/code")), (403, DENIED), "{role:?}: {method} {path}");
        }
        for path in &members {
            let status = call(&world, &token, "GET", path, Value::Null).await.status.as_u16();
            assert_eq!(status, if place == group { 200 } else { 403 }, "{role:?}: {path}");
        }
        let request = Request::get("/box/2.0/users/me").header("authorization", format!("Bearer {token}"));
        let answer = world.send(request.header("as-user", &ada_id).body(Body::empty()).expect("a request")).await;
        assert_eq!((answer.status.as_u16(), answer.str("/code")), (403, DENIED), "{role:?}");
    }
    let token = token_of(&world, ada).await;
    for path in &members {
        assert_eq!(call(&world, &token, "GET", path, Value::Null).await.status, 200, "a member: {path}");
    }
    // A token that isn't a user's keeps what its roles grant.
    let (organization, roles) = (Some(operator.root().into()), RoleSet::of(mighty));
    let new = NewToken { organization, roles, ..NewToken::new(TokenKind::Organization) };
    let secret = operator.issue_token(new).await.expect("a token").secret.expect("its secret");
    assert_eq!(call(&world, &secret, "GET", "/groups", Value::Null).await.status, 200);
    assert!(world.verify().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_id_and_rosters_own_are_the_same_user() {
    const OLD: &str = "987654321";
    let world = World::new().await;
    let ada = world.bring(Dialect::Box, "ada@example.com", OLD).await;
    let bob = world.operator().await.create_user(NewUser::default()).await.expect("a user").id;
    let token = token_of(&world, ada).await;
    for known in ["me", OLD, &*id(ada)] {
        assert_eq!(call(&world, &token, "GET", &format!("/users/{known}"), Value::Null).await.str("/id"), OLD);
        let answer = call(&world, &token, "GET", &format!("/users/{known}/memberships"), Value::Null).await;
        assert_eq!(answer.json["total_count"], 0, "{known}: {}", answer.text());
    }
    for other in [&*id(bob), "12345"] {
        let answer = call(&world, &token, "GET", &format!("/users/{other}"), Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.str("/code")), (403, DENIED), "{other}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_end() {
    let world = World::new().await;
    let ada = world.operator().await.create_user(NewUser::default()).await.expect("a user").id;
    let token = token_of(&world, ada).await;
    world.clock.advance(3_599_000);
    assert_eq!(call(&world, &token, "GET", "/users/me", Value::Null).await.str("/id"), id(ada));
    world.clock.advance(1000);
    let answer = call(&world, &token, "GET", "/users/me", Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.str("/code")), (401, "unauthorized"));
    assert!(answer.header("www-authenticate").is_some_and(|header| header.contains("invalid_token")));
    let keyless = world.send(Request::get("/box/2.0/users/me").body(Body::empty()).expect("a request")).await;
    assert_eq!(keyless.header("www-authenticate"), Some("Bearer realm=\"Service\""));

    let token = token_of(&world, ada).await;
    let answer = call(&world, KEY, "DELETE", &format!("/users/{}", id(ada)), Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.bytes.len()), (204, 0));
    assert_eq!(call(&world, &token, "GET", "/users/me", Value::Null).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_realm_is_another_world() {
    let world = World::new().await;
    let (_, foreign) = world.engine.create_realm("other").await.expect("a realm");
    let ada = world.operator().await.create_user(NewUser::default()).await.expect("a user").id;
    let token = token_of(&world, ada).await;
    let form = format!("client_id=t&client_secret={foreign}&token={token}");
    assert_eq!(oauth(&world, "revoke", &form).await.json, json!({}), "unknown there");
    assert_eq!(call(&world, &token, "GET", "/users/me", Value::Null).await.status, 200, "and not revoked here");
    let realm = world.operator().await.realm_id();
    for subject in [id(realm), id(realm.service_account())] {
        let grant = "grant_type=client_credentials&client_id=t&box_subject_type=enterprise";
        let answer = oauth(&world, "token", &format!("{grant}&client_secret={foreign}&box_subject_id={subject}")).await;
        assert_eq!((answer.status.as_u16(), answer.str("/error")), (400, "invalid_grant"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oauth_has_its_own_form_of_refusals() {
    let world = World::new().await;
    let answer = world.send(Request::get("/box/oauth2/token").body(Body::empty()).expect("a request")).await;
    assert_eq!((answer.status.as_u16(), answer.str("/error")), (405, "invalid_request"));
    let answer = oauth(&world, "nothing", "").await;
    assert_eq!((answer.status.as_u16(), answer.str("/error")), (404, "invalid_request"));
    let grant = "grant_type=client_credentials&box_subject_type=enterprise&box_subject_id=0";
    for (id, problem) in [("%00", "must not contain a NUL character"), (&*"x".repeat(300), "is too long")] {
        let answer = oauth(&world, "token", &format!("{grant}&client_secret={KEY}&client_id={id}")).await;
        assert_eq!((answer.status.as_u16(), answer.str("/error")), (400, "invalid_request"));
        assert_eq!(answer.str("/error_description"), format!("client_id {problem}"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let answer = call(&world, KEY, "GET", "/files/1", Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.str("/code")), (404, "not_found"));
    assert_eq!(answer.header("box-request-id"), answer.header("x-request-id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_resembles_a_word_or_an_object_is_none() {
    let world = World::new().await;
    let ask = async |path: &str, body: Value| call(&world, KEY, "POST", path, body).await;
    let ada = json!({"name": "ada", "login": "ada@example.com"});
    let (user, group) = (ask("/users", ada).await, ask("/groups", json!({"name": "group"})).await);
    let joins = json!({"user": {"id": user.str("/id")}, "group": {"id": group.str("/id")}});
    let (bob, other) = (json!({"name": "bob", "login": "bob@example.com"}), json!({"name": "other"}));
    for (path, good, field, value) in [
        ("/group_memberships", &joins, "role", json!({"admin": null})),
        ("/users", &bob, "role", json!({"coadmin": null})),
        ("/users", &bob, "status", json!({"inactive": null})),
        ("/users", &bob, "tracking_codes", json!([["tracking_code", "n", "v"]])),
        ("/users", &bob, "tracking_codes", json!([[]])),
        ("/users", &bob, "tracking_codes", json!([{"name": 1}])),
        ("/users", &bob, "tracking_codes", json!([{"type": "code", "name": "n", "value": "v"}])),
        ("/groups", &other, "invitability_level", json!({"admins_only": null})),
        ("/groups", &other, "member_viewability_level", json!({"admins_only": null})),
        ("/groups", &other, "member_viewability_level", json!("nobody")),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let refused = ask(path, body).await;
        assert_eq!((refused.status.as_u16(), refused.str("/code")), (400, "bad_request"), "{}", refused.text());
        assert_eq!(refused.str("/context_info/errors/0/name"), field, "{}", refused.text());
    }
    let mut body = bob;
    let code = json!({"type": "tracking_code", "name": "n", "value": "v"});
    for (field, value) in [("role", json!("coadmin")), ("status", json!("inactive")), ("tracking_codes", json!([code]))]
    {
        body[field] = value;
    }
    let made = ask("/users?fields=role,status,tracking_codes", body).await;
    assert_eq!((made.status.as_u16(), made.str("/role"), made.str("/status")), (201, "coadmin", "inactive"));
    assert_eq!(made.json["tracking_codes"], json!([code]));
    assert_eq!(world.verify().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_names_what_is_there_by_the_id_that_it_brought_along() {
    const GROUP: &str = "123456789";
    const USER: &str = "987654321";
    let world = World::new().await;
    let alias = Some((Dialect::Box, GROUP.to_owned()));
    let old = NewOrganization { name: "old".into(), alias, ..NewOrganization::default() };
    world.operator().await.create_organization(old).await.expect("a group");
    world.bring(Dialect::Box, "old@example.com", USER).await;
    let ask = async |method: &str, path: &str, body: Value| call(&world, KEY, method, path, body).await;
    let group = ask("POST", "/groups", json!({"name": "new"})).await.str("/id").to_owned();
    let user = ask("POST", "/users", json!({"name": "new", "login": "new@example.com"})).await.str("/id").to_owned();
    let joins = json!({"user": {"id": USER}, "group": {"id": GROUP}});
    let membership = ask("POST", "/group_memberships", joins.clone()).await.str("/id").to_owned();
    for (method, path, body, kind, there) in [
        ("POST", "/groups", json!({"name": "old"}), "group", GROUP),
        ("PUT", &*format!("/groups/{group}"), json!({"name": "old"}), "group", GROUP),
        ("PUT", &*format!("/groups/{GROUP}"), json!({"name": "new"}), "group", &*group),
        ("POST", "/users", json!({"name": "old", "login": "old@example.com"}), "user", USER),
        ("PUT", &*format!("/users/{user}"), json!({"login": "old@example.com"}), "user", USER),
        ("PUT", &*format!("/users/{USER}"), json!({"login": "new@example.com"}), "user", &*user),
        ("POST", "/group_memberships", joins, "group_membership", &*membership),
    ] {
        let refused = ask(method, path, body).await;
        assert_eq!(refused.status, 409, "{method} {path}: {}", refused.text());
        let named = (refused.str("/context_info/conflicts/0/type"), refused.str("/context_info/conflicts/0/id"));
        assert_eq!(named, (kind, there), "{method} {path}");
        assert_eq!(ask("GET", &format!("/{kind}s/{there}"), Value::Null).await.str("/id"), there);
    }
    assert_eq!(world.verify().await, Vec::<String>::new());
}
