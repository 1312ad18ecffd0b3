//! Ids to ask about, read back from a server on the data.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use roster_engine::{EntityId, Form, OrganizationId, UserId};
use serde_json::Value;

use super::{Shape, Store};
use crate::cores::{Cores, Place};
use crate::roster::Roster;

#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub organization: OrganizationId,
    pub user: UserId,
}

pub struct Sample {
    pub big: OrganizationId,
    /// Random members of random organizations, the large one among them; every tenth isn't a member there.
    pub pairs: Vec<Pair>,
    /// Each the only membership of its user.
    pub loners: Vec<Pair>,
    /// What may be added.
    pub fresh: Arc<Fresh>,
}

/// Users, and organizations that they aren't in.
pub struct Fresh {
    users: Vec<UserId>,
    empty: Vec<OrganizationId>,
    next: AtomicUsize,
}

impl Fresh {
    /// Each pair once, until there are none left.
    pub fn next(&self) -> Pair {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let user = self.users[number / self.empty.len() % self.users.len()];
        Pair { organization: self.empty[number % self.empty.len()], user }
    }
}

/// Pages of the large organization, and groups, that the sample comes from.
const BREADTH: usize = 40;
const PAIRS: usize = 20_000;

impl Sample {
    pub fn take(cores: &Cores, store: &Store, shape: Shape) -> Result<Self> {
        let server = Roster::start(cores, Place::Anywhere, store)?;
        let big = named(&server, "big")?;
        let users = members(&server, big, BREADTH)?;
        let mut random = StdRng::seed_from_u64(1);
        let mut places = vec![(big, users.clone())];
        for _ in 0..BREADTH.min(shape.groups()) {
            let group = named(&server, &format!("group-{}", random.random_range(0..shape.groups())))?;
            places.push((group, members(&server, group, 2)?));
        }
        let loners = named(&server, "loners")?;
        let empty =
            (0..Shape::EMPTY).map(|number| named(&server, &format!("empty-{number}"))).collect::<Result<Vec<_>>>()?;
        let pairs = (0..PAIRS).map(|number| {
            let (organization, members) = &places[random.random_range(0..places.len())];
            let user = members[random.random_range(0..members.len())];
            let organization = if number % 10 == 0 { loners } else { *organization };
            Pair { organization, user }
        });
        let sample = Self {
            big,
            pairs: pairs.collect(),
            loners: members(&server, loners, 1)?.into_iter().map(|user| Pair { organization: loners, user }).collect(),
            fresh: Arc::new(Fresh { users, empty, next: AtomicUsize::new(0) }),
        };
        server.stop()?;
        Ok(sample)
    }
}

fn named(server: &Roster, name: &str) -> Result<OrganizationId> {
    let list = server.get(&format!("/v1/organizations?external_id={name}"))?;
    read(&list["items"][0]["id"]).with_context(|| format!("the organization {name}"))
}

/// From the first pages.
fn members(server: &Roster, organization: OrganizationId, pages: usize) -> Result<Vec<UserId>> {
    let path = format!("/v1/organizations/{}/memberships?limit=500", organization.native());
    let (mut members, mut cursor) = (Vec::new(), String::new());
    for _ in 0..pages {
        let page = server.get(&format!("{path}{cursor}"))?;
        for item in page["items"].as_array().context("a page's items")? {
            members.push(read(&item["user_id"]).context("a user's id")?);
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    Ok(members)
}

fn read<I: EntityId>(id: &Value) -> Option<I> {
    Form::Native.read(id.as_str()?)
}
