//! What SQLite does with the same durability and nothing around it: rows with random keys into a table with three b-trees, one for each
//! question that memberships are asked: who is in an organization and how, in which order they came, and where a user is.

use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;

use super::spread;
use crate::settings::Settings;

pub struct Rows {
    connection: Connection,
    batch: usize,
    next: u64,
    _folder: tempfile::TempDir,
}

impl Rows {
    /// With so many rows in it already.
    pub fn new(batch: usize, rows: usize) -> Result<Self> {
        let folder = tempfile::tempdir_in(Settings::folder())?;
        let connection = Connection::open(folder.path().join("rows.db"))?;
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             CREATE TABLE m (org INTEGER NOT NULL, usr INTEGER NOT NULL, created INTEGER NOT NULL, roles INTEGER NOT NULL,
                 PRIMARY KEY (org, usr)) WITHOUT ROWID;
             INSERT INTO m (org, usr, created, roles)
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
                 SELECT abs(random() % 1000), random(), i, 4 FROM n;
             CREATE INDEX m_created ON m (org, created);
             CREATE INDEX m_usr ON m (usr);
             PRAGMA wal_checkpoint(TRUNCATE);"
        ))?;
        Ok(Self { connection, batch, next: rows as u64 + 1, _folder: folder })
    }

    pub fn per_second(&mut self, round: Duration) -> Result<f64> {
        let (begin, first) = (Instant::now(), self.next);
        while begin.elapsed() < round {
            let transaction = self.connection.transaction()?;
            {
                let mut insert =
                    transaction.prepare_cached("INSERT INTO m (org, usr, created, roles) VALUES (?1, ?2, ?3, 4)")?;
                for _ in 0..self.batch {
                    let (organization, user) = spread(self.next);
                    insert.execute([organization, user, self.next.cast_signed()])?;
                    self.next += 1;
                }
            }
            transaction.commit()?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        Ok((self.next - first) as f64 / begin.elapsed().as_secs_f64())
    }
}
