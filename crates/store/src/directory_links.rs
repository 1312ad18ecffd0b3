//! What directories store about users and groups.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use roster_model::{DirectoryLink, EntityId as _, LinkSubject, OrganizationId, UserId, text};

use crate::error::{Error, Result};
use crate::sql::{Row, Select, Value};
use crate::view::View;

const SELECT: &str = "SELECT l.domain, l.subject, l.external_id, l.user_name, l.home, l.suspended, l.document, l.given, \
    l.created_ms, l.updated_ms, l.addresses FROM directory_link l";

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

/// Of all domains that are there.
pub(crate) fn select(view: &View<'_>) -> Select {
    let mut select = Select::new(SELECT);
    select.push(" JOIN organization d ON d.realm = l.realm AND d.id = l.domain AND d.status <> 'gone'");
    select.push(" WHERE l.realm = ").bind(view.realm);
    select
}

/// All domains' links of one subject, with its raw id, in the order of the domains; links of deleted domains may be
/// among them.
type Links = (i64, Arc<[DirectoryLink]>);

impl View<'_> {
    /// The links of each of these subjects that has some.
    fn links_of(&self, subjects: &[i64]) -> Result<Vec<Links>> {
        if let Some(memory) = &self.memory {
            let linked = subjects.iter().filter(|subject| memory.graph.may_be_linked(**subject));
            return linked
                .map(|subject| {
                    let links = memory.index.entities.links(self.realm, *subject);
                    let links = links.ok_or_else(|| self.connection.not_in_memory())?;
                    // Deleting a domain deletes its links without an event for each.
                    let stands = |link: &&DirectoryLink| memory.graph.is_linked(link.domain, *subject);
                    let all = links.iter().all(|link| stands(&link));
                    Ok((*subject, if all { links } else { links.iter().filter(stands).cloned().collect() }))
                })
                .collect();
        }
        let mut all = Vec::new();
        for subjects in subjects.chunks(512) {
            let mut select = Select::new(&format!("{SELECT} WHERE l.realm = "));
            select.bind(self.realm).push(" AND l.subject IN ").bind_all(subjects);
            select.push(" ORDER BY l.subject, l.domain");
            all.extend(self.connection.all(&select.text, &select.values, read)?);
        }
        let same = |a: &DirectoryLink, b: &DirectoryLink| a.subject == b.subject;
        let of_one = |links: &[DirectoryLink]| Some((links.first()?.subject.raw(), Arc::from(links)));
        let found: Vec<Links> = all.chunk_by(same).filter_map(of_one).collect();
        self.cache_read(&found);
        Ok(found)
    }

    pub fn directory_link(
        &self,
        domain: OrganizationId,
        subject: impl Into<LinkSubject>,
    ) -> Result<Option<DirectoryLink>> {
        let subject = subject.into().raw();
        Ok(self.directory_links(domain, &[subject])?.remove(&subject))
    }

    /// A domain's links of these subjects, by their raw ids.
    pub fn directory_links(&self, domain: OrganizationId, subjects: &[i64]) -> Result<HashMap<i64, DirectoryLink>> {
        let of_domain = |(subject, links): &Links| {
            links.iter().find(|link| link.domain == domain).map(|link| (*subject, link.clone()))
        };
        Ok(self.links_of(subjects)?.iter().filter_map(of_domain).collect())
    }

    /// All domains' links of one subject.
    pub fn directory_links_of(&self, subject: impl Into<LinkSubject>) -> Result<Vec<DirectoryLink>> {
        Ok(self.links_of(&[subject.into().raw()])?.into_iter().flat_map(|(_, links)| links.to_vec()).collect())
    }

    /// The links of these users from their home domains, which may have been deleted.
    pub fn home_links(&self, users: &[UserId]) -> Result<HashMap<UserId, DirectoryLink>> {
        let raw: Vec<i64> = users.iter().map(|user| user.raw()).collect();
        let home = |(_, links): &Links| {
            let link = links.iter().find(|link| link.home)?;
            Some((link.subject.user()?, link.clone()))
        };
        Ok(self.links_of(&raw)?.iter().filter_map(home).collect())
    }

    /// All links with this user name, case-insensitive.
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

    /// All domains' links of a user who is deleted.
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
