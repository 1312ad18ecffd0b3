//! Declaring and mounting a surface.

use std::sync::Arc;

use axum::response::Response;
use http::HeaderMap;
use roster_engine::Surface;
use tower::util::MapRequestLayer;
use utoipa::openapi::{OpenApi, Paths};
use utoipa_axum::router::OpenApiRouter;

use crate::pipeline::{Pipeline, note_route};
use crate::{App, Authenticated, BodyPolicy, Failure, Frame, HotRoute, RequestMeta, SecretFound, bearer, openapi};

/// Puts a failure into a surface's own form: status, headers and body.
pub type Render = fn(&Failure, &RequestMeta) -> Response;

/// What is peculiar to a surface. Change what [`SurfaceSpec::new`] says by struct update.
#[derive(Clone, Debug)]
pub struct SurfaceSpec {
    pub surface: Surface,
    /// The path in front of all its routes, without a slash at the end: `/v1`.
    pub prefix: &'static str,
    pub render: Render,
    /// Where this surface's clients put their key. Default: [`bearer`].
    pub secret: fn(&HeaderMap) -> SecretFound,
    pub body: BodyPolicy,
    /// Bytes of a body, where the contract asks for more than the server's own limit. Default: that limit.
    pub body_bytes: Option<usize>,
    /// Bytes of path and query, likewise.
    pub url_bytes: Option<usize>,
    /// Every route answers with one slash more at its end, too. Default: true.
    pub ignore_trailing_slash: bool,
    /// `POST` honours `Idempotency-Key`. Default: false.
    pub idempotency: bool,
    /// A header by which a caller who may acts as the user that it names. Default: none.
    pub act_as: Option<&'static str>,
    /// Without a good key it isn't told which paths and methods there are: what isn't there needs one, too. Default: false.
    pub key_before_path: bool,
    /// Routes that are tried before the router.
    pub hot: &'static [HotRoute],
    /// Where under the prefix its OpenAPI document is served, to everyone. Default: `/openapi.json`.
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
            key_before_path: false,
            hot: &[],
            openapi_path: Some("/openapi.json"),
        }
    }
}

/// A surface as its crate declares it: what is peculiar to it and its routes, written without the prefix.
#[derive(Clone)]
pub struct Api {
    spec: SurfaceSpec,
    routes: Routes,
}

/// They come with descriptions that are large and seldom read, so these are made anew instead of being kept.
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

    /// The surface's description of itself, paths with the prefix. Needs no server.
    pub fn openapi(&self) -> OpenApi {
        self.nested().1
    }

    /// Puts around the routes what all surfaces have: see the crate's own page.
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
        if self.spec.key_before_path { close_to_strangers(router) } else { close(router) }
    }

    fn nested(&self) -> (axum::Router<App>, OpenApi) {
        let routes = (self.routes)();
        // Nesting keeps the paths and schemas of what is nested, not its title and security schemes.
        let mut document = routes.get_openapi().clone();
        document.paths = Paths::default();
        OpenApiRouter::with_openapi(document).nest(self.spec.prefix, routes).split_for_parts()
    }
}

/// A surface, ready for the [`switchboard`](crate::switchboard).
#[derive(Clone, Debug)]
pub struct Mounted {
    pub surface: Surface,
    pub prefix: &'static str,
    /// Where its description of itself is served.
    pub openapi_url: Option<String>,
    pub(crate) pipeline: Arc<Pipeline>,
}

/// Gives every request that `router` has no answer to a [`Failure`], and lets the pipeline see which route was taken.
pub(crate) fn close<S: Clone + Send + Sync + 'static>(router: axum::Router<S>) -> axum::Router<S> {
    router
        .fallback(async || Failure::from(Frame::RouteNotFound))
        .method_not_allowed_fallback(async || Failure::from(Frame::MethodNotAllowed))
        .layer(MapRequestLayer::new(note_route))
}

/// The same, for those with a good key; others are asked for one.
fn close_to_strangers(router: axum::Router<App>) -> axum::Router<App> {
    router
        .fallback(async |_: Authenticated| Failure::from(Frame::RouteNotFound))
        .method_not_allowed_fallback(async |_: Authenticated| Failure::from(Frame::MethodNotAllowed))
        .layer(MapRequestLayer::new(note_route))
}
