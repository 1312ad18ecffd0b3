use roster_model::{RealmId, Timestamp};

use crate::error::Result;
use crate::sql::{Connection, Value};
use crate::store::Store;
use crate::transaction::Transaction;
use crate::view::View;

/// What was answered to a request that carried this key before.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// The hash of that request.
    pub request: String,
    /// JSON of what the operation answered.
    pub answer: String,
}

impl View<'_> {
    /// `actor` is the raw id of who asks; 0 is the operator.
    pub fn remembered(&self, actor: i64, key: &str, now: Timestamp) -> Result<Option<Remembered>> {
        self.connection.optional(
            "SELECT request, answer FROM idempotency WHERE realm = $1 AND actor = $2 AND key = $3 AND expires_ms > $4",
            &[self.realm.into(), actor.into(), key.into(), now.into()],
            |row| Ok(Remembered { request: row.text(0)?, answer: row.text(1)? }),
        )
    }
}

impl Transaction<'_> {
    pub fn remember(&self, actor: i64, key: &str, answer: &Remembered, expires: Timestamp) -> Result<()> {
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

    /// An erased person must not live on in remembered answers.
    pub fn forget_answers(&self) -> Result<()> {
        self.connection.execute("DELETE FROM idempotency WHERE realm = $1", &[self.realm.into()])?;
        Ok(())
    }
}

impl Store {
    /// Clears answers away that nobody can ask for again, and sessions and links whose time has run out.
    pub async fn forget_expired(&self, realm: RealmId, now: Timestamp) -> Result<()> {
        const OVER: [&str; 3] = [
            "FROM idempotency WHERE realm = $1 AND expires_ms <= $2",
            "FROM session WHERE realm = $1 AND expires_ms <= $2",
            "FROM link WHERE realm = $1 AND expires_ms <= $2",
        ];
        let bounds = [Value::from(realm), Value::from(now)];
        // Mostly there is nothing to do, and a look costs no commit.
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
        self.write_aside(Some(realm), move |connection| {
            OVER.iter().try_for_each(|rows| connection.execute(&format!("DELETE {rows}"), &bounds).map(drop))
        })
        .await
    }
}
