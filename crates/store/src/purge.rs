use roster_model::{OrganizationId, RealmId, Timestamp};

use crate::error::Result;
use crate::sql::Connection;
use crate::store::Store;

/// Rows deleted in one transaction, so that other writes don't wait long.
const PORTION: i64 = 2000;

impl Store {
    /// Deletes a portion of the rows that deleted organizations left. `true` if there may be more.
    pub async fn purge(&self, realm: RealmId) -> Result<bool> {
        let gone = self
            .read_server(move |connection| {
                connection.optional(
                    "SELECT id FROM organization WHERE realm = $1 AND status = 'gone' LIMIT 1",
                    &[realm.into()],
                    |row| row.id(0),
                )
            })
            .await?;
        match gone {
            Some(organization) => {
                self.write_unlogged(Some(realm), move |c| clear(c, realm, organization).map(|()| true)).await
            }
            None => Ok(false),
        }
    }

    /// Deletes a portion of the tokens that expired before this time. `true` if there may be more. Their events stay in
    /// the log.
    pub async fn purge_tokens(&self, realm: RealmId, before: Timestamp) -> Result<bool> {
        let old = "SELECT id FROM token WHERE realm = $1 AND expires_ms < $2 ORDER BY expires_ms LIMIT $3";
        let portion = [realm.into(), before.into(), PORTION.into()];
        // Usually there is nothing to do, and looking needs no commit.
        let look = portion.clone();
        let any = self.read_server(move |c| Ok(c.optional(old, &look, |row| row.int(0))?.is_some())).await?;
        if !any {
            return Ok(false);
        }
        self.write_unlogged(Some(realm), move |connection| {
            let cleared =
                connection.execute(&format!("DELETE FROM token WHERE realm = $1 AND id IN ({old})"), &portion)?;
            Ok(i64::try_from(cleared).is_ok_and(|cleared| cleared == PORTION))
        })
        .await
    }
}

fn clear(connection: &Connection, realm: RealmId, organization: OrganizationId) -> Result<()> {
    let portion = [realm.into(), organization.into(), PORTION.into()];
    let members = "SELECT id FROM membership WHERE realm = $1 AND organization = $2 ORDER BY usr LIMIT $3";
    connection
        .execute(&format!("DELETE FROM membership_detail WHERE realm = $1 AND membership IN ({members})"), &portion)?;
    let cleared =
        connection.execute(&format!("DELETE FROM membership WHERE realm = $1 AND id IN ({members})"), &portion)?;
    let accounts = connection.execute(
        "DELETE FROM account_user WHERE realm = $1 AND organization = $2 AND usr IN
            (SELECT usr FROM account_user WHERE realm = $1 AND organization = $2 ORDER BY usr LIMIT $3)",
        &portion,
    )?;
    connection.execute(
        "DELETE FROM directory_address WHERE realm = $1 AND domain = $2 AND subject IN
            (SELECT subject FROM directory_link WHERE realm = $1 AND domain = $2 ORDER BY subject LIMIT $3)",
        &portion,
    )?;
    let links = connection.execute(
        "DELETE FROM directory_link WHERE realm = $1 AND domain = $2 AND subject IN
            (SELECT subject FROM directory_link WHERE realm = $1 AND domain = $2 ORDER BY subject LIMIT $3)",
        &portion,
    )?;
    connection.execute(
        "DELETE FROM directory_link WHERE realm = $1 AND subject = $2",
        &[realm.into(), organization.into()],
    )?;
    if cleared == 0 && accounts == 0 && links == 0 {
        connection.execute(
            "DELETE FROM organization WHERE realm = $1 AND id = $2 AND status = 'gone'",
            &[realm.into(), organization.into()],
        )?;
    }
    Ok(())
}
