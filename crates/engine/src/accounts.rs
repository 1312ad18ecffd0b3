//! Accounts: an organization right below the root that provisions users, and assigns roles in itself and in the organizations right
//! below it, which it manages. Everything here needs `accounts:write` at the account itself.

use std::collections::HashSet;

use roster_model::permission::BuiltIn as P;
use roster_model::{AccountUser, Change, Membership, Organization, Right, RoleNumber, User, UserId, text};
use roster_store::list::{Key, Mark, Slice};
use roster_store::{MemberFilter, MemberSort, OrganizationFilter, OrganizationSort};
use serde::{Deserialize, Serialize};

use crate::access::Allowed;
use crate::actor::Caller;
use crate::error::{Error, OfField as _, Result, Subject};
use crate::memberships::{self, Member, NewMembership};
use crate::paging::{Listed, Page};
use crate::reference::{OrganizationRef, UserRef};
use crate::role_map::RoleMap;
use crate::shown::{resolve_user, shown_id};
use crate::stream::{Chunks, send_members};
use crate::transaction::{Reader, Tx};
use crate::users::{self, NewUser};
use roster_model::EntityId as _;

/// Longest `user_schema`, in characters.
const SCHEMA_MAX: usize = 65_536;
/// Maximum number of users in one list. Lists of role holders are written whole, without pages; the limit equals that of a directory's group.
const LISTED_MAX: usize = 100_000;

/// A provisioner's data about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountUserFields {
    pub external_id: Option<String>,
    /// Free text, kept unchanged.
    pub user_schema: Option<String>,
    /// An inactive user has no membership in the account and what it manages.
    pub active: bool,
}

/// A user to be provisioned.
#[derive(Clone, Debug)]
pub struct NewAccountUser {
    /// Identifies the user, who is created if the realm has none with this address.
    pub email: String,
    pub fields: AccountUserFields,
}

/// A provisioning record with its user and account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountEntry {
    pub record: AccountUser,
    pub user: User,
    pub organization: Organization,
}

/// Why one item of a list was skipped, while the others were processed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemProblem {
    /// No user of this account has this id.
    NoAccountUser(String),
    /// The user isn't a member with this role.
    NoMember(String),
    /// An inactive account user can't become a member.
    Inactive(String),
    /// The owner's membership can't be changed.
    OwnerProtected(String),
    /// The organization's rules refuse this user: its limit of members or its e-mail domains. With the reason.
    Refused(String, String),
}

fn account(reader: Reader<'_>, organization: &OrganizationRef) -> Result<Allowed<Organization>> {
    reader.organization(organization)?.allow(reader, Right::here(P::AccountsWrite))
}

/// The account itself and the organizations that it manages, by creation. Includes those marked as deleted, unless `shown_only`.
fn managed(
    reader: Reader<'_>,
    account: &Allowed<Organization>,
    shown_only: bool,
) -> Result<Vec<Allowed<Organization>>> {
    let filter = OrganizationFilter { parent: Some(account.id), shown_only, ..OrganizationFilter::default() };
    let children = reader.view.list_organizations(&filter, OrganizationSort::Created, &Slice::default())?;
    let mut all = vec![account.clone()];
    for child in children {
        all.push(account.managed(reader, crate::access::Found(child))?);
    }
    Ok(all)
}

/// The same, limited to organizations that this surface shows.
fn managed_here(reader: Reader<'_>, account: &Allowed<Organization>) -> Result<Vec<Allowed<Organization>>> {
    managed(reader, account, !reader.acting.surface.shows_deleted())
}

fn manages(
    reader: Reader<'_>,
    account: &Allowed<Organization>,
    organization: &OrganizationRef,
) -> Result<Allowed<Organization>> {
    account.managed(reader, reader.organization(organization).map_err(|error| error.if_missing(Error::NotManaged))?)
}

/// A user and the user's record in this account, or `NotFound`.
fn entry(reader: Reader<'_>, account: &Allowed<Organization>, user: &UserRef) -> Result<(AccountUser, User)> {
    let unknown = || Error::NotFound(Subject::AccountUser);
    let user = reader.user(user).map_err(|error| error.if_missing(unknown()))?.named_by(account);
    let record = reader.view.account_user(account.id, user.id)?.ok_or_else(unknown)?;
    Ok((record, user))
}

fn mark(record: &AccountUser) -> Mark {
    Mark { key: Key::Int(record.created.as_ms()), id: record.user.raw() }
}

/// Adds the users to records.
fn entries(
    reader: Reader<'_>,
    account: &Allowed<Organization>,
    records: Vec<AccountUser>,
) -> Result<Vec<AccountEntry>> {
    let ids: Vec<UserId> = records.iter().map(|record| record.user).collect();
    let mut users = reader.view.users_by_id(&ids)?;
    let with_user = |record: AccountUser| {
        let user = users.remove(&record.user)?;
        Some(AccountEntry { record, user, organization: Organization::clone(account) })
    };
    Ok(records.into_iter().filter_map(with_user).collect())
}

pub(crate) fn check(fields: &AccountUserFields) -> Result<()> {
    if let Some(external_id) = &fields.external_id {
        text::free(external_id, text::EXTERNAL_ID_MAX).of("externalId")?;
    }
    if let Some(schema) = &fields.user_schema {
        text::free(schema, SCHEMA_MAX).of("userSchema")?;
    }
    Ok(())
}

/// Removes the user's memberships in the account and in what it manages, and nowhere else. Organizations marked as deleted are included:
/// they may be restored, and the membership must not be restored with them.
fn end_memberships(tx: &mut Tx<'_, '_>, account: &Allowed<Organization>, user: UserId) -> Result<()> {
    for place in managed(tx.read(), account, false)? {
        if let Some(membership) = tx.read().view.membership(place.id, user)? {
            memberships::remove(tx, &place, &membership)?;
        }
    }
    Ok(())
}

fn provision(tx: &mut Tx<'_, '_>, account: &Allowed<Organization>, new: &NewAccountUser) -> Result<AccountEntry> {
    if account.depth != 1 {
        return Err(Error::NotAnAccount);
    }
    let email = users::given_email(&new.email).of("email")?;
    check(&new.fields)?;
    let user = match tx.read().user(&UserRef::Email(email.clone())) {
        Ok(found) => found.named_by(account),
        Err(Error::NotFound(_)) => {
            let realm = tx.read().realm()?.allow_everyone(tx.read())?.into_inner();
            let proof = account.creating(realm)?;
            users::create(tx, &proof, &NewUser { email: Some(email), ..NewUser::default() })?
        }
        Err(error) => return Err(error),
    };
    if tx.read().view.account_user(account.id, user.id)?.is_some() {
        let id = Some(user.id.raw());
        return Err(Error::AlreadyExists { subject: Subject::AccountUser, field: "email", id });
    }
    let fields = new.fields.clone();
    let record = AccountUser {
        organization: account.id,
        user: user.id,
        external_id: fields.external_id,
        user_schema: fields.user_schema,
        active: fields.active,
        created: tx.now(),
    };
    tx.change(account, &Change::AccountUserCreated { after: record.clone() })?;
    if !record.active {
        end_memberships(tx, account, user.id)?;
    }
    Ok(AccountEntry { record, user, organization: Organization::clone(account) })
}

/// Gives the role to an account user: adds the user as a member, or changes the membership. `leaving`: how many other members the operation
/// will remove.
fn grant<M: RoleMap>(
    tx: &mut Tx<'_, '_>,
    account: &Allowed<Organization>,
    place: &Allowed<Organization>,
    name: &str,
    shown: M::Shown,
    leaving: usize,
) -> Result<Result<(), ItemProblem>> {
    let item = || name.to_owned();
    let (record, user) = match entry(tx.read(), account, &UserRef::Text(item())) {
        Ok(found) => found,
        Err(Error::NotFound(_)) => return Ok(Err(ItemProblem::NoAccountUser(item()))),
        Err(error) => return Err(error),
    };
    if !record.active {
        return Ok(Err(ItemProblem::Inactive(item())));
    }
    let outcome = tx.attempt(|tx| {
        if let Some(before) = tx.read().view.membership(place.id, user.id)? {
            return memberships::set_shown::<M>(tx, place, &before, shown);
        }
        let roles = roster_model::RoleSet::of(M::role(shown));
        let new = NewMembership { roles, ..NewMembership::default() };
        memberships::add_replacing(tx, place, &user, &new, leaving)
    });
    match outcome {
        Ok(_) => Ok(Ok(())),
        Err(Error::OwnerProtected) => Ok(Err(ItemProblem::OwnerProtected(item()))),
        Err(error @ (Error::LimitReached { .. } | Error::DomainNotAllowed)) => {
            Ok(Err(ItemProblem::Refused(item(), error.to_string())))
        }
        Err(error) => Err(error),
    }
}

/// The members who are shown with this role and not in the list. Whoever is in it stays, even if they can't be given the role.
fn unlisted<M: RoleMap>(
    reader: Reader<'_>,
    place: &Allowed<Organization>,
    shown: M::Shown,
    list: &[String],
) -> Result<Vec<Membership>> {
    let mut listed = HashSet::new();
    for name in list {
        listed.extend(resolve_user(reader, name)?);
    }
    let filter = MemberFilter { organization: Some(place.id), ..MemberFilter::default() };
    let catalog = reader.roles()?;
    let mut members = reader.view.list_memberships(&filter, MemberSort::Created, &Slice::default())?;
    members.retain(|m| M::show(&catalog, m.roles) == shown && !listed.contains(&m.user));
    Ok(members)
}

/// The membership that is removed when a user is deleted from a role: one that is shown with it. `role`: `None` for whoever would be given the
/// role just before; they lose the membership whatever its role.
fn withdrawn<M: RoleMap>(
    reader: Reader<'_>,
    place: &Allowed<Organization>,
    name: &str,
    role: Option<M::Shown>,
) -> Result<Option<Membership>> {
    let Some(user) = resolve_user(reader, name)? else { return Ok(None) };
    let catalog = reader.roles()?;
    let membership = reader.view.membership(place.id, user)?;
    Ok(membership.filter(|m| role.is_none_or(|role| M::show(&catalog, m.roles) == role)))
}

/// How many members [`withdrawn`] finds; the owner, who can't be removed, isn't counted.
fn count_withdrawn<M: RoleMap>(
    reader: Reader<'_>,
    place: &Allowed<Organization>,
    delete: &[(String, Option<M::Shown>)],
) -> Result<usize> {
    // Nobody needs the number where there is no limit.
    if place.max_members == 0 {
        return Ok(0);
    }
    let mut leaving = HashSet::new();
    for (name, role) in delete {
        let found = withdrawn::<M>(reader, place, name, *role)?;
        leaving.extend(found.filter(|m| !m.roles.contains(RoleNumber::OWNER)).map(|m| m.user));
    }
    Ok(leaving.len())
}

/// Removes a membership, unless it is the owner's. `name`: the user's id for the problem.
fn end(
    tx: &mut Tx<'_, '_>,
    place: &Allowed<Organization>,
    membership: &Membership,
    name: impl FnOnce(Reader<'_>) -> Result<String>,
) -> Result<Result<(), ItemProblem>> {
    match memberships::remove(tx, place, membership) {
        Ok(()) => Ok(Ok(())),
        Err(Error::OwnerProtected) => Ok(Err(ItemProblem::OwnerProtected(name(tx.read())?))),
        Err(error) => Err(error),
    }
}

/// Refuses a list that is too long.
fn check_length(field: &'static str, list: &[String]) -> Result<()> {
    if list.len() > LISTED_MAX {
        return Err(Error::invalid(field, format!("has more than {LISTED_MAX} entries")));
    }
    Ok(())
}

/// Removes duplicates and keeps the order.
fn each_once(list: Vec<String>) -> impl Iterator<Item = String> {
    let mut met = HashSet::new();
    list.into_iter().filter(move |entry| met.insert(entry.clone()))
}

impl Caller {
    /// Creates the record, and the user if the realm has none with this address. Creates no membership.
    pub async fn create_account_user(
        &self,
        organization: impl Into<OrganizationRef>,
        new: NewAccountUser,
    ) -> Result<AccountEntry> {
        let organization = organization.into();
        self.write(move |tx| {
            let account = account(tx.read(), &organization)?;
            provision(tx, &account, &new)
        })
        .await
    }

    pub async fn account_user(
        &self,
        organization: impl Into<OrganizationRef>,
        user: impl Into<UserRef>,
    ) -> Result<AccountEntry> {
        let (organization, user) = (organization.into(), user.into());
        self.read(move |reader| {
            let account = account(reader, &organization)?;
            let (record, user) = entry(reader, &account, &user)?;
            Ok(AccountEntry { record, user, organization: account.into_inner() })
        })
        .await
    }

    /// Records by creation, inactive ones included.
    pub async fn list_account_users(
        &self,
        organization: impl Into<OrganizationRef>,
        page: Page,
    ) -> Result<Listed<AccountEntry>> {
        let organization = organization.into();
        self.read(move |reader| {
            let account = account(reader, &organization)?;
            let records = reader.view.list_account_users(account.id, &page.slice("account_users")?)?;
            let total = if page.total { Some(reader.view.count_account_users(account.id)?) } else { None };
            let entries = entries(reader, &account, records)?;
            Ok(page.close("account_users", entries, total, |entry| mark(&entry.record)))
        })
        .await
    }

    /// All records, by creation, inactive ones included.
    pub async fn stream_account_users(&self, organization: impl Into<OrganizationRef>) -> Result<Chunks<AccountEntry>> {
        const CHUNK_ROWS: u64 = 500;
        let organization = organization.into();
        self.stream(move |reader, sender| {
            let account = account(reader, &organization)?;
            let mut slice = Slice { limit: Some(CHUNK_ROWS), ..Slice::default() };
            loop {
                let records = reader.view.list_account_users(account.id, &slice)?;
                let full = records.len() as u64 == CHUNK_ROWS;
                slice.after = records.last().map(mark);
                sender.send(entries(reader, &account, records)?)?;
                if !full {
                    return Ok(());
                }
            }
        })
        .await
    }

    /// Replaces all fields. A user who becomes inactive loses all memberships in the account and what it manages.
    pub async fn update_account_user(
        &self,
        organization: impl Into<OrganizationRef>,
        user: impl Into<UserRef>,
        fields: AccountUserFields,
    ) -> Result<AccountEntry> {
        let (organization, user) = (organization.into(), user.into());
        self.write(move |tx| {
            let account = account(tx.read(), &organization)?;
            let (before, user) = entry(tx.read(), &account, &user)?;
            check(&fields)?;
            let AccountUserFields { external_id, user_schema, active } = fields;
            let after = AccountUser { external_id, user_schema, active, ..before.clone() };
            if after != before {
                tx.change(&account, &Change::AccountUserUpdated { before, after: after.clone() })?;
            }
            if !after.active {
                end_memberships(tx, &account, user.id)?;
            }
            Ok(AccountEntry { record: after, user, organization: account.into_inner() })
        })
        .await
    }

    /// Deletes the record, and the memberships in the account and what it manages. The user is kept, with all
    /// other memberships.
    pub async fn delete_account_user(
        &self,
        organization: impl Into<OrganizationRef>,
        user: impl Into<UserRef>,
    ) -> Result<()> {
        let (organization, user) = (organization.into(), user.into());
        self.write(move |tx| {
            let account = account(tx.read(), &organization)?;
            let (before, user) = entry(tx.read(), &account, &user)?;
            end_memberships(tx, &account, user.id)?;
            tx.change(&account, &Change::AccountUserDeleted { before })
        })
        .await
    }

    /// The organizations that an account manages: those right below it.
    pub async fn managed_organizations(&self, organization: impl Into<OrganizationRef>) -> Result<Vec<Organization>> {
        let organization = organization.into();
        self.read(move |reader| {
            let account = account(reader, &organization)?;
            Ok(managed_here(reader, &account)?.into_iter().skip(1).map(Allowed::into_inner).collect())
        })
        .await
    }

    /// The members of the account and of what it manages, by organization, then by e-mail address. Optionally limited to one user or one
    /// organization; the list is empty if that doesn't exist or isn't managed.
    pub async fn stream_account_members(
        &self,
        organization: impl Into<OrganizationRef>,
        of: Option<OrganizationRef>,
        user: Option<UserRef>,
    ) -> Result<Chunks<Member>> {
        let organization = organization.into();
        self.stream(move |reader, sender| {
            let account = account(reader, &organization)?;
            let places = match of {
                Some(of) => match manages(reader, &account, &of) {
                    Ok(place) => vec![place],
                    Err(Error::NotManaged) => Vec::new(),
                    Err(error) => return Err(error),
                },
                None => managed_here(reader, &account)?,
            };
            let user = match user {
                None => None,
                Some(user) => match reader.user(&user) {
                    Ok(found) => Some(found.named_by(&account)),
                    Err(Error::NotFound(_)) => return sender.send(Vec::new()),
                    Err(error) => return Err(error),
                },
            };
            sender.send(Vec::new())?;
            for place in places {
                match &user {
                    None => send_members(reader, sender, place.id, MemberSort::Email)?,
                    Some(user) => {
                        let membership = reader.view.membership(place.id, user.id)?;
                        sender.send(memberships::with_user_and_organization(
                            reader,
                            membership.into_iter().map(Into::into).collect(),
                        )?)?;
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// Makes exactly these account users the members with this role in the account or in an organization that it manages. Members with other
    /// roles who aren't in the list are unchanged. Items that can't be processed are returned, and their users keep what they have; the
    /// others are processed.
    pub async fn replace_shown_role<M: RoleMap>(
        &self,
        organization: impl Into<OrganizationRef>,
        of: impl Into<OrganizationRef>,
        shown: M::Shown,
        users: Vec<String>,
    ) -> Result<Vec<ItemProblem>> {
        let (organization, of) = (organization.into(), of.into());
        self.write(move |tx| {
            let account = account(tx.read(), &organization)?;
            let place = manages(tx.read(), &account, &of)?;
            check_length("user_ids", &users)?;
            let users: Vec<String> = each_once(users).collect();
            let unlisted = unlisted::<M>(tx.read(), &place, shown, &users)?;
            // The owner can't be removed.
            let leaving = unlisted.iter().filter(|m| !m.roles.contains(RoleNumber::OWNER)).count();
            let mut problems = Vec::new();
            for name in users {
                if let Err(problem) = grant::<M>(tx, &account, &place, &name, shown, leaving)? {
                    problems.push(problem);
                }
            }
            for membership in unlisted {
                if let Err(problem) = end(tx, &place, &membership, |reader| shown_id(reader, membership.user))? {
                    problems.push(problem);
                }
            }
            Ok(problems)
        })
        .await
    }

    /// First adds, then deletes. Only members who are shown with this role are deleted. An id in both lists is only deleted, and it is no
    /// problem if there is nothing to delete. Items that can't be processed are returned; the others are processed.
    pub async fn patch_shown_role<M: RoleMap>(
        &self,
        organization: impl Into<OrganizationRef>,
        of: impl Into<OrganizationRef>,
        shown: M::Shown,
        add: Vec<String>,
        delete: Vec<String>,
    ) -> Result<Vec<ItemProblem>> {
        let (organization, of) = (organization.into(), of.into());
        self.write(move |tx| {
            let account = account(tx.read(), &organization)?;
            let place = manages(tx.read(), &account, &of)?;
            check_length("user_ids_to_add", &add)?;
            check_length("user_ids_to_delete", &delete)?;
            let added: HashSet<&String> = add.iter().collect();
            let with_role = |name: String| if added.contains(&name) { (name, None) } else { (name, Some(shown)) };
            let delete: Vec<(String, Option<M::Shown>)> = each_once(delete).map(with_role).collect();
            let leaving = count_withdrawn::<M>(tx.read(), &place, &delete)?;
            let deleted: HashSet<&str> = delete.iter().map(|(name, _)| name.as_str()).collect();
            let mut problems = Vec::new();
            for name in each_once(add).filter(|name| !deleted.contains(name.as_str())) {
                if let Err(problem) = grant::<M>(tx, &account, &place, &name, shown, leaving)? {
                    problems.push(problem);
                }
            }
            for (name, role) in delete {
                match withdrawn::<M>(tx.read(), &place, &name, role)? {
                    Some(membership) => problems.extend(end(tx, &place, &membership, |_| Ok(name))?.err()),
                    None if role.is_some() => problems.push(ItemProblem::NoMember(name)),
                    None => {}
                }
            }
            Ok(problems)
        })
        .await
    }
}
