use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use roster_index::People;
use roster_model::{
    Address, AddressKind, Aliases, EntityId as _, NO_ADDRESS, OrganizationId, User, UserId, UserStatus, text,
};

use crate::batch::About;
use crate::error::Result;
use crate::list::Slice;
use crate::selection::{Selection, UserMatch};
use crate::sql::{Row, Select, Value, like, like_prefix};
use crate::view::{Memory, View};

const COLUMNS: &str = "u.id, u.name, u.first_name, u.last_name, u.username, u.external_id, u.status, u.locale, \
    u.created_ms, u.updated_ms, u.aliased, u.public, u.private, u.extras, u.open, u.active_ms";

const ADDRESS: &str = "a.id, a.kind, a.value, a.is_primary, a.verified, a.created_ms";
/// Index of the first column after the user's.
const AFTER: usize = 16;

/// A filter of users; all conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    pub status: Option<UserStatus>,
    /// Exactly this address, primary or not.
    pub email: Option<String>,
    pub username: Option<String>,
    pub external_id: Option<String>,
    /// Part of a name, user name or address, case-insensitive.
    pub text: Option<String>,
    /// Prefix of the name or of the primary e-mail address or its placeholder, case-insensitive.
    pub prefix: Option<String>,
    /// Part of the same, case-insensitive.
    pub name_or_email: Option<String>,
    pub more: UserMatch,
}

impl UserFilter {
    /// The ids of users, if the filter has no other condition.
    pub(crate) fn just_ids(&self) -> Option<&[UserId]> {
        let only = self.more.ids.only.as_deref()?;
        let ids = Selection { only: Some(only.to_vec()), except: Vec::new() };
        let plain = Self { more: UserMatch { ids, ..UserMatch::default() }, ..Self::default() };
        (*self == plain).then_some(only)
    }

    /// The organization whose members are wanted, if the filter has no other condition.
    fn just_members_of(&self) -> Option<OrganizationId> {
        let [organization] = self.more.organizations.only.as_deref()? else { return None };
        let organizations = Selection { only: Some(vec![*organization]), except: Vec::new() };
        let plain = Self { more: UserMatch { organizations, ..UserMatch::default() }, ..Self::default() };
        (*self == plain).then_some(*organization)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserSort {
    #[default]
    Created,
    Updated,
    Name,
    Email,
    /// As `Email`, with placeholders for users without an address.
    ShownEmail,
    /// By when they were last active; those who never were come last in both directions.
    Active,
    /// By id, the order of generation, even where `created` was imported.
    Id,
    /// By an optional attribute, case-sensitive; users without it come last in both directions.
    Part(UserPart),
}

/// An attribute that a user may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserPart {
    FirstName,
    LastName,
    Username,
    /// The primary one.
    Email,
    /// The primary one.
    Phone,
}

/// The primary e-mail address, else the placeholder that surfaces show whose clients require an address
/// ([`User::email_or_placeholder`]).
pub(crate) static SHOWN_EMAIL: LazyLock<String> =
    LazyLock::new(|| format!("CASE WHEN u.email = '' THEN CAST(u.id AS TEXT) || '{NO_ADDRESS}' ELSE u.email END"));

/// Sorts after every actual value.
pub const LAST: &str = "\u{10ffff}";

/// No value is empty, so the empty text and [`LAST`] can represent a missing one: then no sort key is null.
macro_rules! missing_last {
    ($descending:expr, $column:literal) => {
        if $descending {
            concat!("COALESCE(", $column, ", '')")
        } else {
            concat!("COALESCE(", $column, ", '\u{10ffff}')")
        }
    };
}

impl UserPart {
    pub(crate) const fn column(self, descending: bool) -> &'static str {
        match self {
            Self::FirstName => missing_last!(descending, "u.first_name"),
            Self::LastName => missing_last!(descending, "u.last_name"),
            Self::Username => missing_last!(descending, "u.username"),
            Self::Email => missing_last!(descending, "NULLIF(u.email, '')"),
            Self::Phone => missing_last!(
                descending,
                "(SELECT value FROM address a WHERE a.realm = u.realm AND a.usr = u.id AND a.kind = 'phone' AND a.is_primary)"
            ),
        }
    }

    /// The user's sort key.
    pub fn key(self, user: &User, descending: bool) -> String {
        let part = match self {
            Self::FirstName => user.first_name.as_deref(),
            Self::LastName => user.last_name.as_deref(),
            Self::Username => user.username.as_deref(),
            Self::Email => user.email(),
            Self::Phone => user.phone(),
        };
        part.unwrap_or(if descending { "" } else { LAST }).to_owned()
    }

    /// Its name in a cursor.
    pub const fn word(self) -> &'static str {
        match self {
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Username => "username",
            Self::Email => "email_address",
            Self::Phone => "phone_number",
        }
    }
}

impl UserSort {
    fn column(self, descending: bool) -> &'static str {
        match self {
            Self::Created => "u.created_ms",
            Self::Updated => "u.updated_ms",
            Self::Name => "u.name_folded",
            Self::Email => "u.email",
            Self::ShownEmail => &SHOWN_EMAIL,
            Self::Active if descending => "COALESCE(u.active_ms, 0)",
            Self::Active => "COALESCE(u.active_ms, 9223372036854775807)",
            Self::Id => "",
            Self::Part(part) => part.column(descending),
        }
    }
}

fn read(row: &Row<'_>) -> Result<(User, bool)> {
    let user = User {
        id: row.id(0)?,
        name: row.text(1)?,
        first_name: row.opt_text(2)?,
        last_name: row.opt_text(3)?,
        username: row.opt_text(4)?,
        external_id: row.opt_text(5)?,
        status: row.word(6, UserStatus::from_word)?,
        locale: row.opt_text(7)?,
        addresses: Vec::new(),
        created: row.time(8)?,
        updated: row.time(9)?,
        public: row.json(11)?,
        private: row.json(12)?,
        extras: row.json(13)?,
        open: row.json(14)?,
        last_active: row.opt_time(15)?,
        aliases: Aliases::default(),
    };
    Ok((user, row.flag(10)?))
}

fn values(u: &User) -> Result<Vec<Value>> {
    let mut search = text::fold(&u.name);
    for part in u.username.iter().chain(u.addresses.iter().map(|a| &a.value)) {
        search.push('\n');
        search.push_str(&text::fold(part));
    }
    Ok(vec![
        u.name.as_str().into(),
        text::fold(&u.name).into(),
        u.first_name.as_deref().into(),
        u.last_name.as_deref().into(),
        u.username.as_deref().into(),
        u.username.as_deref().map(text::fold).into(),
        u.external_id.as_deref().into(),
        u.status.word().into(),
        u.locale.as_deref().into(),
        u.email().unwrap_or_default().into(),
        search.into(),
        u.updated.into(),
        (!u.aliases.is_empty()).into(),
        serde_json::to_string(&u.public)?.into(),
        serde_json::to_string(&u.private)?.into(),
        serde_json::to_string(&u.extras)?.into(),
        serde_json::to_string(&u.open)?.into(),
    ])
}

/// Reads an address from column `first` on.
fn read_address(row: &Row<'_>, first: usize) -> Result<Address> {
    Ok(Address {
        id: row.id(first)?,
        kind: row.word(first + 1, read_address_kind)?,
        value: row.text(first + 2)?,
        primary: row.flag(first + 3)?,
        verified: row.flag(first + 4)?,
        created: row.time(first + 5)?,
    })
}

fn read_address_kind(word: &str) -> Option<AddressKind> {
    [AddressKind::Email, AddressKind::Phone].into_iter().find(|kind| kind.word() == word)
}

impl View<'_> {
    /// Addresses by user; the primary one of a kind comes first.
    pub fn addresses_of(&self, users: &[UserId]) -> Result<HashMap<UserId, Vec<Address>>> {
        let mut select = Select::new(&format!("SELECT {ADDRESS}, a.usr FROM address a WHERE a.realm = "));
        select.bind(self.realm).push(" AND a.usr IN ").bind_all(users);
        select.push(" ORDER BY a.usr, a.is_primary DESC, a.id");
        let mut addresses: HashMap<UserId, Vec<Address>> = HashMap::with_capacity(users.len());
        self.connection.each(&select.text, &select.values, |row| {
            addresses.entry(row.id(6)?).or_default().push(read_address(row, 0)?);
            Ok::<_, crate::Error>(())
        })?;
        Ok(addresses)
    }

    /// Reads the users' addresses and aliases.
    fn with_user_parts(&self, mut rows: Vec<(User, bool)>) -> Result<Vec<User>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<UserId> = rows.iter().map(|(user, _)| user.id).collect();
        let mut addresses = self.addresses_of(&ids)?;
        for (user, _) in &mut rows {
            user.addresses = addresses.remove(&user.id).unwrap_or_default();
        }
        self.with_user_aliases(rows)
    }

    fn with_user_aliases(&self, rows: Vec<(User, bool)>) -> Result<Vec<User>> {
        let aliased: Vec<i64> = rows.iter().filter(|(_, aliased)| *aliased).map(|(u, _)| u.id.raw()).collect();
        let aliases = self.aliases_of(&aliased)?;
        Ok(rows
            .into_iter()
            .map(|(mut user, aliased)| {
                if aliased {
                    let mine = aliases.iter().filter(|(id, ..)| *id == user.id.raw());
                    user.aliases = Aliases(mine.map(|(_, dialect, text)| (*dialect, text.clone())).collect());
                }
                user
            })
            .collect())
    }

    /// These users by id, without their aliases, and the realm's position at that time (0 if none was found), in one
    /// statement.
    fn users_with_position(&self, ids: &[UserId]) -> Result<(i64, Vec<(User, bool)>)> {
        let mut select = Select::new(&format!("SELECT {COLUMNS}, {ADDRESS}, (SELECT head FROM realm WHERE id = "));
        select.bind(self.realm);
        select.push(") FROM usr u LEFT JOIN address a ON a.realm = u.realm AND a.usr = u.id WHERE u.realm = ");
        select.bind(self.realm).push(" AND u.id IN ").bind_all(ids);
        select.push(" ORDER BY u.id, a.is_primary DESC, a.id");
        let mut position = 0;
        let mut users: Vec<(User, bool)> = Vec::with_capacity(ids.len());
        self.connection.each(&select.text, &select.values, |row| {
            let id = row.id(0)?;
            if users.last().is_none_or(|(last, _)| last.id != id) {
                users.push(read(row)?);
                position = row.int(AFTER + 6)?;
            }
            if let (Some((user, _)), Some(_)) = (users.last_mut(), row.opt_int(AFTER)?) {
                user.addresses.push(read_address(row, AFTER)?);
            }
            Ok::<_, crate::Error>(())
        })?;
        Ok((position, users))
    }

    /// Reads users into the cache. May be used outside of a transaction.
    pub(crate) fn prefetch_users(&self, ids: &[UserId]) -> Result<()> {
        for ids in ids.chunks(512) {
            let (position, users) = self.users_with_position(ids)?;
            // A change of their aliases meanwhile evicts them.
            let users: Vec<_> = self.with_user_aliases(users)?.into_iter().map(Arc::new).collect();
            self.cache_read_at(position, &users);
        }
        Ok(())
    }

    fn one_user(&self, condition: &str, value: Value) -> Result<Option<User>> {
        let sql = format!("SELECT {COLUMNS} FROM usr u WHERE u.realm = $1 AND {condition}");
        let row = self.connection.optional(&sql, &[self.realm.into(), value], read)?;
        Ok(self.with_user_parts(row.into_iter().collect())?.pop())
    }

    /// Whether a user is active; `None` if there is none.
    pub fn is_active(&self, id: UserId) -> Result<Option<bool>> {
        if let Some(known) = self.ask_memory(About::User(id), |memory| Ok(memory.graph.is_active(id))) {
            return known;
        }
        self.connection.optional(
            "SELECT status FROM usr WHERE realm = $1 AND id = $2",
            &[self.realm.into(), id.into()],
            |row| Ok(row.word(0, UserStatus::from_word)? == UserStatus::Active),
        )
    }

    /// A cached user; `None` if there is no such user; an error if the user isn't cached.
    fn cached_user(&self, memory: &Memory<'_>, id: UserId) -> Result<Option<Arc<User>>> {
        if memory.graph.is_active(id).is_none() {
            return Ok(None);
        }
        let user = memory.index.entities.user(self.realm, id);
        user.map(Some).ok_or_else(|| self.connection.not_in_memory())
    }

    pub fn user(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.shared_user(id)?.map(Arc::unwrap_or_clone))
    }

    /// Like [`Self::user`], sharing a cached one.
    pub fn shared_user(&self, id: UserId) -> Result<Option<Arc<User>>> {
        // Only in a view of memory: the result of a transaction is shown to its caller, and `last_active` isn't current
        // in memory.
        if let Some(memory) = &self.memory {
            return self.cached_user(memory, id);
        }
        let user = self.one_user("u.id = $2", id.into())?.map(Arc::new);
        self.cache_read(user.as_slice());
        Ok(user)
    }

    /// Like [`Self::user`], for a user who is only referred to: `last_active` may be outdated.
    pub fn named_user(&self, id: UserId) -> Result<Option<User>> {
        match self.ask_memory(About::User(id), |memory| self.cached_user(memory, id)) {
            Some(known) => Ok(known?.map(Arc::unwrap_or_clone)),
            None => self.user(id),
        }
    }

    /// `value` is normalized as in the model: lower case for an e-mail address.
    pub fn user_by_address(&self, kind: AddressKind, value: &str) -> Result<Option<User>> {
        let id = self.connection.optional(
            "SELECT usr FROM address WHERE realm = $1 AND kind = $2 AND value = $3",
            &[self.realm.into(), kind.word().into(), value.into()],
            |row| row.id(0),
        )?;
        id.map_or(Ok(None), |id| self.user(id))
    }

    pub fn user_by_username(&self, username: &str) -> Result<Option<User>> {
        self.one_user("u.username_folded = $2", text::fold(username).into())
    }

    pub fn user_by_external_id(&self, external_id: &str) -> Result<Option<User>> {
        self.one_user("u.external_id = $2", external_id.into())
    }

    pub fn users_by_id(&self, ids: &[UserId]) -> Result<HashMap<UserId, User>> {
        let users = self.shared_users(ids)?;
        Ok(users.into_iter().map(|user| (user.id, Arc::unwrap_or_clone(user))).collect())
    }

    /// Those of these users who exist, by id.
    pub fn shared_users(&self, ids: &[UserId]) -> Result<Vec<Arc<User>>> {
        let mut found = Vec::with_capacity(ids.len());
        if let Some(memory) = &self.memory {
            for id in ids {
                found.extend(self.cached_user(memory, *id)?);
            }
        } else {
            for ids in ids.chunks(512) {
                let (_, users) = self.users_with_position(ids)?;
                found.extend(self.with_user_aliases(users)?.into_iter().map(Arc::new));
            }
            self.cache_read(&found);
        }
        found.sort_unstable_by_key(|user| user.id);
        Ok(found)
    }

    fn user_where(&self, select: &mut Select, filter: &UserFilter) {
        select.push(" WHERE u.realm = ").bind(self.realm);
        user_conditions(self, select, filter);
    }

    /// A page of all users, or of an organization's, if the graph has them in that order.
    fn page_of_users(&self, filter: &UserFilter, sort: UserSort, slice: &Slice) -> Option<Vec<UserId>> {
        if let Some(organization) = filter.just_members_of().filter(|_| sort == UserSort::Created) {
            let start = slice.start_among_people(true)?;
            return self.page(slice, |graph, limit| {
                graph.people(organization, &People::Users, &[], start, (limit, self.step_limit()))
            });
        }
        if *filter != UserFilter::default() {
            return None;
        }
        self.page(slice, |graph, limit| match sort {
            UserSort::Created => Some(graph.users_by_creation(slice.start_by_creation()?, limit)),
            UserSort::Id => Some(graph.users_by_id(slice.start_by_id()?, limit)),
            _ => None,
        })
    }

    /// Those of these users who exist, in this order.
    pub fn users_in_order(&self, ids: &[UserId]) -> Result<Vec<User>> {
        let mut users = self.users_by_id(ids)?;
        Ok(ids.iter().filter_map(|id| users.remove(id)).collect())
    }

    pub fn list_users(&self, filter: &UserFilter, sort: UserSort, slice: &Slice) -> Result<Vec<User>> {
        if let Some(ids) = self.page_of_users(filter, sort, slice) {
            return self.users_in_order(&ids);
        }
        let mut select = Select::new(&format!("SELECT {COLUMNS} FROM usr u"));
        self.user_where(&mut select, filter);
        let column = sort.column(slice.descending);
        slice.seek(&mut select, column, "u.id");
        slice.order(&mut select, column, "u.id");
        let rows = self.connection.all(&select.text, &select.values, read)?;
        let mut users = Vec::with_capacity(rows.len());
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            users.extend(self.with_user_parts(rows.by_ref().take(512).collect())?);
        }
        Ok(users)
    }

    pub fn count_users(&self, filter: &UserFilter) -> Result<u64> {
        if *filter == UserFilter::default()
            && let Some(count) = self.with_graph(|graph| Some(graph.users_count() as u64))
        {
            return Ok(count);
        }
        // An organization has each user at most once.
        if let Some(organization) = filter.just_members_of()
            && let Some(count) = self.with_graph(|graph| Some(graph.members_count(organization) as u64))
        {
            return Ok(count);
        }
        let mut select = Select::new("SELECT COUNT(*) FROM usr u");
        self.user_where(&mut select, filter);
        self.count(&select)
    }

    pub(crate) fn insert_users<'u>(&self, all: impl Iterator<Item = &'u User>) -> Result<()> {
        let (mut rows, mut addresses, mut aliases) = (Vec::new(), Vec::new(), Vec::new());
        for u in all {
            rows.extend::<[Value; 3]>([self.realm.into(), u.id.into(), u.created.into()]);
            rows.extend(values(u)?);
            addresses.extend(u.addresses.iter().flat_map(|address| self.address(u.id, address)));
            aliases.extend(self.alias_rows(u.id.raw(), &u.aliases));
        }
        self.connection.insert_rows(
            "usr (realm, id, created_ms, name, name_folded, first_name, last_name, username, username_folded,
                external_id, status, locale, email, search, updated_ms, aliased, public, private, extras, open)",
            20,
            &rows,
        )?;
        self.insert_addresses(&addresses)?;
        self.insert_aliases(&aliases)
    }

    fn address(&self, user: UserId, a: &Address) -> [Value; 8] {
        [
            self.realm.into(),
            a.id.into(),
            user.into(),
            a.kind.word().into(),
            a.value.as_str().into(),
            a.primary.into(),
            a.verified.into(),
            a.created.into(),
        ]
    }

    fn insert_addresses(&self, rows: &[Value]) -> Result<()> {
        let into = "address (realm, id, usr, kind, value, is_primary, verified, created_ms)";
        self.connection.insert_rows(into, 8, rows)
    }

    pub(crate) fn update_user(&self, before: &User, after: &User) -> Result<()> {
        let mut all: Vec<Value> = vec![self.realm.into(), after.id.into()];
        all.extend(values(after)?);
        self.connection.execute(
            "UPDATE usr SET name = $3, name_folded = $4, first_name = $5, last_name = $6, username = $7,
                username_folded = $8, external_id = $9, status = $10, locale = $11, email = $12, search = $13,
                updated_ms = $14, aliased = $15, public = $16, private = $17, extras = $18, open = $19
             WHERE realm = $1 AND id = $2",
            &all,
        )?;
        if before.addresses != after.addresses {
            let place = [self.realm.into(), after.id.into()];
            self.connection.execute("DELETE FROM address WHERE realm = $1 AND usr = $2", &place)?;
            let rows: Vec<_> = after.addresses.iter().flat_map(|address| self.address(after.id, address)).collect();
            self.insert_addresses(&rows)?;
        }
        Ok(())
    }

    /// Deletes a user with addresses and aliases. The memberships, account records and tokens were deleted before.
    pub(crate) fn delete_user(&self, id: UserId) -> Result<()> {
        let place = [self.realm.into(), id.into()];
        self.connection.execute("DELETE FROM address WHERE realm = $1 AND usr = $2", &place)?;
        self.connection.execute("DELETE FROM alias WHERE realm = $1 AND id = $2", &place)?;
        self.connection.execute("DELETE FROM usr WHERE realm = $1 AND id = $2", &place)?;
        Ok(())
    }
}

/// Appends the condition that the name or the shown e-mail address matches a pattern made of this text.
fn name_or_email_like(select: &mut Select, text: &str, pattern: fn(&str) -> String) {
    select.push(" AND (u.name_folded LIKE ").bind(pattern(&text::fold(text))).push(" ESCAPE '\\' OR ");
    // Addresses are kept in lower case, not folded.
    select.push(&SHOWN_EMAIL).push(" LIKE ").bind(pattern(&text::lower(text))).push(" ESCAPE '\\')");
}

/// Appends the conditions of a filter to a statement that has `usr u`.
pub(crate) fn user_conditions(view: &View<'_>, select: &mut Select, filter: &UserFilter) {
    if let Some(status) = filter.status {
        select.push(" AND u.status = ").bind(status.word());
    }
    if let Some(email) = &filter.email {
        select.push(" AND u.id IN (SELECT usr FROM address WHERE realm = ").bind(view.realm);
        select.push(" AND kind = 'email' AND value = ").bind(email.as_str()).push(")");
    }
    if let Some(username) = &filter.username {
        select.push(" AND u.username_folded = ").bind(text::fold(username));
    }
    if let Some(external_id) = &filter.external_id {
        select.push(" AND u.external_id = ").bind(external_id.as_str());
    }
    if let Some(part) = &filter.text {
        select.push(" AND u.search LIKE ").bind(like(&text::fold(part))).push(" ESCAPE '\\'");
    }
    if let Some(prefix) = &filter.prefix {
        name_or_email_like(select, prefix, like_prefix);
    }
    if let Some(part) = &filter.name_or_email {
        name_or_email_like(select, part, like);
    }
    filter.more.conditions(view, select);
}
