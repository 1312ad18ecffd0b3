//! What Roster is compared with: programs that are as close to the bare machine as possible, and one that it would replace.

pub mod better_auth;
pub mod hello;
pub mod inserts;
pub mod rows;
pub mod scan;
mod server;
pub mod sync;

/// The keys of the member with this number, organization and user: spread over the key space, and unique.
const fn spread(number: u64) -> (i64, i64) {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((spread % 1000).cast_signed(), spread.cast_signed())
}
