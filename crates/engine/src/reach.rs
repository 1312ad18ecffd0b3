//! Lists of who reaches what, including inherited memberships: a user's organizations, an organization's users. They are ordered by id and
//! follow the same rule as [`crate::checks`].

use hashbrown::{HashMap, HashSet};

use roster_model::permission::BuiltIn as P;
use roster_model::{EntityId as _, Organization, OrganizationId, RoleCatalog, RoleSet, User, UserId};
use roster_store::list::{Key, Mark};
use roster_store::{Counting, Held};

use crate::actor::Caller;
use crate::checks::{self, Ask, CheckScope, Way, counts_for, held_at, roles_of, ways};
use crate::error::Result;
use crate::paging::{Listed, Page};
use crate::reference::{OrganizationRef, UserRef};
use crate::transaction::Reader;

/// Maximum number of subtrees that are read in one query.
const TOPS_AT_ONCE: usize = 4096;
/// Up to this many organizations are looked up one by one; beyond it, everything that a user reaches is listed instead.
const ONE_BY_ONE_MAX: usize = 4096;

/// An organization that a user reaches, and how.
#[derive(Clone, Debug)]
pub struct ReachableOrganization {
    pub organization: Organization,
    /// All roles that count here.
    pub roles: RoleSet,
    /// Nearest first.
    pub ways: Vec<Way>,
}

/// A user who reaches an organization, and how.
#[derive(Clone, Debug)]
pub struct EffectiveMember {
    pub user: User,
    /// All roles that count here.
    pub roles: RoleSet,
    /// Nearest first.
    pub ways: Vec<Way>,
}

/// One page of a search, ordered by id.
#[derive(Clone, Debug)]
pub struct SearchPage<T> {
    pub items: Vec<T>,
    /// The total number of results.
    pub total: u64,
    pub more: bool,
}

impl<T> Default for SearchPage<T> {
    fn default() -> Self {
        Self { items: Vec::new(), total: 0, more: false }
    }
}

/// The organizations that a user reaches, in compact form: the top organizations of whole subtrees, and single organizations.
struct Reach {
    held: HashMap<OrganizationId, Held>,
    tops: Vec<OrganizationId>,
    /// By id.
    singles: Vec<OrganizationId>,
}

impl Reach {
    fn of(reader: Reader<'_>, user: UserId, counting: Counting) -> Result<Self> {
        let held = reader.view.held_by(user)?.into_iter().filter(|held| counts_for(reader, held));
        let held: HashMap<OrganizationId, Held> = held.map(|held| (held.organization, held)).collect();
        let places: Vec<OrganizationId> = held.keys().copied().collect();
        let lines = reader.view.lines_of(&places)?;
        let is_top = |id: &OrganizationId| held.get(id).is_some_and(|held| held.roles.intersects(counting.below));
        let (mut tops, mut singles) = (Vec::new(), Vec::new());
        for (id, line) in &lines {
            if line.iter().skip(1).any(is_top) {
                continue;
            }
            if is_top(id) {
                tops.push(*id);
            } else if held[id].roles.intersects(counting.here) {
                singles.push(*id);
            }
        }
        tops.sort_unstable();
        singles.sort_unstable();
        if !reader.acting.surface.shows_root() {
            singles.retain(|id| *id != reader.acting.root);
        }
        Ok(Self { held, tops, singles })
    }

    /// By id.
    fn ids(
        &self,
        reader: Reader<'_>,
        after: Option<OrganizationId>,
        limit: Option<u64>,
    ) -> Result<Vec<OrganizationId>> {
        let mut ids: Vec<OrganizationId> =
            self.singles.iter().copied().filter(|id| after.is_none_or(|after| *id > after)).collect();
        for tops in self.tops.chunks(TOPS_AT_ONCE) {
            ids.extend(reader.view.and_below(tops, after, limit)?);
        }
        ids.sort_unstable();
        ids.dedup();
        if let Some(limit) = limit {
            ids.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        Ok(ids)
    }

    /// Those of these existing organizations that the user reaches, by id. A caller who may know of only a few shouldn't cost a walk over the
    /// whole tree.
    fn among(&self, reader: Reader<'_>, only: &HashSet<OrganizationId>) -> Result<Vec<OrganizationId>> {
        if self.tops.is_empty() || only.len() > ONE_BY_ONE_MAX {
            let mut ids = self.ids(reader, None, None)?;
            ids.retain(|id| only.contains(id));
            return Ok(ids);
        }
        let mut ids: Vec<OrganizationId> = only.iter().copied().collect();
        ids.sort_unstable();
        let lines = reader.view.lines_of(&ids)?;
        let is_top = |id: &OrganizationId| self.tops.binary_search(id).is_ok();
        ids.retain(|id| {
            self.singles.binary_search(id).is_ok() || lines.get(id).is_some_and(|line| line.iter().any(is_top))
        });
        Ok(ids)
    }

    fn total(&self, reader: Reader<'_>) -> Result<u64> {
        let mut total = self.singles.len() as u64;
        for tops in self.tops.chunks(TOPS_AT_ONCE) {
            total += reader.view.count_and_below(tops)?;
        }
        Ok(total)
    }
}

/// The users who reach an organization, as far as that counts for this caller, in compact form.
struct Holders<'l> {
    /// The organization's line.
    line: &'l [OrganizationId],
    counting: Counting,
    /// The acting user, if limited to one membership and reaching the organization only by others.
    excluded_self: Option<UserId>,
}

impl<'l> Holders<'l> {
    fn of(reader: Reader<'_>, line: &'l [OrganizationId], counting: Counting) -> Result<Self> {
        let limited = reader.acting.user.filter(|me| reader.acting.only_of(*me).is_some());
        let held = match limited {
            Some(me) => reader.view.held_at(&[me], line)?,
            None => Vec::new(),
        };
        let meets = |held: &Held| {
            let is_here = line.first() == Some(&held.organization);
            held.roles.intersects(if is_here { counting.here } else { counting.below })
        };
        let counts = held.iter().any(|held| counts_for(reader, held) && meets(held));
        let excluded_self = limited.filter(|_| !counts && held.iter().any(meets));
        Ok(Self { line, counting, excluded_self })
    }

    /// By id.
    fn ids(&self, reader: Reader<'_>, after: Option<UserId>, limit: Option<u64>) -> Result<Vec<UserId>> {
        // Read one more in place of the one who is excluded.
        let most = limit.map(|limit| limit.saturating_add(u64::from(self.excluded_self.is_some())));
        let mut ids = reader.view.holders_along(self.line, self.counting, after, most)?;
        ids.retain(|id| Some(*id) != self.excluded_self);
        if let Some(limit) = limit {
            ids.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        Ok(ids)
    }

    fn total(&self, reader: Reader<'_>) -> Result<u64> {
        let all = reader.view.count_holders_along(self.line, self.counting)?;
        Ok(all.saturating_sub(u64::from(self.excluded_self.is_some())))
    }
}

fn reached(
    reader: Reader<'_>,
    held: &HashMap<OrganizationId, Held>,
    ids: &[OrganizationId],
) -> Result<Vec<ReachableOrganization>> {
    let reaching = reader.roles()?.reaching();
    let lines = reader.view.lines_of(ids)?;
    let mut found = reader.view.organizations_by_id(ids)?;
    let one = |id: &OrganizationId| {
        let ways = ways(lines.get(id)?, reaching, |place| held.get(&place));
        Some(ReachableOrganization { organization: found.remove(id)?, roles: roles_of(&ways), ways })
    };
    Ok(ids.iter().filter_map(one).collect())
}

fn effective(reader: Reader<'_>, line: &[OrganizationId], ids: &[UserId]) -> Result<Vec<EffectiveMember>> {
    let reaching = reader.roles()?.reaching();
    let held = held_at(reader, ids, line)?;
    let held: HashMap<(UserId, OrganizationId), Held> =
        held.into_iter().map(|held| ((held.user, held.organization), held)).collect();
    let mut found = reader.view.users_by_id(ids)?;
    let one = |id: &UserId| {
        let ways = ways(line, reaching, |place| held.get(&(*id, place)));
        Some(EffectiveMember { user: found.remove(id)?, roles: roles_of(&ways), ways })
    };
    Ok(ids.iter().filter_map(one).collect())
}

/// One page of a complete list of ids.
fn paginate<T: Copy + Ord>(ids: Vec<T>, after: Option<T>, limit: u64) -> SearchPage<T> {
    let total = ids.len() as u64;
    let mut items: Vec<T> = ids.into_iter().filter(|id| after.is_none_or(|after| *id > after)).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    SearchPage { items, total, more }
}

/// One page of ids that were read with one row more than the limit.
fn page_with_total<T>(ids: Vec<T>, total: u64, limit: u64) -> SearchPage<T> {
    let mut items = ids;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    SearchPage { items, total, more }
}

/// The organizations about whose members a user may ask.
fn readable_organizations(reader: Reader<'_>, catalog: &RoleCatalog, me: UserId) -> Result<HashSet<OrganizationId>> {
    let reading: Ask = Ask::Permission(P::MembershipsRead.key().into());
    match reading.counting(catalog) {
        Some(counting) => Ok(Reach::of(reader, me, counting)?.ids(reader, None, None)?.into_iter().collect()),
        None => Ok(HashSet::new()),
    }
}

fn search_organizations(
    reader: Reader<'_>,
    (user, ask): (&UserRef, &Ask),
    (after, limit): (Option<OrganizationId>, u64),
) -> Result<SearchPage<Organization>> {
    let scope = CheckScope::of(reader)?;
    let catalog = reader.roles()?;
    let subject = checks::user(reader, user)?;
    let (Some((user, true)), Some(counting)) = (subject, ask.counting(&catalog)) else {
        return Ok(SearchPage::default());
    };
    let only = match scope {
        CheckScope::User(me) if me != user => Some(readable_organizations(reader, &catalog, me)?),
        CheckScope::Subtree(top) => Some(reader.view.and_below(&[top], None, None)?.into_iter().collect()),
        _ => None,
    };
    if only.as_ref().is_some_and(HashSet::is_empty) {
        return Ok(SearchPage::default());
    }
    let reach = Reach::of(reader, user, counting)?;
    let found = match only {
        Some(only) => paginate(reach.among(reader, &only)?, after, limit),
        None => page_with_total(reach.ids(reader, after, Some(limit.saturating_add(1)))?, reach.total(reader)?, limit),
    };
    let mut organizations = reader.view.organizations_by_id(&found.items)?;
    let items = found.items.iter().filter_map(|id| organizations.remove(id)).collect();
    Ok(SearchPage { items, total: found.total, more: found.more })
}

fn search_users(
    reader: Reader<'_>,
    (organization, ask): (&OrganizationRef, &Ask),
    (after, limit): (Option<UserId>, u64),
) -> Result<SearchPage<User>> {
    let scope = CheckScope::of(reader)?;
    let catalog = reader.roles()?;
    let line = checks::line(reader, organization)?;
    let (Some(line), Some(counting)) = (line.as_deref(), ask.counting(&catalog)) else {
        return Ok(SearchPage::default());
    };
    let only_me = match scope {
        CheckScope::Realm => None,
        CheckScope::Subtree(top) if line.contains(&top) => None,
        CheckScope::Subtree(_) => return Ok(SearchPage::default()),
        CheckScope::User(me) => {
            let held = held_at(reader, &[me], line)?;
            let roles =
                roles_of(&ways(line, catalog.reaching(), |place| held.iter().find(|held| held.organization == place)));
            let may = roles.intersects(catalog.granting(P::MembershipsRead.key()));
            (!may).then(|| (me, roles.intersects(counting.here)))
        }
    };
    let found = if let Some((me, holds)) = only_me {
        paginate(if holds { vec![me] } else { Vec::new() }, after, limit)
    } else {
        let holders = Holders::of(reader, line, counting)?;
        page_with_total(holders.ids(reader, after, Some(limit.saturating_add(1)))?, holders.total(reader)?, limit)
    };
    let mut users = reader.view.users_by_id(&found.items)?;
    let items = found.items.iter().filter_map(|id| users.remove(id)).collect();
    Ok(SearchPage { items, total: found.total, more: found.more })
}

impl Caller {
    /// All organizations that a user reaches, and how; `ask` narrows it to those where the user may do that. For the
    /// caller's own user, or with `users:read` at the root. By id.
    pub async fn reach(&self, user: impl Into<UserRef>, ask: Ask, page: Page) -> Result<Listed<ReachableOrganization>> {
        let user = user.into();
        self.read_graph(move |reader| {
            let user = reader.user(&user)?.allow_self_or(reader, P::UsersRead)?;
            let slice = page.slice("reach")?;
            let counting = ask.counting(&*reader.roles()?).filter(|_| user.is_active());
            let Some(counting) = counting else {
                return Ok(Listed { items: Vec::new(), total: page.total.then_some(0), next: None });
            };
            let reach = Reach::of(reader, user.id, counting)?;
            let after = slice.after.map(|mark| OrganizationId::from_raw(mark.id));
            let ids = reach.ids(reader, after, slice.limit)?;
            let total = if page.total { Some(reach.total(reader)?) } else { None };
            let items = reached(reader, &reach.held, &ids)?;
            Ok(page.close("reach", items, total, |one| Mark { key: Key::None, id: one.organization.id.raw() }))
        })
        .await
    }

    /// All active users who are members of an organization, or of one above with a role that reaches down, and how; `ask` narrows it to
    /// those who may do that. Rights as for [`Self::list_members`]. By id.
    pub async fn effective_members(
        &self,
        organization: impl Into<OrganizationRef>,
        ask: Ask,
        page: Page,
    ) -> Result<Listed<EffectiveMember>> {
        let organization = organization.into();
        self.read_graph(move |reader| {
            let place = reader.organization(&organization)?.allow_listing(reader)?;
            let slice = page.slice("effective")?;
            let line = reader.view.line_of(place.id)?;
            let (Some(line), Some(counting)) = (line.as_deref(), ask.counting(&*reader.roles()?)) else {
                return Ok(Listed { items: Vec::new(), total: page.total.then_some(0), next: None });
            };
            let after = slice.after.map(|mark| UserId::from_raw(mark.id));
            let holders = Holders::of(reader, line, counting)?;
            let ids = holders.ids(reader, after, slice.limit)?;
            let total = if page.total { Some(holders.total(reader)?) } else { None };
            let items = effective(reader, line, &ids)?;
            Ok(page.close("effective", items, total, |one| Mark { key: Key::None, id: one.user.id.raw() }))
        })
        .await
    }

    /// The organizations where a check of this user would be granted, by id, as far as this caller may ask. An unknown user has none.
    pub async fn search_organizations(
        &self,
        user: UserRef,
        ask: Ask,
        after: Option<OrganizationId>,
        limit: u64,
    ) -> Result<SearchPage<Organization>> {
        self.read_graph(move |reader| search_organizations(reader, (&user, &ask), (after, limit))).await
    }

    /// The users who would pass a check here, by id, as far as this caller may ask. An unknown organization has none.
    pub async fn search_users(
        &self,
        organization: OrganizationRef,
        ask: Ask,
        after: Option<UserId>,
        limit: u64,
    ) -> Result<SearchPage<User>> {
        self.read_graph(move |reader| search_users(reader, (&organization, &ask), (after, limit))).await
    }

    /// All roles that count for a user here, as far as this caller may ask. None if the user or the organization is unknown.
    pub async fn effective_roles(&self, user: UserRef, organization: OrganizationRef) -> Result<RoleSet> {
        self.read_graph(move |reader| {
            let scope = CheckScope::of(reader)?;
            let catalog = reader.roles()?;
            let subject = checks::user(reader, &user)?;
            let line = checks::line(reader, &organization)?;
            let (Some((user, true)), Some(line)) = (subject, line.as_deref()) else { return Ok(RoleSet::EMPTY) };
            let of = |user: UserId| {
                let held = held_at(reader, &[user], line)?;
                let ways = ways(line, catalog.reaching(), |place| held.iter().find(|held| held.organization == place));
                Ok::<_, crate::Error>(roles_of(&ways))
            };
            let may = match scope {
                CheckScope::Realm => true,
                CheckScope::Subtree(top) => line.contains(&top),
                CheckScope::User(me) => me == user || of(me)?.intersects(catalog.granting(P::MembershipsRead.key())),
            };
            if may { of(user) } else { Ok(RoleSet::EMPTY) }
        })
        .await
    }
}
