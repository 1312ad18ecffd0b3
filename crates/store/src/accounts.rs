use roster_model::{AccountUser, OrganizationId, UserId};

use crate::error::Result;
use crate::list::Slice;
use crate::sql::{Row, Select};
use crate::view::View;

const SELECT: &str = "SELECT a.organization, a.usr, a.external_id, a.user_schema, a.active, a.created_ms \
    FROM account_user a";

pub(crate) fn read(row: &Row<'_>) -> Result<AccountUser> {
    Ok(AccountUser {
        organization: row.id(0)?,
        user: row.id(1)?,
        external_id: row.opt_text(2)?,
        user_schema: row.opt_text(3)?,
        active: row.flag(4)?,
        created: row.time(5)?,
    })
}

/// Selects the records of all organizations that exist.
pub(crate) fn select(view: &View<'_>) -> Select {
    let mut select = Select::new(SELECT);
    select.push(" JOIN organization o ON o.realm = a.realm AND o.id = a.organization AND o.status <> 'gone'");
    select.push(" WHERE a.realm = ").bind(view.realm);
    select
}

impl View<'_> {
    pub fn account_user(&self, organization: OrganizationId, user: UserId) -> Result<Option<AccountUser>> {
        self.connection.optional(
            &format!("{SELECT} WHERE a.realm = $1 AND a.organization = $2 AND a.usr = $3"),
            &[self.realm.into(), organization.into(), user.into()],
            read,
        )
    }

    /// By creation, then user.
    pub fn list_account_users(&self, organization: OrganizationId, slice: &Slice) -> Result<Vec<AccountUser>> {
        let mut select = Select::new(SELECT);
        select.push(" WHERE a.realm = ").bind(self.realm).push(" AND a.organization = ").bind(organization);
        slice.seek(&mut select, "a.created_ms", "a.usr");
        slice.order(&mut select, "a.created_ms", "a.usr");
        self.connection.all(&select.text, &select.values, read)
    }

    pub fn count_account_users(&self, organization: OrganizationId) -> Result<u64> {
        let mut select = Select::new("SELECT COUNT(*) FROM account_user a WHERE a.realm = ");
        select.bind(self.realm).push(" AND a.organization = ").bind(organization);
        self.count(&select)
    }

    /// Every account that knows this user.
    pub fn account_users_of(&self, user: UserId) -> Result<Vec<AccountUser>> {
        self.connection.all(
            &format!("{SELECT} WHERE a.realm = $1 AND a.usr = $2 ORDER BY a.organization"),
            &[self.realm.into(), user.into()],
            read,
        )
    }

    pub(crate) fn insert_account_user(&self, a: &AccountUser) -> Result<()> {
        self.connection.execute(
            "INSERT INTO account_user (realm, organization, usr, external_id, user_schema, active, created_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                self.realm.into(),
                a.organization.into(),
                a.user.into(),
                a.external_id.as_deref().into(),
                a.user_schema.as_deref().into(),
                a.active.into(),
                a.created.into(),
            ],
        )?;
        Ok(())
    }

    pub(crate) fn update_account_user(&self, a: &AccountUser) -> Result<()> {
        self.connection.execute(
            "UPDATE account_user SET external_id = $4, user_schema = $5, active = $6
             WHERE realm = $1 AND organization = $2 AND usr = $3",
            &[
                self.realm.into(),
                a.organization.into(),
                a.user.into(),
                a.external_id.as_deref().into(),
                a.user_schema.as_deref().into(),
                a.active.into(),
            ],
        )?;
        Ok(())
    }

    pub(crate) fn delete_account_user(&self, a: &AccountUser) -> Result<()> {
        self.connection.execute(
            "DELETE FROM account_user WHERE realm = $1 AND organization = $2 AND usr = $3",
            &[self.realm.into(), a.organization.into(), a.user.into()],
        )?;
        Ok(())
    }
}
