//! Members of a group, changed as sets.

use std::collections::{BTreeMap, BTreeSet};

use roster_model::{EntityId as _, Form, Membership, Organization, RoleNumber, RoleSet, User, UserId};

use super::DirectoryOptions;
use super::groups::GroupMember;
use super::users::{self, is_owner};
use crate::access::{Allowed, Domain};
use crate::error::{Error, Result};
use crate::memberships::{self, MembershipPatch, NewMembership};
use crate::reference::UserRef;
use crate::transaction::{Reader, Tx};

/// How many of those who are unknown are named.
const NAMED: usize = 10;

type Like = Box<dyn Fn(&GroupMember) -> bool + Send>;

/// One step of a change. Users go by the names that their directory has for them: ids in any form.
pub enum MemberChange {
    /// Who isn't there is added; who is stays as he is. Refused if any is unknown.
    Add(Vec<String>),
    /// Who is there goes; others are nobody's concern. Refused if one of them is the owner.
    Remove(Vec<String>),
    /// Who of these is like this goes. Refused if one of them is the owner.
    RemoveAmong(Vec<String>, Like),
    /// Who is like this goes, but for the owner.
    RemoveWhere(Like),
    /// Exactly these, and the owner.
    Replace(Vec<String>),
    /// Nobody but the owner.
    Clear,
}

impl std::fmt::Debug for MemberChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Add(users) => f.debug_tuple("Add").field(users).finish(),
            Self::Remove(users) => f.debug_tuple("Remove").field(users).finish(),
            Self::RemoveAmong(users, _) => f.debug_tuple("RemoveAmong").field(users).finish_non_exhaustive(),
            Self::RemoveWhere(_) => f.write_str("RemoveWhere(…)"),
            Self::Replace(users) => f.debug_tuple("Replace").field(users).finish(),
            Self::Clear => f.write_str("Clear"),
        }
    }
}

/// What being in the set means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Among {
    /// Being a member; who comes is given this role.
    Members { role: RoleNumber },
    /// Holding this role.
    Holders { role: RoleNumber },
}

impl Among {
    const fn has(self, roles: RoleSet) -> bool {
        match self {
            Self::Members { .. } => true,
            Self::Holders { role } => roles.contains(role),
        }
    }

    /// The owner stays a member whatever a set says; of his other roles he can be relieved.
    const fn keeps(self, roles: RoleSet) -> bool {
        matches!(self, Self::Members { .. }) && is_owner(roles)
    }
}

/// Whom these names mean, in their order, each once; and those that mean nobody.
fn resolve(reader: Reader<'_>, names: &[String]) -> Result<(Vec<User>, Vec<String>)> {
    let read: Vec<Option<UserId>> = names.iter().map(|name| Form::read_any::<UserId>(name)).collect();
    let ids: Vec<UserId> = read.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let mut known = reader.view.users_by_id(&ids)?;
    let (mut users, mut unknown, mut met) = (Vec::with_capacity(names.len()), Vec::new(), BTreeSet::new());
    for (name, id) in names.iter().zip(read) {
        if id.is_some_and(|id| met.contains(&id)) {
            continue;
        }
        let user = match id.and_then(|id| known.remove(&id)) {
            Some(user) => Some(user),
            // An id that was brought along from a vendor.
            None => UserRef::from(name.as_str()).find(reader.view, reader.acting.surface, None)?,
        };
        match user {
            Some(user) if met.insert(user.id) => users.push(user),
            Some(_) => {}
            None => unknown.push(name.clone()),
        }
    }
    Ok((users, unknown))
}

/// The same, for who is to be in: all must be users of the domain.
fn all_of(reader: Reader<'_>, domain: &Allowed<Domain>, names: &[String]) -> Result<Vec<User>> {
    let (users, mut unknown) = resolve(reader, names)?;
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let users = users::seen(reader, domain, users)?;
    if users.len() < ids.len() {
        let seen: BTreeSet<UserId> = users.iter().map(|user| user.id).collect();
        unknown.extend(ids.iter().filter(|id| !seen.contains(id)).map(|id| id.native()));
    }
    if unknown.is_empty() {
        return Ok(users);
    }
    let more = unknown.len().saturating_sub(NAMED);
    unknown.truncate(NAMED);
    let named: Vec<String> = unknown.iter().map(|name| name.chars().take(64).collect()).collect();
    let named = named.join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::invalid("members", format!("names no user: {named}{more}")))
}

/// One group's set while it is changed.
struct Work<'w, 'a, 't> {
    tx: &'w mut Tx<'a, 't>,
    domain: &'w Allowed<Domain>,
    place: &'w Allowed<Organization>,
    among: Among,
    removed: BTreeSet<UserId>,
}

impl Work<'_, '_, '_> {
    fn of(&self, users: &[User]) -> Result<BTreeMap<UserId, Membership>> {
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let memberships = self.tx.read().view.memberships_in(self.place.id, Some(&ids))?;
        Ok(memberships.into_iter().map(|membership| (membership.user, membership)).collect())
    }

    fn everyone(&self) -> Result<Vec<Membership>> {
        let mut all = self.tx.read().view.memberships_in(self.place.id, None)?;
        all.retain(|membership| self.among.has(membership.roles));
        Ok(all)
    }

    fn add(&mut self, user: &User, now: Option<&Membership>) -> Result<()> {
        self.removed.remove(&user.id);
        let (Among::Members { role } | Among::Holders { role }) = self.among;
        match now {
            Some(now) if self.among.has(now.roles) => Ok(()),
            Some(now) => {
                let patch = MembershipPatch { roles: Some(now.roles.with(role)), ..MembershipPatch::default() };
                memberships::update(self.tx, self.place, now, &patch).map(drop)
            }
            None => {
                let new = NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
                memberships::add(self.tx, self.place, user, &new).map(drop)
            }
        }
    }

    fn remove(&mut self, now: &Membership) -> Result<()> {
        self.removed.insert(now.user);
        match self.among {
            Among::Holders { role } if now.roles.without(role) != RoleSet::EMPTY => {
                let patch = MembershipPatch { roles: Some(now.roles.without(role)), ..MembershipPatch::default() };
                memberships::update(self.tx, self.place, now, &patch).map(drop)
            }
            Among::Holders { .. } | Among::Members { .. } => memberships::remove(self.tx, self.place, now),
        }
    }

    fn remove_all(&mut self, gone: impl Fn(&Membership) -> bool) -> Result<()> {
        for membership in self.everyone()? {
            if gone(&membership) && !self.among.keeps(membership.roles) {
                self.remove(&membership)?;
            }
        }
        Ok(())
    }

    /// Those in the set whom these names mean.
    fn named(&self, names: &[String]) -> Result<Vec<Membership>> {
        let (users, _) = resolve(self.tx.read(), names)?;
        Ok(self.of(&users)?.into_values().filter(|membership| self.among.has(membership.roles)).collect())
    }

    /// Those of them who are like this, as the domain shows them.
    fn alike(&self, mut all: Vec<Membership>, like: &Like) -> Result<Vec<Membership>> {
        let ids: Vec<UserId> = all.iter().map(|membership| membership.user).collect();
        let known = self.tx.read().view.users_by_id(&ids)?.into_values().collect();
        let shown = users::load(self.tx.read(), self.domain, known, false)?;
        let mut shown: BTreeMap<UserId, _> = shown.into_iter().map(|user| (user.user.id, user)).collect();
        all.retain(|membership| {
            let shown = shown.remove(&membership.user);
            like(&GroupMember { user: membership.user, roles: membership.roles, shown })
        });
        Ok(all)
    }

    /// Takes out who was named, unless he can't be.
    fn remove_named(&mut self, named: &[Membership]) -> Result<()> {
        if named.iter().any(|membership| self.among.keeps(membership.roles)) {
            return Err(Error::OwnerProtected);
        }
        named.iter().try_for_each(|membership| self.remove(membership))
    }

    fn step(&mut self, change: MemberChange) -> Result<()> {
        match change {
            MemberChange::Add(names) => {
                let users = all_of(self.tx.read(), self.domain, &names)?;
                let now = self.of(&users)?;
                users.iter().try_for_each(|user| self.add(user, now.get(&user.id)))
            }
            MemberChange::Remove(names) => {
                let named = self.named(&names)?;
                self.remove_named(&named)
            }
            MemberChange::RemoveAmong(names, like) => {
                let named = self.alike(self.named(&names)?, &like)?;
                self.remove_named(&named)
            }
            MemberChange::RemoveWhere(like) => {
                let mut gone = self.alike(self.everyone()?, &like)?;
                gone.retain(|membership| !self.among.keeps(membership.roles));
                gone.iter().try_for_each(|membership| self.remove(membership))
            }
            MemberChange::Replace(names) => {
                let users = all_of(self.tx.read(), self.domain, &names)?;
                let wanted: BTreeSet<UserId> = users.iter().map(|user| user.id).collect();
                let now = self.of(&users)?;
                self.remove_all(|membership| !wanted.contains(&membership.user))?;
                users.iter().try_for_each(|user| self.add(user, now.get(&user.id)))
            }
            MemberChange::Clear => self.remove_all(|_| true),
        }
    }
}

/// Makes these changes, one after the other, and asks the guard, if there is one, whether all of them together remove too many.
pub(super) fn apply(
    tx: &mut Tx<'_, '_>,
    domain: &Allowed<Domain>,
    place: &Allowed<Organization>,
    among: Among,
    changes: Vec<MemberChange>,
    guard: Option<DirectoryOptions>,
) -> Result<()> {
    let guard = guard.filter(|guard| guard.max_removal_percent < 100);
    let mut work = Work { tx, domain, place, among, removed: BTreeSet::new() };
    let before = if guard.is_some() { work.everyone()?.len() as u64 } else { 0 };
    changes.into_iter().try_for_each(|change| work.step(change))?;
    let removing = work.removed.len() as u64;
    if guard.is_some_and(|guard| guard.holds(removing, before)) {
        return Err(Error::RemovalHeld { removing, members: before });
    }
    Ok(())
}
