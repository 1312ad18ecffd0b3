//! "Which organizations does this user belong to?" in each vendor's API, compared with the native check.

use anyhow::{Context as _, Result};
use roster_engine::{EntityId as _, Form};

use super::checks::checks;
use super::{Goal, less};
use crate::bench::Bench;
use crate::comparison::Comparison;
use crate::load::{Key, get, in_turn, post};
use crate::roster::{KEY, SECRET};
use crate::world::{On, Pair};

pub const LOOKUP: Goal = less("P4", 3.0, 1.6);

/// The request for a member, if the vendor's API can identify one.
type Lookup = fn(Pair) -> Option<Vec<u8>>;

/// Looks up users with one membership each, so that an answer is one row.
pub fn lookups(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let world = bench.usual(on)?;
    let roster = bench.pinned(&world)?;
    let lookups: [(&str, Lookup); 8] = [
        ("native, a user's memberships", |pair| {
            Some(get(&format!("/v1/users/{}/memberships", pair.user.native()), KEY))
        }),
        ("WhyLabs, a user's memberships", |pair| {
            let key = format!("X-API-Key: {SECRET}\r\n");
            Some(get(&format!("/whylabs/v0/membership/user/{}", Form::Whylabs.show(pair.user)?), Key::Lines(&key)))
        }),
        ("Clerk, a user's memberships", |pair| {
            Some(get(&format!("/clerk/v1/users/{}/organization_memberships", Form::Clerk.show(pair.user)?), KEY))
        }),
        ("Clerk, an organization's member", |pair| {
            let (organization, user) = (Form::Clerk.show(pair.organization)?, Form::Clerk.show(pair.user)?);
            Some(get(&format!("/clerk/v1/organizations/{organization}/memberships?user_id={user}"), KEY))
        }),
        ("Box, a user's memberships", |pair| {
            Some(get(&format!("/box/2.0/users/{}/memberships", Form::Box.show(pair.user)?), KEY))
        }),
        ("Enhance, an organization's member", |pair| {
            let organization = Form::Enhance.show(pair.organization)?;
            Some(get(&format!("/enhance/orgs/{organization}/members?limit=1"), KEY))
        }),
        ("SCIM, a user with groups", |pair| Some(get(&format!("/scim/v2/Users/{}", pair.user.native()), KEY))),
        ("AuthZEN, an evaluation", |pair| {
            let (organization, user) = (pair.organization.native(), pair.user.native());
            let question = format!(
                r#"{{"subject":{{"type":"user","id":"{user}"}},"action":{{"name":"memberships:read"}},"resource":{{"type":"organization","id":"{organization}"}}}}"#
            );
            Some(post("/access/v1/evaluation", KEY, &question))
        }),
    ];
    for (lookup, request) in lookups {
        let requests = world.sample.loners.iter().map(|pair| request(*pair)).collect::<Option<Vec<_>>>();
        let requests = requests.context("a form of an id")?;
        let what = format!("{lookup}: CPU vs the native check");
        let comparison = Comparison::run(bench.settings, 16, (&roster, in_turn(requests)), (&roster, checks(&world)));
        bench.cpu_row(&LOOKUP, on, what, comparison);
    }
    Ok(())
}
