//! Exporting an imported export gives the same bytes again.

use crate::common::Place;
use proptest::prelude::*;
use roster_engine::{
    AccountUserFields, Base, Dialect, MembershipPatch, Metadata, NewAccountUser, NewInvitation, NewMembership,
    NewOrganization, NewPermission, NewRole, NewUser, OrganizationPatch, OrganizationStatus, RoleNumber, RoleSet,
    Timestamp, UserPatch, UserStatus, Visibility,
};
use roster_transfer::Options;
use serde_json::json;

fn object(value: serde_json::Value) -> Metadata {
    value.as_object().cloned().expect("an object")
}

/// Fills a realm with some of everything.
async fn fill_realm(place: &Place) {
    let caller = &place.caller;
    let roles = |keys: &[&str]| caller.role_set(keys.iter().copied(), "roles").expect("roles");
    caller
        .create_permission(NewPermission { key: "invoices:approve".into(), ..NewPermission::default() })
        .await
        .expect("a permission");
    for key in ["gone", "clerk"] {
        let new = NewRole {
            key: key.into(),
            name: Some("Clerk's".into()),
            description: "Bücher".into(),
            base: Base::Member,
            reaches_down: true,
            permissions: vec!["invoices:approve".into(), "billing:read".into()],
        };
        caller.create_role(new).await.expect("a role");
    }
    // Leaves a gap, so that the other role's number isn't the next free one.
    caller.delete_role("gone", None).await.expect("deleted");
    let root = OrganizationPatch {
        name: Some("The company".into()),
        max_members: Some(1000),
        public: Some(roster_engine::MetadataWrite::Replace(object(json!({"of": "all"})))),
        ..OrganizationPatch::default()
    };
    caller.update_organization(caller.root(), root).await.expect("the root");
    let acme = NewOrganization {
        name: "Acme, Inc.".into(),
        external_id: Some("17".into()),
        max_members: 9,
        email_domains: vec!["example.com".into()],
        visibility: Visibility::Realm,
        locale: Some("de".into()),
        public: object(json!({"b": 1.0e-7, "a": [null, {"x": 18_446_744_073_709_551_615_u64}], "f": 0.1})),
        private: object(json!({"k": "v\u{2028}"})),
        alias: Some((Dialect::Whylabs, "org-old".into())),
        created: Some(Timestamp::from_ms(1_000_000_000_000)),
        ..NewOrganization::default()
    };
    let acme = caller.create_organization(acme).await.expect("an organization").id;
    let sales = NewOrganization { name: "Sales".into(), parent: Some(acme.into()), ..NewOrganization::default() };
    let sales = caller.create_organization(sales).await.expect("an organization").id;
    let closed = NewOrganization { name: "Closed".into(), parent: Some(sales.into()), ..NewOrganization::default() };
    let closed = caller.create_organization(closed).await.expect("an organization").id;
    // A parent can be younger than its children.
    let top = NewOrganization { name: "Top".into(), ..NewOrganization::default() };
    let top = caller.create_organization(top).await.expect("an organization").id;
    let moved = OrganizationPatch { parent: Some(top.into()), suspended: Some(true), ..OrganizationPatch::default() };
    caller.update_organization(sales, moved).await.expect("moved");
    let gone = NewOrganization { name: "Gone".into(), ..NewOrganization::default() };
    let gone = caller.create_organization(gone).await.expect("an organization").id;

    let ada = NewUser {
        email: Some("Ada@example.com".into()),
        other_emails: vec!["ada@example.org".into()],
        phones: vec!["+4930123456".into()],
        name: Some("Ada King Lovelace".into()),
        username: Some("ada".into()),
        external_id: Some("u 1".into()),
        locale: Some("en".into()),
        public: object(json!({"z": {}})),
        private: object(json!({"p": true})),
        open: object(json!({"o": -1})),
        created: Some(Timestamp::from_ms(1)),
        ..NewUser::default()
    };
    let ada = caller.create_user(ada).await.expect("a user").id;
    let nobody = caller.create_user(NewUser::default()).await.expect("a user").id;
    let bob = NewUser { email: Some("bob@example.com".into()), name: Some("Bob B".into()), ..NewUser::default() };
    let bob = caller.create_user(bob).await.expect("a user").id;
    let patch = UserPatch {
        first_name: Some(None),
        last_name: Some(None),
        name: Some("Bob B".into()),
        status: Some(UserStatus::Inactive),
        ..UserPatch::default()
    };
    caller.update_user(bob, patch).await.expect("changed");

    let owner = NewMembership { roles: roles(&["owner", "clerk"]), is_default: true, ..NewMembership::default() };
    caller.add_member(acme, ada, owner).await.expect("a member");
    let detailed = NewMembership {
        roles: roles(&["member", "viewer"]),
        public: object(json!({"team": "red"})),
        private: object(json!({"salary": 1.5})),
        ..NewMembership::default()
    };
    caller.add_member(acme, bob, detailed).await.expect("a member");
    for (organization, user) in [(sales, ada), (closed, nobody), (gone, bob), (caller.root(), nobody)] {
        let new = NewMembership { roles: roles(&["admin"]), ..NewMembership::default() };
        caller.add_member(organization, user, new).await.expect("a member");
    }
    let later = MembershipPatch { roles: Some(roles(&["viewer"])), ..MembershipPatch::default() };
    caller.update_member(sales, ada, later).await.expect("changed");
    // Existing members stay, even if they wouldn't be admitted any more.
    let strict = OrganizationPatch {
        max_members: Some(1),
        email_domains: Some(vec!["other.example".into()]),
        ..OrganizationPatch::default()
    };
    caller.update_organization(sales, strict).await.expect("changed");
    caller.delete_organization(gone, true, None).await.expect("deleted");
    let marked = OrganizationPatch { status: Some(OrganizationStatus::Deleted), ..OrganizationPatch::default() };
    caller.update_organization(closed, marked).await.expect("marked");

    let invitation = NewInvitation {
        email: "eve@example.com".into(),
        name: "Eve".into(),
        roles: roles(&["member", "clerk"]),
        inviter: Some(ada.into()),
        private: object(json!({"why": "because"})),
        ..NewInvitation::default()
    };
    caller.invite(acme, invitation).await.expect("an invitation");
    let other =
        NewInvitation { email: "eve@example.com".into(), roles: roles(&["viewer"]), ..NewInvitation::default() };
    caller.invite(caller.root(), other).await.expect("an invitation");
    let fields = AccountUserFields { external_id: Some("p".into()), user_schema: Some("{ }".into()), active: true };
    caller
        .create_account_user(acme, NewAccountUser { email: "bob@example.com".into(), fields })
        .await
        .expect("an account user");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_is_reproduced_byte_by_byte() {
    let from = Place::new().await;
    fill_realm(&from).await;
    let first = from.export().await;
    for kind in ["permission", "role", "organization", "user", "membership", "invitation", "account_user"] {
        assert!(first.contains(&format!("{{\"type\":\"{kind}\"")), "{kind}:\n{first}");
    }
    let to = Place::new().await;
    let (_, refused) = to.import_with(&first, Options { dry_run: true, ..Options::default() }).await;
    assert_eq!(refused, Vec::<String>::new());
    assert_eq!(to.export().await.lines().count(), 3, "a dry run changes nothing");
    let (done, refused) = to.import(&first).await;
    assert_eq!(refused, Vec::<String>::new(), "{first}");
    assert_eq!(done.lines, first.lines().count() as u64);
    to.verify().await;
    let second = to.export().await;
    assert!(first == second, "{first}\n{second}");
    // The same file is recognized when it is imported again.
    let (done, _) = to.import(&first).await;
    assert!(done.nothing_new && done.total() == 0, "{done:?}");
    assert_eq!(to.export().await, first);
    let again = Options { restart: true, ..Options::default() };
    let (done, refused) = to.import_with(&first, again).await;
    assert_eq!((done.total(), done.refused), (0, refused.len() as u64));
    assert!(refused.len() as u64 + 3 == first.lines().count() as u64, "all but header, root and end: {refused:#?}");
}

/// The root's id differs between realms, but what is sorted by it still comes at the same place.
#[tokio::test(flavor = "multi_thread")]
async fn links_of_the_realms_own_directory_are_where_they_were() {
    let from = Place::new().await;
    let text = r#"{"type":"organization","name":"Acme"}
{"type":"user","email":"a@example.com"}
{"type":"user","email":"b@example.com"}
{"type":"directory_link","domain":"acme","user":"a@example.com","external_id":"1"}
{"type":"directory_link","domain":"acme","organization":"acme","external_id":"2"}
{"type":"directory_link","domain":"/","user":"b@example.com","external_id":"3","home":true}
{"type":"directory_link","domain":"/","organization":"/","external_id":"4"}
{"type":"directory_link","domain":"/","organization":"acme","external_id":"5"}
"#;
    assert_eq!(from.import(text).await.1, Vec::<String>::new());
    let first = from.export().await;
    let to = Place::new().await;
    assert_eq!(to.import(&first).await.1, Vec::<String>::new());
    to.verify().await;
    let second = to.export().await;
    assert!(first == second, "{first}\n{second}");
}

/// Every imported change has its event, as with any other write.
#[tokio::test(flavor = "multi_thread")]
async fn everything_imported_is_in_the_log() {
    let place = Place::new().await;
    let before = place.caller.list_events(0, 1000, None::<roster_engine::OrganizationRef>).await.expect("events").len();
    let text = r#"{"type":"organization","name":"Acme"}
{"type":"user","email":"a@example.com"}
{"type":"membership","organization":"acme","user":"a@example.com","roles":["member"]}
{"type":"user","email":"b@example.com"}
{"type":"role","key":"own"}
{"type":"membership","organization":"acme","user":"b@example.com","roles":["own","member"]}
"#;
    assert_eq!(place.import(text).await.1, Vec::<String>::new());
    let events = place.caller.list_events(0, 1000, None::<roster_engine::OrganizationRef>).await.expect("events");
    let kinds: Vec<_> = events[before..].iter().map(|event| event.kind.as_str()).collect();
    let expected = [
        "organization.created",
        "user.created",
        "membership.added",
        "user.created",
        "role.created",
        "membership.added",
    ];
    assert_eq!(kinds, expected);
    assert!(events.iter().zip(1..).all(|(event, number)| event.sequence == number));
    place.verify().await;
}

/// The export of a realm, after checking that an empty realm that imports it exports the same.
async fn comes_back(from: &Place) -> String {
    let first = from.export().await;
    let to = Place::new().await;
    let (_, refused) = to.import_with(&first, Options { dry_run: true, ..Options::default() }).await;
    assert_eq!(refused, Vec::<String>::new(), "{first}");
    assert_eq!(to.import(&first).await.1, Vec::<String>::new(), "{first}");
    to.verify().await;
    let second = to.export().await;
    assert!(first == second, "{first}\n{second}");
    first
}

/// A member may take an address after it was invited.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_with_an_invitation_comes_back() {
    let from = Place::new().await;
    let caller = &from.caller;
    let acme = NewOrganization { name: "Acme".into(), ..NewOrganization::default() };
    let acme = caller.create_organization(acme).await.expect("an organization").id;
    let ann = NewUser { email: Some("a@example.com".into()), ..NewUser::default() };
    let ann = caller.create_user(ann).await.expect("a user").id;
    let roles = RoleSet::of(RoleNumber::MEMBER);
    caller.add_member(acme, ann, NewMembership { roles, ..NewMembership::default() }).await.expect("a member");
    let invitation = NewInvitation { email: "b@example.com".into(), roles, ..NewInvitation::default() };
    caller.invite(acme, invitation).await.expect("an invitation");
    let patch = UserPatch { email: Some(Some("b@example.com".into())), ..UserPatch::default() };
    caller.update_user(ann, patch).await.expect("changed");
    let exported = comes_back(&from).await;
    assert!(exported.contains("{\"type\":\"invitation\""), "{exported}");
}

/// An account that was moved below another organization keeps its records, and gets no new ones.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_an_account_that_was_moved_come_back() {
    let from = Place::new().await;
    let caller = &from.caller;
    let acme = NewOrganization { name: "Acme".into(), ..NewOrganization::default() };
    let acme = caller.create_organization(acme).await.expect("an organization").id;
    let top = NewOrganization { name: "Top".into(), ..NewOrganization::default() };
    let top = caller.create_organization(top).await.expect("an organization").id;
    let fields = AccountUserFields { external_id: Some("p".into()), user_schema: None, active: true };
    let bob = NewAccountUser { email: "bob@example.com".into(), fields };
    caller.create_account_user(acme, bob).await.expect("an account user");
    let moved = OrganizationPatch { parent: Some(top.into()), ..OrganizationPatch::default() };
    caller.update_organization(acme, moved).await.expect("moved");
    let exported = comes_back(&from).await;
    assert!(exported.contains("{\"type\":\"account_user\""), "{exported}");
    let new = r#"{"type":"user","email":"ann@example.com"}
{"type":"account_user","organization":"acme","user":"ann@example.com"}
{"type":"account_user","organization":"/","user":"ann@example.com","created_at":"2001-01-01T00:00:00.000Z"}"#;
    let problem = "the organization is not an account: it has a parent";
    assert_eq!(from.import(new).await.1, [format!("2: {problem}"), format!("3: {problem}")]);
}

/// A name that is made of its parts may be longer than one that is given by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_name_of_two_parts_comes_back() {
    let from = Place::new().await;
    let (first, last) = ("a".repeat(200), "b".repeat(100));
    let made = NewUser { first_name: Some(first.clone()), last_name: Some(last.clone()), ..NewUser::default() };
    let made = from.caller.create_user(made).await.expect("a user");
    assert_eq!(made.name, format!("{first} {last}"));
    let changed = from.caller.create_user(NewUser::default()).await.expect("a user").id;
    let patch = UserPatch {
        first_name: Some(Some("\u{e4}".repeat(256))),
        last_name: Some(Some("\u{df}".repeat(256))),
        ..UserPatch::default()
    };
    from.caller.update_user(changed, patch).await.expect("changed");
    comes_back(&from).await;
    let new = format!(
        r#"{{"type":"user","name":"{first} {last}"}}
{{"type":"user","name":"{first} {last}","first_name":"{first}","last_name":"b"}}"#
    );
    assert_eq!(from.import(&new).await.1, ["1: name is too long", "2: name is too long"]);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn metadata() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("a number", |number| number.is_finite()).prop_map(Into::into),
        "[^\u{0}\u{ffff}]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(2, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_users_have_comes_back(
        users in prop::collection::vec(("[A-Za-z \u{e4}\u{df}]{0,12}", prop::option::of("[a-z]{1,6}"), metadata()), 1..6),
    ) {
        runtime().block_on(async {
            let from = Place::on(roster_testing::Database::file()).await;
            let mut refused = 0;
            for (name, first_name, metadata) in users {
                let new = NewUser {
                    name: Some(name),
                    first_name,
                    public: object(json!({"m": metadata})),
                    ..NewUser::default()
                };
                let made = from.caller.create_user(new).await.expect("a user");
                let roles = RoleSet::of(RoleNumber::VIEWER);
                let member = NewMembership { roles, ..NewMembership::default() };
                refused += usize::from(from.caller.add_member(from.caller.root(), made.id, member).await.is_err());
            }
            assert_eq!(refused, 0);
            let first = from.export().await;
            let to = Place::on(roster_testing::Database::file()).await;
            assert_eq!(to.import(&first).await.1, Vec::<String>::new());
            assert_eq!(to.export().await, first);
        });
    }
}
