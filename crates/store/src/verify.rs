//! Replays the log and compares the result with the tables. A `match` without a wildcard handles every kind of
//! [`Change`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use roster_model::{
    AccountUser, Change, DirectoryLink, EntityId as _, Invitation, InvitationId, Link, LinkId, LinkSubject, Membership,
    MembershipId, MembershipScope, Organization, OrganizationId, OrganizationStatus, Permission, PermissionId,
    RetiredRole, Role, RoleId, RoleNumber, Session, SessionId, Timestamp, Token, TokenId, User, UserId,
};

use crate::error::Result;
use crate::invitations::{InvitationFilter, InvitationSort};
use crate::list::Slice;
use crate::memberships::{MemberFilter, MemberSort};
use crate::organizations::{OrganizationFilter, OrganizationSort};
use crate::sessions::SessionFilter;
use crate::tokens::TokenFilter;
use crate::users::{UserFilter, UserSort};
use crate::view::View;

/// The state that results from the log.
#[derive(Debug, Default)]
struct Replay {
    organizations: BTreeMap<OrganizationId, Organization>,
    users: BTreeMap<UserId, User>,
    memberships: BTreeMap<MembershipId, Membership>,
    invitations: BTreeMap<InvitationId, Invitation>,
    roles: BTreeMap<RoleId, Role>,
    /// By the number of the event. Those that an older version deleted are in no table.
    retired_roles: BTreeMap<i64, RetiredRole>,
    permissions: BTreeMap<PermissionId, Permission>,
    tokens: BTreeMap<TokenId, Token>,
    sessions: BTreeMap<SessionId, Session>,
    links: BTreeMap<LinkId, Link>,
    /// When each user's password was last changed.
    passwords: BTreeMap<UserId, Timestamp>,
    accounts: BTreeMap<(OrganizationId, UserId), AccountUser>,
    directory_links: BTreeMap<(OrganizationId, LinkSubject), DirectoryLink>,
    erased: BTreeSet<UserId>,
}

impl Replay {
    fn apply(&mut self, sequence: i64, change: Change) {
        match change {
            Change::RealmCreated { root, roles, permissions, .. } => {
                self.organizations.insert(root.id, *root);
                self.roles.extend(roles.into_iter().map(|role| (role.id, role)));
                self.permissions.extend(permissions.into_iter().map(|permission| (permission.id, permission)));
            }
            Change::OrganizationCreated { after } | Change::OrganizationUpdated { after, .. } => {
                self.organizations.insert(after.id, *after);
            }
            Change::OrganizationMoved { before, after } => {
                let below = self.below(after.id);
                for (id, organization) in &mut self.organizations {
                    if below.contains(id) {
                        organization.depth = organization.depth - before.depth + after.depth;
                    }
                }
                self.organizations.insert(after.id, *after);
            }
            Change::OrganizationDeleted { before } => {
                let mut gone = self.below(before.id);
                gone.insert(before.id);
                self.organizations.retain(|id, _| !gone.contains(id));
                self.memberships.retain(|_, m| !gone.contains(&m.organization));
                self.invitations.retain(|_, i| !gone.contains(&i.organization));
                self.accounts.retain(|(organization, _), _| !gone.contains(organization));
                self.tokens.retain(|_, token| token.organization.is_none_or(|o| !gone.contains(&o)));
                self.directory_links.retain(|(domain, subject), _| {
                    let about = matches!(subject, LinkSubject::Organization(id) if gone.contains(id));
                    !gone.contains(domain) && !about
                });
                self.end_sessions(|_, only| only.is_some_and(|only| gone.contains(&only.organization)));
            }
            Change::UserCreated { after } => {
                self.users.insert(after.id, *after);
            }
            Change::UserUpdated { after, .. } => {
                if !after.is_active() {
                    self.end_sessions(|user, _| user == after.id);
                }
                self.users.insert(after.id, *after);
            }
            Change::UserPasswordChanged { user, changed, .. } => {
                self.passwords.remove(&user);
                self.passwords.extend(changed.map(|changed| (user, changed)));
            }
            Change::UserDeleted { before } => {
                self.users.remove(&before.id);
                self.tokens.retain(|_, token| token.user != Some(before.id));
                self.directory_links.retain(|(_, subject), _| *subject != LinkSubject::User(before.id));
                self.end_sessions(|user, _| user == before.id);
                self.passwords.remove(&before.id);
            }
            Change::UserErased { user } => {
                self.erased.insert(user);
            }
            Change::MembershipAdded { after }
            | Change::MembershipUpdated { after, .. }
            | Change::OwnershipCleared { after, .. }
            | Change::OwnershipTransferred { after, .. } => {
                self.memberships.insert(after.id, *after);
            }
            Change::MembershipRemoved { before } => {
                self.end_sessions(|_, only| only.is_some_and(|only| only.membership == before.id));
                self.memberships.remove(&before.id);
            }
            Change::InvitationCreated { after, .. } | Change::InvitationUpdated { after, .. } => {
                self.invitations.insert(after.id, *after);
            }
            Change::RoleCreated { after } | Change::RoleUpdated { after, .. } => {
                self.roles.insert(after.id, *after);
            }
            Change::RoleDeleted { before, at } => {
                self.roles.remove(&before.id);
                let role = at.map(|retired| RetiredRole { role: *before, sequence, retired });
                self.retired_roles.extend(role.map(|role| (sequence, role)));
            }
            Change::PermissionCreated { after } | Change::PermissionUpdated { after, .. } => {
                self.permissions.insert(after.id, after);
            }
            Change::PermissionDeleted { before } => {
                self.permissions.remove(&before.id);
            }
            Change::TokenIssued { after, .. }
            | Change::TokenUpdated { after, .. }
            | Change::TokenRevoked { after, .. } => {
                self.tokens.insert(after.id, *after);
            }
            Change::SessionOpened { after, .. } => {
                self.sessions.insert(after.id, *after);
            }
            Change::SessionEnded { before } => {
                self.sessions.remove(&before.id);
            }
            Change::LinkIssued { after, .. } => {
                self.links.insert(after.id, *after);
            }
            Change::LinkUsed { before } => {
                self.links.remove(&before.id);
            }
            Change::AccountUserCreated { after } | Change::AccountUserUpdated { after, .. } => {
                self.accounts.insert((after.organization, after.user), after);
            }
            Change::AccountUserDeleted { before } => {
                self.accounts.remove(&(before.organization, before.user));
            }
            Change::DirectoryLinkCreated { after } | Change::DirectoryLinkUpdated { after, .. } => {
                self.directory_links.insert((after.domain, after.subject), *after);
            }
            Change::DirectoryLinkDeleted { before } => {
                self.directory_links.remove(&(before.domain, before.subject));
            }
            Change::RemovalHeld { .. } => {}
        }
    }

    fn end_sessions(&mut self, which: impl Fn(UserId, Option<MembershipScope>) -> bool) {
        self.sessions.retain(|_, session| !which(session.user, session.only));
        self.links.retain(|_, link| !which(link.user, Some(link.only)));
    }

    /// Derives `hidden` from the marks on organizations and their ancestors.
    fn hide(&mut self) {
        let marked = |o: &Organization| o.status == OrganizationStatus::Deleted;
        let mut hidden: BTreeSet<_> = self.organizations.values().filter(|o| marked(o)).map(|o| o.id).collect();
        for id in hidden.clone() {
            hidden.extend(self.below(id));
        }
        for organization in self.organizations.values_mut() {
            organization.hidden = hidden.contains(&organization.id);
        }
    }

    fn below(&self, id: OrganizationId) -> BTreeSet<OrganizationId> {
        let mut below = BTreeSet::new();
        loop {
            let more: Vec<_> = self
                .organizations
                .values()
                .filter(|o| !below.contains(&o.id) && o.parent.is_some_and(|p| p == id || below.contains(&p)))
                .map(|o| o.id)
                .collect();
            if more.is_empty() {
                return below;
            }
            below.extend(more);
        }
    }
}

/// Records differences between the log and the tables.
fn compare<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    logged: &BTreeMap<K, V>,
    stored: &BTreeMap<K, V>,
    problems: &mut Vec<String>,
) {
    for (id, value) in logged {
        match stored.get(id) {
            None => problems.push(format!("{what} {id:?} is in the log and not in its table")),
            Some(found) if found != value => {
                problems.push(format!("{what} {id:?}: the log says {value:?}, its table {found:?}"));
            }
            Some(_) => {}
        }
    }
    for id in stored.keys().filter(|id| !logged.contains_key(id)) {
        problems.push(format!("{what} {id:?} is in its table and not in the log"));
    }
}

impl View<'_> {
    /// All inconsistencies between this realm's log, tables and rules; empty if there are none. Reads the whole realm.
    /// Tokens, sessions and links that have expired by `now` may have been purged.
    pub fn verify(&self, now: Timestamp) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        let mut replay = Replay::default();
        let mut position = 0;
        loop {
            let events = self.list_events(position, 1000, None, None)?;
            if events.is_empty() {
                break;
            }
            for event in events {
                if event.sequence != position + 1 {
                    problems.push(format!("after event {position} comes event {}", event.sequence));
                }
                position = event.sequence;
                if let Some(change) = event.change {
                    replay.apply(event.sequence, change);
                }
            }
        }
        if position != self.head {
            problems.push(format!("the realm's head is {}, its last event {position}", self.head));
        }
        replay.hide();
        self.compare_tables(&mut replay, now, &mut problems)?;
        self.check_rules(&mut problems)?;
        Ok(problems)
    }

    fn compare_tables(&self, replay: &mut Replay, now: Timestamp, problems: &mut Vec<String>) -> Result<()> {
        let all = Slice::default();
        let organizations = self.list_organizations(&OrganizationFilter::default(), OrganizationSort::Created, &all)?;
        let stored = organizations.into_iter().map(|o| (o.id, o)).collect();
        compare("organization", &replay.organizations, &stored, problems);

        let mut users = self.list_users(&UserFilter::default(), UserSort::Created, &all)?;
        for user in &mut users {
            user.last_active = None;
        }
        compare("user", &replay.users, &users.into_iter().map(|u| (u.id, u)).collect(), problems);

        let memberships = self.list_memberships(&MemberFilter::default(), MemberSort::Created, &all)?;
        compare("membership", &replay.memberships, &memberships.into_iter().map(|m| (m.id, m)).collect(), problems);

        let invitations = self.list_invitations(&InvitationFilter::default(), InvitationSort::Created, &all)?;
        compare("invitation", &replay.invitations, &invitations.into_iter().map(|i| (i.id, i)).collect(), problems);

        compare("role", &replay.roles, &self.list_roles()?.into_iter().map(|r| (r.id, r)).collect(), problems);
        let retired = self.list_retired_roles()?.into_iter().map(|r| (r.sequence, r)).collect();
        compare("deleted role of event", &replay.retired_roles, &retired, problems);
        let permissions = self.list_permissions()?.into_iter().map(|p| (p.id, p)).collect();
        compare("permission", &replay.permissions, &permissions, problems);

        let mut tokens = self.list_tokens(&TokenFilter::default(), &all)?;
        for token in &mut tokens {
            token.last_used = None;
        }
        let tokens: BTreeMap<TokenId, Token> = tokens.into_iter().map(|t| (t.id, t)).collect();
        replay.tokens.retain(|id, token| token.expires.is_none_or(|expires| expires > now) || tokens.contains_key(id));
        compare("token", &replay.tokens, &tokens, problems);

        // Expired ones may have been purged.
        replay.sessions.retain(|_, session| session.is_live(now));
        replay.links.retain(|_, link| link.is_live(now));
        let sessions = self.list_sessions(&SessionFilter { live: Some(now), ..SessionFilter::default() }, &all)?;
        compare("session", &replay.sessions, &sessions.into_iter().map(|s| (s.id, s)).collect(), problems);
        let links = self.all_links()?.into_iter().filter(|link| link.is_live(now));
        compare("link", &replay.links, &links.map(|link| (link.id, link)).collect(), problems);
        let passwords = self.all_passwords()?.into_iter().collect();
        compare("password of", &replay.passwords, &passwords, problems);

        let accounts = self.connection.all(
            "SELECT a.organization, a.usr FROM account_user a JOIN organization o ON o.realm = a.realm
                AND o.id = a.organization AND o.status <> 'gone' WHERE a.realm = $1",
            &[self.realm.into()],
            |row| Ok((row.id(0)?, row.id(1)?)),
        )?;
        let mut stored = BTreeMap::new();
        for (organization, user) in accounts {
            if let Some(account) = self.account_user(organization, user)? {
                stored.insert((organization, user), account);
            }
        }
        compare("account user", &replay.accounts, &stored, problems);
        let links = self.all_directory_links()?;
        compare(
            "directory link",
            &replay.directory_links,
            &links.into_iter().map(|l| ((l.domain, l.subject), l)).collect(),
            problems,
        );
        for user in &replay.erased {
            if replay.users.contains_key(user) || self.has_events_about(*user)? {
                problems.push(format!("user {user:?} was erased and is still known"));
            }
        }
        Ok(())
    }

    /// Checks invariants within the tables.
    fn check_rules(&self, problems: &mut Vec<String>) -> Result<()> {
        let mut check = |what: &str, sql: &str| -> Result<()> {
            self.connection.each(sql, &[self.realm.into()], |row| {
                problems.push(format!("{what}: {}", row.int(0)?));
                Ok::<_, crate::Error>(())
            })
        };
        let owner = i64::from(1_u8 << RoleNumber::OWNER.get());
        debug_assert_eq!(owner, 1, "the statement below names the owner's bit");
        check(
            "two owners of organization",
            "SELECT organization FROM membership WHERE realm = $1 AND roles & 1 <> 0
             GROUP BY organization HAVING COUNT(*) > 1",
        )?;
        check(
            "a user twice in organization",
            "SELECT organization FROM membership WHERE realm = $1 GROUP BY organization, usr HAVING COUNT(*) > 1",
        )?;
        check("a membership without roles", "SELECT id FROM membership WHERE realm = $1 AND roles = 0")?;
        check(
            "a membership without its user",
            "SELECT m.id FROM membership m JOIN organization o ON o.realm = m.realm AND o.id = m.organization
                AND o.status <> 'gone'
             LEFT JOIN usr u ON u.realm = m.realm AND u.id = m.usr WHERE m.realm = $1 AND u.id IS NULL",
        )?;
        check(
            "an organization at the wrong depth",
            "SELECT o.id FROM organization o JOIN organization p ON p.realm = o.realm AND p.id = o.parent
             WHERE o.realm = $1 AND o.status <> 'gone' AND (o.depth <> p.depth + 1 OR p.status = 'gone' OR o.depth > 16)",
        )?;
        let realm = self.realm()?;
        if let Some(realm) = realm
            && self.chain(realm.root)? != [realm.root]
        {
            problems.push(format!("the root {:?} has something above it", realm.root.raw()));
        }
        Ok(())
    }
}
