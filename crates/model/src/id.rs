//! Ids: one positive 63-bit number per entity, and the textual forms in which it is written.
//!
//! ```text
//! 62        21 20    17 16           0
//! | 42 bits ms | 4 kind | 17 counter |
//! ```
//!
//! The order of ids is the order of creation. The kind is part of the number, so an organization's id is never a user's, and an id
//! of the wrong kind is simply unknown. Every form is a pure function of the number, so no table is needed to parse
//! one. An id is never a secret.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

const COUNTER_BITS: u32 = 17;
const KIND_BITS: u32 = 4;
/// How many ids of one kind fit in one millisecond.
pub const COUNTER_MAX: u32 = (1 << COUNTER_BITS) - 1;
const MS_MAX: i64 = (1 << 42) - 1;
/// 2020-01-01. No id is older, whatever the clock says, so that shorter numbers are never taken for ids: vendors use such
/// numbers as ids of their own, and every sixteenth of them has the bits of any one kind.
pub const MS_MIN: i64 = 1_577_836_800_000;

/// What kind of entity an id identifies. The numbers are part of every id and must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    Organization = 1,
    User = 2,
    Membership = 3,
    Invitation = 4,
    Role = 5,
    Permission = 6,
    Address = 7,
    Token = 8,
    Session = 9,
    Link = 10,
    Event = 11,
    Realm = 12,
}

impl Kind {
    pub const ALL: [Self; 12] = [
        Self::Organization,
        Self::User,
        Self::Membership,
        Self::Invitation,
        Self::Role,
        Self::Permission,
        Self::Address,
        Self::Token,
        Self::Session,
        Self::Link,
        Self::Event,
        Self::Realm,
    ];

    /// The word for it in a message to a caller.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::User => "user",
            Self::Membership => "membership",
            Self::Invitation => "invitation",
            Self::Role => "role",
            Self::Permission => "permission",
            Self::Address => "address",
            Self::Token => "token",
            Self::Session => "session",
            Self::Link => "link",
            Self::Event => "event",
            Self::Realm => "realm",
        }
    }

    const fn native_prefix(self) -> &'static str {
        match self {
            Self::Organization => "org_",
            Self::User => "usr_",
            Self::Membership => "mem_",
            Self::Invitation => "inv_",
            Self::Role => "rol_",
            Self::Permission => "prm_",
            Self::Address => "adr_",
            Self::Token => "tok_",
            Self::Session => "ses_",
            Self::Link => "lnk_",
            Self::Event => "evt_",
            Self::Realm => "rlm_",
        }
    }

    const fn clerk_prefix(self) -> Option<&'static str> {
        match self {
            Self::Organization => Some("org_"),
            Self::User => Some("user_"),
            Self::Membership => Some("orgmem_"),
            Self::Invitation => Some("orginv_"),
            Self::Role => Some("role_"),
            Self::Permission => Some("perm_"),
            Self::Address => Some("idn_"),
            Self::Token | Self::Session | Self::Link | Self::Event | Self::Realm => None,
        }
    }

    const fn whylabs_prefix(self) -> Option<&'static str> {
        match self {
            Self::Organization => Some("org-"),
            Self::User => Some("user-"),
            Self::Token => Some(""),
            _ => None,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// The kind encoded in a raw id. `None` if the number can't be an id that Roster generated.
pub fn kind_of(raw: i64) -> Option<Kind> {
    if raw >> (KIND_BITS + COUNTER_BITS) < MS_MIN {
        return None;
    }
    let kind = (raw >> COUNTER_BITS) & ((1 << KIND_BITS) - 1);
    Kind::ALL.into_iter().find(|k| i64::from(*k as u8) == kind)
}

/// Composes a raw id. `ms` is clamped to [`MS_MIN`] ..= 2^42 - 1 (the year 2109), `counter` is cut to 17 bits.
pub fn compose(ms: i64, kind: Kind, counter: u32) -> i64 {
    let ms = ms.clamp(MS_MIN, MS_MAX);
    (ms << (KIND_BITS + COUNTER_BITS)) | (i64::from(kind as u8) << COUNTER_BITS) | i64::from(counter & COUNTER_MAX)
}

/// An id of one kind of entity.
pub trait EntityId: Copy + Eq + std::hash::Hash + Send + Sync + 'static {
    const KIND: Kind;
    /// Without a check; for numbers that were read from the database.
    fn from_raw(raw: i64) -> Self;
    fn raw(self) -> i64;
    /// `None` if the number isn't an id of this kind.
    fn checked(raw: i64) -> Option<Self> {
        (kind_of(raw) == Some(Self::KIND)).then(|| Self::from_raw(raw))
    }
    /// When the id was generated.
    fn time(self) -> Timestamp {
        Timestamp::from_ms(self.raw() >> (KIND_BITS + COUNTER_BITS))
    }
    /// The native form, such as `org_0Qk3vR8aZ1b`.
    fn native(self) -> String {
        Form::Native.show(self).expect("every kind has a native form")
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl EntityId for $name {
            const KIND: Kind = Kind::$kind;
            fn from_raw(raw: i64) -> Self { Self(raw) }
            fn raw(self) -> i64 { self.0 }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.native()) }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.native()) }
        }
    )*};
}

ids! {
    /// A realm: a closed world of users and organizations.
    RealmId = Realm;
    OrganizationId = Organization;
    UserId = User;
    MembershipId = Membership;
    RoleId = Role;
    PermissionId = Permission;
    AddressId = Address;
    InvitationId = Invitation;
    TokenId = Token;
    SessionId = Session;
    LinkId = Link;
    EventId = Event;
}

/// The same id with another kind. All kinds share one counter, so no other entity is given it.
fn sibling<I: EntityId>(raw: i64) -> I {
    let rest = raw & !(((1 << KIND_BITS) - 1) << COUNTER_BITS);
    I::from_raw(rest | (i64::from(I::KIND as u8) << COUNTER_BITS))
}

impl InvitationId {
    /// The id that the membership will have once the invitation is accepted. It is reserved from the beginning.
    pub fn membership(self) -> MembershipId {
        sibling(self.0)
    }

    /// The id of the user who will be created for the invitation, if there is none yet.
    pub fn user(self) -> UserId {
        sibling(self.0)
    }
}

impl MembershipId {
    /// The id of the invitation that reserved this id, if one did.
    pub fn invitation(self) -> InvitationId {
        sibling(self.0)
    }
}

impl RealmId {
    /// The realm's service account: a realm key represented as a user, for vendors whose only callers are users. It has no row. No
    /// user can have the same id, since the realm's id came from the same counter.
    pub fn service_account(self) -> UserId {
        let counter = u32::try_from(self.0 & i64::from(COUNTER_MAX)).unwrap_or_default();
        UserId(compose(self.time().as_ms(), Kind::User, counter))
    }
}

/// How an id is written: in Roster's own form, or as a vendor's clients expect it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `org_` and 11 base62 digits; text order is number order.
    Native,
    /// `org-`, `user-` and 11 base62 digits; a key's id is the digits alone.
    Whylabs,
    /// `org_`, `user_`, `orgmem_` … and 27 base62 digits.
    Clerk,
    /// A UUID (version 8) whose low bits hold the number.
    Enhance,
    /// The decimal digits.
    Box,
}

impl Form {
    pub const ALL: [Self; 5] = [Self::Native, Self::Whylabs, Self::Clerk, Self::Enhance, Self::Box];

    /// `None` if this vendor has no such entity.
    pub fn show<I: EntityId>(self, id: I) -> Option<String> {
        let raw = id.raw();
        match self {
            Self::Native => Some(with_base62(I::KIND.native_prefix(), raw, 11)),
            Self::Whylabs => Some(with_base62(I::KIND.whylabs_prefix()?, raw, 11)),
            Self::Clerk => Some(with_base62(I::KIND.clerk_prefix()?, raw, 27)),
            Self::Enhance => Some(uuid(raw)),
            Self::Box => Some(raw.to_string()),
        }
    }

    /// What precedes the last 11 base62 digits of an id in this form. `None` if the form isn't base62.
    pub fn base62_prefix<I: EntityId>(self) -> Option<String> {
        let zero = self.show(I::from_raw(0))?;
        zero.strip_suffix(&base62(0, 11))
            .filter(|_| matches!(self, Self::Native | Self::Whylabs | Self::Clerk))
            .map(str::to_owned)
    }

    /// Parses this form. `None` for anything else: a malformed id is treated as an unknown one.
    pub fn read<I: EntityId>(self, text: &str) -> Option<I> {
        let raw = match self {
            Self::Native => from_base62(text.strip_prefix(I::KIND.native_prefix())?, 11)?,
            Self::Whylabs => from_base62(text.strip_prefix(I::KIND.whylabs_prefix()?)?, 11)?,
            Self::Clerk => from_base62(text.strip_prefix(I::KIND.clerk_prefix()?)?, 27)?,
            Self::Enhance => from_uuid(text)?,
            Self::Box => from_decimal(text)?,
        };
        I::checked(raw)
    }

    /// Parses whichever form the text has. No text is a valid id in two forms with different numbers.
    pub fn read_any<I: EntityId>(text: &str) -> Option<I> {
        Self::ALL.into_iter().find_map(|form| form.read(text))
    }
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `width` digits, left-padded with zeros. 11 digits hold every 63-bit number.
pub fn base62(raw: i64, width: usize) -> String {
    with_base62("", raw, width)
}

/// The same after a prefix, in one allocation.
fn with_base62(prefix: &str, raw: i64, width: usize) -> String {
    let mut text = vec![b'0'; prefix.len() + width];
    let (before, digits) = text.split_at_mut(prefix.len());
    before.copy_from_slice(prefix.as_bytes());
    let mut rest = raw.unsigned_abs();
    for digit in digits.iter_mut().rev() {
        if rest == 0 {
            break;
        }
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    String::from_utf8(text).expect("base62 digits are ASCII")
}

fn from_base62(text: &str, width: usize) -> Option<i64> {
    if text.len() != width {
        return None;
    }
    text.bytes().try_fold(0i64, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(i64::from(digit))
    })
}

/// `526f7374-6572-8XXX-8XXX-XXXXXXXXXXXX`: "Roster" in ASCII, version 8, and 63 bits of number.
fn uuid(raw: i64) -> String {
    let raw = raw.unsigned_abs();
    // Bits 62..51 in the third group, 50..48 with the variant in the fourth, where nine more bits follow; the rest last.
    let high = raw >> 51;
    let middle = (raw >> 48) & 0b111;
    let low = raw & ((1 << 48) - 1);
    format!("526f7374-6572-8{high:03x}-8{middle:03x}-{low:012x}")
}

fn from_uuid(text: &str) -> Option<i64> {
    if text.len() != 36 || !text.is_ascii() {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let rest = lower.strip_prefix("526f7374-6572-8")?;
    let (high, rest) = (rest.get(0..3)?, rest.get(3..)?);
    let rest = rest.strip_prefix("-8")?;
    let (middle, rest) = (rest.get(0..3)?, rest.get(3..)?);
    let low = rest.strip_prefix('-')?;
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit()).then(|| i64::from_str_radix(part, 16).ok())?;
    let (high, middle, low) = (hex(high)?, hex(middle)?, hex(low)?);
    (middle <= 0b111).then_some((high << 51) | (middle << 48) | low)
}

fn from_decimal(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit());
    (digits && !text.starts_with('0')).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_form_reads_back(ms in MS_MIN..MS_MAX, counter in 0..=COUNTER_MAX) {
            let user = UserId::from_raw(compose(ms, Kind::User, counter));
            for form in Form::ALL {
                let text = form.show(user).expect("users have every form");
                prop_assert_eq!(form.read::<UserId>(&text), Some(user));
                prop_assert_eq!(Form::read_any::<UserId>(&text), Some(user));
                prop_assert_eq!(Form::read_any::<OrganizationId>(&text), None, "the kind is part of the id");
            }
            prop_assert_eq!(user.time().as_ms(), ms);
        }

        #[test]
        fn text_order_is_number_order(a in 1..i64::MAX, b in 1..i64::MAX) {
            prop_assert_eq!(base62(a, 11).cmp(&base62(b, 11)), a.cmp(&b));
        }

        #[test]
        fn anything_may_be_asked_for(text in "\\PC{0,40}") {
            for form in Form::ALL {
                let _ = form.read::<UserId>(&text);
            }
        }
    }

    #[test]
    fn a_vendors_number_is_no_id_of_ours() {
        let numbers =
            (100_000_i64..10_000_000).step_by(997).chain([33_000_000_000, 1_100_000_000_000, 99_999_999_999_999]);
        for number in numbers {
            let text = number.to_string();
            assert!(
                Form::read_any::<UserId>(&text).is_none() && Form::read_any::<OrganizationId>(&text).is_none(),
                "{text}"
            );
        }
    }

    #[test]
    fn shapes() {
        let org = OrganizationId::from_raw(compose(1_770_000_000_000, Kind::Organization, 5));
        assert_eq!(Form::Native.show(org).unwrap().len(), 15);
        assert_eq!(Form::Clerk.show(org).unwrap().len(), 31);
        let uuid = Form::Enhance.show(org).unwrap();
        assert_eq!((uuid.len(), &uuid[14..15], &uuid[19..20]), (36, "8", "8"));
        for text in [
            "",
            "org_",
            "org_zzzzzzzzzzz",
            "org_0",
            "-1",
            "99999999999999999999",
            "0100000",
            "org_\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}a",
        ] {
            assert_eq!(Form::read_any::<OrganizationId>(text), None, "{text}");
        }
    }
}
