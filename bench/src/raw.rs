//! What SQLite does with the same durability and nothing around it: rows with random keys into three b-trees.

use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;

pub struct Raw {
    connection: Connection,
    batch: usize,
    next: u64,
    _folder: tempfile::TempDir,
}

impl Raw {
    pub fn new(batch: usize) -> Result<Self> {
        let folder = tempfile::tempdir_in(".")?;
        let connection = Connection::open(folder.path().join("raw.db"))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             CREATE TABLE m (id INTEGER PRIMARY KEY, org INTEGER NOT NULL, usr INTEGER NOT NULL, roles INTEGER NOT NULL);
             CREATE UNIQUE INDEX m_org ON m (org, usr);
             CREATE INDEX m_usr ON m (usr, org);",
        )?;
        Ok(Self { connection, batch, next: 1, _folder: folder })
    }

    pub fn rows_per_second(&mut self, round: Duration) -> Result<f64> {
        let (begin, first) = (Instant::now(), self.next);
        while begin.elapsed() < round {
            let transaction = self.connection.transaction()?;
            {
                let mut insert = transaction.prepare_cached("INSERT INTO m (org, usr, roles) VALUES (?1, ?2, 4)")?;
                for _ in 0..self.batch {
                    // Spread over the key space, and never the same.
                    let spread = self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1;
                    insert.execute([i64::try_from(spread % 1000)?, i64::try_from(spread)?])?;
                    self.next += 1;
                }
            }
            transaction.commit()?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        Ok((self.next - first) as f64 / begin.elapsed().as_secs_f64())
    }
}
