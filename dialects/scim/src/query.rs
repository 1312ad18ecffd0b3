//! The parameters of a list, from a query or the body of `.search`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roster_engine::{Caller, EntityId as _, same_bytes};
use roster_http::Pairs;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::error::{Refusal, ScimType};
use crate::filter::{self, Filter, Path, Target, parse_path};
use crate::schema::Resource;
use crate::selection::Selection;
use crate::value::{check_schemas, member};

pub(crate) const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
pub(crate) const COUNT_DEFAULT: u64 = 100;
pub(crate) const COUNT_MAX: u64 = 1000;
/// How long a cursor is good for.
pub(crate) const CURSOR_SECONDS: i64 = 3600;

/// 2^63: from here on every `f64` is a whole number that doesn't fit into an `i64`.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

/// Which resources are listed, in which order, and which attributes are shown.
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
    /// An empty cursor asks for the first page.
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
    /// Over everything that it is bound to.
    #[serde(rename = "h")]
    signature: String,
}

/// A whole number; one that is too large is capped.
fn integer(name: &str, text: &str) -> Result<i64, Refusal> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::value(format!("{name} must be a whole number")));
    }
    let largest = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Ok(text.parse().unwrap_or(largest))
}

/// The same from JSON, where numbers beyond 64 bits are parsed as `f64`.
fn whole(name: &str, number: &Number) -> Result<i64, Refusal> {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(large) if large >= BEYOND => Ok(i64::MAX),
        Some(small) if small <= -BEYOND => Ok(i64::MIN),
        _ => integer(name, &number.to_string()),
    }
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

    /// RFC 9865 has its own error type for an invalid count.
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
            Some(Value::Number(number)) => whole(name, number).map(Some),
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
    pub(crate) async fn start(&self, kind: &str, caller: &Caller) -> Result<Start, Refusal> {
        match self.cursor.as_deref() {
            None => Ok(Start { after: None, offset: self.start_index - 1 }),
            Some("") => Ok(Start::default()),
            Some(cursor) => self.read_cursor(cursor, kind, caller).await?.ok_or_else(|| {
                Refusal::bad(ScimType::InvalidCursor, "cursor is not one that this list gave, or too old")
            }),
        }
    }

    async fn read_cursor(&self, text: &str, kind: &str, caller: &Caller) -> Result<Option<Start>, Refusal> {
        let Some(cursor) = decoded(text) else { return Ok(None) };
        let age = caller.now().as_ms().checked_sub(cursor.made);
        if !age.is_some_and(|age| (0..=CURSOR_SECONDS * 1000).contains(&age)) {
            return Ok(None);
        }
        let signature = self.signature(kind, caller, cursor.start, cursor.made).await?;
        Ok(same_bytes(signature.as_bytes(), cursor.signature.as_bytes()).then_some(cursor.start))
    }

    pub(crate) async fn next_cursor(&self, kind: &str, caller: &Caller, start: Start) -> Result<String, Refusal> {
        let made = caller.now().as_ms();
        let cursor = Cursor { start, made, signature: self.signature(kind, caller, start, made).await? };
        Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default()))
    }

    /// Signed with the realm's secret, so that cursors can't be forged.
    async fn signature(&self, kind: &str, caller: &Caller, start: Start, made: i64) -> Result<String, Refusal> {
        let key = caller.token().map(|token| token.id.raw());
        let bound = ("scim", kind, &self.filter, &self.sort_by, self.descending, key, start, made);
        let signature = caller.signature(&serde_json::to_vec(&bound).unwrap_or_default()).await?;
        Ok(URL_SAFE_NO_PAD.encode(signature))
    }
}

fn decoded(cursor: &str) -> Option<Cursor> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query, Refusal> {
        Query::of_pairs(&Pairs::parse(text))
    }

    #[test]
    fn a_body_says_numbers_as_a_query_does() {
        let page = |body: &str| {
            let body: Map<String, Value> = serde_json::from_str(body).expect("an object");
            Query::of_body(&body).map(|query| (query.start_index, query.count))
        };
        let largest = i64::MAX.cast_unsigned();
        for large in ["9223372036854775808", "18446744073709551616", "99999999999999999999", "1e300"] {
            assert_eq!(page(&format!("{{\"startIndex\": {large}}}")), Ok((largest, 100)), "{large}");
            assert_eq!(page(&format!("{{\"startIndex\": -{large}, \"count\": -{large}}}")), Ok((1, 0)), "-{large}");
        }
        for bad in ["1.5", "-0.5", "true", "\"x\""] {
            assert!(page(&format!("{{\"count\": {bad}}}")).is_err(), "{bad}");
        }
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
