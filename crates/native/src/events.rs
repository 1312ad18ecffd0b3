//! `/events`: the log of every change.

use axum::Json;
use axum::extract::State;
use roster_engine::{Error, Event as EngineEvent};
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
    /// Only events after this sequence number. Default: 0, which starts with the first event.
    after: Option<i64>,
    /// Maximum number of events: 1 to 500 unless the server is configured otherwise. Default: 50.
    limit: Option<u64>,
    /// Only events of this organization.
    organization_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Events {
    items: Vec<Event>,
    /// The `after` of the next request.
    next_after: i64,
}

/// List events.
///
/// Returns the event log in order and without gaps, from the first event on, even during concurrent writes. Requires
/// `events:read` at the realm's root; with `organization_id`, at that organization or above it.
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
    let same_roles =
        |a: &EngineEvent, b: &EngineEvent| catalog.next_retirement(a.sequence) == catalog.next_retirement(b.sequence);
    let mut items = Vec::with_capacity(events.len());
    for run in events.chunk_by(same_roles) {
        let catalog = catalog.at_event(run[0].sequence);
        items.extend(run.iter().map(|event| Event::of(event, &catalog)));
    }
    Ok(Json(Events { items, next_after }))
}
