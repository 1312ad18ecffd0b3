//! Users.

use roster_model::permission::BuiltIn as P;
use roster_model::{
    Address, AddressKind, Aliases, Change, Dialect, EntityId as _, Extras, Metadata, NO_ADDRESS, Realm, Right, RoleSet,
    Timestamp, User, UserId, UserStatus, id::AddressId, metadata, text,
};
use roster_store::list::{Key, Mark, Slice};
use roster_store::{Anything, MemberFilter, MemberSort, UserFilter, UserMatch, UserSort, View};

use crate::access::Allowed;
use crate::actor::Caller;
use crate::error::{Error, OfField as _, Result, Subject};
use crate::memberships::{self, MetadataWrite};
use crate::organizations::locale;
use crate::ownership;
use crate::paging::{Listed, Page};
use crate::passwords::{self, HashedPassword};
use crate::picked::Picked;
use crate::realm_admins;
use crate::reference::{OrganizationRef, UserRef};
use crate::transaction::{Creation, Reader, Tx};

/// Maximum number of addresses of one user; all of them are part of every answer about the user.
const ADDRESSES_MAX: usize = 100;

/// A user to be created.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// The primary address.
    pub email: Option<String>,
    /// Further addresses.
    pub other_emails: Vec<String>,
    /// The first one is the primary phone number.
    pub phones: Vec<String>,
    /// The whole name; first and last name are derived from it if they aren't given.
    pub name: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub username: Option<String>,
    pub external_id: Option<String>,
    pub status: UserStatus,
    pub locale: Option<String>,
    pub public: Metadata,
    pub private: Metadata,
    pub open: Metadata,
    pub extras: Extras,
    /// See [`Caller::hash_password`].
    pub password: Option<HashedPassword>,
    /// Whether to make the user an admin of the realm, that is, a member of its root.
    pub realm_admin: bool,
    /// The original time of creation, if the user is migrated from elsewhere.
    pub created: Option<Timestamp>,
    /// The organization for which the user is created, for callers who may create users only there.
    pub organization: Option<OrganizationRef>,
}

/// Changes; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// The primary address; `Some(None)` removes it.
    pub email: Option<Option<String>>,
    /// The user's addresses that are to become the primary ones of their kind.
    pub primary: Vec<AddressId>,
    pub name: Option<String>,
    pub first_name: Option<Option<String>>,
    pub last_name: Option<Option<String>>,
    pub username: Option<Option<String>>,
    pub external_id: Option<Option<String>>,
    pub status: Option<UserStatus>,
    pub locale: Option<Option<String>>,
    pub public: Option<MetadataWrite>,
    pub private: Option<MetadataWrite>,
    pub open: Option<MetadataWrite>,
    pub extras: Option<(Dialect, Metadata)>,
    /// Whether an admin of the realm. Also needs `memberships:write` at the root.
    pub realm_admin: Option<bool>,
    /// If set, refused unless the record's `updated` is this.
    pub expected: Option<Timestamp>,
}

impl UserPatch {
    /// Whether it changes only what users may change about themselves: names and language.
    fn is_own_business(&self) -> bool {
        let Self { email, primary, username, external_id, status, public, private, open, extras, realm_admin, .. } =
            self;
        email.is_none()
            && primary.is_empty()
            && open.is_none()
            && username.is_none()
            && external_id.is_none()
            && status.is_none()
            && public.is_none()
            && private.is_none()
            && extras.is_none()
            && realm_admin.is_none()
    }
}

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    pub status: Option<UserStatus>,
    /// The exact address, case-insensitive.
    pub email: Option<String>,
    pub username: Option<String>,
    pub external_id: Option<String>,
    /// Part of a name, user name or address, case-insensitive.
    pub text: Option<String>,
    /// Beginning of the name or of the primary e-mail address, case-insensitive.
    pub prefix: Option<String>,
    pub more: UserConditions,
    /// Continue after this user, instead of a cursor.
    pub after: Option<UserRef>,
    pub sort: UserSort,
    pub page: Page,
}

/// Further conditions on users, all of which must hold. Parts are matched case-insensitively.
#[derive(Clone, Debug, Default)]
pub struct UserConditions {
    pub users: Picked<UserRef>,
    /// Members of one of these.
    pub organizations: Picked<OrganizationRef>,
    pub external_ids: Picked<String>,
    /// Users with one of these addresses, primary or not.
    pub emails: Option<Vec<String>>,
    pub phones: Option<Vec<String>>,
    pub usernames: Option<Vec<String>>,
    pub email_part: Option<String>,
    pub phone_part: Option<String>,
    pub username_part: Option<String>,
    pub name_part: Option<String>,
    /// Part of a name, user name, address or the id as the surface shows it; or exactly the id.
    pub anything: Option<String>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
    pub active_after: Option<Timestamp>,
    pub active_before: Option<Timestamp>,
    /// Members of this organization or of one below it, and users created for it; see [`MADE_FOR`].
    pub within: Option<OrganizationRef>,
}

/// The key in a user's extras, under any dialect, of the id of the organization that the user was created for, in the
/// dialect's form.
pub const MADE_FOR: &str = "made_for";

impl UserConditions {
    fn resolve(&self, reader: Reader<'_>) -> Result<UserMatch> {
        let surface = reader.acting.surface;
        let user = |user: &UserRef| Ok(user.find(reader.view, surface, reader.acting.user)?.map(|user| user.id));
        let organization = |o: &OrganizationRef| Ok(o.find(reader.view, surface)?.map(|organization| organization.id));
        // An invalid address matches nobody.
        let emails = |all: &Vec<String>| all.iter().filter_map(|email| text::email(email).ok()).collect();
        let anything = match &self.anything {
            Some(text) => Some(Anything {
                part: text.clone(),
                user: user(&UserRef::Text(text.clone()))?,
                id_lead: surface.base62_prefix::<UserId>(),
                dialect: surface.dialect(),
            }),
            None => None,
        };
        Ok(UserMatch {
            ids: self.users.resolve(user)?,
            organizations: self.organizations.resolve(organization)?,
            external_ids: self.external_ids.resolve(|id| Ok(Some(id.clone())))?,
            emails: self.emails.as_ref().map(emails),
            phones: self.phones.clone(),
            usernames: self.usernames.clone(),
            email_part: self.email_part.clone(),
            phone_part: self.phone_part.clone(),
            username_part: self.username_part.clone(),
            name_part: self.name_part.clone(),
            anything,
            created_after: self.created_after,
            created_before: self.created_before,
            active_after: self.active_after,
            active_before: self.active_before,
            within: match &self.within {
                Some(organization) => {
                    let found = organization.find(reader.view, surface)?;
                    let found = found.ok_or(Error::NotFound(Subject::Organization))?;
                    let written = format!("\"{MADE_FOR}\":\"{}\"", surface.show(found.id, &Aliases::default()));
                    Some((found.id, written))
                }
                None => None,
            },
        })
    }
}

impl UserQuery {
    pub(crate) fn filter(&self, reader: Reader<'_>) -> Result<UserFilter> {
        Ok(UserFilter {
            status: self.status,
            // An invalid address must match nobody rather than everybody.
            email: self.email.as_deref().map(|email| text::email(email).unwrap_or_default()),
            username: self.username.clone(),
            external_id: self.external_id.clone(),
            text: self.text.clone(),
            prefix: self.prefix.clone(),
            name_or_email: None,
            more: self.more.resolve(reader)?,
        })
    }
}

fn taken(field: &'static str, other: &User) -> Error {
    Error::AlreadyExists { subject: Subject::User, field, id: Some(other.id.raw()) }
}

/// Refuses addresses, user name and external id that another user has already.
fn identifiers_are_free(view: &View<'_>, user: &User) -> Result<()> {
    let other = |found: Option<User>| found.filter(|other| other.id != user.id);
    for address in &user.addresses {
        let field = match address.kind {
            AddressKind::Email => "email",
            AddressKind::Phone => "phone",
        };
        if let Some(other) = other(view.user_by_address(address.kind, &address.value)?) {
            return Err(taken(field, &other));
        }
    }
    if let Some(username) = &user.username
        && let Some(other) = other(view.user_by_username(username)?)
    {
        return Err(taken("username", &other));
    }
    if let Some(external_id) = &user.external_id
        && let Some(other) = other(view.user_by_external_id(external_id)?)
    {
        return Err(taken("external_id", &other));
    }
    Ok(())
}

fn part_of_name(part: Option<&str>, field: &'static str) -> Result<Option<String>> {
    let part = part.map(|part| text::free(part, text::NAME_MAX)).transpose().of(field)?;
    Ok(part.filter(|part| !part.is_empty()).map(str::to_owned))
}

/// Checks a name unless it is `known`, the one joined from its parts: two long parts may give a name that exceeds the limit, and since answers
/// and exports contain that name, it must be accepted back.
fn check_name(name: &str, known: &str) -> Result<()> {
    if name != known {
        text::free(name, text::NAME_MAX).of("name")?;
    }
    Ok(())
}

/// Name, first and last name from what was given of them.
fn names(new: &NewUser) -> Result<(String, Option<String>, Option<String>)> {
    let (first, last) =
        (part_of_name(new.first_name.as_deref(), "first_name")?, part_of_name(new.last_name.as_deref(), "last_name")?);
    let joined = text::join_name(first.as_deref(), last.as_deref());
    let Some(name) = &new.name else { return Ok((joined, first, last)) };
    check_name(name, &joined)?;
    let split = text::split_name(name);
    Ok(if first.is_none() && last.is_none() { (name.clone(), split.0, split.1) } else { (name.clone(), first, last) })
}

/// Validates a new address. The placeholder that some surfaces show for users without an address is refused: it would identify another user.
pub(crate) fn given_email(email: &str) -> Result<String, text::Problem> {
    match text::email(email)? {
        made_up if made_up.ends_with(NO_ADDRESS) => Err("is a placeholder for users without an address"),
        email => Ok(email),
    }
}

fn email_address(tx: &Tx<'_, '_>, email: &str) -> Result<Address> {
    Ok(address(tx.creation(), AddressKind::Email, given_email(email).of("email")?, true))
}

fn address(creation: Creation<'_>, kind: AddressKind, value: String, primary: bool) -> Address {
    Address { id: creation.new_id(), kind, value, primary, verified: true, created: creation.now }
}

/// Checks the number of addresses. A user who already had more, from an import, may keep that many.
fn check_number(addresses: usize, before: usize) -> Result<()> {
    if addresses > ADDRESSES_MAX.max(before) {
        return Err(Error::invalid("addresses", format!("are more than {ADDRESSES_MAX}")));
    }
    Ok(())
}

/// The addresses of a new user, without duplicates, in the stored order: primary ones first.
fn addresses(creation: Creation<'_>, new: &NewUser) -> Result<Vec<Address>> {
    check_number(usize::from(new.email.is_some()) + new.other_emails.len() + new.phones.len(), 0)?;
    let mut all: Vec<Address> = Vec::new();
    let emails =
        new.email.iter().chain(&new.other_emails).map(|email| (AddressKind::Email, given_email(email).of("email")));
    let phones = new.phones.iter().map(|phone| (AddressKind::Phone, text::phone(phone).of("phone").map(str::to_owned)));
    for (kind, value) in emails.chain(phones) {
        let value = value?;
        if all.iter().any(|other| other.kind == kind && other.value == value) {
            continue;
        }
        let primary = !all.iter().any(|other| other.kind == kind);
        all.push(address(creation, kind, value, primary));
    }
    sort_addresses(&mut all);
    Ok(all)
}

/// Sorts addresses as the store returns them, so that the log has the same order.
pub(crate) fn sort_addresses(addresses: &mut [Address]) {
    addresses.sort_by_key(|address| (!address.primary, address.id));
}

fn make_primary(addresses: &mut [Address], id: AddressId) -> Result<()> {
    let unknown = || Error::invalid("primary_address", "is no address of this user");
    let kind = addresses.iter().find(|address| address.id == id).map(|address| address.kind).ok_or_else(unknown)?;
    for address in addresses.iter_mut().filter(|address| address.kind == kind) {
        address.primary = address.id == id;
    }
    sort_addresses(addresses);
    Ok(())
}

/// The id that a pending invitation reserved for a user with one of these addresses, if no user ever had it.
fn promised(reader: Reader<'_>, addresses: &[Address]) -> Result<Option<UserId>> {
    for email in addresses.iter().filter(|address| address.kind == AddressKind::Email) {
        if let Some(id) = reader.view.user_promised(&email.value, reader.now())?
            && !reader.view.ever_existed(id)?
        {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Builds and validates a user, without checking uniqueness.
pub(crate) fn build(creation: Creation<'_>, new: &NewUser) -> Result<User> {
    let (name, first_name, last_name) = names(new)?;
    metadata::check(&new.public).of("public_metadata")?;
    metadata::check(&new.private).of("private_metadata")?;
    metadata::check(&new.open).of("unsafe_metadata")?;
    Ok(User {
        addresses: addresses(creation, new)?,
        id: creation.new_id(),
        name,
        first_name,
        last_name,
        username: new.username.as_deref().map(text::username).transpose().of("username")?.map(str::to_owned),
        external_id: new
            .external_id
            .as_deref()
            .map(text::external_id)
            .transpose()
            .of("external_id")?
            .map(str::to_owned),
        status: new.status,
        locale: locale(new.locale.as_deref())?,
        created: new.created.unwrap_or(creation.now),
        updated: creation.now,
        last_active: None,
        public: new.public.clone(),
        private: new.private.clone(),
        open: new.open.clone(),
        extras: new.extras.clone(),
        aliases: Aliases::default(),
    })
}

pub(crate) fn create(tx: &mut Tx<'_, '_>, proof: &Allowed<Realm>, new: &NewUser) -> Result<User> {
    let mut user = build(tx.creation(), new)?;
    if let Some(promised) = promised(tx.read(), &user.addresses)? {
        user.id = promised;
    }
    identifiers_are_free(tx.read().view, &user)?;
    tx.change(proof, &Change::UserCreated { after: Box::new(user.clone()) })?;
    if let Some(password) = &new.password {
        passwords::set_hash(tx, proof, user.id, Some(&password.0))?;
    }
    Ok(user)
}

pub(crate) fn update(tx: &mut Tx<'_, '_>, before: &Allowed<User>, patch: &UserPatch) -> Result<User> {
    if patch.expected.is_some_and(|expected| expected != before.updated) {
        return Err(Error::PreconditionFailed);
    }
    let mut after = User::clone(before);
    // A name that is unchanged doesn't replace the known first and last name.
    if let Some(name) = patch.name.as_ref().filter(|name| **name != before.name) {
        (after.first_name, after.last_name) = text::split_name(name);
    }
    if patch.first_name.is_some() || patch.last_name.is_some() {
        if let Some(first) = &patch.first_name {
            after.first_name = part_of_name(first.as_deref(), "first_name")?;
        }
        if let Some(last) = &patch.last_name {
            after.last_name = part_of_name(last.as_deref(), "last_name")?;
        }
        after.name = text::join_name(after.first_name.as_deref(), after.last_name.as_deref());
    }
    if let Some(name) = &patch.name {
        check_name(name, &after.name)?;
        name.clone_into(&mut after.name);
    }
    if let Some(username) = &patch.username {
        after.username = username.as_deref().map(text::username).transpose().of("username")?.map(str::to_owned);
    }
    if let Some(external_id) = &patch.external_id {
        after.external_id =
            external_id.as_deref().map(text::external_id).transpose().of("external_id")?.map(str::to_owned);
    }
    if let Some(status) = patch.status {
        after.status = status;
    }
    if let Some(new) = &patch.locale {
        after.locale = locale(new.as_deref())?;
    }
    if let Some(public) = &patch.public {
        public.apply(&mut after.public, "public_metadata")?;
    }
    if let Some(private) = &patch.private {
        private.apply(&mut after.private, "private_metadata")?;
    }
    if let Some(open) = &patch.open {
        open.apply(&mut after.open, "unsafe_metadata")?;
    }
    if let Some((dialect, extras)) = &patch.extras {
        after.extras.merge(*dialect, extras);
    }
    if let Some(email) = &patch.email {
        let wanted = email.as_deref().map(text::email).transpose().of("email")?;
        if wanted.as_deref() != before.email() {
            after.addresses.retain(|a| !(a.kind == AddressKind::Email && a.primary));
            if let Some(email) = wanted {
                after.addresses.retain(|a| a.value != email);
                after.addresses.insert(0, email_address(tx, &email)?);
            }
            check_number(after.addresses.len(), before.addresses.len())?;
            sort_addresses(&mut after.addresses);
        }
    }
    for id in &patch.primary {
        make_primary(&mut after.addresses, *id)?;
    }
    if after == **before {
        return Ok(after);
    }
    identifiers_are_free(tx.read().view, &after)?;
    after.updated = tx.now().advanced_past(before.updated);
    let change = Change::UserUpdated { before: Box::new(User::clone(before)), after: Box::new(after.clone()) };
    tx.change(before, &change)?;
    Ok(after)
}

/// Deletes a user. Before that, the user's ownerships are cleared, and the user's memberships and account records are
/// removed.
pub(crate) fn delete(tx: &mut Tx<'_, '_>, before: &Allowed<User>) -> Result<()> {
    let filter = MemberFilter { user: Some(before.id), ..MemberFilter::default() };
    let all = Slice::default();
    for membership in tx.read().view.list_memberships(&filter, MemberSort::Created, &all)? {
        let membership = if membership.roles.contains(roster_model::RoleNumber::OWNER) {
            ownership::clear(tx, before, membership)?
        } else {
            membership
        };
        tx.change(before, &Change::MembershipRemoved { before: Box::new(membership) })?;
    }
    for account in tx.read().view.account_users_of(before.id)? {
        tx.change(before, &Change::AccountUserDeleted { before: account })?;
    }
    tx.change(before, &Change::UserDeleted { before: Box::new(User::clone(before)) })
}

/// Every e-mail address that the user has ever had according to the log; works for deleted users, too.
fn emails_in_log(view: &View<'_>, user: UserId) -> Result<Vec<String>> {
    let mut emails = Vec::new();
    for event in view.list_events(0, u64::MAX, None, Some(user))? {
        let Some(Change::UserCreated { after: known } | Change::UserUpdated { after: known, .. }) = event.change else {
            continue;
        };
        let addresses = known.addresses.into_iter().filter(|address| address.kind == AddressKind::Email);
        emails.extend(addresses.map(|address| address.value));
    }
    emails.sort_unstable();
    emails.dedup();
    Ok(emails)
}

/// The sort key of users who were never active: last in both directions.
const fn never(descending: bool) -> i64 {
    if descending { 0 } else { i64::MAX }
}

fn mark(sort: UserSort, descending: bool) -> impl Fn(&User) -> Mark {
    move |u| {
        let key = match sort {
            UserSort::Created => Key::Int(u.created.as_ms()),
            UserSort::Updated => Key::Int(u.updated.as_ms()),
            UserSort::Name => Key::Text(text::fold(&u.name)),
            UserSort::Email => Key::Text(u.email().unwrap_or_default().to_owned()),
            UserSort::ShownEmail => Key::Text(u.email_or_placeholder().into_owned()),
            UserSort::Active => Key::Int(u.last_active.map_or(never(descending), Timestamp::as_ms)),
            UserSort::Id => Key::None,
            UserSort::Part(part) => Key::Text(part.key(u, descending)),
        };
        Mark { key, id: u.id.raw() }
    }
}

fn list(reader: Reader<'_>, query: &UserQuery) -> Result<Listed<User>> {
    let of = match query.sort {
        UserSort::Created => "created",
        UserSort::Updated => "updated",
        UserSort::Name => "name",
        UserSort::Email => "email",
        UserSort::ShownEmail => "shown_email",
        UserSort::Active => "active",
        UserSort::Id => "id",
        UserSort::Part(part) => part.word(),
    };
    let filter = query.filter(reader)?;
    let mut slice = query.page.slice(of)?;
    if let Some(after) = &query.after {
        let unknown = || Error::invalid("after", "names no user");
        let found = after.find(reader.view, reader.acting.surface, reader.acting.user)?.ok_or_else(unknown)?;
        slice.after = Some(mark(query.sort, query.page.descending)(&found));
    }
    let items = reader.view.list_users(&filter, query.sort, &slice)?;
    let total = if query.page.total { Some(reader.view.count_users(&filter)?) } else { None };
    Ok(query.page.close(of, items, total, mark(query.sort, query.page.descending)))
}

impl Caller {
    /// Needs `users:create` at the root, or at the organization named or above it.
    pub async fn create_user(&self, new: NewUser) -> Result<User> {
        self.write(move |tx| {
            let reader = tx.read();
            let proof = match &new.organization {
                Some(organization) => {
                    let organization = reader.organization(organization)?.allow(reader, Right::tree(P::UsersCreate))?;
                    let realm = reader.realm()?.allow_everyone(reader)?.into_inner();
                    organization.creating(realm)?
                }
                None => reader.realm()?.allow(reader, P::UsersCreate)?,
            };
            let user = create(tx, &proof, &new)?;
            if new.realm_admin {
                realm_admins::set(tx, &user, true)?;
            }
            Ok(user)
        })
        .await
    }

    /// For the caller's own user, or with `users:read` at the root.
    pub async fn user(&self, user: impl Into<UserRef>) -> Result<User> {
        let user = user.into();
        self.read(move |reader| Ok(reader.user(&user)?.allow_self_or(reader, P::UsersRead)?.into_inner())).await
    }

    /// The same, only for the id, to check that the user exists.
    pub async fn user_id(&self, user: impl Into<UserRef>) -> Result<UserId> {
        let user = user.into();
        self.read_graph(move |reader| Ok(reader.user(&user)?.allow_self_or(reader, P::UsersRead)?.id)).await
    }

    /// The acting user, if there is one, without the time of the last activity.
    pub async fn me(&self) -> Result<Option<User>> {
        self.read_graph(|reader| Ok(reader.acting.user.map(|id| reader.view.user(id)).transpose()?.flatten())).await
    }

    /// Users may change their own names and language; everything else needs `users:write` at the root.
    pub async fn update_user(&self, user: impl Into<UserRef>, patch: UserPatch) -> Result<User> {
        let user = user.into();
        self.write(move |tx| {
            let found = tx.read().user(&user)?;
            let before = if patch.is_own_business() {
                found.allow_self_or(tx.read(), P::UsersWrite)?
            } else {
                found.allow(tx.read(), P::UsersWrite)?
            };
            let user = update(tx, &before, &patch)?;
            if let Some(wanted) = patch.realm_admin {
                realm_admins::set(tx, &user, wanted)?;
            }
            Ok(user)
        })
        .await
    }

    /// Needs `users:write` at the root. The user's memberships, account records and tokens are deleted, too;
    /// organizations that the user owned have no owner then.
    pub async fn delete_user(&self, user: impl Into<UserRef>, expected: Option<Timestamp>) -> Result<User> {
        let user = user.into();
        self.write(move |tx| {
            let before = tx.read().user(&user)?.allow(tx.read(), P::UsersWrite)?;
            if expected.is_some_and(|expected| expected != before.updated) {
                return Err(Error::PreconditionFailed);
            }
            delete(tx, &before)?;
            Ok(before.into_inner())
        })
        .await
    }

    /// As [`Self::delete_user`], but refused ([`Error::OwnerProtected`]) while the user owns an organization.
    pub async fn delete_user_unless_owner(
        &self,
        user: impl Into<UserRef>,
        expected: Option<Timestamp>,
    ) -> Result<User> {
        let user = user.into();
        self.write(move |tx| {
            let before = tx.read().user(&user)?.allow(tx.read(), P::UsersWrite)?;
            if expected.is_some_and(|expected| expected != before.updated) {
                return Err(Error::PreconditionFailed);
            }
            let owned = MemberFilter { user: Some(before.id), roles: Some(RoleSet::OWNER), ..MemberFilter::default() };
            if tx.read().view.count_memberships(&owned)? > 0 {
                return Err(Error::OwnerProtected);
            }
            delete(tx, &before)?;
            Ok(before.into_inner())
        })
        .await
    }

    /// Needs `users:write` at the root. Deletes the user, if not deleted before, and blanks the log's data about the
    /// user. The events keep their numbers.
    pub async fn erase_user(&self, user: UserId, expected: Option<Timestamp>) -> Result<()> {
        self.write(move |tx| {
            let realm = tx.read().realm()?.allow(tx.read(), P::UsersWrite)?;
            let emails = emails_in_log(tx.read().view, user)?;
            match tx.read().user(&UserRef::Id(user)) {
                Ok(found) => {
                    let before = found.allow(tx.read(), P::UsersWrite)?;
                    if expected.is_some_and(|expected| expected != before.updated) {
                        return Err(Error::PreconditionFailed);
                    }
                    delete(tx, &before)?;
                }
                Err(Error::NotFound(_)) if expected.is_none() && tx.read().view.has_events_about(user)? => {}
                Err(error) => return Err(error),
            }
            tx.change(&realm, &Change::UserErased { user })?;
            tx.forget_invitations(&emails)?;
            tx.forget_answers()
        })
        .await
    }

    /// How many users a query finds. Needs `users:read` at the root.
    pub async fn count_users(&self, query: UserQuery) -> Result<u64> {
        self.read(move |reader| {
            reader.realm()?.allow(reader, P::UsersRead)?;
            Ok(reader.view.count_users(&query.filter(reader)?)?)
        })
        .await
    }

    /// Needs `users:read` at the root.
    pub async fn list_users(&self, query: UserQuery) -> Result<Listed<User>> {
        self.read(move |reader| {
            reader.realm()?.allow(reader, P::UsersRead)?;
            list(reader, &query)
        })
        .await
    }

    /// The users who are members of an organization. Needs `users:read` there or at the root.
    pub async fn list_users_of(
        &self,
        organization: impl Into<OrganizationRef>,
        mut query: UserQuery,
    ) -> Result<Listed<User>> {
        let organization = organization.into();
        self.read(move |reader| {
            let place = reader.organization(&organization)?.allow(reader, Right::here_or_root(P::UsersRead))?;
            query.more.organizations = Picked { only: Some(vec![place.id.into()]), except: Vec::new() };
            list(reader, &query)
        })
        .await
    }

    /// Makes this organization the one that the user starts in. Users may do this for themselves; for others,
    /// this needs `memberships:write` there or above.
    pub async fn set_default_membership(
        &self,
        organization: impl Into<OrganizationRef>,
        user: impl Into<UserRef>,
    ) -> Result<roster_model::Membership> {
        let (organization, user) = (organization.into(), user.into());
        self.write(move |tx| {
            let (place, user) = memberships::resolve_membership(tx.read(), &organization, &user)?;
            let membership = memberships::find_membership(tx.read(), place.id, user.id)?;
            memberships::set_default(tx, &place, &membership)
        })
        .await
    }
}
