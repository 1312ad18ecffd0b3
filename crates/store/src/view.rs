use std::sync::Arc;

use roster_index::Graph;
use roster_model::{Aliases, Dialect, EntityId, RealmId, RoleCatalog};

use crate::batch::{About, Batch};
use crate::cache::Entity;
use crate::error::{Error, Result};
use crate::index::Index;
use crate::list::{Slice, at_most};
use crate::roles::CatalogCache;
use crate::sql::{Connection, Select, Value};

/// Most steps of an answer from memory: it is given by a thread that serves others, too. What takes more is asked of the database.
pub(crate) const WALK_MAX: usize = 10_000;
/// Longer lists are read once and not kept.
const KEPT_MAX: usize = 1024;

/// One realm as it was at one position of its log. Today SQL answers; whoever asks can't tell.
#[derive(Debug)]
pub struct View<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) realm: RealmId,
    pub(crate) head: i64,
    pub(crate) roles_version: i64,
    /// The version that this view began with. What changed since may still be rolled back and must not be cached.
    pub(crate) settled_roles: i64,
    pub(crate) catalogs: &'c CatalogCache,
    /// It answers what it knows instead of the database; for what it doesn't, this view is given up.
    pub(crate) memory: Option<Memory<'c>>,
    /// For a transaction: memory of the moment before it, and what was done since.
    pub(crate) settled: Option<(Memory<'c>, &'c Batch)>,
    /// What this view reads is kept there. A view that sees what isn't committed yet has none.
    pub(crate) keeper: Option<&'c Index>,
}

/// What a view of memory looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory<'c> {
    pub graph: &'c Graph,
    pub index: &'c Index,
}

impl<'c> View<'c> {
    pub(crate) fn open(connection: &'c Connection, catalogs: &'c CatalogCache, realm: RealmId) -> Result<Self> {
        let row =
            connection.optional("SELECT head, roles_version FROM realm WHERE id = $1", &[realm.into()], |row| {
                Ok((row.int(0)?, row.int(1)?))
            })?;
        // A realm that isn't there looks like an empty one: nothing is found in it.
        Ok(Self::at(connection, catalogs, realm, row.unwrap_or((0, 0))))
    }

    /// At a position and in a version of the roles that are known already.
    pub(crate) const fn at(
        connection: &'c Connection,
        catalogs: &'c CatalogCache,
        realm: RealmId,
        (head, roles_version): (i64, i64),
    ) -> Self {
        let settled_roles = roles_version;
        let (memory, settled, keeper) = (None, None, None);
        Self { connection, realm, head, roles_version, settled_roles, catalogs, memory, settled, keeper }
    }

    /// A view of what is in memory, at the graph's position.
    pub(crate) fn of_memory(
        nowhere: &'c Connection,
        catalogs: &'c CatalogCache,
        realm: RealmId,
        memory: Memory<'c>,
    ) -> Self {
        let (head, roles_version) = (memory.graph.position(), memory.graph.roles_version());
        Self {
            connection: nowhere,
            realm,
            head,
            roles_version,
            settled_roles: roles_version,
            catalogs,
            memory: Some(memory),
            settled: None,
            keeper: None,
        }
    }

    /// What memory knows: all of it in a view of memory; in a transaction what none of its changes concerns, if it is there. `None`: the
    /// tables are to be asked.
    pub(crate) fn known<T>(&self, about: About, ask: impl FnOnce(&Memory<'c>) -> Result<T>) -> Option<Result<T>> {
        if let Some(memory) = &self.memory {
            return Some(ask(memory));
        }
        let (memory, batch) = self.settled.as_ref()?;
        if !batch.is_settled(about) {
            return None;
        }
        match ask(memory) {
            Err(Error::NotInMemory) => None,
            answer => Some(answer),
        }
    }

    /// What the graph says of order and number, where it is of this view's own position: then it needs no lease.
    pub(crate) fn ordered<T>(&self, ask: impl FnOnce(&Graph) -> Option<T>) -> Option<T> {
        if let Some(memory) = &self.memory {
            return ask(memory.graph);
        }
        let realm = self.keeper?.realm(self.realm)?;
        let graph = realm.read();
        if graph.position() == self.head { ask(&graph) } else { None }
    }

    /// How many steps an answer may take that makes a list first.
    pub(crate) const fn patience(&self) -> usize {
        if self.is_memory() { WALK_MAX } else { usize::MAX }
    }

    /// The same for a page that isn't too long to be read by ids.
    pub(crate) fn page<T>(&self, slice: &Slice, ask: impl FnOnce(&Graph, usize) -> Option<T>) -> Option<T> {
        let limit = at_most(slice.limit);
        if limit <= self.longest_page() { self.ordered(|graph| ask(graph, limit)) } else { None }
    }

    /// Longer ones are read whole.
    pub(crate) const fn longest_page(&self) -> usize {
        if self.is_memory() { WALK_MAX } else { KEPT_MAX }
    }

    /// From now on keeps in memory what it reads.
    pub(crate) const fn keeping(mut self, keeper: Option<&'c Index>) -> Self {
        self.keeper = keeper;
        self
    }

    /// Keeps what was just read, unless it's so much that it would drive out what is used.
    pub(crate) fn keep<'e, T: 'e>(&self, read: &'e [T])
    where
        Entity: From<&'e T>,
    {
        self.keep_at(self.head, read);
    }

    /// The same for what was read at another position.
    pub(crate) fn keep_at<'e, T: 'e>(&self, position: i64, read: &'e [T])
    where
        Entity: From<&'e T>,
    {
        if let Some(keeper) = self.keeper.filter(|_| read.len() <= KEPT_MAX) {
            keeper.keep(self.realm, position, read.iter().map(Entity::from));
        }
    }

    /// Whether it is in memory: then a look costs nothing, and what isn't there ends the attempt.
    pub const fn is_memory(&self) -> bool {
        self.memory.is_some()
    }

    pub const fn realm_id(&self) -> RealmId {
        self.realm
    }

    /// The number of the last event that this view knows of.
    pub const fn position(&self) -> i64 {
        self.head
    }

    /// The realm's roles.
    pub fn roles(&self) -> Result<Arc<RoleCatalog>> {
        if let Some(memory) = &self.memory {
            return Ok(Arc::clone(memory.graph.catalog()));
        }
        self.catalogs.get(self)
    }

    /// Which entity of this kind brought that id along.
    pub fn find_alias<I: EntityId>(&self, dialect: Dialect, text: &str) -> Result<Option<I>> {
        let id = self.connection.optional(
            "SELECT id FROM alias WHERE realm = $1 AND dialect = $2 AND value = $3",
            &[self.realm.into(), dialect.word().into(), text.into()],
            |row| row.int(0),
        )?;
        Ok(id.and_then(I::checked))
    }

    /// The aliases of these entities: `(id, dialect, text)`.
    pub(crate) fn aliases_of(&self, ids: &[i64]) -> Result<Vec<(i64, Dialect, String)>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = Select::new("SELECT id, dialect, value FROM alias WHERE realm = ");
        select.bind(self.realm).push(" AND id IN ").bind_all(ids).push(" ORDER BY id, dialect");
        self.connection
            .all(&select.text, &select.values, |row| Ok((row.int(0)?, row.word(1, Dialect::from_word)?, row.text(2)?)))
    }

    /// Values for [`Self::insert_aliases`].
    pub(crate) fn alias_rows(&self, id: i64, aliases: &Aliases) -> Vec<Value> {
        let row = |(dialect, text): &(Dialect, String)| -> [Value; 4] {
            [self.realm.into(), dialect.word().into(), text.as_str().into(), id.into()]
        };
        aliases.0.iter().flat_map(row).collect()
    }

    pub(crate) fn insert_aliases(&self, rows: &[Value]) -> Result<()> {
        self.connection.insert_rows("alias (realm, dialect, value, id)", 4, rows)
    }

    pub(crate) fn count(&self, select: &Select) -> Result<u64> {
        let count = self.connection.one(&select.text, &select.values, |row| row.int(0))?;
        u64::try_from(count).map_err(|_| Error::Corrupt(String::from("a negative count")))
    }
}
