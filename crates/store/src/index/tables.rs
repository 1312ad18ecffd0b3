//! Reads a realm's graph from the tables.

use std::sync::atomic::{AtomicBool, Ordering};

use roster_index::{Graph, Holding, Placed, Sizes};
use roster_model::{LinkSubject, MembershipId, OrganizationId, RealmId, RoleSet, UserId, UserStatus};

use super::LARGE;
use crate::error::{Error, Result};
use crate::roles::CatalogCache;
use crate::sql::Connection;
use crate::view::View;

/// Reads the graph as this connection's transaction sees it. Fails with [`Error::Closed`] once `stopping` is set.
pub(super) fn read(connection: &Connection, realm: RealmId, stopping: &AtomicBool) -> Result<Graph> {
    let catalogs = CatalogCache::default();
    let view = View::open(connection, &catalogs, realm)?;
    let mut graph = Graph::new(view.head, view.roles_version, view.list_roles()?, view.list_retired_roles()?);
    let values = [realm.into()];
    let count = |table: &str| {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE realm = $1");
        connection.one(&sql, &values, |row| Ok(u64::try_from(row.int(0)?).unwrap_or_default()))
    };
    let sizes =
        Sizes { memberships: count("membership")?, users: count("usr")?, organizations: count("organization")? };
    if sizes.memberships > LARGE {
        let Sizes { memberships, users, organizations } = sizes;
        let mebibytes = sizes.bytes() >> 20;
        tracing::info!(
            memberships,
            users,
            organizations,
            mebibytes,
            "loading a realm into memory, which takes about this many MiB"
        );
    }
    graph.reserve(sizes);
    if let Some(realm) = view.realm()? {
        graph.put_realm(realm);
    }
    let scan = |sql: &str, each: &mut dyn FnMut(&crate::sql::Row<'_>) -> Result<()>| {
        connection.scan(sql, &values, &mut |row| {
            if stopping.load(Ordering::Relaxed) { Err(Error::Closed) } else { each(row) }
        })
    };
    scan(
        "SELECT id, parent, status, suspended, created_ms FROM organization WHERE realm = $1 AND status <> 'gone'",
        &mut |row| {
            let (id, parent, active) = (row.id(0)?, row.opt_id(1)?, row.text(2)? == "active");
            graph.put_organization(Placed { id, parent, active, suspended: row.flag(3)?, created: row.time(4)? });
            Ok(())
        },
    )?;
    scan("SELECT id, status, created_ms FROM usr WHERE realm = $1", &mut |row| {
        graph.put_user(row.id(0)?, row.word(1, UserStatus::from_word)? == UserStatus::Active, row.time(2)?);
        Ok(())
    })?;
    // Ordered as the graph keeps its lists.
    scan("SELECT organization, usr, id, roles FROM membership WHERE realm = $1 ORDER BY id", &mut |row| {
        let holding = Holding { membership: row.id::<MembershipId>(2)?, roles: RoleSet::from_bits(row.int(3)?) };
        graph.put_member(row.id::<OrganizationId>(0)?, row.id::<UserId>(1)?, holding);
        Ok(())
    })?;
    let pending =
        "SELECT organization, COUNT(*) FROM invitation WHERE realm = $1 AND status = 'pending' GROUP BY organization";
    scan(pending, &mut |row| {
        graph.put_pending(row.id(0)?, u64::try_from(row.int(1)?).unwrap_or(u64::MAX));
        Ok(())
    })?;
    scan("SELECT domain, subject FROM directory_link WHERE realm = $1", &mut |row| {
        graph.put_linked(row.id(0)?, row.int(1)?);
        Ok(())
    })?;
    scan("SELECT subject, domain FROM directory_link WHERE realm = $1 AND suspended", &mut |row| {
        // A link may also be of an organization, which can't be suspended.
        if let Some(LinkSubject::User(user)) = LinkSubject::from_raw(row.int(0)?) {
            graph.put_suspension(user, row.id(1)?);
        }
        Ok(())
    })?;
    Ok(graph)
}
