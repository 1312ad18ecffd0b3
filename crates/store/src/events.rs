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

/// The indexes by user and by organization group events into stretches of this many sequence numbers, each in order.
/// The same number is part of the indexes' definition and of every statement that uses them.
const STRETCH: i64 = 2048;

/// Most stretches or events named by one statement.
const PER_STATEMENT: usize = 512;

/// Whose events are searched.
#[derive(Clone, Copy, Debug)]
enum EventSubject<'w> {
    User(UserId),
    /// Of any of these.
    Organizations(&'w [OrganizationId]),
}

/// The direction of a search.
#[derive(Clone, Copy, Debug)]
enum Direction {
    /// Events after this number, oldest first.
    Forwards(i64),
    /// The newest first.
    Backwards,
}

/// A filter of an organization's events; all conditions must hold.
#[derive(Clone, Copy, Debug)]
pub struct EventFilter<'q> {
    pub kinds: &'q [&'q str],
    /// Not earlier than this.
    pub from: Option<Timestamp>,
    /// Earlier than this.
    pub before: Option<Timestamp>,
    /// About, or caused by, one of these: raw ids of users and tokens.
    pub involved: Option<&'q [i64]>,
}

/// Kinds of events that don't visibly change an organization or its members.
const UNSEEN: [&str; 5] =
    ["scim.removal_held", "token.issued", "token.revoked", "invitation.created", "invitation.updated"];

/// Whether an event of this kind visibly changes its organization.
pub(crate) fn is_seen(kind: &str) -> bool {
    !UNSEEN.contains(&kind)
}

/// The condition on the events that remain of a deleted user, in the form of its index.
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

/// The JSON of a change without its kind.
fn body(change: &Change) -> Result<String> {
    let mut text = serde_json::to_string(change)?;
    let begins = format!("{{\"kind\":\"{}\",\"body\":", change.kind());
    if !text.starts_with(&begins) || text.pop() != Some('}') {
        return Err(Error::Corrupt(format!("{} is written in another shape", change.kind())));
    }
    text.drain(..begins.len());
    Ok(text)
}

impl EventFilter<'_> {
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
    /// Events after this number, oldest first, at most `limit`; of one organization or user, or of the whole realm.
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
            (Some(organization), _) => self.numbers_of(
                EventSubject::Organizations(&[organization]),
                Direction::Forwards(after),
                Some(limit),
                only,
            )?,
            (None, Some(user)) => {
                self.numbers_of(EventSubject::User(user), Direction::Forwards(after), Some(limit), |_| {})?
            }
            (None, None) => {
                let mut select = Select::new(SELECT);
                select.push(" WHERE e.realm = ").bind(self.realm).push(" AND e.seq > ").bind(after);
                select.push(" ORDER BY e.seq LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
                return self.connection.all(&select.text, &select.values, read);
            }
        };
        self.events_numbered(&numbers)
    }

    /// The numbers of a subject's events. One index lookup for every [`STRETCH`] of the log, many in one statement.
    /// `and` appends further conditions.
    fn numbers_of(
        &self,
        subject: EventSubject<'_>,
        direction: Direction,
        limit: Option<u64>,
        and: impl Fn(&mut Select),
    ) -> Result<Vec<i64>> {
        let limit = at_most(limit);
        let mut found = Vec::new();
        for stretches in self.stretches(direction) {
            let mut select = self.about("SELECT e.seq", subject, &stretches);
            if let Direction::Forwards(after) = direction {
                select.push(" AND e.seq > ").bind(after);
            }
            and(&mut select);
            let order =
                if matches!(direction, Direction::Backwards) { " ORDER BY e.seq DESC" } else { " ORDER BY e.seq" };
            select.push(order).push(" LIMIT ").bind(i64::try_from(limit - found.len()).unwrap_or(i64::MAX));
            found.extend(self.connection.all(&select.text, &select.values, |row| row.int(0))?);
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// The stretches in turn, grouped by statement: few at first, since most searches find something soon.
    fn stretches(&self, direction: Direction) -> impl Iterator<Item = Vec<i64>> + use<> {
        let begin = if let Direction::Forwards(after) = direction { after / STRETCH } else { 0 };
        let (mut all, mut width) = (begin..=self.head / STRETCH, 1);
        std::iter::from_fn(move || {
            let next = || if matches!(direction, Direction::Backwards) { all.next_back() } else { all.next() };
            let some: Vec<i64> = std::iter::from_fn(next).take(width).collect();
            width = (width * 4).min(PER_STATEMENT);
            Some(some).filter(|some| !some.is_empty())
        })
    }

    /// A statement about a subject's events in some stretches, to which conditions may be appended.
    fn about(&self, what: &str, subject: EventSubject<'_>, stretches: &[i64]) -> Select {
        let mut select = Select::new(what);
        select.push(" FROM event e WHERE e.realm = ").bind(self.realm);
        select.push(&format!(" AND e.seq / {STRETCH} IN ")).bind_all(stretches);
        match subject {
            EventSubject::User(user) => select.push(" AND e.usr = ").bind(user),
            EventSubject::Organizations(organizations) => {
                select.push(" AND e.organization IN ").bind_all(organizations)
            }
        };
        select
    }

    /// The events with these numbers, in this order.
    pub fn events_numbered(&self, numbers: &[i64]) -> Result<Vec<Event>> {
        let mut events = HashMap::with_capacity(numbers.len());
        for part in numbers.chunks(PER_STATEMENT) {
            let mut select = Select::new(SELECT);
            select.push(" WHERE e.realm = ").bind(self.realm).push(" AND e.seq IN ").bind_all(part);
            let found = self.connection.all(&select.text, &select.values, read)?;
            events.extend(found.into_iter().map(|event| (event.sequence, event)));
        }
        Ok(numbers.iter().filter_map(|number| events.remove(number)).collect())
    }

    /// Whether the log still contains data of this user.
    pub fn has_events_about(&self, user: UserId) -> Result<bool> {
        let said = self.numbers_of(EventSubject::User(user), Direction::Forwards(0), Some(1), |select| {
            select.push(" AND e.body IS NOT NULL AND e.kind <> 'user.erased'");
        })?;
        Ok(!said.is_empty())
    }

    /// Whether there is or was such a user, even if deleted or erased.
    pub fn ever_existed(&self, user: UserId) -> Result<bool> {
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

    /// The numbers of an organization's events, the newest first.
    pub fn event_numbers_of(
        &self,
        organization: OrganizationId,
        filter: EventFilter<'_>,
        limit: Option<u64>,
    ) -> Result<Vec<i64>> {
        let and = |select: &mut Select| filter.conditions(select);
        self.numbers_of(EventSubject::Organizations(&[organization]), Direction::Backwards, limit, and)
    }

    /// A page of an organization's events, the newest first.
    pub fn list_events_of(
        &self,
        organization: OrganizationId,
        filter: EventFilter<'_>,
        offset: u64,
        limit: Option<u64>,
    ) -> Result<Vec<Event>> {
        let end = limit.map(|limit| offset.saturating_add(limit));
        let numbers = self.event_numbers_of(organization, filter, end)?;
        let begin = usize::try_from(offset).unwrap_or(usize::MAX);
        self.events_numbered(numbers.get(begin..).unwrap_or_default())
    }

    pub fn count_events_of(&self, organization: OrganizationId, filter: EventFilter<'_>) -> Result<u64> {
        let mut count = 0;
        for stretches in self.stretches(Direction::Backwards) {
            let mut select = self.about("SELECT COUNT(*)", EventSubject::Organizations(&[organization]), &stretches);
            filter.conditions(&mut select);
            count += self.count(&select)?;
        }
        Ok(count)
    }

    /// The number and time of the last event by which each of these organizations, its members or their roles changed.
    /// Organizations without any are left out.
    pub fn last_changes_of(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, (i64, Timestamp)>> {
        let mut numbers = HashMap::with_capacity(organizations.len());
        let mut missing = Vec::new();
        for organization in organizations {
            match self.cache.and_then(|cache| cache.last_change(self.realm, *organization, self.head)) {
                Some(number) => drop(numbers.insert(*organization, number)),
                None => missing.push(*organization),
            }
        }
        let found = self.search_last_changes(&missing)?;
        for organization in missing {
            let number = found.get(&organization).copied().unwrap_or_default();
            if let Some(cache) = self.cache {
                cache.cache_last_change(self.realm, organization, self.head, number);
            }
            numbers.insert(organization, number);
        }
        let wanted: Vec<i64> = numbers.values().copied().filter(|number| *number > 0).collect();
        let mut times = HashMap::with_capacity(wanted.len());
        for part in wanted.chunks(PER_STATEMENT) {
            let mut select = Select::new("SELECT e.seq, e.time_ms FROM event e WHERE e.realm = ");
            select.bind(self.realm).push(" AND e.seq IN ").bind_all(part);
            times.extend(self.connection.all(&select.text, &select.values, |row| Ok((row.int(0)?, row.time(1)?)))?);
        }
        Ok(numbers.into_iter().filter_map(|(one, number)| Some((one, (number, *times.get(&number)?)))).collect())
    }

    fn search_last_changes(&self, organizations: &[OrganizationId]) -> Result<HashMap<OrganizationId, i64>> {
        let mut found = HashMap::new();
        let mut missing = organizations.to_vec();
        for stretches in self.stretches(Direction::Backwards) {
            if missing.is_empty() {
                break;
            }
            for part in missing.chunks(PER_STATEMENT) {
                let what = "SELECT e.organization, MAX(e.seq)";
                let mut select = self.about(what, EventSubject::Organizations(part), &stretches);
                select.push(" AND e.kind NOT IN ").bind_all(&UNSEEN).push(" GROUP BY e.organization");
                found.extend(self.connection.all(&select.text, &select.values, |row| Ok((row.id(0)?, row.int(1)?)))?);
            }
            missing.retain(|organization| !found.contains_key(organization));
        }
        Ok(found)
    }

    /// Appends changes to the log, numbered from `first` on.
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

    /// Blanks the bodies of a user's events. Their numbers, times and kinds stay.
    pub(crate) fn blank_events_of(&self, user: UserId) -> Result<()> {
        for part in
            self.numbers_of(EventSubject::User(user), Direction::Forwards(0), None, |_| {})?.chunks(PER_STATEMENT)
        {
            let mut update = Select::new("UPDATE event SET body = NULL WHERE realm = ");
            update.bind(self.realm).push(" AND seq IN ").bind_all(part);
            self.connection.execute(&update.text, &update.values)?;
        }
        Ok(())
    }
}
