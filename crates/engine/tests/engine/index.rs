//! The in-memory index answers as the database does, whichever process wrote, and after any restart.

use std::path::Path;
use std::sync::Arc;

use roster_engine::{
    Ask, Caller, Check, Config, DirectoryQuery, Engine, Error, IndexMode, Listed, MemberQuery, MembersWanted,
    MembershipPatch, NewInvitation, NewMembership, NewOrganization, NewToken, NewUser, OrganizationId,
    OrganizationPatch, OrganizationQuery, OrganizationRef, OrganizationSort, OrganizationState, Page, PeopleQuery,
    Picked, RequestScope, RoleNumber, RoleSet, SnapshotOptions, Surface, TokenKind, UserConditions, UserId, UserPatch,
    UserProfile, UserProfilePatch, UserQuery, UserRef, UserSort, Within,
};
use roster_testing::{Database, TestRng};

/// The realm key of the tests.
const KEY: &str = "rk_test_2YzS4mCkU0sXyqvJ8W1hQe7nLpD3bTfA";

async fn open(url: &str, index: IndexMode) -> (Arc<Engine>, Caller) {
    let mut config = Config::new(url);
    config.index = index;
    config.bootstrap_key = Some(KEY.into());
    let (engine, _) = Engine::open(config).await.expect("an engine");
    let operator = engine.operator("default").await.expect("the database").expect("the realm `default`");
    (engine, operator)
}

/// Opens an engine that stores snapshots of its graph, however small, between starts.
async fn open_keeping(url: &str, folder: &Path) -> (Arc<Engine>, Caller) {
    let mut config = Config::new(url);
    config.bootstrap_key = Some(KEY.into());
    config.snapshots = SnapshotOptions { folder: Some(folder.to_owned()), from: 0 };
    let (engine, _) = Engine::open(config).await.expect("an engine");
    let operator = engine.operator("default").await.expect("the database").expect("the realm `default`");
    (engine, operator)
}

fn damage(file: &Path, harm: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(file).expect("a file");
    harm(&mut bytes);
    std::fs::write(file, bytes).expect("a file");
}

/// The verdicts of all possible checks.
async fn answers(caller: &Caller, users: &[UserId], organizations: &[OrganizationId]) -> Vec<(bool, String)> {
    let asks = [Ask::Role("admin".into()), Ask::Permission("memberships:read".into()), Ask::Anything];
    let mut checks = Vec::new();
    for user in users {
        for organization in organizations {
            for ask in &asks {
                checks.push(Check {
                    user: UserRef::Id(*user),
                    organization: OrganizationRef::Id(*organization),
                    ask: ask.clone(),
                    explain: false,
                });
            }
        }
    }
    let mut told = Vec::new();
    for part in checks.chunks(1000) {
        let verdicts = caller.check_many(part.to_vec()).await.expect("answers");
        told.extend(
            verdicts.into_iter().map(|verdict| (verdict.allowed, format!("{:?} {:?}", verdict.reason, verdict.via))),
        );
    }
    told
}

fn render<T: std::fmt::Debug>(listed: roster_engine::Result<Listed<T>>) -> String {
    match listed {
        // Times of last activity aren't in the log.
        Ok(Listed { items, total, .. }) => format!("{total:?} {items:#?}"),
        Err(error) => format!("{error:?}"),
    }
}

/// Lists about one organization and one user: whole, by offset, by cursor, in both directions, with their totals.
async fn lists(caller: &Caller, user: UserId, organization: OrganizationId) -> Vec<String> {
    let mut all = Vec::new();
    for descending in [false, true] {
        for (offset, limit) in [(0, None), (0, Some(2)), (1, Some(2)), (40, Some(2))] {
            let page = Page { offset, limit, descending, total: true, cursor: None };
            let query = MemberQuery { page: page.clone(), ..MemberQuery::default() };
            let members = caller.list_members(organization, query.clone()).await;
            let next = members.as_ref().ok().and_then(|listed| listed.next.clone());
            all.push(render(members));
            all.push(render(caller.list_memberships_of(user, query.clone()).await));
            if next.is_some() {
                let page = Page { cursor: next, ..page.clone() };
                all.push(render(caller.list_members(organization, MemberQuery { page, ..query.clone() }).await));
            }
            if !descending && offset == 0 {
                all.push(render(caller.reach(user, Ask::Anything, page.clone()).await));
                all.push(render(caller.effective_members(organization, Ask::Role("admin".into()), page).await));
            }
        }
    }
    let only = Picked { only: Some(vec![UserRef::Id(user), UserRef::Id(user)]), ..Picked::default() };
    let users = UserConditions { users: only, ..UserConditions::default() };
    let page = Page { total: true, ..Page::default() };
    all.push(render(caller.list_members(organization, MemberQuery { users, page, ..MemberQuery::default() }).await));
    all.push(format!("{:?}", caller.realm_for(roster_engine::BuiltIn::UsersRead).await));
    all.push(format!("{:?}", caller.member(organization, user).await));
    all.push(format!("{:?}", caller.organization(organization).await));
    all.push(format!("{:?}", caller.user_id(user).await));
    all
}

/// Pages of what is below an organization, whole or by state: by offset and by cursor, in both directions, with their totals.
async fn below(caller: &Caller, organization: OrganizationId, turn: i64) -> Vec<String> {
    const STATES: [Option<OrganizationState>; 5] = [
        None,
        Some(OrganizationState::NotDeleted),
        Some(OrganizationState::Active),
        Some(OrganizationState::Suspended),
        Some(OrganizationState::Deleted),
    ];
    let mut all = Vec::new();
    let mut states = STATES.iter().cycle().skip(usize::try_from(turn).unwrap_or_default() % STATES.len());
    for descending in [false, true] {
        for (offset, limit) in [(0, Some(100)), (2, Some(3)), (60, Some(3))] {
            let page = Page { offset, limit, descending, total: true, cursor: None };
            for sort in [OrganizationSort::Created, OrganizationSort::Id] {
                let top = OrganizationRef::Id(organization);
                let places = [
                    (Within::ChildrenOf(top.clone()), None),
                    (Within::Below(top.clone()), None),
                    (Within::Below(top.clone()), Some(1)),
                    (Within::Below(top), Some(2)),
                ];
                for (within, levels) in places {
                    let state = states.next().copied().flatten();
                    let query = OrganizationQuery {
                        within,
                        levels,
                        state,
                        sort,
                        page: page.clone(),
                        ..OrganizationQuery::default()
                    };
                    let listed = caller.list_organizations(query.clone()).await;
                    if let Some(next) = listed.as_ref().ok().and_then(|listed| listed.next.clone()) {
                        let page = Page { cursor: Some(next), ..page.clone() };
                        all.push(render(caller.list_organizations(OrganizationQuery { page, ..query }).await));
                    }
                    all.push(render(listed));
                }
            }
        }
    }
    all
}

/// Users, members and people of an organization in orders by attributes, which memory sorts on demand.
async fn some_people(caller: &Caller, organization: OrganizationId) -> Vec<String> {
    let mut all = Vec::new();
    let role = RoleNumber::ADMIN;
    for descending in [false, true] {
        for (offset, limit) in [(0, Some(3)), (5, Some(3)), (60, Some(20))] {
            let page = Page { offset, limit, descending, total: true, cursor: None };
            let users = caller.list_users_of(organization, UserQuery { page: page.clone(), ..UserQuery::default() });
            let users = users.await;
            if let Some(next) = users.as_ref().ok().and_then(|listed| listed.next.clone()) {
                let page = Page { cursor: Some(next), ..page.clone() };
                let query = UserQuery { page, ..UserQuery::default() };
                all.push(render(caller.list_users_of(organization, query).await));
            }
            all.push(render(users));
            let (with, strongest) = (Some(RoleSet::of(role)), Some(vec![RoleNumber::VIEWER]));
            for (roles, strongest) in [(with, None), (None, strongest)] {
                let query = MemberQuery { roles, strongest, page: page.clone(), ..MemberQuery::default() };
                let members = caller.list_members(organization, query.clone()).await;
                if let Some(next) = members.as_ref().ok().and_then(|listed| listed.next.clone()) {
                    let page = Page { cursor: Some(next), ..page.clone() };
                    all.push(render(caller.list_members(organization, MemberQuery { page, ..query }).await));
                }
                all.push(render(members));
            }
            let query = PeopleQuery { roles: with, page, ..PeopleQuery::default() };
            all.push(render(caller.list_people(organization, query).await));
        }
    }
    all
}

/// What a directory with an organization's key sees: users and groups, by offset and by id.
async fn bound(caller: &Caller) -> Vec<String> {
    let mut all = Vec::new();
    for (offset, after, limit) in [(0, None, 1000), (0, None, 2), (1, None, 3), (30, None, 3)] {
        let users = DirectoryQuery { offset, after, limit, ..DirectoryQuery::default() };
        let found = caller.list_provisioned_users(users).await;
        if let Some(after) = found.as_ref().ok().and_then(|page| page.last) {
            let users = DirectoryQuery { after: Some(after), offset, limit, ..DirectoryQuery::default() };
            all.push(format!("{:#?}", caller.list_provisioned_users(users).await));
        }
        all.push(format!("{found:#?}"));
        let groups = DirectoryQuery { offset, after, limit, ..DirectoryQuery::default() };
        let found = caller.list_provisioned_groups(groups, MembersWanted::None).await;
        if let Some(after) = found.as_ref().ok().and_then(|page| page.last) {
            let groups = DirectoryQuery { after: Some(after), offset, limit, ..DirectoryQuery::default() };
            all.push(format!("{:#?}", caller.list_provisioned_groups(groups, MembersWanted::None).await));
        }
        all.push(format!("{found:#?}"));
    }
    all
}

/// Pages of everything in the realm: on a surface that shows the root, on one that doesn't, and for directories with
/// their own keys.
async fn everything(
    engine: &Arc<Engine>,
    at_least: i64,
    (user, organization, crowd): (UserId, OrganizationId, OrganizationId),
    directories: &[String],
) -> Vec<String> {
    let scope = RequestScope { at_least, ..RequestScope::default() };
    let enter = async |surface| engine.authenticate(surface, Some(KEY), scope.clone()).await.expect("a key");
    let (showing, hiding) = (enter(Surface::Native).await, enter(Surface::Clerk).await);
    let mut all = Vec::new();
    for caller in [&showing, &hiding] {
        for descending in [false, true] {
            for offset in [0, 1, 2, 5, 1000] {
                let page = Page { offset, limit: Some(3), descending, total: true, cursor: None };
                for sort in [UserSort::Created, UserSort::Id] {
                    let query = UserQuery { sort, page: page.clone(), ..UserQuery::default() };
                    all.push(render(caller.list_users(query.clone()).await));
                    // The same, starting after a user.
                    let after = Some(UserRef::Id(user));
                    all.push(render(caller.list_users(UserQuery { after, ..query }).await));
                }
                for sort in [OrganizationSort::Created, OrganizationSort::Id] {
                    for state in [None, Some(OrganizationState::NotDeleted), Some(OrganizationState::Deleted)] {
                        let query =
                            OrganizationQuery { sort, state, page: page.clone(), ..OrganizationQuery::default() };
                        all.push(render(caller.list_organizations(query).await));
                    }
                }
                let query = MemberQuery { page: page.clone(), ..MemberQuery::default() };
                all.push(render(caller.list_all_members(query).await));
                all.push(render(
                    caller.list_people(organization, PeopleQuery { page, ..PeopleQuery::default() }).await,
                ));
            }
        }
        for top in [organization, crowd, caller.root()] {
            all.extend(below(caller, top, at_least).await);
            all.extend(some_people(caller, top).await);
        }
    }
    for key in directories {
        match engine.authenticate(Surface::Scim, Some(key), scope.clone()).await {
            Ok(directory) => all.extend(bound(&directory).await),
            Err(error) => all.push(format!("{error:?}")),
        }
    }
    for offset in [0, 2] {
        let query = DirectoryQuery { offset, limit: 3, ..DirectoryQuery::default() };
        all.push(format!("{:#?}", showing.list_provisioned_users(query).await));
    }
    all.push(format!("{:#?}", showing.provisioned_user(user).await));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_database_say_the_same() {
    let database = Database::new();
    let folder = tempfile::tempdir().expect("a folder");
    let (mut full, mut operator) = open_keeping(database.url(), folder.path()).await;
    // A second process, such as the command line beside the server, that also writes.
    let (beside, other) = open(database.url(), IndexMode::External).await;
    let (mut users, mut organizations): (Vec<UserId>, Vec<OrganizationId>) = (Vec::new(), Vec::new());
    let mut pairs: Vec<(UserId, OrganizationId)> = Vec::new();
    let seed = u64::from(std::process::id());
    let mut rng = TestRng(seed);
    let (mut answered, mut asked_again, mut known, mut updated, mut restored) = (0, 0, 0, 0, 0);
    // Enough members that their order is kept in memory; one of them is changed below.
    let crowd = NewOrganization { name: "crowd".into(), ..NewOrganization::default() };
    let crowd = operator.create_organization(crowd).await.expect("an organization").id;
    organizations.push(crowd);
    for number in 0..66 {
        let (name, parent) = (format!("one of many {number}"), Some(crowd.into()));
        let new = NewOrganization { name, parent, ..NewOrganization::default() };
        let made = operator.create_organization(new).await.expect("an organization").id;
        organizations.extend((number % 30 == 0).then_some(made));
    }
    for number in 0..70 {
        let new = NewUser { email: Some(format!("one-{number}@example.com")), ..NewUser::default() };
        let user = operator.create_user(new).await.expect("a user").id;
        let roles = RoleSet::of(if number % 3 == 0 { RoleNumber::ADMIN } else { RoleNumber::VIEWER });
        let new = NewMembership { roles, ..NewMembership::default() };
        operator.add_member(crowd, user, new).await.expect("a membership");
        users.extend((number % 30 == 0).then_some(user));
    }
    let roles = RoleSet::of(RoleNumber::ADMIN);
    let key = NewToken { organization: Some(crowd.into()), roles, ..NewToken::new(TokenKind::Organization) };
    let mut directories: Vec<String> = operator.issue_token(key).await.expect("a key").secret.into_iter().collect();
    for step in 0..150 {
        let elsewhere = rng.below(4) == 0;
        let writer = if elsewhere { &other } else { &operator };
        let roles = [RoleNumber::ADMIN, RoleNumber::MEMBER, RoleNumber::VIEWER];
        let roles = RoleSet::of(roles[rng.below(roles.len())]);
        let user = (!users.is_empty()).then(|| users[rng.below(users.len())]);
        let organization = (!organizations.is_empty()).then(|| organizations[rng.below(organizations.len())]);
        // Mostly a recent pair: there is something to change, and memory knows it already.
        let (user, organization) = match (rng.below(3), pairs.len()) {
            (0, _) | (_, 0) => (user, organization),
            (_, known) => {
                let (user, organization) = pairs[known - 1 - rng.below(known.min(3))];
                (Some(user), Some(organization))
            }
        };
        // And often in the large organization.
        let organization = if rng.below(4) == 0 { Some(crowd) } else { organization };
        // Some have an earlier time of creation, so that they sort among the existing ones.
        let age = i64::try_from(rng.below(5)).unwrap_or_default() * 10_000;
        let created = (age > 0).then(|| writer.now().plus_ms(-age));
        let throw = rng.below(17);
        // Now and then a new user certainly becomes a member, who is then given another role.
        let (throw, user, organization) = match step % 20 {
            10 => {
                let new = NewUser { email: Some(format!("member-{step}@example.com")), ..NewUser::default() };
                users.push(writer.create_user(new).await.expect("a user").id);
                let new = NewOrganization { name: format!("of member {step}"), ..NewOrganization::default() };
                organizations.push(writer.create_organization(new).await.expect("an organization").id);
                (2, users.last().copied(), organizations.last().copied())
            }
            11 => (5, users.last().copied(), organizations.last().copied()),
            _ => (throw, user, organization),
        };
        // Many of these are refused, which must change nothing.
        match (throw, user, organization) {
            (0, ..) | (_, None, _) if step % 3 == 2 => {
                let user_name = format!("Somebody{step}");
                let profile = UserProfile { user_name, active: true, ..UserProfile::default() };
                users.push(writer.provision_user(profile).await.expect("a user").user.id);
            }
            (0, ..) | (_, None, _) => {
                let email = Some(format!("user-{step}@example.com"));
                users.push(
                    writer.create_user(NewUser { email, created, ..NewUser::default() }).await.expect("a user").id,
                );
            }
            (14, Some(user), _) => {
                let rename = move |_: &_| {
                    let user_name = Some(format!("other{step}"));
                    Ok::<_, Error>(Some(UserProfilePatch { user_name, ..UserProfilePatch::default() }))
                };
                let _ = writer.change_provisioned_user(user, rename).await;
            }
            (13 | 15, _, Some(organization)) => {
                // Some of these addresses belong to users.
                let email = match rng.below(3) {
                    0 => format!("guest-{}@example.com", rng.below(4)),
                    _ => format!("member-{}@example.com", 10 + 20 * rng.below(4)),
                };
                let roles = RoleSet::of(RoleNumber::MEMBER);
                let _ = writer.invite(organization, NewInvitation { email, roles, ..NewInvitation::default() }).await;
            }
            (16, Some(user), _) if rng.below(3) == 0 => {
                let _ = writer.deprovision_user(user, |_| Ok::<_, Error>(())).await;
            }
            (1, ..) | (_, _, None) => {
                let parent = organization.filter(|_| rng.below(3) > 0).map(OrganizationRef::Id);
                let name = format!("organization {step}");
                let new = NewOrganization { name, parent, created, ..NewOrganization::default() };
                if let Ok(made) = writer.create_organization(new).await {
                    organizations.push(made.id);
                }
            }
            (2..=4, Some(user), Some(organization)) => {
                let new = NewMembership { roles, ..NewMembership::default() };
                if writer.add_member(organization, user, new).await.is_ok() {
                    pairs.push((user, organization));
                }
            }
            (5 | 10.., Some(user), Some(organization)) => {
                let patch = MembershipPatch { roles: Some(roles), ..MembershipPatch::default() };
                updated += u32::from(writer.update_member(organization, user, patch).await.is_ok());
            }
            (6, Some(user), Some(organization)) => {
                let _ = writer.remove_member(organization, user, None).await;
            }
            (7, Some(user), _) => {
                let status = if rng.below(2) == 0 { "inactive" } else { "active" };
                let status = roster_engine::UserStatus::from_word(status);
                let _ = writer.update_user(user, UserPatch { status, ..UserPatch::default() }).await;
            }
            (8, _, Some(organization)) if rng.below(2) == 0 => {
                let suspended = Some(rng.below(3) > 0);
                let patch = OrganizationPatch { suspended, ..OrganizationPatch::default() };
                let _ = writer.update_organization(organization, patch).await;
            }
            (8, _, Some(organization)) => {
                let status = if rng.below(2) == 0 { "deleted" } else { "active" };
                let status = roster_engine::OrganizationStatus::from_word(status);
                let _ = writer
                    .update_organization(organization, OrganizationPatch { status, ..OrganizationPatch::default() })
                    .await;
            }
            (9, Some(user), _) if rng.below(3) == 0 => {
                let _ = writer.delete_user(user, None).await;
                if rng.below(2) == 0 {
                    let _ = writer.erase_user(user, None).await;
                }
            }
            (_, _, Some(organization)) => {
                let below = organizations[rng.below(organizations.len())];
                if rng.below(3) == 0 && organization != crowd {
                    let _ = writer.delete_organization(organization, true, None).await;
                } else {
                    let patch =
                        OrganizationPatch { parent: Some(OrganizationRef::Id(below)), ..OrganizationPatch::default() };
                    let _ = writer.update_organization(organization, patch).await;
                }
            }
        }
        let read = answers(&other, &users, &organizations).await;
        let mut remembered = answers(&operator, &users, &organizations).await;
        // Memory never grants more than the tables, whichever process wrote; another process's grant may take a moment.
        let more = remembered.iter().zip(&read).filter(|(memory, table)| memory.0 && !table.0).count();
        assert_eq!(more, 0, "seed {seed}, step {step}");
        if elsewhere {
            let catch_up = async {
                while remembered != read {
                    tokio::task::yield_now().await;
                    remembered = answers(&operator, &users, &organizations).await;
                }
            };
            let timeout = std::time::Duration::from_mins(1);
            tokio::time::timeout(timeout, catch_up).await.expect("memory follows the log");
        }
        let same = remembered == read;
        assert!(same, "seed {seed}, step {step}:\n{remembered:?}\n{read:?}");
        if !users.is_empty() && !organizations.is_empty() {
            let user = user.unwrap_or_else(|| users[rng.below(users.len())]);
            let organization = organization.unwrap_or_else(|| organizations[rng.below(organizations.len())]);
            let read = lists(&other, user, organization).await;
            if elsewhere {
                // Lists show things that don't affect the verdicts above.
                let catch_up = async {
                    while lists(&operator, user, organization).await != read {
                        tokio::task::yield_now().await;
                    }
                };
                let timeout = std::time::Duration::from_mins(1);
                tokio::time::timeout(timeout, catch_up).await.expect("memory follows the log");
            }
            if step % 5 == 0 {
                if directories.len() < 5 {
                    let roles = RoleSet::of(RoleNumber::ADMIN);
                    let key = NewToken {
                        organization: Some(organization.into()),
                        roles,
                        ..NewToken::new(TokenKind::Organization)
                    };
                    directories.extend(writer.issue_token(key).await.ok().and_then(|issued| issued.secret));
                }
                // Reads never go back behind what has been seen from another process.
                let position = other.position().max(operator.position());
                let read = everything(&beside, position, (user, organization, crowd), &directories).await;
                let remembered = everything(&full, position, (user, organization, crowd), &directories).await;
                for (remembered, read) in remembered.iter().zip(&read) {
                    assert_eq!(remembered, read, "seed {seed}, step {step}");
                }
                assert_eq!(remembered.len(), read.len());
            }
            for round in 0..2 {
                let before = full.statistics().answered_from_memory;
                let remembered = lists(&operator, user, organization).await;
                assert_eq!(remembered, read, "seed {seed}, step {step}, round {round}");
                if round == 1 {
                    asked_again += remembered.len() as u64;
                    known += full.statistics().answered_from_memory - before;
                }
            }
        }
        if step % 25 == 24 {
            answered += full.statistics().answered_from_memory;
            full.close().await;
            let snapshots: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").flatten().collect();
            assert_eq!(snapshots.len(), 1, "{snapshots:?}");
            let snapshot = snapshots[0].path();
            let usable = !matches!(step / 25, 3 | 4);
            match step / 25 {
                // It catches up with what was written while it was closed.
                1 | 2 => _ = other.create_user(NewUser::default()).await.expect("a user"),
                // A damaged snapshot isn't used.
                3 => damage(&snapshot, |bytes| bytes.truncate(bytes.len() / 2)),
                4 => damage(&snapshot, |bytes| bytes.iter_mut().skip(900).take(1).for_each(|byte| *byte ^= 1)),
                _ => {}
            }
            (full, operator) = open_keeping(database.url(), folder.path()).await;
            let ready = async {
                while full.statistics().answered_from_memory == 0 {
                    operator.realm_for(roster_engine::BuiltIn::UsersRead).await.expect("the realm");
                }
            };
            let timeout = std::time::Duration::from_mins(1);
            tokio::time::timeout(timeout, ready).await.expect("memory");
            // The log may have been blanked in the meantime and can't be followed from there; then the tables are read.
            assert!(usable || full.statistics().restored == 0, "step {step}");
            restored += full.statistics().restored;
        }
    }
    assert!(answered > 100, "memory was hardly asked: {answered}");
    assert!(updated > 0, "no membership was ever changed");
    assert!(restored > 1, "no snapshot was ever used");
    assert!(known > asked_again / 2, "of {asked_again} lists that were read before memory knew {known}");
    assert_eq!(full.verify(operator.realm_id()).await.expect("the log"), Vec::<String>::new());
    full.close().await;
    beside.close().await;
}

/// After a database was restored to an earlier state and written to, a snapshot from its other history must not be used.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_another_time_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, earlier) = (folder.path().join("roster.db"), folder.path().join("earlier.db"));
    let url = format!("sqlite://{}", file.display());
    let make = async |names: &[&str]| {
        let (engine, operator) = open_keeping(&url, folder.path()).await;
        for name in names {
            let new = NewOrganization { name: (*name).into(), ..NewOrganization::default() };
            operator.create_organization(new).await.expect("an organization");
        }
        let page = Page { offset: 1, limit: Some(10), total: true, ..Page::default() };
        let query = OrganizationQuery {
            state: Some(OrganizationState::NotDeleted),
            sort: OrganizationSort::Id,
            page,
            ..OrganizationQuery::default()
        };
        let listed = loop {
            let listed = operator.list_organizations(query.clone()).await.expect("organizations");
            operator.realm_for(roster_engine::BuiltIn::UsersRead).await.expect("the realm");
            // Wait until the graph has been built.
            if engine.statistics().answered_from_memory > 0 {
                break listed;
            }
        };
        let restored = engine.statistics().restored;
        engine.close().await;
        let names: Vec<String> = listed.items.into_iter().map(|organization| organization.name).collect();
        (names, listed.total, restored)
    };
    let snapshot = || {
        let mut all = std::fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.path());
        all.find(|path| path.to_string_lossy().contains("-index-")).expect("a snapshot")
    };
    make(&["one"]).await;
    std::fs::copy(&file, &earlier).expect("a copy");
    assert_eq!(make(&["two", "three"]).await.2, 1);
    let other_future = std::fs::read(snapshot()).expect("a snapshot");
    std::fs::copy(&earlier, &file).expect("a copy");
    // This snapshot is ahead of the database.
    assert_eq!(make(&[]).await, (vec!["one".into()], Some(2), 0));
    std::fs::write(snapshot(), &other_future).expect("a snapshot");
    assert_eq!(make(&["four", "five", "six"]).await.2, 0);
    // This one is behind the database, but from another history.
    std::fs::write(snapshot(), &other_future).expect("a snapshot");
    let names = ["one", "four", "five", "six"].map(String::from).to_vec();
    assert_eq!(make(&[]).await, (names.clone(), Some(5), 0));
    assert_eq!(make(&[]).await, (names, Some(5), 1), "its own");
}

/// Operations that wait at the same time are committed together: each must see the changes of those before it, although the index is updated
/// only after the commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn operations_of_one_commit_see_each_other() {
    let database = Database::new();
    let (engine, operator) = open(database.url(), IndexMode::Full).await;
    let group = NewOrganization { name: "Group".into(), ..NewOrganization::default() };
    let group = operator.create_organization(group).await.expect("an organization").id;
    for round in 0..20 {
        let new = NewUser { email: Some(format!("user-{round}@example.com")), ..NewUser::default() };
        let user = operator.create_user(new).await.expect("a user").id;
        let twelve = |work: fn(Caller, OrganizationId, UserId) -> Work| {
            (0..12).map(|_| tokio::spawn(work(operator.clone(), group, user))).collect::<Vec<_>>()
        };
        let add: fn(Caller, OrganizationId, UserId) -> Work = |caller, group, user| {
            Box::pin(async move {
                let new = NewMembership { roles: RoleSet::of(RoleNumber::MEMBER), ..NewMembership::default() };
                caller.add_member(group, user, new).await.map(drop)
            })
        };
        let remove: fn(Caller, OrganizationId, UserId) -> Work =
            |caller, group, user| Box::pin(async move { caller.remove_member(group, user, None).await.map(drop) });
        let delete: fn(Caller, OrganizationId, UserId) -> Work =
            |caller, _, user| Box::pin(async move { caller.delete_user(user, None).await.map(drop) });
        for (work, refusal) in [(add, "AlreadyExists"), (remove, "NotFound(Membership)"), (delete, "NotFound(User)")] {
            let mut done = 0;
            for task in twelve(work) {
                match task.await.expect("no panic") {
                    Ok(()) => done += 1,
                    Err(error) => {
                        let error = format!("{error:?}");
                        assert!(error.starts_with(refusal), "{error}, not {refusal}");
                    }
                }
            }
            assert_eq!(done, 1, "round {round}: once, and not again");
        }
    }
    let statistics = engine.statistics();
    assert!(statistics.largest_batch > 1, "no two were committed together: {statistics:?}");
    assert_eq!(engine.verify(operator.realm_id()).await.expect("the log"), Vec::<String>::new());
    engine.close().await;
}

type Work = std::pin::Pin<Box<dyn Future<Output = roster_engine::Result<()>> + Send>>;
