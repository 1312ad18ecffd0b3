//! Paging parameters.

use roster_engine::Page;
use roster_http::{Failure, Pairs, RequestError};

const LIMIT_DEFAULT: u64 = 100;
const LIMIT_MAX: u64 = 1000;
const OFFSET_MAX: u64 = 10_000;

/// A page by its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offsets {
    pub(crate) limit: u64,
    pub(crate) offset: u64,
}

/// A non-negative number. One that is too large for the type is capped.
fn number(query: &Pairs, name: &str) -> Result<Option<u64>, Failure> {
    let Some(text) = query.optional(name)? else { return Ok(None) };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RequestError::invalid(name, "must be a whole number").into());
    }
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}

/// The limit, capped at the maximum; the answer contains the capped value.
pub(crate) fn limit(query: &Pairs) -> Result<u64, Failure> {
    match number(query, "limit")? {
        Some(0) => Err(RequestError::invalid("limit", "must be at least 1").into()),
        limit => Ok(limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX)),
    }
}

impl Offsets {
    pub(crate) fn of(query: &Pairs) -> Result<Self, Failure> {
        let limit = limit(query)?;
        let offset = number(query, "offset")?.unwrap_or_default();
        if offset > OFFSET_MAX {
            return Err(RequestError::invalid("offset", "must be at most 10000").into());
        }
        Ok(Self { limit, offset })
    }

    pub(crate) fn page(self) -> Page {
        Page { offset: self.offset, limit: Some(self.limit), total: true, ..Page::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let read = |query: &str| Offsets::of(&Pairs::parse(query)).ok().map(|page| (page.limit, page.offset));
        assert_eq!(read(""), Some((100, 0)));
        assert_eq!(read("limit=5&offset=10000"), Some((5, 10_000)));
        assert_eq!(read("limit=99999999999999999999"), Some((1000, 0)));
        for bad in ["limit=0", "limit=-1", "limit=", "limit=x", "limit=%2B1", "offset=10001", "offset=-1", "offset=1.5"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read("offset=99999999999999999999"), None);
    }
}
