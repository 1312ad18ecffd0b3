//! What PostgreSQL does with one INSERT at a time on each of many connections: rows with random keys into a table with three b-trees.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use roster_testing::Database;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, Statement};

pub const CONNECTIONS: usize = 32;

pub struct Inserts {
    runtime: Runtime,
    clients: Vec<(Arc<Client>, Statement)>,
    next: Arc<AtomicU64>,
    _database: Database,
}

impl Inserts {
    /// With so many rows in the table already.
    pub fn new(server: &str, rows: usize) -> Result<Self> {
        let database = Database::on(server);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let clients = runtime.block_on(async {
            let mut clients = Vec::new();
            for number in 0..CONNECTIONS {
                let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await?;
                tokio::spawn(connection);
                if number == 0 {
                    client.batch_execute(&schema(rows)).await?;
                }
                let insert = client.prepare("INSERT INTO m (org, usr, roles) VALUES ($1, $2, 4)").await?;
                clients.push((Arc::new(client), insert));
            }
            anyhow::Ok(clients)
        })?;
        Ok(Self { runtime, clients, next: Arc::default(), _database: database })
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub fn per_second(&self, round: Duration) -> Result<f64> {
        let begin = Instant::now();
        let first = self.next.load(Ordering::Relaxed);
        self.runtime.block_on(async {
            let tasks: Vec<_> = self
                .clients
                .iter()
                .cloned()
                .map(|(client, insert)| {
                    let next = Arc::clone(&self.next);
                    tokio::spawn(async move {
                        while begin.elapsed() < round {
                            let spread = next.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                            let (organization, user) = ((spread % 1000).cast_signed(), spread.cast_signed());
                            client.execute(&insert, &[&organization, &user]).await?;
                        }
                        anyhow::Ok(())
                    })
                })
                .collect();
            for task in tasks {
                task.await??;
            }
            anyhow::Ok(())
        })?;
        Ok((self.next.load(Ordering::Relaxed) - first) as f64 / begin.elapsed().as_secs_f64())
    }
}

fn schema(rows: usize) -> String {
    format!(
        "CREATE TABLE m (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, org BIGINT NOT NULL, usr BIGINT NOT NULL, roles BIGINT NOT NULL);
         INSERT INTO m (org, usr, roles) SELECT n % 1000, n * 7919, 4 FROM generate_series(CAST(1 AS BIGINT), {rows}) n;
         CREATE UNIQUE INDEX m_org ON m (org, usr);
         CREATE INDEX m_usr ON m (usr, org);
         ANALYZE m;"
    )
}
