//! Sorted lists of people of one organization that are built when they are first requested, and cached while they are
//! in use. Changes update them; a change that would affect much of a list at once drops it.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use roster_model::{EntityId, LinkSubject, OrganizationId, RoleSet, UserId};

use crate::graph::Graph;
use crate::members::last_key;
use crate::order::{Order, Start, part_of};

/// Capacity of the cache: people in all lists together, at four bytes each. The least recently used list is evicted
/// first.
const CACHE_MAX: usize = 4 << 20;
/// A list's overhead, in people.
const OVERHEAD: usize = 64;
/// The size of a pair of sets of roles, in people.
const PAIR_WEIGHT: usize = size_of::<(RoleSet, RoleSet)>() / 4;
/// Most lists of one organization: each is compared on a request, and checked when a member changes. Clients can ask
/// for any number of sets of roles.
const LISTS_MAX: usize = 32;
/// A list that takes no more than so many steps is built on each request.
const UNCACHED_STEPS: usize = 64;

/// Which people of an organization, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum People {
    /// Its members, members of organizations below it, and users linked to its directory: by id.
    Domain,
    /// Its members, by when their users were created.
    Users,
    /// Its members who hold, for one of the pairs, a role of the first set and none of the second: by membership. Use
    /// [`Self::holders`].
    Holders(Vec<(RoleSet, RoleSet)>),
}

impl People {
    /// Normalizes the pairs, so that their order and repetitions make no difference.
    pub fn holders(mut pairs: Vec<(RoleSet, RoleSet)>) -> Self {
        pairs.sort_unstable_by_key(|(one_of, none_of)| (one_of.bits(), none_of.bits()));
        pairs.dedup();
        Self::Holders(pairs)
    }
}

/// The sort key: a time in milliseconds, or 0 if the order is by id alone, and an id.
type Key = (i64, i64);

#[derive(Debug)]
struct CachedList {
    which: People,
    order: Order<Key, u32>,
    /// The cache's clock at its last use.
    last_used: u64,
}

impl CachedList {
    /// Its size, in people.
    fn weight(&self) -> usize {
        let pairs = match &self.which {
            People::Domain | People::Users => 0,
            People::Holders(pairs) => pairs.len(),
        };
        self.order.len() + pairs * PAIR_WEIGHT + OVERHEAD
    }
}

/// Lists by the number of their organization.
#[derive(Debug, Default)]
pub(crate) struct ListCache {
    lists: HashMap<u32, Vec<CachedList>>,
    /// Counts requests; the value at a list's last use tells how recent that was.
    clock: u64,
}

impl ListCache {
    fn find(&mut self, place: u32, which: &People) -> Option<&Order<Key, u32>> {
        let list = self.lists.get_mut(&place)?.iter_mut().find(|list| list.which == *which)?;
        self.clock += 1;
        list.last_used = self.clock;
        Some(&list.order)
    }

    fn put(&mut self, place: u32, which: &People, order: Order<Key, u32>) {
        if self.find(place, which).is_some() {
            return;
        }
        self.clock += 1;
        let list = CachedList { which: which.clone(), order, last_used: self.clock };
        let lists = self.lists.entry(place).or_default();
        if lists.len() >= LISTS_MAX {
            let oldest = lists.iter().map(|list| list.last_used).min();
            lists.retain(|list| Some(list.last_used) != oldest);
        }
        lists.push(list);
        let weight = |cache: &Self| cache.lists.values().flatten().map(CachedList::weight).sum::<usize>();
        while weight(self) > CACHE_MAX && self.lists.values().flatten().nth(1).is_some() {
            let oldest = self.lists.values().flatten().map(|list| list.last_used).min();
            self.retain(|_, list| Some(list.last_used) != oldest);
        }
    }

    fn retain(&mut self, stays: impl Fn(u32, &CachedList) -> bool) {
        self.lists.retain(|place, lists| {
            lists.retain(|list| stays(*place, list));
            !lists.is_empty()
        });
    }
}

/// Updates of cached lists.
impl Graph {
    fn key_in(&self, place: u32, which: &People, person: u32) -> Key {
        let user = &self.people[person as usize];
        match which {
            People::Domain => (0, user.id.raw()),
            People::Users => (user.created.as_ms(), user.id.raw()),
            People::Holders(_) => {
                let member = self.places[place as usize].members.get(person);
                (0, member.map_or_else(last_key, |member| member.membership).raw())
            }
        }
    }

    fn belongs(&self, place: u32, which: &People, person: u32) -> bool {
        let (user, member) = (&self.people[person as usize], self.places[place as usize].members.get(person));
        match which {
            People::Domain => {
                let domain = &self.places[place as usize];
                self.links.has(domain.id, user.id.raw())
                    || if user.places.len() <= domain.below as usize {
                        user.places.iter().any(|at| self.upward(*at).any(|above| above == place))
                    } else {
                        self.downward(place).iter().any(|at| self.places[*at as usize].members.get(person).is_some())
                    }
            }
            People::Users => member.is_some(),
            People::Holders(pairs) => member.is_some_and(|member| {
                let held = self.role_sets.get(member.roles);
                pairs.iter().any(|(one_of, none_of)| held.intersects(*one_of) && !held.intersects(*none_of))
            }),
        }
    }

    /// To be called before something changes about a person at these organizations: removes the person from all
    /// lists that this may concern. Afterwards [`Self::join_cached_lists`] adds the person to those that
    /// they belong in.
    pub(crate) fn leave_cached_lists(&mut self, person: u32, places: &[u32]) {
        self.each_cached_list(places, |graph, place, list| {
            let key_of = |other| graph.key_in(place, &list.which, other);
            list.order.remove(key_of(person), key_of);
        });
    }

    pub(crate) fn join_cached_lists(&mut self, person: u32, places: &[u32]) {
        self.each_cached_list(places, |graph, place, list| {
            let key_of = |other| graph.key_in(place, &list.which, other);
            let key = key_of(person);
            if graph.belongs(place, &list.which, person) && !list.order.has(key, key_of) {
                list.order.insert(key, person, key_of);
            }
        });
    }

    /// Visits the lists of these organizations, and of domains above them.
    fn each_cached_list(&mut self, places: &[u32], mut change: impl FnMut(&Self, u32, &mut CachedList)) {
        let cache = self.list_cache.get_mut().unwrap_or_else(PoisonError::into_inner);
        if cache.lists.is_empty() {
            return;
        }
        let mut cache = std::mem::take(cache);
        for place in places {
            for at in self.upward(*place) {
                let lists = cache.lists.get_mut(&at).into_iter().flatten();
                for list in lists.filter(|list| at == *place || list.which == People::Domain) {
                    change(self, at, list);
                }
            }
        }
        self.list_cache = Mutex::new(cache);
    }

    /// The organizations where a person is a member, or linked.
    pub(crate) fn affected_places(&self, person: u32) -> Vec<u32> {
        let user = &self.people[person as usize];
        let domains =
            self.links.domains_of(user.id.raw()).filter_map(|domain| self.organizations.get(&domain).copied());
        user.places.iter().copied().chain(domains).collect()
    }

    /// Drops the lists of the domains that include an organization, since it is added or removed with all its members.
    pub(crate) fn drop_domain_lists_above(&mut self, place: u32) {
        let above: Vec<u32> = self.upward(place).collect();
        let cache = self.list_cache.get_mut().unwrap_or_else(PoisonError::into_inner);
        cache.retain(|at, list| list.which != People::Domain || !above.contains(&at));
    }

    /// Drops the lists of organizations that are deleted.
    pub(crate) fn drop_lists_of(&mut self, gone: &[u32]) {
        let cache = self.list_cache.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !cache.lists.is_empty() {
            for place in gone {
                cache.lists.remove(place);
            }
        }
    }

    /// Builds a list, and counts the steps; `None` if it takes more than `step_limit`.
    fn gather(&self, place: u32, which: &People, step_limit: usize) -> Option<(Order<Key, u32>, usize)> {
        let domain = *which == People::Domain;
        let places = if !domain {
            vec![place]
        } else if self.places[place as usize].below as usize <= step_limit {
            self.downward(place)
        } else {
            return None;
        };
        let members = places.iter().map(|place| self.places[*place as usize].members.len()).sum::<usize>();
        let links = || self.links.subjects_in(self.places[place as usize].id).filter(|_| domain);
        let steps = places.len() + members + links().take(step_limit.saturating_add(1)).count();
        if steps > step_limit {
            return None;
        }
        let linked = links().filter_map(|subject| self.users.get(&LinkSubject::from_raw(subject)?.user()?).copied());
        let members = places.iter().flat_map(|place| self.places[*place as usize].members.all());
        let all = members.map(|member| member.person).chain(linked);
        let belong = all.filter(|person| domain || self.belongs(place, which, *person));
        let mut people: Vec<(Key, u32)> = belong.map(|person| (self.key_in(place, which, person), person)).collect();
        people.sort_unstable();
        people.dedup();
        Some((Order::of_sorted(people), steps))
    }
}

/// Queries.
impl Graph {
    /// Uses a list, which is built if it isn't cached and takes no more steps than `step_limit`. The graph doesn't
    /// change meanwhile, and the cache isn't locked while a list is built.
    fn with_list<T>(
        &self,
        organization: OrganizationId,
        which: &People,
        step_limit: usize,
        ask: impl FnOnce(u32, &Order<Key, u32>) -> T,
    ) -> Option<T> {
        let place = *self.organizations.get(&organization)?;
        let cache = || self.list_cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(order) = cache().find(place, which) {
            return Some(ask(place, order));
        }
        let (order, steps) = self.gather(place, which, step_limit)?;
        let answer = ask(place, &order);
        if steps > UNCACHED_STEPS {
            cache().put(place, which, order);
        }
        Some(answer)
    }

    /// Those of `more` who aren't in the list, as another list.
    fn beside(&self, order: &Order<Key, u32>, more: &[UserId], key_of: impl Fn(u32) -> Key) -> Order<Key, u32> {
        let numbers = more.iter().filter_map(|user| self.users.get(user).copied());
        let mut beside: Vec<(Key, u32)> = numbers.map(|number| (key_of(number), number)).collect();
        beside.retain(|(key, _)| !order.has(*key, &key_of));
        beside.sort_unstable();
        beside.dedup();
        Order::of_sorted(beside)
    }

    /// The number of people in a list and `more` together, each counted once. `None`: the list isn't cached, and
    /// building it takes more steps than `step_limit`.
    pub fn people_count(
        &self,
        organization: OrganizationId,
        which: &People,
        more: &[UserId],
        step_limit: usize,
    ) -> Option<usize> {
        self.with_list(organization, which, step_limit, |place, order| {
            order.len() + self.beside(order, more, |person| self.key_in(place, which, person)).len()
        })
    }

    /// A page of a list merged with `more`, as the ids that it is sorted by.
    pub fn people<I: EntityId>(
        &self,
        organization: OrganizationId,
        which: &People,
        more: &[UserId],
        start: Start<Key>,
        (limit, step_limit): (usize, usize),
    ) -> Option<Vec<I>> {
        self.with_list(organization, which, step_limit, |place, order| {
            let key_of = |person| self.key_in(place, which, person);
            let beside = self.beside(order, more, key_of);
            let found = part_of(&[order, &beside], start, None, limit, key_of);
            found.into_iter().map(|person| I::from_raw(key_of(person).1)).collect()
        })
    }

    /// This organization and those below it that may have pending invitations.
    pub fn inviting(&self, top: OrganizationId) -> Vec<OrganizationId> {
        let Some(top) = self.organizations.get(&top).copied() else { return Vec::new() };
        // The smaller set is searched.
        if (self.places[top as usize].below as usize) < self.pending.len() {
            let below = self.downward(top).into_iter().map(|place| self.places[place as usize].id);
            return below.filter(|id| self.may_have_pending(*id)).collect();
        }
        let below = |id: &OrganizationId| {
            let place = self.organizations.get(id);
            self.may_have_pending(*id) && place.is_some_and(|place| self.upward(*place).any(|above| above == top))
        };
        self.pending.keys().copied().filter(below).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use roster_model::id::compose;
    use roster_model::{Kind, MembershipId, RoleNumber, Timestamp};
    use roster_testing::TestRng;

    use super::*;
    use crate::parts::{Holding, Placed};

    fn organization(number: usize) -> OrganizationId {
        OrganizationId::from_raw(i64::try_from(number).unwrap_or_default() + 1)
    }

    fn user(number: usize) -> UserId {
        UserId::from_raw(compose(1000, Kind::User, u32::try_from(number).unwrap_or_default()))
    }

    /// A naive model of the graph.
    #[derive(Default)]
    struct Model {
        parents: BTreeMap<OrganizationId, Option<OrganizationId>>,
        created: BTreeMap<UserId, i64>,
        members: BTreeMap<(OrganizationId, UserId), Holding>,
        links: BTreeSet<(OrganizationId, UserId)>,
    }

    impl Model {
        fn is_below(&self, organization: OrganizationId, top: OrganizationId) -> bool {
            std::iter::successors(Some(organization), |id| self.parents[id]).any(|above| above == top)
        }

        fn people(&self, organization: OrganizationId, which: &People, more: &[UserId]) -> Vec<Key> {
            let here = self.members.iter().filter(|((place, _), _)| *place == organization);
            let keys: BTreeSet<Key> = match which {
                People::Domain => {
                    let members = self.members.keys().filter(|(place, _)| self.is_below(*place, organization));
                    let linked = self.links.iter().filter(|(domain, _)| *domain == organization);
                    let seen = members.chain(linked).map(|(_, user)| user).chain(more);
                    seen.map(|user| (0, user.raw())).collect()
                }
                People::Users => here.map(|((_, user), _)| (self.created[user], user.raw())).collect(),
                People::Holders(pairs) => {
                    let holds = |roles: RoleSet| {
                        pairs.iter().any(|(one, none)| roles.intersects(*one) && !roles.intersects(*none))
                    };
                    here.filter(|(_, held)| holds(held.roles)).map(|(_, held)| (0, held.membership.raw())).collect()
                }
            };
            keys.into_iter().collect()
        }
    }

    fn check(graph: &Graph, model: &Model, top: OrganizationId, rng: &mut TestRng) {
        let admins = vec![(RoleSet::of(RoleNumber::ADMIN), RoleSet::EMPTY)];
        let viewers = vec![(RoleSet::of(RoleNumber::VIEWER), RoleSet::of(RoleNumber::ADMIN))];
        for which in [People::Domain, People::Users, People::Holders(admins), People::Holders(viewers)] {
            let users: Vec<UserId> = model.created.keys().copied().collect();
            let more = [users[rng.below(users.len())], users[rng.below(users.len())]];
            let more = if which == People::Domain { &more[..] } else { &[] };
            let mut all = model.people(top, &which, more);
            assert_eq!(graph.people_count(top, &which, more, usize::MAX), Some(all.len()), "{which:?}");
            let descending = rng.below(2) == 0;
            if descending {
                all.reverse();
            }
            let (offset, limit) = (rng.below(90), rng.below(9));
            for from in [0, rng.below(all.len() + 1)] {
                let after = from.checked_sub(1).map(|last| all[last]);
                let start = Start { after, offset: offset as u64, descending };
                let part = &all[(from + offset).min(all.len())..(from + offset + limit).min(all.len())];
                let ids: Vec<UserId> = part.iter().map(|(_, id)| UserId::from_raw(*id)).collect();
                assert_eq!(graph.people(top, &which, more, start, (limit, usize::MAX)), Some(ids), "{which:?}");
            }
        }
    }

    /// A cached list is always equal to a newly built one.
    #[test]
    fn kept_lists_are_those_of_a_plain_look() {
        let (mut graph, mut model, mut rng) = (Graph::new(0, 0, Vec::new(), Vec::new()), Model::default(), TestRng(3));
        let at = |id, parent, created| {
            let created = Timestamp::from_ms(created);
            Placed { id, parent, active: true, suspended: false, created }
        };
        for number in 0..12_usize {
            let parent = number.checked_sub(1).map(|before| organization(before / 2));
            graph.put_organization(at(organization(number), parent, 0));
            model.parents.insert(organization(number), parent);
        }
        let roles = [RoleNumber::ADMIN, RoleNumber::VIEWER, RoleNumber::MEMBER].map(RoleSet::of);
        let (mut membership, mut kept) = (0, 0);
        for step in 0..6000 {
            let (place, who) = (organization(rng.below(12).min(rng.below(12))), user(rng.below(150)));
            let has = model.parents.contains_key(&place);
            match rng.below(12) {
                _ if !model.created.contains_key(&who) => {
                    let created = i64::try_from(rng.below(30)).unwrap_or_default();
                    graph.put_user(who, true, Timestamp::from_ms(created));
                    model.created.insert(who, created);
                }
                0..5 if has => {
                    let known = model.members.get(&(place, who)).map(|held| held.membership);
                    membership += 1;
                    let membership = known.filter(|_| rng.below(9) > 0).unwrap_or(MembershipId::from_raw(membership));
                    let held = Holding { membership, roles: roles[rng.below(3)] };
                    graph.put_member(place, who, held);
                    model.members.insert((place, who), held);
                }
                5 | 6 => {
                    graph.remove_member(place, who);
                    model.members.remove(&(place, who));
                }
                7 if has => {
                    let there = model.links.insert((place, who));
                    if !there {
                        model.links.remove(&(place, who));
                    }
                    graph.link(place, who.raw(), there);
                }
                8 => {
                    let created = i64::try_from(rng.below(30)).unwrap_or_default();
                    graph.put_user(who, rng.below(2) == 0, Timestamp::from_ms(created));
                    model.created.insert(who, created);
                }
                9 if rng.below(3) == 0 => {
                    for place in model.parents.keys() {
                        graph.remove_member(*place, who);
                    }
                    graph.remove_user(who);
                    model.members.retain(|(_, user), _| *user != who);
                    model.links.retain(|(_, user)| *user != who);
                    model.created.remove(&who);
                }
                10 if has && rng.below(3) == 0 => {
                    let parent = organization(rng.below(12));
                    if place != organization(0) && model.parents.contains_key(&parent) && !model.is_below(parent, place)
                    {
                        graph.put_organization(at(place, Some(parent), 0));
                        model.parents.insert(place, Some(parent));
                    }
                }
                11 if has && place != organization(0) && rng.below(200) == 0 => {
                    graph.remove_with_subtree(place);
                    let gone: BTreeSet<_> =
                        model.parents.keys().copied().filter(|id| model.is_below(*id, place)).collect();
                    model.parents.retain(|id, _| !gone.contains(id));
                    model.members.retain(|(id, _), _| !gone.contains(id));
                    model.links.retain(|(id, _)| !gone.contains(id));
                }
                _ => {}
            }
            if step > 500 && rng.below(4) == 0 {
                let top = organization(rng.below(12));
                if model.parents.contains_key(&top) {
                    check(&graph, &model, top, &mut rng);
                    check(&graph, &model, organization(0), &mut rng);
                }
                kept += graph.list_cache.get_mut().map_or(0, |cache| cache.lists.values().flatten().count());
            }
        }
        assert!(kept > 1000, "hardly any list was kept");
    }

    /// Lists that aren't used are evicted.
    #[test]
    fn what_is_asked_for_stays() {
        let mut cache = ListCache::default();
        let half = || Order::of_sorted((0..).map(|n| ((0, i64::from(n)), n)).take(CACHE_MAX / 2));
        cache.put(1, &People::Domain, half());
        cache.put(2, &People::Users, half());
        assert!(cache.find(1, &People::Domain).is_none(), "both don't fit");
        cache.put(3, &People::Users, Order::default());
        assert!(cache.find(2, &People::Users).is_some());
        cache.put(3, &People::Domain, half());
        assert!(cache.find(3, &People::Users).is_none() && cache.find(3, &People::Domain).is_some());
        assert!(cache.find(2, &People::Users).is_none());
    }

    /// The size of the selection itself counts too.
    #[test]
    fn a_long_question_makes_no_room_for_more() {
        let mut cache = ListCache::default();
        let long = People::Holders(vec![(RoleSet::EMPTY, RoleSet::EMPTY); CACHE_MAX / PAIR_WEIGHT]);
        cache.put(1, &People::Users, Order::default());
        cache.put(2, &long, Order::default());
        assert!(cache.find(1, &People::Users).is_none() && cache.find(2, &long).is_some());
    }

    #[test]
    fn an_organization_has_few_lists() {
        let mut cache = ListCache::default();
        let holders = |bits| People::holders(vec![(RoleSet::from_bits(bits), RoleSet::EMPTY)]);
        cache.put(1, &People::Domain, Order::default());
        cache.put(2, &People::Users, Order::default());
        for bits in 0..100 {
            cache.put(1, &holders(bits), Order::default());
            assert!(cache.find(1, &People::Domain).is_some(), "it is asked for");
        }
        assert_eq!(cache.lists.get(&1_u32).map(Vec::len), Some(LISTS_MAX));
        assert!(cache.find(1, &holders(99)).is_some() && cache.find(1, &holders(0)).is_none());
        assert!(cache.find(2, &People::Users).is_some(), "another organization's");
    }

    #[test]
    fn the_same_holders_are_one_list() {
        let admins = (RoleSet::of(RoleNumber::ADMIN), RoleSet::EMPTY);
        let viewers = (RoleSet::of(RoleNumber::VIEWER), RoleSet::of(RoleNumber::ADMIN));
        let once = People::holders(vec![admins, viewers]);
        assert_eq!(People::holders(vec![viewers, admins, viewers, admins]), once);
        assert_ne!(People::holders(vec![viewers]), once);
    }
}
