//! Every route of every surface, taken from the routers, against every kind of key.

use roster_engine::{NewToken, NewUser, RoleNumber, RoleSet, TokenKind, UserPatch, UserStatus};
use roster_tests::World;
use roster_tests::operations::{Fixture, Operation, PASSWORD, all, log_in, secret};
use roster_tests::world::KEY;

/// What any key of the realm may do, without any right.
const EVERYONE: [&str; 23] = [
    // A denial is an answer, not a refusal.
    "check",
    "checkBatch",
    "Evaluate",
    "EvaluateMany",
    "SearchSubject",
    "SearchResource",
    "SearchAction",
    "getRealm",
    "listRoles",
    "getRole",
    "listPermissions",
    "getPermission",
    "ValidateApiKey",
    "ListOrganizationRoles",
    "GetOrganizationRole",
    "ListOrganizationPermissions",
    "GetOrganizationPermission",
    "scim_configuration",
    "scim_resource_types",
    "scim_resource_type",
    "scim_schemas",
    "scim_schema",
    // By its contract, users may read their own record.
    "scim_me",
];

/// What any user may do with their own login.
const OWN: [&str; 6] =
    ["getLogin", "updateLoginInfo", "getLoginMemberships", "getSessions", "deleteSessions", "deleteCurrentSession"];

/// A key and what it is.
struct Key {
    what: &'static str,
    secret: Option<String>,
    /// Whether the key opens anything at all.
    known: bool,
}

impl Key {
    fn is_a_user(&self) -> bool {
        ["another realm's user", "a stranger's key", "a stranger's session"].contains(&self.what)
    }
}

async fn weak_keys(world: &World, fixture: &Fixture) -> Vec<Key> {
    let operator = world.operator().await;
    let organization = |expires| NewToken {
        organization: Some(fixture.account.id.into()),
        roles: RoleSet::of(RoleNumber::ADMIN),
        expires,
        ..NewToken::new(TokenKind::Organization)
    };
    let of_user = |user: roster_engine::UserId| NewToken { user: Some(user.into()), ..NewToken::new(TokenKind::User) };

    let revoked = operator.issue_token(organization(None)).await.expect("a token");
    operator.revoke_token(&roster_engine::EntityId::native(revoked.token.id)).await.expect("revoked");
    let expired = secret(&operator, organization(Some(operator.now().plus_ms(1000)))).await;
    world.clock.advance(2000);
    let sleeper = operator.create_user(NewUser::default()).await.expect("a user").id;
    let inactive = secret(&operator, of_user(sleeper)).await;
    let asleep = UserPatch { status: Some(UserStatus::Inactive), ..UserPatch::default() };
    operator.update_user(sleeper, asleep).await.expect("inactive");
    let (_, foreign) = world.engine.create_realm("other").await.expect("a realm");
    let other = world.engine.operator("other").await.expect("the database").expect("the realm");
    let abroad = other.create_user(NewUser::default()).await.expect("a user").id;
    operator.set_password(fixture.eve.id, Some(PASSWORD), None).await.expect("a password");
    let ended = log_in(world, "eve").await;
    operator.end_session(&roster_engine::EntityId::native(ended.session.id)).await.expect("ended");
    let scopeless = NewToken { scopes: Some(Vec::new()), ..organization(None) };
    vec![
        Key { what: "no key", secret: None, known: false },
        Key { what: "garbage", secret: Some("not-a-key-at-all-but-long".into()), known: false },
        Key { what: "a key of the right form", secret: Some(well_formed()), known: false },
        Key { what: "a revoked key", secret: revoked.secret, known: false },
        Key { what: "an expired key", secret: Some(expired), known: false },
        Key { what: "an inactive user's key", secret: Some(inactive), known: false },
        Key { what: "another realm's key", secret: Some(foreign), known: true },
        Key { what: "another realm's user", secret: Some(secret(&other, of_user(abroad)).await), known: true },
        Key { what: "a stranger's key", secret: Some(secret(&operator, of_user(fixture.eve.id)).await), known: true },
        Key { what: "an ended session", secret: Some(ended.secret), known: false },
        Key { what: "a stranger's session", secret: Some(log_in(world, "eve").await.secret), known: true },
        Key { what: "a key without scopes", secret: Some(secret(&operator, scopeless).await), known: true },
    ]
}

/// Right length, wrong checksum.
fn well_formed() -> String {
    format!("rst_{}", "0".repeat(48))
}

/// Whether another realm's key may use it, since it refers to no entity; the answer must not show one of this realm.
fn is_open_to_foreign_realm(operation: &Operation) -> bool {
    let name = operation.id.replacen("scim_roles_", "scim_", 1);
    let name = name.as_str();
    let names_nothing = !operation.path.contains('{') && operation.query.is_empty();
    let lists = [
        "listUsers",
        "listOrganizations",
        "listTokens",
        "listEvents",
        "ListOrganizations",
        "GetUserList",
        "GetUsersCount",
        "InstanceGetOrganizationMemberships",
        "ListInstanceOrganizationInvitations",
        "get_groups",
        "get_users",
        "getLogins",
        "scim_list_users",
        "scim_search_users",
        "scim_list_groups",
        "scim_search_groups",
        "scim_list_both",
        "scim_search_both",
    ];
    // By contract, an unknown user has an empty list of memberships there.
    let empty = operation.id == "GetMemberships";
    // By contract, revoking an unknown token succeeds for every caller, without any effect.
    let ends_nothing = operation.id == "post_oauth2_revoke";
    let makes = [
        "createUser",
        "createPermission",
        "createRole",
        "CreateUser",
        "CreateOrganization",
        "CreateOrganizationRole",
        "CreateOrganizationPermission",
        "post_groups",
        "post_users",
        "scim_create_user",
        "scim_create_group",
        "scim_bulk",
    ];
    empty || ends_nothing || (names_nothing && lists.contains(&name)) || makes.contains(&name)
}

async fn try_operation(operation: &Operation) -> Vec<String> {
    let world = World::new().await;
    let fixture = Fixture::new(&world).await;
    let mut problems = Vec::new();
    // SCIM is mounted twice, with the same operations.
    let name = operation.id.replacen("scim_roles_", "scim_", 1);
    let name = name.as_str();
    let mut note = |problem: String| problems.push(format!("{} {}: {problem}", operation.surface.word(), operation.id));
    for key in weak_keys(&world, &fixture).await {
        if operation.public {
            break;
        }
        let answer = world.send(fixture.request(operation, key.secret.as_deref())).await;
        let open = key.known
            && ((OWN.contains(&name) && key.is_a_user())
                || EVERYONE.contains(&name)
                || (key.what == "another realm's key" && is_open_to_foreign_realm(operation)));
        let refused = answer.status.is_client_error();
        let unauthenticated = if operation.takes_form() {
            answer.json["error"] == "invalid_client"
        } else {
            matches!(answer.status.as_u16(), 401 | 403)
        };
        if !(refused && (key.known || unauthenticated)) && !(open && answer.status.is_success()) {
            note(format!("with {}: {} {}", key.what, answer.status, answer.text()));
        }
        for name in ["acme", "subsidiary", "bob@", "ada@", "eve@"] {
            // The answer shows nothing of the realm, not even in an error's text, except what the request contained.
            let sent = fixture.uri(operation).contains(name) || fixture.body(operation).to_string().contains(name);
            let own = name == "eve@" && (operation.path.ends_with("/Me") || key.is_a_user());
            if !sent && !own && answer.text().contains(name) {
                note(format!("with {}: shows {name} in {}", key.what, answer.text()));
            }
        }
        if answer.header("x-request-id").is_none() {
            note(format!("with {}: no X-Request-Id", key.what));
        }
    }
    // The request must be valid; otherwise the refusals above would prove nothing.
    let answer = world.send(fixture.request(operation, Some(KEY))).await;
    // A realm key has no user.
    let nobody = operation.path.ends_with("/v2/Me") && answer.status == 404;
    // By its contract, such a group is created and deleted only with its role or organization.
    let never = matches!(operation.id.as_str(), "scim_roles_create_group" | "scim_roles_delete_group")
        && answer.json["scimType"] == "mutability";
    if !answer.status.is_success() && !nobody && !never {
        note(format!("with the realm key: {} {}", answer.status, answer.text()));
    }
    if answer.header("roster-sequence").is_none() && !operation.public {
        note(String::from("no Roster-Sequence"));
    }
    problems.extend(world.verify().await);
    problems
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_of_every_surface_with_every_kind_of_key() {
    let mut problems = Vec::new();
    for operation in all() {
        problems.extend(try_operation(&operation).await);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
