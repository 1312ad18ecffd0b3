//! Lists of a domain's users and groups, filtered by conditions in the directory's own language.
//!
//! A condition is a function. If it implies something that an index can find, the caller says that too ([`UserNarrow`], [`GroupNarrow`]),
//! and only what is found that way is examined; else the whole domain is scanned, in one view.

use std::collections::HashMap;
use std::sync::Arc;

use roster_model::{AddressKind, EntityId as _, OrganizationId, User, UserId, text};
use roster_store::list::{Key, Mark, Slice};
use roster_store::{OrganizationFilter, OrganizationSort, OrganizationState};

use super::groups::{self, MembersWanted, ProvisionedGroup};
use super::readable_domain;
use super::users::{self, ProvisionedUser};
use crate::access::{Allowed, Domain};
use crate::actor::Caller;
use crate::error::Result;
use crate::reference::{OrganizationRef, UserRef};
use crate::transaction::Reader;

/// How many entities are read at once.
const BATCH: u64 = 512;

/// A property that all users looked for have, to narrow the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserNarrow {
    Id(String),
    UserName(String),
    /// The beginning of the user name.
    Beginning(String),
    ExternalId(String),
    /// One of the user's addresses, or of those in the directory's document. ASCII only: other characters are folded differently by directories
    /// and here.
    Email(String),
}

/// A property that all groups looked for have, to narrow the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupNarrow {
    Id(String),
    Name(String),
    /// The beginning of the name.
    Beginning(String),
    ExternalId(String),
}

type Keep<T> = Box<dyn Fn(&T) -> bool + Send + Sync>;
type SortKey<T> = Box<dyn Fn(&T) -> Option<String> + Send + Sync>;

/// Which users or groups to list, and in which order.
pub struct DirectoryQuery<T, N> {
    /// `None`: all are examined.
    pub narrow: Option<N>,
    pub keep: Option<Keep<T>>,
    /// The sort key, as a text; by id if it isn't given. Items without a key come last, or first if descending.
    pub sort: Option<SortKey<T>>,
    pub descending: bool,
    /// How many of the matches to skip.
    pub offset: u64,
    /// Continue after this id; only without `sort`.
    pub after: Option<i64>,
    pub limit: u64,
    /// Whether the condition needs the users' groups.
    pub with_groups: bool,
    /// Which members of groups the condition needs.
    pub members: MembersWanted,
}

impl<T, N> Default for DirectoryQuery<T, N> {
    fn default() -> Self {
        Self {
            narrow: None,
            keep: None,
            sort: None,
            descending: false,
            offset: 0,
            after: None,
            limit: 100,
            with_groups: false,
            members: MembersWanted::None,
        }
    }
}

impl<T, N: std::fmt::Debug> std::fmt::Debug for DirectoryQuery<T, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectoryQuery")
            .field("narrow", &self.narrow)
            .field("offset", &self.offset)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// A part of a list, and the total.
#[derive(Clone, Debug)]
pub struct DirectoryPage<T> {
    pub items: Vec<T>,
    pub total: u64,
    /// The id of the last item, if more follow.
    pub last: Option<i64>,
}

/// Collects one page of matches while scanning a list by id.
struct Walk<T> {
    found: Vec<T>,
    total: u64,
    /// How many matches are still to be skipped.
    skip: u64,
    limit: u64,
    after: i64,
}

impl<T> Walk<T> {
    fn new<N>(query: &DirectoryQuery<T, N>) -> Self {
        // To sort, all matches are needed.
        let (skip, limit) = if query.sort.is_some() { (0, u64::MAX) } else { (query.offset, query.limit) };
        Self { found: Vec::new(), total: 0, skip, limit, after: query.after.unwrap_or_default() }
    }

    fn visit(&mut self, item: T, id: i64, keep: Option<&Keep<T>>) {
        if keep.is_some_and(|keep| !keep(&item)) {
            return;
        }
        self.total += 1;
        if id <= self.after {
            return;
        }
        if self.skip > 0 {
            self.skip -= 1;
        } else if (self.found.len() as u64) < self.limit.saturating_add(1) {
            self.found.push(item);
        }
    }

    /// The page. `id` returns an item's id.
    fn page<N>(mut self, query: &DirectoryQuery<T, N>, id: impl Fn(&T) -> i64) -> DirectoryPage<T> {
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        if let Some(sort) = &query.sort {
            let mut keyed: Vec<_> = self.found.into_iter().map(|item| (sort(&item), id(&item), item)).collect();
            keyed.sort_by(|(a, a_id, _), (b, b_id, _)| {
                let by_key = match (a, b) {
                    (Some(a), Some(b)) => a.cmp(b),
                    (a, b) => b.is_some().cmp(&a.is_some()),
                };
                let by_key = if query.descending { by_key.reverse() } else { by_key };
                by_key.then(a_id.cmp(b_id))
            });
            let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
            self.found = keyed.into_iter().skip(offset).map(|(_, _, item)| item).collect();
        }
        let more = self.found.len() > limit;
        self.found.truncate(limit);
        let last = self.found.last().filter(|_| more).map(id);
        DirectoryPage { items: self.found, total: self.total, last }
    }
}

fn narrowed_users(reader: Reader<'_>, domain: &Allowed<Domain>, narrow: &UserNarrow) -> Result<Vec<User>> {
    let of_ids = |ids: Vec<UserId>| reader.view.users_in_order(&ids);
    let found = match narrow {
        UserNarrow::Id(id) => {
            UserRef::Text(id.clone()).find(reader.view, reader.acting.surface, None)?.into_iter().collect()
        }
        UserNarrow::UserName(name) => users::user_name_candidates(reader, domain, name)?,
        UserNarrow::Beginning(prefix) => of_ids(reader.view.users_beginning(prefix)?)?,
        UserNarrow::ExternalId(external_id) => {
            let subjects = reader.view.directory_subjects(domain.id(), external_id)?;
            of_ids(subjects.into_iter().filter_map(roster_model::LinkSubject::user).collect())?
        }
        UserNarrow::Email(email) => {
            let mut found = of_ids(reader.view.directory_users_at(domain.id(), email)?)?;
            if let Ok(address) = text::email(email) {
                found.extend(reader.view.user_by_address(AddressKind::Email, &address)?);
            }
            found
        }
    };
    let mut found = users::visible_to_domain(reader, domain, found)?;
    found.sort_by_key(|user| user.id);
    found.dedup_by_key(|user| user.id);
    Ok(found)
}

fn list_users(
    reader: Reader<'_>,
    query: &DirectoryQuery<ProvisionedUser, UserNarrow>,
) -> Result<DirectoryPage<ProvisionedUser>> {
    let domain = readable_domain(reader)?;
    let id = |user: &ProvisionedUser| user.user.id.raw();
    let mut walk = Walk::new(query);
    if let Some(narrow) = &query.narrow {
        let found = narrowed_users(reader, &domain, narrow)?;
        for user in users::load(reader, &domain, found, true)? {
            let id = id(&user);
            walk.visit(user, id, query.keep.as_ref());
        }
        return Ok(walk.page(query, id));
    }
    if query.keep.is_none() && query.sort.is_none() {
        // Without a condition, the store counts and pages.
        let total = reader.view.count_domain_users(domain.bounded(), reader.now())?;
        let slice = slice(query.after, query.offset, query.limit.saturating_add(1));
        let found = reader.view.list_domain_users(domain.bounded(), reader.now(), &slice)?;
        walk.found = users::load(reader, &domain, found, true)?;
        walk.total = total;
        return Ok(walk.page(query, id));
    }
    let mut after = None;
    loop {
        let found = reader.view.list_domain_users(domain.bounded(), reader.now(), &slice(after, 0, BATCH))?;
        let Some(last) = found.last().map(|user| user.id.raw()) else { break };
        after = Some(last);
        for user in users::load(reader, &domain, found, query.with_groups)? {
            let id = id(&user);
            walk.visit(user, id, query.keep.as_ref());
        }
    }
    let mut page = walk.page(query, id);
    if !query.with_groups {
        let users = page.items.into_iter().map(|user| user.user).collect();
        page.items = users::load(reader, &domain, users, true)?;
    }
    Ok(page)
}

fn slice(after: Option<i64>, offset: u64, limit: u64) -> Slice {
    let after = after.map(|id| Mark { key: Key::None, id });
    Slice { after, offset, limit: Some(limit), descending: false }
}

fn narrowed_groups(reader: Reader<'_>, domain: &Domain, narrow: &GroupNarrow) -> Result<Vec<OrganizationId>> {
    let mut found = match narrow {
        GroupNarrow::Id(id) => OrganizationRef::Text(id.clone())
            .find(reader.view, reader.acting.surface)?
            .map(|organization| organization.id)
            .into_iter()
            .collect(),
        GroupNarrow::Name(name) => reader.view.organizations_named(name)?.into_iter().map(|o| o.id).collect(),
        GroupNarrow::Beginning(prefix) => reader.view.organizations_beginning(prefix)?,
        GroupNarrow::ExternalId(external_id) => {
            let subjects = reader.view.directory_subjects(domain.id(), external_id)?;
            let organization = |subject| match subject {
                roster_model::LinkSubject::Organization(id) => Some(id),
                roster_model::LinkSubject::User(_) => None,
            };
            subjects.into_iter().filter_map(organization).collect()
        }
    };
    found.sort_unstable();
    let mut seen = Vec::with_capacity(found.len());
    for id in found {
        if domain.holds(reader, id)? {
            seen.push(id);
        }
    }
    Ok(seen)
}

fn list_groups(
    reader: Reader<'_>,
    query: &DirectoryQuery<ProvisionedGroup, GroupNarrow>,
    answer: &MembersWanted,
) -> Result<DirectoryPage<ProvisionedGroup>> {
    let domain = readable_domain(reader)?;
    let id = |group: &ProvisionedGroup| group.organization.id.raw();
    let mut walk = Walk::new(query);
    if let Some(narrow) = &query.narrow {
        let ids = narrowed_groups(reader, &domain, narrow)?;
        let found = reader.view.organizations_in_order(&ids)?;
        for group in groups::load(reader, &domain, found, &query.members)? {
            let id = id(&group);
            walk.visit(group, id, query.keep.as_ref());
        }
    } else {
        let filter = OrganizationFilter {
            within: domain.bounded(),
            state: Some(OrganizationState::NotDeleted),
            ..OrganizationFilter::default()
        };
        let plain = query.keep.is_none() && query.sort.is_none();
        let mut after = if plain { query.after } else { None };
        loop {
            let batch =
                if plain { slice(after, query.offset, query.limit.saturating_add(1)) } else { slice(after, 0, BATCH) };
            let found = reader.view.list_organizations(&filter, OrganizationSort::Id, &batch)?;
            let Some(last) = found.last().map(|organization| organization.id.raw()) else { break };
            after = Some(last);
            let found = groups::load(reader, &domain, found, &query.members)?;
            if plain {
                walk.found = found;
                break;
            }
            for group in found {
                let id = id(&group);
                walk.visit(group, id, query.keep.as_ref());
            }
        }
        if plain {
            walk.total = reader.view.count_organizations(&filter)?;
        }
    }
    let mut page = walk.page(query, id);
    if *answer != query.members {
        let organizations = page.items.into_iter().map(|group| group.organization).collect();
        page.items = groups::load(reader, &domain, organizations, answer)?;
    }
    Ok(page)
}

impl Caller {
    /// The users of the domain. Needs the rights to read as a directory.
    pub async fn list_provisioned_users(
        &self,
        query: DirectoryQuery<ProvisionedUser, UserNarrow>,
    ) -> Result<DirectoryPage<ProvisionedUser>> {
        // A condition or a sort key requires a scan of all users, which is left to the database.
        let plain = query.keep.is_none() && query.sort.is_none();
        if plain || matches!(query.narrow, Some(UserNarrow::Id(_))) {
            let query = Arc::new(query);
            self.read_graph(move |reader| list_users(reader, &query)).await
        } else {
            self.read(move |reader| list_users(reader, &query)).await
        }
    }

    /// The users and groups with these names: ids in any form, or aliases. Those that aren't in the domain are left out. Needs the rights to read
    /// as a directory.
    pub async fn provisioned_ids(
        &self,
        users: Vec<String>,
        groups: Vec<String>,
    ) -> Result<(HashMap<String, UserId>, HashMap<String, OrganizationId>)> {
        self.read(move |reader| {
            let domain = readable_domain(reader)?;
            let (mut user_ids, mut group_ids) = (HashMap::new(), HashMap::new());
            for name in users {
                let found = narrowed_users(reader, &domain, &UserNarrow::Id(name.clone()))?;
                user_ids.extend(found.first().map(|user| (name, user.id)));
            }
            for name in groups {
                let found = narrowed_groups(reader, &domain, &GroupNarrow::Id(name.clone()))?;
                group_ids.extend(found.first().map(|id| (name, *id)));
            }
            Ok((user_ids, group_ids))
        })
        .await
    }

    /// The groups of the domain, with the members that `answer` selects. Needs the rights to read as a directory.
    pub async fn list_provisioned_groups(
        &self,
        query: DirectoryQuery<ProvisionedGroup, GroupNarrow>,
        answer: MembersWanted,
    ) -> Result<DirectoryPage<ProvisionedGroup>> {
        self.read(move |reader| list_groups(reader, &query, &answer)).await
    }
}
