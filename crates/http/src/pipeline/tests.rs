//! The whole pipeline, with routes that don't use the engine.

use std::cell::RefCell;
use std::collections::BTreeMap;

use axum::Json;
use http_body_util::BodyExt;
use roster_engine::{Engine, Surface};
use serde_json::{Value, json};
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::*;
use crate::{Api, Authenticated, HotAnswer, HotRoute, Limits, Pairs, Path, Urls, surface_router};

#[utoipa::path(get, path = "/things/{id}", responses((status = 200)))]
async fn get_thing(Path(id): Path<String>, query: Pairs, meta: RequestMeta) -> Result<Json<Value>, Failure> {
    Ok(Json(json!({"id": id, "q": query.optional("q")?, "route": meta.route()})))
}

#[utoipa::path(post, path = "/things", responses((status = 200)))]
async fn create_thing(body: crate::Body<serde_json::Map<String, Value>>) -> Result<Json<Value>, Failure> {
    Ok(Json(Value::Object(body.read()?)))
}

#[utoipa::path(put, path = "/things/{id}", responses((status = 200)))]
async fn put_thing(Authenticated(_caller): Authenticated, Path(_id): Path<String>, body: crate::Body<()>) -> Failure {
    body.read().err().unwrap_or(RequestError::RouteNotFound.into())
}

#[utoipa::path(get, path = "/panic", responses((status = 200)))]
async fn panics() {
    panic!("as told");
}

#[utoipa::path(get, path = "/slow", responses((status = 200)))]
async fn slow() {
    tokio::time::sleep(Duration::from_hours(1)).await;
}

#[utoipa::path(post, path = "/written", responses((status = 200)))]
async fn written(request: Request) -> Json<Value> {
    let context = request.extensions().get::<Arc<Context>>().expect("mounted");
    context.position.store(42, Ordering::Release);
    let key = context.idempotency.clone().map_err(|error| error.to_string());
    Json(json!({"key": key.map(|key| key.map(|key| (key.key, key.request_hash)))}))
}

/// The router doesn't have this route, so a request that the fast path doesn't answer gets a 404.
const HOT: &[HotRoute] = &[HotRoute { path: "/v1/hot", answer: at_once }];

fn at_once(_: &App, _: &HeaderMap, body: &[u8]) -> Option<HotAnswer> {
    (body == b"{}").then(|| HotAnswer { body: b"{}".to_vec(), position: 0 })
}

fn render(failure: &Failure, meta: &RequestMeta) -> Response {
    let status = match failure {
        Failure::Request(error) => error.status(),
        Failure::Domain(_) => StatusCode::UNAUTHORIZED,
    };
    let body = json!({"surface": meta.surface.word(), "error": failure.to_string(), "id": &*meta.request_id});
    (status, Json(body)).into_response()
}

struct Server {
    app: App,
    router: crate::SurfaceRouter,
}

async fn server() -> Server {
    server_with(Limits { body_bytes: 64, url_bytes: 64, header_bytes: 256, ..Limits::default() }).await
}

async fn server_with(limits: Limits) -> Server {
    let (engine, _) = Engine::open(roster_engine::Config::new("sqlite::memory:")).await.expect("an engine");
    let app = App::new(engine, limits, Urls::default());
    let routes = || {
        let info = utoipa::openapi::Info::new("Things", "1");
        OpenApiRouter::with_openapi(utoipa::openapi::OpenApiBuilder::new().info(info).build())
            .routes(routes!(get_thing, put_thing))
            .routes(routes!(create_thing))
            .routes(routes!(panics))
            .routes(routes!(slow))
            .routes(routes!(written))
    };
    let native = SurfaceSpec { idempotency: true, hot: HOT, ..SurfaceSpec::new(Surface::Native, "/v1", render) };
    let other = SurfaceSpec { ignore_trailing_slash: false, ..SurfaceSpec::new(Surface::Box, "/box/2.0", render) };
    let surfaces = vec![Api::new(native, routes).mount(&app), Api::new(other, routes).mount(&app)];
    let router = surface_router(&app, surfaces, Router::new(), render);
    Server { app, router }
}

async fn send(server: &Server, request: http::request::Builder, body: &str) -> (StatusCode, HeaderMap, Value) {
    answer(server, request.body(Body::from(body.to_owned())).expect("a request")).await
}

async fn answer(server: &Server, request: Request) -> (StatusCode, HeaderMap, Value) {
    let response = server.router.clone().oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let json = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
    (parts.status, parts.headers, json)
}

async fn get(server: &Server, path: &str) -> (StatusCode, HeaderMap, Value) {
    send(server, Request::get(path), "").await
}

#[tokio::test]
async fn a_route_is_found_with_and_without_a_slash() {
    let server = server().await;
    for path in ["/v1/things/a%2Fb?q=1", "/v1/things/a%2Fb/?q=1"] {
        let (status, headers, body) = get(&server, path).await;
        assert_eq!((status, body), (StatusCode::OK, json!({"id": "a/b", "q": "1", "route": "/v1/things/{id}"})));
        assert_eq!(headers[REQUEST_ID].len(), 36);
        assert!(!headers.contains_key(SEQUENCE));
    }
    assert_eq!(get(&server, "/box/2.0/things/a").await.0, StatusCode::OK);
    assert_eq!(get(&server, "/box/2.0/things/a/").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn routes_are_made_once_and_when_they_are_needed() {
    let (engine, _) = Engine::open(roster_engine::Config::new("sqlite::memory:")).await.expect("an engine");
    let app = App::new(engine, Limits { url_bytes: 64, ..Limits::default() }, Urls::default());
    let made = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let routes = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        OpenApiRouter::new().routes(routes!(get_thing))
    };
    let api = Api::new(SurfaceSpec::new(Surface::Native, "/v1", render), routes);
    let router = surface_router(&app, vec![api.mount(&app)], Router::new(), render);
    let server = Server { app, router };
    let made = || made.load(Ordering::Relaxed);
    assert_eq!((get(&server, "/elsewhere").await.0, made()), (StatusCode::NOT_FOUND, 0));
    let long = format!("/v1/things/{}", "a".repeat(99));
    assert_eq!((get(&server, &long).await.0, made()), (StatusCode::URI_TOO_LONG, 0));
    // Those who come first come together.
    let (one, other) = tokio::join!(get(&server, "/v1/things/a"), get(&server, "/v1/things/b"));
    assert_eq!((one.0, other.0, made()), (StatusCode::OK, StatusCode::OK, 1));
    assert_eq!((get(&server, "/v1/things/c").await.0, made()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn every_error_takes_the_form_of_its_surface() {
    let server = server().await;
    let long = format!("/box/2.0/{}", "a".repeat(99));
    for (path, status, surface) in [
        ("/v1/nothing", 404, "native"),
        ("/v1", 404, "native"),
        ("/v1x/things/a", 404, "native"),
        ("/elsewhere", 404, "native"),
        ("/", 404, "native"),
        ("/box/2.0/", 404, "box"),
        ("/box/2.0/things/%ff", 404, "box"),
        ("/box/2.0/things/a?q=%ff", 400, "box"),
        ("/box/2.0/panic", 500, "box"),
        (&long, 414, "box"),
    ] {
        let (got, headers, body) = send(&server, Request::get(path).header(REQUEST_ID, "mine"), "").await;
        assert_eq!((got.as_u16(), &body["surface"]), (status, &json!(surface)), "{path}");
        assert_eq!((headers[REQUEST_ID].as_bytes(), &body["id"]), (&b"mine"[..], &json!("mine")), "{path}");
    }
    let heavy = Request::get("/v1/things/a").header("x-heavy", "a".repeat(300));
    assert_eq!(send(&server, heavy, "").await.0, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let long = send(&server, Request::post("/v1/things"), &"a".repeat(65)).await;
    assert_eq!(long.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn who_may_not_call_learns_nothing_of_his_body() {
    let server = server().await;
    let put = || Request::put("/v1/things/a").header("idempotency-key", "no key");
    assert_eq!(send(&server, put(), "not JSON").await.0, StatusCode::UNAUTHORIZED);
    let wrong = put().header("authorization", "Bearer wrong");
    assert_eq!(send(&server, wrong, &"a".repeat(65)).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn other_methods() {
    let server = server().await;
    let (status, headers, body) = send(&server, Request::delete("/v1/things/a"), "").await;
    assert_eq!((status, &headers[ALLOW]), (StatusCode::METHOD_NOT_ALLOWED, &HeaderValue::from_static("GET,HEAD,PUT")));
    assert_eq!(body["surface"], "native");
    let (status, headers, _) = send(&server, Request::options("/v1/things/a"), "").await;
    assert_eq!((status, &headers[ALLOW]), (StatusCode::NO_CONTENT, &HeaderValue::from_static("GET,HEAD,PUT")));
    let (status, _, body) = send(&server, Request::head("/v1/things/a"), "").await;
    assert_eq!((status, body), (StatusCode::OK, Value::Null));
    let (status, headers, body) = send(&server, Request::head("/v1/nothing"), "").await;
    assert_eq!((status, body), (StatusCode::NOT_FOUND, Value::Null));
    assert_ne!(headers[CONTENT_LENGTH], "0");
    for odd in [Request::options("*"), Request::builder().method("CONNECT").uri("example.org:443")] {
        assert_eq!(send(&server, odd, "").await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let server = server_with(Limits { request_timeout: Duration::from_millis(20), ..Limits::default() }).await;
    assert_eq!(get(&server, "/v1/slow").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_no_failure_of_ours() {
    let server = server_with(Limits { request_timeout: Duration::from_millis(20), ..Limits::default() }).await;
    let late = async |request: http::request::Builder| {
        let never = tokio_stream::pending::<Result<bytes::Bytes, Infallible>>();
        answer(&server, request.body(Body::from_stream(never)).expect("a request")).await
    };
    let (status, _, body) = late(Request::post("/v1/things")).await;
    assert_eq!((status, &body["error"]), (StatusCode::REQUEST_TIMEOUT, &json!("the body did not arrive within 20ms")));
    assert_eq!(late(Request::put("/v1/things/a")).await.0, StatusCode::UNAUTHORIZED);
}

/// For the whole process: of one for a thread alone, what is met first by another thread is never logged.
#[derive(Debug)]
struct Log;

thread_local! {
    /// The fields of each line that was logged on this thread.
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

#[derive(Clone, Debug, Default)]
struct Line(BTreeMap<&'static str, String>);

impl tracing::field::Visit for Line {
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event()
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        LINES.with_borrow_mut(|lines| lines.push(line));
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn what_is_answered_at_once_is_logged_as_the_rest_is() {
    let server = server().await;
    tracing::subscriber::set_global_default(Log).expect("the only one");
    for (body, status) in [("{}", StatusCode::OK), ("[]", StatusCode::NOT_FOUND)] {
        let request = Request::post("/v1/hot").header(REQUEST_ID, "mine");
        assert_eq!(send(&server, request, body).await.0, status);
    }
    let lines = LINES.take();
    let answered = |line: &&Line| line.0.get("message").is_some_and(|message| message.starts_with("answered"));
    let answered: Vec<_> = lines.iter().filter(answered).collect();
    let [hot, rest] = answered[..] else { panic!("{lines:?}") };
    for (name, value) in [("request_id", "mine"), ("surface", "native"), ("method", "POST")] {
        assert_eq!((&*hot.0[name], &*rest.0[name]), (value, value));
    }
    assert_eq!((&*hot.0["status"], &*rest.0["status"]), ("200", "404"));
    assert_eq!(hot.0["route"], "/v1/hot");
    for line in [hot, rest] {
        assert!(line.0["microseconds"].parse::<u64>().is_ok(), "{line:?}");
    }
}

#[tokio::test]
async fn sequence_and_idempotency() {
    let server = server().await;
    let post = |path: &str| Request::post(path).header("idempotency-key", "k1");
    let (_, headers, first) = send(&server, post("/v1/written"), "{}").await;
    assert_eq!(headers[SEQUENCE], "42");
    assert_eq!(first["key"]["Ok"][0], "k1");
    assert_eq!(send(&server, post("/v1/written/"), "{}").await.2, first, "the same request");
    assert_ne!(send(&server, post("/v1/written"), "{ }").await.2, first, "another body");
    assert_eq!(send(&server, post("/box/2.0/written"), "{}").await.2["key"]["Ok"], Value::Null, "not on this surface");
    let (_, _, bad) = send(&server, Request::post("/v1/written").header("idempotency-key", "a b"), "{}").await;
    assert!(bad["key"]["Err"].is_string());
}

#[tokio::test]
async fn a_stopping_server_refuses() {
    let server = server().await;
    server.app.stop();
    let (status, headers, _) = get(&server, "/v1/things/a").await;
    assert_eq!((status, &headers[CONNECTION]), (StatusCode::SERVICE_UNAVAILABLE, &HeaderValue::from_static("close")));
}

#[tokio::test]
async fn it_describes_and_counts_itself() {
    let server = server().await;
    let (status, headers, document) = get(&server, "/box/2.0/openapi.json").await;
    assert_eq!((status, &headers["content-type"]), (StatusCode::OK, &HeaderValue::from_static("application/json")));
    assert_eq!(document["info"]["title"], "Things");
    assert!(document["paths"]["/box/2.0/things/{id}"]["get"].is_object());
    get(&server, "/v1/things/a").await;
    get(&server, "/v1/nothing").await;
    let text = server.app.metrics.render(server.app.engine.statistics()).expect("text");
    for line in [
        r#"request_duration_seconds_count{surface="native",route="/v1/things/{id}",method="GET",status="200"} 1"#,
        r#"request_duration_seconds_count{surface="native",route="unmatched",method="GET",status="404"} 1"#,
        r#"requests_in_flight{surface="native"} 0"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(text.contains("roster_group_commit_batch_size_bucket{le=\"+Inf\"}"), "{text}");
}
