use serde::{Deserialize, Serialize};

use crate::{OrganizationId, RealmId, Timestamp};

/// A closed world of users and organizations. Nothing of one realm can be seen from another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Realm {
    pub id: RealmId,
    /// Unique on the server; how the command line names it.
    pub name: String,
    /// The one organization without a parent.
    pub root: OrganizationId,
    pub created: Timestamp,
}
