//! The organizations below each, in the orders in which they are listed.

use hashbrown::HashSet;
use roster_model::{OrganizationId, Timestamp};

use crate::graph::Graph;
use crate::lists::{Both, organization_key};
use crate::order::{Start, part_of};
use crate::parts::Place;

/// So many below an organization are put in order whenever they are asked for: most have none or a few, and keep nothing.
const FEW: u32 = 64;

/// How an organization is, as lists tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    /// Suspended itself, and not deleted.
    Suspended,
    /// Marked as deleted, or one above.
    Deleted,
}

/// Which organizations a list has.
#[derive(Clone, Copy, Debug)]
pub struct Among {
    /// The root, if it isn't given.
    pub top: Option<OrganizationId>,
    /// Right below it, or however deep.
    pub children_only: bool,
    /// And itself; not with `children_only`.
    pub with_top: bool,
    pub states: &'static [State],
}

impl Among {
    /// It and all below it that aren't deleted.
    const fn shown(top: OrganizationId) -> Self {
        Self { top: Some(top), children_only: false, with_top: true, states: &[State::Active, State::Suspended] }
    }
}

/// Organizations by their state.
#[derive(Debug, Default)]
struct ByState([Both<OrganizationId>; 3]);

impl ByState {
    fn of(numbers: &[u32], places: &[Place]) -> Self {
        let those = |state| numbers.iter().copied().filter(move |n| places[*n as usize].state == Some(state));
        let both = |state| Both::of(those(state).collect(), organization_key(places));
        Self([State::Active, State::Suspended, State::Deleted].map(both))
    }

    fn of_state(&mut self, state: State) -> &mut Both<OrganizationId> {
        &mut self.0[state as usize]
    }
}

/// What is below an organization.
#[derive(Debug, Default)]
pub(crate) struct Subtree {
    children: ByState,
    /// However deep, and itself.
    all: ByState,
}

impl Subtree {
    fn insert(&mut self, number: u32, state: State, is_child: bool, places: &[Place]) {
        self.all.of_state(state).insert(number, organization_key(places));
        if is_child {
            self.children.of_state(state).insert(number, organization_key(places));
        }
    }

    fn remove(&mut self, number: u32, state: State, is_child: bool, places: &[Place]) {
        self.all.of_state(state).remove(number, organization_key(places));
        if is_child {
            self.children.of_state(state).remove(number, organization_key(places));
        }
    }
}

/// How the lists follow what is there.
impl Graph {
    /// An organization and all above it.
    pub(crate) fn upward(&self, number: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(number), |number| self.places[*number as usize].parent)
    }

    /// An organization and all below it, each after the one above it.
    pub(crate) fn downward(&self, top: u32) -> Vec<u32> {
        let mut found = vec![top];
        let mut next = 0;
        while let Some(number) = found.get(next) {
            found.extend(&self.places[*number as usize].children);
            next += 1;
        }
        found
    }

    fn subtree_of(&self, top: u32) -> Subtree {
        let children = ByState::of(&self.places[top as usize].children, &self.places);
        Subtree { children, all: ByState::of(&self.downward(top), &self.places) }
    }

    /// Brings an organization that is there, and in no list, into all lists. Those above it came before.
    pub(crate) fn list_organization(&mut self, number: u32) {
        let place = &self.places[number as usize];
        let parent = place.parent;
        let below_shown = parent.is_none_or(|parent| self.places[parent as usize].is_shown());
        let state = match (place.active && below_shown, place.suspended) {
            (false, _) => State::Deleted,
            (true, true) => State::Suspended,
            (true, false) => State::Active,
        };
        self.places[number as usize].state = Some(state);
        for top in self.upward(number).collect::<Vec<_>>() {
            let place = &mut self.places[top as usize];
            place.below += u32::from(top != number);
            let many = place.below > FEW;
            if let Some(mut subtree) = place.subtree.take() {
                subtree.insert(number, state, parent == Some(top), &self.places);
                self.places[top as usize].subtree = Some(subtree);
            } else if many {
                self.places[top as usize].subtree = Some(Box::new(self.subtree_of(top)));
            }
        }
    }

    /// Takes an organization out of all lists, where it is as it was when it came in.
    pub(crate) fn unlist_organization(&mut self, number: u32) {
        let Some(state) = self.places[number as usize].state.take() else { return };
        let parent = self.places[number as usize].parent;
        for top in self.upward(number).collect::<Vec<_>>() {
            let place = &mut self.places[top as usize];
            place.below -= u32::from(top != number);
            let many = place.below > FEW / 2;
            if let Some(mut subtree) = place.subtree.take().filter(|_| many) {
                subtree.remove(number, state, parent == Some(top), &self.places);
                self.places[top as usize].subtree = Some(subtree);
            }
        }
    }
}

/// What they are asked.
impl Graph {
    /// Asks the lists of these organizations, which together have all of them; and what is to be left out.
    fn among<T: Default>(
        &self,
        among: &Among,
        ask: impl FnOnce(&[&Both<OrganizationId>], Option<(Timestamp, OrganizationId)>) -> T,
    ) -> T {
        let top = among.top.map_or(self.root, |id| self.organizations.get(&id).copied());
        let Some((top, place)) = top.map(|top| (top, &self.places[top as usize])) else { return T::default() };
        let made;
        let subtree = if let Some(kept) = &place.subtree {
            kept
        } else {
            made = self.subtree_of(top);
            &made
        };
        let ByState(lists) = if among.children_only { &subtree.children } else { &subtree.all };
        let lists: Vec<_> = among.states.iter().map(|state| &lists[*state as usize]).collect();
        let left_out =
            !among.children_only && !among.with_top && place.state.is_some_and(|s| among.states.contains(&s));
        ask(&lists, left_out.then_some((place.created, place.id)))
    }

    /// The organization that has none above it.
    pub fn root(&self) -> Option<OrganizationId> {
        self.root.map(|number| self.places[number as usize].id)
    }

    pub fn organizations_count(&self, among: &Among) -> usize {
        self.among(among, |lists, without| {
            lists.iter().map(|list| list.by_id.len()).sum::<usize>() - usize::from(without.is_some())
        })
    }

    /// A part of them, by id.
    pub fn organizations_by_id(
        &self,
        among: &Among,
        start: Start<OrganizationId>,
        limit: usize,
    ) -> Vec<OrganizationId> {
        self.among(among, |lists, without| {
            let lists: Vec<_> = lists.iter().map(|list| &list.by_id).collect();
            let key_of = |number| organization_key(&self.places)(number).1;
            self.organization_ids(part_of(&lists, start, without.map(|(_, id)| id), limit, key_of))
        })
    }

    /// A part of them, by when they were created.
    pub fn organizations_by_creation(
        &self,
        among: &Among,
        start: Start<(Timestamp, OrganizationId)>,
        limit: usize,
    ) -> Vec<OrganizationId> {
        self.among(among, |lists, without| {
            let lists: Vec<_> = lists.iter().map(|list| &list.by_creation).collect();
            self.organization_ids(part_of(&lists, start, without, limit, organization_key(&self.places)))
        })
    }

    /// Those of these organizations that are there and in no subtree of another one of them. `None` if one is deleted, or below such.
    fn tops_of(&self, organizations: &[OrganizationId]) -> Option<Vec<u32>> {
        let numbers = organizations.iter().filter_map(|id| self.organizations.get(id).copied());
        let there: HashSet<u32> = numbers.filter(|number| self.places[*number as usize].there).collect();
        let is_top = |number: &&u32| !self.upward(**number).skip(1).any(|above| there.contains(&above));
        let all_shown = there.iter().all(|number| self.places[*number as usize].is_shown());
        all_shown.then(|| there.iter().filter(is_top).copied().collect())
    }

    fn shown_below(&self, top: u32) -> impl Iterator<Item = OrganizationId> + '_ {
        let all = self.downward(top).into_iter().map(|number| &self.places[number as usize]);
        all.filter(|place| place.is_shown()).map(|place| place.id)
    }

    /// These organizations, and all below them, that aren't deleted: each once, by id, behind one of them. `None` if one that is asked
    /// about is deleted, or if that takes more than about `most` steps.
    pub fn and_below(
        &self,
        organizations: &[OrganizationId],
        after: Option<OrganizationId>,
        limit: usize,
        most: usize,
    ) -> Option<Vec<OrganizationId>> {
        let mut found = Vec::new();
        for top in self.tops_of(organizations)? {
            let place = &self.places[top as usize];
            if place.subtree.is_some() {
                let (shown, start) = (Among::shown(place.id), Start { after, ..Start::default() });
                found.extend(self.organizations_by_id(&shown, start, limit.min(most.saturating_add(1))));
            } else {
                found.extend(self.shown_below(top).filter(|id| after.is_none_or(|after| *id > after)));
            }
            if found.len() > most {
                return None;
            }
        }
        found.sort_unstable();
        found.truncate(limit);
        Some(found)
    }

    /// How many those are in all.
    pub fn count_and_below(&self, organizations: &[OrganizationId]) -> Option<usize> {
        let count = |top: &u32| {
            let place = &self.places[*top as usize];
            match place.subtree {
                Some(_) => self.organizations_count(&Among::shown(place.id)),
                None => self.shown_below(*top).count(),
            }
        };
        Some(self.tops_of(organizations)?.iter().map(count).sum())
    }

    fn organization_ids(&self, numbers: Vec<u32>) -> Vec<OrganizationId> {
        numbers.into_iter().map(|number| self.places[number as usize].id).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use roster_model::EntityId as _;
    use roster_testing::Dice;

    use super::*;
    use crate::parts::Placed;

    type Model = BTreeMap<OrganizationId, Placed>;

    fn line(model: &Model, id: OrganizationId) -> Vec<OrganizationId> {
        std::iter::successors(Some(id), |id| model[id].parent).collect()
    }

    fn state(model: &Model, id: OrganizationId) -> State {
        match (line(model, id).iter().all(|above| model[above].active), model[&id].suspended) {
            (false, _) => State::Deleted,
            (true, true) => State::Suspended,
            (true, false) => State::Active,
        }
    }

    /// All parts of all lists of what is below this one.
    fn check(graph: &Graph, model: &Model, top: OrganizationId, dice: &mut Dice) {
        use State::{Active, Deleted, Suspended};
        let shown: Vec<OrganizationId> = model
            .keys()
            .filter(|id| line(model, **id).contains(&top) && state(model, **id) != Deleted)
            .copied()
            .collect();
        if state(model, top) == Deleted {
            assert_eq!(graph.and_below(&[top], None, 9, 9999), None);
        } else if let Some(other) = shown.get(dice.throw(shown.len())) {
            let behind: Vec<_> = shown.iter().copied().filter(|id| id > other).take(9).collect();
            assert_eq!(graph.and_below(&[*other, top], Some(*other), 9, 9999), Some(behind));
            assert_eq!(graph.count_and_below(&[*other, top]), Some(shown.len()));
            let whole = (shown.len() <= 70).then(|| shown.clone());
            assert_eq!(graph.and_below(&[top, *other], None, usize::MAX, 70), whole);
        }
        for states in [&[Active, Suspended, Deleted] as &'static [State], &[Active, Suspended], &[Deleted], &[]] {
            for (children_only, with_top) in [(true, false), (false, true), (false, false)] {
                let among = Among { top: Some(top), children_only, with_top, states };
                let is_in = |id: &&OrganizationId| {
                    let below = if children_only {
                        model[id].parent == Some(top)
                    } else {
                        line(model, **id).contains(&top) && (with_top || **id != top)
                    };
                    below && states.contains(&state(model, **id))
                };
                let mut by_id: Vec<OrganizationId> = model.keys().filter(is_in).copied().collect();
                let mut by_creation: Vec<_> = by_id.iter().map(|id| (model[id].created, *id)).collect();
                by_creation.sort_unstable();
                assert_eq!(graph.organizations_count(&among), by_id.len(), "{among:?}");
                let descending = dice.throw(2) == 0;
                if descending {
                    by_id.reverse();
                    by_creation.reverse();
                }
                let (behind, offset, limit) = (dice.throw(by_id.len() + 1), dice.throw(40), dice.throw(9));
                let rest = |from: usize| (from + offset).min(by_id.len())..(from + offset + limit).min(by_id.len());
                for from in [0, behind] {
                    let after = from.checked_sub(1);
                    let start = Start { after: after.map(|last| by_id[last]), offset: offset as u64, descending };
                    assert_eq!(graph.organizations_by_id(&among, start, limit), by_id[rest(from)], "{among:?}");
                    let start = Start { after: after.map(|last| by_creation[last]), offset: offset as u64, descending };
                    let wanted: Vec<_> = by_creation[rest(from)].iter().map(|(_, id)| *id).collect();
                    assert_eq!(graph.organizations_by_creation(&among, start, limit), wanted, "{among:?}");
                }
            }
        }
    }

    /// Whatever happens to a tree, its lists are those of a plain look at all of it.
    #[test]
    fn lists_are_those_of_the_tree() {
        let (mut graph, mut model, mut dice) = (Graph::new(0, 0, Vec::new()), Model::new(), Dice(7));
        let (mut kept, mut small) = (0, 0);
        for step in 0..900_i64 {
            let ids: Vec<OrganizationId> = model.keys().copied().collect();
            let some = |dice: &mut Dice| ids[dice.throw(ids.len())];
            let placed = match dice.throw(8) {
                _ if ids.is_empty() => Placed {
                    id: OrganizationId::from_raw(1_000_000),
                    parent: None,
                    active: true,
                    suspended: false,
                    created: Timestamp::from_ms(5),
                },
                0..4 => {
                    // Most come under few, and not all in their order.
                    let among = if dice.throw(3) == 0 { ids.len() } else { ids.len().min(3) };
                    let parent = ids[dice.throw(among)];
                    let id = OrganizationId::from_raw(1_000_000 + step * 2 - i64::from(dice.throw(5) == 0) * step);
                    if model.contains_key(&id) || line(&model, parent).len() > 12 {
                        continue;
                    }
                    let created = Timestamp::from_ms(i64::try_from(dice.throw(50)).unwrap_or_default());
                    Placed { id, parent: Some(parent), active: true, suspended: dice.throw(4) == 0, created }
                }
                4 => Placed { active: dice.throw(3) > 0, ..model[&some(&mut dice)] },
                5 => Placed { suspended: dice.throw(2) == 0, ..model[&some(&mut dice)] },
                6 => {
                    let (moved, parent) = (some(&mut dice), some(&mut dice));
                    if model[&moved].parent.is_none() || line(&model, parent).contains(&moved) {
                        continue;
                    }
                    Placed { parent: Some(parent), ..model[&moved] }
                }
                _ => {
                    let gone = some(&mut dice);
                    if model[&gone].parent.is_some() && dice.throw(4) == 0 {
                        graph.remove_with_subtree(gone);
                        let below: Vec<_> = ids.iter().filter(|id| line(&model, **id).contains(&gone)).collect();
                        for id in below {
                            model.remove(id);
                        }
                    }
                    continue;
                }
            };
            graph.put_organization(placed);
            model.insert(placed.id, placed);
            if step % 7 == 0 {
                for top in [0, 1, 2, 3, dice.throw(model.len())] {
                    if let Some(top) = model.keys().nth(top).copied() {
                        check(&graph, &model, top, &mut dice);
                        let is_kept = graph.places[graph.organizations[&top] as usize].subtree.is_some();
                        (kept, small) = (kept + u32::from(is_kept), small + u32::from(!is_kept));
                    }
                }
            }
        }
        assert!(kept > 100 && small > 100, "{kept} were kept, {small} not");
        let mut file = Vec::new();
        graph.save(String::new(), &mut file).expect("a file");
        let (restored, _) = Graph::restore(file.as_slice(), file.len() as u64).expect("a graph");
        for top in model.keys() {
            check(&restored, &model, *top, &mut dice);
        }
    }
}
