use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use roster_model::{Base, Permission, RealmId, RetiredRole, Role, RoleCatalog, RoleId, RoleNumber, Timestamp};

use crate::error::{Error, Result};
use crate::sql::{Row, Value};
use crate::view::View;

/// The roles of each realm as last read; the version in the realm's row tells whether they are current.
#[derive(Clone, Debug, Default)]
pub(crate) struct CatalogCache(Arc<Mutex<HashMap<RealmId, Versioned>>>);

/// Roles, and the version in the realm's row when they were read.
type Versioned = (i64, Arc<RoleCatalog>);

impl CatalogCache {
    pub(crate) fn get(&self, view: &View<'_>) -> Result<Arc<RoleCatalog>> {
        if view.roles_version != view.committed_roles_version {
            return view.read_catalog();
        }
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((version, catalog)) = cache.get(&view.realm)
            && *version == view.roles_version
        {
            return Ok(Arc::clone(catalog));
        }
        drop(cache);
        let catalog = view.read_catalog()?;
        cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(view.realm, (view.roles_version, Arc::clone(&catalog)));
        Ok(catalog)
    }

    /// Clears the cache: roles of a rolled back change must not be used for a later change with the same version.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn read_role(row: &Row<'_>) -> Result<Role> {
    Ok(Role {
        id: row.id(0)?,
        number: u8::try_from(row.int(1)?)
            .ok()
            .and_then(RoleNumber::new)
            .ok_or_else(|| Error::Corrupt(String::from("a role's number is above 62")))?,
        key: row.text(2)?,
        name: row.text(3)?,
        description: row.text(4)?,
        base: row.word(5, Base::from_word)?,
        reaches_down: row.flag(6)?,
        system: row.flag(7)?,
        permissions: Vec::new(),
        created: row.time(8)?,
        updated: row.time(9)?,
    })
}

fn read_permission(row: &Row<'_>) -> Result<Permission> {
    Ok(Permission {
        id: row.id(0)?,
        key: row.text(1)?,
        name: row.text(2)?,
        description: row.text(3)?,
        system: row.flag(4)?,
        created: row.time(5)?,
        updated: row.time(6)?,
    })
}

impl View<'_> {
    pub(crate) fn list_roles(&self) -> Result<Vec<Role>> {
        let mut roles = self.connection.all(
            "SELECT id, number, key, name, description, base, reaches_down, system, created_ms, updated_ms
             FROM role WHERE realm = $1 ORDER BY number",
            &[self.realm.into()],
            read_role,
        )?;
        self.connection.each(
            "SELECT role, permission FROM role_permission WHERE realm = $1 ORDER BY role, permission",
            &[self.realm.into()],
            |row| {
                let id: RoleId = row.id(0)?;
                if let Some(role) = roles.iter_mut().find(|role| role.id == id) {
                    role.permissions.push(row.text(1)?);
                }
                Ok::<_, Error>(())
            },
        )?;
        Ok(roles)
    }

    fn read_catalog(&self) -> Result<Arc<RoleCatalog>> {
        Ok(Arc::new(RoleCatalog::new(self.list_roles()?).with_retired(Arc::new(self.list_retired_roles()?))))
    }

    /// Roles that were deleted, in that order.
    pub(crate) fn list_retired_roles(&self) -> Result<Vec<RetiredRole>> {
        self.connection.all(
            "SELECT seq, retired_ms, body FROM retired_role WHERE realm = $1 ORDER BY seq",
            &[self.realm.into()],
            |row| {
                Ok(RetiredRole {
                    sequence: row.int(0)?,
                    retired: row.time(1)?,
                    role: serde_json::from_str(&row.text(2)?)?,
                })
            },
        )
    }

    /// By key.
    pub fn list_permissions(&self) -> Result<Vec<Permission>> {
        self.connection.all(
            "SELECT id, key, name, description, system, created_ms, updated_ms FROM permission
             WHERE realm = $1 ORDER BY key",
            &[self.realm.into()],
            read_permission,
        )
    }

    pub(crate) fn insert_role(&self, r: &Role) -> Result<()> {
        self.connection.execute(
            "INSERT INTO role (realm, id, number, key, name, description, base, reaches_down, system, created_ms, updated_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            &[
                self.realm.into(),
                r.id.into(),
                r.number.into(),
                r.key.as_str().into(),
                r.name.as_str().into(),
                r.description.as_str().into(),
                r.base.word().into(),
                r.reaches_down.into(),
                r.system.into(),
                r.created.into(),
                r.updated.into(),
            ],
        )?;
        self.put_role_permissions(r)
    }

    pub(crate) fn update_role(&self, r: &Role) -> Result<()> {
        self.connection.execute(
            "UPDATE role SET key = $3, name = $4, description = $5, base = $6, reaches_down = $7, updated_ms = $8
             WHERE realm = $1 AND id = $2",
            &[
                self.realm.into(),
                r.id.into(),
                r.key.as_str().into(),
                r.name.as_str().into(),
                r.description.as_str().into(),
                r.base.word().into(),
                r.reaches_down.into(),
                r.updated.into(),
            ],
        )?;
        self.delete_role_permissions(r.id)?;
        self.put_role_permissions(r)
    }

    fn put_role_permissions(&self, r: &Role) -> Result<()> {
        for key in &r.permissions {
            self.connection.execute(
                "INSERT INTO role_permission (realm, role, permission) VALUES ($1, $2, $3)",
                &[self.realm.into(), r.id.into(), key.as_str().into()],
            )?;
        }
        Ok(())
    }

    fn delete_role_permissions(&self, id: RoleId) -> Result<()> {
        self.connection
            .execute("DELETE FROM role_permission WHERE realm = $1 AND role = $2", &[self.realm.into(), id.into()])?;
        Ok(())
    }

    pub(crate) fn insert_retired_role(&self, sequence: i64, at: Timestamp, r: &Role) -> Result<()> {
        let body = serde_json::to_string(r)?;
        self.connection.execute(
            "INSERT INTO retired_role (realm, seq, retired_ms, body) VALUES ($1, $2, $3, $4)",
            &[self.realm.into(), sequence.into(), at.into(), body.as_str().into()],
        )?;
        Ok(())
    }

    pub(crate) fn delete_role(&self, id: RoleId) -> Result<()> {
        self.delete_role_permissions(id)?;
        self.connection.execute("DELETE FROM role WHERE realm = $1 AND id = $2", &[self.realm.into(), id.into()])?;
        Ok(())
    }

    pub(crate) fn insert_permission(&self, p: &Permission) -> Result<()> {
        let values: [Value; 8] = [
            self.realm.into(),
            p.id.into(),
            p.key.as_str().into(),
            p.name.as_str().into(),
            p.description.as_str().into(),
            p.system.into(),
            p.created.into(),
            p.updated.into(),
        ];
        self.connection.execute(
            "INSERT INTO permission (realm, id, key, name, description, system, created_ms, updated_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &values,
        )?;
        Ok(())
    }

    pub(crate) fn update_permission(&self, p: &Permission) -> Result<()> {
        self.connection.execute(
            "UPDATE permission SET key = $3, name = $4, description = $5, updated_ms = $6 WHERE realm = $1 AND id = $2",
            &[
                self.realm.into(),
                p.id.into(),
                p.key.as_str().into(),
                p.name.as_str().into(),
                p.description.as_str().into(),
                p.updated.into(),
            ],
        )?;
        Ok(())
    }

    pub(crate) fn delete_permission(&self, p: &Permission) -> Result<()> {
        self.connection
            .execute("DELETE FROM permission WHERE realm = $1 AND id = $2", &[self.realm.into(), p.id.into()])?;
        Ok(())
    }
}
