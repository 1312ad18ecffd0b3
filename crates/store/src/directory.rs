//! What a provisioning domain can see.

use std::collections::{BTreeSet, HashMap};

use roster_index::{Graph, People};
use roster_model::{Aliases, EntityId as _, Organization, OrganizationId, RoleSet, Timestamp, User, UserId, text};

use crate::batch::About;
use crate::error::Result;
use crate::list::{Slice, at_most};
use crate::sql::Select;
use crate::users::{LAST, UserFilter, UserSort};
use crate::view::{Memory, View, WALK_MAX};

/// A user's membership in an organization, for the list of the user's groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOf {
    pub user: UserId,
    pub organization: OrganizationId,
    pub name: String,
    /// The organization's aliases.
    pub aliases: Aliases,
    /// The user's roles there.
    pub roles: RoleSet,
}

impl View<'_> {
    /// Users who have this address (case-insensitive) according to the domain's directory.
    pub fn directory_users_at(&self, domain: OrganizationId, address: &str) -> Result<Vec<UserId>> {
        self.connection.all(
            "SELECT subject FROM directory_address WHERE realm = $1 AND value = $2 AND domain = $3 ORDER BY subject",
            &[self.realm.into(), text::fold(address).into(), domain.into()],
            |row| row.id(0),
        )
    }

    /// The domains in which this user's memberships grant nothing.
    pub fn suspended_in(&self, user: UserId) -> Result<Vec<OrganizationId>> {
        if let Some(known) = self.ask_memory(About::Suspensions, |memory| Ok(memory.graph.suspended_in(user).to_vec()))
        {
            return known;
        }
        self.connection.all(
            "SELECT domain FROM directory_link WHERE realm = $1 AND subject = $2 AND suspended",
            &[self.realm.into(), user.into()],
            |row| row.id(0),
        )
    }

    /// Whether the user has a membership in the domain, or an address that is invited to it.
    pub fn belongs_to_domain(&self, domain: OrganizationId, user: UserId, now: Timestamp) -> Result<bool> {
        if let Some(memory) = &self.memory
            && memory.graph.memberships_count(user) <= WALK_MAX
            && memory.graph.memberships_of(user).iter().any(|(place, _)| memory.graph.chain(*place).contains(&domain))
        {
            return Ok(true);
        }
        let found = self.connection.optional(
            "WITH RECURSIVE up (id) AS (
                SELECT o.id FROM membership m JOIN organization o ON o.realm = m.realm AND o.id = m.organization
                    WHERE m.realm = $1 AND m.usr = $2 AND o.status <> 'gone'
                UNION
                SELECT o.id FROM address a
                    JOIN invitation i ON i.realm = a.realm AND i.email = a.value AND i.status = 'pending' AND i.expires_ms > $4
                    JOIN organization o ON o.realm = i.realm AND o.id = i.organization
                    WHERE a.realm = $1 AND a.usr = $2 AND a.kind = 'email' AND o.status <> 'gone'
                UNION
                SELECT o.parent FROM up JOIN organization o ON o.realm = $1 AND o.id = up.id WHERE o.parent IS NOT NULL
             ) SELECT 1 FROM up WHERE id = $3 LIMIT 1",
            &[self.realm.into(), user.into(), domain.into(), now.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    // CROSS JOIN fixes the order of the joins: from the tree to its members, not through all of the realm's.
    fn users_of_domain(&self, domain: OrganizationId, now: Timestamp, columns: &str) -> Select {
        let mut select = Select::new("WITH RECURSIVE down (id) AS (SELECT id FROM organization WHERE realm = ");
        select.bind(self.realm).push(" AND id = ").bind(domain);
        select.push(" UNION ALL SELECT o.id FROM down JOIN organization o ON o.realm = ").bind(self.realm);
        select.push(
            " AND o.parent = down.id WHERE o.status <> 'gone'), seen (id) AS (SELECT l.subject FROM directory_link l",
        );
        select.push(" JOIN usr u ON u.realm = l.realm AND u.id = l.subject WHERE l.realm = ").bind(self.realm);
        select.push(" AND l.domain = ").bind(domain);
        select.push(" UNION SELECT m.usr FROM down CROSS JOIN membership m WHERE m.realm = ").bind(self.realm);
        select.push(" AND m.organization = down.id UNION SELECT a.usr FROM down CROSS JOIN invitation i");
        select.push(" CROSS JOIN address a WHERE i.realm = ").bind(self.realm);
        select.push(" AND i.organization = down.id AND i.status = 'pending' AND i.expires_ms > ").bind(now);
        select.push(" AND a.realm = i.realm AND a.kind = 'email' AND a.value = i.email)");
        select.push(" SELECT ").push(columns).push(" FROM seen WHERE 1 = 1");
        select
    }

    /// Users who have an address with a pending invitation to these organizations.
    pub(crate) fn invited_to(&self, organizations: &[OrganizationId], now: Timestamp) -> Result<Vec<UserId>> {
        let mut found = Vec::new();
        for some in organizations.chunks(512) {
            let mut select = Select::new("SELECT a.usr FROM invitation i CROSS JOIN address a WHERE i.realm = ");
            select.bind(self.realm).push(" AND i.organization IN ").bind_all(some);
            select.push(" AND i.status = 'pending' AND i.expires_ms > ").bind(now);
            select.push(" AND a.realm = i.realm AND a.kind = 'email' AND a.value = i.email");
            found.extend(self.connection.all::<UserId>(&select.text, &select.values, |row| row.id(0))?);
        }
        Ok(found)
    }

    /// Asks memory about the users that a domain sees. Invited users, who are few, are read from the tables:
    /// invitations expire.
    fn domain_in_memory<T>(
        &self,
        domain: OrganizationId,
        now: Timestamp,
        ask: impl FnOnce(&Graph, &[UserId]) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(inviting) = self.with_graph(|graph| Some(graph.inviting(domain))) else { return Ok(None) };
        let invited = self.invited_to(&inviting, now)?;
        Ok(self.with_graph(|graph| ask(graph, &invited)))
    }

    /// The users that a domain sees, by id. The realm's root (`None`) sees all.
    pub fn list_domain_users(
        &self,
        domain: Option<OrganizationId>,
        now: Timestamp,
        slice: &Slice,
    ) -> Result<Vec<User>> {
        let Some(domain) = domain else {
            return self.list_users(&UserFilter::default(), UserSort::Id, slice);
        };
        let (limit, step_limit) = (at_most(slice.limit), self.step_limit());
        let start = slice.start_among_people(false).filter(|_| limit <= self.longest_page());
        if let Some(start) = start
            && let Some(ids) = self.domain_in_memory(domain, now, |graph, invited| {
                graph.people(domain, &People::Domain, invited, start, (limit, step_limit))
            })?
        {
            return self.users_in_order(&ids);
        }
        let mut select = self.users_of_domain(domain, now, "seen.id");
        slice.seek(&mut select, "", "seen.id");
        slice.order(&mut select, "", "seen.id");
        let ids: Vec<UserId> = self.connection.all(&select.text, &select.values, |row| row.id(0))?;
        self.users_in_order(&ids)
    }

    pub fn count_domain_users(&self, domain: Option<OrganizationId>, now: Timestamp) -> Result<u64> {
        let Some(domain) = domain else { return self.count_users(&UserFilter::default()) };
        let step_limit = self.step_limit();
        let known = self.domain_in_memory(domain, now, |graph, invited| {
            graph.people_count(domain, &People::Domain, invited, step_limit)
        })?;
        match known {
            Some(count) => Ok(count as u64),
            None => self.count(&self.users_of_domain(domain, now, "COUNT(*)")),
        }
    }

    /// The memberships of these users, oldest first; within `domain` only, if given.
    pub fn groups_of(&self, users: &[UserId], domain: Option<OrganizationId>) -> Result<Vec<GroupOf>> {
        if let Some(memory) = &self.memory {
            return self.cached_groups(memory, users, domain);
        }
        let mut found = Vec::new();
        let mut inside: HashMap<OrganizationId, bool> = HashMap::new();
        for users in users.chunks(512) {
            let mut select = Select::new("SELECT m.usr, o.id, o.name, m.roles, o.aliased FROM membership m");
            select.push(" JOIN organization o ON o.realm = m.realm AND o.id = m.organization AND o.status <> 'gone' AND NOT o.hidden");
            select.push(" WHERE m.realm = ").bind(self.realm).push(" AND m.usr IN ").bind_all(users);
            select.push(" ORDER BY m.usr, m.id");
            let rows = self.connection.all(&select.text, &select.values, |row| {
                let (aliases, roles) = (Aliases::default(), RoleSet::from_bits(row.int(3)?));
                let (user, organization, name) = (row.id(0)?, row.id(1)?, row.text(2)?);
                Ok((GroupOf { user, organization, name, aliases, roles }, row.flag(4)?))
            })?;
            let aliased = rows.iter().filter(|(_, is_aliased)| *is_aliased).map(|(row, _)| row.organization.raw());
            let aliases = self.aliases_by_id(aliased.collect())?;
            for (mut row, _) in rows {
                row.aliases = aliases.get(&row.organization.raw()).cloned().unwrap_or_default();
                let seen = match (domain, inside.get(&row.organization)) {
                    (None, _) => true,
                    (Some(_), Some(known)) => *known,
                    (Some(domain), None) => {
                        let seen = self.chain(row.organization)?.contains(&domain);
                        inside.insert(row.organization, seen);
                        seen
                    }
                };
                found.extend(seen.then_some(row));
            }
        }
        Ok(found)
    }

    fn aliases_by_id(&self, ids: BTreeSet<i64>) -> Result<HashMap<i64, Aliases>> {
        let mut found: HashMap<i64, Aliases> = HashMap::new();
        for some in ids.into_iter().collect::<Vec<i64>>().chunks(512) {
            for (id, dialect, text) in self.aliases_of(some)? {
                found.entry(id).or_default().0.push((dialect, text));
            }
        }
        Ok(found)
    }

    fn cached_groups(
        &self,
        memory: &Memory<'_>,
        users: &[UserId],
        domain: Option<OrganizationId>,
    ) -> Result<Vec<GroupOf>> {
        let graph = memory.graph;
        if users.iter().map(|user| graph.memberships_count(*user)).sum::<usize>() > WALK_MAX {
            return Err(self.connection.not_in_memory());
        }
        let mut found = Vec::new();
        for user in users {
            for (place, holding) in graph.memberships_of(*user) {
                let seen = |line: Vec<OrganizationId>| domain.is_none_or(|domain| line.contains(&domain));
                if graph.line(place).is_some_and(seen)
                    && let Some(organization) = self.cached_organization(memory, place)?
                {
                    let (name, aliases) = (organization.name.clone(), organization.aliases.clone());
                    found.push(GroupOf { user: *user, organization: place, name, aliases, roles: holding.roles });
                }
            }
        }
        // In the order of the tables.
        found.sort_by_key(|group| group.user);
        Ok(found)
    }

    /// All with this name, case-insensitive, by id.
    pub fn organizations_named(&self, name: &str) -> Result<Vec<Organization>> {
        let ids: Vec<OrganizationId> = self.connection.all(
            "SELECT o.id FROM organization o WHERE o.realm = $1 AND o.name_folded = $2 AND o.status <> 'gone'
                AND NOT o.hidden ORDER BY o.id",
            &[self.realm.into(), text::fold(name).into()],
            |row| row.id(0),
        )?;
        self.organizations_in_order(&ids)
    }

    /// Those whose name has this prefix, case-insensitive, by id.
    pub fn organizations_beginning(&self, prefix: &str) -> Result<Vec<OrganizationId>> {
        let from = text::fold(prefix);
        self.connection.all(
            "SELECT o.id FROM organization o WHERE o.realm = $1 AND o.name_folded >= $2 AND o.name_folded < $3
                AND o.status <> 'gone' AND NOT o.hidden ORDER BY o.id",
            &[self.realm.into(), from.as_str().into(), format!("{from}{LAST}").into()],
            |row| row.id(0),
        )
    }

    /// Users who have this prefix in a name given by some domain, the user name or an e-mail address. Some may have
    /// another name in the domain that asks.
    pub fn users_beginning(&self, prefix: &str) -> Result<Vec<UserId>> {
        let from = text::fold(prefix);
        // Addresses are stored in lower case, which isn't always the folded form; the leading ASCII part is the same in
        // both.
        let plain: String = from.chars().take_while(char::is_ascii).collect();
        self.connection.all(
            "SELECT l.subject FROM directory_link l
                WHERE l.realm = $1 AND l.user_name_folded >= $2 AND l.user_name_folded < $3
             UNION SELECT u.id FROM usr u WHERE u.realm = $1 AND u.username_folded >= $2 AND u.username_folded < $3
             UNION SELECT a.usr FROM address a WHERE a.realm = $1 AND a.kind = 'email' AND a.value >= $4 AND a.value < $5",
            &[
                self.realm.into(),
                from.as_str().into(),
                format!("{from}{LAST}").into(),
                plain.as_str().into(),
                format!("{plain}{LAST}").into(),
            ],
            |row| row.id(0),
        )
    }
}
