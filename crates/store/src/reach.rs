//! Who reaches what: memberships along the tree, for many users and organizations at once.
//!
//! A membership counts at its organization with all its roles, and below it with those that reach down. Organizations
//! that are deleted, or below a deleted one, are reached by nobody.

use hashbrown::{HashMap, HashSet};

use roster_index::{Holding, Start};
use roster_model::{MembershipId, OrganizationId, RoleSet, UserId, UserStatus};

use crate::error::Result;
use crate::list::at_most;
use crate::sql::Select;
use crate::view::{Memory, View, WALK_MAX};

/// Most values in one list of a statement.
const LIST_MAX: usize = 512;
/// Most users asked for in one statement together with many organizations.
const USERS_MAX: usize = 64;

/// A membership as far as reach is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub membership: MembershipId,
    pub user: UserId,
    pub organization: OrganizationId,
    pub roles: RoleSet,
}

/// The roles asked for: those that count where they are held, and those of them that count below.
#[derive(Clone, Copy, Debug)]
pub struct Counting {
    pub here: RoleSet,
    pub below: RoleSet,
}

impl View<'_> {
    /// Each of these organizations that exists, with its ancestors: itself first, the root last.
    pub fn lines_of(&self, organizations: &[OrganizationId]) -> Result<HashMap<OrganizationId, Vec<OrganizationId>>> {
        if let Some(memory) = &self.memory {
            return Ok(organizations.iter().filter_map(|id| Some((*id, memory.graph.line(*id)?))).collect());
        }
        let mut lines: HashMap<OrganizationId, Vec<OrganizationId>> = HashMap::with_capacity(organizations.len());
        let mut gone = HashSet::new();
        for some in organizations.chunks(LIST_MAX) {
            let mut select = Select::new(
                "WITH RECURSIVE up (start, id, parent, level, status) AS (
                    SELECT o.id, o.id, o.parent, 0, o.status FROM organization o WHERE o.realm = ",
            );
            select.bind(self.realm).push(" AND o.id IN ").bind_all(some).push(
                " UNION ALL
                    SELECT up.start, o.id, o.parent, up.level + 1, o.status FROM organization o
                    JOIN up ON o.realm = ",
            );
            select.bind(self.realm).push(
                " AND o.id = up.parent
                 ) SELECT start, id, status FROM up ORDER BY start, level",
            );
            self.connection.each(&select.text, &select.values, |row| {
                let start: OrganizationId = row.id(0)?;
                if row.text(2)? != "active" {
                    gone.insert(start);
                }
                lines.entry(start).or_default().push(row.id(1)?);
                Ok::<_, crate::Error>(())
            })?;
        }
        lines.retain(|start, _| !gone.contains(start));
        Ok(lines)
    }

    /// Like [`Self::lines_of`] for one organization; `None` if it doesn't exist.
    pub fn line_of(&self, organization: OrganizationId) -> Result<Option<Vec<OrganizationId>>> {
        match &self.memory {
            Some(memory) => Ok(memory.graph.line(organization)),
            None => Ok(self.lines_of(&[organization])?.remove(&organization)),
        }
    }

    /// Whether a user is active, the line of an organization, and what the user holds along it. `None` if one of them
    /// doesn't exist, or if this takes more than a lookup in memory.
    pub fn reach_from_memory(
        &self,
        user: UserId,
        organization: OrganizationId,
    ) -> Option<(bool, Vec<OrganizationId>, Vec<Held>)> {
        let graph = self.memory.as_ref()?.graph;
        if !graph.suspended_in(user).is_empty() {
            return None;
        }
        let (mut line, mut held) = (Vec::with_capacity(4), Vec::new());
        let active = graph.walk_up(user, organization, |place, holding| {
            line.push(place);
            if let Some(Holding { membership, roles }) = holding {
                held.push(Held { membership, user, organization: place, roles });
            }
        })?;
        Some((active, line, held))
    }

    /// What these users hold at these organizations, except where it grants nothing because the user is suspended.
    pub fn held_at(&self, users: &[UserId], organizations: &[OrganizationId]) -> Result<Vec<Held>> {
        let mut held = Vec::new();
        if let Some(memory) = &self.memory {
            for user in users {
                held.extend(organizations.iter().filter_map(|organization| {
                    let Holding { membership, roles } = memory.graph.holding(*organization, *user)?;
                    Some(Held { membership, user: *user, organization: *organization, roles })
                }));
            }
            return self.granting(users, held);
        }
        for some_users in users.chunks(USERS_MAX) {
            for some in organizations.chunks(LIST_MAX) {
                let mut select =
                    Select::new("SELECT m.id, m.usr, m.organization, m.roles FROM membership m WHERE m.realm = ");
                select.bind(self.realm).push(" AND m.usr IN ").bind_all(some_users);
                select.push(" AND m.organization IN ").bind_all(some);
                held.extend(self.connection.all(&select.text, &select.values, |row| {
                    Ok(Held {
                        membership: row.id(0)?,
                        user: row.id(1)?,
                        organization: row.id(2)?,
                        roles: RoleSet::from_bits(row.int(3)?),
                    })
                })?);
            }
        }
        self.granting(users, held)
    }

    /// Removes what is held at or below an organization in which the user is suspended.
    fn granting(&self, users: &[UserId], mut held: Vec<Held>) -> Result<Vec<Held>> {
        let suspended = self.suspensions_of(users)?;
        if suspended.is_empty() {
            return Ok(held);
        }
        let mut kept = Vec::with_capacity(held.len());
        for one in held.drain(..) {
            let void = match suspended.get(&one.user) {
                Some(domains) => self.chain(one.organization)?.iter().any(|above| domains.contains(above)),
                None => false,
            };
            if !void {
                kept.push(one);
            }
        }
        Ok(kept)
    }

    /// The organizations in which these users are suspended; only for users who are.
    fn suspensions_of(&self, users: &[UserId]) -> Result<HashMap<UserId, Vec<OrganizationId>>> {
        let mut found: HashMap<UserId, Vec<OrganizationId>> = HashMap::new();
        if let Some(memory) = &self.memory {
            for user in users {
                let domains = memory.graph.suspended_in(*user);
                if !domains.is_empty() {
                    found.insert(*user, domains.to_vec());
                }
            }
            return Ok(found);
        }
        for some in users.chunks(LIST_MAX) {
            let mut select = Select::new("SELECT subject, domain FROM directory_link WHERE realm = ");
            select.bind(self.realm).push(" AND suspended AND subject IN ").bind_all(some);
            self.connection.each(&select.text, &select.values, |row| {
                found.entry(row.id(0)?).or_default().push(row.id(1)?);
                Ok::<_, crate::Error>(())
            })?;
        }
        Ok(found)
    }

    /// For each of these users who exists, whether the user is active.
    pub fn active_of(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>> {
        if let Some(memory) = &self.memory {
            return Ok(users.iter().filter_map(|id| Some((*id, memory.graph.is_active(*id)?))).collect());
        }
        let mut found = HashMap::with_capacity(users.len());
        for some in users.chunks(LIST_MAX) {
            let mut select = Select::new("SELECT u.id, u.status FROM usr u WHERE u.realm = ");
            select.bind(self.realm).push(" AND u.id IN ").bind_all(some);
            self.connection.each(&select.text, &select.values, |row| {
                found.insert(row.id(0)?, row.word(1, UserStatus::from_word)? == UserStatus::Active);
                Ok::<_, crate::Error>(())
            })?;
        }
        Ok(found)
    }

    /// All that a user holds anywhere, except where it grants nothing because the user is suspended.
    pub fn held_by(&self, user: UserId) -> Result<Vec<Held>> {
        if let Some(memory) = &self.memory {
            if memory.graph.memberships_count(user) > WALK_MAX {
                return Err(self.connection.not_in_memory());
            }
            let mut held: Vec<Held> = memory
                .graph
                .memberships_of(user)
                .into_iter()
                .map(|(organization, Holding { membership, roles })| Held { membership, user, organization, roles })
                .collect();
            held.sort_unstable_by_key(|held| held.organization);
            return self.granting(&[user], held);
        }
        let held = self.connection.all(
            "SELECT m.id, m.organization, m.roles FROM membership m WHERE m.realm = $1 AND m.usr = $2
             ORDER BY m.organization",
            &[self.realm.into(), user.into()],
            |row| {
                let roles = RoleSet::from_bits(row.int(2)?);
                Ok(Held { membership: row.id(0)?, user, organization: row.id(1)?, roles })
            },
        )?;
        self.granting(&[user], held)
    }

    fn downward(&self, what: &str, tops: &[OrganizationId]) -> Select {
        let mut select = Select::new("WITH RECURSIVE down (id) AS (SELECT o.id FROM organization o WHERE o.realm = ");
        select.bind(self.realm).push(" AND o.id IN ").bind_all(tops);
        select.push(" UNION SELECT o.id FROM organization o JOIN down ON o.realm = ").bind(self.realm);
        select.push(" AND o.parent = down.id WHERE o.status = 'active') SELECT ").push(what).push(" FROM down");
        select
    }

    /// These organizations, which must exist, and all below them, each once and by id.
    pub fn and_below(
        &self,
        tops: &[OrganizationId],
        after: Option<OrganizationId>,
        limit: Option<u64>,
    ) -> Result<Vec<OrganizationId>> {
        if let Some(below) = self.with_graph(|graph| graph.and_below(tops, after, at_most(limit), WALK_MAX)) {
            return Ok(below);
        }
        let mut select = self.downward("id", tops);
        if let Some(after) = after {
            select.push(" WHERE id > ").bind(after);
        }
        select.push(" ORDER BY id");
        if let Some(limit) = limit {
            select.push(" LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
        }
        self.connection.all(&select.text, &select.values, |row| row.id(0))
    }

    pub fn count_and_below(&self, tops: &[OrganizationId]) -> Result<u64> {
        if let Some(count) = self.with_graph(|graph| graph.count_and_below(tops)) {
            return Ok(count as u64);
        }
        self.count(&self.downward("COUNT(*)", tops))
    }

    /// The active users who hold one of these roles along a line (itself first), by id. One query per organization, in
    /// the order of its index, merged here: none reads more rows than the page needs.
    pub fn holders_along(
        &self,
        line: &[OrganizationId],
        counting: Counting,
        after: Option<UserId>,
        limit: Option<u64>,
    ) -> Result<Vec<UserId>> {
        let mut found: Vec<UserId> = Vec::new();
        if let Some(memory) = &self.memory {
            found = self.holders_in_memory(memory, line, counting)?;
            found.retain(|user| after.is_none_or(|after| *user > after));
            found.truncate(at_most(limit));
            return Ok(found);
        }
        for (distance, organization) in line.iter().enumerate() {
            let roles = if distance == 0 { counting.here } else { counting.below };
            if roles.is_empty() {
                continue;
            }
            let mut select = Select::new(
                "SELECT m.usr FROM membership m JOIN usr u ON u.realm = m.realm AND u.id = m.usr AND u.status = 'active'
                 WHERE m.realm = ",
            );
            select.bind(self.realm).push(" AND m.organization = ").bind(*organization);
            select.push(" AND m.roles & ").bind(roles).push(" <> 0");
            self.unless_suspended(&mut select, &line[distance..]);
            if let Some(after) = after {
                select.push(" AND m.usr > ").bind(after);
            }
            select.push(" ORDER BY m.usr");
            if let Some(limit) = limit {
                select.push(" LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
            }
            found.extend(self.connection.all::<UserId>(&select.text, &select.values, |row| row.id(0))?);
        }
        found.sort_unstable();
        found.dedup();
        found.truncate(at_most(limit));
        Ok(found)
    }

    /// All of them, by id; fails if that takes too many steps.
    fn holders_in_memory(
        &self,
        memory: &Memory<'_>,
        line: &[OrganizationId],
        counting: Counting,
    ) -> Result<Vec<UserId>> {
        let graph = memory.graph;
        if line.iter().map(|organization| graph.members_count(*organization)).sum::<usize>() > WALK_MAX {
            return Err(self.connection.not_in_memory());
        }
        let mut found = Vec::new();
        for (distance, organization) in line.iter().enumerate() {
            let roles = if distance == 0 { counting.here } else { counting.below };
            let holds = |(user, holding): &(UserId, Holding)| {
                let suspended = || graph.suspended_in(*user).iter().any(|domain| line[distance..].contains(domain));
                holding.roles.intersects(roles) && graph.is_active(*user) == Some(true) && !suspended()
            };
            let members = graph.members(*organization, Start::default(), usize::MAX);
            found.extend(members.into_iter().filter(holds).map(|(user, _)| user));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Excludes memberships whose user is suspended at one of these organizations (the membership's own and those
    /// above).
    fn unless_suspended(&self, select: &mut Select, upward: &[OrganizationId]) {
        select.push(" AND NOT EXISTS (SELECT 1 FROM directory_link l WHERE l.realm = ").bind(self.realm);
        select.push(" AND l.subject = m.usr AND l.suspended AND l.domain IN ").bind_all(upward).push(")");
    }

    /// The total number of [`Self::holders_along`].
    pub fn count_holders_along(&self, line: &[OrganizationId], counting: Counting) -> Result<u64> {
        if let Some(memory) = &self.memory {
            return Ok(self.holders_in_memory(memory, line, counting)?.len() as u64);
        }
        let mut select = Select::new(
            "SELECT COUNT(DISTINCT m.usr) FROM membership m
             JOIN usr u ON u.realm = m.realm AND u.id = m.usr AND u.status = 'active' WHERE m.realm = ",
        );
        select.bind(self.realm).push(" AND (FALSE");
        for (distance, organization) in line.iter().enumerate() {
            let roles = if distance == 0 { counting.here } else { counting.below };
            if !roles.is_empty() {
                select.push(" OR (m.organization = ").bind(*organization);
                select.push(" AND m.roles & ").bind(roles).push(" <> 0");
                self.unless_suspended(&mut select, &line[distance..]);
                select.push(")");
            }
        }
        select.push(")");
        self.count(&select)
    }
}
