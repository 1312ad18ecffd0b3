//! Who sees what: directories of two customers in one realm, and the realm's own.

use roster_engine::{
    Caller, EntityId as _, Form, NewOrganization, NewToken, OrganizationId, RoleNumber, RoleSet, TokenKind,
};
use roster_tests::operations::secret;
use roster_tests::{Answer, World};
use serde_json::{Value, json};

struct Customers {
    world: World,
    acme: OrganizationId,
    beta: OrganizationId,
    keys: [String; 2],
}

/// Whose directory speaks.
#[derive(Clone, Copy)]
enum By {
    Acme,
    Beta,
    Realm,
}

impl Customers {
    async fn new() -> Self {
        let world = World::new().await;
        let operator = world.operator().await;
        let organization = async |name: &str| {
            let new = NewOrganization { name: name.into(), ..NewOrganization::default() };
            operator.create_organization(new).await.expect("an organization").id
        };
        let (acme, beta) = (organization("acme").await, organization("beta").await);
        let keys = [key(&operator, acme).await, key(&operator, beta).await];
        Self { world, acme, beta, keys }
    }

    async fn send(&self, by: By, method: &str, path: &str, body: Value) -> Answer {
        let key = match by {
            By::Acme => self.keys[0].as_str(),
            By::Beta => self.keys[1].as_str(),
            By::Realm => roster_tests::world::KEY,
        };
        self.world.call_as(key, method, &format!("/scim/v2{path}"), body).await
    }

    async fn make(&self, by: By, name: &str) -> String {
        let body = json!({"userName": name, "emails": [{"value": format!("{name}@example.com")}], "name": {"givenName": name}});
        let made = self.send(by, "POST", "/Users", body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.str("/id").to_owned()
    }

    async fn join(&self, by: By, group: OrganizationId, user: &str) -> Answer {
        let body = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": user}]}]});
        self.send(by, "PATCH", &format!("/Groups/{}", group.native()), body).await
    }

    async fn total(&self, by: By, path: &str) -> i64 {
        self.send(by, "GET", path, Value::Null).await.json["totalResults"].as_i64().expect("a number")
    }

    async fn verify(&self) {
        assert_eq!(self.world.verify().await, Vec::<String>::new());
    }
}

async fn key(operator: &Caller, organization: OrganizationId) -> String {
    let new = NewToken {
        organization: Some(organization.into()),
        roles: RoleSet::of(RoleNumber::ADMIN),
        ..NewToken::new(TokenKind::Organization)
    };
    secret(operator, new).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_outside_the_domain_is_there() {
    let customers = Customers::new().await;
    let ada = customers.make(By::Acme, "ada").await;
    assert_eq!(customers.send(By::Acme, "GET", &format!("/Users/{ada}"), Value::Null).await.status, 200);
    for path in [format!("/Users/{ada}"), format!("/Groups/{}", customers.acme.native())] {
        for method in ["GET", "DELETE"] {
            assert_eq!(customers.send(By::Beta, method, &path, Value::Null).await.status, 404, "{method} {path}");
        }
    }
    assert_eq!(customers.total(By::Beta, "/Users").await, 0);
    assert_eq!(customers.total(By::Beta, "/Groups").await, 1);
    assert_eq!(customers.total(By::Beta, "/Users?filter=userName+eq+%22ada%22").await, 0);
    assert_eq!(customers.total(By::Beta, "/Users?filter=emails+eq+%22ada%40example.com%22").await, 0);
    assert_eq!(customers.total(By::Acme, "/Users").await, 1);
    let refused = customers.join(By::Beta, customers.beta, &ada).await;
    assert_eq!((refused.status.as_u16(), refused.str("/scimType")), (400, "invalidValue"));
    let unknown = customers.join(By::Beta, customers.beta, "usr_00000000000").await;
    assert_eq!(refused.text().replace(&ada, "X"), unknown.text().replace("usr_00000000000", "X"), "told the same");
    // A group name that another domain uses is available.
    for by in [By::Acme, By::Beta] {
        assert_eq!(customers.send(by, "POST", "/Groups", json!({"displayName": "team"})).await.status, 201);
    }
    let twice = customers.send(By::Beta, "POST", "/Groups", json!({"displayName": "TEAM"})).await;
    assert_eq!((twice.status.as_u16(), twice.str("/scimType")), (409, "uniqueness"));
    customers.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_is_shared_belongs_to_who_made_him() {
    let customers = Customers::new().await;
    let ada = customers.make(By::Acme, "ada").await;
    customers.join(By::Acme, customers.acme, &ada).await;
    // Linked: the answer is as for a new user, with only what the request contained.
    let body = json!({"userName": "lovelace", "emails": [{"value": "ADA@example.com"}], "displayName": "Miss L", "externalId": "7"});
    let linked = customers.send(By::Beta, "POST", "/Users", body.clone()).await;
    assert_eq!((linked.status.as_u16(), linked.str("/id")), (201, ada.as_str()));
    assert!(linked.json.get("name").is_none(), "{}", linked.text());
    assert_eq!(customers.send(By::Beta, "POST", "/Users", body).await.status, 409);
    assert_eq!(customers.join(By::Beta, customers.beta, &ada).await.status, 204);
    let path = format!("/Users/{ada}");
    // What beta writes is shown only to beta.
    let rename = json!({"Operations": [
        {"op": "replace", "path": "userName", "value": "mallory"},
        {"op": "replace", "value": {"name": {"givenName": "Mal"}, "active": false}},
        {"op": "replace", "path": "emails", "value": [{"value": "mallory@example.com"}]},
    ]});
    let renamed = customers.send(By::Beta, "PATCH", &path, rename).await;
    assert_eq!((renamed.str("/userName"), &renamed.json["active"]), ("mallory", &json!(false)));
    for by in [By::Acme, By::Realm] {
        let seen = customers.send(by, "GET", &path, Value::Null).await;
        assert_eq!((seen.str("/userName"), seen.str("/name/givenName")), ("ada", "ada"));
        assert_eq!((&seen.json["active"], seen.str("/emails/0/value")), (&json!(true), "ada@example.com"));
    }
    let seen = customers.send(By::Acme, "GET", &path, Value::Null).await;
    assert_eq!(seen.json["groups"].as_array().map(Vec::len), Some(1), "only acme's own: {}", seen.text());
    assert_eq!(customers.total(By::Beta, "/Users?filter=userName+eq+%22ada%22").await, 0);
    assert_eq!(customers.total(By::Beta, "/Users?filter=userName+eq+%22MALLORY%22").await, 1);
    // What the home domain writes changes the user's own data; beta still sees what it wrote.
    customers
        .send(By::Acme, "PATCH", &path, json!({"Operations": [{"op": "replace", "value": {"userName": "augusta"}}]}))
        .await;
    assert_eq!(customers.send(By::Realm, "GET", &path, Value::Null).await.str("/userName"), "augusta");
    assert_eq!(customers.send(By::Beta, "GET", &path, Value::Null).await.str("/userName"), "mallory");
    customers.verify().await;
}

/// A key of the organization that is valid only while this user is.
async fn key_of(customers: &Customers, organization: OrganizationId, user: &str) -> String {
    let new = NewToken {
        organization: Some(organization.into()),
        user: Some(user.into()),
        roles: RoleSet::of(RoleNumber::VIEWER),
        ..NewToken::new(TokenKind::Organization)
    };
    secret(&customers.world.operator().await, new).await
}

/// Whether the token may read the organization.
async fn may_read(customers: &Customers, token: &str, organization: OrganizationId) -> bool {
    let path = format!("/v1/organizations/{}", organization.native());
    customers.world.call_as(token, "GET", &path, Value::Null).await.status.is_success()
}

/// Ada's home is acme; she is also a member of beta, whose directory has linked her.
async fn shared() -> (Customers, String) {
    let customers = Customers::new().await;
    let ada = customers.make(By::Acme, "ada").await;
    customers.join(By::Acme, customers.acme, &ada).await;
    customers
        .send(By::Beta, "POST", "/Users", json!({"userName": "ada", "emails": [{"value": "ada@example.com"}]}))
        .await;
    customers.join(By::Beta, customers.beta, &ada).await;
    (customers, ada)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switched_off_by_one_customer_he_is_off_there_alone() {
    let (customers, ada) = shared().await;
    let operator = customers.world.operator().await;
    let token = NewToken { user: Some(ada.as_str().into()), ..NewToken::new(TokenKind::User) };
    let token = secret(&operator, token).await;
    let bound = key_of(&customers, customers.beta, &ada).await;
    let active = |active: bool| json!({"Operations": [{"op": "replace", "path": "active", "value": active}]});
    let both = async || {
        (may_read(&customers, &token, customers.acme).await, may_read(&customers, &token, customers.beta).await)
    };
    assert_eq!(both().await, (true, true));
    assert!(may_read(&customers, &bound, customers.beta).await);
    customers.send(By::Beta, "PATCH", &format!("/Users/{ada}"), active(false)).await;
    assert_eq!(both().await, (true, false));
    for (organization, allowed) in [(customers.acme, true), (customers.beta, false)] {
        let body =
            json!({"user_id": ada, "organization_id": organization.native(), "permission": "organizations:read"});
        let check = customers.world.call("POST", "/v1/check", body).await;
        assert_eq!(check.json["allowed"], allowed, "{}", check.text());
    }
    assert!(!may_read(&customers, &bound, customers.beta).await, "tokens from there fail");
    let listed = customers.send(By::Beta, "GET", &format!("/Groups/{}", customers.beta.native()), Value::Null).await;
    assert_eq!(listed.json["members"].as_array().map(Vec::len), Some(1), "still a member");
    customers.send(By::Beta, "PATCH", &format!("/Users/{ada}"), active(true)).await;
    assert_eq!(both().await, (true, true));
    // At home, this changes the user's own status.
    customers.send(By::Acme, "PATCH", &format!("/Users/{ada}"), active(false)).await;
    assert_eq!(both().await, (false, false));
    customers.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_were_stopped_do_not_come_back_when_the_user_is_deleted() {
    let (customers, ada) = shared().await;
    let labs = customers.send(By::Beta, "POST", "/Groups", json!({"displayName": "labs"})).await;
    let labs: OrganizationId = Form::Native.read(labs.str("/id")).expect("an id");
    let mut keys = Vec::new();
    for organization in [customers.acme, customers.beta, labs] {
        keys.push((organization, key_of(&customers, organization, &ada).await));
    }
    let alive = async || {
        let mut alive = Vec::new();
        for (organization, key) in &keys {
            alive.push(may_read(&customers, key, *organization).await);
        }
        alive
    };
    assert_eq!(alive().await, [true, true, true]);
    let off = json!({"Operations": [{"op": "replace", "path": "active", "value": false}]});
    let path = format!("/Users/{ada}");
    assert_eq!(customers.send(By::Beta, "PATCH", &path, off).await.status, 200);
    assert_eq!(alive().await, [true, false, false]);
    assert_eq!(customers.send(By::Beta, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(alive().await, [true, false, false], "the link that suspended her is gone");
    customers.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_takes_out_of_the_domain_and_no_further() {
    let customers = Customers::new().await;
    let ada = customers.make(By::Acme, "ada").await;
    let bob = customers.make(By::Acme, "bob").await;
    customers.join(By::Acme, customers.acme, &ada).await;
    customers
        .send(By::Beta, "POST", "/Users", json!({"userName": "ada", "emails": [{"value": "ada@example.com"}]}))
        .await;
    customers.join(By::Beta, customers.beta, &ada).await;
    let path = format!("/Users/{ada}");
    // She stays in beta.
    assert_eq!(customers.send(By::Acme, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(customers.send(By::Acme, "GET", &path, Value::Null).await.status, 404);
    assert_eq!(customers.send(By::Beta, "GET", &path, Value::Null).await.status, 200);
    let members = customers.send(By::Acme, "GET", &format!("/Groups/{}", customers.acme.native()), Value::Null).await;
    assert_eq!(members.json["members"], json!([]));
    // Beta isn't her home, so she remains a user of the realm.
    assert_eq!(customers.send(By::Beta, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(customers.send(By::Realm, "GET", &path, Value::Null).await.status, 200);
    // Bob has no other memberships or links, so the user is deleted.
    assert_eq!(customers.send(By::Acme, "DELETE", &format!("/Users/{bob}"), Value::Null).await.status, 204);
    assert_eq!(customers.send(By::Realm, "GET", &format!("/Users/{bob}"), Value::Null).await.status, 404);
    // The realm's own directory deletes the user.
    assert_eq!(customers.send(By::Realm, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(customers.send(By::Realm, "GET", &path, Value::Null).await.status, 404);
    customers.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keys_own_group_stays_and_children_move_within() {
    let customers = Customers::new().await;
    let extension = "urn:roster:scim:schemas:extension:1.0:Group";
    let own = format!("/Groups/{}", customers.acme.native());
    assert_eq!(customers.send(By::Acme, "DELETE", &own, Value::Null).await.status, 403);
    let group = async |name: &str, parent: &str| {
        let body = json!({"displayName": name, extension: {"parent": parent}});
        let made = customers.send(By::Acme, "POST", "/Groups", body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.str("/id").to_owned()
    };
    let labs = group("labs", &customers.acme.native()).await;
    let deep = group("deep", &format!("http://x/scim/v2/Groups/{labs}")).await;
    let shown = customers.send(By::Acme, "GET", &format!("/Groups/{deep}"), Value::Null).await;
    assert!(shown.json[extension]["parent"].as_str().is_some_and(|parent| parent.ends_with(&labs)));
    assert_eq!(customers.send(By::Acme, "DELETE", &format!("/Groups/{labs}"), Value::Null).await.status, 409);
    let to = |parent: &str| json!({"Operations": [{"op": "replace", "path": format!("{extension}:parent"), "value": parent}]});
    for (what, id, parent) in [
        ("a cycle", &labs, deep.clone()),
        ("itself", &labs, labs.clone()),
        ("another customer", &deep, customers.beta.native()),
        ("nobody", &deep, "org_00000000000".into()),
        ("its own", &customers.acme.native(), labs.clone()),
        ("its own to itself", &customers.acme.native(), customers.acme.native()),
    ] {
        let answer = customers.send(By::Acme, "PATCH", &format!("/Groups/{id}"), to(&parent)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.str("/scimType")),
            (400, "invalidValue"),
            "{what}: {}",
            answer.text()
        );
    }
    let out = json!({"Operations": [{"op": "remove", "path": format!("{extension}:parent")}]});
    // What was read can be sent back unchanged.
    let shown = customers.send(By::Acme, "GET", &own, Value::Null).await;
    assert_eq!(customers.send(By::Acme, "PUT", &own, shown.json).await.status, 200);
    assert_eq!(customers.send(By::Acme, "PATCH", &own, out.clone()).await.status, 204);
    assert_eq!(customers.send(By::Acme, "PATCH", &format!("/Groups/{deep}"), out).await.status, 204);
    let shown = customers.send(By::Acme, "GET", &format!("/Groups/{deep}"), Value::Null).await;
    assert!(shown.json.get(extension).is_none(), "right below the key's own: {}", shown.text());
    assert_eq!(customers.send(By::Acme, "DELETE", &format!("/Groups/{labs}"), Value::Null).await.status, 204);
    customers.verify().await;
}
