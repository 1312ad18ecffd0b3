//! Many operations in one request. Each is a transaction of its own; resources that one creates can be referenced by others before they
//! have an id.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::response::Response;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use roster_engine::Caller;
use roster_http::{App, Authenticated};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::json;
use crate::docs::Failures;
use crate::error::{ErrorBody, Refusal};
use crate::map::Links;
use crate::operation_result::OperationResult;
use crate::request::{Conditions, Sent};
use crate::schema::{GROUPS, USERS};
use crate::selection::Selection;
use crate::value::{check_schemas, check_texts, member};
use crate::{groups, roles, users, wire};

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
pub(crate) const OPERATIONS_MAX: usize = 1000;
const REFERENCE: &str = "bulkId:";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(bulk))
}

/// The outcome of each operation.
#[derive(Debug, Serialize)]
struct BulkResponse {
    schemas: [&'static str; 1],
    #[serde(rename = "Operations")]
    operations: Vec<Outcome>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bulk_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<ErrorBody>,
}

#[derive(Debug)]
struct Operation {
    method: String,
    path: String,
    /// The id in the path, decoded.
    id: Option<String>,
    bulk_id: Option<String>,
    version: Option<String>,
    data: Option<Value>,
    /// The `bulkId`s of other operations' resources that it references.
    needs: Vec<String>,
    /// What is wrong with the operation, apart from its data.
    problem: Option<Refusal>,
}

fn text(operation: &Map<String, Value>, name: &str) -> Option<String> {
    member(operation, name).and_then(Value::as_str).map(str::to_owned)
}

/// A percent-decoded segment of a path; `None` if that isn't UTF-8.
fn decoded(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(Cow::into_owned)
}

/// `version` must be a string: ignoring another value would drop the client's condition.
fn check_version(operation: &Map<String, Value>) -> Result<(), Refusal> {
    match member(operation, "version") {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(_) => Err(Refusal::syntax("version must be a text")),
    }
}

/// Collects all `bulkId` references, which may be in `value`s and in attributes that hold plain ids.
fn references(value: &Value, is_value: bool, found: &mut Vec<String>) {
    match value {
        Value::String(text) if is_value => found.extend(text.strip_prefix(REFERENCE).map(str::to_owned)),
        Value::Array(values) => values.iter().for_each(|value| references(value, is_value, found)),
        Value::Object(parts) => {
            for (name, value) in parts {
                let is_value = ["value", "manager", "members"].iter().any(|known| name.eq_ignore_ascii_case(known));
                references(value, is_value, found);
            }
        }
        _ => {}
    }
}

fn resolve(value: &mut Value, is_value: bool, made: &HashMap<String, String>) {
    match value {
        Value::String(text) if is_value => {
            if let Some(id) = text.strip_prefix(REFERENCE).and_then(|name| made.get(name)) {
                text.clone_from(id);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| resolve(value, is_value, made)),
        Value::Object(parts) => {
            for (name, value) in parts {
                let is_value = ["value", "manager", "members"].iter().any(|known| name.eq_ignore_ascii_case(known));
                resolve(value, is_value, made);
            }
        }
        _ => {}
    }
}

impl Operation {
    fn read(operation: &Value) -> Self {
        let empty = Map::new();
        let operation = operation.as_object().unwrap_or(&empty);
        let path = text(operation, "path").unwrap_or_default();
        let data = member(operation, "data").cloned();
        let written = path.strip_prefix('/').and_then(|path| path.split_once('/')).map(|(_, id)| id);
        let id = written.map(|id| decoded(id).filter(|id| !id.contains('\0')).unwrap_or_else(|| id.to_owned()));
        let mut needs = Vec::new();
        needs.extend(id.as_deref().and_then(|id| id.strip_prefix(REFERENCE)).map(str::to_owned));
        if let Some(data) = &data {
            references(data, false, &mut needs);
        }
        let mut around = operation.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("data"));
        let texts = around.try_for_each(|(name, value)| check_texts(value, name));
        let problem = texts.and_then(|()| check_version(operation)).err();
        Self {
            method: text(operation, "method").unwrap_or_default().to_ascii_uppercase(),
            path,
            id,
            bulk_id: text(operation, "bulkId").filter(|id| !id.is_empty()),
            version: text(operation, "version"),
            data,
            needs,
            problem,
        }
    }
}

/// A bulk request in progress.
struct BulkRun<'r> {
    caller: &'r Caller,
    links: &'r Links,
    operations: Vec<Operation>,
    /// By `bulkId`: the operation that creates the resource.
    makers: HashMap<String, usize>,
    made: HashMap<String, String>,
    outcomes: Vec<Option<Outcome>>,
    errors: usize,
}

impl BulkRun<'_> {
    /// The operations to run for this one in order of their dependencies, itself last; `None` if the dependencies are cyclic.
    fn order(&self, first: usize) -> Option<Vec<usize>> {
        let mut order = Vec::new();
        // Depth-first: the operations being visited, each with the number of its dependencies already visited.
        let mut stack = vec![(first, 0_usize)];
        while let Some((at, next)) = stack.pop() {
            let needs = &self.operations[at].needs;
            let Some(need) = needs.get(next) else {
                order.push(at);
                continue;
            };
            stack.push((at, next + 1));
            if let Some(maker) = self.makers.get(need)
                && self.outcomes[*maker].is_none()
                && !order.contains(maker)
            {
                if stack.iter().any(|(on_the_way, _)| on_the_way == maker) {
                    return None;
                }
                stack.push((*maker, 0));
            }
        }
        Some(order)
    }

    async fn run(&mut self, fail_on_errors: usize) {
        for at in 0..self.operations.len() {
            if self.outcomes[at].is_some() {
                continue;
            }
            match self.order(at) {
                Some(order) => {
                    for at in order {
                        if self.errors >= fail_on_errors {
                            return;
                        }
                        let outcome = self.one(at).await;
                        self.record(at, outcome);
                    }
                }
                None => self.record(at, Err(Refusal::conflict("bulkId: the operations need each other in a circle"))),
            }
            if self.errors >= fail_on_errors {
                return;
            }
        }
    }

    fn record(&mut self, at: usize, outcome: Result<OperationResult, Refusal>) {
        let operation = &self.operations[at];
        let mut noted = Outcome {
            method: operation.method.clone(),
            bulk_id: operation.bulk_id.clone(),
            location: None,
            version: None,
            status: String::new(),
            response: None,
        };
        match outcome {
            Ok(done) => {
                noted.status = done.status.as_u16().to_string();
                noted.version = done.version;
                noted.location = done.location.or_else(|| self.location(operation));
                if let (Some(name), Some(id)) = (&operation.bulk_id, done.id) {
                    self.made.insert(name.clone(), id);
                }
            }
            Err(refusal) => {
                self.errors += 1;
                noted.status = refusal.status.as_u16().to_string();
                noted.location = if operation.method == "POST" { None } else { self.location(operation) };
                noted.response = Some(refusal.body());
            }
        }
        self.outcomes[at] = Some(noted);
    }

    /// The location of the operation's resource, if it exists.
    fn location(&self, operation: &Operation) -> Option<String> {
        let (kind, written) = operation.path.strip_prefix('/')?.split_once('/')?;
        let id = match operation.id.as_deref()?.strip_prefix(REFERENCE) {
            Some(name) => self.made.get(name)?,
            None => written,
        };
        (operation.method != "POST").then(|| self.links.to(&format!("{kind}/{id}")))
    }

    async fn one(&self, at: usize) -> Result<OperationResult, Refusal> {
        let operation = &self.operations[at];
        if let Some(problem) = &operation.problem {
            return Err(problem.clone());
        }
        if let Some(missing) = operation.needs.iter().find(|need| !self.made.contains_key(*need)) {
            return Err(Refusal::conflict(format!("bulkId:{missing:.64} was not made")));
        }
        let is_post = operation.method == Method::POST.as_str();
        if is_post && operation.bulk_id.is_none() {
            return Err(Refusal::syntax("a POST needs a bulkId"));
        }
        let bad_path = || Refusal::value("path must be /Users or /Groups, with an id but for POST");
        let mut parts = operation.path.strip_prefix('/').ok_or_else(bad_path)?.splitn(2, '/');
        let (kind, written) = (parts.next().unwrap_or_default(), parts.next());
        if written.is_some_and(|id| id.is_empty() || id.contains('/')) {
            return Err(bad_path());
        }
        let made = |id: &str| id.strip_prefix(REFERENCE).and_then(|name| self.made.get(name));
        let id = operation.id.as_deref().map(|id| made(id).map_or(id, String::as_str));
        let is_users = match kind {
            "Users" => true,
            "Groups" => false,
            _ => return Err(bad_path()),
        };
        let data = || match operation.data.clone() {
            Some(mut data) => {
                check_texts(&data, "data")?;
                resolve(&mut data, false, &self.made);
                match data {
                    Value::Object(data) => Ok(data),
                    _ => Err(Refusal::syntax("data must be an object")),
                }
            }
            None => Err(Refusal::syntax("data is missing")),
        };
        let (caller, links, show) = (
            self.caller,
            self.links,
            Selection::new(if is_users { &USERS } else { &GROUPS }, &[String::from("id")], &[]),
        );
        let conditions = Conditions::version(operation.version.as_deref());
        if links.is_of_roles() && !is_users {
            return match (operation.method.as_str(), id) {
                ("POST", None) | ("DELETE", Some(_)) => Err(roles::refuse(caller).await),
                ("PUT", Some(id)) => roles::put(caller, links, id, conditions, data(), &show).await,
                ("PATCH", Some(id)) => roles::patch(caller, links, id, conditions, data(), None).await,
                _ => Err(bad_path()),
            };
        }
        match (operation.method.as_str(), id, is_users) {
            ("POST", None, true) => users::make(caller, links, data(), &show).await,
            ("POST", None, false) => groups::make(caller, links, data(), &show).await,
            ("PUT", Some(id), true) => users::put(caller, links, id, conditions, data(), &show).await,
            ("PUT", Some(id), false) => groups::put(caller, links, id, conditions, data(), &show).await,
            ("PATCH", Some(id), true) => users::patch(caller, links, id, conditions, data(), &show).await,
            ("PATCH", Some(id), false) => groups::patch(caller, links, id, conditions, data(), None).await,
            ("DELETE", Some(id), true) => users::delete(caller, links, id, conditions).await,
            ("DELETE", Some(id), false) => groups::delete(caller, id, conditions).await,
            ("POST" | "PUT" | "PATCH" | "DELETE", ..) => Err(bad_path()),
            _ => Err(Refusal::syntax("method must be POST, PUT, PATCH or DELETE")),
        }
    }
}

/// Perform several operations.
///
/// Each operation is its own transaction.
#[utoipa::path(
    post, path = "/Bulk", operation_id = "scim_bulk", tag = "Both",
    request_body(content = wire::Bulk, content_type = "application/scim+json"),
    responses(
        (status = 200, description = "The outcome of each operation.", body = Object,
            content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn bulk(Authenticated(caller): Authenticated, links: Links, sent: Sent) -> Result<Response, Refusal> {
    caller.directory().await?;
    // A string that no value may hold fails only its own operation.
    let body = sent.read_unchecked()?;
    check_schemas(&body, REQUEST)?;
    let Some(Value::Array(operations)) = member(&body, "Operations") else {
        return Err(Refusal::syntax("Operations must be a list"));
    };
    if operations.len() > OPERATIONS_MAX {
        let detail = format!("more than {OPERATIONS_MAX} operations (maxOperations); none was done");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, None, detail));
    }
    let fail_on_errors = match member(&body, "failOnErrors") {
        None | Some(Value::Null) => usize::MAX,
        Some(number) => match number.as_u64() {
            Some(number) if number > 0 => usize::try_from(number).unwrap_or(usize::MAX),
            _ => return Err(Refusal::value("failOnErrors must be a whole number from 1")),
        },
    };
    let operations: Vec<Operation> = operations.iter().map(Operation::read).collect();
    let mut makers = HashMap::new();
    for (at, operation) in operations.iter().enumerate().filter(|(_, operation)| operation.method == "POST") {
        if let Some(name) = &operation.bulk_id {
            makers.entry(name.clone()).or_insert(at);
        }
    }
    let outcomes = operations.iter().map(|_| None).collect();
    let (caller, links) = (&caller, &links);
    let mut run = BulkRun { caller, links, operations, makers, made: HashMap::new(), outcomes, errors: 0 };
    run.run(fail_on_errors).await;
    let operations = run.outcomes.into_iter().flatten().collect();
    Ok(json(StatusCode::OK, &BulkResponse { schemas: [RESPONSE], operations }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_is_decoded_once() {
        for (part, wanted) in [
            ("usr%5Fa", Some("usr_a")),
            ("bulkId%3au", Some("bulkId:u")),
            ("a+b", Some("a+b")),
            ("%C3%A9%252F", Some("\u{e9}%2F")),
            ("100%", Some("100%")),
            ("%+1%zz%4", Some("%+1%zz%4")),
            ("%FF", None),
        ] {
            assert_eq!(decoded(part).as_deref(), wanted, "{part}");
        }
    }
}
