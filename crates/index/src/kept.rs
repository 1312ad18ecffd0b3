//! Lists of people of one organization that are put in order when they are first asked for, and kept while they are used. Changes bring
//! them up to date; what would change much of one at once drops it.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use roster_model::{EntityId, LinkSubject, OrganizationId, RoleSet, UserId};

use crate::graph::Graph;
use crate::members::nobody;
use crate::order::{Order, Start, part_of};

/// Most people in all kept lists together, at four bytes each. The list that was asked for the longest ago goes first.
const KEPT_MAX: usize = 4 << 20;
/// What a list takes beside its people, in people.
const OVERHEAD: usize = 64;
/// What a pair of sets of roles takes, in people.
const PAIR: usize = size_of::<(RoleSet, RoleSet)>() / 4;
/// Most lists of one organization: each is compared when one is asked for, and looked at when a member changes. Whoever asks can think of any
/// number of sets of roles.
const LISTS_MAX: usize = 32;
/// A list that takes no more than so many steps is made whenever it is asked for.
const FEW: usize = 64;

/// Which people of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum People {
    /// Its members, those of the organizations below it, and those of whom its directory has links: by id.
    Domain,
    /// Its members, by when they were created as users.
    Users,
    /// Its members who hold, for one of the pairs, one of the first and none of the second: by membership. See [`Self::holders`].
    Holders(Vec<(RoleSet, RoleSet)>),
}

impl People {
    /// The same list whatever the order of the pairs, and however often one is said.
    pub fn holders(mut pairs: Vec<(RoleSet, RoleSet)>) -> Self {
        pairs.sort_unstable_by_key(|(one_of, none_of)| (one_of.bits(), none_of.bits()));
        pairs.dedup();
        Self::Holders(pairs)
    }
}

/// What they are in the order of: a moment, if that counts, and an id.
type Key = (i64, i64);

#[derive(Debug)]
struct List {
    which: People,
    order: Order<Key, u32>,
    /// When it was asked for last.
    asked: u64,
}

impl List {
    /// In people.
    fn weight(&self) -> usize {
        let pairs = match &self.which {
            People::Domain | People::Users => 0,
            People::Holders(pairs) => pairs.len(),
        };
        self.order.len() + pairs * PAIR + OVERHEAD
    }
}

/// By the number of their organization.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    lists: HashMap<u32, Vec<List>>,
    asked: u64,
}

impl Kept {
    fn find(&mut self, place: u32, which: &People) -> Option<&Order<Key, u32>> {
        let list = self.lists.get_mut(&place)?.iter_mut().find(|list| list.which == *which)?;
        self.asked += 1;
        list.asked = self.asked;
        Some(&list.order)
    }

    fn keep(&mut self, place: u32, which: &People, order: Order<Key, u32>) {
        if self.find(place, which).is_some() {
            return;
        }
        self.asked += 1;
        let list = List { which: which.clone(), order, asked: self.asked };
        let lists = self.lists.entry(place).or_default();
        if lists.len() >= LISTS_MAX {
            let oldest = lists.iter().map(|list| list.asked).min();
            lists.retain(|list| Some(list.asked) != oldest);
        }
        lists.push(list);
        let weight = |kept: &Self| kept.lists.values().flatten().map(List::weight).sum::<usize>();
        while weight(self) > KEPT_MAX && self.lists.values().flatten().nth(1).is_some() {
            let oldest = self.lists.values().flatten().map(|list| list.asked).min();
            self.retain(|_, list| Some(list.asked) != oldest);
        }
    }

    fn retain(&mut self, stays: impl Fn(u32, &List) -> bool) {
        self.lists.retain(|place, lists| {
            lists.retain(|list| stays(*place, list));
            !lists.is_empty()
        });
    }
}

/// How they follow what is there.
impl Graph {
    fn key_in(&self, place: u32, which: &People, person: u32) -> Key {
        let user = &self.people[person as usize];
        match which {
            People::Domain => (0, user.id.raw()),
            People::Users => (user.created.as_ms(), user.id.raw()),
            People::Holders(_) => {
                let seat = self.places[place as usize].members.get(person);
                (0, seat.map_or_else(nobody, |seat| seat.membership).raw())
            }
        }
    }

    fn belongs(&self, place: u32, which: &People, person: u32) -> bool {
        let (user, seat) = (&self.people[person as usize], self.places[place as usize].members.get(person));
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
            People::Users => seat.is_some(),
            People::Holders(pairs) => seat.is_some_and(|seat| {
                let held = self.role_sets.get(seat.roles);
                pairs.iter().any(|(one_of, none_of)| held.meets(*one_of) && !held.meets(*none_of))
            }),
        }
    }

    /// Before something changes about a person at these organizations: he leaves all lists that it may concern. Afterwards
    /// [`Self::join_kept`] brings him into those in which he belongs.
    pub(crate) fn leave_kept(&mut self, person: u32, places: &[u32]) {
        self.each_kept(places, |graph, place, list| {
            let key_of = |other| graph.key_in(place, &list.which, other);
            list.order.remove(key_of(person), key_of);
        });
    }

    pub(crate) fn join_kept(&mut self, person: u32, places: &[u32]) {
        self.each_kept(places, |graph, place, list| {
            let key_of = |other| graph.key_in(place, &list.which, other);
            let key = key_of(person);
            if graph.belongs(place, &list.which, person) && !list.order.has(key, key_of) {
                list.order.insert(key, person, key_of);
            }
        });
    }

    /// The lists of these organizations, and of domains above them.
    fn each_kept(&mut self, places: &[u32], mut change: impl FnMut(&Self, u32, &mut List)) {
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        if kept.lists.is_empty() {
            return;
        }
        let mut kept = std::mem::take(kept);
        for place in places {
            for at in self.upward(*place) {
                let lists = kept.lists.get_mut(&at).into_iter().flatten();
                for list in lists.filter(|list| at == *place || list.which == People::Domain) {
                    change(self, at, list);
                }
            }
        }
        self.kept = Mutex::new(kept);
    }

    /// Wherever a person is, or is linked.
    pub(crate) fn whereabouts(&self, person: u32) -> Vec<u32> {
        let user = &self.people[person as usize];
        let domains =
            self.links.domains_of(user.id.raw()).filter_map(|domain| self.organizations.get(&domain).copied());
        user.places.iter().copied().chain(domains).collect()
    }

    /// The lists of domains that an organization is in: it goes, or comes, with all its members.
    pub(crate) fn drop_kept_above(&mut self, place: u32) {
        let above: Vec<u32> = self.upward(place).collect();
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|at, list| list.which != People::Domain || !above.contains(&at));
    }

    /// The lists of organizations that are gone.
    pub(crate) fn drop_kept_of(&mut self, gone: &[u32]) {
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !kept.lists.is_empty() {
            for place in gone {
                kept.lists.remove(place);
            }
        }
    }

    /// All of them; `None` if that takes more steps than `most`.
    fn gather(&self, place: u32, which: &People, most: usize) -> Option<(Order<Key, u32>, usize)> {
        let domain = *which == People::Domain;
        let places = if !domain {
            vec![place]
        } else if self.places[place as usize].below as usize <= most {
            self.downward(place)
        } else {
            return None;
        };
        let members = places.iter().map(|place| self.places[*place as usize].members.len()).sum::<usize>();
        let links = || self.links.subjects_in(self.places[place as usize].id).filter(|_| domain);
        let steps = places.len() + members + links().take(most.saturating_add(1)).count();
        if steps > most {
            return None;
        }
        let linked = links().filter_map(|subject| self.users.get(&LinkSubject::from_raw(subject)?.user()?).copied());
        let members = places.iter().flat_map(|place| self.places[*place as usize].members.seats());
        let all = members.map(|seat| seat.person).chain(linked);
        let belong = all.filter(|person| domain || self.belongs(place, which, *person));
        let mut people: Vec<(Key, u32)> = belong.map(|person| (self.key_in(place, which, person), person)).collect();
        people.sort_unstable();
        people.dedup();
        Some((Order::of_sorted(people), steps))
    }
}

/// What they are asked.
impl Graph {
    /// Asks a list, which is made if it isn't kept and that takes no more steps than `most`. The graph doesn't change meanwhile, and nobody
    /// waits for one that is being made.
    fn ask_people<T>(
        &self,
        organization: OrganizationId,
        which: &People,
        most: usize,
        ask: impl FnOnce(u32, &Order<Key, u32>) -> T,
    ) -> Option<T> {
        let place = *self.organizations.get(&organization)?;
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(order) = kept().find(place, which) {
            return Some(ask(place, order));
        }
        let (order, steps) = self.gather(place, which, most)?;
        let answer = ask(place, &order);
        if steps > FEW {
            kept().keep(place, which, order);
        }
        Some(answer)
    }

    /// Those of these users who aren't in a list, as one.
    fn beside(&self, order: &Order<Key, u32>, more: &[UserId], key_of: impl Fn(u32) -> Key) -> Order<Key, u32> {
        let numbers = more.iter().filter_map(|user| self.users.get(user).copied());
        let mut beside: Vec<(Key, u32)> = numbers.map(|number| (key_of(number), number)).collect();
        beside.retain(|(key, _)| !order.has(*key, &key_of));
        beside.sort_unstable();
        beside.dedup();
        Order::of_sorted(beside)
    }

    /// How many they are, together with these, and each counted once. `None`: the list isn't kept, and to make it takes more steps than
    /// `most`.
    pub fn people_count(
        &self,
        organization: OrganizationId,
        which: &People,
        more: &[UserId],
        most: usize,
    ) -> Option<usize> {
        self.ask_people(organization, which, most, |place, order| {
            order.len() + self.beside(order, more, |person| self.key_in(place, which, person)).len()
        })
    }

    /// A part of them, together with these, by the ids that they are in the order of.
    pub fn people<I: EntityId>(
        &self,
        organization: OrganizationId,
        which: &People,
        more: &[UserId],
        start: Start<Key>,
        (limit, most): (usize, usize),
    ) -> Option<Vec<I>> {
        self.ask_people(organization, which, most, |place, order| {
            let key_of = |person| self.key_in(place, which, person);
            let beside = self.beside(order, more, key_of);
            let found = part_of(&[order, &beside], start, None, limit, key_of);
            found.into_iter().map(|person| I::from_raw(key_of(person).1)).collect()
        })
    }

    /// The organizations, this one or below it, that may have pending invitations.
    pub fn inviting(&self, top: OrganizationId) -> Vec<OrganizationId> {
        let Some(top) = self.organizations.get(&top).copied() else { return Vec::new() };
        // Whichever are fewer are looked through.
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
    use roster_testing::Dice;

    use super::*;
    use crate::parts::{Holding, Placed};

    fn organization(number: usize) -> OrganizationId {
        OrganizationId::from_raw(i64::try_from(number).unwrap_or_default() + 1)
    }

    fn user(number: usize) -> UserId {
        UserId::from_raw(compose(1000, Kind::User, u32::try_from(number).unwrap_or_default()))
    }

    /// All that is there, plainly.
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
                    let holds =
                        |roles: RoleSet| pairs.iter().any(|(one, none)| roles.meets(*one) && !roles.meets(*none));
                    here.filter(|(_, held)| holds(held.roles)).map(|(_, held)| (0, held.membership.raw())).collect()
                }
            };
            keys.into_iter().collect()
        }
    }

    fn check(graph: &Graph, model: &Model, top: OrganizationId, dice: &mut Dice) {
        let admins = vec![(RoleSet::of(RoleNumber::ADMIN), RoleSet::EMPTY)];
        let viewers = vec![(RoleSet::of(RoleNumber::VIEWER), RoleSet::of(RoleNumber::ADMIN))];
        for which in [People::Domain, People::Users, People::Holders(admins), People::Holders(viewers)] {
            let users: Vec<UserId> = model.created.keys().copied().collect();
            let more = [users[dice.throw(users.len())], users[dice.throw(users.len())]];
            let more = if which == People::Domain { &more[..] } else { &[] };
            let mut all = model.people(top, &which, more);
            assert_eq!(graph.people_count(top, &which, more, usize::MAX), Some(all.len()), "{which:?}");
            let descending = dice.throw(2) == 0;
            if descending {
                all.reverse();
            }
            let (offset, limit) = (dice.throw(90), dice.throw(9));
            for from in [0, dice.throw(all.len() + 1)] {
                let after = from.checked_sub(1).map(|last| all[last]);
                let start = Start { after, offset: offset as u64, descending };
                let part = &all[(from + offset).min(all.len())..(from + offset + limit).min(all.len())];
                let ids: Vec<UserId> = part.iter().map(|(_, id)| UserId::from_raw(*id)).collect();
                assert_eq!(graph.people(top, &which, more, start, (limit, usize::MAX)), Some(ids), "{which:?}");
            }
        }
    }

    /// Whatever happens, a list that is kept is the one that would be made anew.
    #[test]
    fn kept_lists_are_those_of_a_plain_look() {
        let (mut graph, mut model, mut dice) = (Graph::new(0, 0, Vec::new()), Model::default(), Dice(3));
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
            let (place, who) = (organization(dice.throw(12).min(dice.throw(12))), user(dice.throw(150)));
            let has = model.parents.contains_key(&place);
            match dice.throw(12) {
                _ if !model.created.contains_key(&who) => {
                    let created = i64::try_from(dice.throw(30)).unwrap_or_default();
                    graph.put_user(who, true, Timestamp::from_ms(created));
                    model.created.insert(who, created);
                }
                0..5 if has => {
                    let known = model.members.get(&(place, who)).map(|held| held.membership);
                    membership += 1;
                    let membership = known.filter(|_| dice.throw(9) > 0).unwrap_or(MembershipId::from_raw(membership));
                    let held = Holding { membership, roles: roles[dice.throw(3)] };
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
                    let created = i64::try_from(dice.throw(30)).unwrap_or_default();
                    graph.put_user(who, dice.throw(2) == 0, Timestamp::from_ms(created));
                    model.created.insert(who, created);
                }
                9 if dice.throw(3) == 0 => {
                    for place in model.parents.keys() {
                        graph.remove_member(*place, who);
                    }
                    graph.remove_user(who);
                    model.members.retain(|(_, user), _| *user != who);
                    model.links.retain(|(_, user)| *user != who);
                    model.created.remove(&who);
                }
                10 if has && dice.throw(3) == 0 => {
                    let parent = organization(dice.throw(12));
                    if place != organization(0) && model.parents.contains_key(&parent) && !model.is_below(parent, place)
                    {
                        graph.put_organization(at(place, Some(parent), 0));
                        model.parents.insert(place, Some(parent));
                    }
                }
                11 if has && place != organization(0) && dice.throw(200) == 0 => {
                    graph.remove_with_subtree(place);
                    let gone: BTreeSet<_> =
                        model.parents.keys().copied().filter(|id| model.is_below(*id, place)).collect();
                    model.parents.retain(|id, _| !gone.contains(id));
                    model.members.retain(|(id, _), _| !gone.contains(id));
                    model.links.retain(|(id, _)| !gone.contains(id));
                }
                _ => {}
            }
            if step > 500 && dice.throw(4) == 0 {
                let top = organization(dice.throw(12));
                if model.parents.contains_key(&top) {
                    check(&graph, &model, top, &mut dice);
                    check(&graph, &model, organization(0), &mut dice);
                }
                kept += graph.kept.get_mut().map_or(0, |kept| kept.lists.values().flatten().count());
            }
        }
        assert!(kept > 1000, "hardly any list was kept");
    }

    /// Those that nobody asks for make room.
    #[test]
    fn what_is_asked_for_stays() {
        let mut kept = Kept::default();
        let half = || Order::of_sorted((0..).map(|n| ((0, i64::from(n)), n)).take(KEPT_MAX / 2));
        kept.keep(1, &People::Domain, half());
        kept.keep(2, &People::Users, half());
        assert!(kept.find(1, &People::Domain).is_none(), "both don't fit");
        kept.keep(3, &People::Users, Order::default());
        assert!(kept.find(2, &People::Users).is_some());
        kept.keep(3, &People::Domain, half());
        assert!(kept.find(3, &People::Users).is_none() && kept.find(3, &People::Domain).is_some());
        assert!(kept.find(2, &People::Users).is_none());
    }

    /// What is asked with weighs, too.
    #[test]
    fn a_long_question_makes_no_room_for_more() {
        let mut kept = Kept::default();
        let long = People::Holders(vec![(RoleSet::EMPTY, RoleSet::EMPTY); KEPT_MAX / PAIR]);
        kept.keep(1, &People::Users, Order::default());
        kept.keep(2, &long, Order::default());
        assert!(kept.find(1, &People::Users).is_none() && kept.find(2, &long).is_some());
    }

    #[test]
    fn an_organization_has_few_lists() {
        let mut kept = Kept::default();
        let holders = |bits| People::holders(vec![(RoleSet::from_bits(bits), RoleSet::EMPTY)]);
        kept.keep(1, &People::Domain, Order::default());
        kept.keep(2, &People::Users, Order::default());
        for bits in 0..100 {
            kept.keep(1, &holders(bits), Order::default());
            assert!(kept.find(1, &People::Domain).is_some(), "it is asked for");
        }
        assert_eq!(kept.lists.get(&1_u32).map(Vec::len), Some(LISTS_MAX));
        assert!(kept.find(1, &holders(99)).is_some() && kept.find(1, &holders(0)).is_none());
        assert!(kept.find(2, &People::Users).is_some(), "another organization's");
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
