//! Bulk lookups of an import, and its progress.

use roster_model::{EntityId as _, Invitation, OrganizationId, RealmId, Timestamp, UserId};

use crate::error::Result;
use crate::events::GONE;
use crate::sql::{Connection, Location, Row, Select, Value};
use crate::store::Store;
use crate::transaction::Transaction;
use crate::view::View;

/// Values in one statement.
const PORTION: usize = 512;

/// How far the last import into a realm came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportProgress {
    /// Hex of the SHA-256 of the file's first bytes.
    pub beginning: String,
    /// Hex of the SHA-256 of the file as far as it was imported.
    pub hash: String,
    pub bytes: u64,
    pub lines: u64,
    /// Whether the import is complete.
    pub finished: bool,
    pub begun: Timestamp,
    pub updated: Timestamp,
}

fn size(row: &Row<'_>, column: usize) -> Result<u64> {
    Ok(u64::try_from(row.int(column)?).unwrap_or_default())
}

fn number(size: u64) -> Value {
    Value::Int(i64::try_from(size).unwrap_or(i64::MAX))
}

impl View<'_> {
    fn among(&self, beginning: &str, ids: &[i64]) -> Result<Vec<i64>> {
        let mut found = Vec::new();
        for ids in ids.chunks(PORTION) {
            let mut select = Select::new(beginning);
            select.bind(self.realm).push(" AND id IN ").bind_all(ids);
            found.extend(self.connection.all(&select.text, &select.values, |row| row.int(0))?);
        }
        Ok(found)
    }

    /// Which of these ids are in use, of any kind, including those of erased users.
    pub fn ids_in_use(&self, ids: &[i64]) -> Result<Vec<i64>> {
        use roster_model::{Kind, id::kind_of};
        let mut used = Vec::new();
        for (kind, table) in [
            (Kind::Organization, "organization"),
            (Kind::User, "usr"),
            (Kind::Membership, "membership"),
            (Kind::Address, "address"),
            (Kind::Invitation, "invitation"),
            (Kind::Role, "role"),
            (Kind::Permission, "permission"),
            (Kind::Token, "token"),
        ] {
            let mut ids: Vec<i64> = ids.iter().copied().filter(|id| kind_of(*id) == Some(kind)).collect();
            ids.sort_unstable();
            if ids.is_empty() {
                continue;
            }
            used.extend(self.among(&format!("SELECT id FROM {table} WHERE realm = "), &ids)?);
            if kind == Kind::User {
                for ids in ids.chunks(PORTION) {
                    let mut select = Select::new("SELECT usr FROM event WHERE realm = ");
                    select.bind(self.realm).push(" AND usr IN ").bind_all(ids);
                    select.push(GONE).push(" AND kind = 'user.erased'");
                    used.extend(self.connection.all(&select.text, &select.values, |row| row.int(0))?);
                }
            }
        }
        Ok(used)
    }

    /// Which of these ids are users.
    pub fn users_among(&self, ids: &[UserId]) -> Result<Vec<UserId>> {
        let ids: Vec<i64> = ids.iter().map(|id| id.raw()).collect();
        let found = self.among("SELECT id FROM usr WHERE realm = ", &ids)?;
        Ok(found.into_iter().map(UserId::from_raw).collect())
    }

    /// Which of these users are members of the organization.
    pub fn members_among(&self, organization: OrganizationId, users: &[UserId]) -> Result<Vec<UserId>> {
        let mut found = Vec::new();
        for users in users.chunks(PORTION) {
            let mut select = Select::new("SELECT usr FROM membership WHERE realm = ");
            select.bind(self.realm).push(" AND organization = ").bind(organization);
            select.push(" AND usr IN ").bind_all(users);
            found.extend(self.connection.all(&select.text, &select.values, |row| row.id::<UserId>(0))?);
        }
        Ok(found)
    }

    /// Which of these users have a default membership in an organization that exists.
    pub fn default_members_among(&self, users: &[UserId]) -> Result<Vec<UserId>> {
        let mut found = Vec::new();
        for users in users.chunks(PORTION) {
            let mut select = Select::new(
                "SELECT m.usr FROM membership m JOIN organization o ON o.realm = m.realm AND o.id = m.organization
                    AND o.status <> 'gone' WHERE m.realm = ",
            );
            select.bind(self.realm).push(" AND m.is_default AND m.usr IN ").bind_all(users);
            found.extend(self.connection.all(&select.text, &select.values, |row| row.id::<UserId>(0))?);
        }
        Ok(found)
    }

    /// Whether any invitation of the realm is marked as pending.
    pub fn has_pending_invitations(&self) -> Result<bool> {
        let found = self.connection.optional(
            "SELECT 1 FROM invitation WHERE realm = $1 AND status = 'pending' LIMIT 1",
            &[self.realm.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    /// Invitations that are marked as pending, to these addresses.
    pub fn pending_among(&self, emails: &[&str]) -> Result<Vec<Invitation>> {
        let mut found = Vec::new();
        for emails in emails.chunks(PORTION) {
            found.extend(self.invitations_marked_pending(emails)?);
        }
        Ok(found)
    }

    /// The progress of the last import, even if it is unfinished.
    pub fn import_progress(&self) -> Result<Option<ImportProgress>> {
        self.connection.optional(
            "SELECT beginning, hash, bytes, lines, finished, begun_ms, updated_ms FROM import_progress WHERE realm = $1",
            &[self.realm.into()],
            |row| {
                Ok(ImportProgress {
                    beginning: row.text(0)?,
                    hash: row.text(1)?,
                    bytes: size(row, 2)?,
                    lines: size(row, 3)?,
                    finished: row.flag(4)?,
                    begun: row.time(5)?,
                    updated: row.time(6)?,
                })
            },
        )
    }
}

impl Store {
    pub const fn is_file(&self) -> bool {
        !matches!(self.location(), Location::Server(_))
    }

    /// Updates the database's planner statistics.
    pub async fn analyze(&self) -> Result<()> {
        if self.is_file() { Ok(()) } else { self.write_unlogged(None, Connection::analyze).await }
    }

    /// Prepares the writer for bulk writes.
    pub async fn expect_bulk_writes(&self, realm: RealmId) -> Result<()> {
        self.write_unlogged(Some(realm), Connection::expect_bulk_writes).await
    }
}

impl Transaction<'_> {
    /// Stores how far an import came. Not recorded as an event.
    pub fn put_import_progress(&self, progress: &ImportProgress) -> Result<()> {
        self.connection.execute(
            "INSERT INTO import_progress (realm, beginning, hash, bytes, lines, finished, begun_ms, updated_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (realm) DO UPDATE SET beginning = $2, hash = $3, bytes = $4, lines = $5, finished = $6,
                begun_ms = $7, updated_ms = $8",
            &[
                self.realm.into(),
                progress.beginning.as_str().into(),
                progress.hash.as_str().into(),
                number(progress.bytes),
                number(progress.lines),
                progress.finished.into(),
                progress.begun.into(),
                progress.updated.into(),
            ],
        )?;
        Ok(())
    }
}
