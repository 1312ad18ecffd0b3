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

/// An access check.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The user to check. Give either this or `email`.
    user_id: Option<String>,
    /// The e-mail address of the user to check.
    email: Option<String>,
    organization_id: String,
    /// The key of a permission: is it granted by a role that the user holds? Give either this or `role`.
    #[schema(example = "memberships:write")]
    permission: Option<String>,
    /// The key of a role: does the user hold exactly this role?
    role: Option<String>,
}

/// Several access checks, all evaluated against the same state.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Questions {
    /// At most 1000.
    checks: Vec<Question>,
}

/// The results, in the order of the checks.
#[derive(Debug, Serialize, ToSchema)]
struct Verdicts {
    results: Vec<Verdict>,
}

/// The permission or role to check for. `None` if neither is given.
pub(crate) fn ask(permission: Option<String>, role: Option<String>) -> Result<Option<Ask>, Error> {
    match (permission, role) {
        (Some(_), Some(_)) => Err(Error::invalid("permission", "can't be combined with role")),
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
            _ => return Err(Error::invalid("user_id", "or email must be given, but not both")),
        };
        let ask = ask(self.permission, self.role)?.ok_or(Error::invalid("permission", "or role must be given"))?;
        Ok(Check { user, organization: self.organization_id.as_str().into(), ask, explain: true })
    }
}

/// Check whether a user has a permission or a role at an organization.
///
/// An unknown user, organization, permission or role gives `"allowed": false` rather than an error. Users may check
/// themselves, and others where they have `memberships:read`; an organization token may check everyone at its
/// organization and below; a realm key may check everyone. Anything else is answered as if it didn't exist. A key whose
/// scopes don't include `memberships:read` is refused.
#[utoipa::path(post, path = "/check", tag = "checks", operation_id = "check", request_body = Question,
    responses((status = 200, body = Verdict), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn check(Authenticated(caller): Authenticated, body: Body<Question>) -> Result<Json<Verdict>, Failure> {
    Ok(Json(caller.check(body.read()?.into_engine()?).await?.into()))
}

/// Check up to 1000 permissions or roles at once.
///
/// All checks are evaluated against the same state.
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
    /// Number of items per page: 1 to 500 unless the server is configured otherwise. Default: 50.
    limit: Option<u64>,
    /// The `next_cursor` of the previous page. Omit it to get the first page.
    cursor: Option<String>,
    /// Whether to also return `total`, the number of items in the whole list. Default: `false`.
    total: Option<bool>,
    /// Only organizations at which the user has this permission. Can't be combined with `role`.
    permission: Option<String>,
    /// Only organizations at which the user holds this role.
    role: Option<String>,
}

/// List the organizations that a user reaches.
///
/// Includes those reached through a membership above them, and says through which memberships each one is reached. In
/// order of creation. For users other than the caller, requires `users:read` at the realm's root.
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
