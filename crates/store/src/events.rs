use std::collections::HashMap;

use roster_model::change::ActorKind;
use roster_model::{ActorRef, Change, Event, EventId, OrganizationId, Timestamp, UserId};
use serde_json::{Value as Json, json};

use crate::error::{Error, Result};
use crate::list::at_most;
use crate::sql::{Row, Select, Value};
use crate::view::View;

const SELECT: &str =
    "SELECT e.seq, e.id, e.time_ms, e.actor_kind, e.actor_id, e.kind, e.organization, e.usr, e.body FROM event e";

/// So many events stand together in the indexes by user and by organization, each stretch in their order. The indexes say so too, and so does
/// every statement that is to use them.
const STRETCH: i64 = 2048;

/// Stretches, or events, that one statement names.
const AT_ONCE: usize = 512;

/// Whose events.
#[derive(Clone, Copy, Debug)]
enum Whose<'w> {
    User(UserId),
    /// Of any of these.
    Organizations(&'w [OrganizationId]),
}

/// How the log is looked through.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// What came after this number, the oldest first.
    Forwards(i64),
    /// The newest first.
    Backwards,
}

/// Which events of an organization.
#[derive(Clone, Copy, Debug)]
pub struct Happened<'q> {
    pub kinds: &'q [&'q str],
    /// Not earlier than this.
    pub from: Option<Timestamp>,
    /// Earlier than this.
    pub before: Option<Timestamp>,
    /// About one of these, or done by one of them: raw ids of users and tokens.
    pub involved: Option<&'q [i64]>,
}

/// By which an organization does not become different for who looks at it and its members.
const UNSEEN: [&str; 5] =
    ["scim.removal_held", "token.issued", "token.revoked", "invitation.created", "invitation.updated"];

/// Whether an organization that an event of this kind is about became different by it.
pub(crate) fn is_seen(kind: &str) -> bool {
    !UNSEEN.contains(&kind)
}

/// What is left of a user who is gone, in the words of its index.
pub(crate) const GONE: &str = " AND kind IN ('user.deleted', 'user.erased')";

fn read(row: &Row<'_>) -> Result<Event> {
    let kind = row.text(5)?;
    let change = match row.opt_text(8)? {
        Some(body) => {
            let body: Json = serde_json::from_str(&body)?;
            Some(serde_json::from_value(json!({ "kind": kind, "body": body }))?)
        }
        None => None,
    };
    Ok(Event {
        sequence: row.int(0)?,
        id: row.id(1)?,
        time: row.time(2)?,
        actor: ActorRef { kind: row.word(3, ActorKind::from_word)?, id: row.opt_int(4)? },
        kind,
        organization: row.opt_id(6)?,
        user: row.opt_id(7)?,
        change,
    })
}

/// What is written down of a change beside its kind.
fn body(change: &Change) -> Result<String> {
    let mut text = serde_json::to_string(change)?;
    let begins = format!("{{\"kind\":\"{}\",\"body\":", change.kind());
    if !text.starts_with(&begins) || text.pop() != Some('}') {
        return Err(Error::Corrupt(format!("{} is written in another shape", change.kind())));
    }
    text.drain(..begins.len());
    Ok(text)
}

impl Happened<'_> {
    fn conditions(&self, select: &mut Select) {
        select.push(" AND e.kind IN ").bind_all(self.kinds);
        if let Some(from) = self.from {
            select.push(" AND e.time_ms >= ").bind(from);
        }
        if let Some(before) = self.before {
            select.push(" AND e.time_ms < ").bind(before);
        }
        if let Some(involved) = self.involved {
            select.push(" AND (e.usr IN ").bind_all(involved).push(" OR e.actor_id IN ").bind_all(involved).push(")");
        }
    }
}

impl View<'_> {
    /// What came after, oldest first, at most `limit`; of one organization only, or of the whole realm.
    pub fn list_events(
        &self,
        after: i64,
        limit: u64,
        organization: Option<OrganizationId>,
        user: Option<UserId>,
    ) -> Result<Vec<Event>> {
        let only = |select: &mut Select| {
            if let Some(user) = user {
                select.push(" AND e.usr = ").bind(user);
            }
        };
        let numbers = match (organization, user) {
            (Some(organization), _) => {
                self.numbers_of(Whose::Organizations(&[organization]), Way::Forwards(after), Some(limit), only)?
            }
            (None, Some(user)) => self.numbers_of(Whose::User(user), Way::Forwards(after), Some(limit), |_| {})?,
            (None, None) => {
                let mut select = Select::new(SELECT);
                select.push(" WHERE e.realm = ").bind(self.realm).push(" AND e.seq > ").bind(after);
                select.push(" ORDER BY e.seq LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
                return self.connection.all(&select.text, &select.values, read);
            }
        };
        self.events_numbered(&numbers)
    }

    /// The numbers of the events about somebody. One look for every [`STRETCH`] of the log, many in one statement. `and`: what else they must
    /// be.
    fn numbers_of(
        &self,
        whose: Whose<'_>,
        way: Way,
        limit: Option<u64>,
        and: impl Fn(&mut Select),
    ) -> Result<Vec<i64>> {
        let limit = at_most(limit);
        let mut found = Vec::new();
        for stretches in self.stretches(way) {
            let mut select = self.about("SELECT e.seq", whose, &stretches);
            if let Way::Forwards(after) = way {
                select.push(" AND e.seq > ").bind(after);
            }
            and(&mut select);
            let order = if matches!(way, Way::Backwards) { " ORDER BY e.seq DESC" } else { " ORDER BY e.seq" };
            select.push(order).push(" LIMIT ").bind(i64::try_from(limit - found.len()).unwrap_or(i64::MAX));
            found.extend(self.connection.all(&select.text, &select.values, |row| row.int(0))?);
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// The stretches in turn, those of one statement together: few at first, since most who look for something find it soon.
    fn stretches(&self, way: Way) -> impl Iterator<Item = Vec<i64>> + use<> {
        let begin = if let Way::Forwards(after) = way { after / STRETCH } else { 0 };
        let (mut all, mut width) = (begin..=self.head / STRETCH, 1);
        std::iter::from_fn(move || {
            let next = || if matches!(way, Way::Backwards) { all.next_back() } else { all.next() };
            let some: Vec<i64> = std::iter::from_fn(next).take(width).collect();
            width = (width * 4).min(AT_ONCE);
            Some(some).filter(|some| !some.is_empty())
        })
    }

    /// A statement about somebody's events in some stretches, for further conditions.
    fn about(&self, what: &str, whose: Whose<'_>, stretches: &[i64]) -> Select {
        let mut select = Select::new(what);
        select.push(" FROM event e WHERE e.realm = ").bind(self.realm);
        select.push(&format!(" AND e.seq / {STRETCH} IN ")).bind_all(stretches);
        match whose {
            Whose::User(user) => select.push(" AND e.usr = ").bind(user),
            Whose::Organizations(organizations) => select.push(" AND e.organization IN ").bind_all(organizations),
        };
        select
    }

    /// The events of these numbers, in this order.
    pub fn events_numbered(&self, numbers: &[i64]) -> Result<Vec<Event>> {
        let mut events = HashMap::with_capacity(numbers.len());
        for part in numbers.chunks(AT_ONCE) {
            let mut select = Select::new(SELECT);
            select.push(" WHERE e.realm = ").bind(self.realm).push(" AND e.seq IN ").bind_all(part);
            let found = self.connection.all(&select.text, &select.values, read)?;
            events.extend(found.into_iter().map(|event| (event.sequence, event)));
        }
        Ok(numbers.iter().filter_map(|number| events.remove(number)).collect())
    }

    /// Whether the log still says something of this user.
    pub fn remembers(&self, user: UserId) -> Result<bool> {
        let said = self.numbers_of(Whose::User(user), Way::Forwards(0), Some(1), |select| {
            select.push(" AND e.body IS NOT NULL AND e.kind <> 'user.erased'");
        })?;
        Ok(!said.is_empty())
    }

    /// Whether there is or was such a user, also one who is gone or erased.
    pub fn was_ever(&self, user: UserId) -> Result<bool> {
        let found = self.connection.optional(
            &format!(
                "SELECT 1 FROM usr WHERE realm = $1 AND id = $2
                 UNION ALL SELECT 1 FROM event WHERE realm = $1 AND usr = $2{GONE} LIMIT 1"
            ),
            &[self.realm.into(), user.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    /// The numbers of what happened in an organization, the newest first.
    pub fn event_numbers_of(
        &self,
        organization: OrganizationId,
        happened: Happened<'_>,
        limit: Option<u64>,
    ) -> Result<Vec<i64>> {
        let and = |select: &mut Select| happened.conditions(select);
        self.numbers_of(Whose::Organizations(&[organization]), Way::Backwards, limit, and)
    }

    /// A page of what happened in an organization, the newest first.
    pub fn list_events_of(
        &self,
        organization: OrganizationId,
        happened: Happened<'_>,
        offset: u64,
        limit: Option<u64>,
    ) -> Result<Vec<Event>> {
        let end = limit.map(|limit| offset.saturating_add(limit));
        let numbers = self.event_numbers_of(organization, happened, end)?;
        let begin = usize::try_from(offset).unwrap_or(usize::MAX);
        self.events_numbered(numbers.get(begin..).unwrap_or_default())
    }

    pub fn count_events_of(&self, organization: OrganizationId, happened: Happened<'_>) -> Result<u64> {
        let mut count = 0;
        for stretches in self.stretches(Way::Backwards) {
            let mut select = self.about("SELECT COUNT(*)", Whose::Organizations(&[organization]), &stretches);
            happened.conditions(&mut select);
            count += self.count(&select)?;
        }
        Ok(count)
    }

    /// The number and time of the last event by which each of these organizations, its members or their roles became different. One without any
    /// isn't in the answer.
    pub fn last_changes_of(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, (i64, Timestamp)>> {
        let mut numbers = HashMap::with_capacity(organizations.len());
        let mut missing = Vec::new();
        for organization in organizations {
            match self.keeper.and_then(|keeper| keeper.last_change(self.realm, *organization, self.head)) {
                Some(number) => drop(numbers.insert(*organization, number)),
                None => missing.push(*organization),
            }
        }
        let found = self.search_last_changes(&missing)?;
        for organization in missing {
            let number = found.get(&organization).copied().unwrap_or_default();
            if let Some(keeper) = self.keeper {
                keeper.keep_last_change(self.realm, organization, self.head, number);
            }
            numbers.insert(organization, number);
        }
        let wanted: Vec<i64> = numbers.values().copied().filter(|number| *number > 0).collect();
        let mut times = HashMap::with_capacity(wanted.len());
        for part in wanted.chunks(AT_ONCE) {
            let mut select = Select::new("SELECT e.seq, e.time_ms FROM event e WHERE e.realm = ");
            select.bind(self.realm).push(" AND e.seq IN ").bind_all(part);
            times.extend(self.connection.all(&select.text, &select.values, |row| Ok((row.int(0)?, row.time(1)?)))?);
        }
        Ok(numbers.into_iter().filter_map(|(one, number)| Some((one, (number, *times.get(&number)?)))).collect())
    }

    fn search_last_changes(&self, organizations: &[OrganizationId]) -> Result<HashMap<OrganizationId, i64>> {
        let mut found = HashMap::new();
        let mut missing = organizations.to_vec();
        for stretches in self.stretches(Way::Backwards) {
            if missing.is_empty() {
                break;
            }
            for part in missing.chunks(AT_ONCE) {
                let what = "SELECT e.organization, MAX(e.seq)";
                let mut select = self.about(what, Whose::Organizations(part), &stretches);
                select.push(" AND e.kind NOT IN ").bind_all(&UNSEEN).push(" GROUP BY e.organization");
                found.extend(self.connection.all(&select.text, &select.values, |row| Ok((row.id(0)?, row.int(1)?)))?);
            }
            missing.retain(|organization| !found.contains_key(organization));
        }
        Ok(found)
    }

    /// Writes changes to the log, from this number on.
    pub(crate) fn append<'e>(
        &self,
        first: i64,
        time: Timestamp,
        actor: ActorRef,
        events: impl Iterator<Item = (EventId, &'e Change)>,
    ) -> Result<()> {
        let mut rows = Vec::new();
        for (sequence, (id, change)) in (first..).zip(events) {
            rows.extend::<[Value; 10]>([
                self.realm.into(),
                sequence.into(),
                id.into(),
                time.into(),
                actor.kind.word().into(),
                actor.id.into(),
                change.kind().into(),
                change.organization().into(),
                change.user().into(),
                body(change)?.into(),
            ]);
        }
        self.connection.insert_rows(
            "event (realm, seq, id, time_ms, actor_kind, actor_id, kind, organization, usr, body)",
            10,
            &rows,
        )
    }

    /// Blanks what the log says of a user. Numbers, times and kinds stay.
    pub(crate) fn blank_events_of(&self, user: UserId) -> Result<()> {
        for part in self.numbers_of(Whose::User(user), Way::Forwards(0), None, |_| {})?.chunks(AT_ONCE) {
            let mut update = Select::new("UPDATE event SET body = NULL WHERE realm = ");
            update.bind(self.realm).push(" AND seq IN ").bind_all(part);
            self.connection.execute(&update.text, &update.values)?;
        }
        Ok(())
    }
}
