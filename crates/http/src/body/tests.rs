use std::collections::BTreeMap;

use axum::extract::Request;
use bytes::Bytes;
use http::header::EXPECT;
use serde::Deserialize;

use super::*;
use crate::{Fault, Limits, RequestMeta, SurfaceSpec};

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Membership {
    role: Role,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    metadata: BTreeMap<String, i64>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Role {
    #[default]
    Admin,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Item {
    user: String,
}

fn body<T>(policy: BodyPolicy, content_type: Option<&str>, bytes: &[u8]) -> Body<T> {
    let request = Request::builder().uri("/").body(()).expect("a request");
    let spec = SurfaceSpec {
        body: policy,
        ..SurfaceSpec::new(roster_engine::Surface::Native, "", |_, _| axum::response::Response::default())
    };
    let meta = RequestMeta::new(spec.surface, http::Method::POST, request.uri().clone(), request.headers());
    let context = Context {
        spec: Arc::new(spec),
        meta,
        position: Arc::default(),
        idempotency: Ok(None),
        body: Ok(Bytes::copy_from_slice(bytes)),
    };
    let mut headers = HeaderMap::new();
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, content_type.parse().expect("a header value"));
    }
    let depth = Limits::default().json_depth;
    Body { context: Arc::new(context), kind: kind(&headers), depth, wanted: PhantomData }
}

fn refused(bytes: impl AsRef<[u8]>) -> RequestError {
    match body::<Membership>(BodyPolicy::default(), None, bytes.as_ref()).read() {
        Err(Failure::Request(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_field(bytes: &str, expected_name: &str, expected: Fault) {
    match refused(bytes) {
        RequestError::Field { name, fault, .. } => {
            assert_eq!((name.as_str(), fault), (expected_name, expected), "{bytes}");
        }
        other => panic!("{bytes}: {other:?}"),
    }
}

#[test]
fn what_is_wrong_names_the_field() {
    assert_field("{}", "role", Fault::Missing);
    assert_field(r#"{"role":null}"#, "role", Fault::Null);
    assert_field(r#"{"role":1}"#, "role", Fault::Invalid);
    assert_field(r#"{"role":"king"}"#, "role", Fault::Invalid);
    assert_field(r#"{"role":"admin","rule":1}"#, "rule", Fault::Unknown);
    assert_field(r#"{"role":"admin","role":"admin"}"#, "role", Fault::Invalid);
    assert_field(r#"{"role":"admin","items":[{"user":"a"},{}]}"#, "items[1].user", Fault::Missing);
    assert_field(r#"{"role":"admin","items":[{"user":"a","x":1}]}"#, "items[0].x", Fault::Unknown);
    assert_field(r#"{"role":"admin","items":[{"user":"a","user":"a"}]}"#, "items[0].user", Fault::Invalid);
    assert_field(r#"{"role":"admin","items":[{"user":"a"},3]}"#, "items[1]", Fault::Invalid);
    assert_field(r#"{"role":"admin","metadata":{"n":9223372036854775808}}"#, "metadata.n", Fault::Invalid);
}

#[test]
fn a_value_of_another_type_is_told_from_one_that_does_not_fit() {
    for wrong in [r#"{"role":"admin","items":1}"#, r#"{"role":"admin","items":[3]}"#] {
        assert!(refused(wrong).is_wrong_type(), "{wrong}");
    }
    for other in ["{}", r#"{"role":null}"#, r#"{"role":"king"}"#, r#"{"role":"admin","rule":1}"#, "["] {
        assert!(!refused(other).is_wrong_type(), "{other}");
    }
}

#[test]
fn what_is_no_object_of_json() {
    assert_eq!(refused(""), RequestError::BodyMissing);
    assert_eq!(refused("[]"), RequestError::BodyNotObject);
    assert_eq!(refused(r#"["admin"]"#), RequestError::BodyNotObject, "serde would take it for the struct");
    assert_eq!(refused("null"), RequestError::BodyNotObject);
    assert_eq!(refused([b'{', 0xff, b'}']), RequestError::BodyNotUtf8);
    assert_eq!(refused("[".repeat(100_000)), RequestError::BodyTooDeep { limit: 64 });
    for broken in [" ", "{", "nul", "{}{}", r#"{"role":"admin"} x"#, r#"{"role":"\ud800"}"#, "\u{feff}{}", "{\"a\":\0}"]
    {
        assert!(matches!(refused(broken), RequestError::BodyNotJson { .. }), "{broken}: {:?}", refused(broken));
    }
}

#[test]
fn an_absent_body() {
    let json = Some("application/json");
    let object = BodyPolicy { empty: EmptyBody::Object, ..BodyPolicy::default() };
    assert!(body::<BTreeMap<String, i64>>(object, json, b"").read().is_ok_and(|map| map.is_empty()));
    let strict = BodyPolicy { content_type: ContentType::JsonIfPresent, ..BodyPolicy::default() };
    assert_eq!(body::<Membership>(strict, Some("text/plain"), b"").read_or_default().ok(), Some(Membership::default()));
}

#[test]
fn content_types() {
    let strict = BodyPolicy { content_type: ContentType::JsonIfPresent, ..BodyPolicy::default() };
    let read = |policy, content_type| body::<Membership>(policy, content_type, br#"{"role":"admin"}"#).read();
    for fine in [None, Some("application/json; charset=utf-8"), Some("Application/Merge-Patch+JSON")] {
        assert!(read(strict, fine).is_ok(), "{fine:?}");
    }
    let other = Some("application/x-www-form-urlencoded");
    assert!(matches!(read(strict, other), Err(Failure::Request(RequestError::UnsupportedMediaType))));
    assert!(read(BodyPolicy::default(), other).is_ok());
}

#[test]
fn arrays() {
    let items = body::<Vec<Item>>(BodyPolicy::default(), None, br#" [{"user":"a"}]"#).read_array();
    assert_eq!(items.ok(), Some(vec![Item { user: "a".into() }]));
    let refused = body::<Vec<Item>>(BodyPolicy::default(), None, b"{}").read_array();
    assert!(matches!(refused, Err(Failure::Request(RequestError::BodyNotArray))));
}

async fn received(
    pieces: &[&'static str],
    headers: &[(http::HeaderName, &str)],
    limit: usize,
) -> Result<Bytes, RequestError> {
    let pieces: Vec<_> =
        pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes()))).collect();
    let sent = axum::body::Body::from_stream(tokio_stream::iter(pieces));
    let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().expect("a header value"))).collect();
    receive(&headers, sent, limit).await
}

#[tokio::test]
async fn bodies_are_put_together_and_limited() {
    assert_eq!(received(&[], &[], 4).await, Ok(Bytes::new()));
    assert_eq!(received(&["ab"], &[], 4).await, Ok(Bytes::from("ab")));
    assert_eq!(received(&["a", "b", "cd"], &[], 4).await, Ok(Bytes::from("abcd")));
    let too_large = Err(RequestError::BodyTooLarge { limit: 4 });
    assert_eq!(received(&["abcde"], &[], 4).await, too_large);
    assert_eq!(received(&["abc", "de", "f"], &[], 4).await, too_large);
    assert_eq!(received(&[], &[(http::header::CONTENT_LENGTH, "99999999999999999999999")], 4).await, Ok(Bytes::new()));
    let asks = [(http::header::CONTENT_LENGTH, "5"), (EXPECT, "100-continue")];
    assert_eq!(received(&["abcde"], &asks, 4).await, too_large);
}
