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

/// Most steps an answer from memory may take, since it is computed on a thread that also serves others. Longer ones are
/// left to the database.
pub(crate) const WALK_MAX: usize = 10_000;
/// Longer lists are not cached.
const CACHED_MAX: usize = 1024;

/// One realm at one position of its log, answered from the tables or from memory; callers can't tell which.
#[derive(Debug)]
pub struct View<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) realm: RealmId,
    pub(crate) head: i64,
    pub(crate) roles_version: i64,
    /// The version of the roles when the transaction began. Later changes may still be rolled back and must not be
    /// cached.
    pub(crate) committed_roles_version: i64,
    pub(crate) catalogs: &'c CatalogCache,
    /// If set, answers come from memory alone; a query that needs more fails and this view is abandoned.
    pub(crate) memory: Option<Memory<'c>>,
    /// In a transaction: memory as of its beginning, and what the transaction has changed since.
    pub(crate) base: Option<(Memory<'c>, &'c Batch)>,
    /// Where entities that this view reads are cached. `None` for a view that sees uncommitted changes.
    pub(crate) cache: Option<&'c Index>,
}

/// What a view of memory reads from.
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
        // A missing realm looks like an empty one: nothing is found in it.
        Ok(Self::at(connection, catalogs, realm, row.unwrap_or((0, 0))))
    }

    /// With a known position and version of the roles.
    pub(crate) const fn at(
        connection: &'c Connection,
        catalogs: &'c CatalogCache,
        realm: RealmId,
        (head, roles_version): (i64, i64),
    ) -> Self {
        let committed_roles_version = roles_version;
        let (memory, base, cache) = (None, None, None);
        Self { connection, realm, head, roles_version, committed_roles_version, catalogs, memory, base, cache }
    }

    /// A view of what is in memory, at the graph's position.
    pub(crate) fn of_memory(
        no_database: &'c Connection,
        catalogs: &'c CatalogCache,
        realm: RealmId,
        memory: Memory<'c>,
    ) -> Self {
        let (head, roles_version) = (memory.graph.position(), memory.graph.roles_version());
        Self {
            connection: no_database,
            realm,
            head,
            roles_version,
            committed_roles_version: roles_version,
            catalogs,
            memory: Some(memory),
            base: None,
            cache: None,
        }
    }

    /// Asks memory where it is authoritative: always in a view of memory; in a transaction, for what none of its
    /// changes concerns. `None`: ask the tables.
    pub(crate) fn ask_memory<T>(&self, about: About, ask: impl FnOnce(&Memory<'c>) -> Result<T>) -> Option<Result<T>> {
        if let Some(memory) = &self.memory {
            return Some(ask(memory));
        }
        let (memory, batch) = self.base.as_ref()?;
        if !batch.is_untouched(about) {
            return None;
        }
        match ask(memory) {
            Err(Error::NotInMemory) => None,
            answer => Some(answer),
        }
    }

    /// Asks the graph for order or counts, if it is at this view's own position: then no lease is needed.
    pub(crate) fn with_graph<T>(&self, ask: impl FnOnce(&Graph) -> Option<T>) -> Option<T> {
        if let Some(memory) = &self.memory {
            return ask(memory.graph);
        }
        let realm = self.cache?.realm(self.realm)?;
        let graph = realm.read();
        if graph.position() == self.head { ask(&graph) } else { None }
    }

    /// Most steps for an answer that has to build a list first.
    pub(crate) const fn step_limit(&self) -> usize {
        if self.is_memory() { WALK_MAX } else { usize::MAX }
    }

    /// Like [`Self::with_graph`], for a page that is short enough to be read by ids.
    pub(crate) fn page<T>(&self, slice: &Slice, ask: impl FnOnce(&Graph, usize) -> Option<T>) -> Option<T> {
        let limit = at_most(slice.limit);
        if limit <= self.longest_page() { self.with_graph(|graph| ask(graph, limit)) } else { None }
    }

    /// Longest page that is read by ids; longer ones are read by one list query.
    pub(crate) const fn longest_page(&self) -> usize {
        if self.is_memory() { WALK_MAX } else { CACHED_MAX }
    }

    /// From now on caches what it reads.
    pub(crate) const fn caching(mut self, cache: Option<&'c Index>) -> Self {
        self.cache = cache;
        self
    }

    /// Caches what was just read, unless that is so much that it would evict what is in use.
    pub(crate) fn cache_read<'e, T: 'e>(&self, read: &'e [T])
    where
        Entity: From<&'e T>,
    {
        self.cache_read_at(self.head, read);
    }

    /// Like [`Self::cache_read`], for what was read at another position.
    pub(crate) fn cache_read_at<'e, T: 'e>(&self, position: i64, read: &'e [T])
    where
        Entity: From<&'e T>,
    {
        if let Some(cache) = self.cache.filter(|_| read.len() <= CACHED_MAX) {
            cache.cache_entities(self.realm, position, read.iter().map(Entity::from));
        }
    }

    /// Whether this is a view of memory: lookups are cheap, and a missing entity ends the attempt.
    pub const fn is_memory(&self) -> bool {
        self.memory.is_some()
    }

    pub const fn realm_id(&self) -> RealmId {
        self.realm
    }

    /// The number of the last event that this view includes.
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

    /// The entity of this kind with this alias.
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
