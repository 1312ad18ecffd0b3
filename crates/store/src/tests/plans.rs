//! Every read finds its rows by more than the realm: a plan that scans a whole realm is slow on large ones, which small
//! tests don't reveal.

use roster_model::EntityId as _;
use roster_model::{
    AddressKind, Dialect, InvitationId, MembershipId, OrganizationId, RealmId, RoleSet, SessionId, Timestamp, TokenId,
    UserId,
};

use super::temporary;
use crate::EventFilter;
use crate::list::Slice;
use crate::{
    Counting, InvitationFilter, InvitationSort, LookupKey, MemberFilter, MemberSort, OrganizationFilter,
    OrganizationSort, SessionFilter, TokenFilter, UserFilter, UserSort, View,
};

/// Runs every query that requests make about one organization, user or token.
fn ask_everything(view: &View<'_>) -> crate::Result<()> {
    let organization = OrganizationId::from_raw(1);
    let (user, token) = (UserId::from_raw(2), TokenId::from_raw(3));
    let some = || Slice { limit: Some(10), ..Slice::default() };
    view.organization(organization)?;
    view.organization_by_slug("a")?;
    view.organization_by_external_id("a")?;
    view.organization_by_name("a", Some(organization))?;
    view.organizations_by_id(&[organization])?;
    view.chain(organization)?;
    view.height(organization)?;
    view.has_children(organization)?;
    let children = OrganizationFilter { parent: Some(organization), ..OrganizationFilter::default() };
    view.list_organizations(&children, OrganizationSort::Created, &some())?;
    view.user(user)?;
    view.user_by_username("a")?;
    view.user_by_external_id("a")?;
    view.user_by_address(AddressKind::Email, "a")?;
    view.users_by_id(&[user, user, user])?;
    view.addresses_of(&[user])?;
    view.membership(organization, user)?;
    view.membership_by_id(MembershipId::from_raw(4))?;
    view.owner(organization)?;
    view.default_members_below(organization)?;
    view.lines_of(&[organization])?;
    view.held_at(&[user], &[organization])?;
    view.active_of(&[user])?;
    let counting = Counting { here: RoleSet::OWNER, below: RoleSet::OWNER };
    for limit in [None, Some(10)] {
        view.and_below(&[organization], Some(organization), limit)?;
        view.holders_along(&[organization, organization], counting, Some(user), limit)?;
    }
    view.held_by(user)?;
    view.count_and_below(&[organization])?;
    view.count_holders_along(&[organization, organization], counting)?;
    view.roles_along(user, &[organization])?;
    view.memberships_in(organization, Some(&[user]))?;
    view.directory_link(organization, user)?;
    view.directory_links(organization, &[1])?;
    view.directory_links_of(user)?;
    view.home_links(&[user])?;
    view.directory_links_named("a")?;
    view.directory_subjects(organization, "a")?;
    view.suspended_in(user)?;
    view.directory_users_at(organization, "a")?;
    view.belongs_to_domain(organization, user, Timestamp::from_ms(1))?;
    view.list_domain_users(Some(organization), Timestamp::from_ms(1), &some())?;
    view.count_domain_users(Some(organization), Timestamp::from_ms(1))?;
    view.invited_to(&[organization], Timestamp::from_ms(1))?;
    view.groups_of(&[user], Some(organization))?;
    view.organizations_named("a")?;
    view.organizations_beginning("a")?;
    view.users_beginning("a")?;
    view.last_changes_of(&[organization])?;
    let within = OrganizationFilter { within: Some(organization), ..OrganizationFilter::default() };
    view.list_organizations(&within, OrganizationSort::Id, &some())?;
    for filter in [
        MemberFilter { organization: Some(organization), ..MemberFilter::default() },
        MemberFilter { user: Some(user), ..MemberFilter::default() },
    ] {
        for sort in [MemberSort::Created, MemberSort::Name] {
            view.list_memberships(&filter, sort, &some())?;
        }
        view.count_memberships(&filter)?;
    }
    let now = Timestamp::from_ms(1);
    view.password(user)?;
    view.passwords_changed(&[user])?;
    view.session(SessionId::from_raw(6))?;
    let own = SessionFilter { user: Some(user), live: Some(now), ..SessionFilter::default() };
    view.list_sessions(&own, &some())?;
    view.count_sessions(&own)?;
    view.link_by_hash("a")?;
    view.user_promised("a", now)?;
    view.invitation(InvitationId::from_raw(5))?;
    view.invitation_by_hash("a")?;
    view.pending_invitation(organization, "a")?;
    for filter in [
        InvitationFilter { organization: Some(organization), ..InvitationFilter::default() },
        InvitationFilter { emails: Some(vec![String::from("a")]), ..InvitationFilter::default() },
    ] {
        view.list_invitations(&filter, InvitationSort::Created, &some())?;
        view.count_invitations(&filter)?;
    }
    view.members_of(&[organization])?;
    view.invited_of(&[organization], now)?;
    view.another_holds(organization, MembershipId::from_raw(4), &[RoleSet::OWNER])?;
    view.with_holders(&[organization], &[RoleSet::OWNER])?;
    view.token(token)?;
    view.token_by_hash("a")?;
    for filter in [
        TokenFilter { organization: Some(organization), ..TokenFilter::default() },
        TokenFilter { user: Some(user), ..TokenFilter::default() },
    ] {
        view.list_tokens(&filter, &some())?;
    }
    view.account_user(organization, user)?;
    view.list_account_users(organization, &some())?;
    view.account_users_of(user)?;
    view.find_alias::<UserId>(Dialect::Clerk, "a")?;
    let email = LookupKey::Address(AddressKind::Email);
    let (username, alias) = (LookupKey::Username, LookupKey::Alias(Dialect::Clerk));
    let keys = [email, username, LookupKey::UserExternalId, LookupKey::Slug, LookupKey::OrganizationExternalId, alias];
    view.look_up(&keys.map(|key| (key, String::from("a"))))?;
    view.aliases_of(&[1])?;
    view.list_events(5, 10, None, None)?;
    view.list_events(5, 10, Some(organization), None)?;
    view.list_events(5, 10, None, Some(user))?;
    view.has_events_about(user)?;
    view.ever_existed(user)?;
    view.ids_in_use(&[user.raw()])?;
    view.stored_answer(1, "a", Timestamp::from_ms(1))?;
    // Lists the whole realm by design, but in index order.
    view.list_users(&UserFilter::default(), UserSort::Created, &some())?;
    Ok(())
}

#[tokio::test]
async fn nothing_walks_a_whole_realm() {
    let store = temporary();
    let realm = RealmId::from_raw(1);
    let bad = store
        .read(realm, |view| {
            ask_everything(view)?;
            let mut bad = Vec::new();
            for text in view.connection.seen() {
                let plan = view.connection.plan(&text)?;
                if plan.iter().any(|step| walks(step)) {
                    bad.push(format!("{text}\n    {}", plan.join("\n    ")));
                }
            }
            Ok::<_, crate::Error>(bad)
        })
        .await
        .expect("plans");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    store.close().await;
}

/// A scan of a table, or a search by the realm alone; except lists of users in index order, and small tables.
fn walks(step: &str) -> bool {
    let small = ["SCAN up", "SCAN down", "SCAN seen", "usr_created", "SCAN CONSTANT"];
    let whole = step.starts_with("SCAN ") || step.contains("(realm=?)");
    whole && !small.iter().any(|known| step.contains(known)) && !step.contains(" role") && !step.contains("permission")
}

/// The planner could also use the log's own order, and scan all of it.
#[tokio::test]
async fn somebodys_events_are_found_by_their_indexes() {
    let store = temporary();
    let (by_user, by_organization) = store
        .read(RealmId::from_raw(1), |view| {
            let (user, organization) = (UserId::from_raw(2), OrganizationId::from_raw(3));
            let happened = EventFilter { kinds: &["a"], from: None, before: None, involved: None };
            view.list_events(5, 10, None, Some(user))?;
            view.has_events_about(user)?;
            view.list_events(5, 10, Some(organization), None)?;
            view.list_events_of(organization, happened, 0, Some(10))?;
            view.count_events_of(organization, happened)?;
            view.last_changes_of(&[organization, OrganizationId::from_raw(4)])?;
            let plans = |about: &str| {
                let asked = view.connection.seen().into_iter().filter(|text| text.contains(about));
                asked.map(|text| view.connection.plan(&text)).collect::<crate::Result<Vec<_>>>()
            };
            Ok::<_, crate::Error>((plans("e.usr = ")?, plans("e.organization IN ")?))
        })
        .await
        .expect("plans");
    assert_eq!((by_user.len(), by_organization.len()), (2, 4));
    for plan in by_user {
        assert!(plan[0].contains("event_usr (realm=? AND <expr>=? AND usr=? AND seq>?)"), "{plan:?}");
    }
    for plan in by_organization {
        assert!(plan[0].contains("event_organization (realm=? AND <expr>=? AND organization=?"), "{plan:?}");
    }
    store.close().await;
}

/// Preparing a statement again for each value costs more than finding its rows.
#[tokio::test]
async fn no_statement_is_planned_anew_for_its_values() {
    let store = temporary();
    let anew = store
        .read(RealmId::from_raw(1), |view| {
            ask_everything(view)?;
            ask_everything(view)?;
            let mut anew = Vec::new();
            for text in view.connection.seen() {
                if view.connection.planned_anew(&text)? > 0 {
                    anew.push(text);
                }
            }
            Ok::<_, crate::Error>(anew)
        })
        .await
        .expect("counts");
    assert!(anew.is_empty(), "{}", anew.join("\n"));
    store.close().await;
}
