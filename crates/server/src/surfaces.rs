//! The list of all surfaces, and the router over them.

use axum::Router;
use roster_http::{Api, App, Mounted, switchboard};

use crate::operations;

/// All surfaces. A new dialect is one line here.
pub fn apis() -> Vec<Api> {
    vec![
        roster_native::api(),
        roster_whylabs::api(),
        roster_clerk::api(),
        roster_box::api(),
        roster_enhance::api(),
        roster_scim::api(),
    ]
}

/// Everything that answers on a server's port.
pub fn router(app: &App) -> Router {
    let surfaces: Vec<Mounted> = apis().into_iter().map(|api| api.mount(app)).collect();
    let own = operations::routes(app, &surfaces);
    // What belongs to no surface is answered as the native one answers.
    switchboard(app, surfaces, own, roster_native::render)
}
