//! Pages far into a list, total included, compared with its first page.

use anyhow::{Context as _, Result};
use roster_engine::{EntityId as _, Form, OrganizationId};

use serde_json::Value;

use super::{Goal, less};
use crate::bench::Bench;
use crate::comparison::Comparison;
use crate::load::{Key, get, in_turn};
use crate::roster::KEY;
use crate::world::On;

pub const DEEP: Goal = less("P14", 1.5, 1.05);

pub fn deep(bench: &mut Bench<'_>, on: On) -> Result<()> {
    let world = bench.usual(on)?;
    let roster = bench.pinned(&world)?;
    let big = world.sample.big;
    let show = |form: Form| form.show(big).context("a form of an id");
    let (clerk, group, enhance) = (show(Form::Clerk)?, show(Form::Box)?, show(Form::Enhance)?);
    let (members, organizations) = (world.shape.users(), world.shape.groups());
    // Box takes no offset beyond 10 000.
    let box_members = members.min(11_000);
    let realm = roster.ask("GET", "/v1/realm", None)?;
    let root = text(&realm, "root_organization_id").and_then(|root| Form::Native.read::<OrganizationId>(root));
    let master = root.and_then(|root| Form::Enhance.show(root)).context("the realm's root")?;
    // A token of one organization.
    let wanted = format!(r#"{{"kind":"organization","organization_id":"{}","roles":["admin"]}}"#, big.native());
    let bound = roster.ask("POST", "/v1/tokens", Some(&wanted))?;
    let bound = Key::Bearer(text(&bound, "secret").context("a key of an organization")?);
    let lists = [
        ("Clerk members", format!("/clerk/v1/organizations/{clerk}/memberships?limit=100&offset="), 0, members, KEY),
        (
            "Clerk memberships",
            "/clerk/v1/organization_memberships?limit=100&offset=".into(),
            0,
            world.shape.memberships,
            KEY,
        ),
        ("Clerk users", "/clerk/v1/users?limit=100&offset=".into(), 0, members, KEY),
        ("Clerk organizations", "/clerk/v1/organizations?limit=20&offset=".into(), 0, organizations, KEY),
        ("Box members", format!("/box/2.0/groups/{group}/memberships?limit=100&offset="), 0, box_members, KEY),
        ("Box users", "/box/2.0/users?limit=100&offset=".into(), 0, box_members, KEY),
        ("Box groups", "/box/2.0/groups?limit=20&offset=".into(), 0, organizations, KEY),
        ("Enhance members", format!("/enhance/orgs/{enhance}/members?limit=100&offset="), 0, members, KEY),
        ("Enhance customers", format!("/enhance/orgs/{master}/customers?limit=20&offset="), 0, organizations, KEY),
        ("Enhance logins", format!("/enhance/orgs/{enhance}/logins?limit=100&offset="), 0, members, KEY),
        ("SCIM users", "/scim/v2/Users?count=100&startIndex=".into(), 1, members, KEY),
        ("SCIM users of one organization", "/scim/v2/Users?count=100&startIndex=".into(), 1, members, bound),
        (
            "Clerk members of a role",
            format!("/clerk/v1/organizations/{clerk}/memberships?role=org:member&limit=100&offset="),
            0,
            members,
            KEY,
        ),
        (
            "SCIM groups",
            "/scim/v2/Groups?count=20&excludedAttributes=members&startIndex=".into(),
            1,
            organizations,
            KEY,
        ),
    ];
    for (list, path, first, length, key) in lists {
        let offset = length * 9 / 10;
        let what = format!("{list} at offset {offset} vs 0: CPU");
        let page = |at: usize| in_turn(vec![get(&format!("{path}{}", at + first), key)]);
        let comparison = Comparison::run(bench.settings, 4, (&roster, page(offset)), (&roster, page(0)));
        bench.cpu_row(&DEEP, on, what, comparison);
    }
    Ok(())
}

fn text<'v>(answer: &'v Value, name: &str) -> Option<&'v str> {
    answer.get(name)?.as_str()
}
