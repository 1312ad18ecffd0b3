use axum::body::Body;
use http::Request;
use roster_engine::{EntityId, Form};
use serde_json::{Value, json};

use super::{Driver, Names};
use crate::scenario::{Step, Why};
use crate::world::{KEY, request};

#[derive(Debug)]
pub struct Clerk;

fn id(id: impl EntityId) -> String {
    Form::Clerk.show(id).expect("a form at Clerk")
}

impl Driver for Clerk {
    fn name(&self) -> &'static str {
        "clerk"
    }

    fn request(&self, names: &Names, step: &Step) -> Option<Request<Body>> {
        let org = |name: &str| format!("/clerk/v1/organizations/{}", id(names.organization(name)));
        let member = |name: &str, user: &str| format!("{}/memberships/{}", org(name), id(names.user(user)));
        let (method, path, body) = match *step {
            Step::User(name) => {
                ("POST", "/clerk/v1/users".into(), json!({"email_address": [Names::email(name)], "first_name": name}))
            }
            Step::Organization(name) => ("POST", "/clerk/v1/organizations".into(), json!({"name": name})),
            Step::Add { organization, user, role } => {
                let body = json!({"user_id": id(names.user(user)), "role": self.role(role)});
                ("POST", format!("{}/memberships", org(organization)), body)
            }
            Step::SetRole { organization, user, role } => {
                ("PATCH", member(organization, user), json!({"role": self.role(role)}))
            }
            Step::Remove { organization, user } => ("DELETE", member(organization, user), Value::Null),
            Step::DeleteOrganization(name) => ("DELETE", org(name), Value::Null),
            Step::DeleteUser(name) => ("DELETE", format!("/clerk/v1/users/{}", id(names.user(name))), Value::Null),
            Step::Members(name, _) => ("GET", format!("{}/memberships?limit=500", org(name)), Value::Null),
            // Clerk has no tree, no owner and no such domains; the native API has.
            Step::Child { .. } | Step::SetOwner { .. } | Step::Domains { .. } => return None,
        };
        Some(request(KEY, method, &path, &body))
    }

    fn refusal(&self, _step: &Step, why: Why) -> (u16, &'static str, &'static str) {
        let (status, code) = match why {
            Why::NoOrganization | Why::NoUser | Why::NoMembership => (404, "resource_not_found"),
            Why::AlreadyMember => (400, "already_a_member_in_organization"),
            Why::OwnerProtected => (400, "organization_minimum_permissions_needed"),
            Why::DomainNotAllowed | Why::HasChildren => (403, "authorization_invalid"),
        };
        (status, "/errors/0/code", code)
    }

    fn members(&self, answer: &Value) -> Vec<(String, String)> {
        let items = answer["data"].as_array().expect("data");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        items.iter().map(|item| (text(&item["public_user_data"]["identifier"]), text(&item["role"]))).collect()
    }

    fn role(&self, role: &str) -> String {
        format!("org:{role}")
    }
}
