//! Changes of a group's members as a set.

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

/// Maximum number of unknown users that an error lists.
const UNKNOWN_NAMED_MAX: usize = 10;

type MemberPredicate = Box<dyn Fn(&GroupMember) -> bool + Send>;

/// One step of a change of members. Users are given by ids in any form.
pub enum MemberChange {
    /// Adds those who aren't in the set; the others are unchanged. Refused if any is unknown.
    Add(Vec<String>),
    /// Removes those who are in the set; others are ignored. Refused if one of them is the owner.
    Remove(Vec<String>),
    /// Removes those of these who match the predicate. Refused if one of them is the owner.
    RemoveAmong(Vec<String>, MemberPredicate),
    /// Removes everyone who matches the predicate, except the owner.
    RemoveWhere(MemberPredicate),
    /// Makes the set exactly these users and the owner.
    Replace(Vec<String>),
    /// Removes everyone except the owner.
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

/// The set that is changed.
#[derive(Clone, Copy, Debug)]
pub(super) enum MemberSet {
    /// All members; new ones are given this role.
    Members { role: RoleNumber },
    /// The holders of this role.
    Holders { role: RoleNumber },
}

impl MemberSet {
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

    /// The owner always stays a member, but the owner's other roles can be removed.
    const fn keeps(self, roles: RoleSet) -> bool {
        matches!(self, Self::Members { .. }) && is_owner(roles)
    }
}

/// The users with these names, in their order and without duplicates; and the unknown names.
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
            // An alias from a vendor.
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

/// The same for users who are to be in the set: all must be visible to the domain.
fn all_of(reader: Reader<'_>, domain: &Allowed<Domain>, names: &[String]) -> Result<Vec<User>> {
    let (users, mut unknown) = resolve(reader, names)?;
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let users = users::visible_to_domain(reader, domain, users)?;
    if users.len() < ids.len() {
        let seen: BTreeSet<UserId> = users.iter().map(|user| user.id).collect();
        unknown.extend(ids.iter().filter(|id| !seen.contains(id)).map(|id| id.native()));
    }
    if unknown.is_empty() {
        return Ok(users);
    }
    let more = unknown.len().saturating_sub(UNKNOWN_NAMED_MAX);
    unknown.truncate(UNKNOWN_NAMED_MAX);
    let named: Vec<String> = unknown.iter().map(|name| name.chars().take(64).collect()).collect();
    let named = named.join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::invalid("members", format!("names no user: {named}{more}")))
}

/// The set of one group while a request is evaluated. Nothing is written before all steps are applied: a user who is removed and added
/// again keeps the membership as it was, and only the net difference counts.
struct MemberSetEdit<'w, 'a, 't> {
    tx: &'w mut Tx<'a, 't>,
    domain: &'w Allowed<Domain>,
    place: &'w Allowed<Organization>,
    among: MemberSet,
    /// The memberships of users looked up so far, as before the first step; `None` for users who weren't members.
    before: BTreeMap<UserId, Option<Membership>>,
    /// Whether all members have been looked up.
    is_whole: bool,
    /// Users whose presence in the set has changed, with a sequence number, in the order of which the changes are written.
    moved: BTreeMap<UserId, usize>,
    moves: usize,
    /// Users who were added.
    coming: BTreeMap<UserId, User>,
}

impl MemberSetEdit<'_, '_, '_> {
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

    /// The roles of a user who is in the set.
    fn roles(&self, user: UserId) -> RoleSet {
        match self.membership(user) {
            Some(membership) if self.among.has(membership.roles) => membership.roles,
            Some(membership) => membership.roles.with(self.among.role()),
            None => RoleSet::of(self.among.role()),
        }
    }

    /// Moves a user into the set or out of it.
    fn toggle(&mut self, user: UserId) {
        if self.moved.remove(&user).is_none() {
            self.moves += 1;
            self.moved.insert(user, self.moves);
        }
    }

    fn add(&mut self, users: Vec<User>) {
        for user in users {
            if !self.is_in(user.id) {
                self.toggle(user.id);
                self.coming.insert(user.id, user);
            }
        }
    }

    fn everyone(&mut self) -> Result<Vec<UserId>> {
        self.look_up_all()?;
        Ok(self.before.keys().copied().filter(|user| self.is_in(*user)).collect())
    }

    /// Removes everyone who isn't wanted, except those who always stay.
    fn keep(&mut self, wanted: impl Fn(UserId) -> bool) -> Result<()> {
        for user in self.everyone()? {
            if !wanted(user) && !self.stays(user) {
                self.toggle(user);
            }
        }
        Ok(())
    }

    /// The users with these names who are in the set.
    fn named(&mut self, names: &[String]) -> Result<Vec<UserId>> {
        let (users, _) = resolve(self.tx.read(), names)?;
        let users: Vec<UserId> = users.into_iter().map(|user| user.id).collect();
        self.look_up(&users)?;
        Ok(users.into_iter().filter(|user| self.is_in(*user)).collect())
    }

    /// Those of them who match the predicate, as the domain sees them.
    fn matching(&self, mut all: Vec<UserId>, like: &MemberPredicate) -> Result<Vec<UserId>> {
        let known = self.tx.read().view.users_by_id(&all)?.into_values().collect();
        let shown = users::load(self.tx.read(), self.domain, known, false)?;
        let mut shown: BTreeMap<UserId, _> = shown.into_iter().map(|user| (user.user.id, user)).collect();
        all.retain(|user| like(&GroupMember { user: *user, roles: self.roles(*user), shown: shown.remove(user) }));
        Ok(all)
    }

    /// Removes these users. Refused if one of them can't be removed.
    fn remove_named(&mut self, named: &[UserId]) -> Result<()> {
        if named.iter().any(|user| self.stays(*user)) {
            return Err(Error::OwnerProtected);
        }
        for user in named {
            self.toggle(*user);
        }
        Ok(())
    }

    /// The users with these names, who are to be in the set.
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
                let named = self.matching(named, &like)?;
                self.remove_named(&named)?;
            }
            MemberChange::RemoveWhere(like) => {
                let everyone = self.everyone()?;
                let gone: BTreeSet<UserId> = self.matching(everyone, &like)?.into_iter().collect();
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

    /// Checks that all steps together don't remove more than the guard allows.
    fn check_guard(&mut self, guard: DirectoryOptions) -> Result<()> {
        let removing = self.moved.keys().filter(|user| self.was_in(**user)).count() as u64;
        // Avoids reading all of a large group if only a few are removed.
        if guard.max_removal_percent >= 100 || removing <= guard.max_removal_floor {
            return Ok(());
        }
        self.look_up_all()?;
        let members = self.before.keys().filter(|user| self.was_in(**user)).count() as u64;
        if guard.exceeds_removal_limit(removing, members) {
            Err(Error::RemovalHeld { removing, members })
        } else {
            Ok(())
        }
    }

    /// Writes the change of one user.
    fn write(&mut self, user: UserId) -> Result<()> {
        let role = self.among.role();
        let Some(now) = self.before.remove(&user).flatten() else {
            let Some(user) = self.coming.remove(&user) else { return Ok(()) };
            let new = NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
            return memberships::add(self.tx, self.place, &user, &new).map(drop);
        };
        let roles = match self.among {
            MemberSet::Members { .. } => RoleSet::EMPTY,
            MemberSet::Holders { role } if now.roles.contains(role) => now.roles.without(role),
            MemberSet::Holders { role } => now.roles.with(role),
        };
        if roles == RoleSet::EMPTY {
            return memberships::remove(self.tx, self.place, &now);
        }
        let patch = MembershipPatch { roles: Some(roles), ..MembershipPatch::default() };
        memberships::update(self.tx, self.place, &now, &patch).map(drop)
    }
}

/// Applies these changes to the set in order, and writes the net difference, unless it removes more than the guard, if any, allows.
pub(super) fn apply(
    tx: &mut Tx<'_, '_>,
    domain: &Allowed<Domain>,
    place: &Allowed<Organization>,
    among: MemberSet,
    changes: Vec<MemberChange>,
    guard: Option<DirectoryOptions>,
) -> Result<()> {
    let (before, moved, coming) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut work = MemberSetEdit { tx, domain, place, among, before, is_whole: false, moved, moves: 0, coming };
    changes.into_iter().try_for_each(|change| work.step(change))?;
    if let Some(guard) = guard {
        work.check_guard(guard)?;
    }
    let mut moved: Vec<(usize, UserId)> = work.moved.iter().map(|(user, at)| (*at, *user)).collect();
    moved.sort_unstable();
    moved.into_iter().try_for_each(|(_, user)| work.write(user))
}
