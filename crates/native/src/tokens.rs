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
use crate::wire::{List, Time, Token, TokenWord};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, issue)).routes(routes!(get, update, revoke))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IssueToken {
    kind: TokenWord,
    /// Where an organization token acts.
    organization_id: Option<String>,
    /// Whose a user's token is (`me` is the caller); or with whom an organization token dies.
    user_id: Option<String>,
    /// What an organization token acts with. Default: `["member"]`.
    roles: Option<Vec<String>>,
    /// Keys of the permissions that it may use. Left out: all that it has.
    scopes: Option<Vec<String>>,
    name: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
}

/// What isn't sent stays; null clears.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct UpdateToken {
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    /// Of an organization token.
    roles: Option<Vec<String>>,
    #[serde(with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<Time>>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct TokenListQuery {
    /// Rows on the page.
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// `created_at` (default); with `-` in front, downwards.
    sort: Option<String>,
    /// Whether to count the whole list.
    total: Option<bool>,
    kind: Option<TokenWord>,
    /// The tokens of this organization.
    organization_id: Option<String>,
    /// The tokens of this user; `me` is the caller.
    user_id: Option<String>,
    /// Whether revoked ones are listed. Default: false.
    revoked: Option<bool>,
}

/// List tokens: of the realm, of an organization, or of a user.
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

/// Issue a token. Its secret is in this answer and nowhere else.
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

/// Get a token, without its secret.
#[utoipa::path(get, path = "/tokens/{token_id}", tag = "tokens", operation_id = "getToken",
    params(("token_id" = String, Path)),
    responses((status = 200, body = Token), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Json<Token>, Failure> {
    let token = caller.find_token(&id).await?;
    Ok(Json(Token::of(&token, &caller.roles())))
}

/// Rename a token, or change how long and with which roles it acts (JSON merge patch). No token changes itself.
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

/// Revoke a token. Effective at once, on every surface; doing it again changes nothing.
#[utoipa::path(delete, path = "/tokens/{token_id}", tag = "tokens", operation_id = "revokeToken",
    params(("token_id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn revoke(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    caller.revoke_token(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
