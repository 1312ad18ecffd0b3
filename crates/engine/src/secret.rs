//! Secrets of tokens: 42 random base62 digits (250 bits) between a prefix, which secret scanners recognize, and a checksum, so that a
//! mistyped or invented key is refused without a database lookup.
//!
//! ```text
//! rst_ | 42 random digits | 6 digits of CRC-32
//! ```
//!
//! A session's secret begins with `rss_` instead. Where a vendor's clients tell keys apart by their first characters, a key has no prefix.
//! Secrets that are part of a URL are UUIDs with 122 random bits.
//!
//! Only the SHA-256 of a secret is stored. A secret with this much entropy needs no salt and no slow hash.

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::RngExt as _;
use roster_model::id::base62;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Length of [`Caller::signature`](crate::Caller::signature), in bytes: enough that none can be guessed.
pub const SIGNATURE_BYTES: usize = 16;

const PREFIX: &str = "rst_";
const SESSION: &str = "rss_";
const RANDOM: usize = 42;
const CHECK: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The number of characters of a secret that are stored in clear text, to tell keys apart.
const HINT: usize = 9;

/// The shortest text that the operator may set as a key.
pub(crate) const BOOTSTRAP_MIN: usize = 16;
const BOOTSTRAP_MAX: usize = 512;

/// The form of a token's secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretForm {
    /// With the prefix that secret scanners recognize.
    #[default]
    Prefixed,
    /// Without a prefix; the hint is its first five characters.
    Plain,
}

pub(crate) fn generate() -> String {
    with_prefix(PREFIX)
}

pub(crate) fn session() -> String {
    with_prefix(SESSION)
}

pub(crate) fn of_form(form: SecretForm) -> String {
    match form {
        SecretForm::Prefixed => generate(),
        SecretForm::Plain => with_prefix(""),
    }
}

/// A secret for a URL: 122 random bits.
pub(crate) fn uuid() -> String {
    uuid::Uuid::new_v4().hyphenated().to_string()
}

/// Whether this is a session's rather than a token's.
pub(crate) fn is_session(secret: &str) -> bool {
    secret.starts_with(SESSION)
}

fn with_prefix(prefix: &str) -> String {
    let mut rng = rand::rng();
    let mut secret = String::with_capacity(prefix.len() + RANDOM + CHECK);
    secret.push_str(prefix);
    secret.extend((0..RANDOM).map(|_| char::from(DIGITS[rng.random_range(0..DIGITS.len())])));
    let check = checksum(&secret);
    secret + &check
}

fn checksum(body: &str) -> String {
    base62(i64::from(crc32fast::hash(body.as_bytes())), CHECK)
}

/// The beginning of a secret, for lists.
pub(crate) fn hint(secret: &str, form: SecretForm) -> String {
    let shown = match form {
        SecretForm::Prefixed => HINT,
        SecretForm::Plain => HINT - PREFIX.len(),
    };
    secret.chars().take(shown).collect()
}

/// Hex of the SHA-256.
pub(crate) fn hash(secret: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = vec![0; 64];
    for (digits, byte) in text.as_chunks_mut().0.iter_mut().zip(Sha256::digest(secret.as_bytes())) {
        *digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
    }
    String::from_utf8(text).expect("hex digits are ASCII")
}

/// HMAC-SHA-256 (RFC 2104) of a text.
pub(crate) fn signature(key: &str, text: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key may have any length");
    mac.chain_update(text).finalize().into_bytes().into()
}

pub(crate) fn same(a: &str, b: &str) -> bool {
    same_bytes(a.as_bytes(), b.as_bytes())
}

/// Compares in constant time. For signatures such as those of [`Caller::signature`](crate::Caller::signature).
pub fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Parses a key into its id, if one precedes it, and its secret. `None` if the text can't be a key.
///
/// A key may be preceded by its id, `ID.SECRET`, as WhyLabs does. What starts like a generated secret must have its length and checksum;
/// anything else can only be a key without a prefix, or one that the operator set.
pub(crate) fn read(text: &str) -> Option<(Option<&str>, &str)> {
    let (id, secret) = match text.split_once('.') {
        Some((id, rest)) if id.len() == 11 && rest.starts_with(PREFIX) => (Some(id), rest),
        _ => (None, text),
    };
    let secret = if secret.starts_with(PREFIX) || secret.starts_with(SESSION) {
        let well_formed = secret.is_ascii() && secret.len() == PREFIX.len() + RANDOM + CHECK;
        let (body, check) = secret.split_at_checked(PREFIX.len() + RANDOM)?;
        (well_formed && checksum(body) == check).then_some(secret)
    } else {
        sendable(secret).ok()
    };
    secret.map(|secret| (id, secret))
}

/// Checks that the operator may set this as a key; the error says what is wrong.
pub fn check_bootstrap_key(text: &str) -> Result<(), &'static str> {
    sendable(text)?;
    // A text that is parsed differently could never be used to authenticate.
    if read(text) == Some((None, text)) && !is_session(text) {
        Ok(())
    } else {
        Err("must not look like a key generated by Roster (rst_, rss_, ID.rst_), unless it is a token's whole secret")
    }
}

/// Checks that every client can send it in every surface's header. WhyLabs' clients cut a key at a colon.
fn sendable(text: &str) -> Result<&str, &'static str> {
    let fits = (BOOTSTRAP_MIN..=BOOTSTRAP_MAX).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
        Ok(text)
    } else {
        Err("must be 16 to 512 visible ASCII characters, none of them a colon")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        let expected = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00,
            0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
        ];
        assert_eq!(signature("Jefe", b"what do ya want for nothing?"), expected, "RFC 4231, case 2");
        let long = "\u{2a}".repeat(131);
        assert_ne!(signature(&long, b"x"), signature(&long[..64], b"x"));
    }

    #[test]
    fn secrets_read_back_and_mistakes_do_not() {
        let secret = generate();
        assert_eq!(secret.len(), 52);
        assert_eq!(read(&secret), Some((None, &*secret)));
        assert!(!is_session(&secret));
        assert_eq!(read(&format!("0Qk3vR8aZ1b.{secret}")), Some((Some("0Qk3vR8aZ1b"), &*secret)));
        for place in PREFIX.len()..secret.len() {
            let mut mistyped = secret.clone();
            mistyped.replace_range(place..=place, if &secret[place..=place] == "x" { "y" } else { "x" });
            assert_eq!(read(&mistyped), None, "{mistyped}");
        }
        assert_eq!(read("rst_short"), None);
        assert_eq!(read("too short"), None);
        assert_eq!(read("a-key-of-the-operator.s-own"), Some((None, "a-key-of-the-operator.s-own")));
        assert_ne!(generate(), generate());
        assert!(is_session(&session()) && read(&session()).is_some());
        assert_eq!(read("rss_0000"), None);
        let plain = of_form(SecretForm::Plain);
        assert_eq!((read(&plain), plain.len()), (Some((None, &*plain)), 48));
        assert_eq!(hint(&plain, SecretForm::Plain), plain[..5]);
    }

    #[test]
    fn what_the_operator_may_set_lets_him_in() {
        let (prefixed, plain) = (generate(), of_form(SecretForm::Plain));
        for good in ["a-key-of-the-operator", "0Qk3vR8aZ1b.s-own-secret", "RST_of-the-operator", &*prefixed, &*plain] {
            assert_eq!((check_bootstrap_key(good), read(good)), (Ok(()), Some((None, good))));
        }
        let (session, with_id) = (session(), format!("0Qk3vR8aZ1b.{prefixed}"));
        for bad in ["rst_mistyped-or-made-up", "rss_mistyped-or-made-up", "0Qk3vR8aZ1b.rst_no", &*session, &*with_id] {
            let told = check_bootstrap_key(bad);
            assert!(told.is_err_and(|problem| problem.contains("a key generated by Roster")), "{bad}");
        }
        for bad in ["rst_short", "a-key:with-a-colon", "a key with blanks", "a-key-with-ümlauts", &"0".repeat(513)] {
            let told = check_bootstrap_key(bad);
            assert!(told.is_err_and(|problem| problem.contains("16 to 512 visible ASCII")), "{bad}");
        }
    }
}
