//! The activity log of an organization's members for its administrators: newest first.

use std::collections::HashMap;

use roster_model::permission::BuiltIn as P;
use roster_model::{EntityId as _, Event, Organization, Right, Timestamp, User, UserId, change::ActorKind, text};
use roster_store::EventFilter;

use crate::actor::Caller;
use crate::error::Result;
use crate::paging::{Listed, Page};
use crate::reference::OrganizationRef;
use crate::transaction::Reader;

/// Number of events that are read at once while searching for a text.
const CHUNK_ROWS: usize = 500;

/// A case-insensitive search in the description of activities.
#[derive(Clone, Debug)]
pub struct ActivityText {
    pub says: fn(&Activity) -> String,
    pub part: String,
}

/// Which events of an organization to list. Only the page's offset and limit are used.
#[derive(Clone, Debug, Default)]
pub struct ActivityQuery {
    /// These kinds of [`roster_model::Change`].
    pub kinds: Vec<&'static str>,
    /// Not earlier than this.
    pub from: Option<Timestamp>,
    /// Earlier than this.
    pub before: Option<Timestamp>,
    /// About one of these, or done by one of them: raw ids of users and tokens.
    pub involved: Option<Vec<i64>>,
    pub text: Option<ActivityText>,
    pub page: Page,
}

/// An event with its users and organization as they are now.
#[derive(Clone, Debug)]
pub struct Activity {
    pub event: Event,
    /// The user that it is about. `None`: none, or deleted.
    pub user: Option<User>,
    /// The user who did it. `None`: a key, or a deleted user.
    pub actor: Option<User>,
    pub organization: Organization,
}

fn with_parts(reader: Reader<'_>, organization: &Organization, events: Vec<Event>) -> Result<Vec<Activity>> {
    let actor = |event: &Event| event.actor.id.filter(|_| event.actor.kind == ActorKind::User).map(UserId::from_raw);
    let mut ids: Vec<UserId> = events.iter().flat_map(|event| [event.user, actor(event)]).flatten().collect();
    ids.sort_unstable();
    ids.dedup();
    let users: HashMap<UserId, User> = reader.view.users_by_id(&ids)?;
    let known = |id: Option<UserId>| id.and_then(|id| users.get(&id).cloned());
    Ok(events
        .into_iter()
        .map(|event| Activity {
            user: known(event.user),
            actor: known(actor(&event)),
            organization: organization.clone(),
            event,
        })
        .collect())
}

fn list(reader: Reader<'_>, organization: &Organization, query: &ActivityQuery) -> Result<Listed<Activity>> {
    let ActivityQuery { kinds, from, before, involved, .. } = query;
    let happened = EventFilter { kinds, from: *from, before: *before, involved: involved.as_deref() };
    if kinds.is_empty() {
        return Ok(Listed { items: Vec::new(), total: Some(0), next: None });
    }
    let Some(ActivityText { says, part }) = &query.text else {
        let Page { offset, limit, .. } = query.page;
        let events = reader.view.list_events_of(organization.id, happened, offset, limit)?;
        let total = reader.view.count_events_of(organization.id, happened)?;
        return Ok(Listed { items: with_parts(reader, organization, events)?, total: Some(total), next: None });
    };
    let part = text::fold(part);
    let (mut items, mut found) = (Vec::new(), 0);
    for chunk in reader.view.event_numbers_of(organization.id, happened, None)?.chunks(CHUNK_ROWS) {
        for activity in with_parts(reader, organization, reader.view.events_numbered(chunk)?)? {
            if text::fold(&says(&activity)).contains(&part) {
                let wanted = found >= query.page.offset
                    && query.page.limit.is_none_or(|limit| found < query.page.offset.saturating_add(limit));
                found += 1;
                items.extend(Some(activity).filter(|_| wanted));
            }
        }
    }
    Ok(Listed { items, total: Some(found), next: None })
}

impl Caller {
    /// Activities with their total number. Needs `events:read` there or above.
    pub async fn list_activities(
        &self,
        organization: impl Into<OrganizationRef>,
        query: ActivityQuery,
    ) -> Result<Listed<Activity>> {
        let organization = organization.into();
        self.read(move |reader| {
            let place = reader.organization(&organization)?.allow(reader, Right::tree(P::EventsRead))?;
            list(reader, &place, &query)
        })
        .await
    }
}
