use std::collections::BTreeMap;
use std::sync::Arc;

use roster_model::{Extras, OrganizationId, RealmId, RoleSet, Timestamp, Token, TokenId, TokenKind, UserId};

use crate::batch::About;
use crate::error::Result;
use crate::list::Slice;
use crate::sql::{Connection, Row, Select};
use crate::store::Store;
use crate::view::{Memory, View};

const COLUMNS: &str = "t.id, t.kind, t.organization, t.usr, t.roles, t.scopes, t.hint, t.name, t.expires_ms, \
    t.revoked_ms, t.created_by, t.created_ms, t.used_ms, t.extras";

/// A token found by its secret's hash, and the realm that it names.
#[derive(Clone, Debug)]
pub struct FoundToken {
    pub realm: RealmId,
    pub root: OrganizationId,
    pub token: Arc<Token>,
    /// As stored, for a comparison in constant time.
    pub hash: String,
}

/// A filter of tokens; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct TokenFilter {
    pub kind: Option<TokenKind>,
    pub organization: Option<OrganizationId>,
    pub user: Option<UserId>,
    pub without_revoked: bool,
}

fn read(row: &Row<'_>) -> Result<Token> {
    Ok(Token {
        id: row.id(0)?,
        kind: row.word(1, TokenKind::from_word)?,
        organization: row.opt_id(2)?,
        user: row.opt_id(3)?,
        roles: RoleSet::from_bits(row.int(4)?),
        scopes: if row.opt_text(5)?.is_some() { Some(row.json(5)?) } else { None },
        hint: row.text(6)?,
        name: row.opt_text(7)?,
        expires: row.opt_time(8)?,
        revoked: row.opt_time(9)?,
        created_by: row.opt_int(10)?,
        created: row.time(11)?,
        last_used: row.opt_time(12)?,
        extras: row.json::<Extras>(13)?,
    })
}

/// Searches all realms, since the token determines the realm.
pub(crate) fn find_token(connection: &Connection, hash: &str) -> Result<Option<FoundToken>> {
    let sql = format!(
        "SELECT {COLUMNS}, t.realm, t.hash, r.root FROM token t JOIN realm r ON r.id = t.realm WHERE t.hash = $1"
    );
    connection.optional(&sql, &[hash.into()], |row| {
        Ok(FoundToken { realm: row.id(14)?, hash: row.text(15)?, root: row.id(16)?, token: Arc::new(read(row)?) })
    })
}

impl Store {
    /// Records when tokens were last used, and for a user's own token when the user was last active. Not a change of
    /// the domain, so it isn't in the log.
    pub async fn note_use(&self, seen: Vec<(RealmId, TokenId, Timestamp)>) -> Result<()> {
        let mut realms: BTreeMap<RealmId, Vec<(TokenId, Timestamp)>> = BTreeMap::new();
        for (realm, token, time) in seen {
            realms.entry(realm).or_default().push((token, time));
        }
        let mut all = Ok(());
        for (realm, seen) in realms {
            let noted = self.write_unlogged(Some(realm), move |connection| {
                for (token, time) in seen {
                    connection.execute(
                        "UPDATE token SET used_ms = $3 WHERE realm = $1 AND id = $2 AND COALESCE(used_ms, 0) < $3",
                        &[realm.into(), token.into(), time.into()],
                    )?;
                    connection.execute(
                        "UPDATE usr SET active_ms = $3 WHERE realm = $1 AND COALESCE(active_ms, 0) < $3 AND id IN
                            (SELECT usr FROM token WHERE realm = $1 AND id = $2 AND kind = 'user')",
                        &[realm.into(), token.into(), time.into()],
                    )?;
                }
                Ok(())
            });
            // A failure in one realm must not affect the others.
            all = all.and(noted.await);
        }
        all
    }
}

impl View<'_> {
    /// For authenticating a caller.
    pub fn token(&self, id: TokenId) -> Result<Option<Arc<Token>>> {
        let remembered = |memory: &Memory<'_>| {
            let found = memory.index.keys.token_by_id(self.realm, id);
            found.map(|found| Arc::clone(&found.token)).ok_or_else(|| self.connection.not_in_memory())
        };
        match self.ask_memory(About::Tokens, remembered) {
            Some(known) => known.map(Some),
            None => Ok(self.token_as_stored(id)?.map(Arc::new)),
        }
    }

    /// As stored, including when it was last used, which isn't kept in memory.
    pub fn token_as_stored(&self, id: TokenId) -> Result<Option<Token>> {
        let sql = format!("SELECT {COLUMNS} FROM token t WHERE t.realm = $1 AND t.id = $2");
        self.connection.optional(&sql, &[self.realm.into(), id.into()], read)
    }

    pub fn token_by_hash(&self, hash: &str) -> Result<Option<Token>> {
        let sql = format!("SELECT {COLUMNS} FROM token t WHERE t.realm = $1 AND t.hash = $2");
        self.connection.optional(&sql, &[self.realm.into(), hash.into()], read)
    }

    fn token_where(&self, select: &mut Select, filter: &TokenFilter) {
        select.push(" WHERE t.realm = ").bind(self.realm);
        if let Some(kind) = filter.kind {
            select.push(" AND t.kind = ").bind(kind.word());
        }
        if let Some(organization) = filter.organization {
            select.push(" AND t.organization = ").bind(organization);
        }
        if let Some(user) = filter.user {
            select.push(" AND t.usr = ").bind(user);
        }
        if filter.without_revoked {
            select.push(" AND t.revoked_ms IS NULL");
        }
    }

    /// Oldest first.
    pub fn list_tokens(&self, filter: &TokenFilter, slice: &Slice) -> Result<Vec<Token>> {
        let mut select = Select::new(&format!("SELECT {COLUMNS} FROM token t"));
        self.token_where(&mut select, filter);
        slice.seek(&mut select, "", "t.id");
        slice.order(&mut select, "", "t.id");
        self.connection.all(&select.text, &select.values, read)
    }

    pub fn count_tokens(&self, filter: &TokenFilter) -> Result<u64> {
        let mut select = Select::new("SELECT COUNT(*) FROM token t");
        self.token_where(&mut select, filter);
        self.count(&select)
    }

    pub(crate) fn insert_token(&self, t: &Token, hash: &str) -> Result<()> {
        self.connection.execute(
            "INSERT INTO token (realm, id, kind, organization, usr, roles, scopes, hash, hint, name, expires_ms,
                revoked_ms, created_by, created_ms, extras)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            &[
                self.realm.into(),
                t.id.into(),
                t.kind.word().into(),
                t.organization.into(),
                t.user.into(),
                t.roles.into(),
                t.scopes.as_ref().map(serde_json::to_string).transpose()?.into(),
                hash.into(),
                t.hint.as_str().into(),
                t.name.as_deref().into(),
                t.expires.into(),
                t.revoked.into(),
                t.created_by.into(),
                t.created.into(),
                serde_json::to_string(&t.extras)?.into(),
            ],
        )?;
        Ok(())
    }

    /// Updates roles, name, expiry, revocation and extras; neither its secret nor its organization or user.
    pub(crate) fn update_token(&self, t: &Token) -> Result<()> {
        self.connection.execute(
            "UPDATE token SET revoked_ms = $3, roles = $4, name = $5, expires_ms = $6, extras = $7
             WHERE realm = $1 AND id = $2",
            &[
                self.realm.into(),
                t.id.into(),
                t.revoked.into(),
                t.roles.into(),
                t.name.as_deref().into(),
                t.expires.into(),
                serde_json::to_string(&t.extras)?.into(),
            ],
        )?;
        Ok(())
    }

    pub(crate) fn delete_tokens_of(&self, user: UserId) -> Result<()> {
        self.connection
            .execute("DELETE FROM token WHERE realm = $1 AND usr = $2", &[self.realm.into(), user.into()])?;
        Ok(())
    }
}
