//! A cache of serialized rows of lists: a row whose entities haven't changed is copied, not serialized again.

use std::hash::{Hash, Hasher as _};
use std::sync::{Arc, Weak};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use roster_engine::{EntityId as _, Error, Member, Membership, Organization, RoleCatalog, User};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::Failure;

/// Approximate memory for all rows, in bytes.
const CAPACITY_BYTES: u64 = 64 << 20;
/// Initial capacity in rows; it grows.
const INITIAL_ROWS: usize = 1000;
/// Approximate memory per row beside its text, in bytes.
const ROW_OVERHEAD_BYTES: u64 = 160;

/// A row, serialized in the form of its surface.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Row(Arc<RawValue>);

/// Identifies the form of a row: the surface's name for it, and whatever it depends on beside the member and the realm's roles, such
/// as the address under which the client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowForm(u64);

impl RowForm {
    pub fn of(form: impl Hash) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        form.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A row, and what it was made of. As long as these are the very same allocations, the row is valid, so changes need no explicit
/// invalidation. A `Weak` keeps the address from being reused without keeping the contents (metadata above all) alive.
#[derive(Debug)]
struct CachedRow {
    membership: Weak<Membership>,
    user: Weak<User>,
    organization: Weak<Organization>,
    catalog: Weak<RoleCatalog>,
    row: Row,
}

impl CachedRow {
    fn new(member: &Member, catalog: &Arc<RoleCatalog>, row: Row) -> Self {
        Self {
            membership: Arc::downgrade(&member.membership),
            user: Arc::downgrade(&member.user),
            organization: Arc::downgrade(&member.organization),
            catalog: Arc::downgrade(catalog),
            row,
        }
    }

    fn is_valid_for(&self, member: &Member, catalog: &Arc<RoleCatalog>) -> bool {
        is_same(&self.membership, &member.membership)
            && is_same(&self.user, &member.user)
            && is_same(&self.organization, &member.organization)
            && is_same(&self.catalog, catalog)
    }
}

fn is_same<T>(known: &Weak<T>, other: &Arc<T>) -> bool {
    std::ptr::eq(known.as_ptr(), Arc::as_ptr(other))
}

/// The cached rows of one server, bounded in size.
#[derive(Debug)]
pub struct RowCache(Cache<(RowForm, i64), Arc<CachedRow>, RowWeighter>);

impl Default for RowCache {
    fn default() -> Self {
        Self(Cache::with_weighter(INITIAL_ROWS, CAPACITY_BYTES, RowWeighter))
    }
}

impl RowCache {
    /// The row of a member, from the cache or by `write`, which may depend only on its arguments and on what `form` was made of.
    pub fn member<T: Serialize>(
        &self,
        form: RowForm,
        member: &Member,
        catalog: &Arc<RoleCatalog>,
        write: impl FnOnce(&Member, &RoleCatalog) -> T,
    ) -> Result<Row, Failure> {
        let key = (form, member.membership.id.raw());
        if let Some(known) = self.0.get(&key)
            && known.is_valid_for(member, catalog)
        {
            return Ok(known.row.clone());
        }
        let raw = to_raw_value(&write(member, catalog)).map_err(|error| Error::Internal(error.to_string()))?;
        let row = Row(Arc::from(raw));
        // A member that nobody else holds was read for this answer alone and will be another allocation the next time.
        if Arc::strong_count(&member.membership) > 1 {
            self.0.insert(key, Arc::new(CachedRow::new(member, catalog, row.clone())));
        }
        Ok(row)
    }
}

#[derive(Clone, Debug)]
struct RowWeighter;

impl Weighter<(RowForm, i64), Arc<CachedRow>> for RowWeighter {
    fn weight(&self, _: &(RowForm, i64), written: &Arc<CachedRow>) -> u64 {
        written.row.0.get().len() as u64 + ROW_OVERHEAD_BYTES
    }
}

#[cfg(test)]
mod tests {
    use roster_engine::{Config, Engine, NewMembership, NewOrganization, NewUser, RoleNumber, RoleSet};

    use super::*;

    #[tokio::test]
    async fn a_row_is_written_again_when_what_it_shows_is_another() {
        let (engine, _) = Engine::open(Config::new("sqlite::memory:")).await.expect("an engine");
        let operator = engine.operator("default").await.expect("the database").expect("the realm");
        let user =
            operator.create_user(NewUser { name: Some("Ada".into()), ..NewUser::default() }).await.expect("a user");
        let group = NewOrganization { name: "Group".into(), ..NewOrganization::default() };
        let group = operator.create_organization(group).await.expect("an organization");
        let new = NewMembership { roles: RoleSet::of(RoleNumber::MEMBER), ..NewMembership::default() };
        let mut member = operator.add_member(group.id, user.id, new).await.expect("a membership");
        let (rows, catalog, form) = (RowCache::default(), operator.roles(), RowForm::of("test"));
        let written = std::cell::Cell::new(0);
        let row = |member: &Member, form| {
            let write = |member: &Member, _: &RoleCatalog| {
                written.set(written.get() + 1);
                member.user.name.clone()
            };
            rows.member(form, member, &catalog, write).expect("a row").0.get().to_owned()
        };
        row(&member, form);
        row(&member, form);
        assert_eq!(written.get(), 2, "nobody else has it, so it isn't kept");
        let _kept = member.clone();
        let holders = Arc::strong_count(&member.user);
        row(&member, form);
        assert_eq!(Arc::strong_count(&member.user), holders, "a row keeps nobody in memory");
        assert_eq!((row(&member, form), written.get()), ("\"Ada\"".into(), 3));
        row(&member, RowForm::of("another"));
        assert_eq!(written.get(), 4, "another form");
        let renamed = roster_engine::User { name: "Eve".into(), ..user };
        member.user = Arc::new(renamed);
        assert_eq!((row(&member, form), written.get()), ("\"Eve\"".into(), 5));
    }
}
