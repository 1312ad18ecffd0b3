//! After any history, checks and lists agree with a small model on plain maps.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{Bench, runtime};
use proptest::prelude::*;
use roster_engine::{
    Ask, Check, EntityId as _, Listed, MembershipPatch, NewMembership, NewOrganization, NewPermission, NewRole,
    NewUser, OrganizationId, OrganizationPatch, OrganizationStatus, Page, Reason, RoleNumber, RolePatch, RoleSet,
    UserId, UserPatch, UserStatus,
};

const USERS: usize = 4;
const PLACES: usize = 7;
/// The number of the custom role.
const OWN: u8 = 8;

#[derive(Clone, Debug)]
enum Op {
    Create {
        under: usize,
    },
    Delete {
        place: usize,
    },
    Move {
        place: usize,
        under: usize,
    },
    Put {
        user: usize,
        place: usize,
        roles: i64,
    },
    Remove {
        user: usize,
        place: usize,
    },
    Status {
        user: usize,
        active: bool,
    },
    OwnReaches(bool),
    OwnGrants(bool),
    /// Marked as deleted, or no longer.
    Mark {
        place: usize,
        deleted: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let (user, place) = (0..USERS, 0..PLACES);
    // Sets of admin, member, viewer and the custom role.
    let roles = prop::sample::select(vec![2_i64, 4, 8, 4 | 8, 1 << OWN, (1 << OWN) | 4, 2 | (1 << OWN)]);
    prop_oneof![
        4 => place.clone().prop_map(|under| Op::Create { under }),
        1 => place.clone().prop_map(|place| Op::Delete { place }),
        2 => (place.clone(), place.clone()).prop_map(|(place, under)| Op::Move { place, under }),
        8 => (user.clone(), place.clone(), roles).prop_map(|(user, place, roles)| Op::Put { user, place, roles }),
        2 => (user.clone(), place).prop_map(|(user, place)| Op::Remove { user, place }),
        1 => (user, any::<bool>()).prop_map(|(user, active)| Op::Status { user, active }),
        1 => any::<bool>().prop_map(Op::OwnReaches),
        1 => any::<bool>().prop_map(Op::OwnGrants),
        1 => (0..PLACES, any::<bool>()).prop_map(|(place, deleted)| Op::Mark { place, deleted }),
    ]
}

/// The model's state, in plain maps. Place 0 is the root.
#[derive(Debug, Default)]
struct Model {
    users: Vec<(UserId, bool)>,
    places: Vec<OrganizationId>,
    /// Parents of the existing organizations.
    parents: BTreeMap<OrganizationId, Option<OrganizationId>>,
    held: BTreeMap<(UserId, OrganizationId), RoleSet>,
    own_reaches: bool,
    own_grants: bool,
    marked: BTreeSet<OrganizationId>,
}

impl Model {
    fn above(&self, mut place: OrganizationId) -> Vec<OrganizationId> {
        let mut line = vec![place];
        while let Some(Some(parent)) = self.parents.get(&place) {
            line.push(*parent);
            place = *parent;
        }
        line
    }

    fn reaches(&self, role: RoleNumber) -> bool {
        role == RoleNumber::ADMIN || (role.get() == OWN && self.own_reaches)
    }

    fn roles(&self, user: UserId, place: OrganizationId) -> RoleSet {
        let active = self.users.iter().any(|(id, active)| *id == user && *active);
        if !active || !self.parents.contains_key(&place) {
            return RoleSet::EMPTY;
        }
        if self.above(place).iter().any(|at| self.marked.contains(at)) {
            return RoleSet::EMPTY;
        }
        let line = self.above(place).into_iter().enumerate();
        let counted = line.flat_map(|(distance, at)| {
            let held = self.held.get(&(user, at)).copied().unwrap_or_default();
            held.iter().filter(move |role| distance == 0 || self.reaches(*role)).collect::<Vec<_>>()
        });
        counted.collect()
    }

    fn says(&self, user: UserId, place: OrganizationId, ask: &Ask) -> bool {
        self.roles(user, place).iter().any(|role| match (ask, role.get()) {
            (Ask::Anything, _) => true,
            (Ask::AnyRole(roles), _) => roles.contains(role),
            (Ask::Role(key), number) => (key == "admin" && number == 1) || (key == "own" && number == OWN),
            (Ask::Permission(key), OWN) => self.own_grants && key == "own.do",
            (Ask::Permission(key), _) => key == "memberships:read",
        })
    }
}

struct Run {
    bench: Bench,
    model: Model,
    own: String,
}

fn asks() -> Vec<Ask> {
    let permission = |key: &str| Ask::Permission(key.into());
    let role = |key: &str| Ask::Role(key.into());
    vec![
        permission("memberships:read"),
        permission("own.do"),
        permission("nothing"),
        role("admin"),
        role("own"),
        Ask::AnyRole(RoleNumber::new(OWN).into_iter().chain([RoleNumber::ADMIN]).collect()),
        Ask::Anything,
    ]
}

impl Run {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let mut model = Model { own_grants: true, ..Model::default() };
        model.places.push(bench.operator.root());
        model.parents.insert(bench.operator.root(), None);
        for _ in 0..USERS {
            model.users.push((bench.operator.create_user(NewUser::default()).await.expect("a user").id, true));
        }
        let permission = NewPermission { key: "own.do".into(), ..NewPermission::default() };
        bench.operator.create_permission(permission).await.expect("a permission");
        let role = NewRole { key: "own".into(), permissions: vec!["own.do".into()], ..NewRole::default() };
        let role = bench.operator.create_role(role).await.expect("a role");
        assert_eq!(role.number.get(), OWN);
        Self { bench, model, own: role.id.native() }
    }

    fn place(&self, place: usize) -> Option<OrganizationId> {
        self.model.places.get(place).copied()
    }

    /// The model skips what the engine refuses: other tests check what it must refuse.
    async fn step(&mut self, op: &Op) {
        let caller = self.bench.operator.clone();
        match *op {
            Op::Create { under } => {
                let Some(parent) = self.place(under) else { return };
                if self.model.places.len() == PLACES {
                    return;
                }
                let new =
                    NewOrganization { name: "place".into(), parent: Some(parent.into()), ..NewOrganization::default() };
                if let Ok(made) = caller.create_organization(new).await {
                    self.model.places.push(made.id);
                    self.model.parents.insert(made.id, Some(parent));
                }
            }
            Op::Delete { place } => {
                let Some(place) = self.place(place) else { return };
                if caller.delete_organization(place, true, None).await.is_ok() {
                    let gone: BTreeSet<_> = self
                        .model
                        .parents
                        .keys()
                        .copied()
                        .filter(|id| self.model.above(*id).contains(&place))
                        .collect();
                    self.model.parents.retain(|id, _| !gone.contains(id));
                    self.model.held.retain(|(_, at), _| !gone.contains(at));
                }
            }
            Op::Move { place, under } => {
                let (Some(place), Some(under)) = (self.place(place), self.place(under)) else { return };
                let patch = OrganizationPatch { parent: Some(under.into()), ..OrganizationPatch::default() };
                if caller.update_organization(place, patch).await.is_ok() {
                    self.model.parents.insert(place, Some(under));
                }
            }
            Op::Put { user, place, roles } => {
                let (user, roles) = (self.model.users[user].0, RoleSet::from_bits(roles));
                let Some(place) = self.place(place) else { return };
                let new = NewMembership { roles, ..NewMembership::default() };
                let patch = MembershipPatch { roles: Some(roles), ..MembershipPatch::default() };
                if caller.add_member(place, user, new).await.is_ok()
                    || caller.update_member(place, user, patch).await.is_ok()
                {
                    self.model.held.insert((user, place), roles);
                }
            }
            Op::Remove { user, place } => {
                let Some(place) = self.place(place) else { return };
                let user = self.model.users[user].0;
                if caller.remove_member(place, user, None).await.is_ok() {
                    self.model.held.remove(&(user, place));
                }
            }
            Op::Status { user, active } => {
                let status = if active { UserStatus::Active } else { UserStatus::Inactive };
                let patch = UserPatch { status: Some(status), ..UserPatch::default() };
                caller.update_user(self.model.users[user].0, patch).await.expect("changed");
                self.model.users[user].1 = active;
            }
            Op::Mark { place, deleted } => {
                let Some(place) = self.place(place) else { return };
                let done = if deleted {
                    caller.mark_organization_deleted(place).await
                } else {
                    let status = Some(OrganizationStatus::Active);
                    caller
                        .update_organization(place, OrganizationPatch { status, ..OrganizationPatch::default() })
                        .await
                };
                if done.is_ok() && deleted {
                    self.model.marked.insert(place);
                } else if done.is_ok() {
                    self.model.marked.remove(&place);
                }
            }
            Op::OwnReaches(reaches) => {
                let patch = RolePatch { reaches_down: Some(reaches), ..RolePatch::default() };
                caller.update_role(&self.own, patch).await.expect("changed");
                self.model.own_reaches = reaches;
            }
            Op::OwnGrants(grants) => {
                let permissions = if grants { vec![String::from("own.do")] } else { Vec::new() };
                let patch = RolePatch { permissions: Some(permissions), ..RolePatch::default() };
                caller.update_role(&self.own, patch).await.expect("changed");
                self.model.own_grants = grants;
            }
        }
    }

    async fn compare(&self) -> Result<(), TestCaseError> {
        let caller = &self.bench.operator;
        let mut checks = Vec::new();
        let mut expected = Vec::new();
        for ask in asks() {
            for (user, _) in &self.model.users {
                for place in &self.model.places {
                    checks.push(Check {
                        user: (*user).into(),
                        organization: (*place).into(),
                        ask: ask.clone(),
                        explain: true,
                    });
                    expected.push(self.model.says(*user, *place, &ask));
                }
            }
        }
        let verdicts = caller.check_many(checks.clone()).await.expect("answers");
        for ((verdict, check), expected) in verdicts.iter().zip(&checks).zip(expected) {
            prop_assert_eq!(verdict.allowed, expected, "{:?}: {:?}", check, verdict);
            prop_assert_eq!(verdict.reason == Reason::Granted, expected);
            prop_assert_eq!(verdict.via.is_some(), expected);
        }
        for ask in asks() {
            for (user, _) in &self.model.users {
                let mut wanted: Vec<_> =
                    self.model.places.iter().copied().filter(|place| self.model.says(*user, *place, &ask)).collect();
                wanted.sort_unstable();
                let page = |cursor| caller.reach(*user, ask.clone(), part(cursor));
                let found = walk(page, wanted.len()).await?;
                for reached in &found {
                    prop_assert_eq!(reached.roles, self.model.roles(*user, reached.organization.id));
                }
                prop_assert_eq!(found.iter().map(|r| r.organization.id).collect::<Vec<_>>(), wanted);
            }
            for place in self.model.parents.keys() {
                let says = |user: &UserId| self.model.says(*user, *place, &ask);
                let wanted: Vec<_> = self.model.users.iter().map(|(user, _)| *user).filter(says).collect();
                let page = |cursor| caller.effective_members(*place, ask.clone(), part(cursor));
                let found = walk(page, wanted.len()).await?;
                for member in &found {
                    prop_assert_eq!(member.roles, self.model.roles(member.user.id, *place));
                    let nearest = member.ways.windows(2).all(|two| two[0].distance < two[1].distance);
                    prop_assert!(nearest && !member.ways.is_empty());
                }
                prop_assert_eq!(found.iter().map(|m| m.user.id).collect::<Vec<_>>(), wanted);
            }
        }
        Ok(())
    }
}

fn part(cursor: Option<String>) -> Page {
    Page { cursor, limit: Some(2), total: true, ..Page::default() }
}

/// All pages of a list, each of which must have the total.
async fn walk<T, F: Future<Output = Result<Listed<T>, roster_engine::Error>>>(
    page: impl Fn(Option<String>) -> F,
    total: usize,
) -> Result<Vec<T>, TestCaseError> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let listed = page(cursor).await.expect("a page");
        prop_assert_eq!(listed.total, Some(total as u64));
        prop_assert!(listed.items.len() <= 2);
        found.extend(listed.items);
        cursor = listed.next;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn checks_and_lists_say_what_the_memberships_say(ops in prop::collection::vec(op(), 5..40)) {
        runtime().block_on(async {
            let mut run = Run::new().await;
            for (number, op) in ops.iter().enumerate() {
                run.step(op).await;
                if number % 8 == 7 {
                    run.compare().await?;
                }
            }
            run.compare().await?;
            run.bench.verify().await.map_err(TestCaseError::fail)
        })?;
    }
}
