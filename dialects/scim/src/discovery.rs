//! What the service says of itself.

use axum::response::Response;
use http::StatusCode;
use roster_engine::{Caller, RoleNumber};
use roster_http::{App, Authenticated, Pairs, Path};
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::BODY_MAX;
use crate::answer;
use crate::bulk::OPERATIONS_MAX;
use crate::docs::Failures;
use crate::error::Refusal;
use crate::map::Links;
use crate::query::{COUNT_DEFAULT, COUNT_MAX, CURSOR_SECONDS};
use crate::schema::{Attribute, CORE_GROUP, GROUPS, Kind, Mutability, ROSTER, Resource, Returned, USERS, Uniqueness};
use crate::wire::ListResponse;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(configuration))
        .routes(routes!(types))
        .routes(routes!(one_type))
        .routes(routes!(schemas))
        .routes(routes!(schema))
}

/// Refuses a filter, whoever the caller is: discovery endpoints don't support filters (RFC 7644, 4).
fn unfiltered(pairs: &Pairs) -> Result<(), Refusal> {
    match pairs.optional("filter")? {
        Some(_) => Err(Refusal::forbidden("discovery can't be filtered")),
        None => Ok(()),
    }
}

fn meta(kind: &str, location: String) -> Value {
    json!({"resourceType": kind, "location": location})
}

fn service(links: &Links) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": true, "maxOperations": OPERATIONS_MAX, "maxPayloadSize": BODY_MAX},
        "filter": {"supported": true, "maxResults": COUNT_MAX},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": COUNT_DEFAULT,
            "maxPageSize": COUNT_MAX,
            "cursorTimeout": CURSOR_SECONDS,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer key",
            "description": "A realm key or an organization token, in the Authorization header.",
            "primary": true,
        }],
        "meta": meta("ServiceProviderConfig", links.to("ServiceProviderConfig")),
    })
}

fn resource_type(of: &Resource, links: &Links) -> Value {
    let extensions: Vec<Value> =
        of.extension.iter().map(|extension| json!({"schema": extension.urn, "required": false})).collect();
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": of.name,
        "name": of.name,
        "endpoint": format!("/{}s", of.name),
        "description": format!("{}s of the key's domain", of.name),
        "schema": of.core,
        "schemaExtensions": extensions,
        "meta": meta("ResourceType", links.to(&format!("ResourceTypes/{}", of.name))),
    })
}

fn attribute(of: &Attribute, roles: &[String]) -> Value {
    let (kind, references) = match of.kind {
        Kind::Text => ("string", None),
        Kind::Boolean => ("boolean", None),
        Kind::DateTime => ("dateTime", None),
        Kind::Reference(to) => ("reference", Some(to)),
        Kind::Binary => ("binary", None),
        Kind::Complex(_) => ("complex", None),
    };
    let mut shown = json!({
        "name": of.name,
        "type": kind,
        "multiValued": of.multi,
        "description": of.description,
        "required": of.required,
        "caseExact": of.case_exact,
        "mutability": match of.mutability {
            Mutability::ReadWrite => "readWrite",
            Mutability::ReadOnly => "readOnly",
            Mutability::Immutable => "immutable",
        },
        "returned": match of.returned {
            Returned::Always => "always",
            Returned::Default => "default",
            Returned::Request => "request",
        },
        "uniqueness": match of.uniqueness {
            Uniqueness::None => "none",
            Uniqueness::Server => "server",
        },
    });
    if let Some(references) = references {
        shown["referenceTypes"] = json!(references);
    }
    if !of.canonical.is_empty() {
        shown["canonicalValues"] = json!(of.canonical);
    }
    if of.name == "role" && !roles.is_empty() && of.mutability == Mutability::ReadWrite {
        shown["canonicalValues"] = json!(roles);
    }
    if of.is_complex() {
        shown["subAttributes"] = of.subs().iter().map(|sub| attribute(sub, roles)).collect();
    }
    shown
}

fn schema_of(urn: &str, name: &str, attributes: &[Attribute], roles: &[String], links: &Links) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": urn,
        "name": name,
        "description": name,
        "attributes": attributes.iter().map(|of| attribute(of, roles)).collect::<Vec<_>>(),
        "meta": meta("Schema", links.to(&format!("Schemas/{urn}"))),
    })
}

fn all_schemas(caller: &Caller, links: &Links) -> Vec<Value> {
    let roles = caller.roles();
    let roles: Vec<String> =
        roles.iter().filter(|role| role.number != RoleNumber::OWNER).map(|role| role.key.clone()).collect();
    let groups = if links.is_of_roles() { &crate::schema::ROLE_GROUPS } else { &GROUPS };
    let mut all = Vec::new();
    for of in [&USERS, groups] {
        all.push(schema_of(of.core, of.name, of.attributes, &[], links));
        if let Some(extension) = &of.extension {
            let (name, roles) =
                if extension.urn == ROSTER { ("Roster Group", &roles[..]) } else { ("Enterprise User", &[][..]) };
            all.push(schema_of(extension.urn, name, extension.attributes, roles, links));
        }
    }
    all
}

fn listed(all: Vec<Value>) -> Response {
    let all: Vec<Map<String, Value>> = all.into_iter().filter_map(|one| one.as_object().cloned()).collect();
    answer::json(StatusCode::OK, &ListResponse::new(all.len() as u64, Some(1), None, all))
}

fn named(all: Vec<Value>, id: &str, what: &str) -> Result<Response, Refusal> {
    let is = |one: &&Value| one["id"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(id));
    let found = all.iter().find(is).ok_or_else(|| Refusal::not_found(what))?;
    Ok(answer::json(StatusCode::OK, found))
}

fn both(links: &Links) -> Vec<Value> {
    let groups = if links.is_of_roles() { &crate::schema::ROLE_GROUPS } else { &GROUPS };
    debug_assert_eq!(groups.core, CORE_GROUP);
    vec![resource_type(&USERS, links), resource_type(groups, links)]
}

/// Get the service provider configuration.
///
/// Returns the supported parts of the protocol and their limits.
#[utoipa::path(
    get, path = "/ServiceProviderConfig", operation_id = "scim_configuration", tag = "Discovery",
    responses(
        (status = 200, description = "Success.", body = Object, content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn configuration(_: Authenticated, links: Links, pairs: Pairs) -> Result<Response, Refusal> {
    unfiltered(&pairs)?;
    Ok(answer::json(StatusCode::OK, &service(&links)))
}

/// List resource types.
#[utoipa::path(
    get, path = "/ResourceTypes", operation_id = "scim_resource_types", tag = "Discovery",
    responses(
        (status = 200, description = "Success.", body = ListResponse, content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn types(_: Authenticated, links: Links, pairs: Pairs) -> Result<Response, Refusal> {
    unfiltered(&pairs)?;
    Ok(listed(both(&links)))
}

/// Get a resource type.
#[utoipa::path(
    get, path = "/ResourceTypes/{name}", operation_id = "scim_resource_type", tag = "Discovery",
    params(("name" = String, Path)),
    responses(
        (status = 200, description = "Success.", body = Object, content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn one_type(_: Authenticated, links: Links, Path(name): Path<String>, pairs: Pairs) -> Result<Response, Refusal> {
    unfiltered(&pairs)?;
    named(both(&links), &name, "resource type")
}

/// List schemas.
///
/// Returns the schemas with all their attributes.
#[utoipa::path(
    get, path = "/Schemas", operation_id = "scim_schemas", tag = "Discovery",
    responses(
        (status = 200, description = "Success.", body = ListResponse, content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn schemas(Authenticated(caller): Authenticated, links: Links, pairs: Pairs) -> Result<Response, Refusal> {
    unfiltered(&pairs)?;
    Ok(listed(all_schemas(&caller, &links)))
}

/// Get a schema.
///
/// The schema is named by its URN.
#[utoipa::path(
    get, path = "/Schemas/{urn}", operation_id = "scim_schema", tag = "Discovery",
    params(("urn" = String, Path)),
    responses(
        (status = 200, description = "Success.", body = Object, content_type = "application/scim+json"),
        Failures,
    ),
)]
async fn schema(
    Authenticated(caller): Authenticated,
    links: Links,
    Path(urn): Path<String>,
    pairs: Pairs,
) -> Result<Response, Refusal> {
    unfiltered(&pairs)?;
    named(all_schemas(&caller, &links), &urn, "schema")
}
