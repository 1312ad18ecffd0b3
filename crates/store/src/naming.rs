//! By what users and organizations are found, other than their ids.

use std::collections::{BTreeMap, HashMap};

use roster_model::{AddressKind, Dialect};

use crate::error::Result;
use crate::sql::Select;
use crate::view::View;

/// Names in one statement.
const PORTION: usize = 512;

/// By what a user or an organization can be found, other than the id. Unique in the realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Naming {
    /// As the model keeps it.
    Address(AddressKind),
    /// Folded.
    Username,
    UserExternalId,
    Slug,
    OrganizationExternalId,
    /// Of either.
    Alias(Dialect),
}

/// Raw ids of who is called so.
pub type Named = HashMap<(Naming, String), i64>;

impl Naming {
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
    /// Who has these names, looked up together. A name that nobody has isn't in the answer; one whose owner was deleted may be.
    pub fn named(&self, asked: &[(Naming, String)]) -> Result<Named> {
        let mut found = Named::with_capacity(asked.len());
        for asked in asked.chunks(PORTION) {
            let mut namings: BTreeMap<Naming, Vec<&str>> = BTreeMap::new();
            for (naming, name) in asked {
                namings.entry(*naming).or_default().push(name);
            }
            let mut select = Select::default();
            for (number, (naming, names)) in namings.iter().enumerate() {
                let (table, name, id) = naming.columns();
                let all = if number == 0 { "" } else { " UNION ALL " };
                select.push(&format!("{all}SELECT CAST({number} AS BIGINT), {name}, {id} FROM {table} WHERE realm = "));
                select.bind(self.realm);
                match naming {
                    Naming::Address(kind) => {
                        select.push(" AND kind = ").bind(kind.word());
                    }
                    Naming::Alias(dialect) => {
                        select.push(" AND dialect = ").bind(dialect.word());
                    }
                    _ => {}
                }
                select.push(&format!(" AND {name} IN ")).bind_all(names);
            }
            let namings: Vec<Naming> = namings.into_keys().collect();
            self.connection.each(&select.text, &select.values, |row| {
                let naming = usize::try_from(row.int(0)?).ok().and_then(|number| namings.get(number));
                if let Some(naming) = naming {
                    found.insert((*naming, row.text(1)?), row.int(2)?);
                }
                Ok::<_, crate::Error>(())
            })?;
        }
        Ok(found)
    }
}
