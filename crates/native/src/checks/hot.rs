//! The fast path for simple checks: see [`HotRoute`].

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use roster_engine::{Ask, CHECKS_MAX, FastCheck, Surface};
use roster_http::{App, HotAnswer, HotRoute, PresentedSecret, bearer};
use serde::Deserialize;

use crate::wire::Verdict;

/// The routes that have a fast path.
pub(crate) const HOT_ROUTES: &[HotRoute] =
    &[HotRoute { path: "/v1/check", answer: one }, HotRoute { path: "/v1/check:batch", answer: many }];

/// Initial capacity for a verdict in JSON, in bytes.
const VERDICT_CAPACITY: usize = 192;

/// A [`Question`](super::Question) whose strings contain no escapes, so that they can be borrowed. The same fields in the same order,
/// since serde also accepts an array for a struct.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HotQuestion<'q> {
    user_id: Option<&'q str>,
    email: Option<&'q str>,
    organization_id: &'q str,
    permission: Option<&'q str>,
    role: Option<&'q str>,
}

/// [`Questions`](super::Questions) of this kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HotQuestions<'q> {
    #[serde(borrow)]
    checks: Vec<HotQuestion<'q>>,
}

impl<'q> HotQuestion<'q> {
    fn fast_check(&self) -> Option<FastCheck<'q>> {
        let user = self.user_id.filter(|_| self.email.is_none())?;
        let ask = match (self.permission, self.role) {
            (Some(permission), None) => Ask::Permission(permission),
            (None, Some(role)) => Ask::Role(role),
            _ => return None,
        };
        Some(FastCheck { user, organization: self.organization_id, ask })
    }
}

/// Parses a JSON object; `None` if it isn't one, or if the content type is not exactly `application/json` (or absent).
fn parse<'q, T: Deserialize<'q>>(headers: &HeaderMap, body: &'q [u8]) -> Option<T> {
    if headers.get(CONTENT_TYPE).is_some_and(|value| value != "application/json") || body.first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(body).ok()
}

fn ask(app: &App, headers: &HeaderMap, checks: &[FastCheck<'_>], tell: impl FnMut(Verdict)) -> Option<i64> {
    let PresentedSecret::Secret(secret) = bearer(headers) else { return None };
    app.engine.check_in_memory(Surface::Native, &secret, checks, {
        let mut tell = tell;
        move |verdict| tell(verdict.into())
    })
}

fn one(app: &App, headers: &HeaderMap, body: &[u8]) -> Option<HotAnswer> {
    let check = parse::<HotQuestion<'_>>(headers, body)?.fast_check()?;
    let mut body = Vec::with_capacity(VERDICT_CAPACITY);
    let mut written = Ok(());
    let position = ask(app, headers, &[check], |verdict| written = serde_json::to_writer(&mut body, &verdict))?;
    written.ok()?;
    Some(HotAnswer { body, position })
}

fn many(app: &App, headers: &HeaderMap, body: &[u8]) -> Option<HotAnswer> {
    let HotQuestions { checks } = parse(headers, body)?;
    if checks.len() > CHECKS_MAX {
        return None;
    }
    let checks: Vec<FastCheck<'_>> = checks.iter().map(HotQuestion::fast_check).collect::<Option<_>>()?;
    let mut body = Vec::with_capacity(VERDICT_CAPACITY * (checks.len() + 1));
    body.extend_from_slice(br#"{"results":["#);
    let mut written = Ok(());
    let position = ask(app, headers, &checks, |verdict| {
        if !body.ends_with(b"[") {
            body.push(b',');
        }
        if written.is_ok() {
            written = serde_json::to_writer(&mut body, &verdict);
        }
    })?;
    written.ok()?;
    body.extend_from_slice(b"]}");
    Some(HotAnswer { body, position })
}
