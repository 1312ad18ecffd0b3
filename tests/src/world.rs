//! A whole server in the process: a database of its own, all surfaces, no port.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use roster_engine::{
    Caller, Carried, Clock, Config, Dialect, DirectoryOptions, Engine, ImportProgress, ImportStep, Incoming,
    IncomingUser, IndexMode, NewUser, Timestamp, UserId, UserRef,
};
use roster_http::{App, Limits, SurfaceRouter, Urls};
use roster_testing::Database;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::vendor;

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_795_327_200_000))
    }
}

impl TestClock {
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// May also go backwards, as real clocks do.
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.as_ms(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// The realm key of every test server.
pub const KEY: &str = "a-realm-key-for-the-tests";

/// One server.
#[derive(Debug)]
pub struct World {
    pub engine: Arc<Engine>,
    pub app: App,
    pub clock: Arc<TestClock>,
    router: SurfaceRouter,
    _database: Database,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    /// `Null` if the body isn't JSON.
    pub json: Value,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A string of the body, by JSON pointer.
    pub fn str(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {}", self.json))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with_limits(Limits::default()).await
    }

    pub async fn with_limits(limits: Limits) -> Self {
        Self::with(limits, DirectoryOptions::default(), Arc::default(), None).await
    }

    pub async fn with_directory(directory: DirectoryOptions) -> Self {
        Self::with(Limits::default(), directory, Arc::default(), None).await
    }

    /// With configured names for AuthZEN's clients, and a public URL.
    pub async fn with_names(names: roster_server::Names, public_url: Option<&str>) -> Self {
        Self::with(Limits::default(), DirectoryOptions::default(), Arc::new(names), public_url).await
    }

    async fn with(
        limits: Limits,
        directory: DirectoryOptions,
        names: Arc<roster_server::Names>,
        public_url: Option<&str>,
    ) -> Self {
        let database = Database::new();
        let clock = Arc::new(TestClock::default());
        let mut config = Config::new(database.url());
        config.bootstrap_key = Some(KEY.to_owned());
        config.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        config.limits.bulk_items = limits.bulk_items;
        if database.is_server() {
            // There is no other process on the database to wait for.
            config.index = IndexMode::None;
        }
        config.directory = directory;
        let (engine, _) = Engine::open(config).await.expect("an engine");
        let urls = Urls { public: public_url.map(Into::into), address: None };
        let app = App::new(Arc::clone(&engine), limits, urls);
        let router = roster_server::router(&app, names);
        Self { engine, app, clock, router, _database: database }
    }

    /// A caller who may do everything, for direct use of the engine.
    pub async fn operator(&self) -> Caller {
        self.engine.operator("default").await.expect("the database").expect("the realm `default`")
    }

    /// Sends a request. A dialect's answer is validated against the vendor's description, if there is one.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.expect("routers don't fail");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes().to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        vendor::check(&method, &path, parts.status, &bytes).unwrap_or_else(|problem| panic!("{problem}"));
        Answer { status: parts.status, headers: parts.headers, bytes, json }
    }

    /// A native request with the realm key.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call_as(KEY, method, path, body).await
    }

    /// A native request with this key. `Null` is no body.
    pub async fn call_as(&self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        self.send(request(key, method, path, &body)).await
    }

    /// Imports a user that this vendor's clients know by another id.
    pub async fn bring(&self, dialect: Dialect, email: &str, alias: &str) -> UserId {
        let operator = self.operator().await;
        let carried = Carried { aliases: vec![(dialect, alias.to_owned())], ..Carried::default() };
        let new = NewUser { email: Some(email.to_owned()), ..NewUser::default() };
        let line = Incoming::User(Box::new(IncomingUser { carried, new, ..IncomingUser::default() }));
        let now = operator.now();
        let after = ImportProgress {
            beginning: String::new(),
            hash: String::new(),
            bytes: 1,
            lines: 1,
            finished: true,
            begun: now,
            updated: now,
        };
        operator.import([line].into(), ImportStep { before: None, after }).await.expect("an import");
        operator.user(UserRef::Email(email.to_owned())).await.expect("a user").id
    }

    /// All disagreements between log, tables and rules. Must be empty at the end of every test.
    pub async fn verify(&self) -> Vec<String> {
        let operator = self.operator().await;
        self.engine.verify(operator.realm_id()).await.expect("the database")
    }
}

/// A native request.
pub fn request(key: &str, method: &str, path: &str, body: &Value) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).expect("a method"))
        .uri(path)
        .header("authorization", format!("Bearer {key}"));
    let body = if body.is_null() {
        Body::empty()
    } else {
        request = request.header("content-type", "application/json");
        Body::from(body.to_string())
    };
    request.body(body).expect("a request")
}
