//! Sessions and the one-time links that open them.

use roster_model::{
    Link, LinkId, MembershipId, MembershipScope, OrganizationId, RealmId, Session, SessionId, Timestamp, UserId,
};

use crate::error::Result;
use crate::list::Slice;
use crate::sql::{Connection, Row, Select};
use crate::store::Store;
use crate::view::View;

const SESSION: &str = "s.id, s.usr, s.membership, s.organization, s.created_ms, s.expires_ms, s.agent";
const LINK: &str = "l.id, l.usr, l.membership, l.organization, l.created_by, l.created_ms, l.expires_ms";

/// A session found by its secret's hash, and the realm that it names.
#[derive(Clone, Debug)]
pub struct FoundSession {
    pub realm: RealmId,
    pub root: OrganizationId,
    pub session: Session,
    /// As stored, for a comparison in constant time.
    pub hash: String,
}

/// A filter of sessions; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    pub user: Option<UserId>,
    /// Limited to this membership.
    pub only: Option<MembershipId>,
    /// Live at this time.
    pub live: Option<Timestamp>,
}

fn read_session(row: &Row<'_>) -> Result<Session> {
    let only = row.opt_id(2)?.zip(row.opt_id(3)?);
    Ok(Session {
        id: row.id(0)?,
        user: row.id(1)?,
        only: only.map(|(membership, organization)| MembershipScope { membership, organization }),
        created: row.time(4)?,
        expires: row.time(5)?,
        agent: row.opt_text(6)?,
    })
}

fn read_link(row: &Row<'_>) -> Result<Link> {
    Ok(Link {
        id: row.id(0)?,
        user: row.id(1)?,
        only: MembershipScope { membership: row.id(2)?, organization: row.id(3)? },
        created_by: row.opt_int(4)?,
        created: row.time(5)?,
        expires: row.time(6)?,
    })
}

/// Searches all realms, since the secret determines the realm.
pub(crate) fn find_session(connection: &Connection, hash: &str) -> Result<Option<FoundSession>> {
    let sql = format!(
        "SELECT {SESSION}, s.realm, s.hash, r.root FROM session s JOIN realm r ON r.id = s.realm WHERE s.hash = $1"
    );
    connection.optional(&sql, &[hash.into()], |row| {
        Ok(FoundSession { realm: row.id(7)?, hash: row.text(8)?, root: row.id(9)?, session: read_session(row)? })
    })
}

impl Store {
    /// The realm of the link whose secret has this hash.
    pub async fn realm_of_link(&self, hash: String) -> Result<Option<RealmId>> {
        self.read_server(move |connection| {
            connection.optional("SELECT realm FROM link WHERE hash = $1", &[hash.into()], |row| row.id(0))
        })
        .await
    }
}

impl View<'_> {
    pub fn session(&self, id: SessionId) -> Result<Option<Session>> {
        if let Some(memory) = &self.memory {
            let found = memory.index.keys.session_by_id(self.realm, id);
            return found.map(|found| Some(found.session.clone())).ok_or_else(|| self.connection.not_in_memory());
        }
        let sql = format!("SELECT {SESSION} FROM session s WHERE s.realm = $1 AND s.id = $2");
        self.connection.optional(&sql, &[self.realm.into(), id.into()], read_session)
    }

    fn session_where(&self, select: &mut Select, filter: &SessionFilter) {
        select.push(" WHERE s.realm = ").bind(self.realm);
        if let Some(user) = filter.user {
            select.push(" AND s.usr = ").bind(user);
        }
        if let Some(only) = filter.only {
            select.push(" AND s.membership = ").bind(only);
        }
        if let Some(now) = filter.live {
            select.push(" AND s.expires_ms > ").bind(now);
        }
    }

    /// Oldest first.
    pub fn list_sessions(&self, filter: &SessionFilter, slice: &Slice) -> Result<Vec<Session>> {
        let mut select = Select::new(&format!("SELECT {SESSION} FROM session s"));
        self.session_where(&mut select, filter);
        slice.seek(&mut select, "", "s.id");
        slice.order(&mut select, "", "s.id");
        self.connection.all(&select.text, &select.values, read_session)
    }

    pub fn count_sessions(&self, filter: &SessionFilter) -> Result<u64> {
        let mut select = Select::new("SELECT COUNT(*) FROM session s");
        self.session_where(&mut select, filter);
        self.count(&select)
    }

    pub fn link_by_hash(&self, hash: &str) -> Result<Option<Link>> {
        let sql = format!("SELECT {LINK} FROM link l WHERE l.realm = $1 AND l.hash = $2");
        self.connection.optional(&sql, &[self.realm.into(), hash.into()], read_link)
    }

    pub(crate) fn all_links(&self) -> Result<Vec<Link>> {
        let sql = format!("SELECT {LINK} FROM link l WHERE l.realm = $1");
        self.connection.all(&sql, &[self.realm.into()], read_link)
    }

    pub(crate) fn insert_session(&self, s: &Session, hash: &str) -> Result<()> {
        self.connection.execute(
            "INSERT INTO session (realm, id, usr, membership, organization, hash, agent, created_ms, expires_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                self.realm.into(),
                s.id.into(),
                s.user.into(),
                s.only.map(|only| only.membership).into(),
                s.only.map(|only| only.organization).into(),
                hash.into(),
                s.agent.as_deref().into(),
                s.created.into(),
                s.expires.into(),
            ],
        )?;
        Ok(())
    }

    pub(crate) fn insert_link(&self, l: &Link, hash: &str) -> Result<()> {
        self.connection.execute(
            "INSERT INTO link (realm, id, usr, membership, organization, hash, created_by, created_ms, expires_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                self.realm.into(),
                l.id.into(),
                l.user.into(),
                l.only.membership.into(),
                l.only.organization.into(),
                hash.into(),
                l.created_by.into(),
                l.created.into(),
                l.expires.into(),
            ],
        )?;
        Ok(())
    }

    pub(crate) fn delete_session(&self, id: SessionId) -> Result<()> {
        self.connection.execute("DELETE FROM session WHERE realm = $1 AND id = $2", &[self.realm.into(), id.into()])?;
        Ok(())
    }

    pub(crate) fn delete_link(&self, id: LinkId) -> Result<()> {
        self.connection.execute("DELETE FROM link WHERE realm = $1 AND id = $2", &[self.realm.into(), id.into()])?;
        Ok(())
    }

    /// And links.
    pub(crate) fn delete_sessions_of(&self, user: UserId) -> Result<()> {
        let place = [self.realm.into(), user.into()];
        self.connection.execute("DELETE FROM session WHERE realm = $1 AND usr = $2", &place)?;
        self.connection.execute("DELETE FROM link WHERE realm = $1 AND usr = $2", &place)?;
        Ok(())
    }

    /// And links.
    pub(crate) fn delete_sessions_by(&self, membership: MembershipId) -> Result<()> {
        let place = [self.realm.into(), membership.into()];
        self.connection.execute("DELETE FROM session WHERE realm = $1 AND membership = $2", &place)?;
        self.connection.execute("DELETE FROM link WHERE realm = $1 AND membership = $2", &place)?;
        Ok(())
    }
}
