//! Time as Roster keeps it: whole milliseconds since 1970, UTC.

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    pub const fn as_ms(self) -> i64 {
        self.0
    }

    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This moment, or the one right after `earlier`: what was changed later never looks older, whatever the clock does.
    pub fn not_before(self, earlier: Self) -> Self {
        Self(self.0.max(earlier.0.saturating_add(1)))
    }

    /// RFC 3339 with milliseconds, such as `2026-11-22T06:00:00.000Z`.
    pub fn rfc3339(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => format!("{time:.3}"),
            Err(_) => String::from("9999-12-30T22:00:00.000Z"),
        }
    }

    /// Reads RFC 3339 with any offset. `None` if it is not that, or beyond the years 0 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|time| Self(time.as_millisecond()))
    }
}

/// Where the time comes from, so that tests can say what time it is.
pub trait Clock: std::fmt::Debug + Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
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
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert_eq!(Timestamp::from_ms(5).not_before(Timestamp::from_ms(9)), Timestamp::from_ms(10));
        assert_eq!(Timestamp::from_ms(i64::MAX).rfc3339(), "9999-12-30T22:00:00.000Z");
    }
}
