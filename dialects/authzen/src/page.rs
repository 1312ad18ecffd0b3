//! Paging of searches. A token marks where the next page begins; it is signed for one realm, one endpoint and one question.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roster_engine::{Caller, SIGNATURE_BYTES, same_bytes};
use roster_http::{Failure, RequestError};
use serde_json::{Value, json};

use crate::tree::{Node, invalid};

/// Maximum results on a page.
const LIMIT_MAX: u64 = 1000;
/// Maximum length of a token, in bytes.
const TOKEN_MAX: usize = 512;
/// The largest integer that every JSON implementation parses exactly.
const EXACT_MAX: u64 = 1 << 53;
/// In a token: no limit was given.
const NO_LIMIT: u64 = u64::MAX;

/// Where the results of a search begin, and how many there may be.
#[derive(Debug)]
pub(crate) struct Page {
    /// The question in canonical form.
    question: String,
    /// The last result of the page before.
    pub after: Option<String>,
    limit: Option<u64>,
    /// As it came.
    token: Option<String>,
}

fn number(page: &Node) -> Result<Option<u64>, RequestError> {
    let bad = || invalid("page.limit", "must be a whole number from 0 to 2^53");
    match page.member("page", "limit")? {
        None => Ok(None),
        Some(Node::Number(number)) => {
            // A whole number may be written as a fraction, too.
            let whole = number.as_u64().or_else(|| {
                let float =
                    number.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(n))?;
                format!("{float:.0}").parse().ok()
            });
            whole.filter(|whole| *whole <= EXACT_MAX).map(Some).ok_or_else(bad)
        }
        Some(_) => Err(bad()),
    }
}

async fn signature(caller: &Caller, question: &str, limit: u64, after: &str) -> Result<[u8; SIGNATURE_BYTES], Failure> {
    let text = format!("authzen\0{question}\0{limit}\0{after}");
    Ok(caller.signature(text.as_bytes()).await?)
}

impl Page {
    /// `question`: endpoint and everything asked but the page.
    pub(crate) async fn read(body: &Node, caller: &Caller, question: String) -> Result<Self, Failure> {
        let foreign = || Failure::from(invalid("page.token", "is not one that this search gave"));
        let Some(page) = body.object("", "page")? else {
            return Ok(Self { question, after: None, limit: None, token: None });
        };
        page.object("page", "properties")?;
        let limit = number(page)?;
        let Some(token) = page.text("page", "token", TOKEN_MAX)? else {
            return Ok(Self { question, after: None, limit, token: None });
        };
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| foreign())?;
        let (mac, rest) = bytes.split_at_checked(SIGNATURE_BYTES).ok_or_else(foreign)?;
        let (first, after) = rest.split_at_checked(8).ok_or_else(foreign)?;
        let was = u64::from_be_bytes(first.try_into().map_err(|_| foreign())?);
        let after = std::str::from_utf8(after).map_err(|_| foreign())?;
        if !same_bytes(mac, &signature(caller, &question, was, after).await?) {
            return Err(foreign());
        }
        let was = (was != NO_LIMIT).then_some(was);
        if limit.is_some() && limit != was {
            return Err(invalid("page.limit", "must stay what it was, or be left out").into());
        }
        let after = Some(after.to_owned()).filter(|after| !after.is_empty());
        Ok(Self { question, after, limit: was, token: Some(token.to_owned()) })
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit.unwrap_or(LIMIT_MAX).min(LIMIT_MAX)
    }

    /// The answer's `page`. `last`: the last result on this page.
    pub(crate) async fn finish(
        &self,
        caller: &Caller,
        count: usize,
        total: u64,
        last: Option<String>,
    ) -> Result<Value, Failure> {
        let counts_only = self.limit == Some(0);
        let next = match last {
            // Only the total was asked for, so the position stays.
            _ if counts_only && self.token.is_some() => self.token.clone().unwrap_or_default(),
            _ if counts_only && total > 0 => self.token_for(caller, "").await?,
            Some(last) => self.token_for(caller, &last).await?,
            None => String::new(),
        };
        Ok(json!({ "next_token": next, "count": count, "total": total }))
    }

    async fn token_for(&self, caller: &Caller, after: &str) -> Result<String, Failure> {
        let limit = self.limit.unwrap_or(NO_LIMIT);
        let mut bytes = signature(caller, &self.question, limit, after).await?.to_vec();
        bytes.extend(limit.to_be_bytes());
        bytes.extend(after.as_bytes());
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }
}
