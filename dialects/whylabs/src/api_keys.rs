//! API keys: on `/v1` customers manage those of their organization; on `/v0` the vendor's services manage anybody's.

use std::slice;

use axum::Json;
use roster_engine::{Caller, Error, Organization, Subject, Token, TokenQuery, UserRef};
use roster_http::{App, Authenticated, Failure, Path, RequestMeta};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::map::keys::{self, KeyRequest, Shown, api_key, issued_key};
use crate::query::Query;
use crate::scope::{self, KEYS, Selected};
use crate::wire::{ListUserApiKeys, Response, UserApiKey, UserApiKeyResponse};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list, revoke))
        .routes(routes!(get))
        .routes(routes!(generate, list_metadata, delete))
        .routes(routes!(validate))
}

fn request(caller: &Caller, query: &Query, internal_too: bool) -> Result<KeyRequest, Failure> {
    let expires = query.integer("expiration_time", 0..=i64::MAX)?;
    let text = |name| Ok::<_, Failure>(query.optional(name)?.map(str::to_owned));
    Ok(KeyRequest {
        scopes: keys::read_scopes(&query.all("scopes")?, internal_too)?,
        expires: expires.map(|ms| keys::read_expiry(ms, caller.now())).transpose()?,
        resource_id: text("resource_id")?,
        alias: text("alias")?,
    })
}

async fn issue(
    caller: &Caller,
    organization: &Organization,
    user: Option<UserRef>,
    request: KeyRequest,
) -> Result<UserApiKey, Error> {
    let issued = caller.issue_token(keys::new_token(organization, user, request)).await.map_err(keys::refused)?;
    let users = users_of(caller, slice::from_ref(&issued.token)).await?;
    Ok(issued_key(&caller.roles(), organization, issued, &users))
}

/// The users of these keys, as they are shown.
async fn users_of(caller: &Caller, tokens: &[Token]) -> Result<Shown, Error> {
    caller.shown_user_ids(tokens.iter().filter_map(|token| token.user).collect()).await
}

/// The key with this id, if it is one of this organization.
async fn find(caller: &Caller, organization: &Organization, key_id: &str) -> Result<Token, Error> {
    let token = caller.find_token(key_id).await?;
    if token.organization == Some(organization.id) { Ok(token) } else { Err(Error::NotFound(Subject::Token)) }
}

async fn list_of(caller: &Caller, organization: &Organization, user: Option<&str>) -> Result<ListUserApiKeys, Error> {
    let query = TokenQuery {
        organization: Some(organization.id.into()),
        user: user.map(UserRef::from),
        // A list for one user includes revoked keys.
        without_revoked: user.is_none(),
        ..TokenQuery::default()
    };
    let tokens = caller.list_tokens(query).await?.items;
    let users = users_of(caller, &tokens).await?;
    let roles = caller.roles();
    Ok(ListUserApiKeys { items: tokens.iter().map(|token| api_key(&roles, organization, token, &users)).collect() })
}

/// Create an API key for a user.
///
/// The key is only in this response.
#[utoipa::path(
    post, path = "/v0/organizations/{org_id}/api-key", operation_id = "CreateApiKey", tag = "ApiKey",
    params(
        ("org_id" = String, Path),
        ("user_id" = String, Query),
        ("expiration_time" = Option<i64>, Query, description = "In milliseconds since 1970."),
        ("scopes" = Option<Vec<String>>, Query),
        ("alias" = Option<String>, Query),
    ),
    responses((status = 200, description = "Success.", body = UserApiKey), Failures),
)]
async fn create(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
) -> Result<Json<UserApiKey>, Failure> {
    scope::internal(&caller)?;
    let organization = caller.organization(&*org_id).await?;
    let user = UserRef::from(query.required("user_id")?);
    let request = request(&caller, &query, true)?;
    Ok(Json(issue(&caller, &organization, Some(user), request).await?))
}

/// List API keys.
///
/// Lists the organization's keys that aren't revoked, or all keys of one of its users.
#[utoipa::path(
    get, path = "/v0/organizations/{org_id}/api-key", operation_id = "ListApiKeys", tag = "ApiKey",
    params(("org_id" = String, Path), ("user_id" = Option<String>, Query)),
    responses((status = 200, description = "Success.", body = ListUserApiKeys), Failures),
)]
async fn list(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
) -> Result<Json<ListUserApiKeys>, Failure> {
    scope::internal(&caller)?;
    let organization = caller.organization(&*org_id).await?;
    Ok(Json(list_of(&caller, &organization, query.optional("user_id")?).await?))
}

/// Revoke an API key.
///
/// Takes effect immediately.
#[utoipa::path(
    delete, path = "/v0/organizations/{org_id}/api-key", operation_id = "RevokeApiKey", tag = "ApiKey",
    params(("org_id" = String, Path), ("user_id" = String, Query), ("key_id" = String, Query)),
    responses((status = 200, description = "Success.", body = UserApiKey), Failures),
)]
async fn revoke(
    Authenticated(caller): Authenticated,
    Path(org_id): Path<String>,
    query: Query,
) -> Result<Json<UserApiKey>, Failure> {
    scope::internal(&caller)?;
    let organization = caller.organization(&*org_id).await?;
    let (user_id, key_id) = (query.required("user_id")?, query.required("key_id")?);
    let token = find(&caller, &organization, key_id).await?;
    let users = users_of(&caller, slice::from_ref(&token)).await?;
    if keys::key_user(&token, &users) != user_id && Some(caller.user(user_id).await?.id) != token.user {
        return Err(Error::NotFound(Subject::Token).into());
    }
    let token = caller.revoke_token(key_id).await?;
    Ok(Json(api_key(&caller.roles(), &organization, &token, &users)))
}

/// Get an API key.
///
/// Returns a key of the organization, revoked or not, or `null` if there is none.
#[utoipa::path(
    get, path = "/v0/organizations/{org_id}/api-key/{key_id}", operation_id = "GetApiKey", tag = "ApiKey",
    params(("org_id" = String, Path), ("key_id" = String, Path)),
    responses((status = 200, description = "Success.", body = UserApiKeyResponse), Failures),
)]
async fn get(
    Authenticated(caller): Authenticated,
    Path((org_id, key_id)): Path<(String, String)>,
) -> Result<Json<UserApiKeyResponse>, Failure> {
    scope::internal(&caller)?;
    let organization = caller.organization(&*org_id).await?;
    let key = match find(&caller, &organization, &key_id).await {
        Ok(token) => {
            let users = users_of(&caller, slice::from_ref(&token)).await?;
            Some(api_key(&caller.roles(), &organization, &token, &users))
        }
        Err(Error::NotFound(Subject::Token)) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Json(UserApiKeyResponse { key }))
}

/// Generate an API key.
///
/// The new key is for the same user as the calling key, and is only in this response.
#[utoipa::path(
    post, path = "/v1/api-key", operation_id = "GenerateApiKey", tag = "ApiKey",
    params(
        ("expiration_time" = Option<i64>, Query, description = "In milliseconds since 1970."),
        ("scopes" = Option<Vec<String>>, Query),
        ("resource_id" = Option<String>, Query),
        ("alias" = Option<String>, Query),
        ("X-WHYLABS-ORGANIZATION" = Option<String>, Header,
            description = "An organization managed by the key's own organization. Default: the key's own."),
    ),
    responses((status = 200, description = "Success.", body = UserApiKey), Failures),
)]
async fn generate(
    Authenticated(caller): Authenticated,
    selected: Selected,
    query: Query,
) -> Result<Json<UserApiKey>, Failure> {
    let organization = KEYS.selected(&caller, selected).await?;
    let request = request(&caller, &query, false)?;
    let session = caller.session().map(|session| session.user);
    let user = caller.token().and_then(|token| token.user).or(session).map(UserRef::Id);
    Ok(Json(issue(&caller, &organization, user, request).await?))
}

/// List API keys.
///
/// Lists the organization's keys that aren't revoked.
#[utoipa::path(
    get, path = "/v1/api-key", operation_id = "ListApiKeyMetadata", tag = "ApiKey",
    params(
        ("X-WHYLABS-ORGANIZATION" = Option<String>, Header,
            description = "An organization managed by the key's own organization. Default: the key's own."),
    ),
    responses((status = 200, description = "Success.", body = ListUserApiKeys), Failures),
)]
async fn list_metadata(
    Authenticated(caller): Authenticated,
    selected: Selected,
) -> Result<Json<ListUserApiKeys>, Failure> {
    let organization = KEYS.selected(&caller, selected).await?;
    Ok(Json(list_of(&caller, &organization, None).await?))
}

/// Revoke an API key.
///
/// Revokes any key of the organization. Takes effect immediately.
#[utoipa::path(
    delete, path = "/v1/api-key", operation_id = "DeleteApiKey", tag = "ApiKey",
    params(
        ("key_id" = String, Query),
        ("X-WHYLABS-ORGANIZATION" = Option<String>, Header,
            description = "An organization managed by the key's own organization. Default: the key's own."),
    ),
    responses((status = 200, description = "Success.", body = UserApiKey), Failures),
)]
async fn delete(
    Authenticated(caller): Authenticated,
    selected: Selected,
    query: Query,
) -> Result<Json<UserApiKey>, Failure> {
    let organization = KEYS.selected(&caller, selected).await?;
    let key_id = query.required("key_id")?;
    let token = find(&caller, &organization, key_id).await?;
    // Read first: a key that revokes itself can't read anything afterwards.
    let users = users_of(&caller, slice::from_ref(&token)).await?;
    let token = caller.revoke_token(key_id).await?;
    Ok(Json(api_key(&caller.roles(), &organization, &token, &users)))
}

/// Validate an API key.
///
/// Succeeds if the key is accepted.
#[utoipa::path(
    get, path = "/v1/api-key/validate", operation_id = "ValidateApiKey", tag = "ApiKey",
    params(("X-WHYLABS-ORGANIZATION" = Option<String>, Header, description = "Ignored.")),
    responses((status = 200, description = "Success.", body = Response), Failures),
)]
async fn validate(Authenticated(caller): Authenticated, meta: RequestMeta) -> Result<Json<Response>, Failure> {
    scope::still_there(&caller).await?;
    Ok(Json(Response::of(&meta)))
}
