//! The log, read.

use roster_model::permission::BuiltIn as P;
use roster_model::{Event, Right};

use crate::actor::Caller;
use crate::error::Result;
use crate::reference::OrganizationRef;

impl Caller {
    /// What came after event number `after`, oldest first, at most `limit`: without a gap, also while others write. The whole
    /// realm needs `events:read` at the root; one organization needs it there or above.
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
