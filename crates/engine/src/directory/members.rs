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
    const fn role(self) -> RoleNumber {
        let (Self::Members { role } | Self::Holders { role }) = self;
        role
    }

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

/// One group's set while a request is worked out. Nothing is written before all of its steps are known: who goes and comes
/// back keeps what he had, and only who is on the other side in the end counts.
struct Work<'w, 'a, 't> {
    tx: &'w mut Tx<'a, 't>,
    domain: &'w Allowed<Domain>,
    place: &'w Allowed<Organization>,
    among: Among,
    /// What those who were asked for had before the first step; `None` for who was no member.
    before: BTreeMap<UserId, Option<Membership>>,
    /// Whether everybody was asked for.
    is_whole: bool,
    /// Who is to be on the other side, and in which turn he went there: what is written keeps to that order.
    moved: BTreeMap<UserId, usize>,
    moves: usize,
    /// Those who were to come.
    coming: BTreeMap<UserId, User>,
}

impl Work<'_, '_, '_> {
    fn look_up(&mut self, users: &[UserId]) -> Result<()> {
        let new: Vec<UserId> = users.iter().copied().filter(|user| !self.before.contains_key(user)).collect();
        let found = if self.is_whole || new.is_empty() {
            Vec::new()
        } else {
            self.tx.read().view.memberships_in(self.place.id, Some(&new))?
        };
        self.before.extend(new.into_iter().map(|user| (user, None)));
        self.before.extend(found.into_iter().map(|membership| (membership.user, Some(membership))));
        Ok(())
    }

    fn look_up_all(&mut self) -> Result<()> {
        if !self.is_whole {
            let all = self.tx.read().view.memberships_in(self.place.id, None)?;
            self.before.extend(all.into_iter().map(|membership| (membership.user, Some(membership))));
            self.is_whole = true;
        }
        Ok(())
    }

    fn membership(&self, user: UserId) -> Option<&Membership> {
        self.before.get(&user)?.as_ref()
    }

    fn was_in(&self, user: UserId) -> bool {
        self.membership(user).is_some_and(|membership| self.among.has(membership.roles))
    }

    fn is_in(&self, user: UserId) -> bool {
        self.was_in(user) != self.moved.contains_key(&user)
    }

    fn stays(&self, user: UserId) -> bool {
        self.membership(user).is_some_and(|membership| self.among.keeps(membership.roles))
    }

    /// The roles of somebody who is in.
    fn roles(&self, user: UserId) -> RoleSet {
        match self.membership(user) {
            Some(membership) if self.among.has(membership.roles) => membership.roles,
            Some(membership) => membership.roles.with(self.among.role()),
            None => RoleSet::of(self.among.role()),
        }
    }

    /// To the other side.
    fn turn(&mut self, user: UserId) {
        if self.moved.remove(&user).is_none() {
            self.moves += 1;
            self.moved.insert(user, self.moves);
        }
    }

    fn add(&mut self, users: Vec<User>) {
        for user in users {
            if !self.is_in(user.id) {
                self.turn(user.id);
                self.coming.insert(user.id, user);
            }
        }
    }

    fn everyone(&mut self) -> Result<Vec<UserId>> {
        self.look_up_all()?;
        Ok(self.before.keys().copied().filter(|user| self.is_in(*user)).collect())
    }

    /// Takes out who isn't wanted, but for who stays whatever a set says.
    fn keep(&mut self, wanted: impl Fn(UserId) -> bool) -> Result<()> {
        for user in self.everyone()? {
            if !wanted(user) && !self.stays(user) {
                self.turn(user);
            }
        }
        Ok(())
    }

    /// Those in the set whom these names mean.
    fn named(&mut self, names: &[String]) -> Result<Vec<UserId>> {
        let (users, _) = resolve(self.tx.read(), names)?;
        let users: Vec<UserId> = users.into_iter().map(|user| user.id).collect();
        self.look_up(&users)?;
        Ok(users.into_iter().filter(|user| self.is_in(*user)).collect())
    }

    /// Those of them who are like this, as the domain shows them.
    fn alike(&self, mut all: Vec<UserId>, like: &Like) -> Result<Vec<UserId>> {
        let known = self.tx.read().view.users_by_id(&all)?.into_values().collect();
        let shown = users::load(self.tx.read(), self.domain, known, false)?;
        let mut shown: BTreeMap<UserId, _> = shown.into_iter().map(|user| (user.user.id, user)).collect();
        all.retain(|user| like(&GroupMember { user: *user, roles: self.roles(*user), shown: shown.remove(user) }));
        Ok(all)
    }

    /// Takes out who was named, unless he can't be.
    fn remove_named(&mut self, named: &[UserId]) -> Result<()> {
        if named.iter().any(|user| self.stays(*user)) {
            return Err(Error::OwnerProtected);
        }
        for user in named {
            self.turn(*user);
        }
        Ok(())
    }

    /// Whom these names mean, all of whom are to be in.
    fn wanted(&mut self, names: &[String]) -> Result<Vec<User>> {
        let users = all_of(self.tx.read(), self.domain, names)?;
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        self.look_up(&ids)?;
        Ok(users)
    }

    fn step(&mut self, change: MemberChange) -> Result<()> {
        match change {
            MemberChange::Add(names) => {
                let users = self.wanted(&names)?;
                self.add(users);
            }
            MemberChange::Remove(names) => {
                let named = self.named(&names)?;
                self.remove_named(&named)?;
            }
            MemberChange::RemoveAmong(names, like) => {
                let named = self.named(&names)?;
                let named = self.alike(named, &like)?;
                self.remove_named(&named)?;
            }
            MemberChange::RemoveWhere(like) => {
                let everyone = self.everyone()?;
                let gone: BTreeSet<UserId> = self.alike(everyone, &like)?.into_iter().collect();
                self.keep(|user| !gone.contains(&user))?;
            }
            MemberChange::Replace(names) => {
                let users = self.wanted(&names)?;
                let wanted: BTreeSet<UserId> = users.iter().map(|user| user.id).collect();
                self.keep(|user| wanted.contains(&user))?;
                self.add(users);
            }
            MemberChange::Clear => self.keep(|_| false)?,
        }
        Ok(())
    }

    /// Whether all steps together remove more than the guard lets through.
    fn ask(&mut self, guard: DirectoryOptions) -> Result<()> {
        let removing = self.moved.keys().filter(|user| self.was_in(**user)).count() as u64;
        // Without a look at all of a large group, where it is but for a few of them.
        if guard.max_removal_percent >= 100 || removing <= guard.max_removal_floor {
            return Ok(());
        }
        self.look_up_all()?;
        let members = self.before.keys().filter(|user| self.was_in(**user)).count() as u64;
        if guard.holds(removing, members) { Err(Error::RemovalHeld { removing, members }) } else { Ok(()) }
    }

    /// Writes that somebody is on the other side.
    fn write(&mut self, user: UserId) -> Result<()> {
        let role = self.among.role();
        let Some(now) = self.before.remove(&user).flatten() else {
            let Some(user) = self.coming.remove(&user) else { return Ok(()) };
            let new = NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
            return memberships::add(self.tx, self.place, &user, &new).map(drop);
        };
        let roles = match self.among {
            Among::Members { .. } => RoleSet::EMPTY,
            Among::Holders { role } if now.roles.contains(role) => now.roles.without(role),
            Among::Holders { role } => now.roles.with(role),
        };
        if roles == RoleSet::EMPTY {
            return memberships::remove(self.tx, self.place, &now);
        }
        let patch = MembershipPatch { roles: Some(roles), ..MembershipPatch::default() };
        memberships::update(self.tx, self.place, &now, &patch).map(drop)
    }
}

/// Works out what these changes, one after the other, make of the set, and writes what is different then, unless the guard, if
/// there is one, has it that this removes too many.
pub(super) fn apply(
    tx: &mut Tx<'_, '_>,
    domain: &Allowed<Domain>,
    place: &Allowed<Organization>,
    among: Among,
    changes: Vec<MemberChange>,
    guard: Option<DirectoryOptions>,
) -> Result<()> {
    let (before, moved, coming) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut work = Work { tx, domain, place, among, before, is_whole: false, moved, moves: 0, coming };
    changes.into_iter().try_for_each(|change| work.step(change))?;
    if let Some(guard) = guard {
        work.ask(guard)?;
    }
    let mut moved: Vec<(usize, UserId)> = work.moved.iter().map(|(user, at)| (*at, *user)).collect();
    moved.sort_unstable();
    moved.into_iter().try_for_each(|(_, user)| work.write(user))
}
