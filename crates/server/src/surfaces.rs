//! The list of all surfaces, and the router over them.

use std::sync::Arc;

use roster_authzen::Names;
use roster_http::{Api, App, Mounted, SurfaceRouter, surface_router};

use crate::operations;

/// All surfaces, with AuthZEN's default names.
pub fn apis() -> Vec<Api> {
    configured(Arc::default())
}

/// A new dialect is one line here.
fn configured(names: Arc<Names>) -> Vec<Api> {
    vec![
        roster_native::api(),
        roster_whylabs::api(),
        roster_clerk::api(),
        roster_box::api(),
        roster_enhance::api(),
        roster_scim::api(),
        roster_authzen::api(names),
    ]
}

/// Everything that answers on a server's port. `names`: the names that AuthZEN's clients use.
pub fn router(app: &App, names: Arc<Names>) -> SurfaceRouter {
    let surfaces: Vec<Mounted> = configured(names).into_iter().map(|api| api.mount(app)).collect();
    let own = operations::routes(app, &surfaces).merge(roster_authzen::discovery(app));
    // Errors outside of all surfaces have the native format.
    surface_router(app, surfaces, own, roster_native::render)
}
