//! Which ids the data has: functions of a number, so that nothing has to be read back.

use roster_engine::{EntityId, Kind, OrganizationId, UserId};
use roster_model::id::compose;

use super::Shape;

/// A time in the past, in milliseconds.
const BEGINNING: i64 = 1_700_000_000_000;

fn id<I: EntityId>(kind: Kind, number: usize) -> I {
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "sixteen bits, and few of them")]
    let (later, counter) = ((number >> 16) as i64, (number & 0xffff) as u32);
    I::from_raw(compose(BEGINNING + later, kind, counter))
}

/// Users of the large organization, then the loners.
pub fn user(number: usize) -> UserId {
    id(Kind::User, number)
}

/// The one that everybody is in but the loners.
pub fn big() -> OrganizationId {
    id(Kind::Organization, 0)
}

pub fn loners() -> OrganizationId {
    id(Kind::Organization, 1)
}

/// One without a member.
pub fn empty(number: usize) -> OrganizationId {
    id(Kind::Organization, 2 + number)
}

pub fn group(number: usize) -> OrganizationId {
    id(Kind::Organization, 2 + Shape::EMPTY + number)
}
