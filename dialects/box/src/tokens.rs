//! Access tokens, by OAuth's client-credentials grant: a key of the realm is exchanged for a token of the service account or of one
//! user that lasts an hour. Failures have OAuth's form.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use roster_engine::{
    Caller, EntityId as _, Error, Extras, Form as IdForm, Metadata, NewToken, RealmId, Token, TokenKind, UserRef, text,
};
use roster_http::{App, Authenticator, Failure, Form, Pairs, RequestError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::uncached;
use crate::map::{self, DIALECT};
use crate::wire::{AccessToken, Empty, OAuthError, RevokeForm, TokenForm};

const LIFETIME_S: i64 = 3600;
/// Key in a token's extras: the client that it was issued for. Keys have none, which tells them apart from access tokens.
const CLIENT: &str = "client_id";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(issue)).routes(routes!(revoke))
}

/// Why a token wasn't issued or revoked.
#[derive(Debug)]
enum Refusal {
    /// OAuth's error code, and a description.
    Known(&'static str, &'static str),
    Failed(Failure),
}

impl<T: Into<Failure>> From<T> for Refusal {
    fn from(failure: T) -> Self {
        Self::Failed(failure.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Known(error, said) => {
                let body = OAuthError { error, error_description: said.into() };
                uncached((StatusCode::BAD_REQUEST, Json(body)))
            }
            Self::Failed(failure) => failure.into_response(),
        }
    }
}

/// A required field, which must not be empty.
fn needed<'a>(form: &'a Pairs, name: &str, refusal: Refusal) -> Result<&'a str, Refusal> {
    form.optional(name).ok().flatten().filter(|text| !text.is_empty()).ok_or(refusal)
}

/// Authenticates the client by a key with full rights in its realm. An access token issued here is not accepted.
async fn client(form: &Pairs, authenticator: Authenticator) -> Result<Caller, Refusal> {
    let wrong = || Refusal::Known("invalid_client", "The client credentials are invalid");
    let secret = needed(form, "client_secret", wrong())?;
    let caller = match authenticator.authenticate(Some(secret)).await {
        Ok(caller) => caller,
        Err(Error::NoCredential | Error::BadCredential) => return Err(wrong()),
        Err(error) => return Err(error.into()),
    };
    let issued_here = caller.token().is_some_and(is_access_token);
    if caller.is_realm_key() && !issued_here { Ok(caller) } else { Err(wrong()) }
}

fn is_access_token(token: &Token) -> bool {
    token.extras.text(DIALECT, CLIENT).is_some()
}

/// The user that the token is for; `None` is the service account.
async fn subject(form: &Pairs, caller: &Caller) -> Result<Option<UserRef>, Refusal> {
    let kind = needed(form, "box_subject_type", Refusal::Known("invalid_request", "box_subject_type is required"))?;
    let id = needed(form, "box_subject_id", Refusal::Known("invalid_request", "box_subject_id is required"))?;
    let unknown = || Refusal::Known("invalid_grant", "The subject is unknown or inactive");
    match kind {
        "enterprise" => {
            let own = id == "0" || IdForm::Box.read::<RealmId>(id) == Some(caller.realm_id());
            if own { Ok(None) } else { Err(unknown()) }
        }
        "user" => {
            let user = map::user_ref(id).map_err(|_| unknown())?;
            match caller.user(user).await {
                Ok(user) if user.is_active() => Ok(Some(user.id.into())),
                Ok(_) | Err(Error::NotFound(_)) => Err(unknown()),
                Err(error) => Err(error.into()),
            }
        }
        _ => Err(Refusal::Known("invalid_request", "box_subject_type must be enterprise or user")),
    }
}

/// Issue an access token.
///
/// Exchanges a key with full rights in the realm for an access token, which has the rights of its subject. The token is
/// valid for an hour, or until the key expires, if that is earlier.
#[utoipa::path(
    post, path = "/oauth2/token", operation_id = "post_oauth2_token", tag = "Tokens", security(()),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Issued.", body = AccessToken),
        (status = 400, description = "Refused.", body = OAuthError),
    ),
)]
async fn issue(authenticator: Authenticator, Form(form): Form) -> Result<Response, Refusal> {
    match needed(&form, "grant_type", Refusal::Known("invalid_request", "grant_type is required"))? {
        "client_credentials" => {}
        "refresh_token" => return Err(Refusal::Known("invalid_grant", "Refresh tokens are not issued")),
        _ => return Err(Refusal::Known("unsupported_grant_type", "Only client_credentials is offered")),
    }
    let caller = client(&form, authenticator).await?;
    let client_id = needed(&form, "client_id", Refusal::Known("invalid_request", "client_id is required"))?;
    text::free(client_id, text::NAME_MAX).map_err(|problem| RequestError::invalid("client_id", problem))?;
    let user = subject(&form, &caller).await?;
    let mut extras = Extras::default();
    extras.merge(DIALECT, &Metadata::from_iter([(CLIENT.to_owned(), client_id.into())]));
    let kind = if user.is_some() { TokenKind::User } else { TokenKind::Realm };
    let now = caller.now();
    let hour = now.plus_ms(LIFETIME_S * 1000);
    // A token never outlives the key that it was issued for.
    let expires = caller.token().and_then(|key| key.expires).map_or(hour, |end| end.min(hour));
    let expires_in = (expires.as_ms() - now.as_ms()) / 1000;
    let name = Some(String::from("Box access token"));
    let issued =
        caller.issue_token(NewToken { user, expires: Some(expires), name, extras, ..NewToken::new(kind) }).await?;
    let access_token = issued.secret.ok_or_else(|| Error::Internal("a new token without its secret".into()))?;
    let answer = AccessToken { access_token, expires_in, restricted_to: Vec::new(), token_type: "bearer" };
    Ok(uncached(Json(answer)))
}

/// Revoke an access token.
///
/// Takes effect immediately. An unknown or already revoked token is not an error; a key can't be revoked here.
#[utoipa::path(
    post, path = "/oauth2/revoke", operation_id = "post_oauth2_revoke", tag = "Tokens", security(()),
    request_body(content = RevokeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Revoked.", body = Empty),
        (status = 400, description = "Refused.", body = OAuthError),
    ),
)]
async fn revoke(authenticator: Authenticator, Form(form): Form) -> Result<Response, Refusal> {
    let caller = client(&form, authenticator).await?;
    let secret = needed(&form, "token", Refusal::Known("invalid_request", "token is required"))?;
    match caller.token_of_secret(secret).await {
        Ok(token) if is_access_token(&token) => caller.revoke_token(&token.id.native()).await.map(drop)?,
        Ok(_) => return Err(Refusal::Known("invalid_request", "An API key is not revoked here")),
        Err(Error::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    // Never an empty body: one of the clients can't parse it.
    Ok(uncached(Json(Empty {})))
}
