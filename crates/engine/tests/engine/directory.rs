//! Directories: random changes of members as sets, against a small model without a database; and refused removals change nothing.

use std::collections::BTreeSet;

use crate::common::{Bench, runtime};
use proptest::prelude::*;
use roster_engine::{
    Caller, Dialect, DirectoryOptions, EntityId as _, Error, GroupPatch, MemberChange, MemberQuery, MembersWanted,
    Metadata, NewGroup, NewRole, OrganizationId, OrganizationPatch, RoleNumber, RoleSet, UserId, UserProfile,
};

#[derive(Clone, Debug)]
enum Op {
    Add(Vec<usize>),
    Remove(Vec<usize>),
    Replace(Vec<usize>),
    Clear,
    /// Users at even indexes.
    RemoveEven,
    /// Through another surface.
    Join(usize),
    Leave(usize),
    SetOwner(usize),
}

const USERS: usize = 6;

fn op() -> impl Strategy<Value = Op> {
    let some = || prop::collection::vec(0..USERS, 0..4);
    prop_oneof![
        4 => some().prop_map(Op::Add),
        4 => some().prop_map(Op::Remove),
        2 => some().prop_map(Op::Replace),
        1 => Just(Op::Clear),
        1 => Just(Op::RemoveEven),
        2 => (0..USERS).prop_map(Op::Join),
        2 => (0..USERS).prop_map(Op::Leave),
        1 => (0..USERS).prop_map(Op::SetOwner),
    ]
}

async fn change(
    caller: &Caller,
    group: OrganizationId,
    members: impl Fn() -> Vec<MemberChange> + Clone + Send + 'static,
) -> Result<(), Error> {
    let edit = move |_: &roster_engine::ProvisionedGroup| {
        Ok::<_, Error>(GroupPatch { members: members(), ..GroupPatch::default() })
    };
    caller.change_provisioned_group(group, edit, MembersWanted::None).await.map(drop)
}

async fn members(caller: &Caller, group: OrganizationId) -> BTreeSet<UserId> {
    let group = caller.provisioned_group(group, MembersWanted::All).await.expect("the group");
    group.members.expect("members").iter().map(|member| member.user).collect()
}

async fn users(caller: &Caller, count: usize) -> Vec<UserId> {
    let mut users = Vec::new();
    for number in 0..count {
        let profile = UserProfile { user_name: format!("user {number}"), active: true, ..UserProfile::default() };
        users.push(caller.provision_user(profile).await.expect("a user").user.id);
    }
    users
}

async fn history(ops: Vec<Op>) -> Result<(), String> {
    let bench = Bench::new().await;
    let caller = bench.operator.clone();
    let users = users(&caller, USERS).await;
    let new = NewGroup { name: "acme".into(), ..NewGroup::default() };
    let group = caller.provision_group(new, MembersWanted::None).await.map_err(|e| e.to_string())?.organization.id;
    let mut model: BTreeSet<UserId> = BTreeSet::new();
    let mut owner: Option<UserId> = None;
    for op in ops {
        let chosen = |places: &[usize]| places.iter().map(|at| users[*at]).collect::<BTreeSet<UserId>>();
        let named = |places: &[usize]| places.iter().map(|at| users[*at].native()).collect::<Vec<String>>();
        let keep_owner = |set: BTreeSet<UserId>| set.into_iter().chain(owner).collect::<BTreeSet<UserId>>();
        let outcome = match &op {
            Op::Add(places) => {
                let names = named(places);
                model.extend(chosen(places));
                change(&caller, group, move || vec![MemberChange::Add(names.clone())]).await
            }
            Op::Remove(places) => {
                let (names, gone) = (named(places), chosen(places));
                let outcome = change(&caller, group, move || vec![MemberChange::Remove(names.clone())]).await;
                if owner.is_some_and(|owner| gone.contains(&owner)) {
                    // If the owner is named, the whole removal is refused.
                    if !matches!(outcome, Err(Error::OwnerProtected)) {
                        return Err(format!("{op:?}: {outcome:?}"));
                    }
                    Ok(())
                } else {
                    model.retain(|user| !gone.contains(user));
                    outcome
                }
            }
            Op::Replace(places) => {
                let names = named(places);
                model = keep_owner(chosen(places));
                change(&caller, group, move || vec![MemberChange::Replace(names.clone())]).await
            }
            Op::Clear => {
                model = keep_owner(BTreeSet::new());
                change(&caller, group, || vec![MemberChange::Clear]).await
            }
            Op::RemoveEven => {
                let even: BTreeSet<UserId> = users.iter().copied().step_by(2).collect();
                model.retain(|user| !even.contains(user) || owner == Some(*user));
                let like = move || {
                    let even = even.clone();
                    vec![MemberChange::RemoveWhere(Box::new(move |member| even.contains(&member.user)))]
                };
                change(&caller, group, like).await
            }
            Op::Join(at) => {
                let new = roster_engine::NewMembership { roles: RoleSet::of(RoleNumber::VIEWER), ..Default::default() };
                model.insert(users[*at]);
                match caller.add_member(group, users[*at], new).await {
                    Ok(_) | Err(Error::AlreadyExists { .. }) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            Op::Leave(at) => match caller.remove_member(group, users[*at], None).await {
                Ok(_) => {
                    model.remove(&users[*at]);
                    Ok(())
                }
                Err(Error::NotFound(_) | Error::OwnerProtected) => Ok(()),
                Err(error) => Err(error),
            },
            Op::SetOwner(at) => match caller.transfer_ownership(group, users[*at]).await {
                Ok(_) => {
                    owner = Some(users[*at]);
                    Ok(())
                }
                Err(Error::NotFound(_)) => Ok(()),
                Err(error) => Err(error),
            },
        };
        outcome.map_err(|error| format!("{op:?}: {error}"))?;
        let now = members(&caller, group).await;
        if now != model {
            return Err(format!("after {op:?} there are {now:?}, not {model:?}"));
        }
    }
    bench.verify().await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn members_are_a_set(ops in prop::collection::vec(op(), 1..20)) {
        runtime().block_on(history(ops)).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn what_the_guard_holds_changes_nothing_and_is_noted() {
    runtime().block_on(async {
        let options = DirectoryOptions { max_removal_percent: 50, max_removal_floor: 1, ..DirectoryOptions::default() };
        let bench = Bench::with(|mut config| {
            config.directory = options;
            config
        })
        .await;
        let caller = bench.operator.clone();
        let users = users(&caller, 5).await;
        let names: Vec<String> = users.iter().map(|user| user.native()).collect();
        let new = NewGroup { name: "acme".into(), members: names.clone(), ..NewGroup::default() };
        let group = caller.provision_group(new, MembersWanted::None).await.expect("a group").organization.id;
        let events = caller.list_events(0, 1000, None).await.expect("events").len();
        let (three, two) = (names[..3].to_vec(), names[..2].to_vec());
        let held = change(&caller, group, move || vec![MemberChange::Remove(three.clone())]).await;
        assert!(matches!(held, Err(Error::RemovalHeld { removing: 3, members: 5 })), "{held:?}");
        assert_eq!(members(&caller, group).await.len(), 5);
        let noted = caller.list_events(0, 1000, None).await.expect("events");
        assert_eq!(
            (noted.len(), noted.last().map(|event| event.kind.as_str())),
            (events + 1, Some("scim.removal_held"))
        );
        // A user who is removed and added again in one request doesn't count as removed.
        let back = names.clone();
        let swap = move || vec![MemberChange::Clear, MemberChange::Add(back.clone())];
        change(&caller, group, swap).await.expect("nobody is gone");
        change(&caller, group, move || vec![MemberChange::Remove(two.clone())])
            .await
            .expect("as many as are let through");
        assert_eq!(members(&caller, group).await.len(), 3);
        bench.verify().await.expect("log and tables agree");
    });
}

#[test]
fn a_request_is_held_for_what_it_takes_in_the_end() {
    runtime().block_on(async {
        let options = DirectoryOptions { max_removal_percent: 20, max_removal_floor: 1, ..DirectoryOptions::default() };
        let bench = Bench::with(|mut config| {
            config.directory = options;
            config
        })
        .await;
        let caller = bench.operator.clone();
        let names: Vec<String> = users(&caller, 12).await.iter().map(|user| user.native()).collect();
        let (nine, three) = (names[..9].to_vec(), names[9..].to_vec());
        let new = NewGroup { name: "acme".into(), members: nine.clone(), ..NewGroup::default() };
        let group = caller.provision_group(new, MembersWanted::None).await.expect("a group").organization.id;
        let events = caller.list_events(0, 1000, None).await.expect("events").len();
        let strangers = three.clone();
        change(&caller, group, move || {
            vec![MemberChange::Add(strangers.clone()), MemberChange::Remove(strangers.clone())]
        })
        .await
        .expect("nobody goes who was there");
        assert_eq!(caller.list_events(0, 1000, None).await.expect("events").len(), events, "nor does anybody come");
        // Additions don't raise the limit of removals.
        let gone = nine[..2].to_vec();
        let held =
            change(&caller, group, move || vec![MemberChange::Add(three.clone()), MemberChange::Remove(gone.clone())])
                .await;
        assert!(matches!(held, Err(Error::RemovalHeld { removing: 2, members: 9 })), "{held:?}");
        assert_eq!(members(&caller, group).await.len(), 9);
        bench.verify().await.expect("log and tables agree");
    });
}

#[test]
fn who_goes_and_comes_back_in_one_request_keeps_what_he_had() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let caller = bench.operator.clone();
        let ada = users(&caller, 1).await[0];
        let new = NewGroup { name: "acme".into(), ..NewGroup::default() };
        let group = caller.provision_group(new, MembersWanted::None).await.expect("a group").organization.id;
        let viewer = roster_engine::NewMembership { roles: RoleSet::of(RoleNumber::VIEWER), ..Default::default() };
        let before = caller.add_member(group, ada, viewer).await.expect("a member").membership;
        let events = caller.list_events(0, 1000, None).await.expect("events").len();
        let her = || vec![ada.native()];
        let back: [fn(Vec<String>) -> Vec<MemberChange>; 4] = [
            |her| vec![MemberChange::Remove(her.clone()), MemberChange::Add(her)],
            |her| vec![MemberChange::Clear, MemberChange::Add(her)],
            |her| vec![MemberChange::Replace(Vec::new()), MemberChange::Replace(her)],
            |her| vec![MemberChange::RemoveWhere(Box::new(|_| true)), MemberChange::Add(her)],
        ];
        for (at, steps) in back.into_iter().enumerate() {
            let names = her();
            change(&caller, group, move || steps(names.clone())).await.expect("a change");
            let names = her();
            let edit = move |_: &roster_engine::ProvisionedGroup, _| {
                Ok::<_, Error>(GroupPatch { members: steps(names.clone()), ..GroupPatch::default() })
            };
            caller.change_role_group(group, RoleNumber::VIEWER, edit, MembersWanted::None).await.expect("a change");
            let now = caller.member(group, ada).await.expect("a member").membership;
            assert_eq!((now.id, now.roles), (before.id, before.roles), "{at}");
        }
        assert_eq!(caller.list_events(0, 1000, None).await.expect("events").len(), events, "nothing happened");
        bench.verify().await.expect("log and tables agree");
    });
}

#[test]
fn unknown_members_are_named_and_refuse_all() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let caller = bench.operator.clone();
        let users = users(&caller, 1).await;
        let group = caller
            .provision_group(NewGroup { name: "acme".into(), ..NewGroup::default() }, MembersWanted::None)
            .await
            .expect("a group")
            .organization
            .id;
        let mut names: Vec<String> = (0..12).map(|number| format!("nobody{number}")).collect();
        names.push(users[0].native());
        let refused = change(&caller, group, move || vec![MemberChange::Add(names.clone())]).await;
        let Err(Error::Invalid { field, problem }) = refused else { panic!("{refused:?}") };
        assert_eq!(field, "members");
        assert!(
            problem.contains("nobody9") && !problem.contains("nobody10") && problem.ends_with("and 2 more"),
            "{problem}"
        );
        assert!(members(&caller, group).await.is_empty());
    });
}

#[test]
fn who_started_in_a_deleted_group_starts_in_the_oldest_he_has_left() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let caller = bench.operator.clone();
        let ada = users(&caller, 1).await[0];
        let group = async |name: &str| {
            let new = NewGroup { name: name.into(), members: vec![ada.native()], ..NewGroup::default() };
            caller.provision_group(new, MembersWanted::None).await.expect("a group").organization.id
        };
        let oldest = group("oldest").await;
        group("other").await;
        let gone = group("gone").await;
        caller.set_default_membership(gone, ada).await.expect("a member");
        let agree = |_: &roster_engine::ProvisionedGroup| Ok::<_, Error>(());
        caller.deprovision_group(gone, agree).await.expect("nothing is below it");
        let left = caller.list_memberships_of(ada, MemberQuery::default()).await.expect("a list").items;
        let starts = |member: &&roster_engine::Member| member.membership.is_default;
        let starts: Vec<OrganizationId> = left.iter().filter(starts).map(|m| m.membership.organization).collect();
        assert_eq!((left.len(), starts), (2, vec![oldest]));
        bench.verify().await.expect("log and tables agree");
    });
}

#[test]
fn a_groups_role_is_no_other_one_that_got_its_number() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let caller = bench.operator.clone();
        let role = async |key: &str| {
            let new = NewRole { key: key.into(), ..NewRole::default() };
            caller.create_role(new).await.expect("a role")
        };
        let former = role("former").await;
        let new = NewGroup { name: "acme".into(), role: Some(former.number), ..NewGroup::default() };
        let group = caller.provision_group(new, MembersWanted::None).await.expect("a group");
        assert_eq!(group.role, Some(former.number));
        let id = group.organization.id;
        let name = |_: &roster_engine::ProvisionedGroup, _| {
            Ok::<_, Error>(GroupPatch { external_id: Some(Some("holders".into())), ..GroupPatch::default() })
        };
        let named = caller.change_role_group(id, former.number, name, MembersWanted::None).await.expect("a name");
        assert_eq!(named.1.as_deref(), Some("holders"));
        let now = async || caller.provisioned_group(id, MembersWanted::None).await.expect("the group").role;
        caller.delete_role("former", None).await.expect("nobody holds it");
        let later = role("later").await;
        assert_eq!(later.number, former.number, "given again");
        assert_eq!(now().await, None);
        let holders = caller.role_group(id, later.number, MembersWanted::None).await.expect("nobody");
        assert_eq!(holders.1, None, "nor is it called so");
        // The format of older versions is still read.
        let number = Metadata::from_iter([("role".to_owned(), later.number.get().into())]);
        let patch = OrganizationPatch { extras: Some((Dialect::Scim, number)), ..OrganizationPatch::default() };
        caller.update_organization(id, patch).await.expect("an organization");
        assert_eq!(now().await, Some(later.number));
        // A built-in role stays what it is.
        let edit = |_: &roster_engine::ProvisionedGroup| {
            Ok::<_, Error>(GroupPatch { role: Some(Some(RoleNumber::VIEWER)), ..GroupPatch::default() })
        };
        caller.change_provisioned_group(id, edit, MembersWanted::None).await.expect("a change");
        assert_eq!(now().await, Some(RoleNumber::VIEWER));
        bench.verify().await.expect("log and tables agree");
    });
}
