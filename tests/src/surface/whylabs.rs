use axum::body::Body;
use http::Request;
use roster_engine::{EntityId, Form};
use serde_json::Value;

use super::{Driver, Names};
use crate::scenario::{Step, Why};
use crate::world::KEY;

#[derive(Debug)]
pub struct Whylabs;

fn role_word(role: &str) -> &'static str {
    match role {
        "owner" | "admin" => "ADMIN",
        "viewer" => "VIEWER",
        _ => "MEMBER",
    }
}

fn id(id: impl EntityId) -> String {
    Form::Whylabs.show(id).expect("a form at WhyLabs")
}

impl Driver for Whylabs {
    fn name(&self) -> &'static str {
        "whylabs"
    }

    fn request(&self, names: &Names, step: &Step) -> Option<Request<Body>> {
        let members = |name: &str| format!("/whylabs/v0/organizations/{}/membership", id(names.organization(name)));
        let email = |user: &str| format!("{user}%40example.com");
        let (method, path) = match *step {
            Step::Organization(name) => ("POST", format!("/whylabs/v0/organizations?name={name}")),
            Step::Child { name, under } => {
                let parent = id(names.organization(under));
                ("POST", format!("/whylabs/v0/organizations?name={name}&parent_org_id={parent}"))
            }
            Step::Add { organization, user, role } => {
                ("POST", format!("{}?email={}&role={}", members(organization), email(user), role_word(role)))
            }
            Step::SetRole { organization, user, role } => {
                ("PUT", format!("{}?email={}&role={}", members(organization), email(user), role_word(role)))
            }
            Step::Remove { organization, user } => {
                ("DELETE", format!("{}?email={}", members(organization), email(user)))
            }
            Step::DeleteOrganization(name) => {
                ("DELETE", format!("/whylabs/v0/organizations/{}", id(names.organization(name))))
            }
            Step::Domains { organization, domains } => {
                let organization = id(names.organization(organization));
                let domains = domains.join("%2C");
                ("PUT", format!("/whylabs/v0/organizations/partial/{organization}?email_domains={domains}"))
            }
            Step::Members(name, _) => ("GET", members(name)),
            // Made here by a body; the native API does.
            Step::User(_) | Step::SetOwner { .. } | Step::DeleteUser(_) => return None,
        };
        let request = Request::builder().method(method).uri(path).header("x-api-key", KEY);
        // As the generated client sends it, body or not.
        let request = request.header("content-type", "application/json").header("content-length", "0");
        Some(request.body(Body::empty()).expect("a request"))
    }

    fn refusal(&self, step: &Step, why: Why) -> (u16, &'static str, &'static str) {
        let (status, code) = match why {
            // Upstream looks for the membership first.
            Why::NoOrganization if matches!(step, Step::SetRole { .. }) => (404, "MembershipNotFound"),
            Why::NoOrganization => (404, "ResourceNotFound"),
            Why::NoUser => (404, "UserNotFound"),
            Why::NoMembership => (404, "MembershipNotFound"),
            Why::AlreadyMember | Why::OwnerProtected | Why::DomainNotAllowed | Why::HasChildren => {
                (400, "IllegalArgument")
            }
        };
        (status, "/type", code)
    }

    fn members(&self, answer: &Value) -> Vec<(String, String)> {
        let items = answer["memberships"].as_array().expect("memberships");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        items.iter().map(|item| (text(&item["email"]), text(&item["role"]))).collect()
    }

    fn role(&self, role: &str) -> String {
        role_word(role).to_owned()
    }
}
