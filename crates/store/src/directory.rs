//! Links of directories, and what a provisioning domain sees.

use std::collections::{BTreeSet, HashMap};

use roster_model::{DirectoryLink, LinkSubject, Organization, OrganizationId, Timestamp, User, UserId, text};

use crate::batch::About;
use crate::error::{Error, Result};
use crate::list::Slice;
use crate::sql::{Row, Select, Value};
use crate::users::LAST;
use crate::view::View;

const SELECT: &str = "SELECT l.domain, l.subject, l.external_id, l.user_name, l.home, l.suspended, l.document, l.given, \
    l.created_ms, l.updated_ms, l.addresses FROM directory_link l";

/// What the log tells of an organization that isn't seen of it as a group.
const UNSEEN: &str =
    "('scim.removal_held', 'token.issued', 'token.revoked', 'invitation.created', 'invitation.updated')";

pub(crate) fn read(row: &Row<'_>) -> Result<DirectoryLink> {
    let subject = row.int(1)?;
    let given = if row.opt_text(7)?.is_some() { Some(row.json(7)?) } else { None };
    Ok(DirectoryLink {
        domain: row.id(0)?,
        subject: LinkSubject::from_raw(subject)
            .ok_or_else(|| Error::Corrupt(format!("a directory link of {subject}")))?,
        external_id: row.opt_text(2)?,
        user_name: row.opt_text(3)?,
        home: row.flag(4)?,
        suspended: row.flag(5)?,
        document: row.json(6)?,
        addresses: row.json(10)?,
        given,
        created: row.time(8)?,
        updated: row.time(9)?,
    })
}

fn values(view: &View<'_>, link: &DirectoryLink) -> Result<Vec<Value>> {
    Ok(vec![
        view.realm.into(),
        link.domain.into(),
        link.subject.raw().into(),
        link.external_id.as_deref().into(),
        link.user_name.as_deref().into(),
        link.user_name.as_deref().map(text::fold).into(),
        link.home.into(),
        link.suspended.into(),
        serde_json::to_string(&link.document)?.into(),
        link.given.as_ref().map(serde_json::to_string).transpose()?.into(),
        link.updated.into(),
        serde_json::to_string(&link.addresses)?.into(),
    ])
}

/// A user's place in an organization of a domain, for the list of his groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOf {
    pub user: UserId,
    pub organization: OrganizationId,
    pub name: String,
}

/// Of all domains that are there.
pub(crate) fn select(view: &View<'_>) -> Select {
    let mut select = Select::new(SELECT);
    select.push(" JOIN organization d ON d.realm = l.realm AND d.id = l.domain AND d.status <> 'gone'");
    select.push(" WHERE l.realm = ").bind(view.realm);
    select
}

impl View<'_> {
    pub fn directory_link(
        &self,
        domain: OrganizationId,
        subject: impl Into<LinkSubject>,
    ) -> Result<Option<DirectoryLink>> {
        self.connection.optional(
            &format!("{SELECT} WHERE l.realm = $1 AND l.domain = $2 AND l.subject = $3"),
            &[self.realm.into(), domain.into(), subject.into().raw().into()],
            read,
        )
    }

    /// A domain's links of these subjects, by their raw ids.
    pub fn directory_links(&self, domain: OrganizationId, subjects: &[i64]) -> Result<HashMap<i64, DirectoryLink>> {
        let mut found = HashMap::with_capacity(subjects.len());
        for subjects in subjects.chunks(512) {
            let mut select = Select::new(&format!("{SELECT} WHERE l.realm = "));
            select.bind(self.realm).push(" AND l.domain = ").bind(domain);
            select.push(" AND l.subject IN ").bind_all(subjects);
            let links = self.connection.all(&select.text, &select.values, read)?;
            found.extend(links.into_iter().map(|link| (link.subject.raw(), link)));
        }
        Ok(found)
    }

    /// Every domain's link of one subject.
    pub fn directory_links_of(&self, subject: impl Into<LinkSubject>) -> Result<Vec<DirectoryLink>> {
        self.connection.all(
            &format!("{SELECT} WHERE l.realm = $1 AND l.subject = $2 ORDER BY l.domain"),
            &[self.realm.into(), subject.into().raw().into()],
            read,
        )
    }

    /// The links of these users to their homes, which may be gone.
    pub fn home_links(&self, users: &[UserId]) -> Result<HashMap<UserId, DirectoryLink>> {
        let mut found = HashMap::with_capacity(users.len());
        for users in users.chunks(512) {
            let mut select = Select::new(&format!("{SELECT} WHERE l.realm = "));
            select.bind(self.realm).push(" AND l.home AND l.subject IN ").bind_all(users);
            let links = self.connection.all(&select.text, &select.values, read)?;
            found.extend(links.into_iter().filter_map(|link| Some((link.subject.user()?, link))));
        }
        Ok(found)
    }

    /// Everything that any domain calls so, in any letter case.
    pub fn directory_links_named(&self, user_name: &str) -> Result<Vec<DirectoryLink>> {
        self.connection.all(
            &format!("{SELECT} WHERE l.realm = $1 AND l.user_name_folded = $2 ORDER BY l.domain, l.subject"),
            &[self.realm.into(), text::fold(user_name).into()],
            read,
        )
    }

    pub fn directory_subjects(&self, domain: OrganizationId, external_id: &str) -> Result<Vec<LinkSubject>> {
        let found = self.connection.all(
            "SELECT subject FROM directory_link WHERE realm = $1 AND domain = $2 AND external_id = $3 ORDER BY subject",
            &[self.realm.into(), domain.into(), external_id.into()],
            |row| row.int(0),
        )?;
        Ok(found.into_iter().filter_map(LinkSubject::from_raw).collect())
    }

    /// Users of whom the domain's directory says that they have this address, in any letter case.
    pub fn directory_users_at(&self, domain: OrganizationId, address: &str) -> Result<Vec<UserId>> {
        self.connection.all(
            "SELECT subject FROM directory_address WHERE realm = $1 AND value = $2 AND domain = $3 ORDER BY subject",
            &[self.realm.into(), text::fold(address).into(), domain.into()],
            |row| row.id(0),
        )
    }

    /// The domains in which this user's memberships grant nothing.
    pub fn suspended_in(&self, user: UserId) -> Result<Vec<OrganizationId>> {
        if let Some(known) = self.known(About::Suspensions, |memory| Ok(memory.graph.suspended_in(user).to_vec())) {
            return known;
        }
        self.connection.all(
            "SELECT domain FROM directory_link WHERE realm = $1 AND subject = $2 AND suspended",
            &[self.realm.into(), user.into()],
            |row| row.id(0),
        )
    }

    pub(crate) fn all_directory_links(&self) -> Result<Vec<DirectoryLink>> {
        let links = self.connection.all(
            &format!(
                "{SELECT} JOIN organization d ON d.realm = l.realm AND d.id = l.domain AND d.status <> 'gone'
                 WHERE l.realm = $1 ORDER BY l.domain, l.subject"
            ),
            &[self.realm.into()],
            read,
        )?;
        let mut live = Vec::with_capacity(links.len());
        for link in links {
            let there = match link.subject {
                LinkSubject::User(_) => true,
                LinkSubject::Organization(id) => self.organization(id)?.is_some(),
            };
            live.extend(there.then_some(link));
        }
        Ok(live)
    }

    /// Whether the user has a membership in the domain, or an address that is invited to it.
    pub fn belongs_to_domain(&self, domain: OrganizationId, user: UserId, now: Timestamp) -> Result<bool> {
        let found = self.connection.optional(
            "WITH RECURSIVE up (id) AS (
                SELECT o.id FROM membership m JOIN organization o ON o.realm = m.realm AND o.id = m.organization
                    WHERE m.realm = $1 AND m.usr = $2 AND o.status <> 'gone'
                UNION
                SELECT o.id FROM address a
                    JOIN invitation i ON i.realm = a.realm AND i.email = a.value AND i.status = 'pending' AND i.expires_ms > $4
                    JOIN organization o ON o.realm = i.realm AND o.id = i.organization
                    WHERE a.realm = $1 AND a.usr = $2 AND a.kind = 'email' AND o.status <> 'gone'
                UNION
                SELECT o.parent FROM up JOIN organization o ON o.realm = $1 AND o.id = up.id WHERE o.parent IS NOT NULL
             ) SELECT 1 FROM up WHERE id = $3 LIMIT 1",
            &[self.realm.into(), user.into(), domain.into(), now.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    // The order of the joins is said: from the tree to its members, not through all of the realm's.
    fn users_of_domain(&self, domain: OrganizationId, now: Timestamp, columns: &str) -> Select {
        let mut select = Select::new("WITH RECURSIVE down (id) AS (SELECT id FROM organization WHERE realm = ");
        select.bind(self.realm).push(" AND id = ").bind(domain);
        select.push(" UNION ALL SELECT o.id FROM down JOIN organization o ON o.realm = ").bind(self.realm);
        select.push(
            " AND o.parent = down.id WHERE o.status <> 'gone'), seen (id) AS (SELECT l.subject FROM directory_link l",
        );
        select.push(" JOIN usr u ON u.realm = l.realm AND u.id = l.subject WHERE l.realm = ").bind(self.realm);
        select.push(" AND l.domain = ").bind(domain);
        select.push(" UNION SELECT m.usr FROM down CROSS JOIN membership m WHERE m.realm = ").bind(self.realm);
        select.push(" AND m.organization = down.id UNION SELECT a.usr FROM down CROSS JOIN invitation i");
        select.push(" CROSS JOIN address a WHERE i.realm = ").bind(self.realm);
        select.push(" AND i.organization = down.id AND i.status = 'pending' AND i.expires_ms > ").bind(now);
        select.push(" AND a.realm = i.realm AND a.kind = 'email' AND a.value = i.email)");
        select.push(" SELECT ").push(columns).push(" FROM seen WHERE 1 = 1");
        select
    }

    /// The users that a domain sees, by id. The realm's root sees all.
    pub fn list_domain_users(
        &self,
        domain: Option<OrganizationId>,
        now: Timestamp,
        slice: &Slice,
    ) -> Result<Vec<User>> {
        let (mut select, id) = if let Some(domain) = domain {
            (self.users_of_domain(domain, now, "seen.id"), "seen.id")
        } else {
            let mut select = Select::new("SELECT u.id FROM usr u WHERE u.realm = ");
            select.bind(self.realm);
            (select, "u.id")
        };
        slice.seek(&mut select, "", id);
        slice.order(&mut select, "", id);
        let ids: Vec<UserId> = self.connection.all(&select.text, &select.values, |row| row.id(0))?;
        let mut users = self.users_by_id(&ids)?;
        Ok(ids.iter().filter_map(|id| users.remove(id)).collect())
    }

    pub fn count_domain_users(&self, domain: Option<OrganizationId>, now: Timestamp) -> Result<u64> {
        let select = if let Some(domain) = domain {
            self.users_of_domain(domain, now, "COUNT(*)")
        } else {
            let mut select = Select::new("SELECT COUNT(*) FROM usr u WHERE u.realm = ");
            select.bind(self.realm);
            select
        };
        self.count(&select)
    }

    /// Where these users are members, oldest membership first. `domain`: only there and below.
    pub fn groups_of(&self, users: &[UserId], domain: Option<OrganizationId>) -> Result<Vec<GroupOf>> {
        let mut found = Vec::new();
        let mut inside: HashMap<OrganizationId, bool> = HashMap::new();
        for users in users.chunks(512) {
            let mut select = Select::new("SELECT m.usr, o.id, o.name FROM membership m");
            select.push(" JOIN organization o ON o.realm = m.realm AND o.id = m.organization AND o.status <> 'gone' AND NOT o.hidden");
            select.push(" WHERE m.realm = ").bind(self.realm).push(" AND m.usr IN ").bind_all(users);
            select.push(" ORDER BY m.usr, m.id");
            let rows = self.connection.all(&select.text, &select.values, |row| {
                Ok(GroupOf { user: row.id(0)?, organization: row.id(1)?, name: row.text(2)? })
            })?;
            for row in rows {
                let seen = match (domain, inside.get(&row.organization)) {
                    (None, _) => true,
                    (Some(_), Some(known)) => *known,
                    (Some(domain), None) => {
                        let seen = self.chain(row.organization)?.contains(&domain);
                        inside.insert(row.organization, seen);
                        seen
                    }
                };
                found.extend(seen.then_some(row));
            }
        }
        Ok(found)
    }

    /// All with this name, in any letter case, by id.
    pub fn organizations_named(&self, name: &str) -> Result<Vec<Organization>> {
        let ids: Vec<OrganizationId> = self.connection.all(
            "SELECT o.id FROM organization o WHERE o.realm = $1 AND o.name_folded = $2 AND o.status <> 'gone'
                AND NOT o.hidden ORDER BY o.id",
            &[self.realm.into(), text::fold(name).into()],
            |row| row.id(0),
        )?;
        let mut found = self.organizations_by_id(&ids)?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// Those whose name begins so, in any letter case, by id.
    pub fn organizations_beginning(&self, prefix: &str) -> Result<Vec<OrganizationId>> {
        let from = text::fold(prefix);
        self.connection.all(
            "SELECT o.id FROM organization o WHERE o.realm = $1 AND o.name_folded >= $2 AND o.name_folded < $3
                AND o.status <> 'gone' AND NOT o.hidden ORDER BY o.id",
            &[self.realm.into(), from.as_str().into(), format!("{from}{LAST}").into()],
            |row| row.id(0),
        )
    }

    /// Users of whom some domain's name, the user name or an e-mail address begins so: some of them may be called otherwise in
    /// the domain that asks.
    pub fn users_beginning(&self, prefix: &str) -> Result<Vec<UserId>> {
        let from = text::fold(prefix);
        // Addresses are kept in lower case, which isn't always the folded form: a part that is the same in both will do.
        let plain: String = from.chars().take_while(char::is_ascii).collect();
        self.connection.all(
            "SELECT l.subject FROM directory_link l
                WHERE l.realm = $1 AND l.user_name_folded >= $2 AND l.user_name_folded < $3
             UNION SELECT u.id FROM usr u WHERE u.realm = $1 AND u.username_folded >= $2 AND u.username_folded < $3
             UNION SELECT a.usr FROM address a WHERE a.realm = $1 AND a.kind = 'email' AND a.value >= $4 AND a.value < $5",
            &[
                self.realm.into(),
                from.as_str().into(),
                format!("{from}{LAST}").into(),
                plain.as_str().into(),
                format!("{plain}{LAST}").into(),
            ],
            |row| row.id(0),
        )
    }

    /// The number and time of the last event by which an organization, its members or their roles became different.
    pub fn last_change_of(&self, organization: OrganizationId) -> Result<Option<(i64, Timestamp)>> {
        self.connection.optional(
            &format!(
                "SELECT e.seq, e.time_ms FROM event e WHERE e.realm = $1 AND e.organization = $2
                    AND e.kind NOT IN {UNSEEN} ORDER BY e.seq DESC LIMIT 1"
            ),
            &[self.realm.into(), organization.into()],
            |row| Ok((row.int(0)?, row.time(1)?)),
        )
    }

    pub(crate) fn insert_directory_link(&self, link: &DirectoryLink) -> Result<()> {
        let mut all = values(self, link)?;
        all.push(link.created.into());
        self.connection.execute(
            "INSERT INTO directory_link (realm, domain, subject, external_id, user_name, user_name_folded, home, suspended,
                document, given, updated_ms, addresses, created_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            &all,
        )?;
        self.put_directory_addresses(link)
    }

    pub(crate) fn update_directory_link(&self, link: &DirectoryLink) -> Result<()> {
        self.connection.execute(
            "UPDATE directory_link SET external_id = $4, user_name = $5, user_name_folded = $6, home = $7, suspended = $8,
                document = $9, given = $10, updated_ms = $11, addresses = $12
             WHERE realm = $1 AND domain = $2 AND subject = $3",
            &values(self, link)?,
        )?;
        self.delete_directory_addresses(link)?;
        self.put_directory_addresses(link)
    }

    fn put_directory_addresses(&self, link: &DirectoryLink) -> Result<()> {
        let folded: BTreeSet<String> = link.addresses.iter().map(|address| text::fold(address)).collect();
        for address in folded {
            self.connection.execute(
                "INSERT INTO directory_address (realm, value, domain, subject) VALUES ($1, $2, $3, $4)",
                &[self.realm.into(), address.into(), link.domain.into(), link.subject.raw().into()],
            )?;
        }
        Ok(())
    }

    fn delete_directory_addresses(&self, link: &DirectoryLink) -> Result<()> {
        self.connection.execute(
            "DELETE FROM directory_address WHERE realm = $1 AND domain = $2 AND subject = $3",
            &[self.realm.into(), link.domain.into(), link.subject.raw().into()],
        )?;
        Ok(())
    }

    pub(crate) fn delete_directory_link(&self, link: &DirectoryLink) -> Result<()> {
        self.delete_directory_addresses(link)?;
        self.connection.execute(
            "DELETE FROM directory_link WHERE realm = $1 AND domain = $2 AND subject = $3",
            &[self.realm.into(), link.domain.into(), link.subject.raw().into()],
        )?;
        Ok(())
    }

    /// Every domain's, of somebody who is deleted.
    pub(crate) fn delete_directory_links_of(&self, user: UserId) -> Result<()> {
        self.connection.execute(
            "DELETE FROM directory_address WHERE realm = $1 AND subject = $2",
            &[self.realm.into(), user.into()],
        )?;
        self.connection.execute(
            "DELETE FROM directory_link WHERE realm = $1 AND subject = $2",
            &[self.realm.into(), user.into()],
        )?;
        Ok(())
    }
}
