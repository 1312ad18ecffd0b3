//! What a list is asked: in a query, or in the body of `.search`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roster_engine::{Caller, EntityId as _};
use roster_http::Pairs;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Refusal, ScimType};
use crate::filter::{self, Filter, Path, Target, parse_path};
use crate::map::hash_of;
use crate::schema::Resource;
use crate::selection::Selection;
use crate::value::{check_schemas, member};

pub(crate) const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
pub(crate) const COUNT_DEFAULT: u64 = 100;
pub(crate) const COUNT_MAX: u64 = 1000;
/// How long a cursor is good for.
pub(crate) const CURSOR_SECONDS: i64 = 3600;

/// Which resources, in which order, and what is shown of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) attributes: Vec<String>,
    pub(crate) excluded: Vec<String>,
    pub(crate) filter: Option<String>,
    pub(crate) sort_by: Option<String>,
    pub(crate) descending: bool,
    /// From 1.
    pub(crate) start_index: u64,
    pub(crate) count: u64,
    /// `Some` of nothing begins.
    pub(crate) cursor: Option<String>,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    /// The id of the last one seen.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<i64>,
    #[serde(rename = "o", default)]
    pub(crate) offset: u64,
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    #[serde(flatten)]
    start: Start,
    /// When it was made.
    #[serde(rename = "t")]
    made: i64,
    /// What it belongs to.
    #[serde(rename = "h")]
    hash: String,
}

/// A whole number; too large ones are the largest.
fn integer(name: &str, text: &str) -> Result<i64, Refusal> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::value(format!("{name} must be a whole number")));
    }
    let largest = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Ok(text.parse().unwrap_or(largest))
}

fn sort_order(order: Option<&str>) -> Result<bool, Refusal> {
    match order {
        None | Some("") => Ok(false),
        Some(order) if order.eq_ignore_ascii_case("ascending") => Ok(false),
        Some(order) if order.eq_ignore_ascii_case("descending") => Ok(true),
        Some(_) => Err(Refusal::value("sortOrder must be ascending or descending")),
    }
}

impl Query {
    fn counted(mut self, start_index: Option<i64>, count: Option<i64>) -> Self {
        self.start_index = start_index.map_or(1, |from| u64::try_from(from).unwrap_or(1).max(1));
        self.count = count.map_or(COUNT_DEFAULT, |count| u64::try_from(count).unwrap_or(0).min(COUNT_MAX));
        self
    }

    pub(crate) fn of_pairs(pairs: &Pairs) -> Result<Self, Refusal> {
        let text = |name: &str| Ok::<_, Refusal>(pairs.optional(name)?.map(str::to_owned));
        let number = |name: &str| text(name)?.map(|text| integer(name, &text)).transpose();
        let list = |name: &str| Ok::<_, Refusal>(text(name)?.into_iter().collect::<Vec<_>>());
        let query = Self {
            attributes: list("attributes")?,
            excluded: list("excludedAttributes")?,
            filter: text("filter")?,
            sort_by: text("sortBy")?.filter(|path| !path.is_empty()),
            descending: sort_order(text("sortOrder")?.as_deref())?,
            cursor: text("cursor")?,
            ..Self::default()
        };
        let count = query.count_of(number("count"))?;
        Ok(query.counted(number("startIndex")?, count))
    }

    /// RFC 9865 has a word of its own for a count that is none.
    fn count_of(&self, count: Result<Option<i64>, Refusal>) -> Result<Option<i64>, Refusal> {
        match (count, &self.cursor) {
            (Err(refusal), Some(_)) => Err(Refusal::bad(ScimType::InvalidCount, refusal.detail)),
            (count, _) => count,
        }
    }

    /// What is shown, for requests about one resource.
    pub(crate) fn selection_of_pairs(pairs: &Pairs, of: &'static Resource) -> Result<Selection, Refusal> {
        let list =
            |name: &str| Ok::<_, Refusal>(pairs.optional(name)?.map(str::to_owned).into_iter().collect::<Vec<_>>());
        Ok(Selection::new(of, &list("attributes")?, &list("excludedAttributes")?))
    }

    pub(crate) fn of_body(body: &Map<String, Value>) -> Result<Self, Refusal> {
        check_schemas(body, SEARCH)?;
        let text = |name: &str| match member(body, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Refusal::value(format!("{name} must be a text"))),
        };
        let number = |name: &str| match member(body, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => integer(name, text).map(Some),
            Some(Value::Number(number)) => integer(name, &number.to_string()).map(Some),
            Some(_) => Err(Refusal::value(format!("{name} must be a whole number"))),
        };
        let list = |name: &str| match member(body, name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Array(names)) => {
                let names: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
                names.ok_or_else(|| Refusal::value(format!("{name} must be a list of texts")))
            }
            Some(_) => Err(Refusal::value(format!("{name} must be a list of texts"))),
        };
        let query = Self {
            attributes: list("attributes")?,
            excluded: list("excludedAttributes")?,
            filter: text("filter")?,
            sort_by: text("sortBy")?.filter(|path| !path.is_empty()),
            descending: sort_order(text("sortOrder")?.as_deref())?,
            cursor: text("cursor")?,
            ..Self::default()
        };
        let count = query.count_of(number("count"))?;
        Ok(query.counted(number("startIndex")?, count))
    }

    pub(crate) fn selection(&self, of: &'static Resource) -> Selection {
        Selection::new(of, &self.attributes, &self.excluded)
    }

    pub(crate) fn filter(
        &self,
        of: &'static Resource,
        elsewhere: &[&'static Resource],
    ) -> Result<Option<Filter>, Refusal> {
        let Some(text) = &self.filter else { return Ok(None) };
        let filter = filter::parse(text, of, elsewhere);
        filter.map(Some).map_err(|problem| Refusal::bad(ScimType::InvalidFilter, format!("filter: {}", problem.0)))
    }

    /// What to sort by, if this kind of resource has it.
    pub(crate) fn sort(
        &self,
        of: &'static Resource,
        elsewhere: &[&'static Resource],
    ) -> Result<Option<Target>, Refusal> {
        let Some(text) = &self.sort_by else { return Ok(None) };
        match parse_path(text, of) {
            Ok(Path::Attribute(target)) if target.filter.is_none() => Ok(Some(target)),
            _ if elsewhere.iter().any(|other| matches!(parse_path(text, other), Ok(Path::Attribute(_)))) => Ok(None),
            _ => Err(Refusal::path(format!("sortBy: there is no attribute {text:.120}"))),
        }
    }

    /// Where the page begins, by cursor or index.
    pub(crate) fn start(&self, kind: &str, caller: &Caller) -> Result<Start, Refusal> {
        match self.cursor.as_deref() {
            None => Ok(Start { after: None, offset: self.start_index - 1 }),
            Some("") => Ok(Start::default()),
            Some(cursor) => self.read_cursor(cursor, kind, caller).ok_or_else(|| {
                Refusal::bad(ScimType::InvalidCursor, "cursor is not one that this list gave, or too old")
            }),
        }
    }

    fn read_cursor(&self, text: &str, kind: &str, caller: &Caller) -> Option<Start> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let cursor: Cursor = serde_json::from_slice(&bytes).ok()?;
        let age = caller.now().as_ms().checked_sub(cursor.made)?;
        let fresh = (0..=CURSOR_SECONDS * 1000).contains(&age);
        (fresh && cursor.hash == self.hash(kind, caller, cursor.start, cursor.made)).then_some(cursor.start)
    }

    pub(crate) fn next_cursor(&self, kind: &str, caller: &Caller, start: Start) -> String {
        let made = caller.now().as_ms();
        let cursor = Cursor { start, made, hash: self.hash(kind, caller, start, made) };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }

    /// Of everything that a cursor is bound to.
    fn hash(&self, kind: &str, caller: &Caller, start: Start, made: i64) -> String {
        let key = caller.token().map(|token| token.id.raw());
        let bound = (kind, &self.filter, &self.sort_by, self.descending, key, caller.realm_id().raw(), start, made);
        hash_of(&serde_json::to_vec(&bound).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query, Refusal> {
        Query::of_pairs(&Pairs::parse(text))
    }

    #[test]
    fn numbers_of_a_page() {
        let page = |text: &str| query(text).map(|query| (query.start_index, query.count));
        assert_eq!(page(""), Ok((1, 100)));
        assert_eq!(page("startIndex=0&count=-5"), Ok((1, 0)));
        assert_eq!(page("startIndex=-7&count=99999"), Ok((1, 1000)));
        assert_eq!(page("startIndex=99999999999999999999"), Ok((i64::MAX.cast_unsigned(), 100)));
        for bad in ["startIndex=x", "count=1.5", "count=", "sortOrder=up"] {
            assert!(query(bad).is_err(), "{bad}");
        }
    }
}
