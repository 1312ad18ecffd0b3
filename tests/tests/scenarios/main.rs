//! Runs every scenario through every surface, each as a test of its own: `scenario::surface::database`.

mod table;

use libtest_mimic::{Arguments, Failed, Trial};
use roster_engine::{Caller, Dialect, MembershipPatch, MetadataWrite, NewMembership, RoleNumber, RoleSet};
use roster_engine::{EntityId as _, NewOrganization, NewUser, OrganizationPatch};
use roster_tests::surface::{Driver, Names, Native, all};
use roster_tests::{Expect, Scenario, Step, Why, World};

fn main() {
    let arguments = Arguments::from_args();
    let database = if std::env::var_os(roster_testing::SERVER).is_some() { "postgres" } else { "sqlite" };
    let mut trials = Vec::new();
    for scenario in table::SCENARIOS {
        trials.push(Trial::test(format!("{}::engine::{database}", scenario.name), move || run(scenario, None)));
        for driver in all() {
            let name = format!("{}::{}::{database}", scenario.name, driver.name());
            trials.push(Trial::test(name, move || run(scenario, Some(driver))));
        }
    }
    for maker in all() {
        for changer in all() {
            let name = format!("made_by::{}::changed_by::{}::{database}", maker.name(), changer.name());
            trials.push(Trial::test(name, move || pair(maker, changer)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// What one surface creates, another changes and removes; all see each step, and a surface doesn't destroy what it can't show.
fn pair(maker: &'static dyn Driver, changer: &'static dyn Driver) -> Result<(), Failed> {
    let add = Step::Add { organization: "acme", user: "ada", role: "member" };
    let promote = Step::SetRole { organization: "acme", user: "ada", role: "admin" };
    let remove = Step::Remove { organization: "acme", user: "ada" };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let world = World::new().await;
        let mut names = Names::default();
        let zoe = Step::Add { organization: "acme", user: "zoe", role: "admin" };
        for step in [Step::User("ada"), Step::User("zoe"), Step::Organization("acme"), zoe, add] {
            when(&world, &mut names, Some(maker), &step, Expect::Done).await?;
        }
        let both: &[(&str, &str)] = &[("ada", "member"), ("zoe", "admin")];
        when(&world, &mut names, None, &Step::Members("acme", both), Expect::Done).await?;
        // Data of the application and of another vendor, which this surface must not touch.
        let place = (names.organization("acme"), names.user("ada"));
        let operator = world.operator().await;
        let kept = serde_json::json!({"seat": 9_007_199_254_740_993_i64});
        let kept = kept.as_object().cloned().unwrap_or_default();
        let patch = MembershipPatch {
            private: Some(MetadataWrite::Replace(kept.clone())),
            extras: Some((Dialect::Enhance, kept.clone())),
            ..MembershipPatch::default()
        };
        operator.update_member(place.0, place.1, patch).await.map_err(|e| e.to_string())?;
        world.clock.advance(1000);
        when(&world, &mut names, Some(changer), &promote, Expect::Done).await?;
        let both: &[(&str, &str)] = &[("ada", "admin"), ("zoe", "admin")];
        when(&world, &mut names, None, &Step::Members("acme", both), Expect::Done).await?;
        let now = operator.member(place.0, place.1).await.map_err(|e| e.to_string())?.membership;
        if now.private != kept || now.extras.of(Dialect::Enhance) != Some(&kept) {
            return Err(Failed::from(format!("{} lost what is not its own: {now:?}", changer.name())));
        }
        when(&world, &mut names, Some(changer), &remove, Expect::Done).await?;
        when(&world, &mut names, None, &Step::Members("acme", &[("zoe", "admin")]), Expect::Done).await?;
        let problems = world.verify().await;
        if problems.is_empty() { Ok(()) } else { Err(Failed::from(problems.join("\n"))) }
    })
}

/// Without a driver, the engine's operations are called directly.
fn run(scenario: &'static Scenario, driver: Option<&'static dyn Driver>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let world = World::new().await;
        let mut names = Names::default();
        let operator = world.operator().await;
        for step in scenario.given {
            given(&operator, &mut names, step).await.map_err(|error| format!("given {step:?}: {error}"))?;
        }
        remember_members(&operator, &mut names).await;
        for (step, expect) in scenario.when {
            // Time passes between steps.
            world.clock.advance(1000);
            when(&world, &mut names, driver, step, *expect).await.map_err(|problem| format!("{step:?}: {problem}"))?;
        }
        let problems = world.verify().await;
        if problems.is_empty() { Ok(()) } else { Err(Failed::from(problems.join("\n"))) }
    })
}

/// Executes a step by the engine.
async fn given(operator: &Caller, names: &mut Names, step: &Step) -> roster_engine::Result<()> {
    let roles = |key: &str| operator.role_set([key], "roles");
    match *step {
        Step::User(name) => {
            let new = NewUser { email: Some(Names::email(name)), name: Some(name.into()), ..NewUser::default() };
            names.users.insert(name, operator.create_user(new).await?.id);
        }
        Step::Organization(name) | Step::Child { name, .. } => {
            let parent =
                if let Step::Child { under, .. } = *step { Some(names.organization(under).into()) } else { None };
            let new = NewOrganization { name: name.into(), parent, ..NewOrganization::default() };
            names.organizations.insert(name, operator.create_organization(new).await?.id);
        }
        Step::Add { organization, user, role } => {
            let new = NewMembership { roles: roles(role)?, ..NewMembership::default() };
            operator.add_member(names.organization(organization), names.user(user), new).await?;
        }
        Step::SetRole { organization, user, role } => {
            let patch = roster_engine::MembershipPatch { roles: Some(roles(role)?), ..Default::default() };
            operator.update_member(names.organization(organization), names.user(user), patch).await?;
        }
        Step::Remove { organization, user } => {
            operator.remove_member(names.organization(organization), names.user(user), None).await?;
        }
        Step::SetOwner { organization, user } => {
            operator.transfer_ownership(names.organization(organization), names.user(user)).await?;
        }
        Step::DeleteOrganization(name) => {
            operator.delete_organization(names.organization(name), false, None).await?;
        }
        Step::DeleteUser(name) => {
            operator.delete_user(names.user(name), None).await?;
        }
        Step::Domains { organization, domains } => {
            let email_domains = Some(domains.iter().map(ToString::to_string).collect());
            let patch = OrganizationPatch { email_domains, ..OrganizationPatch::default() };
            operator.update_organization(names.organization(organization), patch).await?;
        }
        Step::Members(organization, _) => {
            operator.list_members(names.organization(organization), roster_engine::MemberQuery::default()).await?;
        }
    }
    Ok(())
}

/// Executes a step through the surface and checks the result.
async fn when(
    world: &World,
    names: &mut Names,
    driver: Option<&dyn Driver>,
    step: &Step,
    expect: Expect,
) -> Result<(), String> {
    if let Step::Members(organization, expected) = *step
        && expect == Expect::Done
    {
        // What one surface wrote, every surface reads.
        for reader in all() {
            members(world, names, reader, organization, expected).await?;
        }
        return Ok(());
    }
    let Some(driver) = driver else {
        let outcome = match given(&world.operator().await, names, step).await {
            Ok(()) => Expect::Done,
            Err(error) => Expect::Refused(why(&error)),
        };
        return if outcome == expect { Ok(()) } else { Err(format!("the engine said {outcome:?}")) };
    };
    let (request, by) = match driver.request(names, step) {
        Some(request) => (request, driver),
        None => (Native.request(names, step).expect("the native API can do everything"), &Native as &dyn Driver),
    };
    let before = world.operator().await.list_events(0, 100_000, None).await.map_err(|e| e.to_string())?.len();
    let answer = world.send(request).await;
    let said = format!("{} said {} {}", by.name(), answer.status, answer.text());
    match expect {
        Expect::Done if !answer.status.is_success() => return Err(said),
        Expect::Done => {
            let position = answer.header("roster-sequence").ok_or("no Roster-Sequence")?;
            if position.parse::<usize>().is_err() {
                return Err(format!("Roster-Sequence is {position}"));
            }
        }
        Expect::Refused(why) => {
            let (status, pointer, code) = by.refusal(step, why);
            let found = answer.json.pointer(pointer).and_then(|value| value.as_str());
            if answer.status.as_u16() != status || found != Some(code) {
                return Err(format!("{said}; {why:?} is {status} {code}"));
            }
            let after = world.operator().await.list_events(0, 100_000, None).await.map_err(|e| e.to_string())?.len();
            if after != before {
                return Err(String::from("what was refused left an event"));
            }
        }
    }
    remember(world, names, step).await;
    Ok(())
}

/// The engine's error in the scenario's terms.
fn why(error: &roster_engine::Error) -> Why {
    use roster_engine::{Error, Subject};
    match error {
        Error::NotFound(Subject::Organization) => Why::NoOrganization,
        Error::NotFound(Subject::User) => Why::NoUser,
        Error::NotFound(Subject::Membership) => Why::NoMembership,
        Error::AlreadyExists { subject: Subject::Membership, .. } => Why::AlreadyMember,
        Error::OwnerProtected => Why::OwnerProtected,
        Error::DomainNotAllowed => Why::DomainNotAllowed,
        Error::HasChildren => Why::HasChildren,
        other => panic!("no scenario expects {other:?}"),
    }
}

/// Looks up what a step has created, so that later steps can refer to it by name.
async fn remember(world: &World, names: &mut Names, step: &Step) {
    let operator = world.operator().await;
    match *step {
        Step::User(name) => {
            let user = operator.user(roster_engine::UserRef::Email(Names::email(name))).await;
            names.users.extend(user.ok().map(|user| (name, user.id)));
        }
        Step::Organization(name) | Step::Child { name, .. } => {
            let query = roster_engine::OrganizationQuery { text: Some(name.into()), ..Default::default() };
            let listed = operator.list_organizations(query).await.expect("a list");
            names.organizations.extend(listed.items.last().map(|organization| (name, organization.id)));
        }
        _ => {}
    }
    remember_members(&operator, names).await;
}

async fn remember_members(operator: &Caller, names: &mut Names) {
    names.members.clear();
    names.owners.clear();
    for (name, organization) in names.organizations.clone() {
        let Ok(listed) = operator.list_members(organization, roster_engine::MemberQuery::default()).await else {
            continue;
        };
        for member in &listed.items {
            let user = names.users.iter().find(|(_, id)| **id == member.user.id);
            let Some(user) = user.map(|(user, _)| *user) else { continue };
            names.memberships.insert((name, user), member.membership.id);
            names.members.insert((name, user));
            if member.membership.roles.contains(RoleNumber::OWNER) {
                names.owners.insert(user);
            }
        }
        // An organization never has two owners; cheap enough to check every time.
        let owners =
            listed.items.iter().filter(|m| m.membership.roles.intersects(RoleSet::of(RoleNumber::OWNER))).count();
        assert!(owners <= 1, "{} has {owners} owners", organization.native());
    }
}

async fn members(
    world: &World,
    names: &Names,
    reader: &dyn Driver,
    organization: &'static str,
    expected: &'static [(&'static str, &'static str)],
) -> Result<(), String> {
    let step = Step::Members(organization, expected);
    let Some(request) = reader.request(names, &step) else { return Ok(()) };
    let answer = world.send(request).await;
    if !answer.status.is_success() {
        return Err(format!("{} said {} {}", reader.name(), answer.status, answer.text()));
    }
    let mut found = reader.members(&answer.json);
    found.sort();
    let mut wanted: Vec<_> = expected.iter().map(|(user, role)| (Names::email(user), reader.role(role))).collect();
    wanted.sort();
    if found == wanted { Ok(()) } else { Err(format!("{} shows {found:?}, not {wanted:?}", reader.name())) }
}
