use roster_model::{Timestamp, UserId};

use crate::error::Result;
use crate::view::View;

/// A user's password, hashed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// A slow hash, with its salt and costs.
    pub hash: String,
    pub changed: Timestamp,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Password").field("changed", &self.changed).finish_non_exhaustive()
    }
}

impl View<'_> {
    pub fn password(&self, user: UserId) -> Result<Option<Password>> {
        self.connection.optional(
            "SELECT hash, changed_ms FROM password WHERE realm = $1 AND usr = $2",
            &[self.realm.into(), user.into()],
            |row| Ok(Password { hash: row.text(0)?, changed: row.time(1)? }),
        )
    }

    /// When these users last changed their passwords. Users without one are left out.
    pub fn passwords_changed(&self, users: &[UserId]) -> Result<Vec<(UserId, Timestamp)>> {
        let mut found = Vec::new();
        for users in users.chunks(512) {
            let mut select = crate::sql::Select::new("SELECT usr, changed_ms FROM password WHERE realm = ");
            select.bind(self.realm).push(" AND usr IN ").bind_all(users);
            found.extend(self.connection.all(&select.text, &select.values, |row| Ok((row.id(0)?, row.time(1)?)))?);
        }
        Ok(found)
    }

    pub(crate) fn all_passwords(&self) -> Result<Vec<(UserId, Timestamp)>> {
        self.connection.all("SELECT usr, changed_ms FROM password WHERE realm = $1", &[self.realm.into()], |row| {
            Ok((row.id(0)?, row.time(1)?))
        })
    }

    /// `None` removes it.
    pub(crate) fn put_password(&self, user: UserId, changed: Option<Timestamp>, hash: Option<&str>) -> Result<()> {
        match (changed, hash) {
            (Some(changed), Some(hash)) => self.connection.execute(
                "INSERT INTO password (realm, usr, hash, changed_ms) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (realm, usr) DO UPDATE SET hash = $3, changed_ms = $4",
                &[self.realm.into(), user.into(), hash.into(), changed.into()],
            )?,
            _ => self
                .connection
                .execute("DELETE FROM password WHERE realm = $1 AND usr = $2", &[self.realm.into(), user.into()])?,
        };
        Ok(())
    }
}
