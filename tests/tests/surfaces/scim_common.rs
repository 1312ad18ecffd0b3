//! A world with one group, and the words of a directory.

use std::collections::BTreeMap;

use axum::body::Body;
use http::Request;
use roster_engine::{DirectoryOptions, EntityId as _, OrganizationId};
use roster_tests::world::{KEY, request};
use roster_tests::{Answer, World};
use serde_json::{Value, json};

pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub const EXTENSION: &str = "urn:roster:scim:schemas:extension:1.0:Group";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

pub struct Directory {
    pub world: World,
    users: BTreeMap<String, String>,
    pub organization: OrganizationId,
}

impl Directory {
    /// Nobody, and no group but the root.
    pub async fn new() -> Self {
        let world = World::new().await;
        let organization = world.operator().await.root();
        Self { world, users: BTreeMap::new(), organization }
    }

    /// The group `acme` with these members, and other users beside them.
    pub async fn with_members(members: &[&str], others: &[&str]) -> Self {
        Self::in_world(World::new().await, members, others).await
    }

    pub async fn guarded(options: DirectoryOptions, members: &[&str]) -> Self {
        Self::in_world(World::with_directory(options).await, members, &[]).await
    }

    async fn in_world(world: World, members: &[&str], others: &[&str]) -> Self {
        let organization = world.operator().await.root();
        let mut directory = Self { world, users: BTreeMap::new(), organization };
        for name in members.iter().chain(others) {
            let body = json!({
                "userName": format!("{name}@example.com"), "displayName": name, "externalId": format!("ext-{name}"),
                "name": {"givenName": name, "familyName": "Doe"},
                "emails": [
                    {"value": format!("{name}@example.com"), "type": "work", "primary": true},
                    {"value": format!("{name}@home.example"), "type": "home"},
                ],
                ENTERPRISE: {"manager": {"value": "boss"}},
            });
            let made = directory.send("POST", "/Users", body).await;
            assert_eq!(made.status, 201, "{}", made.text());
            directory.users.insert((*name).to_owned(), made.str("/id").to_owned());
        }
        let listed: Vec<Value> = members.iter().map(|name| json!({"value": directory.user(name)})).collect();
        let made = directory.send("POST", "/Groups", json!({"displayName": "acme", "members": listed})).await;
        assert_eq!(made.status, 201, "{}", made.text());
        directory.organization = roster_engine::Form::Native.read(made.str("/id")).expect("an id");
        directory
    }

    pub fn user(&self, name: &str) -> String {
        self.users.get(name).unwrap_or_else(|| panic!("no user {name}")).clone()
    }

    pub fn group(&self) -> String {
        self.organization.native()
    }

    pub async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        self.send_with(method, path, body, &[]).await
    }

    pub async fn send_with(&self, method: &str, path: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
        let mut request: Request<Body> = request(KEY, method, &format!("/scim/v2{path}"), &body);
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        self.world.send(request).await
    }

    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.send("PATCH", path, json!({"schemas": [PATCH], "Operations": operations})).await
    }

    /// Names of the group's members, in the order of names.
    pub async fn members(&self) -> Vec<String> {
        let answer = self.send("GET", &format!("/Groups/{}", self.group()), Value::Null).await;
        let members = answer.json["members"].as_array().expect("members");
        let mut names: Vec<String> = members.iter().map(|member| self.name(&member["value"])).collect();
        names.sort();
        names
    }

    fn name(&self, id: &Value) -> String {
        let found = self.users.iter().find(|(_, known)| *id == known.as_str());
        found.map_or_else(|| id.to_string(), |(name, _)| name.clone())
    }

    /// Name and role, one pair for each.
    pub async fn roles(&self) -> Vec<(String, String)> {
        let path = format!("/Groups/{}?attributes={EXTENSION}:memberRoles", self.group());
        let answer = self.send("GET", &path, Value::Null).await;
        let empty = Vec::new();
        let rows = answer.json[EXTENSION]["memberRoles"].as_array().unwrap_or(&empty);
        let row = |row: &Value| (self.name(&row["value"]), row["role"].as_str().expect("a role").to_owned());
        let mut roles: Vec<_> = rows.iter().map(row).collect();
        roles.sort();
        roles
    }

    /// How many events there are.
    pub async fn events(&self) -> usize {
        self.world.operator().await.list_events(0, 1_000_000, None).await.expect("events").len()
    }

    pub async fn verify(&self) {
        let problems = self.world.verify().await;
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
