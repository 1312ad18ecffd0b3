//! One driver per surface: how a step of a scenario is requested there, and how a refusal looks.

mod r#box;
mod clerk;
mod enhance;
mod native;
mod scim;
mod whylabs;

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::Request;
use roster_engine::{MembershipId, OrganizationId, UserId};
use serde_json::Value;

use crate::scenario::{Step, Why};

pub use r#box::Box;
pub use clerk::Clerk;
pub use enhance::Enhance;
pub use native::Native;
pub use scim::Scim;
pub use whylabs::Whylabs;

/// The entities that the names in a scenario stand for.
#[derive(Debug, Default)]
pub struct Names {
    pub users: BTreeMap<&'static str, UserId>,
    pub organizations: BTreeMap<&'static str, OrganizationId>,
    /// By organization and user; including ended ones.
    pub memberships: BTreeMap<(&'static str, &'static str), MembershipId>,
    /// Current memberships by organization and user; and the owners.
    pub members: BTreeSet<(&'static str, &'static str)>,
    pub owners: BTreeSet<&'static str>,
}

impl Names {
    pub fn email(user: &str) -> String {
        format!("{user}@example.com")
    }

    pub fn is_member(&self, organization: &'static str, user: &'static str) -> bool {
        self.members.contains(&(organization, user))
    }

    pub fn owns(&self, user: &'static str) -> bool {
        self.owners.contains(user)
    }

    pub fn user(&self, name: &str) -> UserId {
        *self.users.get(name).unwrap_or_else(|| panic!("the scenario has no user {name}"))
    }

    pub fn organization(&self, name: &str) -> OrganizationId {
        *self.organizations.get(name).unwrap_or_else(|| panic!("the scenario has no organization {name}"))
    }
}

/// A surface, seen by a scenario.
pub trait Driver: Send + Sync {
    fn name(&self) -> &'static str;

    /// `None`: this surface has no such operation.
    fn request(&self, names: &Names, step: &Step) -> Option<Request<Body>>;

    /// Status, and the pointer and text of the error's code.
    fn refusal(&self, step: &Step, why: Why) -> (u16, &'static str, &'static str);

    /// The members in an answer to [`Step::Members`]: address and role, in the surface's words.
    fn members(&self, answer: &Value) -> Vec<(String, String)>;

    /// How the surface shows a role of Roster's.
    fn role(&self, role: &str) -> String;
}

/// All drivers. A new dialect is one line here.
pub fn all() -> Vec<&'static dyn Driver> {
    vec![&Native, &Whylabs, &Clerk, &Box, &Enhance, &Scim]
}
