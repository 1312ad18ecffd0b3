//! Validation of text that people enter: e-mail addresses, names, slugs and keys; and case folding for comparisons.

use unicode_normalization::UnicodeNormalization as _;

use crate::metadata;

/// Longest name of a user, organization, role or token, in characters.
pub const NAME_MAX: usize = 256;
/// Longest external id, in bytes of UTF-8.
pub const EXTERNAL_ID_MAX: usize = 512;
/// Longest e-mail address, in bytes (RFC 5321).
pub const EMAIL_MAX: usize = 254;
/// Longest slug, in characters.
const SLUG_MAX: usize = 128;
/// Longest password, in bytes.
pub const PASSWORD_MAX: usize = 1024;

/// The form for comparing and searching case-insensitively in any script: NFC, Unicode case folding, NFC.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    caseless::default_case_fold_str(&text.nfc().collect::<String>()).nfc().collect()
}

/// The form in which e-mail addresses are stored: NFC, in lower case.
pub fn lower(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase()
}

/// Why a text was refused, worded for the caller.
pub type Problem = &'static str;

pub const EMPTY: Problem = "must not be empty";
pub const BLANK: Problem = "must not be blank";
pub const TOO_LONG: Problem = "is too long";
pub const EMAIL_TOO_LONG: Problem = "is longer than 254 bytes";
pub const SLUG_TOO_LONG: Problem = "is longer than 128 characters";
pub const PASSWORD_TOO_LONG: Problem = "is longer than 1024 bytes";

/// The category of a problem, for surfaces that have an error code for it. It is determined by the constants that the rules here use, so
/// that rewording a problem doesn't change its category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Empty, or only blanks.
    Empty,
    TooLong,
    /// Metadata that exceeds its limit.
    TooLarge,
}

impl ProblemKind {
    /// `None` if it belongs to no category.
    pub fn of(problem: &str) -> Option<Self> {
        match problem {
            EMPTY | BLANK => Some(Self::Empty),
            TOO_LONG | EMAIL_TOO_LONG | SLUG_TOO_LONG | PASSWORD_TOO_LONG => Some(Self::TooLong),
            metadata::TOO_LARGE => Some(Self::TooLarge),
            _ => None,
        }
    }
}

/// At most `max` characters, without NUL, which PostgreSQL can't store, and without U+FFFF, which stands for NUL in searches.
fn storable(text: &str, max: usize) -> Result<(), Problem> {
    if text.contains('\0') {
        Err("must not contain a NUL character")
    } else if text.contains('\u{ffff}') {
        Err("must not contain the noncharacter U+FFFF")
    } else if text.chars().count() > max {
        Err(TOO_LONG)
    } else {
        Ok(())
    }
}

/// A display name: kept unchanged, not blank, at most [`NAME_MAX`] characters.
pub fn name(text: &str) -> Result<&str, Problem> {
    storable(text, NAME_MAX)?;
    if text.trim().is_empty() { Err(BLANK) } else { Ok(text) }
}

/// Free text that may be empty: at most `max` characters, no NUL.
pub fn free(text: &str, max: usize) -> Result<&str, Problem> {
    storable(text, max).map(|()| text)
}

/// An id that was assigned by another system: kept byte for byte, compared exactly.
pub fn external_id(text: &str) -> Result<&str, Problem> {
    storable(text, EXTERNAL_ID_MAX)?;
    if text.is_empty() {
        Err(EMPTY)
    } else if text.len() > EXTERNAL_ID_MAX {
        Err(TOO_LONG)
    } else {
        Ok(text)
    }
}

/// Normalizes one e-mail address to the form in which it is stored and compared: NFC, lower case.
///
/// Deliberately a little stricter than RFC 5322: no quotes, no comments, no lists, a domain with labels.
pub fn email(text: &str) -> Result<String, Problem> {
    const BAD: Problem = "must be one e-mail address, such as ada@example.com";
    let address = lower(text);
    if address.len() > EMAIL_MAX {
        return Err(EMAIL_TOO_LONG);
    }
    let (local, domain) = address.rsplit_once('@').ok_or(BAD)?;
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"@,;:<>()[]\\\"".contains(c));
    if local_ok && is_domain(domain) { Ok(address) } else { Err(BAD) }
}

/// A phone number in E.164 form: `+` and 7 to 15 digits.
pub fn phone(text: &str) -> Result<&str, Problem> {
    let digits = text.strip_prefix('+').unwrap_or_default();
    let ok = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if ok { Ok(text) } else { Err("must be a phone number such as +14155550100") }
}

/// Whether this is a domain name with at least two labels (or `localhost`), in lower case.
pub fn is_domain(domain: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    (domain.contains('.') || domain == "localhost") && domain.split('.').all(label)
}

/// Joins first and last name with one space; missing or empty parts are left out.
pub fn join_name(first: Option<&str>, last: Option<&str>) -> String {
    [first, last].into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The first name up to the first space, and the rest as the last name.
pub fn split_name(name: &str) -> (Option<String>, Option<String>) {
    let some = |part: &str| (!part.is_empty()).then(|| part.to_owned());
    match name.trim().split_once(' ') {
        Some((first, last)) => (some(first), some(last.trim_start())),
        None => (some(name.trim()), None),
    }
}

/// A slug: `[a-z0-9-]`, 1 to 128.
pub fn slug(text: &str) -> Result<&str, Problem> {
    let ok = !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !ok {
        Err("may hold only a-z, 0-9 and -")
    } else if text.len() > SLUG_MAX {
        Err(SLUG_TOO_LONG)
    } else {
        Ok(text)
    }
}

/// Derives a slug from a name: lower case, each run of other characters becomes one `-`; `org` if nothing is left.
pub fn suggest_slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 100 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { String::from("org") } else { slug.to_owned() }
}

/// A role's key: `[a-z0-9_]{1,64}`.
pub fn role_key(text: &str) -> Result<&str, Problem> {
    let ok = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if ok { Ok(text) } else { Err("must be 1 to 64 of a-z, 0-9 and _") }
}

/// A user name: no blanks or control characters, at most 128 characters. Compared by [`fold`].
pub fn username(text: &str) -> Result<&str, Problem> {
    storable(text, 128)?;
    let ok = !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if ok { Ok(text) } else { Err("must not be empty and must not contain blanks") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn emails() {
        for good in ["a@b.co", "jo+x@acme.ai", "Ünïcode@Exämple.com", "a.b@c.d.e", "x@localhost"] {
            assert!(email(good).is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(300));
        for bad in [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a@b.",
            "a@b..c",
            "a@b.co.",
            "a b@c.de",
            "a@x.com, b@x.com",
            "a@b.c\n",
            "a\0@b.co",
            "a@-b.co",
            ".a@b.co",
            &long,
        ] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        assert_eq!(email("ADA@Example.COM").unwrap(), "ada@example.com");
    }

    #[test]
    fn phones() {
        assert!(phone("+14155550100").is_ok() && phone("+1234567").is_ok());
        for bad in ["", "+", "14155550100", "+123456", "+1234567890123456", "+1415555010a", "+04155550100"] {
            assert!(phone(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn folding_knows_more_than_ascii() {
        assert_eq!(fold("ÉLODIE"), fold("élodie"));
        assert_eq!(fold("ЖАННА"), fold("Жанна"));
        assert_eq!(fold("Straße"), fold("STRASSE"));
        assert_eq!(fold("e\u{301}"), fold("\u{e9}"));
    }

    #[test]
    fn names_and_slugs() {
        assert_eq!(split_name("Ada King Lovelace"), (Some("Ada".into()), Some("King Lovelace".into())));
        assert_eq!(split_name("Ada"), (Some("Ada".into()), None));
        assert_eq!(join_name(Some("Ada"), None), "Ada");
        assert_eq!(suggest_slug("  Acme, Inc. "), "acme-inc");
        assert_eq!(suggest_slug("東京"), "org");
        assert!(name(" ").is_err() && name("a\0").is_err() && name(&"x".repeat(257)).is_err());
    }

    #[test]
    fn kinds_of_problems() {
        let long = "a".repeat(600);
        for problem in [
            name(&long).err(),
            free(&long, NAME_MAX).err(),
            external_id(&long).err(),
            external_id(&"ä".repeat(300)).err(),
            email(&format!("{long}@example.com")).err(),
            slug(&long).err(),
            username(&long).err(),
        ] {
            assert_eq!(problem.and_then(ProblemKind::of), Some(ProblemKind::TooLong), "{problem:?}");
        }
        for problem in [name(" ").err(), external_id("").err()] {
            assert_eq!(problem.and_then(ProblemKind::of), Some(ProblemKind::Empty), "{problem:?}");
        }
        let large = metadata::Metadata::from_iter([("a".to_owned(), "x".repeat(metadata::METADATA_MAX).into())]);
        let problem = metadata::check(&large).err();
        assert_eq!(problem.and_then(ProblemKind::of), Some(ProblemKind::TooLarge), "{problem:?}");
        for problem in [email("a").err(), slug("A").err(), username("").err(), username("a b").err()] {
            assert!(problem.is_some_and(|problem| ProblemKind::of(problem).is_none()), "{problem:?}");
        }
    }

    #[test]
    fn problems_name_their_limits() {
        for (problem, limit) in [
            (EMAIL_TOO_LONG, EMAIL_MAX),
            (SLUG_TOO_LONG, SLUG_MAX),
            (PASSWORD_TOO_LONG, PASSWORD_MAX),
            (metadata::TOO_LARGE, metadata::METADATA_MAX),
        ] {
            assert!(problem.contains(&format!(" {limit} ")), "{problem}");
        }
    }

    proptest! {
        #[test]
        fn a_suggested_slug_is_a_slug(text in "\\PC{0,200}") {
            prop_assert!(slug(&suggest_slug(&text)).is_ok());
        }

        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
