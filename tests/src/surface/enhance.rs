use axum::body::Body;
use http::Request;
use roster_engine::{EntityId, Form};
use serde_json::{Value, json};

use super::{Driver, Names};
use crate::scenario::{Step, Why};
use crate::world::{KEY, request};

#[derive(Debug)]
pub struct Enhance;

fn id(id: impl EntityId) -> String {
    Form::Enhance.show(id).expect("a form at Enhance")
}

/// `None`: can't be given here; what Roster has of it shows as `SiteAccess`.
fn role_word(role: &str) -> Option<&'static str> {
    match role {
        "owner" => Some("Owner"),
        "admin" => Some("SuperAdmin"),
        "sysadmin" => Some("Sysadmin"),
        "support" => Some("Support"),
        "business" => Some("Business"),
        "site_access" => Some("SiteAccess"),
        _ => None,
    }
}

impl Driver for Enhance {
    fn name(&self) -> &'static str {
        "enhance"
    }

    fn request(&self, names: &Names, step: &Step) -> Option<Request<Body>> {
        let org = |name: &str| format!("/enhance/orgs/{}", id(names.organization(name)));
        let member = |organization: &'static str, user: &'static str| {
            // An id that can't be one, for what never was.
            let found = names.memberships.get(&(organization, user));
            let id = found.map_or_else(|| "526f7374-6572-8000-8000-000000000001".into(), |found| id(*found));
            format!("{}/members/{id}", org(organization))
        };
        let (method, path, body) = match *step {
            Step::Child { name, under } => ("POST", format!("{}/customers", org(under)), json!({"name": name})),
            Step::Add { organization, user, role } => {
                let body = json!({"loginId": id(names.user(user)), "roles": [role_word(role)?]});
                ("POST", format!("{}/members", org(organization)), body)
            }
            Step::SetRole { organization, user, role } => {
                ("PUT", member(organization, user), json!({"roles": [role_word(role)?]}))
            }
            Step::Remove { organization, user } => ("DELETE", member(organization, user), Value::Null),
            Step::SetOwner { organization, user } => {
                let member = names.memberships.get(&(organization, user))?;
                ("PUT", format!("{}/owner", org(organization)), json!({"memberId": id(*member)}))
            }
            Step::Members(name, _) => ("GET", format!("{}/members", org(name)), Value::Null),
            // Logins are made with a password and for an organization, organizations below one another; what is deleted is so with
            // all below; and nobody here knows of domains.
            Step::User(_)
            | Step::Organization(_)
            | Step::DeleteOrganization(_)
            | Step::DeleteUser(_)
            | Step::Domains { .. } => return None,
        };
        Some(request(KEY, method, &path, &body))
    }

    fn refusal(&self, step: &Step, why: Why) -> (u16, &'static str, &'static str) {
        match why {
            Why::NoUser if matches!(step, Step::Add { .. }) => (400, "/code", "invalid_input"),
            Why::NoOrganization | Why::NoUser | Why::NoMembership => (404, "/code", "not_found"),
            Why::AlreadyMember => (409, "/code", "already_exists"),
            Why::OwnerProtected | Why::DomainNotAllowed | Why::HasChildren => (400, "/code", "invalid_input"),
        }
    }

    fn members(&self, answer: &Value) -> Vec<(String, String)> {
        let items = answer["items"].as_array().expect("items");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        items.iter().map(|item| (text(&item["email"]), text(&item["roles"][0]))).collect()
    }

    fn role(&self, role: &str) -> String {
        role_word(role).unwrap_or("SiteAccess").to_owned()
    }
}
