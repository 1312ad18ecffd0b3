//! May this user do that there? Asked by applications, answered by the memberships as they are.
//!
//! A membership counts at its organization with all its roles and below it with those that reach down; of a user who isn't active
//! nothing counts. The rights of who asks never add to that. They say only what he may ask about:
//!
//! | who asks | about |
//! | --- | --- |
//! | a realm key | everything |
//! | an organization token | its organization and what is below |
//! | a user | himself, and everyone where he holds `memberships:read` |
//!
//! What lies outside is answered as if it weren't there.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};
use roster_model::permission::BuiltIn as P;
use roster_model::{
    AddressKind, EntityId, Form, InvitationStatus, MembershipId, OrganizationId, RoleCatalog, RoleSet, TokenKind,
    UserId,
};
use roster_store::{Counting, Held, Named};

use crate::actor::{Actor, Caller};
use crate::error::{Error, Result};
use crate::reference::{OrganizationRef, Otherwise, UserRef, is_shown};
use crate::transaction::Reader;

/// Most questions in one call.
pub const CHECKS_MAX: usize = 1000;
/// Users who are looked at in one statement.
const USERS_AT_ONCE: usize = 64;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<S = String> {
    /// By key: some role held grants it.
    Permission(S),
    /// By key: exactly this role is held.
    Role(S),
    /// Any role at all.
    Anything,
}

impl<S: AsRef<str>> Ask<S> {
    /// The roles that are an answer. `None`: nothing by that name is known.
    pub(crate) fn mask(&self, catalog: &RoleCatalog) -> Option<RoleSet> {
        match self {
            Self::Permission(key) => Some(catalog.granting(key.as_ref())).filter(|granting| !granting.is_empty()),
            Self::Role(key) => catalog.by_key(key.as_ref()).map(|role| RoleSet::of(role.number)),
            Self::Anything => Some(RoleSet::from_bits(i64::MAX)),
        }
    }

    /// The same, by where a role is held.
    pub(crate) fn counting(&self, catalog: &RoleCatalog) -> Option<Counting> {
        self.mask(catalog).map(|here| Counting { here, below: here.and(catalog.reaching()) })
    }
}

/// A question.
#[derive(Clone, Debug)]
pub struct Check {
    pub user: UserRef,
    pub organization: OrganizationRef,
    pub ask: Ask,
    /// Whether the reason of a no is wanted in full: it can cost a look at invitations.
    pub explain: bool,
}

/// One that is to be answered on the spot or not at all. Only ids of Roster's own are names here; a no is explained.
#[derive(Clone, Copy, Debug)]
pub struct Brief<'q> {
    pub user: &'q str,
    pub organization: &'q str,
    pub ask: Ask<&'q str>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    pub reason: Reason,
    /// The nearest membership that grants it.
    pub via: Option<Via>,
}

/// Why. The first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    Granted,
    UnknownSubject,
    SubjectInactive,
    UnknownResource,
    UnknownAction,
    /// Invited, and nothing else.
    MembershipPending,
    NoMembership,
    /// Has roles here, and none of them grants it.
    NoGrant,
}

impl Reason {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::UnknownSubject => "unknown_subject",
            Self::SubjectInactive => "subject_inactive",
            Self::UnknownResource => "unknown_resource",
            Self::UnknownAction => "unknown_action",
            Self::MembershipPending => "membership_pending",
            Self::NoMembership => "no_membership",
            Self::NoGrant => "no_grant",
        }
    }
}

/// How a role comes to count here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    pub membership: MembershipId,
    /// Where the membership is.
    pub organization: OrganizationId,
    /// The strongest that grants it, by key.
    pub role: String,
    /// Levels of the tree between; 0 is here.
    pub distance: usize,
}

/// A membership that counts here, with the roles that do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    pub membership: MembershipId,
    pub organization: OrganizationId,
    pub roles: RoleSet,
    /// Levels of the tree between; 0 is here.
    pub distance: usize,
}

/// What counts for one user along a line, nearest first.
pub(crate) fn ways<'h>(
    line: &[OrganizationId],
    reaching: RoleSet,
    held: impl Fn(OrganizationId) -> Option<&'h Held>,
) -> Vec<Way> {
    let counted = |(distance, organization): (usize, &OrganizationId)| {
        let held = held(*organization)?;
        let roles = if distance == 0 { held.roles } else { held.roles.and(reaching) };
        (!roles.is_empty()).then_some(Way { membership: held.membership, organization: *organization, roles, distance })
    };
    line.iter().enumerate().filter_map(counted).collect()
}

/// Whether a membership counts in what this caller asks: of his own, if he is limited to one, only that.
pub(crate) fn counts_for(reader: Reader<'_>, held: &Held) -> bool {
    reader.acting.only_of(held.user).is_none_or(|only| only.membership == held.membership)
}

/// What these users hold at these places, as far as it counts for this caller.
pub(crate) fn held_at(reader: Reader<'_>, users: &[UserId], places: &[OrganizationId]) -> Result<Vec<Held>> {
    let mut held = reader.view.held_at(users, places)?;
    held.retain(|held| counts_for(reader, held));
    Ok(held)
}

pub(crate) fn roles_of(ways: &[Way]) -> RoleSet {
    ways.iter().fold(RoleSet::EMPTY, |all, way| all.union(way.roles))
}

/// Whom a caller may ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    Everything,
    AndBelow(OrganizationId),
    User(UserId),
}

impl Asker {
    /// Refused only if scopes leave such questions out.
    pub(crate) fn of(reader: Reader<'_>) -> Result<Self> {
        let key = P::MembershipsRead.key();
        let token = reader.acting.actor.token();
        if token.and_then(|token| token.scopes.as_ref()).is_some_and(|scopes| !scopes.iter().any(|scope| scope == key))
        {
            return Err(Error::Forbidden(key.into()));
        }
        Ok(match (&reader.acting.actor, reader.acting.user) {
            (_, Some(user)) => Self::User(user),
            (Actor::Token(token), None) if token.kind == TokenKind::Organization => {
                // One without its organization doesn't work any more.
                Self::AndBelow(token.organization.ok_or(Error::BadCredential)?)
            }
            _ => Self::Everything,
        })
    }
}

/// Everything that a set of questions needs, read of tables together.
struct Known<'r> {
    users: HashMap<&'r UserRef, (UserId, bool)>,
    organizations: HashMap<&'r OrganizationRef, OrganizationId>,
    lines: HashMap<OrganizationId, Vec<OrganizationId>>,
    held: HashMap<(UserId, OrganizationId), Held>,
}

/// What the rest of these names may be, looked up together.
fn named<'o>(reader: Reader<'_>, rest: impl IntoIterator<Item = &'o Otherwise>) -> Result<Named> {
    let mut names: Vec<_> = rest.into_iter().flat_map(|rest| &rest.namings).cloned().collect();
    names.sort_unstable();
    names.dedup();
    Ok(reader.view.named(&names)?)
}

/// Who was found, as an id of its kind.
fn ids<I: EntityId>(named: &Named) -> Vec<I> {
    named.values().filter_map(|id| I::checked(*id)).collect::<HashSet<_>>().into_iter().collect()
}

/// Users who are there, and whether they are active.
fn users<'r>(
    reader: Reader<'_>,
    names: impl Iterator<Item = &'r UserRef>,
) -> Result<HashMap<&'r UserRef, (UserId, bool)>> {
    let surface = reader.acting.surface;
    let names: HashSet<&UserRef> = names.collect();
    let born = |name: &UserRef| name.born(reader.acting.user);
    let ids_given: Vec<UserId> =
        names.iter().filter_map(|name| born(name)).collect::<HashSet<_>>().into_iter().collect();
    let mut there = reader.view.active_of(&ids_given)?;
    let known = |there: &HashMap<UserId, bool>, id: UserId| Some((id, *there.get(&id)?));
    let (mut found, mut rest) = (HashMap::with_capacity(names.len()), Vec::new());
    for name in names {
        match born(name).and_then(|id| known(&there, id)) {
            Some(known) => drop(found.insert(name, known)),
            None => rest.push((name, name.otherwise(surface))),
        }
    }
    let named = named(reader, rest.iter().map(|(_, otherwise)| otherwise))?;
    there.extend(reader.view.active_of(&ids(&named))?);
    for (name, otherwise) in rest {
        if let Some(known) = otherwise.choose(&named, |id| Ok(known(&there, id)))? {
            found.insert(name, known);
        }
    }
    Ok(found)
}

/// The lines of organizations that are there.
type Lines = HashMap<OrganizationId, Vec<OrganizationId>>;

fn organizations<'r>(
    reader: Reader<'_>,
    names: impl Iterator<Item = &'r OrganizationRef>,
) -> Result<(HashMap<&'r OrganizationRef, OrganizationId>, Lines)> {
    let surface = reader.acting.surface;
    let names: HashSet<&OrganizationRef> = names.collect();
    let ids_given: Vec<OrganizationId> =
        names.iter().filter_map(|name| name.born()).collect::<HashSet<_>>().into_iter().collect();
    let mut lines = reader.view.lines_of(&ids_given)?;
    let (mut found, mut rest) = (HashMap::with_capacity(names.len()), Vec::new());
    for name in names {
        match name.born().filter(|id| lines.contains_key(id)) {
            Some(id) => drop(found.insert(name, id)),
            None => rest.push((name, name.otherwise(surface))),
        }
    }
    let named = named(reader, rest.iter().map(|(_, otherwise)| otherwise))?;
    let others = reader.view.organizations_by_id(&ids(&named))?;
    lines.extend(reader.view.lines_of(&others.keys().copied().collect::<Vec<_>>())?);
    for (name, otherwise) in rest {
        if let Some(other) =
            otherwise.choose(&named, |id| Ok(others.get(&id)))?.filter(|other| is_shown(surface, other))
        {
            found.insert(name, other.id);
        }
    }
    // One that is below a deleted one is none, and on most surfaces the root isn't one.
    found.retain(|_, id| lines.contains_key(id) && (surface.shows_root() || *id != reader.acting.root));
    Ok((found, lines))
}

impl<'r> Known<'r> {
    fn read(reader: Reader<'_>, checks: &'r [Check], asker: Asker) -> Result<Self> {
        let users = users(reader, checks.iter().map(|check| &check.user))?;
        let (organizations, lines) = organizations(reader, checks.iter().map(|check| &check.organization))?;
        // Of each user only the lines that he is asked about.
        let mut asked: HashMap<UserId, HashSet<OrganizationId>> = HashMap::new();
        for check in checks {
            let (Some((user, _)), Some(id)) = (users.get(&check.user), organizations.get(&check.organization)) else {
                continue;
            };
            let line = lines.get(id).map(Vec::as_slice).unwrap_or_default();
            asked.entry(*user).or_default().extend(line);
            if let Asker::User(me) = asker {
                asked.entry(me).or_default().extend(line);
            }
        }
        let mut held = HashMap::new();
        let asked: Vec<(UserId, HashSet<OrganizationId>)> = asked.into_iter().collect();
        for some in asked.chunks(USERS_AT_ONCE) {
            let users: Vec<UserId> = some.iter().map(|(user, _)| *user).collect();
            let places: HashSet<OrganizationId> = some.iter().flat_map(|(_, places)| places).copied().collect();
            let places: Vec<OrganizationId> = places.into_iter().collect();
            for one in held_at(reader, &users, &places)? {
                held.insert((one.user, one.organization), one);
            }
        }
        Ok(Self { users, organizations, lines, held })
    }

    /// What is known that a question is about.
    fn facts(&self, asker: Asker, check: &Check) -> Facts<'_> {
        let subject = self.users.get(&check.user).copied();
        let line = self.organizations.get(&check.organization).and_then(|id| self.lines.get(id)).map(Vec::as_slice);
        let held = |user: UserId| {
            let places = line.unwrap_or_default().iter();
            places.filter_map(|place| self.held.get(&(user, *place)).copied()).collect()
        };
        let mine = if let Asker::User(me) = asker { held(me) } else { Vec::new() };
        Facts {
            subject,
            line: line.map(Cow::Borrowed),
            held: subject.map(|(user, _)| held(user)).unwrap_or_default(),
            mine,
        }
    }
}

/// Everything that one question needs.
struct Facts<'k> {
    subject: Option<(UserId, bool)>,
    /// Of an organization that is there.
    line: Option<Cow<'k, [OrganizationId]>>,
    /// By the subject along the line.
    held: Vec<Held>,
    /// By who asks, if that is a user.
    mine: Vec<Held>,
}

impl Facts<'static> {
    /// The same as [`Known`] for one question, without its tables.
    fn read(reader: Reader<'_>, asker: Asker, check: &Check) -> Result<Self> {
        let subject = user(reader, &check.user)?;
        let line = line(reader, &check.organization)?;
        let held = match (subject, &line) {
            (Some((user, _)), Some(line)) => held_at(reader, &[user], line)?,
            _ => Vec::new(),
        };
        Self::new(reader, asker, subject, line, held)
    }

    /// What memory knows for sure.
    fn at_once(reader: Reader<'_>, asker: Asker, brief: &Brief<'_>) -> Option<Self> {
        let user = Form::read_any(brief.user)?;
        let (active, line, mut held) = reader.view.asked_at_once(user, Form::read_any(brief.organization)?)?;
        held.retain(|held| counts_for(reader, held));
        let line = Some(line).filter(|line| !is_hidden(reader, line));
        Self::new(reader, asker, Some((user, active)), line, held).ok()
    }

    fn new(
        reader: Reader<'_>,
        asker: Asker,
        subject: Option<(UserId, bool)>,
        line: Option<Vec<OrganizationId>>,
        held: Vec<Held>,
    ) -> Result<Self> {
        let mine = match (asker, &line) {
            (Asker::User(me), Some(line)) => held_at(reader, &[me], line)?,
            _ => Vec::new(),
        };
        Ok(Self { subject, held, mine, line: line.map(Cow::Owned) })
    }
}

impl Facts<'_> {
    /// `explain` as in [`Check`].
    fn decide<S: AsRef<str>>(
        &self,
        reader: Reader<'_>,
        catalog: &RoleCatalog,
        asker: Asker,
        (ask, explain): (&Ask<S>, bool),
    ) -> Result<Verdict> {
        let no = |reason| Verdict { allowed: false, reason, via: None };
        let line = self.line.as_deref();
        let own = matches!((asker, self.subject), (Asker::User(me), Some((user, _))) if me == user);
        let all = asker == Asker::Everything || own;
        if !all && !line.is_some_and(|line| self.may_ask(catalog, asker, line)) {
            return Ok(no(Reason::UnknownSubject));
        }
        let Some((user, active)) = self.subject else { return Ok(no(Reason::UnknownSubject)) };
        let reaching = catalog.reaching();
        let ways = line.map(|line| ways(line, reaching, |place| at(&self.held, place))).unwrap_or_default();
        let pending = || match line.filter(|_| ways.is_empty() && (explain || !all)) {
            Some(line) => is_invited(reader, catalog, user, line),
            None => Ok(false),
        };
        // Who has nothing to do with a place isn't known there.
        if !all && ways.is_empty() && !pending()? {
            return Ok(no(Reason::UnknownSubject));
        }
        if !active {
            return Ok(no(Reason::SubjectInactive));
        }
        if line.is_none() {
            return Ok(no(Reason::UnknownResource));
        }
        let Some(mask) = ask.mask(catalog) else { return Ok(no(Reason::UnknownAction)) };
        if let Some(way) = ways.iter().find(|way| way.roles.meets(mask)) {
            let role = catalog.strongest(way.roles.and(mask)).map(|role| role.key.clone()).unwrap_or_default();
            let Way { membership, organization, distance, .. } = *way;
            let via = Some(Via { membership, organization, role, distance });
            return Ok(Verdict { allowed: true, reason: Reason::Granted, via });
        }
        if !ways.is_empty() {
            return Ok(no(Reason::NoGrant));
        }
        Ok(no(if pending()? { Reason::MembershipPending } else { Reason::NoMembership }))
    }

    /// About others than himself.
    fn may_ask(&self, catalog: &RoleCatalog, asker: Asker, line: &[OrganizationId]) -> bool {
        match asker {
            Asker::Everything => true,
            Asker::AndBelow(top) => line.contains(&top),
            Asker::User(_) => {
                let reading = catalog.granting(P::MembershipsRead.key());
                roles_of(&ways(line, catalog.reaching(), |place| at(&self.mine, place))).meets(reading)
            }
        }
    }
}

/// Lines are short.
fn at(held: &[Held], place: OrganizationId) -> Option<&Held> {
    held.iter().find(|held| held.organization == place)
}

/// A user and whether he is active.
pub(crate) fn user(reader: Reader<'_>, name: &UserRef) -> Result<Option<(UserId, bool)>> {
    if let Some(id) = name.born(reader.acting.user)
        && let Some(active) = reader.view.is_active(id)?
    {
        return Ok(Some((id, active)));
    }
    user_by_name(reader, name)
}

/// One that no id of ours names.
fn user_by_name(reader: Reader<'_>, name: &UserRef) -> Result<Option<(UserId, bool)>> {
    if matches!(name, UserRef::Id(_)) {
        return Ok(None);
    }
    let found = name.find(reader.view, reader.acting.surface, reader.acting.user)?;
    Ok(found.map(|user| (user.id, user.is_active())))
}

/// The line of an organization that is there.
pub(crate) fn line(reader: Reader<'_>, name: &OrganizationRef) -> Result<Option<Vec<OrganizationId>>> {
    let known = match name.born() {
        Some(id) => reader.view.line_of(id)?,
        None => None,
    };
    let line = match known {
        Some(line) => Some(line),
        None if matches!(name, OrganizationRef::Id(_)) => None,
        None => match name.find(reader.view, reader.acting.surface)? {
            Some(found) => reader.view.line_of(found.id)?,
            None => None,
        },
    };
    Ok(line.filter(|line| !is_hidden(reader, line)))
}

/// Whether it is the line of an organization that isn't one on this surface.
fn is_hidden(reader: Reader<'_>, line: &[OrganizationId]) -> bool {
    !reader.acting.surface.shows_root() && line.first() == Some(&reader.acting.root)
}

/// Whether somebody has a pending invitation that would count here.
fn is_invited(reader: Reader<'_>, catalog: &RoleCatalog, user: UserId, line: &[OrganizationId]) -> Result<bool> {
    if reader.acting.only_of(user).is_some() || !reader.view.may_have_invitations(line)? {
        return Ok(false);
    }
    let Some(user) = reader.view.user(user)? else { return Ok(false) };
    for email in user.addresses.iter().filter(|address| address.kind == AddressKind::Email) {
        for (distance, organization) in line.iter().enumerate() {
            let Some(invitation) = reader.view.pending_invitation(*organization, &email.value)? else { continue };
            let pending = invitation.status_at(reader.now()) == InvitationStatus::Pending;
            if pending && (distance == 0 || invitation.roles.meets(catalog.reaching())) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

pub(crate) fn decide(reader: Reader<'_>, checks: &[Check]) -> Result<Vec<Verdict>> {
    let asker = Asker::of(reader)?;
    if checks.len() > CHECKS_MAX {
        return Err(Error::invalid("checks", format!("has more than {CHECKS_MAX} entries")));
    }
    let catalog = reader.roles()?;
    // Memory answers each as fast as it would fill tables with it.
    if checks.len() == 1 || reader.view.is_memory() {
        let decide = |check: &Check| {
            Facts::read(reader, asker, check)?.decide(reader, &catalog, asker, (&check.ask, check.explain))
        };
        return checks.iter().map(decide).collect();
    }
    let known = Known::read(reader, checks, asker)?;
    let decide = |check: &Check| known.facts(asker, check).decide(reader, &catalog, asker, (&check.ask, check.explain));
    checks.iter().map(decide).collect()
}

/// The same, where nothing is wrong and memory knows all of it; else `None`.
pub(crate) fn decide_at_once(reader: Reader<'_>, briefs: &[Brief<'_>], mut tell: impl FnMut(Verdict)) -> Option<()> {
    let asker = Asker::of(reader).ok()?;
    if briefs.len() > CHECKS_MAX {
        return None;
    }
    let catalog = reader.roles().ok()?;
    for brief in briefs {
        let facts = Facts::at_once(reader, asker, brief)?;
        tell(facts.decide(reader, &catalog, asker, (&brief.ask, true)).ok()?);
    }
    Some(())
}

impl Caller {
    /// Whether a user may do something in an organization. What isn't there, or isn't this caller's to know, is a no.
    pub async fn check(&self, check: Check) -> Result<Verdict> {
        let mut verdicts = self.check_many(vec![check]).await?;
        verdicts.pop().ok_or_else(|| Error::Internal(String::from("a question was not answered")))
    }

    /// What this realm answers with, so that it knows again what it gave out.
    pub async fn signature(&self, text: &[u8]) -> Result<[u8; 32]> {
        self.engine.signature(self.realm, text).await
    }

    /// The same for up to [`CHECKS_MAX`] questions, all about one moment, in their order.
    pub async fn check_many(&self, checks: Vec<Check>) -> Result<Vec<Verdict>> {
        self.read_graph(move |reader| decide(reader, &checks)).await
    }
}
