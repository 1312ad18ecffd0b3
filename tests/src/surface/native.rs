use axum::body::Body;
use http::Request;
use roster_engine::EntityId as _;
use serde_json::{Value, json};

use super::{Driver, Names};
use crate::scenario::{Step, Why};
use crate::world::{KEY, request};

#[derive(Debug)]
pub struct Native;

impl Driver for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn request(&self, names: &Names, step: &Step) -> Option<Request<Body>> {
        let org = |name: &str| format!("/v1/organizations/{}", names.organization(name).native());
        let member = |name: &str, user: &str| format!("{}/memberships/{}", org(name), names.user(user).native());
        let (method, path, body) = match *step {
            Step::User(name) => ("POST", "/v1/users".into(), json!({"email": Names::email(name), "name": name})),
            Step::Organization(name) => ("POST", "/v1/organizations".into(), json!({"name": name})),
            Step::Child { name, under } => {
                let body = json!({"name": name, "parent_id": names.organization(under).native()});
                ("POST", "/v1/organizations".into(), body)
            }
            Step::Add { organization, user, role } => {
                let body = json!({"user_id": names.user(user).native(), "roles": [role]});
                ("POST", format!("{}/memberships", org(organization)), body)
            }
            Step::SetRole { organization, user, role } => {
                ("PATCH", member(organization, user), json!({"roles": [role]}))
            }
            Step::Remove { organization, user } => ("DELETE", member(organization, user), Value::Null),
            Step::SetOwner { organization, user } => {
                ("PUT", format!("{}/owner", org(organization)), json!({"user_id": names.user(user).native()}))
            }
            Step::DeleteOrganization(name) => ("DELETE", org(name), Value::Null),
            Step::DeleteUser(name) => ("DELETE", format!("/v1/users/{}", names.user(name).native()), Value::Null),
            Step::Domains { organization, domains } => ("PATCH", org(organization), json!({"email_domains": domains})),
            Step::Members(name, _) => ("GET", format!("{}/memberships?limit=500", org(name)), Value::Null),
        };
        Some(request(KEY, method, &path, &body))
    }

    fn refusal(&self, step: &Step, why: Why) -> (u16, &'static str, &'static str) {
        let (status, code) = match why {
            // What a body names is at fault there, not the path.
            Why::NoUser if matches!(step, Step::Add { .. }) => (422, "reference_not_found"),
            Why::NoOrganization | Why::NoUser | Why::NoMembership => (404, "not_found"),
            Why::AlreadyMember => (409, "already_exists"),
            Why::OwnerProtected => (409, "owner_protected"),
            Why::DomainNotAllowed => (409, "domain_not_allowed"),
            Why::HasChildren => (409, "has_children"),
        };
        (status, "/code", code)
    }

    fn members(&self, answer: &Value) -> Vec<(String, String)> {
        let items = answer["items"].as_array().expect("items");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        items.iter().map(|item| (text(&item["user"]["email"]), text(&item["roles"][0]))).collect()
    }

    fn role(&self, role: &str) -> String {
        role.to_owned()
    }
}
