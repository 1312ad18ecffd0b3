//! Declaring and mounting a surface.

use std::sync::Arc;

use axum::response::Response;
use http::HeaderMap;
use roster_engine::Surface;
use tower::util::MapRequestLayer;
use utoipa::openapi::{OpenApi, Paths};
use utoipa_axum::router::OpenApiRouter;

use crate::pipeline::{Pipeline, record_route};
use crate::{
    App, Authenticated, BodyPolicy, Failure, HotRoute, PresentedSecret, RequestError, RequestMeta, bearer, openapi,
};

/// Renders a failure in a surface's own format: status, headers and body.
pub type Render = fn(&Failure, &RequestMeta) -> Response;

/// The settings of a surface. Override the defaults of [`SurfaceSpec::new`] by struct update.
#[derive(Clone, Debug)]
pub struct SurfaceSpec {
    pub surface: Surface,
    /// The prefix of all its routes, without a trailing slash: `/v1`.
    pub prefix: &'static str,
    pub render: Render,
    /// Extracts the key from where this surface's clients put it. Default: [`bearer`].
    pub secret: fn(&HeaderMap) -> PresentedSecret,
    pub body: BodyPolicy,
    /// Maximum bytes of a body, where the contract asks for more than the server's limit. Default: that limit.
    pub body_bytes: Option<usize>,
    /// Maximum bytes of path and query, likewise.
    pub url_bytes: Option<usize>,
    /// Whether every route also answers with one trailing slash. Default: true.
    pub ignore_trailing_slash: bool,
    /// Whether `POST` honours `Idempotency-Key`. Default: false.
    pub idempotency: bool,
    /// The header that names a user to act as, for callers who may do that. Default: none.
    pub act_as: Option<&'static str>,
    /// Whether unknown paths and methods require a valid key, too, so that callers without one can't find out which exist.
    /// Default: false.
    pub authenticate_unknown_paths: bool,
    pub options: OptionsPolicy,
    /// Routes that are tried before the router.
    pub hot: &'static [HotRoute],
    /// The path of its OpenAPI document below the prefix; it needs no key. Default: `/openapi.json`.
    pub openapi_path: Option<&'static str>,
}

impl SurfaceSpec {
    pub fn new(surface: Surface, prefix: &'static str, render: Render) -> Self {
        Self {
            surface,
            prefix,
            render,
            secret: bearer,
            body: BodyPolicy::default(),
            body_bytes: None,
            url_bytes: None,
            ignore_trailing_slash: true,
            idempotency: false,
            act_as: None,
            authenticate_unknown_paths: false,
            options: OptionsPolicy::default(),
            hot: &[],
            openapi_path: Some("/openapi.json"),
        }
    }
}

/// How `OPTIONS` is answered on a path that has no route for it. `Allow` is sent in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OptionsPolicy {
    /// 204.
    #[default]
    Answer,
    /// As any other method that the path doesn't have: [`RequestError::MethodNotAllowed`].
    Refuse,
}

/// A surface as its crate declares it: its settings, and its routes without the prefix.
#[derive(Clone)]
pub struct Api {
    spec: SurfaceSpec,
    routes: Routes,
}

/// Builds the routes together with their OpenAPI descriptions; these are large and seldom read, so they are rebuilt rather than kept.
type Routes = Arc<dyn Fn() -> OpenApiRouter<App> + Send + Sync>;

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl Api {
    pub fn new(spec: SurfaceSpec, routes: impl Fn() -> OpenApiRouter<App> + Send + Sync + 'static) -> Self {
        Self { spec, routes: Arc::new(routes) }
    }

    pub fn surface(&self) -> Surface {
        self.spec.surface
    }

    /// The surface's OpenAPI document, with prefixed paths. Needs no server.
    pub fn openapi(&self) -> OpenApi {
        let mut document = self.nested().1;
        openapi::describe_responses(&mut document);
        openapi::remove_null_defaults(&mut document);
        document
    }

    /// Wraps the routes in what all surfaces share: see the crate's documentation.
    pub fn mount(self, app: &App) -> Mounted {
        let spec = self.spec.clone();
        let openapi_url = spec.openapi_path.map(|path| format!("{}{path}", spec.prefix));
        let (surface, prefix) = (spec.surface, spec.prefix);
        let (state, url) = (app.clone(), openapi_url.clone());
        let routes = move || self.router(url.as_deref()).with_state(state.clone());
        let pipeline = Pipeline::new(surface.word(), spec, app, routes);
        Mounted { surface, prefix, openapi_url, pipeline }
    }

    fn router(&self, openapi_url: Option<&str>) -> axum::Router<App> {
        let mut router = self.nested().0;
        if let Some(url) = openapi_url {
            let api = self.clone();
            router = router.route(url, openapi::route(move || api.openapi()));
        }
        if self.spec.authenticate_unknown_paths { with_authenticated_fallbacks(router) } else { with_fallbacks(router) }
    }

    fn nested(&self) -> (axum::Router<App>, OpenApi) {
        let routes = (self.routes)();
        // Nesting keeps the paths and schemas of the nested document, but not its title and security schemes.
        let mut document = routes.get_openapi().clone();
        document.paths = Paths::default();
        OpenApiRouter::with_openapi(document).nest(self.spec.prefix, routes).split_for_parts()
    }
}

/// A surface, ready for the [`surface_router`](crate::surface_router).
#[derive(Clone, Debug)]
pub struct Mounted {
    pub surface: Surface,
    pub prefix: &'static str,
    /// The path of its OpenAPI document.
    pub openapi_url: Option<String>,
    pub(crate) pipeline: Arc<Pipeline>,
}

/// Answers every request that `router` has no route for with a [`Failure`], and lets the pipeline see which route was matched.
pub(crate) fn with_fallbacks<S: Clone + Send + Sync + 'static>(router: axum::Router<S>) -> axum::Router<S> {
    router
        .fallback(async || Failure::from(RequestError::RouteNotFound))
        .method_not_allowed_fallback(async || Failure::from(RequestError::MethodNotAllowed))
        .layer(MapRequestLayer::new(record_route))
}

/// The same, but a request without a valid key is answered with 401 instead.
fn with_authenticated_fallbacks(router: axum::Router<App>) -> axum::Router<App> {
    router
        .fallback(async |_: Authenticated| Failure::from(RequestError::RouteNotFound))
        .method_not_allowed_fallback(async |_: Authenticated| Failure::from(RequestError::MethodNotAllowed))
        .layer(MapRequestLayer::new(record_route))
}
