use std::collections::HashMap;
use std::sync::Arc;

use roster_index::{Graph, People, Start};
use roster_model::{EntityId as _, Extras, Membership, MembershipId, Metadata, OrganizationId, RoleSet, UserId};

use crate::batch::About;
use crate::error::Result;
use crate::list::{Slice, at_most};
use crate::sql::{Row, Select, Value};
use crate::users::{SHOWN_EMAIL, UserFilter, UserPart, user_conditions};
use crate::view::{Memory, View, WALK_MAX};

const SELECT: &str = "SELECT m.id, m.organization, m.usr, m.roles, m.is_default, m.created_by, m.created_ms, \
    m.updated_ms, d.public, d.private, d.extras FROM membership m \
    LEFT JOIN membership_detail d ON d.realm = m.realm AND d.membership = m.id";

/// A filter of memberships; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct MemberFilter {
    pub organization: Option<OrganizationId>,
    /// Of this user, in organizations that exist.
    pub user: Option<UserId>,
    /// Holding at least one of these.
    pub roles: Option<RoleSet>,
    /// For at least one of the pairs, holding a role of the first set and none of the second.
    pub shown: Option<Vec<(RoleSet, RoleSet)>>,
    /// Whose user matches.
    pub users: UserFilter,
    /// Only in organizations that surfaces without the root show: neither the root nor what is deleted or below that.
    pub shown_only: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemberSort {
    /// By membership, oldest first.
    #[default]
    Created,
    /// By when the user became a member. That may be later than the id suggests, since an id can be reserved before.
    Joined,
    Updated,
    /// By the user's name or primary e-mail address.
    Name,
    Email,
    /// As `Email`, with placeholders for users without an address.
    ShownEmail,
    /// By an optional attribute of the users; those without it come last in both directions.
    Part(UserPart),
}

impl MemberSort {
    fn column(self, descending: bool) -> &'static str {
        match self {
            Self::Created => "",
            Self::Joined => "m.created_ms",
            Self::Updated => "m.updated_ms",
            Self::Name => "u.name_folded",
            Self::Email => "u.email",
            Self::ShownEmail => &SHOWN_EMAIL,
            Self::Part(part) => part.column(descending),
        }
    }

    const fn needs_user(self) -> bool {
        matches!(self, Self::Name | Self::Email | Self::ShownEmail | Self::Part(_))
    }
}

impl MemberFilter {
    fn needs_user(&self) -> bool {
        self.users != UserFilter::default()
    }

    /// The matching memberships, if the graph has them in its own order and finds them without a long walk.
    fn in_memory(&self, graph: &Graph) -> Option<Known> {
        let holding = match (self.roles, &self.shown) {
            (None, None) => None,
            (Some(one_of), None) => Some(vec![(one_of, RoleSet::EMPTY)]),
            (None, Some(shown)) => Some(shown.clone()),
            (Some(_), Some(_)) => return None,
        };
        if let Some(pairs) = holding {
            let (Some(organization), None, false) = (self.organization, self.user, self.needs_user()) else {
                return None;
            };
            return Some(Known::Holders(organization, People::holders(pairs)));
        }
        if self.needs_user() {
            let (Some(organization), None, Some(users)) = (self.organization, self.user, self.users.just_ids()) else {
                return None;
            };
            let held = users.iter().filter_map(|user| graph.holding(organization, *user));
            let mut ids: Vec<MembershipId> = held.map(|holding| holding.membership).collect();
            ids.sort_unstable();
            // A user may be named twice.
            ids.dedup();
            return Some(Known::These(ids));
        }
        match (self.organization, self.user) {
            (Some(organization), None) => Some(Known::Members(organization)),
            (organization, Some(user)) if graph.memberships_count(user) <= WALK_MAX => {
                let mut all = graph.memberships_of(user);
                match organization {
                    Some(organization) => all.retain(|(place, _)| *place == organization),
                    // The root has no ancestors; what is deleted has no line.
                    None if self.shown_only => {
                        all.retain(|(place, _)| graph.line(*place).is_some_and(|line| line.len() > 1));
                    }
                    None => {}
                }
                Some(Known::These(all.into_iter().map(|(_, holding)| holding.membership).collect()))
            }
            (None, None) if self.shown_only => Some(Known::All),
            _ => None,
        }
    }
}

/// A list known to the graph, oldest first.
enum Known {
    /// All of the realm, except of the root and of what is deleted or below that.
    All,
    /// All members of an organization.
    Members(OrganizationId),
    /// Those who hold certain roles.
    Holders(OrganizationId, People),
    These(Vec<MembershipId>),
}

impl Known {
    /// A page of it; `None` if that takes more than `step_limit` steps.
    fn part(self, graph: &Graph, slice: &Slice, step_limit: usize) -> Option<Vec<MembershipId>> {
        let limit = at_most(slice.limit);
        let after = slice.after.as_ref().map(|mark| MembershipId::from_raw(mark.id));
        let start = Start { after, offset: slice.offset, descending: slice.descending };
        match self {
            Self::All if limit.min(graph.memberships_listed()) > WALK_MAX => None,
            Self::All => Some(graph.memberships(start, limit)),
            Self::Members(organization) => {
                if limit.min(graph.members_count(organization)) > WALK_MAX {
                    return None;
                }
                let members = graph.members(organization, start, limit);
                Some(members.into_iter().map(|(_, holding)| holding.membership).collect())
            }
            Self::Holders(organization, holders) => {
                let start = slice.start_among_people(false)?;
                let limit = limit.min(graph.members_count(organization));
                if limit > WALK_MAX {
                    return None;
                }
                graph.people(organization, &holders, &[], start, (limit, step_limit))
            }
            Self::These(mut ids) => {
                if slice.descending {
                    ids.reverse();
                }
                let behind = |id: &MembershipId| {
                    after.is_none_or(|after| if slice.descending { *id < after } else { *id > after })
                };
                let offset = usize::try_from(slice.offset).unwrap_or(usize::MAX);
                Some(ids.into_iter().filter(behind).skip(offset).take(limit).collect())
            }
        }
    }

    fn count(&self, graph: &Graph, step_limit: usize) -> Option<u64> {
        let count = match self {
            Self::All => graph.memberships_listed(),
            Self::Members(organization) => graph.members_count(*organization),
            Self::Holders(organization, holders) => graph.people_count(*organization, holders, &[], step_limit)?,
            Self::These(ids) => ids.len(),
        };
        Some(count as u64)
    }
}

fn read(row: &Row<'_>) -> Result<Membership> {
    let detailed = row.opt_text(8)?.is_some();
    let part = |column| if detailed { row.json::<Metadata>(column) } else { Ok(Metadata::new()) };
    Ok(Membership {
        id: row.id(0)?,
        organization: row.id(1)?,
        user: row.id(2)?,
        roles: RoleSet::from_bits(row.int(3)?),
        is_default: row.flag(4)?,
        created_by: row.opt_int(5)?,
        created: row.time(6)?,
        updated: row.time(7)?,
        public: part(8)?,
        private: part(9)?,
        extras: Extras(part(10)?),
    })
}

/// Whether it needs a row of details.
fn has_detail(m: &Membership) -> bool {
    !(m.public.is_empty() && m.private.is_empty() && m.extras.is_empty())
}

impl View<'_> {
    fn one_membership(&self, condition: &str, values: Vec<Value>) -> Result<Option<Membership>> {
        let mut all = vec![self.realm.into()];
        all.extend(values);
        self.connection.optional(&format!("{SELECT} WHERE m.realm = $1 AND {condition}"), &all, read)
    }

    fn cached_membership(&self, memory: &Memory<'_>, id: MembershipId) -> Result<Arc<Membership>> {
        memory.index.entities.membership(self.realm, id).ok_or_else(|| self.connection.not_in_memory())
    }

    /// In an organization that exists.
    pub fn membership(&self, organization: OrganizationId, user: UserId) -> Result<Option<Membership>> {
        let remembered = |memory: &Memory<'_>| {
            let holding = memory.graph.holding(organization, user);
            holding.map(|holding| self.cached_membership(memory, holding.membership)).transpose()
        };
        if let Some(known) = self.ask_memory(About::Member(organization, user), remembered) {
            return Ok(known?.map(Arc::unwrap_or_clone));
        }
        let values = vec![organization.into(), user.into()];
        let found = self.one_membership("m.organization = $2 AND m.usr = $3", values)?.map(Arc::new);
        self.cache_read(found.as_slice());
        Ok(found.map(Arc::unwrap_or_clone))
    }

    pub fn membership_by_id(&self, id: MembershipId) -> Result<Option<Membership>> {
        if let Some(memory) = &self.memory {
            // A cached membership may have ended with its organization.
            let known = self.cached_membership(memory, id)?;
            let there = memory.graph.holding(known.organization, known.user).is_some_and(|held| held.membership == id);
            return Ok(there.then(|| Arc::unwrap_or_clone(known)));
        }
        self.one_membership(
            "m.id = $2 AND EXISTS (SELECT 1 FROM organization o WHERE o.realm = m.realm AND o.id = m.organization
                AND o.status <> 'gone')",
            vec![id.into()],
        )
    }

    pub fn owner(&self, organization: OrganizationId) -> Result<Option<Membership>> {
        self.one_membership("m.organization = $2 AND m.roles & 1 <> 0", vec![organization.into()])
    }

    /// The users whose default membership is in this organization or below it. Organizations that were deleted before
    /// are excluded: their memberships are only waiting to be purged.
    pub fn default_members_below(&self, organization: OrganizationId) -> Result<Vec<UserId>> {
        self.connection.all(
            "WITH RECURSIVE down (id) AS (
                SELECT id FROM organization WHERE realm = $1 AND id = $2
                UNION ALL
                SELECT o.id FROM organization o JOIN down ON o.realm = $1 AND o.parent = down.id AND o.status <> 'gone'
             ) SELECT m.usr FROM down CROSS JOIN membership m
             WHERE m.realm = $1 AND m.organization = down.id AND m.is_default ORDER BY m.usr",
            &[self.realm.into(), organization.into()],
            |row| row.id(0),
        )
    }

    /// The user's roles at each of these organizations, in their order; none at and below a domain that has suspended
    /// the user.
    pub fn roles_along(&self, user: UserId, chain: &[OrganizationId]) -> Result<Vec<RoleSet>> {
        let mut held = vec![RoleSet::EMPTY; chain.len()];
        let remembered = |memory: &Memory<'_>| {
            let roles_at = |place: &OrganizationId| memory.graph.holding(*place, user).map(|holding| holding.roles);
            Ok(chain.iter().map(|place| roles_at(place).unwrap_or(RoleSet::EMPTY)).collect())
        };
        if let Some(known) = self.ask_memory(About::Members(user), remembered) {
            held = known?;
        } else {
            let mut select = Select::new("SELECT organization, roles FROM membership WHERE realm = ");
            select.bind(self.realm).push(" AND usr = ").bind(user).push(" AND organization IN ").bind_all(chain);
            self.connection.each(&select.text, &select.values, |row| {
                let organization: OrganizationId = row.id(0)?;
                let roles = RoleSet::from_bits(row.int(1)?);
                for (place, _) in chain.iter().enumerate().filter(|(_, id)| **id == organization) {
                    held[place] = roles;
                }
                Ok::<_, crate::Error>(())
            })?;
        }
        for domain in self.suspended_in(user)? {
            if let Some(top) = chain.iter().position(|id| *id == domain) {
                held[top..].fill(RoleSet::EMPTY);
            }
        }
        Ok(held)
    }

    /// The memberships of one organization, by creation; of these users only, if given.
    pub fn memberships_in(&self, organization: OrganizationId, users: Option<&[UserId]>) -> Result<Vec<Membership>> {
        let Some(users) = users else {
            let filter = MemberFilter { organization: Some(organization), ..MemberFilter::default() };
            return self.list_memberships(&filter, MemberSort::Created, &Slice::default());
        };
        let mut found = Vec::with_capacity(users.len());
        for users in users.chunks(512) {
            let mut select = Select::new(SELECT);
            select.push(" WHERE m.realm = ").bind(self.realm).push(" AND m.organization = ").bind(organization);
            select.push(" AND m.usr IN ").bind_all(users);
            found.extend(self.connection.all(&select.text, &select.values, read)?);
        }
        found.sort_by_key(|membership| membership.id);
        Ok(found)
    }

    fn member_joins(&self, select: &mut Select, filter: &MemberFilter, with_user: bool) {
        if with_user {
            select.push(" JOIN usr u ON u.realm = m.realm AND u.id = m.usr");
        }
        if filter.organization.is_none() {
            // An organization that is being purged still has rows.
            select.push(" JOIN organization o ON o.realm = m.realm AND o.id = m.organization AND o.status <> 'gone'");
            if filter.shown_only {
                select.push(" AND o.parent IS NOT NULL AND NOT o.hidden");
            }
        }
        select.push(" WHERE m.realm = ").bind(self.realm);
        if let Some(organization) = filter.organization {
            select.push(" AND m.organization = ").bind(organization);
        }
        if let Some(user) = filter.user {
            select.push(" AND m.usr = ").bind(user);
        }
        if let Some(roles) = filter.roles {
            select.push(" AND m.roles & ").bind(roles).push(" <> 0");
        }
        if let Some(shown) = &filter.shown {
            select.push(" AND (FALSE");
            for (one_of, none_of) in shown {
                select.push(" OR (m.roles & ").bind(*one_of).push(" <> 0 AND m.roles & ").bind(*none_of).push(" = 0)");
            }
            select.push(")");
        }
        if with_user {
            user_conditions(self, select, &filter.users);
        }
    }

    pub fn list_memberships(&self, filter: &MemberFilter, sort: MemberSort, slice: &Slice) -> Result<Vec<Membership>> {
        let listed = self.shared_memberships(filter, sort, slice)?;
        Ok(listed.into_iter().map(Arc::unwrap_or_clone).collect())
    }

    /// Like [`Self::list_memberships`], sharing those that are cached.
    pub fn shared_memberships(
        &self,
        filter: &MemberFilter,
        sort: MemberSort,
        slice: &Slice,
    ) -> Result<Vec<Arc<Membership>>> {
        if let Some(memory) = &self.memory {
            let in_order = (sort == MemberSort::Created).then(|| filter.in_memory(memory.graph)).flatten();
            let ids = in_order.and_then(|known| known.part(memory.graph, slice, WALK_MAX));
            let ids = ids.ok_or_else(|| self.connection.not_in_memory())?;
            return ids.into_iter().map(|id| self.cached_membership(memory, id)).collect();
        }
        let in_order = |graph: &Graph, _| filter.in_memory(graph)?.part(graph, slice, self.step_limit());
        if sort == MemberSort::Created
            && let Some(ids) = self.page(slice, in_order)
        {
            return self.memberships_in_order(&ids);
        }
        let mut select = Select::new(SELECT);
        self.member_joins(&mut select, filter, filter.needs_user() || sort.needs_user());
        let column = sort.column(slice.descending);
        slice.seek(&mut select, column, "m.id");
        slice.order(&mut select, column, "m.id");
        let listed = self.connection.all(&select.text, &select.values, |row| read(row).map(Arc::new))?;
        self.cache_read(&listed);
        Ok(listed)
    }

    /// These memberships, which must exist, in this order.
    fn memberships_in_order(&self, ids: &[MembershipId]) -> Result<Vec<Arc<Membership>>> {
        let mut found = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(512) {
            let mut select = Select::new(SELECT);
            select.push(" WHERE m.realm = ").bind(self.realm).push(" AND m.id IN ").bind_all(ids);
            self.connection.each(&select.text, &select.values, |row| {
                let membership = read(row)?;
                found.insert(membership.id, Arc::new(membership));
                Ok::<_, crate::Error>(())
            })?;
        }
        let listed: Vec<_> = ids.iter().filter_map(|id| found.remove(id)).collect();
        self.cache_read(&listed);
        Ok(listed)
    }

    pub fn count_memberships(&self, filter: &MemberFilter) -> Result<u64> {
        if let Some(count) = self.with_graph(|graph| filter.in_memory(graph)?.count(graph, self.step_limit())) {
            return Ok(count);
        }
        let mut select = Select::new("SELECT COUNT(*) FROM membership m");
        self.member_joins(&mut select, filter, filter.needs_user());
        self.count(&select)
    }

    /// Whether another member holds, for each of these sets, one of its roles.
    pub fn another_holds(&self, organization: OrganizationId, but: MembershipId, each: &[RoleSet]) -> Result<bool> {
        let mut select = Select::new("SELECT 1 FROM membership m WHERE m.realm = ");
        select.bind(self.realm).push(" AND m.organization = ").bind(organization).push(" AND m.id <> ").bind(but);
        for roles in each {
            select.push(" AND m.roles & ").bind(*roles).push(" <> 0");
        }
        select.push(" LIMIT 1");
        Ok(self.connection.optional(&select.text, &select.values, |row| row.int(0))?.is_some())
    }

    /// Those of these organizations in which somebody holds, for each of these sets, one of its roles.
    pub fn with_holders(&self, organizations: &[OrganizationId], each: &[RoleSet]) -> Result<Vec<OrganizationId>> {
        let mut select = Select::new("SELECT DISTINCT m.organization FROM membership m WHERE m.realm = ");
        select.bind(self.realm).push(" AND m.organization IN ").bind_all(organizations);
        for roles in each {
            select.push(" AND m.roles & ").bind(*roles).push(" <> 0");
        }
        self.connection.all(&select.text, &select.values, |row| row.id(0))
    }

    /// How many members each of these organizations has. Organizations without members are left out.
    pub fn members_of(&self, organizations: &[OrganizationId]) -> Result<Vec<(OrganizationId, u64)>> {
        if let Some(memory) = &self.memory {
            let counted = organizations.iter().map(|id| (*id, memory.graph.members_count(*id) as u64));
            return Ok(counted.filter(|(_, members)| *members > 0).collect());
        }
        let mut select = Select::new("SELECT m.organization, COUNT(*) FROM membership m WHERE m.realm = ");
        select.bind(self.realm).push(" AND m.organization IN ").bind_all(organizations);
        select.push(" GROUP BY m.organization");
        self.connection
            .all(&select.text, &select.values, |row| Ok((row.id(0)?, u64::try_from(row.int(1)?).unwrap_or_default())))
    }

    /// How many pending invitations each of these organizations has at that moment.
    pub fn invited_of(
        &self,
        organizations: &[OrganizationId],
        now: roster_model::Timestamp,
    ) -> Result<Vec<(OrganizationId, u64)>> {
        let mut select = Select::new("SELECT i.organization, COUNT(*) FROM invitation i WHERE i.realm = ");
        select.bind(self.realm).push(" AND i.organization IN ").bind_all(organizations);
        select.push(" AND i.status = 'pending' AND i.expires_ms > ").bind(now).push(" GROUP BY i.organization");
        self.connection
            .all(&select.text, &select.values, |row| Ok((row.id(0)?, u64::try_from(row.int(1)?).unwrap_or_default())))
    }

    /// Whether any invitation that can still be accepted gives this role.
    pub fn role_is_promised(&self, roles: RoleSet, now: roster_model::Timestamp) -> Result<bool> {
        let found = self.connection.optional(
            "SELECT 1 FROM invitation WHERE realm = $1 AND roles & $2 <> 0 AND status = 'pending' AND expires_ms > $3 LIMIT 1",
            &[self.realm.into(), roles.into(), now.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    /// Whether any membership or token acts with this role.
    pub fn role_in_use(&self, roles: RoleSet) -> Result<bool> {
        let found = self.connection.optional(
            "SELECT 1 FROM membership m JOIN organization o ON o.realm = m.realm AND o.id = m.organization
                WHERE m.realm = $1 AND m.roles & $2 <> 0 AND o.status <> 'gone'
             UNION ALL
             SELECT 1 FROM token WHERE realm = $1 AND roles & $2 <> 0 AND revoked_ms IS NULL LIMIT 1",
            &[self.realm.into(), roles.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    pub(crate) fn insert_memberships<'m>(&self, all: impl Iterator<Item = &'m Membership>) -> Result<()> {
        let (mut rows, mut details) = (Vec::new(), Vec::new());
        for m in all {
            self.only_default(m)?;
            rows.extend::<[Value; 9]>([
                self.realm.into(),
                m.id.into(),
                m.organization.into(),
                m.user.into(),
                m.roles.into(),
                m.is_default.into(),
                m.created_by.into(),
                m.created.into(),
                m.updated.into(),
            ]);
            if has_detail(m) {
                details.extend(self.detail(m)?);
            }
        }
        self.connection.insert_rows(
            "membership (realm, id, organization, usr, roles, is_default, created_by, created_ms, updated_ms)",
            9,
            &rows,
        )?;
        self.connection.insert_rows("membership_detail (realm, membership, public, private, extras)", 5, &details)
    }

    fn detail(&self, m: &Membership) -> Result<[Value; 5]> {
        Ok([
            self.realm.into(),
            m.id.into(),
            serde_json::to_string(&m.public)?.into(),
            serde_json::to_string(&m.private)?.into(),
            serde_json::to_string(&m.extras)?.into(),
        ])
    }

    pub(crate) fn update_membership(&self, before: &Membership, after: &Membership) -> Result<()> {
        self.only_default(after)?;
        self.connection.execute(
            "UPDATE membership SET roles = $3, is_default = $4, updated_ms = $5 WHERE realm = $1 AND id = $2",
            &[self.realm.into(), after.id.into(), after.roles.into(), after.is_default.into(), after.updated.into()],
        )?;
        let same = before.public == after.public && before.private == after.private && before.extras == after.extras;
        if same { Ok(()) } else { self.put_detail(after) }
    }

    /// Clears a default membership in an organization that is being purged, which would violate uniqueness.
    fn only_default(&self, m: &Membership) -> Result<()> {
        if m.is_default {
            self.connection.execute(
                "UPDATE membership SET is_default = FALSE WHERE realm = $1 AND usr = $2 AND is_default AND id <> $3
                    AND organization IN (SELECT id FROM organization WHERE realm = $1 AND status = 'gone')",
                &[self.realm.into(), m.user.into(), m.id.into()],
            )?;
        }
        Ok(())
    }

    fn put_detail(&self, m: &Membership) -> Result<()> {
        if !has_detail(m) {
            return self.delete_detail(m.id);
        }
        self.connection.execute(
            "INSERT INTO membership_detail (realm, membership, public, private, extras) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (realm, membership) DO UPDATE SET public = $3, private = $4, extras = $5",
            &self.detail(m)?,
        )?;
        Ok(())
    }

    fn delete_detail(&self, id: MembershipId) -> Result<()> {
        self.connection.execute(
            "DELETE FROM membership_detail WHERE realm = $1 AND membership = $2",
            &[self.realm.into(), id.into()],
        )?;
        Ok(())
    }

    pub(crate) fn delete_membership(&self, id: MembershipId) -> Result<()> {
        self.delete_detail(id)?;
        self.connection
            .execute("DELETE FROM membership WHERE realm = $1 AND id = $2", &[self.realm.into(), id.into()])?;
        Ok(())
    }
}
