//! `/events`: the log of every change.

use axum::Json;
use axum::extract::State;
use roster_engine::Error;
use roster_http::{App, Authenticated, Failure};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::query::Query;
use crate::wire::Event;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// Events after this number; 0, the default, begins with the first.
    after: Option<i64>,
    /// Events at most.
    limit: Option<u64>,
    /// Only those of this organization.
    organization_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Events {
    items: Vec<Event>,
    /// What to ask for next, as `after`.
    next_after: i64,
}

/// Read the log: in order and without a gap, from the first event on, also while others write.
#[utoipa::path(get, path = "/events", tag = "events", operation_id = "listEvents", params(EventQuery),
    responses((status = 200, body = Events), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Json<Events>, Failure> {
    let q: EventQuery = query.read()?;
    let (after, most) = (q.after.unwrap_or_default(), app.limits.page_size_max as u64);
    let limit = q.limit.unwrap_or(app.limits.page_size_default as u64);
    if after < 0 {
        return Err(Error::invalid("after", "must not be negative").into());
    }
    if limit == 0 || limit > most {
        return Err(Error::invalid("limit", format!("must be from 1 to {most}")).into());
    }
    let events = caller.list_events(after, limit, q.organization_id.as_deref().map(Into::into)).await?;
    let catalog = caller.roles();
    let next_after = events.last().map_or(after, |event| event.sequence);
    Ok(Json(Events { items: events.iter().map(|event| Event::of(event, &catalog)).collect(), next_after }))
}
