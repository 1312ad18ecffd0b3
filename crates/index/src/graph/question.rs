//! What one question needs of the graph: user and organization are each looked up once.

use roster_model::{OrganizationId, UserId};

use super::{Graph, Holding};

impl Graph {
    /// Goes from an organization up to the root, with what a user holds at each, and says whether he is active. `None` if one of them
    /// isn't there, or the organization or one above is deleted.
    pub fn walk_up(
        &self,
        user: UserId,
        organization: OrganizationId,
        mut at: impl FnMut(OrganizationId, Option<Holding>),
    ) -> Option<bool> {
        let (number, person) = self.person(user).filter(|(_, person)| person.there)?;
        let mut next = Some(*self.organizations.get(&organization)?);
        while let Some(place) = next.map(|number| &self.places[number as usize]) {
            if !(place.there && place.active) {
                return None;
            }
            at(place.id, place.members.get(number).map(|seat| self.holding_of(seat)));
            next = place.parent;
        }
        Some(person.active)
    }
}
