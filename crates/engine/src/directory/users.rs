//! Users as a directory sees and changes them.

use std::collections::HashMap;

use roster_model::directory::{DOCUMENT_MAX, EXTERNAL_ID_MAX, ProfileSnapshot, USER_NAME_MAX};
use roster_model::permission::BuiltIn as P;
use roster_model::{
    AddressKind, Change, DirectoryLink, EntityId as _, InvitationStatus, Metadata, OrganizationId, Right, RoleNumber,
    TokenKind, User, UserId, UserStatus, text,
};
use roster_store::list::Slice;
use roster_store::{GroupOf, InvitationFilter, InvitationSort, MemberFilter, MemberSort, TokenFilter};

use super::{readable_domain, writable_domain};
use crate::access::{Allowed, Domain, Found};
use crate::actor::Caller;
use crate::error::{Error, OfField as _, Result, Subject};
use crate::reference::{OrganizationRef, UserRef};
use crate::transaction::{Reader, Tx};
use crate::users::{NewUser, UserPatch};
use crate::{invitations, memberships, tokens, users};

/// A user as seen by one domain.
#[derive(Clone, Debug)]
pub struct ProvisionedUser {
    /// Roster's own data. If the user isn't `own` and has a link, only the id concerns this domain.
    pub user: User,
    pub link: Option<DirectoryLink>,
    /// The user name for this domain, if a directory has set one.
    pub user_name: Option<String>,
    /// Whether this domain's writes change the user's own data, not only the link.
    pub own: bool,
    /// The user's organizations in the domain, if they were asked for.
    pub groups: Vec<GroupOf>,
}

impl ProvisionedUser {
    /// Whether everything is shown from the link, and nothing from the user.
    pub const fn is_apart(&self) -> bool {
        !self.own && self.link.is_some()
    }

    /// The user name for this domain: as set by a directory, else the user's address, user name or id.
    pub fn shown_user_name(&self) -> String {
        let given = || self.user.email().or(self.user.username.as_deref()).map(str::to_owned);
        self.user_name.clone().or_else(given).unwrap_or_else(|| self.user.id.native())
    }

    pub fn is_active(&self) -> bool {
        match &self.link {
            Some(link) if !self.own => !link.suspended,
            _ => self.user.is_active(),
        }
    }

    /// The user's data after this domain's last write, and now, to see what others have changed since.
    pub fn since_given(&self) -> Option<(&ProfileSnapshot, ProfileSnapshot)> {
        let given = self.link.as_ref()?.given.as_ref()?;
        Some((given, snapshot_of(&self.user)))
    }
}

fn snapshot_of(user: &User) -> ProfileSnapshot {
    ProfileSnapshot {
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        email: user.email().map(str::to_owned),
    }
}

/// A user to be created, as described by a directory.
#[derive(Clone, Debug, Default)]
pub struct UserProfile {
    pub user_name: String,
    pub email: Option<String>,
    pub name: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub active: bool,
    pub external_id: Option<String>,
    /// The directory's attributes in its own form.
    pub document: Metadata,
    /// The e-mail addresses in the document, by which the user can be found.
    pub addresses: Vec<String>,
}

/// Changes of a user; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserProfilePatch {
    pub user_name: Option<String>,
    pub email: Option<Option<String>>,
    pub name: Option<Option<String>>,
    pub first_name: Option<Option<String>>,
    pub last_name: Option<Option<String>>,
    pub active: Option<bool>,
    pub external_id: Option<Option<String>>,
    /// The document and the addresses in it.
    pub document: Option<(Metadata, Vec<String>)>,
}

fn check_user_name(user_name: &str) -> Result<()> {
    let checked = text::free(user_name, USER_NAME_MAX).of("user_name")?;
    if checked.trim().is_empty() {
        return Err(Error::invalid("user_name", "must not be empty"));
    }
    if text::fold(checked).len() > USER_NAME_MAX { Err(Error::invalid("user_name", "is too long")) } else { Ok(()) }
}

pub(super) fn check_external_id(external_id: Option<&str>) -> Result<()> {
    let Some(external_id) = external_id else { return Ok(()) };
    text::free(external_id, EXTERNAL_ID_MAX).of("external_id")?;
    if external_id.len() > EXTERNAL_ID_MAX { Err(Error::invalid("external_id", "is too long")) } else { Ok(()) }
}

pub(super) fn check_document(document: &Metadata) -> Result<()> {
    let length = serde_json::to_string(document).map_or(usize::MAX, |text| text.len());
    if length > DOCUMENT_MAX { Err(Error::invalid("document", "is larger than 1 MiB")) } else { Ok(()) }
}

/// Addresses are part of a database key, so their length is limited.
fn check_addresses(addresses: &[String]) -> Result<()> {
    let too_long = addresses.iter().any(|address| text::fold(address).len() > EXTERNAL_ID_MAX);
    if too_long { Err(Error::invalid("emails", "holds an address that is too long")) } else { Ok(()) }
}

/// Checks the limits that hold for every link.
pub(crate) fn check_link(link: &DirectoryLink) -> Result<()> {
    link.user_name.as_deref().map_or(Ok(()), check_user_name)?;
    check_external_id(link.external_id.as_deref())?;
    check_document(&link.document)?;
    check_addresses(&link.addresses)
}

/// The link of each user's home domain; for users who were created otherwise, or by a domain that no longer exists, the root's link, if any.
fn homes(reader: Reader<'_>, users: &[UserId]) -> Result<HashMap<UserId, DirectoryLink>> {
    let mut homes = reader.view.home_links(users)?;
    let mut domains: Vec<OrganizationId> = homes.values().map(|link| link.domain).collect();
    domains.sort_unstable();
    domains.dedup();
    let live = reader.view.organizations_by_id(&domains)?;
    homes.retain(|_, link| live.contains_key(&link.domain));
    let homeless: Vec<i64> = users.iter().filter(|user| !homes.contains_key(user)).map(|user| user.raw()).collect();
    let at_root = reader.view.directory_links(reader.acting.root, &homeless)?;
    homes.extend(at_root.into_values().filter_map(|link| Some((link.subject.user()?, link))));
    Ok(homes)
}

/// These users as the domain sees them. The caller has checked that they are visible to it.
pub(super) fn load(
    reader: Reader<'_>,
    domain: &Domain,
    users: Vec<User>,
    with_groups: bool,
) -> Result<Vec<ProvisionedUser>> {
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let raw: Vec<i64> = ids.iter().map(|id| id.raw()).collect();
    let homes = homes(reader, &ids)?;
    let mut links = reader.view.directory_links(domain.id(), &raw)?;
    let mut groups: HashMap<UserId, Vec<GroupOf>> = HashMap::new();
    if with_groups {
        for group in reader.view.groups_of(&ids, domain.bounded())? {
            groups.entry(group.user).or_default().push(group);
        }
    }
    let of = |user: User| {
        let home = homes.get(&user.id);
        let own = domain.is_realm() || home.is_some_and(|home| home.domain == domain.id());
        let link = links.remove(&user.id.raw());
        let named = if own { home } else { link.as_ref().or(home) };
        let user_name = named.and_then(|link| link.user_name.clone());
        let groups = groups.remove(&user.id).unwrap_or_default();
        ProvisionedUser { user, link, user_name, own, groups }
    };
    Ok(users.into_iter().map(of).collect())
}

fn load_one(reader: Reader<'_>, domain: &Domain, user: User) -> Result<ProvisionedUser> {
    let missing = || Error::NotFound(Subject::User);
    load(reader, domain, vec![user], true)?.pop().ok_or_else(missing)
}

/// Those of these users who are visible to the domain, in the given order.
pub(super) fn visible_to_domain(reader: Reader<'_>, domain: &Allowed<Domain>, users: Vec<User>) -> Result<Vec<User>> {
    let Some(top) = domain.bounded() else { return Ok(users) };
    let raw: Vec<i64> = users.iter().map(|user| user.id.raw()).collect();
    let linked = reader.view.directory_links(top, &raw)?;
    let mut seen = Vec::with_capacity(users.len());
    for user in users {
        let visible =
            linked.contains_key(&user.id.raw()) || reader.view.belongs_to_domain(top, user.id, reader.now())?;
        seen.extend(visible.then_some(user));
    }
    Ok(seen)
}

/// Users who may have this user name in the domain, or anywhere else that matters to it.
pub(super) fn user_name_candidates(reader: Reader<'_>, domain: &Domain, user_name: &str) -> Result<Vec<User>> {
    let links = reader.view.directory_links_named(user_name)?;
    let known = |link: &DirectoryLink| link.home || link.domain == domain.id() || link.domain == reader.acting.root;
    let mut ids: Vec<UserId> = links.iter().filter(|link| known(link)).filter_map(|l| l.subject.user()).collect();
    if let Ok(address) = text::email(user_name) {
        ids.extend(reader.view.user_by_address(AddressKind::Email, &address)?.map(|user| user.id));
    }
    ids.extend(reader.view.user_by_username(user_name)?.map(|user| user.id));
    ids.extend(roster_model::Form::Native.read::<UserId>(user_name));
    ids.sort_unstable();
    ids.dedup();
    Ok(reader.view.users_in_order(&ids)?)
}

/// The users with this user name in the domain, case-insensitive.
pub(super) fn find_by_user_name(
    reader: Reader<'_>,
    domain: &Allowed<Domain>,
    user_name: &str,
) -> Result<Vec<ProvisionedUser>> {
    let candidates = visible_to_domain(reader, domain, user_name_candidates(reader, domain, user_name)?)?;
    let wanted = text::fold(user_name);
    let mut found = load(reader, domain, candidates, false)?;
    found.retain(|user| text::fold(&user.shown_user_name()) == wanted);
    Ok(found)
}

fn taken(field: &'static str, user: UserId) -> Error {
    Error::AlreadyExists { subject: Subject::User, field, id: Some(user.raw()) }
}

/// An existing user elsewhere in the realm who matches a profile: by address, else by the user name at home, unless
/// both have an address and these differ.
fn find_in_realm(reader: Reader<'_>, domain: &Domain, profile: &UserProfile) -> Result<Option<User>> {
    let address = profile.email.as_deref().and_then(|email| text::email(email).ok());
    if let Some(address) = &address
        && let Some(user) = reader.view.user_by_address(AddressKind::Email, address)?
    {
        return Ok(Some(user));
    }
    let wanted = text::fold(&profile.user_name);
    for user in user_name_candidates(reader, domain, &profile.user_name)? {
        let home = homes(reader, &[user.id])?.remove(&user.id);
        let name = home.and_then(|link| link.user_name).or_else(|| user.username.clone());
        let same_name = name.is_some_and(|name| text::fold(&name) == wanted);
        let other_address = address.is_some() && user.email().is_some();
        if same_name && !other_address {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

fn create(tx: &mut Tx<'_, '_>, domain: &Allowed<Domain>, profile: UserProfile, link_existing: bool) -> Result<User> {
    check_user_name(&profile.user_name)?;
    check_external_id(profile.external_id.as_deref())?;
    check_document(&profile.document)?;
    check_addresses(&profile.addresses)?;
    let reader = tx.read();
    if let Some(other) = find_by_user_name(reader, domain, &profile.user_name)?.first() {
        return Err(taken("user_name", other.user.id));
    }
    let mut link = DirectoryLink::new(domain.id(), UserId::from_raw(0), tx.now());
    link.external_id = profile.external_id;
    link.user_name = Some(profile.user_name.clone());
    let person = if domain.is_realm() {
        None
    } else {
        let profile = UserProfile {
            user_name: profile.user_name.clone(),
            email: profile.email.clone(),
            ..UserProfile::default()
        };
        find_in_realm(reader, domain, &profile)?
    };
    let user = if let Some(person) = person {
        let visible = domain.sees(reader, Found(person.clone())).is_ok();
        if visible || !link_existing {
            return Err(taken("email", person.id));
        }
        link.suspended = !profile.active;
        person
    } else {
        let realm = domain.creating_users(reader.realm()?.allow_everyone(reader)?.into_inner());
        let new = NewUser {
            email: profile.email,
            name: profile.name,
            first_name: profile.first_name,
            last_name: profile.last_name,
            status: if profile.active { UserStatus::Active } else { UserStatus::Inactive },
            ..NewUser::default()
        };
        let user = users::create(tx, &realm, &new)?;
        link.home = !domain.is_realm();
        link.given = Some(snapshot_of(&user));
        user
    };
    link.subject = user.id.into();
    link.document = profile.document;
    link.addresses = profile.addresses;
    tx.change(domain, &Change::DirectoryLinkCreated { after: Box::new(link) })?;
    Ok(user)
}

/// Writes a link if it differs from the stored one.
pub(super) fn put_link(
    tx: &mut Tx<'_, '_>,
    domain: &Allowed<Domain>,
    before: Option<DirectoryLink>,
    mut after: DirectoryLink,
) -> Result<()> {
    match before {
        None => tx.change(domain, &Change::DirectoryLinkCreated { after: Box::new(after) }),
        Some(before) if before == after => Ok(()),
        Some(before) => {
            after.updated = tx.now().advanced_past(before.updated);
            tx.change(domain, &Change::DirectoryLinkUpdated { before: Box::new(before), after: Box::new(after) })
        }
    }
}

fn user_patch(user: &User, patch: &UserProfilePatch) -> UserPatch {
    let mut wanted = UserPatch {
        email: patch.email.clone(),
        first_name: patch.first_name.clone(),
        last_name: patch.last_name.clone(),
        status: patch.active.map(|active| if active { UserStatus::Active } else { UserStatus::Inactive }),
        ..UserPatch::default()
    };
    match &patch.name {
        Some(Some(name)) => {
            wanted.name = Some(name.clone());
            // A whole name alone is split, but first and last name that are known are kept.
            if user.first_name.is_some() || user.last_name.is_some() || wanted.first_name.is_some() {
                wanted.first_name.get_or_insert_with(|| user.first_name.clone());
                wanted.last_name.get_or_insert_with(|| user.last_name.clone());
            }
        }
        // The name is joined from the parts.
        Some(None) => {
            wanted.first_name.get_or_insert_with(|| user.first_name.clone());
        }
        None => {}
    }
    wanted
}

fn change(
    tx: &mut Tx<'_, '_>,
    domain: &Allowed<Domain>,
    before: &ProvisionedUser,
    proof: &Allowed<User>,
    patch: UserProfilePatch,
) -> Result<()> {
    if let Some(user_name) = &patch.user_name {
        check_user_name(user_name)?;
        let others = find_by_user_name(tx.read(), domain, user_name)?;
        if let Some(other) = others.iter().find(|other| other.user.id != before.user.id) {
            return Err(taken("user_name", other.user.id));
        }
    }
    if let Some(external_id) = &patch.external_id {
        check_external_id(external_id.as_deref())?;
    }
    if let Some((document, addresses)) = &patch.document {
        check_document(document)?;
        check_addresses(addresses)?;
    }
    if patch == UserProfilePatch::default() {
        return Ok(());
    }
    let now = tx.now();
    let fresh = || DirectoryLink::new(domain.id(), before.user.id, now);
    let mut link = before.link.clone().unwrap_or_else(fresh);
    if let Some(external_id) = &patch.external_id {
        link.external_id.clone_from(external_id);
    }
    if let Some((document, addresses)) = &patch.document {
        link.document.clone_from(document);
        link.addresses.clone_from(addresses);
    }
    if before.own {
        let user = users::update(tx, proof, &user_patch(&before.user, &patch))?;
        let home = homes(tx.read(), &[user.id])?.remove(&user.id);
        if patch.document.is_some() {
            link.given = Some(snapshot_of(&user));
        }
        if let Some(user_name) = patch.user_name {
            match home.filter(|home| home.domain != domain.id()) {
                // The realm changes the user name in the user's home domain.
                Some(home) => {
                    let renamed = DirectoryLink { user_name: Some(user_name), ..home.clone() };
                    put_link(tx, domain, Some(home), renamed)?;
                }
                None => link.user_name = Some(user_name),
            }
        }
    } else {
        // From now on everything is shown from the link.
        link.user_name = patch.user_name.or_else(|| Some(before.shown_user_name()));
        link.suspended = !patch.active.unwrap_or_else(|| before.is_active());
    }
    put_link(tx, domain, before.link.clone(), link)
}

fn owned(reader: Reader<'_>, domain: &Domain, user: UserId) -> Result<Option<Error>> {
    let filter =
        MemberFilter { user: Some(user), roles: Some(roster_model::RoleSet::OWNER), ..MemberFilter::default() };
    for membership in reader.view.list_memberships(&filter, MemberSort::Created, &Slice::default())? {
        if domain.holds(reader, membership.organization)? {
            let organization = reader.view.organization(membership.organization)?.map(|o| o.name).unwrap_or_default();
            return Ok(Some(Error::OwnsOrganization { organization }));
        }
    }
    Ok(None)
}

/// Revokes the domain's keys that were made for a user. The link may have suspended the user and so disabled these
/// keys; they must not become valid again when the link is removed.
fn revoke_tokens(tx: &mut Tx<'_, '_>, domain: &Domain, user: UserId) -> Result<()> {
    let filter = TokenFilter {
        kind: Some(TokenKind::Organization),
        user: Some(user),
        without_revoked: true,
        ..TokenFilter::default()
    };
    for token in tx.read().view.list_tokens(&filter, &Slice::default())? {
        if let Some(place) = token.organization
            && domain.holds(tx.read(), place)?
        {
            tokens::revoke(tx, token)?;
        }
    }
    Ok(())
}

/// Removes a user from a domain. Also deletes the user if the domain is the realm, or if it is the user's home and no
/// other memberships or links are left.
fn remove(
    tx: &mut Tx<'_, '_>,
    domain: &Allowed<Domain>,
    before: &ProvisionedUser,
    proof: &Allowed<User>,
) -> Result<()> {
    let user = before.user.id;
    if let Some(error) = owned(tx.read(), domain, user)? {
        return Err(error);
    }
    if domain.is_realm() {
        return users::delete(tx, proof);
    }
    let filter = MemberFilter { user: Some(user), ..MemberFilter::default() };
    let all = Slice::default();
    for membership in tx.read().view.list_memberships(&filter, MemberSort::Created, &all)? {
        if domain.holds(tx.read(), membership.organization)? {
            let place = tx.read().organization(&OrganizationRef::Id(membership.organization))?;
            let place = place.allow(tx.read(), Right::tree(P::MembershipsWrite))?;
            memberships::remove(tx, &place, &membership)?;
        }
    }
    let emails = before.user.addresses.iter().filter(|a| a.kind == AddressKind::Email).map(|a| a.value.clone());
    let filter = InvitationFilter { emails: Some(emails.collect()), ..InvitationFilter::default() };
    for invitation in tx.read().view.list_invitations(&filter, InvitationSort::Created, &all)? {
        if invitation.status == InvitationStatus::Pending && domain.holds(tx.read(), invitation.organization)? {
            let place = tx.read().organization(&OrganizationRef::Id(invitation.organization))?;
            let place = place.allow(tx.read(), Right::tree(P::MembershipsWrite))?;
            invitations::set_status(tx, &place, invitation, InvitationStatus::Revoked)?;
        }
    }
    revoke_tokens(tx, domain, user)?;
    let at_home = before.own;
    if let Some(link) = before.link.clone() {
        tx.change(domain, &Change::DirectoryLinkDeleted { before: Box::new(link) })?;
    }
    let elsewhere = MemberFilter { user: Some(user), ..MemberFilter::default() };
    let held =
        tx.read().view.count_memberships(&elsewhere)? > 0 || !tx.read().view.directory_links_of(user)?.is_empty();
    if at_home && !held {
        return users::delete(tx, proof);
    }
    Ok(())
}

impl Caller {
    /// Needs the rights to read as a directory.
    pub async fn provisioned_user(&self, user: impl Into<UserRef>) -> Result<ProvisionedUser> {
        let user = user.into();
        self.read_graph(move |reader| {
            let domain = readable_domain(reader)?;
            let user = domain.sees(reader, reader.user(&user)?)?.into_inner();
            load_one(reader, &domain, user)
        })
        .await
    }

    /// The acting user, as seen by the realm's directory. If the user is limited to one membership, only that group is
    /// included.
    pub async fn provisioned_self(&self) -> Result<ProvisionedUser> {
        self.read_graph(|reader| {
            let me = reader.user(&UserRef::Me)?.allow_self_or(reader, P::UsersRead)?.into_inner();
            let root = reader.view.organization(reader.acting.root)?.ok_or(Error::NotFound(Subject::Organization))?;
            let mut shown = load_one(reader, &Domain::realm(root), me)?;
            if let Some(only) = reader.acting.only_of(shown.user.id) {
                shown.groups.retain(|group| group.organization == only.organization);
            }
            Ok(shown)
        })
        .await
    }

    /// Creates a user, or links one who exists elsewhere in the realm. Needs `users:write` at the top of the domain.
    pub async fn provision_user(&self, profile: UserProfile) -> Result<ProvisionedUser> {
        let link_existing = self.engine.directory().link_existing;
        self.write_with_callback(move |tx| {
            let domain = writable_domain(tx.read(), P::UsersWrite)?;
            let user = create(tx, &domain, profile, link_existing)?;
            load_one(tx.read(), &domain, user)
        })
        .await
    }

    /// Changes a user. `edit` computes the patch from the user's current state; `None` changes nothing. Needs
    /// `users:write` at the top of the domain.
    pub async fn change_provisioned_user<E: From<Error> + Send + 'static>(
        &self,
        user: impl Into<UserRef>,
        edit: impl FnOnce(&ProvisionedUser) -> Result<Option<UserProfilePatch>, E> + Clone + Send + 'static,
    ) -> Result<ProvisionedUser, E> {
        let user = user.into();
        self.write_with_callback(move |tx| {
            let domain = writable_domain(tx.read(), P::UsersWrite)?;
            let found = tx.read().user(&user)?;
            let proof = domain.sees(tx.read(), found)?;
            let before = load_one(tx.read(), &domain, User::clone(&proof))?;
            let Some(patch) = edit(&before)? else { return Ok(before) };
            change(tx, &domain, &before, &proof, patch)?;
            let now = tx.read().view.user(proof.id).map_err(Error::from)?.ok_or(Error::NotFound(Subject::User))?;
            Ok(load_one(tx.read(), &domain, now)?)
        })
        .await
    }

    /// Removes a user from the domain unless `check` refuses. The user's memberships in it are removed, and the keys
    /// made there for the user are revoked. The user is deleted if the domain is the realm, or if it is the user's home
    /// and no other memberships or links are left. Refused ([`Error::OwnsOrganization`]) for an owner.
    pub async fn deprovision_user<E: From<Error> + Send + 'static>(
        &self,
        user: impl Into<UserRef>,
        check: impl FnOnce(&ProvisionedUser) -> Result<(), E> + Clone + Send + 'static,
    ) -> Result<(), E> {
        let user = user.into();
        self.write_with_callback(move |tx| {
            let domain = writable_domain(tx.read(), P::UsersWrite)?;
            let found = tx.read().user(&user)?;
            let proof = domain.sees(tx.read(), found)?;
            let before = load_one(tx.read(), &domain, User::clone(&proof))?;
            check(&before)?;
            Ok(remove(tx, &domain, &before, &proof)?)
        })
        .await
    }
}

/// Whether these are an owner's roles, which groups can't change.
pub(super) const fn is_owner(roles: roster_model::RoleSet) -> bool {
    roles.contains(RoleNumber::OWNER)
}
