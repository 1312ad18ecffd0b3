use std::collections::HashMap;
use std::sync::Arc;

use roster_index::{Graph, OrganizationScope, State};
use roster_model::{Aliases, Organization, OrganizationId, OrganizationStatus, UserId, Visibility, text};

use crate::batch::About;
use crate::error::Result;
use crate::list::Slice;
use crate::selection::Selection;
use crate::sql::{Row, Select, Value, like, like_prefix};
use crate::view::{Memory, View};

const COLUMNS: &str = "o.id, o.parent, o.depth, o.name, o.slug, o.external_id, o.max_members, o.email_domains, \
    o.visibility, o.locale, o.created_by, o.created_ms, o.updated_ms, o.aliased, o.public, o.private, o.extras, \
    o.status, o.suspended, o.hidden";
/// Excludes organizations that are being purged.
const LIVE: &str = " AND o.status <> 'gone'";

/// A filter of organizations; all conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganizationFilter {
    /// Direct children of this one.
    pub parent: Option<OrganizationId>,
    /// Everything below this one, itself left out.
    pub below: Option<OrganizationId>,
    /// This one and everything below it.
    pub within: Option<OrganizationId>,
    /// Most levels below [`Self::below`].
    pub levels: Option<u32>,
    pub state: Option<OrganizationState>,
    /// Only what surfaces without the root show: neither the root nor what is deleted or below that.
    pub shown_only: bool,
    pub slug: Option<String>,
    pub external_id: Option<String>,
    /// Part of the name or the slug, case-insensitive.
    pub text: Option<String>,
    /// Prefix of the name, case-insensitive.
    pub prefix: Option<String>,
    /// Part of the name or the slug, case-insensitive; or this id.
    pub anything: Option<(String, Option<OrganizationId>)>,
    pub ids: Selection<OrganizationId>,
    /// Having one of these as a member.
    pub members: Selection<UserId>,
}

impl OrganizationFilter {
    /// The equivalent scope for the graph, if the filter is only about place and state. `root` is the realm's.
    fn scope(&self, root: Option<OrganizationId>) -> Option<OrganizationScope> {
        let Self { parent, below, within, levels, state, shown_only, .. } = *self;
        let plain = Self { parent, below, within, levels, state, shown_only, ..Self::default() };
        if *self != plain {
            return None;
        }
        let (top, children_only) = match (parent, below, within, levels) {
            (None, Some(_), None, None) => (below, false),
            (None, None, top, _) => (top, false),
            (Some(top), None, None, _) | (None, Some(top), None, Some(1)) => (Some(top), true),
            _ => return None,
        };
        let states: &[State] = match (state, shown_only) {
            (None, false) => &[State::Active, State::Suspended, State::Deleted],
            (None, true) | (Some(OrganizationState::NotDeleted), _) => &[State::Active, State::Suspended],
            (Some(OrganizationState::Active), _) => &[State::Active],
            (Some(OrganizationState::Suspended), _) => &[State::Suspended],
            (Some(OrganizationState::Deleted), false) => &[State::Deleted],
            (Some(OrganizationState::Deleted), true) => &[],
        };
        let hides_top = below.is_some() || (shown_only && (top.is_none() || top == root));
        Some(OrganizationScope { top, children_only, with_top: !hides_top, states })
    }
}

/// An organization's state, as lists distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrganizationState {
    /// Not suspended, and neither it nor an ancestor is marked as deleted.
    Active,
    /// Suspended, and neither it nor an ancestor is marked as deleted.
    Suspended,
    /// It or an ancestor is marked as deleted.
    Deleted,
    /// Active or suspended.
    NotDeleted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrganizationSort {
    #[default]
    Created,
    Updated,
    Name,
    /// By id, the order of generation, even where `created` was imported.
    Id,
    /// Case-sensitive.
    ExactName,
    Members,
    /// Deleted ones, and those below such, come last.
    Status,
}

impl OrganizationSort {
    const fn column(self) -> &'static str {
        match self {
            Self::Created => "o.created_ms",
            Self::Updated => "o.updated_ms",
            Self::Name => "o.name_folded",
            Self::Id => "",
            Self::ExactName => "o.name",
            Self::Status => "CAST(CASE WHEN o.hidden THEN 1 ELSE 0 END AS BIGINT)",
            Self::Members => "(SELECT COUNT(*) FROM membership m WHERE m.realm = o.realm AND m.organization = o.id)",
        }
    }
}

/// The entity, and whether it has aliases, which are still to be read.
fn read(row: &Row<'_>) -> Result<(Organization, bool)> {
    let organization = Organization {
        id: row.id(0)?,
        parent: row.opt_id(1)?,
        depth: u8::try_from(row.int(2)?).unwrap_or(u8::MAX),
        name: row.text(3)?,
        slug: row.text(4)?,
        external_id: row.opt_text(5)?,
        max_members: u32::try_from(row.int(6)?).unwrap_or_default(),
        email_domains: row.json(7)?,
        visibility: row.word(8, Visibility::from_word)?,
        locale: row.opt_text(9)?,
        created_by: row.opt_int(10)?,
        created: row.time(11)?,
        updated: row.time(12)?,
        public: row.json(14)?,
        private: row.json(15)?,
        extras: row.json(16)?,
        status: row.word(17, OrganizationStatus::from_word)?,
        suspended: row.flag(18)?,
        hidden: row.flag(19)?,
        aliases: Aliases::default(),
    };
    Ok((organization, row.flag(13)?))
}

fn values(o: &Organization) -> Result<Vec<Value>> {
    Ok(vec![
        o.name.as_str().into(),
        text::fold(&o.name).into(),
        o.slug.as_str().into(),
        o.external_id.as_deref().into(),
        o.max_members.into(),
        serde_json::to_string(&o.email_domains)?.into(),
        o.visibility.word().into(),
        o.locale.as_deref().into(),
        o.updated.into(),
        (!o.aliases.is_empty()).into(),
        serde_json::to_string(&o.public)?.into(),
        serde_json::to_string(&o.private)?.into(),
        serde_json::to_string(&o.extras)?.into(),
        o.status.word().into(),
        o.suspended.into(),
    ])
}

/// Selects all organizations that exist.
pub(crate) fn select(view: &View<'_>) -> Select {
    let mut select = Select::new(&format!("SELECT {COLUMNS} FROM organization o WHERE o.realm = "));
    select.bind(view.realm).push(LIVE);
    select
}

impl View<'_> {
    /// Runs a statement of [`select`].
    pub(crate) fn organizations_of(&self, select: &Select) -> Result<Vec<Organization>> {
        let rows = self.connection.all(&select.text, &select.values, read)?;
        self.with_organization_aliases(rows)
    }

    fn with_organization_aliases(&self, rows: Vec<(Organization, bool)>) -> Result<Vec<Organization>> {
        use roster_model::EntityId as _;
        let aliased: Vec<i64> = rows.iter().filter(|(_, aliased)| *aliased).map(|(o, _)| o.id.raw()).collect();
        let aliases = self.aliases_of(&aliased)?;
        Ok(rows
            .into_iter()
            .map(|(mut o, aliased)| {
                if aliased {
                    let mine = aliases.iter().filter(|(id, ..)| *id == o.id.raw());
                    o.aliases = Aliases(mine.map(|(_, dialect, text)| (*dialect, text.clone())).collect());
                }
                o
            })
            .collect())
    }

    fn one_organization(&self, condition: &str, value: Value) -> Result<Option<Organization>> {
        let sql = format!("SELECT {COLUMNS} FROM organization o WHERE o.realm = $1 AND {condition}{LIVE}");
        let row = self.connection.optional(&sql, &[self.realm.into(), value], read)?;
        Ok(self.with_organization_aliases(row.into_iter().collect())?.pop())
    }

    /// A cached organization; `None` if there is no such organization; an error if it isn't cached.
    pub(crate) fn cached_organization(
        &self,
        memory: &Memory<'_>,
        id: OrganizationId,
    ) -> Result<Option<Arc<Organization>>> {
        if !memory.graph.has_organization(id) {
            return Ok(None);
        }
        let organization = memory.index.entities.organization(self.realm, id);
        organization.map(Some).ok_or_else(|| self.connection.not_in_memory())
    }

    pub fn organization(&self, id: OrganizationId) -> Result<Option<Organization>> {
        if let Some(known) = self.ask_memory(About::Tree, |memory| self.cached_organization(memory, id)) {
            return Ok(known?.map(Arc::unwrap_or_clone));
        }
        let organization = self.one_organization("o.id = $2", id.into())?.map(Arc::new);
        self.cache_read(organization.as_slice());
        Ok(organization.map(Arc::unwrap_or_clone))
    }

    pub fn organization_by_slug(&self, slug: &str) -> Result<Option<Organization>> {
        self.one_organization("o.slug = $2", slug.into())
    }

    pub fn organization_by_external_id(&self, external_id: &str) -> Result<Option<Organization>> {
        self.one_organization("o.external_id = $2", external_id.into())
    }

    /// One with exactly this name, other than `except`. The names of the root and of deleted organizations don't count.
    pub fn organization_by_name(&self, name: &str, except: Option<OrganizationId>) -> Result<Option<Organization>> {
        let mut select = Select::new(&format!("SELECT {COLUMNS} FROM organization o WHERE o.realm = "));
        select.bind(self.realm).push(" AND o.name = ").bind(name).push(" AND o.parent IS NOT NULL AND NOT o.hidden");
        if let Some(except) = except {
            select.push(" AND o.id <> ").bind(except);
        }
        select.push(LIVE).push(" ORDER BY o.id LIMIT 1");
        let row = self.connection.optional(&select.text, &select.values, read)?;
        Ok(self.with_organization_aliases(row.into_iter().collect())?.pop())
    }

    pub fn organizations_by_id(&self, ids: &[OrganizationId]) -> Result<HashMap<OrganizationId, Organization>> {
        let organizations = self.shared_organizations(ids)?;
        Ok(organizations.into_iter().map(|one| (one.id, Arc::unwrap_or_clone(one))).collect())
    }

    /// Those of these organizations that exist, in this order.
    pub fn organizations_in_order(&self, ids: &[OrganizationId]) -> Result<Vec<Organization>> {
        let mut organizations = self.organizations_by_id(ids)?;
        Ok(ids.iter().filter_map(|id| organizations.remove(id)).collect())
    }

    /// Those of these organizations that exist, by id.
    pub fn shared_organizations(&self, ids: &[OrganizationId]) -> Result<Vec<Arc<Organization>>> {
        let mut found = Vec::with_capacity(ids.len());
        if let Some(memory) = &self.memory {
            for id in ids {
                found.extend(self.cached_organization(memory, *id)?);
            }
        } else {
            for ids in ids.chunks(512) {
                let (_, organizations) = self.organizations_with_position(ids)?;
                found.extend(self.with_organization_aliases(organizations)?.into_iter().map(Arc::new));
            }
            self.cache_read(&found);
        }
        found.sort_unstable_by_key(|organization| organization.id);
        Ok(found)
    }

    /// These organizations without their aliases, and the realm's position at that time (0 if none was found), in one
    /// statement.
    fn organizations_with_position(&self, ids: &[OrganizationId]) -> Result<(i64, Vec<(Organization, bool)>)> {
        let mut select = Select::new(&format!("SELECT {COLUMNS}, (SELECT head FROM realm WHERE id = "));
        select.bind(self.realm).push(") FROM organization o WHERE o.realm = ").bind(self.realm);
        select.push(" AND o.id IN ").bind_all(ids).push(LIVE);
        let mut position = 0;
        let organizations = self.connection.all(&select.text, &select.values, |row| {
            position = row.int(20)?;
            read(row)
        })?;
        Ok((position, organizations))
    }

    /// Reads organizations into the cache. May be used outside of a transaction.
    pub(crate) fn prefetch_organizations(&self, ids: &[OrganizationId]) -> Result<()> {
        for ids in ids.chunks(512) {
            let (position, organizations) = self.organizations_with_position(ids)?;
            // A change of their aliases meanwhile evicts them.
            let organizations = self.with_organization_aliases(organizations)?;
            let organizations: Vec<_> = organizations.into_iter().map(Arc::new).collect();
            self.cache_read_at(position, &organizations);
        }
        Ok(())
    }

    /// The organization with its ancestors, from the root down. Empty if there is no such organization.
    pub fn chain(&self, id: OrganizationId) -> Result<Vec<OrganizationId>> {
        if let Some(known) = self.ask_memory(About::Tree, |memory| Ok(memory.graph.chain(id))) {
            return known;
        }
        self.connection.all(
            "WITH RECURSIVE up (id, parent, depth) AS (
                SELECT id, parent, depth FROM organization WHERE realm = $1 AND id = $2
                UNION ALL
                SELECT o.id, o.parent, o.depth FROM organization o JOIN up ON o.realm = $1 AND o.id = up.parent
             ) SELECT id FROM up ORDER BY depth",
            &[self.realm.into(), id.into()],
            |row| row.id(0),
        )
    }

    /// How many levels there are below; 0 for none.
    pub fn height(&self, id: OrganizationId) -> Result<u8> {
        let levels = self.connection.one(
            "WITH RECURSIVE down (id, level) AS (
                SELECT id, 0 FROM organization WHERE realm = $1 AND id = $2
                UNION ALL
                SELECT o.id, down.level + 1 FROM organization o JOIN down ON o.realm = $1 AND o.parent = down.id
                WHERE o.status <> 'gone'
             ) SELECT CAST(COALESCE(MAX(level), 0) AS BIGINT) FROM down",
            &[self.realm.into(), id.into()],
            |row| row.int(0),
        )?;
        Ok(u8::try_from(levels).unwrap_or(u8::MAX))
    }

    pub fn has_children(&self, id: OrganizationId) -> Result<bool> {
        let child = self.connection.optional(
            "SELECT 1 FROM organization o WHERE o.realm = $1 AND o.parent = $2 AND o.status <> 'gone' LIMIT 1",
            &[self.realm.into(), id.into()],
            |row| row.int(0),
        )?;
        Ok(child.is_some())
    }

    fn organization_where(&self, select: &mut Select, filter: &OrganizationFilter) {
        if let Some(top) = filter.within {
            let mut with = Select::new("WITH RECURSIVE down (id) AS (SELECT id FROM organization WHERE realm = ");
            with.bind(self.realm).push(" AND id = ").bind(top);
            with.push(" UNION ALL SELECT o.id FROM organization o JOIN down ON o.realm = ").bind(self.realm);
            with.push(" AND o.parent = down.id WHERE o.status <> 'gone') ");
            with.push(&select.text);
            *select = with;
        } else if let Some(below) = filter.below {
            // The recursive part comes first in the text, so it is prepended with its own numbering.
            let mut with = Select::new(
                "WITH RECURSIVE down (id, level) AS (SELECT id, CAST(1 AS BIGINT) FROM organization WHERE realm = ",
            );
            with.bind(self.realm).push(" AND parent = ").bind(below);
            with.push(" UNION ALL SELECT o.id, down.level + 1 FROM organization o JOIN down ON o.realm = ");
            with.bind(self.realm).push(" AND o.parent = down.id WHERE o.status <> 'gone'");
            if let Some(levels) = filter.levels {
                with.push(" AND down.level < ").bind(levels);
            }
            with.push(") ");
            with.push(&select.text);
            *select = with;
            select.push(" JOIN down ON down.id = o.id");
        }
        select.push(" WHERE o.realm = ").bind(self.realm).push(LIVE);
        if filter.within.is_some() {
            select.push(" AND o.id IN (SELECT id FROM down)");
        }
        if let Some(parent) = filter.parent {
            select.push(" AND o.parent = ").bind(parent);
        }
        if filter.shown_only {
            select.push(" AND o.parent IS NOT NULL AND NOT o.hidden");
        }
        match filter.state {
            Some(OrganizationState::Active) => select.push(" AND NOT o.hidden AND NOT o.suspended"),
            Some(OrganizationState::Suspended) => select.push(" AND NOT o.hidden AND o.suspended"),
            Some(OrganizationState::Deleted) => select.push(" AND o.hidden"),
            Some(OrganizationState::NotDeleted) => select.push(" AND NOT o.hidden"),
            None => select,
        };
        if let Some(slug) = &filter.slug {
            select.push(" AND o.slug = ").bind(slug.as_str());
        }
        if let Some(external_id) = &filter.external_id {
            select.push(" AND o.external_id = ").bind(external_id.as_str());
        }
        if let Some(part) = &filter.text {
            let pattern = like(&text::fold(part));
            select.push(" AND (o.name_folded LIKE ").bind(pattern.as_str()).push(" ESCAPE '\\' OR o.slug LIKE ");
            select.bind(pattern.as_str()).push(" ESCAPE '\\')");
        }
        if let Some(prefix) = &filter.prefix {
            select.push(" AND o.name_folded LIKE ").bind(like_prefix(&text::fold(prefix))).push(" ESCAPE '\\'");
        }
        if let Some((part, id)) = &filter.anything {
            let pattern = like(&text::fold(part));
            select.push(" AND (o.name_folded LIKE ").bind(pattern.as_str()).push(" ESCAPE '\\' OR o.slug LIKE ");
            select.bind(pattern).push(" ESCAPE '\\'");
            if let Some(id) = id {
                select.push(" OR o.id = ").bind(*id);
            }
            select.push(")");
        }
        filter.ids.conditions(select, "o.id");
        filter.members.by_membership(self, select, "o.id", "organization", "usr");
    }

    pub fn list_organizations(
        &self,
        filter: &OrganizationFilter,
        sort: OrganizationSort,
        slice: &Slice,
    ) -> Result<Vec<Organization>> {
        let in_order = |graph: &Graph, limit| {
            let scope = filter.scope(graph.root())?;
            match sort {
                OrganizationSort::Created => {
                    Some(graph.organizations_by_creation(&scope, slice.start_by_creation()?, limit))
                }
                OrganizationSort::Id => Some(graph.organizations_by_id(&scope, slice.start_by_id()?, limit)),
                _ => None,
            }
        };
        if let Some(ids) = self.page(slice, in_order) {
            return self.organizations_in_order(&ids);
        }
        let mut select = Select::new(&format!("SELECT {COLUMNS} FROM organization o"));
        self.organization_where(&mut select, filter);
        slice.seek(&mut select, sort.column(), "o.id");
        slice.order(&mut select, sort.column(), "o.id");
        let rows = self.connection.all(&select.text, &select.values, read)?;
        self.with_organization_aliases(rows)
    }

    pub fn count_organizations(&self, filter: &OrganizationFilter) -> Result<u64> {
        let counted = |graph: &Graph| Some(graph.organizations_count(&filter.scope(graph.root())?) as u64);
        if let Some(count) = self.with_graph(counted) {
            return Ok(count);
        }
        let mut select = Select::new("SELECT COUNT(*) FROM organization o");
        self.organization_where(&mut select, filter);
        self.count(&select)
    }

    pub(crate) fn insert_organizations<'o>(&self, all: impl Iterator<Item = &'o Organization>) -> Result<()> {
        use roster_model::EntityId as _;
        let (mut rows, mut aliases) = (Vec::new(), Vec::new());
        for o in all {
            rows.extend::<[Value; 6]>([
                self.realm.into(),
                o.id.into(),
                o.parent.into(),
                o.depth.into(),
                o.created_by.into(),
                o.created.into(),
            ]);
            rows.extend(values(o)?);
            rows.push(o.hidden.into());
            aliases.extend(self.alias_rows(o.id.raw(), &o.aliases));
        }
        self.connection.insert_rows(
            "organization (realm, id, parent, depth, created_by, created_ms, name, name_folded, slug, external_id,
                max_members, email_domains, visibility, locale, updated_ms, aliased, public, private, extras, status,
                suspended, hidden)",
            22,
            &rows,
        )?;
        self.insert_aliases(&aliases)
    }

    /// All but its place in the tree.
    pub(crate) fn update_organization(&self, before: &Organization, o: &Organization) -> Result<()> {
        let mut all: Vec<Value> = vec![self.realm.into(), o.id.into()];
        all.extend(values(o)?);
        all.push(o.created.into());
        self.connection.execute(
            "UPDATE organization SET name = $3, name_folded = $4, slug = $5, external_id = $6, max_members = $7,
                email_domains = $8, visibility = $9, locale = $10, updated_ms = $11, aliased = $12, public = $13,
                private = $14, extras = $15, status = $16, suspended = $17, created_ms = $18
             WHERE realm = $1 AND id = $2",
            &all,
        )?;
        if before.status == o.status { Ok(()) } else { self.hide_or_show(o.id) }
    }

    /// Updates `hidden` of the organization and everything below it, from the marks on it and its ancestors.
    fn hide_or_show(&self, id: OrganizationId) -> Result<()> {
        let place = [self.realm.into(), id.into()];
        let hidden = self.connection.optional(
            "SELECT 1 FROM organization o LEFT JOIN organization p ON p.realm = o.realm AND p.id = o.parent
             WHERE o.realm = $1 AND o.id = $2 AND (o.status = 'deleted' OR p.hidden)",
            &place,
            |row| row.int(0),
        )?;
        // What is below another mark stays hidden.
        let (value, marked) = if hidden.is_some() { ("TRUE", "") } else { ("FALSE", " AND o.status <> 'deleted'") };
        self.connection.execute(
            &format!(
                "UPDATE organization SET hidden = {value} WHERE realm = $1 AND id IN (
                    WITH RECURSIVE down (id) AS (
                        SELECT id FROM organization WHERE realm = $1 AND id = $2
                        UNION ALL
                        SELECT o.id FROM organization o JOIN down ON o.realm = $1 AND o.parent = down.id{marked}
                    ) SELECT id FROM down)"
            ),
            &place,
        )?;
        Ok(())
    }

    /// Updates its parent, and the depth of everything below it.
    pub(crate) fn move_organization(&self, before: &Organization, after: &Organization) -> Result<()> {
        let shift = i64::from(after.depth) - i64::from(before.depth);
        self.connection.execute(
            "UPDATE organization SET depth = depth + $3 WHERE realm = $1 AND id IN (
                WITH RECURSIVE down (id) AS (
                    SELECT id FROM organization WHERE realm = $1 AND id = $2
                    UNION ALL
                    SELECT o.id FROM organization o JOIN down ON o.realm = $1 AND o.parent = down.id
                ) SELECT id FROM down)",
            &[self.realm.into(), after.id.into(), shift.into()],
        )?;
        self.connection.execute(
            "UPDATE organization SET parent = $3, updated_ms = $4 WHERE realm = $1 AND id = $2",
            &[self.realm.into(), after.id.into(), after.parent.into(), after.updated.into()],
        )?;
        self.hide_or_show(after.id)
    }

    /// Marks it and everything below as gone: invisible at once, purged later. Unique names become free, and tokens of
    /// these organizations, and sessions and links limited to them, stop working.
    pub(crate) fn mark_organization_gone(&self, id: OrganizationId) -> Result<()> {
        let down = "IN (WITH RECURSIVE down (id) AS (
                SELECT id FROM organization WHERE realm = $1 AND id = $2
                UNION ALL
                SELECT o.id FROM organization o JOIN down ON o.realm = $1 AND o.parent = down.id
            ) SELECT id FROM down)";
        let place = [self.realm.into(), id.into()];
        self.connection.execute(&format!("DELETE FROM token WHERE realm = $1 AND organization {down}"), &place)?;
        self.connection.execute(&format!("DELETE FROM session WHERE realm = $1 AND organization {down}"), &place)?;
        self.connection.execute(&format!("DELETE FROM link WHERE realm = $1 AND organization {down}"), &place)?;
        self.connection.execute(&format!("DELETE FROM invitation WHERE realm = $1 AND organization {down}"), &place)?;
        self.connection.execute(&format!("DELETE FROM alias WHERE realm = $1 AND id {down}"), &place)?;
        self.connection.execute(
            &format!(
                "UPDATE organization SET status = 'gone', slug = NULL, external_id = NULL WHERE realm = $1 AND id {down}"
            ),
            &place,
        )?;
        Ok(())
    }
}
