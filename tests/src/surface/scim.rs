use axum::body::Body;
use http::Request;
use roster_engine::{EntityId as _, Form};
use serde_json::{Value, json};

use super::{Driver, Names};
use crate::scenario::{Step, Why};
use crate::world::{KEY, request};

const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const EXTENSION: &str = "urn:roster:scim:schemas:extension:1.0:Group";

#[derive(Debug)]
pub struct Scim;

fn patch(operation: &Value) -> Value {
    json!({"schemas": [PATCH], "Operations": [operation]})
}

impl Driver for Scim {
    fn name(&self) -> &'static str {
        "scim"
    }

    fn request(&self, names: &Names, step: &Step) -> Option<Request<Body>> {
        let group = |name: &str| format!("/scim/v2/Groups/{}", names.organization(name).native());
        let (method, path, body) = match *step {
            Step::User(name) => {
                let emails = json!([{"value": Names::email(name), "type": "work", "primary": true}]);
                ("POST", "/scim/v2/Users".into(), json!({"userName": name, "displayName": name, "emails": emails}))
            }
            Step::Organization(name) => ("POST", "/scim/v2/Groups".into(), json!({"displayName": name})),
            Step::Child { name, under } => {
                let parent = names.organization(under).native();
                ("POST", "/scim/v2/Groups".into(), json!({"displayName": name, EXTENSION: {"parent": parent}}))
            }
            // Adding an existing member has no effect and isn't refused.
            Step::Add { organization, user, .. } if names.is_member(organization, user) => return None,
            Step::Add { organization, user, role } => {
                let add =
                    patch(&json!({"op": "add", "path": "members", "value": [{"value": names.user(user).native()}]}));
                let path = if role == "member" {
                    group(organization)
                } else {
                    let id = Form::Whylabs.show(names.organization(organization)).expect("a form");
                    format!("/scim/roles/v2/Groups/whylabs-{id}:{role}")
                };
                ("PATCH", path, add)
            }
            Step::Remove { organization, user } if names.is_member(organization, user) => {
                let path = format!("members[value eq \"{}\"]", names.user(user).native());
                ("PATCH", group(organization), patch(&json!({"op": "remove", "path": path})))
            }
            Step::DeleteOrganization(name) => ("DELETE", group(name), Value::Null),
            // Here, deleting a user who owns an organization is refused.
            Step::DeleteUser(name) if !names.owns(name) => {
                ("DELETE", format!("/scim/v2/Users/{}", names.user(name).native()), Value::Null)
            }
            Step::Members(name, _) => {
                let shown = format!("members.value,members.display,{EXTENSION}:memberRoles");
                ("GET", format!("{}?attributes={shown}", group(name)), Value::Null)
            }
            // Changing a role takes two requests; ownership and e-mail domains aren't managed by directories.
            Step::Remove { .. }
            | Step::DeleteUser(_)
            | Step::SetRole { .. }
            | Step::SetOwner { .. }
            | Step::Domains { .. } => return None,
        };
        Some(request(KEY, method, &path, &body))
    }

    fn refusal(&self, _: &Step, why: Why) -> (u16, &'static str, &'static str) {
        match why {
            Why::NoOrganization | Why::NoMembership => (404, "/status", "404"),
            // There, the error is in what the body refers to, not in the path.
            Why::NoUser | Why::DomainNotAllowed => (400, "/scimType", "invalidValue"),
            Why::AlreadyMember => (409, "/scimType", "uniqueness"),
            Why::OwnerProtected => (400, "/scimType", "mutability"),
            Why::HasChildren => (409, "/status", "409"),
        }
    }

    fn members(&self, answer: &Value) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let empty = Vec::new();
        let rows = answer[EXTENSION]["memberRoles"].as_array().unwrap_or(&empty);
        let display = |id: &Value| {
            let members = answer["members"].as_array().expect("members");
            let member = members.iter().find(|member| member["value"] == *id).expect("a member with a role");
            let display = text(&member["display"]);
            // A user without a name is shown by address.
            if display.contains('@') { display } else { Names::email(&display) }
        };
        let mut found: Vec<(String, String)> = Vec::new();
        for row in rows {
            let email = display(&row["value"]);
            // The strongest role comes first.
            if !found.iter().any(|(known, _)| *known == email) {
                found.push((email, text(&row["role"])));
            }
        }
        found
    }

    fn role(&self, role: &str) -> String {
        role.to_owned()
    }
}
