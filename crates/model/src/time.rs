//! Timestamps: whole milliseconds since 1970, UTC.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last moment that can be written with a four-digit year in every time zone: `9999-12-30T22:00:00.000Z`.
    const LAST: Self = Self(253_402_207_200_000);

    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    pub const fn as_ms(self) -> i64 {
        self.0
    }

    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This timestamp, but at least one millisecond after `earlier`: so the time of change of a record always increases, even if the clock is
    /// set back.
    pub fn advanced_past(self, earlier: Self) -> Self {
        Self(self.0.max(earlier.0.saturating_add(1)))
    }

    /// RFC 3339 with milliseconds, such as `2026-11-22T06:00:00.000Z`.
    pub fn rfc3339(self) -> String {
        let time = jiff::Timestamp::from_millisecond(self.0.min(Self::LAST.0)).unwrap_or(jiff::Timestamp::MIN);
        format!("{time:.3}")
    }

    /// Parses RFC 3339 with any offset; a space is accepted instead of the `T`. `None` for anything else. Times after the last representable
    /// moment, at the end of the year 9999, which often mean "never", become that moment.
    pub fn parse(text: &str) -> Option<Self> {
        let local = text.get(..SECONDS).filter(|_| is_rfc3339(text))?;
        let time = text.parse::<jiff::Timestamp>().or_else(|beyond| match local.parse::<jiff::civil::DateTime>() {
            Ok(local) if local.year() == 9999 => Ok(jiff::Timestamp::MAX),
            _ => Err(beyond),
        });
        time.ok().map(|time| Self(time.as_millisecond()).min(Self::LAST))
    }
}

/// The length of `2026-11-22T06:00:00`.
const SECONDS: usize = 19;

/// Whether a text has the form of RFC 3339. ISO 8601 allows many more forms, which vendors' clients can't parse.
fn is_rfc3339(text: &str) -> bool {
    let like = |text: &[u8], form: &[u8]| {
        let fits = |(byte, form): (&u8, &u8)| match form {
            b'0' => byte.is_ascii_digit(),
            b'T' => b"Tt ".contains(byte),
            b'+' => b"+-".contains(byte),
            form => byte == form,
        };
        text.len() == form.len() && text.iter().zip(form).all(fits)
    };
    let Some((local, rest)) = text.as_bytes().split_at_checked(SECONDS) else { return false };
    let offset = match rest.strip_prefix(b".") {
        Some(rest) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            rest.get(digits..).filter(|_| digits > 0).unwrap_or(b"none")
        }
        None => rest,
    };
    let hours = |offset: &[u8]| offset.get(1..3).is_some_and(|hours| hours < b"24".as_slice());
    like(local, b"0000-00-00T00:00:00")
        && (like(offset, b"Z") || like(offset, b"z") || (like(offset, b"+00:00") && hours(offset)))
}

/// The source of the current time; tests replace it.
pub trait Clock: std::fmt::Debug + Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// The system clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the system clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let time = Timestamp::from_ms(1_795_327_200_123);
        assert_eq!(time.rfc3339(), "2026-11-22T06:00:00.123Z");
        assert_eq!(Timestamp::parse(&time.rfc3339()), Some(time));
        assert_eq!(Timestamp::parse("2026-11-22T07:00:00.123+01:00"), Some(time));
        for same in ["2026-11-22T06:00:00.123z", "2026-11-22 06:00:00.123456-00:00", "2026-11-22t11:45:00.123+05:45"] {
            assert_eq!(Timestamp::parse(same), Some(time), "{same}");
        }
        assert_eq!(Timestamp::from_ms(5).advanced_past(Timestamp::from_ms(9)), Timestamp::from_ms(10));
        assert_eq!(Timestamp::from_ms(i64::MAX).rfc3339(), "9999-12-30T22:00:00.000Z");
    }

    #[test]
    fn other_forms_of_time_are_none() {
        for other in [
            "",
            "yesterday",
            "2020-01-01",
            "20200101T000000Z",
            "2020-01-01T00Z",
            "2020-01-01T00:00Z",
            "2020-01-01T00:00:00",
            "2020-01-01T00:00:00,5Z",
            "2020-01-01T00:00:00.Z",
            "2020-01-01T00:00:00+05",
            "2020-01-01T00:00:00+24:00",
            "2020-01-01T00:00:00+00:00[Europe/Berlin]",
            "2020-02-30T00:00:00Z",
            "2020-01-01T25:00:00Z",
            "+002020-01-01T00:00:00Z",
            "-005000-01-01T00:00:00Z",
            "2020-01-01T00:00:0\u{661}Z",
            "9999-12-32T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(other), None, "{other}");
        }
    }

    #[test]
    fn never_is_the_last_moment() {
        let last = Timestamp::parse("9999-12-31T23:59:59.999999Z").expect("a time");
        assert_eq!(last, Timestamp::parse("9999-12-31T00:00:00+00:00").expect("a time"));
        assert_eq!(last.rfc3339(), "9999-12-30T22:00:00.000Z");
        assert!(Timestamp::parse("9999-12-30T21:00:00Z").is_some_and(|before| before < last));
    }
}
