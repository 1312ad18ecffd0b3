//! Decisions, one or many.

use std::sync::Arc;

use axum::Extension;
use axum::response::Response;
use roster_engine::{CHECKS_MAX, Caller, Check};
use roster_http::{App, Authenticated, Body, Failure, RequestError};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{answer, read};
use crate::docs::{EvaluationRequest, EvaluationResponse, EvaluationsRequest, EvaluationsResponse, Failures};
use crate::names::Names;
use crate::question::{Members, Question};
use crate::tree::{Node, below, invalid};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(evaluate)).routes(routes!(evaluate_many))
}

/// Evaluate an access request.
///
/// Decides whether a subject may perform an action on a resource.
#[utoipa::path(
    post, path = "/evaluation", operation_id = "Evaluate", tag = "Evaluation", request_body = EvaluationRequest,
    responses((status = 200, description = "Success.", body = EvaluationResponse), Failures),
)]
async fn evaluate(
    Authenticated(caller): Authenticated,
    Extension(names): Extension<Arc<Names>>,
    body: Body<Node>,
) -> Result<Response, Failure> {
    let body = read(body)?;
    single(&caller, &names, Members::of(&body, "")?).await
}

async fn single(caller: &Caller, names: &Names, members: Members<'_>) -> Result<Response, Failure> {
    let question = Question::read(members, "", names)?;
    // For an unknown type there is nothing to check, but a caller who may not ask at all is still refused.
    let verdict = caller.check_many(question.check.clone().into_iter().collect()).await?.pop();
    Ok(answer(&question.answer(verdict.as_ref())))
}

/// When the evaluation stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Semantic {
    ExecuteAll,
    /// At the first decision with this value.
    EndWith(bool),
}

fn semantic(body: &Node) -> Result<Semantic, RequestError> {
    const NAME: &str = "evaluations_semantic";
    let Some(options) = body.object("", "options")? else { return Ok(Semantic::ExecuteAll) };
    match options.text("options", NAME, 64)? {
        None | Some("execute_all") => Ok(Semantic::ExecuteAll),
        Some("deny_on_first_deny") => Ok(Semantic::EndWith(false)),
        Some("permit_on_first_permit") => Ok(Semantic::EndWith(true)),
        Some(_) => {
            let problem = "must be execute_all, deny_on_first_deny or permit_on_first_permit";
            Err(invalid(&below("options", NAME), problem))
        }
    }
}

/// Evaluate several access requests.
///
/// All are evaluated against the same state. An item takes the members that it lacks from those beside the list.
#[utoipa::path(
    post, path = "/evaluations", operation_id = "EvaluateMany", tag = "Evaluation", request_body = EvaluationsRequest,
    responses((status = 200, description = "Success.", body = EvaluationsResponse), Failures),
)]
async fn evaluate_many(
    Authenticated(caller): Authenticated,
    Extension(names): Extension<Arc<Names>>,
    body: Body<Node>,
) -> Result<Response, Failure> {
    let body = read(body)?;
    let defaults = Members::of(&body, "")?;
    let semantic = semantic(&body)?;
    let items = match body.member("", "evaluations")? {
        None => return single(&caller, &names, defaults).await,
        Some(Node::List(items)) if items.is_empty() => return single(&caller, &names, defaults).await,
        Some(Node::List(items)) => items,
        Some(_) => return Err(invalid("evaluations", "must be a list").into()),
    };
    if items.len() > CHECKS_MAX {
        return Err(invalid("evaluations", &format!("has more than {CHECKS_MAX} entries")).into());
    }
    defaults.check_types()?;
    let mut questions = Vec::with_capacity(items.len());
    for (number, item) in items.iter().enumerate() {
        let path = format!("evaluations[{number}]");
        if !item.is_object() {
            return Err(invalid(&path, "must be an object").into());
        }
        // An error in an item is reported in its own answer; the other items are still evaluated.
        let question = Members::of(item, &path).and_then(|own| Question::read(own.or(defaults), &path, &names));
        questions.push(question.map_err(|error| crate::error::describe(&error)));
    }
    let checks: Vec<Check> = questions.iter().flatten().filter_map(|question| question.check.clone()).collect();
    let mut verdicts = caller.check_many(checks).await?.into_iter();
    let mut answers: Vec<Value> = Vec::with_capacity(questions.len());
    for question in &questions {
        let one = match question {
            Ok(question) => {
                let verdict = question.check.as_ref().and_then(|_| verdicts.next());
                question.answer(verdict.as_ref())
            }
            Err(message) => {
                json!({ "decision": false, "context": { "error": { "status": 400, "message": message } } })
            }
        };
        let decision = one["decision"] == true;
        answers.push(one);
        if semantic == Semantic::EndWith(decision) {
            break;
        }
    }
    Ok(answer(&json!({ "evaluations": answers })))
}
