//! Query parameters.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::percent_decode;

use crate::{Failure, RequestError};

/// The parameters of a query in the order sent, repeated ones included.
///
/// Extraction never fails; the method that reads a parameter reports what is wrong with it, so that the handler decides the
/// order of its checks.
///
/// ```
/// use roster_http::Pairs;
///
/// let query = Pairs::parse("name=Ann+Lee&scopes=%3Auser&scopes=%3Aadmin&limit=20");
/// assert_eq!(query.required("name")?, "Ann Lee");
/// assert_eq!(query.all("scopes")?, [":user", ":admin"]);
/// assert_eq!(query.integer("limit", 1..=500)?, Some(20));
/// assert_eq!(query.flag("default")?, None);
/// # Ok::<(), roster_http::Failure>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Pairs(Vec<(String, Result<String, NotUtf8>)>);

#[derive(Clone, Copy, Debug)]
struct NotUtf8;

impl Pairs {
    /// Splits and decodes a query (without its `?`). A name without `=` has an empty value.
    pub fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A name that isn't UTF-8 is never asked for; it is kept so that `only` can report it.
            let name = decode(name).unwrap_or_else(|NotUtf8| name.to_owned());
            (name, decode(value))
        });
        Self(pairs.collect())
    }

    /// Drops every parameter with exactly this value, as if it hadn't been sent.
    pub fn without_value(mut self, value: &str) -> Self {
        self.0.retain(|(_, sent)| !matches!(sent, Ok(sent) if sent == value));
        self
    }

    /// The first value of `name`, if it was sent at all.
    pub fn optional(&self, name: &str) -> Result<Option<&str>, Failure> {
        self.values(name).next().transpose()
    }

    /// The first value of `name`, which may be empty; fails if it wasn't sent.
    pub fn required(&self, name: &str) -> Result<&str, Failure> {
        self.optional(name)?.ok_or_else(|| RequestError::missing(name).into())
    }

    /// All values of `name`, in their order.
    pub fn all(&self, name: &str) -> Result<Vec<&str>, Failure> {
        self.values(name).collect()
    }

    /// A whole number in `range`.
    pub fn integer(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Failure> {
        let Some(text) = self.optional(name)? else { return Ok(None) };
        match text.parse::<i64>() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let problem = format!("must be a whole number from {} to {}", range.start(), range.end());
                Err(RequestError::invalid(name, problem).into())
            }
        }
    }

    /// `true`, `false`, `1` or `0`, in any letter case (Python clients write `True`).
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        let Some(text) = self.optional(name)? else { return Ok(None) };
        match text {
            "1" => Ok(Some(true)),
            "0" => Ok(Some(false)),
            _ if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            _ if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            _ => Err(RequestError::invalid(name, "must be true or false").into()),
        }
    }

    /// `true`, `yes`, `y`, `on` or `1` in any letter case are true; anything else, or an absent parameter, is false. Never fails.
    pub fn lenient_flag(&self, name: &str) -> bool {
        const TRUE: [&str; 5] = ["true", "yes", "y", "on", "1"];
        let value = self.optional(name).ok().flatten();
        value.is_some_and(|text| TRUE.iter().any(|word| text.eq_ignore_ascii_case(word)))
    }

    /// Fails at the first parameter that isn't one of `known`.
    pub fn only(&self, known: &[&str]) -> Result<(), Failure> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(RequestError::unknown(name).into()),
            None => Ok(()),
        }
    }

    /// All parameters whose value is valid UTF-8.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref().ok()?)))
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = Result<&'a str, Failure>> {
        self.0.iter().filter(move |(sent, _)| sent == name).map(|(name, value)| match value {
            Ok(value) => Ok(value.as_str()),
            Err(NotUtf8) => Err(RequestError::invalid(name, "must be UTF-8").into()),
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Pairs {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(parts.uri.query().map(Self::parse).unwrap_or_default())
    }
}

/// `+` is a space, `%XX` a byte; a `%` without two hex digits stands for itself, as in browsers.
fn decode(text: &str) -> Result<String, NotUtf8> {
    let spaced: Cow<str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    percent_decode(spaced.as_bytes()).decode_utf8().map(Cow::into_owned).map_err(|_| NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    fn fault(result: Result<impl std::fmt::Debug, Failure>) -> (String, Fault) {
        match result.expect_err("a failure") {
            Failure::Request(RequestError::Field { name, fault, .. }) => (name, fault),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn decoding() {
        let query = Pairs::parse("mail=a%2Bb%40c.de&plus=a+b&odd=100%&&flag&=empty&nul=%00&equals=a=b");
        assert_eq!(query.required("mail").expect("there"), "a+b@c.de");
        assert_eq!(query.required("plus").expect("there"), "a b");
        assert_eq!(query.required("odd").expect("there"), "100%");
        assert_eq!(query.required("flag").expect("there"), "");
        assert_eq!(query.required("nul").expect("there"), "\0");
        assert_eq!(query.required("equals").expect("there"), "a=b");
        assert_eq!(fault(query.required("none")), ("none".into(), Fault::Missing));
    }

    #[test]
    fn a_bad_value_fails_only_where_it_is_asked_for() {
        let query = Pairs::parse("bad=%ff&good=1&bad%fe=2");
        assert_eq!(fault(query.optional("bad")), ("bad".into(), Fault::Invalid));
        assert_eq!(fault(query.all("bad")), ("bad".into(), Fault::Invalid));
        assert_eq!(query.flag("good").expect("there"), Some(true));
        assert_eq!(fault(query.only(&["bad", "good"])), ("bad%fe".into(), Fault::Unknown));
    }

    #[test]
    fn numbers_and_flags() {
        let query = Pairs::parse("n=5&big=99999999999999999999&neg=-1&t=True&f=FALSE&none=None&y=YES&e=");
        assert_eq!(query.integer("n", 1..=5).expect("there"), Some(5));
        assert_eq!(query.integer("absent", 1..=5).expect("fine"), None);
        for name in ["big", "neg", "e", "t"] {
            assert_eq!(fault(query.integer(name, 0..=10)), (name.into(), Fault::Invalid));
        }
        assert_eq!(query.flag("t").expect("there"), Some(true));
        assert_eq!(query.flag("f").expect("there"), Some(false));
        assert_eq!(fault(query.flag("none")), ("none".into(), Fault::Invalid));
        assert!(query.lenient_flag("t") && query.lenient_flag("y"));
        assert!(!query.lenient_flag("none") && !query.lenient_flag("e") && !query.lenient_flag("absent"));
    }

    #[test]
    fn a_value_that_means_absent() {
        let query = Pairs::parse("a=__UNSET__&b=1").without_value("__UNSET__");
        assert_eq!(query.optional("a").expect("fine"), None);
        assert_eq!(query.optional("b").expect("fine"), Some("1"));
    }
}
