//! Reading the event log.

use roster_model::permission::BuiltIn as P;
use roster_model::{Event, Right};

use crate::actor::Caller;
use crate::error::Result;
use crate::reference::OrganizationRef;

impl Caller {
    /// At most `limit` events after number `after`, oldest first, without a gap even during concurrent writes. Those of the whole realm need
    /// `events:read` at the root; those of one organization need it there or above.
    pub async fn list_events(
        &self,
        after: i64,
        limit: u64,
        organization: Option<OrganizationRef>,
    ) -> Result<Vec<Event>> {
        self.read(move |reader| {
            let organization = if let Some(organization) = organization {
                Some(reader.organization(&organization)?.allow(reader, Right::tree(P::EventsRead))?.id)
            } else {
                reader.realm()?.allow(reader, P::EventsRead)?;
                None
            };
            Ok(reader.view.list_events(after, limit, organization, None)?)
        })
        .await
    }
}
