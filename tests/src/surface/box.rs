use axum::body::Body;
use http::Request;
use roster_engine::{EntityId, Form};
use serde_json::{Value, json};

use super::{Driver, Names};
use crate::scenario::{Step, Why};
use crate::world::{KEY, request};

#[derive(Debug)]
pub struct Box;

fn id(id: impl EntityId) -> String {
    Form::Box.show(id).expect("a form at Box")
}

/// `None`: can't be given here; what Roster has of it shows as `member`.
fn role_word(role: &str) -> Option<&'static str> {
    match role {
        "owner" | "admin" => Some("admin"),
        "viewer" => None,
        _ => Some("member"),
    }
}

impl Driver for Box {
    fn name(&self) -> &'static str {
        "box"
    }

    fn request(&self, names: &Names, step: &Step) -> Option<Request<Body>> {
        let group = |name: &str| id(names.organization(name));
        let membership = |organization: &'static str, user: &'static str| {
            // An id that can't be one, for what never was.
            let id = names.memberships.get(&(organization, user)).map_or_else(|| "100000".into(), |found| id(*found));
            format!("/box/2.0/group_memberships/{id}")
        };
        let (method, path, body) = match *step {
            Step::User(name) => ("POST", "/box/2.0/users".into(), json!({"name": name, "login": Names::email(name)})),
            Step::Organization(name) => ("POST", "/box/2.0/groups".into(), json!({"name": name})),
            Step::Add { organization, user, role } => {
                let (user, group) = (id(names.user(user)), group(organization));
                let body = json!({"user": {"id": user}, "group": {"id": group}, "role": role_word(role)?});
                ("POST", "/box/2.0/group_memberships".into(), body)
            }
            Step::SetRole { organization, user, role } => {
                ("PUT", membership(organization, user), json!({"role": role_word(role)?}))
            }
            Step::Remove { organization, user } => ("DELETE", membership(organization, user), Value::Null),
            Step::DeleteOrganization(name) => ("DELETE", format!("/box/2.0/groups/{}", group(name)), Value::Null),
            Step::DeleteUser(name) => {
                ("DELETE", format!("/box/2.0/users/{}?force=True", id(names.user(name))), Value::Null)
            }
            Step::Members(name, _) => {
                ("GET", format!("/box/2.0/groups/{}/memberships?limit=1000", group(name)), Value::Null)
            }
            // Groups lie side by side here, and know neither owners nor domains.
            Step::Child { .. } | Step::SetOwner { .. } | Step::Domains { .. } => return None,
        };
        Some(request(KEY, method, &path, &body))
    }

    fn refusal(&self, step: &Step, why: Why) -> (u16, &'static str, &'static str) {
        const NAME: &str = "/context_info/errors/0/name";
        let by_membership = matches!(step, Step::SetRole { .. } | Step::Remove { .. });
        match why {
            Why::NoMembership => (404, NAME, "group_membership"),
            Why::NoOrganization if by_membership => (404, NAME, "group_membership"),
            Why::NoOrganization => (404, NAME, "group"),
            Why::NoUser => (404, NAME, "user"),
            Why::AlreadyMember => (409, "/context_info/conflicts/0/type", "group_membership"),
            Why::OwnerProtected | Why::DomainNotAllowed | Why::HasChildren => {
                (403, "/code", "access_denied_insufficient_permissions")
            }
        }
    }

    fn members(&self, answer: &Value) -> Vec<(String, String)> {
        let items = answer["entries"].as_array().expect("entries");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        items.iter().map(|item| (text(&item["user"]["login"]), text(&item["role"]))).collect()
    }

    fn role(&self, role: &str) -> String {
        role_word(role).unwrap_or("member").to_owned()
    }
}
