//! Access tokens of organizations: keys that act with given roles, here and below.

use axum::Json;
use http::StatusCode;
use roster_engine::{
    BuiltIn as P, Caller, Error, Extras, NewToken, Organization, Page, Right, SecretForm, Subject, Timestamp, Token,
    TokenKind, TokenPatch, TokenQuery,
};
use roster_http::{App, Authenticated, Body, Failure, Path, RequestError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::map::{self, DIALECT, roles, settings};
use crate::wire::{NewAccessToken, NewAccessTokenResponse, OrgAccessToken, UpdateAccessToken};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(update, delete))
}

const MANAGE: Right = Right::tree(P::TokensWrite);

/// When a token expires, and the text in which that was given.
fn expires(text: Option<&str>) -> Result<Option<(Timestamp, String)>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let time = map::time(text);
    time.map(Some)
        .ok_or_else(|| RequestError::invalid("tokenExpires", "must be a time such as 2030-01-01T00:00:00Z").into())
}

/// Renames the fields in an error about a token to those of this surface.
fn refused(error: Error) -> Error {
    match error {
        Error::Invalid { field, problem } if field == "name" => Error::invalid("friendlyName", problem),
        other => other,
    }
}

/// A live token of this organization.
async fn find(caller: &Caller, organization: &Organization, id: &str) -> Result<Token, Error> {
    let token = caller.find_token(id).await?;
    let its = token.kind == TokenKind::Organization && token.organization == Some(organization.id);
    if its && token.revoked.is_none() { Ok(token) } else { Err(Error::NotFound(Subject::Token)) }
}

/// List an organization's access tokens.
///
/// Requires an owner or super admin, here or above.
#[utoipa::path(
    get, path = "/orgs/{org_id}/access_tokens", operation_id = "getAccessTokens", tag = "members",
    params(("org_id" = String, Path)),
    responses((status = 200, description = "The tokens, without their secrets.", body = Vec<OrgAccessToken>), Failures),
)]
async fn list(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
) -> Result<Json<Vec<OrgAccessToken>>, Failure> {
    let query = TokenQuery {
        organization: Some((&*org).into()),
        without_revoked: true,
        page: Page::all(),
        ..TokenQuery::default()
    };
    let listed = caller.list_tokens(query).await?;
    let catalog = caller.roles();
    Ok(Json(listed.items.iter().map(|token| map::token(&catalog, token)).collect()))
}

/// Create an access token.
///
/// The secret is only in this response. Requires an owner or super admin, here or above.
#[utoipa::path(
    post, path = "/orgs/{org_id}/access_tokens", operation_id = "createAccessToken", tag = "members",
    params(("org_id" = String, Path)), request_body = NewAccessToken,
    responses((status = 201, description = "Created.", body = NewAccessTokenResponse), Failures),
)]
async fn create(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
    body: Body<NewAccessToken>,
) -> Result<(StatusCode, Json<NewAccessTokenResponse>), Failure> {
    caller.organization_for(&*org, MANAGE).await?;
    let body = body.read()?;
    let expires = expires(body.token_expires.as_deref())?;
    let mut extras = Extras::default();
    let written = expires.as_ref().map(|(_, text)| text.clone());
    extras.merge(DIALECT, &settings::of_token(written, body.allowed_ips, body.ip_restricted)?);
    let new = NewToken {
        organization: Some((&*org).into()),
        roles: roles::read(&body.roles),
        name: body.friendly_name.filter(|name| !name.trim().is_empty()),
        expires: expires.map(|(time, _)| time),
        extras,
        form: SecretForm::Plain,
        ..NewToken::new(TokenKind::Organization)
    };
    let issued = caller.issue_token(new).await.map_err(refused)?;
    let secret = issued.secret.ok_or_else(|| Error::Internal("a new token without its secret".into()))?;
    let first_five = map::first_five(&issued.token);
    let answer = NewAccessTokenResponse { id: map::id(issued.token.id), first_five, unencrypted_token: secret };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Update an access token.
///
/// Changes the name, the roles and the expiry. A token can't change itself.
#[utoipa::path(
    patch, path = "/orgs/{org_id}/access_tokens/{token_id}", operation_id = "updateAccessToken", tag = "members",
    params(("org_id" = String, Path), ("token_id" = String, Path)), request_body = UpdateAccessToken,
    responses((status = 200, description = "Done."), Failures),
)]
async fn update(
    Authenticated(caller): Authenticated,
    Path((org, id)): Path<(String, String)>,
    body: Body<UpdateAccessToken>,
) -> Result<StatusCode, Failure> {
    let organization = caller.organization_for(&*org, MANAGE).await?;
    find(&caller, &organization, &id).await?;
    let body = body.read()?;
    let expires = expires(body.token_expires.as_deref())?;
    let written = expires.as_ref().map(|(_, text)| text.clone());
    let patch = TokenPatch {
        name: body.friendly_name.map(|name| Some(name).filter(|name| !name.trim().is_empty())),
        roles: None,
        expires: expires.map(|(time, _)| Some(time)),
        extras: Some((DIALECT, settings::of_token(written, body.allowed_ips, body.ip_restricted)?)),
    };
    let written = body.roles.map(|written| roles::read(&written));
    // As for members, the roles that only show as `SiteAccess` stay.
    let patch = move |before: &Token| {
        let roles = written.map(|written| roles::write(before.roles, written));
        TokenPatch { roles, ..patch }
    };
    caller.update_token_with(&id, patch).await.map_err(refused)?;
    Ok(StatusCode::OK)
}

/// Revoke an access token.
///
/// Takes effect immediately and everywhere. A token may revoke itself.
#[utoipa::path(
    delete, path = "/orgs/{org_id}/access_tokens/{token_id}", operation_id = "deleteAccessToken", tag = "members",
    params(("org_id" = String, Path), ("token_id" = String, Path)),
    responses((status = 204, description = "Revoked."), Failures),
)]
async fn delete(
    Authenticated(caller): Authenticated,
    Path((org, id)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    caller.revoke_token_of(&*org, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
