use roster_model::change::ActorKind;
use roster_model::{ActorRef, Change, Event, EventId, OrganizationId, Timestamp, UserId};
use serde_json::{Value as Json, json};

use crate::error::{Error, Result};
use crate::list::Slice;
use crate::sql::{Row, Select, Value};
use crate::view::View;

const SELECT: &str =
    "SELECT e.seq, e.id, e.time_ms, e.actor_kind, e.actor_id, e.kind, e.organization, e.usr, e.body FROM event e";

/// So many events stand together in the index by user, each stretch with its users in their order. The index says so too, and so does every
/// statement that is to use it.
const STRETCH: i64 = 2048;

/// Stretches, or events, that one statement names.
const AT_ONCE: usize = 512;

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

impl View<'_> {
    /// What came after, oldest first, at most `limit`; of one organization only, or of the whole realm.
    pub fn list_events(
        &self,
        after: i64,
        limit: u64,
        organization: Option<OrganizationId>,
        user: Option<UserId>,
    ) -> Result<Vec<Event>> {
        if let (None, Some(user)) = (organization, user) {
            return self.events_about(&self.sequences_about(user, after, limit, "")?);
        }
        let mut select = Select::new(SELECT);
        select.push(" WHERE e.realm = ").bind(self.realm).push(" AND e.seq > ").bind(after);
        if let Some(organization) = organization {
            select.push(" AND e.organization = ").bind(organization);
        }
        if let Some(user) = user {
            select.push(" AND e.usr = ").bind(user);
        }
        select.push(" ORDER BY e.seq LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
        self.connection.all(&select.text, &select.values, read)
    }

    /// The numbers of a user's events, upwards. One look for every [`STRETCH`] of the log, many in one statement.
    fn sequences_about(&self, user: UserId, after: i64, limit: u64, and: &str) -> Result<Vec<i64>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        // Few at first: most who ask for some find them soon.
        let (mut begin, last, mut width) = (after / STRETCH, self.head / STRETCH, 1);
        while begin <= last && found.len() < limit {
            let stretches: Vec<i64> = (begin..=last).take(width).collect();
            let mut select = Select::new("SELECT e.seq FROM event e WHERE e.realm = ");
            select.bind(self.realm).push(&format!(" AND e.seq / {STRETCH} IN ")).bind_all(&stretches);
            select.push(" AND e.usr = ").bind(user).push(" AND e.seq > ").bind(after).push(and);
            select.push(" ORDER BY e.seq LIMIT ").bind(i64::try_from(limit - found.len()).unwrap_or(i64::MAX));
            found.extend(self.connection.all(&select.text, &select.values, |row| row.int(0))?);
            begin = stretches.last().map_or(begin, |end| end + 1);
            width = (width * 4).min(AT_ONCE);
        }
        Ok(found)
    }

    fn events_about(&self, sequences: &[i64]) -> Result<Vec<Event>> {
        let mut events = Vec::with_capacity(sequences.len());
        for part in sequences.chunks(AT_ONCE) {
            let mut select = Select::new(SELECT);
            select.push(" WHERE e.realm = ").bind(self.realm).push(" AND e.seq IN ").bind_all(part);
            select.push(" ORDER BY e.seq");
            events.extend(self.connection.all(&select.text, &select.values, read)?);
        }
        Ok(events)
    }

    /// Whether the log still says something of this user.
    pub fn remembers(&self, user: UserId) -> Result<bool> {
        let said = self.sequences_about(user, 0, 1, " AND e.body IS NOT NULL AND e.kind <> 'user.erased'")?;
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

    /// What happened in an organization between two moments, of some kinds, the newest first.
    pub fn list_events_of(
        &self,
        organization: OrganizationId,
        kinds: &[&str],
        (after, before): (Option<Timestamp>, Option<Timestamp>),
        involved: Option<&[i64]>,
        slice: &Slice,
    ) -> Result<Vec<Event>> {
        let mut select = Select::new(SELECT);
        self.events_where(&mut select, organization, kinds, (after, before), involved);
        slice.order(&mut select, "", "e.seq");
        self.connection.all(&select.text, &select.values, read)
    }

    pub fn count_events_of(
        &self,
        organization: OrganizationId,
        kinds: &[&str],
        between: (Option<Timestamp>, Option<Timestamp>),
        involved: Option<&[i64]>,
    ) -> Result<u64> {
        let mut select = Select::new("SELECT COUNT(*) FROM event e");
        self.events_where(&mut select, organization, kinds, between, involved);
        self.count(&select)
    }

    fn events_where(
        &self,
        select: &mut Select,
        organization: OrganizationId,
        kinds: &[&str],
        (after, before): (Option<Timestamp>, Option<Timestamp>),
        involved: Option<&[i64]>,
    ) {
        select.push(" WHERE e.realm = ").bind(self.realm).push(" AND e.organization = ").bind(organization);
        select.push(" AND e.kind IN ").bind_all(kinds);
        if let Some(after) = after {
            select.push(" AND e.time_ms >= ").bind(after);
        }
        if let Some(before) = before {
            select.push(" AND e.time_ms < ").bind(before);
        }
        if let Some(involved) = involved {
            select.push(" AND (e.usr IN ").bind_all(involved).push(" OR e.actor_id IN ").bind_all(involved).push(")");
        }
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
        for part in self.sequences_about(user, 0, u64::MAX, "")?.chunks(AT_ONCE) {
            let mut update = Select::new("UPDATE event SET body = NULL WHERE realm = ");
            update.bind(self.realm).push(" AND seq IN ").bind_all(part);
            self.connection.execute(&update.text, &update.values)?;
        }
        Ok(())
    }
}
