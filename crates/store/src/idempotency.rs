use roster_model::{RealmId, Timestamp};

use crate::error::Result;
use crate::sql::{Connection, Value};
use crate::store::Store;
use crate::transaction::Transaction;
use crate::view::View;

/// The stored answer to an earlier request with the same idempotency key.
#[derive(Clone, Debug)]
pub struct StoredAnswer {
    /// The hash of that request.
    pub request: String,
    /// The operation's result as JSON.
    pub answer: String,
}

impl View<'_> {
    /// The stored answer for this key. `actor` is the caller's raw id; 0 for the operator.
    pub fn stored_answer(&self, actor: i64, key: &str, now: Timestamp) -> Result<Option<StoredAnswer>> {
        self.connection.optional(
            "SELECT request, answer FROM idempotency WHERE realm = $1 AND actor = $2 AND key = $3 AND expires_ms > $4",
            &[self.realm.into(), actor.into(), key.into(), now.into()],
            |row| Ok(StoredAnswer { request: row.text(0)?, answer: row.text(1)? }),
        )
    }
}

impl Transaction<'_> {
    pub fn store_answer(&self, actor: i64, key: &str, answer: &StoredAnswer, expires: Timestamp) -> Result<()> {
        self.connection.execute(
            "INSERT INTO idempotency (realm, actor, key, request, answer, expires_ms) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (realm, actor, key) DO UPDATE SET request = $4, answer = $5, expires_ms = $6",
            &[
                self.realm.into(),
                actor.into(),
                key.into(),
                answer.request.as_str().into(),
                answer.answer.as_str().into(),
                expires.into(),
            ],
        )?;
        Ok(())
    }

    /// Deletes all stored answers: they may contain data of an erased person.
    pub fn forget_answers(&self) -> Result<()> {
        self.connection.execute("DELETE FROM idempotency WHERE realm = $1", &[self.realm.into()])?;
        Ok(())
    }
}

impl Store {
    /// Deletes expired answers, sessions and links.
    pub async fn purge_expired(&self, realm: RealmId, now: Timestamp) -> Result<()> {
        const OVER: [&str; 3] = [
            "FROM idempotency WHERE realm = $1 AND expires_ms <= $2",
            "FROM session WHERE realm = $1 AND expires_ms <= $2",
            "FROM link WHERE realm = $1 AND expires_ms <= $2",
        ];
        let bounds = [Value::from(realm), Value::from(now)];
        // Usually there is nothing to do, and looking needs no commit.
        let look = bounds.clone();
        let any = move |connection: &Connection| {
            for rows in OVER {
                if connection.optional(&format!("SELECT 1 {rows} LIMIT 1"), &look, |_| Ok(()))?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        if !self.read_server(any).await? {
            return Ok(());
        }
        self.write_unlogged(Some(realm), move |connection| {
            OVER.iter().try_for_each(|rows| connection.execute(&format!("DELETE {rows}"), &bounds).map(drop))
        })
        .await
    }
}
