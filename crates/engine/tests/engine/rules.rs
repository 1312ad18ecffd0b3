//! The rules that always hold, tested by random histories against a small model without a database.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{Bench, runtime};
use proptest::prelude::*;
use roster_engine::{
    Caller, EntityId as _, Error, MemberQuery, MembershipPatch, NewMembership, NewOrganization, NewUser,
    OrganizationId, OrganizationPatch, RoleNumber, RoleSet, UserId,
};

/// One step of a history. Numbers select among what has been created so far.
#[derive(Clone, Debug)]
enum Op {
    User,
    Organization { under: usize },
    Add { organization: usize, user: usize, roles: i64, default: bool },
    Update { organization: usize, user: usize, roles: i64 },
    Remove { organization: usize, user: usize },
    Transfer { organization: usize, user: usize },
    Clear { organization: usize },
    Move { organization: usize, under: usize },
    DeleteOrganization { organization: usize, subtree: bool },
    DeleteUser { user: usize },
}

fn op() -> impl Strategy<Value = Op> {
    let n = 0..6_usize;
    // Sets of the eight built-in roles; sometimes empty.
    let roles = prop_oneof![9 => 1..256_i64, 1 => Just(0_i64)];
    prop_oneof![
        2 => Just(Op::User),
        2 => n.clone().prop_map(|under| Op::Organization { under }),
        6 => (n.clone(), n.clone(), roles.clone(), any::<bool>())
            .prop_map(|(organization, user, roles, default)| Op::Add { organization, user, roles, default }),
        3 => (n.clone(), n.clone(), roles).prop_map(|(organization, user, roles)| Op::Update { organization, user, roles }),
        3 => (n.clone(), n.clone()).prop_map(|(organization, user)| Op::Remove { organization, user }),
        3 => (n.clone(), n.clone()).prop_map(|(organization, user)| Op::Transfer { organization, user }),
        1 => n.clone().prop_map(|organization| Op::Clear { organization }),
        2 => (n.clone(), n.clone()).prop_map(|(organization, under)| Op::Move { organization, under }),
        1 => (n.clone(), any::<bool>()).prop_map(|(organization, subtree)| Op::DeleteOrganization { organization, subtree }),
        1 => n.prop_map(|user| Op::DeleteUser { user }),
    ]
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    roles: RoleSet,
    default: bool,
}

/// The expected state.
#[derive(Debug, Default)]
struct Model {
    users: Vec<UserId>,
    /// In order of creation, without the root.
    organizations: Vec<OrganizationId>,
    parents: BTreeMap<OrganizationId, OrganizationId>,
    /// With their order of creation.
    memberships: BTreeMap<(OrganizationId, UserId), (u64, Row)>,
    made: u64,
}

/// The expected outcome of a step.
#[derive(Debug, PartialEq)]
enum Verdict {
    Done,
    NotFound,
    AlreadyMember,
    NoRoles,
    OwnerProtected,
    OwnerExists,
    HasChildren,
    BadMove,
}

fn verdict<T>(outcome: Result<T, Error>) -> Verdict {
    match outcome {
        Ok(_) => Verdict::Done,
        Err(Error::NotFound(_) | Error::Reference { .. }) => Verdict::NotFound,
        Err(Error::AlreadyExists { .. }) => Verdict::AlreadyMember,
        Err(Error::Invalid { field, .. }) if field == "roles" => Verdict::NoRoles,
        Err(Error::Invalid { field, .. }) if field == "parent_id" => Verdict::BadMove,
        Err(Error::OwnerProtected) => Verdict::OwnerProtected,
        Err(Error::OwnerExists) => Verdict::OwnerExists,
        Err(Error::HasChildren) => Verdict::HasChildren,
        Err(other) => panic!("{other:?}"),
    }
}

impl Model {
    fn owner(&self, organization: OrganizationId) -> Option<UserId> {
        let owners: Vec<UserId> = self
            .memberships
            .iter()
            .filter(|((o, _), (_, row))| *o == organization && row.roles.contains(RoleNumber::OWNER))
            .map(|((_, user), _)| *user)
            .collect();
        assert!(owners.len() <= 1);
        owners.first().copied()
    }

    fn below(&self, organization: OrganizationId) -> BTreeSet<OrganizationId> {
        let mut below = BTreeSet::from([organization]);
        while let Some(more) =
            self.organizations.iter().find(|o| !below.contains(o) && below.contains(&self.parents[o])).copied()
        {
            below.insert(more);
        }
        below
    }

    fn clear_default(&mut self, user: UserId) {
        for ((_, u), (_, row)) in &mut self.memberships {
            row.default &= *u != user;
        }
    }

    fn add(&mut self, place: (OrganizationId, UserId), roles: RoleSet, default: bool) -> Verdict {
        if roles.is_empty() {
            return Verdict::NoRoles;
        }
        if self.memberships.contains_key(&place) {
            return Verdict::AlreadyMember;
        }
        if roles.contains(RoleNumber::OWNER) && self.owner(place.0).is_some() {
            return Verdict::OwnerExists;
        }
        if default {
            self.clear_default(place.1);
        }
        self.made += 1;
        self.memberships.insert(place, (self.made, Row { roles, default }));
        Verdict::Done
    }

    fn update(&mut self, place: (OrganizationId, UserId), roles: RoleSet) -> Verdict {
        let owner = self.owner(place.0);
        let Some((_, row)) = self.memberships.get_mut(&place) else { return Verdict::NotFound };
        if roles.is_empty() {
            return Verdict::NoRoles;
        }
        match (owner == Some(place.1), roles.contains(RoleNumber::OWNER)) {
            (true, false) => return Verdict::OwnerProtected,
            (false, true) if owner.is_some() => return Verdict::OwnerExists,
            _ => {}
        }
        row.roles = roles;
        Verdict::Done
    }

    fn remove(&mut self, place: (OrganizationId, UserId)) -> Verdict {
        if !self.memberships.contains_key(&place) {
            return Verdict::NotFound;
        }
        if self.owner(place.0) == Some(place.1) {
            return Verdict::OwnerProtected;
        }
        let (_, gone) = self.memberships.remove(&place).expect("seen above");
        if gone.default {
            self.start_at_the_oldest(place.1);
        }
        Verdict::Done
    }

    fn start_at_the_oldest(&mut self, user: UserId) {
        let mine = self.memberships.iter_mut().filter(|((_, u), _)| *u == user);
        if let Some((_, (_, row))) = mine.min_by_key(|(_, (made, _))| *made) {
            row.default = true;
        }
    }

    fn clear(&mut self, organization: OrganizationId) -> Verdict {
        let Some(owner) = self.owner(organization) else { return Verdict::NotFound };
        let (_, row) = self.memberships.get_mut(&(organization, owner)).expect("the owner's row");
        // Admin, and the custom roles.
        row.roles = RoleSet::from_bits(row.roles.bits() & !0xff).with(RoleNumber::ADMIN);
        Verdict::Done
    }

    fn transfer(&mut self, place: (OrganizationId, UserId)) -> Verdict {
        if !self.memberships.contains_key(&place) {
            return Verdict::NotFound;
        }
        if self.owner(place.0) != Some(place.1) {
            self.clear(place.0);
            self.memberships.get_mut(&place).expect("seen above").1.roles = RoleSet::OWNER;
        }
        Verdict::Done
    }

    fn delete_organization(&mut self, organization: OrganizationId, subtree: bool) -> Verdict {
        let below = self.below(organization);
        if below.len() > 1 && !subtree {
            return Verdict::HasChildren;
        }
        self.organizations.retain(|o| !below.contains(o));
        let gone = self.memberships.extract_if(.., |(o, _), _| below.contains(o));
        let homeless: Vec<UserId> = gone.filter(|(_, (_, row))| row.default).map(|((_, user), _)| user).collect();
        for user in homeless {
            self.start_at_the_oldest(user);
        }
        Verdict::Done
    }

    fn delete_user(&mut self, user: UserId) {
        self.users.retain(|u| *u != user);
        self.memberships.retain(|(_, u), _| *u != user);
    }
}

fn pick<T: Copy>(of: &[T], n: usize) -> Option<T> {
    (!of.is_empty()).then(|| of[n % of.len()])
}

fn added(roles: i64, is_default: bool) -> NewMembership {
    NewMembership { roles: RoleSet::from_bits(roles), is_default, ..NewMembership::default() }
}

/// Runs a step on the engine and the model. A step about something that doesn't exist is skipped.
async fn step(caller: &Caller, model: &mut Model, op: &Op, number: usize) -> Option<(Verdict, Verdict)> {
    let organization = |n: &usize, model: &Model| pick(&model.organizations, *n);
    Some(match op {
        Op::User => {
            let new = NewUser { email: Some(format!("user{number}@example.com")), ..NewUser::default() };
            model.users.push(caller.create_user(new).await.ok()?.id);
            (Verdict::Done, Verdict::Done)
        }
        Op::Organization { under } => {
            let parent = organization(under, model).filter(|_| under % 2 == 0).unwrap_or(caller.root());
            let new = NewOrganization {
                name: format!("organization {}", number % 3),
                parent: Some(parent.into()),
                ..NewOrganization::default()
            };
            let made = caller.create_organization(new).await.ok()?.id;
            model.organizations.push(made);
            model.parents.insert(made, parent);
            (Verdict::Done, Verdict::Done)
        }
        Op::Add { organization: o, user, roles, default } => {
            let place = (organization(o, model)?, pick(&model.users, *user)?);
            let outcome = caller.add_member(place.0, place.1, added(*roles, *default)).await;
            (verdict(outcome), model.add(place, RoleSet::from_bits(*roles), *default))
        }
        Op::Update { organization: o, user, roles } => {
            let place = (organization(o, model)?, pick(&model.users, *user)?);
            let patch = MembershipPatch { roles: Some(RoleSet::from_bits(*roles)), ..MembershipPatch::default() };
            (
                verdict(caller.update_member(place.0, place.1, patch).await),
                model.update(place, RoleSet::from_bits(*roles)),
            )
        }
        Op::Remove { organization: o, user } => {
            let place = (organization(o, model)?, pick(&model.users, *user)?);
            (verdict(caller.remove_member(place.0, place.1, None).await), model.remove(place))
        }
        Op::Transfer { organization: o, user } => {
            let place = (organization(o, model)?, pick(&model.users, *user)?);
            (verdict(caller.transfer_ownership(place.0, place.1).await), model.transfer(place))
        }
        Op::Clear { organization: o } => {
            let o = organization(o, model)?;
            (verdict(caller.clear_ownership(o).await), model.clear(o))
        }
        Op::Move { organization: o, under } => {
            let (o, under) = (organization(o, model)?, organization(under, model)?);
            let patch = OrganizationPatch { parent: Some(under.into()), ..OrganizationPatch::default() };
            let outcome = verdict(caller.update_organization(o, patch).await);
            if model.parents[&o] == under {
                (outcome, Verdict::Done)
            } else if model.below(o).contains(&under) {
                (outcome, Verdict::BadMove)
            } else {
                model.parents.insert(o, under);
                (outcome, Verdict::Done)
            }
        }
        Op::DeleteOrganization { organization: o, subtree } => {
            let o = organization(o, model)?;
            (verdict(caller.delete_organization(o, *subtree, None).await), model.delete_organization(o, *subtree))
        }
        Op::DeleteUser { user } => {
            let user = pick(&model.users, *user)?;
            let outcome = verdict(caller.delete_user(user, None).await);
            model.delete_user(user);
            (outcome, Verdict::Done)
        }
    })
}

/// All memberships according to the engine, in the model's form.
async fn shown(caller: &Caller, model: &Model) -> BTreeMap<(OrganizationId, UserId), Row> {
    let mut shown = BTreeMap::new();
    for organization in &model.organizations {
        let listed = caller.list_members(*organization, MemberQuery::default()).await.expect("a list");
        for m in listed.items {
            assert_eq!(m.organization.parent, Some(model.parents[organization]), "the tree");
            shown.insert(
                (m.membership.organization, m.membership.user),
                Row { roles: m.membership.roles, default: m.membership.is_default },
            );
        }
    }
    shown
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Rules 1, 2, 3 and 5: one membership per pair, at most one owner, who is protected, no cycle, log and tables agree.
    #[test]
    fn the_engine_does_as_the_model_says(history in prop::collection::vec(op(), 1..60)) {
        runtime().block_on(async {
            let bench = Bench::new().await;
            let mut model = Model::default();
            for (number, op) in history.iter().enumerate() {
                if let Some((found, wanted)) = step(&bench.operator, &mut model, op, number).await {
                    prop_assert_eq!(found, wanted, "{:?}", op);
                }
            }
            let wanted: BTreeMap<_, _> = model.memberships.iter().map(|(place, (_, row))| (*place, row.clone())).collect();
            prop_assert_eq!(shown(&bench.operator, &model).await, wanted);
            bench.verify().await.map_err(TestCaseError::fail)?;
            // Purging what was deleted changes nothing visible.
            bench.engine.maintain().await;
            bench.verify().await.map_err(TestCaseError::fail)
        })?;
    }

    /// The same rules under concurrency.
    #[test]
    fn at_once_the_rules_hold_too(histories in prop::collection::vec(prop::collection::vec(op(), 1..12), 6)) {
        runtime().block_on(async {
            let bench = Bench::new().await;
            let mut base = Model::default();
            for number in 0..4 {
                step(&bench.operator, &mut base, &Op::User, number).await;
                step(&bench.operator, &mut base, &Op::Organization { under: number }, number).await;
            }
            let tasks: Vec<_> = histories
                .into_iter()
                .enumerate()
                .map(|(task, history)| {
                    let caller = bench.operator.clone();
                    let (users, organizations) = (base.users.clone(), base.organizations.clone());
                    let parents = base.parents.clone();
                    tokio::spawn(async move {
                        for (number, op) in history.iter().enumerate() {
                            // The tasks' models diverge; only the global rules are checked below.
                            let mut model = Model {
                                users: users.clone(),
                                organizations: organizations.clone(),
                                parents: parents.clone(),
                                ..Model::default()
                            };
                            step(&caller, &mut model, op, 1000 * (task + 1) + number).await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("no panic");
            }
            bench.verify().await.map_err(TestCaseError::fail)
        })?;
    }
}

/// Rule 1 under load: of many equal requests exactly one succeeds.
#[test]
fn of_many_equal_additions_one_succeeds() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let mut model = Model::default();
        step(&bench.operator, &mut model, &Op::User, 0).await;
        step(&bench.operator, &mut model, &Op::Organization { under: 1 }, 0).await;
        let place = (model.organizations[0], model.users[0]);
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let caller = bench.operator.clone();
                tokio::spawn(async move { verdict(caller.add_member(place.0, place.1, added(4, true)).await) })
            })
            .collect();
        let mut done = 0;
        for task in tasks {
            match task.await.expect("no panic") {
                Verdict::Done => done += 1,
                other => assert_eq!(other, Verdict::AlreadyMember),
            }
        }
        assert_eq!(done, 1);
    });
}

/// Rule 2 under load: while ownership is transferred repeatedly, every reader sees exactly one owner.
#[test]
fn there_is_always_one_owner_while_ownership_is_handed_round() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let mut model = Model::default();
        for number in 0..8 {
            step(&bench.operator, &mut model, &Op::User, number).await;
        }
        step(&bench.operator, &mut model, &Op::Organization { under: 1 }, 0).await;
        let organization = model.organizations[0];
        for user in &model.users {
            bench.operator.add_member(organization, *user, added(4, false)).await.expect("added");
        }
        bench.operator.transfer_ownership(organization, model.users[0]).await.expect("an owner");
        let tasks: Vec<_> = model
            .users
            .iter()
            .map(|user| {
                let (caller, user) = (bench.operator.clone(), *user);
                tokio::spawn(async move {
                    for _ in 0..10 {
                        caller.transfer_ownership(organization, user).await.expect("handed on");
                    }
                })
            })
            .collect();
        while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
            let listed = bench.operator.list_members(organization, MemberQuery::default()).await.expect("a list");
            let owners = listed.items.iter().filter(|m| m.membership.roles.contains(RoleNumber::OWNER)).count();
            assert_eq!(owners, 1);
        }
        bench.verify().await.expect("everything agrees");
    });
}

/// Rule 3: sixteen levels, and no more.
#[test]
fn the_tree_is_sixteen_deep_at_most() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let mut parent = bench.operator.root();
        for level in 1..=16 {
            let new =
                NewOrganization { name: format!("level {level}"), parent: Some(parent.into()), ..Default::default() };
            let made = bench.operator.create_organization(new).await.expect("room");
            assert_eq!(made.depth, level);
            parent = made.id;
        }
        let new = NewOrganization { name: "level 17".into(), parent: Some(parent.into()), ..Default::default() };
        assert_eq!(verdict(bench.operator.create_organization(new).await), Verdict::BadMove);
    });
}

/// Rule 9: entities of one realm are unknown in another, by any reference.
#[test]
fn realms_do_not_see_each_other() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        bench.engine.create_realm("other").await.expect("a realm");
        let other = bench.engine.operator("other").await.expect("the database").expect("the realm");
        let user = bench.operator.create_user(NewUser { email: Some("ada@example.com".into()), ..Default::default() });
        let user = user.await.expect("a user");
        let organization = bench.operator.create_organization(NewOrganization {
            name: "acme".into(),
            slug: Some("acme".into()),
            external_id: Some("42".into()),
            ..Default::default()
        });
        let organization = organization.await.expect("an organization");
        bench.operator.add_member(organization.id, user.id, added(2, false)).await.expect("a member");

        assert_eq!(verdict(other.organization(organization.id).await), Verdict::NotFound);
        assert_eq!(verdict(other.organization(&*organization.id.native()).await), Verdict::NotFound);
        assert_eq!(verdict(other.organization(bench.operator.root()).await), Verdict::NotFound);
        assert_eq!(verdict(other.user(user.id).await), Verdict::NotFound);
        assert_eq!(verdict(other.add_member(other.root(), user.id, added(2, false)).await), Verdict::NotFound);
        assert_eq!(verdict(other.list_memberships_of(user.id, MemberQuery::default()).await), Verdict::NotFound);
        // Names that are taken in one realm are free in another.
        let same = NewOrganization {
            name: "acme".into(),
            slug: Some("acme".into()),
            external_id: Some("42".into()),
            ..Default::default()
        };
        other.create_organization(same).await.expect("free");
        let same = NewUser { email: Some("ADA@example.com".into()), ..Default::default() };
        assert_eq!(other.create_user(same).await.expect("free").email(), Some("ada@example.com"));
        let events = other.list_events(0, 100, None).await.expect("a log");
        assert!(events.iter().zip(1..).all(|(event, n)| event.sequence == n), "numbers of its own");
        bench.verify().await.expect("everything agrees");
    });
}

/// A follower who reads `after = n` while others commit never misses an event and never sees one twice.
#[test]
fn a_follower_misses_nothing() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let writers: Vec<_> = (0..8)
            .map(|task| {
                let caller = bench.operator.clone();
                tokio::spawn(async move {
                    for number in 0..40 {
                        let new =
                            NewUser { email: Some(format!("u{task}-{number}@example.com")), ..Default::default() };
                        caller.create_user(new).await.expect("a user");
                    }
                })
            })
            .collect();
        let (mut after, mut seen) = (0, 0);
        loop {
            let finished = writers.iter().all(tokio::task::JoinHandle::is_finished);
            for event in bench.operator.list_events(after, 17, None).await.expect("a log") {
                assert_eq!(event.sequence, after + 1);
                after = event.sequence;
                seen += usize::from(event.kind == "user.created");
            }
            if finished && after == bench.operator.position() {
                break;
            }
        }
        assert_eq!(seen, 8 * 40);
    });
}
