//! Lists: of users, of groups, of both.

use axum::response::Response;
use http::StatusCode;
use roster_engine::{
    Caller, DirectoryPage, DirectoryQuery, EntityId as _, Form, GroupNarrow, MembersWanted, OrganizationId,
    ProvisionedGroup, ProvisionedUser, UserId, UserNarrow,
};
use serde_json::{Map, Value};

use crate::answer::json;
use crate::error::Refusal;
use crate::filter::{Condition, Filter, Literal, Operator, Target, Term, Test, ValueFilter, sort_key};
use crate::map::roles::canonical_id;
use crate::map::{Links, groups, users};
use crate::query::{Query, Start};
use crate::roles;
use crate::schema::{Attribute, GROUPS, Place, ROLE_GROUPS, Resource, USERS};
use crate::selection::Selection;
use crate::wire::ListResponse;

/// Found, and shown.
pub(crate) struct Page {
    pub(crate) items: Vec<Shown>,
    pub(crate) total: u64,
    pub(crate) last: Option<i64>,
}

pub(crate) struct Shown {
    pub(crate) id: i64,
    pub(crate) key: Option<String>,
    pub(crate) resource: Map<String, Value>,
}

/// A string that every match must have as the value (or its prefix) of one core attribute.
fn required_text(filter: &Filter) -> Option<(&'static str, Operator, &str)> {
    let (attribute, test) = match filter {
        Filter::Term(Term { place: Place { extension: None, attribute }, sub, test })
            if sub.is_none_or(|sub| sub.name == "value" && attribute.name == "emails") =>
        {
            (attribute, test)
        }
        Filter::Within(Place { extension: None, attribute }, filter) if attribute.name == "emails" => {
            let parts = match &**filter {
                ValueFilter::And(parts) => parts.as_slice(),
                part => std::slice::from_ref(part),
            };
            let test = parts.iter().find_map(|part| match part {
                ValueFilter::Term(sub, test) if sub.name == "value" && is_equality(test) => Some(test),
                _ => None,
            });
            (attribute, test?)
        }
        _ => return None,
    };
    match test {
        Test::Compare(operator @ (Operator::Eq | Operator::Sw), Literal::Text { text, .. }) => {
            Some((attribute.name, *operator, text))
        }
        _ => None,
    }
}

const fn is_equality(test: &Test) -> bool {
    matches!(test, Test::Compare(Operator::Eq, _))
}

fn narrow_users(filter: &Filter) -> Option<UserNarrow> {
    let narrow = |part: &Filter| match required_text(part)? {
        ("id", Operator::Eq, text) => Some(UserNarrow::Id(text.to_owned())),
        ("userName", Operator::Eq, text) => Some(UserNarrow::UserName(text.to_owned())),
        ("externalId", Operator::Eq, text) => Some(UserNarrow::ExternalId(text.to_owned())),
        ("emails", Operator::Eq, text) if text.is_ascii() => Some(UserNarrow::Email(text.to_owned())),
        // A user without a name is shown by the id.
        ("userName", Operator::Sw, text) if !could_begin_an_id(text) => Some(UserNarrow::Beginning(text.to_owned())),
        _ => None,
    };
    filter.conjuncts().iter().find_map(narrow)
}

fn could_begin_an_id(prefix: &str) -> bool {
    let prefix = prefix.to_ascii_lowercase();
    "usr_".starts_with(&prefix) || prefix.starts_with("usr_")
}

fn narrow_groups(filter: &Filter) -> Option<GroupNarrow> {
    let narrow = |part: &Filter| match required_text(part)? {
        ("id", Operator::Eq, text) => Some(GroupNarrow::Id(text.to_owned())),
        ("displayName", Operator::Eq, text) => Some(GroupNarrow::Name(text.to_owned())),
        ("displayName", Operator::Sw, text) if !text.is_empty() => Some(GroupNarrow::Beginning(text.to_owned())),
        ("externalId", Operator::Eq, text) => Some(GroupNarrow::ExternalId(text.to_owned())),
        _ => None,
    };
    filter.conjuncts().iter().find_map(narrow)
}

/// The filter of a list. Imported ids of other vendors are replaced by those that are shown here.
pub(crate) async fn filter_of(
    caller: &Caller,
    links: &Links,
    query: &Query,
    of: &'static Resource,
    elsewhere: &[&'static Resource],
) -> Result<Option<Filter>, Refusal> {
    let Some(mut filter) = query.filter(of, elsewhere)? else { return Ok(None) };
    let is_group = |holder: &Attribute| holder.name == "groups" || (holder.name == "id" && of.name == GROUPS.name);
    if links.is_of_roles() {
        let catalog = caller.roles();
        filter.each_id(&mut |holder, id| {
            if let Some(normal) = canonical_id(id, &catalog).filter(|_| is_group(holder)) {
                *id = normal;
            }
        });
    }
    let (mut users, mut groups) = (Vec::new(), Vec::new());
    filter.each_id(&mut |holder, id| {
        if !is_shown(id) {
            let names = if is_group(holder) { &mut groups } else { &mut users };
            names.push(id.clone());
        }
    });
    if users.is_empty() && groups.is_empty() {
        return Ok(Some(filter));
    }
    let (users, groups) = caller.provisioned_ids(users, groups).await?;
    filter.each_id(&mut |holder, id| {
        let meant = if is_group(holder) {
            groups.get(id.as_str()).map(|meant| meant.native())
        } else {
            users.get(id.as_str()).map(|meant| meant.native())
        };
        if let Some(meant) = meant {
            *id = meant;
        }
    });
    Ok(Some(filter))
}

/// Whether the id has the form in which ids are shown.
fn is_shown(id: &str) -> bool {
    Form::Native.read::<UserId>(id).is_some() || Form::Native.read::<OrganizationId>(id).is_some()
}

/// Whether a filter uses one of these attributes.
fn asks_for(filter: &Filter, names: &[&str]) -> bool {
    let mut asks = false;
    filter.each(&mut |condition| asks |= names.contains(&condition.place().attribute.name));
    asks
}

/// The members needed to evaluate a filter: if it only tests whether certain users are members, these; else all.
pub(crate) fn deciding_members(filter: &Filter) -> MembersWanted {
    let mut named: Vec<UserId> = Vec::new();
    let (mut any, mut all, mut shown) = (false, false, false);
    let mut name = |test: &Test| match test {
        Test::Compare(Operator::Eq, Literal::Text { text, .. }) => {
            named.extend(Form::read_any::<UserId>(text));
            true
        }
        _ => false,
    };
    filter.each(&mut |condition| {
        if !matches!(condition.place().attribute.name, "members" | "memberRoles") {
            return;
        }
        any = true;
        if let Condition::Term(term) = condition {
            shown |= term.sub.is_some_and(|sub| sub.name == "display");
            let by_value = term.sub.is_none_or(|sub| sub.name == "value");
            all |= !(by_value && name(&term.test));
        }
        if let Condition::Within(_, within) = condition {
            within.each_term(&mut |sub, _| shown |= sub.name == "display");
            let parts = match within {
                ValueFilter::And(parts) => parts.as_slice(),
                other => std::slice::from_ref(other),
            };
            let mut decides =
                |part: &ValueFilter| matches!(part, ValueFilter::Term(sub, test) if sub.name == "value" && name(test));
            let decided = parts.iter().filter(|part| decides(part)).count() > 0;
            all |= !decided;
        }
    });
    match (any, shown, all) {
        (false, ..) => MembersWanted::None,
        (_, true, _) => MembersWanted::Shown,
        (_, _, true) => MembersWanted::All,
        _ => MembersWanted::Of(named),
    }
}

/// The members that a selection shows.
pub(crate) fn shown_members(selection: &Selection) -> MembersWanted {
    if selection.names("members", "display") {
        MembersWanted::Shown
    } else if selection.shows_named("members")
        || selection.names(MEMBER_ROLES, "role")
        || selection.names(MEMBER_ROLES, "value")
    {
        MembersWanted::All
    } else {
        MembersWanted::None
    }
}

const MEMBER_ROLES: &str = "urn:roster:scim:schemas:extension:1.0:Group:memberRoles";

type Sort<T> = Option<Box<dyn Fn(&T) -> Option<String> + Send + Sync>>;

fn sort_of<T: 'static>(
    target: Option<&Target>,
    show: impl Fn(&T) -> Map<String, Value> + Send + Sync + 'static,
) -> Sort<T> {
    let target = target?.clone();
    Some(Box::new(move |item| sort_key(&target.place, target.sub, &show(item))))
}

/// A user as filters see him: active if `active` is absent because it was removed.
fn as_filtered(mut user: Map<String, Value>) -> Map<String, Value> {
    user.entry("active").or_insert(Value::Bool(true));
    user
}

pub(crate) async fn users_page(
    caller: &Caller,
    links: &Links,
    query: &Query,
    start: Start,
    elsewhere: &[&'static Resource],
) -> Result<Page, Refusal> {
    let filter = filter_of(caller, links, query, &USERS, elsewhere).await?;
    let target = query.sort(&USERS, elsewhere)?;
    let sorted = query.sort_by.is_some();
    let show = {
        let (roles, links) = (caller.roles(), links.clone());
        move |user: &ProvisionedUser| users::user(user, &roles, &links)
    };
    let sorts_by_groups =
        target.as_ref().is_some_and(|target| matches!(target.place.attribute.name, "groups" | "meta"));
    let mut asked = DirectoryQuery::<ProvisionedUser, UserNarrow> {
        narrow: filter.as_ref().and_then(narrow_users),
        with_groups: sorts_by_groups || filter.as_ref().is_some_and(|filter| asks_for(filter, &["groups", "meta"])),
        sort: sort_of(target.as_ref(), show.clone()),
        descending: query.descending,
        offset: start.offset,
        after: start.after,
        limit: query.count,
        ..DirectoryQuery::default()
    };
    if sorted && asked.sort.is_none() {
        asked.sort = Some(Box::new(|_| None));
    }
    if let Some(filter) = filter {
        let show = show.clone();
        asked.keep = Some(Box::new(move |user| filter.fits(&as_filtered(show(user)))));
    }
    let found: DirectoryPage<ProvisionedUser> = caller.list_provisioned_users(asked).await?;
    let selection = query.selection(&USERS);
    let item = |user: &ProvisionedUser| {
        let whole = show(user);
        let key = target.as_ref().and_then(|target| sort_key(&target.place, target.sub, &whole));
        Shown { id: user.user.id.raw(), key, resource: selection.show(&whole) }
    };
    Ok(Page { items: found.items.iter().map(item).collect(), total: found.total, last: found.last })
}

pub(crate) async fn groups_page(
    caller: &Caller,
    links: &Links,
    query: &Query,
    start: Start,
    elsewhere: &[&'static Resource],
) -> Result<Page, Refusal> {
    if links.is_of_roles() {
        return roles::page(caller, links, query, start, elsewhere).await;
    }
    let filter = filter_of(caller, links, query, &GROUPS, elsewhere).await?;
    let target = query.sort(&GROUPS, elsewhere)?;
    let sorted = query.sort_by.is_some();
    let show = {
        let (links, roles) = (links.clone(), caller.roles());
        move |group: &ProvisionedGroup| groups::group(group, &roles, &links)
    };
    let mut members = filter.as_ref().map_or(MembersWanted::None, deciding_members);
    if target.as_ref().is_some_and(|target| matches!(target.place.attribute.name, "members" | "memberRoles")) {
        members = MembersWanted::Shown;
    }
    let mut asked = DirectoryQuery::<ProvisionedGroup, GroupNarrow> {
        narrow: filter.as_ref().and_then(narrow_groups),
        members,
        sort: sort_of(target.as_ref(), show.clone()),
        descending: query.descending,
        offset: start.offset,
        after: start.after,
        limit: query.count,
        ..DirectoryQuery::default()
    };
    if sorted && asked.sort.is_none() {
        asked.sort = Some(Box::new(|_| None));
    }
    if let Some(filter) = filter {
        let show = show.clone();
        asked.keep = Some(Box::new(move |group| filter.fits(&show(group))));
    }
    let selection = query.selection(&GROUPS);
    let found = caller.list_provisioned_groups(asked, shown_members(&selection)).await?;
    let item = |group: &ProvisionedGroup| {
        let whole = show(group);
        let key = target.as_ref().and_then(|target| sort_key(&target.place, target.sub, &whole));
        Shown { id: group.organization.id.raw(), key, resource: selection.show(&whole) }
    };
    Ok(Page { items: found.items.iter().map(item).collect(), total: found.total, last: found.last })
}

/// Users and groups, merged in one order.
pub(crate) async fn both(caller: &Caller, links: &Links, query: &Query, start: Start) -> Result<Page, Refusal> {
    let whole = Query { count: start.offset.saturating_add(query.count), ..query.clone() };
    let from = Start { after: start.after, offset: 0 };
    let groups: &[&'static Resource] = if links.is_of_roles() { &[&ROLE_GROUPS] } else { &[&GROUPS] };
    let users = users_page(caller, links, &whole, from, groups).await?;
    let groups = groups_page(caller, links, &whole, from, &[&USERS]).await?;
    let more = users.last.is_some() || groups.last.is_some();
    let mut items: Vec<Shown> = users.items.into_iter().chain(groups.items).collect();
    items.sort_by(|a, b| {
        let by_key = match (&a.key, &b.key) {
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        let by_key = if query.descending { by_key.reverse() } else { by_key };
        by_key.then(a.id.cmp(&b.id))
    });
    let mut items: Vec<Shown> = items.into_iter().skip(usize::try_from(start.offset).unwrap_or(usize::MAX)).collect();
    let count = usize::try_from(query.count).unwrap_or(usize::MAX);
    let more = more || items.len() > count;
    items.truncate(count);
    let last = items.last().filter(|_| more).map(|item| item.id);
    Ok(Page { items, total: users.total + groups.total, last })
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Users,
    Groups,
    Both,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Both => "both",
        }
    }
}

pub(crate) async fn list(caller: &Caller, links: &Links, query: &Query, kind: Kind) -> Result<Response, Refusal> {
    let start = query.start(kind.word(), caller).await?;
    // Role groups have no ids of their own to continue from, and a list of both kinds has no single order by id.
    let by_place = kind != Kind::Users && links.is_of_roles();
    let page = match kind {
        Kind::Users => users_page(caller, links, query, start, &[]).await?,
        Kind::Groups => groups_page(caller, links, query, start, &[]).await?,
        Kind::Both => both(caller, links, query, start).await?,
    };
    answer(caller, query, kind.word(), start, by_place, page).await
}

/// A page in its envelope.
async fn answer(
    caller: &Caller,
    query: &Query,
    kind: &str,
    start: Start,
    by_place: bool,
    page: Page,
) -> Result<Response, Refusal> {
    let by_cursor = query.cursor.is_some();
    let next = match page.last.filter(|_| by_cursor && query.count > 0) {
        Some(last) => {
            let counts = query.sort_by.is_some() || by_place;
            let next = if counts {
                Start { after: None, offset: start.offset + page.items.len() as u64 }
            } else {
                Start { after: Some(last), offset: 0 }
            };
            Some(query.next_cursor(kind, caller, next).await?)
        }
        None => None,
    };
    let resources: Vec<Map<String, Value>> = page.items.into_iter().map(|item| item.resource).collect();
    let list = ListResponse::new(page.total, (!by_cursor).then_some(query.start_index), next, resources);
    Ok(json(StatusCode::OK, &list))
}
