use roster_model::{Realm, RealmId};

use crate::error::Result;
use crate::sql::{Connection, Row};
use crate::store::Store;
use crate::view::View;

const COLUMNS: &str = "SELECT id, name, root, created_ms FROM realm";

fn read(row: &Row<'_>) -> Result<Realm> {
    Ok(Realm { id: row.id(0)?, name: row.text(1)?, root: row.id(2)?, created: row.time(3)? })
}

/// The row itself is made before the transaction that fills the realm, since that counts its events there.
fn reserve(connection: &Connection, realm: &Realm) -> Result<bool> {
    let made = connection.execute(
        "INSERT INTO realm (id, name, root, head, roles_version, created_ms) VALUES ($1, $2, $3, 0, 0, $4)
         ON CONFLICT DO NOTHING",
        &[realm.id.into(), realm.name.as_str().into(), realm.root.into(), realm.created.into()],
    )?;
    Ok(made == 1)
}

impl View<'_> {
    pub fn realm(&self) -> Result<Option<Realm>> {
        let memory = self.memory.as_ref().or(self.base.as_ref().map(|(memory, _)| memory));
        if let Some(realm) = memory.and_then(|memory| memory.graph.realm()) {
            return Ok(Some(realm.clone()));
        }
        self.connection.optional(&format!("{COLUMNS} WHERE id = $1"), &[self.realm.into()], read)
    }

    pub(crate) fn insert_realm(&self, realm: &Realm) -> Result<bool> {
        reserve(self.connection, realm)
    }
}

impl Store {
    /// All realms of this server, by name.
    pub async fn realms(&self) -> Result<Vec<Realm>> {
        self.read_server(|connection| connection.all(&format!("{COLUMNS} ORDER BY name"), &[], read)).await
    }

    pub async fn find_realm(&self, name: &str) -> Result<Option<Realm>> {
        let name = name.to_owned();
        self.read_server(move |connection| {
            connection.optional(&format!("{COLUMNS} WHERE name = $1"), &[name.into()], read)
        })
        .await
    }
}

impl Store {
    /// The realm's signing secret; `made` becomes it if there is none yet. The same on every node and after a restart.
    pub async fn realm_secret(&self, realm: RealmId, made: String) -> Result<String> {
        let read = move |connection: &Connection| {
            connection.optional("SELECT secret FROM realm_secret WHERE realm = $1", &[realm.into()], |row| row.text(0))
        };
        if let Some(secret) = self.read_server(read).await? {
            return Ok(secret);
        }
        self.write_unlogged(Some(realm), move |connection| {
            connection.execute(
                "INSERT INTO realm_secret (realm, secret) VALUES ($1, $2) ON CONFLICT (realm) DO NOTHING",
                &[realm.into(), made.as_str().into()],
            )?;
            // Another node may have been first.
            connection.one("SELECT secret FROM realm_secret WHERE realm = $1", &[realm.into()], |row| row.text(0))
        })
        .await
    }
}
