//! Paging and sorting parameters.

use roster_engine::Page;
use roster_http::{Failure, Pairs, RequestError};

/// A page that is as long as the list unless a limit is asked for.
pub(crate) fn page(query: &Pairs) -> Result<Page, Failure> {
    let number = |name| query.integer(name, 0..=i64::MAX).map(|n| n.and_then(|n| u64::try_from(n).ok()));
    let descending = match query.optional("sortOrder")? {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(RequestError::invalid("sortOrder", "must be asc or desc").into()),
    };
    let (offset, limit) = (number("offset")?.unwrap_or_default(), number("limit")?);
    Ok(Page { cursor: None, offset, limit, descending, total: true })
}

/// What to sort by; the default where nothing is asked for.
pub(crate) fn sort<S: Copy + Default>(query: &Pairs, known: &[(&str, S)]) -> Result<S, Failure> {
    let Some(name) = query.optional("sortBy")? else { return Ok(S::default()) };
    known.iter().find(|(word, _)| *word == name).map(|(_, by)| *by).ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        RequestError::invalid("sortBy", format!("must be one of {}", words.join(", "))).into()
    })
}

/// A string parameter; an empty one counts as absent.
pub(crate) fn text(query: &Pairs, name: &str) -> Result<Option<String>, Failure> {
    Ok(query.optional(name)?.filter(|text| !text.is_empty()).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let read = |query: &str| page(&Pairs::parse(query)).ok().map(|p| (p.offset, p.limit, p.descending));
        assert_eq!(read(""), Some((0, None, false)));
        assert_eq!(read("offset=3&limit=0&sortOrder=desc"), Some((3, Some(0), true)));
        for bad in ["limit=-1", "limit=x", "limit=1.5", "offset=-1", "sortOrder=up", "offset=99999999999999999999"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
