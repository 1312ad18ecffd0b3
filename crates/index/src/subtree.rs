//! The descendants of each organization, in the orders in which they are listed.

use hashbrown::HashSet;
use roster_model::{OrganizationId, Timestamp};

use crate::graph::Graph;
use crate::lists::{DualOrder, organization_key};
use crate::order::{Start, part_of};
use crate::parts::Place;

/// Up to so many descendants are sorted on each request: most organizations have none or a few, and store nothing.
const UNINDEXED_MAX: u32 = 64;

/// An organization's state, as lists distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    /// Suspended itself, and not deleted.
    Suspended,
    /// It or an ancestor is marked as deleted.
    Deleted,
}

/// Which organizations to list.
#[derive(Clone, Copy, Debug)]
pub struct OrganizationScope {
    /// Where to start; `None` for the root.
    pub top: Option<OrganizationId>,
    /// Only its children, or all descendants.
    pub children_only: bool,
    /// Include `top` itself; not with `children_only`.
    pub with_top: bool,
    pub states: &'static [State],
}

impl OrganizationScope {
    /// An organization and its descendants that aren't deleted.
    const fn shown(top: OrganizationId) -> Self {
        Self { top: Some(top), children_only: false, with_top: true, states: &[State::Active, State::Suspended] }
    }
}

/// Organizations by their state.
#[derive(Debug, Default)]
struct ByState([DualOrder<OrganizationId>; 3]);

impl ByState {
    fn of(numbers: &[u32], places: &[Place]) -> Self {
        let those = |state| numbers.iter().copied().filter(move |n| places[*n as usize].state == Some(state));
        let both = |state| DualOrder::of(those(state).collect(), organization_key(places));
        Self([State::Active, State::Suspended, State::Deleted].map(both))
    }

    fn of_state(&mut self, state: State) -> &mut DualOrder<OrganizationId> {
        &mut self.0[state as usize]
    }
}

/// The sorted descendants of an organization.
#[derive(Debug, Default)]
pub(crate) struct Subtree {
    children: ByState,
    /// All descendants, and the organization itself.
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

/// Updates of the lists.
impl Graph {
    /// An organization and its ancestors.
    pub(crate) fn upward(&self, number: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(number), |number| self.places[*number as usize].parent)
    }

    /// An organization and its descendants, each after its parent.
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

    /// Adds an existing organization, which is in no list, to all lists. Its ancestors must have been listed before.
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
            let many = place.below > UNINDEXED_MAX;
            if let Some(mut subtree) = place.subtree.take() {
                subtree.insert(number, state, parent == Some(top), &self.places);
                self.places[top as usize].subtree = Some(subtree);
            } else if many {
                self.places[top as usize].subtree = Some(Box::new(self.subtree_of(top)));
            }
        }
    }

    /// Removes an organization from all lists; nothing about it may have changed since it was listed.
    pub(crate) fn unlist_organization(&mut self, number: u32) {
        let Some(state) = self.places[number as usize].state.take() else { return };
        let parent = self.places[number as usize].parent;
        for top in self.upward(number).collect::<Vec<_>>() {
            let place = &mut self.places[top as usize];
            place.below -= u32::from(top != number);
            let many = place.below > UNINDEXED_MAX / 2;
            if let Some(mut subtree) = place.subtree.take().filter(|_| many) {
                subtree.remove(number, state, parent == Some(top), &self.places);
                self.places[top as usize].subtree = Some(subtree);
            }
        }
    }
}

/// Queries.
impl Graph {
    /// Uses the lists that together have these organizations, and the key of an item to exclude.
    fn with_lists<T: Default>(
        &self,
        scope: &OrganizationScope,
        ask: impl FnOnce(&[&DualOrder<OrganizationId>], Option<(Timestamp, OrganizationId)>) -> T,
    ) -> T {
        let top = scope.top.map_or(self.root, |id| self.organizations.get(&id).copied());
        let Some((top, place)) = top.map(|top| (top, &self.places[top as usize])) else { return T::default() };
        let made;
        let subtree = if let Some(kept) = &place.subtree {
            kept
        } else {
            made = self.subtree_of(top);
            &made
        };
        let ByState(lists) = if scope.children_only { &subtree.children } else { &subtree.all };
        let lists: Vec<_> = scope.states.iter().map(|state| &lists[*state as usize]).collect();
        let left_out =
            !scope.children_only && !scope.with_top && place.state.is_some_and(|s| scope.states.contains(&s));
        ask(&lists, left_out.then_some((place.created, place.id)))
    }

    /// The root organization.
    pub fn root(&self) -> Option<OrganizationId> {
        self.root.map(|number| self.places[number as usize].id)
    }

    pub fn organizations_count(&self, scope: &OrganizationScope) -> usize {
        self.with_lists(scope, |lists, without| {
            lists.iter().map(|list| list.by_id.len()).sum::<usize>() - usize::from(without.is_some())
        })
    }

    /// A page of them, by id.
    pub fn organizations_by_id(
        &self,
        scope: &OrganizationScope,
        start: Start<OrganizationId>,
        limit: usize,
    ) -> Vec<OrganizationId> {
        self.with_lists(scope, |lists, without| {
            let lists: Vec<_> = lists.iter().map(|list| &list.by_id).collect();
            let key_of = |number| organization_key(&self.places)(number).1;
            self.organization_ids(part_of(&lists, start, without.map(|(_, id)| id), limit, key_of))
        })
    }

    /// A page of them, by time of creation.
    pub fn organizations_by_creation(
        &self,
        scope: &OrganizationScope,
        start: Start<(Timestamp, OrganizationId)>,
        limit: usize,
    ) -> Vec<OrganizationId> {
        self.with_lists(scope, |lists, without| {
            let lists: Vec<_> = lists.iter().map(|list| &list.by_creation).collect();
            self.organization_ids(part_of(&lists, start, without, limit, organization_key(&self.places)))
        })
    }

    /// Those of these organizations that exist and aren't below another one of them. `None` if one is deleted or below
    /// a deleted one.
    fn tops_of(&self, organizations: &[OrganizationId]) -> Option<Vec<u32>> {
        let numbers = organizations.iter().filter_map(|id| self.organizations.get(id).copied());
        let there: HashSet<u32> = numbers.filter(|number| self.places[*number as usize].exists).collect();
        let is_top = |number: &&u32| !self.upward(**number).skip(1).any(|above| there.contains(&above));
        let all_shown = there.iter().all(|number| self.places[*number as usize].is_shown());
        all_shown.then(|| there.iter().filter(is_top).copied().collect())
    }

    fn shown_below(&self, top: u32) -> impl Iterator<Item = OrganizationId> + '_ {
        let all = self.downward(top).into_iter().map(|number| &self.places[number as usize]);
        all.filter(|place| place.is_shown()).map(|place| place.id)
    }

    /// These organizations and their descendants that aren't deleted: each once, by id, after the given one. `None` if
    /// one of these organizations is deleted, or if that takes more than about `step_limit` steps.
    pub fn and_below(
        &self,
        organizations: &[OrganizationId],
        after: Option<OrganizationId>,
        limit: usize,
        step_limit: usize,
    ) -> Option<Vec<OrganizationId>> {
        let mut found = Vec::new();
        for top in self.tops_of(organizations)? {
            let place = &self.places[top as usize];
            if place.subtree.is_some() {
                let (shown, start) = (OrganizationScope::shown(place.id), Start { after, ..Start::default() });
                found.extend(self.organizations_by_id(&shown, start, limit.min(step_limit.saturating_add(1))));
            } else {
                found.extend(self.shown_below(top).filter(|id| after.is_none_or(|after| *id > after)));
            }
            if found.len() > step_limit {
                return None;
            }
        }
        found.sort_unstable();
        found.truncate(limit);
        Some(found)
    }

    /// The total number of [`Self::and_below`].
    pub fn count_and_below(&self, organizations: &[OrganizationId]) -> Option<usize> {
        let count = |top: &u32| {
            let place = &self.places[*top as usize];
            match place.subtree {
                Some(_) => self.organizations_count(&OrganizationScope::shown(place.id)),
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
    use roster_testing::TestRng;

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

    /// Compares pages of all lists below an organization with the model.
    fn check(graph: &Graph, model: &Model, top: OrganizationId, rng: &mut TestRng) {
        use State::{Active, Deleted, Suspended};
        let shown: Vec<OrganizationId> = model
            .keys()
            .filter(|id| line(model, **id).contains(&top) && state(model, **id) != Deleted)
            .copied()
            .collect();
        if state(model, top) == Deleted {
            assert_eq!(graph.and_below(&[top], None, 9, 9999), None);
        } else if let Some(other) = shown.get(rng.below(shown.len())) {
            let behind: Vec<_> = shown.iter().copied().filter(|id| id > other).take(9).collect();
            assert_eq!(graph.and_below(&[*other, top], Some(*other), 9, 9999), Some(behind));
            assert_eq!(graph.count_and_below(&[*other, top]), Some(shown.len()));
            let whole = (shown.len() <= 70).then(|| shown.clone());
            assert_eq!(graph.and_below(&[top, *other], None, usize::MAX, 70), whole);
        }
        for states in [&[Active, Suspended, Deleted] as &'static [State], &[Active, Suspended], &[Deleted], &[]] {
            for (children_only, with_top) in [(true, false), (false, true), (false, false)] {
                let scope = OrganizationScope { top: Some(top), children_only, with_top, states };
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
                assert_eq!(graph.organizations_count(&scope), by_id.len(), "{scope:?}");
                let descending = rng.below(2) == 0;
                if descending {
                    by_id.reverse();
                    by_creation.reverse();
                }
                let (behind, offset, limit) = (rng.below(by_id.len() + 1), rng.below(40), rng.below(9));
                let rest = |from: usize| (from + offset).min(by_id.len())..(from + offset + limit).min(by_id.len());
                for from in [0, behind] {
                    let after = from.checked_sub(1);
                    let start = Start { after: after.map(|last| by_id[last]), offset: offset as u64, descending };
                    assert_eq!(graph.organizations_by_id(&scope, start, limit), by_id[rest(from)], "{scope:?}");
                    let start = Start { after: after.map(|last| by_creation[last]), offset: offset as u64, descending };
                    let wanted: Vec<_> = by_creation[rest(from)].iter().map(|(_, id)| *id).collect();
                    assert_eq!(graph.organizations_by_creation(&scope, start, limit), wanted, "{scope:?}");
                }
            }
        }
    }

    /// After any changes of the tree, its lists equal those computed from the whole tree.
    #[test]
    fn lists_are_those_of_the_tree() {
        let (mut graph, mut model, mut rng) = (Graph::new(0, 0, Vec::new(), Vec::new()), Model::new(), TestRng(7));
        let (mut kept, mut small) = (0, 0);
        for step in 0..900_i64 {
            let ids: Vec<OrganizationId> = model.keys().copied().collect();
            let some = |rng: &mut TestRng| ids[rng.below(ids.len())];
            let placed = match rng.below(8) {
                _ if ids.is_empty() => Placed {
                    id: OrganizationId::from_raw(1_000_000),
                    parent: None,
                    active: true,
                    suspended: false,
                    created: Timestamp::from_ms(5),
                },
                0..4 => {
                    // Most come under few, and not all in their order.
                    let among = if rng.below(3) == 0 { ids.len() } else { ids.len().min(3) };
                    let parent = ids[rng.below(among)];
                    let id = OrganizationId::from_raw(1_000_000 + step * 2 - i64::from(rng.below(5) == 0) * step);
                    if model.contains_key(&id) || line(&model, parent).len() > 12 {
                        continue;
                    }
                    let created = Timestamp::from_ms(i64::try_from(rng.below(50)).unwrap_or_default());
                    Placed { id, parent: Some(parent), active: true, suspended: rng.below(4) == 0, created }
                }
                4 => Placed { active: rng.below(3) > 0, ..model[&some(&mut rng)] },
                5 => Placed { suspended: rng.below(2) == 0, ..model[&some(&mut rng)] },
                6 => {
                    let (moved, parent) = (some(&mut rng), some(&mut rng));
                    if model[&moved].parent.is_none() || line(&model, parent).contains(&moved) {
                        continue;
                    }
                    Placed { parent: Some(parent), ..model[&moved] }
                }
                _ => {
                    let gone = some(&mut rng);
                    if model[&gone].parent.is_some() && rng.below(4) == 0 {
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
                for top in [0, 1, 2, 3, rng.below(model.len())] {
                    if let Some(top) = model.keys().nth(top).copied() {
                        check(&graph, &model, top, &mut rng);
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
            check(&restored, &model, *top, &mut rng);
        }
    }
}
