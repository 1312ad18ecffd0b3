//! What happened to an organization's members, as its administrators read it: the newest first.

use std::collections::HashMap;

use roster_model::permission::BuiltIn as P;
use roster_model::{EntityId as _, Event, Organization, Right, Timestamp, User, UserId, change::ActorKind, text};
use roster_store::Happened;

use crate::actor::Caller;
use crate::error::Result;
use crate::paging::{Listed, Page};
use crate::reference::OrganizationRef;
use crate::transaction::Reader;

/// Events read at once while a text is looked for.
const PIECE: usize = 500;

/// A text to be found, in any case, in what an activity is told by.
#[derive(Clone, Debug)]
pub struct ActivityText {
    pub says: fn(&Activity) -> String,
    pub part: String,
}

/// Which events of an organization. Of the page, only offset and limit are looked at.
#[derive(Clone, Debug, Default)]
pub struct ActivityQuery {
    /// Of these kinds of [`roster_model::Change`].
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

/// An event with whom it is about, as they are now.
#[derive(Clone, Debug)]
pub struct Activity {
    pub event: Event,
    /// `None`: he is gone.
    pub user: Option<User>,
    /// The user who did it; `None`: a key, or a user who is gone.
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
    let happened = Happened { kinds, from: *from, before: *before, involved: involved.as_deref() };
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
    for piece in reader.view.event_numbers_of(organization.id, happened, None)?.chunks(PIECE) {
        for activity in with_parts(reader, organization, reader.view.events_numbered(piece)?)? {
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
    /// With their total. Needs `events:read` there or above.
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
