//! Lookup of users and organizations by keys other than their ids.

use std::collections::{BTreeMap, HashMap};

use roster_model::{AddressKind, Dialect};

use crate::error::Result;
use crate::sql::Select;
use crate::view::View;

/// Names per statement.
const BATCH: usize = 512;

/// A key by which a user or an organization can be found, other than the id. Unique in the realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LookupKey {
    /// Normalized as in the model.
    Address(AddressKind),
    /// Case-folded.
    Username,
    UserExternalId,
    Slug,
    OrganizationExternalId,
    /// Of a user or an organization.
    Alias(Dialect),
}

/// Raw ids of those found, by kind of key and name.
pub type LookupResults = HashMap<(LookupKey, String), i64>;

impl LookupKey {
    /// Table, name and id.
    const fn columns(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Address(_) => ("address", "value", "usr"),
            Self::Username => ("usr", "username_folded", "id"),
            Self::UserExternalId => ("usr", "external_id", "id"),
            Self::Slug => ("organization", "slug", "id"),
            Self::OrganizationExternalId => ("organization", "external_id", "id"),
            Self::Alias(_) => ("alias", "value", "id"),
        }
    }
}

impl View<'_> {
    /// Finds who has these names, in as few statements as possible. Names that nobody has are missing from the result;
    /// a name may still be listed for an entity that was deleted.
    pub fn look_up(&self, asked: &[(LookupKey, String)]) -> Result<LookupResults> {
        let mut found = LookupResults::with_capacity(asked.len());
        for asked in asked.chunks(BATCH) {
            let mut keys: BTreeMap<LookupKey, Vec<&str>> = BTreeMap::new();
            for (key, name) in asked {
                keys.entry(*key).or_default().push(name);
            }
            let mut select = Select::default();
            for (number, (key, names)) in keys.iter().enumerate() {
                let (table, name, id) = key.columns();
                let all = if number == 0 { "" } else { " UNION ALL " };
                select.push(&format!("{all}SELECT CAST({number} AS BIGINT), {name}, {id} FROM {table} WHERE realm = "));
                select.bind(self.realm);
                match key {
                    LookupKey::Address(kind) => {
                        select.push(" AND kind = ").bind(kind.word());
                    }
                    LookupKey::Alias(dialect) => {
                        select.push(" AND dialect = ").bind(dialect.word());
                    }
                    _ => {}
                }
                select.push(&format!(" AND {name} IN ")).bind_all(names);
            }
            let keys: Vec<LookupKey> = keys.into_keys().collect();
            self.connection.each(&select.text, &select.values, |row| {
                let key = usize::try_from(row.int(0)?).ok().and_then(|number| keys.get(number));
                if let Some(key) = key {
                    found.insert((*key, row.text(1)?), row.int(2)?);
                }
                Ok::<_, crate::Error>(())
            })?;
        }
        Ok(found)
    }
}
