//! `/tokens`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use roster_engine::{Error, NewToken, TokenPatch, TokenQuery};
use roster_http::{App, Authenticated, Body, Failure, Path};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::etag::entity;
use crate::problem::Problem;
use crate::query::{Query, page};
use crate::users::user_ref;
use crate::wire::{List, Time, Token, TokenWord, present};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, issue)).routes(routes!(get, update, revoke))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IssueToken {
    kind: TokenWord,
    /// Required for an organization token: the organization at which it acts. Not for other kinds.
    organization_id: Option<String>,
    /// For a user token, required: its user; `me` is the caller's own. For an organization token: a user with whom it
    /// becomes invalid.
    user_id: Option<String>,
    /// Keys of an organization token's roles. Default: `["member"]`. Not for other kinds.
    roles: Option<Vec<String>>,
    /// Keys of the permissions that the token may use. Default: all that it has.
    scopes: Option<Vec<String>>,
    /// At most 256 characters.
    name: Option<String>,
    /// When the token expires: in the future, and not after the expiry of the issuing key, which is the default.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
}

/// A JSON merge patch (RFC 7396): omitted fields stay unchanged, and `null` clears a field.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct UpdateToken {
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    /// Keys of roles. Replaces all roles of an organization token; not for other kinds.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    roles: Option<Vec<String>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<Time>>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct TokenListQuery {
    /// Number of items per page: 1 to 500 unless the server is configured otherwise. Default: 50.
    limit: Option<u64>,
    /// The `next_cursor` of the previous page. Omit it to get the first page.
    cursor: Option<String>,
    /// Sort key: `created_at` (default). A leading `-` sorts in descending order.
    sort: Option<String>,
    /// Whether to also return `total`, the number of items in the whole list. Default: `false`.
    total: Option<bool>,
    /// Only tokens of this kind. With `organization_id`, can only be `organization`; with `user_id` alone, only `user`.
    kind: Option<TokenWord>,
    /// Only tokens of this organization.
    organization_id: Option<String>,
    /// Only tokens of this user; `me` is the caller's own.
    user_id: Option<String>,
    /// Whether to include revoked tokens. Default: `false`.
    revoked: Option<bool>,
}

/// List tokens.
///
/// With `organization_id`, requires `tokens:write` at the organization or above it. With `user_id` alone, requires
/// `users:act_as` at the realm's root, except for the caller's own user. Otherwise, lists all tokens of the realm and
/// requires `tokens:write` at its root.
#[utoipa::path(get, path = "/tokens", tag = "tokens", operation_id = "listTokens", params(TokenListQuery),
    responses((status = 200, body = List<Token>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Json<List<Token>>, Failure> {
    let q: TokenListQuery = query.read()?;
    let (page, ()) = page(&app, q.limit, q.cursor, q.total, q.sort.as_deref(), &[("created_at", ())])?;
    let query = TokenQuery {
        organization: q.organization_id.as_deref().map(Into::into),
        user: q.user_id.as_deref().map(user_ref),
        kind: q.kind.map(Into::into),
        without_revoked: !q.revoked.unwrap_or_default(),
        page,
    };
    let listed = caller.list_tokens(query).await?;
    let catalog = caller.roles();
    Ok(Json(List::of(listed, |token| Token::of(token, &catalog))))
}

/// Issue a token.
///
/// The secret is only in this response. A realm key can be issued only by a realm key; an organization token requires
/// `tokens:write` at the organization or above it, and every permission of its roles; a user token can be issued by
/// the user, or with `users:act_as` at the realm's root. No token can have wider scopes than the key that issues it.
#[utoipa::path(post, path = "/tokens", tag = "tokens", operation_id = "issueToken", request_body = IssueToken,
    responses((status = 201, body = Token), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn issue(Authenticated(caller): Authenticated, body: Body<IssueToken>) -> Result<Response, Failure> {
    let b = body.read()?;
    let roles = match (&b.roles, b.kind) {
        (Some(keys), _) => caller.role_set(keys.iter().map(String::as_str), "roles")?,
        (None, TokenWord::Organization) => caller.role_set(["member"], "roles")?,
        (None, _) => roster_engine::RoleSet::EMPTY,
    };
    let new = NewToken {
        organization: b.organization_id.as_deref().map(Into::into),
        user: b.user_id.as_deref().map(user_ref),
        roles,
        scopes: b.scopes,
        name: b.name,
        expires: b.expires_at.map(|time| time.0),
        ..NewToken::new(b.kind.into())
    };
    let issued = caller.issue_token(new).await.map_err(|error| match error {
        Error::NotFound(subject @ roster_engine::Subject::Organization) => Error::reference("organization_id", subject),
        Error::NotFound(subject) => Error::reference("user_id", subject),
        other => other,
    })?;
    let mut wire = Token::of(&issued.token, &caller.roles());
    wire.secret = issued.secret;
    Ok(entity(StatusCode::CREATED, wire, issued.token.created))
}

/// Get a token.
///
/// The secret is not returned. A token may always get itself.
#[utoipa::path(get, path = "/tokens/{token_id}", tag = "tokens", operation_id = "getToken",
    params(("token_id" = String, Path)),
    responses((status = 200, body = Token), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Json<Token>, Failure> {
    let token = caller.find_token(&id).await?;
    Ok(Json(Token::of(&token, &caller.roles())))
}

/// Update a token.
///
/// Takes a JSON merge patch (RFC 7396) of the name, roles and expiry. A token can't change itself.
#[utoipa::path(patch, path = "/tokens/{token_id}", tag = "tokens", operation_id = "updateToken",
    params(("token_id" = String, Path)), request_body = UpdateToken,
    responses((status = 200, body = Token), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn update(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: Body<UpdateToken>,
) -> Result<Json<Token>, Failure> {
    let b = body.read()?;
    let roles = b.roles.as_ref().map(|keys| caller.role_set(keys.iter().map(String::as_str), "roles")).transpose()?;
    let expires = b.expires_at.map(|expires| expires.map(|time| time.0));
    let patch = TokenPatch { name: b.name, roles, expires, extras: None };
    let token = caller.update_token(&id, patch).await?;
    Ok(Json(Token::of(&token, &caller.roles())))
}

/// Revoke a token.
///
/// Takes effect immediately, on every surface. Revoking a token again changes nothing. A token may revoke itself.
#[utoipa::path(delete, path = "/tokens/{token_id}", tag = "tokens", operation_id = "revokeToken",
    params(("token_id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn revoke(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    caller.revoke_token(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
