//! A plain server over PostgreSQL, in a process of its own: a pool of connections, and one `INSERT` for each request, into a table with
//! three b-trees for the questions that memberships are asked. No key, no rules, no log.

use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use postgres::Client;
use roster_testing::Database;
use serde::Deserialize;
use tokio::sync::{Mutex, mpsc};
use tokio_postgres::{NoTls, Statement};

use super::server::{self, Answer, Asked};
use super::spread;
use crate::cores::{Cores, Place};
use crate::load::{Key, Source, post};
use crate::process::Process;

/// Its subcommand.
pub const COMMAND: &str = "inserts";
/// Connections to the database.
pub const CONNECTIONS: usize = 32;

pub struct Inserts {
    pub process: Process,
    // Gone after the process that uses it.
    _database: Database,
}

impl Inserts {
    /// With so many rows in the table already.
    pub fn start(cores: &Cores, server: &str, rows: usize) -> Result<Self> {
        let database = Database::on(server);
        Client::connect(database.url(), NoTls)?.batch_execute(&schema(rows))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args([COMMAND, database.url()]);
        Ok(Self { process: Process::start(cores, Place::Anywhere, command)?, _database: database })
    }
}

fn schema(rows: usize) -> String {
    format!(
        "CREATE TABLE m (org BIGINT NOT NULL, usr BIGINT NOT NULL, number BIGINT GENERATED ALWAYS AS IDENTITY, roles BIGINT NOT NULL,
             PRIMARY KEY (org, usr));
         INSERT INTO m (org, usr, roles)
             SELECT n % 1000, hashint8extended(n, 0), 4 FROM generate_series(CAST(1 AS BIGINT), {rows}) n;
         CREATE INDEX m_number ON m (org, number);
         CREATE INDEX m_usr ON m (usr);
         ANALYZE m;"
    )
}

/// Members, each only once.
pub fn additions() -> Source<'static> {
    let mut next = 0_u64;
    Box::new(move |out| {
        next += 1;
        let (organization, user) = spread(next);
        let body = format!(r#"{{"organization":{organization},"user":{user}}}"#);
        out.extend_from_slice(&post("/memberships", Key::None, &body));
    })
}

#[derive(Deserialize)]
struct Member {
    organization: i64,
    user: i64,
}

/// A pool of connections; idle ones wait in the channel.
struct Pool {
    free: Mutex<mpsc::Receiver<Connection>>,
    back: mpsc::Sender<Connection>,
}

struct Connection {
    client: tokio_postgres::Client,
    insert: Statement,
}

impl Pool {
    async fn open(database: &str) -> Result<Self> {
        let (back, free) = mpsc::channel(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
            tokio::spawn(connection);
            let insert = client.prepare("INSERT INTO m (org, usr, roles) VALUES ($1, $2, 4) RETURNING number").await?;
            back.send(Connection { client, insert }).await?;
        }
        Ok(Self { free: Mutex::new(free), back })
    }

    async fn insert(&self, member: &Member) -> Result<i64> {
        let connection = self.free.lock().await.recv().await.context("a connection")?;
        let row = connection.client.query_one(&connection.insert, &[&member.organization, &member.user]).await;
        self.back.send(connection).await?;
        Ok(row?.get(0))
    }

    async fn add(&self, asked: Asked) -> Result<Answer> {
        let body = asked.into_body().collect().await?.to_bytes();
        let member: Member = serde_json::from_slice(&body)?;
        let number = self.insert(&member).await?;
        let Member { organization, user } = member;
        let body = format!(r#"{{"number":{number},"organization":{organization},"user":{user}}}"#);
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = StatusCode::CREATED;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

/// Serves in that process, until it is killed.
pub fn serve(database: &str) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let pool = Arc::new(Pool::open(database).await?);
        server::serve(move |asked| {
            let pool = Arc::clone(&pool);
            async move {
                pool.add(asked).await.unwrap_or_else(|error| {
                    let mut response = Response::new(Full::new(Bytes::from(error.to_string())));
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    response
                })
            }
        })
        .await
    })
}
