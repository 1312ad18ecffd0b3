//! The scenarios. A new surface needs no change here.

use roster_tests::Expect::{Done, Refused};
use roster_tests::Step::{
    Add, Child, DeleteOrganization, DeleteUser, Domains, Members, Organization, Remove, SetOwner, SetRole, User,
};
use roster_tests::{Scenario, Why};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "a_member_is_added_seen_changed_and_removed",
        // Somebody else stays an admin: some surfaces don't let the last one go.
        given: &[
            User("ada"),
            User("zoe"),
            Organization("acme"),
            Add { organization: "acme", user: "zoe", role: "admin" },
        ],
        when: &[
            (Members("acme", &[("zoe", "admin")]), Done),
            (Add { organization: "acme", user: "ada", role: "viewer" }, Done),
            (Members("acme", &[("ada", "viewer"), ("zoe", "admin")]), Done),
            (SetRole { organization: "acme", user: "ada", role: "admin" }, Done),
            (Members("acme", &[("ada", "admin"), ("zoe", "admin")]), Done),
            (Remove { organization: "acme", user: "ada" }, Done),
            (Members("acme", &[("zoe", "admin")]), Done),
        ],
    },
    Scenario {
        name: "a_user_is_a_member_once",
        given: &[User("ada"), Organization("acme"), Add { organization: "acme", user: "ada", role: "viewer" }],
        when: &[
            (Add { organization: "acme", user: "ada", role: "admin" }, Refused(Why::AlreadyMember)),
            (Members("acme", &[("ada", "viewer")]), Done),
        ],
    },
    Scenario {
        name: "the_same_role_again_is_fine",
        given: &[User("ada"), Organization("acme"), Add { organization: "acme", user: "ada", role: "member" }],
        when: &[
            (SetRole { organization: "acme", user: "ada", role: "member" }, Done),
            (Members("acme", &[("ada", "member")]), Done),
        ],
    },
    Scenario {
        name: "removing_twice_finds_nobody",
        given: &[User("ada"), Organization("acme"), Add { organization: "acme", user: "ada", role: "member" }],
        when: &[
            (Remove { organization: "acme", user: "ada" }, Done),
            (Remove { organization: "acme", user: "ada" }, Refused(Why::NoMembership)),
            (SetRole { organization: "acme", user: "ada", role: "admin" }, Refused(Why::NoMembership)),
            (Add { organization: "acme", user: "ada", role: "admin" }, Done),
            (Members("acme", &[("ada", "admin")]), Done),
        ],
    },
    Scenario {
        name: "who_is_unknown_cannot_be_added",
        given: &[User("ada"), Organization("acme"), User("bob"), DeleteUser("bob")],
        when: &[
            (Add { organization: "acme", user: "bob", role: "member" }, Refused(Why::NoUser)),
            (Members("acme", &[]), Done),
        ],
    },
    Scenario {
        name: "a_deleted_organization_is_nowhere",
        given: &[User("ada"), Organization("acme"), Add { organization: "acme", user: "ada", role: "member" }],
        when: &[
            (DeleteOrganization("acme"), Done),
            (Members("acme", &[]), Refused(Why::NoOrganization)),
            (Add { organization: "acme", user: "ada", role: "member" }, Refused(Why::NoOrganization)),
            (SetRole { organization: "acme", user: "ada", role: "admin" }, Refused(Why::NoOrganization)),
            (DeleteOrganization("acme"), Refused(Why::NoOrganization)),
            (Organization("acme"), Done),
            (Members("acme", &[]), Done),
        ],
    },
    Scenario {
        name: "a_deleted_user_is_a_member_nowhere",
        given: &[
            User("ada"),
            User("bob"),
            Organization("acme"),
            Organization("beta"),
            Add { organization: "acme", user: "ada", role: "member" },
            Add { organization: "acme", user: "bob", role: "viewer" },
            Add { organization: "beta", user: "ada", role: "admin" },
        ],
        when: &[(DeleteUser("ada"), Done), (Members("acme", &[("bob", "viewer")]), Done), (Members("beta", &[]), Done)],
    },
    Scenario {
        name: "the_owner_cannot_be_removed_or_demoted",
        given: &[
            User("ada"),
            User("bob"),
            Organization("acme"),
            Add { organization: "acme", user: "ada", role: "member" },
            Add { organization: "acme", user: "bob", role: "member" },
            SetOwner { organization: "acme", user: "ada" },
        ],
        when: &[
            (Remove { organization: "acme", user: "ada" }, Refused(Why::OwnerProtected)),
            (SetRole { organization: "acme", user: "ada", role: "viewer" }, Refused(Why::OwnerProtected)),
            (Members("acme", &[("ada", "owner"), ("bob", "member")]), Done),
            (SetOwner { organization: "acme", user: "bob" }, Done),
            (Members("acme", &[("ada", "admin"), ("bob", "owner")]), Done),
            (Remove { organization: "acme", user: "ada" }, Done),
            (Members("acme", &[("bob", "owner")]), Done),
        ],
    },
    Scenario {
        name: "deleting_the_owner_leaves_no_owner",
        given: &[
            User("ada"),
            User("bob"),
            Organization("acme"),
            Add { organization: "acme", user: "ada", role: "member" },
            Add { organization: "acme", user: "bob", role: "viewer" },
            SetOwner { organization: "acme", user: "ada" },
        ],
        when: &[
            (DeleteUser("ada"), Done),
            (Members("acme", &[("bob", "viewer")]), Done),
            (SetOwner { organization: "acme", user: "bob" }, Done),
            (Members("acme", &[("bob", "owner")]), Done),
        ],
    },
    Scenario {
        name: "only_addresses_of_its_domains_become_members",
        given: &[User("ada"), Organization("acme"), Domains { organization: "acme", domains: &["other.example"] }],
        when: &[
            (Add { organization: "acme", user: "ada", role: "member" }, Refused(Why::DomainNotAllowed)),
            (Domains { organization: "acme", domains: &["other.example", "example.com"] }, Done),
            (Add { organization: "acme", user: "ada", role: "member" }, Done),
            (Members("acme", &[("ada", "member")]), Done),
        ],
    },
    Scenario {
        name: "an_organization_with_others_below_stays",
        given: &[Organization("acme"), Child { name: "labs", under: "acme" }],
        when: &[
            (DeleteOrganization("acme"), Refused(Why::HasChildren)),
            (DeleteOrganization("labs"), Done),
            (DeleteOrganization("acme"), Done),
            (Members("acme", &[]), Refused(Why::NoOrganization)),
        ],
    },
    Scenario {
        name: "members_of_one_organization_are_not_of_another",
        given: &[
            User("ada"),
            User("bob"),
            Organization("acme"),
            Child { name: "labs", under: "acme" },
            Organization("beta"),
            Add { organization: "acme", user: "ada", role: "admin" },
        ],
        when: &[
            (Add { organization: "labs", user: "bob", role: "viewer" }, Done),
            (Members("acme", &[("ada", "admin")]), Done),
            (Members("labs", &[("bob", "viewer")]), Done),
            (Members("beta", &[]), Done),
            (Remove { organization: "acme", user: "bob" }, Refused(Why::NoMembership)),
        ],
    },
    Scenario {
        name: "writing_back_what_a_surface_shows_changes_nothing",
        given: &[
            User("ada"),
            User("bob"),
            Organization("acme"),
            Add { organization: "acme", user: "ada", role: "support" },
            Add { organization: "acme", user: "bob", role: "member" },
            SetOwner { organization: "acme", user: "bob" },
        ],
        when: &[
            (Members("acme", &[("ada", "support"), ("bob", "owner")]), Done),
            (SetRole { organization: "acme", user: "ada", role: "support" }, Done),
            (SetRole { organization: "acme", user: "bob", role: "owner" }, Done),
            (Members("acme", &[("ada", "support"), ("bob", "owner")]), Done),
        ],
    },
];
