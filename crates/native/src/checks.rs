//! `/check` and `/users/{id}/organizations`: who may do what, and where, inherited memberships included.

mod hot;

use axum::Json;
use axum::extract::State;
use roster_engine::{Ask, Check, Error, UserRef};
use roster_http::{App, Authenticated, Body, Failure, Path};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::query::{Query, page};
use crate::users::user_ref;
use crate::wire::{List, ReachedOrganization, Verdict};

pub(crate) use hot::HOT_ROUTES;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(check)).routes(routes!(check_batch)).routes(routes!(organizations))
}

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Question {
    /// This or `email`.
    user_id: Option<String>,
    email: Option<String>,
    organization_id: String,
    /// A permission's key: whether some role held grants it. This or `role`.
    #[schema(example = "memberships:write")]
    permission: Option<String>,
    /// A role's key: whether exactly this role is held.
    role: Option<String>,
}

/// Many questions about one moment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Questions {
    /// At most 1000.
    checks: Vec<Question>,
}

/// In the order of the questions.
#[derive(Debug, Serialize, ToSchema)]
struct Verdicts {
    results: Vec<Verdict>,
}

/// What is asked for: a permission or a role. `None`: neither was named.
pub(crate) fn ask(permission: Option<String>, role: Option<String>) -> Result<Option<Ask>, Error> {
    match (permission, role) {
        (Some(_), Some(_)) => Err(Error::invalid("permission", "doesn't go with role: ask twice")),
        (Some(permission), None) => Ok(Some(Ask::Permission(permission))),
        (None, Some(role)) => Ok(Some(Ask::Role(role))),
        (None, None) => Ok(None),
    }
}

impl Question {
    fn into_engine(self) -> Result<Check, Error> {
        let user = match (self.user_id, self.email) {
            (Some(id), None) => user_ref(&id),
            (None, Some(email)) => UserRef::Email(email),
            _ => return Err(Error::invalid("user_id", "or email must be given, and not both")),
        };
        let ask = ask(self.permission, self.role)?.ok_or(Error::invalid("permission", "or role must be given"))?;
        Ok(Check { user, organization: self.organization_id.as_str().into(), ask, explain: true })
    }
}

/// Ask whether a user may do something in an organization, or holds a role there. What isn't there is a no.
#[utoipa::path(post, path = "/check", tag = "checks", operation_id = "check", request_body = Question,
    responses((status = 200, body = Verdict), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn check(Authenticated(caller): Authenticated, body: Body<Question>) -> Result<Json<Verdict>, Failure> {
    Ok(Json(caller.check(body.read()?.into_engine()?).await?.into()))
}

/// Ask up to 1000 such questions at once.
#[utoipa::path(post, path = "/check:batch", tag = "checks", operation_id = "checkBatch", request_body = Questions,
    responses((status = 200, body = Verdicts), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn check_batch(Authenticated(caller): Authenticated, body: Body<Questions>) -> Result<Json<Verdicts>, Failure> {
    let asked = body.read()?.checks.into_iter().enumerate();
    let checks = asked
        .map(|(number, question)| question.into_engine().map_err(|e| e.within(&format!("checks[{number}]"))))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Verdicts { results: caller.check_many(checks).await?.into_iter().map(Verdict::from).collect() }))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct ReachQuery {
    /// Rows on the page.
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Whether to count the whole list.
    total: Option<bool>,
    /// Only where the user has this permission.
    permission: Option<String>,
    /// Only where the user holds this role.
    role: Option<String>,
}

/// List all organizations that a user reaches, inherited ones included, and how. By creation.
#[utoipa::path(get, path = "/users/{user_id}/organizations", tag = "checks", operation_id = "listUserOrganizations",
    params(("user_id" = String, Path), ReachQuery),
    responses((status = 200, body = List<ReachedOrganization>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn organizations(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<List<ReachedOrganization>>, Failure> {
    let q: ReachQuery = query.read()?;
    let (page, ()) = page(&app, q.limit, q.cursor, q.total, None, &[("created_at", ())])?;
    let ask = ask(q.permission, q.role)?.unwrap_or(Ask::Anything);
    let listed = caller.reach(user_ref(&id), ask, page).await?;
    let catalog = caller.roles();
    Ok(Json(List::of(listed, |reached| ReachedOrganization::of(reached, &catalog))))
}
