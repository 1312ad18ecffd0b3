//! Plain checks on the spot: see [`HotRoute`].

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use roster_engine::{Ask, Brief, CHECKS_MAX, Surface};
use roster_http::{App, HotAnswer, HotRoute, SecretFound, bearer};
use serde::Deserialize;

use crate::wire::Verdict;

/// The routes that have a short way.
pub(crate) const AT_ONCE: &[HotRoute] =
    &[HotRoute { path: "/v1/check", answer: one }, HotRoute { path: "/v1/check:batch", answer: many }];

/// Room for a verdict in JSON.
const VERDICT: usize = 192;

/// A [`Question`](super::Question) without escapes in it, field by field the same, since serde takes a list for an object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain<'q> {
    user_id: Option<&'q str>,
    email: Option<&'q str>,
    organization_id: &'q str,
    permission: Option<&'q str>,
    role: Option<&'q str>,
}

/// [`Questions`](super::Questions) of that kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plains<'q> {
    #[serde(borrow)]
    checks: Vec<Plain<'q>>,
}

impl<'q> Plain<'q> {
    fn brief(&self) -> Option<Brief<'q>> {
        let user = self.user_id.filter(|_| self.email.is_none())?;
        let ask = match (self.permission, self.role) {
            (Some(permission), None) => Ask::Permission(permission),
            (None, Some(role)) => Ask::Role(role),
            _ => return None,
        };
        Some(Brief { user, organization: self.organization_id, ask })
    }
}

/// The body of an object, if it says that it is one, or nothing.
fn parse<'q, T: Deserialize<'q>>(headers: &HeaderMap, body: &'q [u8]) -> Option<T> {
    if headers.get(CONTENT_TYPE).is_some_and(|value| value != "application/json") || body.first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(body).ok()
}

fn ask(app: &App, headers: &HeaderMap, briefs: &[Brief<'_>], tell: impl FnMut(Verdict)) -> Option<i64> {
    let SecretFound::Secret(secret) = bearer(headers) else { return None };
    app.engine.check_at_once(Surface::Native, &secret, briefs, {
        let mut tell = tell;
        move |verdict| tell(verdict.into())
    })
}

fn one(app: &App, headers: &HeaderMap, body: &[u8]) -> Option<HotAnswer> {
    let brief = parse::<Plain<'_>>(headers, body)?.brief()?;
    let mut body = Vec::with_capacity(VERDICT);
    let mut written = Ok(());
    let position = ask(app, headers, &[brief], |verdict| written = serde_json::to_writer(&mut body, &verdict))?;
    written.ok()?;
    Some(HotAnswer { body, position })
}

fn many(app: &App, headers: &HeaderMap, body: &[u8]) -> Option<HotAnswer> {
    let Plains { checks } = parse(headers, body)?;
    if checks.len() > CHECKS_MAX {
        return None;
    }
    let briefs: Vec<Brief<'_>> = checks.iter().map(Plain::brief).collect::<Option<_>>()?;
    let mut body = Vec::with_capacity(VERDICT * (briefs.len() + 1));
    body.extend_from_slice(br#"{"results":["#);
    let mut written = Ok(());
    let position = ask(app, headers, &briefs, |verdict| {
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
